use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::{Strategy, any, prop_oneof, proptest};
use serde_json::{Value, json};

use crate::parse::fixture::{Said, Stream};

#[track_caller]
fn check(section: &str, text: &str, message: Option<&str>, fields: &Value) -> Said {
    let said = Stream::of(section).read(text);
    assert_eq!((said.message.as_deref(), &said.fields), (message, fields), "{section}\n{text}");
    said
}

#[test]
fn groups_of_an_expression_become_fields() {
    let hamilton = r"parsers = [{ format = 'regex', pattern = '^(?<time>[\d :.-]+)> (?<source>.*?) : (?<command>.*?) - (?<level>\w+);(?s:(?<message>.*))' }]
        level.words = { complete = 'INFO', progress = 'DEBUG' }";
    let text = "2024-05-06 07:08:09> ML_STAR : Aspirate - complete; > channel 1: \"x\"\ny";
    let said =
        check(hamilton, text, Some(" > channel 1: \"x\"\ny"), &json!({"source": "ML_STAR", "command": "Aspirate"}));
    assert_eq!(said.time.as_deref(), Some("2024-05-06T07:08:09"));
    assert_eq!(said.level, Some(("complete".to_owned(), "INFO")));
    let numbers =
        r"parsers = [{ format = 'regex', pattern = '(?<a>\S+) (?<b>\S+)(?<c>x)?', numbers = ['a'], decimal = ',' }]";
    check(numbers, "1,5 2,5", None, &json!({"a": 1.5, "b": "2,5"}));
    check(&numbers.replace("['a']", "true"), "1,5 007", None, &json!({"a": 1.5, "b": "007"}));
    // Without a group for it, a time at the beginning is read all the same.
    let said = check(
        "parsers = [{ format = 'regex', pattern = ' (?<text>x)$' }]",
        "2024-05-06 07:08:09 x",
        None,
        &json!({"text": "x"}),
    );
    assert_eq!(said.time.as_deref(), Some("2024-05-06T07:08:09"));
    let said =
        check("parsers = [{ format = 'regex', pattern = '^(?<time>\\S+)' }]", "soon x", None, &json!({"time": "soon"}));
    assert_eq!(said.time, None);
    let own = "parsers = [{ format = 'regex', pattern = '^(?<began>\\S+ \\S+)' }]\ntime.field = 'began'";
    let said = check(own, "2024-05-06 07:08:09 x", None, &json!({"began": "2024-05-06 07:08:09"}));
    assert_eq!(said.time.as_deref(), Some("2024-05-06T07:08:09"));
}

#[test]
fn the_first_parser_that_can_reads_a_record() {
    let chain = r"parsers = [{ format = 'json' }, { format = 'regex', name = 'pump', pattern = '^P(?<n>\d+)' },
        { format = 'regex', pattern = '^V(?<n>\d+) (?<time>\S+)' }, { format = 'logfmt' }]";
    let mut stream = Stream::of(chain);
    assert_eq!(stream.parser.parser_names(), ["json", "pump", "regex", "logfmt"]);
    let mut check = |text: &str, parser, fields: Value| {
        let said = stream.read(text);
        assert_eq!((said.parser, said.fields, said.tags.is_empty()), (parser, fields, true), "{text}");
    };
    check(r#"{"a":1}"#, 0, json!({}));
    check("P12", 1, json!({"n": "12"}));
    check("V7 2024-05-06T07:08:09", 2, json!({"n": "7"}));
    check("a=1 b=x", 3, json!({"a": 1, "b": "x"}));
    let said = stream.read("2024-05-06 07:08:09 none of them");
    assert_eq!((said.tags.as_slice(), said.has_no_fields(), said.message), (["parse_failure"].as_slice(), true, None));
    let said = Stream::of("parser = 'json'").read("text");
    assert_eq!(said.tags, ["parse_failure"]);
    assert!(Stream::of("parser = 'none'").read("2024-05-06 07:08:09 x").time.is_none());
    assert!(Stream::of("").read("text").tags.is_empty());
}

