//! The structured data of RFC 5424: `[id key="value" ...][id ...]`.

use crate::parse::fields;

/// Where the structured data that `text` begins with ends; nothing if it is not whole.
pub(super) fn end(text: &str) -> Option<usize> {
    let mut at = 0;
    while text.as_bytes().get(at) == Some(&b'[') {
        at = element_end(text.as_bytes(), at)?;
    }
    (at > 0).then_some(at)
}

fn element_end(bytes: &[u8], open: usize) -> Option<usize> {
    let mut is_quoted = false;
    let mut at = open + 1;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'\\' if is_quoted => at += 1,
            b'"' => is_quoted = !is_quoted,
            b']' if !is_quoted => return Some(at + 1),
            _ => {}
        }
        at += 1;
    }
    None
}

/// Writes it as an object of objects of texts. What is not a pair is left out.
pub(super) fn push_member(members: &mut String, key: &str, data: &str) {
    fields::push_key(members, key);
    members.push('{');
    let mut rest = data;
    while let Some(end) = element_end(rest.as_bytes(), 0).filter(|_| rest.starts_with('[')) {
        push_element(members, &rest[1..end - 1]);
        rest = &rest[end..];
    }
    members.push('}');
}

fn push_element(members: &mut String, element: &str) {
    let (id, mut rest) = element.split_once(' ').unwrap_or((element, ""));
    fields::push_key(members, id);
    members.push('{');
    while let Some((name, after)) = rest.trim_start().split_once("=\"") {
        let bytes = after.as_bytes();
        let mut value = String::new();
        let (mut from, mut at) = (0, 0);
        while at < bytes.len() && bytes[at] != b'"' {
            if bytes[at] == b'\\' && matches!(bytes.get(at + 1), Some(b'"' | b'\\' | b']')) {
                value.push_str(&after[from..at]);
                from = at + 1;
                at += 1;
            }
            at += 1;
        }
        value.push_str(&after[from..at]);
        fields::push_text_member(members, name, &value);
        rest = after.get(at + 1..).unwrap_or_default();
    }
    members.push('}');
}
