//! The page of alerts: what fires, its history, silences, rules that are tried, receivers that are tested.

use std::path::Path;

use labtrail_tests::{
    lab::{Browser, Collector, Lab, Theme, wait_until},
    services::{MailServer, mail_header},
};
use serde_json::{Value, json};

use super::{ROW, check_console, wait_for_url};
use crate::alerts::asked::{
    asked, happens, id_of, items, mail_receiver, node, put, wait_for_alert, wait_for_fates, wait_for_mail,
    wait_for_rule,
};

/// Two alerts of a pump fire and stay, one of a door is over.
const RULES: &str = r#"
[[rules]]
name = "pump"
description = "a pump lost its prime"
when = { "event_data.message" = { "$regex" = "^pump" } }
trigger = { at_least = { count = 1, within = "1h" } }
group_by = ["source.node_id"]
severity = "error"
labels = { team = "liquids" }
receivers = ["ops"]

[[rules]]
name = "door"
when = { "event_data.message" = { "$regex" = "^door" } }
trigger = { at_least = { count = 2, within = "6s" } }
lateness = "1s"
receivers = ["ops", "strict"]
"#;
const ALERT: &str = "[data-testid=alert]";
const DETAIL: &str = "[data-testid=alert-detail]";

struct Site {
    server: MailServer,
    strict: MailServer,
    collector: Collector,
    /// The alerts of the pump, by node.
    alerts: [Value; 2],
    browser: Browser,
}

/// A laboratory in which something fires, and a browser.
fn open(lab: &Lab) -> Site {
    let (server, strict) = (MailServer::start(&[]), MailServer::start(&["--login", "labtrail", "right"]));
    let collector = lab.collector_with("[alerts.madsci]\nenabled = false\n");
    // It lets nobody in who does not log in. The log is told of that; an alert of its own would be among those that fire.
    let mails = mail_receiver("ops", server.port) + &mail_receiver("strict", strict.port);
    let receivers = format!("fallback_receiver = \"log\"\n{mails}");
    put(&collector, "receivers.toml", &receivers);
    put(&collector, "rules/all.toml", RULES);
    wait_for_rule(&collector, "pump", |_| true);
    for number in [1, 1, 2] {
        happens(&collector, number, 40, &json!({"message": format!("pump of {number} runs dry")}));
    }
    for _ in 0..2 {
        happens(&collector, 3, 30, &json!({"message": "door was left open"}));
    }
    let alerts = [1, 2].map(|number| wait_for_alert(&collector, "pump", Some(number), "firing"));
    for alert in &alerts {
        wait_for_fates(&collector, alert, "ops", &[("fired", &["told"])]);
    }
    wait_for_alert(&collector, "door", None, "resolved");
    Site { server, strict, alerts, browser: lab.browser(), collector }
}

impl Site {
    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.collector.url())
    }

    fn alert(&self, number: usize) -> String {
        format!("{ALERT}[data-id=\"{}\"]", id_of(&self.alerts[number - 1]))
    }

    /// Waits until an element shows a text that has all of these parts.
    #[track_caller]
    fn wait_for_text(&self, css: &str, parts: &[&str]) -> String {
        wait_until(&format!("{css} shows {parts:?}"), || {
            self.browser.texts(css).into_iter().find(|text| parts.iter().all(|part| text.contains(part)))
        })
    }

    /// Waits until the elements have these values of an attribute.
    #[track_caller]
    fn wait_for_values(&self, css: &str, attribute: &str, expected: &[&str]) {
        wait_until(&format!("{attribute} of {css} is {expected:?}"), || {
            (self.browser.attributes(css, attribute) == expected).then_some(())
        });
    }

    /// How many notifications a receiver was sent.
    fn mails_of(&self, receiver: &str) -> usize {
        items(
            &asked(&self.collector, &format!("/api/v1/notifications?state=sent&receiver={receiver}")),
            "notifications",
        )
        .len()
    }

    /// Waits until there is no such element.
    #[track_caller]
    fn wait_for_none(&self, css: &str) {
        wait_until(&format!("there is no {css}"), || self.browser.texts(css).is_empty().then_some(()));
    }

    /// Chooses a radio button by its label, as a person does who cannot see the button itself.
    #[track_caller]
    fn choose(&self, css: &str) {
        let script = "document.querySelector(arguments[0]).closest('label').click()";
        self.browser.ask(script, &[css.into()]);
    }
}

