//! Mails through a real server, read by another program than the one that wrote them.

use std::time::{Duration, Instant};

use labtrail_shared::settings::Secret;
use labtrail_tests::services::{MailServer, mail_header};
use serde_json::json;

use super::EmailSender;
use crate::madsci_settings::EmailAlerts;
use crate::notify::{
    Delivery, EmailSection, Facts, Outcome, Receiver,
    template::Rendered,
    tests::{certificates::Certificates, failure, notification, of_alerts, receiver},
};

const ADDRESSES: &str = r#"email_addresses = ["ops@lab.example", "Jörg Müller <joerg@lab.example>"]"#;

fn mail_receiver(server: &MailServer, more: &str) -> Receiver {
    let port = server.port;
    receiver(&format!(
        "name = \"mail\"\nzone = \"Europe/Berlin\"\n[email]\nsmtp_server = \"127.0.0.1\"\nsmtp_port = {port}\n\
         sender = \"Labor Süd <labtrail@lab.example>\"\n{ADDRESSES}\n{more}\n"
    ))
}

fn plain(server: &MailServer) -> Receiver {
    mail_receiver(server, "use_tls = false\ntimeout = \"20s\"")
}

fn sent() -> Outcome {
    Outcome::Sent(Delivery::default())
}

#[tokio::test]
async fn a_mail_is_whole() {
    let server = MailServer::start(&[]);
    let receiver = plain(&server);
    assert_eq!(receiver.send(&notification(), None).await, sent());
    let mail = server.mail();
    assert_eq!(mail["defects"], json!([]));
    assert_eq!(mail["header_defects"], json!([]));
    assert_eq!(mail["order"], json!(["multipart/alternative", "text/plain", "text/html"]));
    assert_eq!(mail["is_ascii"], json!(true));
    assert!(mail["longest_line"].as_u64().expect("a number") <= 78, "{}", mail["longest_line"]);
    assert_eq!(mail_header(&mail, "Subject"), "Alert (critical): pump-errors: node=Pumpe-7 <b>");
    assert_eq!(mail_header(&mail, "From"), "Labor Süd <labtrail@lab.example>");
    assert_eq!(mail_header(&mail, "To"), "ops@lab.example, Jörg Müller <joerg@lab.example>");
    assert_eq!(mail_header(&mail, "Message-ID"), "<pump-errors.3.fired@lab.example>");
    assert_eq!(mail_header(&mail, "Date"), "Sun, 01 Mar 2026 13:03:22 +0000");
    assert_eq!(mail_header(&mail, "Importance"), "High");
    assert_eq!(mail_header(&mail, "X-Priority"), "1");
    assert_eq!(mail_header(&mail, "Auto-Submitted"), "auto-generated");
    assert_eq!(mail_header(&mail, "X-Labtrail-Key"), "pump-errors/größe=7/3/fired/mail");
    assert_eq!(mail["envelope_to"], json!(["ops@lab.example", "joerg@lab.example"]));
    assert_eq!(mail["envelope_from"], json!("labtrail@lab.example"));
    let names: Vec<&str> =
        mail["headers"].as_array().expect("headers").iter().filter_map(|header| header[0].as_str()).collect();
    assert!(!names.contains(&"X-Labtrail-Repeat") && !names.contains(&"X-MADSci-Event-ID"), "{names:?}");
    let text = mail["text"].as_str().expect("text");
    let expected = "Alert (critical): pump-errors: node=Pumpe-7 <b>\n\n\
        pump-errors: node=Pumpe-7 <b>\n\
        7 events since 2026-03-01 14:00:00 CET (4 min)\n\
        team=automation\n  \
        - 2026-03-01 14:03:21 CET  ERROR  node_error  01JQ0000000000000000000007  Drücke fallen 🚨 <script>alert(1)</script> & mehr\n  \
        - 2026-03-01 14:03:21 CET  ERROR  node_error  01JQ0000000000000000000007  zweite Meldung\n\n\
        See and acknowledge: http://collector:8001/#alerts?rule=pump-errors&x=1";
    assert_eq!(text.trim_end().replace("\r\n", "\n"), expected);
    let html = mail["html"].as_str().expect("text");
    assert!(html.contains("Drücke fallen 🚨 &lt;script&gt;alert(1)&lt;&#x2f;script&gt; &amp; mehr"), "{html}");
    assert!(!html.contains("<script>") && html.contains("See and acknowledge</a>"), "{html}");
}

