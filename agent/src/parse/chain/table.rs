//! Records that are rows of a table.

use std::borrow::Cow;

use super::cells::Cells;
use super::{Clues, FieldNames, Role, StepContext};
use crate::parse::fields::{self, DecimalSign};
use crate::parse::{Findings, text_start};

/// A table with what each of its columns is for.
#[derive(Debug)]
pub(in crate::parse) struct TableStep {
    separator: u8,
    /// Empty: the header row of the file names them.
    columns: Vec<(String, Role)>,
    decimal: DecimalSign,
}

impl Default for TableStep {
    fn default() -> Self {
        Self { separator: b',', columns: Vec::new(), decimal: DecimalSign::default() }
    }
}

impl TableStep {
    pub(super) fn compile(separator: u8, columns: &[String], decimal: DecimalSign, names: &FieldNames) -> Self {
        let columns = columns.iter().map(|name| (name.clone(), names.role(name.trim()))).collect();
        Self { separator, columns, decimal }
    }

    pub(super) fn read<'a>(
        &self,
        context: &StepContext<'_>,
        text: &'a str,
        out: &mut Findings<'a>,
        clues: &mut Clues<'a>,
    ) -> bool {
        let named = context.record.columns.unwrap_or_default();
        let expected = if self.columns.is_empty() { named.len() } else { self.columns.len() };
        let mut cells = Cells::of(&text[text_start(text)..], self.separator);
        let mut count = 0;
        for cell in cells.by_ref() {
            let place = count;
            count += 1;
            if cell.is_empty() {
                continue;
            }
            match (self.columns.get(place), named.get(place)) {
                (Some((name, role)), _) => self.keep(name, *role, cell, out, clues),
                (None, Some(name)) if self.columns.is_empty() => {
                    let name = name.trim();
                    self.keep(name, context.names.role(name), cell, out, clues);
                }
                _ => self.keep(&format!("column_{count}"), Role::Field, cell, out, clues),
            }
        }
        clues.are_apart = true;
        clues.may_begin_with_time = true;
        !cells.is_torn && (count > 1 || expected == 1)
    }

    /// The names in a header row.
    pub(in crate::parse) fn columns_of(&self, row: &str) -> Vec<String> {
        let cells = Cells::of(&row[text_start(row)..], self.separator);
        let name = |(index, cell): (usize, Cow<'_, str>)| match cell.trim() {
            "" => format!("column_{}", index + 1),
            name => name.to_owned(),
        };
        cells.enumerate().map(name).collect()
    }

    fn keep<'a>(&self, name: &str, role: Role, cell: Cow<'a, str>, out: &mut Findings<'a>, clues: &mut Clues<'a>) {
        match role {
            Role::Time if clues.time_field.is_none() => clues.time_field = Some(cell),
            Role::Level if clues.level.field.is_none() => clues.level.field = Some(cell),
            Role::Message if out.message.is_none() => out.message = Some(cell),
            _ => fields::push_value_member(&mut out.fields, name, &cell, self.decimal),
        }
    }
}
