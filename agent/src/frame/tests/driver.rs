//! Reads bytes through windows, as a follower of files does.

use labtrail_shared::settings::ByteSize;

use crate::{
    decode::{Charset, Encoding},
    frame::{AsideKind, FrameState, Framing, LineEnd, Needs, RecordSection, Step, Window},
};

/// What was given out, with places in the whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Out {
    Record {
        start: usize,
        next: usize,
        raw: Vec<u8>,
        text: String,
        lines: u32,
        invalid_sequences: u32,
        nuls: u32,
        cut_from: Option<u64>,
        flags: [bool; 3],
    },
    Aside {
        start: usize,
        next: usize,
        kind: AsideKind,
        text: String,
        lines: u32,
    },
}

impl Out {
    pub(super) fn place(&self) -> (usize, usize) {
        match self {
            Self::Record { start, next, .. } | Self::Aside { start, next, .. } => (*start, *next),
        }
    }

    pub(super) fn shown(&self) -> String {
        match self {
            Self::Record { text, flags: [is_partial, is_split, is_continuation], .. } => {
                let mark = |is_set: &bool, mark: &'static str| if *is_set { mark } else { "" };
                let text = text.replace('\n', "|");
                format!("{}{text}{}{}", mark(is_continuation, "~"), mark(is_split, "~"), mark(is_partial, "/"))
            }
            Self::Aside { kind, text, lines, .. } => match kind {
                AsideKind::Blank if *lines == 0 => "B0".to_owned(),
                AsideKind::Blank => "B".to_owned(),
                AsideKind::Header => format!("H{text}"),
                AsideKind::Columns => format!("C{text}"),
                AsideKind::Preamble => format!("P{text}"),
                AsideKind::Separator => format!("-{text}"),
                AsideKind::Skipped => format!("S{text}"),
                AsideKind::Nul => "0".to_owned(),
            },
        }
    }

    /// Of a step, of which places are seen from `base`.
    fn of(step: Step<'_>, base: usize) -> Option<Self> {
        match step {
            Step::Open(_) => None,
            Step::Record(record) => Some(Self::Record {
                start: base + record.start,
                next: base + record.next,
                raw: record.raw.to_vec(),
                text: record.text.into_owned(),
                lines: record.lines,
                invalid_sequences: record.invalid_sequences,
                nuls: record.nuls,
                cut_from: record.cut_from,
                flags: [record.is_partial, record.is_split, record.is_continuation],
            }),
            Step::Aside(aside) => Some(Self::Aside {
                start: base + aside.start,
                next: base + aside.next,
                kind: aside.kind,
                text: aside.text.into_owned(),
                lines: aside.lines,
            }),
        }
    }
}

/// How windows are cut: bytes before the place, and bytes from it on at first and more at each further look; at most so
/// many.
#[derive(Debug, Clone)]
pub(super) struct Windows {
    pub before: Vec<usize>,
    pub steps: Vec<usize>,
    pub bytes_max: usize,
}

pub(super) fn whole() -> Windows {
    Windows { before: vec![usize::MAX], steps: vec![usize::MAX], bytes_max: usize::MAX }
}

pub(super) fn framing(config: &str, line_bytes_max: u64) -> Framing {
    let section: RecordSection = toml::from_str(config).unwrap_or_else(|error| panic!("{config}: {error}"));
    Framing::compile(&section, ByteSize(line_bytes_max)).unwrap_or_else(|error| panic!("{config}: {error}"))
}

pub(super) fn charset(name: &str) -> Charset {
    let encoding: Encoding = serde_json::from_value(serde_json::json!(name)).unwrap();
    encoding.charset_of(b"", false).unwrap().charset
}

/// What the bytes make, and where what is unfinished begins.
pub(super) fn frame(
    framing: &Framing,
    charset: Charset,
    bytes: &[u8],
    cuts: &[u64],
    windows: &Windows,
) -> (Vec<Out>, usize) {
    let (outs, end, _) = frame_from(framing, charset, bytes, cuts, windows, (0, FrameState::default()));
    (outs, end)
}

/// The same from a place on; also the state before each.
pub(super) fn frame_from(
    framing: &Framing,
    charset: Charset,
    bytes: &[u8],
    cuts: &[u64],
    windows: &Windows,
    (mut at, mut state): (usize, FrameState),
) -> (Vec<Out>, usize, Vec<(usize, FrameState)>) {
    let mut outs = Vec::new();
    let mut states = Vec::new();
    let mut turn = 0;
    let mut length = 0_usize;
    loop {
        let base = at.saturating_sub(windows.before[turn % windows.before.len()]);
        length = length.saturating_add(windows.steps[turn % windows.steps.len()]).min(windows.bytes_max);
        turn += 1;
        let end = at.saturating_add(length).min(bytes.len());
        let window = Window { bytes: &bytes[base..end], base: base as u64, is_end: end == bytes.len() };
        loop {
            let before = state;
            let step = framing.step(charset, &window, at - base, cuts, &mut state);
            let Step::Open(open) = step else {
                let out = Out::of(step, base).expect("it is not open");
                states.push((at, before));
                at = out.place().1;
                outs.push(out);
                length = 0;
                continue;
            };
            assert_eq!((state, open.from + base), (before, at), "nothing open changes anything");
            if let Needs::NulRun { end, is_tail: false, .. } = open.needs {
                state.skip_nuls((base + end) as u64);
                continue;
            }
            if end == bytes.len() {
                return (outs, at, states);
            }
            if open.needs == Needs::MoreBytes && base == at && length == windows.bytes_max {
                let before = state;
                let Some(out) = long_line(framing, charset, bytes, at, cuts, &mut state) else {
                    return (outs, at, states);
                };
                states.push((at, before));
                at = out.place().1;
                outs.push(out);
                length = 0;
            }
            break;
        }
    }
}

/// An endless line: its end is searched window by window, then its beginning makes the record.
fn long_line(
    framing: &Framing,
    charset: Charset,
    bytes: &[u8],
    at: usize,
    cuts: &[u64],
    state: &mut FrameState,
) -> Option<Out> {
    const READ: usize = 16;
    let mut from = at;
    let LineEnd { content_end, next, ending } = loop {
        let end = (from + READ).min(bytes.len());
        let window = Window { bytes: &bytes[from..end], base: from as u64, is_end: end == bytes.len() };
        if let Some(found) = framing.find_line_end(charset, &window, 0, cuts) {
            break LineEnd { content_end: from + found.content_end, next: from + found.next, ..found };
        }
        if end == bytes.len() {
            return None;
        }
        from = end - charset.unit();
    };
    let kept = (at + 8 + 40).min(content_end);
    let step = framing.line_of_beginning(charset, &bytes[at..kept], (content_end - at) as u64, ending, state);
    let mut out = Out::of(step, at).expect("an endless line is something");
    match &mut out {
        Out::Record { next: place, .. } | Out::Aside { next: place, .. } => *place = next,
    }
    Some(out)
}
