//! Everything that brings records in: the threads that follow files and the sockets. A new config changes what it has
//! to: what is as before goes on untouched.

use std::{
    collections::{BTreeMap, BTreeSet},
    convert::Infallible,
    path::PathBuf,
    sync::{Arc, PoisonError},
    time::Duration,
};

use labtrail_shared::shutdown::{Stop, TaskError, Tasks};
use thiserror::Error;
use tokio::sync::mpsc;
use tracing::{error, info, warn};

use crate::{
    config::{Config, ConfigError, FilesSection, SocketsSection},
    delivery::Ledger,
    platform,
    source::{
        file::{FileSource, Orders, Pattern, Section, Surroundings},
        inlet::{EventInlet, Inlet, Summaries},
        socket::{Bound, Listen, SocketCounters, SocketError},
        spooler::Spooler,
    },
    source_names::NameRegistry,
    status::Health,
};

/// Who reports what hinders it.
const ROOM: &str = "config";
/// How often a socket is tried that one of ours is about to leave.
const BIND_TRIES: u32 = 40;

/// How often is looked whether a share came or went.
const SHARES_INTERVAL: Duration = Duration::from_secs(5);

/// An input cannot be started.
#[derive(Debug, Error)]
pub(crate) enum InputError {
    /// The config does not allow it.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A socket cannot be bound.
    #[error(transparent)]
    Socket(#[from] SocketError),
}

/// Files that one thread follows: those on this machine's disks, or those on one share.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Group {
    Local,
    /// What lies on a network file system, by where it is mounted.
    Share(PathBuf),
    /// A section that asked for a thread of its own, by its first pattern.
    Own(String),
}

#[derive(Debug)]
struct Following {
    orders: Orders,
    ledger: Ledger,
}

#[derive(Debug)]
struct Listening {
    section: SocketsSection,
    ends: Stop,
}

/// All inputs, while they run.
#[derive(Debug)]
pub(crate) struct Inputs {
    surroundings: Surroundings,
    ledger: Ledger,
    data_dir: PathBuf,
    registry: NameRegistry,
    spooler: Spooler,
    socket_counters: SocketCounters,
    upstream: Option<url::Url>,
    following: BTreeMap<Group, Following>,
    /// Open sockets, by the section as it was written.
    listening: BTreeMap<String, Listening>,
    /// The rest of the config, which only a restart changes.
    fixed: String,
    /// What runs, and where shares were mounted when it was begun: they decide which thread follows what.
    running: Option<Config>,
    shares: Vec<PathBuf>,
    tasks: Tasks,
}

impl Inputs {
    /// No input yet. `ledger` is what they all enter their batches in.
    pub(crate) fn new(
        surroundings: Surroundings,
        ledger: Ledger,
        data_dir: PathBuf,
        spooler: Spooler,
        (socket_counters, upstream): (SocketCounters, Option<url::Url>),
    ) -> Self {
        Self {
            surroundings,
            ledger,
            registry: NameRegistry::open(&data_dir),
            data_dir,
            spooler,
            socket_counters,
            upstream,
            following: BTreeMap::new(),
            listening: BTreeMap::new(),
            fixed: String::new(),
            running: None,
            shares: Vec::new(),
            tasks: Tasks::new(),
        }
    }

