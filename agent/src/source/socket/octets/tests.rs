use proptest::prelude::*;

use super::{Cutter, Delimiter, Framed, Framing};

type Message = (Vec<u8>, Option<u64>, bool);

/// Cuts octets that come in pieces.
fn cut<'a>(
    framing: Framing,
    delimiter: Delimiter,
    limit: usize,
    pieces: impl Iterator<Item = &'a [u8]>,
) -> Vec<Message> {
    let mut cutter = Cutter::new(framing, delimiter, limit);
    let mut messages = Vec::new();
    let mut give = |cut: Framed<'_>| messages.push((cut.bytes.to_vec(), cut.cut_from, cut.is_partial));
    for piece in pieces {
        cutter.push(piece, &mut give);
        assert!(cutter.held.len() <= limit.max(9) + 3, "no more is held than the limit");
    }
    cutter.finish(&mut give);
    messages
}

fn check(framing: Framing, octets: &str, expected: &[&str]) {
    let expected: Vec<Message> = expected.iter().map(|text| (text.as_bytes().to_vec(), None, false)).collect();
    let whole = cut(framing, Delimiter::Newline, 1000, std::iter::once(octets.as_bytes()));
    assert_eq!(whole, expected, "{octets:?}");
    let single = cut(framing, Delimiter::Newline, 1000, octets.as_bytes().chunks(1));
    assert_eq!(single, expected, "octet by octet: {octets:?}");
}

#[test]
fn lines_end_in_lf_or_crlf() {
    check(Framing::Newline, "a\nbc\r\n\n", &["a", "bc", ""]);
    check(Framing::Newline, "5 <a>\n\r\n\r\r\n", &["5 <a>", "", "\r"]);
}

#[test]
fn both_framings_may_alternate() {
    check(Framing::Auto, "<1>a\n4 <2>b<3>c\n5 <4>\nd<5>e\n", &["<1>a", "<2>b", "<3>c", "<4>\nd", "<5>e"]);
    check(Framing::Auto, "4 <2>b\n4 <3>c\n\n", &["<2>b", "<3>c", ""]);
    check(Framing::Auto, "5 <2>b\n6 <2>c\r\n", &["<2>b", "<2>c"]);
}

#[test]
fn a_line_that_begins_with_a_number_is_a_line() {
    check(
        Framing::Auto,
        "25 degrees\n1 23.4 OK\n2026-11-23 up\n7\n8 \n0 <a\n123456789 <a\n 5 <a\n",
        &["25 degrees", "1 23.4 OK", "2026-11-23 up", "7", "8 ", "0 <a", "123456789 <a", " 5 <a"],
    );
}

#[test]
fn what_is_no_count_is_a_line_and_counting_goes_on() {
    check(Framing::OctetCounted, "3 abc4 d\nef", &["abc", "d\nef"]);
    check(Framing::OctetCounted, "3 abcx3 no count\n2 ok", &["abc", "x3 no count", "ok"]);
    check(Framing::OctetCounted, "999999999999 a\n12a\n2 ok", &["999999999999 a", "12a", "ok"]);
}

#[test]
fn nul_ends_a_message_where_it_is_the_delimiter() {
    let messages = cut(Framing::Auto, Delimiter::Nul, 100, std::iter::once(&b"a\r\nb\0<1>c\0"[..]));
    assert_eq!(messages, [(b"a\r\nb".to_vec(), None, false), (b"<1>c".to_vec(), None, false)]);
}

#[test]
fn a_long_message_is_cut_and_the_next_one_is_whole() {
    let check = |octets: &str, expected: &[(&str, Option<u64>)]| {
        let expected: Vec<Message> =
            expected.iter().map(|(text, from)| (text.as_bytes().to_vec(), *from, false)).collect();
        for size in [1, 2, 3, 1000] {
            let messages = cut(Framing::Auto, Delimiter::Newline, 4, octets.as_bytes().chunks(size));
            assert_eq!(messages, expected, "{octets:?} in pieces of {size}");
        }
    };
    check("abcd\r\nabcde\r\nok\n", &[("abcd", None), ("abcd", Some(5)), ("ok", None)]);
    check("aa€aa\nok\n", &[("aa", Some(7)), ("ok", None)]);
    check("9 <1>abcdef3 <1>ok\n", &[("<1>a", Some(9)), ("<1>", None), ("ok", None)]);
    check("5 <1>a\n4 <1>b", &[("<1>a", None), ("<1>b", None)]);
    check("99999999999\nok\n", &[("9999", Some(11)), ("ok", None)]);
}

#[test]
fn what_the_stream_ends_in_is_partial() {
    let check = |octets: &str, expected: &[(&str, Option<u64>, bool)]| {
        let expected: Vec<Message> =
            expected.iter().map(|(text, from, is_partial)| (text.as_bytes().to_vec(), *from, *is_partial)).collect();
        let messages = cut(Framing::Auto, Delimiter::Newline, 4, std::iter::once(octets.as_bytes()));
        assert_eq!(messages, expected, "{octets:?}");
    };
    check("a\nb", &[("a", None, false), ("b", None, true)]);
    check("12", &[("12", None, true)]);
    check("20 <1>", &[("<1>", None, true)]);
    check("20 <1>abcd", &[("<1>a", Some(7), true)]);
    check("20 ", &[("20 ", None, true)]);
    check("abcdef", &[("abcd", Some(6), true)]);
    check("", &[]);
}

fn octets() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        2 => "[a-z€]{0,12}".prop_map(String::into_bytes),
        2 => "<[0-9]>[a-z\n]{0,12}".prop_map(|text| format!("{} {text}", text.len()).into_bytes()),
        1 => "[0-9]{1,10}( <)?".prop_map(String::into_bytes),
        2 => Just(b"\n".to_vec()),
        1 => Just(b"\r\n".to_vec()),
        1 => Just(b"\0".to_vec()),
        1 => prop::collection::vec(any::<u8>(), 0..8),
    ];
    prop::collection::vec(piece, 0..20).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn any_split_gives_the_same_messages(
        octets in octets(),
        splits in prop::collection::vec(0_usize..200, 0..8),
        framing in prop_oneof![Just(Framing::Auto), Just(Framing::Newline), Just(Framing::OctetCounted)],
        delimiter in prop_oneof![Just(Delimiter::Newline), Just(Delimiter::Nul)],
        limit in 1_usize..20,
    ) {
        let whole = cut(framing, delimiter, limit, std::iter::once(&octets[..]));
        let mut splits: Vec<usize> = splits.into_iter().map(|at| at.min(octets.len())).collect();
        splits.extend([0, octets.len()]);
        splits.sort_unstable();
        let pieces = splits.windows(2).map(|pair| &octets[pair[0]..pair[1]]);
        prop_assert_eq!(&cut(framing, delimiter, limit, pieces), &whole);
        prop_assert_eq!(&cut(framing, delimiter, limit, octets.chunks(1)), &whole);
    }

    #[test]
    fn what_is_framed_comes_out_again(texts in prop::collection::vec("<[0-9]>[ -~]{0,30}", 0..10), counted in any::<u16>()) {
        let framed: String = texts.iter().enumerate().map(|(index, text)| {
            if counted >> index & 1 == 1 { format!("{} {text}", text.len()) } else { format!("{text}\n") }
        }).collect();
        let expected: Vec<Message> = texts.iter().map(|text| (text.clone().into_bytes(), None, false)).collect();
        prop_assert_eq!(cut(Framing::Auto, Delimiter::Newline, 100, std::iter::once(framed.as_bytes())), expected);
    }
}
