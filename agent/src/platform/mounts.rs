//! Which paths lie on a share, by the mount table: the share itself, which may not answer, is never asked.

use std::{
    ffi::{OsStr, OsString},
    os::unix::ffi::{OsStrExt, OsStringExt},
    path::{Component, Path, PathBuf},
};

/// More links than this on one path lead in a circle: the limit of Linux.
const LINKS_MAX: u32 = 40;

/// File systems of other machines, by the names that Linux gives them, and `autofs`, which mounts such ones when somebody
/// looks. What programs serve (sshfs, rclone) is called `fuse.NAME`; `fuseblk` is a local disk (ntfs-3g).
const SHARES: [&str; 20] = [
    "9p",
    "afs",
    "autofs",
    "beegfs",
    "ceph",
    "cifs",
    "coda",
    "fuse",
    "gfs2",
    "glusterfs",
    "gpfs",
    "lustre",
    "ncpfs",
    "nfs",
    "nfs4",
    "ocfs2",
    "smb3",
    "smbfs",
    "vboxsf",
    "virtiofs",
];

/// Where file systems are mounted, in the order in which they were.
#[derive(Debug, Default)]
pub(super) struct Mounts(Vec<Mount>);

#[derive(Debug)]
struct Mount {
    point: PathBuf,
    is_share: bool,
}

impl Mounts {
    /// Those of this process. None, where the system tells of none.
    pub(super) fn now() -> Self {
        Self::parse(&std::fs::read("/proc/self/mountinfo").unwrap_or_default())
    }

    /// Reads a table: `proc_pid_mountinfo(5)`.
    fn parse(table: &[u8]) -> Self {
        Self(table.split(|byte| *byte == b'\n').filter_map(mount_of).collect())
    }

    /// The mount point of the share on which a path lies, if it does; of shares in shares that of the outermost. `link` tells
    /// where a link leads; it is asked of places on this machine alone.
    pub(super) fn share_of(&self, path: &Path, link: impl Fn(&Path) -> Option<PathBuf>) -> Option<PathBuf> {
        let mut at = PathBuf::from("/");
        let mut rest = parts_of(path);
        let mut links = 0;
        loop {
            if self.share_at(&at) {
                return Some(at);
            }
            let part = rest.pop()?;
            if part == ".." {
                at.pop();
                continue;
            }
            at.push(&part);
            if !self.share_at(&at)
                && let Some(target) = link(&at)
            {
                links += 1;
                if links > LINKS_MAX {
                    return None;
                }
                at.pop();
                if target.is_absolute() {
                    at = PathBuf::from("/");
                }
                rest.extend(parts_of(&target));
            }
        }
    }

    /// Where shares are mounted, of shares in shares the outermost.
    pub(super) fn shares(&self) -> Vec<PathBuf> {
        let points = self.0.iter().map(|mount| &mount.point);
        let mut shares: Vec<PathBuf> =
            points.filter(|point| self.share_of(point, |_| None).as_ref() == Some(*point)).cloned().collect();
        shares.sort();
        shares.dedup();
        shares
    }

    /// Whether a share is mounted at this very place. What was mounted last hides what was before. A machine whose very root is
    /// on a share stands still with it, whatever we do.
    fn share_at(&self, path: &Path) -> bool {
        path != "/" && self.0.iter().rfind(|mount| mount.point == path).is_some_and(|mount| mount.is_share)
    }
}

/// The names on a path, the last one first.
fn parts_of(path: &Path) -> Vec<OsString> {
    let name = |part| match part {
        Component::Normal(name) => Some(name.to_owned()),
        Component::ParentDir => Some(OsString::from("..")),
        _ => None,
    };
    path.components().rev().filter_map(name).collect()
}

/// `36 35 98:0 / /mnt/share rw shared:1 - nfs4 server:/ rw`
fn mount_of(line: &[u8]) -> Option<Mount> {
    let mut words = line.split(|byte| *byte == b' ');
    let point = words.nth(4)?;
    let kind = words.skip_while(|word| *word != b"-").nth(1)?;
    let kind = OsStr::from_bytes(kind).to_string_lossy();
    let is_share = SHARES.contains(&&*kind) || kind.starts_with("fuse.");
    Some(Mount { point: PathBuf::from(unescaped(point)), is_share })
}

