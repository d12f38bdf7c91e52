//! The one thread that writes. It gathers what waits into one transaction and answers after the commit, so that many
//! small inserts share one wait for the disk, and nothing is reported as stored that is not.

use std::{sync::Arc, time::Instant};

use rusqlite::{CachedStatement, Connection, OptionalExtension as _, TransactionBehavior, params};
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot, watch};
use tracing::{debug, error};

use super::{
    archive, dead_letters,
    error::store_error,
    metrics::StoreMetrics,
    row::EventRow,
    rows,
    schema::{STRETCH_LENGTH, State},
    words::WordsFeed,
};
use crate::store::{DeadLetter, InsertReport, Outcome, RowChange, StoreError};

/// 8 MiB in pages.
const FREED_PAGES_MAX: usize = 1024;

/// What a sender waits for. The permit is its share of the queue.
#[derive(Debug)]
pub(super) enum Job {
    Insert { rows: Vec<EventRow>, reply: Reply<InsertReport>, permit: OwnedSemaphorePermit },
    DeadLetter { letters: Vec<DeadLetter>, reply: Reply<()>, permit: OwnedSemaphorePermit },
    RemoveDeadLetter { seq: i64, reply: Reply<bool>, permit: OwnedSemaphorePermit },
    Archive { ids: Vec<String>, at: i64, reply: Reply<u64>, permit: OwnedSemaphorePermit },
    Purge { before: i64, limit: usize, reply: Reply<u64>, permit: OwnedSemaphorePermit },
    ChangeRows { changes: Vec<RowChange>, reply: Reply<Vec<bool>>, permit: OwnedSemaphorePermit },
}

/// What a job came to.
enum Done {
    Inserted(InsertReport),
    LettersKept,
    LetterRemoved(bool),
    Archived(u64),
    Purged(Vec<i64>),
    RowsChanged(Vec<bool>),
}

type Reply<T> = oneshot::Sender<Result<T, StoreError>>;

impl Job {
    fn bytes(&self) -> usize {
        match self {
            Self::Insert { permit, .. }
            | Self::DeadLetter { permit, .. }
            | Self::RemoveDeadLetter { permit, .. }
            | Self::Archive { permit, .. }
            | Self::Purge { permit, .. }
            | Self::ChangeRows { permit, .. } => permit.num_permits() * super::PERMIT_BYTES,
        }
    }
}

#[derive(Debug)]
pub(super) struct Writer {
    pub(super) connection: Connection,
    pub(super) state: State,
    pub(super) jobs: mpsc::Receiver<Job>,
    pub(super) commit_bytes_max: usize,
    pub(super) published: watch::Sender<State>,
    pub(super) last_seq: watch::Sender<i64>,
    pub(super) words: WordsFeed,
    pub(super) metrics: Arc<StoreMetrics>,
}

impl Writer {
    /// Writes until nobody can send any more.
    pub(super) fn run(mut self) -> rusqlite::Result<()> {
        while let Some(first) = self.jobs.blocking_recv() {
            let mut bytes = first.bytes();
            let mut group = vec![first];
            while bytes < self.commit_bytes_max {
                let Ok(job) = self.jobs.try_recv() else { break };
                bytes += job.bytes();
                group.push(job);
            }
            self.write(group);
        }
        self.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
    }

    fn write(&mut self, group: Vec<Job>) {
        let start = Instant::now();
        let bytes: usize = group.iter().map(Job::bytes).sum();
        match commit(&mut self.connection, self.state, &group) {
            Ok((state, done)) => {
                self.metrics.committed(start.elapsed(), state.events);
                let mut seq = std::mem::replace(&mut self.state, state).last_seq;
                self.published.send_replace(state);
                self.last_seq.send_if_modified(|seq| std::mem::replace(seq, state.last_seq) != state.last_seq);
                let (mut words, mut deleted) = (Vec::new(), Vec::new());
                for (job, done) in group.into_iter().zip(done) {
                    // Whoever asked may have gone; what was stored stays stored.
                    match (job, done) {
                        (Job::Insert { rows, reply, .. }, Done::Inserted(report)) => {
                            for (row, outcome) in rows.into_iter().zip(&report.outcomes) {
                                if *outcome == Outcome::Stored {
                                    // Numbers are given in this order, without gaps.
                                    seq += 1;
                                    words.push((seq, row.words));
                                }
                            }
                            let _ = reply.send(Ok(report));
                        }
                        (Job::RemoveDeadLetter { reply, .. }, Done::LetterRemoved(was_there)) => {
                            let _ = reply.send(Ok(was_there));
                        }
                        (Job::DeadLetter { reply, .. }, Done::LettersKept) => drop(reply.send(Ok(()))),
                        (Job::Archive { reply, .. }, Done::Archived(archived)) => drop(reply.send(Ok(archived))),
                        (Job::Purge { reply, .. }, Done::Purged(seqs)) => {
                            let _ = reply.send(Ok(seqs.len() as u64));
                            deleted.extend(seqs);
                        }
                        (Job::ChangeRows { reply, .. }, Done::RowsChanged(made)) => drop(reply.send(Ok(made))),
                        (job, _) => unreachable!("a job and what it came to are of one kind: {job:?}"),
                    }
                }
                self.words.give(words);
                if !deleted.is_empty() {
                    self.words.forget(deleted);
                    self.give_back();
                }
            }
            Err(cause) => {
                self.metrics.failed();
                let cause = store_error("write to the store", cause);
                error!(
                    error = &cause as &dyn std::error::Error,
                    "nothing of the last batches was stored; senders are asked to send again"
                );
                for job in group {
                    match job {
                        Job::Insert { reply, .. } => drop(reply.send(Err(cause.clone()))),
                        Job::DeadLetter { reply, .. } => drop(reply.send(Err(cause.clone()))),
                        Job::RemoveDeadLetter { reply, .. } => drop(reply.send(Err(cause.clone()))),
                        Job::Archive { reply, .. } | Job::Purge { reply, .. } => drop(reply.send(Err(cause.clone()))),
                        Job::ChangeRows { reply, .. } => drop(reply.send(Err(cause.clone()))),
                    }
                }
            }
        }
        self.metrics.queue_bytes.dec_by(bytes as i64);
    }
}

