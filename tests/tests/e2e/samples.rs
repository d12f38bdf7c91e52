//! Logs of real instruments arrive whole. A line that is not blank is an event in this version; where a file's records
//! are lines that begin with a time, the number of lines with a time of their own is that of the records which
//! `tests/samples/INDEX.md` counted without this code, and so are the first and last times and the levels.

use labtrail_tests::lab::{Lab, StoredEvent, wait_until};

/// What must be stored of one file.
struct Sample {
    file: &'static str,
    /// Lines that are not blank.
    events: usize,
    /// Those that state a time of their own.
    own_times: usize,
    /// The first and the last of these times, by place in the file.
    times: Option<(&'static str, &'static str)>,
    /// How many lines state DEBUG, INFO, WARNING, ERROR, CRITICAL.
    levels: [usize; 5],
}

const NO_LEVELS: [usize; 5] = [0; 5];

const fn untimed(file: &'static str, events: usize) -> Sample {
    Sample { file, events, own_times: 0, times: None, levels: NO_LEVELS }
}

const fn timed(
    file: &'static str,
    (events, own_times): (usize, usize),
    times: (&'static str, &'static str),
    levels: [usize; 5],
) -> Sample {
    Sample { file, events, own_times, times: Some(times), levels }
}

const TRACE_1: &str = "tecan-evoware-trace/TRACE.snapshot1.TXT";
const TRACE_2: &str = "tecan-evoware-trace/TRACE.snapshot2.TXT";
const UPLC: &str = "waters-uplc-autolynx/experiment.log";
const FLOW: &str = "mfc-flow-csv/log 2021-09-17 11-26-14.140.csv";
const BIOMEK: &str = "beckman-biomek/UnifiedTransfer.log";
const PACKING: &str = "bluesky-databroker-progress/packing.log";
const LVM: &str = "labview-lvm/with_comments.lvm";
const ZONES: &str = "lnav-edge-cases/logfile_with_zones.0";
const DST: &str = "lnav-edge-cases/logfile_dst.0";

const SAMPLES: [Sample; 23] = [
    timed(TRACE_1, (1341, 1340), ("2005-09-29T12:00:00", "2026-03-27T07:23:35"), NO_LEVELS),
    timed(TRACE_2, (1350, 1349), ("2005-09-29T12:00:00", "2026-03-27T08:35:28"), NO_LEVELS),
    timed(
        "illumina-hiseq-prerun/PreRun.log",
        (8, 8),
        ("2015-09-09T15:35:30.466000+01:00", "2015-09-09T16:07:23.698000+01:00"),
        [0, 0, 8, 0, 0],
    ),
    timed(UPLC, (127, 124), ("2026-05-29T15:16:35.347000", "2026-05-29T15:39:16.128000"), [0, 110, 7, 7, 0]),
    timed(
        "octoprint/octoprint.log",
        (1928, 1268),
        ("2020-01-19T01:27:18.674000", "2020-01-20T08:24:03.859000"),
        [0, 1222, 23, 23, 0],
    ),
    timed(FLOW, (240, 239), ("2021-09-17T11:26:14.045000", "2021-09-17T15:24:08.204000"), NO_LEVELS),
    timed(BIOMEK, (54, 46), ("2025-08-15T10:59:55", "2025-08-15T11:02:01"), NO_LEVELS),
    timed("epics-ioc/ioc.log", (2684, 186), ("2022-06-16T12:52:18.982000", "2022-06-16T12:52:19.452000"), NO_LEVELS),
    timed(
        "ros1-rosout/rosout.log",
        (7, 7),
        ("2021-06-23T22:23:17.966815Z", "2021-06-23T22:23:19.747948Z"),
        [0, 3, 2, 1, 0],
    ),
    timed(
        "micromanager-corelog/CoreLog.txt",
        (2278, 1981),
        ("2010-07-22T17:11:56.175750", "2010-08-09T21:51:09.029308"),
        NO_LEVELS,
    ),
    timed(ZONES, (3, 3), ("2022-08-27T14:22:01.613000Z", "2022-08-27T14:22:01.888000Z"), [0, 2, 0, 0, 0]),
    // The year is not in the file, so the times are looked at in a test of their own.
    Sample { file: DST, events: 10, own_times: 10, times: None, levels: NO_LEVELS },
    untimed("lnav-edge-cases/logfile_ansi.1", 10),
    untimed("klipper/klippy.log", 526),
    untimed("arduino-serial-monitor/serial-monitor.txt", 773),
    untimed(PACKING, 66),
    untimed(LVM, 31),
    untimed("labview-lvm/short.lvm", 32),
    timed("fanuc-robot/LOGBOOK.LS", (6670, 951), ("2021-08-28T20:35:46", "2021-08-28T20:34:50"), NO_LEVELS),
    untimed("fanuc-robot/ERRALL.LS", 101),
    // 58 blocks with a date, and three dates more within blocks.
    timed(
        "illumina-ga-events/Events.log",
        (1548, 61),
        ("2010-06-21T10:34:51.640000", "2010-06-22T16:15:27"),
        NO_LEVELS,
    ),
    untimed("illumina-ga-runlog-xml/RunLog_concat.xml", 1977),
    untimed("bruker-topspin-audit/auditp.txt", 56),
];

