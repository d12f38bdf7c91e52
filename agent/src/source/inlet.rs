//! What sockets receive: it becomes batches here, and these go through the spool.
//!
//! Nothing of it can be read again, so a batch is on disk before anybody tries to deliver it. A message that wants an answer
//! is answered when its batch is synced; all others are synced within a second.

use std::{
    borrow::Cow,
    collections::VecDeque,
    path::Path,
    sync::{Arc, Weak},
    time::{Duration, Instant},
};

use jiff::Timestamp;
use labtrail_shared::{
    event_id::FileIdentity,
    shutdown::Stop,
    timestamp::EventTimestamp,
    wire::{self, BatchEncoder, Envelope, RecordBody, WireRecord},
};
use serde_json::Map;

use super::{
    socket::{Acceptor, Peer, Received, Sink, Unavailable},
    spooler::{Spooler, Stored},
};
use crate::{
    decode::{Charset, Encoding},
    delivery::Mark,
    frame::Record,
    intake::{ClosedBatch, Intake, OpenBatch, Origin, Place, StreamFacts, Treatment},
    parse::{LastTime, ParseContext},
};

/// A batch is closed at this age, even if more is at hand.
const BATCH_AGE_MAX: Duration = Duration::from_millis(50);

/// How often is looked for summaries that are due.
const SUMMARIES_PAUSE: Duration = Duration::from_millis(200);

/// One `[[sockets]]` section, compiled.
#[derive(Debug)]
pub(crate) struct SocketInput {
    pub origin: Origin,
    pub treatment: Treatment,
    pub encoding: Encoding,
    pub zone: jiff::tz::TimeZone,
}

/// The summaries of a socket's transforms: sent as they become due, and all that are owed when the last inlet has gone.
#[derive(Debug)]
pub(crate) struct Summaries {
    input: Arc<SocketInput>,
    intake: Arc<Intake>,
    spooler: Spooler,
}

impl Summaries {
    pub(crate) fn new(input: Arc<SocketInput>, intake: Arc<Intake>, spooler: Spooler) -> Arc<Self> {
        Arc::new(Self { input, intake, spooler })
    }

    fn send(&self, is_last: bool) {
        for summary in self.input.treatment.transforms.summaries(is_last) {
            let now = Timestamp::now().as_microsecond();
            let body = self.intake.batch_of_event(&self.input.origin, &summary.to_string(), now);
            let batch = ClosedBatch { body, count: 1 };
            self.spooler.store(self.input.origin.input.as_deref().unwrap_or_default(), &batch);
        }
    }

    /// Sends them as they become due, until the inlets have gone. It may block: it wants a thread of its own.
    pub(crate) fn run(summaries: &Weak<Self>, stop: &Stop) {
        while !stop.is_given() {
            std::thread::sleep(SUMMARIES_PAUSE);
            let Some(summaries) = summaries.upgrade() else { return };
            summaries.send(false);
        }
    }
}

impl Drop for Summaries {
    fn drop(&mut self) {
        self.send(true);
    }
}

/// Takes the messages of one socket, or of one connection.
#[derive(Debug)]
pub(crate) struct Inlet {
    /// Dropped with the last inlet, when this has closed its last batch.
    _summaries: Arc<Summaries>,
    input: Arc<SocketInput>,
    intake: Arc<Intake>,
    spooler: Spooler,
    identity: FileIdentity,
    /// How many messages were taken: the place of the next one.
    count: u64,
    charset: Charset,
    batch: Option<(OpenBatch, Instant)>,
    last: Option<LastTime>,
    /// Batches that the spool has no room for yet.
    pending: VecDeque<ClosedBatch>,
    /// Nothing was taken since the last pause.
    is_idle: bool,
    /// It must not block, and nobody tells of the next pause before something comes: close at every one.
    is_stream: bool,
}

