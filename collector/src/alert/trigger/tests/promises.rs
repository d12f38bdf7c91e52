//! Random histories, stored in any order and judged at any time.

use proptest::prelude::*;

use super::{
    generate::{LAST, any_history, any_resolve_after, any_trigger},
    oracle,
};
use crate::alert::trigger::{Mark, Sample, Span, Timeline, Trigger, Verdict, evaluate};

/// What a store answers to the range that a mark needs.
pub fn read(trigger: &Trigger, resolve_after: i64, mark: Mark, stored: &[Sample]) -> Vec<Sample> {
    let range = trigger.needed_range(resolve_after, mark);
    let mut read: Vec<Sample> =
        stored.iter().filter(|sample| (range.from..=range.to).contains(&sample.time)).cloned().collect();
    let needs_value = matches!(trigger, Trigger::Change { .. });
    let before =
        stored.iter().filter(|sample| sample.time < range.from && (!needs_value || sample.value_key().is_some()));
    if range.last_before {
        read.extend(before.max_by_key(|sample| (sample.time, sample.id.clone())).cloned());
    }
    read
}

/// The mark that all of these leave.
pub fn mark_of(samples: &[Sample]) -> Option<Mark> {
    let times = || samples.iter().map(|sample| sample.time);
    Some(Mark { from: times().min()?, to: times().max()? })
}

/// What happens next to a rule and group.
#[derive(Debug, Clone)]
enum Happening {
    /// So many samples are stored, and their mark joins the one that waits, if one does.
    Stored(usize),
    /// The mark is taken and judged.
    Judged,
    /// The mark is judged, and the evaluator dies before it has written anything.
    Died,
    /// A part of history is judged again, for no reason.
    JudgedAgain(i64, i64),
}

fn any_happenings() -> impl Strategy<Value = Vec<Happening>> {
    let happening = prop_oneof![
        3 => (1..6_usize).prop_map(Happening::Stored),
        3 => Just(Happening::Judged),
        1 => Just(Happening::Died),
        1 => (0..LAST, 0..20_i64).prop_map(|(from, length)| Happening::JudgedAgain(from, from + length)),
    ];
    prop::collection::vec(happening, 0..20)
}

struct Run<'a> {
    trigger: &'a Trigger,
    resolve_after: i64,
    stored: Vec<Sample>,
    waiting: Option<Mark>,
    timeline: Timeline,
}

impl Run<'_> {
    fn judge(&self, mark: Mark) -> Verdict {
        let samples = read(self.trigger, self.resolve_after, mark, &self.stored);
        evaluate(self.trigger, self.resolve_after, mark, &samples, 0)
    }

    fn store(&mut self, samples: Vec<Sample>) {
        if let Some(new) = mark_of(&samples) {
            let joined = self.waiting.map_or(new, |old| Mark { from: old.from.min(new.from), to: old.to.max(new.to) });
            self.waiting = Some(joined);
        }
        self.stored.extend(samples);
    }

    fn take_mark(&mut self) {
        if let Some(mark) = self.waiting.take() {
            let verdict = self.judge(mark);
            self.timeline.accept(&verdict);
        }
    }
}

fn spans(verdict: &Verdict) -> Vec<Span> {
    verdict.episodes.iter().map(|episode| episode.span).collect()
}

