//! The same door for programs of this machine, in the data directory: `labtrail-agent status` asks there, so that nobody has to
//! open a port for it.

use std::path::{Path, PathBuf};

use labtrail_shared::shutdown::{Stop, Tasks};
use tracing::warn;

use super::Page;

/// Where it is, for an agent that keeps its data there.
pub fn path_in(data_dir: &Path) -> PathBuf {
    data_dir.join("agent.sock")
}

/// Opens the door. Without it the agent works all the same.
#[cfg(unix)]
pub(crate) fn open(page: Page, data_dir: &Path, tasks: &mut Tasks, stop: &Stop) {
    let path = path_in(data_dir);
    // Whoever holds the lock of the folder owns it: one that is there is left from before.
    let _ = std::fs::remove_file(&path);
    match tokio::net::UnixListener::bind(&path) {
        Ok(listener) => {
            let stop = stop.clone();
            tasks.start("local-status", async move {
                let served =
                    axum::serve(listener, page.router()).with_graceful_shutdown(async move { stop.given().await });
                let served = served.await;
                let _ = std::fs::remove_file(&path);
                served
            });
        }
        Err(error) => {
            warn!(path = %path.display(), %error, "`labtrail-agent status` will not work: cannot listen there");
        }
    }
}

/// On Windows there is no such door: `status.listen` is the way.
#[cfg(not(unix))]
pub(crate) fn open(_page: Page, _data_dir: &Path, _tasks: &mut Tasks, _stop: &Stop) {}
