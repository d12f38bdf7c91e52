//! What is told, and when, in cases that a person can follow. The promises as such are in `model`.

mod model;

use std::collections::BTreeMap;

use serde_json::json;

use super::{
    GroupingConfig, Inhibition, Inhibitors, MaintenanceWindow, Muting, Notification, NotificationKind, Plan,
    ReceiverState, Silence, SilenceRequest, StepFate, plan,
    samples::{alert, step},
};
use crate::alert::{
    rule::Severity,
    step::{AlertStep, StepKind},
};

const SECOND: i64 = 1_000_000;
const HOUR: i64 = 3600 * SECOND;

/// A receiver to whom steps come one after the other, and who takes everything at once.
struct Team {
    state: ReceiverState,
    config: GroupingConfig,
    silences: Vec<Silence>,
    next_at: Option<i64>,
}

impl Team {
    fn new(config: &str) -> Self {
        let config = toml::from_str(config).expect("a config");
        Self { state: ReceiverState::new("team"), config, silences: Vec::new(), next_at: None }
    }

    fn silence(&mut self, rule: &str, from: i64, until: i64) {
        let (matcher, by, note) = (json!({"rule": rule}), "ann".to_owned(), String::new());
        let request = SilenceRequest { matcher, from: Some(from), until: Some(until), by, note };
        let id = format!("S{}", self.silences.len());
        self.silences.push(Silence::new(request, id, from).expect("a silence"));
    }

    fn plan(&mut self, steps: &[AlertStep], now: i64) -> Plan {
        let silences = self.silences.clone();
        self.plan_with(steps, &silences, Inhibitors::default(), now)
    }

    fn plan_with(&mut self, steps: &[AlertStep], silences: &[Silence], inhibitors: Inhibitors<'_>, now: i64) -> Plan {
        let muting = Muting { silences, inhibitors, ..Muting::default() };
        let plan = plan(self.state.clone(), steps, &muting, &self.config, now);
        let text = serde_json::to_string(&plan.state).expect("json");
        self.state = serde_json::from_str(&text).expect("a row");
        assert_eq!(self.state, plan.state, "the row is kept as text");
        let keys: Vec<String> = plan.notifications.iter().map(|notification| notification.key.clone()).collect();
        self.state.confirm(&keys);
        self.next_at = plan.next_at;
        plan
    }

    /// The notifications of a plan, each as the kinds and groups of its steps.
    fn told(&mut self, steps: &[AlertStep], now: i64) -> Vec<String> {
        texts(&self.plan(steps, now))
    }
}

fn texts(plan: &Plan) -> Vec<String> {
    let texts = plan.notifications.iter().map(|notification| {
        let steps = notification.steps.iter().map(|step| format!("{}:{}", step.kind.name(), step.alert.group));
        let more = (notification.more > 0).then(|| format!("+{}", notification.more));
        steps.chain(more).collect::<Vec<_>>().join(" ")
    });
    texts.collect()
}

fn fired(rule: &str, node: &str, at: i64) -> AlertStep {
    step(&alert(rule, node), 1, StepKind::Fired, at)
}

fn resolved(rule: &str, node: &str, at: i64) -> AlertStep {
    step(&alert(rule, node), 1, StepKind::Resolved, at)
}

fn repeated(rule: &str, node: &str, number: u32, at: i64) -> AlertStep {
    step(&alert(rule, node), 1, StepKind::Repeated(number), at)
}

const NOTHING: [&str; 0] = [];

#[test]
fn every_option_is_shown_and_read() {
    #[derive(serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Config {
        maintenance: Vec<MaintenanceWindow>,
        inhibit: Vec<Inhibition>,
        receivers: BTreeMap<String, Receiver>,
    }
    #[derive(serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Receiver {
        grouping: GroupingConfig,
    }
    let config: Config = toml::from_str(include_str!("tests/every_option.toml")).expect("a config");
    assert_eq!((config.maintenance.len(), config.inhibit.len()), (1, 1));
    let grouping = &config.receivers["team"].grouping;
    let defaults = GroupingConfig { group_wait: grouping.group_wait, ..GroupingConfig::default() };
    assert_eq!(*grouping, GroupingConfig { group_interval: grouping.group_interval, ..defaults });
}

