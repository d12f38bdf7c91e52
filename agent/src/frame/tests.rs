mod any_window;
mod driver;
mod long;
mod samples;
mod states;

use driver::{Out, charset, frame, framing, whole};

/// Shows what a text makes: `|` between lines of a record, `~` before a continuation and behind a split one, `/` behind a
/// partial one, a letter before each aside.
fn shown(config: &str, bytes: &[u8], name: &str, cuts: &[u64]) -> Vec<String> {
    let framing = framing(config, 64 << 10);
    let (outs, open) = frame(&framing, charset(name), bytes, cuts, &whole());
    let mut shown: Vec<String> = outs.iter().map(Out::shown).collect();
    if open < bytes.len() {
        shown.push(format!("open {}", bytes.len() - open));
    }
    shown
}

fn check(config: &str, text: &str, expected: &[&str]) {
    assert_eq!(shown(config, text.as_bytes(), "utf-8", &[]), expected, "{config}\n{text:?}");
    let little: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let expected: Vec<String> = expected
        .iter()
        .map(|expected| match expected.strip_prefix("open ") {
            Some(bytes) => format!("open {}", bytes.parse::<usize>().unwrap() * 2),
            None => (*expected).to_owned(),
        })
        .collect();
    assert_eq!(shown(config, &little, "utf-16le", &[]), expected, "utf-16le: {config}\n{text:?}");
}

#[test]
fn lines_end_in_lf_or_crlf() {
    check("", "a\nbc\r\n\nd", &["a", "bc", "B", "open 1"]);
    check("", "a\rb\r\r\n", &["a\rb\r"]);
    check("", "", &[]);
    check("", " \t\n  x\n", &["B", "  x"]);
    check("", "\u{FEFF}\u{FEFF}a\u{FEFF}\n\u{FEFF}\n", &["a\u{FEFF}", "B"]);
}

#[test]
fn carriage_returns_mean_what_the_config_says() {
    check("carriage_return = 'newline'", "a\rb\r\nc\r\rd\n\r", &["a", "b", "c", "B", "d", "open 1"]);
    check("carriage_return = 'overwrite'", "a\rbc\rd\r\r\n\r\n\re\nf\r", &["d", "B", "e", "open 2"]);
}

#[test]
fn escapes_are_removed_before_matching() {
    check("ansi = 'strip'\nstart = '^A'", "\x1b[31mA\x1b[0m\nb\nA\n\x1b[0m\nA\n", &["A|b", "A", "open 2"]);
    check("ansi = 'strip'", "\x1b[0m\na\n", &["B", "a"]);
}

#[test]
fn records_begin_with_a_start() {
    let start = "start = '^A'";
    check(start, "x\n\ny\nA1\nb\n\n\nA2\n\nA3", &["x||y", "A1|b", "open 6"]);
    check(start, "A1\nb\n\n\nA2\n\nA3\n", &["A1|b", "A2", "open 3"]);
    check("start = '^A'\npreamble = 'skip'", "x\n\nA1\nA2\n", &["Px", "P", "A1", "open 3"]);
    check("start = '^A'\nend = 'z$'", "A1 z\nx\ny\nA2\nb z\nA3\nA4 z\n", &["A1 z", "x|y", "A2|b z", "A3", "A4 z"]);
    check("start = '^A'\nend = 'z$'\nbetween = 'skip'", "p\nA1 z\n\nx\nA2 z\n", &["p", "A1 z", "B", "Sx", "A2 z"]);
    check("start = '^A'\nlines = 2", "A1\n b\nc\nA2\nA3\n d\n", &["A1| b", "c", "A2", "A3| d"]);
    check(
        "start = '^A'\ncontinuation = 'indent'",
        "A1\n b\n\n c\nd\n e\nA2\nf\n",
        &["A1| b|| c", "d| e", "A2", "open 2"],
    );
    check("start = '^$'", "x\n\na\nb\n\nc\n", &["x", "B", "a|b", "B", "open 2"]);
}

#[test]
fn records_go_on_end_or_are_counted() {
    check("continuation = 'indent'", " a\nb\n\tc\n\n d\n\ne\n", &[" a", "b|\tc|| d", "open 2"]);
    check("continuation = 'backslash'", "a\\\nb\\\n\nc\nd\n", &["a\\|b\\", "c", "open 2"]);
    check("continuation = '^>'", "a\n>b\n>c\nd\n", &["a|>b|>c", "open 2"]);
    check("end = ';$'", "a\nb;\n\nc;\nd\n", &["a|b;", "B", "c;", "open 2"]);
    check("lines = 3", "\na\n\nb\nc\nd\n", &["B", "a||b", "open 4"]);
    check("lines = 1", "a\nb\n", &["a", "b"]);
    check("separator = '^=+$'", "p\n==\na\n\nb\n==\n\nc\n====\n", &["p", "-==", "a||b", "-==", "B", "c", "-===="]);
    check("separator = '^=+$'\npreamble = 'skip'", "p\n\n==\na\n==\n", &["Pp", "P", "-==", "a", "-=="]);
    check("separator = '^$'", "a\nb\n\nc\n\n\n", &["a|b", "-", "c", "-", "-"]);
}

