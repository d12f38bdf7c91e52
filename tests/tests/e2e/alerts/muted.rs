//! Who is told when nobody acknowledges, and what is not told: in maintenance, and while what it follows from fires.

use labtrail_tests::{
    lab::{Collector, Lab},
    services::MailServer,
};
use serde_json::json;

use super::asked::{
    does, happens, history, id_of, mail_receiver, node, put, text_of, wait_for_alert, wait_for_fates, wait_for_mail,
    wait_for_rule,
};

/// Alerts that stay, of which one is told to somebody else if nobody attends to it.
const RULES: &str = r#"
[[rules]]
name = "leak"
when = { "event_data.message" = "leak" }
trigger = { at_least = { count = 1, within = "1h" } }
group_by = ["source.node_id"]
receivers = ["ops"]
escalate = [{ after = "20s", receivers = ["boss"] }]

[[rules]]
name = "power"
when = { "event_data.message" = "power" }
trigger = { at_least = { count = 1, within = "40s" } }
group_by = ["source.node_id"]
receivers = ["ops"]
lateness = "1s"

[[rules]]
name = "pump"
when = { "event_data.message" = "pump" }
trigger = { at_least = { count = 1, within = "1h" } }
group_by = ["source.node_id"]
labels = { area = "wet" }
receivers = ["ops"]
"#;

fn collector(lab: &Lab, receivers: &str) -> Collector {
    let collector = lab.collector_with("[alerts.madsci]\nenabled = false\n");
    put(&collector, "receivers.toml", receivers);
    put(&collector, "rules/all.toml", RULES);
    wait_for_rule(&collector, "leak", |_| true);
    collector
}

fn fails(collector: &Collector, node_number: usize, what: &str) {
    happens(collector, node_number, 40, &json!({"message": what}));
}

#[test]
fn what_nobody_attends_to_is_told_to_somebody_else() {
    let (lab, ops, boss) = (Lab::new(), MailServer::start(&[]), MailServer::start(&[]));
    let collector = collector(&lab, &(mail_receiver("ops", ops.port) + &mail_receiver("boss", boss.port)));
    fails(&collector, 1, "leak");
    let attended = wait_for_alert(&collector, "leak", Some(1), "firing");
    let acknowledge = format!("/api/v1/alerts/{}/acknowledge", id_of(&attended));
    does(&collector, ("POST", &acknowledge), &json!({"episode": 1, "by": "ann"}), 200);
    fails(&collector, 2, "leak");
    let mail = wait_for_mail(&boss, &["leak", &node(2)]);
    assert!(text_of(&mail).starts_with("Not acknowledged"), "{}", text_of(&mail));
    let left = wait_for_alert(&collector, "leak", Some(2), "firing");
    wait_for_fates(&collector, &left, "boss", &[("fired", &[]), ("escalated", &["told"])]);
    // The other one fired before it, and would have been told before it.
    wait_for_fates(&collector, &attended, "ops", &[("fired", &["told"])]);
    assert!(!boss.mails().iter().any(|mail| text_of(mail).contains(&node(1))));
    assert_eq!(history(&collector, &attended).iter().filter(|step| step["kind"] == "escalated").count(), 0);
}

#[test]
fn what_follows_from_another_alert_is_told_only_once_that_is_over() {
    let (lab, ops) = (Lab::new(), MailServer::start(&[]));
    let inhibit = "[[inhibit]]\nsource = { rule = \"power\" }\ntarget = { rule = \"pump\" }\nequal = [\"group.source.node_id\"]\n";
    let receivers = mail_receiver("ops", ops.port) + &mail_receiver("boss", ops.port) + inhibit;
    let collector = collector(&lab, &receivers);
    fails(&collector, 1, "power");
    wait_for_mail(&ops, &["power", &node(1)]);
    fails(&collector, 1, "pump");
    fails(&collector, 2, "pump");
    // It has power.
    wait_for_mail(&ops, &["pump", &node(2)]);
    let muted = wait_for_alert(&collector, "pump", Some(1), "firing");
    wait_for_fates(&collector, &muted, "ops", &[("fired", &["muted"])]);
    let told = &history(&collector, &muted)[0]["told"][0];
    assert!(told["reason"].to_string().contains("power"), "{told}");
    wait_for_alert(&collector, "power", Some(1), "resolved");
    wait_for_mail(&ops, &["pump", &node(1)]);
    wait_for_fates(&collector, &muted, "ops", &[("fired", &["muted", "told"])]);
}

#[test]
fn what_is_in_maintenance_is_told_when_it_ends_if_it_still_fires() {
    let (lab, ops) = (Lab::new(), MailServer::start(&[]));
    let receivers = mail_receiver("ops", ops.port) + &mail_receiver("boss", ops.port);
    // All the week, so that it does not matter what time it is.
    let maintenance = "[[maintenance]]\nname = \"cleaning\"\ndays = [\"mon\", \"tue\", \"wed\", \"thu\", \"fri\", \"sat\", \"sun\"]\n\
                       from = \"00:00\"\nto = \"00:00\"\nzone = \"Europe/Zurich\"\nmatcher = { \"labels.area\" = \"wet\" }\n";
    let collector = collector(&lab, &(receivers.clone() + maintenance));
    fails(&collector, 1, "pump");
    fails(&collector, 1, "power");
    wait_for_mail(&ops, &["power", &node(1)]);
    let muted = wait_for_alert(&collector, "pump", Some(1), "firing");
    wait_for_fates(&collector, &muted, "ops", &[("fired", &["muted"])]);
    let told = &history(&collector, &muted)[0]["told"][0];
    assert!(told["reason"].to_string().contains("cleaning"), "{told}");
    put(&collector, "receivers.toml", &receivers);
    wait_for_mail(&ops, &["pump", &node(1)]);
    wait_for_fates(&collector, &muted, "ops", &[("fired", &["muted", "told"])]);
}
