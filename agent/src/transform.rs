//! What happens to events between parser and transport: they are selected, changed, hidden in part, and counted where
//! there are too many.
//!
//! A list of transforms works in its order, each on the whole event as JSON. No clock is read: `now` goes in. An event
//! that a transform drops is counted there, so that for each of them what came in is what went out and what was
//! dropped. What `throttle` and `deduplicate` suppress is told in summaries, which are events too: they pass the
//! transforms after the one that made them, but are never counted as one too many themselves.

mod edit;
mod entry;
mod key;
mod path;
mod redact;
mod repeat;
mod sample;
mod slot;
mod summary;
mod template;
#[cfg(test)]
mod tests;
mod throttle;
mod windows;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use thiserror::Error;

use self::{
    entry::{Transform, Verb},
    repeat::Deduplicate,
    summary::Suppressed,
    throttle::Throttle,
    windows::{Judgement, Windows},
};

/// Why a list of transforms was refused.
#[derive(Debug, Error)]
pub(crate) enum TransformsError {
    /// Metrics could not tell them apart.
    #[error("two transforms are named {0:?}: give each a name of its own, or none")]
    SameName(String),
}

/// `transforms = [...]`: what is done to each event, in this order. Default: nothing, and it costs nothing then.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(transparent)]
pub(crate) struct Transforms {
    list: Vec<Transform>,
}

/// What the transforms of one input remember: counts, and the windows of `throttle` and `deduplicate`, whose number is
/// bounded.
#[derive(Debug)]
pub(crate) struct TransformState {
    windows: Vec<Windows>,
    counts: Vec<Counts>,
    room: Vec<u8>,
}

/// What one transform did so far. `received` is always `passed + dropped`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Counts {
    /// Events that came to it.
    pub(crate) received: u64,
    /// Events that went on, changed or not.
    pub(crate) passed: u64,
    /// Events that did not.
    pub(crate) dropped: u64,
    /// Events that went on and were changed.
    pub(crate) changed: u64,
    /// Summaries that it made; the next transform receives them.
    pub(crate) summaries: u64,
    /// Values that a `rename` replaced by the one it moved.
    pub(crate) overwritten: u64,
    /// Values that `set` or `rename` left alone, because they did not fit or something that is no object was in the way.
    pub(crate) obstructed: u64,
}

/// What becomes of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It goes on.
    Keep,
    /// It does not. Of what is left of it only the id may be relied upon.
    Dropped {
        /// The place in the list of the transform that dropped it, from 0.
        by: usize,
    },
}

impl Transforms {
    /// Whether there is nothing to do.
    pub(crate) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// What metrics call them: each by its name, or by its place from 1 and its verb, such as `2:throttle`.
    pub(crate) fn names(&self) -> Vec<String> {
        let name = |(index, transform): (usize, &Transform)| match &transform.name {
            Some(name) => name.clone(),
            None => format!("{}:{}", index + 1, transform.verb.name()),
        };
        self.list.iter().enumerate().map(name).collect()
    }

    /// The state to begin with. It belongs to this list: after a reload flush it with the old list and make a new one.
    pub(crate) fn state(&self) -> TransformState {
        let counts = vec![Counts::default(); self.list.len()];
        TransformState { windows: self.list.iter().map(|_| Windows::default()).collect(), counts, room: Vec::new() }
    }

    /// Does to one event what is to be done. `stream` is where it came from, one file for instance; `now_micros` is the
    /// time in Unix microseconds. Summaries that are due because of this event go to `out`, to be sent before it.
    pub(crate) fn apply(
        &self,
        state: &mut TransformState,
        event: &mut Value,
        stream: u64,
        now_micros: i64,
        out: &mut Vec<Value>,
    ) -> Verdict {
        for (index, transform) in self.list.iter().enumerate() {
            let (windows, counts, room) = (&mut state.windows[index], &mut state.counts[index], &mut state.room);
            counts.received += 1;
            let is_asked = transform.when.as_ref().is_none_or(|when| when.matches(event));
            let judgement = match &transform.verb {
                _ if !is_asked => Judgement::Kept(None),
                Verb::Throttle(throttle) => throttle.judge(windows, room, event, now_micros),
                Verb::Deduplicate(deduplicate) => deduplicate.judge(windows, room, event, stream, now_micros),
                Verb::Sample(sample) => Judgement::keep_if(sample.keeps(event, room)),
                verb => Judgement::keep_if(edit(verb, event, counts)),
            };
            let is_kept = matches!(judgement, Judgement::Kept(_));
            count(counts, is_kept);
            if let Judgement::Kept(Some(suppressed)) = judgement {
                self.tell(state, index, *suppressed, out);
            }
            if !is_kept {
                return Verdict::Dropped { by: index };
            }
        }
        Verdict::Keep
    }

