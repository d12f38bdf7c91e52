//! One verdict into one row.

use super::{
    AlertRow, AlertState, LifeSettings, Step, StepKind, Told, WhyResolved, attention, ending::begin_anew,
    ending::resolve,
};
use crate::alert::trigger::{Grounds, Settled, Span, Timeline, Verdict};

/// So many episodes of the past are remembered, and so many at most are told at once: of a flood the rest is counted.
const EPISODES_KEPT: usize = 32;

/// Takes a verdict into the row of its rule and group, and says what is to be told. `now` is the clock, in microseconds.
///
/// A row of another revision of the rule is resolved and begins anew with the verdict, which must be one on the new
/// revision.
pub fn advance(row: AlertRow, settings: &LifeSettings, verdict: &Verdict, now: i64) -> (AlertRow, Vec<Step>) {
    let (mut row, steps) = begin_anew(row, &settings.revision, now);
    take_in(&mut row, verdict);
    // What was once known stays known, should another evaluator lag behind.
    let known_to = row.known_to.map_or(verdict.known_to, |before| before.max(verdict.known_to));
    let mut settled = row.timeline.settled(known_to, verdict.at_sight);
    let mut telling = Telling { row, settings, verdict, known_to, now, steps, pending: None };
    telling.follow(&mut settled);
    for episode in settled {
        telling.consider(episode);
    }
    let Telling { mut row, mut steps, pending, .. } = telling;
    steps.extend(attention::nag(&mut row, settings, now));
    let boundary = row.timeline.look_again_at(known_to, verdict.at_sight);
    row.look_again_at = pending.as_ref().map(|pending| pending.fires_at).into_iter().chain(boundary).min();
    row.known_to = Some(known_to);
    settle(&mut row, pending);
    row.act_at = attention::next_at(&row, settings);
    (row, steps)
}

/// Takes the verdict into the timeline, and what its newest episode rests on.
fn take_in(row: &mut AlertRow, verdict: &Verdict) {
    row.timeline.accept(verdict);
    if let Some(grounds) = row.timeline.spans().last().and_then(|newest| verdict.grounds_of(*newest)) {
        row.coming = grounds.clone();
    }
    row.held_back += row.timeline.keep_newest(EPISODES_KEPT) as u64;
    if let Some(told) = row.told.len().checked_sub(EPISODES_KEPT + 1).map(|place| row.told[place]) {
        row.timeline.forget(told.seen_to);
    }
    let forgotten_to = row.timeline.forgotten_to().unwrap_or(i64::MIN);
    row.told.retain(|told| !told.is_resolved || told.seen_to >= forgotten_to);
}

/// An episode that holds and does not fire yet.
struct Pending {
    since: i64,
    fires_at: i64,
}

struct Telling<'a> {
    row: AlertRow,
    settings: &'a LifeSettings,
    verdict: &'a Verdict,
    known_to: i64,
    now: i64,
    steps: Vec<Step>,
    pending: Option<Pending>,
}

