//! What can go wrong with the spool.

use std::io;

use thiserror::Error;

/// The spool cannot do what was asked. It stays usable: the next call tries again.
#[derive(Debug, Error)]
pub(crate) enum SpoolError {
    /// The limits do not fit together.
    #[error(
        "segment_bytes is {segment_bytes} and bytes_max is {bytes_max}: a spool holds at least one segment, and a segment at most 1GiB"
    )]
    Limits {
        /// As set.
        segment_bytes: u64,
        /// As set.
        bytes_max: u64,
    },
    /// The folder cannot be read.
    #[error("open the spool")]
    Open(#[source] io::Error),
    /// The entry can never be stored.
    #[error("an entry of {bytes} bytes is larger than a segment of the spool, which takes {bytes_max}")]
    TooLarge {
        /// Of the payload.
        bytes: usize,
        /// The largest payload.
        bytes_max: u64,
    },
    /// The disk is full, has less free space than must stay free, or does not take writes. Nothing of the entry is stored.
    #[error("write to the spool")]
    Full(#[source] io::Error),
    /// What was appended may not be durable yet.
    #[error("sync the spool")]
    Sync(#[source] io::Error),
    /// The disk does not give an entry back. After a few tries it is stepped over as lost.
    #[error("read segment {segment} of the spool")]
    Read {
        /// Its number.
        segment: u64,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// How far it was delivered is not saved.
    #[error("save the position in the spool")]
    Save(#[source] io::Error),
}
