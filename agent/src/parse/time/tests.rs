use serde_json::json;

use crate::parse::fixture::Stream;
use crate::parse::{ParseConfigError, ParseSection, RecordParser};

/// Checks the time of one record in a section with these lines under `[time]`.
#[track_caller]
fn check(time: &str, text: &str, expected: Option<&str>) {
    let mut stream = Stream::of(&format!("[time]\n{time}"));
    assert_eq!(stream.time(text).as_deref(), expected, "{time}\n{text}");
}

#[test]
fn named_forms() {
    check("format = 'iso8601'", "2024-05-06T07:08:09.5+02:00 x", Some("2024-05-06T07:08:09.5+02"));
    check("format = 'rfc3164'", "Nov  6 01:59:14 host", Some("2024-11-06T01:59:14"));
    check("format = 'rfc5424'", "2024-05-06T07:08:09Z x", Some("2024-05-06T07:08:09+00"));
    check("format = 'ctime'", "Tue Apr 18 19:12:54 2023 x", Some("2023-04-18T19:12:54"));
    check("format = 'epoch'", "1624486997 x", Some("2021-06-23T22:23:17+00"));
    check("format = 'epoch_ms'", "1624486997966 x", Some("2021-06-23T22:23:17.966+00"));
    check("format = 'hex_epoch'", "5c51f4f5 x", Some("2019-01-30T19:03:17+00"));
    check("format = 'us'", "08/05/2025 1:02:03 PM x", Some("2025-08-05T13:02:03"));
    check("format = 'eu'", "05.08.2025 13:02:03 x", Some("2025-08-05T13:02:03"));
    check("format = 'clf'", "[10/Oct/2000:13:55:36 -0700] x", Some("2000-10-10T13:55:36-07"));
    check("format = ['us', '%d-%b-%y %T']", "28-AUG-21 20:46:00 x", Some("2021-08-28T20:46:00"));
}

