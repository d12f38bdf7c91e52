//! A settings file in JSON, TOML or YAML as a table of values.

use std::path::Path;

use serde_json::{Map, Value};
use serde_saphyr::options::{DuplicateKeyPolicy, NonFiniteFloatPolicy};

use super::problem::Problem;

/// How a settings file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// `NAME=VALUE` lines.
    Dotenv,
    /// JSON.
    Json,
    /// TOML.
    Toml,
    /// YAML.
    Yaml,
}

impl Kind {
    /// The kinds with keys, strongest first.
    pub(super) const WITH_KEYS: [Self; 3] = [Self::Json, Self::Toml, Self::Yaml];

    /// The kind that the name of a file tells.
    pub(super) fn of(file: &Path) -> Option<Self> {
        let name = file.file_name()?.to_str()?;
        match name.rsplit_once('.')?.1 {
            "env" => Some(Self::Dotenv),
            "json" => Some(Self::Json),
            "toml" => Some(Self::Toml),
            "yaml" | "yml" => Some(Self::Yaml),
            _ => None,
        }
    }

    /// The names under which MADSci searches files of this kind, weakest first.
    pub(super) fn names(self) -> [&'static str; 3] {
        match self {
            Self::Dotenv => [".env", "event.env", "events.env"],
            Self::Json => ["settings.json", "event.settings.json", "events.settings.json"],
            Self::Toml => ["settings.toml", "event.settings.toml", "events.settings.toml"],
            Self::Yaml => ["settings.yaml", "event.settings.yaml", "events.settings.yaml"],
        }
    }
}

/// Reads the text of a file; `file` is for messages.
pub(super) fn parse(kind: Kind, text: &str, file: &Path) -> Result<Map<String, Value>, Problem> {
    let value = match kind {
        Kind::Json => serde_json::from_str(text).map_err(|error| (error.line(), json_message(&error))),
        Kind::Toml => toml::from_str(text).map_err(|error| (toml_line(text, &error), error.message().to_owned())),
        Kind::Yaml => yaml(text),
        Kind::Dotenv => unreachable!("dotenv files have variables, not keys"),
    };
    match value {
        Ok(Value::Object(table)) => Ok(table),
        // An empty YAML file is one without settings.
        Ok(Value::Null) if kind == Kind::Yaml => Ok(Map::new()),
        Ok(_) => Err(Problem::Table { file: file.to_owned() }),
        Err((line, message)) => Err(Problem::Syntax { file: file.to_owned(), line: line.max(1), message }),
    }
}

/// YAML as MADSci's reader has it, which is that of YAML 1.1: a number with a leading 0 is octal, of two equal keys the last
/// counts. Only `yes` and `no` stay texts, which is what a name may be; where truth is asked for, they are truth.
fn yaml(text: &str) -> Result<Value, (usize, String)> {
    let options = serde_saphyr::options! {
        duplicate_keys: DuplicateKeyPolicy::LastWins,
        legacy_octal_numbers: true,
        strict_booleans: true,
        non_finite_float_policy: NonFiniteFloatPolicy::AsString,
        with_snippet: false,
    };
    serde_saphyr::from_str_with_options(text, options).map_err(|error| {
        let line = error.location().map_or(1, |location| location.line() as usize);
        (line, error.to_string().replace('\n', ": "))
    })
}

fn toml_line(text: &str, error: &toml::de::Error) -> usize {
    let at = error.span().map_or(0, |span| span.start.min(text.len()));
    text[..at].matches('\n').count() + 1
}

/// The message without the place, which is told apart.
fn json_message(error: &serde_json::Error) -> String {
    let message = error.to_string();
    message.split(" at line ").next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use serde_json::{Value, json};

    use super::{Kind, parse};

    #[test]
    fn files_are_read() {
        let check = |kind: Kind, text: &str, expected: Value| {
            let read = parse(kind, text, Path::new("f")).map(Value::Object).map_err(|problem| problem.to_string());
            assert_eq!(read.unwrap_or_else(|error| json!(error)), expected, "{text}");
        };
        check(Kind::Json, "{\"a\": 1, \"a\": 2.5}", json!({"a": 2.5}));
        check(Kind::Json, "{\"a\":\n 1,}", json!("f:2: trailing comma"));
        check(Kind::Json, "", json!("f:1: EOF while parsing a value"));
        check(Kind::Json, "null", json!("f: this is not a table of settings: write `name: value` lines or the like"));
        check(Kind::Toml, "a = 1\n[b]\nc = 'x'", json!({"a": 1, "b": {"c": "x"}}));
        check(Kind::Yaml, "", json!({}));
        check(Kind::Yaml, "# none\n", json!({}));
        check(Kind::Yaml, "a: 017\nb: 0x1F\nc: 1_000\nd: 0b11\n", json!({"a": 15, "b": 31, "c": 1000, "d": 3}));
        check(Kind::Yaml, "a: yes\nb: ~\nc: null\nd:\n", json!({"a": "yes", "b": null, "c": null, "d": null}));
        check(Kind::Yaml, "a: 1\na: 2\n", json!({"a": 2}));
        check(Kind::Yaml, "x: &x {b: 1}\n<<: *x\n", json!({"x": {"b": 1}, "b": 1}));
        check(Kind::Yaml, "- a\n", json!("f: this is not a table of settings: write `name: value` lines or the like"));
    }

    #[test]
    fn messages_do_not_quote_the_file() {
        let check = |kind: Kind, text: &str, line: usize| {
            let message = parse(kind, text, Path::new("f")).unwrap_err().to_string();
            assert!(message.starts_with(&format!("f:{line}: ")), "{message}");
            assert!(!message.contains("hush") && !message.contains('\n'), "{message}");
        };
        check(Kind::Json, "{\"a\": 1,\n\"p\": hush}", 2);
        check(Kind::Toml, "a = 1\np = hush\n", 2);
        check(Kind::Toml, "a = 1\np = \"hush\n", 2);
        check(Kind::Yaml, "a: 1\np: [hush\n", 2);
        check(Kind::Yaml, "a: 1\np: \"hush\n", 2);
        check(Kind::Yaml, "a: 1\n hush: 2\n", 2);
        check(Kind::Yaml, "a: 1\np: hush: hush\n", 2);
    }
}
