//! An agent with sockets, what it says of itself, and who sends to it.

use std::{
    fs,
    io::Write as _,
    net::{SocketAddr, TcpStream, UdpSocket},
    ops::{Deref, DerefMut},
    path::{Path, PathBuf},
    time::Duration,
};

use labtrail_tests::lab::{Agent, Lab, StatusPage, wait_until};
use serde_json::Value;

/// No sender waits longer than this for an agent that does not read.
const SEND_TIME_MAX: Duration = Duration::from_mins(1);

/// An agent that can be asked how it is.
pub(super) struct Receiver {
    agent: Agent,
    status: StatusPage,
    data_dir: PathBuf,
}

impl Receiver {
    /// Starts an agent with these tables, which ships to this URL.
    pub(super) fn start(lab: &Lab, to: &str, tables: &str) -> Self {
        Self::start_with_files(lab, to, tables, &[])
    }

    /// [`Self::start`] with files that are followed.
    pub(super) fn start_with_files(lab: &Lab, to: &str, tables: &str, files: &[(&str, &str)]) -> Self {
        let mut receiver = Self::absent(lab, to, tables, files);
        receiver.start_again();
        receiver
    }

    /// The same, not started yet.
    pub(super) fn absent(lab: &Lab, to: &str, tables: &str, files: &[(&str, &str)]) -> Self {
        let (status, ship) = StatusPage::new(lab, tables);
        let agent = lab.absent_agent(to, &ship, files);
        let data_dir = agent.config_file().with_file_name("data");
        Self { agent, status, data_dir }
    }

    /// Starts it and waits until it answers: its sockets are bound by then.
    pub(super) fn start_again(&mut self) {
        self.agent.start();
        self.wait_until_ready();
    }

    pub(super) fn wait_until_ready(&mut self) {
        wait_until("the agent answers", || {
            let ended = self.agent.process().ended();
            assert!(ended.is_none(), "the agent ended with {ended:?}: {}", self.agent.log());
            self.status.get("/health")
        });
    }

    /// Where it keeps what it remembers.
    pub(super) fn data_dir(&self) -> &Path {
        &self.data_dir
    }

    /// Writes other text in place of some of its config.
    pub(super) fn change_config(&self, change: impl FnOnce(String) -> String) {
        let file = self.agent.config_file();
        let text = fs::read_to_string(&file).expect("it has a config");
        fs::write(&file, change(text)).expect("a config can be written");
    }

    pub(super) fn status(&self) -> Value {
        let text = self.status.get("/status").expect("the agent answers");
        serde_json::from_str(&text).expect("its answer is JSON")
    }

    /// The sum of a metric over those of its series that have this label, written as `name="value"`.
    pub(super) fn metric_of(&self, name: &str, label: &str) -> u64 {
        let value = |end: &str| self.status.metric_of(&format!("labtrail_agent_{name}{end}"), label);
        // One of both is there: counters end with `_total`, gauges do not.
        (value("") + value("_total")) as u64
    }

    pub(super) fn metric(&self, name: &str) -> u64 {
        self.metric_of(name, "")
    }

    /// Records that wait in the spool.
    pub(super) fn spooled(&self) -> u64 {
        self.status()["spooled_records"].as_u64().expect("it is a number")
    }

    #[track_caller]
    pub(super) fn wait_for_spooled(&self, records: usize) {
        wait_until(&format!("{records} records are in the spool"), || (self.spooled() >= records as u64).then_some(()));
        assert_eq!(self.spooled(), records as u64);
    }

    /// Waits until all that was received is delivered.
    #[track_caller]
    pub(super) fn wait_until_empty(&self) {
        wait_until("the spool is empty", || (self.spooled() == 0).then_some(()));
    }

    /// Waits until the sum of a metric is at least this.
    #[track_caller]
    pub(super) fn wait_for_metric(&self, name: &str, value: u64) {
        wait_until(&format!("{name} is {value}"), || (self.metric(name) >= value).then_some(()));
    }

    #[track_caller]
    pub(super) fn wait_for_problem(&self, text: &str) {
        wait_until(&format!("the agent tells of {text:?}"), || {
            let status = self.status();
            let problems = status["problems"].as_array()?;
            let is_told = problems.iter().any(|problem| problem.as_str().is_some_and(|problem| problem.contains(text)));
            (is_told && status["healthy"] == false).then_some(())
        });
    }

    #[track_caller]
    pub(super) fn wait_until_well(&self) {
        let mut last = Value::Null;
        let is_well = labtrail_tests::lab::poll(labtrail_tests::lab::DEADLINE, || {
            last = self.status();
            (last["healthy"] == true).then_some(())
        });
        assert!(is_well.is_some(), "the agent is not well: {}", last["problems"]);
    }

    #[track_caller]
    pub(super) fn wait_for_log(&self, text: &str) {
        wait_until(&format!("the agent logs {text:?}"), || self.agent.log().contains(text).then_some(()));
    }
}

impl Deref for Receiver {
    type Target = Agent;

    fn deref(&self) -> &Agent {
        &self.agent
    }
}

impl DerefMut for Receiver {
    fn deref_mut(&mut self) -> &mut Agent {
        &mut self.agent
    }
}

/// A `[[sockets]]` table with more lines.
pub(super) fn socket(listen: &str, more: &str) -> String {
    format!("[[sockets]]\nlisten = \"{listen}\"\n{more}\n")
}

/// A connection whose sender waits long, but not for ever.
pub(super) fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).expect("the agent listens");
    stream.set_write_timeout(Some(SEND_TIME_MAX)).expect("a time can be set");
    stream
}

/// Sends these, a line each, through one connection.
pub(super) fn send_lines(address: SocketAddr, lines: &[String]) {
    let text: String = lines.iter().flat_map(|line| [line.as_str(), "\n"]).collect();
    connect(address).write_all(text.as_bytes()).expect("the agent reads");
}

/// Sends these, a datagram each.
pub(super) fn send_datagrams(address: SocketAddr, messages: &[String]) {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("there is a free port");
    for message in messages {
        socket.send_to(message.as_bytes(), address).expect("a datagram can be sent");
    }
}

/// Messages that are like no others.
pub(super) fn messages(name: &str, count: usize) -> Vec<String> {
    (0..count).map(|number| format!("<14>1 2026-11-23T10:00:00Z pc app - - - {name} {number:06}")).collect()
}

/// What is stored of [`messages`].
pub(super) fn texts(messages: &[String]) -> Vec<String> {
    let text = |message: &String| message.rsplit_once(" - ").expect("a message has a head").1.to_owned();
    messages.iter().map(text).collect()
}