#[test]
fn the_page_shows_what_fires_and_its_history_and_somebody_acknowledges_it() {
    let lab = Lab::new();
    let site = open(&lab);
    let (browser, first) = (&site.browser, id_of(&site.alerts[0]));

    // The way from the main page says how many fire.
    browser.open(&site.url("/"));
    site.wait_for_text("[data-testid=firing-count]", &["2"]);
    browser.click("[data-testid=nav-alerts]");
    wait_for_url(browser, "/alerts");
    site.wait_for_values(ALERT, "data-state", &["firing", "firing"]);
    site.wait_for_text(&site.alert(1), &["pump", &node(1)]);
    wait_until("the title says how many fire", || {
        (browser.ask("return document.title", &[]) == "(2) Labtrail alerts").then_some(())
    });

    browser.click(&site.alert(1));
    wait_for_url(browser, &format!("alert={first}"));
    site.wait_for_text("[data-testid=alert-title]", &["pump"]);
    site.wait_for_text("[data-testid=alert-state]", &["firing"]);
    site.wait_for_text(DETAIL, &["a pump lost its prime", &node(1), "team=liquids", "2 events"]);
    site.wait_for_text("[data-testid=evidence]", &["pump of 1 runs dry"]);
    site.wait_for_text("[data-testid=step][data-kind=fired]", &["ops", "was told"]);

    // Acknowledged with a name; without one it is not.
    browser.click("[data-testid=acknowledge]");
    browser.enter("[data-testid=acknowledge-dialog] [data-testid=note]", "new tubes");
    assert_eq!(asked(&site.collector, &format!("/api/v1/alerts/{first}"))["acknowledged"], json!(null));
    browser.enter("[data-testid=acknowledge-dialog] [data-testid=by]", "Ann");
    site.wait_for_text("[data-testid=acknowledged]", &["Ann", "new tubes"]);
    site.wait_for_none("[data-testid=acknowledge-dialog]");
    site.wait_for_text(&site.alert(1), &["Ann"]);
    let taken = asked(&site.collector, &format!("/api/v1/alerts/{first}"))["acknowledged"].take();
    assert_eq!((&taken["who"], &taken["note"]), (&json!("Ann"), &json!("new tubes")));
    browser.click("[data-testid=unacknowledge]");
    site.wait_for_none("[data-testid=acknowledged]");
    site.wait_for_text("[data-testid=acknowledge]", &["Acknowledge"]);

    // A copied link shows the same to somebody else.
    let url = browser.url();
    browser.open("about:blank");
    browser.open(&url);
    site.wait_for_text("[data-testid=alert-title]", &["pump"]);
    // The events around it, in the main page.
    browser.click("[data-testid=events-link]");
    wait_until("the events are shown", || {
        let rows = browser.texts(ROW);
        (!rows.is_empty() && rows.iter().all(|row| row.contains("pump of 1 runs dry"))).then_some(())
    });

    // What is over stands under history.
    browser.open(&site.url("/alerts"));
    browser.click("[data-testid=tab-history]");
    site.wait_for_values("[data-testid=panel]", "data-view", &["history"]);
    site.wait_for_values(ALERT, "data-rule", &["door"]);
    browser.click(ALERT);
    site.wait_for_text("[data-testid=step][data-kind=resolved]", &["ops", "was told"]);
    site.wait_for_text("[data-testid=alert-state]", &["resolved"]);
    check_console(browser);

    // What fires anew appears by itself.
    browser.open(&site.url("/alerts"));
    site.wait_for_values(ALERT, "data-state", &["firing", "firing"]);
    happens(&site.collector, 4, 40, &json!({"message": "pump of 4 runs dry"}));
    site.wait_for_text(ALERT, &[&node(4)]);
    site.wait_for_text("[data-testid=firing-count]", &["3"]);
    check_console(browser);
}

