//! Whether a file continues another one: whether what was read of that one stands in it too.
//!
//! Programs that rotate a log may copy it, perhaps packed, and then truncate or unlink it. What was not read yet is
//! then only in the copy, and all that was read must not be read again. That two files begin alike proves nothing: each run of
//! an instrument may begin with the same header.

use std::{ffi::OsStr, fs::File, io, path::Path};

use super::{
    chain::Chain,
    content::{Content, GZIP_MAGIC},
    identity::{GUARD_BYTES, Guard},
};
use crate::{delivery::Mark, platform};

/// How much is compared at a time.
const PIECE_BYTES: usize = 256 << 10;

/// A guard shorter than this proves little, where nothing but it is known.
const GUARD_BYTES_MIN: u16 = 32;

/// Whether a name is what programs that rotate make of another: `app.log.1`, `app.log-20261124`, `app.log.2.gz`.
pub(super) fn is_generation_of(name: &OsStr, original: &OsStr) -> bool {
    let (name, original) = (name.as_encoded_bytes(), original.as_encoded_bytes());
    name.len() > original.len() && name.starts_with(original) && matches!(name[original.len()], b'.' | b'-' | b'_')
}

/// Whether a file is packed by gzip.
pub(super) fn is_packed(file: &File) -> io::Result<bool> {
    let mut magic = [0; 2];
    Ok(super::content::read_full_at(file, &mut magic, 0)? == magic.len() && magic == GZIP_MAGIC)
}

/// Opens a file, and where it is packed, so that its content can be read. `folder` is where it is unpacked.
pub(super) fn open(path: &Path, folder: &Path) -> io::Result<Content> {
    let file = platform::open_shared(path)?;
    if is_packed(&file)? { Content::packed(file, folder) } else { Ok(Content::Plain(file)) }
}

/// Whether all that was read up to a mark stands in this content too. Where only the end was read, that end must do.
pub(super) fn holds(content: &mut Content, mark: &Mark) -> io::Result<bool> {
    if mark.guard.length == 0 {
        return Ok(false);
    }
    content.reach(mark.offset)?;
    if !guard_holds(content, &mark.guard)? {
        return Ok(false);
    }
    match mark.chain {
        Some(chain) => Ok(chain_of(content, mark.offset)? == chain),
        None => Ok(mark.guard.length >= GUARD_BYTES_MIN),
    }
}

/// Whether one content is the beginning of another, or the whole of it.
pub(super) fn is_beginning_of(content: &mut Content, other: &mut Content) -> io::Result<bool> {
    let (mut mine, mut its) = (vec![0; PIECE_BYTES], vec![0; PIECE_BYTES]);
    let mut at = 0;
    loop {
        content.reach(at + PIECE_BYTES as u64)?;
        other.reach(at + PIECE_BYTES as u64)?;
        let length = content.read_full_at(&mut mine, at)?;
        if other.read_full_at(&mut its[..length], at)? < length || mine[..length] != its[..length] {
            return Ok(false);
        }
        at += length as u64;
        if length < PIECE_BYTES {
            return Ok(true);
        }
    }
}

/// The mark behind all that a content holds, in the state of another mark.
pub(super) fn mark_at_end(content: &mut Content, state: &Mark) -> io::Result<Mark> {
    content.reach(u64::MAX)?;
    let offset = content.length()?;
    let mut before = vec![0; GUARD_BYTES.min(offset as usize)];
    let from = offset - before.len() as u64;
    content.read_exact_at(&mut before, from)?;
    Ok(Mark { offset, guard: Guard::of(offset, &before), chain: Some(chain_of(content, offset)?), ..*state })
}

fn guard_holds(content: &Content, guard: &Guard) -> io::Result<bool> {
    let mut buffer = [0; GUARD_BYTES];
    let bytes = &mut buffer[..usize::from(guard.length)];
    let length = content.read_full_at(bytes, guard.end - u64::from(guard.length))?;
    Ok(length == bytes.len() && *guard == Guard::of(guard.end, bytes))
}

fn chain_of(content: &Content, to: u64) -> io::Result<Chain> {
    let mut chain = Chain::START;
    let mut piece = vec![0; PIECE_BYTES];
    let mut at = 0;
    while at < to {
        let length = content.read_full_at(&mut piece, at)?.min((to - at) as usize);
        if length == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        chain = chain.extend((at, at + length as u64), (&piece[..length], at), |bytes, from| {
            content.read_exact_at(bytes, from)
        })?;
        at += length as u64;
    }
    Ok(chain)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::{holds, is_beginning_of, is_generation_of, open};
    use crate::{
        delivery::Mark,
        source::file::{chain::Chain, content::Content, identity::Guard},
    };

    fn mark_after(bytes: &[u8]) -> Mark {
        let end = bytes.len() as u64;
        let chain = Chain::START.extend((0, end), (bytes, 0), |_, _| Ok(())).expect("all is at hand");
        Mark { offset: end, guard: Guard::of(end, bytes), chain: Some(chain), ..Mark::default() }
    }

    fn packed(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(bytes).expect("packed");
        encoder.finish().expect("packed")
    }

    fn content(folder: &tempfile::TempDir, bytes: &[u8]) -> Content {
        let path = folder.path().join(format!("{:x}", xxhash_rust::xxh3::xxh3_64(bytes)));
        std::fs::write(&path, bytes).expect("written");
        open(&path, folder.path()).expect("opened")
    }

    #[test]
    fn names_that_rotation_makes_are_known() {
        let check =
            |name: &str, is: bool| assert_eq!(is_generation_of(name.as_ref(), "app.log".as_ref()), is, "{name}");
        check("app.log.1", true);
        check("app.log.2.gz", true);
        check("app.log-20261124", true);
        check("app.log", false);
        check("app.logs", false);
        check("other.log.1", false);
    }

    #[test]
    fn a_copy_is_told_from_a_file_that_begins_and_ends_alike() {
        let folder = tempfile::tempdir().expect("a folder");
        let text: Vec<u8> = (0..2000).flat_map(|line| format!("line {line} of the log\n").into_bytes()).collect();
        let read = &text[..30_000];
        let mark = mark_after(read);
        let mut other = text.clone();
        other[10] ^= 1;
        let check = |bytes: &[u8], is: bool| {
            for bytes in [bytes.to_vec(), packed(bytes)] {
                assert_eq!(holds(&mut content(&folder, &bytes), &mark).expect("read"), is);
            }
        };
        check(&text, true);
        check(read, true);
        check(&text[..29_999], false);
        check(&other, false);
        check(b"", false);
        let only_end = Mark { chain: None, ..mark };
        assert!(holds(&mut content(&folder, &other), &only_end).expect("read"));
        let is_beginning = |one: &[u8], two: &[u8]| {
            is_beginning_of(&mut content(&folder, one), &mut content(&folder, two)).expect("read")
        };
        assert!(is_beginning(&packed(read), &text) && is_beginning(&text, &packed(&text)));
        assert!(!is_beginning(&text, read) && !is_beginning(read, &other));
    }

    #[test]
    fn a_file_of_many_megabytes_is_unpacked_piece_by_piece() {
        let folder = tempfile::tempdir().expect("a folder");
        let text = "0123456789abcde\n".repeat(1 << 20);
        let mut content = content(&folder, &packed(text.as_bytes()));
        content.reach(10).expect("unpacked");
        assert!(!content.is_whole() && content.length().expect("known") < text.len() as u64);
        content.reach(u64::MAX).expect("unpacked");
        assert!(content.is_whole());
        assert_eq!(content.length().expect("known"), text.len() as u64);
    }
}
