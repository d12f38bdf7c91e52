//! What is wrong with a trigger.

use std::time::Duration;

use super::{Problems, WINDOW_MAX, in_words};
use crate::alert::rule::trigger::{AtLeast, Change, FewerThan, NewValue, Silence, Spike, Trigger, ValueBounds};

/// So many events are read into memory at one evaluation, at most.
const COUNT_MAX: u64 = 1_000_000;

const SPIKE_WINDOWS_MAX: u32 = 100;

const REMEMBER_MAX: Duration = Duration::from_hours(366 * 24);

pub(super) fn check(trigger: &Trigger, problems: &mut Problems) {
    match trigger {
        Trigger::Each => {}
        Trigger::AtLeast(AtLeast { count, within }) => {
            count_from_one("trigger.at_least.count", *count, "there are always as many", problems);
            problems.length("trigger.at_least.within", *within, WINDOW_MAX);
        }
        Trigger::FewerThan(FewerThan { count, within }) => {
            count_from_one("trigger.fewer_than.count", *count, "there are never fewer", problems);
            problems.length("trigger.fewer_than.within", *within, WINDOW_MAX);
        }
        Trigger::Silence(Silence { after }) => problems.length("trigger.silence.after", *after, WINDOW_MAX),
        Trigger::Spike(spike) => check_spike(spike, problems),
        Trigger::NewValue(NewValue { field, remember }) => {
            problems.field("trigger.new_value.field", field);
            problems.length("trigger.new_value.remember", *remember, REMEMBER_MAX);
        }
        Trigger::Change(Change { field }) => problems.field("trigger.change.field", field),
        Trigger::Value(bounds) => check_bounds(bounds, problems),
    }
}

fn count_from_one(setting: &str, count: u64, what_zero_means: &str, problems: &mut Problems) {
    problems.say_if(count == 0, setting, format!("0 says nothing, {what_zero_means}: write 1 or more"));
    problems.say_if(count > COUNT_MAX, setting, format!("{count} is too many to count: write at most {COUNT_MAX}"));
}

fn check_spike(spike: &Spike, problems: &mut Problems) {
    let Spike { ratio, within, windows, at_least } = spike;
    problems.say_if(
        !(ratio.is_finite() && *ratio > 1.0),
        "trigger.spike.ratio",
        format!("{ratio} is not more than 1, so it would fire without any rise: write 2 or more"),
    );
    count_from_one("trigger.spike.at_least", *at_least, "there are always as many", problems);
    problems.say_if(
        !(1..=SPIKE_WINDOWS_MAX).contains(windows),
        "trigger.spike.windows",
        format!("{windows} is not from 1 to {SPIKE_WINDOWS_MAX}"),
    );
    problems.length("trigger.spike.within", *within, WINDOW_MAX);
    let all = Trigger::Spike(spike.clone()).look_back().unwrap_or_default();
    problems.say_if(
        within.0 <= WINDOW_MAX && all > WINDOW_MAX,
        "trigger.spike.within",
        format!(
            "a window of {} and {windows} before it reach back more than {}: write shorter or fewer windows",
            in_words(within.0),
            in_words(WINDOW_MAX)
        ),
    );
}

fn check_bounds(bounds: &ValueBounds, problems: &mut Problems) {
    let ValueBounds { field, statistic: _, within, above, below, at_least } = bounds;
    problems.field("trigger.value.field", field);
    problems.length("trigger.value.within", *within, WINDOW_MAX);
    count_from_one("trigger.value.at_least", *at_least, "there are always as many", problems);
    for (setting, bound) in [("trigger.value.above", above), ("trigger.value.below", below)] {
        let is_number = bound.is_none_or(f64::is_finite);
        problems.say_if(!is_number, setting, "it must be a finite number");
    }
    match (above, below) {
        (None, None) => {
            problems.say("trigger.value", "neither `above` nor `below` is there: write the bound at which it fires");
        }
        (Some(above), Some(below)) if above >= below => problems.say(
            "trigger.value",
            format!(
                "no number is above {above} and below {below}: exchange them, or write two rules to be told of what lies \
                 outside"
            ),
        ),
        _ => {}
    }
}
