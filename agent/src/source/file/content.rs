//! What a file holds: its own bytes, or those that were packed into it by gzip.
//!
//! A packed file is unpacked into a temporary file without a name, piece by piece as it is read, so that to the rest of
//! the program it looks like a file that grows.

use std::{
    fs::File,
    io::{self, BufReader, Read, Write},
    path::Path,
};

use flate2::bufread::MultiGzDecoder;

use crate::platform;

/// How much is unpacked in one go.
const PIECE_BYTES: u64 = 4 << 20;

/// The first bytes of a file of gzip (RFC 1952).
pub(super) const GZIP_MAGIC: [u8; 2] = [0x1F, 0x8B];

/// An open file.
#[derive(Debug)]
pub(crate) enum Content {
    /// Its bytes as they are.
    Plain(File),
    /// What is packed in it.
    Packed(Box<Unpacked>),
}

/// A file that is being unpacked.
#[derive(Debug)]
pub(crate) struct Unpacked {
    decoder: MultiGzDecoder<BufReader<File>>,
    file: File,
    length: u64,
    is_whole: bool,
}

impl Content {
    /// What is packed in a file; `folder` is where it is unpacked.
    pub(crate) fn packed(packed: File, folder: &Path) -> io::Result<Self> {
        let decoder = MultiGzDecoder::new(BufReader::with_capacity(64 << 10, packed));
        let file = tempfile::tempfile_in(folder)?;
        Ok(Self::Packed(Box::new(Unpacked { decoder, file, length: 0, is_whole: false })))
    }

    /// The length of its content, as far as it is known.
    pub(crate) fn length(&self) -> io::Result<u64> {
        match self {
            Self::Plain(file) => Ok(file.metadata()?.len()),
            Self::Packed(unpacked) => Ok(unpacked.length),
        }
    }

    /// Whether all of its content is at hand: that of a packed file only once it is unpacked to its end.
    pub(crate) fn is_whole(&self) -> bool {
        match self {
            Self::Plain(_) => true,
            Self::Packed(unpacked) => unpacked.is_whole,
        }
    }

    /// Unpacks up to `to` and one piece further, so that it can be read.
    pub(crate) fn reach(&mut self, to: u64) -> io::Result<()> {
        match self {
            Self::Plain(_) => Ok(()),
            Self::Packed(unpacked) => unpacked.reach(to),
        }
    }

    /// Reads until the buffer is full or the content ends.
    pub(crate) fn read_full_at(&self, buffer: &mut [u8], from: u64) -> io::Result<usize> {
        read_full_at(self.bytes(), buffer, from)
    }

    /// Fills the buffer from a place.
    pub(crate) fn read_exact_at(&self, buffer: &mut [u8], from: u64) -> io::Result<()> {
        platform::read_exact_at(self.bytes(), buffer, from)
    }

    fn bytes(&self) -> &File {
        match self {
            Self::Plain(file) => file,
            Self::Packed(unpacked) => &unpacked.file,
        }
    }
}

impl Unpacked {
    fn reach(&mut self, to: u64) -> io::Result<()> {
        let to = to.saturating_add(PIECE_BYTES);
        let mut buffer = vec![0; 256 << 10];
        while self.length < to && !self.is_whole {
            match self.decoder.read(&mut buffer) {
                Ok(0) => self.is_whole = true,
                Ok(count) => {
                    self.file.write_all(&buffer[..count])?;
                    self.length += count as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

/// Reads until the buffer is full or the file ends.
pub(crate) fn read_full_at(file: &File, buffer: &mut [u8], from: u64) -> io::Result<usize> {
    let mut length = 0;
    while length < buffer.len() {
        match platform::read_at(file, &mut buffer[length..], from + length as u64)? {
            0 => break,
            count => length += count,
        }
    }
    Ok(length)
}
