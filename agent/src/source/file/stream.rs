//! One followed file: how far it is read, and the reading itself.

use std::{
    collections::{BTreeMap, VecDeque},
    io,
    path::Path,
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use labtrail_shared::event_id::{FileIdentity, OFFSET_LIMIT};
use tracing::warn;

use super::{
    Section,
    chain::Chain,
    checkpoint::{Position, no_columns, no_header},
    content::Content,
    identity::{GUARD_BYTES, Guard, HEAD_BYTES, Head, Locator, head_start},
    snapshot::Shipped,
};
use crate::{
    decode::{Charset, NotText},
    delivery::{Ledger, Mark, StreamId},
    frame::{Aside, AsideKind, Ending, FrameState, Needs, Open, Step, Window},
    intake::{Intake, OpenBatch, Place, StreamFacts},
    parse::{self, DaySource, ParseContext},
    platform,
};

/// How long NULs are waited for that stand where text should be, once something follows them.
const NULS_WAIT: Duration = Duration::from_mins(1);

/// Copying a large file takes seconds, in which the file is read on.
const RECENT_MARKS: usize = 32;

/// One followed file.
#[derive(Debug)]
pub(crate) struct Stream {
    pub id: StreamId,
    /// What the checkpoint holds, or will.
    pub position: Position,
    /// How far it is read; the position's mark follows behind.
    pub read: Mark,
    /// How far it was read a short while ago, the newest last: a copy that was made of it then can be told by that.
    pub recent: VecDeque<Mark>,
    pub path: Arc<Path>,
    /// Which `[[files]]` section it belongs to.
    pub section: usize,
    pub content: Option<Content>,
    pub size: u64,
    pub modified: Option<SystemTime>,
    pub changed_at: Instant,
    /// Records read since the start of the process.
    pub records: u64,
    /// Where the last turn found the file to end, within a record: it may be sent as it is when nothing more comes.
    pub unfinished: Option<Unfinished>,
    /// NULs that stand where text should be, since when they were seen.
    pub nuls_since: Option<(u64, Instant)>,
    /// Its content is not what was read, since when that was seen.
    pub rewritten_since: Option<Instant>,
    /// Labels of its section and from its path.
    pub labels: Arc<BTreeMap<String, String>>,
    /// The day of times that state none, from its path, as days since 1970-01-01.
    pub day: Option<i64>,
    /// What was sent of it, if it is written anew as a whole.
    pub snapshot: Option<Shipped>,
    /// An unfinished line beyond the buffer was searched for its end up to here.
    pub searched_to: u64,
    pub state: State,
    /// The `size_seen` that the checkpoint holds.
    pub size_saved: u64,
    /// It cannot be read or looked for now, and that was said.
    pub is_troubled: bool,
    /// That it is put away, or cannot be, was said.
    pub is_retired: bool,
    /// How large it was at some moment since which not all of that is delivered, and that moment.
    pub behind_since: Option<(u64, SystemTime)>,
    /// Why it could not be read when it was last tried in vain.
    pub last_error: Option<String>,
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
    /// It is no text, and why.
    NotText(&'static str),
}

/// How a turn of reading ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Turn {
    /// The turn's share was read; there may be more.
    More,
    /// At the end of the file, or of what can be read of it now.
    End,
    /// NULs stand where text should be, and it is too early to step over them.
    Waiting,
    /// There is no room for another batch.
    Blocked,
    /// The content is not what was read: truncated or rewritten.
    Rewritten,
    /// The path leads to another file, or to none.
    Elsewhere,
}

/// A record that may go on when the file grows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Unfinished {
    /// Where it would be cut: where the file ended, or at the character before.
    pub cut: u64,
    /// Whether its lines have ends: then only what follows could tell that it is complete.
    pub has_line_end: bool,
}

/// What reading needs besides the stream.
#[derive(Debug)]
pub(crate) struct Reader<'a> {
    pub intake: &'a Intake,
    pub ledger: &'a Ledger,
    pub section: &'a Section,
    pub now: Instant,
    pub now_utc_micros: i64,
    pub now_civil_micros: i64,
    pub buffer: &'a mut Vec<u8>,
    /// Where packed files are unpacked.
    pub folder: &'a Path,
}

