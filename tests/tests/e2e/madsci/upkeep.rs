//! What is kept, for how long, and where else: retention, backups, imports.

use std::{
    path::Path,
    process::{Command, Stdio},
};

use labtrail_tests::{
    lab::{Collector, Lab, Process, binary, wait_until},
    services::{MadsciServer, Mongod, bson::doc},
};
use serde_json::{Value, json};

/// The stores, as parts of a config.
fn stores(database: &str) -> [String; 2] {
    let url = Mongod::shared().url();
    [
        String::new(),
        format!("[store]\nkind = \"mongodb\"\n[store.mongodb]\nurl = \"{url}\"\ndatabase = \"{database}\"\n"),
    ]
}

fn ids(answer: &Value) -> Vec<String> {
    let mut ids: Vec<String> = answer.as_object().expect("an object by id").keys().cloned().collect();
    ids.sort();
    ids
}

fn everything(collector: &Collector) -> Value {
    collector.post_json("/events/query", &json!({})).json()
}

#[test]
fn what_is_old_is_put_aside_and_what_was_aside_for_long_is_deleted() {
    for store in stores("retention") {
        let lab = Lab::new();
        let mut collector = lab.collector_with(&store);
        for number in 0..30 {
            let timestamp = format!("2020-01-{:02}T00:00:00", number % 28 + 1);
            collector.post_json("/event", &json!({"_id": format!("old {number:02}"), "event_timestamp": timestamp}));
        }
        collector.post_json("/event", &json!({"_id": "new"}));
        for (id, archived_at) in [("aside for long", json!("2021-01-01T00:00:00")), ("just put aside", json!(null))] {
            collector.post_json("/event", &json!({"_id": id, "archived": true, "archived_at": archived_at}));
        }
        assert_eq!(collector.total_events(), Some(33));
        collector.stop();
        collector
            .set_config(&format!("[retention]\nenabled = true\nbatch_events = 7\ncheck_interval = \"200ms\"\n{store}"));
        collector.start();
        collector.wait_until_ready();
        wait_until("old events are put aside and deleted", || {
            let listed = collector.get("/events", &[("number", "0")]).json();
            let aside = collector.get("/events/archived", &[("number", "0")]).json();
            (ids(&listed) == ["new"] && aside.as_object().map(serde_json::Map::len) == Some(31)).then_some(())
        });
        assert_eq!(collector.get("/event/aside%20for%20long", &[]).status, 404);
        let put_aside = collector.get("/event/old%2007", &[]).json();
        assert_eq!(put_aside["archived"], true);
        let metrics = collector.get("/metrics", &[]).text;
        let metric = |name: &str| metrics.lines().find_map(|line| line.strip_prefix(name)?.trim().parse::<f64>().ok());
        assert_eq!(metric("labtrail_retention_archived_total"), Some(30.0), "{metrics}");
        assert_eq!(metric("labtrail_retention_deleted_total"), Some(1.0), "{metrics}");
    }
}

#[test]
fn a_backup_brings_everything_back_into_another_store() {
    for store in stores("backed_up") {
        let lab = Lab::new();
        let collector = lab.collector_with(&store);
        for number in 0..50 {
            let zone = ["", "Z", "+05:30"][number % 3];
            collector.post_json(
                "/event",
                &json!({"_id": format!("event {number:02}"), "event_timestamp": format!("2026-03-01T00:00:{number:02}{zone}"),
                    "event_data": {"number": number, "text": "ü\u{0}", "list": [1.5, null]}}),
            );
        }
        collector.post_json("/events/archive", &json!({"event_ids": ["event 03", "event 04"]}));
        let made = collector.post_json("/backup", &json!({"description": "before/../the move"}));
        assert_eq!(made.status, 200, "{}", made.text);
        let path = made.json()["backup_path"].as_str().expect("a path").to_owned();
        assert!(Path::new(&path).join("events.ndjson.zst").is_file() && !path.contains(".."), "{path}");
        let status = collector.get("/backup/status", &[]).json();
        let listed = &status["available_backups"][0];
        assert_eq!((&listed["path"], &listed["is_valid"], &listed["events"]), (&json!(path), &json!(true), &json!(50)));
        assert_eq!(collector.get("/backup", &[]).json(), status);

        let mut other = lab.collector();
        let file = other.data_dir().join("events.sqlite");
        other.stop();
        let to = format!("sqlite:{}", file.display());
        let import = || {
            let output = Command::new(binary("labtrail")).args(["import", "backup", &path, "--to", &to]).output();
            output.expect("the program can be started")
        };
        let said = import();
        assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
        let again = import();
        let table = String::from_utf8_lossy(&again.stdout).into_owned();
        let row: Vec<&str> = table.lines().nth(1).expect("a row").split_whitespace().collect();
        assert_eq!(row, ["50", "0", "50", "0"], "{table}");
        other.start();
        other.wait_until_ready();
        assert_eq!(everything(&other), everything(&collector));
        // A sender that repeats itself is told from one that says something else.
        other.post_json(
            "/event",
            &json!({"_id": "event 07", "event_timestamp": "2026-03-01T00:00:07Z",
            "event_data": {"number": 7, "text": "ü\u{0}", "list": [1.5, null]}, "source": {}}),
        );
        assert_eq!(other.total_events(), Some(50));
    }
}

