//! The ids of events: ULIDs, minted at random for what cannot be read again, derived for what was read from a file.
//!
//! A derived id is a pure function of what was read: 48 bits birth time of the file in milliseconds, 40 bits hash of
//! the file's identity, 40 bits byte offset of the record. Reading the same bytes again gives the same id, so a store
//! that refuses a second event of one id makes at-least-once delivery exactly-once storage.

use ulid::Ulid;

const OFFSET_BITS: u32 = 40;
const IDENTITY_BITS: u32 = 40;

/// Offsets that a derived id can carry lie below this: 1 TiB. A record beyond is not read, and that is said.
pub const OFFSET_LIMIT: u64 = 1 << OFFSET_BITS;

/// What a derived id says of the file: everything but the offset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub struct FileIdentity {
    /// Birth time of the file in Unix milliseconds (or 48 other bits, where the file system keeps none).
    pub birth_ms: u64,
    /// Hash of (agent, root, file identity, epoch); the low 40 bits count.
    pub hash: u64,
}

impl FileIdentity {
    /// The identity of one record in a file whose records have no place that stays: it is told by a number of 64 bits, of
    /// which the id also carries the low 40 itself.
    #[must_use]
    pub fn of_number(self, number: u64) -> Self {
        Self { hash: self.hash ^ (number >> IDENTITY_BITS).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 24, ..self }
    }
}

/// Mints the id of an event that cannot be read again: the time now and 80 random bits.
pub fn mint() -> String {
    Ulid::generate().to_string()
}

/// The id of the record that starts at `offset` in that file.
pub fn derive(identity: FileIdentity, offset: u64) -> String {
    debug_assert!(offset < OFFSET_LIMIT, "the file source does not read that far");
    let birth = u128::from(identity.birth_ms & ((1 << 48) - 1));
    let hash = u128::from(identity.hash & ((1 << IDENTITY_BITS) - 1));
    let offset = u128::from(offset & (OFFSET_LIMIT - 1));
    Ulid(birth << (IDENTITY_BITS + OFFSET_BITS) | hash << OFFSET_BITS | offset).to_string()
}

/// Whether a text is a ULID as MADSci accepts it: 26 characters of Crockford's base 32 in upper case, below 2^128.
pub fn is_ulid(text: &str) -> bool {
    text.len() == 26
        && text.as_bytes()[0] <= b'7'
        && text.bytes().all(
            |byte| matches!(byte, b'0'..=b'9' | b'A'..=b'H' | b'J' | b'K' | b'M' | b'N' | b'P'..=b'T' | b'V'..=b'Z'),
        )
}

#[cfg(test)]
mod tests {
    use super::{FileIdentity, derive, is_ulid, mint};

    #[test]
    fn derived_ids_sort_by_file_and_offset() {
        let file = FileIdentity { birth_ms: 1_700_000_000_000, hash: 0xFF_1234_5678 };
        let ids: Vec<String> = [0, 1, 255, 1 << 20, (1 << 40) - 1].map(|offset| derive(file, offset)).into();
        assert!(ids.is_sorted());
        assert!(ids.iter().all(|id| is_ulid(id)));
        assert_eq!(ids[0], derive(file, 0));
        assert_ne!(ids[0], derive(FileIdentity { hash: 1, ..file }, 0));
    }

    #[test]
    fn a_record_without_a_place_is_told_by_its_number() {
        let file = FileIdentity { birth_ms: 1_700_000_000_000, hash: 0xFF_1234_5678 };
        let ids: std::collections::HashSet<String> = (0..64)
            .map(|bit| 1_u64 << bit)
            .chain([0])
            .map(|number| derive(file.of_number(number), number % super::OFFSET_LIMIT))
            .collect();
        assert_eq!(ids.len(), 65);
    }

    #[test]
    fn the_bits_stand_where_the_contract_says() {
        let id = derive(FileIdentity { birth_ms: 1, hash: 2 }, 3);
        let bits = ulid::Ulid::from_string(&id).expect("a derived id is a ULID").0;
        assert_eq!(bits, 1 << 80 | 2 << 40 | 3);
    }

    #[test]
    fn a_ulid_is_told_from_other_texts() {
        assert!(is_ulid(&mint()));
        for text in [
            "",
            "01ARZ3NDEKTSV4RRFFQ69G5FA",
            "01arz3ndektsv4rrffq69g5fav",
            "81ARZ3NDEKTSV4RRFFQ69G5FAV",
            "01ARZ3NDEKTSV4RRFFQ69G5FAU",
        ] {
            assert!(!is_ulid(text), "{text}");
        }
    }
}
