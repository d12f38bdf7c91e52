//! Statistics of the numbers in a window that moves. Each is a function of the window alone, to the last bit.

use serde::{Deserialize, Serialize};

use super::exact_sum::ExactSum;

/// Which statistic of a window's numbers is compared with the bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Statistic {
    /// Their mean.
    Avg,
    /// The least of them.
    Min,
    /// The greatest of them.
    Max,
    /// Their sum.
    Sum,
    /// The newest of them.
    Last,
    /// The least that half of them do not exceed. (Percentiles are by nearest rank: always one of the numbers.)
    P50,
    /// The least that 90 of a hundred do not exceed.
    P90,
    /// The least that 95 of a hundred do not exceed.
    P95,
    /// The least that 99 of a hundred do not exceed.
    P99,
}

/// The numbers of a window, kept as their statistic needs them.
#[derive(Debug)]
pub(super) struct Numbers {
    statistic: Statistic,
    sum: ExactSum,
    count: usize,
    sorted: Vec<f64>,
}

impl Numbers {
    pub(super) fn new(statistic: Statistic) -> Self {
        Self { statistic, sum: ExactSum::default(), count: 0, sorted: Vec::new() }
    }

    pub(super) fn add(&mut self, number: f64) {
        self.count += 1;
        match self.statistic {
            Statistic::Last => {}
            Statistic::Avg | Statistic::Sum => self.sum.add(number),
            _ => self.sorted.insert(self.place_of(number), number),
        }
    }

    pub(super) fn remove(&mut self, number: f64) {
        self.count -= 1;
        match self.statistic {
            Statistic::Last => {}
            Statistic::Avg | Statistic::Sum => self.sum.add(-number),
            _ => {
                let place = self.place_of(number);
                self.sorted.remove(place);
            }
        }
    }

    /// The statistic of the window, which is not empty and whose newest number is given.
    pub(super) fn value(&self, newest: f64) -> f64 {
        match self.statistic {
            Statistic::Last => newest,
            Statistic::Sum => self.sum.value(),
            Statistic::Avg => self.sum.value() / self.count as f64,
            Statistic::Min => self.sorted[0],
            Statistic::Max => self.sorted[self.count - 1],
            Statistic::P50 => self.percentile(50),
            Statistic::P90 => self.percentile(90),
            Statistic::P95 => self.percentile(95),
            Statistic::P99 => self.percentile(99),
        }
    }

    fn percentile(&self, percent: usize) -> f64 {
        self.sorted[(percent * self.count).div_ceil(100) - 1]
    }

    fn place_of(&self, number: f64) -> usize {
        self.sorted.partition_point(|held| held.total_cmp(&number).is_lt())
    }
}
