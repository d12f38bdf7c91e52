//! A crash at each place: between any two writes of ingesting, judging, routing and sending. Nothing is lost, and what a
//! receiver gets twice has the same identifier and says that it may be a repeat.

use std::{collections::BTreeMap, sync::Arc};

use labtrail_tests::services::{MailServer, mail_header};
use serde_json::json;

use super::{
    mortal::Mortal,
    world::{MINUTE, SECOND, World, book},
};
use crate::{
    alerting::{filler::Filler, leader::Leader, marks::Marker, sender::Sender},
    store::{EventStore, NewEvent, StoreError},
};

const RULES: &str = r#"
[[rules]]
name = "a"
trigger = { at_least = { count = 3, within = "1m" } }
group_by = ["event_data.node"]

[[rules]]
name = "b"
trigger = { silence = { after = "2m" } }
group_by = ["event_data.node"]
"#;

/// A world over a store that dies after so many writes.
fn mortal(world: &World, writes: i64, routes: &str) -> (Arc<Mortal>, World) {
    let store = Arc::new(Mortal::new(Arc::clone(&world.store), writes));
    let mut other = world.restarted(RULES, routes);
    let shared: Arc<dyn EventStore> = Arc::clone(&store) as Arc<dyn EventStore>;
    let rulebook = other.rulebook.subscribe();
    other.sender = Sender { store: Arc::clone(&shared), ..other.sender };
    other.marker = Marker { store: Arc::clone(&shared), ..other.marker };
    other.store = Arc::clone(&shared);
    other.leader =
        Leader::new(shared, rulebook, other.clock.clone(), crate::alerting::metrics::AlertMetrics::default(), MINUTE);
    other.filler = Filler::new(
        Arc::clone(&store) as Arc<dyn EventStore>,
        other.leader.taken_up(),
        other.clock.clone(),
        Arc::default(),
    );
    (store, other)
}

/// One turn of a collector. The events of which the sender is told that they are stored are taken away.
async fn turn(world: &mut World, events: &mut Vec<NewEvent>) -> Result<(), StoreError> {
    if !events.is_empty() {
        world.take(events.clone()).await?;
        events.clear();
    }
    world.judge().await?;
    while world.sender.round().await? {}
    Ok(())
}

/// What happens: at which second which events come.
fn script(world: &mut World) -> BTreeMap<i64, Vec<NewEvent>> {
    let mut script: BTreeMap<i64, Vec<NewEvent>> = BTreeMap::new();
    for (at, node) in [(0, "N1"), (1, "N1"), (2, "N2"), (3, "N1"), (3, "N2"), (4, "N2"), (200, "N1")] {
        let event = world.event(-at * SECOND, &json!({"event_data": {"node": node}}));
        script.entry(at).or_default().push(event);
    }
    script
}

/// Plays the script with a collector that dies after so many writes, and another one that goes on. Gives back the mails by
/// identifier, and whether it died.
async fn play(server: &MailServer, grouping: &str, writes: i64) -> (BTreeMap<String, Vec<(String, bool)>>, bool) {
    let routes = format!(
        "[[receivers]]\nname = \"ops\"\n[receivers.email]\nsmtp_server = \"127.0.0.1\"\nsmtp_port = {}\nuse_tls = false\n\
         sender = \"labtrail@lab.example\"\nemail_addresses = [\"ops@lab.example\"]\n{grouping}",
        server.port
    );
    let before = server.mails().len();
    let mut safe = World::new(RULES, &routes);
    let script = script(&mut safe);
    let (store, mut world) = mortal(&safe, writes, &routes);
    let mut is_dead = false;
    let seconds: Vec<i64> = (0..10).chain((10..560).step_by(5)).collect();
    for (place, second) in seconds.iter().copied().enumerate() {
        let mut events = script.get(&second).cloned().unwrap_or_default();
        let outlived = store.outlive(turn(&mut world, &mut events)).await;
        if let Some(result) = outlived {
            result.expect("a store that lives does not fail");
        } else {
            is_dead = true;
            world = safe.restarted(RULES, &routes);
            // Of what the sender was not told that it is stored, it sends all again.
            turn(&mut world, &mut events).await.expect("it lives");
        }
        let next = seconds.get(place + 1).copied().unwrap_or(second + 1);
        safe.clock.pass((next - second) * SECOND);
    }
    let mut mails: BTreeMap<String, Vec<(String, bool)>> = BTreeMap::new();
    for mail in server.mails().into_iter().skip(before) {
        let id = mail_header(&mail, "Message-ID").to_owned();
        let headers = mail["headers"].as_array().expect("headers");
        let is_repeat = headers.iter().any(|header| header[0] == "X-Labtrail-Repeat");
        mails.entry(id).or_default().push((mail_header(&mail, "Subject").to_owned(), is_repeat));
    }
    let waiting = safe.outbox().await.into_iter().filter(|row| !row.state.is_settled()).count();
    assert_eq!((waiting, safe.marks().await), (0, 0), "after {writes} writes");
    (mails, is_dead)
}

/// What was told of: the steps of alerts, however they were grouped.
async fn steps(server: &MailServer, grouping: &str, writes: i64) -> (Vec<String>, usize, bool) {
    let (mails, is_dead) = Box::pin(play(server, grouping, writes)).await;
    let mut repeats = 0;
    let mut told: Vec<String> = Vec::new();
    for (id, mails) in &mails {
        let (subject, _) = &mails[0];
        told.push(subject.clone());
        for (place, (again, is_repeat)) in mails.iter().enumerate() {
            assert_eq!((again, *is_repeat), (subject, place > 0), "after {writes} writes: {id} {mails:?}");
        }
        repeats += mails.len() - 1;
    }
    told.sort();
    (told, repeats, is_dead)
}

/// Tries every place; says how many there were, and how many mails came twice.
async fn everywhere(grouping: &str, told_at_least: usize) -> (i64, usize) {
    let server = MailServer::start(&[]);
    let (expected, repeats, is_dead) = steps(&server, grouping, i64::MAX).await;
    assert!(!is_dead && repeats == 0 && expected.len() >= told_at_least, "{expected:?}");
    let (mut repeated, mut writes) = (0, 0);
    loop {
        let (told, repeats, is_dead) = steps(&server, grouping, writes).await;
        if !is_dead {
            return (writes, repeated);
        }
        assert_eq!(told, expected, "after {writes} writes");
        assert!(repeats <= 1, "after {writes} writes");
        repeated += repeats;
        writes += 1;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crash_at_any_write_loses_nothing_and_what_comes_twice_is_marked() {
    assert_eq!(book(RULES, "").rules.rules().iter().filter(|rule| !rule.name().starts_with("madsci")).count(), 2);
    let (writes, repeated) = everywhere("", 6).await;
    assert!(writes > 50 && repeated > 0, "{writes} places were tried, and {repeated} mails came twice");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn so_it_is_where_notifications_wait_for_others() {
    let (writes, repeated) = everywhere("[grouping.ops]\ngroup_wait = \"20s\"\n", 2).await;
    assert!(writes > 50 && repeated > 0, "{writes} places were tried, and {repeated} mails came twice");
}
