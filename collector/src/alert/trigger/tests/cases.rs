//! Conditions as a person would try them out.

use serde_json::{Value, json};

use crate::alert::trigger::{END_OF_TIME, Figure, Mark, Sample, Span, Statistic, Trigger, Verdict, evaluate};

fn samples(times: &[i64]) -> Vec<Sample> {
    times.iter().enumerate().map(|(n, time)| Sample { time: *time, id: format!("{n:03}"), value: None }).collect()
}

fn with_values(samples: &[(i64, Value)]) -> Vec<Sample> {
    let numbered = samples.iter().enumerate();
    numbered
        .map(|(n, (time, value))| Sample { time: *time, id: format!("{n:03}"), value: Some(value.clone()) })
        .collect()
}

fn judge(trigger: &Trigger, samples: &[Sample], known_to: i64) -> Verdict {
    let (from, to) = (samples[0].time, samples[samples.len() - 1].time);
    evaluate(trigger, 50, Mark { from, to }, samples, known_to)
}

fn check(trigger: &Trigger, samples: &[Sample], expected: &[(i64, i64)]) -> Vec<Figure> {
    let episodes = judge(trigger, samples, 0).episodes;
    let spans: Vec<(i64, i64)> = episodes.iter().map(|episode| (episode.span.from, episode.span.to)).collect();
    assert_eq!(spans, expected, "{trigger:?}");
    episodes.into_iter().map(|episode| episode.grounds.figure).collect()
}

#[test]
fn each_event_is_one_episode_with_those_that_follow_soon() {
    check(&Trigger::Each, &samples(&[0, 40, 90, 140]), &[(0, 190)]);
    check(&Trigger::Each, &samples(&[0, 51]), &[(0, 50), (51, 101)]);
}

#[test]
fn five_errors_in_a_minute() {
    let trigger = Trigger::AtLeast { count: 5, within: 60 };
    assert_eq!(check(&trigger, &samples(&[0, 10, 20, 30, 59]), &[(59, 119)]), [Figure::Count(5)]);
    // The window is open at its early end.
    check(&trigger, &samples(&[0, 10, 20, 30, 60]), &[]);
    check(&trigger, &samples(&[0, 0, 0, 0, 0, 7, 100]), &[(0, 67)]);
}

#[test]
fn a_silence_begins_one_period_after_the_last_event() {
    let trigger = Trigger::Silence { after: 30 };
    let figures = check(&trigger, &samples(&[0, 10, 100]), &[(40, 100), (130, END_OF_TIME)]);
    assert_eq!(figures, [Figure::LastSeen(10), Figure::LastSeen(100)]);
    // While the pipeline is behind nothing is said.
    let behind = judge(&trigger, &samples(&[0, 10]), 39);
    assert!(!behind.holds());
    assert_eq!(behind.look_again_at(), Some(40));
    let known = judge(&trigger, &samples(&[0, 10]), 40);
    assert!(known.holds());
    assert_eq!(known.look_again_at(), None);
}

#[test]
fn a_group_is_given_one_window_before_it_is_too_quiet() {
    let trigger = Trigger::FewerThan { count: 3, within: 10 };
    check(&trigger, &samples(&[0, 1]), &[(10, END_OF_TIME)]);
    check(&trigger, &samples(&[0, 3, 6, 9, 12, 15, 18]), &[(22, END_OF_TIME)]);
}

#[test]
fn a_spike_is_measured_by_the_windows_before() {
    let trigger = Trigger::Spike { ratio: 3.0, within: 10, windows: 2, at_least: 3 };
    let times = [0, 8, 14, 20, 21, 22, 23, 24, 25];
    let figures = check(&trigger, &samples(&times), &[(21, 35)]);
    assert_eq!(figures, [Figure::Ratio { count: 6, usual: 1.5 }]);
    // Where nothing was usual, the least number decides.
    check(&trigger, &samples(&[0, 1, 2]), &[(2, 12)]);
}

#[test]
fn a_first_value_is_neither_new_nor_a_change() {
    let samples = with_values(&[(0, json!("a")), (10, json!("a")), (20, json!("b")), (100, json!("a"))]);
    let new = Trigger::NewValue { field: "firmware".to_owned(), remember: 1000 };
    assert_eq!(check(&new, &samples, &[(20, 70)]), [Figure::New(json!("b"))]);
    let change = Trigger::Change { field: "firmware".to_owned() };
    let figures = check(&change, &samples, &[(20, 70), (100, 150)]);
    assert_eq!(figures[1], Figure::Changed { from: json!("b"), to: json!("a") });
}

#[test]
fn a_statistic_holds_while_its_window_is_beyond_the_bound() {
    let trigger = Trigger::Value { statistic: Statistic::Avg, within: 60, above: Some(80.0), below: None, at_least: 2 };
    let samples = with_values(&[(0, json!(85)), (20, json!(95)), (40, json!(20)), (45, json!("90"))]);
    assert_eq!(check(&trigger, &samples, &[(20, 40)]), [Figure::Value(90.0)]);
    let too_little =
        Trigger::Value { statistic: Statistic::Sum, within: 60, above: None, below: Some(50.0), at_least: 1 };
    // From 80 on only the last number is in the window, until there is none.
    check(&too_little, &samples, &[(80, 100)]);
}

#[test]
fn the_newest_evidence_is_kept_and_all_is_counted() {
    let times: Vec<i64> = (0..100).collect();
    let verdict = judge(&Trigger::AtLeast { count: 5, within: 60 }, &samples(&times), 200);
    assert_eq!(verdict.episodes.len(), 1);
    let grounds = &verdict.episodes[0].grounds;
    assert_eq!((grounds.count, grounds.ids.len()), (100, 20));
    assert_eq!((grounds.ids[0].as_str(), grounds.ids[19].as_str()), ("080", "099"));
    assert_eq!(grounds.figure, Figure::Count(60));
}

#[test]
fn periods_as_long_as_time_overflow_nothing() {
    for trigger in [
        Trigger::AtLeast { count: 1, within: i64::MAX },
        Trigger::Silence { after: i64::MAX },
        Trigger::Spike { ratio: 2.0, within: i64::MAX, windows: u32::MAX, at_least: 1 },
        Trigger::NewValue { field: String::new(), remember: i64::MAX },
    ] {
        let samples = samples(&[0, i64::MAX - 1]);
        let verdict = evaluate(&trigger, i64::MAX, Mark { from: 0, to: i64::MAX - 1 }, &samples, 0);
        assert_eq!(verdict.judged, Span { from: 0, to: i64::MAX });
    }
}
