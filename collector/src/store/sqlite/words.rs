//! The index of words: which word stands in which arrivals.
//!
//! Constraints: keeping it costs as much as all the rest of an insert; nobody who sends events waits for it; whoever
//! searches must find what is stored. So it lies in a file of its own beside the store and is written by a thread of
//! its own, which follows the writer at a bounded distance. Its mark says up to which arrival it knows the words; what
//! came later is read from the rows themselves by whoever searches. It holds nothing that the store does not hold: if
//! it is missing, of another store, or lost its last commits in a power cut, it is brought up to date from the rows.
//!
//! It is fed with the words of `text_query`, cut and folded, separated by blanks. Its tokenizer has nothing left to
//! decide, so it knows the very words that `TextQuery` means. It holds no text.

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel},
    },
    time::{Duration, Instant},
};

use labtrail_shared::text_query::TextQuery;
use rusqlite::{Connection, OptionalExtension as _, params};
use tracing::{error, info};

use super::{
    pool::Reader,
    row::{distinct_words, json_at},
};

/// So many commits of the writer may wait for their words to be indexed; then the writer waits.
const COMMITS_MAX: usize = 4;

/// Rows that are indexed together while catching up.
const ROWS_TOGETHER: i64 = 8192;

/// Commits are gathered until they have so many rows, or for so long.
const GATHER_ROWS: usize = 1024;
const GATHER_TIME: Duration = Duration::from_millis(20);

/// After a failure, such as a full disk, it is tried again after so long.
const RETRY_PAUSE: Duration = Duration::from_secs(1);

/// The index cuts longer words off.
const WORD_BYTES_MAX: usize = 32 << 10;

const TABLES: &str = "
CREATE VIRTUAL TABLE IF NOT EXISTS event_text USING fts5(
  words, content='', contentless_delete=1, detail=none, tokenize='ascii'
);
CREATE TABLE IF NOT EXISTS mark(only INTEGER PRIMARY KEY CHECK (only = 1), store TEXT NOT NULL, seq INTEGER NOT NULL);
";

/// Where the index of a store lies.
pub(super) fn path(store: &Path) -> PathBuf {
    store.with_extension("words.sqlite")
}

/// The words of some arrivals, in their order.
type Words = Vec<(i64, String)>;

/// What a commit changed.
#[derive(Debug)]
enum Change {
    Stored(Words),
    Deleted(Vec<i64>),
}

/// What the writer gives the words of its commits to.
#[derive(Debug)]
pub(super) struct WordsFeed {
    commits: SyncSender<Change>,
    is_behind: Arc<AtomicBool>,
}

impl WordsFeed {
    /// Gives the words of a commit. While the index is catching up it reads them from the rows.
    pub(super) fn give(&self, words: Words) {
        if !words.is_empty() && !self.is_behind.load(Ordering::SeqCst) {
            // The thread ends before the writer only when the process is ending; the next start catches up.
            let _ = self.commits.send(Change::Stored(words));
        }
    }

    /// Tells of deleted arrivals. Words of such that stay in the index find no row, and only take room.
    pub(super) fn forget(&self, seqs: Vec<i64>) {
        if !seqs.is_empty() && !self.is_behind.load(Ordering::SeqCst) {
            let _ = self.commits.send(Change::Deleted(seqs));
        }
    }
}

/// The thread that keeps the index.
#[derive(Debug)]
pub(super) struct WordsWriter {
    index: Connection,
    store: Connection,
    commits: Receiver<Change>,
    is_behind: Arc<AtomicBool>,
    mark: i64,
}

