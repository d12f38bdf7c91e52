//! The promise: any cut of the bytes into windows, and any beginning again, gives the same records.

use proptest::{prelude::*, sample::select};

use super::driver::{Out, Windows, charset, frame, frame_from, framing, whole};
use crate::frame::{AsideKind, Framing};

const CHARSETS: [&str; 6] = ["utf-8", "utf-16le", "utf-16be", "windows-1252", "shift_jis", "gbk"];

const GROUPINGS: [&str; 22] = [
    "",
    "",
    "start = '^S'",
    "start = '^S'\npreamble = 'skip'",
    "start = '^S'\nend = 'E$'",
    "start = '^S'\nend = 'E$'\nbetween = 'skip'",
    "start = '^S'\nlines = 2",
    "start = '^S'\nlines = 2\nbetween = 'skip'\npreamble = 'skip'",
    "start = '^S'\ncontinuation = 'indent'",
    "start = '^S'\ncontinuation = 'backslash'",
    "continuation = 'indent'",
    "continuation = 'backslash'",
    "continuation = '^ |^x'",
    "end = 'E$'",
    "end = '^$'",
    "lines = 3",
    "separator = '^=+$'",
    "separator = '^$'",
    "separator = '^=+$'\npreamble = 'skip'",
    "object = 'json'",
    "object = 'xml'\nelement = 'E'\nbetween = 'skip'",
    "object = 'xml'",
];

fn config() -> impl Strategy<Value = String> {
    let returns = select(vec!["", "", "carriage_return = 'newline'", "carriage_return = 'overwrite'"]);
    let ansi = select(vec!["", "ansi = 'strip'"]);
    let header = select(vec!["", "", "header_lines = 2", "header_until = '^=+$'", "header_row = true"]);
    let skip = select(vec!["", "", "skip = ['^#']"]);
    let limits = select(vec!["", "lines_max = 3\nbytes_max = '40B'", "lines_max = 4\nbytes_max = '12B'"]);
    (select(GROUPINGS.to_vec()), returns, ansi, header, skip, limits)
        .prop_map(|(a, b, c, d, e, f)| [a, b, c, d, e, f].join("\n"))
}

fn pieces(name: &'static str) -> impl Strategy<Value = Vec<u8>> {
    let text = select(vec![
        "\n",
        "\n",
        "\n",
        "\r\n",
        "\r\n",
        "\r",
        "S",
        "S1",
        "\nS",
        "\nS",
        " ",
        "  x",
        "E",
        "E\n",
        "==",
        "\n==\n",
        "#",
        "\n#",
        "\\",
        "\\\n",
        "{",
        "}\n",
        "[\"",
        "\"]",
        "<E>",
        "</E>",
        "<E/>",
        "<a ",
        ">",
        "é",
        "漢",
        "\u{1F600}",
        "\u{FEFF}",
        "\0",
        "\0\0\0",
        "\x1b[1m",
        "yyyyyyyyyyyyyyyy",
    ]);
    let encode = move |text: &str| match name {
        "utf-16le" => text.encode_utf16().flat_map(u16::to_le_bytes).collect(),
        "utf-16be" => text.encode_utf16().flat_map(u16::to_be_bytes).collect(),
        _ => encoding_rs::Encoding::for_label(name.as_bytes()).unwrap().encode(text).0.into_owned(),
    };
    let piece = prop_oneof![
        20 => text.prop_map(encode),
        1 => prop::collection::vec(any::<u8>(), 1..3),
    ];
    prop::collection::vec(piece, 0..60).prop_map(|pieces| pieces.concat())
}

fn input() -> impl Strategy<Value = (&'static str, Vec<u8>)> {
    select(CHARSETS.to_vec()).prop_flat_map(|name| (Just(name), pieces(name)))
}

fn windows() -> impl Strategy<Value = Windows> {
    let sizes = || prop::collection::vec(prop_oneof![Just(1_usize), Just(2), 0..9_usize, Just(60)], 1..5);
    (sizes(), sizes()).prop_map(|(before, mut steps)| {
        steps.push(1);
        Windows { before, steps, bytes_max: usize::MAX }
    })
}

/// Runs of NULs may be given out in pieces.
fn joined(outs: Vec<Out>) -> Vec<Out> {
    let mut joined: Vec<Out> = Vec::new();
    for out in outs {
        if let (
            Out::Aside { kind: AsideKind::Nul, next, .. },
            Some(Out::Aside { kind: AsideKind::Nul, next: end, .. }),
        ) = (&out, joined.last_mut())
        {
            *end = *next;
        } else {
            joined.push(out);
        }
    }
    joined
}