#[test]
fn rows_of_tables() {
    let columns = "parsers = [{ format = 'csv', separator = ';', columns = ['Time', 'Level', 'Message', 'T', 'U'], decimal = ',' }]";
    let said = check(columns, "2024-05-06 07:08:09;warn;\"door; open\";21,5;", Some("door; open"), &json!({"T": 21.5}));
    assert_eq!((said.time.as_deref(), said.level_name()), (Some("2024-05-06T07:08:09"), Some("WARNING")));
    check(columns, "2024-05-06 07:08:09;;;x;1,2,3;9;", None, &json!({"T": "x", "U": "1,2,3", "column_6": 9}));
    check(columns, "12,5;;;1;", None, &json!({"T": 1, "time": "12,5"}));
    assert_eq!(Stream::of(columns).read("one cell").tags, ["parse_failure"]);
    assert_eq!(Stream::of(columns).read("a;\"torn").tags, ["parse_failure"]);
    let mut stream = Stream::of("parser = 'csv'");
    assert_eq!(stream.read("1,x").fields, json!({"column_1": 1, "column_2": "x"}));
    stream.columns = Some(vec!["Time".to_owned(), "MFC1 Measure mln/min".to_owned()]);
    let said = stream.read("\u{feff}\"2021-09-17 11:26:14.045\",39.97157");
    assert_eq!(
        (said.fields, said.time.as_deref()),
        (json!({"MFC1 Measure mln/min": 39.97157}), Some("2021-09-17T11:26:14.045"))
    );
    let said = Stream::of("parsers = [{ format = 'csv', columns = ['time', 'a'] }]").read("08/05/2025 10:59:55,1");
    assert_eq!((said.time, said.is_date_ambiguous), (None, true));
}

#[test]
fn pairs_of_keys_and_values() {
    let check = |text, message, fields| check("parser = 'logfmt'", text, message, &fields);
    let said = check(
        r#"ts=2024-05-06T07:08:09Z level=warn msg="door \"1\" open" n=1.5 ok=true path="C:\data" id="7" e="#,
        Some("door \"1\" open"),
        json!({"n": 1.5, "ok": true, "path": "C:\\data", "id": "7"}),
    );
    assert_eq!((said.time.as_deref(), said.level_name()), (Some("2024-05-06T07:08:09+00"), Some("WARNING")));
    check("a=1", None, json!({"a": 1}));
    check("pump a=1 stopped b='x y'", None, json!({"a": 1, "b": "x y"}));
    check("a=\"\\u00e9\\n\" b=\"torn", None, json!({"a": "é\n", "b": "\"torn"}));
    for text in ["", "text", "text a=1", "x == y z == w", "=1 =2"] {
        assert_eq!(Stream::of("parser = 'logfmt'").read(text).tags, ["parse_failure"], "{text}");
    }
}

/// The instants of a stream with a record every minute, written as a clock in the zone shows them, must be read back.
#[track_caller]
fn check_minutes(zone: &str, from: &str, form: &str, section: &str) {
    let mut stream = Stream::of(section).in_zone(zone);
    let zone = TimeZone::get(zone).unwrap();
    let from: Timestamp = from.parse().unwrap();
    let first = zone.to_datetime(from).date();
    stream.day = Some(i64::from(jiff::civil::date(1970, 1, 1).until(first).unwrap().get_days()));
    let mut counts = [0; 2];
    for minute in 0..30 * 60 {
        let at = from + SignedDuration::from_mins(minute);
        let text = zone.to_datetime(at).strftime(form).to_string();
        let said = stream.read(&text);
        let last = stream.last.unwrap();
        let written = labtrail_shared::timestamp::EventTimestamp {
            civil_micros: last.civil_micros,
            offset_seconds: last.offset_seconds,
        };
        assert_eq!(written.utc_micros(&zone), at.as_microsecond(), "{text} {said:?}");
        counts[0] += usize::from(said.tags.contains(&"time_ambiguous"));
        counts[1] += usize::from(said.time.unwrap().contains(['+', '-']) && last.is_second_pass);
    }
    let is_back = counts[0] > 0;
    assert_eq!(counts, if is_back { [counts[0], counts[0] / 2] } else { [0, 0] });
}

