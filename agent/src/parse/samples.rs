//! What real files of instruments must yield. The numbers are those of `INDEX.md` beside these files, which were counted
//! there without this code. The files are in the folder that the variable `LABTRAIL_SAMPLES` names; without it
//! these tests say so and pass.

use std::fs;
use std::path::PathBuf;

use labtrail_shared::level::LogLevel::{Critical, Debug, Error, Info, Warning};

use super::fixture::{Stream, micros};
use super::{DateOrder, TextContext, json, plain};

/// The folder of the files.
fn folder() -> Option<PathBuf> {
    let folder = std::env::var_os("LABTRAIL_SAMPLES").map(PathBuf::from);
    if folder.is_none() {
        eprintln!("skipped: LABTRAIL_SAMPLES does not name the folder of the sample files");
    }
    folder
}

/// The text of a file, from UTF-8, UTF-16 with its mark, or Latin-1.
fn text_of(file: &str) -> Option<String> {
    let path = folder()?.join(file);
    let bytes = fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    if let Some(words) = bytes.strip_prefix(b"\xFF\xFE") {
        let words: Vec<u16> = words.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect();
        return Some(String::from_utf16(&words).unwrap());
    }
    Some(
        String::from_utf8(bytes)
            .unwrap_or_else(|error| error.into_bytes().iter().map(|byte| char::from(*byte)).collect()),
    )
}

/// What the lines of a file say.
#[derive(Debug, PartialEq, Default)]
struct Found {
    times: Vec<(i64, Option<i32>)>,
    /// How many state each of DEBUG, INFO, WARNING, ERROR and CRITICAL.
    levels: [usize; 5],
}

fn read(file: &str, date_order: Option<DateOrder>) -> Option<Found> {
    let text = text_of(file)?;
    let context = TextContext { date_order, now_civil_micros: micros("2020-01-01T00:00") };
    let mut found = Found::default();
    for line in text.lines() {
        let parsed = json::parse(&context, line).unwrap_or_else(|| plain::parse(&context, line));
        found.times.extend(parsed.time.map(|time| (time.civil_micros, time.offset_seconds)));
        if let Some(level) = parsed.level {
            found.levels
                [[Debug, Info, Warning, Error, Critical].iter().position(|one| *one == level.level).unwrap()] += 1;
        }
    }
    Some(found)
}

/// How many lines of a file have a time, the first and the last of these, and how many lines state each level.
#[track_caller]
fn check_with(date_order: Option<DateOrder>, file: &str, times: usize, first: &str, last: &str, levels: [usize; 5]) {
    let Some(found) = read(file, date_order) else { return };
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
    let check = |file, expected: &[Option<i32>]| {
        let Some(found) = read(file, None) else { return };
        let offsets: Vec<_> = found.times.into_iter().map(|(_, offset)| offset).collect();
        assert_eq!(offsets, expected, "{file}");
    };
    check("illumina-hiseq-prerun/PreRun.log", &[Some(3600); 8]);
    check("lnav-edge-cases/logfile_with_zones.0", &[Some(0), Some(3 * 3600), Some(0)]);
    check("ros1-rosout/rosout.log", &[Some(0); 7]);
    check("waters-uplc-autolynx/experiment.log", &[None; 124]);
}

#[test]
fn files_without_times_of_their_own_get_none() {
    let check = |file| assert_eq!(read(file, None).unwrap_or_default(), Found::default(), "{file}");
    check("klipper/klippy.log");
    check("bluesky-databroker-progress/packing.log");
    check("arduino-serial-monitor/serial-monitor.txt");
    check("beckman-biomek/UnifiedTransfer.log");
    check("labview-lvm/short.lvm");
    check("illumina-ga-runlog-xml/RunLog_concat.xml");
    check("fanuc-robot/ERRALL.LS");
    check("illumina-ga-events/Events.log");
}

