//! What users of the store see when the server is in trouble.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use jiff::tz::TimeZone;
use labtrail_shared::{
    shutdown::{Stop, Tasks},
    telemetry::Metrics,
};
use labtrail_tests::services::Mongod;
use mongodb::bson::doc;
use serde_json::json;

use super::{MongoBench, assert_unavailable, new_name, shared};
use crate::store::{
    Criteria, Expect, MongoConfig, MongoStore, Outcome, StoreConfig, StoreError,
    conformance::{all, event},
};

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_stands_alone_will_do() {
    let mongod = tokio::task::spawn_blocking(Mongod::standalone).await.unwrap();
    let bench = MongoBench::on(mongod.url()).await;
    let events = [event(&json!({"_id": "a"})), event(&json!({"_id": "b"}))];
    assert_eq!(bench.insert(&events).await, [Outcome::Stored, Outcome::Stored]);
    let outcomes = bench.store.insert(events.to_vec(), Expect::Repeats).await.unwrap().outcomes;
    assert_eq!(outcomes, [Outcome::Duplicate, Outcome::Duplicate]);
    let letter = crate::store::DeadLetter {
        received: 1,
        reason: "not_json".into(),
        detail: String::new(),
        origin: json!({}),
        id: None,
        bytes: vec![1],
    };
    bench.store.dead_letter(vec![letter]).await.unwrap();
    assert_eq!(bench.store.dead_letters(None, 9).await.unwrap().len(), 1);
    assert_eq!(bench.every(Criteria::default()).await.len(), 2);
    bench.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_may_come_later_and_go() {
    let mongod = Arc::new(tokio::task::spawn_blocking(Mongod::standalone).await.unwrap());
    let on_server = async |act: fn(&Mongod)| {
        let mongod = Arc::clone(&mongod);
        tokio::task::spawn_blocking(move || act(&mongod)).await.unwrap();
    };
    on_server(|mongod| mongod.stop(0)).await;
    let start = Instant::now();
    let bench = MongoBench::on(mongod.url()).await;
    assert!(start.elapsed() < Duration::from_secs(5), "opening does not wait for the server");
    let events = vec![event(&json!({"_id": "a"}))];
    assert_unavailable(bench.store.insert(events.clone(), Expect::New).await);
    let start = Instant::now();
    assert_unavailable(bench.store.search(all(Criteria::default())).await);
    assert!(start.elapsed() < Duration::from_millis(300), "that it is away is known by now");
    on_server(|mongod| mongod.start(0)).await;
    let insert = async || loop {
        match bench.store.insert(events.clone(), Expect::New).await {
            Ok(report) => return report.outcomes,
            Err(StoreError::Unavailable { .. }) => tokio::time::sleep(Duration::from_millis(100)).await,
            Err(error) => panic!("{error:?}"),
        }
    };
    assert_eq!(insert().await, [Outcome::Stored]);
    on_server(|mongod| mongod.kill(0)).await;
    assert_unavailable(bench.store.insert(events.clone(), Expect::New).await);
    on_server(|mongod| mongod.start(0)).await;
    assert_eq!(insert().await, [Outcome::Duplicate]);
    // The rest of the opening was made up for.
    let collection = bench.collection("events").await;
    while collection.list_index_names().await.unwrap().len() < 7 {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    bench.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_url_is_told_at_once() {
    for url in ["mongodb://", "mongodb://localhost/?unknownOption=1&w=x&connectTimeoutMS=soon"] {
        let mongodb = MongoConfig { url: url.parse().unwrap(), ..MongoConfig::default() };
        let config = StoreConfig { mongodb, ..StoreConfig::default() };
        let mut tasks = Tasks::new();
        let opened = MongoStore::open(&config, TimeZone::UTC, &mut tasks, &Metrics::default(), Stop::default()).await;
        assert!(opened.is_err(), "{url}");
    }
}

/// Only one fail point of a kind can be set at a time.
static POINT: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

/// Makes the server fail the next inserts of one program in one way, and tells what became of an insert.
async fn insert_with(failure: mongodb::bson::Document) -> Result<Vec<Outcome>, StoreError> {
    let mongod = shared().await;
    let name = new_name();
    let bench = MongoBench::on(format!("{}&appName={name}", mongod.url())).await;
    let mut data =
        doc! {"failCommands": ["insert"], "appName": &name, "namespace": format!("{}.events", bench.database)};
    data.extend(failure);
    let times = data.remove("times").and_then(|times| times.as_i32()).unwrap_or(100);
    let point = doc! {"configureFailPoint": "failCommand", "mode": {"times": times}, "data": data};
    let off = doc! {"configureFailPoint": "failCommand", "mode": "off"};
    let _point = POINT.lock().await;
    let admin = mongod.client().database("admin");
    admin.run_command(point).await.unwrap();
    let report = bench.store.insert(vec![event(&json!({"_id": "a"}))], Expect::New).await;
    admin.run_command(off).await.unwrap();
    bench.close().await;
    report.map(|report| report.outcomes)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_environment_does_is_no_fault_of_the_events() {
    // Not primary, stepped down, interrupted, no disk, not authorised, write conflicts.
    for code in [10107, 189, 11602, 11601, 14031, 13, 18, 112, 91, 262] {
        assert_unavailable(insert_with(doc! {"errorCode": code}).await);
    }
    assert_unavailable(insert_with(doc! {"closeConnection": true}).await);
    for code in [64, 100, 79] {
        let error = doc! {"code": code, "errmsg": "waiting for replication timed out"};
        assert_unavailable(insert_with(doc! {"writeConcernError": error}).await);
    }
    let error = insert_with(doc! {"errorCode": 59}).await.unwrap_err();
    assert!(matches!(error, StoreError::Failed { .. }), "an unknown command is nobody's weather: {error:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_primary_is_survived_within_an_insert() {
    assert_eq!(insert_with(doc! {"errorCode": 10107, "times": 1}).await.unwrap(), [Outcome::Stored]);
    assert_eq!(insert_with(doc! {"closeConnection": true, "times": 1}).await.unwrap(), [Outcome::Stored]);
}

#[tokio::test(flavor = "multi_thread")]
async fn repeats_that_are_gone_when_it_is_looked_again_are_not_counted_as_stored() {
    let mongod = tokio::task::spawn_blocking(|| Mongod::replica_set(1)).await.unwrap();
    let bench = MongoBench::on(format!("{}&appName=witness", mongod.url())).await;
    let events = [event(&json!({"_id": "a"})), event(&json!({"_id": "b"})), event(&json!({"_id": "c"}))];
    bench.insert(&events[..2]).await;
    let admin = mongodb::Client::with_uri_str(&bench.url).await.unwrap().database("admin");
    let block = doc! {"failCommands": ["insert"], "appName": "witness", "blockConnection": true, "blockTimeMS": 5000};
    admin.run_command(doc! {"configureFailPoint": "failCommand", "mode": "alwaysOn", "data": block}).await.unwrap();
    let store = Arc::clone(&bench.store);
    let sent = events.to_vec();
    let mut inserts = tokio::task::JoinSet::new();
    inserts.spawn(async move { store.insert(sent, Expect::Repeats).await });
    // It has looked, and its insert waits. As when their server is lost, what it saw goes.
    let waiting = doc! {"currentOp": true, "command.insert": "events", "command.$db": bench.database.as_str()};
    while admin.run_command(waiting.clone()).await.unwrap().get_array("inprog").unwrap().is_empty() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    bench.collection("events").await.delete_many(doc! {}).await.unwrap();
    admin.run_command(doc! {"configureFailPoint": "failCommand", "mode": "off"}).await.unwrap();
    assert_unavailable(inserts.join_next().await.unwrap().unwrap());
    let outcomes = bench.store.insert(events.to_vec(), Expect::Repeats).await.unwrap().outcomes;
    assert_eq!(outcomes, [Outcome::Duplicate, Outcome::Stored, Outcome::Duplicate], "as in the attempt before");
    assert_eq!(bench.store.count().await.unwrap(), 3);
}
