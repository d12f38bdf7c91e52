//! Records that can never be stored, of every kind that we could think of, among many that can.

use std::collections::{BTreeMap, BTreeSet};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use labtrail_tests::{
    lab::{Lab, wait_until},
    services::{Kafka, bson::doc},
};
use rand::{RngExt, rngs::StdRng, seq::SliceRandom};
use serde_json::{Value, json};

use super::{
    Plant, dead_letters, labtrail,
    oracle::{Oracle, Record, any_id, whole_event},
    seeded, told,
};

/// What one batch may hold in this test.
const BATCH_EVENTS_MAX: u64 = 200;

const BOUND: &str = "[http]\nbatch_events_max = 200\n";

/// A record that is poison, and the letter that must come of it.
struct Poison {
    reason: &'static str,
    record: Record,
    /// The letter holds the whole record verbatim; but of an event that was understood, that event.
    event: Option<Value>,
}

#[test]
fn poison_of_every_kind_is_kept_verbatim_and_all_else_is_stored() {
    check("poisoned", 15_000, 10);
}

/// The same at length:
/// `cargo test --release -p labtrail-tests --test e2e -- --ignored --nocapture a_thousand_poison_records`
#[test]
#[ignore = "takes a minute or two"]
fn a_thousand_poison_records_among_a_hundred_thousand_are_kept_verbatim() {
    check("poisoned-long", 100_000, 1000_usize.div_ceil(KINDS));
}

fn check(name: &'static str, events: u64, of_each_kind: usize) {
    let mut random = seeded();
    let (plant, lab) = (Plant::new(name, 4), Lab::new());
    let mut oracle = Oracle::new(&mut random);
    // The owner of the database wants it so: an event may be refused by his index.
    let index = doc! {"key": {"event_data.serial": 1}, "name": "serial", "unique": true,
    "partialFilterExpression": {"event_data.serial": {"$exists": true}}};
    plant.command(doc! {"createIndexes": "events", "indexes": [index]});
    let config = format!("{BOUND}{}", plant.config(name));
    let mut collector = lab.collector_with(&config);

    // First what the poison will be in conflict with.
    let serials: Vec<String> = (0..of_each_kind).map(|number| format!("S-{number}")).collect();
    let mut records: Vec<Record> =
        serials.iter().map(|serial| oracle.single_of(&json!({"serial": serial}), &mut random)).collect();
    records.extend(oracle.records_until(events / 2, &mut random));
    plant.produce(&records);
    plant.wait_while_events_are_stored(oracle.count());
    plant.wait_until_committed(name);

    let taken: Vec<String> = oracle.events().keys().take(of_each_kind).cloned().collect();
    let mut long = Vec::new();
    let mut poison: Vec<Poison> = Vec::new();
    for number in 0..of_each_kind {
        let (record, lines) = oracle.only_batch(BATCH_EVENTS_MAX + 1, &mut random);
        long.extend(lines);
        poison.push(Poison { reason: "too_many_events", record, event: None });
        poison.extend(bad_events(&taken[number], &serials[number], &mut random));
        poison.extend(bad_batches(&mut oracle, &mut random));
        poison.extend(bad_records(number));
    }
    assert_eq!(poison.len(), of_each_kind * KINDS);
    let mut records = oracle.records_until(events, &mut random);
    let good = records.len();
    records.extend(poison.iter().map(|poison| poison.record.clone()));
    let mut order: Vec<usize> = (0..records.len()).collect();
    order.shuffle(&mut random);
    let shuffled: Vec<Record> = order.iter().map(|index| records[*index].clone()).collect();
    let written = plant.produce(&shuffled);
    let places: BTreeMap<(i64, i64), &Poison> = order
        .iter()
        .zip(written)
        .filter(|(index, _)| **index >= good)
        .map(|(index, (partition, offset))| ((i64::from(partition), offset), &poison[index - good]))
        .collect();

    plant.wait_while_events_are_stored(oracle.count());
    plant.wait_until_committed(name);
    // Letters go through their topic, and are stored when they are read from there.
    wait_until("all letters are stored", || (dead_letters(&collector).len() >= poison.len()).then_some(()));
    plant.wait_until_committed(name);
    plant.assert_holds(&oracle);
    let letters = dead_letters(&collector);
    assert_told_once(&letters, &places, &plant);
    assert_in_topic(&places, &plant);
    Plant::assert_audit_is_clean(collector.config_file());

    // Once the limit is higher, what it refused can be taken; the rest stays what it is.
    let url = collector.url();
    let one = letters.iter().find(|letter| letter["reason"] == "not_json").expect("there is one")["seq"].to_string();
    let again = labtrail(&["dead-letter", "replay", "--to", &url, &one]);
    assert!(!again.status.success() && told(&again).contains("not_json"), "{}", told(&again));
    collector.stop();
    collector.set_config(&plant.config(name));
    collector.start();
    collector.wait_until_ready();
    let again = labtrail(&["dead-letter", "replay", "--to", &url, "--all", "--reason", "too_many_events"]);
    assert_eq!(again.status.code(), Some(0), "{}", told(&again));
    oracle.expect(long);
    plant.assert_holds(&oracle);
    let gone = labtrail(&["dead-letter", "discard", "--to", &url, "--all", "--reason", "not_json", "--yes"]);
    assert_eq!(gone.status.code(), Some(0), "{}", told(&gone));
    let left = dead_letters(&collector);
    let is_left = |letter: &&Value| letter["reason"] != "too_many_events" && letter["reason"] != "not_json";
    assert_eq!(left, letters.iter().filter(is_left).cloned().collect::<Vec<_>>());
    // Their topic still says what became of them.
    Plant::assert_audit_is_clean(collector.config_file());
}

