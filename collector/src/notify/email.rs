//! The receiver `email`: one mail for all its addresses, over connections that are kept.
//!
//! A wrong password is a permanent failure that needs mending: it helps nobody to try it for days, a directory locks the
//! account after a few tries, and the fallback receiver should hear of it now. A certificate that is not trusted is
//! temporary, because the server's operator may mend it without us, and trying gives nothing away.

mod madsci;
mod message;
mod section;
mod session;
#[cfg(test)]
mod tests;

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use lettre::{
    message::Mailbox,
    transport::smtp::{
        authentication::Credentials,
        client::{Certificate, TlsParameters},
        extension::ClientId,
    },
};

pub use self::section::EmailSection;
use self::{
    message::Envelope,
    section::{Importance, Security},
    session::{Progress, Session, Taken},
};
use super::{
    files::{self, FileError},
    notification::{Facts, Notification},
    outcome::{Delivery, Failure},
    template::Rendered,
};

/// Connections that are kept open between mails.
const PARKED_MAX: usize = 2;
/// Kept connections are not used again after so long: servers close them after five minutes at the earliest (RFC 5321, 4.5.3.2.7).
const PARKED_AGE_MAX: Duration = Duration::from_mins(1);
/// A kept connection that does not answer this fast is replaced.
const PARKED_ANSWER_MAX: Duration = Duration::from_secs(3);

