//! A collector that can go away and come back at the same address.

use std::{
    fs,
    net::SocketAddr,
    ops::Deref,
    path::{Path, PathBuf},
    process::Command,
};

use super::{Api, binary, port::free_address, process::Process, wait::wait_until};

/// A collector. What can be asked of it over HTTP is reached through it.
#[derive(Debug)]
pub struct Collector {
    data_dir: PathBuf,
    /// More than the defaults, if it has a file for that.
    config: Option<PathBuf>,
    /// The folder in which it works, and its own arguments and variables, if it takes over MADSci's settings there.
    place: Option<Place>,
    address: SocketAddr,
    api: Api,
    process: Option<Process>,
}

#[derive(Debug)]
struct Place {
    folder: PathBuf,
    arguments: Vec<String>,
    variables: Vec<(String, String)>,
}

impl Collector {
    pub(super) fn new(data_dir: PathBuf) -> Self {
        let address = free_address();
        Self { data_dir, config: None, place: None, address, api: Api::new(address), process: None }
    }

    /// With a config file of this text, in front of which address and folder are put.
    pub(super) fn with_config(data_dir: PathBuf, text: &str) -> Self {
        let mut collector = Self::new(data_dir);
        fs::create_dir_all(&collector.data_dir).expect("folders can be made");
        collector.set_config(text);
        collector
    }

    /// In this folder, with these arguments and variables and no others. It must listen at this address by itself.
    pub(super) fn in_place_of_madsci(
        data_dir: PathBuf,
        folder: &Path,
        address: SocketAddr,
        arguments: &[&str],
        variables: &[(&str, &str)],
    ) -> Self {
        let arguments = arguments.iter().map(|argument| (*argument).to_owned()).collect();
        let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let place = Some(Place { folder: folder.to_owned(), arguments, variables });
        fs::create_dir_all(&data_dir).expect("folders can be made");
        Self { data_dir, config: None, place, address, api: Api::new(address), process: None }
    }

    /// Gives it another config for its next start, as [`super::Lab::collector_with`] does.
    pub fn set_config(&mut self, text: &str) {
        let file = self.data_dir.join("collector.toml");
        let (listen, data_dir) = (self.address, self.data_dir.display());
        let config = format!("listen = \"{listen}\"\ndata_dir = \"{data_dir}\"\n{text}");
        fs::write(&file, config).expect("a config can be written");
        self.config = Some(file);
    }

    /// Starts it, without waiting until it answers.
    pub fn start(&mut self) {
        assert!(self.process.is_none(), "the collector runs already");
        let mut command = Command::new(binary("labtrail-collector"));
        if let Some(place) = &self.place {
            let variables = place.variables.iter().map(|(name, value)| (name, value));
            command.current_dir(&place.folder).env_clear().envs(variables).args(&place.arguments);
            command.arg("--data-dir").arg(&self.data_dir);
            self.process = Some(Process::start("collector", command, &self.data_dir));
            return;
        }
        match &self.config {
            Some(file) => command.arg("--config").arg(file),
            None => command.arg("--listen").arg(self.address.to_string()).arg("--data-dir").arg(&self.data_dir),
        };
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

    /// Asks it to end, as Ctrl-C does, and waits until it has.
    pub fn stop(&mut self) {
        let mut process = self.process.take().expect("it was started");
        let status = process.interrupt();
        assert!(status.success(), "the collector ended with {status}: {}", process.log());
    }

    /// The folder of what it remembers.
    pub fn data_dir(&self) -> &Path {
        &self.data_dir
    }

    /// Its config file; only of [`super::Lab::collector_with`].
    pub fn config_file(&self) -> &Path {
        self.config.as_deref().expect("it was given a config")
    }

    /// What it logged, in all its lives.
    pub fn log(&self) -> String {
        fs::read_to_string(self.data_dir.join("collector.log")).unwrap_or_default()
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
