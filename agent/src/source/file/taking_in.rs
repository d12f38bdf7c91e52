//! New files: whether they are read at all, and from where.

use std::{
    collections::BTreeMap,
    fs::Metadata,
    io,
    path::Path,
    sync::{Arc, LazyLock},
    time::Instant,
};

use memchr::memmem;
use tracing::warn;

use super::{
    FileSource, Section,
    chain::Chain,
    checkpoint::{Packed, Position},
    content::{Content, read_full_at},
    continuation,
    discover::Found,
    identity::{GUARD_BYTES, Guard, HEAD_BYTES, Locator},
    snapshot::{Shipped, identity_of},
    stream::{State, Stream},
};
use crate::{
    decode::{Charset, Encoding, NotText, Unit},
    delivery::{Mark, StreamId},
    frame::FrameState,
    platform,
};

impl FileSource {
    /// A new file: it is read from its beginning, or from the end of its last complete line.
    pub(super) fn take_in(
        &mut self,
        (section, pattern): (usize, usize),
        path: &Path,
        metadata: &Metadata,
        (reads_existing, is_packed): (bool, bool),
    ) -> StreamId {
        let locator = Locator::of(metadata);
        let settings = &self.sections[section];
        let is_snapshot = settings.snapshot.is_some();
        let mark = match reads_existing || is_snapshot {
            true => Mark { chain: Some(Chain::START), ..Mark::default() },
            false if is_packed => Mark::default(),
            false => mark_at_end(path, settings.encoding),
        };
        let position = Position {
            path: path.to_owned(),
            pattern: settings.patterns[pattern].text().to_owned(),
            mark,
            packed: is_packed.then(|| Packed { read_size: (!reads_existing).then_some(metadata.len()) }),
            identity: is_snapshot.then(|| identity_of(self.surroundings.intake.agent(), path)),
            framing: settings.framing_key,
            ..Position::of(locator)
        };
        let id = self.next_id();
        let mut stream = new_stream(id, position, State::Followed);
        stream.section = section;
        stream.is_new = true;
        stream.snapshot = is_snapshot.then(Shipped::default);
        stream.settle_in(&self.sections[section], path);
        stream.observe(metadata, Instant::now());
        self.by_locator.insert(locator, id);
        self.by_inode.insert(locator.inode_and_birth(), id);
        self.by_path.insert(Arc::clone(&stream.path), id);
        self.streams.insert(id, Box::new(stream));
        if reads_existing || !is_packed {
            self.ready.insert(id);
            self.hot.insert(id);
        }
        id
    }

    /// Whether a new file is packed, or why it is not read. Found by a wider pattern, a file may be anything; named
    /// outright, it is read whatever it holds.
    pub(super) fn look_into(&self, section: usize, file: &Found, locator: Locator) -> Result<bool, &'static str> {
        let settings = &self.sections[section];
        let before = self.skipped.get(&locator);
        if let Some(skipped) = before
            && skipped.size == file.metadata.len()
            && !matches!(skipped.reason, "unreadable" | "copy" | "gone" | "older")
        {
            return Err(skipped.reason);
        }
        if self.surroundings.own_outputs.contains(&(locator.device, locator.inode)) {
            warn!(file = %file.path.display(), "not following this file: the agent itself writes to it");
            return Err("own_log");
        }
        if let Some(age_max) = settings.ignore_older
            && file.metadata.modified().is_ok_and(|at| at.elapsed().is_ok_and(|age| age > age_max))
        {
            return Err("older");
        }
        let look = || -> io::Result<(bool, Result<(), NotText>)> {
            let mut content = continuation::open(&file.path, &self.surroundings.folder)?;
            content.reach(HEAD_BYTES as u64)?;
            let mut head = [0; HEAD_BYTES];
            let length = content.read_full_at(&mut head, 0)?;
            let charset = settings.encoding.charset_of(&head[..length], false);
            Ok((matches!(content, Content::Packed(_)), charset.map(|_| ())))
        };
        match look() {
            Ok((is_packed, Err(NotText::Binary(reason)))) if !file.is_named || is_packed => {
                warn!(file = %file.path.display(), reason, "not following this file: it holds no text");
                Err("binary")
            }
            Ok((is_packed, _)) => Ok(is_packed),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err("gone"),
            Err(error) => {
                if before.is_none_or(|skipped| skipped.reason != "unreadable") {
                    warn!(file = %file.path.display(), %error, "cannot read this file: give the agent the right to");
                }
                Err("unreadable")
            }
        }
    }
}

