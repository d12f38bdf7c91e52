//! Lives as a person would tell them, in minutes.

use std::collections::BTreeMap;

use crate::alert::{
    life::{
        AcknowledgeError, Acknowledged, AlertRow, AlertState, LifeSettings, Repeat, Step, StepKind, WhyResolved,
        acknowledge, advance, begin_anew, delete, replay, unacknowledge,
    },
    trigger::{END_OF_TIME, Episode, Figure, Grounds, Span, Verdict},
};

const MINUTE: i64 = 60_000_000;

/// One rule and group, whose clock and whose knowledge are set by hand.
struct Life {
    row: AlertRow,
    settings: LifeSettings,
    at_sight: bool,
}

impl Life {
    fn new(settings: LifeSettings) -> Self {
        let labels = BTreeMap::from([("node".to_owned(), "arm".to_owned())]);
        let row = AlertRow::new("errors", "", "arm", labels);
        Self { row, settings, at_sight: false }
    }

    /// The condition is judged from a minute on, and held over these minutes; known up to `now`.
    fn judged(&mut self, from: i64, episodes: &[(i64, i64)], now: i64) -> Vec<Step> {
        let judged = Span { from: minutes(from), to: END_OF_TIME };
        self.advance(&Verdict {
            judged,
            episodes: episodes_of(episodes),
            known_to: minutes(now),
            at_sight: self.at_sight,
        })
    }

    /// Time passes and nothing comes.
    fn at(&mut self, now: i64) -> Vec<Step> {
        let (known_to, at_sight) = (minutes(now), self.at_sight);
        let judged = Span { from: known_to, to: known_to };
        self.advance(&Verdict { judged, episodes: vec![], known_to, at_sight })
    }

    fn advance(&mut self, verdict: &Verdict) -> Vec<Step> {
        let (row, steps) = advance(self.row.clone(), &self.settings, verdict, verdict.known_to);
        let again = advance(self.row.clone(), &self.settings, verdict, verdict.known_to);
        assert_eq!(again, (row.clone(), steps.clone()));
        let text = serde_json::to_string(&row).expect("a row is JSON");
        assert_eq!(serde_json::from_str::<AlertRow>(&text).expect("and is read back"), row);
        self.row = row;
        steps
    }
}

fn minutes(minutes: i64) -> i64 {
    if minutes == END_OF_TIME { END_OF_TIME } else { minutes * MINUTE }
}

fn episodes_of(episodes: &[(i64, i64)]) -> Vec<Episode> {
    let grounds = |count| Grounds { ids: vec!["a".to_owned()], count, figure: Figure::Count(count) };
    let spans = episodes.iter().map(|(from, to)| Span { from: minutes(*from), to: minutes(*to) });
    spans.map(|span| Episode { span, grounds: grounds(5) }).collect()
}

fn check(steps: &[Step], expected: &[(StepKind, u64)]) {
    let kinds: Vec<(StepKind, u64)> = steps.iter().map(|step| (step.kind, step.episode)).collect();
    assert_eq!(kinds, expected, "{steps:?}");
}

const ENDED: StepKind = StepKind::Resolved(WhyResolved::Ended);
use StepKind::{Escalated, Fired, Repeated};

#[test]
fn an_episode_fires_and_is_resolved() {
    let mut life = Life::new(LifeSettings::default());
    let steps = life.judged(0, &[(10, 20)], 12);
    check(&steps, &[(Fired, 1)]);
    assert_eq!(steps[0].key, "errors::arm:0:1:fired:0");
    assert_eq!(steps[0].grounds.count, 5);
    assert_eq!((life.row.state, life.row.since), (AlertState::Firing, Some(10 * MINUTE)));
    assert_eq!(life.row.look_again_at, Some(20 * MINUTE));
    check(&life.at(19), &[]);
    let steps = life.at(21);
    check(&steps, &[(ENDED, 1)]);
    assert_eq!((steps[0].ended, steps[0].at), (Some(20 * MINUTE), 21 * MINUTE));
    assert_eq!((life.row.state, life.row.look_again_at), (AlertState::Resolved, None));
    check(&life.at(1000), &[]);
}

#[test]
fn an_episode_that_was_over_before_it_was_seen_is_told_whole() {
    let mut life = Life::new(LifeSettings::default());
    check(&life.judged(0, &[(10, 20), (30, 40)], 100), &[(Fired, 1), (ENDED, 1), (Fired, 2), (ENDED, 2)]);
}

#[test]
fn what_does_not_last_is_not_told() {
    let mut life = Life::new(LifeSettings { hold_for: 5 * MINUTE, ..LifeSettings::default() });
    check(&life.judged(0, &[(10, 14), (20, END_OF_TIME)], 22), &[]);
    assert_eq!((life.row.state, life.row.since), (AlertState::Pending, Some(20 * MINUTE)));
    assert_eq!(life.row.look_again_at, Some(25 * MINUTE));
    check(&life.at(24), &[]);
    let steps = life.at(25);
    check(&steps, &[(Fired, 1)]);
    assert_eq!(steps[0].grounds.count, 5, "what is to come brings its evidence along");
    // Other settings do not dig out what was decided.
    life.settings.hold_for = 0;
    check(&life.at(26), &[]);
}

