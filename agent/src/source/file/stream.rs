//! One followed file: how far it is read, and the reading itself.

use std::{
    fs::File,
    io,
    os::unix::fs::FileExt,
    path::Path,
    sync::Arc,
    time::{Instant, SystemTime},
};

use labtrail_shared::event_id::{FileIdentity, OFFSET_LIMIT};

use super::{
    checkpoint::Position,
    identity::{GUARD_BYTES, Guard, Head, Locator},
};
use crate::{
    delivery::{Mark, StreamId},
    frame::{self, Line},
    intake::{Intake, OpenBatch, Origin, StreamFacts},
    parse::ParseContext,
};

/// How much is read at a time.
pub(crate) const READ_BYTES: usize = 256 << 10;

/// One followed file.
#[derive(Debug)]
pub(crate) struct Stream {
    pub id: StreamId,
    /// What the checkpoint holds, or will.
    pub position: Position,
    /// How far it is read; the position's mark follows behind.
    pub read: Mark,
    pub path: Arc<Path>,
    /// Which `[[files]]` section it belongs to.
    pub section: usize,
    pub file: Option<File>,
    pub size: u64,
    pub modified: Option<SystemTime>,
    pub changed_at: Instant,
    /// Records read since the start of the process.
    pub records: u64,
    /// Where the last turn found the file to end, within a line: what lies before it has no line end.
    pub unfinished_to: Option<u64>,
    /// An unfinished line beyond the buffer was searched for its end up to here.
    pub searched_to: u64,
    pub state: State,
    /// The `size_seen` that the checkpoint holds.
    pub size_saved: u64,
    /// It cannot be read or looked for now, and that was said.
    pub is_troubled: bool,
    /// The checkpoint does not know of it yet.
    pub is_new: bool,
}

/// What is known of the file's place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    /// The patterns mean it.
    Followed,
    /// It was renamed to where no pattern reaches, or deleted while open: read to its end.
    Leaving,
    /// Remembered, but not looked at.
    Resting,
}

/// What is known of how a file begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Beginning {
    /// It was known before.
    Known,
    /// It is known now: the position must be saved before anything is sent.
    New,
    /// Its first line has no end in these many bytes, which are all.
    Unfinished(u64),
    /// The path leads to another file, or to none.
    Elsewhere,
}

/// How a turn of reading ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Turn {
    /// The turn's share was read; there may be more.
    More,
    /// At the end of the file; so many bytes behind it have no line end yet.
    End { unfinished: u64 },
    /// There is no room for another batch.
    Blocked,
    /// The content is not what was read: truncated or rewritten.
    Rewritten,
    /// The path leads to another file, or to none.
    Elsewhere,
}

/// What reading needs besides the stream.
#[derive(Debug)]
pub(crate) struct Reader<'a> {
    pub intake: &'a Intake,
    pub origin: &'a Origin,
    pub context: ParseContext,
    pub line_bytes_max: usize,
    pub now_utc_micros: i64,
    pub buffer: &'a mut Vec<u8>,
}

impl Stream {
    /// What its batches share.
    pub(crate) fn facts<'a>(&'a self, origin: &'a Origin) -> StreamFacts<'a> {
        // Before its head is known nothing is sent from a file but reports, which have ids of their own.
        let identity = self.position.identity.unwrap_or(FileIdentity { birth_ms: 0, hash: 0 });
        StreamFacts { stream: self.id, path: &self.path, identity, origin }
    }

    /// Takes note of the file's size and change time; says whether they are news.
    pub(crate) fn observe(&mut self, metadata: &std::fs::Metadata, now: Instant) -> bool {
        let modified = metadata.modified().ok();
        let is_news = self.size != metadata.len() || self.modified != modified;
        if is_news {
            self.size = metadata.len();
            self.modified = modified;
            self.changed_at = now;
        }
        is_news
    }

    /// Takes note of how much could be lost, while reading waits: what the file holds now beyond what was read, if it
    /// still is what was read. When it is not, its size says nothing of what was there before.
    pub(crate) fn note_size(&mut self) -> io::Result<()> {
        if self.open()?
            && let Some(file) = &self.file
            && self.read.guard.holds(file)?
        {
            self.position.size_seen = self.position.size_seen.max(file.metadata()?.len());
        }
        Ok(())
    }

    /// Begins a new epoch: what the file holds now has nothing to do with what was read. Gives how many bytes were known
    /// to be there and not read.
    pub(crate) fn begin_epoch(&mut self) -> u64 {
        let bytes_lost = self.position.size_seen.saturating_sub(self.read.offset);
        let epoch = self.read.epoch + 1;
        self.read = Mark { epoch, offset: 0, guard: Guard::default(), time: None };
        self.position.mark = self.read;
        self.position.identity = None;
        self.position.cuts.clear();
        self.position.size_seen = 0;
        self.searched_to = 0;
        self.unfinished_to = None;
        bytes_lost
    }

