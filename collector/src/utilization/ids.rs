//! Ids and other texts that return in event after event, each kept once.

use std::{
    collections::{HashMap, HashSet},
    hash::{BuildHasherDefault, Hasher},
    num::NonZeroU32,
    sync::Arc,
};

/// Stands for a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Id(NonZeroU32);

/// A map from ids.
pub(super) type IdMap<Value> = HashMap<Id, Value, BuildHasherDefault<IdHasher>>;

/// A set of ids.
pub(super) type IdSet = HashSet<Id, BuildHasherDefault<IdHasher>>;

/// Spreads ids. They are counted by us, so nobody can choose them to collide, and most of a report's time goes into
/// looking them up.
#[derive(Debug, Default)]
pub(super) struct IdHasher(u64);

impl Hasher for IdHasher {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u32(u32::from(*byte));
        }
    }

    fn write_u32(&mut self, number: u32) {
        // The golden ratio spreads what follows one another; maps look at the upper and at the lower bits.
        self.0 = (self.0 ^ u64::from(number)).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(32);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

/// The texts there are.
#[derive(Debug, Default)]
pub(super) struct Ids {
    numbers: HashMap<Arc<str>, Id>,
    texts: Vec<Arc<str>>,
}

impl Ids {
    /// What stands for this text.
    pub(super) fn of(&mut self, text: &str) -> Id {
        if let Some(id) = self.numbers.get(text) {
            return *id;
        }
        let text: Arc<str> = text.into();
        self.texts.push(text.clone());
        let number = u32::try_from(self.texts.len()).ok().and_then(NonZeroU32::new);
        let id = Id(number.expect("four billion texts do not fit into memory"));
        self.numbers.insert(text, id);
        id
    }

    /// What stands for this text, if anything does.
    pub(super) fn find(&self, text: &str) -> Option<Id> {
        self.numbers.get(text).copied()
    }

    /// The text that it stands for.
    pub(super) fn text(&self, id: Id) -> &Arc<str> {
        &self.texts[id.0.get() as usize - 1]
    }
}

#[cfg(test)]
mod tests {
    use super::Ids;

    #[test]
    fn a_text_is_kept_once() {
        let mut ids = Ids::default();
        let (a, b) = (ids.of("a"), ids.of("b"));
        assert_ne!(a, b);
        assert_eq!(ids.of("a"), a);
        assert_eq!((&**ids.text(a), &**ids.text(b)), ("a", "b"));
    }
}
