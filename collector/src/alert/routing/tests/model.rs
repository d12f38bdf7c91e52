//! The promises, for random lives of alerts, silences, clocks that jump, and crashes of whoever asks for plans.

mod check;

use std::collections::BTreeMap;

use proptest::{
    prelude::{Just, Strategy, any, prop, prop_oneof},
    prop_assert, proptest,
    test_runner::TestCaseError,
};
use serde_json::json;

use super::{HOUR, SECOND};
use crate::alert::{
    routing::{
        GroupingConfig, Inhibition, Inhibitors, Muting, Notification, ReceiverState, Silence, SilenceRequest, StepFate,
        StepRecord, plan,
        samples::{alert, step},
    },
    step::{Alert, AlertStep, StepKind},
};

const RECEIVERS: [&str; 2] = ["team", "boss"];
const RULES: [&str; 3] = ["node", "pump", "arm"];
const CRASH_POINTS: usize = 9;

#[derive(Debug, Clone)]
enum Action {
    Life {
        rule: usize,
        node: usize,
        age: i64,
        kind: u8,
    },
    Silence {
        rule: usize,
        delay: i64,
        length: i64,
    },
    EndSilence(usize),
    Clock(i64),
    /// Asks for plans, and is stopped at that point of the protocol, if it is one.
    Plans {
        crash: usize,
    },
}

fn action(with_jumps: bool) -> impl Strategy<Value = Action> {
    let age = prop_oneof![4 => Just(0), 1 => Just(2 * HOUR)];
    let clock = prop_oneof![
        6 => 0..90 * SECOND,
        1 => 0..10 * HOUR,
        1 => (0..i64::from(u8::from(with_jumps)) + 1).prop_map(|jump| -jump * 7 * HOUR),
    ];
    prop_oneof![
        8 => (0..3_usize, 0..2_usize, age, any::<u8>())
            .prop_map(|(rule, node, age, kind)| Action::Life { rule, node, age, kind }),
        1 => (0..3_usize, 0..60 * SECOND, 1..4 * HOUR)
            .prop_map(|(rule, delay, length)| Action::Silence { rule, delay, length }),
        1 => any::<usize>().prop_map(Action::EndSilence),
        3 => clock.prop_map(Action::Clock),
        6 => (0..CRASH_POINTS * 2).prop_map(|crash| Action::Plans { crash }),
    ]
}

fn config() -> impl Strategy<Value = GroupingConfig> {
    let group_by = prop_oneof![
        Just("[\"severity\"]"),
        Just("[]"),
        Just("[\"rule\", \"group\"]"),
        Just("[\"group.source.node_id\"]")
    ];
    (group_by, 0..3_u32, 0..3_u32, 1..5_u32).prop_map(|(group_by, wait, interval, cap)| {
        let mut text = format!("group_by = {group_by}\ncap_per_minute = {cap}\n");
        for (name, seconds) in [("group_wait", wait * 10), ("group_interval", interval * 60)] {
            if seconds > 0 {
                text = format!("{text}{name} = \"{seconds}s\"\n");
            }
        }
        toml::from_str(&text).expect("a config")
    })
}

/// Whoever asks for plans was stopped.
struct Crash;

/// What survives a crash, and what does not.
struct World {
    now: i64,
    config: GroupingConfig,
    inhibitions: Vec<Inhibition>,
    silences: Vec<Silence>,
    /// Episode, number of the last repetition, whether it fires, and whether that was escalated.
    lives: BTreeMap<(usize, usize), (u32, u32, bool, bool)>,
    /// All steps there ever were, in their order.
    all: Vec<AlertStep>,
    /// The steps that wait to be routed.
    steps: Vec<AlertStep>,
    rows: BTreeMap<&'static str, String>,
    outbox: Vec<Notification>,
    /// Of plans whose row was saved, with the receiver.
    records: Vec<(&'static str, StepRecord)>,
    memory: BTreeMap<&'static str, ReceiverState>,
    has_jumped_back: bool,
}

impl World {
    fn new(config: GroupingConfig) -> Self {
        let inhibition =
            "source = { rule = \"node\" }\ntarget = { rule = \"pump\" }\nequal = [\"group.source.node_id\"]";
        Self {
            now: 1000 * HOUR,
            config,
            inhibitions: vec![toml::from_str(inhibition).expect("a rule")],
            silences: Vec::new(),
            lives: BTreeMap::new(),
            all: Vec::new(),
            steps: Vec::new(),
            rows: BTreeMap::new(),
            outbox: Vec::new(),
            records: Vec::new(),
            memory: BTreeMap::new(),
            has_jumped_back: false,
        }
    }

    fn alert(rule: usize, node: usize) -> Alert {
        alert(RULES[rule], ["N1", "N2"][node])
    }

    fn act(&mut self, action: &Action) {
        match action {
            Action::Life { rule, node, age, kind } => self.live(*rule, *node, *age, *kind),
            Action::Silence { rule, delay, length } => {
                let from = self.now + delay;
                let (by, note) = ("ann".to_owned(), String::new());
                let matcher = json!({"rule": RULES[*rule]});
                let request = SilenceRequest { matcher, from: Some(from), until: Some(from + length), by, note };
                let id = self.silences.len().to_string();
                self.silences.push(Silence::new(request, id, self.now).expect("a silence"));
            }
            Action::EndSilence(choice) => {
                if !self.silences.is_empty() {
                    let choice = choice % self.silences.len();
                    self.silences[choice] = self.silences[choice].clone().ended(self.now);
                }
            }
            Action::Clock(by) => {
                self.now += by;
                self.has_jumped_back |= *by < 0;
            }
            Action::Plans { crash } => {
                if self.plans(Some(*crash)).is_err() {
                    self.memory.clear();
                }
            }
        }
    }