#[tokio::test]
async fn madscis_settings_are_taken_as_they_are() {
    let server = MailServer::start(&["--login", "ops", "s3cret"]);
    let as_written = json!({
        "smtp_server": "127.0.0.1", "smtp_port": server.port, "smtp_username": "ops", "smtp_password": "s3cret",
        "use_tls": false, "sender": "no-reply@lab.example", "default_importance": "low",
        "email_addresses": ["ops@lab.example"],
    });
    let section = serde_json::from_value(json!({"name": "mail", "email": as_written})).expect("sound");
    let receiver = Receiver::open(&section).expect("it can be opened");
    assert_eq!(receiver.send(&notification(), None).await, sent());
    let mut without_login = as_written;
    without_login["smtp_username"] = json!(null);
    without_login["smtp_password"] = json!(null);
    assert!(serde_json::from_value::<EmailSection>(without_login).is_ok());

    let mut alerts = EmailAlerts {
        smtp_server: "127.0.0.1".to_owned(),
        smtp_port: server.port,
        smtp_username: Some(Secret::new("ops")),
        smtp_password: Some(Secret::new("s3cret")),
        use_tls: false,
        sender: "no-reply@lab.example".to_owned(),
        default_importance: "whatever".to_owned(),
        email_addresses: vec!["ops@lab.example".to_owned()],
    };
    let section = EmailSection::from_madsci(&alerts).expect("sound");
    let sender = EmailSender::open(&section).expect("it can be opened");
    let words = Rendered { subject: "s".to_owned(), text: "t".to_owned(), html: "h".to_owned(), problem: None };
    let notification = notification();
    let facts = Facts::read(&notification.context);
    assert_eq!(sender.send(&notification, &facts, &words).await, Ok(Delivery::default()));
    assert_eq!(server.mails().len(), 2);
    alerts.smtp_password = None;
    assert_eq!(EmailSection::from_madsci(&alerts).map(|section| section.smtp_username), Ok(None));
    alerts.sender = "lab".to_owned();
    let problem = EmailSection::from_madsci(&alerts).expect_err("no address");
    assert_eq!(problem, "email_alerts.sender: \"lab\" is not an e-mail address: mend it");
}

#[tokio::test]
async fn a_repeat_is_marked_and_otherwise_the_same_mail() {
    let server = MailServer::start(&[]);
    let receiver = plain(&server);
    let mut notification = notification();
    assert_eq!(receiver.send(&notification, None).await, sent());
    notification.is_repeat = true;
    assert_eq!(receiver.send(&notification, None).await, sent());
    let mails = server.mails();
    assert_eq!(mail_header(&mails[1], "X-Labtrail-Repeat"), "possible");
    assert_eq!(mail_header(&mails[0], "Message-ID"), mail_header(&mails[1], "Message-ID"));
    assert_eq!(mail_header(&mails[0], "Date"), mail_header(&mails[1], "Date"));
    assert!(mails[1]["text"].as_str().expect("text").contains("You may have got this before."));
    assert_eq!(server.connections(), 1, "the connection is used again");
    receiver.close().await;
    assert_eq!(receiver.send(&notification, None).await, sent());
    assert_eq!(server.connections(), 2);
}

