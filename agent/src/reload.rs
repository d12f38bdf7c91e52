//! When to read the config again: when someone asks for it (SIGHUP), or when the file says something else than before.
//!
//! The file is read by its name every two seconds, which costs some microseconds. So it does not matter how it changes:
//! written in place, replaced by a rename as editors do, or by another target of a link in the path, as Kubernetes does with
//! a `ConfigMap`. What it says is not looked at here; a config that is refused is one for the reader to report.

mod debounce;

use std::{
    convert::Infallible,
    io,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use labtrail_shared::shutdown::Stop;
use tokio::{io::AsyncReadExt, sync::mpsc};
use tracing::debug;
use xxhash_rust::xxh3::xxh3_64;

use self::debounce::Debounce;

/// How often the file is looked at.
const POLL_INTERVAL: Duration = Duration::from_secs(2);
/// A config is some kilobytes. Of a file that is none, no more than this is read.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// Why the config is to be read again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reload {
    /// Someone asked for it. An answer is expected even if nothing changed.
    Asked,
    /// The file says something else, and did not change for one look.
    Changed,
}

/// What a file says, as far as telling it from something else needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Fingerprint(u64);

impl Fingerprint {
    /// Of the file as it is now; `None` while it cannot be read. Taken before a config is loaded, it makes sure that no
    /// later change is overlooked.
    pub(crate) fn of(file: &Path) -> Option<Self> {
        let mut bytes = Vec::new();
        let file = std::fs::File::open(file).ok()?;
        io::Read::read_to_end(&mut io::Read::take(file, FILE_BYTES_MAX), &mut bytes).ok()?;
        Some(Self(xxh3_64(&bytes)))
    }

    /// [`Self::of`] that holds up nobody while a share does not answer.
    async fn of_file(file: &Path) -> Option<Self> {
        let mut bytes = Vec::new();
        let file = tokio::fs::File::open(file).await.ok()?;
        file.take(FILE_BYTES_MAX).read_to_end(&mut bytes).await.ok()?;
        Some(Self(xxh3_64(&bytes)))
    }
}

/// Watches one config file.
#[derive(Debug)]
pub(crate) struct ReloadWatch {
    file: PathBuf,
    poll_interval: Duration,
    debounce: Debounce,
    requests: Requests,
}

impl ReloadWatch {
    /// Watches a file whose content of this fingerprint was loaded. From now on SIGHUP no longer ends the process. Must be
    /// called in a runtime.
    pub(crate) fn new(file: PathBuf, loaded: Option<Fingerprint>) -> io::Result<Self> {
        let debounce = Debounce::new(loaded);
        Ok(Self { file, poll_interval: POLL_INTERVAL, debounce, requests: Requests::new()? })
    }

    /// Sends an event for each time that the config is to be read. The channel needs room for one: an event that waits there
    /// stands for all that happens until it is taken.
    pub(crate) async fn run(mut self, reloads: mpsc::Sender<Reload>, stop: Stop) -> Result<(), Infallible> {
        loop {
            let asked = tokio::select! {
                () = stop.given() => return Ok(()),
                () = self.requests.next() => true,
                () = tokio::time::sleep(self.poll_interval) => false,
            };
            let seen = Fingerprint::of_file(&self.file).await;
            let reload = if asked { Some(self.debounce.asked(seen)) } else { self.debounce.seen(seen, Instant::now()) };
            if let Some(reload) = reload
                && reloads.try_send(reload).is_err()
            {
                debug!("the config is about to be read again already");
            }
        }
    }
}

/// Requests of the operating system to read the config again.
#[cfg(unix)]
#[derive(Debug)]
struct Requests(tokio::signal::unix::Signal);

#[cfg(unix)]
impl Requests {
    fn new() -> io::Result<Self> {
        tokio::signal::unix::signal(tokio::signal::unix::SignalKind::hangup()).map(Self)
    }

    async fn next(&mut self) {
        if self.0.recv().await.is_none() {
            std::future::pending::<()>().await;
        }
    }
}

/// Windows has no such signal (a service gets `SERVICE_CONTROL_PARAMCHANGE`): there, changes of the file are all.
#[cfg(not(unix))]
#[derive(Debug)]
struct Requests;

#[cfg(not(unix))]
impl Requests {
    fn new() -> io::Result<Self> {
        Ok(Self)
    }

    async fn next(&mut self) {
        std::future::pending().await
    }
}

#[cfg(test)]
mod tests;