    /// Starts what the config asks for and stops what it no longer asks for. Everything is compiled and bound before anything
    /// is changed, so that a config that does not work changes nothing.
    pub(crate) fn apply(&mut self, config: &Config, stop: &Stop) -> Result<(), InputError> {
        let shares = platform::shares();
        let mut groups: BTreeMap<Group, Vec<Section>> = BTreeMap::from([(Group::Local, Vec::new())]);
        for section in &config.files {
            let compiled = section.compile(&self.data_dir, &self.registry, &self.surroundings.counters)?;
            groups.entry(group_of(section, &compiled)).or_default().push(compiled);
        }
        let mut sockets = BTreeMap::new();
        for section in &config.sockets {
            sockets.insert(labtrail_shared::settings::to_toml(section), section);
        }
        let ends: Vec<String> = self.listening.keys().filter(|key| !sockets.contains_key(*key)).cloned().collect();
        sockets.retain(|key, _| !self.listening.contains_key(key));
        let (mut bound, mut held) = (Vec::new(), Vec::new());
        for (key, section) in sockets {
            match self.bind(section, 1) {
                Ok(socket) => bound.push((key, section, socket)),
                // One of ours that goes may be in the way: all else is bound before that is stopped.
                Err(_)
                    if ends.iter().any(|end| is_in_the_way(&self.listening[end].section.listen, &section.listen)) =>
                {
                    held.push((key, section));
                }
                Err(error) => return Err(error),
            }
        }
        let ended: Vec<(String, SocketsSection)> = ends.into_iter().filter_map(|key| self.end(key)).collect();
        for (key, section) in held {
            match self.bind(section, BIND_TRIES) {
                Ok(socket) => bound.push((key, section, socket)),
                Err(error) => {
                    drop(bound);
                    self.listen_again(ended, stop);
                    return Err(error);
                }
            }
        }
        for (group, following) in &self.following {
            let sections = self.or_nothing(groups.remove(group).unwrap_or_default())?;
            *following.orders.lock().unwrap_or_else(PoisonError::into_inner) = Some(sections);
            following.ledger.wake();
        }
        let of_group = |sections: &Vec<Section>| -> Vec<String> {
            sections.iter().flat_map(|section| &section.patterns).map(|pattern| pattern.text().to_owned()).collect()
        };
        let others: BTreeSet<String> = groups
            .iter()
            .filter(|(group, _)| **group != Group::Local)
            .flat_map(|(_, sections)| of_group(sections))
            .collect();
        for (group, sections) in groups {
            let rest = (group == Group::Local).then_some(&others);
            let sections = self.or_nothing(sections)?;
            self.follow(group, sections, rest, stop);
        }
        for (key, section, socket) in bound {
            self.listen(key, section, socket, stop)?;
        }
        if self.fixed.is_empty() {
            self.fixed = fixed_part(config);
        }
        (self.running, self.shares) = (Some(config.clone()), shares);
        Ok(())
    }

    fn bind(&self, section: &SocketsSection, mut tries: u32) -> Result<Bound, InputError> {
        loop {
            tries -= 1;
            match Bound::bind(&section.socket(), &self.socket_counters) {
                Err(_) if tries > 0 => std::thread::sleep(Duration::from_millis(50)),
                result => return Ok(result?),
            }
        }
    }

    /// Asks a socket to close; gives its section.
    fn end(&mut self, key: String) -> Option<(String, SocketsSection)> {
        let Listening { section, ends } = self.listening.remove(&key)?;
        ends.give();
        Some((key, section))
    }

    /// Opens sockets again that were closed to make room for others, which could not be opened.
    fn listen_again(&mut self, ended: Vec<(String, SocketsSection)>, stop: &Stop) {
        for (key, section) in ended {
            let listening = self.bind(&section, BIND_TRIES).and_then(|socket| self.listen(key, &section, socket, stop));
            if let Err(error) = listening {
                error!(listen = %section.listen, error = %labtrail_shared::telemetry::with_causes(&error), "nothing is received there any more");
            }
        }
    }

    /// Sections for a thread that follows nothing at present: one that means no file.
    fn or_nothing(&self, sections: Vec<Section>) -> Result<Vec<Section>, InputError> {
        if !sections.is_empty() {
            return Ok(sections);
        }
        let nothing = FilesSection::default().compile(&self.data_dir, &self.registry, &self.surroundings.counters)?;
        Ok(vec![nothing])
    }

    /// Starts a thread that follows these sections; `rest` are the patterns of others, of which it keeps away, where it takes
    /// all else that is remembered.
    fn follow(&mut self, group: Group, sections: Vec<Section>, rest: Option<&BTreeSet<String>>, stop: &Stop) {
        let ledger = self.ledger.new_desk();
        let (source, orders) = FileSource::new(sections, self.surroundings.clone(), ledger.clone(), rest);
        self.following.insert(group, Following { orders, ledger });
        let stop = stop.clone();
        self.tasks.start_thread("files", move || {
            source.run(&stop);
            Ok::<(), Infallible>(())
        });
    }