#[test]
fn what_comes_together_is_told_together_by_severity_and_once() {
    let mut team = Team::new("");
    let mut critical = fired("door", "N9", 0);
    critical.alert.severity = Severity::Critical;
    let steps = [fired("pump", "N1", 0), critical, fired("arm", "N2", 0)];
    assert_eq!(team.told(&steps, 0), ["fired:N9", "fired:N1 fired:N2"]);
    assert_eq!(team.told(&steps, SECOND), NOTHING);
    assert_eq!(team.next_at, None);
    let steps = [resolved("pump", "N1", 2 * SECOND), resolved("pump", "N7", 2 * SECOND)];
    assert_eq!(team.told(&steps, 2 * SECOND), ["resolved:N1"], "nobody was told of N7");
}

#[test]
fn a_burst_on_forty_nodes_is_one_notification() {
    let mut team = Team::new("group_wait = \"10s\"\ngroup_interval = \"1m\"");
    for node in 0..40 {
        let at = node * SECOND / 10;
        assert_eq!(team.told(&[fired("pump", &format!("N{node}"), at)], at), NOTHING);
        assert_eq!(team.next_at, Some(10 * SECOND));
    }
    let plan = team.plan(&[], 10 * SECOND);
    assert_eq!(plan.notifications.len(), 1);
    assert_eq!(plan.notifications[0].steps.len(), 40);
    assert_eq!(team.told(&[fired("pump", "N99", 20 * SECOND)], 20 * SECOND), NOTHING);
    assert_eq!(team.next_at, Some(70 * SECOND), "not before the interval is over");
    assert_eq!(team.told(&[], 70 * SECOND), ["fired:N99"]);
}

#[test]
fn above_the_cap_everything_is_counted_in_one_notification() {
    let mut team = Team::new("group_by = [\"rule\", \"group\"]\ncap_per_minute = 3");
    let nodes: Vec<AlertStep> = (0..200).map(|node| fired("pump", &format!("N{node}"), 0)).collect();
    let plan = team.plan(&nodes, 0);
    let counts: Vec<u64> = plan.notifications.iter().map(|told| told.steps.len() as u64 + told.more).collect();
    assert_eq!(counts, [1, 1, 198]);
    let last = &plan.notifications[2];
    assert_eq!((last.kind, last.more, last.rest[0].count), (NotificationKind::Overflow, 148, 148));
    assert_eq!(last.context()["kind"], "digest");
    // No more room in this minute; what comes meanwhile is folded when there is room again.
    assert_eq!(team.told(&[fired("arm", "A", 20 * SECOND)], 20 * SECOND), NOTHING);
    assert_eq!(team.told(&[fired("arm", "B", 21 * SECOND)], 21 * SECOND), NOTHING);
    assert_eq!(team.next_at, Some(60 * SECOND));
    assert_eq!(team.told(&[], 60 * SECOND), ["fired:A", "fired:B"]);
}

#[test]
fn old_steps_make_one_digest_and_no_flood() {
    let mut team = Team::new("group_by = [\"rule\", \"group\"]");
    let now = 60 * HOUR;
    let old: Vec<AlertStep> = (0..1000).map(|node| fired("pump", &format!("N{node}"), node * SECOND)).collect();
    assert_eq!(team.told(&old[..500], now), NOTHING);
    // An end that is not old itself waits for its beginning.
    assert_eq!(team.told(&[resolved("pump", "N1", now)], now + SECOND), NOTHING);
    assert_eq!(team.told(&[fired("arm", "A", now)], now + SECOND), ["fired:A"], "what is new is not kept waiting");
    assert_eq!(team.told(&old[500..], now + 2 * SECOND), NOTHING);
    let plan = team.plan(&[], now + 60 * SECOND);
    assert_eq!(plan.notifications.len(), 1);
    let digest = &plan.notifications[0];
    assert_eq!((digest.kind, digest.steps.len(), digest.more), (NotificationKind::Digest, 50, 951));
    assert_eq!((digest.oldest_at, digest.rest.len()), (0, 2));
}

#[test]
fn what_fires_now_does_not_wait_for_a_digest() {
    let mut team = Team::new("");
    let now = 60 * HOUR;
    let old =
        [fired("pump", "N1", 0), resolved("pump", "N1", SECOND), fired("pump", "N2", 0), resolved("pump", "N2", 0)];
    assert_eq!(team.told(&old, now), NOTHING);
    let again = step(&alert("pump", "N1"), 2, StepKind::Fired, now);
    assert_eq!(team.told(&[again], now + SECOND), ["fired:N1 resolved:N1 fired:N1"]);
    assert_eq!(team.told(&[], now + 60 * SECOND), ["fired:N2 resolved:N2"]);
}