/// The labels of a stream before it has settled in: the same for all.
fn no_labels() -> Arc<BTreeMap<String, String>> {
    static NONE: LazyLock<Arc<BTreeMap<String, String>>> = LazyLock::new(Arc::default);
    Arc::clone(&NONE)
}

pub(super) fn new_stream(id: StreamId, position: Position, state: State) -> Stream {
    Stream {
        id,
        read: position.mark,
        recent: std::collections::VecDeque::new(),
        path: Arc::from(position.path.as_path()),
        position,
        section: 0,
        content: None,
        size: 0,
        modified: None,
        changed_at: Instant::now(),
        records: 0,
        unfinished: None,
        nuls_since: None,
        rewritten_since: None,
        labels: no_labels(),
        day: None,
        snapshot: None,
        searched_to: 0,
        state,
        size_saved: 0,
        is_troubled: false,
        is_retired: false,
        behind_since: None,
        last_error: None,
        is_new: false,
    }
}

/// The stream of a file that nobody follows.
pub(crate) fn stream_of(section: &Section, path: &Path, metadata: &Metadata) -> io::Result<Stream> {
    let is_packed = platform::open_shared(path).and_then(|file| continuation::is_packed(&file))?;
    let position = Position {
        path: path.to_owned(),
        mark: Mark { chain: Some(Chain::START), ..Mark::default() },
        packed: is_packed.then(Packed::default),
        framing: section.framing_key,
        ..Position::of(Locator::of(metadata))
    };
    let mut stream = new_stream(0, position, State::Followed);
    stream.settle_in(section, path);
    stream.observe(metadata, Instant::now());
    Ok(stream)
}

/// The place behind the last complete line: an unfinished one is read when it is finished.
fn mark_at_end(path: &Path, encoding: Encoding) -> Mark {
    const TAIL_BYTES: u64 = 64 << 10;
    let read = || -> io::Result<Mark> {
        let file = platform::open_shared(path)?;
        let size = file.metadata()?.len();
        let from = size.saturating_sub(TAIL_BYTES);
        let mut tail = vec![0; (size - from) as usize];
        let length = read_full_at(&file, &mut tail, from)?;
        let mut head = [0; HEAD_BYTES];
        let head_length = read_full_at(&file, &mut head, 0)?;
        let charset = encoding.charset_of(&head[..head_length], true).map(|detected| detected.charset).ok();
        let line_feed: &[u8] = match charset.map(Charset::units) {
            Some(Unit::Little) => b"\n\0",
            Some(Unit::Big) => b"\0\n",
            _ => b"\n",
        };
        // What is reserved and not written yet is no text to be left out.
        let written = tail[..length].iter().rposition(|byte| *byte != 0).map_or(0, |at| at + line_feed.len());
        let length = length.min(written);
        let is_aligned = |at: &usize| (from + *at as u64).is_multiple_of(line_feed.len() as u64);
        let last = memmem::rfind_iter(&tail[..length], line_feed).find(is_aligned);
        let end = last.map_or(0, |at| at + line_feed.len());
        let end = if end == 0 && from > 0 { length } else { end };
        let offset = from + end as u64;
        let guard = Guard::of(offset, &tail[end.saturating_sub(GUARD_BYTES)..end]);
        // What came before was not read, and is no header of what comes.
        let frame = if offset > 0 { FrameState::within_file() } else { FrameState::default() };
        Ok(Mark { offset, guard, frame, ..Mark::default() })
    };
    read().unwrap_or_default()
}
