//! The free-text query `q`: every word of it must stand in the event.
//!
//! A word is a run of letters and digits, folded to lower case; the last word of the query matches as a prefix, so
//! that results come while one types. The words of an event are those of its `event_data`, keys and the places of
//! the record (`host`, `log`, `labels`) left out: for these there are selectors. A store may find candidates by an
//! index of its own; this definition decides.

use std::borrow::Cow;

use serde_json::Value;

/// A query, cut into words once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextQuery {
    words: Vec<String>,
    last_is_prefix: bool,
}

impl TextQuery {
    /// Cuts a text into words. A text without any word matches everything: `None`.
    pub fn parse(text: &str) -> Option<Self> {
        let words: Vec<String> = words(text).map(|word| fold(word).into_owned()).collect();
        let last_is_prefix = text.chars().next_back().is_some_and(char::is_alphanumeric);
        (!words.is_empty()).then_some(Self { words, last_is_prefix })
    }

    /// The words, in lower case, and whether the last one is only the beginning of a word.
    pub fn words(&self) -> (&[String], bool) {
        (&self.words, self.last_is_prefix)
    }

    /// Whether every word stands in the text of this `event_data`.
    pub fn matches(&self, event_data: &Value) -> bool {
        let mut found = vec![false; self.words.len()];
        for_each_word(event_data, &mut |word| {
            for (index, wanted) in self.words.iter().enumerate() {
                let as_prefix = self.last_is_prefix && index + 1 == self.words.len();
                found[index] |= if as_prefix { word.starts_with(wanted.as_str()) } else { word == wanted };
            }
        });
        found.into_iter().all(|found| found)
    }
}

/// Gives every word of an `event_data`, in lower case, to `visit`: what a store's index of words is made of.
pub fn for_each_word(event_data: &Value, visit: &mut impl FnMut(&str)) {
    for_each_text(event_data, &mut |text| words(text).for_each(|word| visit(&fold(word))));
}

/// Gives every text of an `event_data` that free text is searched in to `visit`.
pub fn for_each_text(event_data: &Value, visit: &mut impl FnMut(&str)) {
    match event_data {
        Value::Object(object) => {
            for (key, value) in object {
                if !matches!(key.as_str(), "host" | "log" | "labels") {
                    visit_leaves(value, visit);
                }
            }
        }
        other => visit_leaves(other, visit),
    }
}

fn visit_leaves(value: &Value, visit: &mut impl FnMut(&str)) {
    match value {
        Value::String(text) => visit(text),
        Value::Number(number) => visit(&number.to_string()),
        Value::Array(items) => items.iter().for_each(|item| visit_leaves(item, visit)),
        Value::Object(object) => object.values().for_each(|item| visit_leaves(item, visit)),
        Value::Bool(_) | Value::Null => {}
    }
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|character: char| !character.is_alphanumeric()).filter(|word| !word.is_empty())
}

fn fold(word: &str) -> Cow<'_, str> {
    let is_folded = word.bytes().all(|byte| byte.is_ascii() && !byte.is_ascii_uppercase());
    if is_folded { Cow::Borrowed(word) } else { Cow::Owned(word.to_lowercase()) }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::TextQuery;

    fn check(query: &str, data: &Value, expected: bool) {
        let query = TextQuery::parse(query).expect("has words");
        assert_eq!(query.matches(data), expected, "{query:?} in {data}");
    }

    #[test]
    fn every_word_must_stand_somewhere() {
        let data = json!({"message": "Valve V-12 stuck", "fields": {"axis": ["X", 7]}, "host": {"name": "pc7"}});
        check("valve", &data, true);
        check("STUCK valve", &data, true);
        check("v-12", &data, true);
        check("stu", &data, true);
        check("stu ", &data, false);
        check("val stuck", &data, false);
        check("x 7", &data, true);
        check("pc7", &data, false);
        check("Überdruck", &json!("ÜBERDRUCK am Ventil"), true);
        assert_eq!(TextQuery::parse(" -- "), None);
    }
}
