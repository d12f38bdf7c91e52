//! The life of the program: it starts, tells its service manager so, reads its config again when that changes, and ends
//! when it is asked to.

use std::{path::PathBuf, sync::Arc, time::Duration};

use labtrail_shared::{
    service,
    shutdown::{Stop, Tasks},
    telemetry::{Metrics, start_logging},
};
use tokio::sync::mpsc;
use tracing::{info, warn};

use crate::{
    Agent,
    config::{Config, ConfigError},
    priority,
    reload::{Fingerprint, ReloadWatch},
};

/// Where the settings come from, and may come from again.
pub struct Settings {
    /// The file that is watched for changes; absent for settings that are given by flags alone.
    pub file: Option<PathBuf>,
    /// Reads the settings: the file, and the flags that win over it.
    pub read: Box<dyn Fn() -> Result<Config, ConfigError> + Send + Sync>,
}

impl std::fmt::Debug for Settings {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Settings").field("file", &self.file).finish_non_exhaustive()
    }
}

/// Runs an agent until it is asked to end.
pub fn run(settings: Settings) -> anyhow::Result<()> {
    // Before the config is read, so that no later change is overlooked.
    let loaded = settings.file.as_deref().and_then(Fingerprint::of);
    let config = (settings.read)()?;
    let _logging = start_logging(&config.log.level, config.log.format);
    if config.limits.background
        && let Err(error) = priority::lower()
    {
        warn!(%error, "cannot give way to others: limits.background has no effect");
    }
    let drain_max = config.ship.drain_max.0 + Duration::from_secs(2);
    // One thread ships, one follows files: an agent is a guest on an instrument's computer.
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    runtime.block_on(async {
        let (mut tasks, stop, metrics) = (Tasks::new(), Stop::default(), Metrics::default());
        // First of all: who asks it to end while it starts is heard, too.
        let mut signals = Tasks::new();
        let on_signal = stop.clone();
        signals.start("signals", async move {
            on_signal.give_on_signal().await;
            Ok::<(), std::io::Error>(())
        });
        let agent = Arc::new(Agent::start(&config, &mut tasks, &stop, &metrics)?);
        if let Some(file) = settings.file {
            let (asks, asked) = mpsc::channel(1);
            signals.start("watch-config", ReloadWatch::new(file, loaded)?.run(asks, stop.clone()));
            signals.start("reload", reload(Arc::clone(&agent), settings.read, asked));
        }
        service::ready("following");
        let ended = tasks.run_until(&stop).await;
        service::stopping("delivering what was read");
        stop.give();
        drop(agent);
        tasks.drain(drain_max).await?;
        Ok(ended?)
    })
}

/// Reads the settings again whenever that is asked for.
async fn reload(
    agent: Arc<Agent>,
    read: Box<dyn Fn() -> Result<Config, ConfigError> + Send + Sync>,
    mut asked: mpsc::Receiver<crate::reload::Reload>,
) -> Result<(), std::convert::Infallible> {
    while let Some(reason) = asked.recv().await {
        service::reloading();
        info!(?reason, "reading the config again");
        agent.reload(read()).await;
        service::ready("following");
    }
    Ok(())
}
