//! The spans of time in which events are counted: one per key, in bounded number, the oldest at hand.

use std::collections::{BTreeMap, HashMap};

use labtrail_shared::settings::Period;
use serde_json::Value;

use super::summary::Suppressed;

/// The windows that are open. All of one transform have the same length.
#[derive(Debug, Default)]
pub(super) struct Windows {
    by_key: HashMap<u128, Window>,
    /// By their start and, where that is the same, by the order in which they were opened.
    by_age: BTreeMap<(i64, u64), u128>,
    opened: u64,
}

/// What becomes of an event.
pub(super) enum Judgement {
    /// It is kept, and perhaps ends a window in which others were suppressed.
    Kept(Option<Box<Suppressed>>),
    /// It is not, and is only counted.
    Suppressed,
}

impl Judgement {
    /// For those that suppress nothing that is to be told.
    pub(super) fn keep_if(is_kept: bool) -> Self {
        if is_kept { Self::Kept(None) } else { Self::Suppressed }
    }
}

/// One span of time, from the first event in it.
#[derive(Debug)]
pub(super) struct Window {
    start: i64,
    number: u64,
    /// What the events in it have in common.
    pub(super) token: u128,
    /// How many were kept.
    pub(super) kept: u64,
    /// The others.
    pub(super) suppressed: Option<Box<Suppressed>>,
}

impl Window {
    /// Whether it is over. It also is if the clock was set back by more than its length: else it would last until that
    /// time comes again.
    pub(super) fn is_over(&self, length: i64, now: i64) -> bool {
        is_over(self.start, length, now)
    }

    /// One more event that is not kept; `key` makes the values that a summary shows.
    pub(super) fn suppress(&mut self, event: &mut Value, key: impl FnOnce(&Value) -> Value) {
        if let Some(suppressed) = &mut self.suppressed {
            suppressed.add(event);
        } else {
            let key = key(event);
            self.suppressed = Some(Box::new(Suppressed::first(event, key)));
        }
    }
}

impl Windows {
    /// The window of a key.
    pub(super) fn get_mut(&mut self, key: u128) -> Option<&mut Window> {
        self.by_key.get_mut(&key)
    }

    /// Whether none is open.
    pub(super) fn is_empty(&self) -> bool {
        self.by_key.is_empty()
    }

    /// Opens a window for a key, with the event that is its first, and is kept. An older window of that key ends, or that
    /// which is open for longest where there would be more than `windows_max`; what was suppressed in it is to be told.
    pub(super) fn open(&mut self, key: u128, token: u128, now: i64, windows_max: usize) -> Option<Box<Suppressed>> {
        let told = match self.by_key.remove(&key) {
            Some(window) => {
                self.by_age.remove(&(window.start, window.number));
                window.suppressed
            }
            None if self.by_key.len() >= windows_max => self.close_oldest(),
            None => None,
        };
        self.opened += 1;
        let window = Window { start: now, number: self.opened, token, kept: 1, suppressed: None };
        self.by_age.insert((window.start, window.number), key);
        self.by_key.insert(key, window);
        told
    }

    /// Ends the window that is open for longest.
    pub(super) fn close_oldest(&mut self) -> Option<Box<Suppressed>> {
        let (_, key) = self.by_age.pop_first()?;
        self.by_key.remove(&key)?.suppressed
    }

    /// Ends the windows whose time is over.
    pub(super) fn close_ended(&mut self, length: i64, now: i64, mut told: impl FnMut(Suppressed)) {
        while self.by_age.first_key_value().is_some_and(|((start, _), _)| is_over(*start, length, now)) {
            self.close_oldest().into_iter().for_each(|suppressed| told(*suppressed));
        }
    }

    /// When the next window ends.
    #[cfg(test)]
    pub(super) fn next_end(&self, length: i64) -> Option<i64> {
        self.by_age.first_key_value().map(|((start, _), _)| start.saturating_add(length))
    }
}

fn is_over(start: i64, length: i64, now: i64) -> bool {
    now >= start.saturating_add(length) || now < start.saturating_sub(length)
}

/// A period as a length of windows.
pub(super) fn micros(period: Period) -> i64 {
    i64::try_from(period.0.as_micros()).unwrap_or(i64::MAX).max(1)
}
