//! One process of a service, which ends at the latest with the process that started it.

use std::{
    os::unix::process::CommandExt as _,
    path::Path,
    process::{Child, Command},
};

use super::folder::guard_command;
use crate::lab::Process;

/// A shell that leads a process group and kills it, itself included, when its input ends: when [`Guard`] is dropped,
/// and when this process is killed. As long as it lives, no other group can have its number.
const KILL: &str = "read -r line; kill -9 0";

/// A running server.
#[derive(Debug)]
pub(super) struct Server {
    process: Process,
    // Dropped last: who leads the group ends after its member.
    _guard: Guard,
}

impl Server {
    /// Starts it. What it writes goes to `NAME.log` and `NAME.out` in `folder`; the log is shown when a test fails.
    pub(super) fn start(name: &str, mut command: Command, folder: &Path) -> Self {
        let guard = Guard::start();
        command.process_group(guard.group());
        Self { process: Process::start(name, command, folder), _guard: guard }
    }

    /// Its process.
    pub(super) fn process(&mut self) -> &mut Process {
        &mut self.process
    }
}

#[derive(Debug)]
struct Guard {
    shell: Child,
}

impl Guard {
    fn start() -> Self {
        Self { shell: guard_command(KILL).spawn().expect("sh can be started") }
    }

    fn group(&self) -> i32 {
        i32::try_from(self.shell.id()).expect("numbers of processes are positive")
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        drop(self.shell.stdin.take());
        let _ = self.shell.wait();
    }
}
