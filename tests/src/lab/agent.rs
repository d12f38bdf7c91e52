//! An agent that can be stopped, killed and started again.

use std::{
    fmt::Write,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use super::{
    binary,
    process::{Process, show_end},
};

/// An agent with a config file of its own.
#[derive(Debug)]
pub struct Agent {
    folder: PathBuf,
    process: Option<Process>,
}

impl Agent {
    /// An agent with a folder of its own below that of the laboratory, which ships to `to`.
    pub(super) fn new(lab: &Path, folder: PathBuf, to: &str, ship: &str, files: &[(&str, &str)]) -> Self {
        fs::create_dir_all(&folder).expect("folders can be made");
        let mut config = format!("data_dir = \"{}\"\n", folder.join("data").display());
        // Tries follow each other quickly, so that a test need not wait for the agent to notice a collector.
        writeln!(config, "[ship]\nto = \"{to}\"\nretry_pause_max = \"300ms\"\n{ship}").expect("a text takes text");
        for (pattern, more) in files {
            writeln!(config, "[[files]]\npaths = [\"{}\"]\n{more}", lab.join(pattern).display())
                .expect("a text takes text");
        }
        fs::write(folder.join("agent.toml"), config).expect("a config can be written");
        Self { folder, process: None }
    }

    /// Starts it.
    pub fn start(&mut self) {
        assert!(self.process.is_none(), "the agent runs already");
        let mut command = Command::new(binary("labtrail-agent"));
        command.arg("--config").arg(self.folder.join("agent.toml"));
        self.process = Some(Process::start("agent", command, &self.folder));
    }

    /// Ends it as a power failure would.
    pub fn kill(&mut self) {
        drop(self.process.take());
    }

    /// Asks it to end: everything that it has read is then delivered.
    pub fn stop(&mut self) {
        let mut process = self.process.take().expect("it was started");
        let status = process.interrupt();
        assert!(status.success(), "the agent ended with {status}: {}", process.log());
    }

    /// Forgets how far each file was read. Only while it does not run.
    pub fn delete_checkpoint(&self) {
        assert!(self.process.is_none(), "a running agent keeps its checkpoint open");
        fs::remove_dir_all(self.folder.join("data")).expect("the agent has made its data folder");
    }

    /// Its config file.
    pub fn config_file(&self) -> PathBuf {
        self.folder.join("agent.toml")
    }

    /// The running process.
    pub fn process(&mut self) -> &mut Process {
        self.process.as_mut().expect("it was started")
    }

    /// Whether these bytes were ever written to its checkpoint.
    pub fn has_saved(&self, bytes: &str) -> bool {
        let files = fs::read_dir(self.folder.join("data")).into_iter().flatten().flatten();
        let checkpoints =
            files.map(|file| file.path()).filter(|path| path.extension().is_some_and(|end| end == "rows"));
        let has = |file: Vec<u8>| file.windows(bytes.len()).any(|window| window == bytes.as_bytes());
        checkpoints.map(|path| fs::read(path).unwrap_or_default()).any(has)
    }

    /// What it logged, in all its lives.
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.join("agent.log")).unwrap_or_default()
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        // A running process shows its log itself.
        if std::thread::panicking() && self.process.is_none() {
            show_end(&self.folder.join("agent.log"));
        }
    }
}
