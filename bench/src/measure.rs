//! What a process costs, as the kernel counts it.

use std::{
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, ensure};

/// The kernel's clock for process times (`getconf CLK_TCK`; 100 on every Linux this runs on).
const TICKS_PER_SECOND: f64 = 100.0;

/// A program of this workspace, started for measuring and ended on drop.
#[derive(Debug)]
pub(crate) struct Program(Child);

/// What a process used so far.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Usage {
    pub cpu_seconds: f64,
    pub resident_peak_mb: f64,
    pub resident_mb: f64,
}

impl Usage {
    /// What a process used so far.
    pub(crate) fn of(process_id: u32) -> anyhow::Result<Self> {
        let stat = std::fs::read_to_string(format!("/proc/{process_id}/stat"))?;
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
        let ticks: f64 = fields[11].parse::<f64>()? + fields[12].parse::<f64>()?;
        let status = std::fs::read_to_string(format!("/proc/{process_id}/status"))?;
        let kib = |key: &str| -> f64 {
            let line = status.lines().find_map(|line| line.strip_prefix(key)).unwrap_or_default();
            line.split_whitespace().next().and_then(|number| number.parse().ok()).unwrap_or(0.0)
        };
        Ok(Usage {
            cpu_seconds: ticks / TICKS_PER_SECOND,
            resident_peak_mb: kib("VmHWM:") / 1024.0,
            resident_mb: kib("VmRSS:") / 1024.0,
        })
    }
}

impl Program {
    /// Starts a program that lies beside this one.
    pub(crate) fn start(name: &str, arguments: &[&str]) -> anyhow::Result<Self> {
        let path = beside(name)?;
        let child = Command::new(&path)
            .args(arguments)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .with_context(|| format!("start {}", path.display()))?;
        Ok(Self(child))
    }

    /// The number of its process.
    pub(crate) fn id(&self) -> u32 {
        self.0.id()
    }

    /// What it used so far.
    pub(crate) fn usage(&self) -> anyhow::Result<Usage> {
        Usage::of(self.0.id())
    }

    /// Waits until `is_done`, and says how long it took; fails when the program ends before.
    pub(crate) fn wait_until(
        &mut self,
        began_at: Instant,
        mut is_done: impl FnMut() -> bool,
    ) -> anyhow::Result<Duration> {
        while !is_done() {
            ensure!(self.0.try_wait()?.is_none(), "the program ended before it was done");
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(began_at.elapsed())
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // Already gone is as good.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Runs this program itself with other arguments to the end; gives its output, CPU seconds and wall seconds.
pub(crate) fn run_self(arguments: &[&str]) -> anyhow::Result<(String, f64, f64)> {
    let before = children_cpu_seconds()?;
    let began_at = Instant::now();
    let output = Command::new(std::env::current_exe()?).args(arguments).stderr(Stdio::inherit()).output()?;
    ensure!(output.status.success(), "{arguments:?} failed");
    let wall = began_at.elapsed().as_secs_f64();
    Ok((String::from_utf8_lossy(&output.stdout).trim().to_owned(), children_cpu_seconds()? - before, wall))
}

fn children_cpu_seconds() -> anyhow::Result<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    Ok((fields[13].parse::<f64>()? + fields[14].parse::<f64>()?) / TICKS_PER_SECOND)
}

fn beside(name: &str) -> anyhow::Result<PathBuf> {
    let path = std::env::current_exe()?.with_file_name(name);
    ensure!(path.exists(), "{} is missing: run `cargo build --release --workspace` first", path.display());
    Ok(path)
}

/// A free port on loopback.
pub(crate) fn free_port() -> anyhow::Result<u16> {
    Ok(std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

/// The value of a metric without labels on a page of metrics; none while it cannot be read.
pub(crate) fn metric(url: &str, name: &str) -> Option<f64> {
    let text = ureq::get(url).call().ok()?.into_body().read_to_string().ok()?;
    text.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok())
}
