//! A hash of all that was read of a file, so that a copy of it can be told from a file that only begins and ends alike.
//!
//! Whole blocks are hashed one after the other, each together with what came before. What lies behind the last whole
//! block is covered by the guard of the same place, if not entirely.

use std::io;

use xxhash_rust::xxh3::xxh3_64_with_seed;

/// Blocks are small, because one that began before what is in memory is read once more.
const BLOCK_BYTES: u64 = 4096;

/// The chain over all whole blocks before a place. A file of which only the end is read has none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) struct Chain(u64);

impl Chain {
    /// The chain before the beginning of a file.
    pub(crate) const START: Self = Self(0);

    /// The chain at `to`, if this one is that of the place `from`. `window` holds the bytes of the file from `base` on;
    /// a block that begins before it is got by `read`, which fills its buffer from an offset.
    pub(crate) fn extend(
        self,
        (from, to): (u64, u64),
        (window, base): (&[u8], u64),
        mut read: impl FnMut(&mut [u8], u64) -> io::Result<()>,
    ) -> io::Result<Self> {
        let mut chain = self;
        for block in from / BLOCK_BYTES..to / BLOCK_BYTES {
            let start = block * BLOCK_BYTES;
            let inside = start.checked_sub(base).and_then(|at| window.get(at as usize..(at + BLOCK_BYTES) as usize));
            chain = if let Some(bytes) = inside {
                chain.with(bytes)
            } else {
                let mut bytes = [0; BLOCK_BYTES as usize];
                read(&mut bytes, start)?;
                chain.with(&bytes)
            };
        }
        Ok(chain)
    }

    fn with(self, block: &[u8]) -> Self {
        Self(xxh3_64_with_seed(block, self.0))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::Chain;

    proptest! {
        #[test]
        fn steps_of_any_size_give_the_same_chain(
            bytes in prop::collection::vec(any::<u8>(), 0..40_000),
            steps in prop::collection::vec((1..20_000_usize, 0..300_usize), 0..12),
        ) {
            let read = |buffer: &mut [u8], from: u64| {
                buffer.copy_from_slice(&bytes[from as usize..from as usize + buffer.len()]);
                Ok(())
            };
            let whole = Chain::START.extend((0, bytes.len() as u64), (&bytes, 0), read).expect("no read fails");
            let mut chain = Chain::START;
            let mut at = 0;
            for (length, before) in steps.into_iter().chain([(bytes.len(), 0)]) {
                let to = (at + length).min(bytes.len());
                let base = at.saturating_sub(before);
                chain = chain
                    .extend((at as u64, to as u64), (&bytes[base..to], base as u64), read)
                    .expect("no read fails");
                at = to;
            }
            prop_assert_eq!(chain, whole);
            if let Some(place) = (bytes.len() / 4096).checked_sub(1) {
                let mut other = bytes.clone();
                other[place * 4096] ^= 1;
                let other = Chain::START.extend((0, other.len() as u64), (&other, 0), |_, _| Ok(())).expect("all is at hand");
                prop_assert_ne!(other, whole);
            }
        }
    }
}
