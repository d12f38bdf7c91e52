//! The settings of receivers: all of them, the wrong ones, and what is shown of them.

use serde_json::json;

use super::{Receiver, ReceiverSection, Receivers};
use crate::notify::{
    Delivery, Outcome,
    tests::{notification, problem, receiver},
};

/// Every option, as the manual shows it.
const EVERY_OPTION: &str = include_str!("every-option.toml");

#[derive(serde::Deserialize)]
struct File {
    receivers: Vec<ReceiverSection>,
}

fn sections() -> Vec<ReceiverSection> {
    toml::from_str::<File>(EVERY_OPTION).expect("every option is sound").receivers
}

#[test]
fn every_option_is_read_and_means_the_same_in_json() {
    let sections = sections();
    let table: serde_json::Value = toml::from_str(EVERY_OPTION).expect("TOML");
    let from_json: Vec<ReceiverSection> = serde_json::from_value(table["receivers"].clone()).expect("sound");
    assert_eq!(sections, from_json);
    let names: Vec<&str> = sections.iter().map(|section| section.name.as_str()).collect();
    assert_eq!(names, ["ops-mail", "ticket-system", "alertmanager-bridge", "ops-chat", "siren", "log"]);
}

#[test]
fn what_is_shown_holds_no_secret() {
    let shown = format!("{:?}{}", sections(), serde_json::to_string(&sections()).expect("JSON"));
    let toml = toml::to_string(&json!({"receivers": sections()})).expect("TOML");
    for secret in ["s3cret", "T0000", "t0ken", "k3y"] {
        assert!(!shown.contains(secret) && !toml.contains(secret), "{secret} in {shown}");
    }
    assert!(toml.contains("https://hooks.slack.com/***") && toml.contains("smtp_password_file"), "{toml}");
}

#[test]
fn wrong_settings_say_what_to_do() {
    let check = |toml: &str, expected: &str| assert_eq!(problem(toml), expected, "{toml}");
    check("name = \"x\"\n", "receiver \"x\" does not say by what: set one of email, webhook, chat, command and log");
    check(
        "name = \"x\"\n[log]\n[command]\nargv = [\"a\"]",
        "receiver \"x\" has more than one of email, webhook, chat, command and log: make a receiver of each",
    );
    check("name = \"a b\"\n[log]\n", "\"a b\" is not a receiver's name: use letters, digits, -, _ and ., at most 64");
    check(
        "name = \"x\"\nzone = \"Mars\"\n[log]\n",
        "\"Mars\" is not a time zone: write a name of the IANA database, such as Europe/Berlin or UTC",
    );
    check("name = \"x\"\n[log]\nlevel = 3\n", "unknown field `level`, there are no fields");
    check(
        "name = \"x\"\n[command]\nargv = []\n",
        "argv is empty: write the program and its arguments as a list of texts",
    );
    let email = |more: &str| {
        format!(
            "name = \"x\"\n[email]\nsmtp_server = \"m\"\nsender = \"a@b.ch\"\nemail_addresses = [\"c@d.ch\"]\n{more}\n"
        )
    };
    check(
        &email("smtp_username = \"u\""),
        "smtp_username is set without a password: set smtp_password or smtp_password_file, too, or remove smtp_username",
    );
    check(
        &email("smtp_password = \"p\""),
        "a password is set without smtp_username: set that, too, or remove the password",
    );
    check(
        &email("smtp_username = \"u\"\nsmtp_password = \"p\"\nsmtp_password_file = \"f\""),
        "smtp_password and smtp_password_file are both set: remove one",
    );
    check(
        &email("smtp_username = \"u\"\nsmtp_password = \"***\""),
        "smtp_password is ***, which stands for a secret that is not shown: write the secret itself",
    );
    check(&email("use_tls = true\ntls = \"none\""), "use_tls and tls contradict each other: remove use_tls");
    check(&email("default_importance = \"urgent\""), "\"urgent\" is not an importance: write High, Normal or Low");
    check(
        "name = \"x\"\n[email]\nsmtp_server = \"m:25\"\nsender = \"a@b.ch\"\nemail_addresses = [\"c@d.ch\"]\n",
        "smtp_server \"m:25\" is not a name: write the server's name or address alone, and its port as smtp_port",
    );
    check(
        "name = \"x\"\n[email]\nsmtp_server = \"m\"\nsender = \"ops\"\nemail_addresses = [\"c@d.ch\"]\n",
        "\"ops\" is not an e-mail address: write one such as ops@example.com or Laboratory <ops@example.com>",
    );
    check("name = \"x\"\n[webhook]\n", "set url, or url_file with the path of a file that holds it");
    check(
        "name = \"x\"\n[webhook]\nurl = \"hooks/s3cret\"\n",
        "url cannot be used: write an address such as https://example.com/hook",
    );
    check(
        "name = \"x\"\n[webhook]\nurl = \"https://h/x\"\nheaders = { Content-Type = \"text/plain\" }\n",
        "headers.Content-Type is set by the collector itself: remove it",
    );
    check(
        "name = \"x\"\n[chat]\nservice = \"slack\"\nurl = \"https://h/x\"\nchannel = \"y\"\n",
        "channel is for mattermost only: the webhooks of the others belong to one channel; remove it",
    );
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let toml = "name = \"x\"\n[webhook]\nurl_file = \"/no/such/file\"\n";
    let section: ReceiverSection = toml::from_str(toml).expect("sound");
    let error = Receiver::open(&section).expect_err("no such file");
    let text = labtrail_shared::telemetry::with_causes(&error);
    assert_eq!(text, "receiver x: read url_file /no/such/file: No such file or directory (os error 2)");
}

