//! What a line said and where it comes from, as text of a bounded length.

use std::{
    fmt::{self, Write},
    hash::Hasher,
};

use tracing::{
    Event,
    field::{Field, Visit},
};
use xxhash_rust::xxh3::Xxh3;

/// So much of a message is shown: enough to know it again.
const MESSAGE_CHARACTERS_MAX: usize = 160;

/// Where a line comes from, and the beginning of its message.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Said {
    target: String,
    line: Option<u64>,
    message: Text,
}

/// Lines of crates that log through `log` all have one place in the code, that of the bridge to `tracing`, and their own in
/// these fields.
const BRIDGE_TARGET: &str = "log";

impl Said {
    /// What this event says.
    pub(super) fn by(event: &Event<'_>) -> Self {
        let metadata = event.metadata();
        let line = metadata.line().map(u64::from);
        let mut said = Self { target: metadata.target().to_owned(), line, message: Text::default() };
        event.record(&mut said);
        said
    }
}

impl Visit for Said {
    fn record_u64(&mut self, field: &Field, value: u64) {
        if field.name() == "log.line" {
            self.line = Some(value);
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "log.target" => value.clone_into(&mut self.target),
            "message" => self.record_debug(field, &format_args!("{value}")),
            _ => {}
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "message" {
            // It ends early where the text is full.
            let _ = write!(self.message, "{value:?}");
        }
    }
}

impl fmt::Display for Said {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.target)?;
        if let Some(line) = self.line {
            write!(formatter, ":{line}")?;
        }
        write!(formatter, " {}", self.message.0)
    }
}

/// A text that takes no more than its share.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Text(String);

impl Write for Text {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let left = MESSAGE_CHARACTERS_MAX.saturating_sub(self.0.chars().count());
        if let Some((end, _)) = text.char_indices().nth(left) {
            self.0.push_str(&text[..end]);
            self.0.push('…');
            return Err(fmt::Error);
        }
        self.0.push_str(text);
        Ok(())
    }
}

/// A hash of the place in the code that a line which came over the bridge names; 0 for all others.
pub(super) fn place_behind_bridge(event: &Event<'_>) -> u64 {
    if event.metadata().target() != BRIDGE_TARGET {
        return 0;
    }
    let mut place = BehindBridge(Xxh3::new());
    event.record(&mut place);
    place.0.finish()
}

struct BehindBridge(Xxh3);

impl Visit for BehindBridge {
    fn record_u64(&mut self, field: &Field, value: u64) {
        if field.name() == "log.line" {
            self.0.write_u64(value);
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "log.target" {
            self.0.write(value.as_bytes());
        }
    }

    fn record_debug(&mut self, _: &Field, _: &dyn fmt::Debug) {}
}
