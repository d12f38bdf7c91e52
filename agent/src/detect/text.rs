//! A proposal as text: for a config and for the terminal.

use std::fmt::Write as _;

use labtrail_shared::level::LogLevel;

use super::{
    Proposal,
    draft::{quoted, sentence},
};
use crate::parse::WrittenTime;
use crate::source::file::escaped;

/// So many events are shown on the terminal.
const EVENTS_SHOWN: usize = 5;
const TEXT_CHARACTERS_SHOWN: usize = 100;

/// A `[[files]]` section with the evidence as comments.
pub(super) fn section(proposal: &Proposal<'_>) -> String {
    let mut text = String::new();
    for line in facts(proposal) {
        let _ = writeln!(text, "# {}", one_line(&line));
    }
    for warning in &proposal.warnings {
        let _ = writeln!(text, "# NOTE: {}.", one_line(&sentence(warning)));
    }
    let _ = writeln!(text, "[[files]]\npaths = [{}]", quoted(&escaped(proposal.sight.path)));
    text + &proposal.draft.to_toml(true)
}

/// What was seen, for the terminal.
pub(super) fn explanation(proposal: &Proposal<'_>) -> String {
    let mut text = String::new();
    for line in facts(proposal) {
        let _ = writeln!(text, "{line}");
    }
    text.push('\n');
    for (setting, evidence) in proposal.draft.evidence() {
        let _ = writeln!(
            text,
            "{setting}{}",
            if evidence.is_empty() { String::new() } else { format!("\n    {evidence}") }
        );
    }
    for warning in &proposal.warnings {
        let _ = writeln!(text, "note: {warning}");
    }
    text.push('\n');
    for event in proposal.events(EVENTS_SHOWN) {
        let time = event.time.map_or_else(|| "no time".to_owned(), time_text);
        let inherited = if event.is_time_inherited { " (of the record before)" } else { "" };
        let level = event.level.unwrap_or(LogLevel::Info).name();
        let shown: String = event.message.as_ref().unwrap_or(&event.text).chars().take(TEXT_CHARACTERS_SHOWN).collect();
        let _ = writeln!(text, "{time}{inherited} {level} {}", shown.replace('\n', " | "));
        if !event.fields.is_empty() {
            let _ = writeln!(text, "    {}", serde_json::Value::Object(event.fields.clone()));
        }
    }
    text
}

/// Sentences on the file and on what the section makes of it.
fn facts(proposal: &Proposal<'_>) -> Vec<String> {
    let ends = proposal.line_ends;
    let mut line_ends = Vec::new();
    for (count, name) in [(ends.lf, "LF"), (ends.crlf, "CRLF"), (ends.bare_cr, "CR alone")] {
        if count > 0 {
            line_ends.push(format!("{count} {name}"));
        }
    }
    let size = if proposal.sight.is_whole { "the whole file" } else { "the beginning of the file" };
    let mut facts = vec![
        format!("{}: {size} was looked at, {} bytes.", proposal.sight.path, proposal.sight.head.len()),
        format!(
            "Encoding {} ({}); line ends: {}.",
            proposal.detected.charset.name(),
            proposal.detected.evidence,
            line_ends.join(", ")
        ),
    ];
    facts.extend(proposal.draft.remarks.iter().map(|remark| format!("{}.", sentence(remark))));
    let trial = &proposal.trial;
    let own = || trial.events.iter().filter(|event| !event.is_time_inherited).filter_map(|event| event.time);
    let span = match (own().next(), own().next_back()) {
        (Some(first), Some(last)) => format!("; the first time is {}, the last {}", time_text(first), time_text(last)),
        _ => String::new(),
    };
    facts.push(format!("{}, {} with a time of their own{span}.", counted(trial.events.len(), "record"), own().count()));
    let levels: Vec<String> = LogLevel::ALL
        .iter()
        .filter_map(|level| {
            let count = trial.events.iter().filter(|event| event.level == Some(*level)).count();
            (count > 0).then(|| format!("{} {count}", level.name()))
        })
        .collect();
    let without = trial.events.iter().filter(|event| event.level.is_none()).count();
    facts.push(match (levels.is_empty(), without) {
        (true, _) => "Levels: none are stated, so every event is INFO.".to_owned(),
        (false, 0) => format!("Levels: {}.", levels.join(", ")),
        (false, _) => format!("Levels: {}; {without} state none and are INFO.", levels.join(", ")),
    });
    if !trial.header.is_empty() {
        let keys: Vec<&str> = trial.header.keys().map(String::as_str).collect();
        facts.push(format!("The header says: {}.", keys.join(", ")));
    }
    if !trial.labels.is_empty() {
        let labels: Vec<String> = trial.labels.iter().map(|(name, value)| format!("{name} = {value}")).collect();
        facts.push(format!("Labels from the path: {}.", labels.join(", ")));
    }
    facts
}

/// A text for a comment, which must not hold a line end.
pub(super) fn one_line(text: &str) -> String {
    text.replace(char::is_control, " ")
}

/// A number with its noun.
pub(super) fn counted(count: usize, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}

/// A time as it was written, in the form of ISO 8601.
pub(crate) fn time_text(time: WrittenTime) -> String {
    let civil = jiff::civil::date(1970, 1, 1).at(0, 0, 0, 0);
    let civil = civil.saturating_add(jiff::SignedDuration::from_micros(time.civil_micros));
    let offset = time.offset_seconds.and_then(|seconds| jiff::tz::Offset::from_seconds(seconds).ok());
    format!("{civil}{}", offset.map(|offset| offset.to_string()).unwrap_or_default())
}
