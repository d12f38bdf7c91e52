//! Agents that put records into a topic by a seed, and the events that must come of them.
//!
//! What becomes of a record is worked out here anew, from the description of the form, and not with the code under test.
//! As agents do after a crash, these send records again: as they were, or cut at other places.

use std::collections::BTreeMap;

use labtrail_tests::services::NewRecord;
use rand::{Rng, RngExt, rngs::StdRng};
use serde_json::{Map, Value, json};

const SOURCES: usize = 24;
/// Of so many records one is a single event.
const SINGLES: u32 = 8;
/// Of so many records one is sent again as it was, and another begins with what was sent before.
const REPEATS: u32 = 10;
/// So many lines are remembered, to be sent again.
const REMEMBERED_MAX: usize = 60;

/// 2026-11-23: all times are on this day.
const DAY: &str = "2026-11-23";
const DAY_MICROS: i64 = 1_795_392_000_000_000;

const LEVELS: [Option<(u8, &str)>; 8] = [
    None,
    Some((10, "DEBUG")),
    Some((20, "INFO")),
    Some((20, "INFO")),
    Some((20, "I")),
    Some((30, "WARN")),
    Some((40, "ERROR")),
    Some((50, "FATAL")),
];
const WORDS: [&str; 10] =
    ["plate", "\"A1\"", "37.0 °C", "\\\\server\\share", "\t", "吸光度", "valve opened", "x=1", "\u{1}", "🧪"];

/// A record to be put into the topic.
#[derive(Debug, Clone)]
pub(super) struct Record {
    /// Agent and file.
    pub(super) key: Option<String>,
    /// What it holds; none is a tombstone.
    pub(super) value: Option<Vec<u8>>,
}

impl Record {
    pub(super) fn as_new(&self) -> NewRecord<'_> {
        let (key, value) = (self.key.as_deref().map(str::as_bytes), self.value.as_deref());
        NewRecord { key, value, ..NewRecord::default() }
    }
}

/// All agents, and what must be stored.
pub(super) struct Oracle {
    sources: Vec<Source>,
    events: BTreeMap<String, Value>,
    singles: u64,
}

/// A file that an agent follows.
#[derive(Clone)]
struct Source {
    agent: String,
    host: String,
    file: String,
    node: Option<String>,
    identity: (u64, u64),
    /// What is written behind its times.
    zone: (Option<i32>, &'static str),
    offset: u64,
    time: i64,
    lines: u64,
    sent: Vec<Line>,
}

#[derive(Clone)]
struct Line {
    offset: u64,
    time: i64,
    is_time_own: bool,
    level: Option<(u8, &'static str)>,
    message: String,
}

impl Oracle {
    pub(super) fn new(random: &mut StdRng) -> Self {
        let sources = (0..SOURCES).map(|number| Source::new(number, random)).collect();
        Self { sources, events: BTreeMap::new(), singles: 0 }
    }

    /// What must be stored, by id.
    pub(super) fn events(&self) -> &BTreeMap<String, Value> {
        &self.events
    }

    /// How many events must be stored.
    pub(super) fn count(&self) -> u64 {
        self.events.len() as u64
    }

    /// Records with new events, and some that come again, until there are so many events.
    pub(super) fn records_until(&mut self, count: u64, random: &mut StdRng) -> Vec<Record> {
        let mut records = Vec::new();
        while self.count() < count {
            let room = count - self.count();
            let record = if random.random_ratio(1, SINGLES) {
                self.single(random)
            } else {
                let lines = u64::min(random.random_range(1..80), room);
                let repeats_some = random.random_ratio(1, REPEATS);
                let (record, events) = self.batch(lines, repeats_some, random);
                self.expect(events);
                record
            };
            if random.random_ratio(1, REPEATS) {
                records.push(record.clone());
            }
            records.push(record);
        }
        records
    }

    /// These events must be stored.
    pub(super) fn expect(&mut self, events: Vec<Value>) {
        for event in events {
            let id = event["_id"].as_str().expect("an id").to_owned();
            assert!(self.events.insert(id, event).is_none(), "no id is given twice");
        }
    }