/// How far a window of the file was read.
struct Passed {
    consumed: usize,
    /// What was found unfinished, and where it would be cut.
    open: Option<(Open, Option<u64>)>,
    is_blocked: bool,
}

impl Stream {
    /// What its batches share.
    pub(crate) fn facts<'a>(&'a self, section: &'a Section) -> StreamFacts<'a> {
        // Before its head is known nothing is sent from a file but reports, which have ids of their own.
        let identity = self.position.identity.unwrap_or(FileIdentity { birth_ms: 0, hash: 0 });
        StreamFacts {
            stream: self.id,
            path: &self.path,
            identity,
            origin: &section.origin,
            labels: &self.labels,
            header: &self.position.header,
        }
    }

    /// Takes on the settings of a section, and what the path says by them.
    pub(crate) fn settle_in(&mut self, section: &Section, path: &Path) {
        self.labels = Arc::clone(&section.origin.labels);
        self.day = None;
        let captured = section.path_pattern.as_ref().and_then(|pattern| pattern.captures(&path.to_string_lossy()));
        if let Some((captured, day)) = captured {
            self.day = day;
            let labels = Arc::make_mut(&mut self.labels);
            for (key, value) in captured {
                labels.entry(key).or_insert(value);
            }
        }
        if section.treatment.parser.day_source() == Some(DaySource::File) {
            self.day = self.position.locator.birth_day(&section.zone);
        }
        if self.position.framing != section.framing_key {
            // It was read by other rules up to here: what they knew of its structure means nothing to these.
            self.position.framing = section.framing_key;
            if self.read.offset > 0 {
                self.read.frame = FrameState::within_file();
                self.position.mark.frame = FrameState::within_file();
            }
        }
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
        if self.position.packed.is_none()
            && self.open(Path::new(""))?
            && let Some(Content::Plain(file)) = &self.content
            && self.read.guard.holds(file)?
        {
            self.position.size_seen = self.position.size_seen.max(file.metadata()?.len());
        }
        Ok(())
    }

    /// Begins a new epoch: what the file holds now has nothing to do with what was read.
    pub(crate) fn begin_epoch(&mut self) {
        self.read = Mark { epoch: self.read.epoch + 1, ..Mark::default() };
        self.position.mark = self.read;
        self.recent.clear();
        self.position.identity = None;
        self.position.charset = None;
        self.position.header = no_header();
        self.position.columns = no_columns();
        self.position.head_bytes = 0;
        self.position.cuts.clear();
        self.position.size_seen = 0;
        self.searched_to = 0;
        self.unfinished = None;
        self.nuls_since = None;
        self.rewritten_since = None;
    }

    /// Opens the file if need be; false when the path leads elsewhere. `folder` is where it is unpacked, if it is packed.
    pub(crate) fn open(&mut self, folder: &Path) -> io::Result<bool> {
        if self.content.is_some() {
            return Ok(true);
        }
        let file = match platform::open_shared(&self.path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(error),
        };
        if Locator::of(&file.metadata()?) != self.position.locator {
            return Ok(false);
        }
        let is_packed = self.position.packed.is_some();
        self.content = Some(if is_packed { Content::packed(file, folder)? } else { Content::Plain(file) });
        Ok(true)
    }

