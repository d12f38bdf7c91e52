//! Whatever a disk does to the files of the spool: the agent starts, tells what is lost, and delivers all the rest, once.

use std::{
    collections::BTreeSet,
    fs,
    io::{Read as _, Seek as _, SeekFrom, Write as _},
    net::SocketAddr,
    path::{Path, PathBuf},
};

use labtrail_tests::lab::{Collector, Lab, wait_until};
use serde_json::json;

use super::receiver::{Receiver, messages, send_datagrams, send_lines, socket, texts};

/// Entries of the spool, and messages of each.
const ENTRIES: usize = 60;
const MESSAGES: usize = 10;

/// Where the entries of a segment begin, and what stands before the payload of each.
const SEGMENT_HEADER: u64 = 64;

/// What is done to a file.
#[derive(Debug, Clone, Copy)]
enum Damage {
    /// A bit is another one.
    Flip(u64),
    /// The end is gone.
    Cut(u64),
    /// So many bytes are zero.
    Zero(u64, usize),
    /// Something was written behind the end.
    Grow,
    /// It is gone.
    Remove,
}

impl Damage {
    fn inflict(self, file: &Path) {
        if let Self::Remove = self {
            return fs::remove_file(file).expect("a file can be removed");
        }
        let mut opened = fs::OpenOptions::new().read(true).write(true).open(file).expect("it is there");
        let mut write = |at: u64, bytes: &[u8]| {
            opened.seek(SeekFrom::Start(at)).expect("a place can be sought");
            opened.write_all(bytes).expect("a file can be written");
        };
        match self {
            Self::Flip(at) => {
                let mut byte = [0];
                let mut read = fs::File::open(file).expect("it is there");
                read.seek(SeekFrom::Start(at)).expect("a place can be sought");
                read.read_exact(&mut byte).expect("the place is in the file");
                write(at, &[byte[0] ^ 0x10]);
            }
            Self::Zero(at, count) => write(at, &vec![0; count]),
            Self::Grow => write(fs::metadata(file).expect("it is there").len(), &[0xAA; 333]),
            Self::Cut(length) => opened.set_len(length).expect("a file can be cut"),
            Self::Remove => {}
        }
    }
}

/// A laboratory with a spool that was filled while nobody took anything.
struct Site {
    lab: Lab,
    agent: Receiver,
    collector: Collector,
    udp: SocketAddr,
    sent: BTreeSet<String>,
    /// Files of the spool as the agent left them, by name.
    files: Vec<(PathBuf, Vec<u8>)>,
}

impl Site {
    fn new() -> Self {
        let lab = Lab::new();
        let [udp, tcp] = [(); 2].map(|()| lab.free_address());
        let mut collector = lab.absent_collector();
        let tables = "batch_bytes_max = \"16KiB\"\ndrain_max = \"200ms\"\n".to_owned()
            + &socket(&format!("udp://{udp}"), "")
            + &socket(&format!("tcp://{tcp}"), "")
            + "[spool]\nsegment_bytes = \"32KiB\"\n";
        let mut agent = Receiver::start(&lab, &collector.url(), &tables);
        let mut sent = BTreeSet::new();
        for entry in 0..ENTRIES {
            let messages = messages(&format!("entry {entry:03}"), MESSAGES);
            send_lines(tcp, &messages);
            sent.extend(texts(&messages));
            wait_until("it is in the spool", || (agent.spooled() == sent.len() as u64).then_some(()));
        }
        agent.stop();
        let folder = agent.data_dir().join("spool");
        let mut files: Vec<_> =
            fs::read_dir(&folder).expect("there is a spool").map(|file| file.expect("a file").path()).collect();
        files.sort();
        let files: Vec<_> =
            files.into_iter().map(|file| (file.clone(), fs::read(file).expect("a file can be read"))).collect();
        assert!(files.len() >= 4, "several segments and positions: {files:?}");
        collector.start();
        collector.wait_until_ready();
        Self { lab, agent, collector, udp, sent, files }
    }

    fn segments(&self) -> Vec<&(PathBuf, Vec<u8>)> {
        self.files.iter().filter(|(file, _)| file.extension().is_some_and(|extension| extension == "seg")).collect()
    }

