use std::{borrow::Borrow, collections::BTreeMap, fs, path::PathBuf};

use serde_json::{Value, json};

use super::{FilesFrom, Loaded, MadsciSettings, SettingsAnswer, SettingsError, Sources, settings_answer};

/// A directory with files, and an environment.
struct Case {
    directory: tempfile::TempDir,
    root: PathBuf,
}

impl Case {
    fn new(files: &[(&str, &str)]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path().canonicalize().unwrap();
        fs::create_dir(root.join(".madsci")).unwrap();
        for (name, text) in files {
            fs::create_dir_all(root.join(name).parent().unwrap()).unwrap();
            fs::write(root.join(name), text).unwrap();
        }
        Self { directory, root }
    }

    fn load_from(&self, variables: &[(&str, &str)], files: FilesFrom) -> Result<Loaded, SettingsError> {
        let environment: BTreeMap<String, String> =
            variables.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
        let working_directory = self.directory.path().to_owned();
        MadsciSettings::load(&Sources { environment, working_directory, home: Some(self.root.clone()), files })
    }

    fn load(&self, variables: &[(&str, &str)]) -> Result<Loaded, SettingsError> {
        self.load_from(variables, FilesFrom::Search)
    }

    /// A text without the directory's name.
    fn relative(&self, text: &str) -> String {
        text.replace(&format!("{}/", self.root.display()), "")
    }
}

fn values(loaded: &Loaded) -> Value {
    let asked = SettingsAnswer { include_defaults: true, include_schema: false };
    settings_answer(&loaded.settings, loaded.settings.manager_id.as_deref().unwrap_or_default(), asked)["settings"]
        .clone()
}

/// Checks the settings that differ from the defaults, or all mistakes.
fn check(files: &[(&str, &str)], variables: &[(&str, &str)], expected: impl Borrow<Value>) {
    let case = Case::new(files);
    let defaults = values(&case.load_from(&[], FilesFrom::None).unwrap());
    let read = match case.load(variables) {
        Ok(loaded) => {
            let mut read = values(&loaded);
            read.as_object_mut().unwrap().retain(|setting, value| defaults[setting] != *value);
            read.as_object_mut()
                .unwrap()
                .insert("mongo_db_url".to_owned(), json!(loaded.settings.mongo_db_url.reveal()));
            if read["mongo_db_url"] == "mongodb://localhost:27017" {
                read.as_object_mut().unwrap().remove("mongo_db_url");
            }
            read
        }
        Err(error) => json!(case.relative(&error.to_string())),
    };
    assert_eq!(read, *expected.borrow(), "{files:?} {variables:?}");
}

#[test]
fn the_stronger_source_wins() {
    let yaml = ("settings.yaml", "alert_level: 10\n");
    check(&[yaml], &[], json!({"alert_level": 10}));
    check(&[yaml], &[("EVENT_ALERT_LEVEL", "50")], json!({"alert_level": 50}));
    check(&[yaml, ("settings.toml", "alert_level = 20")], &[], json!({"alert_level": 20}));
    check(&[yaml, ("settings.json", "{\"alert_level\": 0}")], &[], json!({"alert_level": 0}));
    check(&[yaml, (".env", "EVENT_ALERT_LEVEL=critical")], &[], json!({"alert_level": 50}));
    check(&[yaml, ("event.settings.yaml", "alert_level: 20")], &[], json!({"alert_level": 20}));
    check(
        &[yaml, ("events.settings.yaml", "alert_level: 20"), ("event.settings.yaml", "alert_level: 30")],
        &[],
        json!({"alert_level": 20}),
    );
    check(&[yaml, ("managers/events.settings.yaml", "alert_level: 20")], &[], json!({"alert_level": 20}));
    check(&[(".env", "EVENT_ALERT_LEVEL=10"), ("events.env", "event_alert_level=20")], &[], json!({"alert_level": 20}));
    check(&[(".env", "EVENT_ALERT_LEVEL=10"), ("events.env", "EVENT_ALERT_LEVEL")], &[], json!({}));
    check(&[], &[("EVENT_ALERT_LEVEL", "10"), ("event_alert_level", "20")], json!({"alert_level": 10}));
    check(&[], &[("ALERT_LEVEL", "10"), ("EVENT_EVENT_ALERT_LEVEL", "20")], json!({}));
}

