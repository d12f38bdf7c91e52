//! A cheap, repeatable source of choices.

use proptest::prelude::Rng;
use proptest::test_runner::{RngAlgorithm, TestRng};

pub(super) struct Luck(TestRng);

impl Luck {
    pub(super) fn new(seed: u64) -> Self {
        // The algorithm insists on a seed that is not zero.
        let mut bytes = [7; 16];
        bytes[..8].copy_from_slice(&seed.to_le_bytes());
        Self(TestRng::from_seed(RngAlgorithm::XorShift, &bytes))
    }

    pub(super) fn below(&mut self, limit: usize) -> usize {
        (self.0.next_u32() >> 3) as usize % limit
    }

    /// True in so many of a hundred cases.
    pub(super) fn percent(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    pub(super) fn one_of<'t, T: ?Sized>(&mut self, choices: &[&'t T]) -> &'t T {
        choices[self.below(choices.len())]
    }

    pub(super) fn item<'t, T>(&mut self, choices: &'t [T]) -> &'t T {
        &choices[self.below(choices.len())]
    }
}
