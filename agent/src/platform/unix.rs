//! The Unix side of [`super`].

use std::{
    fs::{File, Metadata},
    io,
    os::unix::fs::{FileExt, MetadataExt},
    path::{Path, PathBuf},
    time::UNIX_EPOCH,
};

use serde_json::{Value, json};

use super::FilePlace;

pub(super) fn open_shared(path: &Path) -> io::Result<File> {
    File::open(path)
}

pub(super) fn place_of_metadata(metadata: &Metadata) -> FilePlace {
    let birth = metadata.created().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    let birth_ns = birth.and_then(|since| i64::try_from(since.as_nanos()).ok());
    FilePlace { device: metadata.dev(), inode: metadata.ino(), birth_ns }
}

pub(super) fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    file.read_at(buffer, offset)
}

#[cfg(target_os = "linux")]
pub(super) fn share_of(path: &Path) -> Option<PathBuf> {
    super::mounts::Mounts::now().share_of(path, |link| std::fs::read_link(link).ok())
}

#[cfg(target_os = "linux")]
pub(super) fn shares() -> Vec<PathBuf> {
    super::mounts::Mounts::now().shares()
}

#[cfg(not(target_os = "linux"))]
pub(super) fn shares() -> Vec<PathBuf> {
    Vec::new()
}

/// macOS and the BSDs have no such table; `own_thread` says it there.
#[cfg(not(target_os = "linux"))]
pub(super) fn share_of(_path: &Path) -> Option<PathBuf> {
    None
}

/// What `os-release(5)` says of the system.
pub(super) fn os_facts() -> Value {
    let text = std::fs::read_to_string("/etc/os-release").unwrap_or_default();
    let value = |key: &str| {
        let found = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
        found.map(|value| value.trim_matches(['"', '\'']).to_owned())
    };
    json!({ "type": std::env::consts::OS, "name": value("NAME"), "version": value("VERSION_ID") })
}
