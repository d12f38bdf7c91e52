//! The patterns that are known by name, and those of the config.

use std::{fmt, ops::Range};

use regex::{Captures, Regex};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::card;

/// The names of the built-in patterns.
pub(super) const NAMES: [&str; 5] = ["email", "token", "ipv4", "credit-card", "user-path"];

/// No look-behind is needed: where a longer run of the same characters begins, so does the match.
const EMAIL: &str = r"[\w.%+'-]+@[\w-]+(?:\.[\w-]+)+";

/// What stands behind a word for a secret.
const SECRET: &str = concat!(
    r"(?i-u:passw(?:or)?d|passphrase|pwd|secret|token|api[ _-]?key|access[_-]?key|private[_-]?key|credentials?)",
    r#"\\?["']?[ \t]*[:=][ \t]*(?:\\?"([^"\\]+)|'([^']+)|([^\s,;&"'\\][^\s,;&"']*))"#,
);

/// What stands behind `Bearer` and `Basic`, and between `://user:` and `@`.
const AUTHORIZATION: &str = r"(?i-u:\b(?:bearer|basic)[ \t]+)([A-Za-z0-9._~+/=-]{8,})|://[^\s/:@]*:([^\s/@]+)@";

/// JSON web tokens, and keys with the prefix that their issuer documents: AWS, GitHub, GitLab, Slack, `OpenAI` and Stripe,
/// Google.
const KEY: &str = concat!(
    r"(?-u:\b)(?:eyJ[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]*)*|(?:AKIA|ASIA)[0-9A-Z]{16}",
    r"|(?:gh[pousr]_|github_pat_|glpat-|xox[abeoprs]-|[spr]k[-_]|AIza)[A-Za-z0-9_-]{16,})",
);

const IPV4: &str =
    r"(?-u:\b)(?:(?:25[0-5]|2[0-4][0-9]|[01]?[0-9]?[0-9])\.){3}(?:25[0-5]|2[0-4][0-9]|[01]?[0-9]?[0-9])(?-u:\b)";

/// A name with blanks in it ends at the next separator, one without at the blank.
const WINDOWS_USER: &str =
    r#"(?i-u::[\\/]+(?:Users|Documents and Settings)[\\/]+)(?:([^\\/:*?"'<>|\r\n]+)[\\/]|([^\\/:*?"'<>|\s]+))"#;

const UNIX_USER: &str = r#"/(?:home|Users)/([^/\s:"'<>|]+)"#;

/// Why a pattern was refused.
#[derive(Debug, Error)]
pub(crate) enum PatternError {
    /// Not a regular expression.
    #[error("{0:?} is no regular expression: {1}")]
    Regex(String, String),
    /// It would match between any two characters.
    #[error("{0:?} matches the empty text: write it so that it matches at least one character")]
    Empty(String),
    /// Most likely a name that is misspelt, and then nothing would be hidden.
    #[error("{0:?} is no built-in pattern ({names}); to hide the word itself write \"(?:{0})\"", names = NAMES.join(", "))]
    Name(String),
}

/// Something to look for. The parts of a pattern are searched one by one, since small expressions are quicker than one
/// that is large.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(super) struct Pattern {
    written: String,
    search: Search,
}

#[derive(Debug, Clone)]
enum Search {
    Regexes(Vec<Regex>),
    CreditCard,
}

impl TryFrom<String> for Pattern {
    type Error = PatternError;

    fn try_from(written: String) -> Result<Self, PatternError> {
        let texts = match written.as_str() {
            "credit-card" => return Ok(Self { written, search: Search::CreditCard }),
            "email" => vec![EMAIL],
            "token" => vec![SECRET, AUTHORIZATION, KEY],
            "ipv4" => vec![IPV4],
            "user-path" => vec![WINDOWS_USER, UNIX_USER],
            own if own.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')) => {
                return Err(PatternError::Name(written));
            }
            own => vec![own],
        };
        let regexes = texts.into_iter().map(Regex::new).collect::<Result<Vec<_>, _>>().map_err(|error| {
            // The last line says what is wrong, the lines above it draw where.
            let reason = error.to_string();
            let reason = reason.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
            PatternError::Regex(written.clone(), reason)
        })?;
        if regexes.iter().any(|regex| regex.is_match("")) {
            return Err(PatternError::Empty(written));
        }
        Ok(Self { written, search: Search::Regexes(regexes) })
    }
}

impl From<Pattern> for String {
    fn from(pattern: Pattern) -> Self {
        pattern.written
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.written)
    }
}

impl Pattern {
    /// Whether it is the one for passwords and the like.
    pub(super) fn is_token(&self) -> bool {
        self.written == "token"
    }

    /// What of the text is to be hidden; no range is empty.
    pub(super) fn ranges(&self, text: &str) -> Vec<Range<usize>> {
        let regexes = match &self.search {
            Search::CreditCard => return card::ranges(text),
            Search::Regexes(regexes) => regexes,
        };
        let mut ranges = Vec::new();
        for regex in regexes {
            if regex.captures_len() == 1 {
                ranges.extend(regex.find_iter(text).map(|found| found.range()));
            } else if regex.is_match(text) {
                // Groups cost much more than a match, and most texts have none.
                regex.captures_iter(text).for_each(|captures| add_groups(&captures, &mut ranges));
            }
        }
        ranges.retain(|range| !range.is_empty());
        ranges
    }
}

/// The groups that took part in a match, or all of it if none did.
fn add_groups(captures: &Captures<'_>, ranges: &mut Vec<Range<usize>>) {
    let mut groups = captures.iter().flatten();
    let whole = groups.next().expect("group 0 is the match itself").range();
    let before = ranges.len();
    ranges.extend(groups.map(|group| group.range()));
    if ranges.len() == before {
        ranges.push(whole);
    }
}

/// Whether a field of this name holds a secret.
pub(super) fn is_secret_key(key: &str) -> bool {
    const ENDS: [&str; 12] = [
        "password",
        "passwd",
        "passphrase",
        "pwd",
        "secret",
        "token",
        "apikey",
        "accesskey",
        "privatekey",
        "credential",
        "credentials",
        "authorization",
    ];
    if key.len() < 3 {
        return false;
    }
    ENDS.iter().any(|end| {
        let mut letters = key.bytes().rev().filter(|byte| !matches!(byte, b'_' | b'-' | b' '));
        end.bytes().rev().all(|wanted| letters.next().is_some_and(|byte| byte.eq_ignore_ascii_case(&wanted)))
    })
}
