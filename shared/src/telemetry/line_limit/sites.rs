//! What each place in the code may still log, and what of it was left out: the decision, without its clock.

use std::{collections::HashMap, hash::Hash, time::Instant};

use super::{LineLimit, said::Said};

/// Whether a line is logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is.
    Log,
    /// It is counted instead.
    LeaveOut {
        /// Whether it is the first since it was last told what was left out: [`Sites::note`] takes what it said.
        is_first: bool,
    },
}

/// What was left out of one place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LeftOut<P> {
    pub place: P,
    pub count: u64,
    /// What the first of these lines said.
    pub said: Said,
}

/// The places that logged so far. A program has some hundreds of them.
#[derive(Debug)]
pub(super) struct Sites<P> {
    limit: LineLimit,
    sites: HashMap<P, Site>,
}

#[derive(Debug)]
struct Site {
    /// The first line of the present window.
    began_at: Instant,
    lines: u32,
    left_out: Option<Pending>,
}

#[derive(Debug)]
struct Pending {
    count: u64,
    said: Said,
    /// The end of the window in which the first of these lines was left out.
    due_at: Instant,
}

impl<P: Copy + Eq + Hash> Sites<P> {
    pub(super) fn new(limit: LineLimit) -> Self {
        Self { limit, sites: HashMap::new() }
    }

    /// Whether this place logged before.
    pub(super) fn knows(&self, place: P) -> bool {
        self.sites.contains_key(&place)
    }

    /// How many places logged.
    pub(super) fn len(&self) -> usize {
        self.sites.len()
    }

    /// A line is to be logged from this place.
    pub(super) fn admit(&mut self, place: P, now: Instant) -> Verdict {
        let LineLimit { lines_max, window } = self.limit;
        let site = self.sites.entry(place).or_insert(Site { began_at: now, lines: 0, left_out: None });
        if now.saturating_duration_since(site.began_at) >= window {
            site.began_at = now;
            site.lines = 0;
        }
        if site.lines < lines_max {
            site.lines += 1;
            return Verdict::Log;
        }
        if let Some(pending) = &mut site.left_out {
            pending.count += 1;
            return Verdict::LeaveOut { is_first: false };
        }
        site.left_out = Some(Pending { count: 1, said: Said::default(), due_at: site.began_at + window });
        Verdict::LeaveOut { is_first: true }
    }

    /// What the first line said that was left out.
    pub(super) fn note(&mut self, place: P, said: Said) {
        if let Some(pending) = self.sites.get_mut(&place).and_then(|site| site.left_out.as_mut()) {
            pending.said = said;
        }
    }

    /// When there is something to tell next.
    pub(super) fn due_at(&self) -> Option<Instant> {
        self.sites.values().filter_map(|site| site.left_out.as_ref()).map(|pending| pending.due_at).min()
    }

    /// Takes what is to be told now.
    pub(super) fn take_due(&mut self, now: Instant) -> Vec<LeftOut<P>> {
        self.take(|pending| pending.due_at <= now)
    }

    /// Takes everything that was left out and not told.
    pub(super) fn take_all(&mut self) -> Vec<LeftOut<P>> {
        self.take(|_| true)
    }

    fn take(&mut self, is_due: impl Fn(&Pending) -> bool) -> Vec<LeftOut<P>> {
        let take = |(place, site): (&P, &mut Site)| {
            let Pending { count, said, .. } = site.left_out.take_if(|pending| is_due(pending))?;
            Some(LeftOut { place: *place, count, said })
        };
        self.sites.iter_mut().filter_map(take).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use proptest::prelude::{prop_assert, prop_assert_eq, proptest};

    use super::{LineLimit, Sites, Verdict};

    const LIMIT: LineLimit = LineLimit { lines_max: 3, window: Duration::from_mins(1) };

    #[test]
    fn what_is_over_the_limit_is_counted_and_told_at_the_end_of_the_minute() {
        let began_at = Instant::now();
        let at = |seconds: u64| began_at + Duration::from_secs(seconds);
        let mut sites = Sites::new(LIMIT);
        for second in 0..3 {
            assert_eq!(sites.admit("ship", at(second)), Verdict::Log);
        }
        assert_eq!(sites.due_at(), None);
        assert_eq!(sites.admit("ship", at(3)), Verdict::LeaveOut { is_first: true });
        assert_eq!(sites.admit("ship", at(59)), Verdict::LeaveOut { is_first: false });
        assert_eq!(sites.admit("files", at(59)), Verdict::Log);
        assert_eq!(sites.due_at(), Some(at(60)));
        assert!(sites.take_due(at(59)).is_empty());
        // A new minute, in which the old one is told as late as it may be.
        assert_eq!(sites.admit("ship", at(60)), Verdict::Log);
        let told = sites.take_due(at(61));
        assert_eq!(told.iter().map(|left_out| (left_out.place, left_out.count)).collect::<Vec<_>>(), [("ship", 2)]);
        assert_eq!((sites.due_at(), sites.take_all()), (None, vec![]));
    }

    proptest! {
        /// Each line is logged or told of, and no window has more than its lines.
        #[test]
        fn no_line_is_left_out_silently(pauses in proptest::collection::vec((0_u8..3, 0_u64..30_000, 0_u8..4), 0..200)) {
            let began_at = Instant::now();
            let mut now = began_at;
            let mut sites = Sites::new(LIMIT);
            let (mut logged, mut told) = (0_u64, 0_u64);
            let mut lines = 0;
            for (place, pause, look) in pauses {
                now += Duration::from_millis(pause);
                lines += 1;
                logged += u64::from(sites.admit(place, now) == Verdict::Log);
                if look == 0 {
                    told += sites.take_due(now).iter().map(|left_out| left_out.count).sum::<u64>();
                }
            }
            // Each window of each place has its lines, and windows do not overlap.
            let windows = now.duration_since(began_at).as_secs() / 60 + 1;
            prop_assert!(logged <= 3 * 3 * windows);
            told += sites.take_all().iter().map(|left_out| left_out.count).sum::<u64>();
            prop_assert_eq!(logged + told, lines);
            prop_assert_eq!(sites.due_at(), None);
        }
    }
}
