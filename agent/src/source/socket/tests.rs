//! Real sockets on this machine.

mod datagrams;
mod streams;
mod unix;

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use labtrail_shared::{settings, shutdown::Stop};
use tokio::sync::watch;

use super::{Bound, Datagrams, Peer, Received, Sink, SocketCounters, SocketSection, Streams, counters::Counters};

/// A message, as it was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Message {
    bytes: Vec<u8>,
    cut_from: Option<u64>,
    is_partial: bool,
    peer: Peer,
}

/// Keeps what it takes. It has room unless told otherwise.
#[derive(Debug, Clone)]
struct Kept {
    messages: Arc<Mutex<Vec<Message>>>,
    has_room: Arc<watch::Sender<bool>>,
    takes: Duration,
}

impl Default for Kept {
    fn default() -> Self {
        let has_room = Arc::new(watch::Sender::new(true));
        Self { messages: Arc::default(), has_room, takes: Duration::ZERO }
    }
}

impl Kept {
    fn messages(&self) -> Vec<Message> {
        self.messages.lock().unwrap().clone()
    }

    fn texts(&self) -> Vec<String> {
        self.messages().iter().map(|message| String::from_utf8_lossy(&message.bytes).into_owned()).collect()
    }

    fn count(&self) -> usize {
        self.messages.lock().unwrap().len()
    }
}

impl Sink for Kept {
    fn take(&mut self, received: Received<'_>) {
        let Received { bytes, peer, cut_from, is_partial } = received;
        self.messages.lock().unwrap().push(Message { bytes: bytes.to_vec(), cut_from, is_partial, peer });
        if !self.takes.is_zero() {
            std::thread::sleep(self.takes);
        }
    }

    fn idle(&mut self) {}

    async fn room(&mut self) {
        self.has_room.subscribe().wait_for(|has_room| *has_room).await.expect("the sender lives as long as this");
    }
}

/// A section of this TOML.
fn section(text: &str) -> SocketSection {
    settings::parse(text, std::path::Path::new("agent.toml"), |_| None).expect("a section")
}

fn bind(section: &SocketSection) -> (Bound, Counters) {
    let counters = SocketCounters::default();
    (Bound::bind(section, &counters).expect("it binds"), counters.of(&section.listen))
}

/// Datagrams that a thread receives.
struct Running {
    address: Option<SocketAddr>,
    counters: Counters,
    kept: Kept,
    stop: Stop,
    thread: std::thread::JoinHandle<()>,
}

impl Running {
    fn start(section: &SocketSection, kept: Kept) -> Self {
        let (Bound::Datagrams(socket), counters) = bind(section) else { panic!("{} is for datagrams", section.listen) };
        Self::run(socket, counters, kept)
    }

    fn run(socket: Datagrams, counters: Counters, kept: Kept) -> Self {
        let (address, stop) = (socket.local_address(), Stop::default());
        let (sink, stopped) = (kept.clone(), stop.clone());
        let thread = std::thread::spawn(move || socket.run(sink, &stopped).expect("it receives until it is stopped"));
        Self { address, counters, kept, stop, thread }
    }

    fn stop(self) -> (Kept, Counters) {
        self.stop.give();
        self.thread.join().expect("no panic");
        (self.kept, self.counters)
    }
}

/// Connections that a task receives from.
struct Following {
    address: Option<SocketAddr>,
    counters: Counters,
    kept: Kept,
    stop: Stop,
    task: tokio::task::JoinSet<()>,
}

impl Following {
    fn start(section: &SocketSection) -> Self {
        let (Bound::Streams(socket), counters) = bind(section) else { panic!("{} is for streams", section.listen) };
        Self::run(socket, counters)
    }

    fn run(socket: Streams, counters: Counters) -> Self {
        let (address, stop, kept) = (socket.local_address(), Stop::default(), Kept::default());
        let (sink, stopped) = (kept.clone(), stop.clone());
        let mut task = tokio::task::JoinSet::new();
        task.spawn(async move {
            socket.run(move |_| sink.clone(), stopped).await.expect("it receives until it is stopped");
        });
        Self { address, counters, kept, stop, task }
    }

    async fn stop(mut self) -> (Kept, Counters) {
        self.stop.give();
        self.task.join_next().await.expect("a task").expect("no panic");
        (self.kept, self.counters)
    }
}

/// Waits until something is so.
async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let since = Instant::now();
    while !is_so() {
        assert!(since.elapsed() < Duration::from_secs(20), "not within 20 s: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
