//! Records that must be sent again, and when. A decision without clock or I/O.
//!
//! While a lane is shut nothing new is taken for it: what waits goes first, so that order is kept as well as it can be,
//! and memory stays within its bound. After a pause one record is sent to try; if it arrives all others follow.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use super::parcel::Outgoing;

const PAUSE_MIN: Duration = Duration::from_millis(100);

#[derive(Debug)]
pub(super) struct Lane {
    waiting: VecDeque<Outgoing>,
    state: State,
    pause: Duration,
    pause_max: Duration,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Open {
        since: Option<Instant>,
    },
    /// Nothing is sent until then.
    Shut {
        until: Instant,
    },
    /// One record was sent to try; so much had been delivered before it.
    Trying {
        delivered: u64,
    },
}

/// Whether a failure is worth a line in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Failure {
    /// The first since it worked.
    First,
    /// The pause is as long as it gets.
    Lasting,
    /// One of many.
    Again,
}

impl Lane {
    pub(super) fn new(pause_max: Duration) -> Self {
        let state = State::Open { since: None };
        Self { waiting: VecDeque::new(), state, pause: PAUSE_MIN, pause_max: pause_max.max(PAUSE_MIN) }
    }

    /// Whether new records may be sent.
    pub(super) fn is_open(&self) -> bool {
        self.waiting.is_empty() && matches!(self.state, State::Open { .. })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Whether it is of interest that something is delivered.
    pub(super) fn waits_for_delivery(&self) -> bool {
        matches!(self.state, State::Trying { .. }) || !self.waiting.is_empty()
    }

    /// Puts a record behind those that wait.
    pub(super) fn push(&mut self, outgoing: Outgoing) {
        self.waiting.push_back(outgoing);
    }

    /// Puts a record back to where it was taken from: the client library has no room for it.
    pub(super) fn put_back(&mut self, outgoing: Outgoing) {
        self.waiting.push_front(outgoing);
    }

    /// A record could not be delivered. `jitter` lies between 0.5 and 1.
    pub(super) fn failed(&mut self, now: Instant, jitter: f64) -> Failure {
        let is_first = match self.state {
            // Others of the same volley.
            State::Shut { .. } => return Failure::Again,
            State::Trying { .. } => false,
            // What fails again as soon as all is sent works for the trial only: the pauses go on growing.
            State::Open { since } => since.is_none_or(|since| now.duration_since(since) > self.pause * 2),
        };
        if is_first {
            self.pause = PAUSE_MIN;
        }
        let failure = match (is_first, self.pause >= self.pause_max) {
            (true, _) => Failure::First,
            (false, true) => Failure::Lasting,
            (false, false) => Failure::Again,
        };
        self.state = State::Shut { until: now + self.pause.mul_f64(jitter) };
        self.pause = (self.pause * 2).min(self.pause_max);
        failure
    }

    /// When there is something to do again without anything happening.
    pub(super) fn due(&self) -> Option<Instant> {
        match self.state {
            State::Shut { until } => Some(until),
            State::Open { .. } | State::Trying { .. } => None,
        }
    }

    /// The next record to send again; `delivered` counts what was ever delivered on this lane.
    pub(super) fn next(&mut self, now: Instant, delivered: u64) -> Option<Outgoing> {
        match self.state {
            State::Open { .. } => {}
            State::Shut { until } if now < until => return None,
            State::Shut { .. } => {
                let first = self.waiting.pop_front();
                self.state =
                    if first.is_some() { State::Trying { delivered } } else { State::Open { since: Some(now) } };
                return first;
            }
            State::Trying { delivered: before } if delivered == before => return None,
            State::Trying { .. } => self.state = State::Open { since: Some(now) },
        }
        self.waiting.pop_front()
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::{Failure, Lane, PAUSE_MIN};
    use crate::ship::kafka::tests::outgoing;

    #[test]
    fn one_record_tries_after_a_pause_and_the_others_follow_when_it_arrived() {
        let (mut lane, start) = (Lane::new(Duration::from_millis(350)), Instant::now());
        let at = |millis| start + Duration::from_millis(millis);
        assert!(lane.is_open());
        for text in ["a", "b", "c"] {
            let failure = lane.failed(at(0), 1.0);
            assert_eq!(failure, if text == "a" { Failure::First } else { Failure::Again });
            lane.push(outgoing(text.as_bytes()));
        }
        let next = |lane: &mut Lane, millis, delivered| lane.next(at(millis), delivered).map(|sent| sent.payload);
        assert!(!lane.is_open());
        assert_eq!(lane.due(), Some(at(100)));
        assert_eq!(next(&mut lane, 99, 0), None);
        assert_eq!(next(&mut lane, 100, 0).as_deref(), Some(&b"a"[..]));
        assert_eq!(next(&mut lane, 100, 0), None, "only one tries");
        assert_eq!(lane.failed(at(110), 1.0), Failure::Again);
        lane.push(outgoing(b"a"));
        assert_eq!(lane.due(), Some(at(310)), "the pause has doubled");
        assert_eq!(
            next(&mut lane, 310, 0).as_deref(),
            Some(&b"b"[..]),
            "one that never goes does not block the others"
        );
        assert_eq!(next(&mut lane, 320, 1).as_deref(), Some(&b"c"[..]));
        assert_eq!(next(&mut lane, 320, 1).as_deref(), Some(&b"a"[..]));
        assert!(lane.is_open() && lane.is_empty());
        assert_eq!(lane.failed(at(330), 1.0), Failure::Lasting, "it failed as soon as all was sent");
        assert_eq!(lane.due(), Some(at(680)));
        assert_eq!(next(&mut lane, 680, 1), None);
        assert_eq!(lane.failed(at(5000), 1.0), Failure::First, "it had worked for a while");
        assert_eq!(lane.due(), Some(at(5000) + PAUSE_MIN));
    }
}
