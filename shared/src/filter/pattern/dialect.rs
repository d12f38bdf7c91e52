//! From PCRE, as `MongoDB` uses it, to the words of the `regex` crate.
//!
//! The two agree on most of what people write. This file knows the rest: what is spelt alike and means something else is
//! rewritten, what has no counterpart is refused. What both refuse is left to the crate, whose messages are good. Two
//! differences stay: after a `$` that matched before the last line feed, nothing can match that line feed any more; and
//! with `i` a `\w` or `[:alpha:]` within brackets also has the long s and the Kelvin sign, whose small and capital letters
//! are ASCII.

use super::PatternError;

/// Rewrites a pattern. `multi_line` and `extended` are the options `m` and `x`.
pub(super) fn translate(source: &str, multi_line: bool, extended: bool) -> Result<String, PatternError> {
    let flags = Flags { multi_line, extended };
    let mut translator = Translator {
        rest: source,
        output: String::with_capacity(source.len() + 16),
        flags,
        outer: Vec::new(),
        is_at_place: false,
    };
    translator.run()?;
    Ok(translator.output)
}

/// The options that change what has to be rewritten.
#[derive(Clone, Copy)]
struct Flags {
    multi_line: bool,
    extended: bool,
}

struct Translator<'s> {
    rest: &'s str,
    output: String,
    flags: Flags,
    /// The flags to return to at the end of each open group.
    outer: Vec<Flags>,
    /// Whether what was just read is a place like `^` and no character, so that it cannot be repeated.
    is_at_place: bool,
}

/// The end of the text, or before the line feed that ends it.
const END: &str = r"(?:\n?\z)";

