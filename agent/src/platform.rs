//! What differs between operating systems when files are followed, in one place: opening, telling files apart, reading
//! at a place, and whether a path lies on a share.
//!
//! Only Unix is written; each function says what its Windows side does. Nothing here decides anything.

#[cfg(target_os = "linux")]
mod mounts;
#[cfg(unix)]
mod unix;

use std::{
    fs::{File, Metadata},
    io,
    path::{Path, PathBuf},
};

use serde_json::{Map, Value, json};

#[cfg(unix)]
use self::unix as system;

/// Where a file lies, whatever its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct FilePlace {
    /// The disk: on Windows the volume's serial number.
    pub device: u64,
    /// The file on that disk: on Windows its file id, of whose 128 bits NTFS uses the lower 64; those of `ReFS` are folded
    /// by a hash.
    pub inode: u64,
    /// Nanoseconds since 1970, where the file system keeps it. An inode that is used again has another one.
    pub birth_ns: Option<i64>,
}

/// Opens a file for reading such that its writer may do with it what it likes: append, rename, truncate, delete.
///
/// On Unix that is any open. On Windows `CreateFileW` with `FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE`, which
/// is what `std` asks for; a handle still keeps the folders above from being renamed, so that idle handles are closed.
pub(crate) fn open_shared(path: &Path) -> io::Result<File> {
    system::open_shared(path)
}

/// The place of a file by its metadata.
///
/// On Windows metadata does not hold it (`std` gives the index only from an open file): there, callers use [`place_of_path`].
pub(crate) fn place_of_metadata(metadata: &Metadata) -> FilePlace {
    system::place_of_metadata(metadata)
}

/// The place of an open file.
///
/// On Windows: `GetFileInformationByHandleEx` with `FileIdInfo` for volume and file id, with `FileBasicInfo` for the time of
/// creation. Some shares have no file id; a hash of the full path takes its place there.
#[cfg(test)]
pub(crate) fn place_of_file(file: &File) -> io::Result<FilePlace> {
    Ok(system::place_of_metadata(&file.metadata()?))
}

/// The place of the file that a path leads to, links followed.
///
/// On Windows: opened as by [`open_shared`] with no right but `FILE_READ_ATTRIBUTES`, asked as by [`place_of_file`], and
/// closed.
#[cfg(test)]
pub(crate) fn place_of_path(path: &Path) -> io::Result<FilePlace> {
    Ok(system::place_of_metadata(&std::fs::metadata(path)?))
}

/// Reads at most as many bytes as fit, from a place counted from the file's beginning; none at its end.
///
/// On Windows: `FileExt::seek_read`, which also moves the handle's own place, that nobody here uses. A range that the writer
/// has locked fails with `ERROR_LOCK_VIOLATION` (33) and is tried again later.
pub(crate) fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    loop {
        match system::read_at(file, buffer, offset) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

/// Fills the buffer from a place counted from the file's beginning; an error of kind `UnexpectedEof` where the file is
/// shorter.
pub(crate) fn read_exact_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<()> {
    let mut filled = 0;
    while filled < buffer.len() {
        match read_at(file, &mut buffer[filled..], offset + filled as u64)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            length => filled += length,
        }
    }
    Ok(())
}

/// Where the share is mounted on which a path lies, if it does: other machines' changes there are not notified, sizes may be
/// seen late, and any call may take very long. The share itself is not asked. `None` where the system has no table of them.
///
/// On Windows: what begins with two backslashes is a share by itself; for a letter, `GetDriveTypeW` says `DRIVE_REMOTE`.
pub(crate) fn share_of(path: &Path) -> Option<PathBuf> {
    system::share_of(path)
}

/// Where shares are mounted now: another answer than before means that one came or went.
pub(crate) fn shares() -> Vec<PathBuf> {
    system::shares()
}

/// What is known of the machine, in the words of the Elastic Common Schema (`host.*`).
///
/// On Windows: `RtlGetVersion`, and the product's name from the registry.
pub(crate) fn host_facts() -> Map<String, Value> {
    let facts = json!({
        "architecture": std::env::consts::ARCH,
        "os": system::os_facts(),
    });
    facts.as_object().cloned().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::{fs, io::ErrorKind};

    use super::{open_shared, place_of_file, place_of_metadata, place_of_path, read_at, read_exact_at};

    #[test]
    fn a_place_is_that_of_the_file_and_not_of_its_name() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let (path, renamed, link) =
            (folder.path().join("a.log"), folder.path().join("a.log.1"), folder.path().join("link"));
        fs::write(&path, "text").expect("written");
        std::os::unix::fs::symlink(&path, &link).expect("linked");
        let file = open_shared(&path).expect("opened");
        let place = place_of_file(&file).expect("known");
        assert_eq!(place_of_path(&path).expect("known"), place);
        assert_eq!(place_of_path(&link).expect("known"), place);
        assert_eq!(place_of_metadata(&fs::metadata(&path).expect("known")), place);
        fs::rename(&path, &renamed).expect("an open file can be renamed");
        assert_eq!(place_of_file(&file).expect("known"), place);
        fs::write(&path, "text").expect("written");
        assert_ne!(place_of_path(&path).expect("known"), place);
        fs::remove_file(&renamed).expect("an open file can be deleted");
        let mut buffer = [0; 4];
        read_exact_at(&file, &mut buffer, 0).expect("a deleted file can be read to its end");
        assert_eq!(&buffer, b"text");
    }

    #[test]
    fn bytes_are_read_at_a_place() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("a.log");
        fs::write(&path, "0123456789").expect("written");
        let file = open_shared(&path).expect("opened");
        let check = |offset: u64, expected: &[u8]| {
            let mut buffer = [0; 4];
            let length = read_at(&file, &mut buffer, offset).expect("read");
            assert_eq!(&buffer[..length], expected);
        };
        check(0, b"0123");
        check(8, b"89");
        check(10, b"");
        check(1 << 40, b"");
        let error = read_exact_at(&file, &mut [0; 4], 8).expect_err("too short");
        assert_eq!(error.kind(), ErrorKind::UnexpectedEof);
    }
}
