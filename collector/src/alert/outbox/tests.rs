mod model;

use std::time::Duration;

use serde_json::json;

use super::{CLAIM_LENGTH, FallbackNeed, OutboxRow, Payload, RowState, TRY_FOR};
use crate::{alert::routing::Notification, notify::Failure};

const SECOND: i64 = 1_000_000;
const HOUR: i64 = 3600 * SECOND;

/// A notification without steps; the routing makes none, but the outbox does not look into them.
pub(super) fn notification(key: &str, sequence: u64, after: &[&str]) -> Notification {
    serde_json::from_value(json!({
        "key": key, "receiver": "team", "sequence": sequence, "kind": "alerts", "severity": "error", "created_at": 0,
        "oldest_at": 0, "steps": [], "more": 0, "rest": [], "after": after,
    }))
    .expect("a notification")
}

fn row() -> OutboxRow {
    OutboxRow::new(notification("K", 1, &[]), 0)
}

fn token(row: &OutboxRow) -> u64 {
    row.claim.as_ref().expect("it is claimed").token
}

fn temporary(reason: &str) -> Failure {
    Failure { reason: reason.to_owned(), ..Failure::default() }
}

fn permanent(reason: &str) -> Failure {
    Failure { is_permanent: true, ..temporary(reason) }
}

#[test]
fn a_row_is_sent_once() {
    let row = row();
    assert_eq!(row.message_id, "<K@alerts.labtrail>");
    let claimed = row.claim("a", 5).expect("due");
    assert_eq!((claimed.state, claimed.attempts, claimed.revision), (RowState::Claimed, 1, 1));
    assert!(claimed.claim("b", 6).is_none(), "somebody has it");
    assert!(claimed.may_be_sent(token(&claimed), 6) && !claimed.may_be_sent(0, 6));
    let sent = claimed.sent(7).expect("news");
    assert_eq!((sent.state, sent.is_repeat, sent.revision), (RowState::Sent, false, 2));
    assert!(sent.sent(8).is_none() && sent.claim("b", 9).is_none());
    let text = serde_json::to_string(&sent).expect("json");
    assert_eq!(serde_json::from_str::<OutboxRow>(&text).expect("a row"), sent);
}

#[test]
fn a_claim_that_ended_is_taken_and_marked_as_repeat() {
    let first = row().claim("a", 0).expect("due");
    assert!(!first.may_be_sent(token(&first), CLAIM_LENGTH));
    let second = first.claim("b", CLAIM_LENGTH).expect("the claim ended");
    assert!(second.is_repeat && second.attempts == 2 && second.message_id == first.message_id);
    assert_eq!(second.log[0].what, "a did not say how attempt 1 ended");
    assert!(second.failed(token(&first), &temporary("late"), CLAIM_LENGTH).is_none(), "it is no longer a's");
    let sent = second.sent(CLAIM_LENGTH + 1).expect("a says that it was sent, and it was");
    assert!(sent.failed(token(&second), &temporary("late"), CLAIM_LENGTH + 2).is_none());
}

#[test]
fn temporary_failures_are_tried_for_72_hours() {
    let mut row = row();
    let mut now = 0;
    while row.state != RowState::Dead {
        assert!(row.claim("a", row.next_at - 1).is_none(), "not before its time");
        now = row.next_at;
        row = row.claim("a", now).expect("due");
        row = row.failed(token(&row), &temporary("451 not now"), now).expect("a's claim");
    }
    assert_eq!(now, TRY_FOR);
    assert!((79..100).contains(&row.attempts), "{}", row.attempts);
    assert!(!row.is_repeat);
    assert_eq!((row.log.len(), row.log[0].what.as_str()), (20, "attempt 1 failed: 451 not now"));
    assert_eq!(row.log[19].what, "given up: it was tried for long enough");
    // Nobody was there for a week: it is tried all the same.
    let late = OutboxRow::new(notification("K", 1, &[]), 0).claim("a", 200 * HOUR).expect("due");
    assert_eq!(late.failed(token(&late), &temporary("no"), 200 * HOUR).map(|row| row.state), Some(RowState::Dead));
}

