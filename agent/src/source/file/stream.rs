//! One followed file: how far it is read, and how it begins.

use std::{
    collections::{BTreeMap, VecDeque},
    io,
    path::Path,
    sync::Arc,
    time::{Instant, SystemTime},
};

use labtrail_shared::event_id::FileIdentity;
use tracing::warn;

use super::{
    Section,
    chain::Chain,
    checkpoint::{Position, no_columns, no_header},
    content::Content,
    identity::{GUARD_BYTES, Guard, HEAD_BYTES, Head, Locator, head_start},
    nuls::end_of_nuls,
    snapshot::Shipped,
};
use crate::{
    decode::NotText,
    delivery::{Ledger, Mark, StreamId},
    frame::FrameState,
    intake::{Intake, StreamFacts},
    parse::DaySource,
    platform,
};

/// Copying a large file takes seconds, in which the file is read on.
pub(super) const RECENT_MARKS: usize = 32;

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
}
