//! Things by their keys, in the order in which they were first met: the order in which reports show them.

use std::{
    collections::HashMap,
    hash::{BuildHasher, BuildHasherDefault, Hash, RandomState},
};

use super::ids::{Id, IdHasher};

/// Things by their keys.
#[derive(Debug)]
pub(super) struct InOrder<Key, Thing, Hasher = RandomState> {
    places: HashMap<Key, usize, Hasher>,
    things: Vec<(Key, Thing)>,
}

/// Things by ids.
pub(super) type IdsInOrder<Thing> = InOrder<Id, Thing, BuildHasherDefault<IdHasher>>;

impl<Key, Thing, Hasher: Default> Default for InOrder<Key, Thing, Hasher> {
    fn default() -> Self {
        Self { places: HashMap::default(), things: Vec::new() }
    }
}

impl<Key: Hash + Eq + Clone, Thing, Hasher: BuildHasher> InOrder<Key, Thing, Hasher> {
    /// The thing of that key, which is made if it is not there yet.
    pub(super) fn get_or_make(&mut self, key: Key, make: impl FnOnce() -> Thing) -> &mut Thing {
        let place = *self.places.entry(key.clone()).or_insert_with(|| {
            self.things.push((key, make()));
            self.things.len() - 1
        });
        &mut self.things[place].1
    }

    /// The thing of that key, if it is there.
    pub(super) fn get_mut(&mut self, key: &Key) -> Option<&mut Thing> {
        self.places.get(key).map(|place| &mut self.things[*place].1)
    }

    /// All of them.
    pub(super) fn into_vec(self) -> Vec<(Key, Thing)> {
        self.things
    }
}

#[cfg(test)]
mod tests {
    use super::InOrder;

    #[test]
    fn what_was_met_first_comes_first() {
        let mut counts: InOrder<&str, i32> = InOrder::default();
        for key in ["b", "a", "b"] {
            *counts.get_or_make(key, || 0) += 1;
        }
        assert_eq!(counts.get_mut(&"c"), None);
        *counts.get_mut(&"a").unwrap() += 10;
        assert_eq!(counts.into_vec(), [("b", 2), ("a", 11)]);
    }
}
