//! What Python makes of values, where MADSci's answers show it: which count as nothing, what is shown of texts, and how
//! numbers are rounded.

use std::borrow::Cow;

use labtrail_shared::python::str_of;
use serde_json::Value;

/// Whether a value counts as something: not null, false, zero or empty.
pub(super) fn is_truthy(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(value) => *value,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Object(fields) => !fields.is_empty(),
    }
}

/// A value as text, by Python's `str`.
pub(super) fn text_of(value: &Value) -> Cow<'_, str> {
    if let Value::String(text) = value { text.into() } else { str_of(value).into() }
}

/// A text as Python quotes it in a message: as in a list, without the brackets of the list.
pub(super) fn quoted(text: &str) -> String {
    let list = str_of(&Value::from(vec![text]));
    list[1..list.len() - 1].to_owned()
}

/// The last eight characters of an id: what MADSci shows of it.
pub(super) fn last_eight(id: &str) -> &str {
    id.char_indices().nth_back(7).map_or(id, |(at, _)| &id[at..])
}

/// A number rounded to decimal places, half to even, as its exact value has it.
pub(super) fn rounded(number: f64, places: usize) -> f64 {
    format!("{number:.places$}").parse().unwrap_or(number)
}

/// A number, and the whole number 0 where it is zero: `x or 0`.
pub(super) fn or_zero(number: f64) -> Value {
    if number == 0.0 { Value::from(0) } else { Value::from(number) }
}

/// A number rounded to decimal places, and the whole number 0 where it is zero.
pub(super) fn rounded_or_zero(number: f64, places: usize) -> Value {
    if number == 0.0 { Value::from(0) } else { Value::from(rounded(number, places)) }
}

/// The sum in the order given. (Rust's own sum of nothing is -0.0.)
pub(super) fn sum(numbers: impl IntoIterator<Item = f64>) -> f64 {
    numbers.into_iter().fold(0.0, |sum, number| sum + number)
}

/// The mean, rounded once: the sum is exact. A sum that is rounded at each step can end up on the other side of a half,
/// and then shows in the last place of a percentage.
pub(super) fn mean(numbers: &[f64]) -> f64 {
    let count = numbers.len() as u128;
    if count == 0 {
        return 0.0;
    }
    exact_mean(numbers, count).unwrap_or_else(|| sum(numbers.iter().copied()) / count as f64)
}

/// Sums whole multiples of the smallest power of two that occurs. None where they are too far apart for that.
fn exact_mean(numbers: &[f64], count: u128) -> Option<f64> {
    const MANTISSA_BITS: u32 = 52;
    let mut parts = Vec::with_capacity(numbers.len());
    for number in numbers {
        let exponent = (number.to_bits() >> MANTISSA_BITS & 0x7ff) as i32;
        if *number != 0.0 {
            let hidden_one = 1 << MANTISSA_BITS;
            let mantissa = i128::from(number.to_bits() & (hidden_one - 1) | hidden_one);
            (1..0x7ff).contains(&exponent).then_some(())?;
            parts.push((if *number < 0.0 { -mantissa } else { mantissa }, exponent - 1075));
        }
    }
    let Some(unit) = parts.iter().map(|(_, exponent)| *exponent).min() else { return Some(0.0) };
    let mut sum = 0_i128;
    for (mantissa, exponent) in parts {
        let shift = u32::try_from(exponent - unit).ok().filter(|shift| *shift <= 40)?;
        sum = sum.checked_add(mantissa << shift)?;
    }
    // The quotient gets at least 55 bits, of which the last tells that there were more.
    let magnitude = sum.unsigned_abs();
    let bits = 128 - magnitude.leading_zeros();
    let shift = (56 + 128 - count.leading_zeros()).saturating_sub(bits);
    let shifted = magnitude << shift;
    let quotient = (shifted / count) | u128::from(!shifted.is_multiple_of(count));
    let power = u64::try_from(unit - shift as i32 + 1023).ok().filter(|power| (1..0x7ff).contains(power))?;
    let mean = quotient as f64 * f64::from_bits(power << MANTISSA_BITS);
    Some(if sum < 0 { -mean } else { mean })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{is_truthy, last_eight, mean, quoted, rounded, text_of};

    #[test]
    fn texts_are_shown_as_python_shows_them() {
        assert_eq!(text_of(&json!("a'b")), "a'b");
        assert_eq!(text_of(&json!(12.0)), "12.0");
        assert_eq!(quoted("it's"), r#""it's""#);
        assert_eq!(quoted("a'b\"c\\"), r#"'a\'b"c\\'"#);
        assert_eq!(last_eight("01ARZ3NDEKTSV4RRFFQ69G5FAV"), "Q69G5FAV");
        assert_eq!(last_eight("Häuschen9"), "äuschen9");
        assert_eq!(last_eight("pc7"), "pc7");
    }

    #[test]
    fn nothing_is_what_python_takes_for_nothing() {
        for nothing in [json!(null), json!(false), json!(0), json!(0.0), json!(""), json!([]), json!({})] {
            assert!(!is_truthy(&nothing), "{nothing}");
        }
        for something in [json!(true), json!(-1), json!("0"), json!([null]), json!({"a": null})] {
            assert!(is_truthy(&something), "{something}");
        }
    }

    #[test]
    #[expect(clippy::float_cmp, reason = "the very number is meant")]
    fn rounding_is_that_of_the_exact_value() {
        let check = |number, places, expected: f64| assert_eq!(rounded(number, places), expected, "{number}");
        check(0.125, 2, 0.12);
        check(0.375, 2, 0.38);
        check(2.675, 2, 2.67);
        check(10.05, 1, 10.1);
        check(-0.04, 1, 0.0);
        check(1e300, 2, 1e300);
    }

    #[test]
    #[expect(clippy::float_cmp, reason = "the very number is meant")]
    fn a_mean_is_rounded_once() {
        assert_eq!(mean(&[]), 0.0);
        assert_eq!(mean(&[0.0, 0.0]), 0.0);
        assert_eq!(mean(&[0.1; 10]), 0.1);
        // A sum that is rounded at each step makes 33.35 of it, which is 33.4 to one place.
        assert_eq!(mean(&[33.3, 33.3, 33.4, 33.4]), 33.349_999_999_999_994);
        assert_eq!(mean(&[1.0, 2.0, 4.0]), 7.0 / 3.0);
        assert_eq!(mean(&[-0.1, -0.2, -0.6]), -0.3);
        assert_eq!(mean(&[1e-300, 1e300]), 5e299);
    }
}