#[test]
fn flapping_is_one_episode_for_each_cool_down() {
    let mut life = Life::new(LifeSettings { cool_down: 60 * MINUTE, ..LifeSettings::default() });
    let flaps: Vec<(i64, i64)> = (0..30).map(|n| (10 * n, 10 * n + 5)).collect();
    let mut told = Vec::new();
    for (n, flap) in flaps.iter().enumerate() {
        told.extend(life.judged(flap.0, &flaps[n..=n], flap.0));
        told.extend(life.at(flap.1));
    }
    // Over at 5, so at rest to 65; the flap from 70 on is the next.
    let fired: Vec<(i64, u64)> =
        told.iter().filter(|step| step.kind == Fired).map(|step| (step.began / MINUTE, step.held_back)).collect();
    assert_eq!(fired, [(0, 0), (70, 6), (140, 6), (210, 6), (280, 6)]);
    assert_eq!(told.len(), 10);
}

#[test]
fn what_holds_through_the_cool_down_fires_at_its_end() {
    let mut life = Life::new(LifeSettings { cool_down: 60 * MINUTE, ..LifeSettings::default() });
    check(&life.judged(0, &[(0, 10), (20, END_OF_TIME)], 20), &[(Fired, 1), (ENDED, 1)]);
    assert_eq!((life.row.state, life.row.look_again_at), (AlertState::Pending, Some(70 * MINUTE)));
    check(&life.at(69), &[]);
    let steps = life.at(70);
    check(&steps, &[(Fired, 2)]);
    assert_eq!(steps[0].began, 20 * MINUTE);
}

#[test]
fn an_unattended_alert_is_repeated_and_escalated() {
    let settings = LifeSettings {
        repeat: Some(Repeat { after: 10 * MINUTE, growth: 2.0, at_most: 60 * MINUTE }),
        escalate_after: vec![15 * MINUTE, 300 * MINUTE],
        ..LifeSettings::default()
    };
    let verdict = Verdict {
        judged: Span { from: 0, to: END_OF_TIME },
        episodes: episodes_of(&[(0, 400)]),
        known_to: 1000 * MINUTE,
        at_sight: true,
    };
    let (row, steps) = replay(AlertRow::new("r", "", "g", BTreeMap::new()), &settings, &verdict);
    let told: Vec<(StepKind, i64)> = steps.iter().map(|step| (step.kind, step.at / MINUTE)).collect();
    let expected = [
        (Fired, 0),
        (Repeated(1), 10),
        (Escalated(1), 15),
        (Repeated(2), 35),
        (Repeated(3), 75),
        (Repeated(4), 135),
        (Repeated(5), 195),
        (Repeated(6), 255),
        (Escalated(2), 300),
        (Repeated(7), 360),
        (ENDED, 400),
    ];
    assert_eq!(told, expected);
    assert_eq!((row.notified, row.act_at), (11, None));
}

#[test]
fn repeats_that_were_missed_are_told_once() {
    let repeat = Some(Repeat { after: MINUTE, growth: 1.0, at_most: MINUTE });
    let mut life = Life::new(LifeSettings { repeat, ..LifeSettings::default() });
    check(&life.judged(0, &[(0, END_OF_TIME)], 0), &[(Fired, 1)]);
    assert!(!life.row.is_due(0, 0));
    assert!(life.row.is_due(0, MINUTE));
    check(&life.at(600), &[(Repeated(1), 1)]);
    check(&life.at(601), &[(Repeated(2), 1)]);
}

#[test]
fn an_acknowledgement_rests_until_the_episode_is_over() {
    let settings = LifeSettings { escalate_after: vec![15 * MINUTE], ..LifeSettings::default() };
    let mut life = Life::new(settings);
    let by = Acknowledged { who: "ada".to_owned(), note: "on my way".to_owned(), at: MINUTE };
    assert_eq!(acknowledge(life.row.clone(), 1, by.clone()), Err(AcknowledgeError::NotFiring));
    check(&life.judged(0, &[(0, 100)], 0), &[(Fired, 1)]);
    let wrong = AcknowledgeError::OtherEpisode { asked: 7, current: 1 };
    assert_eq!(acknowledge(life.row.clone(), 7, by.clone()), Err(wrong));
    life.row = acknowledge(life.row, 1, by.clone()).unwrap();
    check(&life.at(50), &[]);
    assert_eq!(life.row.act_at, None);
    life.row = unacknowledge(life.row, 1, &life.settings, 60 * MINUTE).unwrap();
    assert_eq!(life.row.act_at, Some(75 * MINUTE));
    check(&life.at(75), &[(Escalated(1), 1)]);
    life.row = acknowledge(life.row, 1, by).unwrap();
    check(&life.judged(90, &[(90, 100), (110, 120)], 115), &[(ENDED, 1), (Fired, 2)]);
    assert_eq!(life.row.acknowledged, None);
    assert_eq!(life.row.act_at, Some(130 * MINUTE));
}

