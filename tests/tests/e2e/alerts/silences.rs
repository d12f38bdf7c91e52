//! Silences: looked at before they are made, keeping mails back, ended.

use jiff::{SignedDuration, Timestamp};
use labtrail_tests::{
    lab::{Collector, Lab},
    services::MailServer,
};
use serde_json::{Value, json};

use super::asked::{
    asked, does, happens, history, id_of, items, mail_receiver, node, put, text_of, wait_for_alert, wait_for_fates,
    wait_for_mail, wait_for_rule,
};

/// Two rules whose alerts stay, and one whose alerts are over soon.
const RULES: &str = r#"
[[rules]]
name = "pump"
when = { "event_data.message" = "pump" }
trigger = { at_least = { count = 1, within = "1h" } }
group_by = ["source.node_id"]
labels = { team = "liquids" }

[[rules]]
name = "arm"
when = { "event_data.message" = "arm" }
trigger = { at_least = { count = 1, within = "1h" } }
group_by = ["source.node_id"]

[[rules]]
name = "door"
when = { "event_data.message" = "door" }
trigger = { at_least = { count = 1, within = "4s" } }
group_by = ["source.node_id"]
lateness = "1s"
"#;

fn collector(lab: &Lab, server: &MailServer) -> Collector {
    let collector = lab.collector_with("[alerts.madsci]\nenabled = false\n");
    put(&collector, "receivers.toml", &mail_receiver("ops", server.port));
    put(&collector, "rules/all.toml", RULES);
    wait_for_rule(&collector, "pump", |_| true);
    collector
}

/// Whether a mail is about this rule and node.
fn is_about(mail: &Value, rule: &str, number: usize) -> bool {
    let text = text_of(mail);
    text.contains(&format!("{rule}: source.node_id={}", node(number)))
}

fn is_told(server: &MailServer, rule: &str, number: usize) -> bool {
    server.mails().iter().any(|mail| is_about(mail, rule, number))
}

