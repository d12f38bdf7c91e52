//! What agents and collectors agree on when Kafka lies between them: topics, headers, and how a broker is reached.
//!
//! A record of the events topic is either one batch of [`crate::wire`] (its value begins with the envelope) or one whole
//! event as JSON. Its key is agent and source, so that one source stays ordered on one partition. This file knows the
//! names only; the client library is named where it is used.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::settings::Secret;

/// Where events go unless another topic is named.
pub const EVENTS_TOPIC: &str = "labtrail.events";

/// Where goes what can never be stored as an event, with its reason and its origin as headers.
pub const DEAD_LETTER_TOPIC: &str = "labtrail.dead-letter";

/// The names of record headers. All values are text.
pub mod header {
    /// The version of the record's form: [`crate::wire::VERSION`].
    pub const VERSION: &str = "labtrail-version";
    /// The id of the agent that sent it.
    pub const AGENT: &str = "labtrail-agent";
    /// How many events it holds.
    pub const COUNT: &str = "labtrail-count";
    /// Of a single event: the hash of its content, where that is not the hash of the event as it stands (decimal).
    pub const HASH: &str = "labtrail-hash";
    /// Of a single event: the instant of its time in microseconds UTC, where that cannot be told from the event (decimal).
    pub const TIME: &str = "labtrail-time";
    /// Of a dead letter: the kind of reason, in one word such as `not_json`.
    pub const REASON: &str = "labtrail-reason";
    /// Of a dead letter: the reason in words.
    pub const DETAIL: &str = "labtrail-detail";
    /// Of a dead letter: where it came from, as a JSON object.
    pub const ORIGIN: &str = "labtrail-origin";
    /// Of a dead letter: the id that the event would have had.
    pub const ID: &str = "labtrail-id";
    /// Of a dead letter: when it was received, in microseconds UTC (decimal); absent: the time of the record.
    pub const RECEIVED: &str = "labtrail-received";
    /// Of a dead letter: the topic it was read from or meant for.
    pub const TOPIC: &str = "labtrail-topic";
    /// Of a dead letter: the partition it was read from.
    pub const PARTITION: &str = "labtrail-partition";
    /// Of a dead letter: its offset there.
    pub const OFFSET: &str = "labtrail-offset";
    /// Of a dead letter of which only the beginning is kept: its full size in bytes.
    pub const FULL_SIZE: &str = "labtrail-full-size";
}

/// How brokers are spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Protocol {
    /// In the clear, without a login.
    #[default]
    Plaintext,
    /// With TLS, without a login (or with a client's certificate).
    Ssl,
    /// In the clear, with a login.
    SaslPlaintext,
    /// With TLS and a login.
    SaslSsl,
}

/// How one logs in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Mechanism {
    /// User and password as they are; only sensible with TLS.
    #[serde(rename = "PLAIN")]
    Plain,
    /// SCRAM with SHA-256.
    #[serde(rename = "SCRAM-SHA-256")]
    ScramSha256,
    /// SCRAM with SHA-512.
    #[serde(rename = "SCRAM-SHA-512")]
    ScramSha512,
}

impl Mechanism {
    /// As Kafka calls it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Plain => "PLAIN",
            Self::ScramSha256 => "SCRAM-SHA-256",
            Self::ScramSha512 => "SCRAM-SHA-512",
        }
    }
}

/// TLS and login for brokers.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Security {
    /// `plaintext`, `ssl`, `sasl_plaintext` or `sasl_ssl`. Default `plaintext`.
    pub protocol: Protocol,
    /// `PLAIN`, `SCRAM-SHA-256` or `SCRAM-SHA-512`; needed with the two `sasl_` protocols.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mechanism: Option<Mechanism>,
    /// Who logs in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// The password; better named by `password_file`, or as `${NAME}` taken from the environment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password: Option<Secret>,
    /// A file whose first line is the password.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password_file: Option<PathBuf>,
    /// Certificates of those who may sign the brokers', in PEM. Default: those of this machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<PathBuf>,
    /// This client's certificate, in PEM.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificate_file: Option<PathBuf>,
    /// The key of that certificate, in PEM.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_file: Option<PathBuf>,
}

