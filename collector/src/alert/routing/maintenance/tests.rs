use jiff::Timestamp;

use super::MaintenanceWindow;

fn micros(text: &str) -> i64 {
    text.parse::<Timestamp>().expect("a time").as_microsecond()
}

fn window(days: &str, from: &str, to: &str, zone: &str) -> MaintenanceWindow {
    let text = format!("days = {days}\nfrom = \"{from}\"\nto = \"{to}\"\nzone = \"{zone}\"\nmatcher = {{}}\n");
    toml::from_str(&text).expect("a window")
}

/// The window that is next after an instant is the expected one, and `end` says the same at its borders.
fn check(window: &MaintenanceWindow, after: &str, expected: [&str; 2]) {
    let (start, end) = window.next(micros(after)).expect("there is always a next one");
    let text = |at| Timestamp::from_microsecond(at).expect("a time").to_string();
    assert_eq!([text(start), text(end)], expected.map(str::to_owned), "after {after}");
    assert_eq!(window.end(start), Some(end));
    assert_eq!(window.end(end - 1), Some(end));
    assert_ne!(window.end(start - 1), Some(end));
    assert_ne!(window.end(end), Some(end));
}

#[test]
fn a_window_goes_over_midnight() {
    let night = window(r#"["sat", "sun"]"#, "22:00", "06:00", "Europe/Zurich");
    // 10 January 2026 is a Saturday.
    check(&night, "2026-01-08T12:00:00Z", ["2026-01-10T21:00:00Z", "2026-01-11T05:00:00Z"]);
    check(&night, "2026-01-11T04:59:00Z", ["2026-01-10T21:00:00Z", "2026-01-11T05:00:00Z"]);
    check(&night, "2026-01-11T05:00:00Z", ["2026-01-11T21:00:00Z", "2026-01-12T05:00:00Z"]);
    check(&night, "2026-01-12T05:00:00Z", ["2026-01-17T21:00:00Z", "2026-01-18T05:00:00Z"]);
    let day = window(r#"["mon"]"#, "08:30", "09:00", "UTC");
    check(&day, "2026-01-05T09:00:00Z", ["2026-01-12T08:30:00Z", "2026-01-12T09:00:00Z"]);
    let whole = window(r#"["mon"]"#, "00:00", "00:00", "America/Chicago");
    check(&whole, "2026-01-04T12:00:00Z", ["2026-01-05T06:00:00Z", "2026-01-06T06:00:00Z"]);
}

#[test]
fn a_window_is_what_the_clock_shows_when_it_is_set_forward() {
    // On 29 March 2026 clocks in Zurich go from 02:00 to 03:00, which is at 01:00 UTC.
    let before = "2026-03-28T23:30:00Z";
    let zurich = |from, to| window(r#"["sun"]"#, from, to, "Europe/Zurich");
    check(&zurich("01:00", "05:00"), before, ["2026-03-29T00:00:00Z", "2026-03-29T03:00:00Z"]);
    check(&zurich("02:30", "05:00"), before, ["2026-03-29T01:00:00Z", "2026-03-29T03:00:00Z"]);
    check(&zurich("01:00", "02:30"), before, ["2026-03-29T00:00:00Z", "2026-03-29T01:00:00Z"]);
    check(&zurich("01:00", "02:00"), before, ["2026-03-29T00:00:00Z", "2026-03-29T01:00:00Z"]);
    check(&zurich("01:00", "03:00"), before, ["2026-03-29T00:00:00Z", "2026-03-29T01:00:00Z"]);
    check(&zurich("02:00", "02:00"), before, ["2026-03-29T01:00:00Z", "2026-03-30T00:00:00Z"]);
    // Nothing is left of it that night: the next one is a week later.
    check(&zurich("02:10", "02:50"), before, ["2026-04-05T00:10:00Z", "2026-04-05T00:50:00Z"]);
    check(
        &window(r#"["sat"]"#, "22:00", "06:00", "Europe/Zurich"),
        "2026-03-28T12:00:00Z",
        ["2026-03-28T21:00:00Z", "2026-03-29T04:00:00Z"],
    );
    // Beirut sets its clocks forward at midnight.
    check(
        &window(r#"["sat"]"#, "23:00", "00:30", "Asia/Beirut"),
        "2026-03-28T12:00:00Z",
        ["2026-03-28T21:00:00Z", "2026-03-28T22:00:00Z"],
    );
}

#[test]
fn a_window_is_one_piece_when_clocks_are_set_back() {
    // On 25 October 2026 clocks in Zurich go from 03:00 to 02:00, which is at 01:00 UTC.
    let before = "2026-10-24T22:30:00Z";
    let zurich = |from, to| window(r#"["sun"]"#, from, to, "Europe/Zurich");
    check(&zurich("01:00", "05:00"), before, ["2026-10-24T23:00:00Z", "2026-10-25T04:00:00Z"]);
    check(&zurich("02:30", "05:00"), before, ["2026-10-25T00:30:00Z", "2026-10-25T04:00:00Z"]);
    check(&zurich("01:00", "02:30"), before, ["2026-10-24T23:00:00Z", "2026-10-25T01:30:00Z"]);
    check(&zurich("01:00", "02:00"), before, ["2026-10-24T23:00:00Z", "2026-10-25T00:00:00Z"]);
    check(&zurich("01:00", "03:00"), before, ["2026-10-24T23:00:00Z", "2026-10-25T02:00:00Z"]);
    check(&zurich("02:10", "02:50"), before, ["2026-10-25T00:10:00Z", "2026-10-25T01:50:00Z"]);
    check(
        &window(r#"["sun"]"#, "00:30", "01:30", "America/Chicago"),
        "2026-11-01T04:00:00Z",
        ["2026-11-01T05:30:00Z", "2026-11-01T07:30:00Z"],
    );
}

#[test]
fn a_window_that_cannot_be_is_refused() {
    let check = |text: &str, expected: &str| {
        let error = toml::from_str::<MaintenanceWindow>(text).expect_err(text).message().to_owned();
        assert_eq!(error, expected, "{text}");
    };
    check("days = []", "maintenance on no day would never be: write days such as [\"sat\", \"sun\"]");
    check("from = \"24:00\"", "\"24:00\" is not a time of the day: write hours and minutes, such as 06:00 or 22:30");
    check(
        "zone = \"Zurich\"",
        "\"Zurich\" is not an IANA time zone: write one such as Europe/Zurich or America/Chicago",
    );
    check("days = [\"sat\"]\nfrom = \"22:00\"\nto = \"06:00\"\nzone = \"UTC\"", "missing field `matcher`");
    check("from = 22", "\"22\" is not a time of the day: write hours and minutes, such as 06:00 or 22:30");
    let unquoted = "days = [\"sat\"]\nfrom = 22:00:00\nto = 06:00:00\nzone = \"UTC\"\nmatcher = {}";
    let quoted = window(r#"["sat"]"#, "22:00", "06:00", "UTC");
    assert_eq!(toml::from_str::<MaintenanceWindow>(unquoted).expect("a window"), quoted);
    let night = window(r#"["sat", "sun"]"#, "22:00", "06:00", "Europe/Zurich");
    let again = toml::from_str(&toml::to_string(&night).expect("toml")).expect("a window");
    assert_eq!(night, again);
}
