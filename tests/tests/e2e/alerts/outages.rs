//! A mail server that is away, that is another, or that lets nobody in: what is to be told waits, in its order.

use std::time::Instant;

use jiff::{Timestamp, fmt::rfc2822};
use labtrail_tests::{
    lab::{Api, Lab, wait_until},
    services::{MailServer, mail_header},
};
use serde_json::{Value, json};

use super::asked::{
    asked, does, happens, items, mail_receiver, node, put, text_of, wait_for_alert, wait_for_fates, wait_for_mail,
    wait_for_rule,
};

/// Each node that fails is an alert, and each alert a notification.
const RULES: &str = r#"
[[rules]]
name = "broken"
when = { log_level = 40 }
trigger = { at_least = { count = 1, within = "1h" } }
group_by = ["source.node_id"]
receivers = ["ops"]
"#;
/// After its first failure a notification waits for at least so long, as every one after it.
const FIRST_PAUSE_SECONDS: u64 = 24;
const ALONE: &str = "[grouping.ops]\ngroup_by = [\"rule\", \"group\"]\n";
const QUIET: &str = "[alerts.madsci]\nenabled = false\n";

fn receiver(api: &Api, name: &str) -> Value {
    let receivers = items(&asked(api, "/api/v1/receivers"), "receivers");
    receivers.into_iter().find(|receiver| receiver["name"] == name).expect("it is there")
}

/// The notifications of a receiver, the oldest first.
fn outbox(api: &Api, name: &str) -> Vec<Value> {
    let mut rows = items(&asked(api, &format!("/api/v1/notifications?receiver={name}")), "notifications");
    rows.reverse();
    rows
}

/// Waits until a receiver is reached and nothing waits for it: that a mail is there is known to its server first.
#[track_caller]
fn wait_until_well(api: &Api, name: &str) -> Value {
    wait_until(&format!("{name} is reached"), || {
        let receiver = receiver(api, name);
        let is_well = receiver["failing_since"].is_null() && receiver["waiting"] == 0;
        (is_well && !receiver["last_sent_at"].is_null()).then_some(receiver)
    })
}

/// A node fails; waits until that is in the outbox as notification number `count`.
#[track_caller]
fn fails(api: &Api, number: usize, count: usize) {
    happens(api, number, 40, &json!({"message": format!("node {number} broke")}));
    wait_until(&format!("there are {count} notifications"), || (outbox(api, "ops").len() == count).then_some(()));
}

/// Of which nodes the mails are, in the order in which they came.
fn nodes(server: &MailServer) -> Vec<usize> {
    let number = |mail: &Value| (1..9).find(|number| mail_header(mail, "Subject").contains(&node(*number)));
    server.mails().iter().filter_map(number).collect()
}

#[test]
fn what_could_not_be_mailed_arrives_once_and_in_order_though_the_collector_was_killed_twice() {
    let (lab, server) = (Lab::new(), MailServer::start(&[]));
    let port = server.port;
    let mut collector = lab.absent_collector_with(QUIET);
    put(&collector, "receivers.toml", &(mail_receiver("ops", port) + ALONE));
    put(&collector, "rules/all.toml", RULES);
    collector.start();
    collector.wait_until_ready();
    fails(&collector, 1, 1);
    wait_until("the first is told", || (nodes(&server) == [1]).then_some(()));
    wait_until_well(&collector, "ops");

    drop(server);
    let away = Instant::now();
    fails(&collector, 2, 2);
    let failing = wait_until("it is known that nobody is reached", || {
        Some(receiver(&collector, "ops")).filter(|receiver| !receiver["failing_since"].is_null())
    });
    assert!(failing["reason"].as_str().expect("a reason").contains(&format!("127.0.0.1:{port}")), "{failing}");
    assert_eq!(failing["waiting"], 1);
    for number in [3, 4] {
        collector.kill();
        collector.start();
        collector.wait_until_ready();
        fails(&collector, number, number);
        let still = receiver(&collector, "ops");
        assert_eq!((&still["failing_since"], &still["waiting"]), (&failing["failing_since"], &json!(number - 1)));
    }
    let rows = wait_until("none is being sent", || {
        let rows = outbox(&collector, "ops");
        // What waits behind the first says so.
        let is_behind = |row: &Value| row["next_at"].as_str() >= rows[1]["next_at"].as_str();
        rows[1..].iter().all(|row| row["state"] == "waiting" && is_behind(row)).then_some(rows)
    });
    // Nobody is in more of a hurry because of the kills.
    let attempts = rows[1]["attempts"].as_u64().expect("a number");
    assert!((1..=1 + away.elapsed().as_secs() / FIRST_PAUSE_SECONDS).contains(&attempts), "{rows:#?}");

    let server = MailServer::start(&["--port", &port.to_string()]);
    // Kept for 72 hours, and not to be hurried by hand.
    let key = rows[1]["key"].as_str().expect("a key");
    does(&collector, ("POST", &format!("/api/v1/notifications/{key}/retry")), &Value::Null, 409);
    wait_until("all are told", || (nodes(&server).len() >= 3).then_some(()));
    let rows = wait_until("all are sent", || {
        let rows = outbox(&collector, "ops");
        rows.iter().all(|row| row["state"] == "sent").then_some(rows)
    });
    assert_eq!(nodes(&server), [2, 3, 4]);
    for (mail, row) in server.mails().iter().zip(&rows[1..]) {
        let sent_at = rfc2822::parse(mail_header(mail, "Date")).expect("a date").timestamp();
        let created_at: Timestamp = row["created_at"].as_str().expect("a time").parse().expect("a time");
        assert_eq!(sent_at.as_second(), created_at.as_second(), "the mail has its original time");
        assert_eq!(row["message_id"], mail_header(mail, "Message-ID"));
        assert_eq!(row["is_repeat"], false);
    }
    assert_eq!(wait_until_well(&collector, "ops")["reason"], json!(null));
    for number in 1..=4 {
        let alert = wait_for_alert(&collector, "broken", Some(number), "firing");
        wait_for_fates(&collector, &alert, "ops", &[("fired", &["told"])]);
    }
}