/// Opens the index of a store whose tables are there, or makes it.
pub(super) fn open(store_file: &Path, store: Connection) -> rusqlite::Result<(WordsWriter, WordsFeed)> {
    let file = path(store_file);
    let index = match open_index(&file, &store) {
        Ok(index) => index,
        Err(cause) => {
            info!(file = %file.display(), %cause, "the index of words is not that of this store: it is made anew");
            for suffix in ["", "-wal", "-shm"] {
                let mut name = file.clone().into_os_string();
                name.push(suffix);
                // What is not there need not be removed; what cannot be removed fails at the next step.
                let _ = std::fs::remove_file(name);
            }
            open_index(&file, &store)?
        }
    };
    let (sender, commits) = sync_channel(COMMITS_MAX);
    let is_behind = Arc::new(AtomicBool::new(true));
    let feed = WordsFeed { commits: sender, is_behind: Arc::clone(&is_behind) };
    Ok((WordsWriter { index, store, commits, is_behind, mark: 0 }, feed))
}

fn open_index(file: &Path, store: &Connection) -> rusqlite::Result<Connection> {
    let index = Connection::open(file)?;
    index.busy_timeout(Duration::from_secs(5))?;
    // What a power cut takes is indexed again, so a commit need not wait for the disk.
    index.execute_batch(
        "PRAGMA page_size = 8192; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;
         PRAGMA wal_autocheckpoint = 4096; PRAGMA journal_size_limit = 67108864; PRAGMA cache_size = -16384;",
    )?;
    index.execute_batch(TABLES)?;
    let (name, last_seq): (String, i64) =
        store.query_row("SELECT name, last_seq FROM state", [], |row| Ok((row.get(0)?, row.get(1)?)))?;
    index.execute("INSERT INTO mark VALUES (1, ?, 0) ON CONFLICT DO NOTHING", [&name])?;
    let is_ours = "SELECT 1 FROM mark WHERE store = ? AND seq <= ?";
    index.query_row(is_ours, params![name, last_seq], |_| Ok(()))?;
    Ok(index)
}

impl WordsWriter {
    /// Follows the writer until it ends.
    pub(super) fn run(mut self) -> rusqlite::Result<()> {
        loop {
            match self.follow() {
                Ok(()) => break,
                Err(cause) => error!(%cause, "cannot index words; searching reads the rows until it works again"),
            }
            self.is_behind.store(true, Ordering::SeqCst);
            // The writer may be waiting to give words; they are read from the rows later.
            match self.commits.recv_timeout(RETRY_PAUSE) {
                Ok(_) => std::thread::sleep(RETRY_PAUSE),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return Ok(()),
            }
            while self.commits.try_recv().is_ok() {}
        }
        self.index.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
    }

    fn follow(&mut self) -> rusqlite::Result<()> {
        self.mark = self.index.query_row("SELECT seq FROM mark", [], |row| row.get(0))?;
        self.catch_up(i64::MAX)?;
        // From here on the writer gives words. What it committed before it saw this is found by a second look.
        self.is_behind.store(false, Ordering::SeqCst);
        self.catch_up(i64::MAX)?;
        while let Ok(change) = self.commits.recv() {
            let (words, deleted) = self.gather(change);
            if let Some((first, _)) = words.first() {
                if *first > self.mark + 1 {
                    self.catch_up(*first - 1)?;
                }
                self.index(&words)?;
            }
            self.forget(&deleted)?;
        }
        Ok(())
    }

    /// Small commits are indexed together: a transaction for each would cost more than the words in it. Until then searches
    /// read the rows.
    fn gather(&self, first: Change) -> (Words, Vec<i64>) {
        let (mut words, mut deleted) = (Words::new(), Vec::new());
        let mut add = |change: Change| {
            match change {
                Change::Stored(more) => words.extend(more),
                Change::Deleted(more) => deleted.extend(more),
            }
            words.len() + deleted.len()
        };
        let mut count = add(first);
        let until = Instant::now() + GATHER_TIME;
        while count < GATHER_ROWS {
            let left = until.saturating_duration_since(Instant::now());
            let Ok(change) = self.commits.recv_timeout(left) else { break };
            count = add(change);
        }
        (words, deleted)
    }

