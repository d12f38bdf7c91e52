//! `labtrail demo`: a small laboratory that writes its logs while you watch.

mod instruments;

use std::{fs::OpenOptions, io::Write, path::PathBuf, time::Duration};

use clap::Args;
use jiff::{SignedDuration, Timestamp};
use labtrail_agent::config::{FilesSection, From};
use labtrail_shared::shutdown::Stop;

use self::instruments::{INSTRUMENTS, Instrument};
use crate::up::{self, Place};

/// So far back reach the logs that are there at the start.
const HISTORY: SignedDuration = SignedDuration::from_hours(24);
/// The pause between two records of an instrument's history: short in a run, long between runs.
const HISTORY_STEPS: [SignedDuration; 2] = [SignedDuration::from_secs(12), SignedDuration::from_secs(240)];
/// Runs, and the pauses between them, take about so long.
const RUN_SECONDS: i64 = 5400;
/// A file is rotated at this size, so that the demo can run for days.
const FILE_BYTES_MAX: u64 = 4 << 20;

/// The arguments of `labtrail demo`.
#[derive(Debug, Args)]
pub(crate) struct Demo {
    /// Address of the page and the API.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8001")]
    listen: labtrail_collector::config::ListenAddress,
    /// Folder for the logs that the demo writes, and for its database.
    #[arg(long, value_name = "DIR", default_value = "labtrail-demo")]
    data_dir: PathBuf,
    /// What to log: error, warn, info, debug.
    #[arg(long, value_name = "LEVEL", default_value = "warn")]
    log: String,
}

impl Demo {
    /// Writes and follows until asked to end.
    pub(crate) fn run(self) -> anyhow::Result<()> {
        let logs = self.data_dir.join("logs");
        std::fs::create_dir_all(&logs)?;
        let mut writers: Vec<Writer> = INSTRUMENTS
            .iter()
            .map(|instrument| Writer { instrument, path: logs.join(instrument.file), count: 0 })
            .collect();
        for writer in &mut writers {
            if !writer.path.exists() {
                writer.write_history()?;
            }
        }
        println!("Five instruments write to {}", logs.display());
        let paths = [logs.join("*.log*").to_string_lossy().into_owned()];
        let files = vec![FilesSection::of_paths(&paths, From::Start, None)?];
        let place = Place { listen: self.listen, data_dir: self.data_dir, log: self.log };
        up::run(&place, files, |tasks, stop| {
            for writer in writers {
                tasks.start("demo instrument", writer.run(stop.clone()));
            }
        })
    }
}

struct Writer {
    instrument: &'static Instrument,
    path: PathBuf,
    count: u64,
}

impl Writer {
    fn write_history(&mut self) -> std::io::Result<()> {
        let mut at = Timestamp::now() - HISTORY;
        let mut text = String::new();
        while at < Timestamp::now() {
            text.push_str(&self.instrument.record(self.count, at));
            self.count += 1;
            let is_between_runs = (at.as_second() / RUN_SECONDS) % 3 == 2;
            at += HISTORY_STEPS[usize::from(is_between_runs)];
        }
        std::fs::write(&self.path, text)
    }

    async fn run(mut self, stop: Stop) -> std::io::Result<()> {
        loop {
            let pause = Duration::from_millis(300 + self.instrument.jitter_ms(self.count));
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = stop.given() => return Ok(()),
            }
            let mut file = OpenOptions::new().create(true).append(true).open(&self.path)?;
            file.write_all(self.instrument.record(self.count, Timestamp::now()).as_bytes())?;
            self.count += 1;
            if file.metadata()?.len() > FILE_BYTES_MAX {
                std::fs::rename(&self.path, self.path.with_extension("log.1"))?;
            }
        }
    }
}
