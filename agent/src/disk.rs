//! One folder of files, as the rooms see it that must survive a crash: what is written is durable after a sync of the
//! file, and a name after a sync of the folder.
//!
//! A trait, so that tests can put a disk behind it that is full, fails, or loses whatever was not synced.

#[cfg(test)]
pub(crate) mod simulated;

use std::{fs::File, io, os::unix::fs::FileExt, path::PathBuf};

/// A folder.
pub(crate) trait Disk {
    /// An open file of it.
    type File: DiskFile + std::fmt::Debug;

    /// The names in it.
    fn names(&self) -> io::Result<Vec<String>>;
    /// Makes an empty file, or empties the one of this name.
    fn create(&self, name: &str) -> io::Result<Self::File>;
    /// Opens a file to read and write it.
    fn open(&self, name: &str) -> io::Result<Self::File>;
    /// Removes a file.
    fn remove(&self, name: &str) -> io::Result<()>;
    /// Gives a file another name, in one step; a file that had it is gone.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;
    /// Makes names that were made, changed and removed durable.
    fn sync(&self) -> io::Result<()>;
    /// How many bytes are free, where the system tells.
    fn free_bytes(&self) -> io::Result<Option<u64>>;
}

/// An open file.
pub(crate) trait DiskFile {
    /// Its length in bytes.
    fn length(&self) -> io::Result<u64>;
    /// Fills the buffer from this place; a file that ends before is an error.
    fn read_at(&self, buffer: &mut [u8], at: u64) -> io::Result<()>;
    /// Writes all bytes at this place. After an error some of them may be there.
    fn write_at(&self, bytes: &[u8], at: u64) -> io::Result<()>;
    /// Cuts or lengthens it.
    fn set_length(&self, length: u64) -> io::Result<()>;
    /// Makes its content durable.
    fn sync(&self) -> io::Result<()>;
}

/// A folder of the file system.
#[derive(Debug, Clone)]
pub(crate) struct Folder(PathBuf);

impl Folder {
    /// The folder at this path, which is made if it is not there.
    pub(crate) fn at(path: PathBuf) -> io::Result<Self> {
        std::fs::create_dir_all(&path)?;
        Ok(Self(path))
    }
}

impl Disk for Folder {
    type File = File;

    fn names(&self) -> io::Result<Vec<String>> {
        let names = std::fs::read_dir(&self.0)?.map(|entry| Ok(entry?.file_name().into_string().ok()));
        names.filter_map(Result::transpose).collect()
    }

    fn create(&self, name: &str) -> io::Result<File> {
        File::options().read(true).write(true).create(true).truncate(true).open(self.0.join(name))
    }

    fn open(&self, name: &str) -> io::Result<File> {
        File::options().read(true).write(true).open(self.0.join(name))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        std::fs::remove_file(self.0.join(name))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        std::fs::rename(self.0.join(from), self.0.join(to))
    }

    fn sync(&self) -> io::Result<()> {
        File::open(&self.0)?.sync_all()
    }

    fn free_bytes(&self) -> io::Result<Option<u64>> {
        let space = rustix::fs::statvfs(&self.0)?;
        Ok(Some(space.f_bavail.saturating_mul(space.f_frsize)))
    }
}

impl DiskFile for File {
    fn length(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }

    fn read_at(&self, buffer: &mut [u8], at: u64) -> io::Result<()> {
        self.read_exact_at(buffer, at)
    }

    fn write_at(&self, bytes: &[u8], at: u64) -> io::Result<()> {
        self.write_all_at(bytes, at)
    }

    fn set_length(&self, length: u64) -> io::Result<()> {
        self.set_len(length)
    }

    fn sync(&self) -> io::Result<()> {
        self.sync_data()
    }
}

/// The whole content of a file from this place on. Where the disk cannot be read there are zeroes, for the checksums to
/// find; the flag says so.
pub(crate) fn read_rest(file: &impl DiskFile, at: u64, length: u64) -> (Vec<u8>, bool) {
    const PIECE: usize = 4096;
    let mut bytes = vec![0; length.saturating_sub(at) as usize];
    if file.read_at(&mut bytes, at).is_ok() {
        return (bytes, true);
    }
    let mut is_whole = true;
    for (index, piece) in bytes.chunks_mut(PIECE).enumerate() {
        if file.read_at(piece, at + (index * PIECE) as u64).is_err() {
            piece.fill(0);
            is_whole = false;
        }
    }
    (bytes, is_whole)
}
