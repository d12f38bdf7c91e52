//! When a condition held and will hold, pieced together from verdicts on parts of it.

use serde::{Deserialize, Serialize};

use super::{END_OF_TIME, Span, Verdict};

/// The episodes of one rule and group, as the samples known so far make them: in order, none touching another.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timeline {
    spans: Vec<Span>,
    /// Of what lies before, nothing is kept and nothing is taken.
    forgotten_to: Option<i64>,
}

/// An episode of which something may be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settled {
    /// When it began.
    pub began: i64,
    /// When it ended, if that is known.
    pub ended: Option<i64>,
}

impl Settled {
    /// The span from its beginning to its end.
    pub fn span(self) -> Span {
        Span { from: self.began, to: self.ended.unwrap_or(END_OF_TIME) }
    }
}

impl Timeline {
    /// Takes what the verdict says in place of what was held there.
    pub fn accept(&mut self, verdict: &Verdict) {
        let mut judged = verdict.judged;
        judged.from = judged.from.max(self.forgotten_to.unwrap_or(i64::MIN));
        if judged.is_empty() {
            return;
        }
        let before = self.spans.iter().map(|span| span.within(Span { from: i64::MIN, to: judged.from }));
        let inside = verdict.episodes.iter().map(|episode| episode.span.within(judged));
        let after = self.spans.iter().map(|span| span.within(Span { from: judged.to, to: END_OF_TIME }));
        let mut spans: Vec<Span> = Vec::with_capacity(self.spans.len() + verdict.episodes.len());
        for span in before.chain(inside).chain(after).filter(|span| !span.is_empty()) {
            match spans.last_mut() {
                Some(last) if last.to >= span.from => last.to = last.to.max(span.to),
                _ => spans.push(span),
            }
        }
        self.spans = spans;
    }

    /// Forgets all but the newest episodes, and says how many it forgot.
    pub fn keep_newest(&mut self, count: usize) -> usize {
        let over = self.spans.len().saturating_sub(count);
        if over > 0 {
            self.forget(self.spans[over - 1].to);
        }
        over
    }

    /// Forgets everything before that time, for good.
    pub fn forget(&mut self, to: i64) {
        let to = self.forgotten_to.map_or(to, |before| before.max(to));
        self.forgotten_to = Some(to);
        self.spans = self.spans.iter().map(|span| span.within(Span { from: to, to: END_OF_TIME })).collect();
        self.spans.retain(|span| !span.is_empty());
    }

    /// Up to where the past is forgotten.
    pub fn forgotten_to(&self) -> Option<i64> {
        self.forgotten_to
    }

    /// The episodes, those to come included.
    pub fn spans(&self) -> &[Span] {
        &self.spans
    }

    /// What may be told when everything up to `known_to` is stored: in order; only the newest may be without an end.
    pub fn settled(&self, known_to: i64, at_sight: bool) -> Vec<Settled> {
        let mut settled: Vec<Settled> = Vec::new();
        for span in &self.spans {
            let is_open = settled.last().is_some_and(|last| last.ended.is_none());
            if is_open || (span.from > known_to && !at_sight) {
                break;
            }
            settled.push(Settled { began: span.from, ended: Some(span.to).filter(|end| *end <= known_to) });
        }
        settled
    }

    /// The first moment after `known_to` that changes what may be told, if nothing comes.
    pub fn look_again_at(&self, known_to: i64, at_sight: bool) -> Option<i64> {
        let next = self.spans.iter().find(|span| span.to > known_to)?;
        let boundary = if next.from > known_to && !at_sight { next.from } else { next.to };
        Some(boundary).filter(|boundary| *boundary < END_OF_TIME)
    }
}
