//! An alert from its first event to its end, as those see it who get the mails and those who ask the API.

use std::time::Duration;

use jiff::Timestamp;
use labtrail_tests::{
    lab::{Lab, poll, wait_until},
    services::{MailServer, mail_header},
};
use serde_json::json;

use super::asked::{
    alerts_of, asked, does, happens, history, html_of, id_of, items, mail_receiver, node, put, subjects, text_of,
    wait_for_alert, wait_for_fates, wait_for_mail, wait_for_rule,
};

const NODE_ERRORS: &str = r#"
[[rules]]
name = "node-errors"
description = "a node fails again and again"
when = { log_level = { "$gte" = 40 } }
trigger = { at_least = { count = 3, within = "20s" } }
group_by = ["source.node_id"]
severity = "error"
labels = { team = "liquids" }
lateness = "1s"
"#;

#[test]
fn an_alert_fires_is_told_with_its_events_acknowledged_and_resolved() {
    let (lab, server) = (Lab::new(), MailServer::start(&[]));
    let mut collector = lab.absent_collector_with(
        "[alerts]\npage_url = \"https://labtrail.lab.example/\"\n[alerts.madsci]\nenabled = false\n",
    );
    put(&collector, "rules/errors.toml", NODE_ERRORS);
    put(&collector, "receivers.toml", &mail_receiver("ops", server.port));
    collector.start();
    collector.wait_until_ready();

    // Two errors of a node are not enough, nor are warnings of another.
    let mut ids = Vec::new();
    for number in 0..3 {
        happens(&collector, 3, 30, &json!({"message": "only a warning"}));
        if number < 2 {
            happens(&collector, 2, 40, &json!({"message": "not often enough"}));
        }
        ids.push(happens(&collector, 1, 40, &json!({"message": format!("plate {number} was dropped <by the arm>")})));
    }
    let mail = wait_for_mail(&server, &["node-errors"]);
    let alert = wait_for_alert(&collector, "node-errors", None, "firing");
    let id = id_of(&alert);
    assert_eq!(mail_header(&mail, "Subject"), format!("Alert (error): node-errors: source.node_id={}", node(1)));
    assert_eq!(mail_header(&mail, "To"), "ops@lab.example");
    let (text, html) = (text_of(&mail), html_of(&mail));
    for part in [&text, &html] {
        assert!((0..3).all(|number| part.contains(&format!("plate {number} was dropped"))), "{part}");
        assert!(part.contains(&node(1)) && part.contains("team=liquids") && part.contains("3 events"), "{part}");
        assert!(!part.contains(&node(2)) && !part.contains("only a warning"), "{part}");
    }
    assert!(html.contains("&lt;by the arm&gt;"), "{html}");
    let link = format!("https://labtrail.lab.example/alerts?alert={id}");
    assert!(text.contains(&link) && html.contains(&format!("href=\"{link}\"")), "no {link} in {text} {html}");

    let all = asked(&collector, "/api/v1/alerts");
    assert_eq!(all["counts"], json!({"firing": 1, "pending": 0, "resolved": 0}));
    assert_eq!(items(&all, "alerts").len(), 1, "{all}");
    let newest_first: Vec<&String> = ids.iter().rev().collect();
    for (name, value) in [
        ("description", json!("a node fails again and again")),
        ("severity", json!("error")),
        ("group", json!({"source.node_id": node(1)})),
        ("labels", json!({"team": "liquids"})),
        ("episode", json!(1)),
        ("count", json!(3)),
        ("event_ids", json!(newest_first)),
        ("acknowledged", json!(null)),
        ("muted", json!(null)),
    ] {
        assert_eq!(alert[name], value, "{name} of {alert:#}");
    }

    let acknowledge = format!("/api/v1/alerts/{id}/acknowledge");
    let by_ann = |episode: u64| json!({"episode": episode, "by": "ann", "note": "on it"});
    does(&collector, ("POST", &acknowledge), &by_ann(2), 409);
    does(&collector, ("POST", "/api/v1/alerts/0123456789abcdef0123456789abcdef/acknowledge"), &by_ann(1), 404);
    does(&collector, ("POST", &acknowledge), &json!({"episode": 1, "by": " "}), 422);
    let answer = does(&collector, ("POST", &acknowledge), &by_ann(1), 200);
    assert_eq!((&answer["acknowledged"]["who"], &answer["acknowledged"]["note"]), (&json!("ann"), &json!("on it")));

    // They stop, and it is over.
    let resolved = wait_for_mail(&server, &["Resolved", "node-errors"]);
    let alert = wait_for_alert(&collector, "node-errors", None, "resolved");
    assert_eq!(mail_header(&resolved, "Subject"), format!("Resolved (error): node-errors: source.node_id={}", node(1)));
    assert!(text_of(&resolved).contains(&link), "{resolved:#}");
    does(&collector, ("POST", &acknowledge), &by_ann(1), 409);
    wait_for_fates(&collector, &alert, "ops", &[("fired", &["told"]), ("resolved", &["told"])]);
    let steps = history(&collector, &alert);
    assert_eq!(steps[1]["event_ids"], json!(newest_first));
    assert_eq!(steps[0]["began"], alert["since"]);
    assert_eq!(steps[1]["ended"], alert["ended"]);

    // What the history says was told is what was sent.
    let sent = wait_until("it is known that both were sent", || {
        let rows = items(&asked(&collector, "/api/v1/notifications?receiver=ops"), "notifications");
        rows.iter().all(|row| row["state"] == "sent").then_some(rows)
    });
    assert_eq!(sent.len(), 2, "{sent:#?}");
    for (step, mail) in steps.iter().zip([&mail, &resolved]) {
        let key = &step["told"][0]["notification"];
        let row = sent.iter().find(|row| row["key"] == *key).unwrap_or_else(|| panic!("no {key} in {sent:#?}"));
        assert_eq!((&row["state"], &row["attempts"], &row["is_repeat"]), (&json!("sent"), &json!(1), &json!(false)));
        assert_eq!(
            (row["message_id"].as_str(), &row["kind"]),
            (Some(mail_header(mail, "Message-ID")), &json!("alerts"))
        );
    }

    // It fires again: another episode, to which nobody attends yet.
    for number in 0..3 {
        happens(&collector, 1, 50, &json!({"message": format!("again {number}")}));
    }
    let again = wait_for_alert(&collector, "node-errors", None, "firing");
    assert_eq!((id_of(&again), &again["episode"], &again["acknowledged"]), (id, &json!(2), &json!(null)));
    does(&collector, ("POST", &acknowledge), &by_ann(1), 409);
    wait_for_mail(&server, &["Alert", "again 2"]);
    assert_eq!(subjects(&server).len(), 3, "{:?}", subjects(&server));
}

