//! The agent as a service of systemd: its unit as systemd reads and judges it, and what the agent tells its manager.

use std::{
    fs,
    io::ErrorKind,
    os::unix::net::UnixDatagram,
    path::{Path, PathBuf},
    process::{Command, Output},
    time::Duration,
};

use labtrail_tests::lab::{Lab, Process, binary, repository, wait_until};
use rustix::process::{Pid, Signal, kill_process};

/// Of `systemd-analyze security`, in tenths: 0 is sealed off, 100 may do everything.
const EXPOSURE_MAX: &str = "30";
/// So much longer than `ship.drain_max` a stop may take: what the agent itself adds, and ending.
const STOP_RESERVE_SECONDS: u64 = 5;
/// What the manager of these tests promises to wait for a sign of life.
const WATCHDOG_MICROSECONDS: &str = "2000000";

/// The unit with the program that was built here, for systemd refuses units whose program is missing.
fn rendered_unit(lab: &Lab) -> PathBuf {
    let program = binary("labtrail-agent").display().to_string();
    lab.write("labtrail-agent.service", unit().replace("/usr/bin/labtrail-agent", &program))
}

fn unit() -> String {
    fs::read_to_string(repository().join("deploy/systemd/labtrail-agent.service")).expect("the unit is there")
}

/// The value of a setting that stands in the unit once.
fn setting<'a>(unit: &'a str, name: &str) -> &'a str {
    let mut values = unit.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix('='));
    let value = values.next().unwrap_or_else(|| panic!("the unit sets no {name}"));
    assert_eq!(values.next(), None, "the unit sets {name} twice");
    value
}

fn systemd_analyze(arguments: &[&str], unit: &Path) -> Output {
    let output = Command::new("systemd-analyze").args(arguments).arg(unit).env("SYSTEMD_COLORS", "0").output();
    output.expect("systemd-analyze is installed by scripts/install-test-tools.sh")
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&[output.stdout.as_slice(), &output.stderr].concat()).into_owned()
}

#[test]
fn systemd_finds_no_fault_in_the_unit() {
    let lab = Lab::new();
    // Other units of this machine are not ours to judge, and its manual may not be installed.
    let output = systemd_analyze(&["verify", "--recursive-errors=no", "--man=no"], &rendered_unit(&lab));
    assert!(output.status.success() && text(&output).is_empty(), "{output:?}\n{}", text(&output));
}

#[test]
fn the_unit_leaves_little_to_whoever_takes_over_the_agent() {
    let lab = Lab::new();
    let threshold = format!("--threshold={EXPOSURE_MAX}");
    let output = systemd_analyze(&["security", "--offline=true", "--no-pager", &threshold], &rendered_unit(&lab));
    assert!(output.status.success(), "{}", text(&output));
    assert!(text(&output).contains("Overall exposure level for labtrail-agent.service"), "{}", text(&output));
}

#[test]
fn the_unit_goes_with_the_sample_config() {
    let unit = unit();
    let config = fs::read_to_string(repository().join("deploy/agent.toml")).expect("the sample is there");
    let data_dir = format!("data_dir = \"/var/lib/{}\"", setting(&unit, "StateDirectory"));
    assert!(config.contains(&data_dir), "the sample does not say {data_dir}");
    let drain_max =
        config.split("drain_max = \"").nth(1).and_then(|rest| rest.split_once("s\"")).map(|(value, _)| value);
    let drain_max: u64 = drain_max.and_then(|value| value.parse().ok()).expect("the sample shows drain_max in seconds");
    let stop_max: u64 = setting(&unit, "TimeoutStopSec").parse().expect("a number of seconds");
    assert!(stop_max >= drain_max + STOP_RESERVE_SECONDS, "a stop of {stop_max} s cuts off a drain of {drain_max} s");
    assert_eq!(setting(&unit, "StartLimitIntervalSec"), "0", "a limit of starts gives up for good");
}

/// An agent with this test in the place of its service manager.
struct Service {
    lab: Lab,
    process: Process,
    socket: UnixDatagram,
}

impl Service {
    fn start() -> Self {
        let lab = Lab::new();
        lab.write("logs/a.log", "2026-11-23T10:00:00Z started\n");
        let config = format!(
            "data_dir = \"{}\"\n[ship]\nto = \"http://127.0.0.1:9\"\ndrain_max = \"1s\"\n[[files]]\npaths = [\"{}\"]\n",
            lab.path("data").display(),
            lab.path("logs").display(),
        );
        let config = lab.write("agent.toml", config);
        let socket_path = lab.path("notify");
        let socket = UnixDatagram::bind(&socket_path).expect("a socket can be made");
        socket.set_read_timeout(Some(Duration::from_millis(100))).expect("a socket can be read with patience");
        let mut command = Command::new(binary("labtrail-agent"));
        command.arg("--config").arg(config);
        command.env("NOTIFY_SOCKET", &socket_path).env("WATCHDOG_USEC", WATCHDOG_MICROSECONDS);
        let process = Process::start("agent", command, lab.path("").as_path());
        Self { lab, process, socket }
    }

    /// The next message of the agent, if one comes soon.
    fn message(&self) -> Option<String> {
        let mut buffer = [0; 4096];
        match self.socket.recv(&mut buffer) {
            Ok(length) => Some(String::from_utf8_lossy(&buffer[..length]).into_owned()),
            Err(error) if error.kind() == ErrorKind::WouldBlock => None,
            Err(error) => panic!("{error}"),
        }
    }

    /// Waits for a message that begins so; those before it are dropped.
    fn wait_for(&self, beginning: &str) {
        wait_until(&format!("the agent tells {beginning}"), || {
            self.message().filter(|text| text.starts_with(beginning))
        });
    }

    fn signal(&self, signal: Signal) {
        let id = i32::try_from(self.process.id()).ok().and_then(Pid::from_raw);
        kill_process(id.expect("a process has a number"), signal).expect("a child can be signalled");
    }
}

#[test]
fn the_agent_tells_its_manager_what_becomes_of_it() {
    let mut service = Service::start();
    service.wait_for("READY=1\nSTATUS=");
    for _ in 0..3 {
        service.wait_for("WATCHDOG=1");
    }
    service.signal(Signal::HUP);
    service.wait_for("RELOADING=1\nMONOTONIC_USEC=");
    service.wait_for("READY=1\nSTATUS=");
    // Without being asked: the file says something else.
    let mut config = fs::read_to_string(service.lab.path("agent.toml")).expect("it was written");
    config.push_str("# changed\n");
    service.lab.write("agent.toml", config);
    service.wait_for("RELOADING=1\n");
    service.wait_for("READY=1\n");
    service.signal(Signal::TERM);
    service.wait_for("STOPPING=1\n");
    let status = wait_until("the agent ends", || {
        // Read on, or what it tells would be lost.
        service.message();
        service.process.ended()
    });
    assert!(status.success(), "{status}: {}", service.process.log());
}

#[test]
fn a_second_agent_in_one_data_directory_ends_and_names_the_first() {
    let service = Service::start();
    service.wait_for("READY=1\n");
    let mut command = Command::new(binary("labtrail-agent"));
    command.arg("--config").arg(service.lab.path("agent.toml"));
    let output = command.env_remove("NOTIFY_SOCKET").output().expect("it can be started");
    let expected = format!("is in use by process {}, started at ", service.process.id());
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
    assert!(text(&output).contains(&expected), "{}", text(&output));
}
