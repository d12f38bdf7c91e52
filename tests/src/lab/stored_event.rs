//! An event as the collector answers it.

use serde_json::Value;

/// An event with what the store keeps beside it.
#[derive(Debug, Clone)]
pub struct StoredEvent(Value);

impl StoredEvent {
    pub(super) fn new(value: Value) -> Self {
        Self(value)
    }

    /// What stands at a JSON pointer; null if nothing does.
    pub fn at(&self, pointer: &str) -> &Value {
        self.0.pointer(pointer).unwrap_or(&Value::Null)
    }

    /// Its id.
    #[track_caller]
    pub fn id(&self) -> &str {
        self.text("/_id")
    }

    /// Its text.
    #[track_caller]
    pub fn message(&self) -> &str {
        self.text("/event_data/message")
    }

    /// The file that it was read from.
    #[track_caller]
    pub fn file(&self) -> &str {
        self.text("/event_data/log/file/path")
    }

    /// Where in the file it begins; `None` if it was not read from a file.
    pub fn offset(&self) -> Option<u64> {
        self.at("/event_data/log/offset").as_u64()
    }

    /// Its time, as the instrument wrote it.
    #[track_caller]
    pub fn timestamp(&self) -> &str {
        self.text("/event_timestamp")
    }

    /// The same instant in UTC.
    #[track_caller]
    pub fn time(&self) -> &str {
        self.text("/_labtrail/time")
    }

    /// 10, 20, 30, 40 or 50.
    pub fn level(&self) -> u64 {
        self.at("/log_level").as_u64().unwrap_or_default()
    }

    /// Whether the record itself states its time.
    pub fn has_own_time(&self) -> bool {
        self.at("/event_data/log/timestamp_source").is_null()
    }

    /// Whether the record itself states its level.
    pub fn has_own_level(&self) -> bool {
        !self.at("/event_data/log/level").is_null()
    }

    #[track_caller]
    fn text(&self, pointer: &str) -> &str {
        self.at(pointer).as_str().unwrap_or_else(|| panic!("no text at {pointer}: {}", self.0))
    }
}
