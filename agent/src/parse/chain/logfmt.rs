//! Records of `key=value` pairs, as Go programs write them: `level=info msg="door open" seconds=1.5`.

use std::borrow::Cow;

use super::{Clues, FieldNames, Role};
use crate::parse::fields::{self, DecimalSign};
use crate::parse::{Findings, text_start};

/// Reads a record that has two pairs at least, or one and nothing else. Words between the pairs stay in the text only.
pub(super) fn read<'a>(names: &FieldNames, text: &'a str, out: &mut Findings<'a>, clues: &mut Clues<'a>) -> bool {
    let text = text[text_start(text)..].trim_ascii();
    let (mut pairs, mut words) = (0, 0);
    let mut at = 0;
    while at < text.len() {
        let rest = &text[at..];
        let blanks = rest.bytes().take_while(u8::is_ascii_whitespace).count();
        if blanks > 0 {
            at += blanks;
            continue;
        }
        let Some(pair) = Pair::read(rest) else {
            words += 1;
            at += rest.bytes().take_while(|byte| !byte.is_ascii_whitespace()).count();
            continue;
        };
        pairs += 1;
        at += pair.length;
        pair.keep(names, out, clues);
    }
    clues.are_apart = true;
    clues.may_begin_with_time = true;
    pairs >= 2 || pairs == 1 && words == 0
}

struct Pair<'a> {
    key: &'a str,
    value: Cow<'a, str>,
    is_quoted: bool,
    length: usize,
}

impl<'a> Pair<'a> {
    /// The pair that `text` begins with.
    fn read(text: &'a str) -> Option<Self> {
        let bytes = text.as_bytes();
        let is_of_key = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-' | b'/' | b'@');
        let length = bytes.iter().take_while(|byte| is_of_key(byte)).count();
        let begins_well = matches!(bytes.first()?, b'a'..=b'z' | b'A'..=b'Z' | b'_' | b'@');
        if !begins_well || bytes.get(length) != Some(&b'=') || bytes.get(length + 1) == Some(&b'=') {
            return None;
        }
        let key = &text[..length];
        let start = length + 1;
        if let Some(quote @ (b'"' | b'\'')) = bytes.get(start)
            && let Some((value, end)) = quoted(text, start + 1, *quote)
        {
            return Some(Self { key, value, is_quoted: true, length: end });
        }
        let end = start + bytes[start..].iter().take_while(|byte| !byte.is_ascii_whitespace()).count();
        Some(Self { key, value: Cow::Borrowed(&text[start..end]), is_quoted: false, length: end })
    }

    fn keep(self, names: &FieldNames, out: &mut Findings<'a>, clues: &mut Clues<'a>) {
        if self.value.is_empty() {
            return;
        }
        match names.role(self.key) {
            Role::Time if clues.time_field.is_none() => clues.time_field = Some(self.value),
            Role::Level if clues.level.field.is_none() => clues.level.field = Some(self.value),
            Role::Message if out.message.is_none() => out.message = Some(self.value),
            _ if self.is_quoted => fields::push_text_member(&mut out.fields, self.key, &self.value),
            _ if matches!(&*self.value, "true" | "false") => {
                fields::push_key(&mut out.fields, self.key);
                out.fields.push_str(&self.value);
            }
            _ => fields::push_value_member(&mut out.fields, self.key, &self.value, DecimalSign::Point),
        }
    }
}

/// The text up to the closing quote, and where that ends.
fn quoted(text: &str, start: usize, quote: u8) -> Option<(Cow<'_, str>, usize)> {
    let bytes = text.as_bytes();
    let mut owned: Option<String> = None;
    let mut from = start;
    let mut at = start;
    loop {
        at += memchr::memchr2(quote, b'\\', &bytes[at..])?;
        if bytes[at] == quote {
            let inside = &text[from..at];
            let value = match owned {
                Some(before) => Cow::Owned(before + inside),
                None => Cow::Borrowed(inside),
            };
            return Some((value, at + 1));
        }
        let value = owned.get_or_insert_default();
        value.push_str(&text[from..at]);
        let escaped = text[at + 1..].chars().next()?;
        at += 1 + escaped.len_utf8();
        match escaped {
            'n' => value.push('\n'),
            'r' => value.push('\r'),
            't' => value.push('\t'),
            '"' | '\'' | '\\' | '/' => value.push(escaped),
            'u' if let Some(one) = text.get(at..at + 4).and_then(unicode) => {
                value.push(one);
                at += 4;
            }
            // A path of Windows rather than an escape.
            _ => value.extend(['\\', escaped]),
        }
        from = at;
    }
}

fn unicode(digits: &str) -> Option<char> {
    digits.bytes().all(|digit| digit.is_ascii_hexdigit()).then_some(())?;
    char::from_u32(u32::from_str_radix(digits, 16).ok()?)
}
