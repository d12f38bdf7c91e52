//! Waiting for a condition.

use std::time::{Duration, Instant};

/// What takes longer than this does not happen: generous, because the machine may be busy with other tests.
pub const DEADLINE: Duration = Duration::from_secs(90);

/// So often is a condition asked: short beside what a person notices, long beside what asking costs.
const PAUSE: Duration = Duration::from_millis(25);

/// Waits until `condition` gives a value; panics with `what` when it never does.
#[track_caller]
pub fn wait_until<T>(what: &str, condition: impl FnMut() -> Option<T>) -> T {
    wait_until_within(DEADLINE, what, condition)
}

/// Waits until `condition` gives a value, at most this long; panics with `what` when it does not.
#[track_caller]
pub fn wait_until_within<T>(time_max: Duration, what: &str, condition: impl FnMut() -> Option<T>) -> T {
    poll(time_max, condition).unwrap_or_else(|| panic!("waited {time_max:?} in vain until {what}"))
}

/// Asks until `condition` gives a value; `None` when it did not in that time.
pub fn poll<T>(time_max: Duration, mut condition: impl FnMut() -> Option<T>) -> Option<T> {
    let deadline = Instant::now() + time_max;
    loop {
        if let Some(value) = condition() {
            return Some(value);
        }
        if Instant::now() > deadline {
            return None;
        }
        std::thread::sleep(PAUSE);
    }
}
