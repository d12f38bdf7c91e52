//! The settings of alerts by e-mail.

use labtrail_shared::settings::Secret;
use serde::Serialize;

use super::{answer::redacted, coerce, reading::PartReading};

/// How and to whom MADSci mails alerts: its `EmailAlertsConfig`, in its order, which is that of answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct EmailAlerts {
    /// The mail server. Default `smtp.example.com`.
    pub(crate) smtp_server: String,
    /// Its port. Default 587.
    pub(crate) smtp_port: u16,
    /// The name to log in with. Default: no login.
    #[serde(serialize_with = "redacted")]
    pub(crate) smtp_username: Option<Secret>,
    /// The password to log in with.
    #[serde(serialize_with = "redacted")]
    pub(crate) smtp_password: Option<Secret>,
    /// Whether to switch to TLS with STARTTLS. Default true.
    pub(crate) use_tls: bool,
    /// The sender's address. Default `no-reply@example.com`.
    pub(crate) sender: String,
    /// `High`, `Normal` or `Low`; MADSci takes any text. Default `Normal`.
    pub(crate) default_importance: String,
    /// To whom mail is sent. Default: to nobody.
    pub(crate) email_addresses: Vec<String>,
}

impl EmailAlerts {
    /// Reads what is set; the rest has its default.
    pub(super) fn read(part: &mut PartReading<'_, '_>) -> Self {
        Self {
            smtp_server: part.value("smtp_server", "smtp.example.com".to_owned(), coerce::text),
            smtp_port: part.value("smtp_port", 587, coerce::port),
            smtp_username: part.secret("smtp_username", coerce::secret),
            smtp_password: part.secret("smtp_password", coerce::secret),
            use_tls: part.value("use_tls", true, coerce::boolean),
            sender: part.value("sender", "no-reply@example.com".to_owned(), coerce::text),
            default_importance: part.value("default_importance", "Normal".to_owned(), coerce::text),
            email_addresses: part.value("email_addresses", Vec::new(), coerce::texts),
        }
    }
}