#[test]
fn a_muted_alert_is_told_when_the_silence_ends_and_it_still_fires() {
    let mut team = Team::new("");
    team.silence("pump", 0, 100 * SECOND);
    let steps = [fired("pump", "N1", SECOND), fired("pump", "N2", SECOND), fired("arm", "N1", SECOND)];
    let plan = team.plan(&steps, SECOND);
    assert_eq!(texts(&plan), ["fired:N1"]);
    assert_eq!(plan.next_at, Some(100 * SECOND));
    let muted = plan.records.iter().filter(|record| matches!(record.fate, StepFate::Muted { .. })).count();
    assert_eq!((muted, team.state.waiting().len()), (2, 2));
    let plan = team.plan(&[resolved("pump", "N2", 50 * SECOND), repeated("pump", "N1", 1, 50 * SECOND)], 50 * SECOND);
    assert_eq!(texts(&plan), NOTHING);
    let for_good = plan.records.iter().filter(|record| matches!(record.fate, StepFate::MutedToTheEnd { .. })).count();
    assert_eq!((for_good, team.state.waiting().len()), (2, 1));
    assert_eq!(team.told(&[], 100 * SECOND), ["fired:N1"]);
    // Told once, its end is told, whatever is silent by then.
    team.silence("pump", 150 * SECOND, 900 * SECOND);
    assert_eq!(team.told(&[repeated("pump", "N1", 2, 160 * SECOND)], 160 * SECOND), NOTHING);
    assert_eq!(team.told(&[repeated("pump", "N1", 3, 170 * SECOND)], 170 * SECOND), NOTHING);
    assert_eq!(team.state.waiting().len(), 1, "the newer repetition stands for the older one");
    assert_eq!(team.told(&[resolved("pump", "N1", 200 * SECOND)], 200 * SECOND), ["resolved:N1"]);
}

#[test]
fn somebody_who_was_late_decides_as_if_in_time() {
    let check = |silence: [i64; 2], expected: &[&str]| {
        let mut team = Team::new("");
        team.silence("pump", silence[0] * SECOND, silence[1] * SECOND);
        let steps = [fired("pump", "N1", 10 * SECOND), resolved("pump", "N1", 20 * SECOND)];
        assert_eq!(team.told(&steps, 30 * SECOND), expected, "{silence:?}");
        assert!(!team.state.has_waiting());
    };
    // All of it was in the silence, though that is over.
    check([5, 25], &[]);
    // It still fired when the silence ended.
    check([5, 15], &["fired:N1 resolved:N1"]);
    // It was due before the silence began.
    check([15, 25], &["fired:N1 resolved:N1"]);
    // Somebody wants to hear nothing of it now.
    check([25, 99], &[]);
}

#[test]
fn an_inhibited_alert_is_told_when_its_source_is_over() {
    let rules: Vec<Inhibition> = vec![
        toml::from_str(
            "source = { rule = \"node\" }\ntarget = { rule = \"pump\" }\nequal = [\"group.source.node_id\"]",
        )
        .expect("a rule"),
    ];
    let (node, pump) = (alert("node", "N1"), alert("pump", "N1"));
    let mut team = Team::new("");
    let steps = [fired("node", "N1", 0), fired("pump", "N1", 0)];
    let plan = team.plan_with(&steps, &[], Inhibitors::new(&rules, [&node, &pump]), 0);
    assert_eq!(texts(&plan), ["fired:N1"]);
    assert_eq!(plan.next_at, None);
    let steps = [resolved("node", "N1", SECOND)];
    let plan = team.plan_with(&steps, &[], Inhibitors::new(&rules, [&pump]), SECOND);
    assert_eq!(texts(&plan), ["fired:N1 resolved:N1"]);
}

#[test]
fn an_escalation_goes_to_whom_it_is_for_and_so_does_the_end() {
    let mut boss = Team::new("");
    boss.state = ReceiverState::new("boss");
    let alert = alert("pump", "N1");
    assert_eq!(boss.told(&[step(&alert, 1, StepKind::Fired, 0)], 0), NOTHING);
    assert_eq!(boss.told(&[step(&alert, 1, StepKind::Escalated(1), SECOND)], SECOND), ["escalated:N1"]);
    assert_eq!(boss.told(&[step(&alert, 1, StepKind::Resolved, 2 * SECOND)], 2 * SECOND), ["resolved:N1"]);
}