#[test]
fn another_revision_begins_anew() {
    let mut life = Life::new(LifeSettings::default());
    check(&life.judged(0, &[(0, END_OF_TIME)], 5), &[(Fired, 1)]);
    life.settings.revision = "2".to_owned();
    let steps = life.judged(10, &[(10, END_OF_TIME)], 10);
    check(&steps, &[(StepKind::Resolved(WhyResolved::RuleChanged), 1), (Fired, 2)]);
    assert_eq!(steps[0].key, "errors::arm:0:1:resolved:0");
    assert_eq!(steps[1].key, "errors:2:arm:0:2:fired:0");
    let (row, steps) = begin_anew(life.row.clone(), "3", 0);
    check(&steps, &[(StepKind::Resolved(WhyResolved::RuleChanged), 2)]);
    assert_eq!((row.state, row.episode, row.labels.len()), (AlertState::Inactive, 2, 1));
}

#[test]
fn the_alert_of_a_rule_that_is_no_more_is_resolved() {
    let mut life = Life::new(LifeSettings::default());
    check(&life.judged(0, &[(0, END_OF_TIME)], 5), &[(Fired, 1)]);
    let (row, steps) = delete(life.row.clone(), 6 * MINUTE);
    check(&steps, &[(StepKind::Resolved(WhyResolved::RuleDeleted), 1)]);
    check(&delete(row.clone(), 7 * MINUTE).1, &[]);
    life.row = row;
    check(&life.judged(10, &[(10, END_OF_TIME)], 10), &[(Fired, 2)]);
}

#[test]
fn late_events_change_the_past() {
    let mut life = Life::new(LifeSettings::default());
    check(&life.judged(0, &[(10, 20), (100, END_OF_TIME)], 100), &[(Fired, 1), (ENDED, 1), (Fired, 2)]);
    // Longer than was told: nobody needs to know. One more, before: it is told, and what fires goes on.
    check(&life.judged(0, &[(5, 30), (50, 60), (100, END_OF_TIME)], 101), &[(Fired, 3), (ENDED, 3)]);
    assert_eq!((life.row.state, life.row.episode, life.row.episodes), (AlertState::Firing, 2, 3));
    // It was not silent after all.
    check(&life.judged(90, &[], 102), &[(StepKind::Resolved(WhyResolved::TakenBack), 2)]);
    // What was over goes on.
    check(&life.judged(55, &[(55, END_OF_TIME)], 103), &[(Fired, 4)]);
    check(&life.at(104), &[]);
}

#[test]
fn an_episode_that_turns_out_longer_goes_on_from_its_new_end() {
    let mut life = Life::new(LifeSettings::default());
    check(&life.judged(0, &[(10, 20)], 100), &[(Fired, 1), (ENDED, 1)]);
    check(&life.judged(0, &[(10, 30)], 100), &[]);
    let steps = life.judged(25, &[(25, END_OF_TIME)], 100);
    check(&steps, &[(Fired, 2)]);
    assert_eq!(steps[0].began, 30 * MINUTE);
}

#[test]
fn what_more_events_can_only_confirm_is_told_at_sight() {
    let mut life = Life { at_sight: true, ..Life::new(LifeSettings::default()) };
    check(&life.judged(0, &[(10, 20)], 5), &[(Fired, 1)]);
    let mut life = Life::new(LifeSettings::default());
    check(&life.judged(0, &[(10, 20)], 5), &[]);
    assert_eq!(life.row.look_again_at, Some(10 * MINUTE));
}

#[test]
fn an_evaluator_that_lags_behind_takes_nothing_back() {
    let mut life = Life::new(LifeSettings::default());
    check(&life.judged(0, &[(10, END_OF_TIME)], 10), &[(Fired, 1)]);
    check(&life.at(5), &[]);
    assert_eq!(life.row.state, AlertState::Firing);
}

#[test]
fn of_a_flood_the_rest_is_counted() {
    let mut life = Life::new(LifeSettings::default());
    let flood: Vec<(i64, i64)> = (0..1000).map(|n| (2 * n, 2 * n + 1)).collect();
    let steps = life.judged(0, &flood, 5000);
    assert_eq!(steps.len(), 64);
    assert_eq!(steps[0].held_back, 968);
    check(&life.judged(0, &flood[..900], 5000), &[]);
    check(&life.judged(6000, &[(6000, 6001)], 7000), &[(Fired, 33), (ENDED, 33)]);
}

#[test]
fn names_with_colons_share_no_keys() {
    let key = |rule: &str, group: &str| {
        let settings = LifeSettings::default();
        let verdict = Verdict {
            judged: Span { from: 0, to: END_OF_TIME },
            episodes: episodes_of(&[(0, 1)]),
            known_to: 0,
            at_sight: true,
        };
        let (_, steps) = advance(AlertRow::new(rule, "", group, BTreeMap::new()), &settings, &verdict, 0);
        steps[0].key.clone()
    };
    assert_ne!(key("a:", "b"), key("a", ":b"));
    assert_ne!(key("a%3A", "b"), key("a:", "b"));
}