/// What a file must yield whose records begin where `start` is found at the beginning of a line.
struct Expected {
    records: usize,
    /// How many state a time.
    times: usize,
    first: &'static str,
    last: &'static str,
    /// DEBUG, INFO, WARNING, ERROR, CRITICAL
    levels: [usize; 5],
}

/// Reads a file with a section of the config, and gives back its stream and what the records said.
#[track_caller]
fn check_section(mut stream: Stream, file: &str, start: &str, expected: &Expected) {
    let Some(text) = text_of(file) else { return };
    let text = text.replace("\r\n", "\n");
    let start = regex::Regex::new(start).unwrap();
    let mut records: Vec<String> = Vec::new();
    for line in text.lines() {
        if start.is_match(line) {
            records.push(line.to_owned());
        } else if let Some(record) = records.last_mut() {
            *record += "\n";
            *record += line;
        }
    }
    let mut times = Vec::new();
    let mut levels = [0; 5];
    for record in &records {
        let said = stream.read(record);
        assert!(!said.tags.contains(&"parse_failure"), "{file}: {record}");
        times.extend(said.time.clone());
        if let Some(level) = said.level_name() {
            levels[["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"].iter().position(|one| *one == level).unwrap()] +=
                1;
        }
    }
    let Expected { records: record_count, times: time_count, first, last, levels: level_counts } = *expected;
    assert_eq!((records.len(), times.len(), levels), (record_count, time_count, level_counts), "{file}");
    assert_eq!((times[0].as_str(), times[times.len() - 1].as_str()), (first, last), "{file}");
}

#[test]
fn a_chemstation_run_log_counts_in_base_16() {
    check_section(
        Stream::of(
            r"time = { format = 'hex_epoch', pattern = '^ *[0-9a-f]{1,4} [0-9a-f]{4} (?<time>[0-9a-f]{8})' }
            level = { from = 'none', default = 'INFO' }",
        ),
        "agilent-chemstation-runlog/RUN.LOG",
        "^ *[0-9a-f]{1,4} [0-9a-f]{4} [0-9a-f]{8} +[0-9a-f]+$",
        &Expected {
            records: 22,
            times: 22,
            first: "2019-01-30T19:03:17+00",
            last: "2019-01-30T19:09:17+00",
            levels: [0, 22, 0, 0, 0],
        },
    );
}

#[test]
fn a_genome_analyzer_writes_its_time_on_the_third_line() {
    check_section(
        Stream::of("time = { format = '%a %m/%d/%Y %H:%M:%S.%f', line = 3 }"),
        "illumina-ga-events/Events.log",
        "^(={65}|(@-){32}@)",
        &Expected {
            records: 60,
            times: 58,
            first: "2010-06-21T10:34:51.64",
            last: "2010-06-22T16:15:27",
            levels: [0; 5],
        },
    );
}

#[test]
fn an_audit_trail_of_topspin() {
    check_section(
        Stream::of("time = { format = '%F %T.%f %z', where = 'anywhere' }"),
        "bruker-topspin-audit/auditp.txt",
        r"^\(\s*\d+,<",
        &Expected {
            records: 5,
            times: 5,
            first: "2023-06-16T14:22:32.693+02",
            last: "2023-06-30T15:55:52.068+02",
            levels: [0; 5],
        },
    );
}

