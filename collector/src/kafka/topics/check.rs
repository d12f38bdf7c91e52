//! What is wrong with topics. Pure: their state goes in, findings come out.

use std::{collections::HashMap, fmt};

use labtrail_shared::{settings::ByteSize, table::table};

use super::{DAY_MILLIS, EVENTS_BYTES_MAX, EVENTS_DAYS, LETTERS_BYTES_MAX, LETTERS_DAYS, REPLICAS};

/// With less than this an outage of the store over a long weekend loses events.
const EVENTS_DAYS_MIN: u64 = 3;

/// What agents send at most, with key and headers and Kafka's own frame.
const EVENTS_BYTES_MIN: u64 = 1_000_000 + (16 << 10);

/// What a letter has beside the record in it.
const LETTER_BYTES: u64 = 16 << 10;

/// Clocks of instrument PCs are off by so much without anybody noticing.
const CLOCK_MILLIS: u64 = 365 * DAY_MILLIS;

/// A topic as it is.
#[derive(Debug, Clone, Default)]
pub(super) struct Topic {
    pub(super) partitions: Vec<PartitionState>,
    pub(super) settings: HashMap<String, String>,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct PartitionState {
    pub(super) is_led: bool,
    pub(super) replicas: usize,
    pub(super) in_sync: usize,
}

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// As it should be.
    Ok,
    /// Not as it should be, but nothing is lost by it alone.
    Warning,
    /// Data is or would be lost or refused.
    Error,
}

impl fmt::Display for Verdict {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Error => "error",
        })
    }
}

/// Something that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// How bad it is.
    pub verdict: Verdict,
    /// The topic.
    pub topic: String,
    /// What was looked at.
    pub subject: &'static str,
    /// How it is.
    pub is: String,
    /// What that means, and what to do.
    pub advice: String,
    /// The value that the setting of that name should have.
    pub should_be: Option<String>,
}

/// Both topics, each by its name and as it is, if it is there.
pub(super) fn findings(
    events: (&str, Option<&Topic>),
    letters: (&str, Option<&Topic>),
    brokers: usize,
) -> Vec<Finding> {
    let mut found = Vec::new();
    let events_bytes_max = events.1.and_then(|topic| topic.number("max.message.bytes"));
    let events_wanted = Wanted {
        is_events: true,
        days: EVENTS_DAYS,
        days_min: EVENTS_DAYS_MIN,
        bytes: EVENTS_BYTES_MAX.0,
        bytes_min: EVENTS_BYTES_MIN,
        bytes_reason: "agents send records of up to 1,000,000 bytes; larger ones are refused".to_owned(),
    };
    let letters_min = events_bytes_max.unwrap_or(EVENTS_BYTES_MIN) + LETTER_BYTES;
    let letters_wanted = Wanted {
        is_events: false,
        days: LETTERS_DAYS,
        days_min: EVENTS_DAYS_MIN,
        bytes: LETTERS_BYTES_MAX.0.max(2 * events_bytes_max.unwrap_or_default()),
        bytes_min: letters_min,
        bytes_reason: "a dead letter holds a whole record of the other topic and the reason; larger ones are refused"
            .to_owned(),
    };
    for ((name, topic), wanted) in [(events, events_wanted), (letters, letters_wanted)] {
        let mut examination = Examination { name, found: Vec::new() };
        match topic {
            Some(topic) => examination.examine(topic, &wanted, brokers),
            None => examination.add(
                Verdict::Error,
                "topic",
                "missing",
                "it is not there, or this login may not see it: run `labtrail-collector topics create`",
            ),
        }
        found.extend(examination.found);
    }
    found
}

/// What a topic should be like.
struct Wanted {
    is_events: bool,
    days: u64,
    days_min: u64,
    bytes: u64,
    bytes_min: u64,
    bytes_reason: String,
}

struct Examination<'a> {
    name: &'a str,
    found: Vec<Finding>,
}

