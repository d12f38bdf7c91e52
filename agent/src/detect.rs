//! Looks at the beginning of a file and proposes how to read it: a `[[files]]` section with the evidence for each of its
//! settings.
//!
//! Nothing is guessed that two people could see differently: where day and month cannot be told apart, the proposal says so
//! and what to set. What is proposed is tried at once on the bytes that were looked at, and the numbers come from that trial.

mod blocks;
mod cells;
mod day;
mod draft;
#[cfg(test)]
pub(crate) mod fixtures;
mod generic;
mod hints;
mod lines;
mod order;
#[cfg(test)]
pub(crate) mod samples;
mod shape;
mod table;
#[cfg(test)]
mod tests;
mod text;
pub(crate) mod trial;

use self::{
    draft::Draft,
    lines::{LineEnds, Lines},
    trial::{Trial, TrialEvent, TrialFile},
};
use crate::{
    config::FilesSection,
    decode::{Detected, Encoding, NotText},
    preset::{self, Preset},
};

/// So many events are read to see what a proposal gives.
const EVENTS_TRIED_MAX: usize = 100_000;

/// What is at hand of a file.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sight<'a> {
    /// Its path.
    pub(crate) path: &'a str,
    /// Its beginning; 256 KiB are enough.
    pub(crate) head: &'a [u8],
    /// Its end, where the head is not all of it.
    pub(crate) tail: &'a [u8],
    /// The head is all there is.
    pub(crate) is_whole: bool,
    /// The wall-clock time, in microseconds since 1970-01-01T00:00:00 of that clock.
    pub(crate) now_civil_micros: i64,
    /// When the file was created, or else changed, by the same clock.
    pub(crate) file_civil_micros: Option<i64>,
}

/// How a file could be read, and why so.
#[derive(Debug)]
pub(crate) struct Proposal<'a> {
    sight: Sight<'a>,
    /// The encoding, and what it was told by.
    pub(crate) detected: Detected,
    /// How its lines end.
    pub(crate) line_ends: LineEnds,
    /// The preset that fits.
    #[cfg(test)]
    pub(crate) preset: Option<&'static Preset>,
    /// What a person has to know or to decide.
    pub(crate) warnings: Vec<String>,
    draft: Draft,
    /// The section that is proposed.
    pub(crate) section: FilesSection,
    trial: Trial,
}

/// Looks at a file. The error says why it is not read as text.
pub(crate) fn propose(sight: Sight<'_>) -> Result<Proposal<'_>, NotText> {
    propose_among(sight, preset::all())
}

/// The same with these presets only.
fn propose_among<'a>(sight: Sight<'a>, presets: &'static [Preset]) -> Result<Proposal<'a>, NotText> {
    let detected = Encoding::Auto.charset_of(sight.head, sight.is_whole)?;
    let lines = Lines::of(detected.charset, sight.head, sight.is_whole);
    let shown = lines.with_text();
    let found = preset_of(sight.path, &shown, presets);
    let preset = found.as_ref().map(|(preset, _)| *preset);
    let mut draft = match found {
        Some((preset, evidence)) => Draft::of_preset(preset, evidence),
        None => generic::draft(&sight, &lines),
    };
    let (section, trial) = draft.try_on(&as_file(&sight), EVENTS_TRIED_MAX)?;
    let mut warnings = hints::warnings(&sight, &detected, &lines, &trial, preset);
    warnings.append(&mut draft.warnings);
    Ok(Proposal {
        sight,
        detected,
        line_ends: lines.ends,
        #[cfg(test)]
        preset,
        warnings,
        draft,
        section,
        trial,
    })
}

impl Proposal<'_> {
    /// The first events that the proposed section makes.
    pub(crate) fn events(&self, count: usize) -> &[TrialEvent] {
        &self.trial.events[..count.min(self.trial.events.len())]
    }

    /// All that the proposed section makes of the bytes that were looked at.
    #[cfg(test)]
    pub(crate) fn trial(&self) -> &Trial {
        &self.trial
    }

    /// The proposal as a `[[files]]` section that works, with the evidence as comments.
    pub(crate) fn to_toml(&self) -> String {
        text::section(self)
    }

    /// What was seen, for the terminal.
    pub(crate) fn explain(&self) -> String {
        text::explanation(self)
    }
}

fn as_file<'a>(sight: &Sight<'a>) -> TrialFile<'a> {
    TrialFile {
        path: sight.path,
        bytes: sight.head,
        is_whole: sight.is_whole,
        now_civil_micros: sight.now_civil_micros,
        file_civil_micros: sight.file_civil_micros,
    }
}

/// The preset that fits, and why: one that knows the name comes first, then the one with the most lines.
fn preset_of(path: &str, lines: &[&str], presets: &'static [Preset]) -> Option<(&'static Preset, String)> {
    let name = path.rsplit(['/', '\\']).next().unwrap_or(path);
    let fits = presets.iter().filter_map(|preset| Some((preset, preset.detect.as_ref()?.compare(name, lines)?)));
    let (preset, likeness) = fits.max_by_key(|(_, likeness)| (likeness.is_name_known, likeness.lines))?;
    let by_name = if likeness.is_name_known { format!(", and the name is {name}") } else { String::new() };
    Some((preset, format!("{} of {} lines have the form of {}{by_name}", likeness.lines, lines.len(), preset.title)))
}
