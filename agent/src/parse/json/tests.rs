use labtrail_shared::level::LogLevel::{self, Critical, Debug, Error, Info, NotSet, Warning};

use super::parse;
use crate::parse::{Body, TextContext};

fn context() -> TextContext {
    TextContext { date_order: None, now_civil_micros: 1_715_000_000_000_000 }
}

#[track_caller]
fn check_time(text: &str, expected_micros: Option<i64>) {
    let parsed = parse(&context(), text).unwrap_or_else(|| panic!("not an object: {text}"));
    assert_eq!(parsed.time.map(|time| time.civil_micros), expected_micros, "{text}");
}

#[track_caller]
fn check_level(text: &str, expected: Option<(&str, LogLevel)>) {
    let parsed = parse(&context(), text).unwrap_or_else(|| panic!("not an object: {text}"));
    assert_eq!(parsed.level.map(|written| (written.text, written.level)), expected, "{text}");
}

#[track_caller]
fn check_body(text: &str, expected: Option<Body<'_>>) {
    assert_eq!(parse(&context(), text).map(|parsed| parsed.body), expected, "{text}");
}

#[test]
fn the_time_is_under_the_surest_key_that_holds_one() {
    let second = Some(1_700_000_000_000_000);
    check_time(r#"{"timestamp":"2023-11-14T22:13:20Z"}"#, second);
    check_time(r#"{"ts": 1700000000}"#, second);
    check_time(r#"{"ts": 1.7e9}"#, second);
    check_time(r#"{"time":1700000000000,"level":30}"#, second);
    check_time(r#"{"time":"1700000000.5"}"#, Some(1_700_000_000_500_000));
    check_time(r#"{"asctime":"2023-11-14 22:13:20,000"}"#, second);
    check_time(r#"{"date":"14-Nov-23 22:13:20"}"#, second);
    check_time(r#"{"time":"2001-01-01T00:00:00Z","@timestamp":" 2023-11-14T22:13:20Z "}"#, second);
    check_time(r#"{"timestamp":12.5,"time":1700000000}"#, second);
    check_time(r#"{"a":{"time":1700000000},"b":[{"time":1}]}"#, None);
    check_time(r#"{"time":"22:13:20","date":"2023-11-14"}"#, None);
    check_time(r#"{"time":null,"ts":{},"datetime":[],"date":true}"#, None);
    check_time(r#"{"\u0074s":1700000000}"#, second);
    check_time("\u{feff} {\"ts\":1700000000}\r\n", second);
    let parsed = parse(&context(), r#"{"time":"2023-11-14T22:13:20+01:00"}"#).unwrap();
    assert_eq!(parsed.time.unwrap().offset_seconds, Some(3600));
}

#[test]
fn a_level_is_a_name_in_any_case_or_a_number() {
    check_level(r#"{"level":"info"}"#, Some(("info", Info)));
    check_level(r#"{"severity":"WARNING"}"#, Some(("WARNING", Warning)));
    check_level(r#"{"levelname":"Critical"}"#, Some(("Critical", Critical)));
    check_level(r#"{"log_level":"EventLogLevel.ERROR"}"#, Some(("EventLogLevel.ERROR", Error)));
    check_level(r#"{"log_level":"notset"}"#, Some(("notset", NotSet)));
    check_level(r#"{"log.level":"debug"}"#, Some(("debug", Debug)));
    check_level(r#"{"log":{"origin":{"a":1},"level":"error"}}"#, Some(("error", Error)));
    check_level(r#"{"log":"level"}"#, None);
    check_level(r#"{"log":{"level":[]}}"#, None);
    check_level(r#"{"level":"high","severity":"fatal"}"#, Some(("fatal", Critical)));
    check_level(r#"{"level":10}"#, Some(("10", Debug)));
    check_level(r#"{"level":25}"#, Some(("25", Info)));
    check_level(r#"{"level":30.0}"#, Some(("30.0", Warning)));
    check_level(r#"{"level":60}"#, Some(("60", Critical)));
    check_level(r#"{"level":3}"#, None);
    check_level(r#"{"level":100}"#, None);
    check_level(r#"{"level":true}"#, None);
    check_level(r#"{"message":"ERROR: x"}"#, None);
}

#[test]
fn pino_and_bunyan_count_one_step_higher() {
    let check = |number: u8, expected| {
        let text = format!(r#"{{"level":{number},"time":1700000000000,"pid":7,"hostname":"lab"}}"#);
        assert_eq!(parse(&context(), &text).unwrap().level.map(|level| level.level), Some(expected), "{text}");
    };
    check(10, Debug);
    check(20, Debug);
    check(30, Info);
    check(40, Warning);
    check(50, Error);
    check(60, Critical);
}

#[test]
fn the_message_is_under_the_surest_key_that_holds_a_text() {
    let object = |message_key| Some(Body::Json { message_key });
    check_body(r#"{"msg":"m"}"#, object(Some("msg")));
    check_body(r#"{"event":"struct msg","message":"m"}"#, object(Some("message")));
    check_body(r#"{"message":{"a":1},"text":"m"}"#, object(Some("text")));
    check_body(r#"{"message":"\"quoted\" \u00e9"}"#, object(Some("message")));
    check_body("{}", object(None));
    check_body("[1]", None);
    check_body(r#"{"a":1} {"b":2}"#, None);
    check_body(r#"{"a":}"#, None);
    check_body("{not json}", None);
    check_body("", None);
}

#[test]
fn an_event_of_madsci_is_complete_or_it_is_an_object_like_others() {
    let whole = r#"{"event_id":"01JD3Z0Q4TQ0AXWFN6YB3K6W1E","event_type":"log_info","log_level":20,"alert":false,
        "event_timestamp":"2026-11-23T09:18:44.331566","source":{},"event_data":{"message":"m"}}"#;
    let parsed = parse(&context(), whole).unwrap();
    assert_eq!((parsed.body, parsed.level.unwrap().level), (Body::MadsciEvent, Info));
    assert!(parsed.time.unwrap().offset_seconds.is_none());
    let check = |from: &str, to: &str, expected| check_body(&whole.replace(from, to), Some(expected));
    let object = Body::Json { message_key: None };
    check("event_id", "_id", Body::MadsciEvent);
    check(":20,", ":\"INFO\",", Body::MadsciEvent);
    check("01JD", "81JD", object);
    check("01JD", "1JD", object);
    check("W1E", "W1U", object);
    check("event_id", "id", object);
    check("\"log_info\"", "7", object);
    check("log_level", "level", object);
    check(":20,", ":null,", object);
    check("event_timestamp", "timestamp", object);
}
