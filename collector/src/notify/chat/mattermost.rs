//! Mattermost: <https://developers.mattermost.com/integrate/webhooks/incoming/>.

use serde_json::{Value, json};

use super::text::{body, characters, fitting, in_code};
use crate::notify::{notification::Facts, template::Rendered};

/// Of a message; servers may allow less, and then split it.
const MESSAGE_CHARACTERS_MAX: usize = 16_383;
/// What the heading and the link may take of it.
const HEADING_CHARACTERS_MAX: usize = 1_000;
const LINK_CHARACTERS_MAX: usize = 3_000;
const TEXT_CHARACTERS_MAX: usize = MESSAGE_CHARACTERS_MAX - HEADING_CHARACTERS_MAX - LINK_CHARACTERS_MAX - 100;

/// The message: a heading, the text as code (in which nobody is mentioned), and the link.
pub(super) fn message(facts: &Facts, words: &Rendered, channel: Option<&str>) -> Value {
    let mut text = format!("#### {}", fitting(&words.subject, HEADING_CHARACTERS_MAX, escaped, characters));
    let body = body(&words.subject, &words.text);
    if !body.is_empty() {
        let write = |text: &str| format!("\n```text\n{}\n```", in_code(text));
        text.push_str(&fitting(body, TEXT_CHARACTERS_MAX, write, characters));
    }
    if let Some(url) = facts.url.as_deref().filter(|url| characters(url) <= LINK_CHARACTERS_MAX - 100) {
        let url = url.replace('<', "%3C").replace('>', "%3E").replace(' ', "%20");
        text.push_str("\n[See and acknowledge](<");
        text.push_str(&url);
        text.push_str(">)");
    }
    let mut message = json!({"text": text});
    if let Some(channel) = channel {
        message["channel"] = json!(channel);
    }
    message
}

/// A line without Markdown, links and mentions: `@all` would ring everybody.
fn escaped(text: &str) -> String {
    let mut written = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '*' | '_' | '[' | ']' | '(' | ')' | '#' | '`' | '\\' | '~' | '>' | '<' | '|' | '!' | '$' => {
                written.push('\\');
                written.push(character);
            }
            '@' | ':' => {
                written.push(character);
                written.push('\u{200b}');
            }
            character => written.push(character),
        }
    }
    written
}
