//! A back-test: the life of an alert over history, as it would have been told by a run that was never late.

use super::{AlertRow, LifeSettings, Step, advance};
use crate::alert::trigger::{Episode, Span, Verdict};

/// Advances a row through a verdict on a whole history, at each moment at which something is due up to the verdict's
/// `known_to`, with a clock that shows that moment.
pub fn replay(row: AlertRow, settings: &LifeSettings, verdict: &Verdict) -> (AlertRow, Vec<Step>) {
    let until = verdict.known_to;
    let mut replay = Replay { row, settings, steps: Vec::new(), at_sight: verdict.at_sight };
    let mut judged_from = verdict.judged.from;
    for episode in verdict.episodes.iter().filter(|episode| episode.span.from <= until) {
        replay.pass_time(episode.span.from.saturating_sub(1));
        let judged = Span { from: judged_from, to: episode.span.to };
        replay.advance(judged, vec![episode.clone()], episode.span.from);
        judged_from = episode.span.to;
    }
    replay.pass_time(until);
    (replay.row, replay.steps)
}

struct Replay<'a> {
    row: AlertRow,
    settings: &'a LifeSettings,
    steps: Vec<Step>,
    at_sight: bool,
}

impl Replay<'_> {
    fn pass_time(&mut self, until: i64) {
        let mut passed = i64::MIN;
        while let Some(at) = self.row.look_again_at.into_iter().chain(self.row.act_at).min() {
            // Whatever is due is later than what was done, or else history would never end.
            if at > until || at <= passed {
                return;
            }
            self.advance(Span { from: at, to: at }, Vec::new(), at);
            passed = at;
        }
    }

    fn advance(&mut self, judged: Span, episodes: Vec<Episode>, now: i64) {
        let verdict = Verdict { judged, episodes, known_to: now, at_sight: self.at_sight };
        let (row, steps) = advance(std::mem::take(&mut self.row), self.settings, &verdict, now);
        self.row = row;
        self.steps.extend(steps);
    }
}
