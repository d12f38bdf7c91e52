//! Rules that come, change and go while collectors run.

use labtrail_tests::{
    lab::{Lab, wait_until},
    services::{MailServer, Mongod, mail_header},
};
use serde_json::{Value, json};

use super::asked::{
    alerts_of, asked, does, happens, items, mail_receiver, node, put, subjects, text_of, wait_for_alert,
    wait_for_fates, wait_for_mail, wait_for_rule,
};

const QUIET: &str = "[alerts.madsci]\nenabled = false\n";

/// A rule about each event of that message, by node.
fn rule(name: &str, message: &str) -> String {
    format!(
        "[[rules]]\nname = \"{name}\"\nwhen = {{ \"event_data.message\" = \"{message}\" }}\ntrigger = \"each\"\n\
         group_by = [\"source.node_id\"]\n"
    )
}

fn problems(answer: &Value) -> Vec<String> {
    let problems = answer["problems"].as_array().expect("problems");
    problems.iter().map(|problem| problem.as_str().expect("a text").to_owned()).collect()
}

#[test]
fn a_file_of_rules_works_at_once_and_a_broken_one_leaves_the_old_rule_at_work() {
    let (lab, server) = (Lab::new(), MailServer::start(&[]));
    let collector = lab.collector_with(QUIET);
    put(&collector, "receivers.toml", &mail_receiver("ops", server.port));
    put(&collector, "rules/pump.toml", &rule("pump-stuck", "stuck"));
    let added = wait_for_rule(&collector, "pump-stuck", |_| true);
    let origin = added["origin"].as_str().expect("an origin");
    assert!(origin.ends_with("rules/pump.toml:1") && added["editable"] == false, "{added}");
    happens(&collector, 1, 20, &json!({"message": "stuck"}));
    wait_for_mail(&server, &["pump-stuck", &node(1)]);

    // Broken: it says where, by the API and by a mail, and the old rule still works.
    put(
        &collector,
        "rules/pump.toml",
        &format!("{}[[rules]]\nname = \"other\"\ntriger = \"each\"\n", rule("pump-stuck", "stuck")),
    );
    let wrong = wait_until("it is said what is wrong", || {
        Some(problems(&asked(&collector, "/api/v1/rules"))).filter(|found| !found.is_empty())
    });
    assert!(wrong[0].contains("rules/pump.toml:8") && wrong[0].contains("did you mean `trigger`"), "{wrong:?}");
    let mail = wait_for_mail(&server, &["labtrail-rules-wrong"]);
    assert!(text_of(&mail).contains("rules/pump.toml:8"), "{}", text_of(&mail));
    let own = wait_for_alert(&collector, "labtrail-rules-wrong", None, "firing");
    assert!(own["description"].as_str().expect("a text").contains("rules/pump.toml:8"), "{own:#}");
    happens(&collector, 2, 20, &json!({"message": "stuck"}));
    wait_for_mail(&server, &["pump-stuck", &node(2)]);

    // Mended, and another rule than before.
    put(&collector, "rules/pump.toml", &rule("pump-stuck", "jammed"));
    let mended = wait_for_mail(&server, &["Resolved", "labtrail-rules-wrong"]);
    wait_for_fates(&collector, &own, "ops", &[("fired", &["told"]), ("resolved", &["told"])]);
    assert!(mail_header(&mended, "Subject").starts_with("Resolved"), "{mended:#}");
    wait_for_alert(&collector, "labtrail-rules-wrong", None, "resolved");
    assert_eq!(problems(&asked(&collector, "/api/v1/rules")), Vec::<String>::new());
    happens(&collector, 3, 20, &json!({"message": "jammed"}));
    wait_for_mail(&server, &["pump-stuck", &node(3)]);

    // Gone, and with it what fired of it.
    std::fs::remove_file(collector.data_dir().join("rules/pump.toml")).expect("a file can be removed");
    wait_until("nothing of it fires", || {
        let alerts = alerts_of(&collector, "pump-stuck");
        alerts.iter().all(|alert| alert["state"] == "resolved").then_some(())
    });
    does(&collector, ("GET", "/api/v1/rules/pump-stuck"), &Value::Null, 404);
    let about = |mail: &&Value| text_of(mail).contains("labtrail-rules-wrong");
    assert_eq!(server.mails().iter().filter(about).count(), 2, "{:?}", subjects(&server));
}

