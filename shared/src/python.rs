//! Values as Python spells them. MADSci makes ids of any value by Python's `str`, and its client of version 0.8 puts a
//! selector into the URL as Python's `repr` of a dict.

use std::fmt::Write as _;

use serde_json::{Map, Number, Value};

/// How deep a literal may be nested.
const DEPTH_MAX: usize = 100;

/// What Python's `str` makes of a JSON value.
pub fn str_of(value: &Value) -> String {
    if let Value::String(text) = value {
        return text.clone();
    }
    let mut text = String::new();
    write_repr(&mut text, value);
    text
}

fn write_repr(out: &mut String, value: &Value) {
    match value {
        Value::Null => out.push_str("None"),
        Value::Bool(true) => out.push_str("True"),
        Value::Bool(false) => out.push_str("False"),
        Value::Number(number) => match number.as_f64().filter(|_| number.is_f64()) {
            Some(double) => write_double(out, double),
            None => out.push_str(&number.to_string()),
        },
        Value::String(text) => write_text(out, text),
        Value::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                out.push_str(if index == 0 { "" } else { ", " });
                write_repr(out, item);
            }
            out.push(']');
        }
        Value::Object(fields) => {
            out.push('{');
            for (index, (name, field)) in fields.iter().enumerate() {
                out.push_str(if index == 0 { "" } else { ", " });
                write_text(out, name);
                out.push_str(": ");
                write_repr(out, field);
            }
            out.push('}');
        }
    }
}

/// Python writes the shortest digits that read back, with an exponent of two digits at least below 1e-4 and from 1e16 on.
fn write_double(out: &mut String, double: f64) {
    let is_plain = double == 0.0 || (1e-4..1e16).contains(&double.abs());
    if is_plain {
        // `{:?}` keeps `.0`, as Python does.
        let _ = write!(out, "{double:?}");
        return;
    }
    let text = format!("{double:e}");
    let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let exponent: i32 = exponent.parse().unwrap_or_default();
    let sign = if exponent < 0 { '-' } else { '+' };
    let _ = write!(out, "{digits}e{sign}{:02}", exponent.abs());
}

fn write_text(out: &mut String, text: &str) {
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    out.push(quote);
    for letter in text.chars() {
        match letter {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            letter if letter == quote => out.extend(['\\', quote]),
            letter if letter.is_control() => drop(write!(out, "\\x{:02x}", u32::from(letter))),
            letter => out.push(letter),
        }
    }
    out.push(quote);
}

/// Reads a Python literal made of dicts, lists, tuples, texts, numbers, `True`, `False` and `None`; nothing if it is none.
pub fn read_literal(text: &str) -> Option<Value> {
    let mut reader = Reader { rest: text.trim() };
    let value = reader.value(0)?;
    reader.rest.trim().is_empty().then_some(value)
}

struct Reader<'a> {
    rest: &'a str,
}

impl Reader<'_> {
    fn take(&mut self, token: &str) -> bool {
        let rest = self.rest.trim_start();
        let rest = rest.strip_prefix(token);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn value(&mut self, depth: usize) -> Option<Value> {
        if depth > DEPTH_MAX {
            return None;
        }
        for (word, value) in [("None", Value::Null), ("True", Value::Bool(true)), ("False", Value::Bool(false))] {
            if self.take(word) {
                return Some(value);
            }
        }
        if self.take("{") {
            return self.dict(depth);
        }
        if self.take("[") {
            return self.list("]", depth);
        }
        if self.take("(") {
            return self.list(")", depth);
        }
        match self.rest.trim_start().chars().next()? {
            '\'' | '"' => self.text().map(Value::String),
            _ => self.number(),
        }
    }

    fn dict(&mut self, depth: usize) -> Option<Value> {
        let mut fields = Map::new();
        while !self.take("}") {
            let name = self.text()?;
            if !self.take(":") {
                return None;
            }
            fields.insert(name, self.value(depth + 1)?);
            if !self.take(",") && !self.rest.trim_start().starts_with('}') {
                return None;
            }
        }
        Some(Value::Object(fields))
    }

    fn list(&mut self, end: &str, depth: usize) -> Option<Value> {
        let mut items = Vec::new();
        while !self.take(end) {
            items.push(self.value(depth + 1)?);
            if !self.take(",") && !self.rest.trim_start().starts_with(end) {
                return None;
            }
        }
        Some(Value::Array(items))
    }

    fn number(&mut self) -> Option<Value> {
        let rest = self.rest.trim_start();
        let length = rest.find(|letter: char| !letter.is_ascii_alphanumeric() && !"+-.".contains(letter));
        let (number, rest) = rest.split_at(length.unwrap_or(rest.len()));
        self.rest = rest;
        let integer = number.parse::<i64>().ok().map(Value::from);
        integer.or_else(|| Number::from_f64(number.parse().ok()?).map(Value::Number))
    }

    fn text(&mut self) -> Option<String> {
        let rest = self.rest.trim_start();
        let quote = rest.chars().next().filter(|quote| ['\'', '"'].contains(quote))?;
        let mut text = String::new();
        let mut letters = rest[1..].char_indices();
        while let Some((at, letter)) = letters.next() {
            match letter {
                '\\' => {
                    let (_, escaped) = letters.next()?;
                    let digits = match escaped {
                        'x' => 2,
                        'u' => 4,
                        'U' => 8,
                        _ => 0,
                    };
                    text.push(match escaped {
                        'n' => '\n',
                        'r' => '\r',
                        't' => '\t',
                        '\\' | '\'' | '"' => escaped,
                        _ if digits > 0 => {
                            let code: String = letters.by_ref().take(digits).map(|(_, digit)| digit).collect();
                            char::from_u32(u32::from_str_radix(&code, 16).ok()?)?
                        }
                        _ => return None,
                    });
                }
                letter if letter == quote => {
                    self.rest = &rest[1 + at + 1..];
                    return Some(text);
                }
                letter => text.push(letter),
            }
        }
        None
    }
}

