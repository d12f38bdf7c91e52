//! A collector in the place of MADSci's server: its settings, its address, its id.

use std::{fs, process::Command};

use labtrail_tests::{
    lab::{Lab, binary},
    services::{Mongod, madsci_python},
};
use serde_json::{Value, json};

/// What MADSci's own reading of its settings and registry comes to, in a folder.
const ASK_MADSCI: &str = "
import json
from madsci.common.types.event_types import EventManagerSettings
settings = EventManagerSettings()
print(json.dumps({'url': str(settings.server_url), 'database': settings.database_name, 'level': int(settings.alert_level)}))
";

#[test]
fn settings_files_variables_and_the_registry_are_taken_over() {
    let lab = Lab::new();
    let (mongod, address) = (Mongod::shared().url(), lab.free_address());
    let (folder, registry) = (lab.path("madsci"), lab.path("madsci/registry.json"));
    fs::create_dir_all(folder.join(".madsci")).expect("a folder");
    lab.write(
        "madsci/settings.yaml",
        format!("event_mongo_db_url: {mongod}\ndatabase_name: overruled\nalert_level: WARNING\nretention_enabled: yes\nsoft_delete_after_days: 30\n"),
    );
    lab.write(
        "madsci/events.env",
        "EVENT_DATABASE_NAME=taken_over\nEVENT_BACKUP_ENABLED=true\nEVENT_BACKUP_SCHEDULE='30 4 * * 1'\n",
    );
    let variables = [
        ("EVENT_SERVER_URL", format!("http://{address}/")),
        ("MADSCI_REGISTRY_PATH", registry.display().to_string()),
        ("EVENT_EMAIL_ALERTS", json!({"smtp_server": "smtp.lab", "smtp_password": "secret"}).to_string()),
    ];
    let variables: Vec<(&str, &str)> = variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let mut collector = lab.collector_in_place_of_madsci(&folder, address, &["--madsci-settings"], &variables);
    collector.start();
    collector.wait_until_ready();

    let shown = collector.get("/settings", &[]).json()["settings"].take();
    let expect = |name: &str, value: Value| assert_eq!(shown[name], value, "{name} of {shown:#}");
    expect("server_url", json!(format!("http://{address}/")));
    expect("database_name", json!("taken_over"));
    expect("alert_level", json!(30));
    expect("retention_enabled", json!(true));
    expect("soft_delete_after_days", json!(30));
    expect("backup_schedule", json!("30 4 * * 1"));
    expect("mongo_db_url", json!("***REDACTED***"));
    assert_eq!(shown["email_alerts"]["smtp_server"], "smtp.lab");
    assert_eq!(shown["email_alerts"]["smtp_password"], "***REDACTED***");
    let status = collector.get("/backup/status", &[]).json();
    assert_eq!(status["backup_enabled"], true);
    assert!(status["backup_dir"].as_str().expect("a text").ends_with("madsci/.madsci/backups/events"), "{status}");

    // MADSci's own reading of the same folder.
    let mut command = madsci_python(&folder);
    command.args(["-c", ASK_MADSCI]).env("EVENT_SERVER_URL", format!("http://{address}/"));
    let said = command.output().expect("Python can be started");
    let said: Value = serde_json::from_slice(&said.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&said.stderr)));
    assert_eq!(said, json!({"url": shown["server_url"], "database": "taken_over", "level": 30}));

    // The id is the registry's, for events without a source and after a restart.
    let id = shown["manager_id"].as_str().expect("an id").to_owned();
    let event = collector.post_json("/event", &json!({})).json();
    assert_eq!(event["source"], json!({"manager_id": id}));
    let log = collector.log();
    assert!(log.contains("events.env") && log.contains("settings.yaml"), "it says where settings come from: {log}");
    assert!(!log.contains("secret"), "and keeps secrets: {log}");
    collector.stop();
    assert!(fs::read_to_string(&registry).expect("a registry").contains(&id));
    collector.start();
    collector.wait_until_ready();
    assert_eq!(collector.get("/settings", &[]).json()["settings"]["manager_id"], json!(id));
}

#[test]
fn without_the_flag_only_variables_of_madscis_own_count() {
    let lab = Lab::new();
    let (mongod, address) = (Mongod::shared().url(), lab.free_address());
    let folder = lab.path("madsci");
    fs::create_dir_all(&folder).expect("a folder");
    lab.write("madsci/settings.yaml", "database_name: not_read\n");
    let url = format!("http://{address}/");
    let variables = [
        ("EVENT_SERVER_URL", url.as_str()),
        ("EVENT_MONGO_DB_URL", mongod.as_str()),
        ("EVENT_DATABASE_NAME", "by_variables"),
        ("DB_URL", "postgres://somebody/else"),
    ];
    let mut collector = lab.collector_in_place_of_madsci(&folder, address, &[], &variables);
    collector.start();
    collector.wait_until_ready();
    let shown = collector.get("/settings", &[]).json()["settings"].take();
    assert_eq!(shown["database_name"], "by_variables");
    collector.post_json("/event", &json!({"_id": "there"}));
    let mut other = lab.collector_with(&format!(
        "[store]\nkind = \"mongodb\"\n[store.mongodb]\nurl = \"{mongod}\"\ndatabase = \"by_variables\"\n"
    ));
    assert_eq!(other.get("/event/there", &[]).status, 200);
    other.stop();
}

#[test]
fn wrong_settings_are_all_named_before_anything_is_opened() {
    let lab = Lab::new();
    let file = lab.write("event.yaml", "alert_level: loud\nretention_enabled: perhaps\n");
    let said = Command::new(binary("labtrail-collector"))
        .arg("--madsci-settings")
        .arg(&file)
        .env("EVENT_BACKUP_MAX_COUNT", "many")
        .output()
        .expect("the program can be started");
    let errors = String::from_utf8_lossy(&said.stderr);
    assert_eq!(said.status.code(), Some(2), "{errors}");
    for part in ["alert_level", "loud", "retention_enabled", "perhaps", "EVENT_BACKUP_MAX_COUNT", "many", "event.yaml"]
    {
        assert!(errors.contains(part), "{part} is missing in: {errors}");
    }
}