#[test]
fn what_is_wrong_with_receivers_is_told_by_those_that_were_right() {
    let (lab, server) = (Lab::new(), MailServer::start(&[]));
    let collector = lab.collector_with(QUIET);
    put(&collector, "receivers.toml", &mail_receiver("ops", server.port));
    put(&collector, "rules/pump.toml", &rule("pump-stuck", "stuck"));
    wait_for_rule(&collector, "pump-stuck", |_| true);
    put(&collector, "receivers.toml", &mail_receiver("ops", server.port).replace("smtp_port", "smtp_prot"));
    let mail = wait_for_mail(&server, &["labtrail-rules-wrong"]);
    let text = text_of(&mail);
    assert!(text.contains("receivers.toml:5") && text.contains("did you mean `smtp_port`"), "{text}");
    happens(&collector, 1, 20, &json!({"message": "stuck"}));
    wait_for_mail(&server, &["pump-stuck", &node(1)]);
    // A rule that names somebody who is not there is as wrong, and two that are to be told are told.
    put(&collector, "receivers.toml", &(mail_receiver("ops", server.port) + &mail_receiver("boss", server.port)));
    let named =
        |name: &str| rule("pump-stuck", "stuck").replace("trigger", &format!("receivers = [\"{name}\"]\ntrigger"));
    put(&collector, "rules/pump.toml", &named("bos"));
    wait_until("it is said who is not there", || {
        let found = problems(&asked(&collector, "/api/v1/rules"));
        found.iter().any(|problem| problem.contains("there is no receiver `bos`: did you mean `boss`")).then_some(())
    });
    put(&collector, "rules/pump.toml", &named("boss"));
    let resolved = wait_for_mail(&server, &["Resolved", "labtrail-rules-wrong"]);
    assert_eq!(mail_header(&resolved, "To"), "ops@lab.example", "whoever was told of it hears of its end");
    happens(&collector, 2, 20, &json!({"message": "stuck"}));
    let mail = wait_for_mail(&server, &["pump-stuck", &node(2)]);
    assert_eq!(mail_header(&mail, "To"), "boss@lab.example");
}

#[test]
fn a_rule_put_by_the_api_works_in_every_collector_of_the_store() {
    let (lab, server) = (Lab::new(), MailServer::start(&[]));
    let receivers = lab.write("receivers.toml", mail_receiver("ops", server.port));
    let files = lab.write("rules/pump.toml", rule("pump-stuck", "stuck"));
    let config = format!(
        "[store]\nkind = \"mongodb\"\n[store.mongodb]\nurl = \"{}\"\ndatabase = \"alerts-put\"\n[alerts]\nrules = [\"{}\"]\n\
         receivers = \"{}\"\n{QUIET}",
        Mongod::shared().url(),
        files.display(),
        receivers.display()
    );
    let (one, two) = (lab.collector_with(&config), lab.collector_with(&config));
    let valve = json!({
        "when": {"event_data.message": "leaks"}, "trigger": "each", "group_by": ["source.node_id"], "severity": "critical",
    });
    let (put, path) = ("PUT", "/api/v1/rules/valve-leaks");
    let made = does(&one, (put, path), &valve, 201);
    assert_eq!(
        (&made["name"], &made["origin"], &made["editable"]),
        (&json!("valve-leaks"), &json!("API"), &json!(true))
    );
    wait_for_rule(&two, "valve-leaks", |_| true);
    happens(&two, 1, 20, &json!({"message": "leaks"}));
    let mail = wait_for_mail(&server, &["Alert (critical)", "valve-leaks"]);
    assert_eq!(mail_header(&mail, "Importance"), "High");
    for collector in [&one, &two] {
        wait_for_alert(collector, "valve-leaks", Some(1), "firing");
        let rule = asked(collector, path);
        assert_eq!((&rule["firing"], &rule["rule"]["severity"]), (&json!(1), &json!("critical")));
    }

    // What is not kept there cannot be put there, and what is wrong is refused with the reason.
    for name in ["pump-stuck", "madsci-alert"] {
        let path = format!("/api/v1/rules/{name}");
        let refused = does(&two, (put, &path), &valve, 409);
        assert!(refused["detail"].as_str().expect("a reason").contains(name), "{refused}");
        does(&two, ("DELETE", &path), &Value::Null, 409);
    }
    for (field, value, reason) in [
        ("triger", json!("each"), "triger"),
        ("receivers", json!(["nobody"]), "nobody"),
        ("name", json!("another"), "another"),
        ("when", json!({"log_level": {"$foo": 1}}), "$foo"),
    ] {
        let mut wrong = valve.clone();
        wrong[field] = value;
        let refused = does(&two, (put, path), &wrong, 422);
        assert!(refused["detail"].as_str().expect("a reason").contains(reason), "{refused}");
    }

    // Changed through the other one.
    let mut changed = valve;
    changed["severity"] = json!("info");
    does(&two, (put, path), &changed, 200);
    wait_for_rule(&one, "valve-leaks", |rule| rule["rule"]["severity"] == "info");
    wait_for_rule(&two, "valve-leaks", |rule| rule["rule"]["severity"] == "info");
    happens(&one, 2, 20, &json!({"message": "leaks"}));
    wait_for_mail(&server, &["Alert (info)", "valve-leaks", &node(2)]);

    // Deleted: what fires of it is over.
    let fired = [1, 2].map(|number| wait_for_alert(&one, "valve-leaks", Some(number), "firing"));
    does(&one, ("DELETE", path), &Value::Null, 204);
    for alert in &fired {
        wait_for_fates(&two, alert, "ops", &[("fired", &["told"]), ("resolved", &["told"])]);
    }
    for collector in [&one, &two] {
        wait_until("it is gone", || (collector.get(path, &[]).status == 404).then_some(()));
        assert_eq!(asked(collector, "/api/v1/alerts")["counts"]["firing"], 0);
    }
    does(&two, ("DELETE", path), &Value::Null, 404);
    let fired = subjects(&server).into_iter().filter(|subject| subject.starts_with("Alert"));
    assert_eq!(fired.count(), 2, "each collector told it once more: {:?}", subjects(&server));
    let rules = items(&asked(&two, "/api/v1/rules"), "rules");
    assert!(rules.iter().any(|rule| rule["name"] == "pump-stuck"), "{rules:#?}");
}