    /// A batch of so many new lines of some file, and their events. No other record has these lines.
    pub(super) fn only_batch(&mut self, lines: u64, random: &mut StdRng) -> (Record, Vec<Value>) {
        let index = random.random_range(0..self.sources.len());
        let source = &mut self.sources[index];
        let new: Vec<Line> = (0..lines).map(|_| source.next_line(random)).collect();
        // What is sent again is without gaps: a line behind a gap would inherit its time from the line before the gap.
        source.sent.clear();
        (source.record(&new, random), new.iter().map(|line| source.event(line)).collect())
    }

    /// A batch of so many new lines of some file, and their events. It may begin with lines that were sent before.
    fn batch(&mut self, lines: u64, repeats_some: bool, random: &mut StdRng) -> (Record, Vec<Value>) {
        let index = random.random_range(0..self.sources.len());
        let source = &mut self.sources[index];
        let new: Vec<Line> = (0..lines).map(|_| source.next_line(random)).collect();
        let events = new.iter().map(|line| source.event(line)).collect();
        let again = if repeats_some { random.random_range(0..=source.sent.len()) } else { 0 };
        let mut sent = source.sent.split_off(source.sent.len() - again);
        sent.extend(new);
        let record = source.record(&sent, random);
        let remembered_from = sent.len().saturating_sub(REMEMBERED_MAX);
        source.sent = sent.split_off(remembered_from);
        (record, events)
    }

    /// A record that is one whole event, which must be stored.
    fn single(&mut self, random: &mut StdRng) -> Record {
        self.singles += 1;
        let data = json!({"message": message(random), "run": self.singles, "values": [1.5, -2, null, {"wells": "A1"}]});
        self.single_of(&data, random)
    }

    /// A record that is one whole event with these data, which must be stored.
    pub(super) fn single_of(&mut self, data: &Value, random: &mut StdRng) -> Record {
        let event = whole_event(&any_id(random), data);
        self.expect(vec![event.clone()]);
        Record { key: None, value: Some(event.to_string().into_bytes()) }
    }
}

/// An event in which nothing is left out.
pub(super) fn whole_event(id: &str, data: &Value) -> Value {
    json!({
        "_id": id, "event_type": "log_info", "log_level": 20, "alert": false,
        "event_timestamp": format!("{DAY}T09:18:44.500000Z"), "source": {"node_id": "01ARZ3NDEKTSV4RRFFQ69G5FAV"},
        "event_data": data, "trace_id": null, "span_id": null, "archived": false, "archived_at": null,
    })
}

/// An id that no file makes: the times of these are later.
pub(super) fn any_id(random: &mut StdRng) -> String {
    let time = u128::from(DAY_MICROS.unsigned_abs() / 1000);
    ulid(time << 80 | u128::from(random.next_u64()))
}

impl Source {
    fn new(number: usize, random: &mut StdRng) -> Self {
        let agent = format!("pc-{:02}", number / 3);
        let zones = [(Some(0), "Z"), (Some(3600), "+01:00"), (Some(-16_200), "-04:30"), (None, "")];
        Self {
            host: format!("{agent}.lab"),
            agent,
            file: format!("/logs/instrument-{number:02}.log"),
            node: number.is_multiple_of(2).then(|| ulid(u128::from(random.next_u64()))),
            // Of one agent all files have the same birth, so that only the hash and the offset tell ids apart.
            identity: (1_700_000_000_000 + number as u64 / 3, random.next_u64() & 0xFF_FFFF_FFFF),
            zone: zones[number % zones.len()],
            offset: 0,
            time: 0,
            lines: 0,
            sent: Vec::new(),
        }
    }

    fn next_line(&mut self, random: &mut StdRng) -> Line {
        self.lines += 1;
        let is_time_own = self.lines == 1 || random.random_ratio(4, 5);
        if is_time_own {
            self.time += random.random_range(0..500_000);
        }
        let level = LEVELS[random.random_range(0..LEVELS.len())];
        let message = format!("{} line {} {}", self.file, self.lines, message(random));
        let line = Line { offset: self.offset, time: self.time, is_time_own, level, message };
        self.offset += line.message.len() as u64 + 1;
        line
    }