#[tokio::test]
async fn long_lines_and_odd_characters_come_through() {
    let server = MailServer::start(&[]);
    let words = "[templates]\nsubject = \"\"\"🚨 Überdruck\r\nBcc: evil@lab.example {{ alerts[0].group | group }} \
                 {{ '語' * 120 }}\"\"\"\ntext = \"\"\"{{ 'x' * 3000 }}\n.\n..\nFrom here\u{0}\u{1b}[31m\n{{ 'ü😀' * 900 }}\"\"\"\n";
    let words = words.replace('\u{0}', "\\u0000").replace('\u{1b}', "\\u001b").replace('\r', "\\r");
    let receiver = mail_receiver(&server, &format!("use_tls = false\n{words}"));
    assert_eq!(receiver.send(&notification(), None).await, sent());
    let mail = server.mail();
    assert_eq!((&mail["defects"], &mail["header_defects"]), (&json!([]), &json!([])));
    let subject = mail_header(&mail, "Subject");
    let expected = "🚨 Überdruck  Bcc: evil@lab.example node=Pumpe-7 <b> 語";
    assert!(subject.starts_with(expected) && subject.chars().count() <= 200, "{subject}");
    let expected = format!("{}\n.\n..\nFrom here\u{fffd}\u{fffd}[31m\n{}", "x".repeat(3000), "ü😀".repeat(900));
    assert_eq!(mail["text"].as_str().expect("text").trim_end().replace("\r\n", "\n"), expected);
    assert!(mail["longest_line"].as_u64().expect("a number") <= 998);
}

#[tokio::test]
async fn the_only_event_is_named_as_madsci_names_it() {
    let server = MailServer::start(&[]);
    let mut alert = crate::notify::tests::alert("N7", &["once"]);
    alert["count"] = json!(1);
    let mut notification = of_alerts(&[alert]);
    notification.context["severity"] = json!("warning");
    let receiver = mail_receiver(&server, "use_tls = false\ndefault_importance = \"low\"");
    assert_eq!(receiver.send(&notification, None).await, sent());
    let mail = server.mail();
    assert_eq!(mail_header(&mail, "X-MADSci-Event-ID"), "01JQ0000000000000000000001");
    assert_eq!((mail_header(&mail, "Importance"), mail_header(&mail, "X-Priority")), ("Low", "5"));
}

#[tokio::test]
async fn starttls_and_login() {
    let folder = tempfile::tempdir().expect("a folder");
    let certificates = Certificates::make(folder.path(), "IP:127.0.0.1");
    let (certificate, key) =
        (certificates.certificate.to_str().expect("UTF-8"), certificates.key.to_str().expect("UTF-8"));
    let arguments = ["--tls", "starttls", "--certificate", certificate, "--key", key, "--login", "ops", "s3cret-ü"];
    let server = MailServer::start(&arguments);
    let password = folder.path().join("password");
    std::fs::write(&password, "s3cret-ü\n").expect("a file can be written");
    let login = format!("smtp_username = \"ops\"\nsmtp_password_file = {password:?}");
    let receiver = mail_receiver(&server, &format!("{login}\nca_file = {:?}", certificates.authority));
    assert_eq!(receiver.send(&notification(), None).await, sent());
    let mail = server.mail();
    assert_eq!((&mail["login"], &mail["tls"]), (&json!("ops"), &json!(true)));

    // A wrong password: nobody but a person can help.
    let wrong = format!("smtp_username = \"ops\"\nsmtp_password = \"wr0ng\"\nca_file = {:?}", certificates.authority);
    let failed = failure(mail_receiver(&server, &wrong).send(&notification(), None).await);
    assert!(failed.is_permanent && failed.needs_mending && !failed.may_have_arrived, "{failed:?}");
    assert!(failed.reason.contains("refused the login: 535 5.7.8"), "{}", failed.reason);
    assert!(!failed.reason.contains("wr0ng"), "{}", failed.reason);

    // No password where one is wanted.
    let without = format!("ca_file = {:?}", certificates.authority);
    let failed = failure(mail_receiver(&server, &without).send(&notification(), None).await);
    assert!(failed.is_permanent && failed.needs_mending, "{failed:?}");
    assert!(failed.reason.contains("530"), "{}", failed.reason);

    // A certificate that nobody vouches for: the password is not sent.
    let failed = failure(mail_receiver(&server, &login).send(&notification(), None).await);
    assert!(!failed.is_permanent, "{failed:?}");
    assert!(failed.reason.contains("UnknownIssuer"), "{}", failed.reason);
    assert_eq!(server.mails().len(), 1);
}