#[test]
fn the_bare_key_wins_over_the_prefixed() {
    check(&[("settings.yaml", "event_alert_level: 20\n")], &[], json!({"alert_level": 20}));
    check(&[("settings.yaml", "event_alert_level: 20\nalert_level: 30\n")], &[], json!({"alert_level": 30}));
    check(
        &[("settings.toml", "event_alert_level = 10"), ("settings.yaml", "alert_level: 20")],
        &[],
        json!({"alert_level": 20}),
    );
    check(&[("settings.yaml", "EVENT_ALERT_LEVEL: 20\nAlert_level: 30\nevent_event_alert_level: 50")], &[], json!({}));
}

#[test]
fn the_database_has_several_names() {
    let all = [
        ("EVENT_MONGO_DB_URL", "mongodb://a"),
        ("DB_URL", "mongodb://b"),
        ("EVENT_DB_URL", "mongodb://c"),
        ("MONGO_DB_URL", "mongodb://d"),
        ("DOCUMENT_DB_URL", "mongodb://e"),
    ];
    for count in 1..=all.len() {
        check(&[], &all[..count], json!({"mongo_db_url": all[count - 1].1}));
    }
    let file = |text: &'static str| [("settings.yaml", text)];
    let set = |url: &str| json!({"mongo_db_url": url});
    check(&file("mongo_db_url: mongodb://y"), &all[1..3], set("mongodb://y"));
    check(&file("mongo_db_url: mongodb://y"), &all[..1], set("mongodb://a"));
    check(&file("event_mongo_db_url: mongodb://y"), &all[2..3], set("mongodb://y"));
    check(&file("event_mongo_db_url: mongodb://y"), &all[..1], set("mongodb://a"));
    check(&file("db_url: mongodb://y"), &all[1..3], set("mongodb://y"));
    check(&file("db_url: mongodb://x\nEVENT_DB_URL: mongodb://y"), &[], set("mongodb://y"));
    check(&file("event_mongo_db_url: mongodb://x\nEVENT_DB_URL: mongodb://y"), &[], set("mongodb://y"));
    check(&file("event_db_url: mongodb://y"), &[], json!({}));
}

fn email(parts: Value) -> Value {
    let mut email = json!({
        "smtp_server": "smtp.example.com", "smtp_port": 587, "smtp_username": "***REDACTED***",
        "smtp_password": "***REDACTED***", "use_tls": true, "sender": "no-reply@example.com",
        "default_importance": "Normal", "email_addresses": [],
    });
    let Value::Object(parts) = parts else { panic!("parts are an object") };
    email.as_object_mut().unwrap().extend(parts);
    json!({"email_alerts": email})
}

#[test]
fn email_alerts_are_joined_from_all_sources() {
    let yaml = ("settings.yaml", "email_alerts: {smtp_server: a, smtp_port: 2, use_tls: no}\n");
    check(&[yaml], &[], email(json!({"smtp_server": "a", "smtp_port": 2, "use_tls": false})));
    check(&[("settings.yaml", "email_alerts: {}")], &[], email(json!({})));
    check(&[yaml, ("event.settings.yaml", "email_alerts: {sender: b}")], &[], email(json!({"sender": "b"})));
    check(&[yaml, ("settings.json", "{\"email_alerts\": null}")], &[], json!({}));
    check(
        &[yaml, ("settings.toml", "[email_alerts]\nsmtp_server = 'b'\nemail_addresses = ['c']")],
        &[("EVENT_EMAIL_ALERTS", "{\"smtp_port\": \"3\", \"sender\": \"d\"}"), ("EVENT_EMAIL_ALERTS__SENDER", "e")],
        email(json!({"smtp_server": "b", "smtp_port": 3, "use_tls": false, "sender": "e", "email_addresses": ["c"]})),
    );
    check(
        &[(".env", "EVENT_EMAIL_ALERTS__EMAIL_ADDRESSES='[\"a@b\"]'\nevent_email_alerts__smtp_username=null\n")],
        &[],
        email(json!({"email_addresses": ["a@b"]})),
    );
    check(&[yaml], &[("EVENT_EMAIL_ALERTS", "null")], json!({}));
    check(
        &[("settings.json", "{\"event_email_alerts\": {\"smtp_port\": 1}}"), yaml],
        &[],
        email(json!({"smtp_server": "a", "smtp_port": 2, "use_tls": false})),
    );
}

