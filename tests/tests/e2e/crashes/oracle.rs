//! Instruments that write and rotate their logs by a seed, and remember every line.

use std::{
    fs::{self, File, OpenOptions},
    io::Write,
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use labtrail_tests::lab::Lab;
use rand::{RngExt, rngs::StdRng};

const FILES: usize = 20;
/// A file is rotated after about so many writes.
const WRITES_PER_ROTATION: u32 = 30;
/// Two generations never begin within the resolution of the file system's clock.
const WRITES_MIN: u32 = 5;
/// Pauses between writes, so that a run lasts some tens of seconds.
const PAUSE_MICROS_MAX: u64 = 9000;

/// All instruments.
pub(crate) struct Oracle {
    instruments: Vec<Instrument>,
    lines: Vec<String>,
    lines_max: usize,
}

struct Instrument {
    number: usize,
    path: PathBuf,
    file: File,
    generations: usize,
    writes: u32,
    lines: usize,
    /// What is still to be written of a line that was begun.
    unfinished: Option<String>,
}

impl Oracle {
    /// Instruments in `logs/all` and `logs/live` that have written a line each.
    pub(crate) fn new(lab: &Lab, lines_max: usize) -> Self {
        let instruments = (0..FILES).map(|number| {
            let folder = lab.path(if number % 2 == 0 { "logs/all" } else { "logs/live" });
            fs::create_dir_all(&folder).expect("folders can be made");
            let path = folder.join(format!("instrument{number:02}.log"));
            let file = create(&path);
            Instrument { number, path, file, generations: 0, writes: 0, lines: 0, unfinished: None }
        });
        let mut oracle = Self { instruments: instruments.collect(), lines: Vec::with_capacity(lines_max), lines_max };
        for instrument in &mut oracle.instruments {
            let line = instrument.next_line(20);
            instrument.write(format!("{line}\n").as_bytes());
            oracle.lines.push(line);
        }
        oracle
    }

    /// How many lines were written so far.
    pub(crate) fn written(&self) -> u64 {
        self.lines.len() as u64
    }

    /// Writes and rotates until so many lines are written.
    pub(crate) fn write_until(&mut self, count: usize, random: &mut StdRng) {
        while self.lines.len() < count.min(self.lines_max) {
            let index = random.random_range(0..self.instruments.len());
            let instrument = &mut self.instruments[index];
            instrument.write_some(&mut self.lines, random);
            let is_due = instrument.writes >= WRITES_MIN && random.random_ratio(1, WRITES_PER_ROTATION);
            if is_due {
                instrument.rotate(random);
            }
            thread::sleep(Duration::from_micros(random.random_range(0..PAUSE_MICROS_MAX)));
        }
    }

    /// Ends every line that was begun.
    pub(crate) fn finish(&mut self, random: &mut StdRng) {
        for instrument in &mut self.instruments {
            if random.random() {
                instrument.rotate(random);
            }
            instrument.finish_line();
        }
    }

    /// Every line.
    pub(crate) fn lines(&self) -> &[String] {
        &self.lines
    }
}

impl Instrument {
    fn write_some(&mut self, lines: &mut Vec<String>, random: &mut StdRng) {
        self.finish_line();
        let mut text = String::new();
        for _ in 0..random.random_range(1..16) {
            let padding =
                if random.random_ratio(1, 50) { random.random_range(0..5000) } else { random.random_range(0..120) };
            let line = self.next_line(padding);
            text += &line;
            text.push('\n');
            lines.push(line);
        }
        let cut = if random.random_bool(0.2) { random.random_range(0..text.len()) } else { text.len() };
        self.unfinished = (cut < text.len()).then(|| text.split_off(cut));
        self.write(text.as_bytes());
        self.writes += 1;
    }

    /// A line that is like no other.
    fn next_line(&mut self, padding: usize) -> String {
        self.lines += 1;
        format!("instrument {:02} line {:06} {}", self.number, self.lines, "x".repeat(padding))
    }

    /// What was begun is ended before the rename, or after it in the renamed file, as a writer with an open handle does.
    fn rotate(&mut self, random: &mut StdRng) {
        if random.random() {
            self.finish_line();
        }
        for generation in (1..=self.generations).rev() {
            self.rename(&self.generation(generation), &self.generation(generation + 1));
        }
        self.rename(&self.path, &self.generation(1));
        self.generations += 1;
        self.writes = 0;
        let successor = create(&self.path);
        self.finish_line();
        self.file = successor;
    }

    fn generation(&self, number: usize) -> PathBuf {
        let mut path = self.path.clone().into_os_string();
        path.push(format!(".{number}"));
        path.into()
    }

    fn rename(&self, from: &Path, to: &Path) {
        fs::rename(from, to).unwrap_or_else(|error| panic!("instrument {}: {error}", self.number));
    }

    fn finish_line(&mut self) {
        if let Some(rest) = self.unfinished.take() {
            self.write(rest.as_bytes());
        }
    }

    fn write(&mut self, bytes: &[u8]) {
        self.file.write_all(bytes).expect("a file can be written");
    }
}

fn create(path: &Path) -> File {
    OpenOptions::new().create_new(true).append(true).open(path).expect("a file can be created")
}