#[test]
fn values_are_records() {
    let json = "object = 'json'\nbetween = 'skip'\npreamble = 'skip'";
    check(json, "x\n{\n \"a\": \"}\"\n}\n,\n[1]\n{}\n{\n", &["Px", "{| \"a\": \"}\"|}", "S,", "[1]", "{}", "open 2"]);
    check("object = 'json'", "x\ny\n{}\nz\n{}\n", &["x|y", "{}", "z", "{}"]);
    check(
        "object = 'xml'\nelement = 'E'\npreamble = 'skip'",
        "<A>\n<E/>\n <E a=\"1\">\n  <F/>\n </E>\n</A>\n<E></E>\n",
        &["P<A>", "<E/>", " <E a=\"1\">|  <F/>| </E>", "</A>", "<E></E>"],
    );
    check("object = 'xml'", "<?xml?>\n<a>\n</a>\n<b/>\n", &["<?xml?>|<a>|</a>", "<b/>"]);
}

#[test]
fn headers_columns_and_skipped_lines_make_no_records() {
    check("header_lines = 2", "h\n\na\n", &["Hh", "H", "a"]);
    check(
        "header_until = '^E'\nheader_count = 2\nheader_row = true",
        "h\nE\ni\nE\n\nc\nr\n",
        &["Hh", "HE", "Hi", "HE", "B", "Cc", "r"],
    );
    check("skip = ['^#', '^;']", "#a\nb\n;c\n", &["S#a", "b", "S;c"]);
    // Within a record they are left out of the text; behind it they are no part of it.
    check("skip = ['^#']\nstart = '^A'", "A1\n#x\nb\n\n#y\n\nA2\nA3\n", &["A1|b", "S#y", "B", "A2", "open 3"]);
}

#[test]
fn nuls_are_left_out_when_they_may_be() {
    check("", "\0\0a\0b\n\0\n\0\0", &["0", "ab", "0", "B", "open 2"]);
    check("start = '^A'", "A\n\0\0b\n\0A\n\0", &["A|b", "0", "open 3"]);
}

#[test]
fn cuts_end_records() {
    let check = |config: &str, text: &str, cuts: &[u64], expected: &[&str]| {
        assert_eq!(shown(config, text.as_bytes(), "utf-8", cuts), expected, "{config}\n{text:?}");
        let text: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
        // An odd cut counts for the unit it lies in.
        let cuts: Vec<u64> = cuts.iter().map(|cut| (cut * 2 + 1).min(text.len() as u64)).collect();
        assert_eq!(shown(config, &text, "utf-16be", &cuts), expected, "utf-16be: {config}\n{text:?}");
    };
    check("", "abc", &[3], &["abc/"]);
    check("", "abc\nd\n", &[3], &["abc/", "B0", "d"]);
    check("", "abc\r\nd\n", &[3], &["abc/", "B0", "d"]);
    check("", "abc\r\nd\n", &[4], &["abc/", "B0", "d"]);
    check("", "abcd\ne\n", &[2, 3], &["ab/", "~c/", "~d", "e"]);
    check("", "abc\nd\n", &[4], &["abc", "d"]);
    check("carriage_return = 'newline'", "a\r\nb\rc\n", &[2, 5], &["a", "B0", "b", "c"]);
    check("carriage_return = 'newline'", "a\rb\n", &[1], &["a/", "B0", "b"]);
    let start = "start = '^A'";
    check(start, "A1\nb\nc\nA2\n", &[5, 10], &["A1|b", "~c", "A2"]);
    check(start, "A1\nbA\nA2\nc\n", &[4, 11], &["A1|b/", "~A", "A2|c"]);
    check(start, "A1\nA2", &[5], &["A1", "A2/"]);
    check("start = '^A'\nlines = 2", "A1\nb\nc\nA2\nd\n", &[3], &["A1", "~b", "c", "A2|d"]);
    check("start = '^A'\nlines = 2", "A1\nb\nc\nA2\nd\n", &[4], &["A1|b/", "B0", "c", "A2|d"]);
    check("lines = 3", "a\nb\nc\nd\ne\nf\n", &[2, 9], &["a", "~b|c", "d|e/", "B0", "~f"]);
    check("start = '^A'\nend = 'z$'", "A1\nb z\nA2 z\n", &[4], &["A1|b/", "~ z", "A2 z"]);
    check("continuation = 'indent'", "a\n b\n c\nd\n", &[4, 10], &["a| b/", "B0", "~ c", "d"]);
    check("object = 'json'", "{\"ab}\": [\n]}\n{}\n", &[4], &["{\"ab/", "~}\": [|]}", "{}"]);
    check("header_lines = 1", "header\na\n", &[3], &["Hhea", "Hder", "a"]);
    check("skip = ['^#']\nstart = '^A'", "A1\n#x\nb\nA2\n", &[6, 11], &["A1", "S#x", "~b", "A2"]);
}

#[test]
fn limits_split_records() {
    let config = "start = '^A'\nlines_max = 2\nbytes_max = '8B'";
    check(config, "A1\nb\nc\nd\ne\nA2\nA3\n", &["A1|b~", "~c|d~", "~e", "A2", "open 3"]);
    check("object = 'json'\nlines_max = 2", "{\n[\n]\n  {\n  }\n{}\n", &["{|[~", "~]|  {~", "~  }", "{}"]);
    check("end = 'z$'\nlines_max = 2", "a\nb\nc z\nd z\n", &["a|b~", "~c z", "d z"]);
}