    /// Remembers how the file begins, before anything of it is sent: its ids follow from that, and a file that is
    /// rewritten while nothing is acknowledged yet is told apart. With `is_cut` its unfinished first line is about to be
    /// sent as it is.
    pub(crate) fn note_beginning(
        &mut self,
        agent: &str,
        section: &Section,
        folder: &Path,
        is_cut: bool,
    ) -> io::Result<Beginning> {
        if self.position.identity.is_some() && self.position.charset.is_some() {
            return Ok(Beginning::Known);
        }
        if !self.open(folder)? {
            return Ok(Beginning::Elsewhere);
        }
        let content = self.content.as_mut().expect("it was just opened");
        let mut bytes = [0; HEAD_BYTES];
        content.reach(HEAD_BYTES as u64)?;
        let length = content.read_full_at(&mut bytes, 0)?;
        let bytes = &bytes[..length];
        if self.position.charset.is_none() {
            match section.encoding.charset_of(bytes, is_cut && length < HEAD_BYTES) {
                Ok(detected) => {
                    if let Some(warning) = detected.warning {
                        warn!(file = %self.path.display(), "{warning}");
                    }
                    self.position.charset = Some(detected.charset);
                }
                Err(NotText::Unknown) if length == HEAD_BYTES => {
                    // Room that was reserved, or a hole that truncation left: what follows it tells.
                    let mut buffer = vec![0; 64 << 10];
                    let Some(at) = end_of_nuls(content, 0, &mut buffer)? else {
                        return Ok(Beginning::Unfinished(length as u64));
                    };
                    let length = content.read_full_at(&mut buffer[..HEAD_BYTES], at)?;
                    match section.encoding.charset_of(&buffer[..length], is_cut && length < HEAD_BYTES) {
                        Ok(detected) => self.position.charset = Some(detected.charset),
                        Err(NotText::Unknown) => return Ok(Beginning::Unfinished(length as u64)),
                        Err(NotText::Binary(reason)) => return Ok(Beginning::NotText(reason)),
                    }
                }
                Err(NotText::Unknown) => return Ok(Beginning::Unfinished(length as u64)),
                Err(NotText::Binary(reason)) => return Ok(Beginning::NotText(reason)),
            }
        }
        if self.position.identity.is_some() {
            return Ok(Beginning::New);
        }
        let Some(start) = head_start(bytes, section.rewritten_head_lines) else {
            return Ok(Beginning::Unfinished(length as u64));
        };
        let Some(known) = Head::of(&bytes[start..], is_cut, self.position.head) else {
            return Ok(Beginning::Unfinished(length as u64));
        };
        self.position.head = Some(known);
        self.position.head_bytes = start as u64;
        self.position.identity = Some(self.position.locator.identity(agent, known));
        if self.read.offset == 0 {
            let end = length.min(start + GUARD_BYTES);
            self.read.guard = Guard::of(end as u64, &bytes[start..end]);
            self.read.chain = (start == 0).then_some(Chain::START);
            self.position.mark = self.read;
        }
        Ok(Beginning::New)
    }

    /// Reads and queues complete records, at most about `bytes_max`.
    pub(crate) fn read_records(&mut self, reader: &mut Reader<'_>, bytes_max: usize) -> io::Result<Turn> {
        // Without an identity nothing may be sent: its first line may have been finished only since somebody looked.
        let (Some(_), Some(charset)) = (self.position.identity, self.position.charset) else {
            return Ok(Turn::Elsewhere);
        };
        if !self.open(reader.folder)? {
            return Ok(Turn::Elsewhere);
        }
        let mut content = self.content.take().expect("it was just opened");
        let turn = self.read_from(&mut content, charset, reader, bytes_max);
        self.content = Some(content);
        turn
    }