#[test]
fn backups_are_made_by_the_clock_and_old_ones_deleted() {
    let lab = Lab::new();
    let collector = lab.collector_with("[backup]\nenabled = true\nschedule = \"* * * * * *\"\nkeep = 2\n");
    collector.post_json("/event", &json!({}));
    let names = || -> Vec<String> {
        let status = collector.get("/backup/status", &[]).json();
        let backups = status["available_backups"].as_array().expect("a list").clone();
        backups.iter().map(|backup| backup["path"].as_str().expect("a path").to_owned()).collect()
    };
    let first = wait_until("a backup is made", || names().pop());
    assert!(first.ends_with("_scheduled"), "{first}");
    wait_until("the first one is deleted", || (!names().contains(&first)).then_some(()));
    assert!(names().len() <= 2);
}

/// Whether events are in a store that somebody else writes: its log is longer than its tables alone.
fn written(file: &Path) -> Option<()> {
    let mut log = file.as_os_str().to_owned();
    log.push("-wal");
    (std::fs::metadata(log).ok()?.len() > 1 << 20).then_some(())
}

/// An import that is killed on its way is done again, and goes on where it was. MADSci's database stays as it was.
#[test]
fn a_database_of_madsci_is_copied_though_the_import_is_killed() {
    const EVENTS: usize = 60_000;
    let lab = Lab::new();
    let mongod = Mongod::shared();
    let madsci = MadsciServer::start(&mongod.url(), "copied", &[]);
    madsci.post_json("/event", &json!({"_id": "by the server", "event_data": {"z": 1, "a": [null, 1.5]}}));
    for part in 0..EVENTS / 1000 {
        let documents = (0..1000).map(|index| {
            let number = part * 1000 + index;
            let timestamp = format!("2026-02-{:02}T10:00:00", number % 28 + 1);
            doc! {"_id": format!("copied {number:06}"), "event_type": "log_info", "log_level": 20, "alert": false,
            "event_timestamp": timestamp, "source": {}, "event_data": {"number": number as i32}, "trace_id": null,
            "span_id": null, "archived": false, "archived_at": null}
        });
        mongod.command("copied", doc! {"insert": "events", "documents": documents.collect::<Vec<_>>()});
    }
    let odd =
        doc! {"_id": "of an old version", "event_type": "pump_broke", "log_level": 40, "event_timestamp": "2026-02-01"};
    mongod.command("copied", doc! {"insert": "events", "documents": [odd]});
    let indexes = || {
        let listed = mongod.command("copied", doc! {"listIndexes": "events"});
        listed.get_document("cursor").expect("a list").to_string()
    };
    let before = indexes();

    let mut other = lab.collector();
    let file = other.data_dir().join("events.sqlite");
    other.stop();
    let from = mongod.url().replacen("/?", "/copied?", 1);
    let import = || {
        let mut command = Command::new(binary("labtrail"));
        command.args(["import", "madsci", &from, "--zone", "UTC", "--to", &format!("sqlite:{}", file.display())]);
        command
    };
    {
        let mut process = Process::start("import", import(), &lab.path("import"));
        // Another process may read the file while the import writes it.
        wait_until("some are copied", || {
            let log = process.log();
            log.contains("of about").then_some(()).or_else(|| process.ended().map(drop)).or_else(|| written(&file))
        });
        process.kill();
    }
    let resumed = import().stdin(Stdio::null()).output().expect("the program can be started");
    let errors = String::from_utf8_lossy(&resumed.stderr);
    assert!(resumed.status.success(), "{errors}");
    let table = String::from_utf8_lossy(&resumed.stdout).into_owned();
    let row: Vec<u64> =
        table.lines().nth(1).expect("a row").split_whitespace().map(|count| count.parse().expect("a number")).collect();
    let [read, stored, duplicates, letters] = row[..] else { panic!("{table}") };
    assert_eq!((read, letters), (EVENTS as u64 + 2, 0), "{table}");
    assert!(duplicates > 0 && stored + duplicates == read, "it passed over what was there: {table}");
    assert_eq!(indexes(), before, "the database is only read");
    let ours = mongod.command("copied", doc! {"count": "events", "query": {"_labtrail": {"$exists": true}}});
    assert_eq!(ours.get_i32("n").ok(), Some(0));

    other.start();
    other.wait_until_ready();
    assert_eq!(other.total_events(), Some(EVENTS as u64 + 2));
    for id in ["by%20the%20server", "copied%20012345"] {
        let path = format!("/event/{id}");
        assert_eq!(other.get(&path, &[]).json(), madsci.get(&path, &[]).json());
    }
    let odd = other.get("/event/of%20an%20old%20version", &[]).json();
    assert_eq!(
        (&odd["event_type"], &odd["event_data"]["original"]["event_type"]),
        (&json!("unknown"), &json!("pump_broke"))
    );

    // What MADSci archives and stores meanwhile comes with the next import; nothing is a conflict.
    other.stop();
    madsci.post_json("/events/archive", &json!({"event_ids": ["copied 000007", "copied 000008"]}));
    madsci.post_json("/event", &json!({"_id": "a late one", "event_timestamp": "2020-01-01T00:00:00"}));
    let again = import().output().expect("the program can be started");
    assert!(again.status.success(), "{}", String::from_utf8_lossy(&again.stderr));
    other.start();
    other.wait_until_ready();
    assert_eq!(ids(&other.get("/events/archived", &[]).json()), ["copied 000007", "copied 000008"]);
    assert_eq!(other.get("/event/a%20late%20one", &[]).status, 200);
}