#[test]
fn what_waited_for_a_receiver_that_was_mended_is_sent_in_order() {
    let (lab, server) = (Lab::new(), MailServer::start(&[]));
    let collector = lab.collector_with(QUIET);
    let nobody = lab.free_address().port();
    put(&collector, "receivers.toml", &(mail_receiver("ops", nobody) + ALONE));
    put(&collector, "rules/all.toml", RULES);
    wait_for_rule(&collector, "broken", |_| true);
    fails(&collector, 1, 1);
    wait_until("it failed", || (!receiver(&collector, "ops")["failing_since"].is_null()).then_some(()));
    fails(&collector, 2, 2);
    put(&collector, "receivers.toml", &(mail_receiver("ops", server.port) + ALONE));
    wait_until("both are told", || (nodes(&server).len() == 2).then_some(()));
    fails(&collector, 3, 3);
    wait_until("the third is told", || (nodes(&server).len() == 3).then_some(()));
    assert_eq!(nodes(&server), [1, 2, 3]);
}

#[test]
fn a_wrong_password_is_told_to_somebody_else_and_what_was_given_up_is_sent_when_it_is_mended() {
    let lab = Lab::new();
    let strict = MailServer::start(&["--login", "labtrail", "right"]);
    let server = MailServer::start(&[]);
    let collector = lab.collector_with(QUIET);
    put(&collector, "mail-password", "wr0ng\n");
    let password = collector.data_dir().join("mail-password");
    let login = format!("smtp_port = {}\nsmtp_username = \"labtrail\"\nsmtp_password_file = {password:?}", strict.port);
    let ops = mail_receiver("ops", strict.port).replace(&format!("smtp_port = {}", strict.port), &login);
    let receivers = format!("fallback_receiver = \"boss\"\n{ops}{}{ALONE}", mail_receiver("boss", server.port));
    put(&collector, "receivers.toml", &receivers);
    put(&collector, "rules/all.toml", RULES);
    wait_for_rule(&collector, "broken", |_| true);
    fails(&collector, 1, 1);
    let mail = wait_for_mail(&server, &["broken", &node(1), "ops", "535"]);
    assert!(text_of(&mail).contains("node 1 broke") && !text_of(&mail).contains("wr0ng"), "{}", text_of(&mail));
    let dead = outbox(&collector, "ops").remove(0);
    assert_eq!((&dead["state"], &dead["needs_mending"], &dead["attempts"]), (&json!("dead"), &json!(true), &json!(1)));
    wait_until("it is known why nobody is reached", || {
        receiver(&collector, "ops")["reason"].as_str().is_some_and(|reason| reason.contains("535")).then_some(())
    });

    // Tried again by hand it fails again; mended, it is sent by itself.
    let retry = format!("/api/v1/notifications/{}/retry", dead["key"].as_str().expect("a key"));
    let taken_up = does(&collector, ("POST", &retry), &Value::Null, 200);
    assert_eq!(taken_up["state"], "waiting");
    wait_until("it is given up again", || {
        let row = outbox(&collector, "ops").remove(0);
        (row["state"] == "dead" && row["attempts"] == 2).then_some(())
    });
    does(&collector, ("POST", "/api/v1/notifications/nothing/retry"), &Value::Null, 404);
    assert_eq!(strict.mails().len(), 0);
    put(&collector, "mail-password", "right\n");
    wait_until("it is told", || (nodes(&strict) == [1]).then_some(()));
    let row =
        wait_until("it is sent", || Some(outbox(&collector, "ops").remove(0)).filter(|row| row["state"] == "sent"));
    assert_eq!(row["message_id"], mail_header(&strict.mail(), "Message-ID"));
    wait_until_well(&collector, "ops");
    does(&collector, ("POST", &retry), &Value::Null, 409);
    println!("{:#}", row["log"]);
}
