use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use proptest::prelude::{Strategy, any, prop_assert_eq, proptest};

use super::{Stamp, TextContext, WrittenTime, from_epoch_number, read, read_glog};
use crate::parse::DateOrder;

fn micros(text: &str) -> i64 {
    let datetime: DateTime = text.parse().unwrap();
    TimeZone::UTC.to_timestamp(datetime).unwrap().as_microsecond()
}

/// Seen from 10 November 2024.
fn context(date_order: Option<DateOrder>) -> TextContext {
    TextContext { date_order, now_civil_micros: micros("2024-11-10T00:00") }
}

const HOUR: i32 = 3600;

/// Checks that `text` begins with the time `expected`, at `offset`, and that `rest` is what comes after it.
#[track_caller]
fn check_with(date_order: Option<DateOrder>, text: &str, expected: &str, offset_seconds: Option<i32>, rest: &str) {
    let Some(stamp) = read(&context(date_order), text.as_bytes()) else { panic!("no time in {text:?}") };
    assert_eq!(stamp.time, WrittenTime { civil_micros: micros(expected), offset_seconds }, "{text:?}");
    assert_eq!(&text[stamp.length..], rest, "{text:?}");
}

#[track_caller]
fn check(text: &str, expected: &str, offset_seconds: Option<i32>, rest: &str) {
    check_with(None, text, expected, offset_seconds, rest);
}

#[track_caller]
fn check_none(text: &str) {
    assert_eq!(read(&context(None), text.as_bytes()), None, "{text:?}");
}

#[test]
fn dates_that_begin_with_the_year() {
    check("2024-05-06T07:08:09", "2024-05-06T07:08:09", None, "");
    check("2024-05-06t07:08:09z", "2024-05-06T07:08:09", Some(0), "");
    check("2024-05-06_07:08:09 x", "2024-05-06T07:08:09", None, " x");
    check("2024-05-06   07:08:09\tx", "2024-05-06T07:08:09", None, "\tx");
    check("2024-05-06, 07:08:09", "2024-05-06T07:08:09", None, "");
    check("2024/05/06 07:08:09.125 x", "2024-05-06T07:08:09.125", None, " x");
    check("2024.05.06 07:08:09  x", "2024-05-06T07:08:09", None, "  x");
    check("2024/5/6 7:08:09", "2024-05-06T07:08:09", None, "");
    check("2024-05-06 07:08", "2024-05-06T07:08", None, "");
    check("20240506T070809.5Z", "2024-05-06T07:08:09.5", Some(0), "");
    check("20240506 07:08:09,125 x", "2024-05-06T07:08:09.125", None, " x");
    check("2024-02-29T23:59:59", "2024-02-29T23:59:59", None, "");
    check("2024-05-06T23:59:60Z", "2024-05-06T23:59:59.999999", Some(0), "");
    check("2024-05-06 07:08:09温", "2024-05-06T07:08:09", None, "温");
    check_none("2024-05-06");
    check_none("2024-05-06 x");
    check_none("2024-05/06 07:08:09");
    check_none("2024-13-06 07:08:09");
    check_none("2024-02-30 07:08:09");
    check_none("2023-02-29 07:08:09");
    check_none("2024-05-06 24:00:00");
    check_none("2024-05-06 07:60:00");
    check_none("2024-05-06 07:08:61");
    check_none("2024-05-06 07:08:9");
    check_none("2024-05-06T07:08:09x");
    check_none("2024-05-06T07:08:091");
    check_none("2024-05-06 1:20 dilution");
    check_none("20241306T070809");
    check_none("20240506 070809");
    check_none("07:08:09.125 -> 255");
    check_none("");
}

