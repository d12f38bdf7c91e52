//! Reads the bodies of requests: never more than the limit, all of them together never more than their share of memory,
//! compressed or not.

use std::{io::Read, sync::Arc, time::Duration};

use axum::{
    body::Body,
    http::{HeaderMap, header},
};
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt as _;
use labtrail_shared::settings::{ByteSize, Period};
use thiserror::Error;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::{compute::compute, config::HttpConfig};

/// A body that grows beyond this gets all the room it may need at once: memory that is not touched costs nothing.
const GROWN_BYTES_MAX: usize = 1 << 20;

/// Memory is shared out in permits of so many bytes.
const PERMIT_BYTES: u64 = 1024;

/// What a compressed body is expected to grow to, until that is known.
const GROWTH: u64 = 8;

/// A sender that has written its body before it reads our refusal would see a broken connection instead. So what is too
/// large is read and thrown away, up to here.
const THROWN_AWAY_BYTES_MAX: u64 = 256 << 20;
const THROWN_AWAY_TIME_MAX: Duration = Duration::from_secs(10);

/// Why a body could not be read.
#[derive(Debug, Error)]
pub(crate) enum BodyError {
    /// It is larger than it may be.
    #[error(
        "the body is larger than {limit}, which the option http.body_bytes_max allows: send less at a time, or raise it"
    )]
    TooLarge {
        /// How large it may be.
        limit: ByteSize,
    },
    /// Its encoding is not one of ours.
    #[error("the Content-Encoding {0:?} is not known: use zstd, gzip or identity")]
    Encoding(String),
    /// It is not what its encoding says.
    #[error("the body is not valid {0}")]
    Decompress(&'static str),
    /// It took too long.
    #[error("the body took longer than {0}, which the option http.body_time_max allows")]
    TooSlow(Period),
    /// The sender went away.
    #[error("the body ended early: {0}")]
    Broken(String),
}

/// A body, and its share of the memory for bodies, which lasts as long as the request.
#[derive(Debug)]
pub(crate) struct Received {
    pub(crate) bytes: Bytes,
    _share: OwnedSemaphorePermit,
}

#[derive(Debug, Clone, Copy)]
enum Encoding {
    Identity,
    Zstd,
    Gzip,
}

#[derive(Debug)]
pub(crate) struct BodyReader {
    limit: ByteSize,
    time_max: Period,
    shares: Arc<Semaphore>,
    shares_max: u64,
}

impl BodyReader {
    pub(crate) fn new(config: &HttpConfig) -> Self {
        // One body of the largest size must always find room.
        let bytes = config.bodies_bytes_max.0.max(config.body_bytes_max.0);
        let shares_max = (bytes / PERMIT_BYTES + 1).min(Semaphore::MAX_PERMITS as u64).min(u64::from(u32::MAX));
        Self {
            limit: config.body_bytes_max,
            time_max: config.body_time_max,
            shares: Arc::new(Semaphore::new(shares_max as usize)),
            shares_max,
        }
    }

    pub(crate) async fn read(&self, headers: &HeaderMap, body: Body) -> Result<Received, BodyError> {
        let encoding = encoding(headers)?;
        let announced =
            headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
        if announced.is_some_and(|length| length > self.limit.0) {
            let waits_for_leave = headers.contains_key(header::EXPECT);
            if !waits_for_leave {
                throw_away(body).await;
            }
            return Err(BodyError::TooLarge { limit: self.limit });
        }
        let expected = match (announced, encoding) {
            (Some(length), Encoding::Identity) => length,
            (Some(length), _) => length.saturating_mul(GROWTH),
            (None, _) => self.limit.0,
        };
        let share = (expected.min(self.limit.0) / PERMIT_BYTES + 1).min(self.shares_max) as u32;
        let share = self.shares.clone().acquire_many_owned(share).await.expect("the semaphore is never closed");
        let reading = self.collect(body, announced.unwrap_or(0) as usize);
        let bytes = tokio::time::timeout(self.time_max.0, reading).await;
        let bytes = bytes.map_err(|_| BodyError::TooSlow(self.time_max))??;
        let bytes = match encoding {
            Encoding::Identity => bytes,
            encoded => {
                let limit = self.limit;
                compute(move || decompress(encoded, &bytes, limit)).await?
            }
        };
        Ok(Received { bytes, _share: share })
    }

