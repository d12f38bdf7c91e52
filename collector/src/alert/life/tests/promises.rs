//! Random lives: events that come in any order, evaluators that die between any two writes.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use crate::alert::{
    life::{AlertRow, AlertState, LifeSettings, Step, StepKind, advance, replay},
    trigger::{
        END_OF_TIME, Mark, Sample, Trigger, Verdict, evaluate,
        tests::{
            generate::{LAST, any_history, any_resolve_after, any_trigger},
            promises::{mark_of, read},
        },
    },
};

/// Nothing happens any more after that.
const THE_END: i64 = LAST + 300;

fn any_settings() -> impl Strategy<Value = LifeSettings> {
    let period = || prop_oneof![Just(0), 1..15_i64];
    (period(), period()).prop_map(|(hold_for, cool_down)| LifeSettings {
        hold_for,
        cool_down,
        ..LifeSettings::default()
    })
}

/// What the evaluator does at a moment of the clock.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Act {
    Works,
    Rests,
    /// It dies after its steps were written and before its row was.
    Dies,
}

fn any_acts() -> impl Strategy<Value = Vec<Act>> {
    let act = prop_oneof![4 => Just(Act::Works), 4 => Just(Act::Rests), 1 => Just(Act::Dies)];
    prop::collection::vec(act, THE_END as usize)
}

struct Live<'a> {
    trigger: &'a Trigger,
    resolve_after: i64,
    settings: &'a LifeSettings,
    stored: Vec<Sample>,
    waiting: Option<Mark>,
    row: AlertRow,
    outbox: BTreeMap<String, Step>,
    /// The steps in the order in which their rows were written.
    written: Vec<Step>,
}

impl<'a> Live<'a> {
    fn new(trigger: &'a Trigger, resolve_after: i64, settings: &'a LifeSettings) -> Self {
        let row = AlertRow::new("r", "", "g", BTreeMap::new());
        let (stored, waiting, outbox, written) = Default::default();
        Self { trigger, resolve_after, settings, stored, waiting, row, outbox, written }
    }

    fn store(&mut self, samples: Vec<Sample>) {
        if let Some(new) = mark_of(&samples) {
            let joined = self.waiting.map_or(new, |old| Mark { from: old.from.min(new.from), to: old.to.max(new.to) });
            self.waiting = Some(joined);
        }
        self.stored.extend(samples);
    }

    fn act(&mut self, act: Act, known_to: i64, now: i64) {
        if act == Act::Rests || (self.waiting.is_none() && !self.row.is_due(known_to, now)) {
            return;
        }
        let verdict = match self.waiting {
            Some(mark) => {
                let samples = read(self.trigger, self.resolve_after, mark, &self.stored);
                evaluate(self.trigger, self.resolve_after, mark, &samples, known_to)
            }
            None => Verdict::nothing_new(self.trigger, known_to),
        };
        let (row, steps) = advance(self.row.clone(), self.settings, &verdict, now);
        assert_eq!(advance(self.row.clone(), self.settings, &verdict, now), (row.clone(), steps.clone()));
        let again = advance(row.clone(), self.settings, &verdict, now);
        assert_eq!(again, (row.clone(), vec![]), "what was told is not told again");
        for step in &steps {
            self.outbox.entry(step.key.clone()).or_insert_with(|| step.clone());
        }
        if act == Act::Works {
            assert!(row.episodes >= self.row.episodes);
            self.row = row;
            self.written.extend(steps);
            self.waiting = None;
        }
    }
}

/// Each fired step has one resolved step after it, save for the one that fires; numbers follow each other; no key is there twice.
pub(super) fn check_order(written: &[Step], row: &AlertRow) {
    let mut firing = BTreeSet::new();
    let mut newest = 0;
    let keys: BTreeSet<&str> = written.iter().map(|step| step.key.as_str()).collect();
    assert_eq!(keys.len(), written.len(), "a key was given twice");
    for step in written {
        match step.kind {
            StepKind::Fired => {
                newest += 1;
                assert_eq!(step.episode, newest);
                assert!(firing.insert(step.episode));
            }
            StepKind::Resolved(_) => assert!(firing.remove(&step.episode), "resolved without having fired"),
            StepKind::Repeated(_) | StepKind::Escalated(_) => assert!(firing.contains(&step.episode)),
        }
    }
    let expected: Vec<u64> = (row.state == AlertState::Firing).then_some(row.episode).into_iter().collect();
    assert_eq!(firing.into_iter().collect::<Vec<_>>(), expected);
}

