//! Writes BSON straight from JSON values, byte by byte: an event becomes a document in one pass and without a tree in
//! between, which is a third of what storing it costs this process.

use labtrail_shared::filter::Number;
use serde_json::{Map, Value};

/// Stands in a name for U+0000, which BSON cannot have there. No filter with this letter in a name is ever sent, so that
/// whatever is asked, such a name is as unknown to the server as the true one would be.
pub(super) const NUL_STAND_IN: char = '\u{FFFF}';

/// Whether BSON can have a name as it is, and means by it what we mean.
pub(super) fn is_plain_name(name: &str) -> bool {
    !name.contains(['\0', NUL_STAND_IN])
}

const DOUBLE: u8 = 0x01;
const STRING: u8 = 0x02;
const DOCUMENT: u8 = 0x03;
const ARRAY: u8 = 0x04;
const BOOLEAN: u8 = 0x08;
const DATE: u8 = 0x09;
const NULL: u8 = 0x0A;
const INT32: u8 = 0x10;
const INT64: u8 = 0x12;

/// Bytes of BSON that grow at their end.
#[derive(Debug, Default)]
pub(super) struct BsonWriter {
    bytes: Vec<u8>,
    /// Whether something could not be said exactly since this was last asked.
    is_inexact: bool,
}

/// A document or array that was begun.
#[must_use]
#[derive(Clone, Copy)]
pub(super) struct Open(usize);

impl BsonWriter {
    pub(super) fn with_capacity(bytes: usize) -> Self {
        Self { bytes: Vec::with_capacity(bytes), is_inexact: false }
    }

    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }

    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// Whether what was written since the last call differs from its JSON.
    pub(super) fn take_inexact(&mut self) -> bool {
        std::mem::take(&mut self.is_inexact)
    }

    /// Begins a document that stands by itself.
    pub(super) fn begin(&mut self) -> Open {
        let open = Open(self.bytes.len());
        self.bytes.extend_from_slice(&[0; 4]);
        open
    }

    /// Begins a document under a name.
    pub(super) fn begin_document(&mut self, name: &str) -> Open {
        self.name(DOCUMENT, name);
        self.begin()
    }

    /// Begins an array under a name.
    pub(super) fn begin_array(&mut self, name: &str) -> Open {
        self.name(ARRAY, name);
        self.begin()
    }

    pub(super) fn end(&mut self, open: Open) {
        self.bytes.push(0);
        let length = (self.bytes.len() - open.0) as u32;
        self.bytes[open.0..open.0 + 4].copy_from_slice(&length.to_le_bytes());
    }

    pub(super) fn string(&mut self, name: &str, text: &str) {
        self.name(STRING, name);
        self.text(text);
    }

    pub(super) fn string_or_null(&mut self, name: &str, text: Option<&str>) {
        match text {
            Some(text) => self.string(name, text),
            None => self.name(NULL, name),
        }
    }

    pub(super) fn boolean(&mut self, name: &str, value: bool) {
        self.name(BOOLEAN, name);
        self.bytes.push(u8::from(value));
    }

    pub(super) fn int32(&mut self, name: &str, value: i32) {
        self.name(INT32, name);
        self.bytes.extend_from_slice(&value.to_le_bytes());
    }

    pub(super) fn int64(&mut self, name: &str, value: i64) {
        self.name(INT64, name);
        self.bytes.extend_from_slice(&value.to_le_bytes());
    }

    /// A date of BSON, which knows milliseconds.
    pub(super) fn date(&mut self, name: &str, micros: i64) {
        self.name(DATE, name);
        self.bytes.extend_from_slice(&micros.div_euclid(1000).to_le_bytes());
    }

    /// A whole document, already BSON, as an element of an array.
    pub(super) fn element(&mut self, index: usize, document: &[u8]) {
        self.bytes.push(DOCUMENT);
        self.index(index);
        self.bytes.extend_from_slice(document);
    }

    pub(super) fn value(&mut self, name: &str, value: &Value) {
        let start = self.bytes.len();
        self.name(NULL, name);
        self.bytes[start] = self.content(value);
    }

    pub(super) fn object(&mut self, name: &str, fields: &Map<String, Value>) {
        self.name(DOCUMENT, name);
        self.fields(fields);
    }

    fn fields(&mut self, fields: &Map<String, Value>) {
        let open = self.begin();
        for (name, value) in fields {
            self.value(name, value);
        }
        self.end(open);
    }

    /// Writes a value without its name and says of what kind it is.
    fn content(&mut self, value: &Value) -> u8 {
        match value {
            Value::Null => NULL,
            Value::Bool(value) => {
                self.bytes.push(u8::from(*value));
                BOOLEAN
            }
            Value::Number(number) => match Number::of(number) {
                Number::Integer(integer) => {
                    if let Ok(small) = i32::try_from(integer) {
                        self.bytes.extend_from_slice(&small.to_le_bytes());
                        INT32
                    } else {
                        self.bytes.extend_from_slice(&integer.to_le_bytes());
                        INT64
                    }
                }
                Number::Double(double) => {
                    // An integer beyond 64 bits, which filters take for the nearest double as well.
                    self.is_inexact |= !number.is_f64();
                    self.bytes.extend_from_slice(&double.to_le_bytes());
                    DOUBLE
                }
            },
            Value::String(text) => {
                self.text(text);
                STRING
            }
            Value::Array(items) => {
                let open = self.begin();
                for (index, item) in items.iter().enumerate() {
                    let start = self.bytes.len();
                    self.bytes.push(NULL);
                    self.index(index);
                    self.bytes[start] = self.content(item);
                }
                self.end(open);
                ARRAY
            }
            Value::Object(fields) => {
                self.fields(fields);
                DOCUMENT
            }
        }
    }

    fn name(&mut self, kind: u8, name: &str) {
        self.bytes.push(kind);
        if name.as_bytes().contains(&0) {
            self.is_inexact = true;
            self.bytes.extend_from_slice(name.replace('\0', NUL_STAND_IN.encode_utf8(&mut [0; 4])).as_bytes());
        } else {
            self.bytes.extend_from_slice(name.as_bytes());
        }
        self.bytes.push(0);
    }

    /// The name of an element of an array is its place.
    fn index(&mut self, index: usize) {
        let mut digits = [0_u8; 20];
        let mut rest = index;
        let mut start = digits.len();
        loop {
            start -= 1;
            digits[start] = b'0' + (rest % 10) as u8;
            rest /= 10;
            if rest == 0 {
                break;
            }
        }
        self.bytes.extend_from_slice(&digits[start..]);
        self.bytes.push(0);
    }

    fn text(&mut self, text: &str) {
        self.bytes.extend_from_slice(&(text.len() as u32 + 1).to_le_bytes());
        self.bytes.extend_from_slice(text.as_bytes());
        self.bytes.push(0);
    }
}

