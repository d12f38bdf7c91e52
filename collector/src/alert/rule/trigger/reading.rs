//! Reads a trigger: `"each"`, or a table with the name and the settings of one other.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{self, MapAccess, Visitor},
};

use super::Trigger;

/// The names of triggers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Name {
    Each,
    AtLeast,
    FewerThan,
    Silence,
    Spike,
    NewValue,
    Change,
    Value,
}

impl Name {
    /// How it is written with its settings.
    fn example(self) -> &'static str {
        match self {
            Self::Each => "\"each\"",
            Self::AtLeast => "{ at_least = { count = 5, within = \"1m\" } }",
            Self::FewerThan => "{ fewer_than = { count = 5, within = \"1m\" } }",
            Self::Silence => "{ silence = { after = \"15m\" } }",
            Self::Spike => "{ spike = { ratio = 3, within = \"10m\" } }",
            Self::NewValue => "{ new_value = { field = \"event_data.host.name\" } }",
            Self::Change => "{ change = { field = \"event_data.fields.firmware\" } }",
            Self::Value => {
                "{ value = { field = \"event_data.fields.temperature\", statistic = \"avg\", within = \"10m\", above = 40 } }"
            }
        }
    }
}

impl<'de> Deserialize<'de> for Trigger {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TriggerVisitor)
    }
}

struct TriggerVisitor;

impl<'de> Visitor<'de> for TriggerVisitor {
    type Value = Trigger;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("\"each\" or a table such as { at_least = { count = 5, within = \"1m\" } }")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Trigger, E> {
        match Name::deserialize(de::value::StrDeserializer::new(text))? {
            Name::Each => Ok(Trigger::Each),
            name => Err(E::custom(format!("`{text}` needs its settings: write {}", name.example()))),
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut table: A) -> Result<Trigger, A::Error> {
        let Some(name) = table.next_key::<Name>()? else {
            return Err(de::Error::custom("the table is empty: write \"each\" or { at_least = { ... } }"));
        };
        let trigger = match name {
            Name::Each => return Err(de::Error::custom("`each` has no settings: write trigger = \"each\"")),
            Name::AtLeast => Trigger::AtLeast(table.next_value()?),
            Name::FewerThan => Trigger::FewerThan(table.next_value()?),
            Name::Silence => Trigger::Silence(table.next_value()?),
            Name::Spike => Trigger::Spike(table.next_value()?),
            Name::NewValue => Trigger::NewValue(table.next_value()?),
            Name::Change => Trigger::Change(table.next_value()?),
            Name::Value => Trigger::Value(table.next_value()?),
        };
        match table.next_key::<String>()? {
            None => Ok(trigger),
            Some(other) => Err(de::Error::custom(format!(
                "a rule has one trigger, not `{}` and `{other}`: write two rules",
                trigger.name()
            ))),
        }
    }
}
