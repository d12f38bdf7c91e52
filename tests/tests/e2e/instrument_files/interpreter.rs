//! Three files, and whatever may happen to them, their agent and its collector, by a seed.

use std::{
    env,
    fs::{self, File, OpenOptions},
    io::Write,
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use labtrail_tests::lab::{Agent, Collector, Lab, wait_until};
use rand::{Rng, RngExt, SeedableRng, rngs::StdRng};

use super::{assert_in_order, pack_and_delete, stored, wait_and_compare};

const SEED_VARIABLE: &str = "LABTRAIL_SEED";
const FILES: usize = 3;
const ACTIONS_MIN: usize = 40;
const ACTIONS_MAX: usize = 80;
/// Nobody waits long enough for a line to count as unfinished for good.
const PATIENCE: &str = "partial_after = \"300s\"";

#[test]
fn every_line_is_stored_exactly_once_whatever_is_done_to_its_file() {
    let seed = env::var(SEED_VARIABLE).map_or_else(|_| rand::rng().next_u64(), |text| text.parse().expect("a number"));
    println!("{SEED_VARIABLE}={seed} repeats this run, but for what the system's scheduler adds");
    let mut random = StdRng::seed_from_u64(seed);
    let mut bench = Bench::new(&mut random);
    for number in 0..random.random_range(ACTIONS_MIN..=ACTIONS_MAX) {
        print!("{number:2}: ");
        bench.act(&mut random);
    }
    bench.finish();
}

struct Bench {
    lab: Lab,
    collector: Collector,
    agent: Agent,
    is_agent_up: bool,
    /// How long the agent's log was when it was last started.
    log_before: usize,
    is_collector_up: bool,
    instruments: Vec<Instrument>,
    lines: Vec<String>,
}

impl Bench {
    fn new(random: &mut StdRng) -> Self {
        let lab = Lab::new();
        fs::create_dir_all(lab.path("logs")).expect("folders can be made");
        let patterns: &[&str] = match random.random_range(0..4) {
            0 => &["logs/*.log"],
            1 => &["logs/*.log", "logs/*.log.*.gz"],
            2 => &["logs/*.log*", "logs/*.gz"],
            _ => &["logs"],
        };
        println!("patterns {patterns:?}");
        let files: Vec<(&str, &str)> = patterns.iter().map(|pattern| (*pattern, PATIENCE)).collect();
        let watch = if random.random() { "" } else { "[watch]\nscan_interval = \"100ms\"\n" };
        let collector = lab.collector();
        let agent = lab.agent_that_ships(&collector, watch, &files);
        let instruments =
            ["a", "b", "c"].map(|name| Instrument::new(name, lab.path(format!("logs/{name}.log")))).into();
        let lines = Vec::new();
        Self { lab, collector, agent, is_agent_up: true, log_before: 0, is_collector_up: true, instruments, lines }
    }

    fn act(&mut self, random: &mut StdRng) {
        let which = random.random_range(0..FILES);
        let name = self.instruments[which].name;
        match random.random_range(0..100) {
            0..30 => {
                let count = random.random_range(1..20);
                println!("{name}: {count} lines");
                self.instruments[which].write_lines(count, &mut self.lines, random);
            }
            30..38 => {
                println!("{name}: the beginning of a line");
                self.instruments[which].begin_line(&mut self.lines, random);
            }
            38..48 => {
                let ends_before = random.random();
                println!("{name}: renamed; its last line is ended {}", if ends_before { "before" } else { "after" });
                self.catch_up_for(which);
                self.instruments[which].rotate_by_rename(ends_before);
            }
            48..58 => {
                println!("{name}: packed");
                self.catch_up_for(which);
                self.instruments[which].rotate_packed();
            }
            58..63 => {
                println!("{name}: copied and truncated");
                self.instruments[which].finish_line();
                self.catch_up();
                self.instruments[which].copy_and_truncate();
            }
            63..67 => {
                println!("{name}: deleted");
                self.instruments[which].finish_line();
                self.catch_up();
                self.instruments[which].delete();
            }
            67..77 => {
                println!("a pause");
                thread::sleep(Duration::from_millis(random.random_range(10..600)));
            }
            77..82 => {
                println!("the agent is stopped");
                if std::mem::replace(&mut self.is_agent_up, false) {
                    self.wait_until_agent_looks();
                    // Asked in its first moments, it may end at once, as if it were killed.
                    self.agent.process().interrupt();
                    self.agent.kill();
                }
            }
            82..88 => {
                println!("the agent is killed");
                if std::mem::replace(&mut self.is_agent_up, false) {
                    self.agent.kill();
                }
            }
            88..94 => {
                println!("the agent is started");
                self.start_agent();
            }
            94..97 => {
                println!("the collector is killed");
                if std::mem::replace(&mut self.is_collector_up, false) {
                    self.collector.kill();
                }
            }
            _ => {
                println!("the collector is started");
                self.start_collector();
            }
        }
    }

    fn start_agent(&mut self) {
        if !std::mem::replace(&mut self.is_agent_up, true) {
            self.log_before = self.agent.log().len();
            self.agent.start();
        }
    }

    /// A program that has hardly begun knows of no other way to end than at once.
    fn wait_until_agent_looks(&self) {
        wait_until("the agent looks for files", || {
            self.agent.log()[self.log_before..].contains("following files").then_some(())
        });
    }

    fn start_collector(&mut self) {
        if !std::mem::replace(&mut self.is_collector_up, true) {
            self.collector.start();
            self.collector.wait_until_ready();
        }
    }

    /// Waits until all that was written as whole lines is stored.
    fn catch_up(&mut self) {
        self.start_collector();
        self.start_agent();
        let unfinished: usize = self.instruments.iter().filter(|file| file.unfinished.is_some()).count();
        let is_finished = |line: &&String| self.instruments.iter().all(|file| file.begun.as_ref() != Some(*line));
        let lines: Vec<String> = self.lines.iter().filter(is_finished).cloned().collect();
        assert_eq!(lines.len() + unfinished, self.lines.len());
        wait_and_compare(&self.collector, &lines);
        for instrument in &mut self.instruments {
            // Of a file whose first line has no end nothing can be remembered.
            instrument.needs_look &= instrument.file.is_none() || instrument.unfinished.is_some();
        }
    }

    /// What no pattern means is only known as what became of a file that was followed.
    fn catch_up_for(&mut self, which: usize) {
        if self.instruments[which].needs_look {
            self.instruments[which].finish_line();
            self.catch_up();
        }
    }

    fn finish(mut self) {
        for instrument in &mut self.instruments {
            instrument.finish_line();
        }
        self.catch_up();
        self.wait_until_agent_looks();
        self.agent.process().interrupt();
        self.agent.kill();
        self.is_agent_up = false;
        // Whatever the agent still finds when it looks anew, it is nothing that it has not sent.
        self.start_agent();
        let line = "marker".to_owned();
        self.lab.append("logs/marker.log", format!("{line}\n"));
        self.lines.push(line);
        wait_and_compare(&self.collector, &self.lines);
        self.agent.kill();
        assert_in_order(&self.lines, &stored(&self.collector));
        assert_eq!(self.collector.dead_letters(), Vec::<serde_json::Value>::new());
    }
}

struct Instrument {
    name: &'static str,
    path: PathBuf,
    file: Option<File>,
    /// The newest first.
    generations: Vec<PathBuf>,
    count: usize,
    /// The line that was begun, and what is still to be written of it.
    begun: Option<String>,
    /// Nothing was written since the last rotation.
    is_empty: bool,
    unfinished: Option<String>,
    /// The agent may not know the file that lies there now, nor one that it was rotated from.
    needs_look: bool,
}

impl Instrument {
    fn new(name: &'static str, path: PathBuf) -> Self {
        let generations = Vec::new();
        Self {
            name,
            path,
            file: None,
            generations,
            count: 0,
            begun: None,
            is_empty: true,
            unfinished: None,
            needs_look: true,
        }
    }

    fn next_line(&mut self, random: &mut StdRng) -> String {
        self.count += 1;
        let padding =
            if random.random_ratio(1, 40) { random.random_range(0..9000) } else { random.random_range(0..120) };
        format!("{} line {:06} {}", self.name, self.count, "x".repeat(padding))
    }

    fn write_lines(&mut self, count: usize, lines: &mut Vec<String>, random: &mut StdRng) {
        self.finish_line();
        for _ in 0..count {
            let line = self.next_line(random);
            self.write(&format!("{line}\n"));
            lines.push(line);
        }
    }

    fn begin_line(&mut self, lines: &mut Vec<String>, random: &mut StdRng) {
        self.finish_line();
        let line = self.next_line(random);
        let cut = random.random_range(1..=line.len());
        self.write(&line[..cut]);
        self.unfinished = Some(format!("{}\n", &line[cut..]));
        self.begun = Some(line.clone());
        lines.push(line);
    }

    fn finish_line(&mut self) {
        if let Some(rest) = self.unfinished.take() {
            self.write(&rest);
        }
        self.begun = None;
    }

    fn write(&mut self, text: &str) {
        self.is_empty = text.is_empty();
        let path = &self.path;
        let open = || OpenOptions::new().create(true).append(true).open(path).expect("a file can be opened");
        self.file.get_or_insert_with(open).write_all(text.as_bytes()).expect("a file can be written");
    }

    fn rotate_by_rename(&mut self, ends_before: bool) {
        if ends_before {
            self.finish_line();
        }
        let Some(mut old) = self.file.take_if(|_| !self.is_empty) else { return };
        let unfinished = self.unfinished.take();
        self.begun = None;
        self.shift();
        let first = self.generation(1, "");
        rename(&self.path, &first);
        self.generations.insert(0, first);
        self.write("");
        if let Some(rest) = unfinished {
            old.write_all(rest.as_bytes()).expect("a file can be written");
        }
    }

    fn rotate_packed(&mut self) {
        self.finish_line();
        if self.file.take_if(|_| !self.is_empty).is_none() {
            return;
        }
        self.shift();
        let first = self.generation(1, ".gz");
        pack_and_delete(&self.path, &first);
        self.generations.insert(0, first);
        self.write("");
    }

    fn copy_and_truncate(&mut self) {
        self.finish_line();
        let Some(file) = self.file.as_ref().filter(|_| !self.is_empty) else { return };
        let file = file.try_clone().expect("a handle can be doubled");
        self.shift();
        let first = self.generation(1, "");
        fs::copy(&self.path, &first).expect("a file can be copied");
        file.set_len(0).expect("a file can be truncated");
        self.generations.insert(0, first);
        self.needs_look = true;
        self.is_empty = true;
    }

    fn delete(&mut self) {
        if self.file.take().is_some() {
            fs::remove_file(&self.path).expect("a file can be deleted");
            self.needs_look = true;
        }
    }

    /// Each generation gets the next number, the oldest first.
    fn shift(&mut self) {
        for index in (0..self.generations.len()).rev() {
            let packed =
                if self.generations[index].extension().is_some_and(|extension| extension == "gz") { ".gz" } else { "" };
            let to = self.generation(index + 2, packed);
            rename(&self.generations[index], &to);
            self.generations[index] = to;
        }
    }

    fn generation(&self, number: usize, packed: &str) -> PathBuf {
        self.path.with_file_name(format!("{}.log.{number}{packed}", self.name))
    }
}

fn rename(from: &Path, to: &Path) {
    fs::rename(from, to).expect("a file can be renamed");
}
