//! Records between separator lines, whose time stands at the same line of each, such as the last.

use std::sync::LazyLock;

use regex::Regex;

use super::{
    draft::{Draft, Table},
    shape::Found,
};

static RULE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^(?:={8,}|-{8,}|_{8,}|\*{8,}|#{8,}|~{8,}|\+{8,})\s*$").expect("the pattern is tested")
});
/// Fewer blocks show no rule.
const BLOCKS_MIN: usize = 3;

/// Blocks with the place of their times.
pub(super) struct Blocks {
    sign: char,
    count: usize,
    timed: usize,
    place: Place,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Last,
    /// Counted from 1.
    Line(usize),
}

/// Looks whether separator lines stand around the lines with a time.
pub(super) fn find(lines: &[&str], found: &Found) -> Option<Blocks> {
    let rules: Vec<usize> = (0..lines.len()).filter(|at| RULE.is_match(lines[*at])).collect();
    let sign = lines[*rules.first()?].chars().next()?;
    if rules.len() < BLOCKS_MIN || rules.iter().any(|at| !lines[*at].starts_with(sign)) {
        return None;
    }
    let ends = rules[1..].iter().copied().chain([lines.len()]);
    let blocks: Vec<(usize, usize)> = rules.iter().map(|at| at + 1).zip(ends).filter(|(from, to)| from < to).collect();
    let most = |place: Place| {
        let is_timed = |(from, to): &&(usize, usize)| {
            let at = match place {
                Place::Last => to - 1,
                Place::Line(line) => from + line - 1,
            };
            at < *to && found.places[at].is_some()
        };
        let timed = blocks.iter().filter(is_timed).count();
        (timed >= BLOCKS_MIN && timed * 5 >= blocks.len() * 4).then_some((place, timed))
    };
    // Where a block begins with its time, the usual rule says the same.
    if most(Place::Line(1)).is_some() {
        return None;
    }
    let (place, timed) = [Place::Last, Place::Line(2), Place::Line(3), Place::Line(4)].into_iter().find_map(most)?;
    Some(Blocks { sign, count: blocks.len(), timed, place })
}

impl Blocks {
    /// Writes what they need.
    pub(super) fn write(&self, draft: &mut Draft) {
        let sign = regex::escape(&self.sign.to_string());
        let evidence = format!("{} blocks stand between lines of {:?}", self.count, self.sign);
        draft.set(Table::Record, format!("separator = '^{sign}{{8,}}\\s*$'"), evidence);
        let (line, name) = match self.place {
            Place::Last => ("\"last\"".to_owned(), "the last line".to_owned()),
            Place::Line(line) => (line.to_string(), format!("line {line}")),
        };
        draft.set(Table::Time, format!("line = {line}"), format!("in {} of them the time is in {name}", self.timed));
    }
}
