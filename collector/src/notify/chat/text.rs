//! Text that fits into a message and means nothing to the chat but itself.

use super::super::template::first_characters;

/// The words without a first line that says what the heading says already.
pub(super) fn body<'a>(subject: &str, text: &'a str) -> &'a str {
    let text = text.trim_matches('\n');
    match text.split_once('\n') {
        Some((first, rest)) if first.trim() == subject => rest.trim_matches('\n'),
        None if text.trim() == subject => "",
        _ => text,
    }
}

/// The text cut so that it has at most `max` of something after `write` has written it: characters, bytes of JSON.
pub(super) fn fitting(text: &str, max: usize, write: impl Fn(&str) -> String, size: impl Fn(&str) -> usize) -> String {
    let mut characters = text.chars().count().min(max);
    loop {
        let written = write(&first_characters(text, characters));
        let size = size(&written);
        if size <= max || characters == 0 {
            return written;
        }
        // Most texts take one step; each step makes it shorter.
        characters = (characters * max / size).min(characters - 1);
    }
}

/// How many characters a text has.
pub(super) fn characters(text: &str) -> usize {
    text.chars().count()
}

/// How many bytes a text takes as JSON.
pub(super) fn json_bytes(text: &str) -> usize {
    serde_json::Value::from(text).to_string().len()
}

/// A text for a block of code that begins and ends with three backticks: it cannot end it.
pub(super) fn in_code(text: &str) -> String {
    text.replace("```", "`\u{200b}`\u{200b}`")
}
