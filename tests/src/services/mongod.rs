//! MongoDB: one `mongod`, or a replica set of several.

use std::{
    process::Command,
    sync::{Mutex, MutexGuard, OnceLock, PoisonError},
    time::Duration,
};

use mongodb::{
    Client,
    bson::{Document, doc},
    options::{ClientOptions, ServerAddress},
};

use super::{fetched, folder::Folder, runtime::wait, server::Server};
use crate::lab::{free_address, wait_until};

/// The name of the replica sets.
const SET: &str = "labtrail";

/// So long does one question to a member take at most.
const TRY_TIME_MAX: Duration = Duration::from_secs(1);

/// One or several `mongod`s. Members are counted from 0.
#[derive(Debug)]
pub struct Mongod {
    ports: Vec<u16>,
    is_set: bool,
    cache_gib: &'static str,
    members: Vec<Mutex<Option<Server>>>,
    // Dropped last, when no member writes into it.
    folder: Folder,
}

impl Mongod {
    /// One `mongod` that is no replica set, as MADSci runs it.
    pub fn standalone() -> Self {
        Self::launch(1, false, "0.25")
    }

    /// A replica set of so many members, with a primary and all others following it.
    pub fn replica_set(members: usize) -> Self {
        let set = Self::launch(members, true, "0.25");
        set.initiate();
        set
    }

    /// A replica set of one for benchmarks, with more memory.
    pub fn for_measuring() -> Self {
        let set = Self::launch(1, true, "1");
        set.initiate();
        set
    }

