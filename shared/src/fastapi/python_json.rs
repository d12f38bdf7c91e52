//! JSON as Python reads it: with `NaN` and `Infinity`, and with Python's words and places for what is wrong. It is slower
//! than `serde_json` and only asked where that one refuses a body, or might lose digits of a number.

use serde_json::{Map, Number, Value};

/// How deep a body may be nested. What is stored is read again by readers that refuse 128.
pub(super) const DEPTH_MAX: usize = 120;

/// What is wrong with a body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Wrong {
    /// It is no JSON: Python's words, and the letter (from 0) at which.
    Syntax(&'static str, usize),
    /// It is JSON that no store can hold, for the reason given.
    Unstorable(&'static str),
}

pub(super) const TOO_DEEP: &str = "nested deeper than 120 levels";
const TOO_LARGE: &str = "an integer beyond 64 bits";
const SURROGATE: &str = "half of a surrogate pair, which is no letter";

/// Whether a body that `serde_json` accepts may hold an integer of which it loses digits, or that no store can hold, or
/// the integer -0, which is 0.
pub(super) fn may_hold_odd_integers(text: &str) -> bool {
    let (mut length, mut is_negative) = (0, false);
    text.bytes().any(|byte| {
        let is_digit = byte.is_ascii_digit();
        length = if is_digit { length + 1 } else { 0 };
        let is_minus_zero = is_negative && byte == b'0';
        is_negative = byte == b'-';
        length >= 19 || is_minus_zero
    })
}

/// A body that was read.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Read {
    pub(super) value: Value,
    /// Whether a number stood there that JSON has not got. Such become null, as they do in MADSci.
    pub(super) is_inexact: bool,
}

/// Reads a body.
pub(super) fn read(text: &str) -> Result<Read, Wrong> {
    let letters: Vec<char> = text.strip_prefix('\u{FEFF}').unwrap_or(text).chars().collect();
    let mut reader = Reader { letters: &letters, at: 0, is_inexact: false, unstorable: None };
    reader.skip_blanks();
    let value = reader.value(0)?;
    reader.skip_blanks();
    if reader.at < letters.len() {
        return Err(Wrong::Syntax("Extra data", reader.at));
    }
    match reader.unstorable {
        Some(reason) => Err(Wrong::Unstorable(reason)),
        None => Ok(Read { value, is_inexact: reader.is_inexact }),
    }
}

/// Where reading ends, though what follows might not even be JSON.
const RECURSION_MAX: usize = 200;

struct Reader<'a> {
    letters: &'a [char],
    at: usize,
    is_inexact: bool,
    /// What was met first that no store can hold. What is no JSON is told of before that.
    unstorable: Option<&'static str>,
}

