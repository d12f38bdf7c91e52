use proptest::prelude::*;

use super::{Charset, Encoding, detect};

fn named(name: &str) -> Charset {
    let encoding: Encoding = serde_json::from_value(serde_json::json!(name)).unwrap();
    encoding.charset_of(b"", false).unwrap().charset
}

#[test]
fn lines_are_decoded_and_invalid_bytes_stay_visible() {
    let check = |charset: Charset, bytes: &[u8], text: &str, invalid: u32| {
        let (decoded, count) = charset.decode(bytes);
        assert_eq!((decoded.as_ref(), count), (text, invalid), "{} {bytes:?}", charset.name());
    };
    let utf8 = Charset::UTF_8;
    check(utf8, "21 °C".as_bytes(), "21 °C", 0);
    check(utf8, b"21 \xB0C", "21 \u{FFFD}C", 1);
    check(utf8, b"\xFF\xFEa", "\u{FFFD}\u{FFFD}a", 2);
    check(utf8, b"cut \xE2\x82", "cut \u{FFFD}", 1);
    check(utf8, "\u{FEFF}\u{FEFF}a\u{FEFF}b".as_bytes(), "a\u{FEFF}b", 0);
    let guessed = detect(b"ascii", false).unwrap().charset;
    check(guessed, b"21 \xB0C \x80", "21 °C €", 0);
    check(guessed, "° \u{FEFF}".as_bytes(), "° \u{FEFF}", 0);
    check(guessed, b"\xC2\xB0 and \xB0", "° and \u{FFFD}", 1);
    check(detect(b"\xEF\xBB\xBFa", false).unwrap().charset, b"21 \xB0C", "21 \u{FFFD}C", 1);
    check(named("windows-1252"), b"Press\xE3o \x81", "Pressão \u{81}", 0);
    check(named("shift_jis"), b"\x83e\x83X\x83g \x83", "テスト \u{FFFD}", 1);
    check(named("gbk"), b"\xB2\xE2\xCA\xD4", "测试", 0);
    check(named("gb18030"), b"\x84\x31\x95\x33a", "a", 0);
    check(named("utf-16le"), b"\xFF\xFEa\0\x3D\xD8\x00\xDE", "a😀", 0);
    check(named("utf-16le"), b"a\0\x3D\xD8b\0c", "a\u{FFFD}b\u{FFFD}", 2);
    check(named("utf-16be"), b"\xFE\xFF\xFE\xFF\0a", "a", 0);
}

#[test]
fn lines_are_cut_between_characters() {
    let check = |charset: Charset, bytes: &[u8], limit: usize, expected: usize| {
        assert_eq!(charset.cut_between_characters(bytes, limit), expected, "{} {bytes:?} {limit}", charset.name());
    };
    check(Charset::UTF_8, b"abcdef", 4, 4);
    check(Charset::UTF_8, "aa€".as_bytes(), 4, 2);
    check(Charset::UTF_8, "aa€".as_bytes(), 5, 5);
    check(Charset::UTF_8, "a€b".as_bytes(), 4, 4);
    check(Charset::UTF_8, b"\x80\x80\x80\x80\x80", 3, 3);
    check(Charset::UTF_8, b"ab\xE2\x82", 9, 2);
    check(named("windows-1252"), b"a\xE2\x82\xAC", 3, 3);
    check(named("utf-16le"), b"a\0\x3D\xD8\x00\xDE", 5, 2);
    check(named("utf-16be"), b"\0a\xD8\x3D\xDE\x00", 4, 2);
    check(named("utf-16be"), b"\0a\xD8\x3D\xDE\x00", 6, 6);
    check(named("shift_jis"), b"\x83e\x83X\x83g", 3, 2);
    check(named("gb18030"), b"a\x81\x30\x81\x30", 4, 1);
}

#[test]
fn a_charset_is_kept_as_text() {
    let charset = detect(b"21 \xB0C\n", false).unwrap().charset;
    let kept = serde_json::to_string(&charset).unwrap();
    assert_eq!(kept, r#"{"encoding":"windows-1252","is_guessed":true,"mark_bytes":0}"#);
    assert_eq!(serde_json::from_str::<Charset>(&kept).unwrap(), charset);
    assert_eq!(named("utf-16be").unit(), 2);
}

proptest! {
    #[test]
    fn nothing_panics(bytes in prop::collection::vec(any::<u8>(), 0..100), limit in 0_usize..120, is_whole: bool) {
        let _ = detect(&bytes, is_whole);
        for name in ["utf-8", "utf-16le", "utf-16be", "windows-1252", "shift_jis", "gbk", "gb18030", "big5", "euc-jp", "euc-kr"] {
            let charset = named(name);
            charset.decode(&bytes);
            prop_assert!(charset.cut_between_characters(&bytes, limit) <= limit.min(bytes.len()));
        }
    }

    #[test]
    fn what_was_written_is_read(text in "[a-z °一\u{1F600}]{0,40}", limit in 0_usize..100) {
        let units: Vec<u16> = text.encode_utf16().collect();
        let little: Vec<u8> = units.iter().flat_map(|unit| unit.to_le_bytes()).collect();
        let big: Vec<u8> = units.iter().flat_map(|unit| unit.to_be_bytes()).collect();
        for (charset, bytes) in [(Charset::UTF_8, text.as_bytes()), (named("utf-16le"), &little), (named("utf-16be"), &big)] {
            let (decoded, invalid) = charset.decode(bytes);
            prop_assert_eq!((decoded.as_ref(), invalid), (text.as_str(), 0));
            let cut = charset.cut_between_characters(bytes, limit);
            let (beginning, invalid) = charset.decode(&bytes[..cut]);
            prop_assert!(text.starts_with(beginning.as_ref()) && invalid == 0 && cut + 4 > limit.min(bytes.len()));
        }
    }
}