    fn read_from(
        &mut self,
        content: &mut Content,
        charset: Charset,
        reader: &mut Reader<'_>,
        bytes_max: usize,
    ) -> io::Result<Turn> {
        content.reach(self.read.offset)?;
        if let Content::Plain(file) = content {
            if !self.read.guard.holds(file)? {
                return Ok(Turn::Rewritten);
            }
            self.position.size_seen = self.position.size_seen.max(file.metadata()?.len());
        }
        let began_at = self.read.offset;
        while self.read.offset - began_at < bytes_max as u64 {
            if self.read.offset >= OFFSET_LIMIT {
                return Err(io::Error::other(
                    "the file is larger than 1 TiB, which event ids cannot express: rotate it",
                ));
            }
            // Some bytes before the place are read along: they are the guard of the marks to come.
            let before = (GUARD_BYTES as u64).min(self.read.offset.saturating_sub(self.position.head_bytes)) as usize;
            let from = self.read.offset - before as u64;
            content.reach(from + reader.buffer.len() as u64)?;
            let length = content.read_full_at(&mut reader.buffer[..], from)?;
            // Rewritten while it is being read.
            let is_other = self.read.guard.end == self.read.offset
                && Guard::of(self.read.offset, &reader.buffer[..before.min(length)]) != self.read.guard;
            if length < before || is_other {
                return Ok(Turn::Rewritten);
            }
            let is_end = length < reader.buffer.len() && content.is_whole();
            let buffer = std::mem::take(reader.buffer);
            let passed = self.queue_records(content, charset, (&buffer[..length], before, is_end), reader);
            *reader.buffer = buffer;
            let passed = passed?;
            if passed.is_blocked {
                return Ok(Turn::Blocked);
            }
            match passed.open {
                Some((Open { needs: Needs::NulRun { at, end, is_tail }, .. }, cut)) => {
                    let at = from + at as u64;
                    let end = match (is_tail, is_end) {
                        (false, _) => Some(from + end as u64),
                        (true, true) => None,
                        (true, false) => self.look_behind_nuls(content, at, reader)?,
                    };
                    let turn = self.meet_nuls(at, end, reader);
                    if turn == Some(Turn::End) {
                        // What stands before them may be complete.
                        let cut = cut.filter(|cut| *cut > self.read.offset);
                        self.unfinished = cut.map(|cut| Unfinished { cut, has_line_end: true });
                    }
                    if let Some(turn) = turn {
                        return Ok(turn);
                    }
                }
                Some(_) if passed.consumed == 0 && !is_end => {
                    if let Some(turn) = self.read_long_line(content, charset, reader)? {
                        return Ok(turn);
                    }
                }
                Some((open, cut)) if is_end => {
                    let has_line_end = open.needs == Needs::RecordEnd;
                    let cut = cut.filter(|cut| *cut > self.read.offset);
                    self.unfinished = cut.map(|cut| Unfinished { cut, has_line_end });
                    return Ok(Turn::End);
                }
                None if is_end => {
                    self.unfinished = None;
                    return Ok(Turn::End);
                }
                _ => {}
            }
        }
        Ok(Turn::More)
    }

    /// Queues the complete records of a buffer behind its first `before` bytes, as long as there is room.
    fn queue_records(
        &mut self,
        content: &Content,
        charset: Charset,
        (buffer, before, is_end): (&[u8], usize, bool),
        reader: &mut Reader<'_>,
    ) -> io::Result<Passed> {
        let base = self.read.offset - before as u64;
        let window = Window { bytes: buffer, base, is_end };
        let section = reader.section;
        let mut at = before;
        let mut batch: Option<OpenBatch> = None;
        let (open, is_blocked) = loop {
            let state_before = self.read.frame;
            match section.framing.step(charset, &window, at, &self.position.cuts, &mut self.read.frame) {
                Step::Open(open) => {
                    let cut = if is_end { section.framing.cut_place(charset, &window, &open) } else { None };
                    break (Some((open, cut)), false);
                }
                Step::Aside(aside) => {
                    at = aside.next;
                    self.note_aside(&aside, reader);
                }
                Step::Record(record) => {
                    let open_batch = if let Some(batch) = &mut batch {
                        batch
                    } else {
                        let facts = self.facts(section);
                        let expected = buffer.len() - at;
                        let begun = reader.intake.begin(&facts, &self.read, reader.now_utc_micros, expected);
                        let Some(begun) = begun else {
                            self.read.frame = state_before;
                            break (None, true);
                        };
                        batch.insert(begun)
                    };
                    let known = self.parse_context(reader);
                    let place = Place::at(base + record.start as u64);
                    let mut last = self.read.last;
                    reader.intake.push(open_batch, &section.treatment, &known, &record, place, &mut last);
                    self.read.last = last;
                    self.records += 1;
                    at = record.next;
                    if reader.intake.is_full(open_batch, &section.treatment) {
                        self.advance(content, (base, at), buffer)?;
                        self.close(batch.take().expect("a record was just added to it"), reader);
                    }
                }
            }
        };
        if at > before {
            self.advance(content, (base, at), buffer)?;
            if let Some(batch) = batch {
                self.close(batch, reader);
            }
        }
        Ok(Passed { consumed: at - before, open, is_blocked })
    }

