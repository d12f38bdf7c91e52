//! GET /events: what every parameter takes and means.

use labtrail_tests::lab::Answer;

use super::{
    answers::refused,
    case::{event, get},
    pair::Pair,
};

/// Levels in turn; an event every hour.
const LEVELS: [u8; 6] = [10, 20, 30, 40, 50, 0];

pub(super) fn scene(pair: &Pair) {
    pair.same(get("/events"));
    for number in 0..24 {
        let (level, archived) = (LEVELS[number % 6], number % 8 == 7);
        pair.same(event(format!(
            r#"{{"_id": "list {number:02}", "log_level": {level}, "archived": {archived}, "event_timestamp": "2026-03-01T{number:02}:00:00", "source": {{}}, "event_data": {{"number": {number}}}}}"#
        )));
    }
    counts(pair);
    levels(pair);
    times(pair);
    archived(pair);
    zones(pair);
}

fn list(query: &str) -> super::case::Case {
    get(format!("/events?{query}"))
}

fn counts(pair: &Pair) {
    pair.same_all(
        list,
        [
            "",
            "number=1",
            "number=3",
            "number=0",
            "number=-1",
            "number=-5",
            "number=24",
            "number=1000000",
            "number=2147483647",
            "number=2147483648",
            "number=9223372036854775807",
            "number=abc",
            "number=",
            "number",
            "number=1.0",
            "number=1.5",
            "number=1e2",
            "number=%205",
            "number=5%20",
            "number=%2B5",
            "number=+5",
            "number=5_0",
            "number=005",
            "number=true",
            "number=null",
            "number=1&number=2",
            "number=x&number=2",
            "number[]=1",
            "number=%C3%BC",
            "number=%FF",
            "number=%D9%A3",
            "number=0x10",
            "NUMBER=1",
            "number=-0",
            "number=--1",
            "number=1,000",
            "offset=0",
            "offset=2",
            "offset=23",
            "offset=24",
            "offset=1000",
            "offset=abc",
            "offset=",
            "offset=1.0",
            "offset=2&number=3",
            "offset=2147483648",
            "number=0&offset=20",
            "number=-2&offset=20",
            "offset=20&number=-2",
            "number=x&offset=y&level=z&start_time=a&end_time=b&include_archived=c",
            "nothing=1",
            "number=2;offset=1",
            "number=2&&offset=1",
            "&",
            "number=3&nothing",
            "number=99999999999999999999999x",
        ],
    );
    for query in [
        "number=9223372036854775808",
        "number=-9223372036854775809",
        "number=99999999999999999999",
        "offset=-1",
        "offset=-9223372036854775808",
        "offset=9223372036854775808",
        "number=1&offset=-1",
    ] {
        pair.accepted("out-of-range", list(query), refused);
    }
}

fn levels(pair: &Pair) {
    pair.same_all(
        |level: &str| list(&format!("level={level}")),
        [
            "0",
            "10",
            "20",
            "25",
            "30",
            "40",
            "50",
            "51",
            "60",
            "1000",
            "-1",
            "-10",
            "info",
            "INFO",
            "Warning",
            "WARN",
            "error",
            "critical",
            "debug",
            "notset",
            "NOTSET",
            "FATAL",
            "EventLogLevel.ERROR",
            "eventloglevel.error",
            "abc",
            "",
            "30.0",
            "30.5",
            "1e1",
            "true",
            "%2030",
            "+30",
            "3_0",
            "alert",
            "INFO%20",
            "9223372036854775807",
            "null",
            "30&level=40",
            "EventLogLevel.LOUD",
        ],
    );
    pair.accepted("out-of-range", list("level=9223372036854775808"), refused);
}

