//! The hallway of the agent: every source's records are parsed here and packed into batches.

mod transforming;

use std::{
    collections::BTreeMap,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use labtrail_shared::{
    event_id::{self, FileIdentity},
    record_hash,
    source::Source,
    wire::{self, BatchEncoder, Envelope, RecordBody, WireRecord},
};
use serde_json::{Map, Value, json};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tracing::warn;

pub(crate) use self::transforming::Transforming;
use crate::{
    delivery::{Batch, Ledger, Mark, Receipt, StreamId},
    frame::{Aside, AsideKind, Record},
    parse::{Body, ClockChanges, Findings, LastTime, ParseContext, RecordParser, Tags},
    status::{Counters, Reason},
};

/// One permit of room stands for so many bytes, because a semaphore counts at most 2^32 permits.
const BYTES_PER_PERMIT: usize = 1024;

/// What an event has beside its record and what it shares with others: the names of its fields, its id and its times.
const EVENT_BYTES: usize = 400;

/// When a batch is full.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BatchLimits {
    pub bytes_max: usize,
    pub records_max: u32,
}

/// What the records of one section share, from the config.
#[derive(Debug)]
pub(crate) struct Origin {
    /// The IANA zone of times without an offset.
    pub zone: Option<String>,
    pub labels: Arc<BTreeMap<String, String>>,
    pub source: Option<Source>,
    /// The socket it came in by; absent for files.
    pub input: Option<Arc<str>>,
}

/// What is done with the records of one section.
#[derive(Debug)]
pub(crate) struct Treatment {
    pub parser: RecordParser,
    pub clock_changes: ClockChanges,
    pub transforms: Transforming,
}

/// What the records of one stream share.
#[derive(Debug, Clone, Copy)]
pub(crate) struct StreamFacts<'a> {
    pub stream: StreamId,
    /// The file; empty for what came by a socket.
    pub path: &'a Path,
    pub identity: FileIdentity,
    pub origin: &'a Origin,
    /// Labels of the section and from the path.
    pub labels: &'a Arc<BTreeMap<String, String>>,
    /// What the header of the file says.
    pub header: &'a Arc<Map<String, Value>>,
}

/// Where a record stands.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place<'a> {
    /// Its byte offset in the file, or its number in the stream of a socket.
    pub offset: u64,
    /// What tells it from the other records of its file, where the offset does not.
    pub number: Option<u64>,
    /// Who sent it over the network.
    pub address: Option<&'a str>,
}

impl Place<'_> {
    /// The place of a record in a file that grows.
    pub(crate) fn at(offset: u64) -> Self {
        Self { offset, number: None, address: None }
    }
}

/// Packs records into batches and queues these for the transport.
#[derive(Debug)]
pub(crate) struct Intake {
    agent: String,
    host: String,
    host_facts: Arc<Map<String, Value>>,
    limits: BatchLimits,
    queue: mpsc::Sender<Batch>,
    room: Arc<Semaphore>,
    /// All of it.
    room_permits: u32,
    counters: Counters,
    has_warned_of_dates: AtomicBool,
}

/// A batch that takes records.
#[derive(Debug)]
pub(crate) struct OpenBatch {
    encoder: BatchEncoder,
    body: Vec<u8>,
    file: String,
    findings: Findings<'static>,
    /// What all its records share, which each of them holds once it is a whole event.
    shared_bytes: usize,
    /// Its share of what may be under way; what goes to the spool first has none yet.
    room: Option<OwnedSemaphorePermit>,
}

/// A batch that takes no more records.
#[derive(Debug)]
pub(crate) struct ClosedBatch {
    pub body: Vec<u8>,
    pub count: u32,
}

impl Intake {
    /// An intake that queues into `queue`, as long as `room_bytes` are not under way.
    pub(crate) fn new(
        (agent, host, host_facts): (String, String, Arc<Map<String, Value>>),
        limits: BatchLimits,
        queue: mpsc::Sender<Batch>,
        room_bytes: usize,
        counters: Counters,
    ) -> Self {
        // One batch must always fit, or nothing would ever move.
        let room_permits = permits(room_bytes.max(limits.bytes_max));
        let room = Arc::new(Semaphore::new(room_permits as usize));
        Self {
            agent,
            host,
            host_facts,
            limits,
            queue,
            room,
            room_permits,
            counters,
            has_warned_of_dates: AtomicBool::new(false),
        }
    }

    /// The id of this agent.
    pub(crate) fn agent(&self) -> &str {
        &self.agent
    }

