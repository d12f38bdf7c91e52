//! At scale: topics, a group of collectors, one database. Whatever is killed, repeated or thrown in, the database holds
//! each event once and each piece of poison is a dead letter.

mod crashes;
mod oracle;
mod poison;
mod replay;

use std::{
    collections::BTreeMap,
    env,
    path::Path,
    process::{Command, Output},
    time::Duration,
};

use labtrail_tests::{
    lab::{Api, binary, poll, wait_until},
    services::{
        Kafka, Mongod, NewRecord,
        bson::{Document, deserialize_from_document, doc},
    },
};
use rand::{Rng, SeedableRng, rngs::StdRng};
use serde_json::Value;

use self::oracle::{Oracle, Record};

const SEED_VARIABLE: &str = "LABTRAIL_SEED";

/// MongoDB's number for a disk that is full.
const DISK_FULL: i32 = 14_031;

/// The server answers at most 16 MiB at once.
const DOCUMENTS_AT_ONCE: i64 = 8000;

/// When nothing is stored for so long, nothing more will be: collectors pause for a second at most, and a group waits for a
/// member for six.
const QUIET_MAX: Duration = Duration::from_secs(40);

/// Of each kind of mistake so many events are shown.
const SHOWN_MAX: usize = 3;

/// Randomness that a run can be repeated with, but for what the system's scheduler adds.
pub(super) fn seeded() -> StdRng {
    let seed = env::var(SEED_VARIABLE).map_or_else(|_| rand::rng().next_u64(), |text| text.parse().expect("a number"));
    println!("{SEED_VARIABLE}={seed} repeats this run");
    StdRng::seed_from_u64(seed)
}

/// Topics and a database of their own.
struct Plant {
    name: &'static str,
    events: String,
    letters: String,
}

impl Plant {
    fn new(name: &'static str, partitions: usize) -> Self {
        let plant = Self { name, events: format!("{name}.events"), letters: format!("{name}.letters") };
        Kafka::shared().create_topic(&plant.events, partitions, &[]);
        Kafka::shared().create_topic(&plant.letters, 1, &[]);
        plant
    }

    /// The config of each collector of a group. More lines for `[kafka]` can follow. The database knows their connections by
    /// the plant's name.
    fn config(&self, group: &str) -> String {
        let (brokers, url, Self { name, events, letters }) = (Kafka::shared().brokers(), Mongod::shared().url(), self);
        format!(
            "[store]\nkind = \"mongodb\"\n[store.mongodb]\nurl = \"{url}&appName={name}\"\ndatabase = \"{name}\"\n\
             [kafka]\nbrokers = [\"{brokers}\"]\ntopic = \"{events}\"\ndead_letter_topic = \"{letters}\"\n\
             group = \"{group}\"\nsession_timeout = \"6s\"\nretry_pause_max = \"1s\"\n"
        )
    }

    /// Puts records into the topic of the events; answers partition and offset of each.
    fn produce(&self, records: &[Record]) -> Vec<(i32, i64)> {
        let new: Vec<NewRecord<'_>> = records.iter().map(Record::as_new).collect();
        Kafka::shared().produce_all(&self.events, &new)
    }

    fn command(&self, command: Document) -> Document {
        Mongod::shared().command(self.name, command)
    }

    /// How many events are stored, counted one by one: what the server knows without counting may for a moment hold
    /// inserts that it takes back.
    fn count(&self) -> u64 {
        let answer = self.command(doc! {"aggregate": "events", "pipeline": [{"$count": "n"}], "cursor": {}});
        let counted = answer.get_document("cursor").and_then(|cursor| cursor.get_array("firstBatch")).expect("a batch");
        // Of no documents there is no count.
        let count = counted.first().and_then(|first| first.as_document()?.get_i32("n").ok()).unwrap_or(0);
        u64::try_from(count).expect("a count")
    }

    /// From now on the database refuses every insert of this plant's collectors, as one does whose disk is full.
    fn refuse_inserts(&self) {
        let what = doc! {"failCommands": ["insert"], "errorCode": DISK_FULL, "appName": self.name};
        Mongod::shared().command("admin", doc! {"configureFailPoint": "failCommand", "mode": "alwaysOn", "data": what});
    }

    /// It takes them again.
    fn take_inserts() {
        Mongod::shared().command("admin", doc! {"configureFailPoint": "failCommand", "mode": "off"});
    }

    /// A hash over the whole collection, by the server: every byte of every document.
    fn hash(&self) -> String {
        let answer = self.command(doc! {"dbHash": 1, "collections": ["events"]});
        let hashes = answer.get_document("collections").expect("hashes of collections");
        hashes.get_str("events").expect("there are events").to_owned()
    }

