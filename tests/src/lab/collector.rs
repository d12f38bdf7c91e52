//! A collector that can go away and come back at the same address.

use std::{net::SocketAddr, ops::Deref, path::PathBuf, process::Command};

use super::{Api, binary, port::free_address, process::Process, wait::wait_until};

/// A collector. What can be asked of it over HTTP is reached through it.
#[derive(Debug)]
pub struct Collector {
    data_dir: PathBuf,
    address: SocketAddr,
    api: Api,
    process: Option<Process>,
}

impl Collector {
    pub(super) fn new(data_dir: PathBuf) -> Self {
        let address = free_address();
        Self { data_dir, address, api: Api::new(address), process: None }
    }

    /// Starts it, without waiting until it answers.
    pub fn start(&mut self) {
        assert!(self.process.is_none(), "the collector runs already");
        let mut command = Command::new(binary("labtrail-collector"));
        command.arg("--listen").arg(self.address.to_string()).arg("--data-dir").arg(&self.data_dir);
        self.process = Some(Process::start("collector", command, &self.data_dir));
    }

    /// Waits until it answers.
    pub fn wait_until_ready(&mut self) {
        let (process, api) = (self.process.as_mut().expect("it was started"), &self.api);
        wait_until("the collector answers", || {
            let ended = process.ended();
            assert!(ended.is_none(), "the collector ended with {ended:?}: {}", process.log());
            api.total_events()
        });
    }

    /// Ends it as a power failure would.
    pub fn kill(&mut self) {
        drop(self.process.take());
    }

    /// Its address, as the agent is told it.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The running process.
    pub fn process(&mut self) -> &mut Process {
        self.process.as_mut().expect("it was started")
    }
}

impl Deref for Collector {
    type Target = Api;

    fn deref(&self) -> &Api {
        &self.api
    }
}
