//! Files that real instruments wrote, from the folder that `LABTRAIL_SAMPLES` names.

use std::path::PathBuf;

use super::driver::{Out, frame, framing, whole};
use crate::{decode::detect, frame::AsideKind};

/// What a sample is expected to make.
#[derive(Default)]
struct Expected {
    records: usize,
    multi_line: Option<usize>,
    longest: Option<u32>,
    asides: &'static [(AsideKind, usize)],
    /// The file's last line has no end, or its last record none that can be known: it is cut at the file's end.
    open: bool,
}

fn check(file: &str, encoding: &str, config: &str, expected: &Expected) {
    let Ok(folder) = std::env::var("LABTRAIL_SAMPLES") else {
        eprintln!("LABTRAIL_SAMPLES names no folder: {file} is not tried");
        return;
    };
    let bytes = std::fs::read(PathBuf::from(folder).join(file)).unwrap();
    let charset = detect(&bytes[..bytes.len().min(4096)], bytes.len() <= 4096).unwrap().charset;
    assert_eq!(charset.name(), encoding, "{file}");
    let framing = framing(config, 64 << 10);
    let (_, open) = frame(&framing, charset, &bytes, &[], &whole());
    assert_eq!(open < bytes.len(), expected.open, "{file} is open at {open} of {}", bytes.len());
    let (outs, end) = frame(&framing, charset, &bytes, &[bytes.len() as u64], &whole());
    assert_eq!(end, bytes.len(), "{file}");
    let lines: Vec<(u32, u32)> = outs
        .iter()
        .filter_map(|out| match out {
            Out::Record { lines, invalid_sequences, .. } => Some((*lines, *invalid_sequences)),
            Out::Aside { .. } => None,
        })
        .collect();
    assert_eq!(lines.len(), expected.records, "{file}");
    assert_eq!(lines.iter().map(|(_, invalid)| invalid).sum::<u32>(), 0, "{file}");
    if let Some(multi_line) = expected.multi_line {
        assert_eq!(lines.iter().filter(|(lines, _)| *lines > 1).count(), multi_line, "{file}");
    }
    if let Some(longest) = expected.longest {
        assert_eq!(lines.iter().map(|(lines, _)| *lines).max(), Some(longest), "{file}");
    }
    for (kind, count) in expected.asides {
        let is_kind = |out: &&Out| matches!(out, Out::Aside { kind: found, .. } if found == kind);
        assert_eq!(outs.iter().filter(is_kind).count(), *count, "{file} {kind:?}");
    }
}

#[test]
fn samples_that_are_lines() {
    let lines = |records| Expected { records, ..Expected::default() };
    check("epics-ioc/ioc.log", "UTF-8", "", &lines(2684));
    check("klipper/klippy.log", "UTF-8", "", &lines(526));
    check("ros1-rosout/rosout.log", "UTF-8", "", &lines(7));
    check("arduino-serial-monitor/serial-monitor.txt", "UTF-8", "", &lines(773));
    check("illumina-hiseq-prerun/PreRun.log", "UTF-8", "", &lines(8));
    check("lnav-edge-cases/logfile_dst.0", "UTF-8", "", &lines(10));
    check("lnav-edge-cases/logfile_with_zones.0", "UTF-8", "", &lines(3));
    let packing = "bluesky-databroker-progress/packing.log";
    check(packing, "UTF-8", "carriage_return = 'overwrite'", &lines(66));
    check(packing, "UTF-8", "carriage_return = 'newline'", &lines(196));
    let syslog = "ansi = 'strip'\nstart = '^[A-Z][a-z]{2} [ \\d]\\d \\d\\d:\\d\\d:\\d\\d '";
    check("lnav-edge-cases/logfile_ansi.1", "UTF-8", "ansi = 'strip'", &lines(10));
    let open = Expected { records: 10, multi_line: Some(0), open: true, ..Expected::default() };
    check("lnav-edge-cases/logfile_ansi.1", "UTF-8", syslog, &open);
}

