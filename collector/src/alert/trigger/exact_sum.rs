//! A sum of doubles that is exact while numbers enter and leave, and is rounded once, when it is read.
//!
//! A plain running sum depends on what was in it before, so a run that started elsewhere could see another side of a bound.
//! The numbers are kept as Shewchuk's non-overlapping partial sums, as Python's `math.fsum` keeps them.

/// The sum. Exact as long as no partial sum overflows, which the bound on samples' numbers sees to.
#[derive(Debug, Default)]
pub(super) struct ExactSum {
    /// By growing magnitude, none overlapping another, none zero.
    partials: Vec<f64>,
}

impl ExactSum {
    /// Adds a number; adding its negative takes it out again.
    pub(super) fn add(&mut self, number: f64) {
        let mut carried = number;
        let mut kept = 0;
        for place in 0..self.partials.len() {
            let partial = self.partials[place];
            let (large, small) = if carried.abs() < partial.abs() { (partial, carried) } else { (carried, partial) };
            let sum = large + small;
            let rest = small - (sum - large);
            if rest != 0.0 {
                self.partials[kept] = rest;
                kept += 1;
            }
            carried = sum;
        }
        self.partials.truncate(kept);
        if carried != 0.0 {
            self.partials.push(carried);
        }
    }

    /// The double nearest to the sum, to the even one of two that are equally near.
    pub(super) fn value(&self) -> f64 {
        let mut rest = self.partials.as_slice();
        let Some((largest, below)) = rest.split_last() else { return 0.0 };
        let mut sum = *largest;
        let mut error = 0.0;
        rest = below;
        while let Some((next, below)) = rest.split_last() {
            let larger = sum;
            sum = larger + next;
            error = next - (sum - larger);
            rest = below;
            if error != 0.0 {
                break;
            }
        }
        // Half-way between two doubles, what lies further below decides.
        if let Some(next) = rest.last()
            && ((error < 0.0 && *next < 0.0) || (error > 0.0 && *next > 0.0))
        {
            let doubled = error * 2.0;
            let rounded = sum + doubled;
            let is_half_way = (rounded - sum).to_bits() == doubled.to_bits();
            if is_half_way {
                return rounded;
            }
        }
        sum
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::ExactSum;

    fn check(numbers: &[f64], expected: f64) {
        let mut sum = ExactSum::default();
        for number in numbers {
            sum.add(*number);
        }
        assert_eq!(sum.value().to_bits(), expected.to_bits(), "{numbers:?}");
    }

    #[test]
    fn it_is_rounded_once() {
        check(&[], 0.0);
        check(&[0.1; 10], 1.0);
        check(&[1e100, 1.0, -1e100], 1.0);
        check(&[1e16, 1.0, 1e-16], 10_000_000_000_000_002.0);
        check(&[5e-324, 1.0, -1.0], 5e-324);
    }

    proptest! {
        #[test]
        fn what_was_in_it_before_does_not_matter(
            stays in prop::collection::vec(-1e9_f64..1e9, 0..20),
            leaves in prop::collection::vec(prop_oneof![-1e290_f64..1e290, -1e-3_f64..1e-3], 0..20),
        ) {
            let (mut mixed, mut plain) = (ExactSum::default(), ExactSum::default());
            for number in &leaves {
                mixed.add(*number);
            }
            for number in &stays {
                mixed.add(*number);
                plain.add(*number);
            }
            for number in &leaves {
                mixed.add(-*number);
            }
            prop_assert_eq!(mixed.value().to_bits(), plain.value().to_bits());
        }
    }
}
