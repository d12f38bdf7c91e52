//! The groups of a rule: events that have the same values in the fields of `group_by` share an alert.
//!
//! A group is known by a text that is a function of these values alone, the same in every process and version, short
//! enough for the key of a row. Of the text the values can be read back.

#[cfg(test)]
mod tests;

use std::{
    borrow::Cow,
    collections::BTreeMap,
    fmt::{self, Write as _},
    ops::Range,
};

use labtrail_shared::filter::Number;
use serde_json::{Map, Value, json};
use xxhash_rust::xxh3::xxh3_128;

use super::field_path::FieldPath;

/// A value whose JSON is longer than this is known by its beginning and its hash.
const VALUE_BYTES_MAX: usize = 200;

/// So much of the beginning.
const SHOWN_BYTES: usize = 120;

/// Stands in the text for a field that the events do not have. No JSON begins with it.
const MISSING: char = '?';

/// Stands between the beginning of a long value and its hash. No JSON goes on with it.
const CUT: char = '~';

/// The text of the group of all that found no place. No JSON begins with it.
const OVERFLOW: &str = "*";

/// Which group of a rule.
///
/// Its text has the values of the fields, as compact JSON with sorted keys, with commas between them; `?` where the
/// events have no such field; and of a long value the first 120 bytes as JSON text, `~` and the XXH3 hash (128 bit, hex)
/// of the whole. Numbers that are equal are spelt alike: `1.0` is `1`. A rule without `group_by` has one group, with the
/// empty text.
#[derive(Debug, Clone, PartialEq)]
pub struct GroupKey {
    text: String,
    values: Vec<(FieldPath, GroupValue)>,
}

#[derive(Debug, Clone, PartialEq)]
enum GroupValue {
    Missing,
    Whole(Value),
    /// The beginning of its JSON.
    Cut(String),
}

impl GroupKey {
    /// The group to which an event belongs.
    pub(super) fn of(fields: &[FieldPath], event: &Value) -> Self {
        let mut text = String::new();
        let mut values = Vec::with_capacity(fields.len());
        for field in fields {
            if !values.is_empty() {
                text.push(',');
            }
            let found = field.values(event);
            let value = match found[..] {
                [] => None,
                [value] => Some(canonical(value)),
                _ => Some(found.into_iter().map(canonical).collect()),
            };
            values.push((field.clone(), spell(value, &mut text)));
        }
        Self { text, values }
    }

    /// The group that a text stands for.
    pub(super) fn from_text(fields: &[FieldPath], text: &str) -> Option<Self> {
        if text == OVERFLOW {
            return Some(Self::overflow());
        }
        let mut rest = text;
        let mut values = Vec::with_capacity(fields.len());
        for field in fields {
            if !values.is_empty() {
                rest = rest.strip_prefix(',')?;
            }
            let (value, length) = read(rest)?;
            rest = &rest[length..];
            values.push((field.clone(), value));
        }
        rest.is_empty().then(|| Self { text: text.to_owned(), values })
    }

    /// The group for the events of all groups that found no place below `groups_max`.
    pub fn overflow() -> Self {
        Self { text: OVERFLOW.to_owned(), values: Vec::new() }
    }

    /// Whether it is the group for all that found no place.
    pub fn is_overflow(&self) -> bool {
        self.text == OVERFLOW
    }

    /// The text that stands for it in rows; unique among the groups of its rule.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The fields and their values, for people: texts as they are, all else as JSON, what is long cut.
    pub fn values(&self) -> impl Iterator<Item = (&str, Cow<'_, str>)> {
        self.values.iter().map(|(field, value)| (field.as_str(), value.shown()))
    }