    /// A replica set of one for all tests of a process. Each uses a database of its own.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Mongod> = OnceLock::new();
        SHARED.get_or_init(|| Self::replica_set(1))
    }

    fn launch(members: usize, is_set: bool, cache_gib: &'static str) -> Self {
        let ports = (0..members).map(|_| free_address().port()).collect();
        let stopped = (0..members).map(|_| Mutex::new(None)).collect();
        let mongod = Self { ports, is_set, cache_gib, members: stopped, folder: Folder::new("mongod") };
        for member in 0..members {
            mongod.launch_member(member);
        }
        for member in 0..members {
            mongod.wait_until_answering(member);
        }
        mongod
    }

    /// Its connection string: `mongodb://127.0.0.1:20001,127.0.0.1:20002/?replicaSet=labtrail`.
    pub fn url(&self) -> String {
        let hosts: Vec<String> = self.ports.iter().map(|port| format!("127.0.0.1:{port}")).collect();
        let options = if self.is_set { format!("?replicaSet={SET}") } else { String::new() };
        format!("mongodb://{}/{options}", hosts.join(","))
    }

    /// How many members there are.
    pub fn len(&self) -> usize {
        self.ports.len()
    }

    /// There is always one.
    pub fn is_empty(&self) -> bool {
        false
    }

    /// Ends a member as a power failure would.
    pub fn kill(&self, member: usize) {
        *self.member(member) = None;
    }

    /// Asks a member to end, as its service manager does, and waits until it has.
    pub fn stop(&self, member: usize) {
        let mut server = self.member(member).take().unwrap_or_else(|| panic!("member {member} does not run"));
        server.process().terminate();
    }

    /// Starts a member that was stopped or killed, with its data and at its address, and waits until it answers. When
    /// a majority of a set runs, it also waits until the member is primary or follows one.
    pub fn start(&self, member: usize) {
        self.launch_member(member);
        self.wait_until_answering(member);
        let running = (0..self.len()).filter(|member| self.member(*member).is_some()).count();
        if self.is_set && running > self.len() / 2 {
            self.wait_until_following(member);
        }
    }

    /// Stops a member where it stands (`SIGSTOP`): connections stay open, nobody answers.
    pub fn pause(&self, member: usize) {
        self.with_server(member, |server| server.process().pause());
    }

    /// Lets a member go on after [`Self::pause`].
    pub fn resume(&self, member: usize) {
        self.with_server(member, |server| server.process().resume());
    }

    /// The number of a member's process.
    pub fn process_id(&self, member: usize) -> u32 {
        self.with_server(member, |server| server.process().id())
    }

    /// The member that takes writes; waits until there is one.
    #[track_caller]
    pub fn primary(&self) -> usize {
        let is_primary = |member: &usize| {
            let runs = self.member(*member).is_some();
            let hello = runs.then(|| self.try_ask(*member, doc! {"hello": 1})).flatten();
            hello.is_some_and(|hello| hello.get_bool("isWritablePrimary").unwrap_or(false))
        };
        wait_until("a member is primary", || (0..self.len()).find(is_primary))
    }

    /// Runs a command on the primary, which must succeed: `command("admin", doc! {"configureFailPoint": ...})`.
    #[track_caller]
    pub fn command(&self, database: &str, command: Document) -> Document {
        let name = command.keys().next().cloned().unwrap_or_default();
        let answer = self.ask(self.primary(), database, command, Duration::from_secs(30));
        answer.unwrap_or_else(|error| panic!("command {name}: {error}"))
    }

    /// Runs a command on one member, whatever its role; it must succeed.
    #[track_caller]
    pub fn command_on(&self, member: usize, database: &str, command: Document) -> Document {
        let name = command.keys().next().cloned().unwrap_or_default();
        let answer = self.ask(member, database, command, Duration::from_secs(30));
        answer.unwrap_or_else(|error| panic!("command {name} on member {member}: {error}"))
    }

    /// A client of all members, for use from async code.
    pub fn client(&self) -> Client {
        let url = self.url();
        wait(async { Client::with_uri_str(&url).await }).expect("the connection string is valid")
    }

    fn launch_member(&self, member: usize) {
        let mut server = self.member(member);
        assert!(server.is_none(), "member {member} runs already");
        let folder = self.folder.join(format!("member-{member}"));
        let data = folder.join("data");
        std::fs::create_dir_all(&data).expect("folders can be made");
        let mut command = Command::new(fetched::mongod());
        command.args(["--bind_ip", "127.0.0.1", "--nounixsocket", "--wiredTigerCacheSizeGB", self.cache_gib]);
        command.arg("--port").arg(self.ports[member].to_string()).arg("--dbpath").arg(data);
        // Where its process has its standard error, so that all is in one place and shown when a test fails.
        command.arg("--logappend").arg("--logpath").arg(folder.join(format!("mongod-{member}.log")));
        // Tests may set fail points; nobody reads diagnostics; and stopping need not wait for clients to go elsewhere.
        command.args(["--setParameter", "enableTestCommands=1"]);
        command.args(["--setParameter", "diagnosticDataCollectionEnabled=false"]);
        command.args(["--setParameter", "shutdownTimeoutMillisForSignaledShutdown=100"]);
        if self.is_set {
            command.args(["--replSet", SET]);
        }
        *server = Some(Server::start(&format!("mongod-{member}"), command, &folder));
    }

    fn initiate(&self) {
        let member = |(id, port): (i32, &u16)| doc! {"_id": id, "host": format!("127.0.0.1:{port}")};
        let members: Vec<Document> = (0..).zip(&self.ports).map(member).collect();
        // A new primary is found in three seconds instead of ten.
        let settings = doc! {"electionTimeoutMillis": 3000, "heartbeatIntervalMillis": 500};
        let config = doc! {"_id": SET, "members": members, "settings": settings};
        let initiated = self.ask(0, "admin", doc! {"replSetInitiate": config}, Duration::from_secs(30));
        initiated.unwrap_or_else(|error| panic!("initiate the replica set: {error}"));
        // Nobody need wait for the first election to be called.
        wait_until("the first member is primary", || self.try_ask(0, doc! {"replSetStepUp": 1}));
        for member in 0..self.len() {
            self.wait_until_following(member);
        }
    }

    fn wait_until_answering(&self, member: usize) {
        wait_until(&format!("mongod {member} answers"), || {
            self.with_server(member, |server| {
                let ended = server.process().ended();
                assert!(ended.is_none(), "mongod ended with {ended:?}: {}", server.process().log());
            });
            self.try_ask(member, doc! {"ping": 1})
        });
    }

    fn wait_until_following(&self, member: usize) {
        wait_until(&format!("mongod {member} is primary or secondary"), || {
            let hello = self.try_ask(member, doc! {"hello": 1})?;
            let is = |role| hello.get_bool(role).unwrap_or(false);
            (hello.contains_key("primary") && (is("isWritablePrimary") || is("secondary"))).then_some(())
        });
    }

    fn try_ask(&self, member: usize, command: Document) -> Option<Document> {
        self.ask(member, "admin", command, TRY_TIME_MAX).ok()
    }

    /// Asks one member, whatever its role.
    fn ask(
        &self,
        member: usize,
        database: &str,
        command: Document,
        time_max: Duration,
    ) -> Result<Document, mongodb::error::Error> {
        let host = ServerAddress::Tcp { host: "127.0.0.1".to_owned(), port: Some(self.ports[member]) };
        let mut options = ClientOptions::builder().hosts(vec![host]).direct_connection(true).build();
        options.server_selection_timeout = Some(time_max);
        options.connect_timeout = Some(time_max);
        wait(async {
            let client = Client::with_options(options)?;
            let answer = tokio::time::timeout(time_max, client.database(database).run_command(command)).await;
            answer.unwrap_or_else(|_| Err(mongodb::error::Error::custom("no answer")))
        })
    }

    fn member(&self, member: usize) -> MutexGuard<'_, Option<Server>> {
        // A test that failed while it held a member is told of elsewhere.
        self.members[member].lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn with_server<T>(&self, member: usize, ask: impl FnOnce(&mut Server) -> T) -> T {
        ask(self.member(member).as_mut().unwrap_or_else(|| panic!("member {member} does not run")))
    }
}