impl Telling<'_> {
    /// Follows the episode that fires, and takes what belongs to it from those that are settled.
    fn follow(&mut self, settled: &mut Vec<Settled>) {
        let Some(place) = self.row.firing() else { return };
        let was = span_of(self.row.told[place]);
        let is_its_own = |one: &Settled| one.span().touches(was);
        let Some(first) = settled.iter().find(|one| is_its_own(one)).copied() else {
            self.steps.extend(resolve(&mut self.row, WhyResolved::TakenBack, None, self.now));
            return;
        };
        let last = settled.iter().rfind(|one| is_its_own(one)).copied().unwrap_or(first);
        settled.retain(|one| !is_its_own(one));
        let earliest = place.checked_sub(1).map_or(i64::MIN, |before| self.row.told[before].seen_to);
        let known_to = self.known_to;
        let told = &mut self.row.told[place];
        told.began = first.began.max(earliest);
        told.seen_to = last.ended.unwrap_or(known_to).max(told.began);
        self.row.since = Some(told.began);
        if let Some(grounds) = self.verdict.grounds_of(whole(&self.row.timeline, *told)) {
            self.row.grounds = grounds.after(&self.row.grounds);
        }
        if let Some(ended) = last.ended {
            self.steps.extend(resolve(&mut self.row, WhyResolved::Ended, Some(ended), self.now));
        }
    }

    /// Tells an episode that does not fire yet, if it is one that was not told and its time has come.
    fn consider(&mut self, episode: Settled) {
        if !self.is_news(episode) {
            return;
        }
        let mut began = episode.began;
        let same = self.row.told.iter_mut().rfind(|told| episode.span().touches(span_of(**told)));
        if let Some(told) = same {
            if let Some(ended) = episode.ended {
                told.seen_to = told.seen_to.max(ended);
                return;
            }
            // It was told to be over, and events that came late say that it goes on: another episode, from there on.
            began = told.seen_to;
        }
        let before = self.row.told.iter().rfind(|told| told.seen_to <= began);
        let rests_to = before.map_or(began, |told| told.seen_to.saturating_add(self.settings.cool_down));
        let matures_at = began.saturating_add(self.settings.hold_for);
        let seen_to = episode.ended.unwrap_or(self.known_to);
        let is_mature = matures_at <= began || seen_to >= matures_at;
        // Of an episode that ends as the rest does, nothing is left to tell.
        let is_rested = rests_to <= began || seen_to >= rests_to.saturating_add(i64::from(episode.ended.is_some()));
        match episode.ended {
            _ if is_mature && is_rested => self.fire(began, episode.ended),
            None => self.pending = Some(Pending { since: began, fires_at: matures_at.max(rests_to) }),
            Some(ended) => {
                let is_counted = self.row.known_to.is_some_and(|known_to| ended <= known_to);
                self.row.held_back += u64::from(is_mature && !is_counted);
            }
        }
    }

    /// Whether something may have changed for it: what was decided before stands, though the settings be others now.
    fn is_news(&self, episode: Settled) -> bool {
        let Some((ended, known_to)) = episode.ended.zip(self.row.known_to) else { return true };
        ended > known_to || episode.span().touches(self.verdict.judged)
    }

    fn fire(&mut self, began: i64, ended: Option<i64>) {
        self.row.episodes += 1;
        let is_resolved = ended.is_some();
        let seen_to = ended.unwrap_or(self.known_to).max(began);
        let told = Told { episode: self.row.episodes, began, seen_to, is_resolved };
        let grounds = self.grounds_of(told);
        let place = self.row.told.partition_point(|other| other.began <= began);
        let is_newest = place == self.row.told.len();
        self.row.told.insert(place, told);
        let mut fired = self.row.step(Told { is_resolved: false, ..told }, StepKind::Fired, self.now, grounds.clone());
        fired.held_back = std::mem::take(&mut self.row.held_back);
        self.steps.push(fired);
        if is_resolved {
            let kind = StepKind::Resolved(WhyResolved::Ended);
            self.steps.push(self.row.step(told, kind, self.now, grounds.clone()));
        }
        if is_newest {
            self.show(told, grounds);
        }
    }

    /// Makes the episode the one that the row speaks of.
    fn show(&mut self, told: Told, grounds: Grounds) {
        let row = &mut self.row;
        row.episode = told.episode;
        row.since = Some(told.began);
        row.ended = told.is_resolved.then_some(told.seen_to);
        row.fired_at = Some(self.now);
        row.resolved_at = told.is_resolved.then_some(self.now);
        row.last_notified_at = Some(self.now);
        row.notified = 1 + u32::from(told.is_resolved);
        row.repeated = 0;
        row.escalated = 0;
        row.acknowledged = None;
        row.unattended_since = (!told.is_resolved).then_some(self.now);
        row.grounds = grounds;
    }

    fn grounds_of(&self, told: Told) -> Grounds {
        let span = whole(&self.row.timeline, told);
        let is_coming = self.row.timeline.spans().last().is_some_and(|newest| newest.touches(span));
        match self.verdict.grounds_of(span) {
            Some(grounds) => grounds.clone(),
            None if is_coming => self.row.coming.clone(),
            None => Grounds::default(),
        }
    }
}

/// The episode as it is known by now: what is told at sight may lie beyond the time up to which all is known.
fn whole(timeline: &Timeline, told: Told) -> Span {
    let told = span_of(told);
    timeline.spans().iter().rfind(|span| span.touches(told)).copied().unwrap_or(told)
}

fn span_of(told: Told) -> Span {
    Span { from: told.began, to: told.seen_to }
}

/// Writes down where the row stands now.
fn settle(row: &mut AlertRow, pending: Option<Pending>) {
    row.state = if row.firing().is_some() {
        AlertState::Firing
    } else if let Some(pending) = pending {
        row.since = Some(pending.since);
        row.ended = None;
        AlertState::Pending
    } else if let Some(newest) = row.told.last() {
        row.since = Some(newest.began);
        row.ended = Some(newest.seen_to);
        AlertState::Resolved
    } else {
        row.since = None;
        AlertState::Inactive
    };
}
