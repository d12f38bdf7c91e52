//! Reads rules and receivers again when they change. What is wrong leaves at work what was right before, and is told.

use std::{path::PathBuf, sync::Arc};

use labtrail_shared::telemetry::with_causes;
use tokio::sync::watch;
use tracing::{info, warn};

use super::{
    clock::Clock,
    config::AlertsConfig,
    metrics::AlertMetrics,
    own::{self, Condition},
    rows, rule_state,
    rulebook::{self, Rulebook, Sources},
};
use crate::{
    alert::rule::RuleSection,
    config::AdoptedSettings,
    store::{EventStore, StoreError},
};

/// Where rules and receivers are.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub(super) config: AlertsConfig,
    pub(super) data_dir: PathBuf,
    pub(super) madsci: AdoptedSettings,
    /// What this collector is called: host and data folder.
    pub(super) name: String,
}

/// Reads them.
#[derive(Debug)]
pub(super) struct Reloader {
    place: Place,
    store: Arc<dyn EventStore>,
    clock: Clock,
    metrics: AlertMetrics,
    /// What was read last, right or wrong.
    read: Option<Sources>,
    /// Files that were read and are others than before: they count when they are read so once more. Somebody may be writing them.
    changing: Option<Sources>,
    rulebook: watch::Sender<Arc<Rulebook>>,
    problems: watch::Sender<Vec<String>>,
    /// Which problems were told.
    told: Option<String>,
}

impl Reloader {
    /// Reads them for the first time.
    pub(super) async fn start(
        place: Place,
        store: Arc<dyn EventStore>,
        clock: Clock,
        metrics: AlertMetrics,
    ) -> (Self, watch::Receiver<Arc<Rulebook>>, watch::Receiver<Vec<String>>) {
        let now = clock.now();
        let read = sources(&place, &*store).await;
        let (book, read) = match read {
            Ok(sources) => (rulebook::first(&sources, &place.config, place.madsci.0.as_deref(), now), Some(sources)),
            Err(problem) => {
                warn!("{problem}");
                let none = Sources::default();
                let book = rulebook::first(&none, &place.config, place.madsci.0.as_deref(), now);
                (Rulebook { problems: vec![problem], ..book }, None)
            }
        };
        if let Err(error) = rule_state::note_missing(&*store, &book).await {
            warn!(error = with_causes(&error), "it is noted later which rules are missing");
        }
        metrics.rules.set(book.rules.rules().len() as i64);
        metrics.problems.set(book.problems.len() as i64);
        let (problems, problems_seen) = watch::channel(book.problems.clone());
        let (rulebook, seen) = watch::channel(Arc::new(book));
        (
            Self { place, store, clock, metrics, read, rulebook, problems, told: None, changing: None },
            seen,
            problems_seen,
        )
    }

    /// Reads them again, and puts them to work if they changed and are right. Says whether to do so again soon.
    pub(super) async fn reload(&mut self) -> Result<bool, StoreError> {
        let mut is_changing = false;
        match sources(&self.place, &*self.store).await {
            Ok(sources) if self.read.as_ref() == Some(&sources) => self.changing = None,
            Ok(sources) => {
                let is_as_before = |before: &Sources| before.has_same_files(&sources);
                if self.read.as_ref().is_some_and(is_as_before) || self.changing.as_ref().is_some_and(is_as_before) {
                    self.take_up(&sources);
                    (self.read, self.changing) = (Some(sources), None);
                } else {
                    (self.changing, is_changing) = (Some(sources), true);
                }
            }
            Err(problem) => {
                self.read = None;
                self.has_problems(vec![problem]);
            }
        }
        self.tell().await?;
        let rulebook = Arc::clone(&self.rulebook.borrow());
        rule_state::note_missing(&*self.store, &rulebook).await?;
        Ok(is_changing)
    }

    fn take_up(&mut self, sources: &Sources) {
        let (config, madsci) = (&self.place.config, self.place.madsci.0.as_deref());
        match Rulebook::make(sources, config, madsci, self.clock.now()) {
            Ok(book) => {
                let rules = book.rules.rules().len();
                info!(rules, receivers = book.receiver_sections.len(), "rules and receivers were read");
                self.metrics.rules.set(rules as i64);
                self.rulebook.send_replace(Arc::new(book));
                self.has_problems(Vec::new());
            }
            Err(problems) => self.has_problems(problems),
        }
    }

    fn has_problems(&mut self, problems: Vec<String>) {
        self.metrics.problems.set(problems.len() as i64);
        self.problems.send_if_modified(|before| {
            let is_new = *before != problems;
            if is_new {
                for problem in &problems {
                    warn!("{problem}; what was right before stays at work");
                }
                *before = problems;
            }
            is_new
        });
    }

    /// Tells by an alert what is wrong, and that it no longer is.
    async fn tell(&mut self) -> Result<(), StoreError> {
        let problems = self.problems.borrow().clone();
        let text = problems.join("\n");
        if self.told.as_ref() == Some(&text) {
            return Ok(());
        }
        let problem = Some(text.as_str()).filter(|text| !text.is_empty());
        let condition = Condition { name: own::RULES_WRONG, about: ("collector", &self.place.name), problem };
        let rulebook = Arc::clone(&self.rulebook.borrow());
        own::report(&*self.store, &rulebook, &condition, self.clock.now()).await?;
        self.told = Some(text);
        Ok(())
    }
}

async fn sources(place: &Place, store: &dyn EventStore) -> Result<Sources, String> {
    let (config, data_dir) = (place.config.clone(), place.data_dir.clone());
    let read = tokio::task::spawn_blocking(move || rulebook::read_files(&config, &data_dir));
    let files = read.await.map_err(|error| error.to_string())??;
    let api_rules: Result<Vec<RuleSection>, StoreError> = rows::read_all(store, rows::RULE, "").await;
    let api_rules = api_rules.map_err(|error| with_causes(&error))?;
    Ok(Sources { api_rules, ..files })
}