impl Inlet {
    /// An inlet for the messages of this input. `is_stream`: it can be told to wait.
    pub(crate) fn new(summaries: Arc<Summaries>, is_stream: bool) -> Self {
        let Summaries { input, intake, spooler } = &*summaries;
        let (input, intake, spooler) = (Arc::clone(input), Arc::clone(intake), spooler.clone());
        let charset = input.encoding.charset_of(b"", false).map_or(Charset::UTF_8, |detected| detected.charset);
        Self {
            _summaries: summaries,
            identity: fresh_identity(),
            input,
            intake,
            spooler,
            count: 0,
            charset,
            batch: None,
            last: None,
            pending: VecDeque::new(),
            is_idle: true,
            is_stream,
        }
    }

    fn push(&mut self, received: &Received<'_>) {
        let (text, invalid_sequences) = self.charset.decode(received.bytes);
        let text = match text {
            Cow::Borrowed(text) => Cow::Borrowed(text.trim_end_matches(['\n', '\r', '\0'])),
            Cow::Owned(text) => Cow::Owned(text.trim_end_matches(['\n', '\r', '\0']).to_owned()),
        };
        if text.trim().is_empty() {
            self.intake.count_blank();
            return;
        }
        let now = Timestamp::now().as_microsecond();
        let (mut batch, since) = self.batch.take().unwrap_or_else(|| {
            let header = Arc::new(Map::new());
            let facts = StreamFacts {
                stream: 0,
                path: Path::new(""),
                identity: self.identity,
                origin: &self.input.origin,
                labels: &self.input.origin.labels,
                header: &header,
            };
            // Each message stands for itself: a time of the one before says nothing of it.
            let mark = Mark { offset: self.count, ..Mark::default() };
            (self.intake.begin_without_room(&facts, &mark, now, 16 << 10), Instant::now())
        });
        let context = ParseContext {
            now_civil_micros: EventTimestamp::naive_from_utc_micros(now, &self.input.zone).civil_micros,
            day: None,
            last: self.last,
            header: None,
            columns: None,
            clock_changes: &self.input.treatment.clock_changes,
        };
        let record = Record {
            start: 0,
            next: received.bytes.len(),
            raw: received.bytes,
            text,
            lines: 1,
            invalid_sequences,
            nuls: 0,
            cut_from: received.cut_from,
            is_partial: received.is_partial,
            is_split: false,
            is_continuation: false,
        };
        let address = address_of(received.peer);
        let place = Place { offset: self.count, number: None, address: address.as_deref() };
        self.intake.push(&mut batch, &self.input.treatment, &context, &record, place, &mut self.last);
        self.count += 1;
        let is_full = self.intake.is_full(&batch, &self.input.treatment) || since.elapsed() >= BATCH_AGE_MAX;
        self.batch = Some((batch, since));
        if is_full {
            self.close();
        }
    }

    fn close(&mut self) {
        let Some((mut batch, _)) = self.batch.take() else { return };
        let Some(closed) = self.intake.finish(&mut batch, &self.input.treatment, 0) else { return };
        if self.is_stream {
            self.pending.push_back(closed);
            self.store_pending();
        } else {
            self.spooler.store(self.input_name(), &closed);
        }
    }

    fn store_pending(&mut self) {
        while let Some(batch) = self.pending.pop_front() {
            if let Some(refused) = self.spooler.try_store(self.input_name(), batch) {
                self.pending.push_front(refused);
                return;
            }
        }
    }

    fn input_name(&self) -> &str {
        self.input.origin.input.as_deref().unwrap_or_default()
    }
}

impl Sink for Inlet {
    fn take(&mut self, received: Received<'_>) {
        self.is_idle = false;
        self.push(&received);
    }

    fn idle(&mut self) {
        let was_idle = std::mem::replace(&mut self.is_idle, true);
        let is_old = self.batch.as_ref().is_some_and(|(_, since)| since.elapsed() >= BATCH_AGE_MAX);
        if was_idle || is_old || self.is_stream {
            self.close();
        }
    }

