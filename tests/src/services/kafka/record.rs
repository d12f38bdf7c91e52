//! Records as tests write and read them.

/// A record to be written. What is left out is Kafka's to choose.
#[derive(Debug, Clone, Copy, Default)]
pub struct NewRecord<'a> {
    /// The partition; else it follows from the key.
    pub partition: Option<i32>,
    /// The key.
    pub key: Option<&'a [u8]>,
    /// The value; none is a tombstone.
    pub value: Option<&'a [u8]>,
    /// The headers.
    pub headers: &'a [(&'a str, &'a str)],
    /// The record's time in milliseconds since 1970; else now.
    pub timestamp: Option<i64>,
}

/// A record as it lies in a topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Its partition.
    pub partition: i32,
    /// Its offset there.
    pub offset: i64,
    /// Its time in milliseconds since 1970.
    pub timestamp: Option<i64>,
    /// Its key.
    pub key: Option<Vec<u8>>,
    /// Its value; empty if it has none.
    pub value: Vec<u8>,
    /// Its headers in their order.
    pub headers: Vec<(String, Vec<u8>)>,
}

impl Record {
    /// The text of a header; the first of that name.
    pub fn header(&self, name: &str) -> Option<&str> {
        let (_, value) = self.headers.iter().find(|(header, _)| header == name)?;
        std::str::from_utf8(value).ok()
    }

    /// The value as text.
    #[track_caller]
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.value).expect("the value is text")
    }
}
