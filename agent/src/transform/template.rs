//! A value to set, whose texts may contain `{path}` placeholders.

use serde_json::{Map, Value};
use thiserror::Error;

use super::path::{EventPath, PathError};

/// Why a text with braces was refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum TemplateError {
    /// A placeholder without its end.
    #[error("{0:?} has a brace that is not closed: write {{path}}, or {{{{ for the brace itself")]
    Unclosed(String),
    /// A placeholder that names no path.
    #[error("a placeholder: {0}; for the brace itself write {{{{")]
    Path(#[from] PathError),
}

/// A value, read once.
#[derive(Debug, Clone)]
pub(super) enum Template {
    /// The same for every event.
    Constant(Value),
    /// One placeholder alone: the value that is there, whatever its type; an empty text if there is none.
    Value(EventPath),
    /// Placeholders between other text.
    Text(Vec<Piece>),
    /// An array of which some element depends on the event.
    Array(Vec<Template>),
    /// An object of which some field depends on the event.
    Object(Vec<(String, Template)>),
}

/// A part of a text.
#[derive(Debug, Clone)]
pub(super) enum Piece {
    /// As it is.
    Text(String),
    /// What is at the path: a text as it is, nothing for null, else JSON.
    Path(EventPath),
}

impl Template {
    pub(super) fn new(written: &Value) -> Result<Self, TemplateError> {
        match written {
            Value::String(text) => Self::of_text(text),
            Value::Array(items) => {
                let items = items.iter().map(Self::new).collect::<Result<Vec<_>, _>>()?;
                Ok(match items.iter().map(Self::constant).collect() {
                    Some(items) => Self::Constant(Value::Array(items)),
                    None => Self::Array(items),
                })
            }
            Value::Object(fields) => {
                let read = |(key, value): (&String, &Value)| Ok((key.clone(), Self::new(value)?));
                let fields = fields.iter().map(read).collect::<Result<Vec<_>, TemplateError>>()?;
                let constant = |(key, value): &(String, Self)| Some((key.clone(), value.constant()?));
                Ok(match fields.iter().map(constant).collect::<Option<Map<_, _>>>() {
                    Some(fields) => Self::Constant(Value::Object(fields)),
                    None => Self::Object(fields),
                })
            }
            scalar => Ok(Self::Constant(scalar.clone())),
        }
    }

    fn of_text(text: &str) -> Result<Self, TemplateError> {
        let mut pieces = Vec::new();
        let mut plain = String::new();
        let mut rest = text;
        while let Some(at) = rest.find(['{', '}']) {
            plain.push_str(&rest[..at]);
            let brace = &rest[at..=at];
            if rest[at + 1..].starts_with(brace) {
                plain.push_str(brace);
                rest = &rest[at + 2..];
            } else if brace == "}" {
                plain.push_str(brace);
                rest = &rest[at + 1..];
            } else {
                let length = rest[at..].find('}').ok_or_else(|| TemplateError::Unclosed(text.to_owned()))?;
                let path = EventPath::parse(&rest[at + 1..at + length])?;
                if !plain.is_empty() {
                    pieces.push(Piece::Text(std::mem::take(&mut plain)));
                }
                pieces.push(Piece::Path(path));
                rest = &rest[at + length + 1..];
            }
        }
        plain.push_str(rest);
        if pieces.is_empty() {
            return Ok(Self::Constant(Value::String(plain)));
        }
        if !plain.is_empty() {
            pieces.push(Piece::Text(plain));
        }
        Ok(match <[Piece; 1]>::try_from(pieces) {
            Ok([Piece::Path(path)]) => Self::Value(path),
            Ok([text]) => Self::Text(vec![text]),
            Err(pieces) => Self::Text(pieces),
        })
    }

    /// The value, if it is the same for every event.
    pub(super) fn constant(&self) -> Option<Value> {
        match self {
            Self::Constant(value) => Some(value.clone()),
            _ => None,
        }
    }

    /// The value for this event.
    pub(super) fn render(&self, event: &Value) -> Value {
        match self {
            Self::Constant(value) => value.clone(),
            Self::Value(path) => path.get(event).cloned().unwrap_or_else(|| Value::String(String::new())),
            Self::Text(pieces) => {
                let mut text = String::new();
                for piece in pieces {
                    match piece {
                        Piece::Text(plain) => text.push_str(plain),
                        Piece::Path(path) => match path.get(event) {
                            None | Some(Value::Null) => {}
                            Some(Value::String(found)) => text.push_str(found),
                            Some(other) => text.push_str(&other.to_string()),
                        },
                    }
                }
                Value::String(text)
            }
            Self::Array(items) => items.iter().map(|item| item.render(event)).collect(),
            Self::Object(fields) => fields.iter().map(|(key, value)| (key.clone(), value.render(event))).collect(),
        }
    }
}
