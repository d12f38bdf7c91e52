//! What tests of alerts write into files, and ask of collectors and of the mail server.

use std::fs;

use jiff::Timestamp;
use labtrail_tests::{
    lab::{Api, Collector, wait_until},
    services::{MailServer, mail_header},
};
use serde_json::{Value, json};

/// A node of a laboratory.
pub(crate) fn node(number: usize) -> String {
    format!("01J0000000000000000000000{number}")
}

/// A receiver of mails, for `receivers.toml`.
pub(crate) fn mail_receiver(name: &str, port: u16) -> String {
    format!(
        "[[receivers]]\nname = \"{name}\"\n[receivers.email]\nsmtp_server = \"127.0.0.1\"\nsmtp_port = {port}\n\
         use_tls = false\nsender = \"Labtrail <labtrail@lab.example>\"\nemail_addresses = [\"{name}@lab.example\"]\n"
    )
}

/// Puts a file into a collector's folder, at once as a whole: it is read while it is written.
pub(crate) fn put(collector: &Collector, name: &str, text: &str) {
    let file = collector.data_dir().join(name);
    let part = file.with_extension("part");
    fs::create_dir_all(file.parent().expect("it is in a folder")).expect("folders can be made");
    fs::write(&part, text).expect("a file can be written");
    fs::rename(part, file).expect("a file can be renamed");
}

/// Stores an event of a node that happens now; answers its id.
#[track_caller]
pub(crate) fn happens(api: &Api, node_number: usize, level: u8, data: &Value) -> String {
    let event = json!({
        "event_type": "node_error", "log_level": level, "source": {"node_id": node(node_number)},
        "event_timestamp": Timestamp::now().to_string(), "event_data": data,
    });
    let answer = api.post_json("/event", &event);
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.json()["_id"].as_str().expect("an id").to_owned()
}

/// What a path of the API answers.
#[track_caller]
pub(crate) fn asked(api: &Api, path: &str) -> Value {
    let answer = api.get(path, &[]);
    assert_eq!(answer.status, 200, "{path}: {}", answer.text);
    answer.json()
}

/// What a request is answered, which must have this status.
#[track_caller]
pub(crate) fn does(api: &Api, (method, path): (&str, &str), body: &Value, status: u16) -> Value {
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let answer = api.request(method, path, &[("content-type", "application/json")], body.as_bytes());
    assert_eq!(answer.status, status, "{method} {path} {body}: {}", answer.text);
    if answer.text.is_empty() { Value::Null } else { answer.json() }
}

/// The items of a list.
#[track_caller]
pub(crate) fn items(answer: &Value, name: &str) -> Vec<Value> {
    answer[name].as_array().unwrap_or_else(|| panic!("no {name}: {answer}")).clone()
}

/// Waits until a rule is at work, as its entry is to be.
#[track_caller]
pub(crate) fn wait_for_rule(api: &Api, name: &str, is_so: impl Fn(&Value) -> bool) -> Value {
    wait_until(&format!("the rule {name} is at work"), || {
        let rules = items(&asked(api, "/api/v1/rules"), "rules");
        rules.into_iter().find(|rule| rule["name"] == name && is_so(rule))
    })
}

/// The alerts of a rule.
#[track_caller]
pub(crate) fn alerts_of(api: &Api, rule: &str) -> Vec<Value> {
    items(&asked(api, &format!("/api/v1/alerts?rule={rule}")), "alerts")
}

/// Waits until an alert of a rule is in a state, and is of this node if there is one.
#[track_caller]
pub(crate) fn wait_for_alert(api: &Api, rule: &str, node_number: Option<usize>, state: &str) -> Value {
    wait_until(&format!("an alert of {rule} is {state}"), || {
        alerts_of(api, rule).into_iter().find(|alert| {
            let is_its = node_number.is_none_or(|number| alert["group"]["source.node_id"] == node(number));
            alert["state"] == state && is_its
        })
    })
}

/// The id of an alert.
#[track_caller]
pub(crate) fn id_of(alert: &Value) -> &str {
    alert["id"].as_str().unwrap_or_else(|| panic!("no id: {alert}"))
}

/// What happened to an alert, in its order.
#[track_caller]
pub(crate) fn history(api: &Api, alert: &Value) -> Vec<Value> {
    let mut history = items(&asked(api, &format!("/api/v1/alerts/{}", id_of(alert))), "history");
    history.reverse();
    history
}

/// The kinds of the steps of an alert, each with what became of it for a receiver, in their order.
#[track_caller]
pub(crate) fn fates(api: &Api, alert: &Value, receiver: &str) -> Vec<(String, Vec<String>)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let fates = |step: &Value| {
        let told = items(step, "told").into_iter().filter(|told| told["receiver"] == receiver);
        told.map(|told| text(&told["fate"])).collect()
    };
    history(api, alert).iter().map(|step| (text(&step["kind"]), fates(step))).collect()
}

/// Waits until an alert's steps came to this.
#[track_caller]
pub(crate) fn wait_for_fates(api: &Api, alert: &Value, receiver: &str, expected: &[(&str, &[&str])]) {
    let owned = |fates: &[&str]| fates.iter().map(|fate| (*fate).to_owned()).collect::<Vec<_>>();
    let expected: Vec<(String, Vec<String>)> =
        expected.iter().map(|(kind, told)| ((*kind).to_owned(), owned(told))).collect();
    let mut found = Vec::new();
    wait_until(&format!("{receiver} was told so: {expected:?}"), || {
        let now = fates(api, alert, receiver);
        if now != found {
            println!("{receiver}: {now:?}");
            found = now;
        }
        (found == expected).then_some(())
    });
}

/// The subjects of the mails so far.
pub(crate) fn subjects(server: &MailServer) -> Vec<String> {
    server.mails().iter().map(|mail| mail_header(mail, "Subject").to_owned()).collect()
}

/// Waits for the mail whose subject or text has all of these parts.
#[track_caller]
pub(crate) fn wait_for_mail(server: &MailServer, parts: &[&str]) -> Value {
    wait_until(&format!("there is a mail with {parts:?}"), || {
        server.mails().into_iter().find(|mail| {
            let words = format!("{}\n{}", mail_header(mail, "Subject"), text_of(mail));
            parts.iter().all(|part| words.contains(part))
        })
    })
}

/// The plain text of a mail.
pub(crate) fn text_of(mail: &Value) -> String {
    mail["text"].as_str().unwrap_or_default().replace("\r\n", "\n")
}

/// The HTML of a mail. Its slashes are written as characters; to a browser that is the same.
pub(crate) fn html_of(mail: &Value) -> String {
    mail["html"].as_str().unwrap_or_default().replace("&#x2f;", "/")
}
