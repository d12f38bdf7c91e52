//! What a person should know of a file besides how it is read.

use std::sync::LazyLock;

use regex::Regex;

use super::{Sight, lines::Lines, text::counted, trial::Trial};
use crate::{
    decode::Detected,
    parse::WrittenTime,
    preset::{Preset, PresetOrigin},
};

static ZONE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"UTC adjustment: ?\S+|\b(?:UTC|GMT) ?[+-]\d{1,2}(?::?\d\d)?\b|\b(?:CEST|CET|EST|EDT|CDT|PST|PDT|MDT|BST|JST)\b|(?i)\btime ?zone[:= ]+\S+")
        .expect("the pattern is tested")
});
static TRAILER: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^(?:##END|\$\$ |[0-9A-Fa-f]{16,64}$|(?i)[-=#*<\[ ]*end of (?:file|log|report|audit))")
        .expect("the pattern is tested")
});
/// Zone names are looked for in so many lines.
const ZONE_LINES_MAX: usize = 200;

/// Everything that is worth a word.
pub(super) fn warnings(
    sight: &Sight<'_>,
    detected: &Detected,
    lines: &Lines,
    trial: &Trial,
    preset: Option<&Preset>,
) -> Vec<String> {
    let mut warnings: Vec<String> = detected.warning.iter().cloned().collect();
    if detected.charset.name() == "windows-1252" {
        warnings.push(
            "it is not UTF-8 and is read as Windows-1252; if letters look wrong, set encoding, for example to \"shift_jis\", \"gbk\" or \
             \"windows-1251\""
                .to_owned(),
        );
    }
    if lines.nuls > 0 {
        warnings.push(format!(
            "NULs are left out ({}): the file has room that is not filled, or a crash tore it",
            lines.nuls
        ));
    }
    if !lines.ends.has_final && sight.is_whole {
        warnings.push(
            "the last line has no line end: it is sent when the file did not grow for partial_after (5s)".to_owned(),
        );
    }
    let is_ambiguous = trial.events.iter().filter(|event| event.is_date_ambiguous).count();
    if is_ambiguous > 0 && preset.is_some() {
        warnings.push(format!("{is_ambiguous} dates can be read in two ways: set date_order"));
    }
    if preset.is_some_and(|preset| preset.origin == PresetOrigin::Documentation) {
        warnings.push(
            "the preset was written from documentation, not from a file: look whether the events are right".to_owned(),
        );
    }
    warnings.extend(order(trial, preset));
    warnings.extend(zone(lines, trial));
    warnings.extend(trailer(sight, detected, lines).filter(|_| preset.is_none()));
    warnings
}

/// Whether times go back.
fn order(trial: &Trial, preset: Option<&Preset>) -> Option<String> {
    let own = trial.events.iter().filter(|event| !event.is_time_inherited);
    let instant = |time: WrittenTime| time.civil_micros - i64::from(time.offset_seconds.unwrap_or(0)) * 1_000_000;
    let times: Vec<i64> = own.filter_map(|event| event.time).map(instant).collect();
    let back = times.windows(2).filter(|pair| pair[1] < pair[0]).count();
    let forth = times.windows(2).filter(|pair| pair[1] > pair[0]).count();
    if back >= 3 && back > 4 * forth {
        let remedy = if preset.is_some() { "" } else { "; set snapshot = {}" };
        return Some(format!("the newest record comes first: such files are written anew as a whole{remedy}"));
    }
    (back > 0).then(|| {
        format!("the times step back in {} between records; the order of the file is kept", counted(back, "place"))
    })
}

/// A zone that the text names while the times do not.
fn zone(lines: &Lines, trial: &Trial) -> Option<String> {
    let has_offsets = trial.events.iter().filter_map(|event| event.time).any(|time| time.offset_seconds.is_some());
    if has_offsets {
        return None;
    }
    let found = lines.all.iter().take(ZONE_LINES_MAX).find_map(|line| ZONE.find(line))?;
    Some(format!("times have no offset, but the text says {:?}: set zone if it is not this machine's", found.as_str()))
}

/// A last line that will not stay the last.
fn trailer(sight: &Sight<'_>, detected: &Detected, lines: &Lines) -> Option<String> {
    let tail = Lines::of(detected.charset, sight.tail, true);
    let lines = if sight.is_whole { lines } else { &tail };
    let last = *lines.with_text().last()?;
    TRAILER.is_match(last.trim()).then(|| {
        format!("the last line ({:?}) looks as if it were rewritten when something is added: leave it out with record.skip, and set snapshot = {{}}", last.trim())
    })
}
