//! Bodies as a whole: JSON and what is none, its letters, and what it is said to be.

use super::{Pair, event, post, post_as, refused, send};

pub(super) fn bodies(pair: &Pair) {
    pair.same_all(
        |body: &str| event(body),
        [
            "{}", " {} ", "\r\n\t{}\n", "", " ", "null", "[]", "[1]", "[{}]", "1", "1.5", "\"text\"", "true", "{", "}", "[", "{\"a\":}",
            "{\"a\":1,}", "{'a':1}", "{a:1}", "[1,]", "[,1]", "nul", "-", "01", "1.", ".5", "+1", "{}{}", "{} x", "{}\n{}",
            "{\"a\" 1}", "{\"a\":1 \"b\":2}", "{\"a\":1", "{\"a\"", "{\"", "\"a", "\"a\nb\"", "\"\\x\"", "\"\\u12\"", "\"\\u12g4\"", "\\",
            "{\"event_data\": \"a\tb\"}", "{\"event_data\": 1e}", "{\"event_data\": tru}", "{\"event_data\": \"\\ud83d\\ude00\"}", "# a",
            "<xml/>", "a=b", "\u{feff}{}", "\u{feff}", "{\"event_data\": 0x10}", "{\"event_data\": --1}", "{\n\"a\": 1,\n\"b\": x\n}",
            "{\"ü\": 1, \"b\": x}", "{\"unknown\": 1, \"log_level\": 30, \"more\": {\"a\": []}}", "{\"Log_Level\": 30}",
            "{\"log_level\": 30, \"log_level\": 40}", "{\"event_type\": null, \"alert\": null, \"archived\": null}",
            r#"{"event_type": "x", "log_level": "y", "alert": "z", "event_timestamp": "q", "source": 3, "trace_id": 1, "span_id": 2, "archived": "v", "archived_at": "w", "event_id": 1}"#,
            r#"{"archived_at": "w", "alert": "z", "source": {"node_id": "x", "user_id": "y"}, "event_type": 1}"#,
            r#"{"archived": true, "archived_at": "2026-11-23T09:18:44Z"}"#, r#"{"archived": true}"#,
        ],
    );
    pair.same_all(
        |body: &[u8]| event(body),
        [
            b"\xff".as_slice(),
            b"{\"event_data\": \"\xff\"}",
            b"{\"event_data\": \"\xc3\"}",
            b"\x00",
            b"{\x00}\x00",
            b"\xff\xfe{\x00}\x00",
            b"{\"event_data\": \"\x01\"}",
            b"{}\x00",
            b"\xfe\xff\x00{\x00}",
        ],
    );
    for nesting in [900, 100_000] {
        pair.accepted("nesting", event("[".repeat(nesting)), refused);
    }
    pair.accepted("nesting", event(format!("{}{}", "[".repeat(500), "]".repeat(500))), refused);
    for kind in [
        "application/json; charset=utf-8",
        "APPLICATION/JSON",
        "application/json;",
        "application/ld+json",
        "application/merge-patch+json",
        "application/jsonx",
        "text/json",
        "text/plain",
        "text/plain; charset=utf-8",
        "application/x-www-form-urlencoded",
        "multipart/form-data",
        "multipart/form-data; boundary=x",
        "application/octet-stream",
        "json",
        "application/json, text/plain",
        "application/json; charset=latin-1",
        "application/xml",
        "*/*",
    ] {
        pair.same(post_as(kind, "/event", r#"{"log_level": 30}"#));
        pair.same(post_as(kind, "/event", "x y"));
    }
    pair.same(send("POST", "/event", r#"{"log_level": 30}"#));
    pair.same(send("POST", "/event", ""));
    pair.same(post("/event?log_level=30&nothing=1", "{}"));
}
