//! MADSci: its Event Manager as a server, and the Python that its clients run in.

use std::{
    env,
    net::SocketAddr,
    ops::Deref,
    path::{Path, PathBuf},
    process::Command,
};

use super::{fetched, folder::Folder, server::Server};
use crate::lab::{Api, free_address, wait_until};

/// The real Event Manager, version 0.7.1. What can be asked of it over HTTP is reached through it.
#[derive(Debug)]
pub struct MadsciServer {
    api: Api,
    server: Server,
    // Dropped last, when nobody writes into it.
    folder: Folder,
}

impl MadsciServer {
    /// Starts it on a database of a `mongod`, with more settings (`EVENT_ALERT_LEVEL`), and waits until it is healthy.
    /// There is no `mongodump` for it, also where the machine has one.
    #[track_caller]
    pub fn start(mongodb_url: &str, database: &str, settings: &[(&str, &str)]) -> Self {
        let address = free_address();
        let folder = Folder::new("madsci");
        let mut command = madsci_python(folder.path());
        // Not by `EVENT_SERVER_URL`, which its own client reads, too: it would log into its own database.
        command.args(["-m", "madsci.event_manager.event_server", &format!("--server_url=http://{address}/")]);
        command.env("EVENT_MONGO_DB_URL", mongodb_url).env("EVENT_DATABASE_NAME", database);
        command.env("EVENT_OTEL_ENABLED", "false").envs(settings.iter().copied());
        let server = Server::start("madsci", command, folder.path());
        let mut madsci = Self { api: Api::new(address), server, folder };
        madsci.wait_until_healthy();
        madsci
    }

    /// Its address.
    pub fn address(&self) -> SocketAddr {
        self.api.address()
    }

    /// What it and its web server logged.
    pub fn log(&self) -> String {
        let read = |name: &str| std::fs::read(self.folder.join(name)).unwrap_or_default();
        ["madsci.log", "madsci.out"].map(|name| String::from_utf8_lossy(&read(name)).into_owned()).concat()
    }

    /// The number of its process.
    pub fn process_id(&mut self) -> u32 {
        self.server.process().id()
    }

    #[track_caller]
    fn wait_until_healthy(&mut self) {
        wait_until("MADSci's server is healthy", || {
            let ended = self.server.process().ended();
            assert!(ended.is_none(), "MADSci's server ended with {ended:?}: {}", self.log());
            let answer = self.api.try_get("/health", &[]).ok()?;
            (answer.json()["healthy"] == true).then_some(())
        });
    }
}

impl Deref for MadsciServer {
    type Target = Api;

    fn deref(&self) -> &Api {
        &self.api
    }
}

/// A Python in which version 0.7.1 of MADSci can be imported, its client included. It works in this folder, and neither
/// finds nor leaves anything elsewhere; the arguments are added to it.
pub fn madsci_python(folder: &Path) -> Command {
    let madsci = fetched::madsci();
    let mut command = Command::new(madsci.join("python"));
    // Without the packages of the machine: those of MADSci are all there.
    command.arg("-S").current_dir(folder).env_clear().env("PYTHONPATH", madsci.join("packages"));
    command.env("PYTHONDONTWRITEBYTECODE", "1").env("PYTHONUNBUFFERED", "1").env("PYTHONUTF8", "1");
    command.envs(env::var_os("LD_LIBRARY_PATH").map(|path| ("LD_LIBRARY_PATH", path)));
    command.env("HOME", folder).env("PATH", folder.join("programs"));
    command.env("MADSCI_SETTINGS_DIR", folder).env("MADSCI_REGISTRY_PATH", folder.join("registry.json"));
    command.env("EVENT_CLIENT_LOG_DIR", folder.join("logs"));
    command
}

/// What `PYTHONPATH` must be for [`madsci_python`] to import version 0.8.1 of the client.
pub fn madsci_client() -> String {
    let folders: [PathBuf; 2] = [fetched::madsci_client().join("packages"), fetched::madsci().join("packages")];
    folders.map(|folder| folder.display().to_string()).join(":")
}