#[test]
fn no_minute_is_lost_when_the_clocks_change() {
    let places = [
        ("Europe/Zurich", "2024-03-30T12:00:00Z", "2024-10-26T12:00:00Z"),
        ("America/New_York", "2024-03-09T18:00:00Z", "2024-11-02T18:00:00Z"),
        ("Australia/Lord_Howe", "2024-10-05T03:00:00Z", "2024-04-06T03:00:00Z"),
    ];
    for (zone, forward, back) in places {
        for from in [forward, back] {
            check_minutes(zone, from, "%Y-%m-%d %H:%M:%S x", "");
            check_minutes(zone, from, "%H:%M:%S x", "time = { format = '%H:%M:%S', day = 'path' }");
        }
    }
}

#[test]
fn an_hour_that_comes_twice_is_told_by_the_stream() {
    let mut stream = Stream::of("").in_zone("America/New_York");
    let mut check = |text: &str, time: &str, tags: &[&str]| {
        let said = stream.read(text);
        assert_eq!((said.time.as_deref(), said.tags.as_slice()), (Some(time), tags), "{text}");
    };
    let ambiguous = ["time_ambiguous"];
    check("2019-11-03 00:59:59", "2019-11-03T00:59:59", &[]);
    check("2019-11-03 01:59:14", "2019-11-03T01:59:14", &ambiguous);
    // Out of order by a little, then the clock goes back.
    check("2019-11-03 01:58:59", "2019-11-03T01:58:59", &ambiguous);
    check("2019-11-03 01:24:56", "2019-11-03T01:24:56-05", &ambiguous);
    check("2019-11-03 01:20:00", "2019-11-03T01:20:00-05", &ambiguous);
    check("2019-11-03 02:00:01", "2019-11-03T02:00:01", &[]);
    check("2019-11-03 01:59:59", "2019-11-03T01:59:59-05", &ambiguous);
    check("2020-03-08 02:30:00", "2020-03-08T02:30:00", &["time_nonexistent"]);
    check("2020-11-01T01:30:00-05:00", "2020-11-01T01:30:00-05", &[]);
    check("2020-11-01 01:31:00", "2020-11-01T01:31:00-05", &ambiguous);
}

/// Pieces of real lines, so that a random text gets far into the parsers.
fn pieces() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        proptest::sample::select(vec![
            "2024-05-06",
            "T",
            " ",
            "07:08:09",
            ".123",
            "+01",
            "Z",
            "[",
            "]",
            "<13>",
            "1 ",
            "- ",
            "Nov  6 ",
            "host ",
            "app[1]: ",
            "\"",
            "level=",
            "a=",
            "\\",
            "{",
            "}",
            "\"time\":",
            "\u{feff}",
            "é",
            ",",
            ";",
            "\n",
            "\r",
            "1624486997.96",
            "5c51f4f5",
            "%SYS-5-X: ",
            "*",
            "(1.5 2.5)",
            "Stats ",
            "x",
            "=",
            "'",
            "\\u00",
            "9",
        ])
        .prop_map(str::to_owned),
        any::<char>().prop_map(String::from),
    ];
    proptest::collection::vec(piece, 0..14).prop_map(|pieces| pieces.concat())
}

/// The days of the years -9999 to 9999, counted from 1970: no date lies outside.
const DAYS: std::ops::RangeInclusive<i64> = -4_371_587..=2_932_896;

proptest! {
    #[test]
    fn no_text_makes_a_parser_panic(texts in proptest::collection::vec(prop_oneof![pieces(), any::<String>()], 1..4), day in proptest::option::of(DAYS)) {
        for section in [
            "", "parser = 'json'", "parser = 'syslog'", "parser = 'logfmt'", "parser = 'csv'", "parser = 'plain'",
            r"parsers = [{ format = 'regex', pattern = '(?<time>[\d:. -]+)(?<level>\w*)(?<message>.*)', numbers = true }]",
            r"time = { format = ['%H:%M:%S.%f', '%s', 'hex_epoch', 'us', 'eu', 'clf', 'epoch_ms'], where = 'anywhere', line = 'last' }",
            r"time = { format = 'uptime', before = 'Stats ', anchor = '\((?<epoch>\S+) (?<uptime>\S+)\)' }",
            r"time = { format = 'seconds_since_header', line = 2 }",
        ] {
            let mut stream = Stream::of(section).in_zone("Europe/Zurich");
            stream.day = day;
            stream.header.insert("Date".to_owned(), json!("2013/02/19"));
            for text in &texts {
                stream.read(text);
            }
        }
    }
}