#[test]
fn an_alert_is_repeated_until_somebody_attends_to_it_and_again_when_they_let_go() {
    let (lab, server) = (Lab::new(), MailServer::start(&[]));
    let collector = lab.collector_with("[alerts.madsci]\nenabled = false\n");
    put(&collector, "receivers.toml", &mail_receiver("ops", server.port));
    let repeated = NODE_ERRORS.replace("count = 3, within = \"20s\"", "count = 1, within = \"1h\"");
    put(&collector, "rules/errors.toml", &format!("{repeated}repeat = {{ after = \"2s\" }}\n"));
    wait_for_rule(&collector, "node-errors", |_| true);

    happens(&collector, 1, 40, &json!({"message": "dropped"}));
    wait_for_mail(&server, &["Still firing", "node-errors"]);
    let alert = wait_for_alert(&collector, "node-errors", None, "firing");
    let deed = |name: &str| format!("/api/v1/alerts/{}/{name}", id_of(&alert));
    does(&collector, ("POST", &deed("acknowledge")), &json!({"episode": 1, "by": "ann"}), 200);
    let told = || history(&collector, &alert).len();
    let before = told();
    // Another alert fires and is repeated: time enough for this one to have been, too.
    happens(&collector, 2, 40, &json!({"message": "dropped, too"}));
    let other = wait_for_alert(&collector, "node-errors", Some(2), "firing");
    wait_until("the other is repeated twice", || (history(&collector, &other).len() >= 3).then_some(()));
    assert_eq!(told(), before, "{:#?}", history(&collector, &alert));
    does(&collector, ("POST", &deed("acknowledge")), &json!({"episode": 1, "by": "ben", "note": "I do it"}), 200);
    does(&collector, ("POST", &deed("unacknowledge")), &json!({"episode": 2}), 409);
    let answer = does(&collector, ("POST", &deed("unacknowledge")), &json!({"episode": 1}), 200);
    assert_eq!(answer["acknowledged"], json!(null));
    wait_until("it is repeated again", || (told() > before).then_some(()));
    assert_eq!(alerts_of(&collector, "node-errors").len(), 2);
}

#[test]
fn an_alert_that_goes_on_shows_its_newest_events() {
    let (lab, server) = (Lab::new(), MailServer::start(&[]));
    let collector = lab.collector_with("[alerts.madsci]\nenabled = false\n");
    put(&collector, "receivers.toml", &mail_receiver("ops", server.port));
    // With the lateness that rules have by default.
    let rule = NODE_ERRORS
        .replace("count = 3, within = \"20s\"", "count = 2, within = \"1m\"")
        .replace("lateness = \"1s\"", "");
    put(&collector, "rules/errors.toml", &rule);
    wait_for_rule(&collector, "node-errors", |_| true);
    let mut ids = Vec::new();
    for number in 0..2 {
        ids.insert(0, happens(&collector, 1, 40, &json!({"message": format!("error {number}")})));
    }
    let fired = wait_for_alert(&collector, "node-errors", Some(1), "firing");
    let began: Timestamp = fired["since"].as_str().expect("a time").parse().expect("a time");
    for (number, seconds) in [(2, 3), (3, 12), (4, 24)] {
        wait_until("some time has passed", || {
            (Timestamp::now().duration_since(began).as_secs() >= seconds).then_some(())
        });
        ids.insert(0, happens(&collector, 1, 40, &json!({"message": format!("error {number}")})));
        let shown = poll(Duration::from_secs(20), || {
            let alert = wait_for_alert(&collector, "node-errors", Some(1), "firing");
            (alert["event_ids"] == json!(ids)).then_some(alert)
        });
        let alert = shown.unwrap_or_else(|| {
            let alerts = alerts_of(&collector, "node-errors");
            panic!("not all of {ids:?} are shown after {seconds} s: {alerts:#?}")
        });
        assert_eq!((&alert["count"], &alert["episode"]), (&json!(ids.len()), &json!(1)));
    }
}
