//! Proposals for files of which no preset knows: what do the lines look like, and where are their times?

use std::sync::LazyLock;

use regex::Regex;
use serde::de::IgnoredAny;

use super::{
    Sight, as_file, blocks,
    draft::{Draft, Table, quoted},
    lines::Lines,
    order,
    shape::{self, Found, ShapeKind},
    table::{self, set_day, set_order},
};
use crate::parse::{DateOrder, header_pair};

static PAIR: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r#"(?:^|\s)[A-Za-z_@][\w.@/-]*=(?:"(?:[^"\\]|\\.)*"|\S*)"#).expect("the pattern is tested")
});
static CHECKSUM: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"^[0-9A-Fa-f]{6,64}$").expect("the pattern is tested"));

/// Proposes how to read lines.
pub(super) fn draft(sight: &Sight<'_>, lines: &Lines) -> Draft {
    let mut draft = Draft::default();
    if lines.has_ansi {
        draft.set(Table::Record, "ansi = \"strip\"", "escape sequences of terminals were seen");
    }
    let is_overwritten = carriage_returns(&mut draft, lines);
    let all: Vec<&str> = lines.all.iter().map(|line| if is_overwritten { last_written(line) } else { line }).collect();
    let shown: Vec<&str> = all.iter().copied().filter(|line| !line.trim().is_empty()).collect();
    if is_most(&shown, is_object) {
        draft.remarks.push(format!(
            "{} of {} lines are JSON objects, whose keys are read as they are",
            count(&shown, is_object),
            shown.len()
        ));
        return draft;
    }
    let is_pairs =
        |line: &str| PAIR.find(line).is_some_and(|pair| pair.start() == 0) && PAIR.find_iter(line).count() >= 2;
    if is_most(&shown, is_pairs) {
        let evidence = format!("{} of {} lines are pairs of keys and values", count(&shown, is_pairs), shown.len());
        draft.set(Table::Files, "parser = \"logfmt\"", evidence);
        return draft;
    }
    let found = shape::find(&shown).filter(|found| found.count * 50 >= shown.len());
    if let Some(table) = table::find(&shown)
        && found.as_ref().is_none_or(|found| found.places[0].is_none())
    {
        table.write(sight, &mut draft);
        return draft;
    }
    match found {
        Some(found) => timed(sight, &mut draft, &all, &shown, &found),
        None => draft.warnings.push(
            "no line begins with a time: each line is a record with the time at which it was read; if there is a time elsewhere, set \
             time.where, time.before or time.pattern"
                .to_owned(),
        ),
    }
    draft
}