    fn record(&self, lines: &[Line], random: &mut StdRng) -> Record {
        let first = &lines[0];
        // Where the offsets of a batch are counted from is the agent's business.
        let mut offset = first.offset - random.random_range(0..=first.offset.min(100));
        let mut envelope = json!({
            "labtrail": 1, "agent": self.agent, "host": self.host, "file": self.file,
            "identity": {"birth_ms": self.identity.0, "hash": self.identity.1}, "offset": offset,
            "observed": DAY_MICROS + 86_399_000_000 + random.random_range(0..1_000_000), "labels": {"agent": self.agent},
        });
        let mut time = 0;
        if !first.is_time_own || random.random() {
            time = DAY_MICROS + first.time;
            envelope["time"] = time.into();
        }
        if let Some(seconds) = self.zone.0 {
            envelope["zone_offset"] = seconds.into();
        }
        if let Some(node) = &self.node {
            envelope["source"] = json!({"node_id": node});
        }
        let mut text = format!("{envelope}\n");
        for line in lines {
            let mut fields = Map::from_iter([("o".to_owned(), json!(line.offset - offset))]);
            offset = line.offset;
            if line.is_time_own {
                fields.insert("t".to_owned(), json!(DAY_MICROS + line.time - time));
                time = DAY_MICROS + line.time;
            }
            if let Some((level, word)) = line.level {
                fields.insert("l".to_owned(), json!(level));
                if word != level_name(level) {
                    fields.insert("v".to_owned(), json!(word));
                }
            }
            fields.insert("m".to_owned(), json!(line.message));
            text += &Value::Object(fields).to_string();
            text.push('\n');
        }
        Record { key: Some(format!("{}\0{}", self.agent, self.file)), value: Some(text.into_bytes()) }
    }

    fn event(&self, line: &Line) -> Value {
        let (birth, hash) = self.identity;
        let mut log = json!({"file": {"path": self.file}, "offset": line.offset});
        if let Some((_, word)) = line.level {
            log["level"] = word.into();
        }
        if !line.is_time_own {
            log["timestamp_source"] = "inherited".into();
        }
        let event_type = match line.level.map(|(level, _)| level) {
            None => "log".to_owned(),
            Some(level) => format!("log_{}", level_name(level).to_lowercase()),
        };
        json!({
            "_id": ulid(u128::from(birth) << 80 | u128::from(hash) << 40 | u128::from(line.offset)),
            "event_type": event_type,
            "log_level": line.level.map_or(20, |(level, _)| level),
            "alert": false,
            "event_timestamp": format!("{}{}", time_text(line.time), self.zone.1),
            "source": self.node.as_ref().map_or(json!({}), |node| json!({"node_id": node})),
            "event_data": {
                "message": line.message, "host": {"name": self.host}, "log": log, "labels": {"agent": self.agent},
            },
            "trace_id": null, "span_id": null, "archived": false, "archived_at": null,
        })
    }
}

fn level_name(level: u8) -> &'static str {
    match level {
        10 => "DEBUG",
        20 => "INFO",
        30 => "WARNING",
        40 => "ERROR",
        _ => "CRITICAL",
    }
}

fn time_text(micros: i64) -> String {
    let (seconds, fraction) = (micros / 1_000_000, micros % 1_000_000);
    assert!(seconds < 86_400, "all times are on one day");
    let fraction = if fraction == 0 { String::new() } else { format!(".{fraction:06}") };
    format!("{DAY}T{:02}:{:02}:{:02}{fraction}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

fn message(random: &mut StdRng) -> String {
    let words = (0..random.random_range(0..12)).map(|_| WORDS[random.random_range(0..WORDS.len())]);
    words.collect::<Vec<_>>().join(" ")
}

/// 128 bits as MADSci writes ids: Crockford's base 32.
fn ulid(bits: u128) -> String {
    const DIGITS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    (0..26).rev().map(|digit| char::from(DIGITS[(bits >> (5 * digit) & 31) as usize])).collect()
}
