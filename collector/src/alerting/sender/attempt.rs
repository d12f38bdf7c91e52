//! One attempt: claim, send, and note what became of it. Whoever dies in between leaves a claim that ends, and the next
//! attempt carries the same identifier and says that it may be a repeat.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::json;

use super::{Sender, save};
use crate::{
    alert::outbox::OutboxRow,
    alerting::{page_address, rows, rulebook::Rulebook},
    notify::{Delivery, Failure, Notification, Outcome},
    store::{Row, StoreError},
};

/// An attempt that takes longer would outlast its claim, whatever the receiver's own limit is.
const ATTEMPT_TIME_MAX: Duration = Duration::from_secs(80);

/// So often it is tried to note what became of it.
const NOTE_TRIES_MAX: u32 = 30;
const NOTE_PAUSE: Duration = Duration::from_secs(1);

/// What became of it.
#[derive(Debug)]
pub(super) enum Ended {
    /// The receiver has it. `problem`: but not all of it, or in other words.
    Sent { problem: Option<String> },
    /// It is not tried any more.
    Dead { reason: String, needs_mending: bool },
    /// It is tried again, from then on.
    Failed { next_at: i64, reason: String },
    /// Somebody else has it.
    TakenByOthers,
}

/// Claims a row and sends it.
pub(super) async fn attempt(
    sender: &Sender,
    rulebook: &Rulebook,
    row: Row,
    outgoing: OutboxRow,
) -> Result<Ended, StoreError> {
    let Some(claimed) = outgoing.claim(&sender.owner, sender.clock.now()) else { return Ok(Ended::TakenByOthers) };
    if !save(&*sender.store, &row, &claimed).await? {
        return Ok(Ended::TakenByOthers);
    }
    let token = claimed.claim.as_ref().map_or(0, |claim| claim.token);
    if !claimed.may_be_sent(token, sender.clock.now()) {
        return Ok(Ended::TakenByOthers);
    }
    let handed_over = tokio::time::timeout(ATTEMPT_TIME_MAX, hand_over(sender, rulebook, &claimed)).await;
    let outcome = handed_over.unwrap_or_else(|_| {
        let reason = format!("it took longer than {} s", ATTEMPT_TIME_MAX.as_secs());
        Outcome::Failed(Failure { may_have_arrived: true, ..Failure::temporary(reason) })
    });
    // It is worth some patience: what is not noted is sent once more.
    let mut tries = 0;
    loop {
        match note(sender, &claimed, token, outcome.clone()).await {
            Err(error) if error.is_unavailable() && tries < NOTE_TRIES_MAX => {
                tries += 1;
                tokio::time::sleep(NOTE_PAUSE).await;
            }
            noted => return noted,
        }
    }
}

async fn hand_over(sender: &Sender, rulebook: &Rulebook, claimed: &OutboxRow) -> Outcome {
    let Some(receiver) = rulebook.receivers.get(&claimed.receiver) else {
        let reason = format!("there is no receiver {:?} in the settings any more", claimed.receiver);
        return Outcome::Failed(Failure::broken(reason));
    };
    let mut context = claimed.payload.context();
    if let Some(url) = &sender.page_url {
        let alert = match context["alerts"].as_array().map(Vec::as_slice) {
            Some([alert]) => alert["id"].as_str().map(|id| format!("?alert={id}")),
            _ => None,
        };
        context["url"] = json!(page_address(url) + &alert.unwrap_or_default());
    }
    let rule = context["rule"].as_str().and_then(|name| rulebook.rules.get(name).cloned());
    let instant = |micros: i64| Timestamp::from_microsecond(micros).unwrap_or(Timestamp::UNIX_EPOCH);
    let notification = Notification {
        key: claimed.key.clone(),
        message_id: claimed.message_id.clone(),
        is_repeat: claimed.is_repeat,
        created_at: instant(claimed.created_at),
        at: instant(sender.clock.now()),
        delivered_to: claimed.delivered_to.clone(),
        context,
    };
    receiver.send(&notification, rule.as_ref().and_then(|rule| rule.templates())).await
}

/// Notes what became of it in the row as it is by now.
async fn note(sender: &Sender, claimed: &OutboxRow, token: u64, outcome: Outcome) -> Result<Ended, StoreError> {
    loop {
        let Some(row) = sender.store.row(rows::OUTBOX, &claimed.key).await? else { return Ok(Ended::TakenByOthers) };
        let Some(current) = rows::read::<OutboxRow>(rows::OUTBOX, &row) else { return Ok(Ended::TakenByOthers) };
        let now = sender.clock.now();
        let next = match &outcome {
            Outcome::Sent(_) => current.sent(now),
            Outcome::Failed(failure) => current.failed(token, failure, now),
        };
        let is_noted = match &next {
            Some(next) => save(&*sender.store, &row, next).await?,
            None => true,
        };
        if is_noted {
            return Ok(ended(outcome, next.as_ref()));
        }
    }
}

fn ended(outcome: Outcome, next: Option<&OutboxRow>) -> Ended {
    match (outcome, next) {
        (Outcome::Sent(delivery), _) => Ended::Sent { problem: problem(&delivery) },
        (Outcome::Failed(failure), Some(next)) if next.state.is_settled() => {
            Ended::Dead { reason: failure.reason, needs_mending: failure.needs_mending }
        }
        (Outcome::Failed(failure), Some(next)) => Ended::Failed { next_at: next.next_at, reason: failure.reason },
        (Outcome::Failed(_), None) => Ended::TakenByOthers,
    }
}

/// What a person should know of a notification that was sent.
fn problem(delivery: &Delivery) -> Option<String> {
    let refused =
        delivery.refused.iter().map(|refused| format!("{} does not get it: {}", refused.address, refused.reason));
    let template = delivery.template_problem.iter();
    let template = template.map(|problem| format!("a plain text was sent, as the template failed: {problem}"));
    let problems: Vec<String> = refused.chain(template).collect();
    (!problems.is_empty()).then(|| problems.join("; "))
}
