//! Which file is which: by where it lies and by what it holds, never by one of them alone.
//!
//! The place (device, inode, birth time) tells files apart that begin alike; the content just before the place where
//! reading stopped tells a file that grew from one that was rewritten, or whose inode was given to another.

use std::fs::Metadata;

use jiff::tz::TimeZone;
use labtrail_shared::{event_id::FileIdentity, timestamp::EventTimestamp};
use xxhash_rust::xxh3::xxh3_64;

use crate::platform;

/// How many bytes before a place prove that the file is still the one that was read.
pub(crate) const GUARD_BYTES: usize = 256;

/// How many bytes of a file's beginning are looked at to tell how it begins.
pub(crate) const HEAD_BYTES: usize = 4096;

/// Where a file begins whose first lines are written anew whenever something is added, such as a line with a checksum.
/// `None` while these lines have no end in `bytes`.
pub(crate) fn head_start(bytes: &[u8], rewritten_lines: usize) -> Option<usize> {
    let mut start = 0;
    for _ in 0..rewritten_lines {
        start += memchr::memchr(b'\n', &bytes[start..])? + 1;
    }
    Some(start)
}

/// Where a file lies, whatever its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub(crate) struct Locator {
    pub device: u64,
    pub inode: u64,
    /// Nanoseconds since 1970, where the file system keeps it. An inode that is used again has another one.
    pub birth_ns: Option<i64>,
}

impl Locator {
    /// The place of the file that has this metadata.
    pub(crate) fn of(metadata: &Metadata) -> Self {
        let platform::FilePlace { device, inode, birth_ns } = platform::place_of_metadata(metadata);
        Self { device, inode, birth_ns }
    }

    /// What the ids of this file's records are derived from: its place, how it begins, and which of the contents that
    /// began so at this place it is. So a file that is rewritten with another beginning has ids of its own even when the
    /// checkpoint was lost meanwhile.
    pub(crate) fn identity(&self, agent: &str, head: Head) -> FileIdentity {
        let Self { device, inode, birth_ns } = self;
        let Head { hash: head, repeats } = head;
        let hash = xxh3_64(format!("{agent}\0{device}\0{inode}\0{birth_ns:?}\0{head}\0{repeats}").as_bytes());
        let birth_ms = birth_ns.map_or(hash >> 16, |ns| (ns / 1_000_000).unsigned_abs());
        FileIdentity { birth_ms, hash: hash & 0xFF_FFFF_FFFF }
    }

    /// The day on which the file was made, by the clock of a zone, as days since 1970-01-01.
    pub(crate) fn birth_day(&self, zone: &TimeZone) -> Option<i64> {
        const DAY_MICROS: i64 = 86_400_000_000;
        let micros = self.birth_ns? / 1000;
        Some(EventTimestamp::naive_from_utc_micros(micros, zone).civil_micros.div_euclid(DAY_MICROS))
    }

    /// What stays when the device gets another number.
    pub(crate) fn inode_and_birth(&self) -> (u64, Option<i64>) {
        (self.inode, self.birth_ns)
    }
}

/// How a file begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) struct Head {
    /// Hash of its first line, or of the first [`GUARD_BYTES`] bytes of a longer one.
    pub hash: u64,
    /// How many contents before it at the same place began alike.
    pub repeats: u32,
}

impl Head {
    /// The head of a file whose first bytes these are; `None` while its first line is shorter than the guard and has no
    /// end. `before` is the head of the content that stood there before.
    pub(crate) fn of(bytes: &[u8], is_cut: bool, before: Option<Self>) -> Option<Self> {
        let bytes = &bytes[..bytes.len().min(GUARD_BYTES)];
        let line = match memchr::memchr(b'\n', bytes) {
            Some(end) => &bytes[..end],
            None if bytes.len() == GUARD_BYTES || is_cut && !bytes.is_empty() => bytes,
            None => return None,
        };
        let hash = xxh3_64(line);
        let repeats = before.filter(|before| before.hash == hash).map_or(0, |before| before.repeats + 1);
        Some(Self { hash, repeats })
    }
}

/// The content that ends at a place: a hash of at most [`GUARD_BYTES`] bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
pub(crate) struct Guard {
    pub end: u64,
    pub length: u16,
    pub hash: u64,
}

impl Guard {
    /// The guard of the place `end`, where `before` are bytes that end there.
    pub(crate) fn of(end: u64, before: &[u8]) -> Self {
        let tail = &before[before.len().saturating_sub(GUARD_BYTES)..];
        Self { end, length: tail.len() as u16, hash: if tail.is_empty() { 0 } else { xxh3_64(tail) } }
    }

    /// Whether the file still holds that content there.
    pub(crate) fn holds(&self, file: &std::fs::File) -> std::io::Result<bool> {
        let mut buffer = [0; GUARD_BYTES];
        let bytes = &mut buffer[..usize::from(self.length)];
        match platform::read_exact_at(file, bytes, self.end - u64::from(self.length)) {
            Ok(()) => Ok(*self == Self::of(self.end, bytes)),
            Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => Ok(false),
            Err(error) => Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::{Guard, Head, Locator};

    #[test]
    fn a_guard_tells_a_file_that_grew_from_one_that_was_rewritten() {
        let mut file = tempfile::tempfile().expect("a temporary file");
        let text = "x".repeat(300) + "end\n";
        file.write_all(text.as_bytes()).expect("written");
        let guard = Guard::of(304, text.as_bytes());
        assert!(guard.holds(&file).expect("read"));
        file.write_all(b"more\n").expect("written");
        assert!(guard.holds(&file).expect("read"));
        file.set_len(100).expect("truncated");
        assert!(!guard.holds(&file).expect("read"));
        file.set_len(1000).expect("zero-filled");
        assert!(!guard.holds(&file).expect("read"));
        assert!(Guard::default().holds(&file).expect("nothing to hold"));
    }

    #[test]
    fn each_content_of_a_file_has_ids_of_its_own() {
        let locator = Locator { device: 1, inode: 2, birth_ns: Some(1_700_000_000_000_000_000) };
        let head = |bytes: &[u8], before| Head::of(bytes, false, before).expect("a head");
        let first = head(b"run 1\nx", None);
        let identity = locator.identity("pc7", first);
        assert_eq!(identity, locator.identity("pc7", head(b"run 1\nmore and more", None)));
        assert_eq!(identity.birth_ms, 1_700_000_000_000);
        assert_ne!(identity.hash, locator.identity("pc7", head(b"run 2\n", Some(first))).hash);
        assert_ne!(identity.hash, locator.identity("pc7", head(b"run 1\n", Some(first))).hash);
        assert_ne!(identity.hash, locator.identity("pc8", first).hash);
    }

    #[test]
    fn a_head_is_known_when_the_first_line_is() {
        assert_eq!(Head::of(b"unfinished", false, None), None);
        assert!(Head::of(b"unfinished", true, None).is_some());
        assert!(Head::of(&[b'x'; 300], false, None).is_some());
    }
}