    /// Starts the agent on the damaged spool; what is wrong with what it did.
    fn check(&mut self, file: &Path, damage: Damage) -> Result<u64, String> {
        let folder = self.agent.data_dir().join("spool");
        fs::remove_dir_all(&folder).expect("a folder can be removed");
        fs::create_dir_all(&folder).expect("a folder can be made");
        for (file, bytes) in &self.files {
            fs::write(file, bytes).expect("a file can be written");
        }
        damage.inflict(file);
        let log_before = self.agent.log().len();
        self.agent.start_again();
        let mut expected = self.sent.clone();
        let more = messages("after the damage", 1);
        send_datagrams(self.udp, &more);
        expected.extend(texts(&more));
        wait_until("the new one is stored", || {
            let newest = self.collector.search(&[("q", "damage")]);
            newest.iter().any(|event| event.message() == texts(&more)[0]).then_some(())
        });
        self.agent.wait_until_empty();
        let lost = self.agent.metric_of("records_lost", "spool_damaged");
        let is_other_lost = self.agent.metric("records_lost") != lost;
        let events = self.collector.events();
        let stored: BTreeSet<String> = events.iter().map(|event| event.message().to_owned()).collect();
        self.agent.kill();
        let log = self.agent.log().split_off(log_before);
        // A clean table for the next one.
        let answer = self.collector.post_json("/events/archive", &json!({"before_date": "2100-01-01T00:00:00"}));
        assert_eq!(answer.status, 200, "{}", answer.text);
        self.collector.request("DELETE", "/events/archived?older_than_days=-1", &[], b"");
        assert_eq!(self.collector.total_events(), Some(0), "all is forgotten");

        let missing = expected.difference(&stored).count() as u64;
        let mut wrong = Vec::new();
        if log.contains("panicked") {
            wrong.push(format!("it panicked: {log}"));
        }
        if stored.len() != events.len() {
            wrong.push(format!("{} are stored more than once", events.len() - stored.len()));
        }
        if stored.iter().any(|text| !expected.contains(text)) {
            wrong.push("something is stored that was never sent".to_owned());
        }
        if missing != lost || is_other_lost {
            wrong.push(format!("{missing} are missing, and {lost} are counted as lost"));
        }
        if missing > 0 && !log.contains("a part of the spool is damaged") {
            wrong.push("the log says nothing".to_owned());
        }
        if wrong.is_empty() {
            Ok(missing)
        } else {
            Err(format!("{damage:?} in {}: {}", file.file_name().unwrap_or_default().display(), wrong.join("; ")))
        }
    }

    /// Tries all of these, and tells all that is wrong at once.
    fn check_all(&mut self, damages: Vec<(PathBuf, Damage)>, lost_max: u64) {
        let count = damages.len();
        let mut wrong = Vec::new();
        for (file, damage) in damages {
            match self.check(&file, damage) {
                Ok(missing) if missing <= lost_max => {}
                Ok(missing) => wrong.push(format!("{damage:?} in {} cost {missing}", file.display())),
                Err(reason) => wrong.push(reason),
            }
        }
        assert!(wrong.is_empty(), "of {count} damages {}: {wrong:#?}\n{}", wrong.len(), self.lab.path("").display());
    }
}

/// Places all over a segment: its header, the first entries' headers and payloads, the middle, the end.
fn places(length: u64) -> Vec<Damage> {
    let middle = length / 2;
    vec![
        Damage::Flip(0),
        Damage::Flip(20),
        Damage::Flip(SEGMENT_HEADER + 3),
        Damage::Flip(SEGMENT_HEADER + 60),
        Damage::Flip(middle),
        Damage::Flip(length - 1),
        Damage::Zero(0, 64),
        Damage::Zero(middle, 512),
        Damage::Zero(middle, 6000),
        Damage::Zero(length - 100, 100),
        Damage::Zero(0, length as usize),
        Damage::Cut(0),
        Damage::Cut(30),
        Damage::Cut(middle),
        Damage::Cut(length - 1),
        Damage::Grow,
    ]
}

#[test]
fn a_damaged_first_segment_costs_what_is_damaged_and_no_more() {
    let mut site = Site::new();
    let (file, bytes) = site.segments()[0].clone();
    site.check_all(places(bytes.len() as u64).into_iter().map(|damage| (file.clone(), damage)).collect(), 300);
}

#[test]
fn a_damaged_last_segment_costs_what_is_damaged_and_no_more() {
    let mut site = Site::new();
    let (file, bytes) = site.segments().last().copied().expect("there is one").clone();
    site.check_all(places(bytes.len() as u64).into_iter().map(|damage| (file.clone(), damage)).collect(), 300);
}

#[test]
fn segments_that_are_gone_cost_what_they_held() {
    let mut site = Site::new();
    let segments: Vec<PathBuf> = site.segments().into_iter().map(|(file, _)| file.clone()).collect();
    let gone = [0, 1, segments.len() - 1].map(|index| (segments[index].clone(), Damage::Remove));
    site.check_all(gone.to_vec(), 300);
}

#[test]
fn damaged_positions_cost_nothing() {
    let mut site = Site::new();
    let (positions, bytes) =
        site.files.iter().find(|(file, _)| file.ends_with("positions")).expect("positions are kept").clone();
    let length = bytes.len() as u64;
    let damages = [
        Damage::Flip(0),
        Damage::Flip(length / 4),
        Damage::Flip(length / 2 + 8),
        Damage::Flip(length - 1),
        Damage::Zero(0, length as usize),
        Damage::Cut(0),
        Damage::Cut(length / 2),
        Damage::Cut(length - 1),
        Damage::Grow,
        Damage::Remove,
    ];
    site.check_all(damages.map(|damage| (positions.clone(), damage)).to_vec(), 0);
}
