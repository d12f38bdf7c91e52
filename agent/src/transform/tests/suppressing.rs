//! What `throttle` and `deduplicate` keep, and what they tell of the rest.

use super::{Transforms, Value, Verdict, json, transforms};

const SECOND: i64 = 1_000_000;

/// Events of the form `stream@second text`, of which the ids are their numbers; and what comes out: texts, summaries with
/// a star.
fn run(transforms: &Transforms, events: &[&str], until: i64) -> Vec<String> {
    let mut state = transforms.state();
    let mut out = Vec::new();
    for (number, line) in events.iter().enumerate() {
        let (place, text) = line.split_once(' ').expect("a blank");
        let (stream, second) = place.split_once('@').expect("an at");
        let now = second.parse::<i64>().expect("a number") * SECOND;
        transforms.due(&mut state, now, &mut out);
        let mut event = event(number, text, second);
        let verdict = transforms.apply(&mut state, &mut event, stream.parse().expect("a number"), now, &mut out);
        if verdict == Verdict::Keep {
            out.push(event);
        }
    }
    transforms.due(&mut state, until * SECOND, &mut out);
    out.push(json!({"event_data": {"message": "end"}}));
    transforms.flush(&mut state, &mut out);
    assert_eq!(transforms.next_due(&state), None);
    let shown = |event: &Value| {
        let is_summary = event.pointer("/event_data/suppressed").is_some();
        format!("{}{}", if is_summary { "*" } else { "" }, event["event_data"]["message"].as_str().expect("a text"))
    };
    out.iter().map(shown).collect()
}

fn event(number: usize, text: &str, second: &str) -> Value {
    json!({
        "_id": format!("01KAGC9X2W{number:016}"),
        "event_type": "log_warning",
        "log_level": 30,
        "alert": true,
        "event_timestamp": format!("2026-11-23T09:00:{second:0>2}"),
        "source": {"node_id": "01KAGC9X2WFV4RRFFQ69G5FAVZ"},
        "event_data": {"message": text, "host": {"name": "pc7"}, "log": {"file": {"path": "a.log"}, "offset": number},
            "labels": {"room": "B12"}, "fields": {"n": number}},
    })
}

#[test]
fn a_throttle_keeps_so_many_of_a_kind() {
    let check = |table: &str, events: &[&str], until, expected: &[&str]| {
        let transforms = transforms(&[&format!("{{ throttle = {{ {table} }} }}")]);
        assert_eq!(run(&transforms, events, until), expected, "{table} {events:?}");
    };
    let two = "limit = 2, per = \"10s\"";
    check(two, &["1@0 a", "2@1 a", "3@2 a", "1@3 b", "1@4 a"], 5, &["a", "a", "b", "end", "*2 similar suppressed: a"]);
    check(two, &["1@0 a", "1@1 a", "1@2 a"], 10, &["a", "a", "*1 similar suppressed: a", "end"]);
    check(two, &["1@0 a", "1@1 a", "1@2 a", "1@10 a"], 10, &["a", "a", "*1 similar suppressed: a", "a", "end"]);
    check(two, &["1@0 a", "1@1 a"], 10, &["a", "a", "end"]);
    let one = "limit = 1, per = \"10s\"";
    let numbers = ["1@0 pump 1", "1@1 pump 22", "1@2 pump 333"];
    check(one, &numbers, 5, &["pump 1", "pump 22", "pump 333", "end"]);
    let similar = "limit = 1, per = \"10s\", ignore_numbers = true";
    check(similar, &numbers, 5, &["pump 1", "end", "*2 similar suppressed: pump 22"]);
    check("limit = 1, per = \"10s\", key = []", &["1@0 a", "1@1 b"], 5, &["a", "end", "*1 similar suppressed: b"]);
    // With room for one key another ends its window.
    let narrow = "limit = 1, per = \"10s\", keys_max = 1";
    check(narrow, &["1@0 a", "1@1 a", "1@2 b", "1@3 a"], 5, &["a", "*1 similar suppressed: a", "b", "a", "end"]);
    // The clock is set back by more than the window is long.
    check(
        one,
        &["1@50 a", "1@51 a", "1@2 a", "1@3 a"],
        5,
        &["a", "*1 similar suppressed: a", "a", "end", "*1 similar suppressed: a"],
    );
    check(one, &["1@50 a", "1@45 a"], 45, &["a", "end", "*1 similar suppressed: a"]);
}

