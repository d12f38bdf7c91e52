//! The filters that need something at one path, by the value that they need.

use std::{
    collections::HashMap,
    hash::{BuildHasherDefault, Hasher},
};

use labtrail_shared::filter::{Number, Path};
use serde_json::Value;
use xxhash_rust::xxh3::xxh3_64;

use super::{candidates::Marks, needs::Wanted};
use crate::alert::rule::walk::{self, Leaf};

/// The filters that need something at one path.
#[derive(Debug, Clone)]
pub(super) struct Table {
    path: Path,
    /// By the hash of a text. Two texts of one hash make a filter be asked in vain, no more.
    texts: ByHash,
    /// Longer texts are none of them, and are not hashed.
    text_bytes_max: usize,
    /// By a hash that is the same for equal numbers.
    numbers: ByHash,
    is_false: Vec<usize>,
    is_true: Vec<usize>,
    /// The least limit first.
    at_least: Vec<(Number, usize)>,
    /// The greatest limit first.
    at_most: Vec<(Number, usize)>,
}

type ByHash = HashMap<u64, Vec<usize>, BuildHasherDefault<Mixer>>;

impl Table {
    pub(super) fn new(path: &Path) -> Self {
        Self {
            path: path.clone(),
            texts: ByHash::default(),
            text_bytes_max: 0,
            numbers: ByHash::default(),
            is_false: Vec::new(),
            is_true: Vec::new(),
            at_least: Vec::new(),
            at_most: Vec::new(),
        }
    }

    pub(super) fn add(&mut self, wanted: Wanted<'_>, filter: usize) {
        match wanted {
            Wanted::Text(text) => {
                self.text_bytes_max = self.text_bytes_max.max(text.len());
                self.texts.entry(xxh3_64(text.as_bytes())).or_default().push(filter);
            }
            Wanted::Number(number) => self.numbers.entry(number_hash(number)).or_default().push(filter),
            Wanted::Bool(false) => self.is_false.push(filter),
            Wanted::Bool(true) => self.is_true.push(filter),
            Wanted::AtLeast(limit) => {
                let place = self.at_least.partition_point(|(other, _)| other.compare(limit).is_le());
                self.at_least.insert(place, (limit, filter));
            }
            Wanted::AtMost(limit) => {
                let place = self.at_most.partition_point(|(other, _)| other.compare(limit).is_ge());
                self.at_most.insert(place, (limit, filter));
            }
        }
    }

    /// Marks the filters that have here what they need.
    pub(super) fn mark(&self, document: &Value, marks: &mut Marks) {
        walk::each_value(document, &self.path, Leaf::ElementsAndArray, &mut |value| self.mark_value(value, marks));
    }

    fn mark_value(&self, value: &Value, marks: &mut Marks) {
        match value {
            Value::String(text) if text.len() <= self.text_bytes_max && !self.texts.is_empty() => {
                mark_all(self.texts.get(&xxh3_64(text.as_bytes())), marks);
            }
            Value::Number(number) => {
                let number = Number::of(number);
                mark_all(self.numbers.get(&number_hash(number)), marks);
                let at_least = self.at_least.iter().take_while(|(limit, _)| number.compare(*limit).is_ge());
                let at_most = self.at_most.iter().take_while(|(limit, _)| number.compare(*limit).is_le());
                at_least.chain(at_most).for_each(|(_, filter)| marks.set(*filter));
            }
            Value::Bool(false) => mark_all(Some(&self.is_false), marks),
            Value::Bool(true) => mark_all(Some(&self.is_true), marks),
            _ => {}
        }
    }
}

fn mark_all(filters: Option<&Vec<usize>>, marks: &mut Marks) {
    for filter in filters.into_iter().flatten() {
        marks.set(*filter);
    }
}

/// An integer and a double of the same value are the same.
fn number_hash(number: Number) -> u64 {
    match (number.as_integer(), number) {
        (Some(integer), _) | (None, Number::Integer(integer)) => integer as u64,
        (None, Number::Double(double)) => double.to_bits(),
    }
}

/// The keys are hashes, or numbers that only need their bits spread.
#[derive(Debug, Clone, Copy, Default)]
struct Mixer(u64);

impl Hasher for Mixer {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0 = xxh3_64(bytes);
    }

    fn write_u64(&mut self, key: u64) {
        // The odd number next to 2^64 divided by the golden ratio: neighbours fall far apart.
        self.0 = (key ^ (key >> 32)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    }
}