impl Translator<'_> {
    fn run(&mut self) -> Result<(), PatternError> {
        while let Some(next) = self.take() {
            let was_at_place = std::mem::replace(&mut self.is_at_place, matches!(next, '^' | '$'));
            let is_quantifier = matches!(next, '*' | '+' | '?') || (next == '{' && counted(self.rest).is_some());
            if was_at_place && is_quantifier {
                return Err(PatternError::Unsupported("repeating a place like `^` or `\\b`"));
            }
            match next {
                '\\' => self.escape()?,
                '[' => self.class()?,
                '(' => self.group()?,
                ')' => {
                    self.flags = self.outer.pop().unwrap_or(self.flags);
                    self.output.push(')');
                }
                '$' if !self.flags.multi_line => self.output.push_str(END),
                '#' if self.flags.extended => self.comment(),
                '*' | '+' | '?' => {
                    self.output.push(next);
                    self.after_quantifier()?;
                }
                '{' => match counted(self.rest) {
                    Some(length) => {
                        self.output.push('{');
                        self.copy(length);
                        self.after_quantifier()?;
                    }
                    None => self.output.push_str(r"\{"),
                },
                '}' | ']' => self.literal(next),
                other => self.output.push(other),
            }
        }
        Ok(())
    }

    fn take(&mut self) -> Option<char> {
        let next = self.rest.chars().next()?;
        self.rest = &self.rest[next.len_utf8()..];
        Some(next)
    }

    fn copy(&mut self, length: usize) {
        let (copied, rest) = self.rest.split_at(length);
        self.output.push_str(copied);
        self.rest = rest;
    }

    fn literal(&mut self, character: char) {
        self.output.push('\\');
        self.output.push(character);
    }

    /// What follows a backslash outside of a class in brackets.
    fn escape(&mut self) -> Result<(), PatternError> {
        let next = self.rest.chars().next();
        self.is_at_place = matches!(next, Some('b' | 'B' | 'A' | 'Z' | 'z'));
        let rewritten = match next {
            Some('b') => r"(?-u:\b)",
            Some('B') => r"(?-u:\B)",
            Some('Z') => END,
            Some(letter) if ascii_class(letter).is_some() => {
                // With `i` the crate would count the long s and the Kelvin sign as `s` and `k`.
                let class = ascii_class(letter).expect("it was just seen");
                self.output.extend(["(?-i:", class, ")"]);
                ""
            }
            _ => return self.plain_escape(),
        };
        self.take();
        self.output.push_str(rewritten);
        Ok(())
    }

    /// What follows a backslash in a class.
    fn escape_in_class(&mut self) -> Result<(), PatternError> {
        let rewritten = match self.rest.chars().next() {
            Some('b') => r"\x08",
            Some(letter) if ascii_class(letter).is_some() => ascii_class(letter).expect("it was just seen"),
            _ => return self.plain_escape(),
        };
        self.take();
        self.output.push_str(rewritten);
        Ok(())
    }

    fn plain_escape(&mut self) -> Result<(), PatternError> {
        let Some(next) = self.take() else {
            self.output.push('\\');
            return Ok(());
        };
        match next {
            // These stand for themselves in PCRE; the crate sees the edges of words in them.
            '<' | '>' => self.output.push(next),
            'v' | 'V' | 'h' | 'H' => return Err(PatternError::Unsupported(r"a class like `\h` or `\v`")),
            'u' | 'U' => return Err(PatternError::Unsupported(r"`\u` (write `\x{...}`)")),
            'x' | 'p' | 'P' => {
                self.literal(next);
                if self.rest.starts_with('{') {
                    self.copy(self.rest.find('}').map_or(self.rest.len(), |end| end + 1));
                }
            }
            other => self.literal(other),
        }
        Ok(())
    }

    /// A class in brackets. In the crate's classes `[`, `&&`, `--` and `~~` have meanings that PCRE does not know, and with
    /// `x` it leaves out white space there, which PCRE does not.
    fn class(&mut self) -> Result<(), PatternError> {
        self.output.push('[');
        if self.rest.starts_with('^') {
            self.copy(1);
        }
        let mut is_first = true;
        while let Some(next) = self.take() {
            match next {
                ']' if !is_first => {
                    self.output.push(']');
                    return Ok(());
                }
                '\\' => self.escape_in_class()?,
                '[' if self.rest.starts_with(':') && self.rest.contains(":]") => {
                    self.output.push('[');
                    self.copy(self.rest.find(":]").map_or(0, |end| end + 2));
                }
                '-' if is_first => self.output.push_str(r"\-"),
                '-' if !self.output.ends_with(']') && starts_with_class(self.rest) => {
                    return Err(PatternError::Unsupported("a class as the end of a range"));
                }
                '-' if self.rest.starts_with('-') => {
                    self.take();
                    self.output.push_str(r"-\-");
                }
                '[' | ']' | '&' | '~' => self.literal(next),
                '#' | ' ' | '\t' | '\n' | '\x0B' | '\x0C' | '\r' if self.flags.extended => {
                    self.output.push_str(code_of_space(next));
                }
                other => self.output.push(other),
            }
            is_first = false;
        }
        Ok(())
    }

    /// An opening parenthesis, and the flags that may follow it.
    fn group(&mut self) -> Result<(), PatternError> {
        let Some(head) = self.rest.strip_prefix('?') else {
            self.outer.push(self.flags);
            self.output.push('(');
            return Ok(());
        };
        if head.starts_with('#') {
            return Err(PatternError::Unsupported("a comment `(?#`"));
        }
        let letters = head.find(|letter: char| !letter.is_ascii_alphabetic() && letter != '-').unwrap_or(head.len());
        let names = &head[..letters];
        let sets_flags = matches!(head[letters..].chars().next(), Some(')' | ':'));
        if !sets_flags {
            // A name, or one of the groups that the crate refuses.
            self.outer.push(self.flags);
            self.output.push('(');
            return Ok(());
        }
        if let Some(unknown) = names.chars().find(|letter| !"imsx-".contains(*letter)) {
            let reason = if unknown == 'R' { "recursion" } else { "a flag other than i, m, s and x" };
            return Err(PatternError::Unsupported(reason));
        }
        let mut flags = self.flags;
        let (set, cleared) = names.split_once('-').unwrap_or((names, ""));
        for (letters, value) in [(set, true), (cleared, false)] {
            flags.multi_line = if letters.contains('m') { value } else { flags.multi_line };
            flags.extended = if letters.contains('x') { value } else { flags.extended };
        }
        if head[letters..].starts_with(':') {
            self.outer.push(self.flags);
        }
        // With `)` the flags hold until the group around them ends, which restores what it found.
        self.flags = flags;
        self.output.push('(');
        self.copy(1 + letters + 1);
        Ok(())
    }

    fn comment(&mut self) {
        self.output.push('#');
        self.copy(self.rest.find('\n').map_or(self.rest.len(), |end| end + 1));
    }

    /// PCRE takes `a++` as an order never to give back; the crate would take it as `(?:a+)+`.
    fn after_quantifier(&mut self) -> Result<(), PatternError> {
        if self.rest.starts_with('?') {
            self.copy(1);
        } else if self.rest.starts_with('+') {
            return Err(PatternError::Unsupported("a possessive quantifier"));
        }
        let is_counted = self.rest.strip_prefix('{').is_some_and(|rest| counted(rest).is_some());
        if is_counted || self.rest.starts_with(['*', '+', '?']) {
            return Err(PatternError::Unsupported("a quantifier behind a quantifier"));
        }
        Ok(())
    }
}

/// The length of what follows `{`, if it is a quantifier like `{2}`, `{2,}` or `{2,3}`. Anything else is plain text.
fn counted(rest: &str) -> Option<usize> {
    let end = rest.find('}')?;
    let (least, most) = rest[..end].split_once(',').unwrap_or((&rest[..end], ""));
    let is_count = !least.is_empty() && (least.bytes().chain(most.bytes())).all(|byte| byte.is_ascii_digit());
    is_count.then_some(end + 1)
}

/// The classes that PCRE fills from ASCII alone and the crate from all of Unicode.
fn ascii_class(letter: char) -> Option<&'static str> {
    match letter {
        'd' => Some("[0-9]"),
        'D' => Some("[^0-9]"),
        'w' => Some("[0-9A-Za-z_]"),
        'W' => Some("[^0-9A-Za-z_]"),
        's' => Some(r"[\t\n\x0B\x0C\r\x20]"),
        'S' => Some(r"[^\t\n\x0B\x0C\r\x20]"),
        _ => None,
    }
}

fn starts_with_class(rest: &str) -> bool {
    rest.strip_prefix('\\').and_then(|rest| rest.chars().next()).and_then(ascii_class).is_some()
}

/// White space and `#`, spelt so that the option `x` does not take them out.
fn code_of_space(character: char) -> &'static str {
    match character {
        '\t' => r"\t",
        '\n' => r"\n",
        '\x0B' => r"\x0B",
        '\x0C' => r"\x0C",
        '\r' => r"\r",
        '#' => r"\#",
        _ => r"\x20",
    }
}
