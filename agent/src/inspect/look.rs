//! Looks at a file for the detection: its beginning, its end, and when it was made.

use std::{
    fs::File,
    io::{self, Read, Seek, SeekFrom},
    path::Path,
};

use anyhow::Context;
use flate2::read::MultiGzDecoder;
use jiff::{Timestamp, tz::TimeZone};
use labtrail_shared::timestamp::EventTimestamp;

use crate::{
    config::FilesSection,
    detect::{Proposal, Sight, propose},
};

/// So much of the beginning is looked at.
const HEAD_BYTES: u64 = 256 << 10;
/// So much of the end is looked at.
const TAIL_BYTES: u64 = 16 << 10;

/// What was seen of a file.
#[derive(Debug)]
pub(crate) struct Look {
    path: String,
    head: Vec<u8>,
    tail: Vec<u8>,
    is_whole: bool,
    now_civil_micros: i64,
    file_civil_micros: Option<i64>,
}

impl Look {
    /// Looks at a file, into it where it is packed.
    pub(crate) fn at(path: &Path) -> io::Result<Self> {
        let mut file = File::open(path)?;
        let metadata = file.metadata()?;
        let mut head = Vec::new();
        file.by_ref().take(HEAD_BYTES).read_to_end(&mut head)?;
        let is_packed = head.starts_with(&[0x1F, 0x8B]);
        let (mut tail, mut is_whole) = (Vec::new(), metadata.len() <= HEAD_BYTES);
        if is_packed {
            let mut unpacked = Vec::new();
            file.rewind()?;
            MultiGzDecoder::new(file).take(HEAD_BYTES).read_to_end(&mut unpacked)?;
            is_whole = (unpacked.len() as u64) < HEAD_BYTES;
            head = unpacked;
        } else if !is_whole {
            file.seek(SeekFrom::Start(metadata.len().saturating_sub(TAIL_BYTES).max(HEAD_BYTES)))?;
            file.take(TAIL_BYTES).read_to_end(&mut tail)?;
        }
        let zone = TimeZone::system();
        let civil = |micros: i64| EventTimestamp::naive_from_utc_micros(micros, &zone).civil_micros;
        let made = metadata.created().or_else(|_| metadata.modified()).ok();
        let made = made.and_then(|at| Timestamp::try_from(at).ok());
        Ok(Self {
            path: std::path::absolute(path)?.to_string_lossy().into_owned(),
            head,
            tail,
            is_whole,
            now_civil_micros: civil(Timestamp::now().as_microsecond()),
            file_civil_micros: made.map(|at| civil(at.as_microsecond())),
        })
    }

    /// How it could be read.
    pub(crate) fn proposal(&self) -> anyhow::Result<Proposal<'_>> {
        let sight = Sight {
            path: &self.path,
            head: &self.head,
            tail: &self.tail,
            is_whole: self.is_whole,
            now_civil_micros: self.now_civil_micros,
            file_civil_micros: self.file_civil_micros,
        };
        propose(sight).with_context(|| format!("{} is not read as text", self.path))
    }
}

/// The section that is proposed for a file; `None` where it holds no text, or nothing yet.
pub(crate) fn proposed_section(path: &Path) -> Option<FilesSection> {
    let look = Look::at(path).ok()?;
    Some(look.proposal().ok()?.section)
}
