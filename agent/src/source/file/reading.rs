//! Reads what a file has grown by, and makes records and batches of it.

use std::{io, sync::Arc};

use labtrail_shared::event_id::OFFSET_LIMIT;

use super::{
    content::Content,
    identity::{GUARD_BYTES, Guard},
    stream::{RECENT_MARKS, Reader, Stream, Turn, Unfinished},
};
use crate::{
    decode::Charset,
    frame::{Aside, AsideKind, Needs, Open, Step, Window},
    intake::{OpenBatch, Place},
    parse::{self, DaySource, ParseContext},
};

/// How far a window of the file was read.
struct Passed {
    consumed: usize,
    /// What was found unfinished, and where it would be cut.
    open: Option<(Open, Option<u64>)>,
    is_blocked: bool,
}

impl Stream {
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

    pub(super) fn close(&self, batch: OpenBatch, reader: &Reader<'_>) {
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
}