#[test]
fn two_of_one_name_are_refused() {
    let section: ReceiverSection = toml::from_str("name = \"x\"\n[log]\n").expect("sound");
    let error = Receivers::open(&[section.clone(), section]).expect_err("twice");
    assert_eq!(
        labtrail_shared::telemetry::with_causes(&error),
        "receiver x: another receiver has this name, too: rename one"
    );
}

#[tokio::test]
async fn the_log_gets_one_line() {
    let lines = Lines::default();
    let subscriber = tracing_subscriber::fmt().json().with_writer(lines.clone()).finish();
    let guard = tracing::subscriber::set_default(subscriber);
    let receiver = receiver("name = \"log\"\n[log]\n");
    assert_eq!(receiver.send(&notification(), None).await, Outcome::Sent(Delivery::default()));
    receiver.send(&receiver.trial("1", notification().at, None), None).await;
    drop(guard);
    let text = lines.0.lock().expect("not poisoned").clone();
    let lines: Vec<serde_json::Value> =
        String::from_utf8(text).expect("UTF-8").lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(lines.len(), 2);
    let fields = &lines[0]["fields"];
    assert_eq!(lines[0]["level"], "ERROR");
    assert_eq!(fields["message"], "Alert (critical): pump-errors: node=Pumpe-7 <b>");
    assert_eq!((&fields["alerts"], &fields["receiver"]), (&json!(1), &json!("log")));
    assert_eq!(
        (&lines[1]["level"], &lines[1]["fields"]["message"]),
        (&json!("INFO"), &json!("Test: the receiver log works"))
    );
}

#[derive(Clone, Default)]
struct Lines(std::sync::Arc<std::sync::Mutex<Vec<u8>>>);

impl std::io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("not poisoned").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl tracing_subscriber::fmt::MakeWriter<'_> for Lines {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

#[test]
fn sending_may_move_between_threads() {
    fn check<T: Send>(_: &T) {}
    let (receiver, notification) = (receiver("name = \"log\"\n[log]\n"), notification());
    check(&receiver.send(&notification, None));
    check(&receiver.close());
}
