//! Dotenv files as python-dotenv reads them.
//!
//! `NAME=VALUE` lines, with `export` before or a comment behind; values bare, in single or in double quotes, quoted ones
//! over several lines; `${NAME}` and `${NAME:-default}` in all of them, also in single quotes. The Rust crates for such
//! files follow the shell instead, and refuse what python-dotenv passes over.

use std::collections::BTreeMap;

/// An assignment, or a line that is none.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Binding {
    /// `NAME=VALUE`.
    Assignment {
        /// The name.
        name: String,
        /// The value; none for a name without `=`, which unsets what files before said.
        value: Option<String>,
    },
    /// A line that cannot be understood.
    Unclear {
        /// The line, from 1.
        line: usize,
    },
}

/// Reads the text of a dotenv file. References are filled from the file's own earlier values, then from `environment`.
pub(super) fn parse(text: &str, environment: &BTreeMap<String, String>) -> Vec<Binding> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut rest = text;
    let mut bindings = Vec::new();
    let mut known: BTreeMap<String, Option<String>> = BTreeMap::new();
    loop {
        let start = rest.trim_start();
        if start.is_empty() {
            return bindings;
        }
        let assignment = match binding(start) {
            Ok((assignment, after)) => {
                rest = after;
                assignment
            }
            Err(unclear) => {
                let line = lines(&text[..text.len() - start.len()]) + 1;
                bindings.push(Binding::Unclear { line });
                rest = after_line(unclear);
                continue;
            }
        };
        let Some((name, value)) = assignment else { continue };
        let value = value.map(|value| filled(&value, &known, environment));
        known.insert(name.clone(), value.clone());
        bindings.push(Binding::Assignment { name, value });
    }
}

type Assignment = Option<(String, Option<String>)>;

/// One assignment or comment, and what follows its line; what could not be understood if it is unclear.
fn binding(text: &str) -> Result<(Assignment, &str), &str> {
    let text = match text.strip_prefix("export") {
        Some(after) if after.starts_with(is_blank) => after.trim_start_matches(is_blank),
        _ => text,
    };
    if text.starts_with('#') {
        return Ok((None, after_line(text)));
    }
    let (name, rest) = name(text).ok_or(text)?;
    let rest = rest.trim_start_matches(is_blank);
    let (value, rest) = match rest.strip_prefix('=') {
        None => (None, rest),
        Some(behind) => {
            let start = behind.trim_start_matches(is_blank);
            let is_comment = start.len() < behind.len() && start.starts_with('#');
            let (value, rest) = if is_comment { (String::new(), start) } else { value(start).ok_or(start)? };
            (Some(value), rest)
        }
    };
    let mut end = rest.trim_start_matches(is_blank);
    if end.starts_with('#') {
        end = end.trim_start_matches(is_not_break);
    }
    let is_ended = end.is_empty() || end.starts_with(is_break);
    if is_ended { Ok((Some((name, value)), after_line(end))) } else { Err(end) }
}

fn name(text: &str) -> Option<(String, &str)> {
    if let Some(quoted) = text.strip_prefix('\'') {
        let (name, rest) = quoted.split_once('\'')?;
        return (!name.is_empty()).then(|| (name.to_owned(), rest));
    }
    let end = text.find(|letter: char| letter == '=' || letter == '#' || letter.is_whitespace()).unwrap_or(text.len());
    (end > 0).then(|| (text[..end].to_owned(), &text[end..]))
}

fn value(text: &str) -> Option<(String, &str)> {
    if let Some(quote @ ('\'' | '"')) = text.chars().next() {
        return quoted(&text[1..], quote);
    }
    let end = text.find(is_break).unwrap_or(text.len());
    let line = &text[..end];
    // A comment begins with `#` behind a blank.
    let comment = line.match_indices('#').map(|(at, _)| at).find(|at| line[..*at].ends_with(char::is_whitespace));
    Some((line[..comment.unwrap_or(end)].trim_end().to_owned(), &text[end..]))
}

/// The text up to the closing quote, with its escapes resolved: in single quotes only those of `\` and `'`.
fn quoted(text: &str, quote: char) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut letters = text.char_indices();
    while let Some((at, letter)) = letters.next() {
        if letter == quote {
            return Some((value, &text[at + 1..]));
        }
        if letter != '\\' {
            value.push(letter);
            continue;
        }
        let (_, escaped) = letters.next()?;
        match (quote, escaped) {
            (_, '\\' | '\'') | ('"', '"') => value.push(escaped),
            ('"', 'a') => value.push('\u{7}'),
            ('"', 'b') => value.push('\u{8}'),
            ('"', 'f') => value.push('\u{c}'),
            ('"', 'n') => value.push('\n'),
            ('"', 'r') => value.push('\r'),
            ('"', 't') => value.push('\t'),
            ('"', 'v') => value.push('\u{b}'),
            (_, other) => value.extend(['\\', other]),
        }
    }
    None
}

