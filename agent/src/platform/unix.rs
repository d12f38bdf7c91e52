//! The Unix side of [`super`].

use std::{
    fs::{File, Metadata},
    io,
    os::unix::fs::{FileExt, MetadataExt},
    path::Path,
    time::UNIX_EPOCH,
};

use serde_json::{Value, json};

use super::{Disk, FilePlace, RootId};

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

pub(super) fn root_id(path: &Path) -> io::Result<RootId> {
    let metadata = std::fs::metadata(path)?;
    let file_system = rustix::fs::statvfs(path)?.f_fsid;
    Ok(RootId { device: metadata.dev(), inode: metadata.ino(), file_system })
}

#[cfg(target_os = "linux")]
pub(super) fn disk(path: &Path) -> io::Result<Disk> {
    // Of all the types that the field has on Linux, the magic numbers fill the lower half.
    Ok(kind(rustix::fs::statfs(path)?.f_type as u32))
}

/// macOS and the BSDs notify of changes by path and not by file system; there is nobody to ask.
#[cfg(not(target_os = "linux"))]
pub(super) fn disk(path: &Path) -> io::Result<Disk> {
    std::fs::metadata(path).map(|_| Disk::Local)
}

/// The kind of a file system by its magic number: `linux/magic.h`, statfs(2), and the sources of those that are not part
/// of Linux.
#[cfg(target_os = "linux")]
fn kind(magic: u32) -> Disk {
    match magic {
        0x0000_6969 => Disk::Network("nfs"),
        0x0000_517B => Disk::Network("smb"),
        0xFF53_4D42 => Disk::Network("cifs"),
        0xFE53_4D42 => Disk::Network("smb2"),
        0x0000_564C => Disk::Network("ncp"),
        0x5346_414F | 0x6B41_4653 => Disk::Network("afs"),
        0x7375_7245 => Disk::Network("coda"),
        0x00C3_6400 => Disk::Network("ceph"),
        0x0102_1997 => Disk::Network("9p"),
        0x0116_1970 => Disk::Network("gfs2"),
        0x7461_636F => Disk::Network("ocfs2"),
        0x0BD0_0BD0 => Disk::Network("lustre"),
        0x4750_4653 => Disk::Network("gpfs"),
        0x1983_0326 => Disk::Network("beegfs"),
        0x786F_4256 => Disk::Network("vboxsf"),
        0x6573_5546 => Disk::Served,
        _ => Disk::Local,
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::{Disk, kind};

    #[test]
    fn shares_are_known_by_their_magic_numbers() {
        let check = |magic: u32, expected: Disk| assert_eq!(kind(magic), expected);
        check(0x6969, Disk::Network("nfs"));
        // Negative where the field is a signed word.
        check(-11_317_950_i32 as u32, Disk::Network("cifs"));
        check(0xFE53_4D42_u32, Disk::Network("smb2"));
        check(0x6573_5546, Disk::Served);
        for (name, local) in [
            ("ext4", 0xEF53),
            ("xfs", 0x5846_5342),
            ("btrfs", 0x9123_683E),
            ("tmpfs", 0x0102_1994),
            ("overlay", 0x794C_7630),
        ] {
            assert_eq!(kind(local), Disk::Local, "{name}");
        }
    }
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
