//! Writes batches. This is the agent's hot path: it appends to one buffer and allocates nothing of its own.

use serde::Serialize as _;

use super::Envelope;
use crate::level::LogLevel;

/// What a record is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum RecordBody<'a> {
    /// Its text, verbatim.
    Text(&'a str),
    /// A JSON object on one line, verbatim, and which of its keys holds the message.
    Json {
        /// The object, without surrounding blanks.
        object: &'a str,
        /// The key of its message, if it has one.
        message_key: Option<&'a str>,
    },
    /// A whole MADSci event on one line, verbatim.
    MadsciEvent(&'a str),
}

/// One record as it goes into a batch.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct WireRecord<'a> {
    /// Byte offset of the record in its file.
    pub offset: u64,
    /// Wall-clock time that it states, in microseconds, and the UTC offset in seconds stated with it.
    pub time: Option<(i64, Option<i32>)>,
    /// Level that it states, and how it writes it.
    pub level: Option<(LogLevel, &'a str)>,
    /// What it is.
    pub body: RecordBody<'a>,
    /// Hash of the raw record, where the body's text is not the raw record.
    pub raw_hash: Option<u64>,
    /// It had no line end yet.
    pub is_partial: bool,
    /// Its length in bytes, where only its beginning is sent.
    pub cut_from: Option<u64>,
    /// Invalid byte sequences that were replaced.
    pub invalid_sequences: u32,
    /// What a parser found in the text: the members of a JSON object, without its braces.
    pub fields: &'a str,
    /// What is odd about it. Each is a word of lower-case letters and underscores.
    pub tags: &'a [&'a str],
    /// What tells it from the other records of its file, where its offset does not.
    pub number: Option<u64>,
    /// The address that it came from over the network.
    pub address: Option<&'a str>,
}

impl<'a> WireRecord<'a> {
    /// A complete text of which nothing else is known.
    pub fn of_text(offset: u64, text: &'a str) -> Self {
        Self {
            offset,
            time: None,
            level: None,
            body: RecordBody::Text(text),
            raw_hash: None,
            is_partial: false,
            cut_from: None,
            invalid_sequences: 0,
            fields: "",
            tags: &[],
            number: None,
            address: None,
        }
    }
}

/// Writes one batch into a buffer: the envelope first, then record by record.
#[derive(Debug)]
pub struct BatchEncoder {
    offset: u64,
    time: i64,
    zone_offset: Option<i32>,
    count: u32,
}

impl BatchEncoder {
    /// Begins a batch: writes the envelope.
    pub fn begin(envelope: &Envelope, out: &mut Vec<u8>) -> Self {
        envelope
            .serialize(&mut serde_json::Serializer::new(&mut *out))
            .expect("an envelope has only text keys and goes to memory");
        out.push(b'\n');
        Self { offset: envelope.offset, time: envelope.time.unwrap_or(0), zone_offset: envelope.zone_offset, count: 0 }
    }

    /// How many records the batch holds so far.
    pub fn count(&self) -> u32 {
        self.count
    }

    /// Adds a record. Offsets must rise within a batch.
    pub fn push(&mut self, record: &WireRecord<'_>, out: &mut Vec<u8>) {
        debug_assert!(record.offset >= self.offset, "records come in the order of the file");
        out.extend_from_slice(b"{\"o\":");
        write_unsigned(record.offset - self.offset, out);
        self.offset = record.offset;
        if let Some((time, zone_offset)) = record.time {
            out.extend_from_slice(b",\"t\":");
            write_signed(time.wrapping_sub(self.time), out);
            self.time = time;
            if zone_offset != self.zone_offset {
                out.extend_from_slice(b",\"z\":");
                match zone_offset {
                    Some(seconds) => write_signed(i64::from(seconds), out),
                    None => out.extend_from_slice(b"null"),
                }
                self.zone_offset = zone_offset;
            }
        }
        if let Some((level, written)) = record.level {
            out.extend_from_slice(b",\"l\":");
            write_unsigned(u64::from(level.number()), out);
            if written != level.name() {
                out.extend_from_slice(b",\"v\":");
                write_string(written, out);
            }
        }
        push_rare(record, out);
        match record.body {
            RecordBody::Text(text) => {
                out.extend_from_slice(b",\"m\":");
                write_string(text, out);
            }
            RecordBody::Json { object, message_key } => {
                if let Some(key) = message_key {
                    out.extend_from_slice(b",\"k\":");
                    write_string(key, out);
                }
                out.extend_from_slice(b",\"j\":");
                out.extend_from_slice(object.as_bytes());
            }
            RecordBody::MadsciEvent(event) => {
                out.extend_from_slice(b",\"e\":");
                out.extend_from_slice(event.as_bytes());
            }
        }
        out.extend_from_slice(b"}\n");
        self.count += 1;
    }
}