/// UTF-16, which this version does not read.
const NOT_FOLLOWED: [&str; 2] = ["agilent-chemstation-runlog/RUN.LOG", "sqlserver-errorlog/ERRORLOG"];

#[test]
fn logs_of_real_instruments_arrive_whole_with_their_times_and_levels() {
    let lab = Lab::new();
    for file in SAMPLES.iter().map(|sample| sample.file).chain(NOT_FOLLOWED) {
        lab.copy_sample(file, "logs");
    }
    let up = lab.up(&["--date-order", "mdy"], &["logs"]);
    let total: usize = SAMPLES.iter().map(|sample| sample.events).sum();
    up.wait_for_events(total as u64);

    for sample in &SAMPLES {
        let events = up.events_of(&lab.path("logs").join(sample.file));
        check(sample, &events);
    }
    assert_eq!(up.total_events(), Some(total as u64), "nothing else is stored");
    assert_eq!(up.dead_letters(), Vec::<serde_json::Value>::new());
    for file in NOT_FOLLOWED {
        assert!(up.events_of(&lab.path("logs").join(file)).is_empty(), "{file}");
        let name = file.rsplit('/').next().expect("a path has a last part");
        let says = |line: &str| line.contains("WARN") && line.contains(name) && line.contains("utf-16");
        assert!(up.log().lines().any(says), "no warning about {file}:\n{}", up.log());
    }

    let messages = |file: &str| up.messages_of(&lab.path("logs").join(file));
    let uplc = messages(UPLC);
    assert_eq!(uplc[0], "2026-05-29 15:16:35,347 [INFO] [初始化] 创建总实验记录表: experiment_master.csv");
    assert_eq!(uplc[2], "█".repeat(60), "the second line of a record that begins with an empty one");
    assert!(uplc.iter().all(|line| !line.ends_with('\r')), "CR is part of the line end");
    let flow = messages(FLOW);
    assert_eq!(flow[1], r#""2021-09-17 11:26:14.045",39.97157,39.998,19.99099,20"#);
    assert!(flow.iter().all(|line| line.starts_with('"')), "a byte order mark is not part of a field");
    let biomek = messages(BIOMEK);
    let last = "08/15/2025 11:02:01,Pod2,Dispense,P11,Masterplate,,75,,7,220,MB_CryovialTo96";
    assert_eq!(biomek.last().map(String::as_str), Some(last), "the last line has no line end");
    let packing = messages(PACKING);
    assert!(packing.iter().any(|line| line.contains("12%|█▏        | 7/59")), "block characters");
    let lvm = up.events_of(&lab.path("logs").join(LVM));
    let damaged = lvm.iter().filter(|event| event.at("/event_data/log/invalid_sequences").is_u64());
    assert_eq!(damaged.count(), 2, "lines in ISO-8859-1 are marked");
}

#[track_caller]
fn check(sample: &Sample, events: &[StoredEvent]) {
    let own: Vec<&StoredEvent> = events.iter().filter(|event| event.has_own_time()).collect();
    assert_eq!((events.len(), own.len()), (sample.events, sample.own_times), "events, own times of {}", sample.file);
    if let Some(times) = sample.times {
        let found = (own[0].timestamp(), own[own.len() - 1].timestamp());
        assert_eq!(found, times, "first and last time of {}", sample.file);
    }
    let mut levels = [0; 5];
    for event in events.iter().filter(|event| event.has_own_level()) {
        levels[event.level() as usize / 10 - 1] += 1;
    }
    assert_eq!(levels, sample.levels, "levels of {}", sample.file);
}

#[test]
fn an_instant_is_the_same_in_whichever_zone_it_was_written() {
    let lab = Lab::new();
    lab.copy_sample(ZONES, "logs");
    lab.write("logs/naive.log", "2026-07-01 12:00:00 a line without an offset\nand one without a time\n");
    let collector = lab.collector();
    let _agent = lab.agent(&collector, &[("logs", "zone = \"America/New_York\"")]);
    collector.wait_for_events(5);
    let zones = collector.events_of(&lab.path("logs").join(ZONES));
    let times: Vec<&str> = zones.iter().map(StoredEvent::time).collect();
    let expected = ["2022-08-27T14:22:01.613", "2022-08-27T14:22:01.694554", "2022-08-27T14:22:01.888"];
    for (time, expected) in times.iter().zip(expected) {
        assert!(time.starts_with(expected), "{times:?}");
    }
    let naive = collector.events_of(&lab.path("logs/naive.log"));
    for event in &naive {
        assert_eq!(event.timestamp(), "2026-07-01T12:00:00", "kept as it was written");
        assert!(event.time().starts_with("2026-07-01T16:00:00"), "read in the zone of the section: {}", event.time());
    }
    assert_eq!(naive[1].at("/event_data/log/timestamp_source"), "inherited");
}

#[test]
fn the_order_of_a_file_is_kept_where_the_clock_is_set_back() {
    let lab = Lab::new();
    let path = lab.copy_sample(DST, "logs");
    let collector = lab.collector();
    let _agent = lab.agent(&collector, &[("logs", "")]);
    collector.wait_for_events(10);
    let events = collector.events_of(&path);
    let clocks: Vec<&str> = events.iter().map(|event| &event.timestamp()[11..19]).collect();
    let at = clocks.iter().position(|clock| *clock == "01:59:14").expect("the line before the change is there");
    assert_eq!(clocks[at + 1], "01:24:56");
}

#[test]
fn a_file_whose_first_line_is_rewritten_on_every_append_is_stored_once() {
    let lab = Lab::new();
    let (before, after) = (lab.copy_sample(TRACE_1, "samples"), lab.copy_sample(TRACE_2, "samples"));
    let (before, after) = (std::fs::read(before).unwrap(), std::fs::read(after).unwrap());
    let trace = lab.write("logs/TRACE.TXT", before);
    let collector = lab.collector();
    let mut agent = lab.agent(&collector, &[("logs", "")]);
    collector.wait_for_events(1341);
    agent.stop();
    // In place, as the instrument's software does.
    lab.write("logs/TRACE.TXT", after);
    agent.start();
    let last = wait_until("the nine new records are stored", || {
        let messages = collector.messages_of(&trace);
        (messages.len() >= 1350).then_some(messages)
    });
    agent.stop();
    assert_eq!(collector.total_events(), Some(1350), "1340 records, the first checksum and nine new records");
    assert!(last.last().expect("there are events").starts_with("2026.03.27 08:35:28"));
}
