//! Alerts: tried before anybody trusts them, and at work.

pub(crate) mod asked;
mod in_place_of_madsci;
mod life;
mod muted;
mod outages;
mod recorded;
mod reload;
mod silences;

use std::{path::Path, sync::OnceLock};

use jiff::Timestamp;
use labtrail_tests::{
    lab::{Collector, Lab, Said},
    services::{MailServer, Mongod, mail_header},
};
use serde_json::{Value, json};

/// Five errors of one node within a minute.
const RULES: &str = r#"
[[rules]]
name = "node-errors"
when = { log_level = { "$gte" = 40 } }
trigger = { at_least = { count = 5, within = "1m" } }
group_by = ["source.node_id"]
receivers = ["ops"]

[[rules]]
name = "pump-silent"
when = { event_type = "node_status_update" }
trigger = { silence = { after = "2m" } }
group_by = ["source.node_id"]
receivers = ["ops"]
"#;

fn path(path: &Path) -> &str {
    path.to_str().expect("a temporary path is UTF-8")
}

fn node(number: usize) -> String {
    format!("01J0000000000000000000000{number}")
}

/// Posts an event of a node at so many seconds of the test's time.
fn post(collector: &Collector, (node_number, seconds): (usize, i64), event_type: &str, level: u8) {
    let at = Timestamp::from_second(begin() + seconds).expect("it is near");
    let event = json!({
        "event_type": event_type, "log_level": level, "source": {"node_id": node(node_number)},
        "event_timestamp": at.to_string(), "event_data": {"message": format!("node {node_number} at {seconds}")},
    });
    assert_eq!(collector.post_json("/event", &event).status, 200);
}

/// Two hours ago, in seconds since 1970: the same for all of a test.
fn begin() -> i64 {
    static BEGIN: OnceLock<i64> = OnceLock::new();
    *BEGIN.get_or_init(|| Timestamp::now().as_second() - 7200)
}

fn tried_over(lab: &Lab, collector: &Collector) {
    // Node 1 has six errors within a minute, in any order; node 2 as many, but not as close; node 3 only warnings.
    for seconds in [50, 10, 30, 20, 0, 40] {
        post(collector, (1, seconds), "node_error", 40);
        post(collector, (2, seconds * 3), "node_error", 50);
        post(collector, (3, seconds), "log_warning", 30);
    }
    // Node 1 tells of itself every minute for ten minutes, and once more later; node 2 to the end.
    for minute in (0..10).chain([20]) {
        post(collector, (1, minute * 60), "node_status_update", 20);
    }
    let rules = lab.write("rules.toml", RULES);
    let test = |rule: &str| -> Value {
        let arguments =
            ["alerts", "test", rule, "--rules", path(&rules), "--to", &collector.url(), "--since", "4h", "--json"];
        let said = Said::by("labtrail", &arguments).ended(0);
        serde_json::from_str(&said.output).expect("it is JSON")
    };
    let told = |answer: &Value| -> Vec<(String, String, i64)> {
        let groups = answer["groups"].as_array().expect("groups").clone();
        let steps = groups.iter().flat_map(|group| {
            let node = group["group"]["source.node_id"].as_str().expect("a node").to_owned();
            let steps = group["steps"].as_array().expect("steps").clone();
            steps.into_iter().map(move |step| (node.clone(), step))
        });
        steps
            .map(|(node, step)| {
                let field = |name: &str| step[name].as_str().expect("a text").to_owned();
                let at: Timestamp = field("at").parse().expect("an instant");
                (node, field("kind"), at.as_second() - begin())
            })
            .collect()
    };
    let answer = test("node-errors");
    assert_eq!((&answer["events"], &answer["complete"]), (&json!(12), &json!(true)));
    // The fifth event fills the window, and the sixth is the last that does: a minute later it is over.
    let expected = [(node(1), "fired".to_owned(), 40), (node(1), "resolved".to_owned(), 110)];
    assert_eq!(told(&answer), expected);
    assert_eq!(answer["groups"][0]["steps"][0]["count"], 6);

    let answer = test("pump-silent");
    let (fired, resolved) = ("fired".to_owned(), "resolved".to_owned());
    let expected = [(node(1), fired.clone(), 660), (node(1), resolved, 1200), (node(1), fired, 1320)];
    assert_eq!(told(&answer), expected);
}

#[test]
fn a_rule_is_tried_over_what_is_stored_in_every_store() {
    let lab = Lab::new();
    tried_over(&lab, &lab.collector());
    let url = Mongod::shared().url();
    let store = format!("[store]\nkind = \"mongodb\"\n[store.mongodb]\nurl = \"{url}\"\ndatabase = \"alerts-tried\"\n");
    tried_over(&lab, &lab.collector_with(&store));
}

#[test]
fn rules_are_checked_and_all_that_is_wrong_is_said() {
    let lab = Lab::new();
    let rules = lab.write("rules.toml", RULES);
    let said = Said::by("labtrail", &["alerts", "check", path(&rules)]).ended(0);
    for text in ["node-errors", "at_least", "source.node_id", "silence"] {
        assert!(said.output.contains(text), "{}", said.output);
    }
    let bad = RULES.replace("count = 5", "count = 0").replace("pump-silent", "node-errors").replace("\"ops\"", "5");
    let bad = lab.write("bad.toml", bad.replace("receivers = [5]", "receivers = [\"ops\"]"));
    let said = Said::by("labtrail", &["alerts", "check", path(&bad)]).ended(1);
    for text in ["bad.toml:", "count", "node-errors"] {
        assert!(said.errors.contains(text), "{}", said.errors);
    }
    assert!(said.errors.lines().count() >= 2, "{}", said.errors);
    Said::by("labtrail", &["alerts", "check", "/nowhere.toml"]).ended(2);
}

#[test]
fn a_receiver_is_tried_and_the_servers_own_words_are_shown() {
    let lab = Lab::new();
    let server = MailServer::start(&["--login", "labtrail", "secret"]);
    let receivers = |password: &str| {
        format!(
            "[[receivers]]\nname = \"ops-mail\"\n[receivers.email]\nsmtp_server = \"127.0.0.1\"\nsmtp_port = {}\n\
             use_tls = false\nsmtp_username = \"labtrail\"\nsmtp_password = \"{password}\"\n\
             sender = \"Labtrail <labtrail@lab.example>\"\nemail_addresses = [\"ops@lab.example\"]\n",
            server.port
        )
    };
    let file = lab.write("receivers.toml", receivers("secret"));
    let said = Said::by("labtrail", &["alerts", "test-receiver", path(&file)]).ended(0);
    assert!(said.output.contains("sent to ops-mail"), "{}", said.output);
    let mail = server.mail();
    assert_eq!(mail_header(&mail, "To"), "ops@lab.example");
    assert!(mail_header(&mail, "Subject").contains("Test"), "{mail:#}");

    let file = lab.write("receivers.toml", receivers("wrong"));
    let said = Said::by("labtrail", &["alerts", "test-receiver", path(&file), "ops-mail"]).ended(1);
    assert!(said.errors.contains("535") && !said.errors.contains("wrong\""), "{}", said.errors);
    let said = Said::by("labtrail", &["alerts", "test-receiver", path(&file), "nobody"]).ended(2);
    assert!(said.errors.contains("it has ops-mail"), "{}", said.errors);
}
