//! Writes the members of a JSON object: the fields that a parser found in a record.

use std::fmt::Write as _;

/// Which of two signs stands before the fraction of a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
pub(crate) enum DecimalSign {
    /// `1.5`
    #[default]
    #[serde(rename = ".")]
    Point,
    /// `1,5`, as Windows writes in most of Europe.
    #[serde(rename = ",")]
    Comma,
}

/// Begins a member: a comma unless it is the first, then the key and its colon.
pub(super) fn push_key(members: &mut String, key: &str) {
    if !members.is_empty() && !members.ends_with('{') {
        members.push(',');
    }
    push_text(members, key);
    members.push(':');
}

/// A member that is a text.
pub(super) fn push_text_member(members: &mut String, key: &str, value: &str) {
    push_key(members, key);
    push_text(members, value);
}

/// A member that is a whole number.
pub(super) fn push_integer_member(members: &mut String, key: &str, value: u32) {
    push_key(members, key);
    let _ = write!(members, "{value}");
}

/// A member that is a number if `value` reads as one, else a text.
pub(super) fn push_value_member(members: &mut String, key: &str, value: &str, sign: DecimalSign) {
    push_key(members, key);
    if !push_number(members, value, sign) {
        push_text(members, value);
    }
}

/// A JSON string.
pub(super) fn push_text(members: &mut String, text: &str) {
    members.push('"');
    let mut from = 0;
    for (at, byte) in text.bytes().enumerate() {
        let escape = match byte {
            b'"' => "\\\"",
            b'\\' => "\\\\",
            b'\n' => "\\n",
            b'\r' => "\\r",
            b'\t' => "\\t",
            0..0x20 => "",
            _ => continue,
        };
        members.push_str(&text[from..at]);
        from = at + 1;
        if escape.is_empty() {
            let _ = write!(members, "\\u{byte:04x}");
        } else {
            members.push_str(escape);
        }
    }
    members.push_str(&text[from..]);
    members.push('"');
}

/// Writes `value` as a number if it is one by the grammar of JSON, with the decimal sign of its source; says whether
/// it did. `007`, `1.` and `1e999` are none, and a whole number of more than 18 digits stays a text, for a double
/// would change its last ones.
pub(super) fn push_number(members: &mut String, value: &str, sign: DecimalSign) -> bool {
    let Some(shape) = NumberShape::of(value.as_bytes(), sign) else { return false };
    if shape.is_whole && shape.digits > 18 {
        return false;
    }
    let start = members.len();
    match (sign, shape.sign_at) {
        (DecimalSign::Comma, Some(at)) => {
            members.push_str(&value[..at]);
            members.push('.');
            members.push_str(&value[at + 1..]);
        }
        _ => members.push_str(value),
    }
    let is_finite = shape.is_plain || members[start..].parse::<f64>().is_ok_and(f64::is_finite);
    if !is_finite {
        members.truncate(start);
    }
    is_finite
}

struct NumberShape {
    digits: usize,
    sign_at: Option<usize>,
    is_whole: bool,
    /// So short and without an exponent that it cannot be out of range.
    is_plain: bool,
}

impl NumberShape {
    fn of(bytes: &[u8], sign: DecimalSign) -> Option<Self> {
        let run = |from: usize| bytes[from..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        let start = usize::from(bytes.first() == Some(&b'-'));
        let digits = run(start);
        if digits == 0 || (digits > 1 && bytes[start] == b'0') {
            return None;
        }
        let mut at = start + digits;
        let mut sign_at = None;
        let mark = if sign == DecimalSign::Comma { b',' } else { b'.' };
        if bytes.get(at) == Some(&mark) {
            let fraction = run(at + 1);
            if fraction == 0 {
                return None;
            }
            sign_at = Some(at);
            at += 1 + fraction;
        }
        let has_exponent = matches!(bytes.get(at), Some(b'e' | b'E'));
        if has_exponent {
            at += 1 + usize::from(matches!(bytes.get(at + 1), Some(b'+' | b'-')));
            let exponent = run(at.min(bytes.len()));
            if exponent == 0 {
                return None;
            }
            at += exponent;
        }
        let is_whole = sign_at.is_none() && !has_exponent;
        (at == bytes.len()).then_some(Self { digits, sign_at, is_whole, is_plain: !has_exponent && at < 64 })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, prop_assert_eq, proptest};

    use super::{DecimalSign, push_number, push_text_member, push_value_member};

    #[track_caller]
    fn check(value: &str, sign: DecimalSign, expected: Option<&str>) {
        let mut members = String::new();
        let is_number = push_number(&mut members, value, sign);
        assert_eq!(is_number.then_some(members.as_str()), expected, "{value}");
        assert!(is_number || members.is_empty(), "{value}");
    }

    #[test]
    fn numbers_are_those_of_json_with_the_sign_of_their_source() {
        let point = DecimalSign::Point;
        for value in ["0", "-0", "12", "0.914018", "-1.5e-3", "1E5", "999999999999999999"] {
            check(value, point, Some(value));
        }
        check("0,914018", DecimalSign::Comma, Some("0.914018"));
        check("-3,5E2", DecimalSign::Comma, Some("-3.5E2"));
        for value in
            ["", "-", "007", "1.", ".5", "+1", "1e", "1e999", "0x10", "1,5", "NaN", "12 ", "1000000000000000000"]
        {
            check(value, point, None);
        }
        check("1.5", DecimalSign::Comma, None);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(pairs in proptest::collection::btree_map(any::<String>(), any::<String>(), 0..5)) {
            let mut members = String::new();
            for (key, value) in &pairs {
                push_text_member(&mut members, key, value);
            }
            let read: std::collections::BTreeMap<String, String> = serde_json::from_str(&format!("{{{members}}}")).unwrap();
            prop_assert_eq!(read, pairs);
        }

        #[test]
        fn any_value_gives_valid_json(value in "[-+0-9.,eE]{0,24}|.*", comma in any::<bool>()) {
            let mut members = String::new();
            push_value_member(&mut members, "a", &value, if comma { DecimalSign::Comma } else { DecimalSign::Point });
            let read = serde_json::from_str::<serde_json::Value>(&format!("{{{members}}}"));
            prop_assert_eq!(read.is_ok(), true, "{}", members);
        }
    }
}
