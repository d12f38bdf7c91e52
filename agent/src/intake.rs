//! The hallway of the agent: every source's records are parsed here and packed into batches.

use std::{
    collections::BTreeMap,
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
use serde_json::json;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tracing::warn;

use crate::{
    decode,
    delivery::{Batch, Ledger, Mark, StreamId},
    frame::Line,
    parse::{self, Body, ParseContext},
    status::Counters,
};

/// One permit of room stands for so many bytes, because a semaphore counts at most 2^32 permits.
const BYTES_PER_PERMIT: usize = 1024;

/// When a batch is full.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BatchLimits {
    pub bytes_max: usize,
    pub records_max: u32,
}

/// What the records of one source share, from the config.
#[derive(Debug)]
pub(crate) struct Origin {
    pub zone: Option<String>,
    pub labels: Arc<BTreeMap<String, String>>,
    pub source: Option<Source>,
}

/// What the records of one stream share.
#[derive(Debug, Clone, Copy)]
pub(crate) struct StreamFacts<'a> {
    pub stream: StreamId,
    pub path: &'a std::path::Path,
    pub identity: FileIdentity,
    pub origin: &'a Origin,
}

/// Packs records into batches and queues these for the transport.
#[derive(Debug)]
pub(crate) struct Intake {
    agent: String,
    host: String,
    limits: BatchLimits,
    queue: mpsc::Sender<Batch>,
    room: Arc<Semaphore>,
    ledger: Ledger,
    counters: Counters,
    has_warned_of_dates: AtomicBool,
}

/// A batch that takes records.
#[derive(Debug)]
pub(crate) struct OpenBatch {
    encoder: BatchEncoder,
    body: Vec<u8>,
    file: String,
    room: OwnedSemaphorePermit,
}

impl Intake {
    /// An intake that queues into `queue`, as long as `room_bytes` are not under way.
    pub(crate) fn new(
        (agent, host): (String, String),
        limits: BatchLimits,
        queue: mpsc::Sender<Batch>,
        room_bytes: usize,
        ledger: Ledger,
        counters: Counters,
    ) -> Self {
        // One batch must always fit, or nothing would ever move.
        let room = Arc::new(Semaphore::new(permits(room_bytes.max(limits.bytes_max)) as usize));
        Self { agent, host, limits, queue, room, ledger, counters, has_warned_of_dates: AtomicBool::new(false) }
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
        let envelope = Envelope {
            version: wire::VERSION,
            agent: self.agent.clone(),
            host: self.host.clone(),
            file: facts.path.to_string_lossy().into_owned(),
            identity: facts.identity,
            offset: mark.offset,
            time: mark.time.map(|(time, _)| time),
            zone_offset: mark.time.and_then(|(_, offset)| offset),
            zone: facts.origin.zone.clone(),
            observed: now_utc_micros,
            labels: Arc::clone(&facts.origin.labels),
            fields: Arc::default(),
            input: None,
            source: facts.origin.source.clone(),
        };
        let mut body =
            Vec::with_capacity((bytes_expected + bytes_expected / 4 + 512).min(self.limits.bytes_max + 4096));
        let encoder = BatchEncoder::begin(&envelope, &mut body);
        Some(OpenBatch { encoder, body, file: envelope.file, room })
    }

    /// Adds a line that begins at `offset`. A blank line is counted and left out: then it says false.
    pub(crate) fn push(
        &self,
        batch: &mut OpenBatch,
        context: &ParseContext,
        line: &Line<'_>,
        (offset, is_partial): (u64, bool),
        last_time: &mut Option<(i64, Option<i32>)>,
    ) -> bool {
        let bytes = decode::without_byte_order_mark(line.bytes);
        if bytes.trim_ascii().is_empty() {
            self.counters.blank_lines.inc();
            return false;
        }
        let (text, invalid_sequences) = decode::utf8(bytes);
        let parsed = parse::parse(context, &text);
        let is_whole = line.cut_from.is_none() && invalid_sequences == 0 && !is_partial;
        let (body, is_text_raw) = match parsed.body {
            Body::Json { message_key } if is_whole => (RecordBody::Json { object: text.trim(), message_key }, false),
            Body::MadsciEvent if is_whole => (RecordBody::MadsciEvent(text.trim()), true),
            _ => (RecordBody::Text(&text), invalid_sequences == 0),
        };
        let record = WireRecord {
            offset,
            time: parsed.time.map(|time| (time.civil_micros, time.offset_seconds)),
            level: parsed.level.map(|level| (level.level, level.text)),
            body,
            raw_hash: (!is_text_raw).then(|| record_hash::of_raw_record(bytes)),
            is_partial,
            cut_from: line.cut_from,
            invalid_sequences,
            ..WireRecord::of_text(offset, "")
        };
        batch.encoder.push(&record, &mut batch.body);
        *last_time = record.time.or(*last_time);
        if parsed.is_date_ambiguous {
            self.counters.ambiguous_dates.inc();
            if !self.has_warned_of_dates.swap(true, Ordering::Relaxed) {
                warn!(
                    record = %text.chars().take(60).collect::<String>(),
                    "this date is not read, as it may begin with the day or the month: say which with date_order (--date-order)"
                );
            }
        }
        if invalid_sequences > 0 {
            self.counters.invalid_sequences.inc_by(u64::from(invalid_sequences));
        }
        if line.cut_from.is_some() {
            self.counters.truncated_lines.inc();
        }
        true
    }

    /// Whether the batch is to be closed.
    pub(crate) fn is_full(&self, batch: &OpenBatch) -> bool {
        batch.body.len() >= self.limits.bytes_max || batch.encoder.count() >= self.limits.records_max
    }

    /// Closes a batch that reaches up to `mark` and queues it. An empty one is dropped.
    pub(crate) fn close(&self, mut batch: OpenBatch, stream: StreamId, mark: Mark) {
        let count = batch.encoder.count();
        if count == 0 {
            return;
        }
        let spare = batch.room.num_permits().saturating_sub(permits(batch.body.len()) as usize);
        drop(batch.room.split(spare));
        self.counters.records_read.inc_by(u64::from(count));
        let receipt = self.ledger.enter(stream, mark);
        let OpenBatch { body, file, room, .. } = batch;
        let queued = self.queue.try_send(Batch { body, count, file, receipt, room });
        // The queue is as long as there are permits; it is closed only when the process ends, and then the
        // checkpoint has not moved.
        debug_assert!(!matches!(queued, Err(mpsc::error::TrySendError::Full(_))), "a batch holds at least one permit");
    }

    /// Sends an event of the agent's own: something was lost or odd. It belongs to no place in the file.
    pub(crate) fn report(&self, facts: &StreamFacts<'_>, mark: &Mark, now_utc_micros: i64, report: &Report) -> bool {
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
        let record = WireRecord {
            body: RecordBody::MadsciEvent(&event),
            raw_hash: Some(hash),
            ..WireRecord::of_text(mark.offset, "")
        };
        batch.encoder.push(&record, &mut batch.body);
        self.close(batch, facts.stream, *mark);
        true
    }
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
