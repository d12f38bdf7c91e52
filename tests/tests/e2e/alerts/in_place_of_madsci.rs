//! Alerts of a collector in the place of MADSci's Event Manager: its settings, its client, its mails.

use std::{collections::BTreeSet, path::Path, process::Stdio};

use labtrail_tests::{
    lab::{Collector, Lab, wait_until},
    services::{MailServer, Mongod, madsci_python, mail_header},
};
use serde_json::{Value, json};

use super::asked::{alerts_of, does, text_of, wait_for_alert};

/// MADSci's real client: sends what it is asked for, and prints the ids.
const SEND: &str = "
import sys, threading
from madsci.client.event_client import EventClient
from madsci.common.types.event_types import Event, EventLogLevel, EventType
client = EventClient(name='arm', event_server_url=sys.argv[1])
source = {'node_id': '01JDCXR1V2M3N4P5Q6R7S8N001'}
def send(level, message, **fields):
    event = Event(event_type=EventType.NODE_ERROR, log_level=level, source=source, event_data={'message': message}, **fields)
    client.log(event)
    print('sent', event.event_id, flush=True)
def quiet():
    for thread in threading.enumerate():
        if thread is not threading.main_thread() and not thread.daemon:
            thread.join(60)
send(EventLogLevel.INFO, 'the tip box is empty', alert=True)
send(EventLogLevel.INFO, 'nobody need know')
send(EventLogLevel.WARNING, 'nor of this')
for number in range(int(sys.argv[2])):
    send(EventLogLevel.ERROR, f'the arm lost plate {number}')
quiet()
";

/// So many errors are sent.
const ERRORS: usize = 6;

/// A collector that was started by MADSci's own settings, and more lines for its config.
fn collector(lab: &Lab, server: &MailServer, database: &str, config: &str) -> Collector {
    let (mongod, address, folder) = (Mongod::shared().url(), lab.free_address(), lab.path("madsci"));
    std::fs::create_dir_all(folder.join(".madsci")).expect("a folder");
    lab.write(
        "madsci/settings.yaml",
        format!(
            "event_server_url: http://{address}/\nevent_mongo_db_url: {mongod}\ndatabase_name: {database}\nemail_alerts:\n  \
             smtp_server: 127.0.0.1\n  smtp_port: {}\n  use_tls: false\n  sender: robots@lab.example\n  \
             default_importance: Low\n  email_addresses: [ann@lab.example, ben@lab.example]\n",
            server.port
        ),
    );
    let file = lab.write("madsci/collector.toml", config);
    let registry = folder.join("registry.json").display().to_string();
    let arguments = ["--madsci-settings", "--config", file.to_str().expect("temporary paths are UTF-8")];
    let variables = [("MADSCI_REGISTRY_PATH", registry.as_str())];
    let mut collector = lab.collector_in_place_of_madsci(&folder, address, &arguments, &variables);
    collector.start();
    collector.wait_until_ready();
    collector
}

/// The ids of what MADSci's client sent: of the one that alerts by its flag, of the two that do not, and of the errors.
fn send(folder: &Path, collector: &Collector) -> (String, Vec<String>, BTreeSet<String>) {
    std::fs::create_dir_all(folder).expect("a folder");
    let mut command = madsci_python(folder);
    command.args(["-c", SEND, &format!("{}/", collector.url()), &ERRORS.to_string()]).stdin(Stdio::null());
    let said = command.output().expect("Python can be started");
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    let output = String::from_utf8_lossy(&said.stdout).into_owned();
    let mut ids = output.lines().filter_map(|line| line.strip_prefix("sent ")).map(str::to_owned);
    let flagged = ids.next().expect("an id");
    let quiet = ids.by_ref().take(2).collect();
    (flagged, quiet, ids.collect())
}

/// What MADSci's settings say of every mail.
#[track_caller]
fn check_mail(mail: &Value) {
    assert_eq!(mail_header(mail, "From"), "robots@lab.example");
    assert_eq!(
        (mail["envelope_from"].as_str(), &mail["envelope_to"]),
        (Some("robots@lab.example"), &json!(["ann@lab.example", "ben@lab.example"]))
    );
    assert_eq!((mail_header(mail, "Importance"), mail_header(mail, "X-Priority")), ("Low", "5"));
}