    /// The most batches that can be under way at once: the bound of their queue.
    pub(crate) fn batches_max(room_bytes: usize) -> usize {
        room_bytes.div_ceil(BYTES_PER_PERMIT).max(1024)
    }

    /// Begins a batch of this stream behind `mark`; `None` while there is no room.
    /// `bytes_expected` is what will be put into it, about.
    pub(crate) fn begin(
        &self,
        facts: &StreamFacts<'_>,
        mark: &Mark,
        now_utc_micros: i64,
        bytes_expected: usize,
    ) -> Option<OpenBatch> {
        let room = Arc::clone(&self.room).try_acquire_many_owned(permits(self.limits.bytes_max)).ok()?;
        let mut batch = self.begin_without_room(facts, mark, now_utc_micros, bytes_expected);
        batch.room = Some(room);
        Some(batch)
    }

    /// Begins a batch that goes to the spool first.
    pub(crate) fn begin_without_room(
        &self,
        facts: &StreamFacts<'_>,
        mark: &Mark,
        now_utc_micros: i64,
        bytes_expected: usize,
    ) -> OpenBatch {
        let envelope = Envelope {
            version: wire::VERSION,
            agent: self.agent.clone(),
            host: self.host.clone(),
            host_facts: Arc::clone(&self.host_facts),
            file: facts.path.to_string_lossy().into_owned(),
            identity: facts.identity,
            offset: mark.offset,
            time: mark.last.map(|last| last.civil_micros),
            zone_offset: mark.last.and_then(|last| last.offset_seconds),
            zone: facts.origin.zone.clone(),
            observed: now_utc_micros,
            labels: Arc::clone(facts.labels),
            fields: Arc::clone(facts.header),
            input: facts.origin.input.clone(),
            source: facts.origin.source.clone(),
        };
        let mut body =
            Vec::with_capacity((bytes_expected + bytes_expected / 4 + 512).min(self.limits.bytes_max + 4096));
        let encoder = BatchEncoder::begin(&envelope, &mut body);
        let shared_bytes = body.len();
        OpenBatch { encoder, body, file: envelope.file, findings: Findings::default(), shared_bytes, room: None }
    }

    /// Adds a record. `last` is what the records before it left behind.
    pub(crate) fn push(
        &self,
        batch: &mut OpenBatch,
        treatment: &Treatment,
        context: &ParseContext<'_>,
        record: &Record<'_>,
        place: Place<'_>,
        last: &mut Option<LastTime>,
    ) {
        let text = record.text.as_ref();
        let mut findings = std::mem::take(&mut batch.findings).recycled();
        treatment.parser.parse(context, text, &mut findings);
        let is_whole = record.cut_from.is_none() && record.invalid_sequences == 0 && !record.is_partial;
        // The hash is that of the bytes, which the text need not be.
        let is_raw = text.as_bytes() == record.raw;
        let (body, is_body_raw) = match findings.body {
            Body::Json { message_key } if is_whole => (RecordBody::Json { object: text.trim(), message_key }, false),
            Body::MadsciEvent if is_whole => (RecordBody::MadsciEvent(text.trim()), true),
            _ => match &findings.message {
                Some(message) => (RecordBody::Text(message), false),
                None => (RecordBody::Text(text), is_raw),
            },
        };
        let mut tags = [""; TAGS_MAX];
        let tags = tags_of(record, &findings, &mut tags);
        let wire = WireRecord {
            time: findings.time.map(|time| (time.civil_micros, time.offset_seconds)),
            level: findings.level.map(|level| (level.level, level.text)),
            body,
            raw_hash: (!is_body_raw).then(|| record_hash::of_raw_record(record.raw)),
            is_partial: record.is_partial,
            cut_from: record.cut_from,
            invalid_sequences: record.invalid_sequences,
            fields: if matches!(body, RecordBody::Text(_)) { &findings.fields } else { "" },
            tags,
            number: place.number,
            address: place.address,
            ..WireRecord::of_text(place.offset, "")
        };
        batch.encoder.push(&wire, &mut batch.body);
        *last = findings.last_time(*last);
        self.count_findings(record, &findings);
        batch.findings = findings.recycled();
    }