/// Lines that begin with a time.
fn timed(sight: &Sight<'_>, draft: &mut Draft, all: &[&str], shown: &[&str], found: &Found) {
    if let Some(blocks) = blocks::find(shown, found) {
        blocks.write(draft);
        time(sight, draft, shown, found);
        return;
    }
    let first = found.places.iter().position(Option::is_some).unwrap_or(0);
    let head: Vec<&str> = all.iter().copied().take_while(|line| *line != shown[first]).collect();
    let is_head_skipped = head_of_file(draft, &head, &shown[..first]);
    let (others, indented) = found
        .places
        .iter()
        .zip(shown)
        .skip(first)
        .filter(|(place, _)| place.is_none())
        .fold((0, 0), |(others, indented), (_, line)| {
            (others + 1, indented + usize::from(line.starts_with([' ', '\t'])))
        });
    let begins = format!("{} of {} lines begin with a time ({})", found.count, shown.len(), found.name());
    if others == 0 {
        draft.remarks.push(format!("{begins}, so each line is a record"));
    } else {
        let evidence = format!(
            "{begins}; {others} others follow them, {indented} of these indented, and belong to the line before"
        );
        draft.set(Table::Record, format!("start = {}", quoted(&found.start(shown))), evidence);
        if is_head_skipped == HeadRule::Skipped {
            draft.set(Table::Record, "preamble = \"skip\"", "the checksum is no record");
        }
        if found.count * 4 < shown.len() {
            draft.warnings.push(format!(
                "only {} of {} lines begin with a time: look whether the others belong to them",
                found.count,
                shown.len()
            ));
        }
    }
    if others == 0 && is_head_skipped == HeadRule::Skipped {
        draft.set(Table::Record, format!("header_lines = {}", head.len()), "the checksum is no record");
    }
    time(sight, draft, shown, found);
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum HeadRule {
    /// There is none, or it is read as the config says by now.
    Done,
    /// It is to be left out.
    Skipped,
}

/// What stands before the first line with a time.
fn head_of_file(draft: &mut Draft, head: &[&str], shown: &[&str]) -> HeadRule {
    if shown.is_empty() {
        return HeadRule::Done;
    }
    if let [line] = shown
        && CHECKSUM.is_match(line.trim())
    {
        let evidence = format!(
            "the first line ({}) looks like a checksum, which is written anew whenever something is added",
            line.trim()
        );
        draft.set(Table::Files, "rewritten_head_lines = 1", evidence);
        return HeadRule::Skipped;
    }
    let pairs = shown.iter().filter(|line| header_pair(line).is_some()).count();
    let blanks = head.iter().filter(|line| line.trim().is_empty()).count();
    let ends_blank = head.last().is_some_and(|line| line.trim().is_empty());
    if pairs >= 2 && pairs * 5 >= shown.len() * 3 && ends_blank && blanks == 1 {
        let evidence = format!(
            "{pairs} of the first {} lines are keys with values, up to a blank line: they go with every record",
            shown.len()
        );
        draft.set(Table::Record, "header_until = '^\\s*$'", evidence);
    } else {
        draft.remarks.push(format!(
            "{} before the first one with a time",
            match shown.len() {
                1 => "1 line stands".to_owned(),
                lines => format!("{lines} lines stand"),
            }
        ));
    }
    HeadRule::Done
}

/// How the times are written.
fn time(sight: &Sight<'_>, draft: &mut Draft, shown: &[&str], found: &Found) {
    let times = || shown.iter().zip(&found.places).filter_map(|(line, place)| place.map(|(from, to)| &line[from..to]));
    match found.shape.kind {
        ShapeKind::Whole => {}
        ShapeKind::YearLast => {
            let order = set_order(draft, order::judge(times().filter_map(shape::first_numbers)));
            if let (Some(format), Some(order)) = (found.shape.format, order) {
                let format =
                    if order == DateOrder::DayFirst { format.to_owned() } else { format.replace("%d/%m", "%m/%d") };
                draft.set(Table::Time, format!("format = \"{format}\""), "the weekday stands before the date");
            } else if order.is_none() {
                return;
            }
        }
        ShapeKind::Clock => set_day(sight, draft, found.shape.format.unwrap_or_default()),
    }
    // What stands before the time may hide it from the usual search.
    let read = |draft: &Draft| {
        let trial = draft.try_on(&as_file(sight), super::EVENTS_TRIED_MAX).map(|(_, trial)| trial);
        trial.map_or(0, |trial| {
            trial.events.iter().filter(|event| event.time.is_some() && !event.is_time_inherited).count()
        })
    };
    if read(draft) * 10 < found.count * 9 && !found.opening().is_empty() {
        draft.set(
            Table::Time,
            format!("before = {}", quoted(&format!("^\\s*{}", found.opening()))),
            "the time stands behind something else",
        );
    }
    if read(draft) * 10 < found.count * 9 {
        draft.warnings.push(format!("only {} of {} times can be read: set time.format", read(draft), found.count));
    }
}

/// Carriage returns that stand alone; says whether lines are written over.
fn carriage_returns(draft: &mut Draft, lines: &Lines) -> bool {
    if lines.ends.bare_cr == 0 {
        return false;
    }
    let with: Vec<&String> = lines.all.iter().filter(|line| line.contains('\r')).collect();
    let progress = with.iter().filter(|line| line.contains('%') || line.starts_with('\r')).count();
    let evidence =
        format!("{} carriage returns stand alone, in {} of {} lines", lines.ends.bare_cr, with.len(), lines.all.len());
    if progress * 2 >= with.len() {
        draft.set(
            Table::Record,
            "carriage_return = \"overwrite\"",
            format!("{evidence}, as programs draw their progress: what is written last is kept"),
        );
        return true;
    }
    if lines.ends.lf + lines.ends.crlf < lines.ends.bare_cr {
        draft.set(Table::Record, "carriage_return = \"newline\"", format!("{evidence}: they end lines"));
    } else {
        draft.remarks.push(evidence);
    }
    false
}

fn last_written(line: &str) -> &str {
    let line = line.trim_end_matches('\r');
    line.rsplit('\r').next().unwrap_or(line)
}

fn is_object(line: &str) -> bool {
    line.trim_start().starts_with('{') && serde_json::from_str::<IgnoredAny>(line).is_ok()
}

fn count(lines: &[&str], is: impl Fn(&str) -> bool) -> usize {
    lines.iter().filter(|line| is(line)).count()
}

fn is_most(lines: &[&str], is: impl Fn(&str) -> bool) -> bool {
    !lines.is_empty() && count(lines, is) * 10 >= lines.len() * 9
}
