//! How files that are no text begin.

/// The first bytes of formats that may lie beside logs, and what to call them.
const MAGIC: [(&[u8], &str); 22] = [
    (b"\x7fELF", "a program"),
    (b"MZ\x90\0", "a program"),
    (b"\xCA\xFE\xBA\xBE", "a program"),
    (b"PK\x03\x04", "a zip archive or an office document"),
    (b"PK\x05\x06", "a zip archive"),
    (b"\x1F\x8B", "packed by gzip"),
    (b"\x28\xB5\x2F\xFD", "packed by zstd"),
    (b"\xFD7zXZ\0", "packed by xz"),
    (b"BZh", "packed by bzip2"),
    (b"7z\xBC\xAF\x27\x1C", "a 7z archive"),
    (b"Rar!\x1A\x07", "a rar archive"),
    (b"\x04\x22\x4D\x18", "packed by lz4"),
    (b"\x89PNG", "a picture"),
    (b"\xFF\xD8\xFF", "a picture"),
    (b"GIF8", "a picture"),
    (b"II*\0", "a picture"),
    (b"MM\0*", "a picture"),
    (b"%PDF-", "a PDF document"),
    (b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1", "an office document"),
    (b"SQLite format 3\0", "a SQLite database"),
    (b"\x89HDF\r\n\x1A\n", "an HDF5 file"),
    (b"ElfFile\0", "a Windows event log"),
];

/// What kind of file, other than text, begins like this.
pub(super) fn kind_of(head: &[u8]) -> Option<&'static str> {
    MAGIC.iter().find(|(magic, _)| head.starts_with(magic)).map(|(_, kind)| *kind)
}