fn times(pair: &Pair) {
    for time in ["start_time", "end_time"] {
        pair.same_all(
            |value: &str| list(&format!("{time}={value}")),
            [
                "2026-03-01T05:00:00",
                "2026-03-01T05:00:00.000001",
                "2026-03-01T04:59:59.999999",
                "2026-03-01T05:00",
                "2026-03-01%2005:00:00",
                "2026-03-01+05:00:00",
                "2026-03-01t05:00:00",
                "2026-03-01_05:00:00",
                "2026-03-01T05:30:00Z",
                "2026-03-01T05:30:00z",
                "2026-03-01T05:30:00-00:00",
                "2026-03-01T05:30:00%2B00:00",
                "2026-03-01T05:30:00%2B0000",
                "2026-03-01",
                "2026-03-02",
                "2025-01-01",
                "2027-01-01T00:00:00",
                "1772346600",
                "1772346600.5",
                "1772346600000",
                "1772346600123",
                "0",
                "-1",
                "-1.5",
                "1e9",
                "2e10",
                "253402300799999",
                "253402300800000",
                "",
                "now",
                "yesterday",
                "null",
                "true",
                "2026-13-01",
                "2026-03-32",
                "2026-03-01T25:00:00",
                "2026-03-01T05:00:60",
                "20260301T050000",
                "2026-03-01T05",
                "2026-W10-1",
                "2026-03-01T05:00:00+01:00",
                "2026-03-01T05:00:00%20Z",
                "2026-03-01T05:00:00,5",
                "2026-03-01T05:00:00.123456789",
                "2026-03-01T05:00:00.1234567891",
                "NaN",
                "inf",
                "0001-01-01T00:00:00",
                "9999-12-31T23:59:59",
                "99999999999999999999",
                "2026-03-01T05:00:00&level=40",
            ],
        );
    }
    pair.same_all(
        list,
        [
            "start_time=2026-03-01T05:00:00&end_time=2026-03-01T10:00:00", "start_time=2026-03-01T05:00:00&end_time=2026-03-01T05:00:00",
            "start_time=2026-03-01T10:00:00&end_time=2026-03-01T05:00:00",
            "start_time=2026-03-01T05:00:00&end_time=2026-03-01T20:00:00&number=3&offset=2&level=warning&include_archived=true",
            "start_time=2026-03-01T05:00:00&start_time=2026-03-01T20:00:00", "start_time=x&end_time=y", "start_time=&end_time=",
        ],
    );
}

fn archived(pair: &Pair) {
    pair.same_all(
        |value: &str| list(&format!("include_archived={value}")),
        [
            "true",
            "false",
            "True",
            "TRUE",
            "1",
            "0",
            "yes",
            "no",
            "on",
            "off",
            "t",
            "f",
            "y",
            "n",
            "2",
            "-1",
            "1.0",
            "0.0",
            "",
            "maybe",
            "%20true",
            "null",
            "None",
            "true&include_archived=false",
            "true&number=2",
            "true&level=50",
        ],
    );
}

/// MADSci compares the texts of times, Labtrail the instants.
fn zones(pair: &Pair) {
    let order = |ids: &'static [&'static str]| {
        move |ours: &Answer| {
            let events = ours.json();
            let found: Vec<_> = events.as_object().into_iter().flat_map(|events| events.keys()).collect();
            if found == ids { Ok(()) } else { Err(format!("the order is {found:?} instead of {ids:?}")) }
        }
    };
    // The bound is the instant of an event that was written without a zone, on a machine in UTC.
    let from = "start_time=2026-03-01T22:00:00Z";
    pair.accepted("times-are-instants", list(from), order(&["list 22"]));
    let to = "end_time=2026-03-01T01:00:00-00:00";
    pair.same(list(to));
    pair.forget_events();
    for (id, time) in [
        ("a", "2026-05-01T05:00:00"),
        ("b", "2026-05-01T06:30:00+02:00"),
        ("c", "2026-05-01T04:45:00Z"),
        ("d", "2026-05-01T05:00:00.000001"),
        ("e", "2026-05-01T00:15:00-05:00"),
    ] {
        pair.same(event(format!(r#"{{"_id": "{id}", "event_timestamp": "{time}", "source": {{}}}}"#)));
    }
    pair.accepted("times-are-instants", get("/events"), order(&["e", "d", "a", "c", "b"]));
    pair.accepted("times-are-instants", list("number=2"), order(&["e", "d"]));
    pair.same(list("number=2&offset=2"));
    let from = "start_time=2026-05-01T05:00:00Z";
    pair.accepted("times-are-instants", list(from), order(&["e", "d", "a"]));
    let to = "end_time=2026-05-01T06:45:00%2B02:00";
    pair.accepted("times-are-instants", list(to), order(&["c", "b"]));
}