    fn close(&self, batch: OpenBatch, reader: &Reader<'_>) {
        reader.intake.close(batch, &reader.section.treatment, reader.ledger, (self.id, self.read));
    }

    fn advance(&mut self, content: &Content, (base, at): (u64, usize), buffer: &[u8]) -> io::Result<()> {
        let offset = base + at as u64;
        if let Some(chain) = self.read.chain {
            let read = |bytes: &mut [u8], from| content.read_exact_at(bytes, from);
            self.read.chain = Some(chain.extend((self.read.offset, offset), (buffer, base), read)?);
        }
        let guarded_from = self.position.head_bytes.saturating_sub(base).min(at as u64) as usize;
        self.read.offset = offset;
        self.read.guard = Guard::of(offset, &buffer[guarded_from..at]);
        if self.recent.len() == RECENT_MARKS {
            self.recent.pop_front();
        }
        self.recent.push_back(self.read);
        Ok(())
    }

    /// What makes no record is counted; what the header of a file says is kept for all its records.
    pub(super) fn note_aside(&mut self, aside: &Aside<'_>, reader: &Reader<'_>) {
        match aside.kind {
            AsideKind::Header => {
                for line in aside.text.lines() {
                    if let Some((key, value)) = parse::header_pair(line) {
                        Arc::make_mut(&mut self.position.header).insert(key, value);
                    }
                }
            }
            AsideKind::Columns => {
                self.position.columns = Arc::new(reader.section.treatment.parser.columns_of(&aside.text));
            }
            _ => {}
        }
        reader.intake.count_aside(aside);
    }

    /// Where something follows a run of NULs that fills the buffer, once it was waited for: to look costs reading all of them.
    fn look_behind_nuls(&mut self, content: &mut Content, at: u64, reader: &mut Reader<'_>) -> io::Result<Option<u64>> {
        match self.nuls_since {
            Some((known, since)) if known == at => {
                if reader.now.saturating_duration_since(since) < NULS_WAIT {
                    return Ok(None);
                }
                let end = end_of_nuls(content, at, reader.buffer)?;
                if end.is_none() {
                    self.nuls_since = Some((at, reader.now));
                }
                Ok(end)
            }
            _ => {
                self.nuls_since = Some((at, reader.now));
                Ok(None)
            }
        }
    }

    /// NULs where text should be: a file that was made large before it is filled, or the torn end of one after a crash.
    /// They are waited for as long as nothing follows them; when something does, only for some time. Gives how the turn ends.
    fn meet_nuls(&mut self, at: u64, end: Option<u64>, reader: &Reader<'_>) -> Option<Turn> {
        self.unfinished = None;
        let Some(end) = end else { return Some(Turn::End) };
        let since = match self.nuls_since {
            Some((known, since)) if known == at => since,
            _ => {
                self.nuls_since = Some((at, reader.now));
                reader.now
            }
        };
        if reader.now.saturating_duration_since(since) < NULS_WAIT {
            return Some(Turn::Waiting);
        }
        self.nuls_since = None;
        self.read.frame.skip_nuls(end);
        None
    }

    /// The day that the header states, for times that state none.
    fn day_of_header(&self, reader: &Reader<'_>) -> Option<i64> {
        let parser = &reader.section.treatment.parser;
        if self.position.header.is_empty() || parser.day_source() != Some(DaySource::Header) {
            return None;
        }
        parser.day_of_header(&self.position.header)
    }

