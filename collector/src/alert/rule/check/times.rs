//! What is wrong with the lengths of time of a rule.

use std::time::Duration;

use super::{Problems, WINDOW_MAX};
use crate::alert::rule::{
    section::{Escalation, Repeat, RuleSection},
    trigger::Trigger,
};

/// Every decision of the rule waits as long.
const LATENESS_MAX: Duration = Duration::from_hours(24);

/// More often is a flood of mails by mistake.
const REPEAT_MIN: Duration = Duration::from_secs(1);

/// More levels than anybody has superiors.
const ESCALATIONS_MAX: usize = 8;

pub(super) fn check(section: &RuleSection, problems: &mut Problems) {
    if let Some(hold_for) = section.hold_for {
        problems.length("for", hold_for, WINDOW_MAX);
        let is_instant = matches!(section.trigger, Trigger::Each | Trigger::NewValue(_) | Trigger::Change(_));
        problems.say_if(
            is_instant,
            "for",
            format!(
                "an event happens at an instant, so the trigger `{}` never holds for a time: leave `for` away, or count \
                 with `at_least`",
                section.trigger.name()
            ),
        );
    }
    if let Some(repeat) = &section.repeat {
        repeats(repeat, problems);
    }
    if let Some(cool_down) = section.cool_down {
        problems.length("cool_down", cool_down, WINDOW_MAX);
    }
    problems.length("lateness", section.lateness, LATENESS_MAX);
    escalations(&section.escalate, problems);
}

fn escalations(escalations: &[Escalation], problems: &mut Problems) {
    let count = escalations.len();
    problems.say_if(
        count > ESCALATIONS_MAX,
        "escalate",
        format!("{count} are too many: write at most {ESCALATIONS_MAX}"),
    );
    let mut before = None;
    for escalation in escalations {
        problems.length("escalate.after", escalation.after, WINDOW_MAX);
        problems.say_if(
            before.is_some_and(|before| escalation.after <= before),
            "escalate.after",
            format!("{} is not later than the one before: write them in their order", escalation.after),
        );
        before = Some(escalation.after);
        problems.say_if(
            escalation.receivers.is_empty(),
            "escalate.receivers",
            "nobody is named: write at least one receiver",
        );
    }
}

fn repeats(repeat: &Repeat, problems: &mut Problems) {
    let Repeat { after, growth, at_most } = repeat;
    problems.length("repeat.after", *after, WINDOW_MAX);
    problems.say_if(
        after.0 < REPEAT_MIN,
        "repeat.after",
        format!("{after} is too short: write at least 1s, and rather an hour"),
    );
    problems.say_if(
        !(1.0..=100.0).contains(growth),
        "repeat.growth",
        format!("{growth} is not from 1 to 100: 1 repeats in equal steps, 2 doubles each pause"),
    );
    if let Some(at_most) = at_most {
        problems.length("repeat.at_most", *at_most, WINDOW_MAX);
        problems.say_if(
            at_most < after,
            "repeat.at_most",
            format!("{at_most} is less than `after` ({after}): write at least as much"),
        );
    }
}
