//! Records as agents and other programs write them, and what must be stored of them.

use rand::{RngExt, rngs::StdRng};
use serde_json::json;

/// Events of a batch.
const LINES_MAX: usize = 60;

/// So many of a hundred records come once more, as from an agent that died before it was told of their delivery.
const REPEATS_PERCENT: u32 = 5;

/// What is written, all of it remembered.
pub(super) struct Load {
    partitions: i32,
    messages: Vec<String>,
    /// Where the next line of each file begins.
    files: [u64; 4],
    earlier: Vec<(i32, String)>,
}

impl Load {
    pub(super) fn new(partitions: usize) -> Self {
        let partitions = i32::try_from(partitions).expect("there are few");
        Self { partitions, messages: Vec::new(), files: [0; 4], earlier: Vec::new() }
    }

    /// The messages of all events so far.
    pub(super) fn messages(&self) -> &[String] {
        &self.messages
    }

    /// How many events there are so far.
    pub(super) fn len(&self) -> usize {
        self.messages.len()
    }

    /// Records with so many more events, whose messages have about so many bytes: batches of lines, whole events, and
    /// some that were there before. Each with its partition.
    pub(super) fn records(&mut self, events: usize, bytes: usize, random: &mut StdRng) -> Vec<(i32, String)> {
        let end = self.messages.len() + events;
        let mut records = Vec::new();
        while self.messages.len() < end {
            let partition = random.random_range(0..self.partitions);
            let value = if random.random_bool(0.3) {
                self.event(bytes)
            } else {
                let lines = random.random_range(1..=LINES_MAX.min(400_000 / bytes)).min(end - self.messages.len());
                self.batch(lines, bytes, random)
            };
            records.push((partition, value));
            if random.random_ratio(REPEATS_PERCENT, 100) && !self.earlier.is_empty() {
                records.push(self.earlier[random.random_range(0..self.earlier.len())].clone());
            }
            // Some are enough, and most of the records may be large.
            if self.earlier.len() < 500 {
                self.earlier.extend(records.last().cloned());
            }
        }
        records
    }

    /// A whole event, as other programs write them.
    pub(super) fn event(&mut self, bytes: usize) -> String {
        let id = format!("01ARZ3NDEKTSV4RRFF{:08}", self.messages.len());
        let message = self.message(bytes);
        json!({"_id": id, "event_timestamp": "2026-11-23T09:18:44Z", "event_data": {"message": message}}).to_string()
    }

    /// A batch of lines that follow each other in a file.
    fn batch(&mut self, lines: usize, bytes: usize, random: &mut StdRng) -> String {
        let file = random.random_range(0..self.files.len());
        let envelope = json!({
            "agent": "pc-7", "host": "pc-7", "file": format!("/logs/{file}.log"),
            "identity": {"birth_ms": 1_700_000_000_000_u64, "hash": file}, "offset": self.files[file],
            "observed": 1_700_000_000_000_000_u64,
        });
        // The version comes first.
        let mut batch = format!("{{\"labtrail\":1,{}\n", &envelope.to_string()[1..]);
        let mut before = 0;
        for _ in 0..lines {
            let message = self.message(bytes);
            batch.push_str(&json!({"o": before, "m": message}).to_string());
            batch.push('\n');
            before = message.len() as u64 + 1;
            self.files[file] += before;
        }
        batch
    }

    /// A text that is like no other.
    fn message(&mut self, bytes: usize) -> String {
        let number = self.messages.len();
        // Not all the same, so that packing does not make nothing of it.
        let word = format!(" {:x}", (number as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15));
        let message = format!("event {number:07}{}", word.repeat(bytes / word.len()));
        self.messages.push(message.clone());
        message
    }
}
