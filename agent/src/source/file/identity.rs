//! Which file is which: by where it lies and by what it holds, never by one of them alone.
//!
//! The place (device, inode, birth time) tells files apart that begin alike; the content just before the place where
//! reading stopped tells a file that grew from one that was rewritten, or whose inode was given to another.

use std::{fs::Metadata, os::unix::fs::FileExt, time::UNIX_EPOCH};

use labtrail_shared::event_id::FileIdentity;
use xxhash_rust::xxh3::xxh3_64;

/// How many bytes before a place prove that the file is still the one that was read.
pub(crate) const GUARD_BYTES: usize = 256;

/// Where a file lies, whatever its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub(crate) struct Locator {
    pub device: u64,
    pub inode: u64,
    /// Nanoseconds since 1970, where the file system keeps it. An inode that is used again has another one.
    pub birth_ns: Option<i64>,
}

impl Locator {
    #[cfg(unix)]
    pub(crate) fn of(metadata: &Metadata) -> Self {
        use std::os::unix::fs::MetadataExt;
        let birth = metadata.created().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        let birth_ns = birth.and_then(|since| i64::try_from(since.as_nanos()).ok());
        Self { device: metadata.dev(), inode: metadata.ino(), birth_ns }
    }

    /// What the ids of this file's records are derived from.
    pub(crate) fn identity(&self, agent: &str, epoch: u32) -> FileIdentity {
        let Self { device, inode, birth_ns } = self;
        let hash = xxh3_64(format!("{agent}\0{device}\0{inode}\0{birth_ns:?}\0{epoch}").as_bytes());
        let birth_ms = birth_ns.map_or(hash >> 16, |ns| (ns / 1_000_000).unsigned_abs());
        FileIdentity { birth_ms, hash: hash & 0xFF_FFFF_FFFF }
    }

    /// Whether this can be the same file although the device got another number, as happens when a machine restarts.
    pub(crate) fn is_renumbered(&self, other: &Self) -> bool {
        self.birth_ns.is_some() && (self.inode, self.birth_ns) == (other.inode, other.birth_ns)
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
        match file.read_exact_at(bytes, self.end - u64::from(self.length)) {
            Ok(()) => Ok(*self == Self::of(self.end, bytes)),
            Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => Ok(false),
            Err(error) => Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::{Guard, Locator};

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
    fn each_epoch_of_a_file_has_ids_of_its_own() {
        let locator = Locator { device: 1, inode: 2, birth_ns: Some(1_700_000_000_000_000_000) };
        let identity = locator.identity("pc7", 0);
        assert_eq!(identity, locator.identity("pc7", 0));
        assert_eq!(identity.birth_ms, 1_700_000_000_000);
        assert_ne!(identity.hash, locator.identity("pc7", 1).hash);
        assert_ne!(identity.hash, locator.identity("pc8", 0).hash);
    }
}