#[test]
fn a_silence_is_made_and_ended_on_the_page_and_says_before_what_it_hits() {
    let lab = Lab::new();
    let site = open(&lab);
    let browser = &site.browser;
    browser.open(&site.url(&format!("/alerts?alert={}", id_of(&site.alerts[1]))));
    site.wait_for_text("[data-testid=alert-state]", &["firing"]);
    browser.click("[data-testid=silence]");
    let matcher = wait_until("the matcher is filled in", || {
        let value = browser.ask("return document.querySelector('[data-testid=matcher]')?.value ?? ''", &[]);
        serde_json::from_str::<Value>(value.as_str().unwrap_or_default()).ok()
    });
    assert_eq!(matcher, json!({"rule": "pump", "group.source.node_id": node(2)}));
    site.wait_for_values("[data-testid=preview]", "data-count", &["1"]);
    site.choose("[data-testid=silence-dialog] input[name=length][value='1h']");
    browser.enter("[data-testid=silence-dialog] [data-testid=by]", "Ben");
    site.wait_for_none("[data-testid=silence-dialog]");
    site.wait_for_text("[data-testid=muted]", &["silence"]);
    let silence = items(&asked(&site.collector, "/api/v1/silences"), "silences").remove(0);
    assert_eq!((&silence["by"], &silence["matcher"]), (&json!("Ben"), &matcher));

    browser.click("[data-testid=tab-silences]");
    site.wait_for_values("[data-testid=silence-row]", "data-state", &["active"]);
    site.wait_for_text("[data-testid=silence-row]", &["Ben", "pump"]);
    // One press asks, the second does it.
    browser.click("[data-testid=end-silence]");
    site.wait_for_text("[data-testid=end-silence]", &["?"]);
    assert_eq!(items(&asked(&site.collector, "/api/v1/silences"), "silences")[0]["state"], "active");
    browser.click("[data-testid=end-silence]");
    site.wait_for_values("[data-testid=silence-row]", "data-state", &["over"]);
    check_console(browser);

    // A new one from nothing: what is wrong is said, and what it would hit.
    browser.click("[data-testid=new-silence]");
    browser.enter("[data-testid=matcher]", "{\"rule\": \"pump\"}");
    site.wait_for_values("[data-testid=preview]", "data-count", &["2"]);
    browser.enter("[data-testid=matcher]", "{}");
    site.wait_for_text("[data-testid=preview]", &["every alert"]);
    browser.enter("[data-testid=matcher]", "{\"rule\": \"door\"}");
    site.wait_for_values("[data-testid=preview]", "data-count", &["0"]);
    site.choose("[data-testid=silence-dialog] input[name=length][value=custom]");
    browser.enter("[data-testid=until]", "some day");
    site.wait_for_text("[data-testid=dialog-error]", &["Say until when"]);
    assert_eq!(items(&asked(&site.collector, "/api/v1/silences"), "silences").len(), 1);
    check_console(browser);
    browser.enter("[data-testid=matcher]", "{\"nobody\": 1}");
    site.wait_for_text("[data-testid=matcher-problem]", &["nobody"]);
}

