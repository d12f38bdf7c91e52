//! One conversation with a mail server (RFC 5321). The library's own sender gives up at the first address that is refused,
//! and does not say at which step it failed; here each step has its own meaning.

use std::{
    fmt, io,
    sync::atomic::{AtomicU8, Ordering},
    time::Duration,
};

use lettre::{
    Address,
    transport::smtp::{
        Error,
        authentication::DEFAULT_MECHANISMS,
        client::{AsyncSmtpConnection, TlsParameters},
        commands::{Data, Mail, Rcpt, Rset},
        extension::{Extension, MailParameter},
        response::Severity,
    },
};

use tokio::net::TcpStream;

use super::{Security, Server, message::Envelope};
use crate::notify::outcome::{Failure, RefusedRecipient};

/// A server that does not part politely in this time is left alone.
const PARTING_MAX: Duration = Duration::from_secs(1);

/// The steps, in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    Connect,
    Starttls,
    Login,
    Sender,
    Recipients,
    Content,
}

const STEPS: [Step; 6] = [Step::Connect, Step::Starttls, Step::Login, Step::Sender, Step::Recipients, Step::Content];

impl fmt::Display for Step {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Connect => "connection",
            Self::Starttls => "STARTTLS",
            Self::Login => "login",
            Self::Sender => "sender",
            Self::Recipients => "recipients",
            Self::Content => "mail",
        })
    }
}

/// How far a conversation has come; it outlives one that is cut off.
#[derive(Debug, Default)]
pub(super) struct Progress(AtomicU8);

impl Progress {
    fn reached(&self, step: Step) {
        self.0.store(step as u8, Ordering::Relaxed);
    }

    /// The failure of a conversation that took too long.
    pub(super) fn timed_out(&self, server: &Server, limit: Duration) -> Failure {
        let step = STEPS[usize::from(self.0.load(Ordering::Relaxed))];
        let reason = format!("the mail server {server} did not answer within {limit:?} (at the {step})");
        if step == Step::Content { Failure::temporary(reason).after_handing_over() } else { Failure::temporary(reason) }
    }
}

/// Whom a server took a mail for.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Taken {
    /// They have it.
    pub(super) accepted: Vec<String>,
    /// They may be taken later.
    pub(super) deferred: Vec<RefusedRecipient>,
    /// They will never be.
    pub(super) refused: Vec<RefusedRecipient>,
}

/// An open, protected and logged-in connection.
pub(super) struct Session {
    connection: AsyncSmtpConnection,
}

impl Session {
    /// Connects, protects the connection and logs in.
    pub(super) async fn open(server: &Server, progress: &Progress) -> Result<Self, Failure> {
        let tls = server.tls.as_ref().map(|tls| tls.0.clone());
        let (at_once, later) = match server.security {
            Security::Implicit => (tls, None),
            Security::Starttls => (None, tls),
            Security::None => (None, None),
        };
        progress.reached(Step::Connect);
        let mut connection = connect(server, at_once).await?;
        if let Some(tls) = later {
            progress.reached(Step::Starttls);
            if !connection.can_starttls() {
                // It may have been removed on the way: the password must not follow.
                let reason = format!(
                    "the mail server {server} does not offer STARTTLS: set tls to \"implicit\", or to \"none\" if nobody \
                     can listen on the way"
                );
                return Err(Failure::temporary(reason));
            }
            let switched = connection.starttls(tls, &server.hello_name).await;
            switched.map_err(|error| failure(server, Step::Starttls, &error))?;
        }
        if let Some(credentials) = &server.credentials {
            progress.reached(Step::Login);
            let logged_in = connection.auth(DEFAULT_MECHANISMS, credentials).await;
            logged_in.map_err(|error| failure(server, Step::Login, &error))?;
        }
        Ok(Self { connection })
    }

    /// Hands one mail over. After an error the session is of no use.
    pub(super) async fn send(
        &mut self,
        server: &Server,
        envelope: &Envelope,
        mail: &[u8],
        progress: &Progress,
    ) -> Result<Taken, Failure> {
        progress.reached(Step::Sender);
        let parameters = self.parameters(server, envelope)?;
        let answer = self.connection.command(Mail::new(Some(envelope.sender.clone()), parameters)).await;
        answer.map_err(|error| failure(server, Step::Sender, &error))?;
        progress.reached(Step::Recipients);
        let mut taken = Taken::default();
        for recipient in &envelope.recipients {
            self.offer(server, recipient, &mut taken).await?;
        }
        if taken.accepted.is_empty() {
            let answer = self.connection.command(Rset).await;
            answer.map_err(|error| failure(server, Step::Recipients, &error))?;
            return Ok(taken);
        }
        let answer = self.connection.command(Data).await;
        answer.map_err(|error| failure(server, Step::Recipients, &error))?;
        progress.reached(Step::Content);
        let answer = self.connection.message(mail).await;
        answer.map_err(|error| failure(server, Step::Content, &error))?;
        Ok(taken)
    }

