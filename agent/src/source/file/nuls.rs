//! NULs in a file: space that is reserved and not written yet, or what a crash left behind.

use std::{io, time::Duration};

use super::{
    content::Content,
    stream::{Reader, Stream, Turn},
};

/// How long NULs are waited for that stand where text should be, once something follows them.
const NULS_WAIT: Duration = Duration::from_mins(1);

impl Stream {
    /// Where something follows a run of NULs that fills the buffer, once it was waited for: to look costs reading all of them.
    pub(super) fn look_behind_nuls(
        &mut self,
        content: &mut Content,
        at: u64,
        reader: &mut Reader<'_>,
    ) -> io::Result<Option<u64>> {
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
    pub(super) fn meet_nuls(&mut self, at: u64, end: Option<u64>, reader: &Reader<'_>) -> Option<Turn> {
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
}

/// Where something follows a run of NULs; `None` where nothing does.
pub(super) fn end_of_nuls(content: &mut Content, from: u64, buffer: &mut [u8]) -> io::Result<Option<u64>> {
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
