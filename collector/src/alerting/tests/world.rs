//! One collector's alerts, without what comes before and after them.

use std::{path::Path, sync::Arc};

use labtrail_shared::{
    event::{Defaults, Event},
    source::Source,
    telemetry::Metrics,
    timestamp::EventTimestamp,
};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::{Notify, watch};
use ulid::Ulid;

use labtrail_shared::shutdown::Tasks;

use crate::{
    alert::{outbox::OutboxRow, step::StepKind},
    alerting::{
        clock::Clock,
        config::AlertsConfig,
        filler::{Filler, Stepped},
        leader::{Leader, Round},
        marks::{MarkContent, Marker},
        metrics::AlertMetrics,
        rows,
        rulebook::{Rulebook, Sources},
        sender::Sender,
        stored_alert::{PastStep, StoredAlert},
    },
    store::{EventStore, Expect, NewEvent, SqliteStore, StoreConfig, StoreError},
};

pub(super) const SECOND: i64 = 1_000_000;
pub(super) const MINUTE: i64 = 60 * SECOND;
pub(super) const HOUR: i64 = 60 * MINUTE;
pub(super) const DAY: i64 = 24 * HOUR;

/// A Monday, 2026-03-02 08:00 UTC, at which the clock begins.
pub(super) const BEGIN: i64 = 1_772_438_400 * SECOND;

const HISTORY_KEEP: i64 = 90 * DAY;

/// A collector's alerts.
pub(super) struct World {
    pub(super) clock: Clock,
    pub(super) store: Arc<dyn EventStore>,
    pub(super) rulebook: watch::Sender<Arc<Rulebook>>,
    pub(super) leader: Leader,
    pub(super) filler: Filler,
    pub(super) sender: Sender,
    pub(super) marker: Marker,
    /// How far the pipeline is behind.
    pub(super) behind: i64,
    ids: u128,
    /// What is there as long as the store is.
    kept: Option<(TempDir, Tasks)>,
}

impl World {
    pub(super) fn new(rules: &str, routes: &str) -> Self {
        // No computer dies here, so that nothing has to wait for a disk.
        let folder = match Path::new("/dev/shm") {
            memory if memory.is_dir() => tempfile::tempdir_in(memory),
            _ => tempfile::tempdir(),
        };
        let folder = folder.expect("a folder");
        let mut tasks = Tasks::new();
        let path = folder.path().join("events.sqlite");
        let store = SqliteStore::open(&path, &StoreConfig::default(), &mut tasks, &Metrics::default());
        let store: Arc<dyn EventStore> = Arc::new(store.expect("the store can be opened"));
        let mut world = Self::on(store, Clock::set_by_hand(BEGIN), rules, routes);
        world.kept = Some((folder, tasks));
        world
    }

    /// Another collector on the same store, with the same clock.
    pub(super) fn on(store: Arc<dyn EventStore>, clock: Clock, rules: &str, routes: &str) -> Self {
        let (rulebook, seen) = watch::channel(Arc::new(book(rules, routes)));
        let metrics = AlertMetrics::default();
        let sender = Sender {
            store: Arc::clone(&store),
            rulebook: seen.clone(),
            clock: clock.clone(),
            metrics: metrics.clone(),
            owner: format!("collector-{}", Ulid::generate()),
            page_url: Some("http://lab-server:8001/".to_owned()),
        };
        let leader = Leader::new(Arc::clone(&store), seen.clone(), clock.clone(), metrics.clone(), HISTORY_KEEP);
        let wake = Arc::new(Notify::new());
        let filler = Filler::new(Arc::clone(&store), leader.taken_up(), clock.clone(), Arc::clone(&wake));
        let marker = Marker { rulebook: seen, store: Arc::clone(&store), wake, metrics };
        Self { clock, store, rulebook, leader, filler, sender, marker, behind: 0, ids: 1, kept: None }
    }

    /// Another collector takes the place of this one; only the store is left.
    pub(super) fn restarted(&self, rules: &str, routes: &str) -> Self {
        let mut other = Self::on(Arc::clone(&self.store), self.clock.clone(), rules, routes);
        other.ids = self.ids + 1_000_000;
        other
    }

    /// This collector is no more, and another one is in its place.
    pub(super) fn crash(&mut self, rules: &str, routes: &str) {
        let mut other = self.restarted(rules, routes);
        other.kept = self.kept.take();
        *self = other;
    }

    pub(super) fn set_rules(&self, rules: &str, routes: &str) {
        self.rulebook.send_replace(Arc::new(book(rules, routes)));
    }

    /// An event that happened so long ago.
    pub(super) fn event(&mut self, ago: i64, fields: &Value) -> NewEvent {
        self.ids += 1;
        let time = self.clock.now() - ago;
        let mut event = json!({
            "_id": Ulid((time as u128 / 1000) << 80 | self.ids).to_string(),
            "event_type": "node_error",
            "log_level": 40,
            "event_timestamp": EventTimestamp::from_utc_micros(time).to_string(),
            "event_data": {"message": format!("message {}", self.ids)},
        });
        for (name, value) in fields.as_object().expect("fields") {
            event[name] = value.clone();
        }
        let defaults = Defaults { now: EventTimestamp::from_utc_micros(time), source: Source::default() };
        let event = Event::from_json(&event, &defaults).expect("an event");
        NewEvent { hash: self.ids as u64, event, time, received: self.clock.now(), kafka: None }
    }

