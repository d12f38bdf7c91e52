//! The lines of a file's beginning as text, and how they end.

use std::sync::LazyLock;

use regex::Regex;

use crate::decode::{Charset, Unit};

static ESCAPE: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"\x1b\[[0-9;?]*[@-~]").expect("the pattern is tested with every proposal"));

/// How lines end, as far as they were looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct LineEnds {
    /// Lines that end in a line feed alone.
    pub(crate) lf: usize,
    /// Lines that end in a carriage return and a line feed.
    pub(crate) crlf: usize,
    /// Carriage returns that stand alone.
    pub(crate) bare_cr: usize,
    /// The last line has an end.
    pub(crate) has_final: bool,
}

/// Lines as text.
#[derive(Debug)]
pub(super) struct Lines {
    /// Without line ends, escape sequences and NULs. The last one may be blank.
    pub(super) all: Vec<String>,
    pub(super) ends: LineEnds,
    pub(super) has_ansi: bool,
    pub(super) nuls: usize,
}

impl Lines {
    /// The lines of the head; where it is not the whole file, its last line is left out, which may be cut.
    pub(super) fn of(charset: Charset, head: &[u8], is_whole: bool) -> Self {
        let mut lines = Self { all: Vec::new(), ends: LineEnds::default(), has_ansi: false, nuls: 0 };
        let mut rest = &head[usize::from(charset.mark_bytes).min(head.len())..];
        while !rest.is_empty() {
            let Some(length) = line_feed(charset.units(), rest) else {
                if is_whole {
                    lines.add(&charset.decode(rest).0);
                }
                break;
            };
            let end = length + charset.unit();
            let text = charset.decode(&rest[..length]).0;
            let content = text.strip_suffix('\r');
            lines.ends.crlf += usize::from(content.is_some());
            lines.ends.lf += usize::from(content.is_none());
            lines.add(content.unwrap_or(&text));
            rest = &rest[end..];
            lines.ends.has_final = rest.is_empty();
        }
        lines
    }

    /// Those that are not blank.
    pub(super) fn with_text(&self) -> Vec<&str> {
        self.all.iter().map(String::as_str).filter(|line| !line.trim().is_empty()).collect()
    }

    fn add(&mut self, text: &str) {
        self.ends.bare_cr += text.matches('\r').count();
        self.nuls += text.matches('\0').count();
        let text = text.replace('\0', "");
        let stripped = ESCAPE.replace_all(&text, "");
        self.has_ansi |= stripped.len() < text.len();
        self.all.push(stripped.into_owned());
    }
}

/// Where the first line feed is.
fn line_feed(units: Unit, bytes: &[u8]) -> Option<usize> {
    let wanted = match units {
        Unit::Byte => return memchr::memchr(b'\n', bytes),
        Unit::Little => [b'\n', 0],
        Unit::Big => [0, b'\n'],
    };
    bytes.chunks_exact(2).position(|unit| unit == wanted).map(|unit| unit * 2)
}
