//! How far this machine's clock is off, by that of the collector: old instrument PCs are often minutes or days off, and then
//! times without an offset mean something else than they say.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use jiff::{SignedDuration, Timestamp, fmt::rfc2822};
use reqwest::header::HeaderValue;
use tracing::{info, warn};

use crate::status::{Counters, Health};

/// Who reports what hinders it.
const ROOM: &str = "clock";

/// The header has whole seconds, and a request takes its time: what is less than this is not told.
const SKEW_MIN: SignedDuration = SignedDuration::from_secs(5);

/// Compares this machine's clock with the collector's.
#[derive(Debug, Clone)]
pub(crate) struct ClockWatch {
    counters: Counters,
    health: Health,
    is_said: Arc<AtomicBool>,
}

impl ClockWatch {
    /// A watch that reports there.
    pub(crate) fn new(counters: Counters, health: Health) -> Self {
        Self { counters, health, is_said: Arc::default() }
    }

    /// Compares the `Date` of an answer (RFC 9110) with the times between which it was given.
    pub(super) fn compare(&self, date: Option<&HeaderValue>, sent_at: Timestamp, received_at: Timestamp) {
        let Some(skew) = date.and_then(|date| skew(date.to_str().ok()?, sent_at, received_at)) else { return };
        self.counters.clock_skew_seconds.set(skew.as_secs_f64());
        self.health.note_clock_skew(skew);
        if skew.abs() < SKEW_MIN {
            if self.is_said.swap(false, Ordering::Relaxed) {
                info!("this machine's clock is right again");
            }
            self.health.clear(ROOM);
            return;
        }
        let side = if skew.is_positive() { "ahead of" } else { "behind" };
        let reason =
            format!("this machine's clock is {:.0} s {side} the collector's: set it", skew.abs().as_secs_f64());
        if !self.is_said.swap(true, Ordering::Relaxed) {
            warn!("{reason}");
        }
        self.health.report(ROOM, reason);
    }
}

/// How far the clock that read the two times is ahead of the one that wrote the date, which cuts its seconds.
fn skew(date: &str, sent_at: Timestamp, received_at: Timestamp) -> Option<SignedDuration> {
    let theirs = rfc2822::parse(date).ok()?.timestamp();
    let half = received_at.duration_since(sent_at) / 2;
    // A slow answer says nothing.
    if half > SignedDuration::from_secs(2) {
        return None;
    }
    Some(sent_at.duration_since(theirs) + half - SignedDuration::from_millis(500))
}

#[cfg(test)]
mod tests {
    use super::{ClockWatch, Counters, HeaderValue, Health, skew};

    #[test]
    fn a_clock_is_compared_with_the_middle_of_a_request() {
        let check = |date: &str, sent: &str, received: &str, expected: Option<i64>| {
            let (sent, received) = (sent.parse().expect("a time"), received.parse().expect("a time"));
            assert_eq!(skew(date, sent, received).map(|skew| skew.as_millis() as i64), expected, "{date}");
        };
        let date = "Tue, 24 Nov 2026 10:00:00 GMT";
        check(date, "2026-11-24T10:00:00.4Z", "2026-11-24T10:00:00.6Z", Some(0));
        check(date, "2026-11-24T10:01:00Z", "2026-11-24T10:01:01Z", Some(60_000));
        check(date, "2026-11-24T09:59:00Z", "2026-11-24T09:59:00Z", Some(-60_500));
        check("yesterday", "2026-11-24T09:59:00Z", "2026-11-24T09:59:00Z", None);
    }

    #[test]
    fn a_wrong_clock_is_a_hindrance_until_it_is_set() {
        let health = Health::default();
        let watch = ClockWatch::new(Counters::default(), health.clone());
        let date = HeaderValue::from_static("Tue, 24 Nov 2026 10:00:00 GMT");
        let at = |text: &str| text.parse().expect("a time");
        watch.compare(Some(&date), at("2026-11-24T10:05:00Z"), at("2026-11-24T10:05:00Z"));
        assert!(health.problems()[0].to_string().starts_with("clock: this machine's clock is 300 s ahead of"));
        watch.compare(Some(&date), at("2026-11-24T10:00:01Z"), at("2026-11-24T10:00:01Z"));
        assert_eq!(health.problems(), []);
        assert!(health.clock_skew().is_some_and(|skew| skew.as_millis() == 500));
    }
}
