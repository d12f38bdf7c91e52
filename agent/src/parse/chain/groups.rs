//! Records that a regular expression takes apart.

mod tail;

use std::borrow::Cow;

use regex::CaptureLocations;

use self::tail::Headless;
use super::{Clues, FieldNames, Numbers, Role};
use crate::parse::expression::{Expression, GroupReader};
use crate::parse::fields::{self, DecimalSign};
use crate::parse::{Findings, ParseConfigError};

/// An expression with what each of its groups is for.
#[derive(Debug)]
pub(in crate::parse) struct GroupStep {
    reader: GroupReader,
    /// The same without its message, which is faster.
    headless: Option<(GroupReader, Headless)>,
    groups: Vec<Group>,
    decimal: DecimalSign,
}

#[derive(Debug)]
struct Group {
    index: usize,
    name: String,
    role: Role,
    /// It becomes a field, whatever else it is for.
    is_field: bool,
    is_number: bool,
}

impl GroupStep {
    pub(super) fn compile(
        expression: Expression,
        numbers: &Numbers,
        decimal: DecimalSign,
        names: &FieldNames,
    ) -> Result<Self, ParseConfigError> {
        let has = |name: &str| expression.group(name).is_some();
        if let Numbers::Some(wanted) = numbers
            && let Some(missing) = wanted.iter().find(|name| !has(name))
        {
            return Err(ParseConfigError::NoSuchGroup(missing.clone()));
        }
        let (time, level) = (names.time.as_deref().unwrap_or("time"), names.level.as_deref().unwrap_or("level"));
        let groups = expression
            .regex()
            .capture_names()
            .enumerate()
            .filter_map(|(index, name)| {
                let name = name?;
                let role = match name {
                    _ if name == time => Role::Time,
                    _ if name == level => Role::Level,
                    "message" => Role::Message,
                    _ => Role::Field,
                };
                let is_field = !matches!(name, "time" | "level" | "message");
                Some(Group { index, name: name.to_owned(), role, is_field, is_number: numbers.contain(name) })
            })
            .collect();
        let headless = Headless::of(expression.regex().as_str())
            .map(|headless| (GroupReader::new(headless.head.clone()), headless));
        Ok(Self { reader: GroupReader::new(expression), headless, groups, decimal })
    }

    pub(super) fn read<'a>(&self, text: &'a str, out: &mut Findings<'a>, clues: &mut Clues<'a>) -> bool {
        clues.are_apart = true;
        clues.may_begin_with_time = true;
        if let Some((reader, headless)) = &self.headless {
            let found = reader.read(text, |places| {
                let (_, end) = places.get(0)?;
                let message = headless.message(&text[end..])?;
                self.keep(text, places, out, clues);
                out.message = Some(Cow::Borrowed(message));
                Some(())
            });
            match found {
                None => return false,
                Some(Some(())) => return true,
                Some(None) => {}
            }
        }
        self.reader.read(text, |places| self.keep(text, places, out, clues)).is_some()
    }

    fn keep<'a>(&self, text: &'a str, places: &CaptureLocations, out: &mut Findings<'a>, clues: &mut Clues<'a>) {
        for group in &self.groups {
            // The group of a message that was split off has no place.
            let Some((from, to)) = (group.index < places.len()).then(|| places.get(group.index)).flatten() else {
                continue;
            };
            let value = &text[from..to];
            // A message may be empty; any other group without a text says nothing.
            if value.is_empty() && group.role != Role::Message {
                continue;
            }
            match group.role {
                Role::Time => clues.time_field = Some(Cow::Borrowed(value)),
                Role::Level => clues.level.field = Some(Cow::Borrowed(value)),
                Role::Message => out.message = Some(Cow::Borrowed(value)),
                Role::Field => {}
            }
            if !group.is_field {
                continue;
            }
            if group.is_number {
                fields::push_value_member(&mut out.fields, &group.name, value.trim(), self.decimal);
            } else {
                fields::push_text_member(&mut out.fields, &group.name, value);
            }
        }
    }
}