    async fn collect(&self, body: Body, capacity: usize) -> Result<Bytes, BodyError> {
        let mut chunks = body.into_data_stream();
        let mut bytes = BytesMut::with_capacity(capacity);
        while let Some(chunk) = chunks.next().await {
            let chunk = chunk.map_err(|error| BodyError::Broken(error.to_string()))?;
            if bytes.len() + chunk.len() > self.limit.as_usize() {
                drop((bytes, chunk));
                throw_away_stream(chunks).await;
                return Err(BodyError::TooLarge { limit: self.limit });
            }
            if bytes.capacity() - bytes.len() < chunk.len() && bytes.len() + chunk.len() > GROWN_BYTES_MAX {
                // Taken at once and used as far as needed: growing by doubling would leave half-sized pieces behind.
                bytes.reserve(self.limit.as_usize() - bytes.len());
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(bytes.freeze())
    }
}

fn encoding(headers: &HeaderMap) -> Result<Encoding, BodyError> {
    let Some(value) = headers.get(header::CONTENT_ENCODING) else { return Ok(Encoding::Identity) };
    let name = String::from_utf8_lossy(value.as_bytes()).trim().to_ascii_lowercase();
    match name.as_str() {
        "" | "identity" => Ok(Encoding::Identity),
        "zstd" => Ok(Encoding::Zstd),
        "gzip" | "x-gzip" => Ok(Encoding::Gzip),
        _ => Err(BodyError::Encoding(name)),
    }
}

fn decompress(encoding: Encoding, bytes: &[u8], limit: ByteSize) -> Result<Bytes, BodyError> {
    let result = match encoding {
        Encoding::Identity => return Ok(Bytes::copy_from_slice(bytes)),
        Encoding::Zstd => zstd::Decoder::new(bytes)
            .and_then(|decoder| read_up_to(decoder, limit.as_usize()))
            .map_err(|_| BodyError::Decompress("zstd")),
        Encoding::Gzip => read_up_to(flate2::read::MultiGzDecoder::new(bytes), limit.as_usize())
            .map_err(|_| BodyError::Decompress("gzip")),
    };
    result?.map(Bytes::from).ok_or(BodyError::TooLarge { limit })
}

/// Reads all, or nothing if there is more than the limit: so no bomb goes off.
fn read_up_to(mut reader: impl Read, limit: usize) -> std::io::Result<Option<Vec<u8>>> {
    let mut out = Vec::new();
    let mut piece = vec![0; 64 << 10];
    loop {
        let length = reader.read(&mut piece)?;
        if length == 0 {
            return Ok(Some(out));
        }
        if out.len() + length > limit {
            return Ok(None);
        }
        if out.capacity() - out.len() < length && out.len() + length > GROWN_BYTES_MAX {
            out.reserve_exact(limit - out.len());
        }
        out.extend_from_slice(&piece[..length]);
    }
}

async fn throw_away(body: Body) {
    throw_away_stream(body.into_data_stream()).await;
}

async fn throw_away_stream(mut chunks: axum::body::BodyDataStream) {
    let all = async {
        let mut length = 0;
        while let Some(Ok(chunk)) = chunks.next().await {
            length += chunk.len() as u64;
            if length > THROWN_AWAY_BYTES_MAX {
                break;
            }
        }
    };
    // It is a courtesy: whether the sender comes to its end does not matter to us.
    let _ = tokio::time::timeout(THROWN_AWAY_TIME_MAX, all).await;
}