    fn count_findings(&self, record: &Record<'_>, findings: &Findings<'_>) {
        if findings.is_date_ambiguous {
            self.counters.ambiguous_dates.inc();
            if !self.has_warned_of_dates.swap(true, Ordering::Relaxed) {
                warn!(
                    record = %record.text.chars().take(60).collect::<String>(),
                    "this date is not read, as it may begin with the day or the month: say which with date_order (--date-order)"
                );
            }
        }
        if record.invalid_sequences > 0 {
            self.counters.invalid_sequences.inc_by(u64::from(record.invalid_sequences));
        }
        if record.cut_from.is_some() {
            self.counters.truncated_lines.inc();
        }
        if record.nuls > 0 {
            self.counters.lines_aside.get_or_create(&Reason { reason: "nul" }).inc_by(u64::from(record.nuls));
        }
        if findings.tags.contains(Tags::PARSE_FAILURE) {
            self.counters.parse_failures.inc();
        }
    }

    /// Counts what makes no record.
    pub(crate) fn count_aside(&self, aside: &Aside<'_>) {
        let reason = match aside.kind {
            AsideKind::Blank => {
                self.counters.blank_lines.inc_by(u64::from(aside.lines));
                return;
            }
            AsideKind::Header => "header",
            AsideKind::Columns => "columns",
            AsideKind::Preamble => "preamble",
            AsideKind::Separator => "separator",
            AsideKind::Skipped => "skipped",
            AsideKind::Nul => "nul",
        };
        self.counters.lines_aside.get_or_create(&Reason { reason }).inc_by(u64::from(aside.lines.max(1)));
    }

    /// Counts a record that was sent before, of a file that is written anew as a whole.
    pub(crate) fn count_known(&self) {
        self.counters.records_known.inc();
    }

    /// Whether the batch is to be closed. Transforms make whole events of its records: it is closed while these still fit.
    pub(crate) fn is_full(&self, batch: &OpenBatch, treatment: &Treatment) -> bool {
        let count = batch.encoder.count();
        let more = if treatment.transforms.is_empty() { 0 } else { EVENT_BYTES + batch.shared_bytes };
        batch.body.len() + count as usize * more >= self.limits.bytes_max || count >= self.limits.records_max
    }

    /// Closes a batch and does what the section wants done with its events. `None`: nothing is left of it.
    pub(crate) fn finish(&self, batch: &mut OpenBatch, treatment: &Treatment, stream: StreamId) -> Option<ClosedBatch> {
        self.finish_body((std::mem::take(&mut batch.body), batch.encoder.count()), treatment, stream)
    }

    /// The same for a batch that was packed elsewhere.
    pub(crate) fn finish_body(
        &self,
        (body, count): (Vec<u8>, u32),
        treatment: &Treatment,
        stream: StreamId,
    ) -> Option<ClosedBatch> {
        self.counters.records_read.inc_by(u64::from(count));
        let closed = treatment.transforms.apply(ClosedBatch { body, count }, stream);
        (closed.count > 0).then_some(closed)
    }

    /// Closes a batch that reaches up to `mark` and queues it. An empty one is dropped.
    pub(crate) fn close(
        &self,
        mut batch: OpenBatch,
        treatment: &Treatment,
        ledger: &Ledger,
        (stream, mark): (StreamId, Mark),
    ) {
        let Some(closed) = self.finish(&mut batch, treatment, stream) else { return };
        let room = batch.room.take().expect("a batch that is queued was begun with room");
        self.queue(closed, batch.file, room, ledger.enter(stream, mark));
    }

    /// Queues a batch that waited in the spool; gives it back while there is no room.
    pub(crate) fn queue_spooled(
        &self,
        closed: ClosedBatch,
        input: &str,
        ledger: &Ledger,
        (stream, mark): (StreamId, Mark),
    ) -> Result<(), ClosedBatch> {
        // One that is larger than all room goes alone.
        let needed = permits(closed.body.len().max(self.limits.bytes_max)).min(self.room_permits);
        let Ok(room) = Arc::clone(&self.room).try_acquire_many_owned(needed) else { return Err(closed) };
        self.queue(closed, input.to_owned(), room, ledger.enter(stream, mark));
        Ok(())
    }

    /// Queues a batch as it is.
    fn send(&self, mut batch: OpenBatch, ledger: &Ledger, (stream, mark): (StreamId, Mark)) {
        let room = batch.room.take().expect("a batch that is queued was begun with room");
        let count = batch.encoder.count();
        self.queue(ClosedBatch { body: batch.body, count }, batch.file, room, ledger.enter(stream, mark));
    }

