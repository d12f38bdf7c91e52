//! The name of a rule, which stands in rows, addresses and mails, and therefore is plain.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use thiserror::Error;

/// Rows and subjects of mails repeat the name.
const LENGTH_MAX: usize = 64;

/// A name of 1 to 64 characters `a-z`, `0-9`, `.`, `_` and `-`, of which the first is a letter or a digit.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RuleName(String);

/// A text that is no name.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "{0:?} is no name for a rule: write 1 to {LENGTH_MAX} of a-z, 0-9, \".\", \"_\" and \"-\", beginning with a letter \
     or a digit, such as \"node-errors\""
)]
pub struct NameError(String);

impl RuleName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for RuleName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let is_plain = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit();
        let is_name = text.starts_with(is_plain)
            && text.len() <= LENGTH_MAX
            && text.chars().all(|letter| is_plain(letter) || matches!(letter, '.' | '_' | '-'));
        // What was written may be of any length, its error not.
        if is_name { Ok(Self(text.to_owned())) } else { Err(NameError(text.chars().take(2 * LENGTH_MAX).collect())) }
    }
}

impl fmt::Display for RuleName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl Serialize for RuleName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for RuleName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::RuleName;

    #[test]
    fn names_are_plain() {
        let check = |text: &str, expected: bool| assert_eq!(text.parse::<RuleName>().is_ok(), expected, "{text}");
        check("a", true);
        check("7.node_errors-2", true);
        check(&"x".repeat(64), true);
        check(&"x".repeat(65), false);
        check("", false);
        check("-a", false);
        check("A", false);
        check("a b", false);
        check("é", false);
        check("a\n", false);
    }
}
