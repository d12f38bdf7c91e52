//! Tells people and programs of alerts: what the outbox holds is handed to a receiver, once per call.
//!
//! A call either ends with the receiver's word that it has the notification, or says whether trying again can help. It
//! always ends within the receiver's time limit, keeps nothing for later, and repeats nothing by itself: that is the
//! outbox's part. A template that fails costs its words, never the notification.

mod addressee;
mod chat;
mod command;
mod email;
mod files;
mod http;
mod log;
mod notification;
mod outcome;
mod receiver;
mod template;
mod webhook;

#[cfg(test)]
mod tests;

pub(crate) use self::files::FILE_BYTES_MAX;
pub use self::{
    email::EmailSection,
    notification::{AlertFacts, Facts, Kind, Notification},
    outcome::{Delivery, Failure, Outcome, RefusedRecipient},
    receiver::{ChannelSection, LogSection, Receiver, ReceiverError, ReceiverSection, Receivers},
    template::{TemplateError, TemplateSection, Templates},
};
