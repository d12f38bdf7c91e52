//! The agent from files to Kafka: lines per CPU-second and memory, beside a bare loop that produces the same file; and the
//! same with the agent killed in between, read back and counted.

use std::{
    collections::HashMap,
    fs::File,
    io::Read,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::{Context, ensure};
use labtrail_shared::wire;
use labtrail_tests::services::Kafka;
use rdkafka::{
    ClientConfig, Message,
    consumer::{BaseConsumer, Consumer},
    error::{KafkaError, RDKafkaErrorCode},
    message::BorrowedMessage,
    producer::{BaseProducer, BaseRecord, Producer},
    topic_partition_list::{Offset, TopicPartitionList},
};

use crate::{
    corpus,
    measure::{Program, free_port, metric, run_self},
};

/// What the bare loop sends at once.
const BARE_BATCH_BYTES: usize = 64 << 10;

const PARTITIONS: usize = 8;

/// One large file, then the same lines in many files, then with a kill in the middle.
pub(crate) fn run(folder: &Path, lines: u64, files: u64) -> anyhow::Result<()> {
    let kafka = Kafka::for_measuring();
    let corpus = corpus::write(folder, lines)?;
    let bytes = std::fs::metadata(&corpus)?.len();
    println!(
        "corpus: {lines} lines, {:.2} GB; Kafka 4.3.1 with one broker, topic of {PARTITIONS} partitions",
        bytes as f64 / 1e9
    );
    kafka.create_topic("bare", PARTITIONS, &[]);
    let (_, bare_cpu, bare_wall) = run_self(&["bare-produce", &corpus.to_string_lossy(), &kafka.brokers(), "bare"])?;
    let bare = lines as f64 / bare_cpu;
    println!("bare rdkafka loop        {bare:>12.0} lines/CPU-s  ({:.0} lines/s)", lines as f64 / bare_wall);
    kafka.delete_topic("bare");

    let one = ship(&kafka, folder, "one", &corpus, lines)?;
    println!("agent, one file          {one}= {:.3} of the bare loop", one.per_cpu_second(lines) / bare);

    kafka.delete_topic("one");
    let many_lines = files * 5000;
    let logs = folder.join("many");
    std::fs::create_dir_all(&logs)?;
    for index in 0..files {
        corpus::write_lines(logs.join(format!("instrument-{index:03}.log")), 5000, 200)?;
    }
    let many = ship(&kafka, folder, "many", &logs, many_lines)?;
    println!(
        "agent, {files} x 5000 lines  {many}= {:.3} of one file",
        many.per_cpu_second(many_lines) / one.per_cpu_second(lines)
    );
    kafka.delete_topic("many");
    killed(&kafka, folder, &corpus, lines)
}

/// What a run of the agent took.
struct Shipped {
    cpu_seconds: f64,
    wall: Duration,
    resident_peak_mb: f64,
    lines: u64,
}

impl Shipped {
    fn per_cpu_second(&self, lines: u64) -> f64 {
        lines as f64 / self.cpu_seconds
    }
}

impl std::fmt::Display for Shipped {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            formatter,
            "{:>12.0} lines/CPU-s  ({:.0} lines/s, peak RSS {:.1} MB)  ",
            self.per_cpu_second(self.lines),
            self.lines as f64 / self.wall.as_secs_f64(),
            self.resident_peak_mb
        )
    }
}

/// An agent with its checkpoint in `folder/NAME`, that ships to the topic `NAME`.
fn start(kafka: &Kafka, folder: &Path, name: &str, logs: &Path) -> anyhow::Result<(Program, String)> {
    let status = format!("127.0.0.1:{}", free_port()?);
    let to = format!("kafka://{}/{name}", kafka.brokers());
    let data = folder.join(format!("agent-{name}"));
    let arguments =
        ["--to", &to, "--status-listen", &status, "--data-dir", &data.to_string_lossy(), &logs.to_string_lossy()];
    Ok((Program::start("labtrail-agent", &arguments)?, format!("http://{status}/metrics")))
}

fn delivered(metrics_url: &str) -> u64 {
    metric(metrics_url, "labtrail_agent_records_delivered_total").unwrap_or(0.0) as u64
}

fn ship(kafka: &Kafka, folder: &Path, topic: &str, logs: &Path, lines: u64) -> anyhow::Result<Shipped> {
    kafka.create_topic(topic, PARTITIONS, &[]);
    let began_at = Instant::now();
    let (mut agent, metrics) = start(kafka, folder, topic, logs)?;
    let wall = agent.wait_until(began_at, || delivered(&metrics) >= lines)?;
    let usage = agent.usage()?;
    Ok(Shipped { cpu_seconds: usage.cpu_seconds, wall, resident_peak_mb: usage.resident_peak_mb, lines })
}

