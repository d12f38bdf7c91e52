//! Which rooms of the process gave a sign of life lately: the decision of the watchdog, without its clock.

use std::{fmt, time::Duration};

/// A room that gave no sign of life for longer than it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Silence {
    /// The name under which the room was registered.
    pub room: &'static str,
    /// For how long it has been silent.
    pub lasts: Duration,
}

impl fmt::Display for Silence {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "`{}` has given no sign of life for {} s", self.room, self.lasts.as_secs())
    }
}

/// When a room beat last, and how long it may be silent. Times are counted from any one moment in the past.
#[derive(Debug, Clone, Copy)]
pub(super) struct Life {
    pub room: &'static str,
    pub silence_max: Duration,
    pub beat_at: Duration,
}

/// The rooms that are silent for too long, the longest silence first. None: the process lives.
pub(super) fn silences(lives: impl Iterator<Item = Life>, now: Duration) -> Vec<Silence> {
    let mut silences: Vec<Silence> = lives
        .filter_map(|life| {
            let lasts = now.saturating_sub(life.beat_at);
            (lasts > life.silence_max).then_some(Silence { room: life.room, lasts })
        })
        .collect();
    silences.sort_by_key(|silence| std::cmp::Reverse(silence.lasts));
    silences
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Life, silences};

    #[test]
    fn a_process_lives_while_each_room_beat_within_its_time() {
        let check = |now: u64, lives: &[(&'static str, u64, u64)], expected: &[&str]| {
            let lives = lives.iter().map(|(room, silence_max, beat_at)| Life {
                room,
                silence_max: Duration::from_secs(*silence_max),
                beat_at: Duration::from_secs(*beat_at),
            });
            let found: Vec<&str> =
                silences(lives, Duration::from_secs(now)).iter().map(|silence| silence.room).collect();
            assert_eq!(found, expected);
        };
        check(100, &[], &[]);
        check(100, &[("files", 10, 90), ("ship", 60, 41)], &[]);
        check(101, &[("files", 10, 90), ("ship", 60, 41)], &["files"]);
        check(200, &[("files", 10, 90), ("ship", 60, 41)], &["ship", "files"]);
        // A beat from after the question, as of another thread, is no silence.
        check(100, &[("files", 10, 105)], &[]);
    }
}