#[test]
fn what_a_failure_says_is_heeded() {
    let claimed = row().claim("a", 0).expect("due");
    let retry_after = Some(Duration::from_mins(10));
    let failure = Failure {
        may_have_arrived: true,
        retry_after,
        delivered_to: vec!["x@y".to_owned()],
        ..temporary("lost connection")
    };
    let failed = claimed.failed(token(&claimed), &failure, 0).expect("a's claim");
    assert!(failed.is_repeat && failed.next_at == 600 * SECOND && failed.delivered_to == ["x@y"]);
    let again = failed.claim("a", 600 * SECOND).expect("due");
    let again = again.failed(token(&again), &failure, 600 * SECOND).expect("a's claim");
    assert_eq!(again.delivered_to, ["x@y"]);
    let long = "é".repeat(1000);
    let again = again.claim("a", 2 * HOUR).expect("due");
    let again = again.failed(token(&again), &temporary(&long), 2 * HOUR).expect("a's claim");
    assert!(again.log.iter().all(|line| line.what.len() <= 500));
}

#[test]
fn a_dead_row_is_told_to_the_fallback_receiver_and_never_in_a_circle() {
    let claimed = row().claim("a", 0).expect("due");
    let failure = Failure { needs_mending: true, ..permanent("535 wrong password") };
    let dead = claimed.failed(token(&claimed), &failure, 1).expect("a's claim");
    assert!(dead.state == RowState::Dead && dead.needs_mending && dead.fallback == FallbackNeed::Due);
    assert!(dead.claim("a", HOUR).is_none());
    assert!(dead.undelivered(None, 2).is_none() && dead.undelivered(Some("team"), 2).is_none());
    let told = dead.undelivered(Some("boss"), 2).expect("it is to be told");
    assert_eq!(
        (told.receiver.as_str(), told.key.as_str()),
        ("boss", dead.undelivered(Some("boss"), 9).unwrap().key.as_str())
    );
    assert_eq!(told.payload.context()["undelivered"]["reason"], "attempt 1 failed: 535 wrong password");
    let Payload::Undelivered(payload) = &told.payload else { panic!("{told:?}") };
    assert_eq!(payload.notification.key, "K");
    let done = dead.fallback_done().expect("it was due");
    assert!(done.undelivered(Some("boss"), 3).is_none() && done.fallback_done().is_none());

    let claimed = told.claim("a", 3).expect("due");
    let dead_too = claimed.failed(token(&claimed), &permanent("no such user"), 3).expect("a's claim");
    assert!(dead_too.undelivered(Some("other"), 4).is_none() && dead_too.fallback_done().is_none());

    let revived = done.revived(HOUR).expect("it was dead");
    let claimed = revived.claim("a", HOUR).expect("due");
    assert!(!claimed.is_repeat && claimed.revived(HOUR).is_none());
    let again = claimed.failed(token(&claimed), &permanent("535"), HOUR).expect("a's claim");
    assert_ne!(again.undelivered(Some("boss"), HOUR).expect("told again").key, told.key);
}

#[test]
fn rows_of_one_alert_wait_for_each_other() {
    let row = OutboxRow::new(notification("L", 2, &["K"]), 0);
    let check = |state: Option<RowState>, expected: bool| {
        assert_eq!(row.is_held_up(|key| state.filter(|_| key == "K")), expected, "{state:?}");
    };
    check(Some(RowState::Waiting), true);
    check(Some(RowState::Claimed), true);
    check(Some(RowState::Sent), false);
    check(Some(RowState::Dead), false);
    check(None, false);
}

#[test]
fn a_clock_that_was_far_ahead_holds_nothing_up() {
    let year = 365 * 24 * HOUR;
    let claimed = row().claim("a", year).expect("due");
    assert!(claimed.claim("b", year - HOUR).is_none(), "an hour is waited for");
    assert!(claimed.claim("b", 0).is_some());
    let failed = claimed.failed(token(&claimed), &temporary("no"), year).expect("a's claim");
    assert_eq!(failed.state, RowState::Dead, "it was waited for long enough, as far as anybody knows");
}