/// Fills `${NAME}` and `${NAME:-default}`.
fn filled(value: &str, known: &BTreeMap<String, Option<String>>, environment: &BTreeMap<String, String>) -> String {
    let mut out = String::new();
    let mut rest = value;
    while let Some(at) = rest.find("${") {
        let inner = &rest[at + 2..];
        let end = inner.find(['}', ':']).unwrap_or(inner.len());
        let name = &inner[..end];
        let (default, length) = match inner[end..].strip_prefix(":-") {
            Some(default) => default.split_once('}').map_or((None, 0), |(text, _)| (Some(text), end + 3 + text.len())),
            None if inner[end..].starts_with('}') => (Some(""), end + 1),
            None => (None, 0),
        };
        let Some(default) = default else {
            out.push_str(&rest[..at + 2]);
            rest = inner;
            continue;
        };
        out.push_str(&rest[..at]);
        match known.get(name) {
            Some(value) => out.push_str(value.as_deref().unwrap_or_default()),
            None => out.push_str(environment.get(name).map_or(default, String::as_str)),
        }
        rest = &inner[length..];
    }
    out + rest
}

fn is_break(letter: char) -> bool {
    matches!(letter, '\n' | '\r')
}

fn is_not_break(letter: char) -> bool {
    !is_break(letter)
}

fn is_blank(letter: char) -> bool {
    letter.is_whitespace() && !is_break(letter)
}

fn after_line(text: &str) -> &str {
    let end = text.trim_start_matches(is_not_break);
    end.strip_prefix("\r\n").or_else(|| end.strip_prefix(is_break)).unwrap_or(end)
}

fn lines(text: &str) -> usize {
    text.replace("\r\n", "\n").matches(is_break).count()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::{Binding, parse};

    #[test]
    fn files_are_read_as_python_dotenv_reads_them() {
        let environment = BTreeMap::from([("HOST".to_owned(), "lab".to_owned())]);
        let check = |text: &str, expected: &[(&str, Option<&str>)]| {
            let bindings: Vec<(String, Option<String>)> = parse(text, &environment)
                .into_iter()
                .map(|binding| match binding {
                    Binding::Assignment { name, value } => (name, value),
                    Binding::Unclear { line } => (format!("?{line}"), None),
                })
                .collect();
            let bindings: Vec<(&str, Option<&str>)> =
                bindings.iter().map(|(name, value)| (name.as_str(), value.as_deref())).collect();
            assert_eq!(bindings, expected, "{text:?}");
        };
        check(
            "A=1\nB = 2 \n\n# c\nexport C=3\r\nD='4'",
            &[("A", Some("1")), ("B", Some("2")), ("C", Some("3")), ("D", Some("4"))],
        );
        check(
            "A=x # c\nB=x#y\nC=#z\nD= # z\nE=",
            &[("A", Some("x")), ("B", Some("x#y")), ("C", Some("#z")), ("D", Some("")), ("E", Some(""))],
        );
        check("A\nB=1", &[("A", None), ("B", Some("1"))]);
        check("A=\"a\\n\\\"b\\\" \\q\" # c\n", &[("A", Some("a\n\"b\" \\q"))]);
        check("A='a\\n\\'b\\' \\\\'\n", &[("A", Some("a\\n'b' \\"))]);
        check("A=\"one\ntwo\"\nB=3", &[("A", Some("one\ntwo")), ("B", Some("3"))]);
        check(
            "A=${HOST}\nB='${A}-${NONE:-x}'\nC=${NONE}$HOST${",
            &[("A", Some("lab")), ("B", Some("lab-x")), ("C", Some("$HOST${"))],
        );
        check("A=1\n\na b\nB=2\nexport # c", &[("A", Some("1")), ("?3", None), ("B", Some("2"))]);
        check("\u{feff}A=\"open\nB=2", &[("?1", None), ("B", Some("2"))]);
        check("=1\n'q u'=2\n", &[("?1", None), ("q u", Some("2"))]);
        check("A='x' y\nB=1", &[("?1", None), ("B", Some("1"))]);
    }
}