#[tokio::test]
async fn implicit_tls_and_a_certificate_of_another_name() {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, reason) in [("IP:127.0.0.1", None), ("DNS:mail.example", Some("not valid for name"))] {
        let certificates = Certificates::make(folder.path(), name);
        let (certificate, key) =
            (certificates.certificate.to_str().expect("UTF-8"), certificates.key.to_str().expect("UTF-8"));
        let server = MailServer::start(&["--tls", "implicit", "--certificate", certificate, "--key", key]);
        let receiver = mail_receiver(&server, &format!("tls = \"implicit\"\nca_file = {:?}", certificates.authority));
        let outcome = receiver.send(&notification(), None).await;
        match reason {
            None => assert_eq!((outcome, &server.mail()["tls"]), (sent(), &json!(true))),
            Some(reason) => {
                let failed = failure(outcome);
                assert!(!failed.is_permanent && failed.reason.contains(reason), "{failed:?}");
            }
        }
    }
}

#[tokio::test]
async fn without_starttls_nothing_is_said() {
    let server = MailServer::start(&[]);
    let login = "smtp_username = \"ops\"\nsmtp_password = \"s3cret\"";
    let failed = failure(mail_receiver(&server, login).send(&notification(), None).await);
    assert!(!failed.is_permanent && failed.reason.contains("does not offer STARTTLS"), "{failed:?}");
    let failed =
        failure(mail_receiver(&server, &format!("use_tls = false\n{login}")).send(&notification(), None).await);
    assert!(failed.is_permanent && failed.reason.contains("offers no login"), "{failed:?}");
}

#[tokio::test]
async fn refused_addresses_are_named() {
    let server = MailServer::start(&[]);
    let receiver = plain(&server);
    let mut notification = notification();

    // One is refused for good: the other has the mail.
    server.behave(&json!({"refuse": [["joerg@", "550", "5.1.1 no such user"]]}));
    let Outcome::Sent(delivery) = receiver.send(&notification, None).await else { panic!("one address is enough") };
    assert_eq!(delivery.refused.len(), 1);
    assert_eq!(delivery.refused[0].address, "joerg@lab.example");
    assert_eq!(delivery.refused[0].reason, "550 5.1.1 no such user");
    assert_eq!(server.mails()[0]["envelope_to"], json!(["ops@lab.example"]));

    // One is refused for now: it gets the mail later, and only it.
    server.behave(&json!({"refuse": [["joerg@", "450", "4.2.0 greylisted"]]}));
    let failed = failure(receiver.send(&notification, None).await);
    assert!(!failed.is_permanent && failed.reason.contains("joerg@lab.example: 450 4.2.0 greylisted"), "{failed:?}");
    assert_eq!(failed.delivered_to, ["ops@lab.example"]);
    server.behave(&json!({}));
    notification.delivered_to = failed.delivered_to;
    assert_eq!(receiver.send(&notification, None).await, sent());
    let mails = server.mails();
    assert_eq!(mails[2]["envelope_to"], json!(["joerg@lab.example"]));
    assert_eq!(mail_header(&mails[2], "To"), "ops@lab.example, Jörg Müller <joerg@lab.example>");

    // The other is refused for good after that: what could be told was.
    server.behave(&json!({"refuse": [["joerg@", "550", "gone"]]}));
    assert!(matches!(receiver.send(&notification, None).await, Outcome::Sent(delivery) if delivery.refused.len() == 1));

    // All are refused for good, the sender is, the content is; and the connection lives on.
    notification.delivered_to.clear();
    for (refuse, is_permanent, needs_mending, reason) in [
        (["lab.example", "550", "5.7.1 relaying denied"], true, true, "refused the sender: 550 5.7.1 relaying denied"),
        (["ops@", "451", "later"], false, false, "ops@lab.example: 451 later"),
        (["labtrail@", "451", "later"], false, false, "refused the sender: 451 later"),
        (["DATA", "554", "5.6.0 spam"], true, false, "refused the mail: 554 5.6.0 spam"),
        (["DATA", "452", "4.3.1 disk full"], false, false, "refused the mail: 452 4.3.1 disk full"),
    ] {
        server.behave(&json!({"refuse": [refuse, ["joerg@", "550", "5.1.1 no such user"]]}));
        let failed = failure(receiver.send(&notification, None).await);
        assert_eq!((failed.is_permanent, failed.needs_mending), (is_permanent, needs_mending), "{failed:?}");
        assert!(failed.reason.contains(reason), "{failed:?}");
    }
    server.behave(&json!({"refuse": [["ops@", "550", "no"], ["joerg@", "550", "no"]]}));
    let failed = failure(receiver.send(&notification, None).await);
    assert!(
        failed.is_permanent && failed.reason.contains("no address was taken: ops@lab.example: 550 no; joerg@"),
        "{failed:?}"
    );
    server.behave(&json!({}));
    assert_eq!(receiver.send(&notification, None).await, sent());
}