#[test]
fn null_means_none_where_none_is_possible() {
    check(
        &[("settings.yaml", "manager_name: x\nuvicorn_workers: 2\n")],
        &[("EVENT_MANAGER_NAME", "null"), ("EVENT_UVICORN_WORKERS", "null")],
        json!({}),
    );
    check(
        &[],
        &[("EVENT_RATE_LIMIT_SHORT_REQUESTS", "null"), ("EVENT_MANAGER_TYPE", "null")],
        json!({"manager_type": null, "rate_limit_short_requests": null}),
    );
    check(&[("settings.yaml", "rate_limit_exempt_ips: [a]")], &[("EVENT_RATE_LIMIT_EXEMPT_IPS", "null")], json!({}));
    check(&[("settings.yaml", "manager_name: 'null'")], &[], json!({"manager_name": "null"}));
    check(&[], &[("EVENT_DATABASE_NAME", "null")], json!({"database_name": "null"}));
}

#[test]
fn paths_in_the_project_are_completed() {
    let case = Case::new(&[]);
    let check = |text: &str, expected: &str| {
        let loaded = case.load(&[("EVENT_BACKUP_DIR", text), ("EVENT_MANAGER_NAME", text)]).unwrap();
        let settings = loaded.settings;
        let read = (settings.backup_dir.to_str().unwrap(), settings.manager_name.as_deref().unwrap());
        let expected = expected.replace('@', case.root.to_str().unwrap());
        assert_eq!(read, (expected.as_str(), expected.as_str()));
    };
    check(".madsci", "@/.madsci");
    check(".madsci//x/", "@/.madsci/x");
    check(".madsci/../y", "@/.madsci/../y");
    check("./.madsci/x", "./.madsci/x");
    check(".madscix", ".madscix");
    check("", "");
    let default = case.load(&[]).unwrap().settings.backup_dir;
    assert_eq!(default, case.root.join(".madsci/backups/events"));
}

#[test]
fn all_mistakes_are_told_at_once() {
    check(
        &[
            ("settings.yaml", "retention_enabled: perhaps\nmanager_name: 7\nemail_alerts: {smtp_password: 5, smtp_port: 70000}\n"),
            ("settings.toml", "[\n"),
            ("settings.json", "[]"),
        ],
        &[
            ("EVENT_ALERT_LEVEL", "loud"),
            ("EVENT_ARCHIVE_BATCH_SIZE", "0"),
            ("EVENT_DB_URL", "secret"),
            ("EVENT_RATE_LIMIT_EXEMPT_IPS__0", "::1"),
            ("EVENT_MANAGER_ID", "seven"),
            ("EVENT_ENABLE_REGISTRY_RESOLUTION", "no"),
            ("EVENT_OTEL_PROTOCOL", "GRPC"),
        ],
        json!([
            "settings.json: this is not a table of settings: write `name: value` lines or the like",
            "settings.toml:1: unquoted keys cannot be empty, expected letters, numbers, `-`, `_`",
            "environment variable EVENT_RATE_LIMIT_EXEMPT_IPS__0: {\"0\":\"::1\"} is not a list of texts: write one such as [\"a\", \"b\"]",
            "settings.yaml: manager_name: 7 is not a text: write it in quotes",
            "environment variable EVENT_OTEL_PROTOCOL: \"GRPC\" is not one of grpc, http",
            "environment variable EVENT_DB_URL: *** is not a URL of MongoDB: write one such as mongodb://localhost:27017",
            "environment variable EVENT_ALERT_LEVEL: \"loud\" is not a level: write 0, 10, 20, 30, 40 or 50, or NOTSET, DEBUG, INFO, WARNING, ERROR or CRITICAL",
            "settings.yaml: email_alerts.smtp_port: 70000 is not a port: write a number from 0 to 65535",
            "settings.yaml: email_alerts.smtp_password: *** is not a text: write it in quotes",
            "settings.yaml: retention_enabled: \"perhaps\" is neither true nor false: write true or false",
            "environment variable EVENT_ARCHIVE_BATCH_SIZE: \"0\" is not a whole number from 1",
            "environment variable EVENT_MANAGER_ID: \"seven\" is not a ULID: write 26 characters of Crockford's base 32 in upper case",
        ].map(str::to_owned).join("\n")),
    );
    check(
        &[],
        &[("EVENT_EMAIL_ALERTS", "hush")],
        json!(
            "environment variable EVENT_EMAIL_ALERTS: *** is not a table: write JSON such as {\"smtp_server\": \"mail.example.org\"}"
        ),
    );
    check(
        &[],
        &[("EVENT_EMAIL_ALERTS", "{\"use_tls\": 7}"), ("EVENT_EMAIL_ALERTS__SMTP_PORT", "x")],
        json!(
            [
                "environment variable EVENT_EMAIL_ALERTS__SMTP_PORT: \"x\" is not a port: write a number from 0 to 65535",
                "environment variable EVENT_EMAIL_ALERTS.use_tls: 7 is neither true nor false: write true or false",
            ]
            .join("\n")
        ),
    );
    check(&[], &[("EVENT_MANAGER_ID", "seven")], json!({"manager_id": "seven"}));
}

