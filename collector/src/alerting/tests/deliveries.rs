//! Mails through a real server: one that is away for hours, refuses, or is slow to say that it has them.

use std::{collections::BTreeMap, sync::Arc};

use labtrail_tests::services::{MailServer, mail_header};
use serde_json::{Value, json};

use super::world::{BEGIN, HOUR, MINUTE, SECOND, World};
use crate::{
    alert::outbox::{OutboxRow, RowState},
    alerting::{attend, rows, sender::LineContent},
    store::{Row, StoreError},
};

const EACH: &str = "[[rules]]\nname = \"a\"\ntrigger = \"each\"\ngroup_by = [\"event_data.node\"]\n";

const FALLBACK: &str = "fallback_receiver = \"log\"\n";

fn routes(port: u16, more: &str) -> String {
    format!(
        "{more}\n[[receivers]]\nname = \"ops\"\n[receivers.email]\nsmtp_server = \"127.0.0.1\"\nsmtp_port = {port}\n\
         use_tls = false\nsender = \"labtrail@lab.example\"\nemail_addresses = [\"ops@lab.example\"]\ntimeout = \"10s\"\n"
    )
}

impl World {
    /// Time passes, and what is to be sent is.
    async fn send_for(&mut self, micros: i64) {
        let until = self.clock.now() + micros;
        while self.clock.now() < until {
            self.judge().await.expect("it judges");
            self.send().await;
            self.clock.pass((20 * SECOND).min(until - self.clock.now()));
        }
        self.judge().await.expect("it judges");
        self.send().await;
    }

    /// All that is due is sent; no time passes.
    async fn send(&self) {
        while self.sender.round().await.expect("it sends") {}
    }

    async fn take_up_settings(&self) -> Result<(), StoreError> {
        let rulebook = Arc::clone(&self.sender.rulebook.borrow());
        self.sender.take_up_settings(&rulebook).await
    }

    /// A person asks for it.
    async fn retry(&self, row: &OutboxRow) {
        attend::retry(&*self.store, &row.key, self.clock.now()).await.expect("it was dead");
    }

    async fn line(&self) -> (Row, LineContent) {
        let row = self.store.row(rows::LINE, "ops").await.expect("a row").expect("it was sent to");
        let content = rows::read(rows::LINE, &row).expect("a line");
        (row, content)
    }

    /// What is for a receiver, but not what tells of its troubles.
    async fn for_ops(&self) -> Vec<OutboxRow> {
        self.outbox().await.into_iter().filter(|row| row.receiver == "ops").collect()
    }

    async fn states_for_ops(&self) -> Vec<(RowState, u32)> {
        self.for_ops().await.iter().map(|row| (row.state, row.attempts)).collect()
    }

    async fn states(&self) -> Vec<(RowState, u32)> {
        self.outbox().await.iter().map(|row| (row.state, row.attempts)).collect()
    }
}

fn subjects(mails: &[Value]) -> Vec<String> {
    mails.iter().map(|mail| mail_header(mail, "Subject").to_owned()).collect()
}

#[tokio::test]
async fn what_a_server_that_was_away_missed_comes_once_in_order_with_its_own_time() {
    let server = MailServer::start(&[]);
    let port = server.port;
    drop(server);
    let mut world = World::new(EACH, &routes(port, ""));
    for number in 0..24 {
        world.fails(&format!("N{number:02}")).await;
        world.send_for(5 * MINUTE).await;
        if number == 8 || number == 16 {
            world.crash(EACH, &routes(port, ""));
        }
    }
    let waiting = world.outbox().await;
    assert!(waiting.iter().all(|row| !row.state.is_settled()), "{:?}", world.states().await);
    let server = MailServer::start(&["--port", &port.to_string()]);
    world.send_for(2 * HOUR).await;
    let mails = server.mails();
    let fired: Vec<&Value> = mails.iter().filter(|mail| mail_header(mail, "Subject").starts_with("Alert")).collect();
    let expected: Vec<String> =
        (0..24).map(|number| format!("Alert (warning): a: event_data.node=N{number:02}")).collect();
    assert_eq!(subjects(&fired.iter().map(|mail| (*mail).clone()).collect::<Vec<_>>()), expected);
    for (number, mail) in fired.iter().enumerate() {
        let at = jiff::Timestamp::from_microsecond(BEGIN + number as i64 * 5 * MINUTE).expect("a time");
        let expected = at.strftime("%a, %d %b %Y %H:%M:%S +0000").to_string();
        assert_eq!(mail_header(mail, "Date"), expected);
    }
    let mut ids: BTreeMap<&str, usize> = BTreeMap::new();
    for mail in &mails {
        *ids.entry(mail_header(mail, "Message-ID")).or_default() += 1;
    }
    assert!(ids.values().all(|times| *times == 1), "{ids:?}");
    assert!(world.states().await.iter().all(|(state, _)| *state == RowState::Sent));
}

