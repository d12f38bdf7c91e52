//! The sums over the events of one file, to compare with what one knows of it.

use std::{collections::BTreeMap, fmt::Write as _};

use labtrail_shared::wire::AgentEvent;

use super::try_out::Tried;

/// Sums over events.
#[derive(Debug, Default)]
pub(crate) struct Summary {
    /// How many.
    pub records: usize,
    /// The first and the last time that a record states itself.
    pub times: Option<(String, String)>,
    /// How many of each level.
    pub levels: BTreeMap<&'static str, usize>,
    /// How many of each tag.
    pub tags: BTreeMap<String, usize>,
    /// How many state no time of their own.
    pub without_time: usize,
}

impl Summary {
    /// Adds an event.
    pub(crate) fn add(&mut self, event: &AgentEvent) {
        self.records += 1;
        let event = &event.event;
        *self.levels.entry(event.log_level.name()).or_default() += 1;
        for tag in event.event_data["tags"].as_array().into_iter().flatten().filter_map(serde_json::Value::as_str) {
            *self.tags.entry(tag.to_owned()).or_default() += 1;
        }
        if event.event_data["log"]["timestamp_source"].is_null() {
            let time = event.event_timestamp.to_string();
            let first = self.times.take().map_or_else(|| time.clone(), |(first, _)| first);
            self.times = Some((first, time));
        } else {
            self.without_time += 1;
        }
    }

    /// The sums as text.
    pub(crate) fn to_text(&self, tried: &Tried) -> String {
        let mut text = String::new();
        let _ = writeln!(text, "  encoding   {}", tried.encoding);
        let _ = writeln!(text, "  records    {} in {} bytes", self.records, tried.bytes);
        if let Some((first, last)) = &self.times {
            let _ = writeln!(text, "  times      {first} .. {last} ({} records state none)", self.without_time);
        } else {
            let _ = writeln!(text, "  times      none");
        }
        let levels: Vec<String> = self.levels.iter().map(|(level, count)| format!("{level} {count}")).collect();
        let _ = writeln!(text, "  levels     {}", levels.join(", "));
        for (tag, count) in &self.tags {
            let _ = writeln!(text, "  {tag:<10} {count}");
        }
        for (reason, count) in &tried.aside {
            let _ = writeln!(text, "  no record  {count} lines: {reason}");
        }
        if tried.blank > 0 {
            let _ = writeln!(text, "  no record  {} lines: blank", tried.blank);
        }
        if tried.invalid_sequences > 0 {
            let _ = writeln!(text, "  invalid    {} byte sequences are no {}", tried.invalid_sequences, tried.encoding);
        }
        text
    }
}