impl Writer {
    /// Gives pages that nothing lies in any more back to the file system: so many at a time, because senders wait.
    fn give_back(&self) {
        // It frees a page with each row that is asked for.
        let freed = || {
            let mut vacuum = self.connection.prepare(&format!("PRAGMA incremental_vacuum({FREED_PAGES_MAX})"))?;
            let mut rows = vacuum.query([])?;
            while rows.next()?.is_some() {}
            Ok::<_, rusqlite::Error>(())
        };
        if let Err(cause) = freed() {
            debug!(%cause, "the space of deleted events stays in the file, and will be used by new ones");
        }
    }
}

/// All of the group or nothing.
fn commit(connection: &mut Connection, mut state: State, group: &[Job]) -> rusqlite::Result<(State, Vec<Done>)> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let mut done = Vec::with_capacity(group.len());
    {
        let mut statements = Statements::prepare(&transaction)?;
        let mut stretch = Stretch::default();
        for job in group {
            match job {
                Job::Insert { rows, .. } => {
                    let mut outcomes = Vec::with_capacity(rows.len());
                    for row in rows {
                        outcomes.push(statements.insert(row, &mut state, &mut stretch)?);
                    }
                    done.push(Done::Inserted(InsertReport { outcomes }));
                }
                Job::DeadLetter { letters, .. } => {
                    dead_letters::insert(&transaction, letters)?;
                    done.push(Done::LettersKept);
                }
                Job::RemoveDeadLetter { seq, .. } => {
                    done.push(Done::LetterRemoved(dead_letters::remove(&transaction, *seq)?));
                }
                Job::Archive { ids, at, .. } => {
                    done.push(Done::Archived(archive::archive(&transaction, ids, *at)?));
                }
                Job::Purge { before, limit, .. } => {
                    let seqs = archive::purge(&transaction, *before, *limit)?;
                    state.events -= seqs.len() as i64;
                    done.push(Done::Purged(seqs));
                }
                Job::ChangeRows { changes, .. } => {
                    done.push(Done::RowsChanged(rows::change(&transaction, changes)?));
                }
            }
        }
        statements.note(&stretch)?;
        statements.state.execute(params![state.events, state.last_seq])?;
    }
    transaction.commit()?;
    Ok((state, done))
}

/// The times of the rows inserted last that share a row of `stretch`.
#[derive(Debug, Default)]
struct Stretch {
    number: i64,
    times: Option<(i64, i64)>,
}

struct Statements<'a> {
    event: CachedStatement<'a>,
    known: CachedStatement<'a>,
    stretch: CachedStatement<'a>,
    state: CachedStatement<'a>,
}

impl<'a> Statements<'a> {
    fn prepare(connection: &'a Connection) -> rusqlite::Result<Self> {
        Ok(Self {
            event: connection.prepare_cached(
                "INSERT INTO event(seq, id, time, received, level, type, alert, archived, node_id, timestamp, source, \
                 data, trace_id, span_id, archived_at, hash, archived_time) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?) \
                 ON CONFLICT(id) DO NOTHING",
            )?,
            known: connection.prepare_cached("SELECT hash FROM event WHERE id = ?")?,
            stretch: connection.prepare_cached(
                "INSERT INTO stretch VALUES (?, ?, ?) ON CONFLICT(number) DO UPDATE SET \
                 time_min = min(time_min, excluded.time_min), time_max = max(time_max, excluded.time_max)",
            )?,
            state: connection.prepare_cached("UPDATE state SET events = ?, last_seq = ?")?,
        })
    }

    fn insert(&mut self, row: &EventRow, state: &mut State, stretch: &mut Stretch) -> rusqlite::Result<Outcome> {
        let seq = state.last_seq + 1;
        let inserted = self.event.execute(params![
            seq,
            row.id,
            row.time,
            row.received,
            row.level.number(),
            row.event_type.name(),
            row.alert,
            row.archived,
            row.node_id,
            row.timestamp,
            row.source,
            row.data,
            row.trace_id,
            row.span_id,
            row.archived_at,
            row.hash,
            row.archived_time,
        ])?;
        if inserted == 0 {
            let known: Option<i64> = self.known.query_row([&row.id], |known| known.get(0)).optional()?;
            let is_same = known == Some(row.hash);
            return Ok(if is_same { Outcome::Duplicate } else { Outcome::Conflict(Box::new(row.to_json())) });
        }
        state.last_seq = seq;
        state.events += 1;
        if stretch.number != seq / STRETCH_LENGTH {
            self.note(stretch)?;
            *stretch = Stretch { number: seq / STRETCH_LENGTH, times: None };
        }
        let (least, greatest) = stretch.times.unwrap_or((row.time, row.time));
        stretch.times = Some((least.min(row.time), greatest.max(row.time)));
        Ok(Outcome::Stored)
    }

    fn note(&mut self, stretch: &Stretch) -> rusqlite::Result<()> {
        if let Some((least, greatest)) = stretch.times {
            self.stretch.execute(params![stretch.number, least, greatest])?;
        }
        Ok(())
    }
}
