//! Alerts at work: what `alert` decides is done here, by any number of collectors that share a store.
//!
//! The store is the truth, and marks say where to look. `ingest` marks where events came that concern a rule, after they are
//! stored and before their sender is told so. One collector leads (`lease`): it takes what is marked and what is due, reads
//! from the store the events of that rule and group, and asks `alert` what follows. So no window is kept in any memory, no
//! collector need see all events, and after a crash the next leader sees what the last one saw. What was sent
//! and is not stored yet is known of (`frontier`), so that nobody is missed who is only late. For rules that are new, what is
//! stored is looked through (`filler`). What is to be told goes into an outbox, from which any collector sends it (`sender`).

pub(crate) mod attend;
pub(crate) mod clock;
pub(crate) mod config;
mod continuity;
mod filler;
mod frontier;
pub(crate) mod leader;
mod lease;
pub(crate) mod marks;
pub(crate) mod metrics;
pub(crate) mod own;
mod reload;
pub(crate) mod rows;
mod rule_state;
pub(crate) mod rulebook;
pub(crate) mod sender;
pub(crate) mod stored_alert;
pub(crate) mod telling;
#[cfg(test)]
mod tests;
mod work;

use std::{path::PathBuf, sync::Arc};

use labtrail_shared::{
    shutdown::{Stop, Tasks},
    telemetry::Metrics,
};
use tokio::sync::{Notify, watch};

use self::{clock::Clock, marks::Marker, metrics::AlertMetrics, rulebook::Rulebook};
pub use self::{
    config::AlertsConfig,
    rulebook::{CheckedFiles, check_files},
};
use crate::{config::Config, store::EventStore};

/// Alerts, for those who ask about them and change them.
#[derive(Debug)]
pub(crate) struct Alerting {
    pub(crate) store: Arc<dyn EventStore>,
    pub(crate) clock: Clock,
    /// What is at work.
    pub(crate) rulebook: watch::Receiver<Arc<Rulebook>>,
    /// What is wrong with files that changed.
    pub(crate) problems: watch::Receiver<Vec<String>>,
    pub(crate) page_url: Option<String>,
    /// Asks for the rules to be read again.
    reload: Arc<Notify>,
    /// Wakes whoever judges here.
    wake: Arc<Notify>,
    metrics: AlertMetrics,
}

/// Where the page of alerts is, of a collector that people reach there.
pub(crate) fn page_address(page_url: &str) -> String {
    format!("{}/alerts", page_url.trim_end_matches('/'))
}

impl Config {
    /// Whether the files of rules and receivers that the config names are right; else all that is wrong.
    pub fn check_alerts(&self) -> Result<(), Vec<String>> {
        let sources = rulebook::read_files(&self.alerts, &self.data_dir).map_err(|problem| vec![problem])?;
        Rulebook::make(&sources, &self.alerts, self.madsci.0.as_deref(), 0).map(drop)
    }
}

impl Alerting {
    /// Starts what is at work in this collector, which the others know as `owner`.
    pub(crate) async fn start(
        config: &Config,
        owner: &str,
        store: Arc<dyn EventStore>,
        tasks: &mut Tasks,
        stop: &Stop,
        metrics: &Metrics,
    ) -> Option<Arc<Self>> {
        if !config.alerts.enabled {
            return None;
        }
        let clock = Clock::default();
        let metrics = AlertMetrics::register(metrics);
        let page_url = config.alerts.page_url.clone();
        let place = reload::Place {
            config: config.alerts.clone(),
            data_dir: PathBuf::from(&config.data_dir),
            madsci: config.madsci.clone(),
            name: format!("{}:{}", gethostname::gethostname().to_string_lossy(), config.data_dir.display()),
        };
        let (reloader, rulebook, problems) =
            reload::Reloader::start(place, Arc::clone(&store), clock.clone(), metrics.clone()).await;
        let alerting = Arc::new(Self {
            store,
            clock,
            rulebook,
            problems,
            page_url,
            reload: Arc::new(Notify::new()),
            wake: Arc::new(Notify::new()),
            metrics,
        });
        work::start(&alerting, config, owner, reloader, tasks, stop);
        Some(alerting)
    }

    /// What marks the events that come.
    pub(crate) fn marker(&self) -> Marker {
        Marker {
            rulebook: self.rulebook.clone(),
            store: Arc::clone(&self.store),
            wake: Arc::clone(&self.wake),
            metrics: self.metrics.clone(),
        }
    }

    /// Rules were changed: they are to be read again now.
    pub(crate) fn rules_changed(&self) {
        self.reload.notify_one();
    }

    /// Something is to be done now.
    pub(crate) fn wake(&self) {
        self.wake.notify_one();
    }
}
