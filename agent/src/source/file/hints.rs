//! What the operating system tells of changes. A hint only shortens the wait for the next look; none is relied upon.

use std::{
    collections::HashSet,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use tracing::{info, warn};

use crate::delivery::Ledger;

/// More changed paths than this are not remembered one by one: a scan then finds them all.
const PATHS_MAX: usize = 4096;

/// The paths that changed since they were last taken.
#[derive(Debug, Default)]
pub(crate) struct Changed {
    pub paths: HashSet<PathBuf>,
    /// Something changed of which the path is not known.
    pub needs_scan: bool,
}

/// Watches folders and gathers what changed in them.
#[derive(Debug)]
pub(crate) struct Hints {
    changed: Arc<Mutex<Changed>>,
    watcher: Option<RecommendedWatcher>,
    watched: HashSet<PathBuf>,
}

impl Hints {
    /// Starts watching nothing yet; `ledger` is woken by changes.
    pub(crate) fn new(ledger: Ledger) -> Self {
        let changed = Arc::new(Mutex::new(Changed::default()));
        let gather = {
            let changed = Arc::clone(&changed);
            move |event: notify::Result<notify::Event>| {
                let mut changed = changed.lock().unwrap_or_else(PoisonError::into_inner);
                let was_empty = changed.paths.is_empty() && !changed.needs_scan;
                match event {
                    // Our own reading, and handles that close without a change, are no news.
                    Ok(event) if matches!(event.kind, EventKind::Access(_)) => return,
                    Ok(event) if event.need_rescan() || changed.paths.len() > PATHS_MAX => changed.needs_scan = true,
                    Ok(event) => changed.paths.extend(event.paths),
                    Err(_) => changed.needs_scan = true,
                }
                drop(changed);
                if was_empty {
                    ledger.wake();
                }
            }
        };
        let watcher = notify::recommended_watcher(gather)
            .inspect_err(|error| warn!(%error, "no change notifications: files are polled only"))
            .ok();
        Self { changed, watcher, watched: HashSet::new() }
    }

    /// Watches a folder, if it exists and is not yet watched.
    pub(crate) fn watch(&mut self, folder: &Path, is_deep: bool) {
        let Some(watcher) = &mut self.watcher else { return };
        if self.watched.contains(folder) || !folder.is_dir() {
            return;
        }
        let mode = if is_deep { RecursiveMode::Recursive } else { RecursiveMode::NonRecursive };
        match watcher.watch(folder, mode) {
            Ok(()) => info!(folder = %folder.display(), is_deep, "watching folder"),
            Err(error) => {
                warn!(folder = %folder.display(), %error, "no change notifications for this folder: it is polled only");
            }
        }
        // Not tried again after a failure either: polling does the work.
        self.watched.insert(folder.to_owned());
    }

    /// What changed since the last call.
    pub(crate) fn take(&self) -> Changed {
        std::mem::take(&mut self.changed.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
