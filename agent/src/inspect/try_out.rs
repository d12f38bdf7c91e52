//! Runs one file through a section as the agent would, and hands out the events; nothing is sent and nothing remembered.

use std::{
    collections::BTreeMap,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use jiff::Timestamp;
use labtrail_shared::{
    timestamp::EventTimestamp,
    wire::{self, AgentEvent},
};
use tokio::sync::mpsc;

use crate::{
    config::FilesSection,
    delivery::{Batch, Ledger},
    intake::{BatchLimits, Intake},
    source::file::{Beginning, Reader, Section, Turn, stream_of, window_bytes},
    source_names::NameRegistry,
    status::Counters,
};

/// So much is read before the events are handed out.
const TURN_BYTES: usize = 1 << 20;
const ROOM_BYTES: usize = 64 << 20;

/// What was noticed besides the events.
#[derive(Debug, Default)]
pub(crate) struct Tried {
    /// The encoding of the text.
    pub encoding: String,
    /// Lines that make no record, by the reason.
    pub aside: BTreeMap<&'static str, u64>,
    /// Lines without text.
    pub blank: u64,
    /// Invalid sequences.
    pub invalid_sequences: u64,
    /// Bytes read.
    pub bytes: u64,
}

/// Hands out the events of a file until there are no more, or `take` wants no more.
pub(crate) fn try_out(
    section: &FilesSection,
    file: &Path,
    mut take: impl FnMut(&AgentEvent) -> anyhow::Result<bool>,
) -> anyhow::Result<Tried> {
    let counters = Counters::default();
    let section = section.compile(Path::new("/nonexistent"), &NameRegistry::default(), &counters)?;
    let (queue, mut batches) = mpsc::channel(Intake::batches_max(ROOM_BYTES));
    let limits = BatchLimits { bytes_max: 256 << 10, records_max: 4000 };
    let host = gethostname::gethostname().to_string_lossy().into_owned();
    let intake = Intake::new((host.clone(), host, Arc::default()), limits, queue, ROOM_BYTES, counters.clone());
    let folder = std::env::temp_dir();
    let mut stream = stream_of(&section, file, &std::fs::metadata(file)?)?;
    let mut trial = Trial {
        section: &section,
        intake: &intake,
        folder: &folder,
        buffer: vec![0; window_bytes(std::slice::from_ref(&section))],
    };
    let mut is_wanted = true;
    while is_wanted {
        let goes_on = trial.turn(&mut stream)?;
        while let Ok(batch) = batches.try_recv() {
            for event in events_of(&batch, &section) {
                is_wanted = is_wanted && take(&event)?;
            }
        }
        if !goes_on {
            break;
        }
    }
    let aside = ["header", "columns", "preamble", "separator", "skipped", "nul"]
        .map(|reason| (reason, counters.lines_aside.get_or_create(&crate::status::Reason { reason }).get()));
    Ok(Tried {
        encoding: stream.position.charset.map(|charset| charset.name().to_owned()).unwrap_or_default(),
        aside: aside.into_iter().filter(|(_, count)| *count > 0).collect(),
        blank: counters.blank_lines.get(),
        invalid_sequences: counters.invalid_sequences.get(),
        bytes: stream.read.offset,
    })
}

struct Trial<'a> {
    section: &'a Section,
    intake: &'a Intake,
    folder: &'a Path,
    buffer: Vec<u8>,
}

impl Trial<'_> {
    /// Reads on; says whether there may be more.
    fn turn(&mut self, stream: &mut crate::source::file::Stream) -> anyhow::Result<bool> {
        let now_utc_micros = Timestamp::now().as_microsecond();
        let ledger = Ledger::default();
        let beginning = stream.note_beginning(self.intake.agent(), self.section, self.folder, true)?;
        match beginning {
            Beginning::Known | Beginning::New => {}
            Beginning::Unfinished(_) => anyhow::bail!("the file is empty, or holds nothing but NULs so far"),
            Beginning::NotText(reason) => anyhow::bail!("the file holds no text: {reason}"),
            Beginning::Elsewhere => anyhow::bail!("the file is gone"),
        }
        let mut reader = Reader {
            intake: self.intake,
            ledger: &ledger,
            section: self.section,
            now: Instant::now(),
            now_utc_micros,
            now_civil_micros: EventTimestamp::naive_from_utc_micros(now_utc_micros, &self.section.zone).civil_micros,
            buffer: &mut self.buffer,
            folder: self.folder,
        };
        let turn = match &self.section.snapshot {
            Some(settings) => {
                stream.changed_at = Instant::now().checked_sub(Duration::from_hours(1)).unwrap_or_else(Instant::now);
                stream.read_snapshot(&mut reader, settings)?
            }
            None => stream.read_records(&mut reader, TURN_BYTES)?,
        };
        Ok(match turn {
            Turn::More | Turn::Blocked => true,
            // Nobody waits here: what is unfinished is taken as it is.
            Turn::End => match stream.unfinished.take() {
                Some(unfinished) => {
                    stream.position.cuts.push(unfinished.cut);
                    true
                }
                None => false,
            },
            Turn::Waiting => {
                stream.read.frame.skip_nuls(u64::MAX);
                true
            }
            Turn::Rewritten | Turn::Elsewhere => anyhow::bail!("the file was rewritten while it was read"),
        })
    }
}

fn events_of(batch: &Batch, section: &Section) -> Vec<AgentEvent> {
    let decoded = wire::decode(&batch.body).expect("a body from the intake is a batch");
    decoded.iter().flat_map(|content| wire::expand(content, &section.zone).0).collect()
}
