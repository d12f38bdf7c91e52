//! Octets of a stream to messages, by the two framings of RFC 6587: each message ends in a delimiter, or its length stands
//! before it.
//!
//! Cutting is a pure function of the octets and the settings: any split of the octets into reads gives the same messages.
//! Nothing that is received stops it: what should be a count and is none is the beginning of a line.

use serde::{Deserialize, Serialize};

use crate::decode::Charset;

/// A longer number is no count of octets: nobody sends a message of 100 MB, and waiting for its end would swallow others.
const COUNT_DIGITS_MAX: u8 = 8;

/// The longest line end that may stand within a counted message: CRLF and NUL.
const LINE_END_MAX: usize = 3;

/// What a syslog message begins with (RFC 5424), and in `auto` what makes the number before it a count: an instrument's line
/// may well begin with a number and a blank.
const SYSLOG_BEGIN: u8 = b'<';

/// How a stream is cut into messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Framing {
    /// Message by message: a number, a blank and `<` begin one whose length is that number; all others end in the delimiter.
    #[default]
    Auto,
    /// Every message ends in the delimiter.
    Newline,
    /// Before every message stands its length in octets and a blank. Where that is missing, it ends in the delimiter.
    OctetCounted,
}

/// What ends a message whose length does not stand before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) enum Delimiter {
    /// A line end: LF or CRLF.
    #[default]
    #[serde(rename = "\n")]
    Newline,
    /// The octet 0. Line ends are part of the message then.
    #[serde(rename = "\0")]
    Nul,
}

impl Delimiter {
    fn octet(self) -> u8 {
        match self {
            Self::Newline => b'\n',
            Self::Nul => 0,
        }
    }
}

/// One message, without its frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Framed<'a> {
    /// Its octets; only the beginning where it is longer than the limit.
    pub bytes: &'a [u8],
    /// Its whole length in octets, where that is more than the limit.
    pub cut_from: Option<u64>,
    /// Whether the stream ended before the message did.
    pub is_partial: bool,
}

/// Cuts one stream.
#[derive(Debug)]
pub(super) struct Cutter {
    framing: Framing,
    delimiter: Delimiter,
    message_bytes_max: usize,
    state: State,
    /// The beginning of the message (or of what may be a count) whose end is not yet received: at most a line end more than
    /// the limit, which does not count, and by which is seen whether the limit falls into a character.
    held: Vec<u8>,
}

#[derive(Debug, Clone, Copy)]
enum State {
    /// Before a frame. Some senders write a line end after a counted message too, which is then none of its octets.
    Start { is_after_counted: bool },
    /// Within a number that may be a count; the blank after it may have been seen.
    Count { value: u64, digits: u8, has_blank: bool },
    /// Within a message that ends in the delimiter.
    Delimited { length: u64, last: u8 },
    /// Within a message of so many octets, of which so many are to come.
    Counted { length: u64, left: u64 },
}

const START: State = State::Start { is_after_counted: false };

impl Cutter {
    pub(super) fn new(framing: Framing, delimiter: Delimiter, message_bytes_max: usize) -> Self {
        Self { framing, delimiter, message_bytes_max, state: START, held: Vec::new() }
    }

