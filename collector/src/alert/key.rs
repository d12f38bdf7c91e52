//! Keys that are the same wherever and whenever they are made of the same parts.

use xxhash_rust::xxh3::xxh3_128;

/// 32 hexadecimal digits made of texts and of their order: XXH3 (128 bit) over each text behind its length.
pub(crate) fn key_of<'t>(parts: impl IntoIterator<Item = &'t str>) -> String {
    let mut bytes = Vec::with_capacity(256);
    for part in parts {
        bytes.extend_from_slice(&(part.len() as u64).to_le_bytes());
        bytes.extend_from_slice(part.as_bytes());
    }
    format!("{:032x}", xxh3_128(&bytes))
}

#[cfg(test)]
mod tests {
    use super::key_of;

    #[test]
    fn keys_are_of_the_parts_and_stay_what_they_are() {
        assert_eq!(key_of(["a", "b"]), key_of(["a", "b"]));
        assert_ne!(key_of(["a", "b"]), key_of(["ab", ""]));
        assert_ne!(key_of(["a", "b"]), key_of(["b", "a"]));
        // Rows in the stores have such keys: another value would send what was sent once more.
        assert_eq!(key_of(["a", "b"]), "4e8071d3974d16754bcb794c7d699bd6");
    }
}