fn tiles(outs: &[Out], end: usize) -> bool {
    let mut at = 0;
    for out in outs {
        let (start, next) = out.place();
        if start != at || next <= start {
            return false;
        }
        at = next;
    }
    at == end
}

fn compiled(config: &str) -> Framing {
    framing(config, 8)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(std::env::var("FRAME_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(2000)))]

    #[test]
    fn any_windows_give_the_same_records(
        config in config(),
        (name, bytes) in input(),
        cuts in prop::collection::btree_set(0_u64..150, 0..4),
        windows in windows(),
        again in any::<prop::sample::Index>(),
    ) {
        let framing = compiled(&config);
        let charset = charset(name);
        let cuts: Vec<u64> = cuts.into_iter().collect();
        let (expected, end, states) =
            frame_from(&framing, charset, &bytes, &cuts, &whole(), (0, crate::frame::FrameState::default()));
        prop_assert!(tiles(&expected, end), "{expected:?} {end}");
        let (found, found_end) = frame(&framing, charset, &bytes, &cuts, &windows);
        prop_assert_eq!(joined(found), joined(expected.clone()));
        prop_assert_eq!(found_end, end);
        if !states.is_empty() {
            let index = again.index(states.len());
            let kept = serde_json::to_string(&states[index].1).unwrap();
            let state = serde_json::from_str(&kept).unwrap();
            let (rest, rest_end, _) = frame_from(&framing, charset, &bytes, &cuts, &windows, (states[index].0, state));
            prop_assert_eq!(joined(rest), joined(expected[index..].to_vec()));
            prop_assert_eq!(rest_end, end);
        }
    }

    #[test]
    fn windows_of_a_fixed_size_give_the_same_records(
        config in config(),
        (name, bytes) in input(),
        cuts in prop::collection::btree_set(0_u64..150, 0..3),
        long in 0_usize..200,
        at in any::<prop::sample::Index>(),
    ) {
        let framing = framing(&format!("bytes_max = '24B'\n{}", config.replace("bytes_max", "#")), 8);
        let charset = charset(name);
        let mut bytes: Vec<u8> = bytes.into_iter().filter(|byte| name.starts_with("utf-16") || *byte != 0).collect();
        let place = if bytes.is_empty() { 0 } else { at.index(bytes.len()) & !1 };
        let unit: &[u8] = match name { "utf-16le" => b"q\0", "utf-16be" => b"\0q", _ => b"qq" };
        bytes.splice(place..place, unit.repeat(long));
        if name.starts_with("utf-16") {
            bytes = bytes.chunks_exact(2).filter(|unit| *unit != [0, 0]).collect::<Vec<_>>().concat();
        }
        let cuts: Vec<u64> = cuts.into_iter().collect();
        let (expected, end) = frame(&framing, charset, &bytes, &cuts, &whole());
        let fixed = Windows { before: vec![0], steps: vec![usize::MAX], bytes_max: framing.window_bytes_min() };
        let (found, found_end) = frame(&framing, charset, &bytes, &cuts, &fixed);
        prop_assert_eq!(found, expected);
        prop_assert_eq!(found_end, end);
    }

    #[test]
    fn a_cut_where_it_is_told_gives_out_what_is_open(config in config(), (name, bytes) in input()) {
        let framing = compiled(&config);
        let charset = charset(name);
        let mut cuts = Vec::new();
        for _ in 0..bytes.len() + 2 {
            let (_, at) = frame(&framing, charset, &bytes, &cuts, &whole());
            let window = crate::frame::Window { bytes: &bytes, base: 0, is_end: true };
            let mut state = crate::frame::FrameState::default();
            let mut place = 0;
            let open = loop {
                match framing.step(charset, &window, place, &cuts, &mut state) {
                    crate::frame::Step::Record(record) => place = record.next,
                    crate::frame::Step::Aside(aside) => place = aside.next,
                    crate::frame::Step::Open(open) => match open.needs {
                        crate::frame::Needs::NulRun { end, is_tail: false, .. } => state.skip_nuls(end as u64),
                        _ => break open,
                    },
                }
            };
            prop_assert_eq!(open.from, at);
            let Some(cut) = framing.cut_place(charset, &window, &open) else {
                // Only NULs, half a unit, or nothing is left.
                let end = bytes.len() - (bytes.len() - at) % charset.unit();
                prop_assert!(bytes[at..end].iter().all(|byte| *byte == 0));
                return Ok(());
            };
            cuts.push(cut);
        }
        prop_assert!(false, "cuts do not come to an end: {cuts:?}");
    }
}