    fn live(&mut self, rule: usize, node: usize, age: i64, kind: u8) {
        let life = self.lives.entry((rule, node)).or_default();
        let kind = match (life.2, kind % 4) {
            (false, _) => {
                *life = (life.0 + 1, 0, true, false);
                StepKind::Fired
            }
            (true, 0) => {
                life.1 += 1;
                StepKind::Repeated(life.1)
            }
            (true, 1) if !life.3 => {
                life.3 = true;
                StepKind::Escalated(1)
            }
            (true, _) => {
                life.2 = false;
                StepKind::Resolved
            }
        };
        let step = step(&Self::alert(rule, node), life.0, kind, self.now - age);
        self.all.push(step.clone());
        self.steps.push(step);
    }

    fn plans(&mut self, crash: Option<usize>) -> Result<Option<i64>, Crash> {
        let mut point = 0;
        let mut reach = || {
            point += 1;
            if crash == Some(point - 1) { Err(Crash) } else { Ok(()) }
        };
        let firing: Vec<Alert> =
            self.lives.iter().filter(|(_, life)| life.2).map(|((rule, node), _)| Self::alert(*rule, *node)).collect();
        let muting = Muting {
            silences: &self.silences,
            inhibitors: Inhibitors::new(&self.inhibitions, &firing),
            ..Muting::default()
        };
        let mut next_at = None;
        let mut confirmed = Vec::new();
        for receiver in RECEIVERS {
            let read = |row: &String| serde_json::from_str::<ReceiverState>(row).expect("a row");
            let state = self.memory.get(receiver).cloned().or_else(|| self.rows.get(receiver).map(read));
            let state = state.unwrap_or_else(|| ReceiverState::new(receiver));
            let done = plan(state, &self.steps, &muting, &self.config, self.now);
            for record in done.records.iter().filter(|record| matches!(record.fate, StepFate::Told { .. })) {
                let step = self.all.iter().find(|step| step.key == record.step).expect("it was made");
                let is_muted = step.kind.is_firing() && muting.reason(&step.alert, self.now).is_some();
                assert!(!is_muted, "{} was told though it is muted", record.step);
            }
            reach()?;
            self.rows.insert(receiver, serde_json::to_string(&done.state).expect("json"));
            self.records.extend(done.records.into_iter().map(|record| (receiver, record)));
            reach()?;
            for notification in &done.notifications {
                if !self.outbox.iter().any(|there| there.key == notification.key) {
                    self.outbox.push(notification.clone());
                }
                // Between the first and the rest.
                reach()?;
            }
            self.memory.insert(receiver, done.state);
            confirmed.push((receiver, done.notifications));
            next_at = next_at.into_iter().chain(done.next_at).min();
        }
        self.steps.clear();
        reach()?;
        for (receiver, notifications) in confirmed {
            let keys: Vec<String> = notifications.into_iter().map(|notification| notification.key).collect();
            self.memory.get_mut(receiver).expect("it was planned for").confirm(&keys);
        }
        Ok(next_at)
    }

    /// Until nothing is left to be done: silences end, and what mutes others resolves.
    fn come_to_rest(&mut self) {
        for node in 0..2 {
            if self.lives.get(&(0, node)).is_some_and(|life| life.2) {
                self.live(0, node, 0, 3);
            }
        }
        for _ in 0..200 {
            let Ok(next_at) = self.plans(None) else { unreachable!("there is no crash") };
            let Some(next_at) = next_at else { return };
            assert!(next_at > self.now, "asked to be asked at once");
            self.now = next_at;
        }
        panic!("there is no end to it");
    }
}

fn run(config: GroupingConfig, actions: &[Action]) -> Result<(), TestCaseError> {
    let mut world = World::new(config);
    for action in actions {
        world.act(action);
    }
    world.come_to_rest();
    world.check()
}

proptest! {
    #[test]
    fn nothing_is_lost_and_nothing_is_told_twice(
        config in config(),
        actions in prop::collection::vec(action(false), 1..60),
    ) {
        run(config, &actions)?;
    }

    #[test]
    fn nor_when_the_clock_jumps(config in config(), actions in prop::collection::vec(action(true), 1..60)) {
        run(config, &actions)?;
    }

    /// Without silences everything that fired is told or stands in what is told.
    #[test]
    fn without_silences_nothing_but_inhibition_mutes(
        config in config(),
        actions in prop::collection::vec(action(true), 1..60),
    ) {
        let mut world = World::new(config);
        for action in actions.iter().filter(|action| !matches!(action, Action::Silence { .. })) {
            world.act(action);
        }
        world.come_to_rest();
        world.check()?;
        for (_, record) in &world.records {
            let is_pump = record.step.starts_with("pump");
            let is_muted = matches!(record.fate, StepFate::MutedToTheEnd { .. } | StepFate::Superseded { .. });
            prop_assert!(is_pump || !is_muted, "{record:?}");
        }
    }
}
