//! Stretches of time that may overlap, and how long they are together.

/// Stretches from one instant to another, in microseconds.
#[derive(Debug, Default)]
pub(super) struct Spans(Vec<(i64, i64)>);

impl Spans {
    pub(super) fn add(&mut self, start: i64, end: i64) {
        self.0.push((start, end));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many seconds belong to at least one of them.
    pub(super) fn seconds(mut self) -> f64 {
        self.0.sort_by_key(|(start, _)| *start);
        let mut seconds = 0.0;
        let mut last: Option<(i64, i64)> = None;
        for (start, end) in self.0 {
            last = match last {
                Some((first, until)) if start <= until => Some((first, until.max(end))),
                other => {
                    seconds += other.map_or(0.0, length);
                    Some((start, end))
                }
            };
        }
        seconds + last.map_or(0.0, length)
    }
}

fn length((start, end): (i64, i64)) -> f64 {
    (end - start) as f64 / 1e6
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};

    use super::Spans;

    proptest! {
        #[test]
        fn each_second_counts_once(spans in vec((0..100_i64, 0..20_i64), 0..12)) {
            let is_within = |second: i64| spans.iter().any(|(start, length)| (*start..start + length).contains(&second));
            let expected = (0..120).filter(|second| is_within(*second)).count();
            let spans = spans.iter().map(|(start, length)| (start * 1_000_000, (start + length) * 1_000_000)).collect();
            prop_assert!((Spans(spans).seconds() - expected as f64).abs() < 1e-9);
        }
    }
}
