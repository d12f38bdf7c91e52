//! Whether the agent can do its work now, and why not.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};

/// What hinders the agent at present. Every room reports its own hindrance and takes it back when it is over.
#[derive(Debug, Clone, Default)]
pub struct Health(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    problems: Mutex<BTreeMap<&'static str, Problem>>,
    /// So that whoever delivers may say each time that all is well, at no cost.
    count: AtomicUsize,
    clock_skew: Mutex<Option<SignedDuration>>,
}

/// Something that hinders the agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Who reports it.
    pub room: &'static str,
    /// What it is.
    pub reason: String,
    /// Since when it has been so.
    pub since: Timestamp,
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {} (since {:.0})", self.room, self.reason, self.since)
    }
}

impl Health {
    /// Reports a hindrance. One that was reported before keeps the time of its first report.
    pub(crate) fn report(&self, room: &'static str, reason: String) {
        let mut problems = self.lock();
        let since = problems.get(room).map_or_else(Timestamp::now, |problem| problem.since);
        problems.insert(room, Problem { room, reason, since });
        self.0.count.store(problems.len(), Ordering::Release);
    }

    /// Whether this room reports a hindrance.
    pub(crate) fn has(&self, room: &str) -> bool {
        self.lock().contains_key(room)
    }

    /// Takes a hindrance back; says how long it lasted, if there was one.
    pub(crate) fn clear(&self, room: &'static str) -> Option<Duration> {
        if self.0.count.load(Ordering::Acquire) == 0 {
            return None;
        }
        let mut problems = self.lock();
        let problem = problems.remove(room)?;
        self.0.count.store(problems.len(), Ordering::Release);
        Some(Timestamp::now().duration_since(problem.since).try_into().unwrap_or_default())
    }

    /// How far this machine's clock is ahead of the collector's, as last measured.
    pub fn clock_skew(&self) -> Option<SignedDuration> {
        *self.0.clock_skew.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes note of how far this machine's clock is ahead of the collector's.
    pub(crate) fn note_clock_skew(&self, skew: SignedDuration) {
        *self.0.clock_skew.lock().unwrap_or_else(PoisonError::into_inner) = Some(skew);
    }

    /// All that hinders the agent now; nothing means that it is well.
    pub fn problems(&self) -> Vec<Problem> {
        self.lock().values().cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<&'static str, Problem>> {
        self.0.problems.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::Health;

    #[test]
    fn a_problem_lasts_from_its_first_report_until_it_is_taken_back() {
        let health = Health::default();
        assert_eq!(health.clear("kafka"), None);
        health.report("kafka", "no broker answers".to_owned());
        let since = health.problems()[0].since;
        health.report("kafka", "not authorised".to_owned());
        let problems = health.problems();
        assert_eq!((problems.len(), problems[0].since, problems[0].reason.as_str()), (1, since, "not authorised"));
        assert!(problems[0].to_string().starts_with("kafka: not authorised (since 2"), "{}", problems[0]);
        assert!(health.clear("kafka").is_some());
        assert_eq!(health.problems(), []);
    }
}