/// What most records do not have.
fn push_rare(record: &WireRecord<'_>, out: &mut Vec<u8>) {
    let mut number = |key: &[u8], value: u64| {
        out.extend_from_slice(key);
        write_unsigned(value, out);
    };
    if let Some(hash) = record.raw_hash {
        number(b",\"h\":", hash);
    }
    if record.is_partial {
        number(b",\"p\":", 1);
    }
    if let Some(length) = record.cut_from {
        number(b",\"c\":", length);
    }
    if record.invalid_sequences > 0 {
        number(b",\"i\":", u64::from(record.invalid_sequences));
    }
    if let Some(own) = record.number {
        number(b",\"n\":", own);
    }
    if !record.fields.is_empty() {
        out.extend_from_slice(b",\"f\":{");
        out.extend_from_slice(record.fields.as_bytes());
        out.push(b'}');
    }
    if let Some(address) = record.address {
        out.extend_from_slice(b",\"a\":");
        write_string(address, out);
    }
    for (index, tag) in record.tags.iter().enumerate() {
        out.extend_from_slice(if index == 0 { b",\"g\":[".as_slice() } else { b"," });
        write_string(tag, out);
    }
    if !record.tags.is_empty() {
        out.push(b']');
    }
}

fn write_unsigned(mut number: u64, out: &mut Vec<u8>) {
    let mut digits = [0_u8; 20];
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[at..]);
}

fn write_signed(number: i64, out: &mut Vec<u8>) {
    if number < 0 {
        out.push(b'-');
    }
    write_unsigned(number.unsigned_abs(), out);
}

/// Writes a JSON string. Eight bytes are looked at at a time: a log line seldom needs an escape.
fn write_string(text: &str, out: &mut Vec<u8>) {
    let bytes = text.as_bytes();
    out.reserve(bytes.len() + 2);
    out.push(b'"');
    let mut clean_from = 0;
    let mut at = 0;
    while at < bytes.len() {
        if let Some(word) = bytes.get(at..at + 8) {
            let word = u64::from_le_bytes(word.try_into().expect("the slice has eight bytes"));
            if !needs_escape_in(word) {
                at += 8;
                continue;
            }
        }
        let end = bytes.len().min(at + 8);
        while at < end {
            let byte = bytes[at];
            if byte < 0x20 || byte == b'"' || byte == b'\\' {
                out.extend_from_slice(&bytes[clean_from..at]);
                write_escape(byte, out);
                clean_from = at + 1;
            }
            at += 1;
        }
    }
    out.extend_from_slice(&bytes[clean_from..]);
    out.push(b'"');
}

/// Whether one of eight bytes is a control character, a quote or a backslash ("determine if a word has a byte less
/// than n / equal to n", Sean Anderson's Bit Twiddling Hacks). May say yes for nothing, never no.
fn needs_escape_in(word: u64) -> bool {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGHS: u64 = 0x8080_8080_8080_8080;
    let has_less_than_blank = word.wrapping_sub(ONES * 0x20) & !word;
    let quote = word ^ (ONES * 0x22);
    let backslash = word ^ (ONES * 0x5c);
    let has_quote = quote.wrapping_sub(ONES) & !quote;
    let has_backslash = backslash.wrapping_sub(ONES) & !backslash;
    (has_less_than_blank | has_quote | has_backslash) & HIGHS != 0
}

fn write_escape(byte: u8, out: &mut Vec<u8>) {
    match byte {
        b'"' => out.extend_from_slice(b"\\\""),
        b'\\' => out.extend_from_slice(b"\\\\"),
        b'\t' => out.extend_from_slice(b"\\t"),
        b'\r' => out.extend_from_slice(b"\\r"),
        b'\n' => out.extend_from_slice(b"\\n"),
        control => {
            const HEX: &[u8; 16] = b"0123456789abcdef";
            out.extend_from_slice(b"\\u00");
            out.push(HEX[usize::from(control >> 4)]);
            out.push(HEX[usize::from(control & 15)]);
        }
    }
}