impl Examination<'_> {
    fn examine(&mut self, topic: &Topic, wanted: &Wanted, brokers: usize) {
        self.partitions(topic, wanted);
        self.replicas(topic, brokers);
        self.retention(topic, wanted);
        self.sizes(topic, wanted);
        self.times(topic);
        self.other_settings(topic);
        if self.found.is_empty() {
            let (partitions, replicas) = (topic.partitions.len(), topic.replicas());
            let kept = topic.number("retention.ms").map_or_else(|| "for ever".to_owned(), period);
            let bytes = topic.number("max.message.bytes").map(|bytes| ByteSize(bytes).to_string());
            let is = format!("{partitions}x{replicas}");
            let advice = format!(
                "partitions {partitions}, replicas {replicas}, kept {kept}, records up to {}",
                bytes.unwrap_or_default()
            );
            self.add(Verdict::Ok, "topic", &is, &advice);
        }
    }

    fn partitions(&mut self, topic: &Topic, wanted: &Wanted) {
        let leaderless = topic.partitions.iter().filter(|partition| !partition.is_led).count();
        if leaderless > 0 {
            let advice = "these partitions have no leader and take nothing: bring the missing brokers back";
            self.add(Verdict::Error, "leaders", &format!("{leaderless}_missing"), advice);
        }
        let behind = topic.partitions.iter().filter(|partition| partition.in_sync < partition.replicas).count();
        if behind > 0 {
            let advice = "partitions with fewer replicas in sync than they have: is a broker down or slow?";
            self.add(Verdict::Warning, "in_sync", &format!("{behind}_behind"), advice);
        }
        if wanted.is_events && topic.partitions.len() == 1 {
            let advice = "one partition is read by one collector, others of its group are idle: kafka-topics.sh --alter \
                          --partitions 8 adds more";
            self.add(Verdict::Warning, "partitions", "1", advice);
        }
    }

    fn replicas(&mut self, topic: &Topic, brokers: usize) {
        let (replicas, in_sync) = (topic.replicas(), topic.number("min.insync.replicas"));
        if replicas == 1 && brokers > 1 {
            let advice = format!(
                "one replica among {brokers} brokers: events are lost with the disk of one broker; give each partition {} \
                 with kafka-reassign-partitions.sh",
                brokers.min(REPLICAS as usize)
            );
            self.add(Verdict::Warning, "replicas", "1", &advice);
        }
        let Some(in_sync) = in_sync else { return };
        let is = in_sync.to_string();
        if in_sync > replicas as u64 {
            let advice = format!("more than the {replicas} replicas there are: every record is refused");
            let should_be = if replicas >= 3 { 2 } else { 1 };
            self.setting(Verdict::Error, "min.insync.replicas", &is, &advice, &should_be.to_string());
        } else if replicas >= 3 && in_sync < 2 {
            let advice = "what is acknowledged may lie on one broker only, and be lost with it";
            self.setting(Verdict::Warning, "min.insync.replicas", &is, advice, "2");
        } else if replicas > 1 && in_sync == replicas as u64 {
            let advice = "nothing is accepted while any one broker is away";
            self.setting(Verdict::Warning, "min.insync.replicas", &is, advice, &(replicas - 1).to_string());
        }
        if topic.text("unclean.leader.election.enable") == Some("true") {
            let advice =
                "a replica that lags may become the leader, and what it lacks is lost though it was acknowledged";
            self.setting(Verdict::Error, "unclean.leader.election.enable", "true", advice, "false");
        }
    }

    fn retention(&mut self, topic: &Topic, wanted: &Wanted) {
        let whose = if wanted.is_events { "events that no collector has stored" } else { "dead letters" };
        let should_be = (wanted.days * DAY_MILLIS).to_string();
        // -1 means for ever, and is no number here.
        if let Some(millis) = topic.number("retention.ms").filter(|millis| *millis < wanted.days * DAY_MILLIS) {
            let is_short = millis < wanted.days_min * DAY_MILLIS;
            let verdict = if is_short { Verdict::Error } else { Verdict::Warning };
            let advice = format!("{whose} are removed after {}: keep them {} days", period(millis), wanted.days);
            self.setting(verdict, "retention.ms", &millis.to_string(), &advice, &should_be);
        }
        if let Some(bytes) = topic.number("retention.bytes") {
            let advice = format!(
                "{whose} are removed before their time when a partition holds more than {}: let the time alone decide",
                ByteSize(bytes)
            );
            self.setting(Verdict::Warning, "retention.bytes", &bytes.to_string(), &advice, "-1");
        }
        let policy = topic.text("cleanup.policy").unwrap_or("delete");
        if policy.contains("compact") {
            let advice =
                "of records with the same key all but the last are removed: every file's events have the same key";
            self.setting(Verdict::Error, "cleanup.policy", policy, advice, "delete");
        }
    }

    fn sizes(&mut self, topic: &Topic, wanted: &Wanted) {
        if let Some(bytes) = topic.number("max.message.bytes").filter(|bytes| *bytes < wanted.bytes_min) {
            let (is, should_be) = (bytes.to_string(), wanted.bytes.to_string());
            self.setting(Verdict::Error, "max.message.bytes", &is, &wanted.bytes_reason, &should_be);
        }
    }

    fn times(&mut self, topic: &Topic) {
        if topic.text("message.timestamp.type") != Some("CreateTime") {
            return;
        }
        let after = topic.number("message.timestamp.after.max.ms").filter(|millis| *millis < CLOCK_MILLIS);
        let before = topic.number("message.timestamp.before.max.ms").filter(|millis| *millis < CLOCK_MILLIS);
        let (verdict, advice) = match (after, before) {
            (Some(millis), _) => (
                Verdict::Error,
                format!("records of a machine whose clock is more than {} ahead are refused", period(millis)),
            ),
            (None, Some(millis)) => (
                Verdict::Error,
                format!("records of a machine whose clock is more than {} behind are refused", period(millis)),
            ),
            (None, None) => {
                let advice =
                    "retention goes by the clocks of the senders: a wrong one removes records too early or never";
                (Verdict::Warning, advice.to_owned())
            }
        };
        self.setting(verdict, "message.timestamp.type", "CreateTime", &advice, "LogAppendTime");
    }

    fn other_settings(&mut self, topic: &Topic) {
        let compression = topic.text("compression.type").unwrap_or("producer");
        if compression != "producer" {
            let advice =
                "brokers unpack and pack again what agents have packed already, which costs them processor time";
            self.setting(Verdict::Warning, "compression.type", compression, advice, "producer");
        }
    }

    fn setting(&mut self, verdict: Verdict, name: &'static str, is: &str, advice: &str, should_be: &str) {
        self.add(verdict, name, is, &format!("{advice}; set {name}={should_be}"));
        if let Some(finding) = self.found.last_mut() {
            finding.should_be = Some(should_be.to_owned());
        }
    }

    fn add(&mut self, verdict: Verdict, subject: &'static str, is: &str, advice: &str) {
        let (topic, is, advice) = (self.name.to_owned(), is.to_owned(), advice.to_owned());
        self.found.push(Finding { verdict, topic, subject, is, advice, should_be: None });
    }
}

