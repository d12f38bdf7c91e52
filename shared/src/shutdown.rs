//! Named tasks, and how they stop.
//!
//! Only doors (sources, listeners, schedules) hear the stop signal; everything behind them ends when its input ends.
//! A task that ends before it was asked to is an error of the process.

use std::{future::Future, time::Duration};

use tokio::{sync::oneshot, task::JoinSet};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

/// The stop signal: given once, heard by every door.
#[derive(Debug, Clone, Default)]
pub struct Stop(CancellationToken);

impl Stop {
    /// Asks every door to close.
    pub fn give(&self) {
        self.0.cancel();
    }

    /// Whether the signal was given.
    pub fn is_given(&self) -> bool {
        self.0.is_cancelled()
    }

    /// Waits for the signal.
    pub async fn given(&self) {
        self.0.cancelled().await;
    }

    /// A signal for a part of the process: it is given with this one, and may be given alone.
    #[must_use]
    pub fn child(&self) -> Self {
        Self(self.0.child_token())
    }

    /// Gives the signal when the operating system asks the process to end (SIGINT, SIGTERM).
    pub async fn give_on_signal(self) {
        if let Err(error) = end_signal().await {
            error!(%error, "cannot listen for the end signal");
            std::future::pending::<()>().await;
        }
        info!("stopping: draining what was read");
        self.give();
    }
}

#[cfg(unix)]
async fn end_signal() -> std::io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        result = tokio::signal::ctrl_c() => result,
        _ = terminate.recv() => Ok(()),
    }
}

#[cfg(not(unix))]
async fn end_signal() -> std::io::Result<()> {
    tokio::signal::ctrl_c().await
}

/// A task that ended early, or failed.
#[derive(Debug, thiserror::Error)]
#[error("task {name} ended: {reason}")]
pub struct TaskError {
    /// The name it was started under.
    pub name: &'static str,
    /// Why.
    pub reason: String,
}

/// The tasks of a process or of one of its halves.
#[derive(Debug, Default)]
pub struct Tasks {
    running: JoinSet<(&'static str, Result<(), String>)>,
}

impl Tasks {
    /// No task yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Starts a task under a name.
    pub fn start<E: std::fmt::Display>(
        &mut self,
        name: &'static str,
        task: impl Future<Output = Result<(), E>> + Send + 'static,
    ) {
        self.running.spawn(async move { (name, task.await.map_err(|error| format!("{error:#}"))) });
    }

    /// Starts an operating system thread under a name, for work that blocks.
    pub fn start_thread<E: std::fmt::Display + Send + 'static>(
        &mut self,
        name: &'static str,
        work: impl FnOnce() -> Result<(), E> + Send + 'static,
    ) {
        let (done, ended) = oneshot::channel();
        let thread = std::thread::Builder::new().name(name.to_owned()).spawn(move || {
            // The receiver is gone only when the process no longer waits for this thread.
            let _ = done.send(work().map_err(|error| format!("{error:#}")));
        });
        self.running.spawn(async move {
            let result = match thread {
                Ok(_) => ended.await.unwrap_or_else(|_| Err("panicked".to_owned())),
                Err(error) => Err(format!("cannot start a thread: {error}")),
            };
            (name, result)
        });
    }

    /// Waits until a task ends although nobody asked it to, or until the stop signal is given.
    pub async fn run_until(&mut self, stop: &Stop) -> Result<(), TaskError> {
        tokio::select! {
            () = stop.given() => Ok(()),
            ended = self.running.join_next() => match ended {
                None => { stop.given().await; Ok(()) }
                Some(Ok((name, Ok(())))) if !stop.is_given() => {
                    Err(TaskError { name, reason: "before it was asked to".to_owned() })
                }
                Some(Ok((_, Ok(())))) => Ok(()),
                Some(Ok((name, Err(reason)))) => Err(TaskError { name, reason }),
                Some(Err(error)) => Err(TaskError { name: "(unknown)", reason: error.to_string() }),
            },
        }
    }

    /// Waits until a task ends, and says how. Unlike with [`Self::run_until`] a task may end without being asked to: tasks of
    /// a part that was stopped do.
    pub async fn next_ended(&mut self, stop: &Stop) -> Result<(), TaskError> {
        match self.running.join_next().await {
            None => {
                stop.given().await;
                Ok(())
            }
            Some(Ok((name, Err(reason)))) => Err(TaskError { name, reason }),
            Some(Ok((_, Ok(())))) => Ok(()),
            Some(Err(error)) => Err(TaskError { name: "(unknown)", reason: error.to_string() }),
        }
    }

    /// Waits for all tasks to end by themselves, at most this long; what still runs then is given up and named.
    pub async fn drain(&mut self, time_max: Duration) -> Result<(), TaskError> {
        let mut first_error = None;
        let drained = tokio::time::timeout(time_max, async {
            while let Some(ended) = self.running.join_next().await {
                if let Ok((name, Err(reason))) = ended {
                    error!(task = name, %reason, "task failed while stopping");
                    first_error.get_or_insert(TaskError { name, reason });
                }
            }
        })
        .await;
        if drained.is_err() {
            warn!(
                tasks = self.running.len(),
                "not all tasks ended in time; what they held is read again at the next start"
            );
            self.running.abort_all();
        }
        first_error.map_or(Ok(()), Err)
    }
}
