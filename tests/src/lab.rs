//! A laboratory: a temporary folder with log files in it, and the real programs that follow and store them.
//!
//! A test starts what it needs and waits for conditions, never for a time. Whatever it started is killed when its
//! handle is dropped, and only that; a test that fails shows what its processes logged.

mod agent;
mod api;
mod binaries;
mod browser;
mod collector;
mod lines;
mod port;
mod process;
mod stored_event;
mod up;
mod wait;

use std::{
    fs::{self, OpenOptions},
    io::Write,
    path::{Path, PathBuf},
};

use tempfile::TempDir;

pub use self::{
    agent::Agent,
    api::{Answer, Api},
    binaries::binary,
    browser::{Browser, Theme},
    collector::Collector,
    lines::assert_stored_once,
    process::Process,
    stored_event::StoredEvent,
    up::Up,
    wait::{DEADLINE, poll, wait_until, wait_until_within},
};

/// A laboratory.
#[derive(Debug)]
pub struct Lab {
    folder: TempDir,
}

impl Default for Lab {
    fn default() -> Self {
        Self::new()
    }
}

impl Lab {
    /// An empty laboratory.
    pub fn new() -> Self {
        let folder = tempfile::Builder::new().prefix("labtrail-").tempdir().expect("a temporary folder can be made");
        Self { folder }
    }

    /// A place in the laboratory's folder.
    pub fn path(&self, relative: impl AsRef<Path>) -> PathBuf {
        self.folder.path().join(relative)
    }

    /// Writes a file whole. An existing one is truncated and keeps its inode.
    pub fn write(&self, relative: impl AsRef<Path>, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(relative);
        fs::create_dir_all(path.parent().expect("a place in a folder has a parent")).expect("folders can be made");
        fs::write(&path, bytes).expect("a file can be written");
        path
    }

    /// Writes behind the end of a file, which is created if need be.
    pub fn append(&self, relative: impl AsRef<Path>, bytes: impl AsRef<[u8]>) {
        let file = OpenOptions::new().create(true).append(true).open(self.path(relative));
        file.expect("a file can be opened").write_all(bytes.as_ref()).expect("a file can be written");
    }

    /// Renames a file, as rotation does.
    pub fn rename(&self, from: impl AsRef<Path>, to: impl AsRef<Path>) {
        fs::rename(self.path(from), self.path(to)).expect("a file can be renamed");
    }

    /// Copies one of the instrument logs of `tests/samples` to the same place below `folder`.
    pub fn copy_sample(&self, sample: &str, folder: &str) -> PathBuf {
        let bytes = fs::read(samples().join(sample)).expect("the sample is there");
        self.write(Path::new(folder).join(sample), bytes)
    }

    /// Starts a collector and waits until it answers.
    pub fn collector(&self) -> Collector {
        let mut collector = self.absent_collector();
        collector.start();
        collector.wait_until_ready();
        collector
    }

    /// A collector that has its address, but is not started yet.
    pub fn absent_collector(&self) -> Collector {
        Collector::new(self.path("collector"))
    }

    /// Starts an agent that ships to `collector`. Each of `files` is a pattern below the laboratory's folder, and more
    /// lines for its `[[files]]` section.
    pub fn agent(&self, collector: &Collector, files: &[(&str, &str)]) -> Agent {
        self.agent_that_ships(collector, "", files)
    }

    /// Starts an agent with more lines in its `[ship]` section.
    pub fn agent_that_ships(&self, collector: &Collector, ship: &str, files: &[(&str, &str)]) -> Agent {
        let mut agent = Agent::new(self.folder.path(), collector, ship, files);
        agent.start();
        agent
    }

    /// Starts `labtrail up` on these paths below the folder, with more arguments before them, and waits until it
    /// answers.
    pub fn up(&self, arguments: &[&str], paths: &[&str]) -> Up {
        Up::start(self.folder.path(), arguments, paths)
    }

    /// Starts a headless browser.
    pub fn browser(&self) -> Browser {
        Browser::start(&self.path("browser"))
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        // Whoever looks for the reason finds files, databases and logs as they were.
        if std::thread::panicking() {
            self.folder.disable_cleanup(true);
            eprintln!("--- kept: {}", self.folder.path().display());
        }
    }
}

/// Where the logs of real instruments lie.
pub fn samples() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/samples"))
}

/// The repository.
pub fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the crate lies in the repository")
}