    /// All documents, read past the collectors: MADSci's fields by their id, without what is ours.
    fn documents(&self) -> BTreeMap<String, Value> {
        let mut found = BTreeMap::new();
        let mut last = String::new();
        loop {
            let find = doc! {"find": "events", "filter": {"_id": {"$gt": &last}}, "sort": {"_id": 1},
            "limit": DOCUMENTS_AT_ONCE, "batchSize": DOCUMENTS_AT_ONCE, "singleBatch": true};
            let answer = self.command(find);
            let cursor = answer.get_document("cursor").expect("a cursor");
            let page = cursor.get_array("firstBatch").expect("a batch");
            if page.is_empty() {
                return found;
            }
            for document in page {
                let mut document = document.as_document().expect("a document").clone();
                document.remove("_labtrail").expect("what is ours");
                document.get_str("_id").expect("an id").clone_into(&mut last);
                let event = deserialize_from_document(document).expect("what is MADSci's has a form in JSON");
                found.insert(last.clone(), event);
            }
        }
    }

    /// Waits until so many events are stored, or until no more are: what is missing is then told event by event.
    /// False if no more come.
    fn wait_while_events_are_stored(&self, count: u64) -> bool {
        let mut last = self.count();
        while last < count {
            let Some(now) = poll(QUIET_MAX, || Some(self.count()).filter(|now| *now > last)) else { return false };
            last = now;
        }
        true
    }

    /// Asserts that exactly the oracle's events are stored, each as it was put into the topic.
    #[track_caller]
    fn assert_holds(&self, oracle: &Oracle) {
        let (stored, expected) = (self.documents(), oracle.events());
        let missing: Vec<_> =
            expected.iter().filter(|(id, _)| !stored.contains_key(*id)).map(|(_, event)| event).collect();
        let surplus: Vec<_> =
            stored.iter().filter(|(id, _)| !expected.contains_key(*id)).map(|(_, event)| event).collect();
        let other: Vec<_> = expected
            .iter()
            .filter_map(|(id, event)| stored.get(id).filter(|stored| *stored != event).map(|stored| (event, stored)))
            .collect();
        let (missing_first, surplus_first, other_first) = (beginning(&missing), beginning(&surplus), beginning(&other));
        assert!(
            missing.is_empty() && surplus.is_empty() && other.is_empty(),
            "of {} events {} are missing: {missing_first:#?}\n{} were never sent: {surplus_first:#?}\n\
             {} are stored otherwise than they were sent: {other_first:#?}",
            expected.len(),
            missing.len(),
            surplus.len(),
            other.len(),
        );
    }

    /// Waits until the group has committed all that lies in the topics.
    fn wait_until_committed(&self, group: &str) {
        wait_until("all offsets are committed", || {
            let is_committed = [&self.events, &self.letters].into_iter().all(|topic| {
                let ends = Kafka::shared().end_offsets(topic);
                let committed = Kafka::shared().committed_offsets(group, topic);
                ends.iter().zip(committed).all(|(end, committed)| *end == committed.unwrap_or(0))
            });
            is_committed.then_some(())
        });
    }

    /// Asserts that an audit with this config finds nothing wrong.
    #[track_caller]
    fn assert_audit_is_clean(config: &Path) {
        let audit = audit(config);
        assert_eq!(audit.status.code(), Some(0), "{}", told(&audit));
    }
}

/// `labtrail audit`.
fn audit(config: &Path) -> Output {
    labtrail(&["audit", "--config", config.to_str().expect("paths of tests are UTF-8")])
}

/// The `labtrail` program with these arguments.
fn labtrail(arguments: &[&str]) -> Output {
    Command::new(binary("labtrail")).args(arguments).output().expect("the program can be started")
}

/// What a program said.
fn told(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    format!("{}\n{}\n{}", output.status, text(&output.stdout), text(&output.stderr))
}

/// All dead letters, page by page.
#[track_caller]
fn dead_letters(api: &Api) -> Vec<Value> {
    let mut letters = Vec::new();
    let mut cursor: Option<String> = None;
    loop {
        let mut query = vec![("limit", "1000")];
        query.extend(cursor.as_deref().map(|cursor| ("cursor", cursor)));
        let page = api.get("/api/v1/dead-letters", &query).json();
        letters.extend(page["items"].as_array().expect("a page has items").iter().cloned());
        match page["next_cursor"].as_str() {
            Some(next) => cursor = Some(next.to_owned()),
            None => return letters,
        }
    }
}

/// The sum of a metric over its labels.
#[track_caller]
pub(super) fn metric(api: &Api, name: &str) -> u64 {
    let text = api.get("/metrics", &[]).text;
    let is_meant = |line: &&str| line.strip_prefix(name).is_some_and(|rest| rest.starts_with([' ', '{']));
    let values = text.lines().filter(is_meant).filter_map(|line| line.rsplit_once(' '));
    values.map(|(_, value)| value.parse::<u64>().expect("a count")).sum()
}

fn beginning<T>(list: &[T]) -> &[T] {
    &list[..list.len().min(SHOWN_MAX)]
}