    /// What the parsers know besides the text.
    pub(super) fn parse_context<'a>(&'a self, reader: &'a Reader<'_>) -> ParseContext<'a> {
        ParseContext {
            now_civil_micros: reader.now_civil_micros,
            day: self.day.or_else(|| self.day_of_header(reader)),
            header: (!self.position.header.is_empty()).then_some(&self.position.header),
            columns: (!self.position.columns.is_empty()).then_some(&self.position.columns),
            clock_changes: &reader.section.treatment.clock_changes,
            last: self.read.last,
        }
    }

    /// Looks for the end of a line that is longer than the buffer, and queues its beginning once the end is found.
    fn read_long_line(
        &mut self,
        content: &mut Content,
        charset: Charset,
        reader: &mut Reader<'_>,
    ) -> io::Result<Option<Turn>> {
        let mut at = self.searched_to.max(self.read.offset);
        loop {
            content.reach(at + reader.buffer.len() as u64)?;
            let length = content.read_full_at(&mut reader.buffer[..], at)?;
            let is_end = length < reader.buffer.len() && content.is_whole();
            let window = Window { bytes: &reader.buffer[..length], base: at, is_end };
            if let Some(end) = reader.section.framing.find_line_end(charset, &window, 0, &self.position.cuts) {
                let places = (at + end.content_end as u64, at + end.next as u64);
                return self.queue_long_line(content, charset, reader, places, end.ending);
            }
            if is_end {
                let end = at + length as u64;
                self.unfinished = Some(Unfinished { cut: end - end % charset.unit() as u64, has_line_end: false });
                return Ok(Some(Turn::End));
            }
            // A line end may lie across.
            at += (length - charset.unit()) as u64;
            self.searched_to = at;
        }
    }

    fn queue_long_line(
        &mut self,
        content: &Content,
        charset: Charset,
        reader: &mut Reader<'_>,
        (end, next): (u64, u64),
        ending: Ending,
    ) -> io::Result<Option<Turn>> {
        let start = self.read.offset;
        let section = reader.section;
        let begun = reader.intake.begin(&self.facts(section), &self.read, reader.now_utc_micros, 4096);
        let Some(mut batch) = begun else { return Ok(Some(Turn::Blocked)) };
        let kept = (end - start).min(section.line_bytes_max as u64 + 8) as usize;
        let mut bytes = vec![0; kept];
        content.read_exact_at(&mut bytes, start)?;
        let mut frame = self.read.frame;
        let step = section.framing.line_of_beginning(charset, &bytes, end - start, ending, &mut frame);
        let mut read = Mark { frame, ..self.read };
        match step {
            Step::Record(record) => {
                let known = self.parse_context(reader);
                reader.intake.push(&mut batch, &section.treatment, &known, &record, Place::at(start), &mut read.last);
                self.records += 1;
            }
            Step::Aside(aside) => self.note_aside(&aside, reader),
            Step::Open(_) => unreachable!("the line has an end"),
        }
        if let Some(chain) = read.chain {
            let fill = |bytes: &mut [u8], from| content.read_exact_at(bytes, from);
            read.chain = Some(chain.extend((start, next), (&[], 0), fill)?);
        }
        let length = (GUARD_BYTES as u64).min(next.saturating_sub(self.position.head_bytes)) as usize;
        let mut before = vec![0; length];
        content.read_exact_at(&mut before, next - length as u64)?;
        self.read = Mark { offset: next, guard: Guard::of(next, &before), ..read };
        self.searched_to = 0;
        self.close(batch, reader);
        Ok(None)
    }
}

/// Where something follows a run of NULs; `None` where nothing does.
fn end_of_nuls(content: &mut Content, from: u64, buffer: &mut [u8]) -> io::Result<Option<u64>> {
    let mut at = from;
    loop {
        content.reach(at + buffer.len() as u64)?;
        let length = content.read_full_at(buffer, at)?;
        if let Some(place) = buffer[..length].iter().position(|byte| *byte != 0) {
            // Half of a character of two bytes may be a NUL.
            return Ok(Some((at + place as u64) & !1));
        }
        if length < buffer.len() {
            return Ok(None);
        }
        at += length as u64;
    }
}
