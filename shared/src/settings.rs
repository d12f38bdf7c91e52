//! Settings from TOML: strict, and with errors that name the file, the line, the key and the nearest valid key.
//!
//! `${NAME}` in a value is replaced by that environment variable, so that secrets need not stand in the file.

mod byte_size;
mod duration;
mod secret;

use std::path::{Path, PathBuf};

pub use byte_size::ByteSize;
pub use duration::Period;
pub use secret::Secret;
use serde::de::DeserializeOwned;
use thiserror::Error;

/// Why a config file was refused. The text is complete: file, line, key, what is wrong and what would be right.
#[derive(Debug, Error)]
pub enum SettingsError {
    /// The file cannot be opened.
    #[error("cannot read {}", file.display())]
    Read {
        /// The file.
        file: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// A value names an environment variable that is not set.
    #[error("{}:{line}: ${{{name}}}: the environment variable {name} is not set", file.display())]
    Environment {
        /// The file.
        file: PathBuf,
        /// The line, from 1.
        line: usize,
        /// The variable.
        name: String,
    },
    /// A `${` without its end.
    #[error("{}:{line}: ${{ without a closing brace: write ${{NAME}}, or $${{ for the text itself", file.display())]
    Brace {
        /// The file.
        file: PathBuf,
        /// The line, from 1.
        line: usize,
    },
    /// The text is not TOML, or a key or value is not one of ours.
    #[error("{}:{line}: {}{message}", file.display(), if key.is_empty() { String::new() } else { format!("{key}: ") })]
    Value {
        /// The file.
        file: PathBuf,
        /// The line, from 1.
        line: usize,
        /// The dotted key; empty where the text is not TOML.
        key: String,
        /// What is wrong, and what would be right.
        message: String,
    },
}

/// Reads a config file.
pub fn load<T: DeserializeOwned>(file: &Path) -> Result<T, SettingsError> {
    let text = std::fs::read_to_string(file).map_err(|source| SettingsError::Read { file: file.to_owned(), source })?;
    parse(&text, file, |name| std::env::var(name).ok())
}

/// Reads the text of a config file; `file` is for messages, `environment` answers `${NAME}`.
pub fn parse<T: DeserializeOwned>(
    text: &str,
    file: &Path,
    environment: impl Fn(&str) -> Option<String>,
) -> Result<T, SettingsError> {
    let text = substitute(text, file, environment)?;
    toml::from_str(&text).map_err(|error| explain(&text, file, &error))
}

/// The effective settings as TOML, for a person to read and for a file to start from.
pub fn to_toml<T: serde::Serialize>(settings: &T) -> String {
    toml::to_string(settings).expect("settings have text keys and TOML's types")
}

/// Replaces `${NAME}` outside of comments; `$${` stands for `${`. Values are escaped for the string they stand in.
fn substitute(text: &str, file: &Path, environment: impl Fn(&str) -> Option<String>) -> Result<String, SettingsError> {
    let mut out = String::with_capacity(text.len());
    for (index, line) in text.split_inclusive('\n').enumerate() {
        let (file, line_number) = (|| file.to_owned(), index + 1);
        if line.trim_start().starts_with('#') {
            out.push_str(line);
            continue;
        }
        let mut rest = line;
        while let Some(at) = rest.find("${") {
            if rest[..at].ends_with('$') {
                out.push_str(&rest[..at - 1]);
                out.push_str("${");
                rest = &rest[at + 2..];
                continue;
            }
            out.push_str(&rest[..at]);
            let end = rest[at..].find('}').ok_or_else(|| SettingsError::Brace { file: file(), line: line_number })?;
            let name = &rest[at + 2..at + end];
            let value = environment(name).ok_or_else(|| SettingsError::Environment {
                file: file(),
                line: line_number,
                name: name.to_owned(),
            })?;
            out.push_str(&value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n"));
            rest = &rest[at + end + 1..];
        }
        out.push_str(rest);
    }
    Ok(out)
}

fn explain(text: &str, file: &Path, error: &toml::de::Error) -> SettingsError {
    let at = error.span().map_or(0, |span| span.start.min(text.len()));
    let line = text[..at].matches('\n').count() + 1;
    let key = key_at(text, at);
    let message = nearest(error.message()).unwrap_or_else(|| error.message().replace('\n', ": "));
    SettingsError::Value { file: file.to_owned(), line, key, message }
}

/// Adds the nearest valid name to serde's "unknown field `x`, expected one of `a`, `b`".
fn nearest(message: &str) -> Option<String> {
    let mut quoted = message.split('`').skip(1).step_by(2);
    if !message.starts_with("unknown field") && !message.starts_with("unknown variant") {
        return None;
    }
    let (what, wrong) = (message.split(' ').nth(1)?, quoted.next()?);
    let valid: Vec<&str> = quoted.collect();
    let best = valid
        .iter()
        .copied()
        .max_by(|a, b| strsim::jaro_winkler(wrong, a).total_cmp(&strsim::jaro_winkler(wrong, b)))?;
    let what = if what == "field" { "key" } else { "value" };
    let hint =
        if strsim::jaro_winkler(wrong, best) > 0.75 { format!("did you mean `{best}`? ") } else { String::new() };
    Some(format!("unknown {what} `{wrong}`: {hint}(valid: {})", valid.join(", ")))
}

/// The dotted key whose place in the text is nearest before `at`: the table it stands in, and the key of its line.
fn key_at(text: &str, at: usize) -> String {
    let line_end = text[at..].find('\n').map_or(text.len(), |end| at + end);
    let mut table = String::new();
    let mut key = String::new();
    for line in text[..line_end].lines() {
        let line = line.trim();
        if line.starts_with('[') {
            line.split('#').next().unwrap_or_default().trim_matches(['[', ']', ' ']).clone_into(&mut table);
            key.clear();
        } else if let Some((name, _)) = line.split_once('=')
            && !line.starts_with(['#', '"', '\'', '{'])
        {
            name.trim().clone_into(&mut key);
        }
    }
    match (table.is_empty(), key.is_empty()) {
        (false, false) => format!("{table}.{key}"),
        _ => table + &key,
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use serde::Deserialize;

    use super::{ByteSize, Period, parse};

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Config {
        #[serde(default)]
        name: String,
        #[serde(default)]
        ship: Ship,
    }

    #[derive(Debug, Default, Deserialize)]
    #[serde(deny_unknown_fields, default)]
    struct Ship {
        batch_bytes_max: Option<ByteSize>,
        retry_pause_max: Option<Period>,
    }

    fn error(text: &str) -> String {
        let environment = |name: &str| (name == "TOKEN").then(|| "s\"3".to_owned());
        match parse::<Config>(text, Path::new("agent.toml"), environment) {
            Ok(config) => format!("{config:?}"),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn errors_name_file_line_key_and_remedy() {
        let check = |text: &str, expected: &str| assert_eq!(error(text), expected, "{text}");
        check(
            "name = \"x\"\n[ship]\nbatch_byte_max = 3\n",
            "agent.toml:3: ship.batch_byte_max: unknown key `batch_byte_max`: did you mean `batch_bytes_max`? (valid: batch_bytes_max, retry_pause_max)",
        );
        check(
            "[ship]\nbatch_bytes_max = \"3 parsecs\"\n",
            "agent.toml:2: ship.batch_bytes_max: \"3 parsecs\" is not a size: write bytes with a unit, such as 256KiB or 32MiB",
        );
        check("name = 3\n", "agent.toml:1: name: invalid type: integer `3`, expected a string");
        check("name = \"${HOST}\"\n", "agent.toml:1: ${HOST}: the environment variable HOST is not set");
        check(
            "name = \"${HOST\"\n",
            "agent.toml:1: ${ without a closing brace: write ${NAME}, or $${ for the text itself",
        );
    }

    #[test]
    fn environment_variables_are_filled_in() {
        let config: Config =
            parse("# ${COMMENT}\nname = \"a ${TOKEN} $${b}\"", Path::new("x"), |_| Some("s\"3\\".to_owned()))
                .expect("valid");
        assert_eq!(config.name, "a s\"3\\ ${b}");
        assert!(config.ship.batch_bytes_max.is_none() && config.ship.retry_pause_max.is_none());
    }
}