    /// Opens the file if need be; false when the path leads elsewhere.
    pub(crate) fn open(&mut self) -> io::Result<bool> {
        if self.file.is_some() {
            return Ok(true);
        }
        let file = match File::open(&self.path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(error),
        };
        if Locator::of(&file.metadata()?) != self.position.locator {
            return Ok(false);
        }
        self.file = Some(file);
        Ok(true)
    }

    /// Remembers how the file begins, before anything of it is sent: its ids follow from that, and a file that is
    /// rewritten while nothing is acknowledged yet is told apart. With `is_cut` its unfinished first line is about to be
    /// sent as it is.
    pub(crate) fn note_beginning(&mut self, agent: &str, is_cut: bool) -> io::Result<Beginning> {
        if self.position.identity.is_some() {
            return Ok(Beginning::Known);
        }
        if !self.open()? {
            return Ok(Beginning::Elsewhere);
        }
        let mut head = [0; GUARD_BYTES];
        let length = self.file.as_ref().map_or(Ok(0), |file| read_full_at(file, &mut head, 0))?;
        let Some(known) = Head::of(&head[..length], is_cut, self.position.head) else {
            return Ok(Beginning::Unfinished(length as u64));
        };
        self.position.head = Some(known);
        self.position.identity = Some(self.position.locator.identity(agent, known));
        if self.read.offset == 0 {
            self.read.guard = Guard::of(length as u64, &head[..length]);
            self.position.mark = self.read;
        }
        Ok(Beginning::New)
    }

    /// Reads and queues complete lines, at most about `bytes_max`.
    pub(crate) fn read_lines(&mut self, reader: &mut Reader<'_>, bytes_max: usize) -> io::Result<Turn> {
        // Without an identity nothing may be sent: its first line may have been finished only since somebody looked.
        if self.position.identity.is_none() || !self.open()? {
            return Ok(Turn::Elsewhere);
        }
        let file = self.file.take().expect("it was just opened");
        let turn = self.read_from(&file, reader, bytes_max);
        self.file = Some(file);
        turn
    }

    fn read_from(&mut self, file: &File, reader: &mut Reader<'_>, bytes_max: usize) -> io::Result<Turn> {
        if !self.read.guard.holds(file)? {
            return Ok(Turn::Rewritten);
        }
        self.position.size_seen = self.position.size_seen.max(file.metadata()?.len());
        let began_at = self.read.offset;
        while self.read.offset - began_at < bytes_max as u64 {
            if self.read.offset >= OFFSET_LIMIT {
                return Err(io::Error::other(
                    "the file is larger than 1 TiB, which event ids cannot express: rotate it",
                ));
            }
            // Some bytes before the place are read along: they are the guard of the marks to come.
            let before = GUARD_BYTES.min(self.read.offset as usize);
            let from = self.read.offset - before as u64;
            let length = read_full_at(file, &mut reader.buffer[..], from)?;
            // Rewritten while it is being read.
            let is_other = self.read.guard.end == self.read.offset
                && Guard::of(self.read.offset, &reader.buffer[..before.min(length)]) != self.read.guard;
            if length < before || is_other {
                return Ok(Turn::Rewritten);
            }
            let buffer = std::mem::take(reader.buffer);
            let consumed = self.queue_lines(&buffer[..length], before, reader);
            let is_full = length == buffer.len();
            *reader.buffer = buffer;
            let Some(consumed) = consumed else { return Ok(Turn::Blocked) };
            if consumed == 0 && is_full {
                if let Some(turn) = self.read_long_line(file, reader)? {
                    return Ok(turn);
                }
            } else if !is_full {
                return Ok(Turn::End { unfinished: (length - before - consumed) as u64 });
            }
        }
        Ok(Turn::More)
    }