#[tokio::test]
async fn a_server_that_hangs_ends_in_time() {
    for step in ["connect", "mail", "rcpt", "data"] {
        let server = MailServer::start(&["--hang", step]);
        let receiver = mail_receiver(&server, "use_tls = false\ntimeout = \"1500ms\"");
        let began = Instant::now();
        let failed = failure(receiver.send(&notification(), None).await);
        assert!(began.elapsed() < Duration::from_secs(15), "{step}: {:?}", began.elapsed());
        assert!(!failed.is_permanent && failed.reason.contains("did not answer within 1.5s"), "{step}: {failed:?}");
        assert_eq!(failed.may_have_arrived, step == "data", "{step}: {failed:?}");
    }
}

#[tokio::test]
async fn a_kept_connection_that_has_gone_is_replaced() {
    let server = MailServer::start(&[]);
    let receiver = plain(&server);
    assert_eq!(receiver.send(&notification(), None).await, sent());
    let port = server.port;
    drop(server);
    let failed = failure(receiver.send(&notification(), None).await);
    assert!(!failed.is_permanent && !failed.may_have_arrived, "{failed:?}");
    assert!(failed.reason.starts_with(&format!("the mail server 127.0.0.1:{port} cannot be reached")), "{failed:?}");
}

#[tokio::test]
async fn a_template_that_fails_costs_its_words_only() {
    let server = MailServer::start(&[]);
    let templates =
        "[templates]\ntext = \"\"\"one\n{{ alerts[0].count.nothing() }}\"\"\"\nhtml = \"<p>{{ headline }}</p>\"\n";
    let receiver = mail_receiver(&server, &format!("use_tls = false\n{templates}"));
    let Outcome::Sent(delivery) = receiver.send(&notification(), None).await else { panic!("it is sent") };
    let problem = delivery.template_problem.expect("it is said");
    assert!(problem.starts_with("template `text`, line 2: "), "{problem}");
    let mail = server.mail();
    let text = mail["text"].as_str().expect("text");
    assert!(text.contains("Drücke fallen") && text.contains(&problem), "{text}");
    let html = mail["html"].as_str().expect("text");
    assert!(html.contains("<p>pump-errors: node=Pumpe-7 &lt;b&gt;</p>") && html.contains("template `text`"), "{html}");
}