#[test]
fn repeats_are_counted_per_stream() {
    let check = |table: &str, events: &[&str], until, expected: &[&str]| {
        let transforms = transforms(&[&format!("{{ deduplicate = {{ {table} }} }}")]);
        assert_eq!(run(&transforms, events, until), expected, "{table} {events:?}");
    };
    let repeated = "*last message repeated 2 times: a";
    check("", &["1@0 a", "1@1 a", "1@2 a", "1@3 b"], 3, &["a", repeated, "b", "end"]);
    check("", &["1@0 a", "1@1 a", "1@2 a"], 10, &["a", repeated, "end"]);
    check("", &["1@0 a", "1@1 a", "1@2 a"], 9, &["a", "end", repeated]);
    check("", &["1@0 a", "1@1 b", "1@2 a"], 10, &["a", "b", "a", "end"]);
    check("", &["1@0 a", "2@1 a", "1@2 a", "1@2 a", "2@3 b"], 3, &["a", "a", "b", "end", repeated]);
    check("within = \"2s\"", &["1@0 a", "1@1 a", "1@2 a"], 3, &["a", "*last message repeated 1 time: a", "a", "end"]);
    check("key = [\"log_level\"]", &["1@0 a", "1@1 b"], 3, &["a", "end", "*last message repeated 1 time: b"]);
    check("ignore_numbers = true", &["1@0 a 1", "1@1 a 2"], 3, &["a 1", "end", "*last message repeated 1 time: a 2"]);
}

#[test]
fn a_summary_is_an_event_of_its_own() {
    let transforms =
        transforms(&["{ throttle = { limit = 1, per = \"10s\", key = [\"event_data.message\", \"event_data.x\"] } }"]);
    let summary = || {
        let mut state = transforms.state();
        let mut out = Vec::new();
        for number in 0..4 {
            let mut event = event(number, "a", &number.to_string());
            transforms.apply(&mut state, &mut event, 0, 0, &mut out);
            assert_eq!(event["_id"], format!("01KAGC9X2W{number:016}"));
        }
        assert_eq!(transforms.next_due(&state), Some(10 * SECOND));
        transforms.flush(&mut state, &mut out);
        assert_eq!((state.counts()[0].passed, state.counts()[0].dropped, state.counts()[0].summaries), (1, 3, 1));
        out.pop().expect("a summary")
    };
    let found = summary();
    assert_eq!(found["_id"].as_str().expect("an id")[..10], *"01KAGC9X2W");
    assert_eq!(found, summary());
    let expected = json!({
        "_id": found["_id"],
        "event_type": "log_warning",
        "log_level": 30,
        "event_timestamp": "2026-11-23T09:00:03",
        "source": {"node_id": "01KAGC9X2WFV4RRFFQ69G5FAVZ"},
        "event_data": {
            "message": "3 similar suppressed: a",
            "host": {"name": "pc7"},
            "log": {"file": {"path": "a.log"}},
            "labels": {"room": "B12"},
            "suppressed": {"count": 3, "first_time": "2026-11-23T09:00:01", "last_time": "2026-11-23T09:00:03", "key": ["a", null]},
        },
    });
    assert_eq!(found, expected);
}

#[test]
fn summaries_pass_what_comes_after() {
    let transforms = transforms(&[
        "{ deduplicate = {} }",
        "{ redact = { patterns = [\"email\"] } }",
        "{ drop = { \"event_data.message\" = { \"$regex\" = \"secret\" } } }",
        "{ throttle = { limit = 1, per = \"1m\", key = [] } }",
    ]);
    let found = run(&transforms, &["1@0 a@b.ch", "1@1 a@b.ch", "2@1 secret", "2@2 secret"], 3);
    assert_eq!(found, ["[redacted]", "end", "*last message repeated 1 time: [redacted]"]);
}
