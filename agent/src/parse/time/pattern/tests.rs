use proptest::prelude::{Strategy, any, prop_assert_eq, proptest};

use super::{PatternError, Reading, TimePattern, WrittenDate};
use crate::parse::fixture::{civil_of, micros};
use crate::parse::timestamp::calendar::DAY_MICROS;

#[track_caller]
fn read(pattern: &str, text: &str) -> Option<Reading> {
    let pattern: TimePattern = pattern.parse().unwrap_or_else(|error| panic!("{pattern}: {error}"));
    pattern.read(text.as_bytes(), 0)
}

/// Checks the time, its offset and what comes after it.
#[track_caller]
fn check(pattern: &str, text: &str, expected: &str, offset_seconds: Option<i32>, rest: &str) {
    let Some(reading) = read(pattern, text) else { panic!("{pattern} does not fit {text}") };
    let WrittenDate::Day(day) = reading.date else { panic!("{pattern} gives no day for {text}") };
    let found = day * DAY_MICROS + reading.clock_micros;
    assert_eq!((found, reading.offset_seconds), (micros(expected), offset_seconds), "{pattern}: {text}");
    assert_eq!(&text[reading.end..], rest, "{pattern}: {text}");
}

#[track_caller]
fn check_none(pattern: &str, text: &str) {
    assert_eq!(read(pattern, text), None, "{pattern}: {text}");
}

#[test]
fn forms_of_instruments() {
    check("%Y.%m.%d %H:%M:%S", "2026.03.27 07:23:35  x", "2026-03-27T07:23:35", None, "  x");
    check("%y-%m-%d %H:%M:%S.%f %z", "15-09-09 15:35:30.466 +01 1", "2015-09-09T15:35:30.466", Some(3600), " 1");
    check("%y/%m/%d %T", "15/09/09 15:35:30", "2015-09-09T15:35:30", None, "");
    check("%d-%b-%y %H:%M :%S", "28-AUG-21 20:35 :46", "2021-08-28T20:35:46", None, "");
    check("%a %m/%d/%Y %H:%M:%S.%f", "Mon 06/21/2010 10:34:51.64  ", "2010-06-21T10:34:51.64", None, "  ");
    check("%m/%d/%Y %I:%M:%S %p", "8/5/2025 1:02:03 pm x", "2025-08-05T13:02:03", None, " x");
    check("%m/%d/%Y %I:%M:%S %p", "8/5/2025 12:02:03 a.m. x", "2025-08-05T00:02:03", None, " x");
    check("%d-%m-%Y %R", "05-08-2025 13:02", "2025-08-05T13:02", None, "");
    check("%Y%m%d%H%M%S%f", "20260327072335125", "2026-03-27T07:23:35.125", None, "");
    check("%D %T", "03/27/26 07:23:35", "2026-03-27T07:23:35", None, "");
    check("%F %T>", "2026-03-27 07:23:35> x", "2026-03-27T07:23:35", None, " x");
    check("%F %T>", "2026-03-27 07:23:35>x", "2026-03-27T07:23:35", None, "x");
    check("%Y-%j %T", "2024-366 07:23:35", "2024-12-31T07:23:35", None, "");
    check("%b %e %Y %k:%M", "Nov  6 2024  7:05 x", "2024-11-06T07:05", None, " x");
    check("%e. %B %Y %H:%M", "6. März 2024 07:05", "2024-03-06T07:05", None, "");
    check("%A %d %B %Y %T", "mercredi 6 févr. 2024 07:05:01", "2024-02-06T07:05:01", None, "");
    check("%a. %d.%b.%Y %H Uhr %M", "Mi. 06.Dez.2023 07 Uhr 05", "2023-12-06T07:05", None, "");
    check("100%% %s", "100% 1624486997.966815548 x", "2021-06-23T22:23:17.966815", Some(0), " x");
    check("%F", "2024-05-06 x", "2024-05-06", None, " x");
    check("%F %T %Z", "2024-05-06 07:08:09 CEST x", "2024-05-06T07:08:09", Some(7200), " x");
    check("%F %T %Z", "2024-05-06 07:08:09 IST x", "2024-05-06T07:08:09", None, " x");
    check("[%F %T]", "[2024-05-06   07:08:09]x", "2024-05-06T07:08:09", None, "x");
    check("%F %T.%6f", "2024-05-06 23:59:60,5 x", "2024-05-06T23:59:59.999999", None, " x");
    check("%y-%m-%d", "68-01-02", "2068-01-02", None, "");
    check("%y-%m-%d", "69-01-02", "1969-01-02", None, "");
}

#[test]
fn fractions_and_offsets_are_read_however_they_are_written() {
    let fraction = |text: &str, expected: &str, rest| {
        check("%F %T.%f", &format!("2024-05-06 07:08:09{text}"), &format!("2024-05-06T07:08:09{expected}"), None, rest);
    };
    fraction(".5", ".5", "");
    fraction(",125 x", ".125", " x");
    fraction(".1234567890123456789", ".123456", "");
    fraction("", "", "");
    fraction(". x", "", " x");
    fraction(" x", "", " x");
    check_none("%F %T.%f", "2024-05-06 07:08:09.5Z");
    check_none("%F %T:%f", "2024-05-06 07:08:09:");
    check("%T.%f. %F", "07:08:09. 2024-05-06", "2024-05-06T07:08:09", None, "");
    let offset = |text: &str, expected| {
        check("%FT%T%z", &format!("2024-05-06T07:08:09{text}"), "2024-05-06T07:08:09", Some(expected), "");
    };
    offset("Z", 0);
    offset("+01", 3600);
    offset("-0330", -12_600);
    offset("+05:45", 20_700);
    check_none("%FT%T%z", "2024-05-06T07:08:09");
    check_none("%FT%T%z", "2024-05-06T07:08:09+25:00");
}

