//! POST /event: what is taken for an event, how it is understood, what is refused and in which words; and that what was
//! taken is stored as MADSci stores it.

mod bodies;
mod fields;

use labtrail_tests::services::{
    Mongod,
    bson::{Bson, Document, doc},
};

use super::{
    answers::refused,
    case::{Case, event, get, post, post_as, send},
    pair::Pair,
};

const ULID: &str = "01JDCXR1V2M3N4P5Q6R7S8T9VA";

pub(super) fn scene(pair: &Pair) {
    fields::fields(pair);
    ids(pair);
    id_with_slash(pair);
    bodies::bodies(pair);
    what_cannot_be_stored(pair);
    stored_documents(pair);
}

/// An event with one field of this JSON.
fn with(field: &'static str) -> impl Fn(&str) -> Case {
    move |value| event(format!("{{\"{field}\": {value}}}"))
}

fn ids(pair: &Pair) {
    for field in ["_id", "event_id"] {
        pair.same_all(
            with(field),
            [
                r#""01JDCXR1V2M3N4P5Q6R7S8T9VA""#,
                r#""01jdcxr1v2m3n4p5q6r7s8t9va""#,
                r#""any text""#,
                r#""""#,
                "77",
                "-1",
                "1.5",
                "1.0",
                "1e16",
                "1e22",
                "1e-7",
                "true",
                "false",
                "null",
                "[]",
                "{}",
                r#"[1, "a", null, true, 1.5]"#,
                r#"{"a": "it's", "b": [false]}"#,
                r#"["\"", "'", "\\", "\n", "ü", "\u0007"]"#,
                "NaN",
                "1e400",
                r#""ü/slash?and#more""#,
                r#""a\u0000b""#,
            ],
        );
    }
    pair.same_all(with("_id"), ["99999999999999999999", "-99999999999999999999"]);
    let both = format!(r#"{{"event_id": "by event_id", "_id": "{ULID}"}}"#);
    pair.same(event(both));
    pair.same(event(r#"{"event_id": "by event_id alone", "event_data": {"first": true}}"#));
    pair.same(event(
        r#"{"event_id": "by event_id alone", "event_data": {"first": false}, "log_level": 50, "alert": true}"#,
    ));
    pair.same_all(
        |id: &str| get(format!("/event/{id}")),
        [
            ULID,
            "by%20event_id%20alone",
            "any%20text",
            "77",
            "1.5",
            "True",
            "False",
            "None",
            "[]",
            "%7B%7D",
            "nobody",
            "NaN",
            "nan",
            "inf",
            "1e16",
            "%C3%BC",
            "%FF",
            "a%00b",
            "01jdcxr1v2m3n4p5q6r7s8t9va",
        ],
    );
}

fn id_with_slash(pair: &Pair) {
    pair.same(event(r#"{"_id": "with/slash", "source": {}}"#));
    pair.accepted("id-with-slash", get("/event/with%2Fslash"), |ours| {
        let event: serde_json::Value = serde_json::from_str(&ours.text).unwrap_or_default();
        if event["_id"] == "with/slash" { Ok(()) } else { Err("it is not found".to_owned()) }
    });
}

fn what_cannot_be_stored(pair: &Pair) {
    let deep = format!("{}1{}", "[".repeat(250), "]".repeat(250));
    let large = format!("\"{}\"", "x".repeat(17 << 20));
    for data in [
        "9223372036854775808",
        "-9223372036854775809",
        r#"[{"a": 18446744073709551615}]"#,
        "1000000000000000000000000",
        r#"{"a\u0000b": 1}"#,
        r#""\ud800""#,
        r#"{"a": ["\udc00\ud800"]}"#,
        r#"{"\ud800": 1}"#,
        &deep,
        &large,
    ] {
        pair.accepted("not-storable", with("event_data")(data), refused);
    }
    pair.accepted("not-storable", with("trace_id")(r#""\ud800""#), refused);
    pair.accepted("not-storable", with("_id")(r#""\ud800""#), refused);
    pair.accepted("not-storable", event(b"{\"event_data\": \"\xed\xa0\x80\"}"), refused);
}

/// What both have stored of this scene, apart from what is ours: same fields in the same order, of the same kinds.
fn stored_documents(pair: &Pair) {
    pair.forget_events();
    for (number, body) in [
        r#""log_level": "warning", "source": {}"#,
        r#""event_timestamp": "2026-11-23T09:18:44+02:00", "source": {"node_id": "01JDCXR1V2M3N4P5Q6R7S8T9VA", "lab_id": null}"#,
        r#""event_timestamp": 1700000000, "event_data": {"i": 1, "l": 5000000000, "d": 1.0, "n": null, "b": true, "a": [1, 2.5, "x"]}"#,
        r#""event_timestamp": "2026-11-23T09:18:44.331566", "alert": "yes", "trace_id": "t", "span_id": "s", "event_data": "text""#,
        r#""event_timestamp": "2026-11-23", "archived": true, "archived_at": "2026-11-24T00:00:00Z", "event_data": NaN"#,
        r#""event_timestamp": "2026-11-23", "archived": false, "archived_at": 0, "event_data": {"z": 2147483648, "y": -2147483649}"#,
        r#""event_timestamp": "2026-11-23", "event_type": "NODE_START", "event_data": {"$a": {"b.c": [null]}}"#,
    ]
    .into_iter()
    .enumerate()
    {
        pair.same(event(format!("{{\"_id\": \"stored {number}\", {body}}}")));
    }
    let stored = |database: &str| -> Vec<Document> {
        let find = doc! {"find": "events", "filter": {}, "sort": {"_id": 1}, "batchSize": 1000};
        let answer = Mongod::shared().command(database, find);
        let batch = answer.get_document("cursor").and_then(|cursor| cursor.get_array("firstBatch")).expect("a batch");
        batch.iter().filter_map(Bson::as_document).cloned().map(without_ours).collect()
    };
    pair.same_documents(&stored("madsci_post"), &stored("labtrail_post"));
}

/// Ours is one field, and times of receipt differ.
fn without_ours(mut document: Document) -> Document {
    document.remove("_labtrail");
    if document.get_str("_id").is_ok_and(|id| id == "stored 0") {
        document.insert("event_timestamp", "now");
    }
    if let Ok(source) = document.get_document_mut("source")
        && source.contains_key("manager_id")
    {
        source.insert("manager_id", "made up");
    }
    document
}