#[test]
fn fractions_and_halves_of_the_day() {
    check("2024-05-06 07:08:09.1", "2024-05-06T07:08:09.1", None, "");
    check("2024-05-06 07:08:09,123 x", "2024-05-06T07:08:09.123", None, " x");
    check("2024-05-06 07:08:09.12345678901234567890", "2024-05-06T07:08:09.123456", None, "");
    check("2024-05-06 07:08:09:123 x", "2024-05-06T07:08:09.123", None, " x");
    check("2024-05-06 07:08:09: x", "2024-05-06T07:08:09", None, ": x");
    check("2024-05-06 07:08:09. x", "2024-05-06T07:08:09", None, ". x");
    check("2024-05-06 07:08:09,Pod", "2024-05-06T07:08:09", None, ",Pod");
    check("2024-05-06 07:08:09,123,INFO", "2024-05-06T07:08:09.123", None, ",INFO");
    check("2024-05-06 07:08:09,39.97,19.9", "2024-05-06T07:08:09", None, ",39.97,19.9");
    check("2024-05-06 07:08:09,39,19", "2024-05-06T07:08:09", None, ",39,19");
    check("2024/05/06 07:08:09 PM x", "2024-05-06T19:08:09", None, " x");
    check("2024/05/06 12:08:09 AM", "2024-05-06T00:08:09", None, "");
    check("2024/05/06 12:08 pm", "2024-05-06T12:08", None, "");
    check("2024/05/06 7:08AM", "2024-05-06T07:08", None, "");
    check("2024-05-06 13:08:09 am", "2024-05-06T13:08:09", None, " am");
    check("2024-05-06 07:08:09 amp", "2024-05-06T07:08:09", None, " amp");
}

#[test]
fn offsets_are_told_from_the_numbers_of_a_message() {
    let date = |offset: &str| format!("2024-05-06 07:08:09{offset}");
    let check = |offset: &str, expected, rest| check(&date(offset), "2024-05-06T07:08:09", expected, rest);
    check("Z", Some(0), "");
    check(" Z", Some(0), "");
    check(" UTC [12]", Some(0), " [12]");
    check(" GMT", Some(0), "");
    check("+01", Some(HOUR), "");
    check("-0330", Some(-3 * HOUR - 1800), "");
    check("+05:30 x", Some(5 * HOUR + 1800), " x");
    check(" +0200 x", Some(2 * HOUR), " x");
    check("  +01 1", Some(HOUR), " 1");
    check(" +0000 UTC", Some(0), " UTC");
    check(" +1", None, " +1");
    check("+1", None, "+1");
    check(" 000000001 WRN", None, " 000000001 WRN");
    check(" -20 C", None, " -20 C");
    check(" -10 C", None, " -10 C");
    check(" +99 V", None, " +99 V");
    check(" +05.5 V", None, " +05.5 V");
    check(" +0545x", None, " +0545x");
    check(" +1234 rpm", None, " +1234 rpm");
    check(" -123", None, " -123");
    check("-12345", None, "-12345");
    check(" - x", None, " - x");
    check("-x", None, "-x");
    check(" UTCx", None, " UTCx");
    check(" ZERO", None, " ZERO");
    check_none(&date("+25:00"));
    check_none(&date("+0160"));
}

#[test]
fn a_year_of_two_digits_comes_first_only_before_an_offset() {
    check("15-09-09 15:35:30.466 +01 000000001 WRN", "2015-09-09T15:35:30.466", Some(HOUR), " 000000001 WRN");
    check("98-09-09 15:35:30 -10 1", "1998-09-09T15:35:30", Some(-10 * HOUR), " 1");
    check_none("15-09-09 15:35:30.466 000000001");
    check_none("15-09-09 15:35:30 UTC");
    check_none("15-09-09 15:35:30Z");
    check_none("15/09/09 15:35:30 +01");
}

#[test]
fn a_year_that_comes_last_is_read_only_in_the_order_that_is_configured() {
    let month = Some(DateOrder::MonthFirst);
    let day = Some(DateOrder::DayFirst);
    check_with(month, "08/05/2025 10:59:55,Pod", "2025-08-05T10:59:55", None, ",Pod");
    check_with(day, "08/05/2025 10:59:55.25", "2025-05-08T10:59:55.25", None, "");
    check_with(day, "8.5.2025, 10:59", "2025-05-08T10:59", None, "");
    check_with(month, "8/5/2025 1:02:03 PM x", "2025-08-05T13:02:03", None, " x");
    check_with(month, "08-05-25 10:59:55", "2025-08-05T10:59:55", None, "");
    check_with(month, "Mon 06/21/2010 10:34:51.64  ", "2010-06-21T10:34:51.64", None, "  ");
    check_with(month, "2025-08-05 10:59:55", "2025-08-05T10:59:55", None, "");
    check_none("08/05/2025 10:59:55");
    check_none("31/12/2025 10:59:55");
    check_none("Mon 06/21/2010 10:34:51.64");
    assert_eq!(read(&context(month), b"15/08/2025 10:59:55"), None);
    assert_eq!(read(&context(day), b"08/15/2025 10:59:55"), None);
}

