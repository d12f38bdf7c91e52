//! The message at the end of an expression.
//!
//! Most expressions end with a group that takes all the rest. To walk through the rest with the engine that finds
//! groups costs more than all the groups before it, so that such an expression is split: its head is searched, and what
//! comes after it is the message. This changes nothing in what is found, because `.*` fits always and takes all it can.

use crate::parse::expression::Expression;

/// An expression without its message.
#[derive(Debug)]
pub(super) struct Headless {
    pub(super) head: Expression,
    /// The message ends with its line.
    ends_with_line: bool,
    /// It must end with the record.
    is_closed: bool,
}

impl Headless {
    /// Splits an expression that ends with `(?<message>.*)`, if it is certain that the two halves mean the same.
    pub(super) fn of(pattern: &str) -> Option<Self> {
        let (open, is_closed) = match pattern.strip_suffix('$') {
            Some(open) => (open, true),
            None => (pattern, false),
        };
        let strip = |endings: [&str; 2]| endings.into_iter().find_map(|ending| open.strip_suffix(ending));
        let (head, is_flagged) = match strip(["(?s:(?<message>.*))", "(?s:(?P<message>.*))"]) {
            Some(head) => (head, true),
            None => (strip(["(?<message>.*)", "(?P<message>.*)"])?, false),
        };
        let crosses_lines = is_flagged || head.starts_with("(?s)");
        if !is_simple(head) {
            return None;
        }
        let is_closed = is_closed && !crosses_lines;
        Some(Self { head: Expression::compile(head).ok()?, ends_with_line: !crosses_lines, is_closed })
    }

    /// The message in `rest`, which comes after the head. Nothing where only the whole expression can tell.
    pub(super) fn message<'a>(&self, rest: &'a str) -> Option<&'a str> {
        match memchr::memchr(b'\n', rest.as_bytes()).filter(|_| self.ends_with_line) {
            None => Some(rest),
            Some(_) if self.is_closed => None,
            Some(end) => Some(&rest[..end]),
        }
    }
}

/// Whether nothing in `head` reaches over its end: no alternative, no flag, no open bracket.
fn is_simple(head: &str) -> bool {
    let mut rest = head.strip_prefix("(?s)").unwrap_or(head);
    let (mut depth, mut class_depth) = (0, 0);
    while let Some(one) = rest.chars().next() {
        if one == '\\' {
            let Some(escaped) = rest[1..].chars().next() else { return false };
            rest = &rest[1 + escaped.len_utf8()..];
            continue;
        }
        match one {
            // A class may begin with a closing bracket; such a one is left to the whole expression.
            '[' if rest.starts_with("[]") || rest.starts_with("[^]") => return false,
            '[' => class_depth += 1,
            ']' if class_depth > 0 => class_depth -= 1,
            _ if class_depth > 0 => {}
            '|' if depth == 0 => return false,
            '(' if rest.starts_with("(?") => {
                let is_group = ["(?<", "(?P<", "(?:"].iter().any(|opening| rest.starts_with(opening));
                if !is_group {
                    return false;
                }
                depth += 1;
            }
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        rest = &rest[one.len_utf8()..];
    }
    depth == 0 && class_depth == 0
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{prop_assert_eq, proptest};

    use super::Headless;
    use crate::parse::expression::Expression;

    #[test]
    fn an_expression_is_split_only_where_the_halves_mean_the_same() {
        let check = |pattern: &str, head: Option<&str>| {
            let found = Headless::of(pattern).map(|split| split.head.regex().as_str().to_owned());
            assert_eq!(found.as_deref(), head, "{pattern}");
        };
        check(r"^(?<time>\S+) (?<message>.*)", Some(r"^(?<time>\S+) "));
        check(r"(?s)^[^|]+\|(?P<message>.*)$", Some(r"(?s)^[^|]+\|"));
        check(r"(?:a|b) (?s:(?<message>.*))", Some("(?:a|b) "));
        check(r"^(?<time>[^\[]+) \[(?s:(?<message>.*))$", Some(r"^(?<time>[^\[]+) \["));
        check(r"a|b (?<message>.*)", None);
        check(r"(?i)a(?<message>.*)", None);
        check(r"(?U)a*(?<message>.*)", None);
        check(r"(?s:a)(?<message>.*)", None);
        check(r"\(?<message>.*)", None);
        check(r"[(?<message>.*)]", None);
        check(r"(a(?<message>.*))", None);
        check(r"a(?<message>.+)", None);
        check(r"[]|](?<message>.*)", None);
    }

    proptest! {
        #[test]
        fn the_message_is_that_of_the_whole_expression(text in "[a-c \n|]{0,12}", which in 0_usize..7) {
            let pattern = [
                r"^(?<x>\S+) (?<message>.*)",
                r"(?<x>a+?)(?<message>.*)$",
                r"(?<x>[^|]*)\|(?s:(?<message>.*))",
                r"(?s)(?<x>.*?)b(?<message>.*)$",
                r"(?<x>(?:a|ab)(?:c|b)?)(?<message>.*)",
                r"(?<x>\w*) ?(?s:(?<message>.*))$",
                r"(?<x>)(?<message>.*)$",
            ][which];
            let whole = Expression::compile(pattern).unwrap();
            let expected = whole.regex().captures(&text).map(|found| (found["x"].to_owned(), found["message"].to_owned()));
            let split = Headless::of(pattern).unwrap();
            match split.head.regex().captures(&text) {
                None => prop_assert_eq!(expected, None),
                Some(found) => {
                    let end = found.get(0).unwrap().end();
                    if let Some(message) = split.message(&text[end..]) {
                        prop_assert_eq!(expected, Some((found["x"].to_owned(), message.to_owned())));
                    }
                }
            }
        }
    }
}