#[test]
fn samples_of_several_lines() {
    let check = |file: &str, encoding: &str, start: &str, records: usize, multi_line: usize, longest: u32| {
        let expected =
            Expected { records, multi_line: Some(multi_line), longest: Some(longest), open: true, asides: &[] };
        check(file, encoding, &format!("preamble = 'skip'\nstart = '{start}'"), &expected);
    };
    check("illumina-ga-events/Events.log", "UTF-8", "^(?:={65}|(?:@-){32}@)", 60, 60, 77);
    let log = "^LOG\\(\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{6}, \\d+, [0-9A-Fa-f]+:\\): ";
    check("micromanager-corelog/CoreLog.txt", "UTF-8", log, 1981, 195, 8);
    check("sqlserver-errorlog/ERRORLOG", "UTF-16LE", "^\\d{4}-\\d\\d-\\d\\d \\d\\d:\\d\\d:\\d\\d\\.\\d\\d ", 201, 3, 5);
    let waters = "^\\d{4}-\\d\\d-\\d\\d \\d\\d:\\d\\d:\\d\\d,\\d{3} \\[(\\w+)\\] ";
    check("waters-uplc-autolynx/experiment.log", "UTF-8", waters, 124, 3, 2);
    let octoprint = "^\\d{4}-\\d\\d-\\d\\d \\d\\d:\\d\\d:\\d\\d,\\d{3} - \\S+ - ([A-Z]+) - ";
    check("octoprint/octoprint.log", "UTF-8", octoprint, 1268, 51, 23);
    check("fanuc-robot/ERRALL.LS", "UTF-8", "^\\d+\" \\d\\d-[A-Z]{3}-\\d\\d ", 100, 0, 1);
    let tecan = "^\\d{4}\\.\\d\\d\\.\\d\\d \\d\\d:\\d\\d:\\d\\d  ";
    check("tecan-evoware-trace/TRACE.snapshot1.TXT", "UTF-8", tecan, 1340, 0, 1);
    check("tecan-evoware-trace/TRACE.snapshot2.TXT", "UTF-8", tecan, 1349, 0, 1);
}

#[test]
fn samples_with_ends_of_their_own() {
    let header = "^ *[0-9a-f]{1,4} [0-9a-f]{4} [0-9a-f]{8} +[0-9a-f]+$";
    let two = Expected { records: 22, multi_line: Some(22), longest: Some(2), ..Expected::default() };
    check("agilent-chemstation-runlog/RUN.LOG", "UTF-16LE", &format!("start = '{header}'\nlines = 2"), &two);
    let audit = Expected {
        records: 5,
        multi_line: Some(5),
        longest: Some(14),
        asides: &[(AsideKind::Preamble, 5), (AsideKind::Skipped, 5)],
        ..Expected::default()
    };
    let config =
        "start = '^\\(\\s*\\d+,<'\nend = '>\\)$'\npreamble = 'skip'\nbetween = 'skip'\nskip = ['^##END=', '^\\$\\$']";
    check("bruker-topspin-audit/auditp.txt", "UTF-8", config, &audit);
    let logbook = Expected {
        records: 951,
        multi_line: Some(951),
        asides: &[(AsideKind::Preamble, 4), (AsideKind::Separator, 951)],
        open: true,
        ..Expected::default()
    };
    check("fanuc-robot/LOGBOOK.LS", "UTF-8", "separator = '^={40}$'\npreamble = 'skip'", &logbook);
}

#[test]
fn samples_that_are_tables() {
    let table = |records, header| Expected { records, asides: header, ..Expected::default() };
    let columns: &[_] = &[(AsideKind::Columns, 1)];
    check("mfc-flow-csv/log 2021-09-17 11-26-14.140.csv", "UTF-8", "header_row = true", &table(239, columns));
    let lvm = "header_until = '^\\*\\*\\*End_of_Header\\*\\*\\*'\nheader_count = 2\nheader_row = true";
    let header: &[_] = &[(AsideKind::Header, 22), (AsideKind::Columns, 1)];
    check("labview-lvm/short.lvm", "UTF-8", lvm, &table(10, header));
    check("labview-lvm/with_comments.lvm", "windows-1252", lvm, &table(9, header));
    let biomek = Expected {
        records: 46,
        multi_line: Some(0),
        asides: &[(AsideKind::Preamble, 9)],
        open: true,
        ..Expected::default()
    };
    let config = "start = '^\\d\\d/\\d\\d/\\d{4} \\d\\d:\\d\\d:\\d\\d,Pod'\npreamble = 'skip'";
    check("beckman-biomek/UnifiedTransfer.log", "UTF-8", config, &biomek);
    let lines = Expected { records: 46, asides: &[(AsideKind::Header, 9)], open: true, ..Expected::default() };
    check("beckman-biomek/UnifiedTransfer.log", "UTF-8", "header_lines = 9", &lines);
}

#[test]
fn samples_of_xml() {
    let file = "illumina-ga-runlog-xml/RunLog_concat.xml";
    let whole = Expected { records: 1, longest: Some(1985), ..Expected::default() };
    check(file, "UTF-8", "object = 'xml'\nlines_max = 2000", &whole);
    let pictures = Expected { records: 315, ..Expected::default() };
    check(file, "UTF-8", "object = 'xml'\nelement = 'TAKE_PICTURE'\npreamble = 'skip'\nbetween = 'skip'", &pictures);
}