impl Topic {
    fn text(&self, name: &str) -> Option<&str> {
        self.settings.get(name).map(String::as_str)
    }

    /// A setting that is a number; -1, which means that there is no limit, is none.
    fn number(&self, name: &str) -> Option<u64> {
        self.text(name)?.parse().ok()
    }

    fn replicas(&self) -> usize {
        self.partitions.iter().map(|partition| partition.replicas).min().unwrap_or_default()
    }
}

/// Findings as a table.
pub fn report(findings: &[Finding]) -> String {
    let mut rows = vec![["RESULT", "TOPIC", "SETTING", "IS", "WHAT_TO_DO"].map(str::to_owned).to_vec()];
    rows.extend(findings.iter().map(|finding| {
        let Finding { verdict, topic, subject, is, advice, should_be: _ } = finding;
        vec![verdict.to_string(), topic.clone(), (*subject).to_owned(), is.clone(), advice.clone()]
    }));
    table(&rows)
}

/// For each topic what `kafka-configs.sh --add-config` should be given.
pub fn settings_to_change(findings: &[Finding]) -> Vec<(String, String)> {
    let mut changes: Vec<(String, String)> = Vec::new();
    for finding in findings {
        let Some(should_be) = &finding.should_be else { continue };
        let change = format!("{}={should_be}", finding.subject);
        match changes.iter_mut().find(|(topic, _)| *topic == finding.topic) {
            Some((_, all)) => {
                all.push(',');
                all.push_str(&change);
            }
            None => changes.push((finding.topic.clone(), change)),
        }
    }
    changes
}

/// A length of time in its largest whole unit.
fn period(millis: u64) -> String {
    let units = [(DAY_MILLIS, "day"), (3_600_000, "hour"), (60_000, "minute"), (1000, "second")];
    let unit = units.into_iter().find(|(length, _)| millis >= *length && millis.is_multiple_of(*length));
    let (length, name) = unit.unwrap_or((1, "millisecond"));
    let count = millis / length;
    format!("{count} {name}{}", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests;
