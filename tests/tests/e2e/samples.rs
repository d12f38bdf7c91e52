//! Logs of real instruments arrive whole, with nothing said about how to read them. The numbers of records are those that
//! `tests/samples/INDEX.md` counted without this code; that times, levels and encodings are as it says is tested beside
//! the detection, file by file.
//!
//! Files without a licence are not in the repository. Where all are at hand, `LABTRAIL_SAMPLES` names their folder.

use labtrail_tests::lab::{Lab, StoredEvent, has_sample, wait_until};

const TRACE_1: &str = "tecan-evoware-trace/TRACE.snapshot1.TXT";
const TRACE_2: &str = "tecan-evoware-trace/TRACE.snapshot2.TXT";
const UPLC: &str = "waters-uplc-autolynx/experiment.log";
const FLOW: &str = "mfc-flow-csv/log 2021-09-17 11-26-14.140.csv";
const BIOMEK: &str = "beckman-biomek/UnifiedTransfer.log";
const LVM: &str = "labview-lvm/with_comments.lvm";
const RUN_LOG: &str = "agilent-chemstation-runlog/RUN.LOG";
const ZONES: &str = "lnav-edge-cases/logfile_with_zones.0";
const DST: &str = "lnav-edge-cases/logfile_dst.0";

/// Each file and its records.
const SAMPLES: [(&str, usize); 25] = [
    (RUN_LOG, 22),
    (TRACE_1, 1340),
    (TRACE_2, 1349),
    ("illumina-hiseq-prerun/PreRun.log", 8),
    ("illumina-ga-events/Events.log", 60),
    // The index counts no records here: eleven cycles and the six pieces between them.
    ("illumina-ga-runlog-xml/RunLog_concat.xml", 17),
    ("bruker-topspin-audit/auditp.txt", 5),
    ("micromanager-corelog/CoreLog.txt", 1981),
    ("fanuc-robot/LOGBOOK.LS", 951),
    ("fanuc-robot/ERRALL.LS", 100),
    ("sqlserver-errorlog/ERRORLOG", 201),
    (UPLC, 124),
    ("octoprint/octoprint.log", 1268),
    ("bluesky-databroker-progress/packing.log", 66),
    (FLOW, 239),
    ("labview-lvm/short.lvm", 10),
    (LVM, 9),
    (BIOMEK, 46),
    ("epics-ioc/ioc.log", 2684),
    ("klipper/klippy.log", 526),
    ("ros1-rosout/rosout.log", 7),
    ("arduino-serial-monitor/serial-monitor.txt", 773),
    (DST, 10),
    ("lnav-edge-cases/logfile_ansi.1", 10),
    (ZONES, 3),
];

#[test]
fn logs_of_real_instruments_arrive_whole_without_a_word_about_how_to_read_them() {
    let lab = Lab::new();
    let (here, missing): (Vec<_>, Vec<_>) = SAMPLES.into_iter().partition(|(file, _)| has_sample(file));
    for (file, _) in &missing {
        eprintln!("{file} is left out: it has no licence; LABTRAIL_SAMPLES names a folder that has it");
    }
    for (file, _) in &here {
        lab.copy_sample(file, "logs");
    }
    let up = lab.up(&[], &["logs"]);
    let total: usize = here.iter().map(|(_, records)| records).sum();
    up.wait_for_events(total as u64);
    let events = |file: &str| up.events_of(&lab.path("logs").join(file));
    for (file, records) in &here {
        assert_eq!(events(file).len(), *records, "{file}");
    }
    assert_eq!(up.total_events(), Some(total as u64), "nothing else is stored");
    assert_eq!(up.dead_letters(), Vec::<serde_json::Value>::new());

    let run = events(RUN_LOG);
    assert!(run.iter().all(|event| !event.message().contains('\0')), "UTF-16 is read as text");
    let flow = events(FLOW);
    assert_eq!(flow[0].timestamp(), "2021-09-17T11:26:14.045000");
    assert_eq!(flow[0].at("/event_data/fields/MFC1 Measure mln~1min"), 39.97157);
    let biomek = events(BIOMEK);
    let last = "08/15/2025 11:02:01,Pod2,Dispense,P11,Masterplate,,75,,7,220,MB_CryovialTo96";
    assert_eq!(biomek.last().map(StoredEvent::message), Some(last), "the last line has no line end");
    let lvm = events(LVM);
    assert!(lvm.iter().all(|event| event.at("/event_data/log/invalid_sequences").is_null()), "ISO-8859-1 is text");
    if has_sample(UPLC) {
        let first = "2026-05-29 15:16:35,347 [INFO] [初始化] 创建总实验记录表: experiment_master.csv";
        assert_eq!(events(UPLC)[0].message(), first);
    }
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
fn the_hour_that_comes_twice_keeps_its_order_and_is_marked() {
    let lab = Lab::new();
    let path = lab.copy_sample(DST, "logs");
    let collector = lab.collector();
    let _agent = lab.agent(&collector, &[("logs", "zone = \"America/New_York\"")]);
    collector.wait_for_events(10);
    let events = collector.events_of(&path);
    let clocks: Vec<&str> = events.iter().map(|event| &event.timestamp()[11..19]).collect();
    let at = clocks.iter().position(|clock| *clock == "01:59:14").expect("the line before the change is there");
    assert_eq!(clocks[at + 1], "01:24:56");
    // In New York only if the day is that of the change this year: the year is not in the file.
    let instants: Vec<&str> = events.iter().map(StoredEvent::time).collect();
    let is_marked = events[at].at("/event_data/tags") == &serde_json::json!(["time_ambiguous"]);
    assert!(!is_marked || instants.is_sorted(), "{instants:?}");
}

#[test]
fn a_file_whose_first_line_is_rewritten_on_every_append_is_stored_once() {
    let lab = Lab::new();
    let (before, after) = (lab.copy_sample(TRACE_1, "samples"), lab.copy_sample(TRACE_2, "samples"));
    let (before, after) = (std::fs::read(before).unwrap(), std::fs::read(after).unwrap());
    let trace = lab.write("logs/TRACE.TXT", before);
    let collector = lab.collector();
    let mut agent = lab.agent(&collector, &[("logs", "preset = \"tecan-evoware-trace\"")]);
    collector.wait_for_events(1340);
    // In place, as the instrument's software does, and while it is watched.
    lab.write("logs/TRACE.TXT", after);
    let events = wait_until("the nine new records are stored", || {
        let events = collector.events_of(&trace);
        (events.len() >= 1349).then_some(events)
    });
    agent.stop();
    assert_eq!(collector.total_events(), Some(1349), "none twice");
    assert_eq!(events.last().expect("there are events").timestamp(), "2026-03-27T08:35:28");
}
