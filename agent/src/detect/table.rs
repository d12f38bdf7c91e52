//! Tables: a row of column names, then rows of as many cells.

use super::{
    Sight, cells, day,
    draft::{Draft, Table, quoted},
    order::{self, Order},
    shape::{self, ShapeKind},
};
use crate::parse::DateOrder;

/// So many rows are looked at.
const ROWS_MAX: usize = 500;
/// The columns that are read as times without being named in the config.
const TIME_COLUMNS: [&str; 7] = ["time", "ts", "timestamp", "@timestamp", "datetime", "date time", "date/time"];

/// A table that was found.
pub(super) struct Found {
    separator: char,
    columns: Vec<String>,
    rows: Vec<Vec<String>>,
    lines: usize,
}

/// Looks whether the first line names columns for the lines after it.
pub(super) fn find(lines: &[&str]) -> Option<Found> {
    let (first, rest) = lines.split_first()?;
    let rest = &rest[..rest.len().min(ROWS_MAX)];
    let tables = [',', ';', '\t', '|'].into_iter().filter_map(|separator| {
        let columns = cells::split(first, separator);
        let named = columns.iter().filter(|name| name.chars().any(char::is_alphabetic)).count();
        if columns.len() < 2 || named * 5 < columns.len() * 4 || columns.iter().any(|name| is_number(name, '.')) {
            return None;
        }
        let rows: Vec<_> = rest.iter().map(|line| cells::split(line, separator)).collect();
        let fitting = rows.iter().filter(|row| row.len() == columns.len()).count();
        let has_values = rows.iter().flatten().any(|cell| is_number(cell, '.') || is_number(cell, ','));
        (fitting > 0 && fitting * 10 >= rows.len() * 9 && has_values).then_some(Found {
            separator,
            columns,
            rows,
            lines: rest.len(),
        })
    });
    // With the separator that makes the most cells.
    tables.max_by_key(|table| table.columns.len())
}

impl Found {
    /// Writes what it needs.
    pub(super) fn write(&self, sight: &Sight<'_>, draft: &mut Draft) {
        let cells = || self.rows.iter().flatten();
        let has_commas = self.separator != ','
            && cells().any(|cell| is_fraction(cell, ','))
            && !cells().any(|cell| is_fraction(cell, '.'));
        let fitting = self.rows.iter().filter(|row| row.len() == self.columns.len()).count();
        let evidence = format!(
            "the first line names {} columns, and {fitting} of {} lines after it have as many cells",
            self.columns.len(),
            self.lines
        );
        if self.separator == ',' {
            draft.set(Table::Files, "parser = \"csv\"", evidence);
        } else {
            let separator = toml::Value::String(self.separator.to_string());
            let decimal = if has_commas { ", decimal = \",\"" } else { "" };
            let evidence = if has_commas { format!("{evidence}; numbers are written with a comma") } else { evidence };
            draft.set(
                Table::Files,
                format!("parsers = [{{ format = \"csv\", separator = {separator}{decimal} }}]"),
                evidence,
            );
        }
        draft.set(Table::Record, "header_row = true", "");
        self.write_time(sight, draft);
    }

    fn write_time(&self, sight: &Sight<'_>, draft: &mut Draft) {
        let column = (0..self.columns.len()).find_map(|index| {
            let cells: Vec<&str> = self.rows.iter().filter_map(|row| row.get(index)).map(String::as_str).collect();
            let found = shape::find(&cells)?;
            (found.count * 5 >= cells.len() * 4).then_some((index, found, cells))
        });
        let Some((index, found, cells)) = column else {
            draft.warnings.push("no column holds times: events have the time at which they were read".to_owned());
            return;
        };
        let name = &self.columns[index];
        let evidence = format!("column {name:?} holds {}", found.shape.name);
        if TIME_COLUMNS.iter().any(|usual| usual.eq_ignore_ascii_case(name)) {
            draft.remarks.push(evidence);
        } else {
            draft.set(Table::Time, format!("field = {}", quoted(name)), evidence);
        }
        let times = cells.iter().zip(&found.places).filter_map(|(cell, place)| place.map(|(from, to)| &cell[from..to]));
        match found.shape.kind {
            ShapeKind::Whole => {}
            ShapeKind::YearLast => {
                set_order(draft, order::judge(times.filter_map(shape::first_numbers)));
            }
            ShapeKind::Clock => set_day(sight, draft, found.shape.format.unwrap_or_default()),
        }
    }
}

/// Writes which of the numbers of a date is the day, or that a person has to say it.
pub(super) fn set_order(draft: &mut Draft, order: Order) -> Option<DateOrder> {
    match order {
        Order::Known(order, evidence) => {
            let text = if order == DateOrder::DayFirst { "dmy" } else { "mdy" };
            draft.set(Table::Files, format!("date_order = \"{text}\""), evidence);
            Some(order)
        }
        Order::Open(evidence) => {
            draft.warnings.push(format!(
                "{evidence}: until date_order is set to \"dmy\" (day first) or \"mdy\" (month first), these times are not read"
            ));
            draft.set(
                Table::Files,
                "# date_order = \"dmy\" # or \"mdy\"",
                "to be set: nobody but you knows which number is the day",
            );
            None
        }
        Order::NoDates => {
            draft.warnings.push("the dates fit no order of day, month and year: set time.format".to_owned());
            None
        }
    }
}

/// Writes where the day of times comes from that have none.
pub(super) fn set_day(sight: &Sight<'_>, draft: &mut Draft, format: &str) {
    draft.set(Table::Time, format!("format = \"{format}\""), "times are written without a date");
    if let Some((date, pattern)) = day::in_name(sight.path) {
        let evidence = format!("the file's name holds the date {date}");
        draft.set(Table::Files, format!("path_pattern = '{pattern}'"), evidence);
        draft.set(Table::Time, "day = \"path\"", "the day of the first time; it goes on at midnight");
        return;
    }
    let evidence = "the day on which the file was created; it goes on at midnight";
    draft.set(Table::Time, "day = \"file\"", evidence);
    let warning = "times have no date, and neither has the file's name: they get the day on which the file was created, which is wrong \
                   for a file that was copied";
    draft.warnings.push(warning.to_owned());
}

fn is_number(cell: &str, sign: char) -> bool {
    let digits = cell.strip_prefix('-').unwrap_or(cell);
    let mut parts = digits.splitn(2, sign);
    let is_run = |part: Option<&str>| {
        part.is_some_and(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()))
    };
    is_run(parts.next()) && parts.next().is_none_or(|fraction| is_run(Some(fraction)))
}

fn is_fraction(cell: &str, sign: char) -> bool {
    cell.contains(sign) && is_number(cell, sign)
}
