//! The answer of `GET /settings`.

use serde::Serializer;
use serde_json::{Map, Value, json};

use super::settings::MadsciSettings;

/// What stands in answers for a secret, whether it is set or not.
const REDACTED: &str = "***REDACTED***";
/// The JSON schema that MADSci 0.7.1 answers: its names, types, limits and defaults; the descriptions are ours.
const SCHEMA: &str = include_str!("schema.json");

/// What of the settings is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SettingsAnswer {
    /// Whether settings appear that a new start would have, too.
    pub(crate) include_defaults: bool,
    /// Whether the schema appears.
    pub(crate) include_schema: bool,
}

/// The settings as MADSci answers them; `manager_id` is the one in use.
///
/// Without defaults, MADSci leaves what a fresh reading of the same sources has as well. That is all but the id, which
/// the registry gave, and the settings with secrets, because the redacted text is not the secret. MADSci reads the sources
/// again for that; we compare with what was read at the start.
pub(crate) fn settings_answer(settings: &MadsciSettings, manager_id: &str, asked: SettingsAnswer) -> Value {
    let mut values = serde_json::to_value(settings).expect("settings are JSON");
    let values = values.as_object_mut().expect("settings are an object");
    let is_id_given = settings.manager_id.as_deref() == Some(manager_id);
    values.insert("manager_id".to_owned(), json!(manager_id));
    if !asked.include_defaults {
        values.retain(|setting, value| match setting.as_str() {
            "manager_id" => !is_id_given,
            "mongo_db_url" => true,
            "email_alerts" => !value.is_null(),
            _ => false,
        });
    }
    let mut answer = Map::from_iter([("settings".to_owned(), Value::Object(std::mem::take(values)))]);
    if asked.include_schema {
        answer.insert("schema".to_owned(), serde_json::from_str(SCHEMA).expect("a test reads the schema"));
        answer.insert("schema_title".to_owned(), json!("EventManagerSettings"));
    }
    Value::Object(answer)
}

/// Serializes a secret as MADSci does: always the same text.
pub(super) fn redacted<T, S: Serializer>(_secret: &T, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(REDACTED)
}
