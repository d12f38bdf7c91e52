//! A JSON object whose values stay as they were written.
//!
//! Other programs' entries, with fields and numbers that we know nothing of, come out of it letter by letter.

use std::fmt;

use serde::{
    Deserialize, Deserializer, Serialize,
    de::{DeserializeOwned, MapAccess, Visitor},
};
use serde_json::value::{RawValue, to_raw_value};

/// What Python's `json.dump(..., indent=2)` indents by.
const INDENT: &str = "  ";

/// An object, its keys in their order.
#[derive(Debug, Default)]
pub(super) struct Table(Vec<(String, Box<RawValue>)>);

impl Table {
    /// Reads an object, or says what is wrong.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        serde_json::from_str(text).map_err(|error| error.to_string())
    }

    /// Whether a key has a value other than null.
    pub(super) fn has(&self, key: &str) -> bool {
        self.raw(key).is_some_and(|value| value.get() != "null")
    }

    /// The value of a key; nothing if it has none, or null.
    pub(super) fn get<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>, String> {
        let value = self.raw(key).map(|value| serde_json::from_str(value.get()));
        value.transpose().map(Option::flatten).map_err(|error| format!("{key}: {error}"))
    }

    /// The object that a key has; an empty one if it is missing.
    pub(super) fn table(&self, key: &str) -> Result<Self, String> {
        match self.raw(key) {
            Some(value) => Self::parse(value.get()).map_err(|error| format!("{key}: {error}")),
            None => Ok(Self::default()),
        }
    }

    /// Gives a key a value; a new key comes last.
    pub(super) fn set(&mut self, key: &str, value: impl Serialize) {
        self.put(key, to_raw_value(&value).expect("texts, numbers and null are JSON"));
    }

    /// Gives a key an object, which stands `depth` deep in the file.
    pub(super) fn set_table(&mut self, key: &str, table: &Self, depth: usize) {
        self.put(key, RawValue::from_string(table.print(depth)).expect("a table prints JSON"));
    }

    /// The object as text, which begins `depth` deep in the file.
    pub(super) fn print(&self, depth: usize) -> String {
        if self.0.is_empty() {
            return "{}".to_owned();
        }
        let (inner, outer) = (INDENT.repeat(depth + 1), INDENT.repeat(depth));
        let line = |(key, value): &(String, Box<RawValue>)| format!("{inner}{}: {value}", serde_json::json!(key));
        let lines: Vec<String> = self.0.iter().map(line).collect();
        format!("{{\n{}\n{outer}}}", lines.join(",\n"))
    }

    /// Of equal keys the last counts, as in Python.
    fn raw(&self, key: &str) -> Option<&RawValue> {
        self.0.iter().rev().find(|(name, _)| name == key).map(|(_, value)| &**value)
    }

    fn put(&mut self, key: &str, value: Box<RawValue>) {
        match self.0.iter_mut().rev().find(|(name, _)| name == key) {
            Some((_, old)) => *old = value,
            None => self.0.push((key.to_owned(), value)),
        }
    }
}

impl<'de> Deserialize<'de> for Table {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries;

        impl<'de> Visitor<'de> for Entries {
            type Value = Table;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Table, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(Table(entries))
            }
        }

        deserializer.deserialize_map(Entries)
    }
}

#[cfg(test)]
mod tests {
    use super::Table;

    #[test]
    fn values_stay_as_they_were_written() {
        let mut table = Table::parse(
            "{\"a\":1e999, \"b\" : {\"x\":\n[1,  2]},\"c\":123456789012345678901234567890,\"\\u00e9\":null}",
        )
        .unwrap();
        table.set("b2", "x");
        table.set("a2", Option::<u8>::None);
        let mut inner = Table::default();
        inner.set("p", 1);
        table.set_table("t", &inner, 1);
        assert_eq!(
            table.print(0),
            "{\n  \"a\": 1e999,\n  \"b\": {\"x\":\n[1,  2]},\n  \"c\": 123456789012345678901234567890,\n  \"é\": null,\n  \
             \"b2\": \"x\",\n  \"a2\": null,\n  \"t\": {\n    \"p\": 1\n  }\n}"
        );
        assert!(table.has("b") && !table.has("é") && !table.has("none"));
        assert_eq!(table.get::<String>("b2"), Ok(Some("x".to_owned())));
        assert_eq!(table.get::<String>("é"), Ok(None));
        assert!(table.get::<String>("a").unwrap_err().starts_with("a: "));
        assert!(Table::parse("[]").is_err() && Table::parse("").is_err() && Table::parse("{} x").is_err());
    }
}
