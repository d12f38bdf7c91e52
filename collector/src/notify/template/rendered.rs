//! From a notification to its words.

use jiff::SignedDuration;
use minijinja::Value;
use serde_json::json;

use super::{
    TemplateError, Templates, Zone,
    engine::{CompiledTemplate, Part, first_characters, value},
    fallback,
    filters::one_line,
};
use crate::notify::notification::{Facts, Notification};

/// Mail programs show about as much of a subject; more only hides its end.
const SUBJECT_CHARACTERS_MAX: usize = 200;
/// Later than this a notification says by itself that it is late.
const LATE: SignedDuration = SignedDuration::from_mins(5);

/// The words of a notification.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Rendered {
    /// One line.
    pub subject: String,
    /// Plain text.
    pub text: String,
    /// The same as HTML.
    pub html: String,
    /// Why some of it is a fallback.
    pub problem: Option<String>,
}

/// Who speaks: the receiver, and whose templates come first.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Voice<'a> {
    /// The receiver's name.
    pub receiver: &'a str,
    /// The zone of its times.
    pub zone: &'a Zone,
    /// The rule's templates.
    pub rule: Option<&'a Templates>,
    /// The receiver's own.
    pub own: &'a Templates,
}

/// The words of a notification; whatever happens there are some. `with_html` makes the HTML, too.
pub(crate) fn render(notification: &Notification, facts: &Facts, voice: Voice<'_>, with_html: bool) -> Rendered {
    let context = context(notification, facts, voice);
    let mut problems = Vec::new();
    let mut make = |part: Part| {
        let made = chosen(part, voice).render(&context);
        made.map_err(|error| problems.push(error)).ok()
    };
    let subject = make(Part::Subject).map(|subject| one_line(&subject).trim().to_owned());
    let text = make(Part::Text);
    let html = if with_html { make(Part::Html) } else { Some(String::new()) };
    let problem = problem(&problems);
    let or_fallback = |text: Option<String>| text.unwrap_or_else(|| fallback::text(notification, facts, voice.zone));
    let subject = subject.filter(|subject| !subject.is_empty());
    let subject = subject.unwrap_or_else(|| fallback::subject(facts, voice.receiver));
    let mut text = printable(&or_fallback(text));
    let mut html = html.map_or_else(|| fallback::as_html(&or_fallback(None)), |html| printable(&html));
    if let Some(problem) = &problem {
        let note = format!("\n\nPart of this message could not be made as configured: {problem}\n");
        text.push_str(&note);
        if with_html {
            html.push_str(&fallback::as_html(&note));
        }
    }
    Rendered { subject: first_characters(&subject, SUBJECT_CHARACTERS_MAX), text, html, problem }
}

fn chosen(part: Part, voice: Voice<'_>) -> &CompiledTemplate {
    let rule = voice.rule.and_then(|templates| templates.part(part));
    rule.or_else(|| voice.own.part(part)).unwrap_or_else(|| part.default_template())
}

fn problem(problems: &[TemplateError]) -> Option<String> {
    let problems: Vec<String> = problems.iter().map(ToString::to_string).collect();
    (!problems.is_empty()).then(|| problems.join("; "))
}

/// What templates see: the context as it was given, and what is known of this attempt.
fn context(notification: &Notification, facts: &Facts, voice: Voice<'_>) -> Value {
    let mut context = notification.context.as_object().cloned().unwrap_or_default();
    let more = [
        ("key", json!(notification.key)),
        ("receiver", json!(voice.receiver)),
        ("zone", json!(voice.zone)),
        ("at", json!(notification.at)),
        ("created_at", json!(notification.created_at)),
        ("is_repeat", json!(notification.is_repeat)),
        ("is_late", json!(notification.at.duration_since(notification.created_at) > LATE)),
        (
            "title",
            json!(if notification.context["undelivered"].is_object() { "Undelivered" } else { facts.kind.title() }),
        ),
        ("headline", json!(fallback::headline(facts, voice.receiver))),
    ];
    context.extend(more.map(|(name, value)| (name.to_owned(), value)));
    value(context.into())
}

/// Text without the control characters that mails and chats refuse.
fn printable(text: &str) -> String {
    let text = text.replace("\r\n", "\n");
    text.chars()
        .map(|character| match character {
            '\n' | '\t' => character,
            '\r' => '\n',
            character if character.is_control() => '\u{fffd}',
            character => character,
        })
        .collect()
}
