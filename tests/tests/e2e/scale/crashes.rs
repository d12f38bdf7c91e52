//! Collectors of one group that are killed at random, again and again, while events come.

use labtrail_tests::{
    lab::{Collector, Lab, wait_until},
    services::{Kafka, bson::doc},
};
use rand::{RngExt, rngs::StdRng};

use super::{Plant, audit, dead_letters, metric, oracle::Oracle, seeded, told};

const PARTITIONS: usize = 8;
const COLLECTORS: usize = 3;
/// So many kills ahead are events sent, so that a kill always meets work.
const KILLS_AHEAD: u64 = 2;
/// A kill comes when at most this share of what waits is stored, in percent.
const SHARE_MAX: u64 = 60;
/// For so many kills a collector stays away at most.
const AWAY_KILLS_MAX: u32 = 3;
/// Of so many kills one comes while the database refuses.
const KILLS_BETWEEN_REFUSALS: u64 = 10;
/// A commit comes each second. With pauses of 50 ms and more, doubled each time, seven tries of each partition take longer.
const RETRIES: u64 = 7 * PARTITIONS as u64;

#[test]
fn every_event_is_stored_exactly_once_while_collectors_are_killed() {
    check("killed", 30_000, 20);
}

/// The same at length:
/// `cargo test --release -p labtrail-tests --test e2e -- --ignored --nocapture a_million_events`
#[test]
#[ignore = "takes minutes"]
fn a_million_events_are_stored_exactly_once_while_collectors_are_killed() {
    check("killed-long", 1_000_000, 150);
}

fn check(name: &'static str, events: u64, kills: u64) {
    let mut random = seeded();
    let (plant, lab) = (Plant::new(name, PARTITIONS), Lab::new());
    let mut oracle = Oracle::new(&mut random);
    // Smaller batches than usual: more of them are under way at any moment.
    let config = format!("{}batch_events_max = 500\n", plant.config(name));
    let mut group = Group::start(&lab, &config);
    // A kill seldom meets the moment between a write and the commit of its offset. So now and then the database refuses
    // for longer than collectors wait with a commit, and then all are killed: nothing of what waited may be committed.
    // Once the others take over what a dead one had; else it comes back so soon that the group does not notice.
    let refusal = random.random_range(0..KILLS_BETWEEN_REFUSALS / 2);
    let takeover = random.random_range(kills / 4..kills / 2);
    let mut refusals = 0;
    for kill in 0..kills {
        plant.produce(&oracle.records_until(events * (kill + 1 + KILLS_AHEAD).min(kills) / kills, &mut random));
        // Somewhere in what is still to be stored.
        let stored = plant.count();
        assert!(stored <= oracle.count(), "{stored} events are stored, and {} were sent", oracle.count());
        let threshold = stored + (oracle.count() - stored) * random.random_range(0..=SHARE_MAX) / 100;
        if !plant.wait_while_events_are_stored(threshold) {
            break; // Something is missing: below it is told what.
        }
        // Without events still to be sent there would be nothing to refuse.
        let is_refusal = kill % KILLS_BETWEEN_REFUSALS == refusal && oracle.count() < events;
        if is_refusal && kill != takeover {
            refusals += 1;
            plant.refuse_inserts();
            plant.produce(&oracle.records_until((oracle.count() + events / kills).min(events), &mut random));
            group.wait_for_retries();
            group.kill_all();
            Plant::take_inserts();
            group.start_all();
            continue;
        }
        group.kill_one(&mut random);
        if kill == takeover {
            group.wait_for_takeover(&mut random);
        }
    }
    group.start_all();
    plant.wait_while_events_are_stored(oracle.count());
    plant.assert_holds(&oracle);
    assert!(refusals > 0, "the seed gave no refusal");
    plant.wait_until_committed(name);
    assert_eq!(plant.count(), events);
    let collector = &mut group.collectors[0];
    collector.wait_until_ready();
    assert_eq!(dead_letters(collector), Vec::<serde_json::Value>::new());
    assert_eq!(Kafka::shared().read_all(&plant.letters), []);
    Plant::assert_audit_is_clean(collector.config_file());
    group.stop();

    // What an audit is worth: it finds the one event that is missing.
    let (id, _) = oracle.events().iter().nth(random.random_range(0..oracle.events().len())).expect("there are events");
    plant.command(doc! {"delete": "events", "deletes": [{"q": {"_id": id}, "limit": 1}]});
    let found = audit(group.collectors[0].config_file());
    assert_eq!(found.status.code(), Some(1), "{}", told(&found));
    assert!(told(&found).contains(id.as_str()), "{id} is missing: {}", told(&found));
}

/// Collectors of one group, some of them away.
struct Group {
    collectors: Vec<Collector>,
    /// For how many kills each stays away; 0 is one that runs.
    away: Vec<u32>,
}

impl Group {
    fn start(lab: &Lab, config: &str) -> Self {
        let mut collectors: Vec<_> = (0..COLLECTORS).map(|_| lab.absent_collector_with(config)).collect();
        collectors.iter_mut().for_each(Collector::start);
        collectors.iter_mut().for_each(Collector::wait_until_ready);
        Self { away: vec![0; collectors.len()], collectors }
    }

    /// Kills one of those that run. It comes back at once or some kills later; one always stays.
    fn kill_one(&mut self, random: &mut StdRng) {
        for (collector, away) in self.collectors.iter_mut().zip(&mut self.away) {
            if *away > 0 {
                *away -= 1;
                if *away == 0 {
                    collector.start();
                }
            }
        }
        let running: Vec<usize> = (0..self.away.len()).filter(|index| self.away[*index] == 0).collect();
        let index = running[random.random_range(0..running.len())];
        self.collectors[index].kill();
        if running.len() > 1 && random.random_ratio(1, 12) {
            self.away[index] = random.random_range(1..=AWAY_KILLS_MAX);
        } else {
            self.collectors[index].start();
        }
    }

    /// Kills one and waits until the others have what it had.
    fn wait_for_takeover(&mut self, random: &mut StdRng) {
        self.start_all();
        let killed = random.random_range(0..self.collectors.len());
        self.collectors[killed].kill();
        self.away[killed] = 1;
        let others: Vec<&mut Collector> = self
            .collectors
            .iter_mut()
            .enumerate()
            .filter(|(index, _)| *index != killed)
            .map(|(_, other)| other)
            .collect();
        for other in others {
            other.wait_until_ready();
        }
        wait_until("the others have all partitions", || {
            let others = self.collectors.iter().enumerate().filter(|(index, _)| *index != killed);
            let partitions: u64 = others.map(|(_, other)| metric(other, "labtrail_kafka_partitions")).sum();
            (partitions == PARTITIONS as u64 + 1).then_some(())
        });
    }

    /// Waits until all of them run and have tried so often to store that offsets were committed meanwhile.
    fn wait_for_retries(&mut self) {
        self.start_all();
        self.collectors.iter_mut().for_each(Collector::wait_until_ready);
        wait_until("the database has refused often enough", || {
            let retries: u64 =
                self.collectors.iter().map(|collector| metric(collector, "labtrail_kafka_store_retries_total")).sum();
            (retries >= RETRIES).then_some(())
        });
    }

    fn kill_all(&mut self) {
        self.collectors.iter_mut().for_each(Collector::kill);
        self.away.fill(1);
    }

    fn start_all(&mut self) {
        for (collector, away) in self.collectors.iter_mut().zip(&mut self.away) {
            if std::mem::take(away) > 0 {
                collector.start();
            }
        }
    }

    fn stop(&mut self) {
        self.collectors.iter_mut().for_each(Collector::stop);
    }
}