    fn listen(&mut self, key: String, section: &SocketsSection, socket: Bound, stop: &Stop) -> Result<(), InputError> {
        let input = Arc::new(section.compile(&self.registry, &self.surroundings.counters)?);
        let (intake, spooler) = (Arc::clone(&self.surroundings.intake), self.spooler.clone());
        let ends = stop.child();
        self.listening.insert(key, Listening { section: section.clone(), ends: ends.clone() });
        let summaries = Summaries::new(input, intake, spooler);
        if section.transforms.is_some() {
            let (teller, ends) = (Arc::downgrade(&summaries), ends.clone());
            self.tasks.start_thread("summaries", move || {
                Summaries::run(&teller, &ends);
                Ok::<(), SocketError>(())
            });
        }
        info!(listen = %section.listen, address = ?socket.local_address(), "receiving");
        match socket {
            Bound::Datagrams(datagrams) => {
                let inlet = Inlet::new(summaries, false);
                let main = stop.clone();
                self.tasks.start_thread("datagrams", move || datagrams.run(inlet, &ends).inspect_err(|_| main.give()));
            }
            Bound::Streams(streams) => {
                let inlet = move |_| Inlet::new(Arc::clone(&summaries), true);
                self.tasks.start("streams", streams.run(inlet, ends));
            }
            Bound::Http(door) => {
                let acceptor = EventInlet::new(summaries);
                self.tasks.start("door", door.serve(acceptor, self.upstream.clone(), ends));
            }
        }
        Ok(())
    }

    /// Runs the inputs until the stop signal is given and they have ended; takes over new configs as they come.
    pub(crate) async fn run(
        mut self,
        mut configs: mpsc::Receiver<Config>,
        stop: Stop,
        drain_max: Duration,
    ) -> Result<(), TaskError> {
        loop {
            tokio::select! {
                ended = self.tasks.next_ended(&stop) => {
                    ended?;
                    if stop.is_given() {
                        break;
                    }
                }
                // Binding may wait for a socket that goes, whose task needs this worker.
                Some(config) = configs.recv() => tokio::task::block_in_place(|| self.reload(&config, &stop)),
                () = tokio::time::sleep(SHARES_INTERVAL) => tokio::task::block_in_place(|| self.look_for_shares(&stop)),
                () = stop.given() => break,
            }
        }
        for listening in self.listening.values() {
            listening.ends.give();
        }
        self.tasks.drain(drain_max).await
    }

    /// A share that was mounted since the start gets a thread of its own.
    fn look_for_shares(&mut self, stop: &Stop) {
        let shares = platform::shares();
        if shares == self.shares {
            return;
        }
        let Some(config) = self.running.clone() else { return };
        info!(?shares, "shares came or went");
        if let Err(error) = self.apply(&config, stop) {
            error!(error = %labtrail_shared::telemetry::with_causes(&error), "cannot follow the shares by threads of their own");
            self.shares = shares;
        }
    }

    fn reload(&mut self, config: &Config, stop: &Stop) {
        let health = self.surroundings.health.clone();
        if fixed_part(config) == self.fixed {
            health.clear(ROOM);
        } else {
            let reason =
                "the new config changes more than files and sockets: restart the agent for the rest".to_owned();
            warn!("{reason}");
            health.report(ROOM, reason);
        }
        match self.apply(config, stop) {
            Ok(()) => info!(files = config.files.len(), sockets = config.sockets.len(), "took over the new config"),
            Err(error) => refuse(&health, &labtrail_shared::telemetry::with_causes(&error)),
        }
    }
}

/// A config that cannot be used: what ran before goes on.
pub(crate) fn refuse(health: &Health, reason: &str) {
    error!(%reason, "the new config cannot be used: going on with the old one");
    health.report(ROOM, format!("the new config cannot be used: {reason}"));
}

/// Whether a socket there may be why one here cannot be bound.
fn is_in_the_way(there: &Listen, here: &Listen) -> bool {
    match (there, here) {
        (Listen::Unix(there) | Listen::UnixDatagram(there), Listen::Unix(here) | Listen::UnixDatagram(here)) => {
            there == here
        }
        (
            Listen::Udp(there) | Listen::Tcp(there) | Listen::Http(there),
            Listen::Udp(here) | Listen::Tcp(here) | Listen::Http(here),
        ) => there.port() == here.port(),
        _ => false,
    }
}

/// What of the config only a restart changes.
fn fixed_part(config: &Config) -> String {
    Config { files: Vec::new(), sockets: Vec::new(), ..config.clone() }.to_toml()
}

/// Which thread follows the files of a section.
fn group_of(section: &FilesSection, compiled: &Section) -> Group {
    match section.own_thread {
        Some(true) => {
            Group::Own(compiled.patterns.first().map_or_else(String::new, |pattern| pattern.text().to_owned()))
        }
        Some(false) => Group::Local,
        None => {
            let base = compiled.patterns.first().map(Pattern::base);
            base.and_then(platform::share_of).map_or(Group::Local, Group::Share)
        }
    }
}
