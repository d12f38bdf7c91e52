//! What stands in place of a hidden text.

use std::ops::Range;

use memchr::memmem;
use xxhash_rust::xxh3::xxh3_64;

const HASH_START: &str = "[redacted:";
const HASH_DIGITS: usize = 6;

/// How a text is replaced.
#[derive(Debug, Clone)]
pub(super) enum Mark {
    /// Always by the same text, which may be empty.
    Text(String),
    /// By six digits of its hash, so that equal texts stay equal.
    Hash,
}

impl Mark {
    /// What stands in place of this text.
    pub(super) fn of(&self, text: &str) -> String {
        match self {
            Self::Text(mark) => mark.clone(),
            Self::Hash => format!("{HASH_START}{:06x}]", xxh3_64(text.as_bytes()) & 0xFF_FFFF),
        }
    }

    /// Whether the text is a mark and nothing else.
    pub(super) fn is_all_of(&self, text: &str) -> bool {
        match self {
            Self::Text(mark) => mark == text,
            Self::Hash => self.places(text).first().is_some_and(|place| *place == (0..text.len())),
        }
    }

    /// Where in a text there are marks.
    pub(super) fn places(&self, text: &str) -> Vec<Range<usize>> {
        match self {
            Self::Text(mark) if mark.is_empty() => Vec::new(),
            Self::Text(mark) => {
                memmem::find_iter(text.as_bytes(), mark.as_bytes()).map(|at| at..at + mark.len()).collect()
            }
            Self::Hash => memmem::find_iter(text.as_bytes(), HASH_START.as_bytes())
                .filter_map(|at| {
                    let digits = at + HASH_START.len();
                    let end = digits + HASH_DIGITS;
                    let is_mark = text.as_bytes().get(end) == Some(&b']')
                        && text.as_bytes()[digits..end].iter().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
                    is_mark.then_some(at..end + 1)
                })
                .collect(),
        }
    }
}
