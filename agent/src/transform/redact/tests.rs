use proptest::prelude::{Strategy, any, prop_assert, prop_assert_eq, prop_oneof, proptest};
use regex::Regex;
use serde_json::{Value, json};

use super::{Redact, pattern::is_secret_key};

fn redact(table: Value) -> Redact {
    serde_json::from_value(table).expect("a redaction")
}

fn hidden(table: Value, text: &str) -> String {
    let mut event = json!({"event_data": {"message": text}});
    let is_changed = redact(table).apply(&mut event);
    let hidden = event["event_data"]["message"].as_str().expect("a text stays a text").to_owned();
    assert_eq!(is_changed, hidden != text, "{text}");
    hidden
}

#[test]
fn built_in_patterns_find_what_they_are_named_after() {
    let check = |name: &str, text: &str, expected: &str| {
        assert_eq!(hidden(json!({"patterns": [name], "with": "#"}), text), expected, "{name}: {text}");
    };
    check("email", "mail to jane.doe+lab@uni-köln.example.org, please", "mail to #, please");
    check("email", "a@b is none, @x.y neither", "a@b is none, @x.y neither");
    check("email", "<a@b.ch>;<c@d.ch>", "<#>;<#>");
    check("token", "login password=hunter2 ok", "login password=# ok");
    check("token", "db_password: 's3 cret', next", "db_password: '#', next");
    check("token", r#"{"api_key":"abc def","user":"x"}"#, r##"{"api_key":"#","user":"x"}"##);
    check("token", r#"{\"token\":\"abc\"}"#, r##"{\"token\":\"#\"}"##);
    check("token", "X-Api-Key: 0123&y", "X-Api-Key: #&y");
    check("token", "Authorization: Bearer abcdef0123456789", "Authorization: Bearer #");
    check("token", "got eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln.", "got #");
    check("token", "key AKIAIOSFODNN7EXAMPLE used", "key # used");
    check("token", "amqp://guest:gu3st@broker:5672/x", "amqp://guest:#@broker:5672/x");
    check("token", "the token ring has 4 tokens", "the token ring has 4 tokens");
    check("token", "bearer bonds", "bearer bonds");
    check("ipv4", "from 10.0.0.7:8080 to 192.168.178.255", "from #:8080 to #");
    check("ipv4", "version 3.14.1 at 300.1.1.1", "version 3.14.1 at 300.1.1.1");
    check("credit-card", "card 4111 1111 1111 1111 and 5500-0000-0000-0004.", "card # and #.");
    check("credit-card", "lot 7 4111111111111111 378282246310005", "lot 7 # #");
    check(
        "credit-card",
        "4111111111111112 is wrong, 41111111111111111111111 is too long",
        "4111111111111112 is wrong, 41111111111111111111111 is too long",
    );
    check("credit-card", "20261123091844331 1700000000000000", "20261123091844331 1700000000000000");
    check("user-path", r"open C:\Users\Jane Doe\run.log", r"open C:\Users\#\run.log");
    check("user-path", r"c:\\users\\jane failed", r"c:\\users\\# failed");
    check("user-path", "/home/jane/x /Users/joe /tmp", "/home/#/x /Users/# /tmp");
    check(r"sample-(\d+)", "sample-12 sample-x 34", "sample-# sample-x 34");
    check(r"S\d{3}", "S123S456", "##");
}

#[test]
fn texts_are_found_where_the_paths_lead() {
    let check = |table: Value, data: Value, expected: Value| {
        let mut event = json!({"_id": "a@b.ch", "event_data": data});
        redact(table).apply(&mut event);
        assert_eq!(event, json!({"_id": "a@b.ch", "event_data": expected}));
    };
    check(
        json!({"patterns": ["email"]}),
        json!({"message": "a@b.ch", "fields": {"a@b.ch": [1, {"x": "a@b.ch"}, null]}}),
        json!({"message": "[redacted]", "fields": {"a@b.ch": [1, {"x": "[redacted]"}, null]}}),
    );
    check(
        json!({"patterns": ["email"], "paths": ["event_data.fields"]}),
        json!({"message": "a@b.ch", "fields": {"x": "a@b.ch"}}),
        json!({"message": "a@b.ch", "fields": {"x": "[redacted]"}}),
    );
    check(
        json!({"paths": ["event_data.fields.users.name", "event_data.fields.pin"]}),
        json!({"fields": {"users": [{"name": "x", "id": 1}, {"name": null}], "pin": 1234}}),
        json!({"fields": {"users": [{"name": "[redacted]", "id": 1}, {"name": null}], "pin": "[redacted]"}}),
    );
    check(
        json!({"patterns": ["token"]}),
        json!({"fields": {"db_Password": "x", "tokens": 5, "auth": {"token": ["y"]}, "note": "y"}}),
        json!({"fields": {"db_Password": "[redacted]", "tokens": 5, "auth": {"token": ["[redacted]"]}, "note": "y"}}),
    );
    check(json!({"patterns": ["email"]}), json!("a@b.ch"), json!("[redacted]"));
}

#[test]
fn equal_texts_have_equal_hashes() {
    let table = || json!({"patterns": ["email"], "hash": true});
    let text = hidden(table(), "a@b.ch x@y.ch a@b.ch");
    let marks: Vec<&str> = text.split(' ').collect();
    assert_eq!(marks[0], marks[2]);
    assert_ne!(marks[0], marks[1]);
    assert!(Regex::new("^\\[redacted:[0-9a-f]{6}\\]$").unwrap().is_match(marks[0]), "{text}");
    // A pattern that also matches hashes does not hide them again.
    let digits = hidden(json!({"patterns": [r"\d+", "[a-f]+"], "hash": true}), "17 ab");
    assert_eq!(digits.len(), "[redacted:000000] [redacted:000000]".len(), "{digits}");
}

#[test]
fn secret_keys_are_known_by_their_end() {
    let check = |key: &str, expected| assert_eq!(is_secret_key(key), expected, "{key}");
    check("password", true);
    check("DB-Password", true);
    check("api_key", true);
    check("accessToken", true);
    check("tokens", false);
    check("key", false);
    check("", false);
}

/// Pieces of which matches are made, so that random texts have many, side by side and interlocked.
fn texts() -> impl Strategy<Value = String> {
    let pieces = vec![
        "a@b.ch",
        "@",
        ".",
        "x",
        "ä",
        "password=",
        "token: ",
        "\"",
        "'",
        "1.2.3.4",
        "10",
        "4111 1111 1111 1111",
        "-",
        " ",
        "C:\\Users\\",
        "/home/",
        "jane",
        "\\",
        "bearer ",
        "eyJabcdef.",
        "[redacted]",
        "[redacted:",
        "3f2a9c]",
        "foo",
        "=",
        "://u:",
        "S123",
    ];
    let piece = prop_oneof![
        8 => proptest::sample::select(pieces).prop_map(str::to_owned),
        1 => any::<char>().prop_map(String::from)
    ];
    proptest::collection::vec(piece, 0..16).prop_map(|pieces| pieces.concat())
}

#[test]
fn no_match_is_left() {
    let mut tables = ["[redacted]", "", "…"].map(|with| json!({ "with": with })).to_vec();
    tables.push(json!({"hash": true}));
    let patterns = ["email", "token", "ipv4", "credit-card", "user-path", r"S\d+", r"\bfoo", "^=", "fo(o+)", "@.*ä"];
    let redactions = tables.into_iter().map(|mut table| {
        table["patterns"] = json!(patterns);
        redact(table)
    });
    let redactions: Vec<Redact> = redactions.collect();
    // The same without the code that is tested.
    let own = [r"[\w.%+'-]+@[\w-]+(\.[\w-]+)+", r"S\d+", r"\bfoo", "^=", "@.*ä"].map(|own| Regex::new(own).unwrap());
    proptest!(|(text in texts())| {
        for (number, redact) in redactions.iter().enumerate() {
            let mut event = json!({"event_data": [text]});
            let is_changed = redact.apply(&mut event);
            let hidden = event["event_data"][0].as_str().unwrap();
            prop_assert_eq!(is_changed, hidden != text);
            prop_assert!(redact.matches(hidden).is_empty(), "{hidden:?}");
            if number < 3 {
                for own in &own {
                    prop_assert!(!own.is_match(hidden), "{own} in {hidden:?}");
                }
            }
        }
    });
}