    async fn offer(&mut self, server: &Server, recipient: &Address, taken: &mut Taken) -> Result<(), Failure> {
        let address = recipient.to_string();
        let Err(error) = self.connection.command(Rcpt::new(recipient.clone(), Vec::new())).await else {
            taken.accepted.push(address);
            return Ok(());
        };
        let refused = RefusedRecipient { address, reason: words(&error) };
        match error.status() {
            // 421: the server closes the connection.
            Some(code) if code.to_string() == "421" => return Err(failure(server, Step::Recipients, &error)),
            Some(code) if code.severity == Severity::PermanentNegativeCompletion => taken.refused.push(refused),
            Some(_) => taken.deferred.push(refused),
            None => return Err(failure(server, Step::Recipients, &error)),
        }
        Ok(())
    }

    /// What must be said of a mail whose addresses are not ASCII (RFC 6531).
    fn parameters(&self, server: &Server, envelope: &Envelope) -> Result<Vec<MailParameter>, Failure> {
        let is_ascii = |address: &Address| address.to_string().is_ascii();
        if is_ascii(&envelope.sender) && envelope.recipients.iter().all(is_ascii) {
            return Ok(Vec::new());
        }
        if self.connection.server_info().supports_feature(Extension::SmtpUtfEight) {
            return Ok(vec![MailParameter::SmtpUtfEight]);
        }
        Err(Failure::broken(format!(
            "the mail server {server} takes no addresses beyond ASCII: use others in sender and email_addresses"
        )))
    }

    /// Whether the server still listens.
    pub(super) async fn is_alive(&mut self) -> bool {
        self.connection.test_connected().await
    }

    /// Parts from the server, politely if it lets us.
    pub(super) async fn quit(mut self) {
        let _ = tokio::time::timeout(PARTING_MAX, self.connection.abort()).await;
    }
}

async fn connect(server: &Server, tls: Option<TlsParameters>) -> Result<AsyncSmtpConnection, Failure> {
    let (address, name) = ((server.host.as_str(), server.port), &server.hello_name);
    let connection = if tls.is_some() {
        AsyncSmtpConnection::connect_tokio1(address, None, name, tls, None).await
    } else {
        let unreachable =
            |error: io::Error| Failure::temporary(format!("the mail server {server} cannot be reached: {error}"));
        let stream = TcpStream::connect(address).await.map_err(unreachable)?;
        // The library writes a mail and its end apart; together with delayed acknowledgements that costs 40 ms each.
        stream.set_nodelay(true).map_err(unreachable)?;
        AsyncSmtpConnection::connect_with_transport(Box::new(stream), name).await
    };
    connection.map_err(|error| failure(server, Step::Connect, &error))
}

/// What a failed step means.
fn failure(server: &Server, step: Step, error: &Error) -> Failure {
    let words = words(error);
    let Some(code) = error.status() else {
        let reason = match step {
            Step::Login if error.is_client() => {
                let reason = format!(
                    "the mail server {server} offers no login by PLAIN or LOGIN: check tls and smtp_port, or remove smtp_username"
                );
                return Failure::broken(reason);
            }
            Step::Connect | Step::Starttls => format!("the mail server {server} cannot be reached: {words}"),
            _ => format!("the conversation with the mail server {server} broke off (at the {step}): {words}"),
        };
        let failure = Failure::temporary(reason);
        return if step == Step::Content { failure.after_handing_over() } else { failure };
    };
    let reason = format!("the mail server {server} refused the {step}: {words}");
    if code.severity != Severity::PermanentNegativeCompletion {
        return Failure::temporary(reason);
    }
    match step {
        // A server that turns everybody away does so for a time (as Postfix takes it, too).
        Step::Connect | Step::Starttls => Failure::temporary(reason),
        Step::Login => Failure::broken(format!("{reason}; check smtp_username and the password")),
        Step::Sender => Failure::broken(format!("{reason}; check sender, and whether the server wants a login")),
        Step::Recipients => Failure::broken(reason),
        Step::Content => Failure::permanent(reason),
    }
}

/// The server's words with their code, or what happened to the connection.
fn words(error: &Error) -> String {
    let source = std::error::Error::source(error).map(ToString::to_string);
    match (error.status(), source) {
        (Some(code), Some(words)) => format!("{code} {}", words.replace(['\r', '\n'], " ")),
        (Some(code), None) => code.to_string(),
        (None, _) => error.to_string().replace(['\r', '\n'], " "),
    }
}

impl fmt::Display for Server {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}", self.host, self.port)
    }
}
