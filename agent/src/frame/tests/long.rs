use super::driver::{Out, charset, frame, framing, whole};

#[test]
fn long_lines_keep_their_beginning() {
    let check = |config: &str, name: &str, text: &str, expected: &[(&str, Option<u64>)]| {
        let bytes: Vec<u8> = match name {
            "utf-16le" => text.encode_utf16().flat_map(u16::to_le_bytes).collect(),
            _ => encoding_rs::Encoding::for_label(name.as_bytes()).unwrap().encode(text).0.into_owned(),
        };
        let (outs, _) = frame(&framing(config, 4), charset(name), &bytes, &[], &whole());
        let found: Vec<_> = outs
            .iter()
            .map(|out| match out {
                Out::Record { text, cut_from, .. } => (text.as_str(), *cut_from),
                Out::Aside { .. } => panic!("{out:?}"),
            })
            .collect();
        assert_eq!(found, expected, "{config} {name} {text:?}");
    };
    check("", "utf-8", "abcdef\nabcd\r\n", &[("abcd", Some(6)), ("abcd", None)]);
    check("", "utf-8", "aa€\na€\n", &[("aa", Some(5)), ("a€", None)]);
    check("", "utf-16le", "a😀b\nab\n", &[("a", Some(8)), ("ab", None)]);
    check("", "shift_jis", "aテスト\n", &[("aテ", Some(7))]);
    check(
        "carriage_return = 'overwrite'",
        "utf-8",
        "abcdefgh\rijk\nabc\rabcdef\n",
        &[("ijk", None), ("abcd", Some(10))],
    );
    check("start = '^a'", "utf-8", "a\nlong line\nb\na\na\n", &[("a\nlong\nb", Some(13)), ("a", None)]);
    // Braces beyond the limit are not counted, so such a value ends with its line.
    check("object = 'json'", "utf-8", "{\"long\"}\n{\n}\n", &[("{\"lo", Some(8)), ("{\n}", None)]);
}
