//! Two workers, who are stopped anywhere: each row is sent at least once, and more than once only marked as a repeat.

use std::collections::BTreeMap;

use proptest::{
    prelude::{Strategy, any, prop, prop_oneof},
    prop_assert, prop_assert_eq, proptest,
    test_runner::TestCaseError,
};

use super::{CLAIM_LENGTH, HOUR, OutboxRow, RowState, SECOND, notification};
use crate::notify::Failure;

/// What a worker is about to do.
#[derive(Debug, Clone)]
enum Step {
    /// To read a row.
    Idle,
    /// To save the claim of a row that it read.
    Save(OutboxRow),
    /// To send it.
    Send(OutboxRow),
    /// To say how that ended.
    Report(OutboxRow, Result<(), Failure>),
}

#[derive(Debug, Clone)]
enum Action {
    Work { worker: usize, choice: usize, luck: u8 },
    Stop(usize),
    Clock(i64),
}

fn action() -> impl Strategy<Value = Action> {
    prop_oneof![
        12 => (0..2_usize, any::<usize>(), any::<u8>())
            .prop_map(|(worker, choice, luck)| Action::Work { worker, choice, luck }),
        1 => (0..2_usize).prop_map(Action::Stop),
        2 => prop_oneof![4 => 0..60 * SECOND, 1 => 0..HOUR, 1 => -60 * SECOND..0].prop_map(Action::Clock),
    ]
}

#[derive(Debug)]
struct Delivery {
    message_id: String,
    is_repeat: bool,
}

struct World {
    now: i64,
    store: BTreeMap<String, OutboxRow>,
    workers: [Step; 2],
    deliveries: BTreeMap<String, Vec<Delivery>>,
    /// Keys in the order in which they arrived for the first time.
    order: Vec<String>,
}

impl World {
    fn new(afters: &[Vec<usize>]) -> Self {
        let mut store = BTreeMap::new();
        for (place, after) in afters.iter().enumerate() {
            let after: Vec<String> =
                after.iter().filter(|_| place > 0).map(|before| format!("K{}", before % place.max(1))).collect();
            let after: Vec<&str> = after.iter().map(String::as_str).collect();
            let key = format!("K{place}");
            store.insert(key.clone(), OutboxRow::new(notification(&key, place as u64, &after), 0));
        }
        let workers = [Step::Idle, Step::Idle];
        Self { now: 0, store, workers, deliveries: BTreeMap::new(), order: Vec::new() }
    }

    /// Saves a row over the one it was made from.
    fn save(&mut self, row: &OutboxRow) -> bool {
        let stored = self.store.get_mut(&row.key).expect("rows stay");
        let is_newest = stored.revision + 1 == row.revision;
        if is_newest {
            *stored = row.clone();
        }
        is_newest
    }

    fn work(&mut self, worker: usize, choice: usize, luck: u8) {
        let step = std::mem::replace(&mut self.workers[worker], Step::Idle);
        self.workers[worker] = match step {
            Step::Idle => {
                let state_of = |key: &str| self.store.get(key).map(|row| row.state);
                let mut due: Vec<&OutboxRow> =
                    self.store.values().filter(|row| row.is_due(self.now) && !row.is_held_up(state_of)).collect();
                due.sort_by_key(|row| row.sequence);
                let Some(row) = due.get(choice % due.len().max(1)) else { return };
                let claimed = row.claim(&format!("W{worker}"), self.now).expect("it is due");
                Step::Save(claimed)
            }
            Step::Save(row) => {
                if self.save(&row) {
                    Step::Send(row)
                } else {
                    Step::Idle
                }
            }
            Step::Send(row) => {
                let token = row.claim.as_ref().expect("it was claimed").token;
                if row.may_be_sent(token, self.now) { self.send(row, luck) } else { Step::Idle }
            }
            Step::Report(row, result) => {
                let stored = &self.store[&row.key];
                let token = row.claim.as_ref().expect("it was claimed").token;
                let next = match &result {
                    Ok(()) => stored.sent(self.now),
                    Err(failure) => stored.failed(token, failure, self.now),
                };
                if let Some(next) = next {
                    assert!(self.save(&next), "nobody is in between here");
                }
                Step::Idle
            }
        };
    }

    fn send(&mut self, row: OutboxRow, luck: u8) -> Step {
        let failure = |may_have_arrived| Failure { may_have_arrived, ..Failure::default() };
        // Of eight attempts one fails, one fails after the receiver has it, one is reported late, and the rest is well.
        if luck.is_multiple_of(8) {
            return Step::Report(row, Err(failure(false)));
        }
        let key = row.key.clone();
        if !self.deliveries.contains_key(&key) {
            self.order.push(key.clone());
        }
        let delivery = Delivery { message_id: row.message_id.clone(), is_repeat: row.is_repeat };
        self.deliveries.entry(key).or_default().push(delivery);
        let result = if luck % 8 == 1 { Err(failure(true)) } else { Ok(()) };
        if luck % 8 == 2 {
            self.now += CLAIM_LENGTH;
        }
        Step::Report(row, result)
    }

    fn act(&mut self, action: &Action) {
        match action {
            Action::Work { worker, choice, luck } => self.work(*worker, *choice, *luck),
            Action::Stop(worker) => self.workers[*worker] = Step::Idle,
            Action::Clock(by) => self.now += by,
        }
    }

    fn come_to_rest(&mut self) {
        for round in 0..2000 {
            if self.store.values().all(|row| row.state.is_settled()) {
                return;
            }
            self.work(round % 2, 0, 7);
            let is_idle = self.workers.iter().all(|step| matches!(step, Step::Idle));
            self.now += if is_idle { 30 * SECOND } else { SECOND };
        }
        panic!("there is no end to it: {:?}", self.store);
    }

    fn check(&self) -> Result<(), TestCaseError> {
        for row in self.store.values() {
            prop_assert_eq!(row.state, RowState::Sent);
            let deliveries = self.deliveries.get(&row.key).map(Vec::as_slice).unwrap_or_default();
            prop_assert!(!deliveries.is_empty(), "{} was never sent", row.key);
            let unmarked = deliveries.iter().filter(|delivery| !delivery.is_repeat).count();
            prop_assert!(unmarked <= 1, "{}: {deliveries:?}", row.key);
            prop_assert!(deliveries.iter().all(|delivery| delivery.message_id == row.message_id));
            let place = |key: &str| self.order.iter().position(|other| other == key);
            prop_assert!(row.after.iter().all(|before| place(before) < place(&row.key)), "{:?}", self.order);
        }
        Ok(())
    }
}

proptest! {
    #[test]
    fn each_row_is_sent_at_least_once_and_again_only_as_a_repeat(
        afters in prop::collection::vec(prop::collection::vec(any::<usize>(), 0..2), 1..5),
        actions in prop::collection::vec(action(), 0..120),
    ) {
        let mut world = World::new(&afters);
        for action in &actions {
            world.act(action);
        }
        world.come_to_rest();
        world.check()?;
    }
}
