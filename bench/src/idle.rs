//! What it costs to follow files that do not change.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use crate::{measure::Program, sink};

pub(crate) fn run(folder: &Path, files: u64, seconds: u64) -> anyhow::Result<()> {
    let logs = folder.join("idle");
    for index in 0..files {
        let run = logs.join(format!("run-{:03}", index / 100));
        std::fs::create_dir_all(&run)?;
        std::fs::write(
            run.join(format!("instrument-{index}.log")),
            format!("2026-11-23 10:00:00,000 INFO file {index}\n"),
        )?;
    }
    let (url, taken) = sink::start()?;
    let data = folder.join("idle-data");
    let began_at = Instant::now();
    let mut agent = Program::start(
        "labtrail-agent",
        &["--to", &url, "--data-dir", &data.to_string_lossy(), &logs.to_string_lossy()],
    )?;
    let (mut last, mut since) = (0, Instant::now());
    let caught_up = agent.wait_until(began_at, || {
        if taken.bytes() != last {
            (last, since) = (taken.bytes(), Instant::now());
        }
        last > 0 && since.elapsed() > Duration::from_millis(1500)
    })?;
    println!("{files} files of one line taken in {:.1} s", caught_up.as_secs_f64() - 1.5);
    // Files that were just found are looked at often for a minute; idle begins after it.
    std::thread::sleep(Duration::from_secs(65));
    let before = agent.usage()?;
    std::thread::sleep(Duration::from_secs(seconds));
    let after = agent.usage()?;
    println!(
        "idle for {seconds} s: {:.2} % of a core; RSS {:.1} MB, peak {:.1} MB",
        (after.cpu_seconds - before.cpu_seconds) / seconds as f64 * 100.0,
        after.resident_mb,
        after.resident_peak_mb,
    );
    Ok(())
}
