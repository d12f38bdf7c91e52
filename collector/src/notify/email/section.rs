//! The settings of the receiver `email`.

use std::path::PathBuf;

use labtrail_shared::settings::{Period, Secret};
use serde::{Deserialize, Deserializer, Serialize};

use crate::notify::{addressee::Addressee, files::check_secret};

/// How and to whom to mail. The names and meanings of MADSci's `EmailAlertsConfig` are kept; `tls`, the files, `timeout` and
/// `hello_name` are ours.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EmailSection {
    /// The mail server's name or address. It must be set.
    pub smtp_server: String,
    /// Its port. Default 587; 465 with `tls = "implicit"`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub smtp_port: Option<u16>,
    /// The name to log in with. Default: no login.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub smtp_username: Option<Secret>,
    /// The password to log in with. Better in a file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub smtp_password: Option<Secret>,
    /// The file that holds the password and nothing else. It is read when the settings are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub smtp_password_file: Option<PathBuf>,
    /// MADSci's word for `tls`: true is `starttls` (`implicit` on port 465), false is `none`. Default true.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub use_tls: Option<bool>,
    /// How the connection is protected: `starttls`, `implicit` (TLS from the first byte) or `none` (everybody on the way
    /// can read mails and password). The default is what `use_tls` says. It is never weakened by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls: Option<Security>,
    /// Certificates in PEM that are trusted beside the system's, for a server with a certificate of one's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<PathBuf>,
    /// The sender's address. It must be set.
    pub sender: Addressee,
    /// The importance that mails carry: `High`, `Normal` or `Low`. Default `Normal`. What is `critical` is always `High`.
    pub default_importance: Importance,
    /// To whom mail is sent, all in one mail. At least one.
    pub email_addresses: Vec<Addressee>,
    /// How long one mail may take altogether, from the connection to the server's last word. Default 30s. A server that
    /// hangs holds up the next attempts of this receiver for so long, and a slow one is cut off by less.
    pub timeout: Period,
    /// The name to greet the server with, for servers that want a full one. Default: the machine's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hello_name: Option<String>,
}

/// How a connection to the mail server is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Security {
    /// It begins in clear text, and nothing is said before it is switched to TLS.
    Starttls,
    /// TLS from the first byte.
    Implicit,
    /// Clear text.
    None,
}

/// How important a mail claims to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub enum Importance {
    /// Many mail programs show a red mark.
    High,
    /// No mark.
    #[default]
    Normal,
    /// A mark that it can wait.
    Low,
}

impl EmailSection {
    /// The protection that is meant.
    pub(super) fn security(&self) -> Security {
        match (self.tls, self.use_tls, self.smtp_port) {
            (Some(security), ..) => security,
            (None, Some(false), _) => Security::None,
            (None, _, Some(465)) => Security::Implicit,
            (None, ..) => Security::Starttls,
        }
    }

    /// The port that is meant.
    pub(super) fn port(&self) -> u16 {
        self.smtp_port.unwrap_or(if self.tls == Some(Security::Implicit) { 465 } else { 587 })
    }

    /// Whether the settings fit together, or which do not and what to do.
    pub(super) fn check(&self) -> Result<(), String> {
        check_secret("smtp_password", self.smtp_password.as_ref(), self.smtp_password_file.is_some())?;
        check_secret("smtp_username", self.smtp_username.as_ref(), false)?;
        let has_password = self.smtp_password.is_some() || self.smtp_password_file.is_some();
        match (&self.smtp_username, has_password) {
            (Some(_), false) => {
                return Err("smtp_username is set without a password: set smtp_password or smtp_password_file, too, \
                            or remove smtp_username"
                    .to_owned());
            }
            (None, true) => {
                return Err("a password is set without smtp_username: set that, too, or remove the password".to_owned());
            }
            _ => {}
        }
        if self.smtp_server.is_empty()
            || self.smtp_server.contains([':', '/', ' ', '@']) && !is_address(&self.smtp_server)
        {
            return Err(format!(
                "smtp_server {:?} is not a name: write the server's name or address alone, and its port as smtp_port",
                self.smtp_server
            ));
        }
        if let (Some(use_tls), Some(tls)) = (self.use_tls, self.tls)
            && use_tls == (tls == Security::None)
        {
            return Err("use_tls and tls contradict each other: remove use_tls".to_owned());
        }
        if self.email_addresses.is_empty() {
            return Err("email_addresses is empty: name at least one address".to_owned());
        }
        if self.ca_file.is_some() && self.security() == Security::None {
            return Err("ca_file has no use without TLS: remove it, or set tls to starttls or implicit".to_owned());
        }
        Ok(())
    }
}

fn is_address(text: &str) -> bool {
    text.parse::<std::net::IpAddr>().is_ok()
}

impl Importance {
    /// The importance of this name, in any case.
    pub(super) fn read(text: &str) -> Option<Self> {
        match text.to_ascii_lowercase().as_str() {
            "high" => Some(Self::High),
            "normal" => Some(Self::Normal),
            "low" => Some(Self::Low),
            _ => None,
        }
    }
}

impl<'de> Deserialize<'de> for Importance {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let problem = || serde::de::Error::custom(format!("{text:?} is not an importance: write High, Normal or Low"));
        Self::read(&text).ok_or_else(problem)
    }
}

/// The settings as they are written, before they are known to fit together.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    smtp_server: String,
    smtp_port: Option<u16>,
    smtp_username: Option<Secret>,
    smtp_password: Option<Secret>,
    smtp_password_file: Option<PathBuf>,
    use_tls: Option<bool>,
    tls: Option<Security>,
    ca_file: Option<PathBuf>,
    sender: Addressee,
    #[serde(default)]
    default_importance: Importance,
    email_addresses: Vec<Addressee>,
    timeout: Option<Period>,
    hello_name: Option<String>,
}

impl<'de> Deserialize<'de> for EmailSection {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let written = Written::deserialize(deserializer)?;
        let section = Self {
            smtp_server: written.smtp_server,
            smtp_port: written.smtp_port,
            smtp_username: written.smtp_username,
            smtp_password: written.smtp_password,
            smtp_password_file: written.smtp_password_file,
            use_tls: written.use_tls,
            tls: written.tls,
            ca_file: written.ca_file,
            sender: written.sender,
            default_importance: written.default_importance,
            email_addresses: written.email_addresses,
            timeout: written.timeout.unwrap_or(Period::secs(30)),
            hello_name: written.hello_name,
        };
        section.check().map_err(serde::de::Error::custom)?;
        Ok(section)
    }
}