    /// The fields that the events have, and their values: what is long as its beginning.
    pub fn fields(&self) -> BTreeMap<String, Value> {
        let field = |(field, value): &(FieldPath, GroupValue)| {
            let value = match value {
                GroupValue::Missing => return None,
                GroupValue::Whole(value) => value.clone(),
                GroupValue::Cut(_) => Value::from(value.shown()),
            };
            Some((field.as_str().to_owned(), value))
        };
        self.values.iter().filter_map(field).collect()
    }

    /// A selector that all events of the group pass, and perhaps others: a store finds few enough with it, and
    /// [`Rule::group_of`](super::Rule::group_of) says which of them belong to the group.
    pub fn selector(&self) -> Value {
        let conditions = self.values.iter().filter_map(|(field, value)| match value {
            GroupValue::Missing => Some((field.as_str().to_owned(), json!({"$exists": false}))),
            GroupValue::Whole(Value::Array(_) | Value::Object(_)) | GroupValue::Cut(_) => None,
            GroupValue::Whole(value) => Some((field.as_str().to_owned(), json!({"$eq": value}))),
        });
        Value::Object(conditions.collect::<Map<_, _>>())
    }
}

impl fmt::Display for GroupKey {
    /// For people: `source.node_id=01J..., event_data.code=7`.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_overflow() {
            return formatter.write_str("all further groups, beyond the rule's groups_max");
        }
        for (number, (field, value)) in self.values().enumerate() {
            write!(formatter, "{}{field}={value}", if number > 0 { ", " } else { "" })?;
        }
        Ok(())
    }
}

impl GroupValue {
    fn shown(&self) -> Cow<'_, str> {
        match self {
            Self::Missing => Cow::Borrowed("(missing)"),
            Self::Whole(Value::String(text)) => Cow::Borrowed(text),
            Self::Whole(value) => Cow::Owned(value.to_string()),
            Self::Cut(beginning) => Cow::Owned(format!("{}…", beginning.trim_start_matches('"'))),
        }
    }
}

/// Keys sorted, and equal numbers alike: what is equal to people is one group, however a store gives it back.
fn canonical(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let mut fields: Vec<_> = fields.iter().map(|(name, value)| (name.clone(), canonical(value))).collect();
            fields.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
            Value::Object(fields.into_iter().collect())
        }
        Value::Array(items) => items.iter().map(canonical).collect(),
        Value::Number(number) => match Number::of(number) {
            Number::Integer(integer) => Value::from(integer),
            double @ Number::Double(value) => double.as_integer().map_or_else(|| Value::from(value), Value::from),
        },
        other => other.clone(),
    }
}

fn spell(value: Option<Value>, text: &mut String) -> GroupValue {
    let Some(value) = value else {
        text.push(MISSING);
        return GroupValue::Missing;
    };
    let json = value.to_string();
    if json.len() <= VALUE_BYTES_MAX {
        text.push_str(&json);
        return GroupValue::Whole(value);
    }
    let beginning = json[..json.floor_char_boundary(SHOWN_BYTES)].to_owned();
    text.push_str(&Value::from(beginning.as_str()).to_string());
    text.push(CUT);
    write!(text, "{:032x}", xxh3_128(json.as_bytes())).expect("memory takes it");
    GroupValue::Cut(beginning)
}

/// Reads one value, and says how many bytes of the text it takes.
fn read(text: &str) -> Option<(GroupValue, usize)> {
    /// The hash of 128 bits, as hex.
    const HASH: Range<usize> = 0..32;
    if text.starts_with(MISSING) {
        return Some((GroupValue::Missing, MISSING.len_utf8()));
    }
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<Value>();
    let value = values.next()?.ok()?;
    let length = values.byte_offset();
    let Some(hash) = text[length..].strip_prefix(CUT) else { return Some((GroupValue::Whole(value), length)) };
    let is_hash = hash.get(HASH)?.bytes().all(|byte| byte.is_ascii_hexdigit());
    match value {
        Value::String(beginning) if is_hash => Some((GroupValue::Cut(beginning), length + CUT.len_utf8() + HASH.end)),
        _ => None,
    }
}