#[test]
fn a_time_is_looked_for_where_the_config_says() {
    let iso = "format = '%F %T'";
    check(iso, "\u{feff} [2024-05-06 07:08:09] x", Some("2024-05-06T07:08:09"));
    check(iso, "x 2024-05-06 07:08:09", None);
    let anywhere = format!("{iso}\nwhere = 'anywhere'");
    check(&anywhere, "epicsEnv(L2024-05-06 07:08:08 at 2024-05-06 07:08:09 x", Some("2024-05-06T07:08:09"));
    check(&anywhere, "a\n2024-05-06 07:08:09", None);
    check(&format!("{iso}\nline = 2"), "a\n2024-05-06 07:08:09", Some("2024-05-06T07:08:09"));
    check(&format!("{iso}\nline = 3"), "a\n2024-05-06 07:08:09", None);
    check(&format!("{iso}\nline = 'last'"), "a\nb\n2024-05-06 07:08:09\r\n\n", Some("2024-05-06T07:08:09"));
    check(&format!("{anywhere}\nline = 'last'"), "a\nb at 2024-05-06 07:08:09", Some("2024-05-06T07:08:09"));
    check(&format!("{iso}\nbefore = 'at[:]'"), "a\nb at: 2024-05-06 07:08:09", Some("2024-05-06T07:08:09"));
    let group = format!("{iso}\npattern = 'from .* to (?<time>.*)'");
    check(&group, "from 2024-05-06 07:08:08 to 2024-05-06 07:08:09", Some("2024-05-06T07:08:09"));
    let field = format!("{iso}\nwhere = 'field'\nfield = 'when'");
    check(&field, r#"{"when":"2024-05-06 07:08:09","time":"2024-05-06 07:08:10"}"#, Some("2024-05-06T07:08:09"));
    check(&field, r#"{"time":"2024-05-06 07:08:10"}"#, None);
    // Where no place is named, what the parser reads by itself still counts.
    check("format = 'hex_epoch'", "2024-05-06 07:08:09 x", Some("2024-05-06T07:08:09"));
    check("format = 'hex_epoch'\nwhere = 'start'", "2024-05-06 07:08:09 x", None);
}

#[test]
fn a_level_is_found_after_a_time_of_a_configured_form() {
    let mut stream = Stream::of("[time]\nformat = '%y-%m-%d %T'");
    assert_eq!(stream.read("15-09-09 15:35:30 WRN: x").level_name(), Some("WARNING"));
}

#[test]
fn times_without_a_date_are_of_the_day_of_the_file() {
    let mut stream = Stream::of("[time]\nformat = '%H:%M:%S.%f'\nday = 'path'");
    assert_eq!(stream.time("18:59:08.812 -> 255"), None);
    stream.day = Some(20_539);
    assert_eq!(stream.time("18:59:08.812 -> 255").as_deref(), Some("2026-03-27T18:59:08.812"));
    assert_eq!(stream.time("18:59:08.7 -> 255").as_deref(), Some("2026-03-27T18:59:08.7"));
    let said = stream.read("00:00:01 -> 255");
    assert_eq!((said.time.as_deref(), said.tags), (Some("2026-03-28T00:00:01"), vec!["date_rolled"]));
    assert_eq!(stream.time("23:59:59 -> 255").as_deref(), Some("2026-03-27T23:59:59"));
    assert_eq!(stream.time("00:00:02 -> 255").as_deref(), Some("2026-03-28T00:00:02"));
    for (time, expected) in
        [("14:00:00", "2026-03-28T14:00:00"), ("01:30:00", "2026-03-29T01:30:00"), ("01:00:00", "2026-03-29T01:00:00")]
    {
        assert_eq!(stream.time(time).as_deref(), Some(expected));
    }
}

#[test]
fn rows_count_from_the_header_of_their_file() {
    let mut stream = Stream::of(
        "parsers = [{ format = 'csv', separator = \"\\t\", columns = ['X_Value', 'U'], decimal = ',' }]
         [time]\nformat = 'seconds_since_header'\nfield = 'X_Value'",
    );
    assert_eq!(stream.time("0,5\t1"), None);
    stream.header.insert("Date".to_owned(), json!("2013/02/19"));
    stream.header.insert("Time".to_owned(), json!("09:51:40,7271890640634210000"));
    assert_eq!(stream.time("0,500001\t0,914018").as_deref(), Some("2013-02-19T09:51:41.22719"));
    assert_eq!(stream.time("1,5E+1\t0,914018").as_deref(), Some("2013-02-19T09:51:55.727189"));
    assert_eq!(stream.parser.day_of_header(&stream.header), Some(15_755));
}

#[test]
fn running_times_count_from_their_anchor() {
    let mut stream = Stream::of(
        r"time = { format = 'uptime', before = '^Stats ', anchor = '^Start printer at .*\((?<epoch>\d+\.\d+) (?<uptime>\d+\.\d+)\)' }",
    );
    assert_eq!(stream.time("Stats 1413.1: x"), None);
    let anchor = "Start printer at Tue Apr 18 19:12:54 2023 (1681855974.0 1409.4)";
    assert_eq!(stream.time(anchor).as_deref(), Some("2023-04-18T22:12:54+00"));
    assert_eq!(stream.time("a line without a time"), None);
    assert_eq!(stream.time("Stats 1413.1: x").as_deref(), Some("2023-04-18T22:12:57.7+00"));
    let kept = serde_json::to_string(&stream.last).unwrap();
    assert_eq!(serde_json::from_str::<Option<crate::parse::LastTime>>(&kept).unwrap(), stream.last);
}

#[test]
fn settings_that_do_not_go_together_are_refused() {
    let check = |time: &str, expected| {
        let section: ParseSection = toml::from_str(time).unwrap();
        assert_eq!(RecordParser::compile(&section).err(), Some(expected), "{time}");
    };
    check("time.format = 'uptime'", ParseConfigError::NoAnchor);
    check("time.anchor = 'x'", ParseConfigError::AnchorGroups);
    check("time.pattern = 'x'", ParseConfigError::NoTimeGroup);
    check("time.pattern = '(?<time>x)'\ntime.before = 'x'", ParseConfigError::TwoPlaces);
    check("parser = 'json'\nparsers = [{ format = 'json' }]", ParseConfigError::TwoChains);
    for (text, reason) in [
        ("time.format = 'isoo'", "\"isoo\" is not a form of time"),
        ("time.format = '%Q'", "%Q is not known"),
        ("time.before = '('", "unclosed group"),
        ("time.line = 0", "from 1 on"),
        ("time.wher = 'start'", "unknown field `wher`"),
        ("level.words = { A = 'LOUD' }", "is not a level"),
        ("level.rules = [{ pattern = '(', level = 'ERROR' }]", "unclosed group"),
        ("parsers = [{ format = 'regex' }]", "needs a pattern"),
        ("parsers = [{ format = 'xml' }]", "format \"xml\" is not known"),
        ("parsers = [{ format = 'json', pattern = 'x' }]", "pattern means nothing for format = \"json\""),
        ("parsers = [{ format = 'csv', separator = 'é' }]", "cannot stand between cells"),
    ] {
        let error = toml::from_str::<ParseSection>(text).unwrap_err().to_string();
        assert!(error.contains(reason), "{text}: {error}");
    }
}
