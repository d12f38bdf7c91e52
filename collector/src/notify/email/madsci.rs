//! The receiver that MADSci's own settings describe, so that its alerts go on as they were.

use labtrail_shared::settings::{Period, Secret};

use super::section::{EmailSection, Importance};
use crate::{madsci_settings::EmailAlerts, notify::addressee::Addressee};

impl EmailSection {
    /// The same server, sender and addresses. As there, a name without a password (or the reverse) means no login, and an
    /// unknown importance is a normal one. The error says which of MADSci's settings to mend.
    pub(crate) fn from_madsci(alerts: &EmailAlerts) -> Result<Self, String> {
        let address = |setting: &str, text: &str| {
            let problem = || format!("email_alerts.{setting}: {text:?} is not an e-mail address: mend it");
            Addressee::parse(text).ok_or_else(problem)
        };
        let addresses = alerts.email_addresses.iter().map(|text| address("email_addresses", text));
        let is_set = |secret: &&Secret| !secret.reveal().is_empty();
        let login = alerts.smtp_username.as_ref().filter(is_set).zip(alerts.smtp_password.as_ref().filter(is_set));
        let section = Self {
            smtp_server: alerts.smtp_server.clone(),
            smtp_port: Some(alerts.smtp_port),
            smtp_username: login.map(|(username, _)| username.clone()),
            smtp_password: login.map(|(_, password)| password.clone()),
            smtp_password_file: None,
            use_tls: Some(alerts.use_tls),
            tls: None,
            ca_file: None,
            sender: address("sender", &alerts.sender)?,
            default_importance: Importance::read(&alerts.default_importance).unwrap_or_default(),
            email_addresses: addresses.collect::<Result<_, _>>()?,
            timeout: Period::secs(30),
            hello_name: None,
        };
        section.check().map_err(|problem| format!("email_alerts: {problem}"))?;
        Ok(section)
    }
}
