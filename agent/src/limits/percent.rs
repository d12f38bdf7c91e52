//! A part of a whole in the config: `5%`, `0.5%`.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A part of a whole: more than nothing, at most all of it.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub struct Percent(f64);

impl Percent {
    /// The part as a number above 0, up to 1.
    pub fn fraction(self) -> f64 {
        self.0 / 100.0
    }

    fn parse(text: &str) -> Option<Self> {
        let number = text.trim().strip_suffix('%')?.trim();
        // `f64` also reads words and exponents, which nobody means here.
        let is_plain = number.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
        number.parse().ok().filter(|percent| is_plain && *percent > 0.0 && *percent <= 100.0).map(Self)
    }
}

impl fmt::Display for Percent {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}%", self.0)
    }
}

impl Serialize for Percent {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Percent {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| {
            serde::de::Error::custom(format!(
                "{text:?} is not a part of a core: write a percentage above 0% and up to 100%, such as 5% or 0.5%"
            ))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Percent;

    #[test]
    fn percentages_are_read_and_printed() {
        let check = |text: &str, expected: Option<&str>| {
            assert_eq!(Percent::parse(text).map(|percent| percent.to_string()).as_deref(), expected, "{text}");
        };
        check("5%", Some("5%"));
        check(" 0.50 % ", Some("0.5%"));
        check("100%", Some("100%"));
        for wrong in ["0%", "100.1%", "-5%", "5", "%", "NaN%", "inf%", "1e1%", "five%", ""] {
            check(wrong, None);
        }
    }
}
