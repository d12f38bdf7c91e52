//! Webhooks against a small server of our own.

use std::{
    io::{BufRead as _, BufReader},
    process::{Command, Stdio},
    time::Duration,
};

use hmac::{Hmac, KeyInit, Mac};
use serde_json::json;
use sha2::Sha256;

use crate::notify::{
    Delivery, Outcome, Receiver,
    tests::{certificates::Certificates, failure, notification, receiver, web_server::WebServer},
};

fn webhook(server: &WebServer, more: &str) -> Receiver {
    receiver(&format!("name = \"hook\"\n[webhook]\nurl = \"http://{}/in?k=v\"\n{more}\n", server.address))
}

#[tokio::test]
async fn a_webhook_is_signed_and_told_all() {
    let server = WebServer::start().await;
    let receiver = webhook(&server, "secret = \"k3y\"\nbearer_token = \"t0ken\"\nheaders = { X-Room = \"B12\" }");
    let mut notification = notification();
    notification.is_repeat = true;
    assert_eq!(receiver.send(&notification, None).await, Outcome::Sent(Delivery::default()));
    let request = server.last();
    assert_eq!(request.header("content-type"), "application/json");
    assert_eq!(request.header("idempotency-key"), "pump-errors/gr%C3%B6%C3%9Fe=7/3/fired/mail");
    assert_eq!(request.header("x-labtrail-repeat"), "possible");
    assert_eq!((request.header("authorization"), request.header("x-room")), ("Bearer t0ken", "B12"));
    let (seconds, hex) = request.header("x-labtrail-signature").split_once(",v1=").expect("two parts");
    let seconds = seconds.strip_prefix("t=").expect("a time");
    assert_eq!(seconds, notification.at.as_second().to_string());
    let mut mac = Hmac::<Sha256>::new_from_slice(b"k3y").expect("a key");
    mac.update(seconds.as_bytes());
    mac.update(b".");
    mac.update(&request.body);
    let signature: Vec<u8> =
        (0..hex.len() / 2).map(|at| u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).expect("digits")).collect();
    mac.verify_slice(&signature).expect("the signature is right");
    let body = request.json();
    let expected = json!({
        "version": 1, "key": notification.key, "receiver": "hook", "kind": "fired", "is_repeat": true,
        "created_at": "2026-03-01T13:03:22Z", "sent_at": "2026-03-01T13:04:00Z",
        "subject": "Alert (critical): pump-errors: node=Pumpe-7 <b>", "text": body["text"],
        "severity": "critical", "rule": "pump-errors", "alerts": notification.context["alerts"], "more": 0,
        "url": "http://collector:8001/#alerts?rule=pump-errors&x=1",
    });
    assert_eq!(body, expected);
}

#[tokio::test]
async fn alertmanagers_form() {
    let server = WebServer::start().await;
    let receiver = webhook(&server, "format = \"alertmanager\"");
    let mut notification = notification();
    assert_eq!(receiver.send(&notification, None).await, Outcome::Sent(Delivery::default()));
    let body = server.last().json();
    let labels = json!({
        "alertname": "pump-errors", "node": "Pumpe-7 <b>", "severity": "critical", "team": "automation",
    });
    assert_eq!((&body["version"], &body["status"], &body["receiver"]), (&json!("4"), &json!("firing"), &json!("hook")));
    assert_eq!((&body["commonLabels"], &body["groupLabels"]), (&labels, &json!({"alertname": "pump-errors"})));
    let alert = &body["alerts"][0];
    assert_eq!((&alert["labels"], &alert["status"]), (&labels, &json!("firing")));
    assert_eq!(alert["startsAt"], "2026-03-01T13:00:00Z");
    assert_eq!(alert["endsAt"], "0001-01-01T00:00:00Z");
    let fingerprint = alert["fingerprint"].clone();
    assert_eq!(fingerprint.as_str().map(str::len), Some(16));
    notification.context["kind"] = json!("resolved");
    receiver.send(&notification, None).await;
    let alert = &server.last().json()["alerts"][0];
    assert_eq!((&alert["status"], &alert["endsAt"]), (&json!("resolved"), &json!("2026-03-01T13:03:22Z")));
    assert_eq!(alert["fingerprint"], fingerprint);
}

#[tokio::test]
async fn an_answer_decides_whether_to_try_again() {
    let server = WebServer::start().await;
    let receiver = webhook(&server, "timeout = \"1500ms\"");
    server.answers(503, &[("retry-after", "120")], "down\u{1}");
    let failed = failure(receiver.send(&notification(), None).await);
    assert_eq!((failed.is_permanent, failed.retry_after), (false, Some(Duration::from_mins(2))));
    server.answers(422, &[], &"x".repeat(100_000));
    let failed = failure(receiver.send(&notification(), None).await);
    assert!(failed.is_permanent && !failed.needs_mending && failed.reason.chars().count() < 500, "{failed:?}");
    server.answers(302, &[("location", "https://login.example/secret?x=1")], "");
    let failed = failure(receiver.send(&notification(), None).await);
    assert!(failed.is_permanent && failed.reason.contains("points to https://login.example: put"), "{failed:?}");
    assert_eq!(server.requests().len(), 3, "no redirection is followed");
    server.answers(0, &[], "");
    let failed = failure(receiver.send(&notification(), None).await);
    assert!(!failed.is_permanent && failed.may_have_arrived && failed.reason.contains("in time"), "{failed:?}");
}

/// Answers every POST with 200, over TLS.
const HTTPS: &str = r#"
import http.server, ssl, sys, threading
class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(200)
        self.end_headers()
    def log_message(self, *_):
        pass
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
context.load_cert_chain(sys.argv[1], sys.argv[2])
server.socket = context.wrap_socket(server.socket, server_side=True)
threading.Thread(target=server.serve_forever, daemon=True).start()
print(server.server_port, flush=True)
sys.stdin.read()
"#;

#[tokio::test]
async fn tls_trusts_whom_it_is_told_to() {
    let folder = tempfile::tempdir().expect("a folder");
    let certificates = Certificates::make(folder.path(), "IP:127.0.0.1");
    let mut server = Command::new("python3")
        .args(["-c", HTTPS])
        .args([&certificates.certificate, &certificates.key])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python can be started");
    let mut port = String::new();
    BufReader::new(server.stdout.take().expect("piped")).read_line(&mut port).expect("it says its port");
    let url = format!("name = \"hook\"\n[webhook]\nurl = \"https://127.0.0.1:{}/\"\n", port.trim());
    let trusting = receiver(&format!("{url}ca_file = {:?}\n", certificates.authority));
    assert_eq!(trusting.send(&notification(), None).await, Outcome::Sent(Delivery::default()));
    let failed = failure(receiver(&url).send(&notification(), None).await);
    assert!(!failed.is_permanent && failed.reason.contains("UnknownIssuer"), "{failed:?}");
    drop(server.stdin.take());
    server.wait().expect("it ends");
}