impl Reader<'_> {
    fn next(&self) -> Option<char> {
        self.letters.get(self.at).copied()
    }

    fn unstorable(&mut self, reason: &'static str) {
        self.unstorable.get_or_insert(reason);
    }

    fn skip_blanks(&mut self) {
        while matches!(self.next(), Some(' ' | '\t' | '\n' | '\r')) {
            self.at += 1;
        }
    }

    fn take(&mut self, word: &str) -> bool {
        let is_there = word.chars().eq(self.letters[self.at..].iter().copied().take(word.chars().count()));
        if is_there {
            self.at += word.chars().count();
        }
        is_there
    }

    fn value(&mut self, depth: usize) -> Result<Value, Wrong> {
        let start = self.at;
        if depth > DEPTH_MAX {
            self.unstorable(TOO_DEEP);
        }
        if depth > RECURSION_MAX {
            return Err(Wrong::Unstorable(TOO_DEEP));
        }
        match self.next() {
            Some('"') => self.text().map(Value::String),
            Some('{') => self.object(depth),
            Some('[') => self.array(depth),
            Some('-' | '0'..='9') if !self.letters[start..].starts_with(&['-', 'I']) => self.number(),
            _ => {
                let words = [("null", Value::Null), ("true", Value::Bool(true)), ("false", Value::Bool(false))];
                if let Some((_, value)) = words.into_iter().find(|(word, _)| self.take(word)) {
                    return Ok(value);
                }
                if ["NaN", "Infinity", "-Infinity"].into_iter().any(|word| self.take(word)) {
                    self.is_inexact = true;
                    return Ok(Value::Null);
                }
                Err(Wrong::Syntax("Expecting value", start))
            }
        }
    }

    fn object(&mut self, depth: usize) -> Result<Value, Wrong> {
        const NAME: &str = "Expecting property name enclosed in double quotes";
        self.at += 1;
        let mut fields = Map::new();
        self.skip_blanks();
        if self.take("}") {
            return Ok(Value::Object(fields));
        }
        loop {
            if self.next() != Some('"') {
                return Err(Wrong::Syntax(NAME, self.at));
            }
            let name = self.text()?;
            self.skip_blanks();
            if !self.take(":") {
                return Err(Wrong::Syntax("Expecting ':' delimiter", self.at));
            }
            self.skip_blanks();
            let was_inexact = self.is_inexact;
            let value = match self.id(&name, depth) {
                Some(id) => Value::String(id),
                None => self.value(depth + 1)?,
            };
            // Only the data of an event may hold what JSON has not got; elsewhere null would have a meaning.
            let is_wrong = depth == 0 && name == "archived_at" && self.is_inexact && !was_inexact;
            let value = if is_wrong { Value::from("NaN") } else { value };
            fields.insert(name, value);
            self.skip_blanks();
            if self.take("}") {
                return Ok(Value::Object(fields));
            }
            if !self.take(",") {
                return Err(Wrong::Syntax("Expecting ',' delimiter", self.at));
            }
            self.skip_blanks();
        }
    }

    /// An id may be any number, of which MADSci makes a text.
    fn id(&mut self, name: &str, depth: usize) -> Option<String> {
        if depth > 0 || !matches!(name, "_id" | "event_id") {
            return None;
        }
        let rest = &self.letters[self.at..];
        let length = rest.iter().position(|letter| !letter.is_ascii_alphanumeric() && !"-+.".contains(*letter));
        let word: String = rest[..length.unwrap_or(rest.len())].iter().collect();
        let is_integer = word.trim_start_matches('-').bytes().all(|digit| digit.is_ascii_digit()) && word.len() >= 19;
        let id = match word.as_str() {
            "NaN" => "nan",
            "Infinity" => "inf",
            "-Infinity" => "-inf",
            integer if is_integer => integer,
            double => match double.parse::<f64>() {
                Ok(double) if double == f64::INFINITY => "inf",
                Ok(double) if double == f64::NEG_INFINITY => "-inf",
                _ => return None,
            },
        };
        self.at += word.len();
        Some(id.to_owned())
    }

    fn array(&mut self, depth: usize) -> Result<Value, Wrong> {
        self.at += 1;
        let mut items = Vec::new();
        self.skip_blanks();
        if self.take("]") {
            return Ok(Value::Array(items));
        }
        loop {
            items.push(self.value(depth + 1)?);
            self.skip_blanks();
            if self.take("]") {
                return Ok(Value::Array(items));
            }
            if !self.take(",") {
                return Err(Wrong::Syntax("Expecting ',' delimiter", self.at));
            }
            self.skip_blanks();
        }
    }

    fn digits(&mut self) -> usize {
        let start = self.at;
        while matches!(self.next(), Some('0'..='9')) {
            self.at += 1;
        }
        self.at - start
    }

    fn number(&mut self) -> Result<Value, Wrong> {
        let start = self.at;
        self.take("-");
        if !self.take("0") && self.digits() == 0 {
            return Err(Wrong::Syntax("Expecting value", start));
        }
        let mut is_integer = true;
        for part in ["fraction", "exponent"] {
            let before = self.at;
            let is_begun = match part {
                "fraction" => self.take("."),
                _ => self.take("e") || self.take("E"),
            };
            if is_begun && part == "exponent" && !self.take("+") {
                self.take("-");
            }
            if is_begun && self.digits() > 0 {
                is_integer = false;
            } else {
                self.at = before;
            }
        }
        let text: String = self.letters[start..self.at].iter().collect();
        if is_integer {
            return Ok(text.parse::<i64>().map_or_else(
                |_| {
                    self.unstorable(TOO_LARGE);
                    Value::Null
                },
                Value::from,
            ));
        }
        let number = text.parse().ok().and_then(Number::from_f64);
        self.is_inexact |= number.is_none();
        Ok(number.map_or(Value::Null, Value::Number))
    }

    fn text(&mut self) -> Result<String, Wrong> {
        let start = self.at;
        let unterminated = Wrong::Syntax("Unterminated string starting at", start);
        self.at += 1;
        let mut text = String::new();
        loop {
            let letter = self.next().ok_or_else(|| unterminated.clone())?;
            self.at += 1;
            match letter {
                '"' => return Ok(text),
                '\\' => {
                    let escaped = self.next().ok_or_else(|| unterminated.clone())?;
                    let backslash = self.at - 1;
                    self.at += 1;
                    text.push(match escaped {
                        '"' | '\\' | '/' => escaped,
                        'b' => '\u{8}',
                        'f' => '\u{C}',
                        'n' => '\n',
                        'r' => '\r',
                        't' => '\t',
                        'u' => self.escaped_letter()?,
                        _ => return Err(Wrong::Syntax("Invalid \\escape", backslash)),
                    });
                }
                letter if letter < ' ' => return Err(Wrong::Syntax("Invalid control character at", self.at - 1)),
                letter => text.push(letter),
            }
        }
    }

    /// What follows `\u`.
    fn escaped_letter(&mut self) -> Result<char, Wrong> {
        let first = self.code()?;
        if let Some(letter) = char::from_u32(first) {
            return Ok(letter);
        }
        let is_first_half = first < 0xDC00;
        if is_first_half && self.letters[self.at..].starts_with(&['\\', 'u']) {
            let before = self.at;
            self.at += 2;
            let second = self.code()?;
            if (0xDC00..0xE000).contains(&second) {
                let letter = 0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00);
                return Ok(char::from_u32(letter).unwrap_or(char::REPLACEMENT_CHARACTER));
            }
            self.at = before;
        }
        self.unstorable(SURROGATE);
        Ok(char::REPLACEMENT_CHARACTER)
    }

    fn code(&mut self) -> Result<u32, Wrong> {
        let wrong = Wrong::Syntax("Invalid \\uXXXX escape", self.at - 1);
        let digits: String = self.letters[self.at..].iter().take(4).collect();
        if digits.len() != 4 || !digits.chars().all(|digit| digit.is_ascii_hexdigit()) {
            return Err(wrong);
        }
        self.at += 4;
        u32::from_str_radix(&digits, 16).map_err(|_| wrong)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{DEPTH_MAX, SURROGATE, TOO_DEEP, TOO_LARGE, Wrong, may_hold_odd_integers, read};

    fn check(text: &str, expected: &Result<Value, Wrong>) {
        assert_eq!(read(text).map(|read| read.value), *expected, "{text}");
    }

    #[test]
    fn values_are_read_as_python_reads_them() {
        for text in
            [r#"{"a": [1, -2.5e3, true, null, "x\u00e4\n\/"], "b": {}, "": [] }"#, " 12 ", "\"\\ud83d\\ude00\"", "0.5"]
        {
            check(text, &Ok(serde_json::from_str(text).expect("JSON")));
        }
        check("-0", &Ok(json!(0)));
        check(r#"{"_id": NaN}"#, &Ok(json!({"_id": "nan"})));
        check(r#"{"event_id":-1e999}"#, &Ok(json!({"event_id": "-inf"})));
        check(r#"{"_id":123456789012345678901234567890}"#, &Ok(json!({"_id": "123456789012345678901234567890"})));
        check(r#"{"_id": 1.5, "a": {"_id": NaN}}"#, &Ok(json!({"_id": 1.5, "a": {"_id": null}})));
        check("[NaN, Infinity, -Infinity, 1e400]", &Ok(json!([null, null, null, null])));
        check("\u{FEFF}{}", &Ok(json!({})));
        check(r#"{"a": 1, "a": 2}"#, &Ok(json!({"a": 2})));
        check("9223372036854775807", &Ok(json!(i64::MAX)));
    }

    /// Words and places as Python 3.11 gives them.
    #[test]
    fn what_is_wrong_is_said_in_pythons_words() {
        for (text, words, at) in [
            ("{", "Expecting property name enclosed in double quotes", 1),
            ("{\"a\":}", "Expecting value", 5),
            ("{\"a\":1,}", "Expecting property name enclosed in double quotes", 7),
            ("[1,]", "Expecting value", 3),
            ("{\"a\" 1}", "Expecting ':' delimiter", 5),
            ("nope", "Expecting value", 0),
            ("{\"a\":\"\u{1}\"}", "Invalid control character at", 6),
            ("{\"a\":\"\\x\"}", "Invalid \\escape", 6),
            ("{\"a\":\"\\u12\"}", "Invalid \\uXXXX escape", 7),
            ("{} x", "Extra data", 3),
            ("{\"a\":1 \"b\":2}", "Expecting ',' delimiter", 7),
            ("-", "Expecting value", 0),
            ("{\"a\":01}", "Expecting ',' delimiter", 6),
            ("{\"a\":\"b", "Unterminated string starting at", 5),
            ("ä", "Expecting value", 0),
            ("[\"ä\", x]", "Expecting value", 6),
            ("", "Expecting value", 0),
            ("[1.", "Expecting ',' delimiter", 2),
        ] {
            check(text, &Err(Wrong::Syntax(words, at)));
        }
    }

    #[test]
    fn what_no_store_can_hold_is_named() {
        check("[9223372036854775808]", &Err(Wrong::Unstorable(TOO_LARGE)));
        check("\"\\ud800\"", &Err(Wrong::Unstorable(SURROGATE)));
        check("\"\\ud800\\u0041\"", &Err(Wrong::Unstorable(SURROGATE)));
        let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
        assert!(read(&nested(DEPTH_MAX)).is_ok());
        check(&nested(1000), &Err(Wrong::Unstorable(TOO_DEEP)));
        check("[\"\\ud800\", ", &Err(Wrong::Syntax("Expecting value", 11)));
        assert!(may_hold_odd_integers("[9223372036854775808]") && may_hold_odd_integers("[-0]"));
        assert!(!may_hold_odd_integers("[123456789012345678, 1.5, -1]"));
        assert!(read("[1e400]").is_ok_and(|read| read.is_inexact) && read("[1]").is_ok_and(|read| !read.is_inexact));
    }
}
