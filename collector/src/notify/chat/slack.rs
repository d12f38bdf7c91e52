//! Slack: <https://docs.slack.dev/reference/block-kit/blocks> and <https://docs.slack.dev/messaging/formatting-message-text>.

use serde_json::{Value, json};

use super::text::{body, characters, fitting, in_code};
use crate::notify::{
    notification::Facts,
    template::{Rendered, first_characters},
};

/// The limits of a header block and of a section's text; and of a link, so that it stays within one.
const HEADER_CHARACTERS_MAX: usize = 150;
const SECTION_CHARACTERS_MAX: usize = 3000;
const URL_CHARACTERS_MAX: usize = 1000;

/// The message. `text` is what notifications on a screen show.
pub(super) fn message(facts: &Facts, words: &Rendered) -> Value {
    let mut blocks = vec![json!({
        "type": "header",
        "text": {"type": "plain_text", "text": first_characters(&words.subject, HEADER_CHARACTERS_MAX), "emoji": false},
    })];
    let body = body(&words.subject, &words.text);
    if !body.is_empty() {
        let write = |text: &str| format!("```{}```", escaped(&in_code(text)));
        let text = fitting(body, SECTION_CHARACTERS_MAX, write, characters);
        blocks.push(json!({"type": "section", "text": {"type": "mrkdwn", "text": text, "verbatim": true}}));
    }
    // No button: Slack wants an application behind each, and warns whoever presses one without.
    if let Some(url) = facts.url.as_deref().filter(|url| characters(url) <= URL_CHARACTERS_MAX) {
        let url = escaped(&url.replace('|', "%7C").replace('<', "%3C").replace('>', "%3E"));
        let link = format!("<{url}|See and acknowledge>");
        blocks.push(json!({"type": "section", "text": {"type": "mrkdwn", "text": link}}));
    }
    json!({"text": escaped(&words.subject), "blocks": blocks})
}

/// The three characters by which Slack knows its own signs: links, mentions of people and of whole channels.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
