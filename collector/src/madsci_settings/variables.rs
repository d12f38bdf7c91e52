//! Environment variables, from the environment or from dotenv files, as a layer of settings.
//!
//! A setting's variable is `EVENT_` and its name, in any case. A part of `email_alerts` is named by two underscores:
//! `EVENT_EMAIL_ALERTS__SMTP_SERVER`. Lists and `EVENT_EMAIL_ALERTS` itself are JSON.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{
    lookup::{Entry, Found, Layer, PREFIX},
    origin::Origin,
};

/// Between the name of a setting and that of its part.
const DELIMITER: &str = "__";
/// The settings that are lists.
const LISTS: [&str; 2] = ["rate_limit_exempt_ips", "email_addresses"];
/// The setting that has parts.
const PARTS: &str = "email_alerts";

/// The variables that name the database without `EVENT_MONGO_DB_URL`, strongest first, in lower case.
const MONGO_DB_URL_NAMES: [&str; 4] = ["document_db_url", "mongo_db_url", "event_db_url", "db_url"];

/// A variable's text and where it stands.
#[derive(Clone)]
pub(super) struct Variable {
    /// The text.
    pub(super) text: String,
    /// Where it stands.
    pub(super) origin: Origin,
}

/// Variables by their names in lower case.
pub(super) type Variables = BTreeMap<String, Variable>;

/// The variables of the environment. Of names that differ by case only, the one in upper case counts.
pub(super) fn of_environment(environment: &BTreeMap<String, String>) -> Variables {
    let variable = |(name, text): (&String, &String)| {
        let origin = Origin::Environment { name: name.clone() };
        (name.to_lowercase(), Variable { text: text.clone(), origin })
    };
    // Upper case sorts first, and the last one stays.
    environment.iter().rev().map(variable).collect()
}

/// The settings that stand in variables.
pub(super) fn layer(variables: &Variables) -> Layer {
    let mut layer = Layer::new();
    for (name, variable) in variables {
        let Some(key) = name.strip_prefix(PREFIX) else { continue };
        if key.starts_with(PREFIX) {
            // `EVENT_EVENT_...` must not be taken for a key with the prefix, which only files have.
            layer.insert(name.clone(), Entry::Value(plain(variable)));
        } else if let Some((list, index)) = key.split_once(DELIMITER).filter(|(setting, _)| LISTS.contains(setting)) {
            let value = Value::from_iter([(index, variable.text.clone())]);
            let found = Found { value, origin: variable.origin.clone(), is_variable: true };
            layer.entry(list.to_owned()).or_insert(Entry::Value(found));
        } else if key != PARTS && !key.starts_with(&format!("{PARTS}{DELIMITER}")) {
            let found = if LISTS.contains(&key) { decoded(variable) } else { plain(variable) };
            // Parts of anything else belong to no setting; as they are written here they can be seen to be misspelt.
            layer.insert(key.replace(DELIMITER, "."), Entry::Value(found));
        }
    }
    if let Some(entry) = email_alerts(variables) {
        layer.insert(PARTS.to_owned(), entry);
    }
    name_mongo_db_url(&mut layer, variables);
    layer
}

/// The JSON of `EVENT_EMAIL_ALERTS`, and over it the variables of its parts.
fn email_alerts(variables: &Variables) -> Option<Entry> {
    let whole_name = format!("{PREFIX}{PARTS}");
    let mut origin = None;
    let mut parts = BTreeMap::new();
    if let Some(whole) = variables.get(&whole_name) {
        let found = decoded(whole);
        let Value::Object(values) = found.value else { return Some(Entry::Value(found)) };
        for (name, value) in values {
            let origin = whole.origin.inner(&name);
            parts.insert(name, Found { value, origin, is_variable: false });
        }
        origin = Some(whole.origin.clone());
    }
    for (name, variable) in variables {
        let Some(part) = name.strip_prefix(&whole_name).and_then(|rest| rest.strip_prefix(DELIMITER)) else {
            continue;
        };
        let found = if LISTS.contains(&part) { decoded(variable) } else { plain(variable) };
        parts.insert(part.replace(DELIMITER, "."), found);
        origin.get_or_insert_with(|| variable.origin.clone());
    }
    origin.map(|origin| Entry::Parts { origin, parts })
}

/// Of the variables that name the database only the strongest counts, and it keeps the name that the lookup knows.
fn name_mongo_db_url(layer: &mut Layer, variables: &Variables) {
    layer.remove("db_url");
    let Some(name) = MONGO_DB_URL_NAMES.into_iter().find(|name| variables.contains_key(*name)) else { return };
    layer.remove("mongo_db_url");
    layer.remove("document_db_url");
    let key = if name == "event_db_url" { "EVENT_DB_URL" } else { name };
    layer.insert(key.to_owned(), Entry::Value(plain(&variables[name])));
}

fn plain(variable: &Variable) -> Found {
    Found { value: Value::String(variable.text.clone()), origin: variable.origin.clone(), is_variable: true }
}

/// What the text says as JSON; the text itself, which is then refused, if it is none.
fn decoded(variable: &Variable) -> Found {
    let value = serde_json::from_str(&variable.text).unwrap_or_else(|_| Value::String(variable.text.clone()));
    Found { value, origin: variable.origin.clone(), is_variable: true }
}
