//! Alerts that people take, let go of, or leave alone, over random hours.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::promises::check_order;
use crate::alert::{
    life::{
        Acknowledged, AlertRow, AlertState, LifeSettings, Repeat, Step, StepKind, acknowledge, advance, unacknowledge,
    },
    trigger::{END_OF_TIME, Episode, Grounds, Span, Verdict},
};

const MINUTE: i64 = 60_000_000;

/// What happens to an alert.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Touch {
    Nothing,
    /// The condition begins to hold, or no longer does.
    Turns,
    Taken,
    LetGo,
}

fn any_touch() -> impl Strategy<Value = Touch> {
    prop_oneof![3 => Just(Touch::Nothing), 2 => Just(Touch::Turns), 1 => Just(Touch::Taken), 1 => Just(Touch::LetGo)]
}

proptest! {
    #[test]
    fn nobody_is_nagged_who_attends(
        happenings in prop::collection::vec((0..90_i64, any_touch()), 1..60),
        after in 1..30_i64,
        growth in 1.0..3.0_f64,
        levels in prop::collection::vec(1..200_i64, 0..3),
    ) {
        let repeat = Some(Repeat { after: after * MINUTE, growth, at_most: 120 * MINUTE });
        let escalate_after = levels.iter().map(|level| level * MINUTE).collect();
        let settings = LifeSettings { repeat, escalate_after, ..LifeSettings::default() };
        let mut row = AlertRow::new("r", "", "g", BTreeMap::new());
        let mut written = Vec::new();
        let (mut now, mut holds) = (0, false);
        for (passes, touch) in happenings {
            now += passes * MINUTE;
            let was_attended = row.acknowledged.is_some();
            let (before, episode) = (row.episodes, row.episode);
            let mut judged = Span { from: now, to: now };
            match touch {
                Touch::Nothing => {}
                Touch::Turns => (holds, judged.to) = (!holds, END_OF_TIME),
                Touch::Taken => {
                    let by = Acknowledged { who: "ada".to_owned(), note: String::new(), at: now };
                    row = acknowledge(row.clone(), episode, by).unwrap_or(row);
                }
                Touch::LetGo => row = unacknowledge(row.clone(), episode, &settings, now).unwrap_or(row),
            }
            let is_attended = was_attended && row.acknowledged.is_some();
            let is_due = row.is_due(now, now);
            let span = Span { from: now, to: END_OF_TIME };
            let episodes = if holds { vec![Episode { span, grounds: Grounds::default() }] } else { vec![] };
            let verdict = Verdict { judged, episodes, known_to: now, at_sight: false };
            let (next, steps) = advance(row.clone(), &settings, &verdict, now);
            prop_assert!(is_due || touch == Touch::Turns || steps.is_empty());
            prop_assert!(steps.iter().filter(|step| matches!(step.kind, StepKind::Repeated(_))).count() <= 1);
            let is_nagging = |step: &Step| matches!(step.kind, StepKind::Repeated(_) | StepKind::Escalated(_));
            prop_assert!(!is_attended || !steps.iter().any(is_nagging));
            prop_assert!(next.episodes >= before);
            prop_assert!(next.acknowledged.is_none() || next.state == AlertState::Firing);
            prop_assert_eq!(next.state == AlertState::Firing, holds);
            prop_assert!(next.act_at.is_none_or(|at| at > now));
            row = next;
            written.extend(steps);
        }
        check_order(&written, &row);
        let told = written.iter().filter(|step| step.episode == row.episode).count();
        prop_assert_eq!(row.notified as usize, told);
    }
}
