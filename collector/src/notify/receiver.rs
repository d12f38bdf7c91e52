//! The receivers of the config: whom to tell, and by what.

mod section;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::json;

pub use self::section::{ChannelSection, LogSection, ReceiverSection};
use super::{
    chat::ChatSender,
    command::CommandSender,
    email::{EmailError, EmailSender},
    http::HttpError,
    log,
    notification::{Facts, Notification},
    outcome::{Delivery, Failure, Outcome},
    template::{self, Rendered, Templates, Voice, Zone},
    webhook::{self, WebhookError, WebhookSender},
};

/// A receiver that cannot be set up.
#[derive(Debug, thiserror::Error)]
#[error("receiver {name}")]
pub struct ReceiverError {
    /// Its name.
    pub name: String,
    /// Why not.
    #[source]
    pub problem: ReceiverProblem,
}

/// What is wrong with a receiver.
#[derive(Debug, thiserror::Error)]
pub enum ReceiverProblem {
    /// Two have one name.
    #[error("another receiver has this name, too: rename one")]
    Twice,
    /// Its mail server.
    #[error(transparent)]
    Email(#[from] EmailError),
    /// Its webhook.
    #[error(transparent)]
    Webhook(#[from] WebhookError),
    /// Its chat.
    #[error(transparent)]
    Chat(#[from] HttpError),
}

/// Whom to tell, ready to be told.
#[derive(Debug)]
pub struct Receiver {
    name: String,
    zone: Zone,
    templates: Templates,
    channel: Channel,
}

#[derive(Debug)]
enum Channel {
    Email(EmailSender),
    Webhook(WebhookSender),
    Chat(ChatSender),
    Command(CommandSender),
    Log,
}

impl Receiver {
    /// Reads the files that the section names (secrets, certificates). Nothing is sent, and no connection made, yet.
    pub fn open(section: &ReceiverSection) -> Result<Self, ReceiverError> {
        let channel =
            Channel::open(&section.channel).map_err(|problem| ReceiverError { name: section.name.clone(), problem })?;
        Ok(Self {
            name: section.name.clone(),
            zone: section.zone.clone(),
            templates: section.templates.clone(),
            channel,
        })
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Tells it, once. This ends within the receiver's time limit. The rule's templates come before the receiver's.
    pub async fn send(&self, notification: &Notification, rule: Option<&Templates>) -> Outcome {
        let facts = Facts::read(&notification.context);
        let voice = Voice { receiver: &self.name, zone: &self.zone, rule, own: &self.templates };
        let with_html = matches!(self.channel, Channel::Email(_));
        let words = template::render(notification, &facts, voice, with_html);
        let result = self.channel.send(&self.name, notification, &facts, &words).await;
        result.map(|delivery| Delivery { template_problem: words.problem, ..delivery }).into()
    }

    /// A notification by which somebody can try the receiver. `id` makes it this one.
    pub fn trial(&self, id: &str, now: Timestamp, url: Option<&str>) -> Notification {
        Notification {
            key: format!("test/{}/{id}", self.name),
            message_id: format!("<test.{id}@labtrail.invalid>"),
            is_repeat: false,
            created_at: now,
            at: now,
            delivered_to: Vec::new(),
            context: json!({"kind": "test", "severity": "", "rule": "", "alerts": [], "more": 0, "url": url}),
        }
    }

    /// Ends the connections that are kept. The receiver may be used again.
    pub async fn close(&self) {
        if let Channel::Email(sender) = &self.channel {
            sender.close().await;
        }
    }
}

impl Channel {
    fn open(section: &ChannelSection) -> Result<Self, ReceiverProblem> {
        Ok(match section {
            ChannelSection::Email(section) => Self::Email(EmailSender::open(section)?),
            ChannelSection::Webhook(section) => Self::Webhook(WebhookSender::open(section)?),
            ChannelSection::Chat(section) => Self::Chat(ChatSender::open(section)?),
            ChannelSection::Command(section) => Self::Command(CommandSender::open(section)),
            ChannelSection::Log(_) => Self::Log,
        })
    }

    async fn send(
        &self,
        receiver: &str,
        notification: &Notification,
        facts: &Facts,
        words: &Rendered,
    ) -> Result<Delivery, Failure> {
        match self {
            Self::Email(sender) => sender.send(notification, facts, words).await,
            Self::Webhook(sender) => sender.send(receiver, notification, facts, words).await,
            Self::Chat(sender) => sender.send(notification, facts, words).await,
            Self::Command(sender) => {
                sender.send(&webhook::labtrail_payload(receiver, notification, facts, words)).await
            }
            Self::Log => {
                log::write(receiver, notification, facts, &words.subject);
                Ok(Delivery::default())
            }
        }
    }
}

/// All receivers, by name.
#[derive(Debug, Default)]
pub struct Receivers(BTreeMap<String, Receiver>);

impl Receivers {
    /// Opens them all, or names the first that cannot be.
    pub fn open(sections: &[ReceiverSection]) -> Result<Self, ReceiverError> {
        let mut receivers = BTreeMap::new();
        for section in sections {
            let receiver = Receiver::open(section)?;
            if receivers.insert(section.name.clone(), receiver).is_some() {
                return Err(ReceiverError { name: section.name.clone(), problem: ReceiverProblem::Twice });
            }
        }
        Ok(Self(receivers))
    }

    /// The receiver of this name.
    pub fn get(&self, name: &str) -> Option<&Receiver> {
        self.0.get(name)
    }

    /// The names, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// Ends the connections that are kept.
    pub async fn close(&self) {
        for receiver in self.0.values() {
            receiver.close().await;
        }
    }
}