    async fn room(&mut self) {
        self.store_pending();
        while !self.pending.is_empty() {
            self.spooler.room().await;
            self.store_pending();
        }
    }
}

impl Drop for Inlet {
    fn drop(&mut self) {
        self.close();
        for batch in self.pending.drain(..) {
            self.spooler.store(self.input.origin.input.as_deref().unwrap_or_default(), &batch);
        }
    }
}

/// Takes MADSci's events from the door, one by one.
#[derive(Debug)]
pub(crate) struct EventInlet {
    _summaries: Arc<Summaries>,
    input: Arc<SocketInput>,
    intake: Arc<Intake>,
    spooler: Spooler,
}

impl EventInlet {
    /// An inlet for the events of this input.
    pub(crate) fn new(summaries: Arc<Summaries>) -> Self {
        let Summaries { input, intake, spooler } = &*summaries;
        let (input, intake, spooler) = (Arc::clone(input), Arc::clone(intake), spooler.clone());
        Self { _summaries: summaries, input, intake, spooler }
    }
}

impl Acceptor for EventInlet {
    async fn accept(&self, event_json: String) -> Result<(), Unavailable> {
        let name = self.input.origin.input.clone().unwrap_or_else(|| Arc::from(""));
        let body = self.intake.batch_of_event(&self.input.origin, &event_json, Timestamp::now().as_microsecond());
        let Some(closed) = self.intake.finish_body((body, 1), &self.input.treatment, 0) else { return Ok(()) };
        let spooler = self.spooler.clone();
        let stored = tokio::task::spawn_blocking(move || spooler.store_durably(&name, &closed)).await;
        match stored {
            Ok(Stored::Durably) => Ok(()),
            Ok(Stored::TooLarge) => {
                let reason = "it is larger than the spool may be (spool.bytes_max)".to_owned();
                Err(Unavailable { reason, is_for_now: false })
            }
            Ok(Stored::Dropped) => {
                Err(Unavailable::for_now("the agent's spool is full, and its policy is to refuse: try again later"))
            }
            Ok(Stored::NotDurably) => {
                Err(Unavailable::for_now("the agent cannot write to its disk now: try again later"))
            }
            Err(_) => Err(Unavailable::for_now("the agent is stopping")),
        }
    }

    fn refused(&self, _body: &[u8], reason: &str) {
        tracing::warn!(reason, "a program sent something that is no event, and was told so");
        self.intake.count_refused();
    }
}

impl Intake {
    /// A batch of one whole event.
    fn batch_of_event(&self, origin: &Origin, event_json: &str, now_utc_micros: i64) -> Vec<u8> {
        let envelope = Envelope {
            version: wire::VERSION,
            agent: self.agent().to_owned(),
            host: self.host().to_owned(),
            host_facts: self.host_facts(),
            file: String::new(),
            identity: fresh_identity(),
            offset: 0,
            time: None,
            zone_offset: None,
            zone: origin.zone.clone(),
            observed: now_utc_micros,
            labels: Arc::clone(&origin.labels),
            fields: Arc::default(),
            input: origin.input.clone(),
            source: origin.source.clone(),
        };
        let mut body = Vec::with_capacity(event_json.len() + 512);
        let mut encoder = BatchEncoder::begin(&envelope, &mut body);
        encoder
            .push(&WireRecord { body: RecordBody::MadsciEvent(event_json), ..WireRecord::of_text(0, "") }, &mut body);
        body
    }
}

/// What the ids of messages are derived from: nobody else ever has the same, and the spool keeps it.
fn fresh_identity() -> FileIdentity {
    FileIdentity { birth_ms: Timestamp::now().as_millisecond().unsigned_abs(), hash: rand::random() }
}

fn address_of(peer: Peer) -> Option<String> {
    match peer {
        Peer::Address(address) => Some(address.to_string()),
        Peer::Process { pid, uid } => Some(format!("pid:{pid},uid:{uid}")),
        Peer::Unknown => None,
    }
}