#[test]
fn a_rule_is_tried_and_a_receiver_tested_on_the_page() {
    let lab = Lab::new();
    let site = open(&lab);
    let browser = &site.browser;
    browser.open(&site.url("/alerts"));
    browser.click("[data-testid=tab-rules]");
    site.wait_for_values("[data-testid=panel]", "data-view", &["rules"]);
    browser.click("[data-testid=rule][data-name=pump] .rule-row");
    site.wait_for_text("[data-testid=rule-detail]", &["a pump lost its prime"]);
    site.choose("[data-testid=rule][data-name=pump] .back-test input[value='7']");
    browser.click("[data-testid=rule][data-name=pump] [data-testid=try-rule]");
    site.wait_for_values("[data-testid=back-test-summary]", "data-fired", &["2"]);
    let script = "const canvas = document.querySelector('[data-testid=back-test-chart] canvas');
                  if (!canvas) return 0;
                  const data = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
                  const colours = new Set();
                  for (let at = 0; at < data.length; at += 4) if (data[at + 3] === 255) colours.add(data.slice(at, at + 3).join());
                  return colours.size";
    wait_until("the chart has lines and bars", || (browser.ask(script, &[]).as_u64()? >= 2).then_some(()));
    // A mail is there before it is known to be sent.
    wait_until("all mails are of alerts: nothing is sent by a trial", || {
        (site.server.mails().len() == site.mails_of("ops")).then_some(())
    });

    // A test of each receiver: one takes it, one says why not.
    browser.click("[data-testid=tab-notifications]");
    let ops = "[data-testid=receiver][data-name=ops]";
    let strict = "[data-testid=receiver][data-name=strict]";
    browser.click(&format!("{ops} [data-testid=send-test]"));
    site.wait_for_values(&format!("{ops} [data-testid=test-answer]"), "data-sent", &["true"]);
    let mail = wait_for_mail(&site.server, &["Test"]);
    assert_eq!(mail_header(&mail, "To"), "ops@lab.example");
    browser.click(&format!("{strict} [data-testid=send-test]"));
    site.wait_for_values(&format!("{strict} [data-testid=test-answer]"), "data-sent", &["false"]);
    site.wait_for_text(&format!("{strict} [data-testid=test-answer]"), &["530"]);
    site.wait_for_values(strict, "data-failing", &["true"]);
    site.wait_for_values(ops, "data-failing", &["false"]);

    // What was given up says why; it is taken up again by hand, after somebody mended the server.
    let dead = "[data-testid=notification][data-state=dead]";
    site.wait_for_text(dead, &["strict", "530"]);
    let key = browser.attributes(dead, "data-key").remove(0);
    browser.click(&format!("[data-testid=notification][data-key=\"{key}\"] [data-testid=retry]"));
    wait_until("it was tried once more", || {
        let rows = items(&asked(&site.collector, "/api/v1/notifications?receiver=strict"), "notifications");
        rows.iter().any(|row| row["key"] == *key && row["attempts"] == 2 && row["state"] == "dead").then_some(())
    });
    assert_eq!(site.strict.mails().len(), 0);
    check_console(browser);
}

#[test]
fn the_page_of_alerts_follows_the_theme_of_the_system() {
    let lab = Lab::new();
    let site = open(&lab);
    let browser = &site.browser;
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("out");
    let mut brightness = Vec::new();
    for (theme, name) in [(Theme::Light, "light"), (Theme::Dark, "dark")] {
        browser.set_theme(theme);
        for view in ["firing", "history", "silences", "rules", "notifications"] {
            let rule = if view == "rules" { "&rule=pump" } else { "" };
            browser.open(&site.url(&format!("/alerts?view={view}{rule}")));
            site.wait_for_values("[data-testid=panel]", "data-view", &[view]);
            if view == "firing" {
                browser.click(&site.alert(1));
                site.wait_for_text("[data-testid=evidence]", &["runs dry"]);
            }
            if view == "rules" {
                browser.click("[data-testid=try-rule]");
                site.wait_for_text("[data-testid=back-test-summary]", &["would have fired"]);
            }
            if view == "notifications" {
                wait_until("they are listed", || (browser.texts("[data-testid=notification]").len() > 1).then_some(()));
            }
            browser.save_screenshot(&folder.join(format!("alerts-{view}-{name}.png")));
        }
        browser.click("[data-testid=tab-silences]");
        browser.click("[data-testid=new-silence]");
        browser.enter("[data-testid=matcher]", "{\"rule\": \"pump\"}");
        site.wait_for_values("[data-testid=preview]", "data-count", &["2"]);
        browser.save_screenshot(&folder.join(format!("alerts-silence-{name}.png")));
        let script = "const parts = getComputedStyle(document.body).backgroundColor.match(/[0-9.]+/g).slice(0, 3);
                      return parts.reduce((sum, part) => sum + Number(part), 0)";
        brightness.push(browser.ask(script, &[]).as_f64().expect("a colour has numbers"));
    }
    assert!(brightness[0] > brightness[1], "light is brighter than dark: {brightness:?}");
    check_console(browser);
}
