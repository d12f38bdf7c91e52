//! How the handing over of a notification ended, and what whoever keeps the outbox has to know of it.

use std::time::Duration;

/// The end of one attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The receiver has it.
    Sent(Delivery),
    /// The receiver does not have it, or did not say so in time.
    Failed(Failure),
}

/// What is to be said of a notification that was sent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Delivery {
    /// Who did not get it and never will, while others did.
    pub refused: Vec<RefusedRecipient>,
    /// Why a plain fallback was sent in place of what the template should have made.
    pub template_problem: Option<String>,
}

/// An address that the mail server did not take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedRecipient {
    /// The address.
    pub address: String,
    /// The server's words.
    pub reason: String,
}

/// Why an attempt failed, and what can be done.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Failure {
    /// Whether trying again without a change is in vain.
    pub is_permanent: bool,
    /// Whether the receiver's settings or its service must be mended by a person: a wrong password, an address that is
    /// gone. A notification that failed permanently for this may be taken up again when the settings were changed.
    pub needs_mending: bool,
    /// Whether the receiver may have it all the same, because its answer was lost: the next attempt is a repeat.
    pub may_have_arrived: bool,
    /// What happened, for a person. It holds no secret.
    pub reason: String,
    /// How long the receiver wants to be left alone.
    pub retry_after: Option<Duration>,
    /// The addresses that do have it; the next attempt names them in [`super::Notification::delivered_to`].
    pub delivered_to: Vec<String>,
}

impl Failure {
    /// A failure that may be over at the next attempt.
    pub fn temporary(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), ..Self::default() }
    }

    /// A failure that this notification will meet at every attempt.
    pub fn permanent(reason: impl Into<String>) -> Self {
        Self { is_permanent: true, ..Self::temporary(reason) }
    }

    /// A failure that every notification will meet until a person has mended the receiver.
    pub fn broken(reason: impl Into<String>) -> Self {
        Self { needs_mending: true, ..Self::permanent(reason) }
    }

    /// The same of a notification that may have arrived.
    pub(super) fn after_handing_over(self) -> Self {
        Self { may_have_arrived: true, ..self }
    }
}

impl From<Result<Delivery, Failure>> for Outcome {
    fn from(result: Result<Delivery, Failure>) -> Self {
        match result {
            Ok(delivery) => Self::Sent(delivery),
            Err(failure) => Self::Failed(failure),
        }
    }
}
