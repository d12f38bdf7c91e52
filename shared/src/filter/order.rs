//! How JSON values compare, which is how `MongoDB` compares them: first by type bracket, then within it.

use std::cmp::Ordering;

use serde_json::Value;

/// A number as BSON would hold it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Number {
    /// Written without fraction or exponent and within the range of 64 bits.
    Integer(i64),
    /// Everything else.
    Double(f64),
}

impl Number {
    /// Reads a JSON number. An integer beyond `i64` becomes the nearest double.
    pub fn of(number: &serde_json::Number) -> Self {
        match number.as_i64() {
            Some(integer) => Number::Integer(integer),
            None => Number::Double(number.as_f64().unwrap_or(f64::NAN)),
        }
    }

    /// The number without its fraction, if 64 bits hold it.
    pub fn truncated(self) -> Option<i64> {
        match self {
            Number::Integer(integer) => Some(integer),
            Number::Double(double) if in_range(double) => Some(double.trunc() as i64),
            Number::Double(_) => None,
        }
    }

    /// The number, if it is an integer by value: `2.0` is one.
    pub fn as_integer(self) -> Option<i64> {
        match self {
            Number::Double(double) if double.fract() != 0.0 => None,
            number => number.truncated(),
        }
    }

    /// Compares by value and exactly: 2^53 + 1 is greater than the double 2^53. NaN is below everything and equal to itself.
    pub fn compare(self, other: Number) -> Ordering {
        match (self, other) {
            (Number::Integer(a), Number::Integer(b)) => a.cmp(&b),
            (Number::Double(a), Number::Double(b)) => match (a.is_nan(), b.is_nan()) {
                (false, false) => a.partial_cmp(&b).expect("neither is NaN"),
                (a_is_nan, b_is_nan) => b_is_nan.cmp(&a_is_nan),
            },
            (Number::Integer(a), Number::Double(b)) => compare_mixed(a, b),
            (Number::Double(a), Number::Integer(b)) => compare_mixed(b, a).reverse(),
        }
    }
}

/// 2^63: the first double above every `i64`; its negative is the least `i64` itself.
const TWO_TO_63: f64 = 9_223_372_036_854_775_808.0;

fn in_range(double: f64) -> bool {
    (-TWO_TO_63..TWO_TO_63).contains(&double)
}

fn compare_mixed(integer: i64, double: f64) -> Ordering {
    if double.is_nan() || double < -TWO_TO_63 {
        return Ordering::Greater;
    }
    if double >= TWO_TO_63 {
        return Ordering::Less;
    }
    let whole = double.trunc();
    // A double within the range converts exactly once its fraction is gone; the fraction decides a tie.
    integer.cmp(&(whole as i64)).then_with(|| whole.partial_cmp(&double).expect("NaN was dealt with"))
}

/// The type bracket of a value, in BSON's order. Values of different brackets never satisfy `$gt` and its kin.
pub(super) fn bracket(value: &Value) -> u8 {
    match value {
        Value::Null => 5,
        Value::Number(_) => 10,
        Value::String(_) => 15,
        Value::Object(_) => 20,
        Value::Array(_) => 25,
        Value::Bool(_) => 40,
    }
}

/// Orders any two values. Objects compare field by field in the order they are written: type bracket, name, value.
pub fn compare(a: &Value, b: &Value) -> Ordering {
    match (a, b) {
        (Value::Null, Value::Null) => Ordering::Equal,
        (Value::Bool(a), Value::Bool(b)) => a.cmp(b),
        (Value::Number(a), Value::Number(b)) => Number::of(a).compare(Number::of(b)),
        (Value::String(a), Value::String(b)) => a.as_bytes().cmp(b.as_bytes()),
        (Value::Array(a), Value::Array(b)) => {
            let different = a.iter().zip(b).map(|(a, b)| compare(a, b)).find(|order| order.is_ne());
            different.unwrap_or_else(|| a.len().cmp(&b.len()))
        }
        (Value::Object(a), Value::Object(b)) => {
            let different = a.iter().zip(b).map(|((a_name, a), (b_name, b))| {
                bracket(a).cmp(&bracket(b)).then_with(|| a_name.cmp(b_name)).then_with(|| compare(a, b))
            });
            different.into_iter().find(|order| order.is_ne()).unwrap_or_else(|| a.len().cmp(&b.len()))
        }
        _ => bracket(a).cmp(&bracket(b)),
    }
}

/// Whether two values are equal: 1 and 1.0 are, `{"a":1,"b":2}` and `{"b":2,"a":1}` are not.
pub fn same(a: &Value, b: &Value) -> bool {
    compare(a, b).is_eq()
}
