//! A mail as the bytes that go to the server: headers, and the words as plain text with an HTML twin.

use std::time::{Duration, SystemTime};

use lettre::{
    Address, Message,
    message::{
        Mailbox, MultiPart,
        header::{HeaderName, HeaderValue},
    },
};

use super::section::Importance;
use crate::notify::{
    notification::{Facts, Notification},
    template::Rendered,
};

/// 9999-12-31: the mail library's dates end there.
const DATE_MAX: Duration = Duration::from_hours(70_389_504);

/// From whom and to whom a mail goes in truth, whatever its headers say.
pub(super) struct Envelope {
    /// Who hears of it when it cannot be delivered.
    pub(super) sender: Address,
    /// Who gets it.
    pub(super) recipients: Vec<Address>,
}

/// Makes the mail.
pub(super) fn compose(
    sender: &Mailbox,
    recipients: &[Mailbox],
    importance: Importance,
    notification: &Notification,
    facts: &Facts,
    words: &Rendered,
) -> Result<Vec<u8>, lettre::error::Error> {
    let mut builder = Message::builder()
        .from(sender.clone())
        .date(date(notification))
        .message_id(Some(message_id(&notification.message_id)))
        .subject(words.subject.clone());
    for recipient in recipients {
        builder = builder.to(recipient.clone());
    }
    let (importance, priority) = match importance {
        Importance::High => ("High", "1"),
        Importance::Normal => ("Normal", "3"),
        Importance::Low => ("Low", "5"),
    };
    let mut header = |name: &'static str, value: &str| {
        let value = HeaderValue::new(HeaderName::new_from_ascii_str(name), one_line(value));
        builder = std::mem::take(&mut builder).raw_header(value);
    };
    header("Importance", importance);
    header("X-Priority", priority);
    // No out-of-office replies to machines: RFC 3834, and Exchange's own.
    header("Auto-Submitted", "auto-generated");
    header("X-Auto-Response-Suppress", "All");
    header("X-Labtrail-Key", &notification.key);
    if notification.is_repeat {
        header("X-Labtrail-Repeat", "possible");
    }
    if let Some(id) = facts.only_event_id() {
        header("X-MADSci-Event-ID", id);
    }
    let body = MultiPart::alternative_plain_html(words.text.clone(), words.html.clone());
    Ok(builder.multipart(body)?.formatted())
}

/// The identifier in its brackets. What cannot stand there (RFC 5322, 3.6.4) is replaced, the same way in every attempt.
fn message_id(id: &str) -> String {
    let id = id.trim().trim_start_matches('<').trim_end_matches('>');
    let is_allowed = |character: char| character.is_ascii_graphic() && !"<>()[]\\,;:\"".contains(character);
    let id: String = id.chars().map(|character| if is_allowed(character) { character } else { '_' }).collect();
    if id.contains('@') { format!("<{id}>") } else { format!("<{id}@labtrail.invalid>") }
}

fn date(notification: &Notification) -> SystemTime {
    let since_1970 = u64::try_from(notification.created_at.as_second()).unwrap_or(0);
    SystemTime::UNIX_EPOCH + Duration::from_secs(since_1970).min(DATE_MAX)
}

fn one_line(value: &str) -> String {
    value.chars().map(|character| if character.is_control() { ' ' } else { character }).collect()
}

#[cfg(test)]
mod tests {
    use super::message_id;

    #[test]
    fn a_message_id_is_one() {
        let check = |id: &str, expected: &str| assert_eq!(message_id(id), expected);
        check("<a.b@lab.example>", "<a.b@lab.example>");
        check("a.b@lab.example", "<a.b@lab.example>");
        check("a b\r\nBcc: x@lab.example", "<a_b__Bcc__x@lab.example>");
        check("abc", "<abc@labtrail.invalid>");
    }
}
