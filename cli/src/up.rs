//! `labtrail up`: collector and agent in one process, tied by HTTP over loopback like any other pair.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use anyhow::Context;
use clap::Args;
use labtrail_agent::{
    Agent, DateOrder, Destination,
    config::{Config as AgentConfig, FilesSection, From},
};
use labtrail_collector::{Collector, Config as CollectorConfig, config::ListenAddress};
use labtrail_shared::{
    shutdown::{Stop, Tasks},
    telemetry::{LogFormat, Metrics, start_logging},
};

use crate::progress;

/// How long the collector may take to finish what the agent has already delivered.
const COLLECTOR_DRAIN_MAX: Duration = Duration::from_secs(30);

/// The arguments of `labtrail up`.
#[derive(Debug, Args)]
pub(crate) struct Up {
    #[command(flatten)]
    pub(crate) place: Place,
    /// Where to begin with files that exist already: start (read all) or end (only what is written from now on).
    #[arg(long, value_name = "start|end", default_value = "start")]
    from: From,
    /// Whether 03/04/2026 is the 4th of March (mdy) or the 3rd of April (dmy); without it such dates are not read.
    #[arg(long, value_name = "mdy|dmy")]
    date_order: Option<DateOrder>,
    /// Files, folders (all files below them) or globs.
    #[arg(value_name = "PATH", required = true)]
    paths: Vec<String>,
}

/// Where it listens and where it keeps its data.
#[derive(Debug, Args)]
pub(crate) struct Place {
    /// Address of the page and the API.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8001")]
    pub(crate) listen: ListenAddress,
    /// Folder for the database and for how far each file is read.
    #[arg(long, value_name = "DIR", default_value = "labtrail-data")]
    pub(crate) data_dir: PathBuf,
    /// What to log: error, warn, info, debug.
    #[arg(long, value_name = "LEVEL", default_value = "warn")]
    pub(crate) log: String,
}

impl Up {
    /// Runs until it is asked to end.
    pub(crate) fn run(self) -> anyhow::Result<()> {
        let files = FilesSection::detected(&self.paths, self.from, self.date_order)?;
        run(&self.place, files, |_, _| {})
    }
}

/// Runs collector and agent until asked to end; `start_more` may add tasks that end by the stop signal.
pub(crate) fn run(
    place: &Place,
    files: Vec<FilesSection>,
    start_more: impl FnOnce(&mut Tasks, &Stop),
) -> anyhow::Result<()> {
    start_logging(&place.log, LogFormat::Text);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        std::fs::create_dir_all(&place.data_dir)
            .with_context(|| format!("create the data directory {}", place.data_dir.display()))?;
        let metrics = Metrics::default();
        // Two halves with a stop signal each: what the agent has read must find the collector still there.
        let (mut collector_tasks, collector_stop) = (Tasks::new(), Stop::default());
        let listen = place.listen.clone();
        let config = CollectorConfig { listen, data_dir: place.data_dir.clone(), ..CollectorConfig::default() };
        let collector = Collector::start(config, &mut collector_tasks, collector_stop.clone(), metrics.clone()).await?;
        let address = collector.address();
        let (mut agent_tasks, stop) = (Tasks::new(), Stop::default());
        let to: Destination = format!("http://{}", reachable(address)).parse().map_err(anyhow::Error::msg)?;
        let config = AgentConfig::quick(place.data_dir.clone(), files, Some(to));
        let drain_max = config.ship.drain_max.0 + Duration::from_secs(2);
        let agent = Agent::start(&config, &mut agent_tasks, &stop, &metrics)?;
        println!("Labtrail: http://{}/  (data in {}, Ctrl-C ends)", reachable(address), place.data_dir.display());
        let mut side_tasks = Tasks::new();
        side_tasks.start("progress", progress::show(agent.progress().clone(), stop.clone()));
        let on_signal = stop.clone();
        side_tasks.start("signals", async move {
            on_signal.give_on_signal().await;
            Ok::<(), std::io::Error>(())
        });
        start_more(&mut side_tasks, &stop);
        let ended = tokio::select! {
            ended = agent_tasks.run_until(&stop) => ended,
            ended = collector_tasks.run_until(&stop) => ended,
        };
        stop.give();
        side_tasks.drain(Duration::from_secs(1)).await?;
        let agent_ended = agent_tasks.drain(drain_max).await;
        collector_stop.give();
        let collector_ended = collector_tasks.drain(COLLECTOR_DRAIN_MAX).await;
        ended?;
        agent_ended?;
        collector_ended?;
        Ok(())
    })
}

/// The address to call where one listens on all of them.
fn reachable(mut address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        address.set_ip(if address.is_ipv4() { [127, 0, 0, 1].into() } else { std::net::Ipv6Addr::LOCALHOST.into() });
    }
    address
}
