//! Whether what was seen in the config file is a reason to read it: the decision, without clock and file.

use std::time::{Duration, Instant};

use super::{Fingerprint, Reload};

/// Content must have been the same for so long: nearly a poll, so that a request just before it does not count as one.
const STABLE_FOR: Duration = Duration::from_millis(500);

/// Remembers what was loaded, and what may be loaded next.
#[derive(Debug)]
pub(super) struct Debounce {
    /// What the running config was read from.
    loaded: Option<Fingerprint>,
    /// Something else that was seen, and when for the first time.
    candidate: Option<(Fingerprint, Instant)>,
}

impl Debounce {
    /// The content of this fingerprint is loaded.
    pub(super) fn new(loaded: Option<Fingerprint>) -> Self {
        Self { loaded, candidate: None }
    }

    /// Someone asks, and the file is as `seen` now. What follows from it is not asked for twice.
    pub(super) fn asked(&mut self, seen: Option<Fingerprint>) -> Reload {
        self.candidate = None;
        self.loaded = seen.or(self.loaded);
        Reload::Asked
    }

    /// The file was looked at; `None`: it cannot be read, as between the two steps of an editor that replaces it.
    pub(super) fn seen(&mut self, seen: Option<Fingerprint>, now: Instant) -> Option<Reload> {
        let seen = seen.filter(|seen| Some(*seen) != self.loaded);
        let Some(seen) = seen else {
            self.candidate = None;
            return None;
        };
        match self.candidate {
            Some((candidate, since)) if candidate == seen => {
                if now.saturating_duration_since(since) < STABLE_FOR {
                    return None;
                }
                self.candidate = None;
                self.loaded = Some(seen);
                Some(Reload::Changed)
            }
            _ => {
                self.candidate = Some((seen, now));
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use proptest::prelude::{prop_assert, prop_assert_eq, proptest};

    use super::{Debounce, Fingerprint, Reload};

    /// What comes of looking every two seconds at a file that first says `a`. `.` is a file that cannot be read, `!` a request,
    /// after which the next letter is what the file says then. In the answer `C` is a change, `A` the answer to a request.
    fn answers(looks: &str) -> String {
        let mut now = Instant::now();
        let fingerprint = |look: u8| (look != b'.').then_some(Fingerprint(u64::from(look)));
        let mut debounce = Debounce::new(fingerprint(b'a'));
        let mut looks = looks.bytes();
        let mut answers = String::new();
        while let Some(look) = looks.next() {
            now += Duration::from_secs(2);
            let reload = match look {
                b'!' => Some(debounce.asked(looks.next().and_then(fingerprint))),
                _ => debounce.seen(fingerprint(look), now),
            };
            answers.push(match reload {
                None => '-',
                Some(Reload::Changed) => 'C',
                Some(Reload::Asked) => 'A',
            });
        }
        answers
    }

    #[test]
    fn a_change_counts_once_and_when_it_has_settled() {
        let check = |looks: &str, expected: &str| assert_eq!(answers(looks), expected, "{looks}");
        check("aaaa", "----");
        check("abbbb", "--C--");
        // Still being written.
        check("abcddd", "----C-");
        // Taken back before it settled, and after.
        check("abaa", "----");
        check("abbaa", "--C-C");
        // Gone for a moment, or for good.
        check("a.aa", "----");
        check("a.bb", "---C");
        check("ab.bb", "----C");
        check("a....", "-----");
        // A request is always answered, and what it found is not a change any more.
        check("a!abb", "-A-C");
        check("ab!bbb", "--A--");
        check("a!.aa", "-A--");
    }

    #[test]
    fn two_looks_at_one_moment_are_one() {
        let now = Instant::now();
        let mut debounce = Debounce::new(None);
        assert_eq!(debounce.seen(Some(Fingerprint(1)), now), None);
        assert_eq!(debounce.seen(Some(Fingerprint(1)), now + Duration::from_millis(1)), None);
        assert_eq!(debounce.seen(Some(Fingerprint(1)), now + Duration::from_secs(2)), Some(Reload::Changed));
    }

    proptest! {
        /// Whatever happens to the file, what it says in the end is what is loaded, and no content is loaded twice running.
        #[test]
        fn the_last_content_is_loaded_in_the_end(looks in "[abc.]{0,30}[abc]") {
            let last = looks.bytes().last().map_or(0, u64::from);
            let mut now = Instant::now();
            let mut debounce = Debounce::new(Some(Fingerprint(u64::from(b'a'))));
            let mut loaded = u64::from(b'a');
            for look in looks.bytes().map(u64::from).chain([last, last]) {
                now += Duration::from_secs(2);
                let seen = (look != u64::from(b'.')).then_some(Fingerprint(look));
                if debounce.seen(seen, now).is_some() {
                    prop_assert!(look != loaded);
                    loaded = look;
                }
            }
            prop_assert_eq!(loaded, last);
        }
    }
}
