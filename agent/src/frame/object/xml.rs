//! Elements of XML, outside of comments, CDATA and processing instructions.

use super::{Mode, Scan};

/// Reads one more line, counting elements of this name, or all.
pub(super) fn feed(scan: &mut Scan, line: &str, element: Option<&str>) {
    let mut rest = line;
    loop {
        let (end, next) = match scan.mode {
            Mode::Comment => ("-->", Mode::Outside),
            Mode::CharacterData => ("]]>", Mode::Outside),
            Mode::Instruction => ("?>", Mode::Outside),
            Mode::OpeningQuote => ("'", Mode::Opening),
            Mode::OpeningDoubleQuote => ("\"", Mode::Opening),
            Mode::TagQuote => ("'", Mode::Tag),
            Mode::TagDoubleQuote => ("\"", Mode::Tag),
            Mode::Opening | Mode::Tag => {
                let Some(at) = rest.find(['>', '\'', '"']) else { return };
                let is_opening = scan.mode == Mode::Opening;
                scan.mode = match (rest.as_bytes()[at], is_opening) {
                    (b'\'', true) => Mode::OpeningQuote,
                    (b'\'', false) => Mode::TagQuote,
                    (b'"', true) => Mode::OpeningDoubleQuote,
                    (b'"', false) => Mode::TagDoubleQuote,
                    _ => Mode::Outside,
                };
                if scan.mode == Mode::Outside && is_opening && rest[..at].ends_with('/') {
                    scan.depth = scan.depth.saturating_sub(1);
                }
                rest = &rest[at + 1..];
                continue;
            }
            Mode::Outside | Mode::String | Mode::Escaped => {
                let Some(at) = rest.find('<') else { return };
                rest = begin(scan, &rest[at..], element);
                continue;
            }
        };
        let Some(at) = rest.find(end) else { return };
        rest = &rest[at + end.len()..];
        scan.mode = next;
    }
}

/// Takes what begins with `<`; gives what follows its beginning.
fn begin<'a>(scan: &mut Scan, rest: &'a str, element: Option<&str>) -> &'a str {
    for (begin, mode) in [("<!--", Mode::Comment), ("<![CDATA[", Mode::CharacterData), ("<?", Mode::Instruction)] {
        if let Some(rest) = rest.strip_prefix(begin) {
            scan.mode = mode;
            return rest;
        }
    }
    let is_closing = rest.starts_with("</");
    let tag = if is_closing { &rest[1..] } else { rest };
    let name = name(&tag[1..]);
    let is_counted = !name.is_empty() && !name.starts_with('!') && element.is_none_or(|element| element == name);
    // A `<` that begins no name is text.
    scan.mode = if name.is_empty() { Mode::Outside } else { Mode::Tag };
    if is_counted && is_closing {
        scan.depth = scan.depth.saturating_sub(1);
    } else if is_counted {
        scan.depth = scan.depth.saturating_add(1);
        scan.has_opened = true;
        scan.mode = Mode::Opening;
    }
    &tag[1 + name.len()..]
}

/// The name of the opening tag that a text begins with.
pub(super) fn tag_name(text: &str) -> Option<&str> {
    text.strip_prefix('<').map(name)
}

fn name(text: &str) -> &str {
    let is_end = |character: char| character.is_whitespace() || matches!(character, '>' | '/' | '<' | '\'' | '"');
    text.split(is_end).next().unwrap_or(text)
}
