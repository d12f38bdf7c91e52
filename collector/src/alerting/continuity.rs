//! Whether somebody was there to take what was sent: after a time in which nobody was, senders need a while to deliver what
//! they kept, and until then nobody is missed.

use tracing::info;

/// A gap in which somebody else could not take over, in microseconds: longer than a lease that ends and is taken again.
const GAP: i64 = 8_000_000;

/// How long senders may need until they try again, in microseconds: three times the agent's longest pause.
const GRACE: i64 = 90_000_000;

/// Up to when somebody was there, and what follows from a gap.
#[derive(Debug, Default)]
pub(super) struct Continuity {
    last_at: Option<i64>,
    /// What was sent from then on may not have come before the other instant.
    held: Option<(i64, i64)>,
}

impl Continuity {
    /// Notes that somebody was there until that instant, before now.
    pub(super) fn was_there_until(&mut self, until: i64) {
        self.last_at = Some(self.last_at.map_or(until, |last| last.max(until)));
    }

    /// Notes that somebody is there now.
    pub(super) fn is_there(&mut self, now: i64) {
        if let Some(last) = self.last_at.filter(|last| now.saturating_sub(*last) > GAP) {
            let since = self.held.map_or(last, |(since, _)| since.min(last));
            let away_seconds = now.saturating_sub(last) / 1_000_000;
            info!(
                away_seconds,
                grace_seconds = GRACE / 1_000_000,
                "nobody judged alerts for a while: senders are given time before a source is missed"
            );
            self.held = Some((since, now.saturating_add(GRACE)));
        }
        self.last_at = Some(now);
        self.held = self.held.filter(|(_, until)| now < *until);
    }

    /// Up to when all that was sent is stored, given up to when it would be if nobody had been away.
    pub(super) fn stored_to(&self, stored_to: i64) -> i64 {
        self.held.map_or(stored_to, |(since, _)| stored_to.min(since))
    }
}

#[cfg(test)]
mod tests {
    use super::{Continuity, GAP, GRACE};

    #[test]
    fn after_a_gap_senders_are_given_time() {
        let mut continuity = Continuity::default();
        let mut check = |now: i64, expected: i64| {
            continuity.is_there(now);
            assert_eq!(continuity.stored_to(now), expected, "{now}");
        };
        check(0, 0);
        check(GAP, GAP);
        check(2 * GAP, 2 * GAP);
        let back = 10 * GAP;
        check(back, 2 * GAP);
        check(back + GAP, 2 * GAP);
        let mut now = back + GAP;
        while now + GAP < back + GRACE {
            now += GAP;
            check(now, 2 * GAP);
        }
        check(back + GRACE, back + GRACE);
    }

    #[test]
    fn who_takes_over_in_time_leaves_no_gap_and_one_who_comes_late_does() {
        let mut continuity = Continuity::default();
        continuity.was_there_until(5 * GAP);
        continuity.is_there(6 * GAP);
        assert_eq!(continuity.stored_to(6 * GAP), 6 * GAP);
        let mut late = Continuity::default();
        late.was_there_until(5 * GAP);
        late.is_there(7 * GAP);
        assert_eq!(late.stored_to(7 * GAP), 5 * GAP);
    }
}