#[cfg(test)]
mod tests {
    use mongodb::bson::{Document, RawDocument};
    use serde_json::json;

    use super::BsonWriter;

    #[test]
    fn values_are_written_as_the_driver_would() {
        let value = json!({"a": [1, -1, 2_147_483_648_i64, 0.5, -0.0, null, true, "x\0y", {}, []], "": {"$b.c": [[12]]},
            "long": (0..120).collect::<Vec<_>>()});
        let mut writer = BsonWriter::default();
        let open = writer.begin();
        writer.value("v", &value);
        writer.end(open);
        assert!(!writer.take_inexact());
        let bytes = writer.into_bytes();
        let read = Document::try_from(RawDocument::from_bytes(&bytes).unwrap()).unwrap();
        let expected = mongodb::bson::serialize_to_document(&json!({"v": value})).unwrap();
        assert_eq!(read.get_document("v").unwrap().get_array("a").unwrap()[1], mongodb::bson::Bson::Int32(-1));
        assert_eq!(read.to_string().replace(' ', ""), expected.to_string().replace(' ', ""));
    }

    #[test]
    fn what_bson_cannot_say_is_noticed() {
        for (value, expected) in [(json!(u64::MAX), true), (json!(i64::MAX), false), (json!({"a\0b": 1}), true)] {
            let mut writer = BsonWriter::default();
            let open = writer.begin();
            writer.value("v", &value);
            writer.end(open);
            assert_eq!(writer.take_inexact(), expected, "{value}");
            let bytes = writer.into_bytes();
            assert!(Document::try_from(RawDocument::from_bytes(&bytes).unwrap()).is_ok());
        }
    }
}