/// Each poison record has one letter, with its reason, its place and its bytes.
#[track_caller]
fn assert_told_once(letters: &[Value], places: &BTreeMap<(i64, i64), &Poison>, plant: &Plant) {
    let mut told = BTreeSet::new();
    for letter in letters {
        let origin = &letter["origin"];
        let place = (origin["partition"].as_i64().expect("{letter}"), origin["offset"].as_i64().expect("{letter}"));
        let poison = places.get(&place).unwrap_or_else(|| panic!("no poison lies there: {letter}"));
        assert!(told.insert(place), "told twice: {letter}");
        assert_eq!((&origin["door"], &origin["topic"]), (&json!("kafka"), &json!(plant.events)), "{letter}");
        assert_eq!(letter["reason"], poison.reason, "{letter}");
        assert_eq!(letter["times"], 1, "{letter}");
        assert_ne!(letter["detail"], "", "{letter}");
        let bytes = STANDARD.decode(letter["bytes"].as_str().expect("bytes")).expect("base 64");
        poison.assert_kept(&bytes);
    }
    assert_eq!(told.len(), places.len());
}

/// The dead-letter topic holds the same.
#[track_caller]
fn assert_in_topic(places: &BTreeMap<(i64, i64), &Poison>, plant: &Plant) {
    let records = Kafka::shared().read_all(&plant.letters);
    let mut told = BTreeSet::new();
    for record in records {
        let number = |name| record.header(name).and_then(|text| text.parse::<i64>().ok()).expect("a number");
        let place = (number("labtrail-partition"), number("labtrail-offset"));
        let poison = places.get(&place).unwrap_or_else(|| panic!("no poison lies at {place:?}"));
        assert!(told.insert(place), "told twice: {place:?}");
        assert_eq!(record.header("labtrail-topic"), Some(plant.events.as_str()));
        assert_eq!(record.header("labtrail-reason"), Some(poison.reason));
        poison.assert_kept(&record.value);
    }
    assert_eq!(told.len(), places.len());
}

impl Poison {
    fn raw(reason: &'static str, value: impl Into<Vec<u8>>) -> Self {
        Self { reason, record: Record { key: None, value: Some(value.into()) }, event: None }
    }

