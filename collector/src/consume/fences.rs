//! How often a collector joins its group anew after Kafka said that another one of its name had taken over.
//!
//! It says so when there is one, and then the one that came first is to end. But it says so as well to a client whose session
//! expired while the coordinator was away, if an offset that was to be committed before goes out after that (seen with
//! librdkafka 2.12.1), or to one whose broker lost the last it knew of the group. Joining anew tells the two apart: where
//! there is another collector, the two take the name from each other in turns, and the first gives up first.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

/// So often it may be said in [`PERIOD`] until it is believed.
const FENCES_MAX: usize = 3;

const PERIOD: Duration = Duration::from_mins(5);

/// When it was said.
#[derive(Debug, Default)]
pub(super) struct Fences(VecDeque<Instant>);

impl Fences {
    /// Notes that it was said; whether to join anew.
    pub(super) fn allow_another(&mut self, now: Instant) -> bool {
        self.0.push_back(now);
        while self.0.front().is_some_and(|at| now.saturating_duration_since(*at) > PERIOD) {
            self.0.pop_front();
        }
        self.0.len() < FENCES_MAX
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::Fences;

    #[test]
    fn what_is_said_again_and_again_is_believed() {
        let (begin, mut fences) = (Instant::now(), Fences::default());
        let mut at = |seconds: u64| fences.allow_another(begin + Duration::from_secs(seconds));
        assert_eq!([0, 10, 20, 30, 400, 401, 402].map(&mut at), [true, true, false, false, true, true, false]);
    }
}
