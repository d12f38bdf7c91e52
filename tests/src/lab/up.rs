//! `labtrail up`: collector and agent in one process.

use std::{ops::Deref, path::Path, process::Command, process::ExitStatus};

use super::{Api, binary, process::Process, wait::wait_until};

/// A running `labtrail up`. What can be asked of it over HTTP is reached through it.
#[derive(Debug)]
pub struct Up {
    process: Process,
    api: Api,
}

impl Up {
    pub(super) fn start(lab: &Path, arguments: &[&str], paths: &[&str]) -> Self {
        let mut command = Command::new(binary("labtrail"));
        command.args(["up", "--listen", "127.0.0.1:0", "--data-dir"]).arg(lab.join("up"));
        command.args(arguments).args(paths.iter().map(|path| lab.join(path)));
        let folder = tempfile::Builder::new().prefix("up-").tempdir_in(lab).expect("folders can be made").keep();
        let mut process = Process::start("up", command, &folder);
        let address = wait_until("labtrail up says where it listens", || {
            let ended = process.ended();
            assert!(ended.is_none(), "labtrail up ended with {ended:?}: {}", process.log());
            let output = process.output();
            let (_, rest) = output.split_once("Labtrail: http://")?;
            rest.split_once('/')?.0.parse().ok()
        });
        Self { process, api: Api::new(address) }
    }

    /// Waits until everything that the files held at the start is stored.
    pub fn wait_until_caught_up(&self) {
        wait_until("labtrail up has caught up", || self.process.log().contains("caught up").then_some(()));
    }

    /// Asks it to end, as Ctrl-C does.
    pub fn interrupt(&mut self) -> ExitStatus {
        self.process.interrupt()
    }

    /// What it logged.
    pub fn log(&self) -> String {
        self.process.log()
    }
}

impl Deref for Up {
    type Target = Api;

    fn deref(&self) -> &Api {
        &self.api
    }
}
