//! `[store.mongodb]`

use std::{fmt, str::FromStr};

use labtrail_shared::settings::Period;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// `[store.mongodb]`: where the database is.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MongoConfig {
    /// A connection string of MongoDB, such as `mongodb://user:${MONGO_PASSWORD}@db1,db2,db3/?replicaSet=lab`. Default
    /// `mongodb://localhost:27017`.
    pub url: MongoUrl,
    /// The database. Default `madsci_events`, as MADSci names it: an existing one of MADSci's is opened as it is.
    pub database: String,
    /// The collection of the events. Default `events`.
    pub collection: String,
    /// How long an operation waits for a server that can answer before it counts as away. Default 2s.
    pub server_selection_timeout: Period,
}

impl Default for MongoConfig {
    fn default() -> Self {
        Self {
            url: MongoUrl("mongodb://localhost:27017".to_owned()),
            database: "madsci_events".to_owned(),
            collection: "events".to_owned(),
            server_selection_timeout: Period::secs(2),
        }
    }
}

/// A connection string. It is printed without its password.
#[derive(Clone, PartialEq, Eq)]
pub struct MongoUrl(String);

impl MongoUrl {
    /// The connection string with its password, for the driver.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl FromStr for MongoUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.starts_with("mongodb://") || text.starts_with("mongodb+srv://") {
            Ok(Self(text.to_owned()))
        } else {
            Err("this is no connection string of MongoDB: write mongodb://HOST:PORT, or mongodb+srv://HOST".to_owned())
        }
    }
}

impl fmt::Display for MongoUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scheme, rest) = self.0.split_once("://").unwrap_or(("mongodb", &self.0));
        // The hosts end at the first slash; before the last `@` in that part stand user and password.
        let hosts_end = rest.find(['/', '?']).unwrap_or(rest.len());
        match rest[..hosts_end].rsplit_once('@') {
            Some((login, hosts)) => {
                let user = login.split(':').next().unwrap_or_default();
                let password = if login.contains(':') { ":***" } else { "" };
                write!(formatter, "{scheme}://{user}{password}@{hosts}{}", &rest[hosts_end..])
            }
            None => write!(formatter, "{scheme}://{rest}"),
        }
    }
}

impl fmt::Debug for MongoUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

impl Serialize for MongoUrl {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for MongoUrl {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::MongoUrl;

    #[test]
    fn a_url_is_printed_without_its_password() {
        let check = |text: &str, expected: &str| {
            assert_eq!(text.parse::<MongoUrl>().expect("valid").to_string(), expected, "{text}");
        };
        check("mongodb://localhost:27017", "mongodb://localhost:27017");
        check("mongodb://u:p%40ss@a,b/db?replicaSet=x", "mongodb://u:***@a,b/db?replicaSet=x");
        check("mongodb+srv://u@host", "mongodb+srv://u@host");
        check("mongodb://u:a@b@host/?x=@y", "mongodb://u:***@host/?x=@y");
        assert!("localhost:27017".parse::<MongoUrl>().is_err());
    }
}