/// A receiver of mails that cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum EmailError {
    /// A file cannot be used.
    #[error(transparent)]
    File(#[from] FileError),
    /// The certificates of `ca_file`, or those of the system, cannot be used.
    #[error("set up TLS for the mail server: mend ca_file, or install the system's certificates (ca-certificates)")]
    Tls(#[source] lettre::transport::smtp::Error),
}

/// Sends mails through one server.
#[derive(Debug)]
pub(crate) struct EmailSender {
    server: Server,
    sender: Mailbox,
    recipients: Vec<Mailbox>,
    importance: Importance,
    timeout: Duration,
    parked: Mutex<Vec<Parked>>,
}

/// Where and how to reach the server.
#[derive(Debug)]
struct Server {
    host: String,
    port: u16,
    security: Security,
    tls: Option<TlsSettings>,
    credentials: Option<Credentials>,
    hello_name: ClientId,
}

/// A connection that waits for the next mail.
struct Parked {
    session: Session,
    since: Instant,
}

impl EmailSender {
    /// Reads the files that the section names. No connection is made yet.
    pub(crate) fn open(section: &EmailSection) -> Result<Self, EmailError> {
        let password =
            files::secret("smtp_password_file", section.smtp_password.as_ref(), section.smtp_password_file.as_deref())?;
        let credentials =
            section.smtp_username.as_ref().zip(password).map(|(username, password)| {
                Credentials::new(username.reveal().to_owned(), password.reveal().to_owned())
            });
        let security = section.security();
        let tls = match security {
            Security::None => None,
            Security::Starttls | Security::Implicit => Some(TlsSettings(tls_parameters(section)?)),
        };
        let server = Server {
            host: section.smtp_server.clone(),
            port: section.port(),
            security,
            tls,
            credentials,
            hello_name: hello_name(section.hello_name.as_deref()),
        };
        Ok(Self {
            server,
            sender: section.sender.0.clone(),
            recipients: section.email_addresses.iter().map(|address| address.0.clone()).collect(),
            importance: section.default_importance,
            timeout: section.timeout.0,
            parked: Mutex::default(),
        })
    }

    /// Sends one mail to every address that has not got it yet.
    pub(crate) async fn send(
        &self,
        notification: &Notification,
        facts: &Facts,
        words: &Rendered,
    ) -> Result<Delivery, Failure> {
        let has_it = |mailbox: &&Mailbox| {
            notification.delivered_to.iter().any(|address| address.eq_ignore_ascii_case(mailbox.email.as_ref()))
        };
        let recipients = self.recipients.iter().filter(|mailbox| !has_it(mailbox)).map(|mailbox| mailbox.email.clone());
        let envelope = Envelope { sender: self.sender.email.clone(), recipients: recipients.collect() };
        if envelope.recipients.is_empty() {
            return Ok(Delivery::default());
        }
        let importance = if facts.is_urgent() { Importance::High } else { self.importance };
        let mail = message::compose(&self.sender, &self.recipients, importance, notification, facts, words)
            .map_err(|problem| Failure::permanent(format!("the mail cannot be composed: {problem}")))?;
        let progress = Progress::default();
        let taken = tokio::time::timeout(self.timeout, self.hand_over(&envelope, &mail, &progress)).await;
        let taken = taken.unwrap_or_else(|_| Err(progress.timed_out(&self.server, self.timeout)))?;
        settle(taken, &notification.delivered_to)
    }

    /// Ends the connections that were kept.
    pub(crate) async fn close(&self) {
        let parked = std::mem::take(&mut *self.parked.lock().unwrap_or_else(PoisonError::into_inner));
        for parked in parked {
            parked.session.quit().await;
        }
    }

    async fn hand_over(&self, envelope: &Envelope, mail: &[u8], progress: &Progress) -> Result<Taken, Failure> {
        let mut session = match self.unpark().await {
            Some(session) => session,
            None => Session::open(&self.server, progress).await?,
        };
        match session.send(&self.server, envelope, mail, progress).await {
            Ok(taken) => {
                self.park(session);
                Ok(taken)
            }
            Err(failure) => {
                session.quit().await;
                Err(failure)
            }
        }
    }

    async fn unpark(&self) -> Option<Session> {
        loop {
            let Parked { mut session, since } = self.parked.lock().unwrap_or_else(PoisonError::into_inner).pop()?;
            if since.elapsed() > PARKED_AGE_MAX {
                session.quit().await;
            } else if tokio::time::timeout(PARKED_ANSWER_MAX, session.is_alive()).await.unwrap_or(false) {
                return Some(session);
            }
        }
    }

    fn park(&self, session: Session) {
        let mut parked = self.parked.lock().unwrap_or_else(PoisonError::into_inner);
        if parked.len() < PARKED_MAX {
            parked.push(Parked { session, since: Instant::now() });
        }
    }
}

/// What it means that the server took some recipients, and some not.
fn settle(taken: Taken, delivered_before: &[String]) -> Result<Delivery, Failure> {
    let list = |recipients: &[super::RefusedRecipient]| {
        let recipients: Vec<String> =
            recipients.iter().map(|recipient| format!("{}: {}", recipient.address, recipient.reason)).collect();
        recipients.join("; ")
    };
    let delivered_to: Vec<String> = delivered_before.iter().chain(&taken.accepted).cloned().collect();
    if !taken.deferred.is_empty() {
        let reason = format!("some addresses are not taken yet: {}", list(&taken.deferred));
        return Err(Failure { delivered_to, ..Failure::temporary(reason) });
    }
    if delivered_to.is_empty() {
        let reason = format!("no address was taken: {}; check email_addresses", list(&taken.refused));
        return Err(Failure::broken(reason));
    }
    Ok(Delivery { refused: taken.refused, template_problem: None })
}

fn tls_parameters(section: &EmailSection) -> Result<TlsParameters, EmailError> {
    // A second installation keeps the first.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut builder = TlsParameters::builder(section.smtp_server.clone());
    if let Some(file) = &section.ca_file {
        let pem = files::certificates(file)?;
        builder = builder.add_root_certificate(Certificate::from_pem(&pem).map_err(EmailError::Tls)?);
    }
    builder.build_rustls().map_err(EmailError::Tls)
}

/// The name to greet a server with: the one that is set, else the machine's, else what stands for no name.
fn hello_name(set: Option<&str>) -> ClientId {
    let is_name = |name: &String| {
        !name.is_empty() && name.chars().all(|character| character.is_ascii_alphanumeric() || "-.".contains(character))
    };
    let machines = || gethostname::gethostname().into_string().ok();
    set.map(str::to_owned).or_else(machines).filter(is_name).map_or_else(ClientId::default, ClientId::Domain)
}

/// lettre's parameters, which print nothing of themselves.
#[derive(Clone)]
struct TlsSettings(TlsParameters);

impl std::fmt::Debug for TlsSettings {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("TlsParameters")
    }
}

impl std::fmt::Debug for Parked {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Parked").field("since", &self.since).finish_non_exhaustive()
    }
}
