//! How long a line takes from being written to being consumable in Kafka, and what an agent costs meanwhile.

use std::{
    fmt::Write as _,
    fs::File,
    io::Write,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use jiff::Timestamp;
use labtrail_tests::services::Kafka;
use rdkafka::{
    ClientConfig, Message,
    consumer::{BaseConsumer, Consumer},
};

use crate::measure::{Program, free_port};

const TOPIC: &str = "latency";

/// Writes `rate` lines a second to one file for `seconds`; afterwards watches the agent with `idle_files` idle files.
pub(crate) fn run(folder: &Path, rate: u64, seconds: u64, idle_files: u64) -> anyhow::Result<()> {
    let kafka = Kafka::for_measuring();
    kafka.create_topic(TOPIC, 1, &[]);
    let log = folder.join("live.log");
    let mut file = File::create(&log)?;
    let agent = start(&kafka, folder, "latency", &log)?;
    let is_over = Arc::new(AtomicBool::new(false));
    let reader = {
        let (brokers, is_over) = (kafka.brokers(), Arc::clone(&is_over));
        std::thread::spawn(move || consume(&brokers, &is_over))
    };
    // The first lines find the agent starting and are not counted.
    write(&mut file, rate, 3, "warm")?;
    let before = agent.usage()?;
    write(&mut file, rate, seconds, "line")?;
    let after = agent.usage()?;
    std::thread::sleep(Duration::from_secs(2));
    is_over.store(true, Ordering::Relaxed);
    let mut latencies = reader.join().expect("the reader does not panic")?;
    latencies.sort_unstable();
    let at = |part: f64| {
        latencies.get((latencies.len() as f64 * part) as usize).copied().unwrap_or_default() as f64 / 1000.0
    };
    println!(
        "{rate} lines/s for {seconds} s, {} of {} seen: p50 {:.1} ms, p99 {:.1} ms, max {:.1} ms; agent {:.2} % of a core, RSS {:.1} MB",
        latencies.len(),
        rate * seconds,
        at(0.5),
        at(0.99),
        at(0.999_999),
        (after.cpu_seconds - before.cpu_seconds) / seconds as f64 * 100.0,
        after.resident_mb,
    );
    drop(agent);
    idle(&kafka, folder, idle_files, seconds)
}

fn start(kafka: &Kafka, folder: &Path, name: &str, logs: &Path) -> anyhow::Result<Program> {
    let to = format!("kafka://{}/{TOPIC}", kafka.brokers());
    let status = format!("127.0.0.1:{}", free_port()?);
    let data = folder.join(format!("agent-{name}"));
    let arguments =
        ["--to", &to, "--status-listen", &status, "--data-dir", &data.to_string_lossy(), &logs.to_string_lossy()];
    Program::start("labtrail-agent", &arguments)
}

/// Writes lines evenly, a piece each millisecond, each line with the microsecond at which it is written.
fn write(file: &mut File, rate: u64, seconds: u64, word: &str) -> anyhow::Result<()> {
    let (began_at, all) = (Instant::now(), rate * seconds);
    let mut written = 0;
    let mut piece = String::new();
    while written < all {
        let due = ((began_at.elapsed().as_secs_f64() * rate as f64) as u64).min(all);
        piece.clear();
        for _ in written..due {
            let now = Timestamp::now();
            let text =
                "pressure 391 bar, flow 0.42 ml/min, column oven at 40.0 C, lamp on, sequence step 17 of 96, vial B4";
            writeln!(piece, "{now} INFO {word} sent={} {text}", now.as_microsecond())?;
        }
        file.write_all(piece.as_bytes())?;
        written = due;
        std::thread::sleep(Duration::from_millis(1));
    }
    Ok(())
}

/// The latency of each counted line, in microseconds.
fn consume(brokers: &str, is_over: &AtomicBool) -> anyhow::Result<Vec<i64>> {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", brokers)
        .set("group.id", "labtrail-bench-latency")
        .set("auto.offset.reset", "earliest")
        .set("fetch.wait.max.ms", "100")
        .set("fetch.queue.backoff.ms", "1")
        .create()?;
    consumer.subscribe(&[TOPIC])?;
    let mut latencies = Vec::new();
    while !is_over.load(Ordering::Relaxed) {
        let Some(message) = consumer.poll(Duration::from_millis(100)) else { continue };
        let message = message?;
        let now = Timestamp::now().as_microsecond();
        let text = String::from_utf8_lossy(message.payload().unwrap_or_default()).into_owned();
        for line in text.lines().filter_map(|line| line.split_once(" line sent=")) {
            let sent: i64 = line.1.split(' ').next().unwrap_or_default().parse()?;
            latencies.push(now - sent);
        }
    }
    Ok(latencies)
}

/// What the agent costs when nothing is written.
fn idle(kafka: &Kafka, folder: &Path, files: u64, seconds: u64) -> anyhow::Result<()> {
    let logs = folder.join("idle");
    std::fs::create_dir_all(&logs)?;
    for index in 0..files {
        std::fs::write(logs.join(format!("{index}.log")), format!("2026-11-23 10:00:00,000 INFO file {index}\n"))?;
    }
    let agent = start(kafka, folder, "idle", &logs)?;
    // Files that were just found are looked at often for a minute; idle begins after it.
    std::thread::sleep(Duration::from_secs(65));
    let before = agent.usage()?;
    std::thread::sleep(Duration::from_secs(seconds));
    let after = agent.usage()?;
    println!(
        "{files} idle files for {seconds} s: {:.2} % of a core, RSS {:.1} MB, peak {:.1} MB",
        (after.cpu_seconds - before.cpu_seconds) / seconds as f64 * 100.0,
        after.resident_mb,
        after.resident_peak_mb,
    );
    Ok(())
}