#[test]
fn a_silence_keeps_a_mail_back_and_what_still_fires_is_told_when_it_ends() {
    let (lab, server) = (Lab::new(), MailServer::start(&[]));
    let collector = collector(&lab, &server);
    happens(&collector, 1, 20, &json!({"message": "pump"}));
    wait_for_mail(&server, &["pump", &node(1)]);
    happens(&collector, 1, 20, &json!({"message": "arm"}));
    wait_for_mail(&server, &["arm", &node(1)]);

    let hits = |matcher: Value| {
        let body = json!({"matcher": matcher});
        let hit = items(&does(&collector, ("POST", "/api/v1/silences/preview"), &body, 200), "alerts");
        hit.iter().map(|alert| alert["rule"].as_str().expect("a name").to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(hits(json!({"rule": "pump"})), ["pump"]);
    assert_eq!(hits(json!({"labels.team": "liquids"})), ["pump"]);
    assert_eq!(hits(json!({"group.source.node_id": node(2)})), Vec::<String>::new());
    let mut both = hits(json!({"group.source.node_id": node(1)}));
    both.sort();
    assert_eq!(both, ["arm", "pump"]);

    let silences = ("POST", "/api/v1/silences");
    let later = |seconds| (Timestamp::now() + SignedDuration::from_secs(seconds)).to_string();
    for (field, value, reason) in [
        ("for", Value::Null, "a silence needs an end"),
        ("for", json!("0s"), "for"),
        ("for", json!("900d"), "more than a year"),
        ("until", json!(later(600)), "leave one of them away"),
        ("by", json!(""), "say by whom"),
        ("matcher", json!({"node": 1}), "node"),
        ("matcher", json!({"rule": {"$foo": 1}}), "$foo"),
    ] {
        let mut wanted = json!({"matcher": {"rule": "pump"}, "for": "1h", "by": "ann", "note": "new tubes"});
        if value.is_null() {
            wanted.as_object_mut().expect("an object").remove(field);
        } else {
            wanted[field] = value;
        }
        let refused = does(&collector, silences, &wanted, 422);
        assert!(refused["detail"].as_str().expect("a reason").contains(reason), "{wanted}: {refused}");
    }
    assert_eq!(asked(&collector, "/api/v1/silences"), json!({"silences": []}));

    let wanted = json!({"matcher": {"rule": "pump"}, "for": "1h", "by": "ann", "note": "new tubes"});
    let silence = does(&collector, silences, &wanted, 201);
    assert_eq!(
        (&silence["state"], &silence["by"], &silence["note"]),
        (&json!("active"), &json!("ann"), &json!("new tubes"))
    );
    happens(&collector, 2, 20, &json!({"message": "pump"}));
    let alert = wait_for_alert(&collector, "pump", Some(2), "firing");
    assert_eq!((&alert["muted"]["by"], &alert["muted"]["id"]), (&json!("silence"), &silence["id"]));
    assert_eq!(alert["muted"]["until"], silence["until"]);
    wait_for_fates(&collector, &alert, "ops", &[("fired", &["muted"])]);
    let told = &history(&collector, &alert)[0]["told"][0];
    assert_eq!((&told["reason"]["id"], &told["notification"]), (&silence["id"], &json!(null)));
    // What it does not mean is told, and by then the other would have been, too.
    happens(&collector, 2, 20, &json!({"message": "arm"}));
    wait_for_mail(&server, &["arm", &node(2)]);
    assert!(!is_told(&server, "pump", 2), "{:#?}", server.mails());

    let path = format!("/api/v1/silences/{}", silence["id"].as_str().expect("an id"));
    let over = does(&collector, ("DELETE", &path), &Value::Null, 200);
    assert_eq!(over["state"], "over");
    wait_for_mail(&server, &["pump", &node(2)]);
    wait_for_fates(&collector, &alert, "ops", &[("fired", &["muted", "told"])]);
    assert_eq!(wait_for_alert(&collector, "pump", Some(2), "firing")["muted"], json!(null));
    let mails = server.mails();
    for number in [1, 2] {
        let about = mails.iter().filter(|mail| is_about(mail, "pump", number)).count();
        assert_eq!(about, 1, "node {number}: {mails:#?}");
    }
    does(&collector, ("DELETE", "/api/v1/silences/01J00000000000000000000000"), &Value::Null, 404);
    let listed = items(&asked(&collector, "/api/v1/silences"), "silences");
    assert_eq!((listed.len(), &listed[0]["state"]), (1, &json!("over")), "{listed:?}");
}

#[test]
fn a_silence_that_runs_out_lets_be_told_what_still_fires() {
    let (lab, server) = (Lab::new(), MailServer::start(&[]));
    let collector = collector(&lab, &server);
    let wanted = json!({"matcher": {"rule": "pump"}, "for": "20s", "by": "ann"});
    does(&collector, ("POST", "/api/v1/silences"), &wanted, 201);
    happens(&collector, 1, 20, &json!({"message": "pump"}));
    let alert = wait_for_alert(&collector, "pump", Some(1), "firing");
    wait_for_fates(&collector, &alert, "ops", &[("fired", &["muted"])]);
    assert!(!is_told(&server, "pump", 1), "{:#?}", server.mails());
    wait_for_mail(&server, &["pump", &node(1)]);
    wait_for_fates(&collector, &alert, "ops", &[("fired", &["muted", "told"])]);
}

#[test]
fn what_ends_in_silence_is_not_told_but_the_end_of_what_was_told_is() {
    let (lab, server) = (Lab::new(), MailServer::start(&[]));
    let collector = collector(&lab, &server);
    happens(&collector, 1, 20, &json!({"message": "door"}));
    wait_for_mail(&server, &["Alert", "door", &node(1)]);
    let wanted = json!({"matcher": {"severity": "warning"}, "for": "1h", "by": "ann"});
    let silence = does(&collector, ("POST", "/api/v1/silences"), &wanted, 201);
    happens(&collector, 2, 20, &json!({"message": "door"}));
    let muted = wait_for_alert(&collector, "door", Some(2), "resolved");
    let told = wait_for_alert(&collector, "door", Some(1), "resolved");
    wait_for_fates(&collector, &told, "ops", &[("fired", &["told"]), ("resolved", &["told"])]);
    let expected: [(&str, &[&str]); 2] =
        [("fired", &["muted", "muted_to_the_end"]), ("resolved", &["muted_to_the_end"])];
    wait_for_fates(&collector, &muted, "ops", &expected);
    wait_for_mail(&server, &["Resolved", "door", &node(1)]);

    let path = format!("/api/v1/silences/{}", silence["id"].as_str().expect("an id"));
    does(&collector, ("DELETE", &path), &Value::Null, 200);
    happens(&collector, 3, 20, &json!({"message": "arm"}));
    wait_for_mail(&server, &["arm", &node(3)]);
    assert!(!is_told(&server, "door", 2), "{:#?}", server.mails());
    assert_ne!(id_of(&muted), id_of(&told));
}
