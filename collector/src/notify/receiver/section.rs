//! The settings of a receiver: `[[receivers]]` in TOML, an object of the same fields in JSON.

use serde::{Deserialize, Deserializer, Serialize};

use crate::notify::{
    chat::ChatSection,
    command::CommandSection,
    email::EmailSection,
    template::{Templates, Zone},
    webhook::WebhookSection,
};

/// A name longer than this is no name.
const NAME_CHARACTERS_MAX: usize = 64;

/// Whom to tell, and by what.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ReceiverSection {
    /// The name by which rules and routes call it: letters, digits, `-`, `_` and `.`, at most 64.
    pub name: String,
    /// The zone of the times it is told, by its IANA name. Default `UTC`.
    pub zone: Zone,
    /// Its own words. A rule's templates come before them.
    #[serde(skip_serializing_if = "Templates::is_default")]
    pub templates: Templates,
    /// By what: exactly one of `email`, `webhook`, `chat`, `command` and `log`.
    #[serde(flatten)]
    pub channel: ChannelSection,
}

/// By what a receiver is told.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ChannelSection {
    /// A mail to one or more addresses.
    Email(EmailSection),
    /// JSON to a program on the network.
    Webhook(WebhookSection),
    /// A message in a chat.
    Chat(ChatSection),
    /// A program on this machine.
    Command(CommandSection),
    /// A line in the collector's log.
    Log(LogSection),
}

impl ReceiverSection {
    /// A receiver of which only this was said.
    pub(crate) fn new(name: &str, channel: ChannelSection) -> Self {
        Self { name: name.to_owned(), zone: Zone::default(), templates: Templates::default(), channel }
    }
}

impl ChannelSection {
    /// The word for it, as in the file.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Email(_) => "email",
            Self::Webhook(_) => "webhook",
            Self::Chat(_) => "chat",
            Self::Command(_) => "command",
            Self::Log(_) => "log",
        }
    }
}

/// The log needs no settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogSection {}

/// The settings as they are written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    name: String,
    #[serde(default)]
    zone: Zone,
    #[serde(default)]
    templates: Templates,
    email: Option<EmailSection>,
    webhook: Option<WebhookSection>,
    chat: Option<ChatSection>,
    command: Option<CommandSection>,
    log: Option<LogSection>,
}

impl Written {
    fn channel(self) -> Result<ChannelSection, String> {
        let channels = [
            self.email.map(ChannelSection::Email),
            self.webhook.map(ChannelSection::Webhook),
            self.chat.map(ChannelSection::Chat),
            self.command.map(ChannelSection::Command),
            self.log.map(ChannelSection::Log),
        ];
        let mut channels: Vec<ChannelSection> = channels.into_iter().flatten().collect();
        match (channels.pop(), channels.is_empty()) {
            (Some(channel), true) => Ok(channel),
            (None, _) => Err(format!(
                "receiver {:?} does not say by what: set one of email, webhook, chat, command and log",
                self.name
            )),
            (Some(_), false) => Err(format!(
                "receiver {:?} has more than one of email, webhook, chat, command and log: make a receiver of each",
                self.name
            )),
        }
    }
}

impl<'de> Deserialize<'de> for ReceiverSection {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut written = Written::deserialize(deserializer)?;
        let name = written.name.clone();
        let is_allowed = |character: char| character.is_ascii_alphanumeric() || "-_.".contains(character);
        if name.is_empty() || name.len() > NAME_CHARACTERS_MAX || !name.chars().all(is_allowed) {
            return Err(serde::de::Error::custom(format!(
                "{name:?} is not a receiver's name: use letters, digits, -, _ and ., at most {NAME_CHARACTERS_MAX}"
            )));
        }
        let (zone, templates) = (std::mem::take(&mut written.zone), std::mem::take(&mut written.templates));
        Ok(Self { name, zone, templates, channel: written.channel().map_err(serde::de::Error::custom)? })
    }
}
