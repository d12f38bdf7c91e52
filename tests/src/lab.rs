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
mod said;
mod status_page;
mod stored_event;
mod time_limit;
mod up;
mod wait;

use std::{
    fs::{self, OpenOptions},
    io::Write,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::atomic::{AtomicUsize, Ordering},
};

use tempfile::TempDir;

pub(crate) use self::port::free_address;
pub use self::{
    agent::Agent,
    api::{Answer, Api},
    binaries::binary,
    browser::{Browser, Theme},
    collector::Collector,
    lines::assert_stored_once,
    process::Process,
    said::Said,
    status_page::StatusPage,
    stored_event::StoredEvent,
    time_limit::SetOnDrop,
    up::Up,
    wait::{DEADLINE, poll, wait_until, wait_until_within},
};

/// A laboratory.
#[derive(Debug)]
pub struct Lab {
    folder: TempDir,
    agents: AtomicUsize,
    collectors: AtomicUsize,
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
        time_limit::begin(folder.path());
        Self { folder, agents: AtomicUsize::new(0), collectors: AtomicUsize::new(0) }
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
        let bytes = fs::read(sample_file(sample)).expect("the sample is there");
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
        Collector::new(self.path(numbered("collector", &self.collectors)))
    }

    /// Starts a collector with this configuration, to which only `listen` and `data_dir` are added, and waits until it
    /// answers. Every collector of a laboratory has a folder of its own.
    pub fn collector_with(&self, config: &str) -> Collector {
        let mut collector = self.absent_collector_with(config);
        collector.start();
        collector.wait_until_ready();
        collector
    }

    /// [`Self::collector_with`] that is not started yet.
    pub fn absent_collector_with(&self, config: &str) -> Collector {
        Collector::with_config(self.path(numbered("collector", &self.collectors)), config)
    }

    /// A collector that takes over MADSci's settings in a folder, with these arguments and variables and no others. It is not
    /// started yet, and listens at this address because the settings say so.
    pub fn collector_in_place_of_madsci(
        &self,
        folder: &Path,
        address: SocketAddr,
        arguments: &[&str],
        variables: &[(&str, &str)],
    ) -> Collector {
        let data_dir = self.path(numbered("collector", &self.collectors));
        Collector::in_place_of_madsci(data_dir, folder, address, arguments, variables)
    }

    /// An address on which nobody listens.
    pub fn free_address(&self) -> SocketAddr {
        free_address()
    }

    /// Starts an agent that ships to `collector`. Each of `files` is a pattern below the laboratory's folder, and more
    /// lines for its `[[files]]` section.
    pub fn agent(&self, collector: &Collector, files: &[(&str, &str)]) -> Agent {
        self.agent_that_ships(collector, "", files)
    }

    /// Starts an agent with more lines in its `[ship]` section. A second one in the same laboratory is the same agent with
    /// another config: it goes on in the first one's folder.
    pub fn agent_that_ships(&self, collector: &Collector, ship: &str, files: &[(&str, &str)]) -> Agent {
        let mut agent = Agent::new(self.folder.path(), self.path("agent"), &collector.url(), ship, files);
        agent.start();
        agent
    }

    /// Starts an agent that writes into a topic of these brokers, with more lines in its `[ship]` section (tables such
    /// as `[ship.kafka]` last).
    pub fn agent_to_kafka(&self, brokers: &str, topic: &str, ship: &str, files: &[(&str, &str)]) -> Agent {
        let mut agent = self.absent_agent(&format!("kafka://{brokers}/{topic}"), ship, files);
        agent.start();
        agent
    }

    /// An agent that ships to this URL and is not started yet.
    pub fn absent_agent(&self, to: &str, ship: &str, files: &[(&str, &str)]) -> Agent {
        Agent::new(self.folder.path(), self.path(numbered("agent", &self.agents)), to, ship, files)
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
        time_limit::end(self.folder.path());
        // Whoever looks for the reason finds files, databases and logs as they were.
        if std::thread::panicking() {
            self.folder.disable_cleanup(true);
            eprintln!("--- kept: {}", self.folder.path().display());
        }
    }
}

/// `name` the first time, then `name-2` and so on: most laboratories have one of each.
fn numbered(name: &str, count: &AtomicUsize) -> String {
    match count.fetch_add(1, Ordering::Relaxed) + 1 {
        1 => name.to_owned(),
        number => format!("{name}-{number}"),
    }
}

/// Where a log of a real instrument lies: in the folder that `LABTRAIL_SAMPLES` names, else in the repository, which has
/// those that may be passed on.
fn sample_file(sample: &str) -> PathBuf {
    let folder = std::env::var_os("LABTRAIL_SAMPLES").map_or_else(|| repository().join("tests/samples"), PathBuf::from);
    folder.join(sample)
}

/// Whether that log is at hand.
pub fn has_sample(sample: &str) -> bool {
    sample_file(sample).is_file()
}

/// The repository.
pub fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the crate lies in the repository")
}