proptest! {
    #[test]
    fn a_condition_means_what_its_definition_says(
        trigger in any_trigger(), resolve_after in any_resolve_after(), history in any_history(),
    ) {
        let Some(mark) = mark_of(&history) else { return Ok(()) };
        let twice: Vec<Sample> = history.iter().rev().chain(&history).cloned().collect();
        let verdict = evaluate(&trigger, resolve_after, mark, &twice, 0);
        prop_assert_eq!(spans(&verdict), oracle::episodes(&trigger, resolve_after, &history));
        for episode in &verdict.episodes {
            prop_assert!(episode.grounds.count as usize <= history.len());
            prop_assert_eq!(episode.grounds.ids.len(), (episode.grounds.count as usize).min(20));
            prop_assert!(!episode.grounds.ids.is_empty());
        }
    }

    #[test]
    fn neither_order_nor_time_of_evaluations_matters(
        trigger in any_trigger(),
        resolve_after in any_resolve_after(),
        history in any_history().prop_shuffle(),
        happenings in any_happenings(),
    ) {
        let mut run = Run { trigger: &trigger, resolve_after, stored: vec![], waiting: None, timeline: Timeline::default() };
        let mut coming = history.clone();
        for happening in happenings {
            match happening {
                Happening::Stored(count) => {
                    let samples = coming.split_off(coming.len().saturating_sub(count));
                    run.store(samples);
                }
                Happening::Judged => run.take_mark(),
                Happening::Died => drop(run.waiting.map(|mark| run.judge(mark))),
                Happening::JudgedAgain(from, to) => {
                    let verdict = run.judge(Mark { from, to });
                    run.timeline.accept(&verdict);
                }
            }
        }
        run.store(coming);
        run.take_mark();
        let expected = oracle::episodes(&trigger, resolve_after, &history);
        prop_assert_eq!(run.timeline.spans(), expected.as_slice());
    }

    #[test]
    fn what_is_told_at_a_known_time_is_never_taken_back(
        trigger in any_trigger(),
        resolve_after in any_resolve_after(),
        history in any_history(),
        known_to in 0..LAST + 40,
        also_stored in any::<u64>(),
    ) {
        // Everything up to the known time is stored, and some of what is later.
        let is_stored = |place: usize, sample: &Sample| sample.time <= known_to || also_stored >> (place % 64) & 1 == 1;
        let stored: Vec<Sample> =
            history.iter().enumerate().filter(|(place, sample)| is_stored(*place, sample)).map(|(_, one)| one.clone()).collect();
        let timeline_of = |samples: &[Sample]| {
            let mut timeline = Timeline::default();
            if let Some(mark) = mark_of(samples) {
                timeline.accept(&evaluate(&trigger, resolve_after, mark, samples, known_to));
            }
            timeline
        };
        let at_sight = trigger.is_told_at_sight();
        let told = timeline_of(&stored).settled(known_to, at_sight);
        let truth = timeline_of(&history);
        let in_the_end = truth.settled(LAST + 1000, at_sight);
        for told in told {
            let same = in_the_end.iter().find(|one| one.span().from <= told.began && told.began < one.span().to);
            let same = same.expect("what was told is an episode in the end");
            prop_assert!(told.began == same.began || (at_sight && told.began > known_to));
            prop_assert!(told.ended.is_none() || told.ended == same.ended);
            prop_assert!(told.ended.is_some() || same.ended.is_none_or(|ended| ended > known_to));
        }
        // And everything that began up to then is told.
        let begun = in_the_end.iter().filter(|one| one.began <= known_to).count();
        prop_assert!(timeline_of(&stored).settled(known_to, at_sight).len() >= begun);
        // Without news nothing changes before the time at which to look again, and something does then.
        let next = truth.look_again_at(known_to, at_sight);
        let now = truth.settled(known_to, at_sight);
        if let Some(next) = next {
            prop_assert_eq!(&truth.settled(next - 1, at_sight), &now);
            prop_assert_ne!(&truth.settled(next, at_sight), &now);
        } else {
            prop_assert_eq!(&truth.settled(LAST + 1000, at_sight), &now);
        }
    }

    #[test]
    fn more_samples_than_asked_for_do_no_harm(
        trigger in any_trigger(),
        resolve_after in any_resolve_after(),
        history in any_history(),
        from in 0..LAST,
        length in 0..20_i64,
    ) {
        let mark = Mark { from, to: from + length };
        let asked = evaluate(&trigger, resolve_after, mark, &read(&trigger, resolve_after, mark, &history), 0);
        let all = evaluate(&trigger, resolve_after, mark, &history, 0);
        prop_assert_eq!(spans(&asked), spans(&all));
        prop_assert_eq!(asked.judged, all.judged);
    }
}