/// When what was told began and ended, as it is known in the end.
fn told(row: &AlertRow) -> Vec<(i64, Option<i64>)> {
    row.told.iter().map(|told| (told.began, told.is_resolved.then_some(told.seen_to))).collect()
}

proptest! {
    #[test]
    fn a_live_run_tells_what_a_back_test_tells(
        trigger in any_trigger(),
        resolve_after in any_resolve_after(),
        settings in any_settings(),
        history in any_history(),
        delays in prop::collection::vec(0..10_i64, 30),
        acts in any_acts(),
        comes_in_order in any::<bool>(),
    ) {
        // What is told at sight and then has to rest depends on what is seen first.
        let comes_in_order = comes_in_order || (trigger.is_told_at_sight() && settings.cool_down > 0);
        let lateness = if comes_in_order { 3 } else { 10 };
        let arrives = |place: usize, sample: &Sample| sample.time + if comes_in_order { 0 } else { delays[place] };
        let mut live = Live::new(&trigger, resolve_after, &settings);
        for now in 0..THE_END {
            let arriving = history.iter().enumerate().filter(|(place, sample)| arrives(*place, sample) == now);
            live.store(arriving.map(|(_, sample)| sample.clone()).collect());
            live.act(acts[now as usize], now - lateness, now);
        }
        live.act(Act::Works, THE_END, THE_END);
        check_order(&live.written, &live.row);
        let Some(mark) = mark_of(&history) else { return Ok(()) };
        let whole = evaluate(&trigger, resolve_after, mark, &history, THE_END);
        let (row, steps) = replay(AlertRow::new("r", "", "g", BTreeMap::new()), &settings, &whole);
        check_order(&steps, &row);
        prop_assert_eq!(told(&live.row), told(&row));
        prop_assert_eq!(live.row.state, row.state);
        // Whoever died, nothing but what was told is in the outbox, once.
        let in_outbox: BTreeSet<&String> = live.outbox.keys().collect();
        let expected: BTreeSet<&String> = steps.iter().map(|step| &step.key).collect();
        prop_assert_eq!(in_outbox, expected);
    }

    #[test]
    fn whatever_comes_late_each_alert_fires_once_and_is_resolved(
        trigger in any_trigger(),
        resolve_after in any_resolve_after(),
        settings in any_settings(),
        history in any_history().prop_shuffle(),
        moments in prop::collection::vec((0..3_usize, 0..20_i64, 0..30_i64, any::<bool>()), 0..40),
    ) {
        let mut live = Live::new(&trigger, resolve_after, &settings);
        let mut coming = history;
        let mut now = 0;
        for (count, passes, behind, dies) in moments {
            let samples = coming.split_off(coming.len().saturating_sub(count));
            live.store(samples);
            now += passes;
            live.act(if dies { Act::Dies } else { Act::Works }, now - behind, now);
        }
        live.store(coming);
        live.act(Act::Works, now.max(THE_END), now.max(THE_END));
        check_order(&live.written, &live.row);
        let holds = live.row.timeline.spans().last().is_some_and(|newest| newest.to == END_OF_TIME);
        let fires = live.row.state == AlertState::Firing;
        prop_assert_eq!(fires, holds);
        // Nobody is left in the dark: every episode that may be told was.
        if settings.hold_for == 0 && settings.cool_down == 0 {
            for span in live.row.timeline.spans() {
                let is_told = live.row.told.iter().any(|told| told.began <= span.to && span.from <= told.seen_to);
                prop_assert!(is_told, "{span:?}");
            }
        }
    }
}