#[tokio::test]
async fn a_refusal_for_good_is_told_to_the_fallback_and_taken_up_when_it_was_mended() {
    let server = MailServer::start(&[]);
    server.behave(&json!({"refuse": [["ops@lab.example", "550", "5.1.1 no such user"]]}));
    let mut world = World::new(EACH, &routes(server.port, FALLBACK));
    world.fails("N1").await;
    world.send_for(MINUTE).await;
    let outbox = world.outbox().await;
    assert_eq!((outbox[0].state, outbox[0].attempts), (RowState::Dead, 1), "{:?}", outbox[0].log);
    let told = world.told().await;
    assert_eq!(told.len(), 2);
    assert!(told[1].starts_with("log: undelivered to ops: attempt 1 failed") && told[1].contains("5.1.1"), "{told:?}");
    assert_eq!(server.mails().len(), 0);
    // Somebody writes another address.
    let mended = routes(server.port, FALLBACK).replace("\"ops@lab.example\"", "\"team@lab.example\"");
    world.set_rules(EACH, &mended);
    world.take_up_settings().await.expect("it looks");
    world.send_for(MINUTE).await;
    assert_eq!(subjects(&server.mails()), ["Alert (warning): a: event_data.node=N1"]);
}

#[tokio::test]
async fn what_a_person_asks_for_is_tried_at_once_whoever_looks_meanwhile() {
    let server = MailServer::start(&["--login", "labtrail", "right"]);
    let mut world = World::new(EACH, &routes(server.port, ""));
    for node in ["N1", "N2"] {
        world.fails(node).await;
        world.judge().await.expect("it judges");
    }
    world.send().await;
    let dead = world.outbox().await.remove(0);
    assert_eq!((dead.state, dead.attempts), (RowState::Dead, 1), "{:?}", dead.log);
    for attempt in 2..40 {
        let asked = attend::retry(&*world.store, &dead.key, world.clock.now());
        let (asked, looked) = tokio::join!(asked, world.sender.round());
        asked.expect("it was dead");
        looked.expect("it sends");
        world.send().await;
        let tried = world.outbox().await.remove(0);
        assert_eq!((tried.state, tried.attempts), (RowState::Dead, attempt), "{:?}", tried.log);
    }
    // The others, for which nobody asked, are left alone for a while.
    assert_eq!(world.states().await[1], (RowState::Waiting, 0));
}

#[tokio::test]
async fn when_what_was_asked_for_gets_through_all_follows() {
    let server = MailServer::start(&[]);
    server.behave(&json!({"refuse": [["DATA", "550", "5.7.1 not today"]]}));
    let mut world = World::new(EACH, &routes(server.port, FALLBACK));
    world.fails("N1").await;
    world.send_for(SECOND).await;
    server.behave(&json!({"refuse": [["DATA", "451", "4.3.0 try later"]]}));
    for node in ["N2", "N3"] {
        world.fails(node).await;
        world.send_for(SECOND).await;
    }
    assert_eq!(world.states_for_ops().await, [(RowState::Dead, 1), (RowState::Waiting, 1), (RowState::Waiting, 0)]);
    server.behave(&json!({}));
    world.retry(&world.for_ops().await[0]).await;
    world.send().await;
    assert_eq!(world.states_for_ops().await, [(RowState::Sent, 2), (RowState::Sent, 2), (RowState::Sent, 1)]);
}

#[tokio::test]
async fn what_is_asked_for_in_vain_keeps_nobody_waiting() {
    let server = MailServer::start(&[]);
    server.behave(&json!({"refuse": [["DATA", "451", "4.3.0 try later"]]}));
    let mut world = World::new(EACH, &routes(server.port, FALLBACK));
    world.fails("N1").await;
    for _ in 0..80 {
        world.judge().await.expect("it judges");
        world.send().await;
        world.clock.pass(HOUR);
    }
    let old = world.for_ops().await.remove(0);
    assert_eq!(old.state, RowState::Dead, "{:?}", old.log);
    world.fails("N2").await;
    world.send_for(SECOND).await;
    let before = world.line().await.1.paused_until.expect("it is left alone");
    world.retry(&old).await;
    world.send().await;
    let tried = world.for_ops().await.remove(0);
    assert_eq!((tried.state, tried.attempts), (RowState::Waiting, old.attempts + 1), "{:?}", tried.log);
    assert!(world.line().await.1.paused_until.is_some_and(|until| until <= before), "others wait for longer");
}