    /// Takes what was received next, and gives the messages that end in it.
    pub(super) fn push(&mut self, mut octets: &[u8], mut give: impl FnMut(Framed<'_>)) {
        while let Some(&next) = octets.first() {
            let taken = match self.state {
                State::Start { is_after_counted } => self.start(next, is_after_counted),
                State::Count { value, digits, has_blank } => self.count(next, value, digits, has_blank),
                State::Delimited { length, last } => self.delimited(octets, length, last, &mut give),
                State::Counted { length, left } => self.counted(octets, length, left, &mut give),
            };
            octets = &octets[taken..];
        }
    }

    /// Gives what is left when the stream has ended.
    pub(super) fn finish(&mut self, mut give: impl FnMut(Framed<'_>)) {
        let length = match std::mem::replace(&mut self.state, START) {
            State::Start { .. } => 0,
            State::Count { .. } => self.held.len() as u64,
            State::Delimited { length, .. } => length,
            State::Counted { length, left } => length - left,
        };
        if length > 0 {
            give(Framed { is_partial: true, ..self.cut(&self.held, length) });
        }
        self.held.clear();
    }

    fn start(&mut self, next: u8, is_after_counted: bool) -> usize {
        if is_after_counted && matches!(next, b'\n' | 0) {
            self.state = START;
            return 1;
        }
        self.state = match (self.framing, next) {
            (Framing::Auto | Framing::OctetCounted, b'1'..=b'9') => {
                State::Count { value: 0, digits: 0, has_blank: false }
            }
            _ => State::Delimited { length: 0, last: 0 },
        };
        0
    }

    fn count(&mut self, next: u8, value: u64, digits: u8, has_blank: bool) -> usize {
        let counted = State::Counted { length: value, left: value };
        self.state = match next {
            b'0'..=b'9' if !has_blank && digits < COUNT_DIGITS_MAX => {
                let value = value * 10 + u64::from(next - b'0');
                State::Count { value, digits: digits + 1, has_blank }
            }
            b' ' if !has_blank && self.framing == Framing::OctetCounted => counted,
            b' ' if !has_blank => State::Count { value, digits, has_blank: true },
            SYSLOG_BEGIN if has_blank => counted,
            // No count: what was seen of it is the beginning of a line.
            _ => State::Delimited { length: self.held.len() as u64, last: b' ' },
        };
        match self.state {
            State::Count { .. } => {
                self.held.push(next);
                1
            }
            State::Counted { .. } => {
                self.held.clear();
                usize::from(next == b' ')
            }
            _ => 0,
        }
    }

    fn delimited(&mut self, octets: &[u8], length: u64, last: u8, give: &mut impl FnMut(Framed<'_>)) -> usize {
        let Some(at) = memchr::memchr(self.delimiter.octet(), octets) else {
            self.hold(octets);
            let last = octets.last().copied().unwrap_or(last);
            self.state = State::Delimited { length: length + octets.len() as u64, last };
            return octets.len();
        };
        let length = length + at as u64;
        let last = at.checked_sub(1).map_or(last, |before| octets[before]);
        let has_return = length > 0 && last == b'\r' && self.delimiter == Delimiter::Newline;
        let length = length - u64::from(has_return);
        if self.held.is_empty() {
            give(self.cut(&octets[..at], length));
        } else {
            self.hold(&octets[..at]);
            give(self.cut(&self.held, length));
            self.held.clear();
        }
        self.state = START;
        at + 1
    }

    fn counted(&mut self, octets: &[u8], length: u64, left: u64, give: &mut impl FnMut(Framed<'_>)) -> usize {
        let taken = octets.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        let left = left - taken as u64;
        if left == 0 && self.held.is_empty() {
            give(self.counted_cut(&octets[..taken], length));
        } else {
            self.hold(&octets[..taken]);
            if left == 0 {
                give(self.counted_cut(&self.held, length));
                self.held.clear();
            }
        }
        self.state = if left == 0 { State::Start { is_after_counted: true } } else { State::Counted { length, left } };
        taken
    }

    /// A message of which `beginning` is at hand: all of it, or more than the limit.
    fn cut<'a>(&self, beginning: &'a [u8], length: u64) -> Framed<'a> {
        let is_long = length > self.message_bytes_max as u64;
        let end = if is_long {
            Charset::UTF_8.cut_between_characters(beginning, self.message_bytes_max)
        } else {
            length as usize
        };
        Framed { bytes: &beginning[..end], cut_from: is_long.then_some(length), is_partial: false }
    }

    /// The same, whose count may hold a line end too.
    fn counted_cut<'a>(&self, beginning: &'a [u8], length: u64) -> Framed<'a> {
        let is_whole = length <= (self.message_bytes_max + LINE_END_MAX) as u64;
        let length = if is_whole { without_line_end(beginning).len() as u64 } else { length };
        self.cut(beginning, length)
    }

    fn hold(&mut self, octets: &[u8]) {
        let room = (self.message_bytes_max + LINE_END_MAX).saturating_sub(self.held.len());
        self.held.extend_from_slice(&octets[..octets.len().min(room)]);
    }
}

/// A message without the LF, CRLF or NUL that some senders put at its end although nothing follows.
pub(super) fn without_line_end(bytes: &[u8]) -> &[u8] {
    let bytes = bytes.strip_suffix(b"\0").unwrap_or(bytes);
    let Some(line) = bytes.strip_suffix(b"\n") else { return bytes };
    line.strip_suffix(b"\r").unwrap_or(line)
}

#[cfg(test)]
mod tests;
