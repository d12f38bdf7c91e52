//! The words of a notification: templates that are compiled when they are read, and defaults that a person can act on.
//!
//! Nothing in a template can lose an alert. What a template may cost is bounded (steps, memory and the length of what
//! it makes), and where one fails the facts are sent plainly, with the error attached.

mod engine;
mod fallback;
mod filters;
mod rendered;
mod sample;
#[cfg(test)]
mod tests;
mod when;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use self::engine::{CompiledTemplate, Part};
pub(super) use self::{
    engine::first_characters,
    rendered::{Rendered, Voice, render},
    when::Zone,
};

/// The templates of a rule or of a receiver, as they stand in the config. A part that is not set is taken from the
/// receiver, and else is the default.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TemplateSection {
    /// The subject of a mail and the heading of a chat message: one line, cut after 200 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// The plain text: the mail's text part, the body of a chat message, `text` for programs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// The mail's HTML part. Values are escaped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub html: Option<String>,
}

/// Templates that were found sound: their syntax, their variables, their filters, and what they cost on an example.
#[derive(Debug, Clone, Default)]
pub struct Templates {
    section: TemplateSection,
    subject: Option<CompiledTemplate>,
    text: Option<CompiledTemplate>,
    html: Option<CompiledTemplate>,
}

/// A template that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("template `{part}`, line {line}: {problem}; {remedy}")]
pub struct TemplateError {
    /// `subject`, `text` or `html`.
    pub part: &'static str,
    /// The line in the template, from 1.
    pub line: usize,
    /// What is wrong.
    pub problem: String,
    /// What to do about it.
    pub remedy: String,
}

impl Templates {
    /// Compiles the templates and tries them on examples of every kind of notification.
    pub fn compile(section: TemplateSection) -> Result<Self, TemplateError> {
        let compile = |part, source: &Option<String>| {
            source.as_deref().map(|source| CompiledTemplate::compile(part, source)).transpose()
        };
        Ok(Self {
            subject: compile(Part::Subject, &section.subject)?,
            text: compile(Part::Text, &section.text)?,
            html: compile(Part::Html, &section.html)?,
            section,
        })
    }

    /// Whether every part is the default.
    pub fn is_default(&self) -> bool {
        self.section == TemplateSection::default()
    }

    fn part(&self, part: Part) -> Option<&CompiledTemplate> {
        match part {
            Part::Subject => self.subject.as_ref(),
            Part::Text => self.text.as_ref(),
            Part::Html => self.html.as_ref(),
        }
    }
}

impl PartialEq for Templates {
    fn eq(&self, other: &Self) -> bool {
        self.section == other.section
    }
}

impl Serialize for Templates {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.section.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Templates {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::compile(TemplateSection::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}