    /// Queues the complete lines of a buffer behind its first `before` bytes; `None` when there was no room for all.
    fn queue_lines(&mut self, buffer: &[u8], before: usize, reader: &mut Reader<'_>) -> Option<usize> {
        let base = self.read.offset - before as u64;
        let mut at = before;
        let mut open: Option<OpenBatch> = None;
        while let Some((line, next, is_partial)) = self.line_at(buffer, at, base, reader.line_bytes_max) {
            let batch = if let Some(batch) = &mut open {
                batch
            } else {
                let facts = self.facts(reader.origin);
                let expected = buffer.len() - at;
                open.insert(reader.intake.begin(&facts, &self.read, reader.now_utc_micros, expected)?)
            };
            let offset = base + line.start as u64;
            let place = (offset, is_partial);
            self.records += u64::from(reader.intake.push(batch, &reader.context, &line, place, &mut self.read.time));
            at = next;
            if reader.intake.is_full(batch) {
                self.advance(base, at, buffer);
                reader.intake.close(open.take().expect("a line was just added to it"), self.id, self.read);
            }
        }
        if at > before {
            self.advance(base, at, buffer);
            if let Some(batch) = open {
                reader.intake.close(batch, self.id, self.read);
            }
        }
        Some(at - before)
    }

    /// The line at a place of the buffer: to its end, or to where an unfinished line was cut before.
    fn line_at<'b>(
        &self,
        buffer: &'b [u8],
        at: usize,
        base: u64,
        line_bytes_max: usize,
    ) -> Option<(Line<'b>, usize, bool)> {
        let complete = frame::next_line(buffer, at, line_bytes_max);
        if let Some(cut) = self.position.cuts.iter().find(|cut| **cut > base + at as u64) {
            let cut = (cut - base) as usize;
            let line_end = complete.map_or(buffer.len(), |(_, next)| next - 1);
            if cut <= line_end {
                return Some((frame::line(&buffer[at..cut], at, line_bytes_max), cut, true));
            }
        }
        complete.map(|(line, next)| (line, next, false))
    }

    fn advance(&mut self, base: u64, at: usize, buffer: &[u8]) {
        self.read.offset = base + at as u64;
        self.read.guard = Guard::of(self.read.offset, &buffer[..at]);
    }

    /// Looks for the end of a line that is longer than the buffer, and queues its beginning once the end is found.
    fn read_long_line(&mut self, file: &File, reader: &mut Reader<'_>) -> io::Result<Option<Turn>> {
        let mut at = self.searched_to.max(self.read.offset);
        loop {
            let length = read_full_at(file, &mut reader.buffer[..], at)?;
            let end = memchr::memchr(b'\n', &reader.buffer[..length]);
            if let Some(end) = end {
                let line_end = at + end as u64;
                return self.queue_long_line(file, reader, (line_end, line_end + 1), false);
            }
            at += length as u64;
            self.searched_to = at;
            if length < reader.buffer.len() {
                return Ok(Some(Turn::End { unfinished: at - self.read.offset }));
            }
        }
    }

    /// Queues the unfinished line up to `end`, where it is cut from now on.
    pub(crate) fn queue_unfinished(&mut self, reader: &mut Reader<'_>, end: u64) -> io::Result<bool> {
        if !self.open()? {
            return Ok(false);
        }
        let file = self.file.take().expect("it was just opened");
        let queued = self.queue_long_line(&file, reader, (end, end), true);
        self.file = Some(file);
        Ok(queued?.is_none())
    }

    fn queue_long_line(
        &mut self,
        file: &File,
        reader: &mut Reader<'_>,
        (end, next): (u64, u64),
        is_partial: bool,
    ) -> io::Result<Option<Turn>> {
        let start = self.read.offset;
        let Some(mut batch) = reader.intake.begin(&self.facts(reader.origin), &self.read, reader.now_utc_micros, 4096)
        else {
            return Ok(Some(Turn::Blocked));
        };
        let kept = (end - start).min(reader.line_bytes_max as u64 + 4) as usize;
        let mut bytes = vec![0; kept];
        file.read_exact_at(&mut bytes, start)?;
        let mut line = frame::line(&bytes, 0, reader.line_bytes_max);
        if end - start > kept as u64 {
            line.cut_from = Some(end - start);
        }
        let mut time = self.read.time;
        self.records +=
            u64::from(reader.intake.push(&mut batch, &reader.context, &line, (start, is_partial), &mut time));
        let length = GUARD_BYTES.min(next as usize);
        let mut before = vec![0; length];
        file.read_exact_at(&mut before, next - length as u64)?;
        self.read = Mark { offset: next, guard: Guard::of(next, &before), time, ..self.read };
        self.searched_to = 0;
        reader.intake.close(batch, self.id, self.read);
        Ok(None)
    }
}

/// Reads until the buffer is full or the file ends.
pub(crate) fn read_full_at(file: &File, buffer: &mut [u8], from: u64) -> io::Result<usize> {
    let mut length = 0;
    while length < buffer.len() {
        match file.read_at(&mut buffer[length..], from + length as u64) {
            Ok(0) => break,
            Ok(count) => length += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(length)
}