    #[track_caller]
    fn assert_kept(&self, bytes: &[u8]) {
        if let Some(event) = &self.event {
            assert_eq!(&serde_json::from_slice::<Value>(bytes).expect("an event"), event);
            return;
        }
        let value = self.record.value.as_deref().unwrap_or_default();
        assert!(bytes == value, "{}: {:?}", self.reason, String::from_utf8_lossy(bytes));
    }
}

/// One of each: [`bad_records`], [`bad_batches`], [`bad_events`], and a batch that is too long.
const KINDS: usize = 14 + 5 + 2 + 1;

/// What is no event and no batch.
fn bad_records(number: usize) -> Vec<Poison> {
    let tombstone =
        Poison { reason: "empty", record: Record { key: Some("gone".to_owned()), value: None }, event: None };
    let with = |text: &str| format!("{text}{number}").into_bytes();
    vec![
        tombstone,
        Poison::raw("empty", ""),
        Poison::raw("not_utf8", [b"\xFF\xFE\0p\0l\0a\0t\0e\0".to_vec(), with("")].concat()),
        Poison::raw("not_utf8", [b"{\"event_data\": {\"message\": \"37 \xB0C\"}}".to_vec(), with(" ")].concat()),
        Poison::raw("not_json", with("2026-11-23 09:18:44 ERROR door open \0\u{1b}[31m ")),
        Poison::raw("not_json", with("{\"event_data\": {\"message\": \"cut ")),
        Poison::raw("not_json", with("{} ")),
        Poison::raw("not_json", "[".repeat(10_000 + number)),
        Poison::raw("not_json", with("{\"event_data\": \"\\ud800\", \"half a character\": ")),
        Poison::raw("not_an_event", with("")),
        Poison::raw("not_an_event", format!("[{{\"event_data\": {number}}}]")),
        Poison::raw("not_an_event", format!("{{\"event_type\": \"no_such_type_{number}\"}}")),
        Poison::raw("not_an_event", format!("{{\"event_timestamp\": \"tomorrow {number}\", \"log_level\": 7}}")),
        Poison::raw("unknown_version", format!("{{\"labtrail\":{}}}\n{{\"o\":0,\"m\":\"new\"}}\n", number + 3)),
    ]
}

/// Batches of which all, or what stands behind the good lines, cannot be read.
fn bad_batches(oracle: &mut Oracle, random: &mut StdRng) -> Vec<Poison> {
    let behind = [
        (&b"what is this?\n{\"o\":3,\"m\":\"lost with it\"}\n"[..], "unreadable_line"),
        (b"{\"o\":3,\"l\":7,\"m\":\"no such level\"}\n", "unreadable_line"),
        (b"{\"o\":3,\"m\":\"37 \xB0C\"}\n", "unreadable_line"),
    ];
    let mut poison: Vec<Poison> = behind
        .into_iter()
        .map(|(bytes, reason)| {
            let (mut record, events) = oracle.only_batch(random.random_range(1..20), random);
            oracle.expect(events);
            record.value.as_mut().expect("a batch").extend_from_slice(bytes);
            Poison { reason, record, event: None }
        })
        .collect();
    let number: u32 = random.random();
    poison
        .push(Poison::raw("bad_envelope", format!("{{\"labtrail\":1,\"agent\":{number}}}\n{{\"o\":0,\"m\":\"x\"}}\n")));
    poison.push(Poison::raw("bad_envelope", format!("{{\"labtrail\": \"{number}")));
    poison
}

/// Events that can be read and not be stored.
fn bad_events(taken_id: &str, taken_serial: &str, random: &mut StdRng) -> Vec<Poison> {
    let conflict = whole_event(taken_id, &json!({"message": "another event of the same id", "number": 1.25}));
    let refused = whole_event(&any_id(random), &json!({"serial": taken_serial, "message": "the index refuses it"}));
    let poison = |reason, event: Value| Poison {
        reason,
        record: Record { key: None, value: Some(event.to_string().into_bytes()) },
        event: Some(event),
    };
    vec![poison("id_conflict", conflict), poison("unstorable", refused)]
}