/// An integer beyond 64 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooLarge;

/// Reads an integer in a text as pydantic does: blanks around it, a sign, single `_` between digits, and a fraction of zeros.
pub fn read_integer(text: &str) -> Option<Result<i64, TooLarge>> {
    let text = text.trim();
    let whole = match text.split_once('.') {
        Some((whole, zeros)) if !zeros.is_empty() && zeros.bytes().all(|digit| digit == b'0') => whole,
        Some(_) => return None,
        None => text,
    };
    let (sign, digits) = match whole.as_bytes() {
        [b'-', ..] => ("-", &whole[1..]),
        [b'+', ..] => ("", &whole[1..]),
        _ => ("", whole),
    };
    let is_written_right = !digits.is_empty()
        && digits.split('_').all(|part| !part.is_empty() && part.bytes().all(|digit| digit.is_ascii_digit()));
    is_written_right.then(|| format!("{sign}{}", digits.replace('_', "")).parse().map_err(|_| TooLarge))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{TooLarge, read_integer, read_literal, str_of};

    #[test]
    fn values_are_spelt_as_python_spells_them() {
        let check = |value: Value, expected: &str| assert_eq!(str_of(&value), expected, "{value}");
        check(json!("it's"), "it's");
        check(json!(77), "77");
        check(json!(null), "None");
        check(json!(1.0), "1.0");
        check(json!(1.5), "1.5");
        check(json!(1e22), "1e+22");
        check(json!(1e-7), "1e-07");
        check(json!(1e15), "1000000000000000.0");
        check(
            json!({"a": [1, null, true, "x'y", "\u{1}\n"], "b": {}}),
            r#"{'a': [1, None, True, "x'y", '\x01\n'], 'b': {}}"#,
        );
    }

    #[test]
    fn literals_are_read() {
        let check = |text: &str, expected: Option<Value>| assert_eq!(read_literal(text), expected, "{text}");
        check(
            "{'event_type': 'log_info', 'log_level': {'$gte': 30}}",
            Some(json!({"event_type": "log_info", "log_level": {"$gte": 30}})),
        );
        check(
            r#" {"a'b": [True, None, -1.5, ('x', "\u00e4\x41\\"), ],} "#,
            Some(json!({"a'b": [true, null, -1.5, ["x", "äA\\"]]})),
        );
        check("{}", Some(json!({})));
        for bad in ["", "{'a': }", "{'a' 1}", "{a: 1}", "[1", "'x", "{'a': 1} x", "__import__('os')", "{'a': 1 'b': 2}"]
        {
            check(bad, None);
        }
        check(&"[".repeat(1000), None);
    }

    #[test]
    fn integers_are_read_as_pydantic_reads_them() {
        let check =
            |text: &str, expected: Option<Result<i64, TooLarge>>| assert_eq!(read_integer(text), expected, "{text}");
        for (text, number) in
            [("5", 5), (" 5 ", 5), ("+5", 5), ("-5", -5), ("1_000", 1000), ("1.0", 1), ("007", 7), ("-0", 0)]
        {
            check(text, Some(Ok(number)));
        }
        for text in ["", "x", "1.5", "1.", "1__0", "_1", "1_", "--1", "1e3", "٣", "0x10"] {
            check(text, None);
        }
        check("99999999999999999999", Some(Err(TooLarge)));
    }
}