#[test]
fn madscis_client_alerts_by_mail_and_a_burst_is_one_mail() {
    let (lab, server) = (Lab::new(), MailServer::start(&[]));
    let collector = collector(&lab, &server, "alerts_grouped", "");
    let (flagged, _, errors) = send(&lab.path("client"), &collector);
    wait_until("all that alerts is known", || {
        let count =
            |rule: &str| alerts_of(&collector, rule).iter().filter_map(|alert| alert["count"].as_u64()).sum::<u64>();
        (count("madsci-alert") == 1 && count("madsci-level") == ERRORS as u64).then_some(())
    });
    let by_flag = wait_for_alert(&collector, "madsci-alert", None, "firing");
    assert_eq!((&by_flag["event_ids"], &by_flag["severity"]), (&json!([flagged]), &json!("info")));
    let by_level = wait_for_alert(&collector, "madsci-level", None, "firing");
    let of_level: BTreeSet<String> = serde_json::from_value(by_level["event_ids"].clone()).expect("ids");
    assert_eq!((of_level, &by_level["severity"]), (errors, &json!("error")));
    assert_eq!(by_level["group"], json!({"event_type": "node_error", "source.node_id": "01JDCXR1V2M3N4P5Q6R7S8N001"}));
    wait_until("both are told", || (server.mails().len() >= 2).then_some(()));
    // What else was to be told would stand in the outbox.
    wait_until("nothing waits", || {
        let waiting = does(&collector, ("GET", "/api/v1/notifications?state=waiting"), &Value::Null, 200);
        (waiting["notifications"] == json!([])).then_some(())
    });
    let mails = server.mails();
    assert_eq!(mails.len(), 2, "{mails:#?}");
    for mail in &mails {
        check_mail(mail);
    }
    let about = |rule: &str| mails.iter().find(|mail| mail_header(mail, "Subject").contains(rule)).expect("a mail");
    assert!(text_of(about("madsci-alert")).contains("the tip box is empty"), "{mails:#?}");
    assert_eq!(mail_header(about("madsci-alert"), "X-MADSci-Event-ID"), flagged);
    assert!(text_of(about("madsci-level")).contains("the arm lost plate"), "{mails:#?}");
}

#[test]
fn each_event_is_a_mail_as_with_madsci_where_that_is_asked_for() {
    let (lab, server) = (Lab::new(), MailServer::start(&[]));
    let config = "[alerts]\npage_url = \"http://lab.example:8001\"\n[alerts.madsci]\nnotify_each_event = true\n";
    let collector = collector(&lab, &server, "alerts_each", config);
    let (flagged, quiet, mut expected) = send(&lab.path("client"), &collector);
    expected.insert(flagged.clone());
    wait_until("each is a mail", || (server.mails().len() >= expected.len()).then_some(()));
    // Another event comes after them: whatever is told twice is told by then.
    let late = json!({"alert": true, "event_type": "node_error", "event_data": {"message": "late"}});
    let late = does(&collector, ("POST", "/event"), &late, 200);
    expected.insert(late["event_id"].as_str().or(late["_id"].as_str()).expect("an id").to_owned());
    wait_until("the late one is told", || (server.mails().len() >= expected.len()).then_some(()));
    let mails = server.mails();
    assert_eq!(mails.len(), expected.len(), "{mails:#?}");
    let of = |mail: &Value| mail_header(mail, "X-MADSci-Event-ID").to_owned();
    assert_eq!(mails.iter().map(of).collect::<BTreeSet<_>>(), expected);
    assert!(quiet.iter().all(|id| !expected.contains(id)));
    for mail in &mails {
        check_mail(mail);
        let rule = if text_of(mail).contains("the arm lost plate") { "madsci-level" } else { "madsci-alert" };
        assert!(mail_header(mail, "Subject").contains(rule), "{mail:#}");
        assert!(text_of(mail).contains("http://lab.example:8001/alerts"), "{mail:#}");
        assert!(!text_of(mail).contains(", value"), "{mail:#}");
    }
    // The same event once more is not told once more, as it is the same.
    let again = collector.get(&format!("/event/{flagged}"), &[]).json();
    does(&collector, ("POST", "/event"), &again, 200);
    let marker = json!({"alert": true, "event_data": {"message": "marker"}});
    does(&collector, ("POST", "/event"), &marker, 200);
    wait_until("the marker is told", || {
        server.mails().iter().any(|mail| text_of(mail).contains("marker")).then_some(())
    });
    assert_eq!(server.mails().len(), expected.len() + 1);
}
