//! What real files of instruments must yield. The numbers are those of `tests/samples/INDEX.md`, which were counted
//! there without this code.

use std::fs;
use std::path::Path;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use labtrail_shared::level::LogLevel::{Critical, Debug, Error, Info, Warning};

use super::{DateOrder, ParseContext, Parser, parse};

fn micros(text: &str) -> i64 {
    let datetime: DateTime = text.parse().unwrap();
    TimeZone::UTC.to_timestamp(datetime).unwrap().as_microsecond()
}

/// What the lines of a file say.
#[derive(Debug, PartialEq, Default)]
struct Found {
    times: Vec<(i64, Option<i32>)>,
    /// How many state each of DEBUG, INFO, WARNING, ERROR and CRITICAL.
    levels: [usize; 5],
}

fn read(file: &str, date_order: Option<DateOrder>) -> Found {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/samples").join(file);
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let context = ParseContext { parser: Parser::Auto, date_order, now_civil_micros: micros("2020-01-01T00:00") };
    let mut found = Found::default();
    for line in text.lines() {
        let parsed = parse(&context, line);
        found.times.extend(parsed.time.map(|time| (time.civil_micros, time.offset_seconds)));
        if let Some(level) = parsed.level {
            found.levels
                [[Debug, Info, Warning, Error, Critical].iter().position(|one| *one == level.level).unwrap()] += 1;
        }
    }
    found
}

/// How many lines of a file have a time, the first and the last of these, and how many lines state each level.
#[track_caller]
fn check_with(date_order: Option<DateOrder>, file: &str, times: usize, first: &str, last: &str, levels: [usize; 5]) {
    let found = read(file, date_order);
    let bounds = (found.times[0].0, found.times[found.times.len() - 1].0);
    assert_eq!((found.times.len(), bounds, found.levels), (times, (micros(first), micros(last)), levels), "{file}");
}

#[track_caller]
fn check(file: &str, times: usize, first: &str, last: &str, levels: [usize; 5]) {
    check_with(None, file, times, first, last, levels);
}

const NO_LEVELS: [usize; 5] = [0; 5];

#[test]
fn times_and_levels_of_instrument_files_are_as_counted() {
    let first = "2005-09-29T12:00:00";
    check("tecan-evoware-trace/TRACE.snapshot1.TXT", 1340, first, "2026-03-27T07:23:35", NO_LEVELS);
    check("tecan-evoware-trace/TRACE.snapshot2.TXT", 1349, first, "2026-03-27T08:35:28", NO_LEVELS);
    let (first, last) = ("2015-09-09T15:35:30.466", "2015-09-09T16:07:23.698");
    check("illumina-hiseq-prerun/PreRun.log", 8, first, last, [0, 0, 8, 0, 0]);
    let (first, last) = ("2026-05-29T15:16:35.347", "2026-05-29T15:39:16.128");
    check("waters-uplc-autolynx/experiment.log", 124, first, last, [0, 110, 7, 7, 0]);
    let (first, last) = ("2020-01-19T01:27:18.674", "2020-01-20T08:24:03.859");
    check("octoprint/octoprint.log", 1268, first, last, [0, 1222, 23, 23, 0]);
    let (first, last) = ("2021-09-17T11:26:14.045", "2021-09-17T15:24:08.204");
    check("mfc-flow-csv/log 2021-09-17 11-26-14.140.csv", 239, first, last, NO_LEVELS);
    let (first, last) = ("2021-06-23T22:23:17.966815", "2021-06-23T22:23:19.747948");
    check("ros1-rosout/rosout.log", 7, first, last, [0, 3, 2, 1, 0]);
    let (first, last) = ("2022-06-16T12:52:18.982", "2022-06-16T12:52:19.452");
    check("epics-ioc/ioc.log", 186, first, last, NO_LEVELS);
    let (first, last) = ("2019-11-03T01:01:03", "2019-11-03T02:25:02");
    check("lnav-edge-cases/logfile_dst.0", 10, first, last, NO_LEVELS);
    let (first, last) = ("2022-08-27T14:22:01.613", "2022-08-27T14:22:01.888");
    check("lnav-edge-cases/logfile_with_zones.0", 3, first, last, [0, 2, 0, 0, 0]);
    let (first, last) = ("2010-07-22T17:11:56.175750", "2010-08-09T21:51:09.029308");
    check("micromanager-corelog/CoreLog.txt", 1981, first, last, NO_LEVELS);
    let (first, last) = ("2025-08-15T10:59:55", "2025-08-15T11:02:01");
    let month_first = Some(DateOrder::MonthFirst);
    check_with(month_first, "beckman-biomek/UnifiedTransfer.log", 46, first, last, NO_LEVELS);
}

#[test]
fn offsets_are_kept_as_the_lines_state_them() {
    let offsets = |file| -> Vec<_> { read(file, None).times.into_iter().map(|(_, offset)| offset).collect() };
    assert_eq!(offsets("illumina-hiseq-prerun/PreRun.log"), [Some(3600); 8]);
    assert_eq!(offsets("lnav-edge-cases/logfile_with_zones.0"), [Some(0), Some(3 * 3600), Some(0)]);
    assert_eq!(offsets("ros1-rosout/rosout.log"), [Some(0); 7]);
    assert_eq!(offsets("waters-uplc-autolynx/experiment.log"), [None; 124]);
}

#[test]
fn files_without_times_of_their_own_get_none() {
    let check = |file| assert_eq!(read(file, None), Found::default(), "{file}");
    check("klipper/klippy.log");
    check("bluesky-databroker-progress/packing.log");
    check("arduino-serial-monitor/serial-monitor.txt");
    check("beckman-biomek/UnifiedTransfer.log");
    check("labview-lvm/short.lvm");
    check("illumina-ga-runlog-xml/RunLog_concat.xml");
    check("fanuc-robot/ERRALL.LS");
    check("illumina-ga-events/Events.log");
}
