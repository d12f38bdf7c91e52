use std::path::Path;

use labtrail_shared::settings;
use proptest::prelude::{Just, Strategy, any, prop_assert, prop_assert_eq, prop_oneof, proptest};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{Counts, Transforms, Verdict};

mod loading;
mod promises;
mod suppressing;

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Section {
    transforms: Transforms,
}

fn load(config: &str) -> Result<Transforms, String> {
    let section = settings::parse::<Section>(config, Path::new("agent.toml"), |_| None);
    section.map(|section| section.transforms).map_err(|error| error.to_string())
}

/// The transforms of one line for each.
fn transforms(lines: &[&str]) -> Transforms {
    load(&format!("transforms = [\n{}\n]", lines.join(",\n"))).expect("a config")
}

/// What one event becomes; nothing if it is dropped.
fn changed(transform: &str, event: &Value) -> (Option<Value>, Counts) {
    let transforms = transforms(&[transform]);
    let mut state = transforms.state();
    let mut event = event.clone();
    let verdict = transforms.apply(&mut state, &mut event, 0, 0, &mut Vec::new());
    ((verdict == Verdict::Keep).then_some(event), state.counts()[0])
}

#[test]
fn events_are_selected_by_mongodb_selectors() {
    let event = json!({"_id": "x", "log_level": 30, "source": {"node_id": "A"},
        "event_data": {"message": "pump failed", "fields": {"code": [4, 5]}}});
    let check = |transform: &str, is_kept: bool| {
        let (changed, counts) = changed(transform, &event);
        assert_eq!(changed.as_ref(), is_kept.then_some(&event), "{transform}");
        assert_eq!((counts.received, counts.passed, counts.dropped), (1, is_kept.into(), (!is_kept).into()));
        assert_eq!(counts.changed, 0);
    };
    check(r#"{ keep = { log_level = { "$gte" = 30 } } }"#, true);
    check(r#"{ keep = { log_level = { "$gte" = 40 } } }"#, false);
    check(r#"{ drop = { "event_data.message" = { "$regex" = "^pump" } } }"#, false);
    check(r#"{ drop = { "event_data.fields.code" = 5 } }"#, false);
    check(r#"{ drop = { "event_data.fields.code" = 6 } }"#, true);
    check(r#"{ keep = { "$or" = [{ "source.node_id" = "B" }, { log_level = 30 }] } }"#, true);
    check("{ drop = {}, when = { log_level = 20 } }", true);
    check("{ drop = {}, when = { log_level = 30 } }", false);
    check("{ keep = { event_timestamp = { \"$lt\" = 2026-11-23T00:00:00 } } }", false);
}

#[test]
fn fields_are_edited() {
    let check = |transform: &str, event: Value, expected: Value| {
        let (changed, counts) = changed(transform, &event);
        assert_eq!(changed.as_ref(), Some(&expected), "{transform}");
        assert_eq!(counts.changed, u64::from(event != expected), "{transform}");
        counts
    };
    let fields = |fields: Value| json!({"_id": "I", "event_data": {"message": "m", "fields": fields}});
    check(
        r#"{ set = { "event_data.labels.room" = "B12", "event_data.labels.n" = 3 } }"#,
        fields(json!({})),
        json!({"_id": "I", "event_data": {"message": "m", "fields": {}, "labels": {"n": 3, "room": "B12"}}}),
    );
    let set = |value: &str| format!("{{ set = {{ \"event_data.fields.y\" = {value} }} }}");
    let x = |x: Value, y: Value| check_pair(&set, &x, &y);
    x(json!(7), json!(["\"{event_data.fields.x}\"", 7]));
    x(json!({"a": 1}), json!(["\"{event_data.fields.x}\"", {"a": 1}]));
    x(json!({"a": 1}), json!(["\"{event_data.fields.x.a}/{_id}\"", "1/I"]));
    x(json!([true]), json!(["\"<{event_data.fields.x}>\"", "<[true]>"]));
    x(json!(null), json!(["\"<{event_data.fields.x}>\"", "<>"]));
    x(json!(1), json!(["\"{event_data.fields.none}\"", ""]));
    x(json!(1), json!(["\"{event_data.fields.none}-\"", "-"]));
    x(json!(1), json!(["\"{{event_data.fields.x}} {event_data.fields.x} }\"", "{event_data.fields.x} 1 }"]));
    x(json!(1), json!(["[1, \"{event_data.fields.x}\"]", [1, 1]]));
    x(json!(1), json!(["{ a = \"{event_data.fields.x}\", b = [] }", {"a": 1, "b": []}]));
    x(json!(1), json!(["2026-11-23T09:00:00Z", "2026-11-23T09:00:00Z"]));
    check(r#"{ set = { log_level = "warning" } }"#, json!({"log_level": 20}), json!({"log_level": 30}));
    check(
        r#"{ set = { log_level = "{event_data.fields.severity}" } }"#,
        fields(json!({"severity": "ERROR"})),
        json!({"_id": "I", "event_data": {"message": "m", "fields": {"severity": "ERROR"}}, "log_level": 40}),
    );
    let severe = fields(json!({"severity": "loud"}));
    let counts = check(r#"{ set = { log_level = "{event_data.fields.severity}" } }"#, severe.clone(), severe.clone());
    assert_eq!(counts.obstructed, 1);
    let counts = check(r#"{ set = { "event_data.message.x" = 1 } }"#, severe.clone(), severe.clone());
    assert_eq!(counts.obstructed, 1);

    check(
        r#"{ remove = ["event_data.fields.user", "alert"] }"#,
        fields(json!({"user": 1, "x": 2})),
        fields(json!({"x": 2})),
    );
    check(r#"{ remove = ["event_data.fields.user"] }"#, severe.clone(), severe.clone());

    let rename = r#"{ rename = { "event_data.fields.usr" = "event_data.fields.user.name" } }"#;
    check(rename, fields(json!({"usr": "j"})), fields(json!({"user": {"name": "j"}})));
    check(rename, severe.clone(), severe.clone());
    let both = fields(json!({"usr": "j", "user": {"name": "k", "id": 1}}));
    let counts = check(rename, both, fields(json!({"user": {"name": "j", "id": 1}})));
    assert_eq!((counts.overwritten, counts.obstructed), (1, 0));
    let obstructed = fields(json!({"usr": "j", "user": "k"}));
    let counts = check(rename, obstructed.clone(), obstructed);
    assert_eq!((counts.overwritten, counts.obstructed), (0, 1));
    check(
        r#"{ rename = { "event_data.fields.a" = "event_data.fields.a.b" } }"#,
        fields(json!({"a": 1})),
        fields(json!({"a": {"b": 1}})),
    );
    let level = r#"{ rename = { "event_data.fields.severity" = "log_level" } }"#;
    check(level, severe.clone(), severe);
    let mut leveled = fields(json!({}));
    leveled["log_level"] = json!(50);
    check(level, fields(json!({"severity": "Critical"})), leveled);
}

/// Sets `fields.y` to the first of `expected` as TOML, and finds the second there.
fn check_pair(set: &impl Fn(&str) -> String, x: &Value, expected: &Value) {
    let event = json!({"_id": "I", "event_data": {"fields": {"x": x}}});
    let (changed, _) = changed(&set(expected[0].as_str().expect("TOML")), &event);
    assert_eq!(changed.expect("it is kept")["event_data"]["fields"]["y"], expected[1], "{expected}");
}

#[test]
fn samples_are_the_same_every_time() {
    let transforms = transforms(&["{ sample = { one_in = 10 } }"]);
    let sample = || -> Vec<u64> {
        let mut state = transforms.state();
        let mut is_kept = |number: u64, level: u64| {
            let mut event = json!({"_id": format!("01KAGC9X2W{number:016}"), "log_level": level});
            transforms.apply(&mut state, &mut event, 0, 0, &mut Vec::new()) == Verdict::Keep
        };
        assert!((0..1000).all(|number| is_kept(number, 30)));
        (0..1000).filter(|number| is_kept(*number, 20)).collect()
    };
    assert_eq!(sample(), sample());
    assert!((60..140).contains(&sample().len()), "{}", sample().len());
}

#[test]
fn samples_by_a_key_keep_all_of_it_or_nothing() {
    let transforms = transforms(&[r#"{ sample = { one_in = 3, key = ["trace_id"], always_at_least = "ERROR" } }"#]);
    let mut state = transforms.state();
    let mut is_kept = |trace: u64, number: u64| {
        let mut event = json!({"_id": number, "log_level": 30, "trace_id": trace});
        transforms.apply(&mut state, &mut event, 0, 0, &mut Vec::new()) == Verdict::Keep
    };
    let kept = (0..60).filter(|trace| {
        let first = is_kept(*trace, 0);
        assert!((1..20).all(|number| is_kept(*trace, number) == first));
        first
    });
    assert!((5..40).contains(&kept.count()));
}