/// Blanks, tabs, line feeds and backslashes are written as three octal digits after a backslash.
fn unescaped(text: &[u8]) -> OsString {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let [first, others @ ..] = rest {
        let digits = others.get(..3).and_then(|digits| std::str::from_utf8(digits).ok());
        let octal = digits.and_then(|digits| u8::from_str_radix(digits, 8).ok());
        match octal {
            Some(byte) if *first == b'\\' => {
                bytes.push(byte);
                rest = &others[3..];
            }
            _ => {
                bytes.push(*first);
                rest = others;
            }
        }
    }
    OsString::from_vec(bytes)
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use super::Mounts;

    const TABLE: &str = "\
22 27 0:21 / /proc rw,relatime - proc proc rw
27 1 254:0 / / rw,relatime - ext4 /dev/vda rw,discard
40 27 0:41 / /mnt/lab rw,relatime shared:3 master:1 - nfs4 server:/lab rw,vers=4.2
41 40 0:42 / /mnt/lab/inner rw,relatime - cifs //server/inner rw
42 27 0:43 / /mnt/my\\040share rw,relatime shared:4 - cifs //server/share rw
43 27 0:44 / /net rw,relatime - autofs systemd-1 rw
44 27 0:45 / /home/ada/remote rw - fuse.sshfs ada@host: rw
45 27 8:17 / /media/usb rw - fuseblk /dev/sdb1 rw
46 27 0:46 / /mnt/over rw - nfs server:/ rw
47 46 8:18 / /mnt/over rw - ext4 /dev/sdc1 rw
";

    #[test]
    fn a_path_on_a_share_is_known_by_the_mount_table() {
        let mounts = Mounts::parse(TABLE.as_bytes());
        let link = |path: &Path| match path.to_str()? {
            "/data" => Some(PathBuf::from("mnt/../mnt/lab/hplc")),
            "/logs" => Some(PathBuf::from("/data/logs")),
            "/a" => Some(PathBuf::from("/b")),
            "/b" => Some(PathBuf::from("/a")),
            other => {
                assert!(!path.starts_with("/mnt/lab"), "a share is asked: {other}");
                None
            }
        };
        let check = |path: &str, expected: Option<&str>| {
            assert_eq!(mounts.share_of(Path::new(path), link), expected.map(PathBuf::from), "{path}");
        };
        check("/var/log", None);
        check("/mnt", None);
        check("/mnt/laboratory/x.log", None);
        check("/mnt/lab", Some("/mnt/lab"));
        check("/mnt/lab/hplc/x.log", Some("/mnt/lab"));
        check("/mnt/lab/inner/x.log", Some("/mnt/lab"));
        check("/mnt/my share/x.log", Some("/mnt/my share"));
        check("/net/host/x.log", Some("/net"));
        check("/home/ada/remote/x.log", Some("/home/ada/remote"));
        check("/media/usb/x.log", None);
        // Something else was mounted over it.
        check("/mnt/over/x.log", None);
        // By links, one of which is relative, and by such that lead nowhere.
        check("/data/x.log", Some("/mnt/lab"));
        check("/logs/x.log", Some("/mnt/lab"));
        check("/a/x.log", None);
        assert_eq!(mounts.shares(), ["/home/ada/remote", "/mnt/lab", "/mnt/my share", "/net"].map(PathBuf::from));
    }

    #[test]
    fn a_root_on_a_share_is_no_share() {
        let mounts =
            Mounts::parse(b"1 0 0:9 / / rw - fuse.fuse-overlayfs overlay rw\n2 1 0:10 / /mnt rw - nfs server:/ rw\n");
        assert_eq!(mounts.share_of(Path::new("/var/log"), |_| None), None);
        assert_eq!(mounts.shares(), [PathBuf::from("/mnt")]);
    }

    #[test]
    fn a_table_that_cannot_be_read_names_no_share() {
        for table in ["", "\n", "27 1 254:0 /", "x - nfs", "a b c d /mnt e f"] {
            assert_eq!(Mounts::parse(table.as_bytes()).share_of(Path::new("/mnt/x"), |_| None), None, "{table}");
        }
        assert_eq!(super::unescaped(b"/a\\0401\\134\\99x\\"), "/a 1\\\\99x\\");
    }

    #[test]
    fn a_temporary_folder_lies_on_no_share() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        assert_eq!(Mounts::now().share_of(folder.path(), |path| std::fs::read_link(path).ok()), None);
    }
}
