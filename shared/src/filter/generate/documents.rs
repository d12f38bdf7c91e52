//! Random documents: of any shape, and events.

use serde_json::{Map, Value, json};

use super::luck::Luck;

const NAMES: &[&str] = &["a", "b", "c", "a", "b", "0", "1", "", "é", "x \"y", "it's", "a.b", "[0]"];

const TEXTS: &[&str] = &[
    "",
    "a",
    "b",
    "A",
    "a",
    "é",
    "É",
    "5",
    "40",
    "true",
    "null",
    "pump failed",
    "Pump Failed",
    "E42",
    "it's \"so\"",
    "end\n",
    "one\ntwo",
    "nul\0nul",
    "\u{1F600}",
    "\u{FFEE}",
    "[1]",
    "{}",
    "2026-01-02T03:04:05",
    "%_",
    "0.1",
];

const INTEGERS: &[i64] = &[
    0,
    1,
    1,
    2,
    3,
    5,
    -1,
    -3,
    10,
    20,
    30,
    40,
    42,
    i32::MAX as i64,
    i32::MAX as i64 + 1,
    i32::MIN as i64,
    (1 << 53) - 1,
    1 << 53,
    (1 << 53) + 1,
    i64::MAX,
    i64::MAX - 1,
    i64::MIN,
];

const DOUBLES: &[f64] = &[
    0.0,
    -0.0,
    0.1,
    0.5,
    1.0,
    1.5,
    -1.5,
    2.0,
    40.0,
    42.9,
    9_007_199_254_740_992.0,
    9.223_372_036_854_776e18,
    -9.3e18,
    1e300,
    5e-324,
];

pub(super) fn scalar(luck: &mut Luck) -> Value {
    match luck.below(10) {
        0 => Value::Null,
        1 => Value::Bool(luck.percent(50)),
        2..=4 => json!(luck.item(INTEGERS)),
        5 | 6 => json!(luck.item(DOUBLES)),
        _ => json!(luck.item(TEXTS)),
    }
}

pub(super) fn name(luck: &mut Luck) -> &'static str {
    luck.one_of(NAMES)
}

/// Any JSON, of at most so many levels. Arrays are frequent, since that is where the language is odd.
pub(super) fn value(luck: &mut Luck, levels: usize) -> Value {
    if levels == 0 {
        return scalar(luck);
    }
    match luck.below(10) {
        0..=3 => scalar(luck),
        4..=6 => object(luck, levels - 1),
        _ => {
            // Arrays are of one sort more often than not.
            let length = luck.below(4);
            let is_of_objects = luck.percent(50);
            let items =
                (0..length).map(|_| if is_of_objects { object(luck, levels - 1) } else { value(luck, levels - 1) });
            items.collect()
        }
    }
}

fn object(luck: &mut Luck, levels: usize) -> Value {
    let mut fields = Map::new();
    for _ in 0..luck.below(4) {
        fields.insert(name(luck).to_owned(), value(luck, levels));
    }
    Value::Object(fields)
}

pub(super) fn plain(luck: &mut Luck, number: usize) -> Value {
    let mut fields = Map::new();
    fields.insert("_id".to_owned(), json!(number));
    for _ in 0..=luck.below(3) {
        fields.insert(name(luck).to_owned(), value(luck, 3));
    }
    Value::Object(fields)
}

pub(super) const IDS: &[&str] =
    &["01J0000000000000000000000A", "01J0000000000000000000000B", "01K0000000000000000000000C"];

const TYPES: &[&str] = &["log_error", "log_info", "node_start", "action_failed", "unknown"];

const TIMES: &[&str] = &[
    "2026-01-02T03:04:05",
    "2026-01-02T03:04:05.000001",
    "2026-01-02T03:04:05Z",
    "2026-01-02T03:04:05+02:00",
    "2027-01-01T00:00:00",
];

/// An event in the shape in which filters see it.
pub(super) fn event(luck: &mut Luck, seed: u64, number: usize) -> Value {
    let mut source = Map::new();
    for key in ["experiment_id", "node_id", "workcell_id"] {
        if luck.percent(50) {
            source.insert(key.to_owned(), json!(luck.item(IDS)));
        }
    }
    json!({
        "_id": format!("01J{seed:019}{number:04}"),
        "event_type": luck.item(TYPES),
        "log_level": 10 * luck.below(6),
        "alert": luck.percent(30),
        "event_timestamp": luck.item(TIMES),
        "source": source,
        "event_data": event_data(luck),
        "trace_id": text_or_null(luck, IDS),
        "span_id": text_or_null(luck, TEXTS),
        "archived": luck.percent(30),
        "archived_at": text_or_null(luck, TIMES),
    })
}

fn text_or_null(luck: &mut Luck, texts: &[&str]) -> Value {
    if luck.percent(50) { json!(luck.item(texts)) } else { Value::Null }
}

fn event_data(luck: &mut Luck) -> Value {
    if luck.percent(50) {
        return value(luck, 3);
    }
    let mut data = json!({
        "message": luck.item(TEXTS),
        "host": { "name": luck.one_of(&["plate-reader", "washer"]) },
        "log": { "file": { "path": "C:\\Logs\\run.log" }, "offset": luck.item(INTEGERS) },
        "labels": { "run": scalar(luck), "area": luck.item(TEXTS) },
        "fields": object(luck, 2),
    });
    if luck.percent(30) {
        data["message"] = value(luck, 1);
    }
    data
}