/// Kills the agent in the middle, starts it again, and counts what the topic then holds.
fn killed(kafka: &Kafka, folder: &Path, corpus: &PathBuf, lines: u64) -> anyhow::Result<()> {
    let topic = "killed";
    kafka.create_topic(topic, PARTITIONS, &[]);
    let began_at = Instant::now();
    let (mut agent, metrics) = start(kafka, folder, topic, corpus)?;
    agent.wait_until(began_at, || delivered(&metrics) >= lines / 2)?;
    drop(agent);
    let (mut agent, metrics) = start(kafka, folder, topic, corpus)?;
    // It tells only of what it delivered itself: the end is when nothing is added any more.
    let mut last = (0, Instant::now());
    agent.wait_until(began_at, || {
        let now = delivered(&metrics);
        if now != last.0 {
            last = (now, Instant::now());
        }
        now > 0 && last.1.elapsed() > Duration::from_secs(3)
    })?;
    drop(agent);
    let (mut seen, mut sent) = (vec![false; usize::try_from(lines)?], 0_u64);
    let line_bytes = std::fs::metadata(corpus)?.len() / lines;
    read_topic(&kafka.brokers(), topic, |value| {
        for batch in wire::decode(value).context("a record is a batch")? {
            let (events, refusals) = wire::expand(&batch, &jiff::tz::TimeZone::UTC);
            ensure!(refusals.is_empty(), "a line of a batch is refused");
            for event in events {
                let offset = event.event.event_data.pointer("/log/offset").and_then(serde_json::Value::as_u64);
                let line = offset.context("an event knows its place")? / line_bytes;
                seen[usize::try_from(line)?] = true;
                sent += 1;
            }
        }
        Ok(())
    })?;
    let distinct = seen.iter().filter(|seen| **seen).count() as u64;
    println!(
        "agent, killed half-way   {} lines lost, {} sent twice ({:.2} %), which have the same ids and are stored once",
        lines - distinct,
        sent - distinct,
        (sent - distinct) as f64 / lines as f64 * 100.0
    );
    Ok(())
}

/// Reads a topic from its beginning to its present end.
pub(crate) fn read_topic(
    brokers: &str,
    topic: &str,
    mut take: impl FnMut(&[u8]) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", brokers)
        .set("group.id", "labtrail-bench-reader")
        .set("fetch.queue.backoff.ms", "5")
        .create()?;
    let timeout = Duration::from_secs(10);
    let metadata = consumer.fetch_metadata(Some(topic), timeout)?;
    let mut ends = HashMap::new();
    let mut assignment = TopicPartitionList::new();
    for partition in metadata.topics()[0].partitions() {
        let (low, high) = consumer.fetch_watermarks(topic, partition.id(), timeout)?;
        if high > low {
            ends.insert(partition.id(), high);
            assignment.add_partition_offset(topic, partition.id(), Offset::Offset(low))?;
        }
    }
    consumer.assign(&assignment)?;
    while !ends.is_empty() {
        let message = next_message(&consumer).with_context(|| format!("read {topic} to its end"))?;
        take(message.payload().unwrap_or_default())?;
        if ends.get(&message.partition()).is_some_and(|end| message.offset() + 1 >= *end) {
            ends.remove(&message.partition());
        }
    }
    Ok(())
}

/// The next message. The library's poll also returns when it had something else to do, such as a commit.
pub(crate) fn next_message(consumer: &BaseConsumer) -> anyhow::Result<BorrowedMessage<'_>> {
    let deadline = Instant::now() + Duration::from_secs(30);
    while Instant::now() < deadline {
        if let Some(message) = consumer.poll(Duration::from_secs(1)) {
            return Ok(message?);
        }
    }
    anyhow::bail!("no message came for half a minute")
}

/// Reads a file and produces it in pieces of whole lines, as durably as the agent does. Prints the lines.
pub(crate) fn bare_produce(file: &Path, brokers: &str, topic: &str) -> anyhow::Result<()> {
    let producer: BaseProducer = ClientConfig::new()
        .set("bootstrap.servers", brokers)
        .set("enable.idempotence", "true")
        .set("acks", "all")
        .set("compression.type", "lz4")
        .set("queue.buffering.max.kbytes", "32768")
        .set("linger.ms", "5")
        .create()?;
    let mut file = File::open(file)?;
    let mut buffer = vec![0; BARE_BATCH_BYTES];
    let (mut kept, mut lines) = (0, 0);
    loop {
        let length = file.read(&mut buffer[kept..])?;
        if length == 0 {
            break;
        }
        let filled = kept + length;
        let Some(end) = memchr::memrchr(b'\n', &buffer[..filled]) else {
            anyhow::bail!("a line is longer than the buffer")
        };
        lines += memchr::memchr_iter(b'\n', &buffer[..=end]).count();
        loop {
            match producer.send(BaseRecord::<(), [u8]>::to(topic).payload(&buffer[..=end])) {
                Ok(()) => break,
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), _)) => {
                    producer.poll(Duration::from_millis(5));
                }
                Err((error, _)) => return Err(error.into()),
            }
        }
        producer.poll(Duration::ZERO);
        buffer.copy_within(end + 1..filled, 0);
        kept = filled - end - 1;
    }
    producer.flush(Duration::from_mins(1))?;
    println!("{lines}");
    Ok(())
}
