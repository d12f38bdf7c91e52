//! One file that is written at full speed does not keep the others waiting.

use std::{
    fs::{self, OpenOptions},
    io::Write,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use labtrail_tests::lab::{DEADLINE, Lab, SetOnDrop, StoredEvent, poll};
use serde_json::json;

const OTHERS: usize = 30;
const ROUNDS: usize = 20;
const INTERVAL: Duration = Duration::from_millis(200);
/// What waits for its turn behind the busy file waits for much longer; the machine may stand still for a second.
const DELAY_P99_MAX: Duration = Duration::from_secs(5);
/// What is under way was read before what others write now: there must not be much of it, for programs that are built for
/// tests are slow.
const SHIP: &str = "batch_bytes_max = \"32KiB\"\nqueue_bytes_max = \"256KiB\"";
/// More would only fill the disk.
const BUSY_BYTES_MAX: usize = 300 << 20;

fn now_micros() -> u128 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_micros()
}

/// From when a line was written, as it says itself, until the collector had it.
fn delay_of(event: &StoredEvent) -> Duration {
    const HOUR: u128 = 3_600_000_000;
    let written: u128 = event.message().rsplit(' ').next().unwrap().parse().unwrap();
    let received = event.at("/_labtrail/received").as_str().expect("the collector says when it received an event");
    let second: u128 = received[17..19].parse().unwrap();
    let minute: u128 = received[14..16].parse().unwrap();
    let micros: u128 = format!("{:0<6}", received[19..].trim_start_matches('.').trim_end_matches('Z')).parse().unwrap();
    let in_hour = (minute * 60 + second) * 1_000_000 + micros;
    let delay = (in_hour + HOUR - written % HOUR) % HOUR;
    Duration::from_micros(u64::try_from(delay).unwrap())
}

#[test]
fn a_busy_file_does_not_keep_the_others_waiting() {
    let lab = Lab::new();
    fs::create_dir_all(lab.path("logs")).unwrap();
    let collector = lab.collector();
    let quiet = "labels = { which = \"quiet\" }\nexclude = [\"busy.log\"]\nparser = \"none\"";
    let mut agent = lab.agent_that_ships(&collector, SHIP, &[("logs", quiet), ("logs/busy.log", "")]);
    lab.append("logs/0.log", format!("first {}\n", now_micros()));
    collector.wait_for_events(1);
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        let _end_of_writing = SetOnDrop(&is_over);
        scope.spawn(|| {
            let mut file = OpenOptions::new().create(true).append(true).open(lab.path("logs/busy.log")).unwrap();
            let block = format!("busy {}\n", "x".repeat(190)).repeat(300);
            let mut written = 0;
            while !is_over.load(Ordering::Relaxed) && written < BUSY_BYTES_MAX {
                file.write_all(block.as_bytes()).unwrap();
                written += block.len();
                // Some 30 MB a second: more than the agent can read.
                thread::sleep(Duration::from_millis(2));
            }
        });
        for round in 0..ROUNDS {
            for file in 0..OTHERS {
                lab.append(format!("logs/{file}.log"), format!("file {file} round {round} at {}\n", now_micros()));
            }
            thread::sleep(INTERVAL);
        }
    });
    let filter = json!({"event_data.labels.which": "quiet"}).to_string();
    let count = 1 + ROUNDS * OTHERS;
    let stored =
        poll(DEADLINE, || Some(collector.search(&[("filter", &filter)])).filter(|events| events.len() >= count));
    agent.kill();
    let events = stored.expect("the lines of the quiet files are stored");
    assert_eq!(events.len(), count);
    let mut delays: Vec<Duration> = events.iter().map(delay_of).collect();
    delays.sort();
    let p99 = delays[delays.len() * 99 / 100];
    println!("of {count} lines: p50 {:?}, p99 {p99:?}, most {:?}", delays[count / 2], delays[count - 1]);
    assert!(p99 < DELAY_P99_MAX, "p99 is {p99:?}");
}