/// What is wrong with [`Security`].
#[derive(Debug, Error)]
pub enum SecurityError {
    /// A login needs a mechanism, a name and a password.
    #[error(
        "security.{missing} is missing: the protocols sasl_plaintext and sasl_ssl need mechanism, username and password (or password_file)"
    )]
    Incomplete {
        /// The key that is missing.
        missing: &'static str,
    },
    /// A login that would not be used.
    #[error("security.{given} is set, but security.protocol has no login: use sasl_ssl (or sasl_plaintext)")]
    Unused {
        /// The key that is set.
        given: &'static str,
    },
    /// The password cannot be read.
    #[error("read the password from {}", file.display())]
    PasswordFile {
        /// The file.
        file: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
}

impl Security {
    /// The settings in the words of librdkafka; checks that nothing is missing and reads the password's file.
    pub fn options(&self) -> Result<Vec<(&'static str, String)>, SecurityError> {
        let protocol = match self.protocol {
            Protocol::Plaintext => "plaintext",
            Protocol::Ssl => "ssl",
            Protocol::SaslPlaintext => "sasl_plaintext",
            Protocol::SaslSsl => "sasl_ssl",
        };
        let mut options = vec![("security.protocol", protocol.to_owned())];
        if matches!(self.protocol, Protocol::SaslPlaintext | Protocol::SaslSsl) {
            let missing = |missing| SecurityError::Incomplete { missing };
            let mechanism = self.mechanism.ok_or_else(|| missing("mechanism"))?;
            let username = self.username.clone().ok_or_else(|| missing("username"))?;
            let password = self.read_password()?.ok_or_else(|| missing("password"))?;
            options.push(("sasl.mechanism", mechanism.name().to_owned()));
            options.push(("sasl.username", username));
            options.push(("sasl.password", password));
        } else {
            let given = [
                ("mechanism", self.mechanism.is_some()),
                ("username", self.username.is_some()),
                ("password", self.password.is_some()),
                ("password_file", self.password_file.is_some()),
            ];
            if let Some((given, _)) = given.into_iter().find(|(_, is_set)| *is_set) {
                return Err(SecurityError::Unused { given });
            }
        }
        let files = [
            ("ssl.ca.location", &self.ca_file),
            ("ssl.certificate.location", &self.certificate_file),
            ("ssl.key.location", &self.key_file),
        ];
        for (option, file) in files {
            options.extend(file.as_ref().map(|file| (option, file.display().to_string())));
        }
        Ok(options)
    }

    fn read_password(&self) -> Result<Option<String>, SecurityError> {
        let Some(file) = &self.password_file else {
            return Ok(self.password.as_ref().map(|password| password.reveal().to_owned()));
        };
        let text = std::fs::read_to_string(file)
            .map_err(|source| SecurityError::PasswordFile { file: file.clone(), source })?;
        Ok(text.lines().next().map(str::to_owned))
    }
}

#[cfg(test)]
mod tests {
    use super::{Mechanism, Protocol, Security};
    use crate::settings::{self, Secret};

    #[test]
    fn a_login_must_be_complete_and_used() {
        let login = Security {
            protocol: Protocol::SaslSsl,
            mechanism: Some(Mechanism::ScramSha512),
            username: Some("agent".to_owned()),
            password: Some(Secret::new("hunter2")),
            ..Security::default()
        };
        let options = login.options().expect("it is complete");
        assert!(options.contains(&("sasl.password", "hunter2".to_owned())));
        assert!(!settings::to_toml(&login).contains("hunter2") && !format!("{login:?}").contains("hunter2"));
        let nameless = Security { username: None, ..login.clone() };
        assert!(nameless.options().expect_err("no name").to_string().starts_with("security.username is missing"));
        let unused = Security { protocol: Protocol::Ssl, ..login };
        assert!(unused.options().expect_err("no login").to_string().starts_with("security.mechanism is set"));
        assert_eq!(Security::default().options().expect("valid"), [("security.protocol", "plaintext".to_owned())]);
    }
}