#[test]
fn robots_of_fanuc() {
    check_section(
        Stream::of(
            r#"parsers = [{ format = 'regex', pattern = '^(?<number>\d+)" (?<time>\S+ \S+) " (?<text>.*?) *" " ?(?<level>[A-Z]*)[ .]?.*? *(?<mask>[01]{8})"' }]
            level = { default = 'INFO', words = { STOP = 'ERROR', PAUSE = 'ERROR', SERVO = 'ERROR', ABORT = 'ERROR', SYSTEM = 'CRITICAL' } }"#,
        ),
        "fanuc-robot/ERRALL.LS",
        r#"^\d+" "#,
        &Expected {
            records: 100,
            times: 100,
            first: "2021-08-28T20:46:00",
            last: "2021-08-19T15:22:06",
            levels: [0, 44, 18, 38, 0],
        },
    );
    let Some(text) = text_of("fanuc-robot/LOGBOOK.LS") else { return };
    let mut stream = Stream::of(
        // In eight records the picture of a screen comes after the time, so that it is not on the last line.
        r"time = { format = '%d-%b-%y %H:%M :%S', pattern = '(?m)(?<time>\d\d-[A-Z]{3}-\d\d \d\d:\d\d :\d\d) *$' }",
    );
    let text = text.replace("\r\n", "\n");
    let separator = "=".repeat(40) + "\n";
    let times: Vec<String> = text
        .split(&separator)
        .skip(1)
        .filter_map(|record| {
            // The second section's titles fall into the record before them.
            let record = record.split("\n%%%%").next().unwrap();
            stream.time(record)
        })
        .collect();
    assert_eq!(times.len(), 951);
    assert_eq!((times[0].as_str(), times[366].as_str()), ("2021-08-28T20:35:46", "2021-08-28T20:33:34"));
    assert_eq!((times[367].as_str(), times[950].as_str()), ("2021-08-28T20:35:46", "2021-08-28T20:34:50"));
}

#[test]
fn an_error_log_of_sql_server() {
    check_section(
        Stream::of(
            r"parsers = [{ format = 'regex', pattern = '^(?<time>\S+ \S+) (?<source>\S+) +(?s:(?<message>.*))' }]
            level = { default = 'INFO', rules = [{ pattern = 'Severity: (2[0-9])', level = 'CRITICAL' }] }",
        ),
        "sqlserver-errorlog/ERRORLOG",
        r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d\d ",
        &Expected {
            records: 201,
            times: 201,
            first: "2025-06-01T09:22:44.69",
            last: "2025-06-02T09:54:38.56",
            levels: [0, 201, 0, 0, 0],
        },
    );
}

#[test]
fn tables_of_flows_volumes_and_voltages() {
    let mut stream = Stream::of("parser = 'csv'");
    stream.columns = Some(
        ["Time", "MFC1 Measure mln/min", "MFC1 Setpoint mln/min", "MFC3 Measure mln/min", "MFC3 Setpoint mln/min"]
            .map(str::to_owned)
            .to_vec(),
    );
    check_section(
        stream,
        "mfc-flow-csv/log 2021-09-17 11-26-14.140.csv",
        "^\u{feff}\"\\d{4}-",
        &Expected {
            records: 239,
            times: 239,
            first: "2021-09-17T11:26:14.045",
            last: "2021-09-17T15:24:08.204",
            levels: [0; 5],
        },
    );
    check_section(
        Stream::of("parsers = [{ format = 'csv', columns = ['time', 'pod'] }]\ntime.format = 'us'"),
        "beckman-biomek/UnifiedTransfer.log",
        r"^\d\d/\d\d/\d{4} \d\d:\d\d:\d\d,Pod",
        &Expected { records: 46, times: 46, first: "2025-08-15T10:59:55", last: "2025-08-15T11:02:01", levels: [0; 5] },
    );
}

#[test]
fn measurements_of_labview_count_from_their_header() {
    let read = |file: &str, decimal: &str| {
        let text = text_of(file)?;
        let mut stream = Stream::of(&format!(
            "parsers = [{{ format = 'csv', separator = \"\\t\", columns = ['X_Value', 'U1', 'U2', 'T', 'Comment'], decimal = '{decimal}' }}]
            time = {{ format = 'seconds_since_header', field = 'X_Value' }}"
        ));
        let (head, rows) = text.split_once("\nX_Value").unwrap();
        stream.header.extend(head.lines().filter_map(super::header_pair));
        Some(rows.lines().skip(1).filter(|row| !row.is_empty()).map(|row| stream.read(row)).collect::<Vec<_>>())
    };
    let Some(rows) = read("labview-lvm/short.lvm", ",") else { return };
    // This one has an empty column of times.
    assert_eq!(rows.len(), 10);
    assert!(rows.iter().all(|row| row.time.is_none()));
    assert_eq!(rows[0].fields, serde_json::json!({"U1": 0.914_018, "U2": 1.204_792}));
    let Some(rows) = read("labview-lvm/with_comments.lvm", ".") else { return };
    assert_eq!(rows.len(), 9);
    assert_eq!(rows[0].time.as_deref(), Some("2020-08-07T09:47:02.101084"));
    assert_eq!(rows[1].time.as_deref(), Some("2020-08-07T09:47:02.429962"));
    assert_eq!(rows[0].fields["Comment"], "LOST COMMUNICATION");
}

