//! Microsoft Teams: an Adaptive Card as a workflow takes it,
//! <https://learn.microsoft.com/microsoftteams/platform/webhooks-and-connectors/how-to/connectors-using>.

use reqwest::StatusCode;
use serde_json::{Value, json};

use super::text::{body, fitting, json_bytes};
use crate::notify::{
    http::refusal,
    notification::{Facts, Kind},
    outcome::Failure,
    template::Rendered,
};

/// A message may have 28 KB; the rest is for what stands around the lines.
const BODY_BYTES_MAX: usize = 22_000;
const LINE_BYTES_MAX: usize = 2_000;
/// How a connector says that Teams refused, in an answer that says 200.
const REFUSED: &str = "Microsoft Teams endpoint returned HTTP error ";

/// The message. Its texts are runs in rich blocks, in which there is neither Markdown nor `{{DATE(...)}}`, so that nothing
/// in an event is taken for a sign. A line is a block, because a run has no reliable line breaks.
pub(super) fn message(facts: &Facts, words: &Rendered) -> Value {
    let colour = match facts.kind {
        Kind::Resolved => "Good",
        Kind::Test | Kind::Digest => "Default",
        _ if facts.is_urgent() => "Attention",
        _ => "Warning",
    };
    let heading = cut(&words.subject);
    let heading = json!({"type": "TextRun", "text": heading, "size": "Large", "weight": "Bolder", "color": colour});
    let mut blocks = vec![json!({"type": "RichTextBlock", "inlines": [heading]})];
    let mut bytes = 0;
    for line in body(&words.subject, &words.text).lines() {
        let block = line_block(line);
        bytes += block.to_string().len();
        if bytes > BODY_BYTES_MAX {
            blocks.push(line_block("…"));
            break;
        }
        blocks.push(block);
    }
    let mut card = json!({
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "msteams": {"width": "Full"},
        "body": blocks,
    });
    if let Some(url) = facts.url.as_deref().filter(|url| url.len() <= LINE_BYTES_MAX) {
        card["actions"] = json!([{"type": "Action.OpenUrl", "title": "See and acknowledge", "url": url}]);
    }
    let attachment = json!({
        "contentType": "application/vnd.microsoft.card.adaptive",
        "contentUrl": null,
        "content": card,
    });
    json!({"type": "message", "attachments": [attachment]})
}

/// Looks for a refusal in an answer that says 200.
pub(super) fn check(answer: &str) -> Result<(), Failure> {
    let Some((_, rest)) = answer.split_once(REFUSED) else { return Ok(()) };
    let status = rest.get(..3).and_then(|digits| digits.parse().ok());
    let status = status.and_then(|status| StatusCode::from_u16(status).ok()).unwrap_or(StatusCode::BAD_GATEWAY);
    Err(refusal(status, format!("Teams answered {status}"), None))
}

fn line_block(line: &str) -> Value {
    // A block without text is not shown, and the lines around it would touch.
    let text = if line.is_empty() { " ".to_owned() } else { cut(line) };
    let run = json!({"type": "TextRun", "text": text, "fontType": "Monospace"});
    json!({"type": "RichTextBlock", "spacing": "None", "inlines": [run]})
}

fn cut(line: &str) -> String {
    fitting(line, LINE_BYTES_MAX, str::to_owned, json_bytes)
}
