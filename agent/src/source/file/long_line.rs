//! Lines that are longer than is kept in memory: the beginning is sent, the rest is passed over.

use std::io;

use super::{
    content::Content,
    identity::{GUARD_BYTES, Guard},
    stream::{Reader, Stream, Turn, Unfinished},
};
use crate::{
    decode::Charset,
    delivery::Mark,
    frame::{Ending, Step, Window},
    intake::Place,
};

impl Stream {
    /// Looks for the end of a line that is longer than the buffer, and queues its beginning once the end is found.
    pub(super) fn read_long_line(
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
