//! One event as a condition sees it, and the slice of them in order, each once.

use std::collections::HashSet;

use serde_json::{Number, Value};

/// A number further from zero than this is no number here, so that no sum of a window overflows.
const GREATEST_NUMBER: f64 = 1e290;

/// An event that matches the rule, in one group.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// The event's own time, in microseconds since 1970 UTC.
    pub time: i64,
    /// The event's id.
    pub id: String,
    /// The value of the trigger's field, where the trigger has one and the event has it.
    pub value: Option<Value>,
}

impl Sample {
    /// The value as a number; a text that looks like one is none.
    pub(super) fn number(&self) -> Option<f64> {
        let number = self.value.as_ref()?.as_f64()?;
        // Adding zero makes of the two zeros one.
        (number.abs() <= GREATEST_NUMBER).then_some(number + 0.0)
    }

    /// The value as a text that is the same for equal values; null is no value, as in the filter language.
    pub(super) fn value_key(&self) -> Option<String> {
        let value = self.value.as_ref().filter(|value| !value.is_null())?;
        Some(canonical(value).to_string())
    }
}

/// The samples by time and id, each id once, whatever order and repeats the pages of a store brought.
pub(super) fn in_order(samples: &[Sample]) -> Vec<&Sample> {
    let mut ordered: Vec<&Sample> = samples.iter().collect();
    ordered.sort_by(|a, b| (a.time, &a.id).cmp(&(b.time, &b.id)));
    let mut seen = HashSet::with_capacity(ordered.len());
    ordered.retain(|sample| seen.insert(sample.id.as_str()));
    ordered
}

/// The value with its keys sorted and its whole numbers written in one way: stores give 1 back as 1.0.
fn canonical(value: &Value) -> Value {
    match value {
        Value::Number(number) => Value::Number(canonical_number(number)),
        Value::Array(items) => items.iter().map(canonical).collect(),
        Value::Object(map) => {
            let mut fields: Vec<(&String, &Value)> = map.iter().collect();
            fields.sort_unstable_by_key(|(key, _)| *key);
            fields.into_iter().map(|(key, value)| (key.clone(), canonical(value))).collect()
        }
        other => other.clone(),
    }
}

fn canonical_number(number: &Number) -> Number {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    match number.as_f64() {
        Some(float) if number.is_f64() && float.fract() == 0.0 && float.abs() < EXACT => Number::from(float as i64),
        _ => number.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{Sample, in_order};

    fn sample(time: i64, id: &str, value: Value) -> Sample {
        Sample { time, id: id.to_owned(), value: Some(value) }
    }

    #[test]
    fn equal_values_have_one_key() {
        let key = |value| sample(0, "a", value).value_key();
        assert_eq!(key(json!({"a": 1, "b": [2.0]})), key(json!({"b": [2], "a": 1.0})));
        assert_ne!(key(json!("1")), key(json!(1)));
        assert_ne!(key(json!(1.5)), key(json!(1)));
        assert_eq!(key(Value::Null), None);
    }

    #[test]
    fn a_number_is_a_json_number_of_sane_size() {
        let number = |value| sample(0, "a", value).number();
        assert_eq!(number(json!(-0.0)).map(f64::to_bits), Some(0));
        assert_eq!(number(json!(7)), Some(7.0));
        assert_eq!(number(json!("7")), None);
        assert_eq!(number(json!(1e300)), None);
    }

    #[test]
    fn an_id_counts_once_and_order_does_not_matter() {
        let samples = [(3, "c"), (1, "b"), (1, "a"), (1, "b")].map(|(time, id)| sample(time, id, Value::Null));
        let ids: Vec<&str> = in_order(&samples).iter().map(|sample| sample.id.as_str()).collect();
        assert_eq!(ids, ["a", "b", "c"]);
    }
}