#[test]
fn one_file_can_be_named() {
    let case = Case::new(&[
        ("settings.yaml", "alert_level: 10"),
        ("my.toml", "alert_level = 20"),
        ("my.env", "EVENT_ALERT_LEVEL=30"),
        ("my.txt", ""),
    ]);
    let check = |name: &str, expected: &str| {
        let read = case.load_from(&[], FilesFrom::File(name.into()));
        let read = read.map(|loaded| format!("{} {}", loaded.settings.alert_level, loaded.origins.of("alert_level")));
        assert_eq!(case.relative(&read.unwrap_or_else(|error| error.to_string())), expected);
    };
    check("my.toml", "WARNING my.toml: alert_level".replace("WARNING", "INFO").as_str());
    check("my.env", "WARNING my.env: EVENT_ALERT_LEVEL");
    check("my.txt", "my.txt: the name does not tell its kind: use .yaml, .yml, .toml, .json or .env");
    check("none.yml", "read none.yml: No such file or directory (os error 2)");
}

#[test]
fn origins_are_known_and_misspellings_told() {
    let case = Case::new(&[
        (
            "settings.yaml",
            "alert_levl: 1\nEVENT_DATABASE_NAME: x\nresource_server_url: x\nlab_id: x\nserver_url: http://x\nemail_alerts: {smtp_prot: 1, SENDER: a, colour: red}\nother: 5\n",
        ),
        (".env", "EVENT_BACKUP_DIRR=1\nEVENT_CLIENT_NAME=x\nwhat is this\nPATH=x\n"),
    ]);
    let loaded = case
        .load(&[
            ("EVENT_MANAGER_NAM", "x"),
            ("EVENT_EMAIL_ALERT__SMTP_PORT", "5"),
            ("EVENT_MANAGER_TYPE", "event_manager"),
            ("EVENT_SERVER_PORT", "1"),
        ])
        .unwrap();
    let ignored: Vec<String> = loaded.ignored.iter().map(|ignored| case.relative(&ignored.to_string())).collect();
    assert_eq!(
        ignored,
        [
            ".env:3: this line is not NAME=VALUE and is ignored",
            "environment variable EVENT_EMAIL_ALERT__SMTP_PORT is not a setting and is ignored: did you mean EVENT_EMAIL_ALERTS__SMTP_PORT?",
            "environment variable EVENT_MANAGER_NAM is not a setting and is ignored: did you mean EVENT_MANAGER_NAME?",
            ".env: EVENT_BACKUP_DIRR is not a setting and is ignored: did you mean EVENT_BACKUP_DIR?",
            "settings.yaml: EVENT_DATABASE_NAME is not a setting and is ignored: did you mean database_name?",
            "settings.yaml: alert_levl is not a setting and is ignored: did you mean alert_level?",
            "settings.yaml: email_alerts.SENDER is not a setting and is ignored: did you mean email_alerts.sender?",
            "settings.yaml: email_alerts.colour is not a setting and is ignored",
            "settings.yaml: email_alerts.smtp_prot is not a setting and is ignored: did you mean email_alerts.smtp_port?",
        ]
    );
    assert_eq!(loaded.origins.of("manager_type").to_string(), "environment variable EVENT_MANAGER_TYPE");
    assert!(loaded.origins.is_set("manager_type") && !loaded.origins.is_set("manager_name"));
    let set: Vec<&str> = loaded.origins.iter().map(|(setting, _)| setting).collect();
    assert_eq!(set, ["email_alerts", "manager_type", "server_url"]);
    assert_eq!(loaded.files, [case.root.join(".env"), case.root.join("settings.yaml")]);
}

