//! The bound on the number of groups of a rule.

use std::collections::HashSet;

use xxhash_rust::xxh3::xxh3_64;

use super::group::GroupKey;

/// The groups of a rule that have a row, and whether there is room for another one.
///
/// A group that was once let in stays in until it is forgotten, so that its alert ends as it began.
#[derive(Debug, Clone)]
pub struct KnownGroups {
    groups_max: usize,
    /// Hashes of texts: two groups of the same hash would count as one, which only moves the bound.
    known: HashSet<u64>,
}

impl KnownGroups {
    /// The groups with these texts are known already; `groups_max` is the rule's.
    pub fn new<'t>(groups_max: u32, texts: impl IntoIterator<Item = &'t str>) -> Self {
        let known = texts.into_iter().map(hash).collect();
        Self { groups_max: groups_max as usize, known }
    }

    /// The group itself, if it is known or there is room, else the one for all further groups.
    #[must_use]
    pub fn admit(&mut self, group: GroupKey) -> GroupKey {
        let hash = hash(group.text());
        if group.is_overflow() || self.known.contains(&hash) {
            return group;
        }
        if self.known.len() >= self.groups_max {
            return GroupKey::overflow();
        }
        self.known.insert(hash);
        group
    }

    /// Whether the group is let in.
    pub fn has(&self, group: &GroupKey) -> bool {
        self.known.contains(&hash(group.text()))
    }

    /// The group with this text has no row any more.
    pub fn forget(&mut self, text: &str) {
        self.known.remove(&hash(text));
    }
}

fn hash(text: &str) -> u64 {
    xxh3_64(text.as_bytes())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{GroupKey, KnownGroups};

    #[test]
    fn what_finds_no_place_is_one_group_more() {
        let fields = ["a".parse().expect("a path")];
        let group = |value: u32| GroupKey::of(&fields, &json!({"a": value}));
        let mut known = KnownGroups::new(3, ["1"]);
        assert_eq!(known.admit(group(1)), group(1));
        assert_eq!(known.admit(group(2)), group(2));
        assert_eq!(known.admit(group(3)), group(3));
        assert!(known.admit(group(4)).is_overflow());
        assert!(known.admit(GroupKey::overflow()).is_overflow());
        assert_eq!(known.admit(group(2)), group(2));
        known.forget("2");
        assert_eq!(known.admit(group(4)), group(4));
        assert!(known.admit(group(2)).is_overflow());
    }
}
