//! How far a transfer is, in a small file that is removed at its end.

use std::{fs, io, path::Path};

use serde::{Deserialize, Serialize};

/// The last event that is surely stored.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Checkpoint {
    from: String,
    after: Option<String>,
    done: u64,
}

impl Checkpoint {
    /// What is remembered of a transfer from there; of another one nothing is taken.
    pub(super) fn read(file: &Path, from: &str) -> Self {
        let read = fs::read(file).ok().and_then(|bytes| serde_json::from_slice::<Self>(&bytes).ok());
        read.filter(|read| read.from == from).unwrap_or_else(|| Self { from: from.to_owned(), after: None, done: 0 })
    }

    pub(super) fn after(&self) -> Option<&str> {
        self.after.as_deref()
    }

    pub(super) fn done(&self) -> u64 {
        self.done
    }

    pub(super) fn set(&mut self, after: String, done: u64) {
        (self.after, self.done) = (Some(after), done);
    }

    /// A mark that is lost costs time and nothing else, so it need not be on the disk.
    pub(super) fn write(&self, file: &Path) -> io::Result<()> {
        let new = file.with_extension("new");
        fs::write(&new, serde_json::to_vec(self).expect("texts and a number always print"))?;
        fs::rename(new, file)
    }

    pub(super) fn remove(file: &Path) {
        let _ = fs::remove_file(file);
    }
}