#[test]
fn torn_lines_of_an_ioc_have_their_time_in_the_middle() {
    let Some(text) = text_of("epics-ioc/ioc.log") else { return };
    let mut stream = Stream::of("time = { format = '%Y/%m/%d %H:%M:%S.%f', where = 'anywhere' }");
    let times: Vec<_> = text.lines().filter_map(|line| stream.time(line)).collect();
    // Of the 192 times one is the second in its line, and four stand right behind the letters of a torn line.
    assert_eq!(times.len(), 187);
    assert_eq!(
        (times[0].as_str(), times[times.len() - 1].as_str()),
        ("2022-06-16T12:52:18.982", "2022-06-16T12:52:19.452")
    );
}

#[test]
fn klipper_and_the_serial_monitor_tell_no_date() {
    let Some(text) = text_of("klipper/klippy.log") else { return };
    let mut stream = Stream::of(
        r"time = { format = 'uptime', before = '^Stats ', anchor = '^Start printer at .*\((?<epoch>\d+\.\d+) (?<uptime>\d+\.\d+)\)' }",
    );
    let times: Vec<_> = text.lines().filter_map(|line| stream.time(line)).collect();
    assert_eq!(times[..2], ["2023-04-18T22:12:54+00", "2023-04-18T22:12:57.7+00"]);
    assert_eq!(times.len(), 3);
    let mut stream = Stream::of("time = { format = '%H:%M:%S.%f', day = 'file' }");
    stream.day = Some(18_801); // 2021-06-23
    check_section(
        stream,
        "arduino-serial-monitor/serial-monitor.txt",
        r"^\d\d:\d\d:\d\d\.\d{3} -> ",
        &Expected {
            records: 773,
            times: 773,
            first: "2021-06-23T18:59:08.812",
            last: "2021-06-23T19:01:22.776",
            levels: [0; 5],
        },
    );
}

#[test]
fn the_repeated_hour_of_a_syslog_file_is_in_order() {
    let Some(text) = text_of("lnav-edge-cases/logfile_dst.0") else { return };
    let mut stream = Stream::of("parser = 'syslog'").in_zone("America/New_York");
    let times: Vec<_> = text
        .lines()
        .map(|line| {
            let said = stream.read(line);
            assert!(said.fields["process.name"].is_string() && said.fields["host.hostname"].is_string(), "{line}");
            let last = stream.last.unwrap();
            labtrail_shared::timestamp::EventTimestamp {
                civil_micros: last.civil_micros,
                offset_seconds: last.offset_seconds,
            }
            .utc_micros(&stream.zone)
        })
        .collect();
    assert!(times.is_sorted(), "{times:?}");
    let Some(text) = text_of("lnav-edge-cases/logfile_with_zones.0") else { return };
    let said: Vec<_> = text.lines().map(|line| Stream::of("parser = 'syslog'").read(line)).collect();
    let levels: Vec<_> = said.iter().map(super::fixture::Said::level_name).collect();
    assert_eq!(levels, [Some("INFO"), None, Some("INFO")]);
    assert_eq!(said[1].time.as_deref(), Some("2022-08-27T17:22:01.694554+03"));
    assert_eq!(said[2].fields["syslog.structured_data"]["abc@6876"]["level"], "INFO");
}
