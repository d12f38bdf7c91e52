//! The agent alone: lines per CPU-second and memory, beside a loop that only reads and counts lines.

use std::{
    fs::File,
    io::Read,
    path::Path,
    time::{Duration, Instant},
};

use crate::{
    corpus,
    measure::{Program, run_self},
    sink,
};

/// The sink has everything when nothing came for so long.
const QUIET: Duration = Duration::from_millis(1500);

pub(crate) fn run(folder: &Path, lines: u64) -> anyhow::Result<()> {
    let corpus = corpus::write(folder, lines)?;
    let file = corpus.to_string_lossy();
    let (_, read_cpu, _) = run_self(&["bare-read", &file])?;
    let bare = lines as f64 / read_cpu.max(0.01);
    println!("bare read loop        {bare:>12.0} lines/CPU-s");
    for compression in ["none", "zstd"] {
        let (url, taken) = sink::start()?;
        let data = folder.join(format!("agent-{compression}"));
        let config = folder.join("agent.toml");
        let text = format!(
            "data_dir = {:?}\n[[files]]\npaths = [{file:?}]\n[ship]\nto = \"{url}\"\ncompression = \"{compression}\"\n[log]\nlevel = \"warn\"\n",
            data.to_string_lossy(),
        );
        std::fs::write(&config, text)?;
        let began_at = Instant::now();
        let mut agent = Program::start("labtrail-agent", &["--config", &config.to_string_lossy()])?;
        let (mut last, mut since, mut done_at) = (0, Instant::now(), began_at);
        agent.wait_until(began_at, || {
            if taken.bytes() != last {
                (last, since, done_at) = (taken.bytes(), Instant::now(), Instant::now());
            }
            last > 0 && since.elapsed() > QUIET
        })?;
        let usage = agent.usage()?;
        let rate = lines as f64 / usage.cpu_seconds;
        println!(
            "agent, {compression:<8}       {rate:>12.0} lines/CPU-s  = {:.3} of the bare loop; {:.0} lines/s; {:.1} MB shipped in {} requests; peak RSS {:.1} MB",
            rate / bare,
            lines as f64 / (done_at - began_at).as_secs_f64(),
            last as f64 / 1e6,
            taken.requests(),
            usage.resident_peak_mb,
        );
    }
    Ok(())
}

pub(crate) fn bare_read(file: &Path) -> anyhow::Result<()> {
    let mut file = File::open(file)?;
    let mut buffer = vec![0; 256 << 10];
    let mut lines = 0;
    loop {
        let length = file.read(&mut buffer)?;
        if length == 0 {
            break;
        }
        lines += memchr::memchr_iter(b'\n', &buffer[..length]).count();
    }
    println!("{lines}");
    Ok(())
}
