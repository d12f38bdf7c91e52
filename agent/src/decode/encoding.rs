//! `encoding` in the config: `auto`, or the name of an encoding as browsers know it.

use std::fmt;

use encoding_rs::{ISO_2022_JP, REPLACEMENT, UTF_8, UTF_16BE, UTF_16LE};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use thiserror::Error;

use super::{Charset, Detected, NotText, detect, detect::mark_of};

/// In which encoding files are: `auto`, or a label of the WHATWG Encoding Standard. Default: `auto`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Encoding {
    /// Each file is judged by its beginning.
    #[default]
    Auto,
    /// The encoding is known, and wins over what the beginning shows.
    Named(&'static encoding_rs::Encoding),
}

/// Why a name is not accepted.
#[derive(Debug, Error)]
pub(crate) enum EncodingError {
    /// No encoding has this name.
    #[error(
        "{0:?} is not an encoding: write auto, or a name such as utf-8, utf-16le, utf-16be, windows-1252, iso-8859-1, \
         shift_jis, euc-jp, gbk, gb18030, big5, euc-kr, koi8-r"
    )]
    Unknown(String),
    /// Its bytes mean nothing without all that came before.
    #[error(
        "{0:?} is an encoding with states: a line cannot be read without all lines before it, so it is not supported; \
         let the program write utf-8, or shift_jis or euc-jp where it is Japanese"
    )]
    Stateful(String),
}

impl Encoding {
    fn parse(text: &str) -> Result<Self, EncodingError> {
        if text.trim().eq_ignore_ascii_case("auto") {
            return Ok(Self::Auto);
        }
        match encoding_rs::Encoding::for_label(text.as_bytes()) {
            None => Err(EncodingError::Unknown(text.to_owned())),
            // The standard reads the other encodings with states (iso-2022-kr, hz-gb-2312, ...) as `replacement`.
            Some(encoding) if encoding == ISO_2022_JP || encoding == REPLACEMENT => {
                Err(EncodingError::Stateful(text.to_owned()))
            }
            Some(encoding) => Ok(Self::Named(encoding)),
        }
    }

    /// How a file that begins with `head` is read; `is_whole` says that there is no more of it. A named encoding is never
    /// refused; where a byte order mark says otherwise, `warning` tells so.
    pub(crate) fn charset_of(self, head: &[u8], is_whole: bool) -> Result<Detected, NotText> {
        let Self::Named(encoding) = self else { return detect(head, is_whole) };
        let found = mark_of(head);
        let mark_bytes = found.filter(|(other, _)| *other == encoding).map_or(0, |(_, length)| length);
        let warning = found.filter(|(other, _)| *other != encoding).map(|(other, _)| {
            format!(
                "the file begins with the byte order mark of {}, but the config says encoding = \"{self}\": the config \
                 is followed; set encoding = \"auto\" if the text looks wrong",
                other.name()
            )
        });
        let charset = Charset { encoding, is_guessed: false, mark_bytes };
        Ok(Detected { charset, evidence: "named in the config", warning })
    }
}

impl fmt::Display for Encoding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => formatter.write_str("auto"),
            Self::Named(encoding) => formatter.write_str(&encoding.name().to_ascii_lowercase()),
        }
    }
}

impl Serialize for Encoding {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Encoding {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

/// The encodings that have a byte order mark of which we know.
pub(super) const MARKS: [(&[u8], &encoding_rs::Encoding); 3] =
    [(b"\xEF\xBB\xBF", UTF_8), (b"\xFF\xFE", UTF_16LE), (b"\xFE\xFF", UTF_16BE)];

#[cfg(test)]
mod tests {
    use super::Encoding;

    #[test]
    fn names_are_read_and_printed() {
        let check = |text: &str, expected: &str| {
            let found = match Encoding::parse(text) {
                Ok(encoding) => encoding.to_string(),
                Err(error) => error.to_string(),
            };
            assert!(found.starts_with(expected), "{text}: {found}");
        };
        check("auto", "auto");
        check("UTF-8", "utf-8");
        check("utf-16", "utf-16le");
        check("UTF-16BE", "utf-16be");
        // As browsers do; the two differ only in control characters that no log has.
        check("iso-8859-1", "windows-1252");
        check("cp1250", "windows-1250");
        check("sjis", "shift_jis");
        check("gbk", "gbk");
        check("gb18030", "gb18030");
        check("utf8-ish", "\"utf8-ish\" is not an encoding: write auto, or a name such as utf-8, ");
        check("iso-2022-jp", "\"iso-2022-jp\" is an encoding with states: ");
        check("hz-gb-2312", "\"hz-gb-2312\" is an encoding with states: ");
    }

    #[test]
    fn what_the_config_names_wins() {
        let check = |name: &str, head: &[u8], mark_bytes: u8, warning: Option<&str>| {
            let found = Encoding::parse(name).unwrap().charset_of(head, false).unwrap();
            assert_eq!((found.charset.mark_bytes, found.charset.is_guessed), (mark_bytes, false));
            match (found.warning, warning) {
                (None, None) => {}
                (Some(found), Some(warning)) => assert!(found.contains(warning), "{found}"),
                other => panic!("{other:?}"),
            }
        };
        check("utf-8", b"\xEF\xBB\xBFa", 3, None);
        check("utf-16le", b"\xFF\xFEa\0", 2, None);
        check(
            "utf-16le",
            b"\xFE\xFF\0a",
            0,
            Some("byte order mark of UTF-16BE, but the config says encoding = \"utf-16le\""),
        );
        check("windows-1252", b"\xEF\xBB\xBFa", 0, Some("byte order mark of UTF-8"));
        check("windows-1252", b"\0\0\0\0", 0, None);
    }
}
