use labtrail_shared::settings::ByteSize;

use super::driver::{charset, framing};
use crate::frame::{FrameConfigError, FrameState, Framing, Needs, Open, RecordSection, Step, Window};

#[test]
fn what_is_open_says_what_it_needs() {
    let check = |config: &str, text: &str, is_end: bool, expected: Open, cut: Option<u64>| {
        let framing = framing(config, 100);
        let window = Window { bytes: text.as_bytes(), base: 0, is_end };
        let Step::Open(open) = framing.step(charset("utf-8"), &window, 0, &[], &mut FrameState::default()) else {
            panic!("{text:?} is not open");
        };
        assert_eq!((open, framing.cut_place(charset("utf-8"), &window, &open)), (expected, cut), "{text:?}");
    };
    let start = "start = '^A'";
    let open = |needs| Open { from: 0, needs };
    check("", "abc", true, open(Needs::MoreBytes), Some(3));
    check("", "ab\u{e9}c", true, open(Needs::MoreBytes), Some(5));
    check(start, "A\nb\n", true, open(Needs::RecordEnd), Some(4));
    check(start, "A\nb\n", false, open(Needs::MoreBytes), Some(4));
    check(start, "A\nb", true, open(Needs::MoreBytes), Some(3));
    check(start, "A\n\0\0", true, open(Needs::NulRun { at: 2, end: 4, is_tail: true }), Some(2));
    check(start, "A\nb\0\0c\n", true, open(Needs::NulRun { at: 3, end: 5, is_tail: false }), Some(3));
    check("", "\0\0", true, open(Needs::NulRun { at: 0, end: 2, is_tail: true }), None);
    check("", "", true, open(Needs::MoreBytes), None);
    let utf8 = [b'a', 0xE2, 0x82];
    let window = Window { bytes: &utf8, base: 10, is_end: true };
    let plain = framing("", 100);
    assert_eq!(plain.cut_place(charset("utf-8"), &window, &open(Needs::MoreBytes)), Some(11));
    assert_eq!(plain.cut_place(charset("utf-16le"), &window, &open(Needs::MoreBytes)), Some(12));
}

#[test]
fn a_state_is_small_when_kept() {
    let check = |state: &FrameState, expected: &str| {
        let kept = serde_json::to_string(state).unwrap();
        assert_eq!(kept, expected);
        assert_eq!(serde_json::from_str::<FrameState>(&kept).unwrap(), *state);
    };
    check(&FrameState::default(), "{}");
    check(&FrameState::within_file(), r#"{"is_beyond_header":true,"has_columns":true,"has_started":true}"#);
    assert!(size_of::<FrameState>() <= 64);
}

#[test]
fn settings_that_do_not_go_together_are_refused() {
    let check = |config: &str, expected: &str| {
        let found = match toml::from_str::<RecordSection>(config) {
            Err(error) => error.message().to_owned(),
            Ok(section) => match Framing::compile(&section, ByteSize(100)) {
                Err(error @ FrameConfigError::Zero { .. }) => format!("zero: {error}"),
                Err(error) => error.to_string(),
                Ok(framing) => format!("valid, plain: {}", framing.is_plain()),
            },
        };
        assert!(found.contains(expected), "{config}\n{found}");
    };
    check("", "valid, plain: true");
    check("start = 'x'", "valid, plain: false");
    check("lines = 1", "plain: false");
    check("start = '('", "regex parse error");
    check("skip = ['(']", "write a regular expression");
    check("stat = 'x'", "unknown field `stat`");
    check("start = 'x'\nseparator = 'y'", "record.start and record.separator do not go together: each says where");
    check("start = 'x'\nend = 'y'\nlines = 2", "record.end and record.lines do not go together: each says where");
    check("separator = 'x'\nend = 'y'", "record.separator and record.end do not go together");
    check("object = 'json'\ncontinuation = 'indent'", "record.object and record.continuation do not go together");
    check("object = 'json'\nelement = 'x'", "record.element means nothing by itself: set object = \"xml\", too");
    check("object = 'xml'\nelement = '<x>'", "record.element = \"<x>\" is not the name");
    check("header_count = 2", "record.header_count means nothing by itself: set header_until");
    check("header_until = 'x'\nheader_lines = 2", "record.header_until and record.header_lines do not go together");
    check("preamble = 'skip'", "record.preamble means nothing by itself: set start, separator or object");
    check("end = 'x'\npreamble = 'skip'", "record.preamble");
    check("start = 'x'\nbetween = 'skip'", "record.between means nothing by itself");
    check("lines = 0", "record.lines = 0 would make no record");
    check("lines_max = 0", "record.lines_max = 0");
    check("lines = 2000", "record.lines = 2000 is more than record.lines_max = 1000");
    check("bytes_max = '2MiB'", "record.bytes_max = \"2MiB\" is too large: write at most 1MiB");
}

#[test]
fn settings_print_as_they_are_read() {
    let text = "start = '^A'\ncontinuation = 'backslash'\nskip = ['^#']\nbytes_max = '1MiB'\nflush_after = '2s'";
    let section: RecordSection = toml::from_str(text).unwrap();
    let printed = toml::to_string(&section).unwrap();
    let again: RecordSection = toml::from_str(&printed).unwrap();
    assert_eq!(printed, toml::to_string(&again).unwrap());
    let framing = Framing::compile(&section, ByteSize(100)).unwrap();
    assert_eq!(framing.flush_after(), std::time::Duration::from_secs(2));
    assert!(printed.contains("continuation = \"backslash\"") && printed.contains("bytes_max = \"1MiB\""));
}
