//! An e-mail address of the settings.

use std::fmt;

use lettre::message::Mailbox;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// An address, with or without a name: `ops@example.com`, `Laboratory <ops@example.com>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Addressee(pub(super) Mailbox);

impl Addressee {
    /// Reads an address.
    pub(super) fn parse(text: &str) -> Option<Self> {
        if text.chars().any(char::is_control) {
            return None;
        }
        text.trim().parse().ok().map(Self)
    }
}

impl fmt::Display for Addressee {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

impl Serialize for Addressee {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Addressee {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| {
            serde::de::Error::custom(format!(
                "{text:?} is not an e-mail address: write one such as ops@example.com or Laboratory <ops@example.com>"
            ))
        })
    }
}