#[test]
fn dates_with_the_name_of_a_month() {
    check("28-AUG-21 20:46:00 \" RESET", "2021-08-28T20:46:00", None, " \" RESET");
    check("28-AUG-21 20:35 :46", "2021-08-28T20:35:46", None, "");
    check("28-Aug-2021 20:46:00.5", "2021-08-28T20:46:00.5", None, "");
    check("10/Oct/2000:13:55:36 -0700] x", "2000-10-10T13:55:36", Some(-7 * HOUR), "] x");
    check("Mon, 15 Aug 2005 15:52:01 +0000", "2005-08-15T15:52:01", Some(0), "");
    check("Tue Apr 18 19:12:54 2023 (1681855974.0 1409.4)", "2023-04-18T19:12:54", None, " (1681855974.0 1409.4)");
    check("Tue Apr 18 19:12:54 UTC 2023", "2023-04-18T19:12:54", Some(0), "");
    check("Tue Apr 18 19:12:54 2023 +0200", "2023-04-18T19:12:54", Some(2 * HOUR), "");
    check("Tue Apr 18 19:12:54 CEST 2023", "2023-04-18T19:12:54", None, "");
    check("Fri Sep 09 10:42:29.902022 2011] x", "2011-09-09T10:42:29.902022", None, "] x");
    check_none("30-FEB-21 20:46:00");
    check_none("28-AUG/21 20:46:00");
    check_none("Tue Apr 18 19:12:54");
    check_none("Tuesday");
    check_none("Marvin 10:00:00");
}

#[test]
fn a_syslog_time_gets_its_year_from_now() {
    check("Nov  6 01:59:14 host app: x", "2024-11-06T01:59:14", None, " host app: x");
    check("Nov 06 01:59:14.485181 host", "2024-11-06T01:59:14.485181", None, " host");
    check("Nov 11 00:00:00 host", "2024-11-11T00:00:00", None, " host");
    check("Nov 11 00:00:01 host", "2023-11-11T00:00:01", None, " host");
    check("Dec 31 23:59:59 host", "2023-12-31T23:59:59", None, " host");
    check("Feb 29 12:00:00 host", "2024-02-29T12:00:00", None, " host");
    assert!(read(&context(None), b"Nov  6 01:59:14").unwrap().is_syslog);
    check_none("Nov  6 host");
    check_none("Nov 31 01:59:14");
    let glog = |text: &str| read_glog(&context(None), text.as_bytes()).map(|stamp: Stamp| stamp.time.civil_micros);
    assert_eq!(glog("1105 12:00:00.123456  12 f.cc:1] x"), Some(micros("2024-11-05T12:00:00.123456")));
    assert_eq!(glog("20221105 12:00:00.5"), Some(micros("2022-11-05T12:00:00.5")));
    assert_eq!(glog("1305 12:00:00"), None);
}

#[test]
fn counts_since_1970() {
    check("1624486997.966815548  Node", "2021-06-23T22:23:17.966815", Some(0), "  Node");
    check("1624486997966 x", "2021-06-23T22:23:17.966", Some(0), " x");
    check("1624486997966,x", "2021-06-23T22:23:17.966", Some(0), ",x");
    check_none("1624486997 x");
    check_none("1624486997. x");
    check_none("1624486997.9.1");
    check_none("4006381333931 x");
    check_none("0624486997.5");
    check_none("1624486997966a");
    let number = |text, expected: Option<&str>| {
        let found = from_epoch_number(text).map(|time| time.civil_micros);
        assert_eq!(found, expected.map(micros), "{text}");
    };
    number("1624486997", Some("2021-06-23T22:23:17"));
    number("1624486997.9668155", Some("2021-06-23T22:23:17.966815"));
    number("1624486997966", Some("2021-06-23T22:23:17.966"));
    number("1624486997966.815", Some("2021-06-23T22:23:17.966815"));
    number("1624486997966815", Some("2021-06-23T22:23:17.966815"));
    number("1624486997966815548", Some("2021-06-23T22:23:17.966815"));
    number("1.624486997966e9", Some("2021-06-23T22:23:17.966"));
    number("12.5", None);
    number("-1624486997", None);
    number("99999999999999999999", None);
    number("", None);
    number("inf", None);
}

fn civil() -> impl Strategy<Value = DateTime> {
    let date = (1970_i16..2070, 1_i8..=12, 1_i8..=31)
        .prop_filter_map("a day of the calendar", |(year, month, day)| jiff::civil::Date::new(year, month, day).ok());
    (date, 0_i8..24, 0_i8..60, 0_i8..60, 0..1_000_000_i32)
        .prop_map(|(date, hour, minute, second, micro)| date.at(hour, minute, second, micro * 1000))
}