#[test]
fn a_notification_does_not_overtake_what_was_told_of_its_alerts() {
    let mut team = Team::new("");
    let first = team.plan(&[fired("pump", "N1", 0), fired("pump", "N2", 0)], 0).notifications;
    let other = team.plan(&[fired("pump", "N3", 1)], 1).notifications;
    assert_eq!(other[0].after, Vec::<String>::new());
    let ends = [resolved("pump", "N1", 2), resolved("pump", "N2", 2), resolved("pump", "N3", 2)];
    let last = team.plan(&ends, 2).notifications;
    let mut expected = vec![first[0].key.clone(), other[0].key.clone()];
    expected.sort_unstable();
    assert_eq!(last[0].after, expected);
    let again = team.plan(&[step(&alert("pump", "N1"), 2, StepKind::Fired, 3)], 3).notifications;
    assert_eq!(again[0].after, [last[0].key.clone()], "nor the end of the last time");
}

/// It was of no interest when it was offered first, and nobody took it away before the alert had fired again.
#[test]
fn an_end_that_is_offered_again_does_not_end_the_next_episode() {
    let mut boss = Team::new("");
    boss.state = ReceiverState::new("boss");
    let alert = alert("pump", "N1");
    let mut steps = vec![step(&alert, 1, StepKind::Fired, 0), step(&alert, 1, StepKind::Resolved, 1)];
    assert_eq!(boss.told(&steps, 1), NOTHING);
    steps.extend([step(&alert, 2, StepKind::Fired, 2), step(&alert, 2, StepKind::Escalated(1), 3)]);
    assert_eq!(boss.told(&steps, 3), ["escalated:N1"]);
    assert_eq!(boss.told(&steps, 4), NOTHING);
}

#[test]
fn what_nobody_confirmed_is_given_again() {
    let config = toml::from_str("group_by = [\"rule\"]").expect("a config");
    let steps = [fired("pump", "N1", 0), fired("arm", "N1", 0)];
    let mut first = plan(ReceiverState::new("team"), &steps, &Muting::default(), &config, 0);
    assert_eq!((first.notifications.len(), first.state.revision), (2, 1));
    let again = plan(ReceiverState::new("team"), &steps, &Muting::default(), &config, SECOND).notifications;
    let keys = |list: &[Notification]| list.iter().map(|one| one.key.clone()).collect::<Vec<_>>();
    assert_eq!(keys(&again), keys(&first.notifications), "the same steps make the same keys");
    first.state.confirm(&[first.notifications[0].key.clone()]);
    let second = plan(first.state, &steps, &Muting::default(), &config, SECOND);
    assert_eq!(second.notifications, first.notifications[1..]);
}

#[test]
fn a_clock_that_was_set_back_holds_nothing_up() {
    let mut team = Team::new("group_wait = \"10s\"\ngroup_interval = \"1m\"\ncap_per_minute = 1");
    let year = 365 * 24 * HOUR;
    assert_eq!(team.told(&[fired("pump", "N1", year)], year), NOTHING);
    assert_eq!(team.told(&[], year + 10 * SECOND), ["fired:N1"]);
    assert_eq!(team.told(&[fired("pump", "N2", year)], year + 11 * SECOND), NOTHING);
    assert_eq!(team.told(&[], HOUR), NOTHING);
    assert_eq!(team.next_at, Some(HOUR + 60 * SECOND));
    assert_eq!(team.told(&[], HOUR + 60 * SECOND), ["fired:N2"]);
}

#[test]
fn more_than_can_wait_is_told_though_it_is_muted() {
    let mut team = Team::new("");
    team.silence("pump", 0, HOUR);
    let steps: Vec<AlertStep> = (0..10_000).map(|node| fired("pump", &format!("N{node}"), 0)).collect();
    assert_eq!(team.told(&steps, 0), NOTHING);
    assert!(serde_json::to_string(&team.state).expect("json").len() < 8_000_000);
    let plan = team.plan(&[fired("pump", "one more", SECOND)], SECOND);
    assert_eq!((plan.notifications.len(), plan.notifications[0].more), (1, 9951));
}
