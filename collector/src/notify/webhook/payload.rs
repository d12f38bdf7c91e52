//! Our own form of a notification for programs. `version` counts up when a field changes its meaning; new fields may come.

use serde_json::{Value, json};

use crate::notify::{
    notification::{Facts, Notification},
    template::Rendered,
};

const VERSION: u32 = 1;

/// What webhooks post and commands read: the context as it was given, who it is for, and the words.
pub(in crate::notify) fn labtrail(
    receiver: &str,
    notification: &Notification,
    facts: &Facts,
    words: &Rendered,
) -> Value {
    let mut payload = json!({
        "version": VERSION,
        "key": notification.key,
        "receiver": receiver,
        "kind": facts.kind,
        "created_at": notification.created_at,
        "sent_at": notification.at,
        "is_repeat": notification.is_repeat,
        "subject": words.subject,
        "text": words.text,
    });
    if let Some(problem) = &words.problem {
        payload["template_problem"] = json!(problem);
    }
    if let (Some(payload), Some(context)) = (payload.as_object_mut(), notification.context.as_object()) {
        for (name, value) in context {
            payload.entry(name).or_insert_with(|| value.clone());
        }
    }
    payload
}