    /// Hands out the summaries whose time has come.
    pub(crate) fn due(&self, state: &mut TransformState, now_micros: i64, out: &mut Vec<Value>) {
        for (index, transform) in self.list.iter().enumerate() {
            let Some(length) = window_length(&transform.verb) else { continue };
            let mut ended = Vec::new();
            state.windows[index].close_ended(length, now_micros, |suppressed| ended.push(suppressed));
            for suppressed in ended {
                self.tell(state, index, suppressed, out);
            }
        }
    }

    /// Hands out all summaries there are, at stop or before a reload.
    pub(crate) fn flush(&self, state: &mut TransformState, out: &mut Vec<Value>) {
        for index in 0..self.list.len() {
            while !state.windows[index].is_empty() {
                if let Some(suppressed) = state.windows[index].close_oldest() {
                    self.tell(state, index, *suppressed, out);
                }
            }
        }
    }

    /// When [`Transforms::due`] next has something to do, in Unix microseconds.
    #[cfg(test)]
    pub(crate) fn next_due(&self, state: &TransformState) -> Option<i64> {
        let ends = self.list.iter().zip(&state.windows).filter_map(|(transform, windows)| {
            let length = window_length(&transform.verb)?;
            windows.next_end(length)
        });
        ends.min()
    }

    /// Makes the summary and takes it through the transforms after the one that suppressed: what they hide in events
    /// they hide here too.
    fn tell(&self, state: &mut TransformState, by: usize, suppressed: Suppressed, out: &mut Vec<Value>) {
        let mut event = match &self.list[by].verb {
            Verb::Deduplicate(_) => Deduplicate::summary(suppressed),
            _ => Throttle::summary(suppressed),
        };
        state.counts[by].summaries += 1;
        for (transform, counts) in self.list.iter().zip(&mut state.counts).skip(by + 1) {
            counts.received += 1;
            let is_asked = transform.when.as_ref().is_none_or(|when| when.matches(&event));
            let is_kept = !is_asked || edit(&transform.verb, &mut event, counts);
            count(counts, is_kept);
            if !is_kept {
                return;
            }
        }
        out.push(event);
    }
}

impl TransformState {
    /// The counts of each transform, in the order of the list.
    #[cfg(test)]
    pub(crate) fn counts(&self) -> &[Counts] {
        &self.counts
    }
}

/// Does what needs no memory; says whether the event is kept.
fn edit(verb: &Verb, event: &mut Value, counts: &mut Counts) -> bool {
    let is_changed = match verb {
        Verb::Keep(selector) => return selector.matches(event),
        Verb::Drop(selector) => return !selector.matches(event),
        Verb::Set(set) => set.apply(event, counts),
        Verb::Remove(remove) => remove.apply(event),
        Verb::Rename(rename) => rename.apply(event, counts),
        Verb::Redact(redact) => redact.apply(event),
        Verb::Throttle(_) | Verb::Sample(_) | Verb::Deduplicate(_) => false,
    };
    counts.changed += u64::from(is_changed);
    true
}

fn count(counts: &mut Counts, is_kept: bool) {
    if is_kept {
        counts.passed += 1;
    } else {
        counts.dropped += 1;
    }
}

/// How long the windows of a transform are in microseconds, if it has any.
fn window_length(verb: &Verb) -> Option<i64> {
    match verb {
        Verb::Throttle(throttle) => Some(throttle.length()),
        Verb::Deduplicate(deduplicate) => Some(deduplicate.length()),
        _ => None,
    }
}

impl<'de> Deserialize<'de> for Transforms {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let transforms = Self { list: Vec::deserialize(deserializer)? };
        let mut names = transforms.names();
        names.sort_unstable();
        match names.windows(2).find(|pair| pair[0] == pair[1]) {
            None => Ok(transforms),
            Some(pair) => Err(serde::de::Error::custom(TransformsError::SameName(pair[0].clone()))),
        }
    }
}
