//! A program and everything it started.

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::process::Child;

/// A process group. It is killed when this is dropped, unless it was released: a send that is given up leaves nothing behind.
pub(super) struct Group(Option<Pid>);

impl Group {
    /// The group of a process that was started as the leader of one.
    pub(super) fn led_by(child: &Child) -> Self {
        Self(child.id().and_then(|id| Pid::from_raw(id.cast_signed())))
    }

    /// Kills it.
    pub(super) fn kill(self) {
        drop(self);
    }

    /// Lets it live: its leader ended by itself, and what it left behind is its own business.
    pub(super) fn release(mut self) {
        self.0 = None;
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(group) = self.0.take() {
            // It may be gone already.
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}