proptest! {
    #[test]
    fn every_form_is_read_as_it_was_written(written in civil(), quarters in -48_i32..=56, order in any::<bool>()) {
        let order = if order { DateOrder::MonthFirst } else { DateOrder::DayFirst };
        let expected = micros(&written.to_string());
        let sign = if quarters < 0 { '-' } else { '+' };
        let (hours, minutes) = (quarters.abs() / 4, quarters.abs() % 4 * 15);
        let offset_seconds = quarters * 900;
        let whole_second = expected - expected.rem_euclid(1_000_000);
        let forms = [
            "%Y-%m-%dT%H:%M:%S.%6f", "%Y-%m-%d %H:%M:%S,%6f", "%Y/%m/%d %H:%M:%S.%6f", "%Y.%m.%d_%H:%M:%S.%6f",
            "%Y%m%dT%H%M%S.%6f", "%Y%m%dT%H:%M:%S,%6f", "%d-%b-%y %H:%M:%S.%6f", "%d-%b-%Y %H:%M:%S.%6f",
            "%d/%b/%Y:%H:%M:%S.%6f", "%a, %d %b %Y %H:%M:%S.%6f",
        ];
        let year_last = match order {
            DateOrder::MonthFirst => ["%m/%d/%Y %H:%M:%S.%6f", "%m-%d-%Y, %I:%M:%S.%6f %p"],
            DateOrder::DayFirst => ["%d/%m/%Y %H:%M:%S.%6f", "%d.%m.%Y, %I:%M:%S.%6f %p"],
        };
        let context = context(Some(order));
        for form in forms.into_iter().chain(year_last) {
            let text = written.strftime(form).to_string();
            let tails = [
                (String::new(), None),
                (" x".to_owned(), None),
                (format!("{sign}{hours:02}:{minutes:02}"), Some(offset_seconds)),
                (format!(" {sign}{hours:02}{minutes:02} x"), Some(offset_seconds)),
            ];
            for (tail, offset_seconds) in tails {
                let text = format!("{text}{tail}");
                let found = read(&context, text.as_bytes()).map(|stamp| stamp.time);
                prop_assert_eq!(found, Some(WrittenTime { civil_micros: expected, offset_seconds }), "{}", text);
            }
        }
        let truncated = written.strftime(&format!("%y-%m-%d %H:%M:%S.%6f {sign}{hours:02}")).to_string();
        let others = [
            (written.strftime("%a %b %e %H:%M:%S %Y").to_string(), whole_second, None),
            (written.strftime("%a %b %e %H:%M:%S UTC %Y").to_string(), whole_second, Some(0)),
            (truncated, expected, Some(hours * if quarters < 0 { -HOUR } else { HOUR })),
        ];
        for (text, civil_micros, offset_seconds) in others {
            let found = read(&context, text.as_bytes()).map(|stamp| stamp.time);
            prop_assert_eq!(found, Some(WrittenTime { civil_micros, offset_seconds }), "{}", text);
        }
        let now = TextContext { now_civil_micros: expected, ..context };
        let text = written.strftime("%b %e %H:%M:%S.%6f host").to_string();
        prop_assert_eq!(read(&now, text.as_bytes()).map(|stamp| stamp.time.civil_micros), Some(expected), "{}", text);
        let text = written.strftime("%m%d %H:%M:%S.%6f").to_string();
        let found = read_glog(&now, text.as_bytes()).map(|stamp| stamp.time.civil_micros);
        prop_assert_eq!(found, Some(expected), "{}", text);
    }

    #[test]
    fn a_count_is_read_as_it_was_written(expected in 1_000_000_000_000_000_i64..2_500_000_000_000_000) {
        let seconds = format!("{}.{:06}", expected / 1_000_000, expected % 1_000_000);
        let found = read(&context(None), seconds.as_bytes()).map(|stamp| stamp.time.civil_micros);
        prop_assert_eq!(found, Some(expected));
        let millis = format!("{}", expected / 1000);
        let found = read(&context(None), millis.as_bytes()).map(|stamp| stamp.time.civil_micros);
        prop_assert_eq!(found, Some(expected / 1000 * 1000));
        let nanos = format!("{expected}999");
        for text in [seconds, expected.to_string(), nanos] {
            prop_assert_eq!(from_epoch_number(&text).map(|time| time.civil_micros), Some(expected), "{}", text);
        }
    }
}