    fn forget(&mut self, seqs: &[i64]) -> rusqlite::Result<()> {
        if seqs.is_empty() {
            return Ok(());
        }
        let transaction = self.index.transaction()?;
        {
            let mut delete = transaction.prepare_cached("DELETE FROM event_text WHERE rowid = ?")?;
            for seq in seqs {
                delete.execute([seq])?;
            }
        }
        transaction.commit()
    }

    /// Indexes what the rows hold beyond the mark, up to an arrival.
    fn catch_up(&mut self, last: i64) -> rusqlite::Result<()> {
        loop {
            let words: Words = {
                let sql = "SELECT seq, data FROM event WHERE seq > ? AND seq <= ? ORDER BY seq LIMIT ?";
                let mut rows = self.store.prepare_cached(sql)?;
                let rows = rows.query_map(params![self.mark, last, ROWS_TOGETHER], |row| {
                    Ok((row.get(0)?, distinct_words(&json_at(row, 1)?)))
                })?;
                rows.collect::<Result<_, _>>()?
            };
            if words.is_empty() {
                return Ok(());
            }
            self.index(&words)?;
        }
    }

    fn index(&mut self, words: &Words) -> rusqlite::Result<()> {
        let transaction = self.index.transaction()?;
        let mut mark = self.mark;
        {
            let mut insert = transaction.prepare_cached("INSERT INTO event_text(rowid, words) VALUES (?, ?)")?;
            for (seq, words) in words.iter().filter(|(seq, _)| *seq > self.mark) {
                if !words.is_empty() {
                    insert.execute(params![seq, words])?;
                }
                mark = *seq;
            }
            transaction.prepare_cached("UPDATE mark SET seq = ?")?.execute([mark])?;
        }
        transaction.commit()?;
        self.mark = mark;
        Ok(())
    }
}

/// Lets a connection that reads the store read the index too.
pub(super) fn attach(connection: &Connection, store: &Path) -> rusqlite::Result<()> {
    connection.execute("ATTACH ? AS words", [path(store).to_string_lossy()]).map(drop)
}

/// Whether the index alone knows what the query means.
pub(super) fn is_exact(text: &TextQuery) -> bool {
    text.words().0.iter().all(|word| word.len() < WORD_BYTES_MAX)
}

/// The arrivals in whose text all words stand, in their order: from the index up to its mark, from the rows beyond.
pub(super) fn hits(reader: &Reader, text: &TextQuery) -> rusqlite::Result<Vec<i64>> {
    let transaction = reader.connection.unchecked_transaction()?;
    // The index is read first: the rows, read later, then reach at least as far.
    let mark: i64 = transaction
        .prepare_cached("SELECT seq FROM words.mark")?
        .query_row([], |row| row.get(0))
        .optional()?
        .unwrap_or(0);
    let sql = "SELECT rowid FROM words.event_text WHERE event_text MATCH ? ORDER BY rowid";
    let mut hits: Vec<i64> = {
        let mut statement = transaction.prepare_cached(sql)?;
        let rows = statement.query_map([match_expression(text)], |row| row.get(0))?;
        rows.collect::<Result<_, _>>()?
    };
    let mut beyond = transaction.prepare_cached("SELECT seq, data FROM event WHERE seq > ? ORDER BY seq")?;
    let mut rows = beyond.query([mark])?;
    while let Some(row) = rows.next()? {
        if text.matches(&json_at(row, 1)?) {
            hits.push(row.get(0)?);
        }
    }
    Ok(hits)
}

/// The query in the language of the index: words in quotes, the last with an asterisk if it is only a beginning.
fn match_expression(text: &TextQuery) -> String {
    let (words, last_is_prefix) = text.words();
    let quoted = words.iter().map(|word| format!("\"{word}\""));
    let mut expression = quoted.collect::<Vec<_>>().join(" AND ");
    if last_is_prefix {
        expression.push('*');
    }
    expression
}