    /// Takes events as the hallway does.
    pub(super) async fn take(&self, events: Vec<NewEvent>) -> Result<(), StoreError> {
        let (events, marks) = self.marker.find(events).await;
        self.store.insert(events, Expect::New).await?;
        self.marker.write(marks).await
    }

    /// One event now.
    pub(super) async fn happens(&mut self, fields: &Value) {
        let event = self.event(0, fields);
        self.take(vec![event]).await.expect("it is stored");
    }

    /// An error of a node now.
    pub(super) async fn fails(&mut self, node: &str) {
        self.happens(&json!({"event_data": {"node": node, "message": format!("{node} failed")}})).await;
    }

    /// Judges all there is to judge, and looks for all that concerns new rules.
    pub(super) async fn judge(&mut self) -> Result<(), StoreError> {
        loop {
            while self.round().await?.is_full {}
            let mut has_found = false;
            let stepped = loop {
                match self.filler.step().await? {
                    Stepped::More => has_found = true,
                    stepped => break stepped,
                }
            };
            if stepped == Stepped::Nothing && !has_found {
                return Ok(());
            }
        }
    }

    /// One round of judging.
    pub(super) async fn round(&mut self) -> Result<Round, StoreError> {
        let now = self.clock.now();
        self.leader.round(now - self.behind, now + DAY).await
    }

    /// Time passes, second by second, and all that is to be done is done; nothing is sent.
    pub(super) async fn judge_for(&mut self, micros: i64) {
        let until = self.clock.now() + micros;
        self.judge().await.expect("it judges");
        while self.clock.now() < until {
            self.clock.pass(SECOND.min(until - self.clock.now()));
            self.judge().await.expect("it judges");
        }
    }

    /// What is in the outbox, in the order in which it was made.
    pub(super) async fn outbox(&self) -> Vec<OutboxRow> {
        let rows = rows::all(&*self.store, rows::OUTBOX, "").await.expect("rows");
        let mut outbox: Vec<OutboxRow> = rows.iter().filter_map(|row| rows::read(rows::OUTBOX, row)).collect();
        outbox.sort_by_key(|row| (row.created_at, row.sequence));
        outbox
    }

    /// What is told, by receiver: `ops: fired a/N1, fired a/N2`.
    pub(super) async fn told(&self) -> Vec<String> {
        let outbox = self.outbox().await;
        outbox.iter().map(|row| format!("{}: {}", row.receiver, words(row))).collect()
    }

    pub(super) async fn alerts(&self) -> Vec<StoredAlert> {
        rows::read_all(&*self.store, rows::ALERT, "").await.expect("rows")
    }

    pub(super) async fn history(&self) -> Vec<PastStep> {
        rows::read_all(&*self.store, rows::HISTORY, "").await.expect("rows")
    }

    /// How many marks there are that nobody judged.
    pub(super) async fn marks(&self) -> usize {
        let rows = rows::all(&*self.store, rows::MARK, "").await.expect("rows");
        rows.iter().filter_map(|row| rows::read::<MarkContent>(rows::MARK, row)).filter(|mark| !mark.done).count()
    }
}

fn words(row: &OutboxRow) -> String {
    match &row.payload {
        crate::alert::outbox::Payload::Alerts(notification) => {
            let step = |step: &crate::alert::step::AlertStep| {
                let group = step.alert.group.replace('"', "");
                let slash = if group.is_empty() { "" } else { "/" };
                let kind = match step.kind {
                    StepKind::Escalated(level) => format!("escalated {level}"),
                    kind => kind.name().to_owned(),
                };
                format!("{kind} {}{slash}{group}", step.alert.rule)
            };
            let mut words: Vec<String> = notification.steps.iter().map(step).collect();
            if notification.more > 0 {
                words.push(format!("and {} more", notification.more));
            }
            words.join(", ")
        }
        crate::alert::outbox::Payload::Undelivered(undelivered) => {
            format!("undelivered to {}: {}", undelivered.receiver, undelivered.reason)
        }
    }
}

/// A rulebook of a file of rules and one of receivers, without the rules that are always there.
pub(super) fn book(rules: &str, routes: &str) -> Rulebook {
    let sources = Sources {
        rule_files: vec![("rules.toml".to_owned(), rules.to_owned())],
        routes: Some(("receivers.toml".into(), routes.to_owned())),
        ..Sources::default()
    };
    let mut config = AlertsConfig::default();
    config.madsci.enabled = false;
    Rulebook::make(&sources, &config, None, 0).unwrap_or_else(|problems| panic!("{problems:?}"))
}