#[tokio::test]
async fn what_is_asked_for_and_must_wait_for_another_costs_nothing() {
    let server = MailServer::start(&[]);
    server.behave(&json!({"refuse": [["DATA", "550", "5.7.1 not today"]]}));
    let mut world = World::new(EACH, &routes(server.port, FALLBACK));
    world.fails("N1").await;
    world.send_for(HOUR).await;
    let outbox = world.for_ops().await;
    assert_eq!(world.states_for_ops().await, [(RowState::Dead, 1), (RowState::Dead, 1)]);
    assert_eq!(outbox[1].after, [outbox[0].key.clone()], "the end is told after the begin");
    server.behave(&json!({"refuse": [["DATA", "451", "4.3.0 try later"]]}));
    for row in &outbox {
        world.retry(row).await;
    }
    world.send().await;
    assert_eq!(world.states_for_ops().await, [(RowState::Waiting, 2), (RowState::Waiting, 1)]);
    let before = world.line().await.0.version;
    for _ in 0..5 {
        world.send().await;
    }
    assert_eq!(world.line().await.0.version, before, "the line is left alone");
}

/// Receivers of a server that lets in who knows the password.
fn routes_with_password(port: u16, password: &str) -> String {
    routes(port, "") + &format!("smtp_username = \"labtrail\"\nsmtp_password = \"{password}\"\n")
}

#[tokio::test]
async fn what_failed_with_older_settings_is_taken_up_whoever_knew_the_newer_ones_first() {
    let server = MailServer::start(&["--login", "labtrail", "right"]);
    let (wrong, right) = (routes_with_password(server.port, "wrong"), routes_with_password(server.port, "right"));
    let mut world = World::new(EACH, &wrong);
    let other = world.restarted(EACH, &right);
    world.take_up_settings().await.expect("it looks");
    world.fails("N1").await;
    world.judge().await.expect("it judges");
    world.sender.round().await.expect("it sends");
    assert_eq!(world.states().await, [(RowState::Dead, 1)]);
    // One collector has read the newer file, the other tries once more with the older one before it has.
    other.take_up_settings().await.expect("it looks");
    world.sender.round().await.expect("it sends");
    assert_eq!(world.states().await, [(RowState::Dead, 2)]);
    world.set_rules(EACH, &right);
    world.take_up_settings().await.expect("it looks");
    world.sender.round().await.expect("it sends");
    assert_eq!(world.states().await, [(RowState::Sent, 3)]);
    // Another got through with the newer ones before this one reads them.
    world.set_rules(EACH, &wrong);
    world.take_up_settings().await.expect("it looks");
    other.take_up_settings().await.expect("it looks");
    world.fails("N20").await;
    world.judge().await.expect("it judges");
    world.sender.round().await.expect("it sends");
    world.clock.pass(10 * MINUTE);
    world.fails("N21").await;
    world.judge().await.expect("it judges");
    other.send().await;
    let states = world.states().await;
    assert!(states.contains(&(RowState::Dead, 1)) && states.contains(&(RowState::Sent, 1)), "{states:?}");
    world.set_rules(EACH, &right);
    world.take_up_settings().await.expect("it looks");
    world.send().await;
    let states = world.states().await;
    assert!(states.iter().all(|(state, _)| *state == RowState::Sent), "{states:?}");
    // And so it is when they are read in the middle of an attempt.
    for number in 2..20 {
        world.set_rules(EACH, &wrong);
        world.take_up_settings().await.expect("it looks");
        world.fails(&format!("N{number}")).await;
        world.judge().await.expect("it judges");
        let mended = async {
            for _ in 0..number {
                tokio::task::yield_now().await;
            }
            world.set_rules(EACH, &right);
            world.take_up_settings().await
        };
        let (sent, mended) = tokio::join!(world.sender.round(), mended);
        sent.expect("it sends");
        mended.expect("it looks");
        world.send().await;
        let states = world.states().await;
        assert!(states.iter().all(|(state, _)| *state == RowState::Sent), "{number}: {states:?}");
    }
}

#[tokio::test]
async fn one_that_always_fails_does_not_keep_the_others_waiting() {
    let server = MailServer::start(&[]);
    let rules = format!("{EACH}\nsubject = \"{{{{ alerts[0].group['event_data.node'] }}}}\"\n");
    let mut world = World::new(&rules, &routes(server.port, ""));
    server.behave(&json!({"refuse": [["DATA", "451", "4.3.0 try later"]]}));
    world.fails("poison").await;
    world.send_for(20 * MINUTE).await;
    let before = world.outbox().await;
    assert!(before[0].attempts >= 5 && before[0].state == RowState::Waiting, "{:?}", world.states().await);
    for node in ["N1", "N2"] {
        world.fails(node).await;
        world.send_for(SECOND).await;
    }
    server.behave(&json!({"refuse": [["DATA poison", "451", "4.3.0 try later"]]}));
    world.send_for(3 * HOUR).await;
    let subjects = subjects(&server.mails());
    assert!(subjects.contains(&"N1".to_owned()) && subjects.contains(&"N2".to_owned()), "{subjects:?}");
    assert!(!subjects.contains(&"poison".to_owned()), "{subjects:?}");
    let states = world.states().await;
    // That it is over is not told before that it began.
    let waiting = states.iter().filter(|(state, _)| *state == RowState::Waiting).count();
    assert_eq!((waiting, states.len()), (2, 5), "{states:?}");
}