    fn queue(&self, closed: ClosedBatch, file: String, mut room: OwnedSemaphorePermit, receipt: Receipt) {
        let ClosedBatch { body, count } = closed;
        let spare = room.num_permits().saturating_sub(permits(body.len()) as usize);
        drop(room.split(spare));
        let queued = self.queue.try_send(Batch { body, count, file, receipt, room });
        // The queue is as long as there are permits; it is closed only when the process ends, and then the
        // checkpoint has not moved.
        debug_assert!(!matches!(queued, Err(mpsc::error::TrySendError::Full(_))), "a batch holds at least one permit");
    }

    /// Sends an event of the agent's own: something was lost or odd. It belongs to no place in the file.
    pub(crate) fn report(
        &self,
        facts: &StreamFacts<'_>,
        (ledger, mark): (&Ledger, &Mark),
        now_utc_micros: i64,
        report: &Report,
    ) -> bool {
        let Some(mut batch) = self.begin(facts, mark, now_utc_micros, 1024) else { return false };
        // An agent that ends before this is delivered tells of it again: as the same event, stored once.
        let told = format!("{}\0{}\0{}\0{}", facts.identity.hash, facts.path.display(), mark.epoch, report.reason);
        let hash = record_hash::of_raw_record(told.as_bytes());
        let id = event_id::derive(FileIdentity { birth_ms: facts.identity.birth_ms, hash }, mark.offset);
        let event = json!({
            "event_id": id,
            "event_type": "log_warning",
            "log_level": 30,
            "event_timestamp": labtrail_shared::timestamp::EventTimestamp::from_utc_micros(now_utc_micros).to_string(),
            "event_data": {
                "message": report.message,
                "host": {"name": self.host},
                "log": {"file": {"path": facts.path.to_string_lossy()}},
                "labtrail": {"agent": self.agent, "reason": report.reason, "bytes_lost": report.bytes_lost},
            },
        })
        .to_string();
        self.push_event(&mut batch, mark.offset, &event, Some(hash));
        self.send(batch, ledger, (facts.stream, *mark));
        true
    }

    /// Sends an event that stands at no place of the file. `false`: there is no room for it now.
    pub(crate) fn send_event(
        &self,
        facts: &StreamFacts<'_>,
        (ledger, mark): (&Ledger, &Mark),
        now_utc_micros: i64,
        event: &Value,
    ) -> bool {
        let Some(mut batch) = self.begin(facts, mark, now_utc_micros, 1024) else { return false };
        self.push_event(&mut batch, mark.offset, &event.to_string(), None);
        self.send(batch, ledger, (facts.stream, *mark));
        true
    }

    fn push_event(&self, batch: &mut OpenBatch, offset: u64, event: &str, raw_hash: Option<u64>) {
        let body = RecordBody::MadsciEvent(event);
        batch.encoder.push(&WireRecord { body, raw_hash, ..WireRecord::of_text(offset, "") }, &mut batch.body);
        self.counters.records_read.inc();
    }

    /// What else is known of this machine.
    pub(crate) fn host_facts(&self) -> Arc<Map<String, Value>> {
        Arc::clone(&self.host_facts)
    }

    /// The name of this machine.
    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    /// Counts a message without text.
    pub(crate) fn count_blank(&self) {
        self.counters.blank_lines.inc();
    }

    /// Counts what a program was told is no event.
    pub(crate) fn count_refused(&self) {
        self.counters.records_lost.get_or_create(&Reason { reason: "not_an_event" }).inc();
    }
}

/// The most tags that one record can have.
const TAGS_MAX: usize = 12;

/// What is odd about a record, in words.
fn tags_of<'a>(
    record: &Record<'_>,
    findings: &Findings<'_>,
    tags: &'a mut [&'static str; TAGS_MAX],
) -> &'a [&'static str] {
    let of_frame =
        [(record.is_split, "split"), (record.is_continuation, "continuation"), (record.nuls > 0, "nul_removed")];
    if findings.tags.is_empty() && of_frame.iter().all(|(is_so, _)| !is_so) {
        return &[];
    }
    let words = of_frame.into_iter().filter_map(|(is_so, word)| is_so.then_some(word)).chain(findings.tags.names());
    let mut count = 0;
    for (place, word) in tags.iter_mut().zip(words) {
        *place = word;
        count += 1;
    }
    &tags[..count]
}

/// Something of the agent's own to tell.
#[derive(Debug, Clone)]
pub(crate) struct Report {
    pub reason: &'static str,
    pub message: String,
    pub bytes_lost: u64,
}

fn permits(bytes: usize) -> u32 {
    bytes.div_ceil(BYTES_PER_PERMIT).clamp(1, 1 << 22) as u32
}
