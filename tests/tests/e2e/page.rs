//! The page, in a real browser.

mod alerts;

use std::{path::Path, time::Duration, time::Instant};

use labtrail_tests::lab::{Browser, Lab, Theme, Up, wait_until};

const ROW: &str = "[data-testid=row]";
const LEVEL: &str = "[data-testid=level]";
const TEXT: &str = "[data-testid=q]";
const DETAIL: &str = "[data-testid=detail]";
const COUNT: &str = "[data-testid=count]";
/// What a person still feels to be at once.
const LIVE_MAX: Duration = Duration::from_secs(2);

/// A laboratory with a few lines of each level, and the page on them.
fn open(lab: &Lab) -> (Up, Browser) {
    let levels = ["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"];
    let line = |number: usize| {
        let (minute, level) = (number % 60, levels[number % levels.len()]);
        format!("2026-11-23 10:{minute:02}:00,000 [{level}] plate {number} at 37 °C\n")
    };
    lab.write("logs/reader.log", (0..50).map(line).collect::<String>());
    let up = lab.up(&[], &["logs"]);
    up.wait_for_events(50);
    let browser = lab.browser();
    browser.open(&format!("http://{}/", up.address()));
    wait_for_rows(&browser, "all rows are shown", |rows| !rows.is_empty());
    (up, browser)
}

#[track_caller]
fn wait_for_rows(browser: &Browser, what: &str, is_so: impl Fn(&[String]) -> bool) -> Vec<String> {
    wait_until(what, || Some(browser.texts(ROW)).filter(|rows| is_so(rows)))
}

/// Only rows that are in sight exist in the page, so they cannot be counted there.
#[track_caller]
fn wait_for_count(browser: &Browser, count: &str) {
    wait_until(&format!("{count} events are shown"), || {
        (browser.attributes(COUNT, "data-count") == [count]).then_some(())
    });
}

#[track_caller]
fn wait_for_url(browser: &Browser, part: &str) {
    wait_until(&format!("the address has {part}"), || browser.url().contains(part).then_some(()));
}

#[track_caller]
fn check_console(browser: &Browser) {
    assert_eq!(browser.console_errors(), Vec::<String>::new(), "errors on the console");
}

#[test]
fn the_page_filters_by_level_and_text_and_its_address_reproduces_the_view() {
    let lab = Lab::new();
    let (_up, browser) = open(&lab);
    wait_for_count(&browser, "50");

    browser.choose(LEVEL, "ERROR");
    wait_for_count(&browser, "20");
    let levels = browser.attributes(ROW, "data-level");
    assert!(levels.iter().all(|level| level == "ERROR" || level == "CRITICAL"), "{levels:?}");
    wait_for_url(&browser, "level=ERROR");

    browser.enter(TEXT, "plate 4");
    let is_found = |rows: &[String]| !rows.is_empty() && rows.iter().all(|row| row.contains("plate 4"));
    let filtered = wait_for_rows(&browser, "only rows with the text are shown", is_found);
    wait_for_url(&browser, "q=plate");

    let url = browser.url();
    browser.open("about:blank");
    browser.open(&url);
    let again = wait_for_rows(&browser, "the same rows are shown again", |rows| rows == filtered);
    assert_eq!(again.len(), filtered.len());
    assert_eq!(browser.ask("return document.querySelector(arguments[0]).value", &[LEVEL.into()]), "ERROR");
    check_console(&browser);
}

#[test]
fn a_row_opens_to_show_its_event() {
    let lab = Lab::new();
    let (_up, browser) = open(&lab);
    let id = browser.attributes(ROW, "data-id").remove(0);
    browser.click(&format!("{ROW}[data-id=\"{id}\"]"));
    let detail = wait_until("the detail is shown", || browser.texts(DETAIL).pop().filter(|text| text.contains(&id)));
    for part in ["event_data", "log_level", "reader.log", "37 °C"] {
        assert!(detail.contains(part), "no {part} in {detail}");
    }
    check_console(&browser);
}

#[test]
fn a_new_line_appears_by_itself() {
    let lab = Lab::new();
    let (up, browser) = open(&lab);
    assert_eq!(browser.attributes("[data-testid=live]", "aria-pressed"), ["true"]);
    let shown_after = |number: usize| {
        let text = format!("appended line {number}");
        let written_at = Instant::now();
        lab.append("logs/reader.log", format!("2026-11-23 11:00:0{number},000 [ERROR] {text}\n"));
        wait_until("the line is shown", || browser.texts(ROW).iter().any(|row| row.contains(&text)).then_some(()));
        written_at.elapsed()
    };
    let delays = [0, 1, 2].map(shown_after);
    println!("shown after {delays:?}");
    // The machine may stand still for a while, but not each time.
    assert!(delays.iter().any(|delay| *delay < LIVE_MAX), "{delays:?}");
    // Paused, it stays as it is; going on, it catches up.
    browser.click("[data-testid=live]");
    wait_for_url(&browser, "live=0");
    lab.append("logs/reader.log", "2026-11-23 11:00:10,000 [ERROR] while paused\n");
    up.wait_for_events(54);
    browser.click("[data-testid=live]");
    wait_for_rows(&browser, "what came while paused is shown", |rows| {
        rows.iter().any(|row| row.contains("while paused"))
    });
    check_console(&browser);
}

#[test]
fn a_selector_that_is_wrong_is_told_and_a_right_one_works() {
    let lab = Lab::new();
    let (_up, browser) = open(&lab);
    browser.enter("[data-testid=selector]", r#"{"log_level": {"$foo": 40}}"#);
    let told = wait_until("the mistake is told", || {
        browser.texts("[data-testid=error]").into_iter().find(|text| text.contains("$foo"))
    });
    assert!(told.contains("$foo"), "{told}");
    browser.enter("[data-testid=selector]", r#"{"log_level": 50}"#);
    wait_for_count(&browser, "10");
    let levels = browser.attributes(ROW, "data-level");
    assert!(levels.iter().all(|level| level == "CRITICAL"), "{levels:?}");
    // The browser notes the refused request by itself; nothing else may be there.
    let errors = browser.console_errors();
    assert!(errors.iter().all(|error| error.contains("400")), "{errors:?}");
}

#[test]
fn the_page_follows_the_theme_of_the_system() {
    let lab = Lab::new();
    let (_up, browser) = open(&lab);
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("out");
    let mut brightness = Vec::new();
    for (theme, name) in [(Theme::Light, "page-light.png"), (Theme::Dark, "page-dark.png")] {
        browser.set_theme(theme);
        let script = "const parts = getComputedStyle(document.body).backgroundColor.match(/[0-9.]+/g).slice(0, 3);
                      return parts.reduce((sum, part) => sum + Number(part), 0)";
        brightness.push(browser.ask(script, &[]).as_f64().expect("a colour has numbers"));
        browser.save_screenshot(&folder.join(name));
    }
    assert!(brightness[0] > brightness[1], "light is brighter than dark: {brightness:?}");
    check_console(&browser);
}
