//! What is odd about a record: a small set that costs a record one byte.

/// A set of oddities. They are told and counted; none of them keeps a record from being sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub(crate) struct Tags(u8);

/// Each tag with its name, in the order of their bits.
const NAMES: [(Tags, &str); 4] = [
    (Tags::TIME_AMBIGUOUS, "time_ambiguous"),
    (Tags::TIME_NONEXISTENT, "time_nonexistent"),
    (Tags::PARSE_FAILURE, "parse_failure"),
    (Tags::DATE_ROLLED, "date_rolled"),
];

impl Tags {
    /// The time lies in the hour that comes twice when the clocks are set back.
    pub(crate) const TIME_AMBIGUOUS: Self = Self(1);
    /// The time lies in the hour that is left out when the clocks are set forward.
    pub(crate) const TIME_NONEXISTENT: Self = Self(1 << 1);
    /// None of the configured parsers could read the record.
    pub(crate) const PARSE_FAILURE: Self = Self(1 << 2);
    /// A time of day without a date began a new day.
    pub(crate) const DATE_ROLLED: Self = Self(1 << 3);

    /// Adds `other` to the set.
    pub(crate) fn insert(&mut self, other: Self) {
        self.0 |= other.0;
    }

    /// Whether all of `other` is in the set.
    pub(crate) fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether there is nothing odd.
    pub(crate) fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The names of what is in the set, as they are sent.
    pub(crate) fn names(self) -> impl Iterator<Item = &'static str> {
        NAMES.iter().filter(move |(tag, _)| self.contains(*tag)).map(|(_, name)| *name)
    }
}

#[cfg(test)]
mod tests {
    use super::Tags;

    #[test]
    fn a_set_survives_its_byte_and_tells_its_names() {
        let mut tags = Tags::default();
        assert!(tags.is_empty());
        tags.insert(Tags::TIME_AMBIGUOUS);
        tags.insert(Tags::PARSE_FAILURE);
        assert!(!tags.contains(Tags::DATE_ROLLED));
        assert_eq!(tags.names().collect::<Vec<_>>(), ["time_ambiguous", "parse_failure"]);
    }
}