#[test]
fn what_does_not_fit_is_no_time() {
    for text in [
        "",
        "2024-05-0",
        "2024-13-06 07:08:09",
        "2023-02-29 07:08:09",
        "2024-05-06 24:00:00",
        "2024-05-06 07:60:09",
        "2024-05-06 07:08:61",
        "2024-05-06 07:08:091",
        "2024-05-06 07:08:09x",
        "2024-05-06T07:08:09",
    ] {
        check_none("%F %T", text);
    }
    check_none("%Y-%j %T", "2023-366 07:23:35");
    check_none("%b %d %Y", "Mayor 5 2024");
    assert_eq!(read("%H:%M:%S", "07:08:09").unwrap().date, WrittenDate::Nothing);
    assert_eq!(read("%m-%d %H:%M", "05-06 07:08").unwrap().date, WrittenDate::WithoutYear(5, 6));
}

#[test]
fn a_form_that_cannot_be_a_time_is_refused() {
    let check = |pattern: &str, expected| assert_eq!(pattern.parse::<TimePattern>().err(), Some(expected), "{pattern}");
    check("%Y-%m-%d %q", PatternError::Unknown('q'));
    check("%H:%M %", PatternError::Unfinished);
    check("%M:%S", PatternError::NoTime);
    check("", PatternError::NoTime);
    check("%Y-%m %H:%M", PatternError::PartOfDate);
    check("%Y %H:%M", PatternError::PartOfDate);
    check("%F %I:%M", PatternError::NoHalf);
}

fn civil() -> impl Strategy<Value = jiff::civil::DateTime> {
    (micros("1970-01-01")..micros("2068-12-31")).prop_map(civil_of)
}

proptest! {
    #[test]
    fn every_form_is_read_as_it_was_written(written in civil(), minutes in -720_i32..=840, tail in "([ ,;>-].*)?") {
        let expected = micros(&written.to_string());
        let whole = expected - expected.rem_euclid(1_000_000);
        let sign = if minutes < 0 { '-' } else { '+' };
        let offset = format!("{sign}{:02}:{:02}", minutes.abs() / 60, minutes.abs() % 60);
        let forms = [
            ("%Y-%m-%d %H:%M:%S.%f", "%Y-%m-%d %H:%M:%S.%6f"),
            ("%Y-%m-%d %H:%M:%S.%f", "%Y-%m-%d %H:%M:%S,%6f"),
            ("%Y%m%d%H%M%S%f", "%Y%m%d%H%M%S%6f"),
            ("%d-%b-%Y %H:%M :%S.%f", "%d-%b-%Y %H:%M :%S.%6f"),
            ("%A, %d %B %Y %I:%M:%S.%f %p", "%A, %d %B %Y %I:%M:%S.%6f %p"),
            ("%m/%e/%Y %k:%M:%S.%f", "%m/%e/%Y %k:%M:%S.%6f"),
            ("%Y-%jT%T.%f", "%Y-%jT%H:%M:%S.%6f"),
        ];
        for (pattern, form) in forms {
            let text = written.strftime(form).to_string();
            let reading = read(pattern, &format!("{text}{tail}")).unwrap_or_else(|| panic!("{pattern}: {text}"));
            let WrittenDate::Day(day) = reading.date else { panic!("{pattern}: {text}") };
            prop_assert_eq!(day * DAY_MICROS + reading.clock_micros, expected, "{}: {}", pattern, text);
            prop_assert_eq!(reading.end, text.len(), "{}: {}", pattern, text);
        }
        if written.year() >= 1969 {
            let text = written.strftime("%y/%m/%d %H:%M:%S").to_string() + &offset;
            let reading = read("%y/%m/%d %H:%M:%S%z", &text).unwrap();
            let WrittenDate::Day(day) = reading.date else { panic!("{text}") };
            prop_assert_eq!(day * DAY_MICROS + reading.clock_micros, whole, "{}", text);
            prop_assert_eq!(reading.offset_seconds, Some(minutes * 60), "{}", text);
        }
    }

    #[test]
    fn no_form_and_no_text_make_it_panic(pattern in "(%[YymdejbBaAHklIpMSfzZsFTDR%]|[ .,:/-]|[a-zé]){0,8}", text in "[0-9A-Za-z:., +/é-]{0,30}|.*") {
        if let Ok(pattern) = pattern.parse::<TimePattern>() {
            for at in 0..=text.len() {
                pattern.read(text.as_bytes(), at);
            }
        }
    }

    #[test]
    fn any_pattern_is_read_or_refused(pattern in any::<String>()) {
        let _ = pattern.parse::<TimePattern>();
    }
}
