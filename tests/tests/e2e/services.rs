//! The services that other tests stand on.

use std::{collections::BTreeSet, net::TcpStream, path::Path, process::Command};

use labtrail_tests::{
    lab::{Lab, Process, wait_until},
    services::{
        Kafka, Login, Mongod, NewRecord, Resource,
        bson::{Document, doc},
    },
};

#[test]
fn what_is_produced_is_read_back_also_after_a_broker_was_killed() {
    let kafka = Kafka::start();
    kafka.create_topic("t", 3, &[("retention.ms", "-1")]);
    let (partition, offset) = kafka.produce("t", "key", "one", &[("name", "value"), ("empty", "")]);
    assert_eq!(offset, 0);
    kafka.kill(0);
    kafka.start_broker(0);
    let two = NewRecord { partition: Some(partition), value: None, timestamp: Some(1), ..NewRecord::default() };
    assert_eq!(kafka.produce_all("t", &[two]), [(partition, 1)]);
    let records = kafka.read_all("t");
    assert_eq!(records.len(), 2);
    assert_eq!((records[0].key.as_deref(), records[0].text()), (Some(b"key".as_slice()), "one"));
    assert_eq!((records[0].header("name"), records[0].header("empty")), (Some("value"), Some("")));
    assert_eq!((records[0].header("no"), records[1].timestamp, records[1].value.len()), (None, Some(1), 0));
    assert_eq!(kafka.end_offsets("t").iter().sum::<i64>(), 2);
    assert_eq!(kafka.committed_offsets("g", "t"), [None, None, None]);
    kafka.stop(0);
    kafka.start_broker(0);
    assert_eq!(kafka.read_all("t"), records);
    kafka.delete_topic("t");
    assert!(kafka.topics().is_empty());
}

#[test]
fn a_cluster_goes_on_without_one_of_its_brokers() {
    let kafka = Kafka::cluster(3);
    kafka.create_topic("t", 6, &[]);
    kafka.kill(1);
    let keys: Vec<Vec<u8>> = (0..100_u8).map(|key| vec![key]).collect();
    let records: Vec<NewRecord<'_>> =
        keys.iter().map(|key| NewRecord { key: Some(key), value: Some(b"value"), ..NewRecord::default() }).collect();
    kafka.produce_all("t", &records);
    kafka.start_broker(1);
    assert_eq!(kafka.read_all("t").len(), 100);
}

#[test]
fn who_logs_in_may_do_what_was_allowed() {
    let kafka = Kafka::secured();
    kafka.create_topic("t", 1, &[]);
    kafka.add_scram_user("robot", "secret");
    let produce = |mechanism, login: (&str, &str), value| kafka.try_produce_as(mechanism, login, "t", value);
    let (robot, agent) = (("robot", "secret"), (Login::AGENT.username, Login::AGENT.password));
    assert!(produce("SCRAM-SHA-512", robot, "refused").is_err());
    kafka.allow("robot", &["Write", "Describe"], Resource::Topic("t"));
    kafka.allow(Login::AGENT.username, &["Write"], Resource::Topic("*"));
    // What is allowed is known to the broker a little later.
    wait_until("it is allowed", || produce("SCRAM-SHA-512", robot, "robot's").ok());
    wait_until("it is allowed", || produce("PLAIN", agent, "agent's").ok());
    assert!(produce("SCRAM-SHA-512", ("robot", "wrong"), "refused").is_err());
    kafka.revoke("robot", &["Write", "Describe"], Resource::Topic("t"));
    assert!(produce("SCRAM-SHA-512", robot, "refused").is_err());
    let records = kafka.read_all("t");
    let values: BTreeSet<&[u8]> = records.iter().map(|record| record.value.as_slice()).collect();
    assert_eq!(values, BTreeSet::from([&b"agent's"[..], b"robot's"]));
}

#[test]
fn a_replica_set_elects_another_primary() {
    let mongod = Mongod::replica_set(3);
    let insert = |id: i32| {
        let documents: Vec<Document> = vec![doc! {"_id": id}];
        let concern = doc! {"w": "majority", "j": true};
        mongod.command("test", doc! {"insert": "c", "documents": documents, "writeConcern": concern})
    };
    insert(1);
    let first = mongod.primary();
    mongod.kill(first);
    let second = mongod.primary();
    assert_ne!(first, second);
    insert(2);
    mongod.start(first);
    mongod.pause(first);
    insert(3);
    mongod.resume(first);
    let count = mongod.command("test", doc! {"count": "c"});
    assert_eq!(count.get_i32("n").ok(), Some(3));
}

#[test]
fn a_standalone_server_keeps_its_data_when_stopped() {
    let mongod = Mongod::standalone();
    mongod.command("test", doc! {"insert": "c", "documents": [doc! {"_id": 1}], "writeConcern": {"j": true}});
    mongod.stop(0);
    mongod.start(0);
    assert_eq!(mongod.command("test", doc! {"count": "c"}).get_i32("n").ok(), Some(1));
}

/// `make services-up`, ended in both ways.
#[test]
fn nothing_is_left_of_services_whatever_ends_their_owner() {
    let lab = Lab::new();
    for is_killed in [true, false] {
        let folder = lab.path(format!("killed-{is_killed}"));
        let temporary = folder.join("tmp");
        std::fs::create_dir_all(&temporary).expect("folders can be made");
        let mut command = Command::new(env!("CARGO_BIN_EXE_labtrail-test-services"));
        command.env("TMPDIR", &temporary).env("LABTRAIL_BROKERS", "1").env("LABTRAIL_MONGODS", "1");
        let mut services = Process::start("services", command, &folder);
        let output = wait_until("the services are named", || {
            let ended = services.ended();
            assert!(ended.is_none(), "the services ended with {ended:?}: {}", services.log());
            services.output().contains("Ctrl-C").then(|| services.output())
        });
        let addresses = [between(&output, "kafka://", "/"), between(&output, "mongodb://", "/")];
        for address in &addresses {
            TcpStream::connect(address).expect("somebody listens");
        }
        assert!(has_entries(&temporary));
        if is_killed {
            services.kill();
        } else {
            assert!(services.interrupt().success());
        }
        for address in &addresses {
            wait_until("nobody listens any more", || TcpStream::connect(address).is_err().then_some(()));
        }
        wait_until("their folders are gone", || (!has_entries(&temporary)).then_some(()));
    }
}

fn between<'a>(text: &'a str, before: &str, after: &str) -> &'a str {
    let (_, rest) = text.split_once(before).expect("it is there");
    rest.split_once(after).expect("it ends").0
}

fn has_entries(folder: &Path) -> bool {
    std::fs::read_dir(folder).expect("the folder is there").next().is_some()
}