#[test]
fn settings_are_answered_as_madsci_answers_them() {
    let case = Case::new(&[]);
    let id = "01KB0000000000000000000000";
    let answer = |variables: &[(&str, &str)], include_defaults, include_schema| {
        let settings = case.load(variables).unwrap().settings;
        settings_answer(&settings, id, SettingsAnswer { include_defaults, include_schema })
    };
    let all = answer(&[], true, false);
    let expected = format!(
        "{{\"settings\":{{\"server_url\":\"http://localhost:8001/\",\"manager_id\":\"{id}\",\"manager_type\":\
         \"event_manager\",\"rate_limit_enabled\":true,\"rate_limit_requests\":300,\"rate_limit_window\":60,\
         \"rate_limit_short_requests\":50,\"rate_limit_short_window\":1,\"rate_limit_cleanup_interval\":300,\
         \"rate_limit_exempt_ips\":null,\"uvicorn_workers\":null,\"uvicorn_limit_concurrency\":null,\
         \"uvicorn_limit_max_requests\":null,\"enable_registry_resolution\":true,\"manager_name\":null,\
         \"manager_description\":null,\"lab_url\":null,\"registry_lock_timeout\":60.0,\"otel_enabled\":false,\
         \"otel_service_name\":null,\"otel_exporter\":\"console\",\"otel_endpoint\":null,\"otel_protocol\":\"grpc\",\
         \"mongo_db_url\":\"***REDACTED***\",\"database_name\":\"madsci_events\",\"collection_name\":\"events\",\
         \"alert_level\":40,\"email_alerts\":null,\"retention_enabled\":false,\"soft_delete_after_days\":90,\
         \"hard_delete_after_days\":365,\"retention_check_interval_hours\":24,\"archive_batch_size\":1000,\
         \"max_batches_per_run\":100,\"backup_enabled\":false,\"backup_schedule\":null,\"backup_dir\":\
         \"{}/.madsci/backups/events\",\"backup_max_count\":10,\"fail_on_retention_error\":false}}}}",
        case.root.display()
    );
    assert_eq!(all.to_string(), expected);
    let redacted = json!({"settings": {"manager_id": id, "mongo_db_url": "***REDACTED***"}});
    assert_eq!(answer(&[("EVENT_ALERT_LEVEL", "10")], false, false), redacted);
    let redacted = json!({"settings": {"mongo_db_url": "***REDACTED***"}});
    assert_eq!(answer(&[("EVENT_MANAGER_ID", id)], false, false), redacted);
    let set = answer(&[("EVENT_EMAIL_ALERTS__SENDER", "a")], false, false);
    assert_eq!(set["settings"]["email_alerts"], email(json!({"sender": "a"}))["email_alerts"]);
    let with_schema = answer(&[], false, true);
    let keys: Vec<&String> = with_schema.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["settings", "schema", "schema_title"]);
    // The schema has the settings in their order, with their defaults.
    let properties = with_schema["schema"]["properties"].as_object().unwrap();
    let settings = all["settings"].as_object().unwrap();
    assert!(properties.keys().eq(settings.keys()));
    for (setting, property) in properties {
        if !["manager_id", "mongo_db_url", "backup_dir"].contains(&setting.as_str()) {
            assert_eq!(property["default"], settings[setting], "{setting}");
        }
    }
}
