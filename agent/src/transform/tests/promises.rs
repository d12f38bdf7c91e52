//! What holds for every list and every event.

use super::{
    Just, Map, Strategy, Transforms, Value, Verdict, any, json, prop_assert, prop_assert_eq, prop_oneof, proptest,
    transforms,
};
use std::collections::HashMap;

/// One of each verb, with what random events have.
const LINES: &[&str] = &[
    r#"{ keep = { log_level = { "$gte" = 20 } } }"#,
    r#"{ drop = { "event_data.message" = "b" } }"#,
    r#"{ set = { "event_data.fields.x" = "{event_data.message}{event_data.fields}", log_level = "{event_data.fields.x}" } }"#,
    r#"{ set = { "event_data.message" = "{event_data.fields.x.0}" }, when = { "event_data.fields.x" = { "$exists" = true } } }"#,
    r#"{ remove = ["event_data.fields.x.y", "event_data.fields.0", "source"] }"#,
    r#"{ rename = { "event_data.fields.x" = "event_data.fields.y.z", "event_data.message" = "event_data.fields.m.n" } }"#,
    r#"{ rename = { "event_data.fields.0.x" = "event_data", "event_data.fields.y" = "event_timestamp" } }"#,
    r#"{ redact = { patterns = ["email", "token", "[a-f]", "(\\d)"], hash = true } }"#,
    r#"{ redact = { paths = ["event_data.fields.x"] } }"#,
    r#"{ throttle = { limit = 2, per = "10us", keys_max = 3 } }"#,
    r#"{ throttle = { key = ["event_data.fields.x", "_id"], limit = 1, per = "5us", ignore_numbers = true } }"#,
    r#"{ sample = { one_in = 2, key = ["event_data.fields"] } }"#,
    r#"{ deduplicate = { within = "7us" } }"#,
];

fn list() -> impl Strategy<Value = Transforms> {
    // Loaded once, because it is the expressions that take their time.
    let all = transforms(LINES).list;
    proptest::collection::vec(proptest::sample::select(all), 0..6).prop_map(|list| Transforms { list })
}

fn json_value() -> impl Strategy<Value = Value> {
    let scalar = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        proptest::sample::select(vec!["", "a", "b", "a@b.ch", "password=x", "WARNING", "17 a", "é"])
            .prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    scalar.prop_recursive(3, 16, 3, |inner| {
        let name = proptest::sample::select(vec!["x", "y", "z", "0", "token", "_id"]).prop_map(str::to_owned);
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..3).prop_map(Value::Array),
            proptest::collection::vec((name, inner), 0..3)
                .prop_map(|fields| Value::Object(fields.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

/// Any JSON, and more often something like an event.
fn event() -> impl Strategy<Value = Value> {
    let level = proptest::sample::select(vec![json!(10), json!(20), json!(40), json!("x"), json!(null)]);
    let likely = (any::<u8>(), level, json_value(), json_value(), proptest::sample::select(vec!["_id", "event_id"]));
    let likely = likely.prop_map(|(number, level, message, fields, id)| {
        json!({ id: format!("01KAGC9X2W{number:016}"), "log_level": level, "event_timestamp": "2026-11-23T09:00:00",
            "source": {}, "event_data": {"message": message, "fields": fields, "labels": {"n": number}}})
    });
    prop_oneof![1 => json_value(), 6 => likely]
}

type Step = (Value, u64, i64);

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let pause = prop_oneof![8 => 0i64..4, 1 => -30i64..30];
    proptest::collection::vec((event(), 0u64..3, pause), 0..40).prop_map(|steps| {
        let mut now = 0;
        let at = |(event, stream, pause): (Value, u64, i64)| {
            now += pause;
            (event, stream, now)
        };
        steps.into_iter().map(at).collect()
    })
}

/// Everything that comes out, in order, with the counts at the end.
fn run(transforms: &Transforms, steps: &[Step]) -> (Vec<Value>, Vec<super::Counts>) {
    let mut state = transforms.state();
    let mut out = Vec::new();
    for (event, stream, now) in steps {
        let mut event = event.clone();
        if transforms.next_due(&state).is_some_and(|due| due <= *now) {
            transforms.due(&mut state, *now, &mut out);
            assert!(transforms.next_due(&state).is_none_or(|due| due > *now));
        }
        if transforms.apply(&mut state, &mut event, *stream, *now, &mut out) == Verdict::Keep {
            out.push(event);
        }
    }
    transforms.flush(&mut state, &mut out);
    (out, state.counts().to_vec())
}

proptest! {
    #[test]
    fn nothing_is_uncounted_and_a_replay_is_the_same(transforms in list(), steps in steps()) {
        let (out, counts) = run(&transforms, &steps);
        let mut coming = steps.len() as u64;
        for counts in &counts {
            prop_assert_eq!(counts.received, coming);
            prop_assert_eq!(counts.received, counts.passed + counts.dropped);
            prop_assert!(counts.changed <= counts.passed);
            coming = counts.passed + counts.summaries;
        }
        prop_assert_eq!(out.len() as u64, coming);
        prop_assert_eq!(run(&transforms, &steps).0, out);
    }

    #[test]
    fn an_id_stays(transforms in list(), event in event()) {
        let mut changed = event.clone();
        transforms.apply(&mut transforms.state(), &mut changed, 0, 0, &mut Vec::new());
        prop_assert_eq!(changed.get("_id"), event.get("_id"));
        prop_assert_eq!(changed.get("event_id"), event.get("event_id"));
    }

    /// A model that knows nothing of windows but their definition.
    #[test]
    fn a_throttle_keeps_its_limit_and_counts_the_rest(
        arrivals in proptest::collection::vec((0usize..4, 0i64..4), 0..120), limit in 1u64..4, keys_max in 2usize..6,
    ) {
        const LENGTH: i64 = 10;
        let line = format!("{{ throttle = {{ limit = {limit}, per = \"{LENGTH}us\", keys_max = {keys_max} }} }}");
        let transforms = transforms(&[&line]);
        let mut state = transforms.state();
        let mut told = Vec::new();
        let mut now = 0;
        let mut kept: HashMap<usize, Vec<i64>> = HashMap::new();
        let mut received: HashMap<usize, u64> = HashMap::new();
        for (number, (key, pause)) in arrivals.iter().enumerate() {
            now += pause;
            let mut event = json!({"_id": number, "event_data": {"message": format!("key {key}")}});
            *received.entry(*key).or_default() += 1;
            if transforms.apply(&mut state, &mut event, 0, now, &mut told) == Verdict::Keep {
                kept.entry(*key).or_default().push(now);
            }
        }
        transforms.flush(&mut state, &mut told);
        for (key, received) in &received {
            let times = &kept[key];
            if keys_max >= 4 {
                let mut window: Option<(i64, u64)> = None;
                for time in times {
                    let (start, count) = match window {
                        Some((start, count)) if *time < start + LENGTH => (start, count + 1),
                        _ => (*time, 1),
                    };
                    prop_assert!(count <= limit, "{count} in the window from {start}");
                    window = Some((start, count));
                }
            }
            let of_key = told.iter().filter(|summary| summary["event_data"]["suppressed"]["key"][0] == format!("key {key}"));
            let suppressed: u64 = of_key.map(|summary| summary["event_data"]["suppressed"]["count"].as_u64().unwrap()).sum();
            prop_assert_eq!(times.len() as u64 + suppressed, *received);
        }
        let ids: Vec<&Value> = told.iter().map(|summary| &summary["_id"]).collect();
        prop_assert!(ids.iter().enumerate().all(|(index, id)| !ids[..index].contains(id)));
    }
}
