//! The sample files and what they must give, for the tests of presets and of detection. The numbers are those of INDEX.md
//! beside the files; where it says nothing, they were counted by a script.

use labtrail_shared::level::LogLevel;

pub(crate) use super::text::time_text;
use super::trial::{Trial, TrialFile};

/// What a sample must give.
pub(crate) struct Sample {
    pub(crate) file: &'static str,
    /// Where the instrument would write it.
    pub(crate) path: &'static str,
    pub(crate) preset: &'static str,
    pub(crate) encoding: &'static str,
    pub(crate) records: usize,
    /// How many state a time themselves.
    pub(crate) times: usize,
    /// The first and the last of these; empty: none.
    pub(crate) first: &'static str,
    pub(crate) last: &'static str,
    /// DEBUG, INFO, WARNING, ERROR, CRITICAL; a record without a level is stored as INFO.
    pub(crate) levels: [usize; 5],
    /// Why detection alone does not give all this; empty: it does.
    pub(crate) undecidable: &'static str,
}

impl Sample {
    /// The file as it is given to a trial: created on 23 June 2021, seen on 1 December 2026.
    pub(crate) fn as_file<'a>(&self, bytes: &'a [u8]) -> TrialFile<'a> {
        TrialFile {
            path: self.path,
            bytes,
            is_whole: true,
            now_civil_micros: micros("2026-12-01T00:00"),
            file_civil_micros: Some(micros("2021-06-23T19:02")),
        }
    }

    /// What a trial gave instead of what it must give.
    pub(crate) fn difference(&self, trial: &Trial) -> Option<String> {
        let found = Found::of(trial);
        let expected = Found {
            encoding: self.encoding.to_owned(),
            records: self.records,
            times: self.times,
            first: self.first.to_owned(),
            last: self.last.to_owned(),
            levels: self.levels,
        };
        let is_right = found == expected && trial.invalid_sequences == 0;
        (!is_right).then(|| format!("{}:\n     found {found:?}\n  expected {expected:?}", self.file))
    }
}

/// What a trial gave, in the words of a sample.
#[derive(Debug, PartialEq)]
pub(crate) struct Found {
    pub(crate) encoding: String,
    pub(crate) records: usize,
    pub(crate) times: usize,
    pub(crate) first: String,
    pub(crate) last: String,
    pub(crate) levels: [usize; 5],
}

impl Found {
    pub(crate) fn of(trial: &Trial) -> Self {
        let times: Vec<_> =
            trial.events.iter().filter(|event| !event.is_time_inherited).filter_map(|event| event.time).collect();
        let mut levels = [0; 5];
        for event in &trial.events {
            let place = match event.level {
                Some(LogLevel::Debug) => 0,
                Some(LogLevel::Info | LogLevel::NotSet) | None => 1,
                Some(LogLevel::Warning) => 2,
                Some(LogLevel::Error) => 3,
                Some(LogLevel::Critical) => 4,
            };
            levels[place] += 1;
        }
        Self {
            encoding: encoding_text(trial),
            records: trial.events.len(),
            times: times.len(),
            first: times.first().map(|time| time_text(*time)).unwrap_or_default(),
            last: times.last().map(|time| time_text(*time)).unwrap_or_default(),
            levels,
        }
    }
}

/// `utf-16le-bom`, `ascii`, `utf-8`, ...
fn encoding_text(trial: &Trial) -> String {
    let charset = trial.detected.charset;
    let name = charset.name().to_ascii_lowercase();
    if charset.mark_bytes > 0 { format!("{name}-bom") } else { name }
}

pub(crate) fn micros(text: &str) -> i64 {
    let datetime: jiff::civil::DateTime = text.parse().unwrap_or_else(|error| panic!("{text}: {error}"));
    jiff::tz::TimeZone::UTC.to_timestamp(datetime).unwrap().as_microsecond()
}

/// The bytes of a sample; nothing, with a word on standard error, if it is not there.
pub(crate) fn read(file: &str) -> Option<Vec<u8>> {
    let Some(folder) = std::env::var_os("LABTRAIL_SAMPLES") else {
        eprintln!("skipped: LABTRAIL_SAMPLES does not name the folder of the sample files");
        return None;
    };
    let path = std::path::Path::new(&folder).join(file);
    std::fs::read(&path).inspect_err(|error| eprintln!("skipped: {}: {error}", path.display())).ok()
}

/// A sample in which every record has a time and no level.
const fn sample(
    file: &'static str,
    path: &'static str,
    preset: &'static str,
    encoding: &'static str,
    records: usize,
) -> Sample {
    let levels = [0, records, 0, 0, 0];
    Sample { file, path, preset, encoding, records, times: records, first: "", last: "", levels, undecidable: "" }
}

/// All samples.
pub(crate) const ALL: [Sample; 25] = [
    Sample {
        first: "2019-01-30T19:03:17+00",
        last: "2019-01-30T19:09:17+00",
        ..sample(
            "agilent-chemstation-runlog/RUN.LOG",
            r"C:\Chem32\1\DATA\seq 1\caffeine.D\RUN.LOG",
            "agilent-chemstation",
            "utf-16le-bom",
            22,
        )
    },
    Sample {
        first: "2005-09-29T12:00:00",
        last: "2026-03-27T07:23:35",
        ..sample(
            "tecan-evoware-trace/TRACE.snapshot1.TXT",
            r"C:\ProgramData\Tecan\EVOware\AuditTrail\Log\TRACE.TXT",
            "tecan-evoware-trace",
            "utf-8",
            1340,
        )
    },
    Sample {
        first: "2005-09-29T12:00:00",
        last: "2026-03-27T08:35:28",
        ..sample(
            "tecan-evoware-trace/TRACE.snapshot2.TXT",
            r"C:\ProgramData\Tecan\EVOware\AuditTrail\Log\TRACE.TXT",
            "tecan-evoware-trace",
            "utf-8",
            1349,
        )
    },
    Sample {
        first: "2015-09-09T15:35:30.466+01",
        last: "2015-09-09T16:07:23.698+01",
        levels: [0, 0, 8, 0, 0],
        ..sample(
            "illumina-hiseq-prerun/PreRun.log",
            r"D:\Illumina\100818_IL32_10371\Logs\PreRun.log",
            "illumina-instrument",
            "utf-8",
            8,
        )
    },
    Sample {
        times: 58,
        first: "2010-06-21T10:34:51.64",
        last: "2010-06-22T16:15:27",
        ..sample(
            "illumina-ga-events/Events.log",
            r"D:\Runs\100621_IL22_04892\Events.log",
            "illumina-ga-events",
            "utf-8",
            60,
        )
    },
    Sample {
        times: 0,
        ..sample(
            "illumina-ga-runlog-xml/RunLog_concat.xml",
            r"D:\Runs\080619_IL16_0917\RunLog_concat.xml",
            "illumina-runlog-xml",
            "utf-8",
            17,
        )
    },
    Sample {
        first: "2023-06-16T14:22:32.693+02",
        last: "2023-06-30T15:55:52.068+02",
        ..sample(
            "bruker-topspin-audit/auditp.txt",
            "/opt/data/PEG600/102/pdata/1/auditp.txt",
            "bruker-topspin-audit",
            "utf-8",
            5,
        )
    },
    Sample {
        first: "2010-07-22T17:11:56.17575",
        last: "2010-08-09T21:51:09.029308",
        ..sample(
            "micromanager-corelog/CoreLog.txt",
            r"C:\Program Files\Micro-Manager-1.3\CoreLog.txt",
            "micromanager",
            "utf-8",
            1981,
        )
    },
    Sample {
        first: "2021-08-28T20:35:46",
        last: "2021-08-28T20:34:50",
        ..sample("fanuc-robot/LOGBOOK.LS", r"C:\FANUC\cell 3\LOGBOOK.LS", "fanuc-logbook", "utf-8", 951)
    },
    Sample {
        first: "2021-08-28T20:46:00",
        last: "2021-08-19T15:22:06",
        levels: [0, 44, 18, 38, 0],
        ..sample("fanuc-robot/ERRALL.LS", r"C:\FANUC\cell 3\ERRALL.LS", "fanuc-errall", "utf-8", 100)
    },
    Sample {
        first: "2025-06-01T09:22:44.69",
        last: "2025-06-02T09:54:38.56",
        ..sample(
            "sqlserver-errorlog/ERRORLOG",
            r"C:\Program Files\Microsoft SQL Server\MSSQL16.LAB\MSSQL\Log\ERRORLOG",
            "sqlserver-errorlog",
            "utf-16le-bom",
            201,
        )
    },
    Sample {
        first: "2026-05-29T15:16:35.347",
        last: "2026-05-29T15:39:16.128",
        levels: [0, 110, 7, 7, 0],
        ..sample("waters-uplc-autolynx/experiment.log", "/home/lab/uplc/experiment.log", "python-logging", "utf-8", 124)
    },
    Sample {
        first: "2020-01-19T01:27:18.674",
        last: "2020-01-20T08:24:03.859",
        levels: [0, 1222, 23, 23, 0],
        ..sample("octoprint/octoprint.log", "/home/pi/.octoprint/logs/octoprint.log", "octoprint", "utf-8", 1268)
    },
    Sample {
        times: 0,
        ..sample(
            "bluesky-databroker-progress/packing.log",
            "/home/beamline/packing.log",
            "bluesky-progress",
            "utf-8",
            66,
        )
    },
    Sample {
        first: "2021-09-17T11:26:14.045",
        last: "2021-09-17T15:24:08.204",
        ..sample(
            "mfc-flow-csv/log 2021-09-17 11-26-14.140.csv",
            "/data/mfc/log 2021-09-17 11-26-14.140.csv",
            "generic-csv",
            "utf-8-bom",
            239,
        )
    },
    Sample { times: 0, ..sample("labview-lvm/short.lvm", r"C:\data\short.lvm", "labview-lvm-comma", "utf-8", 10) },
    Sample {
        first: "2020-08-07T09:47:02.101084",
        last: "2020-08-07T09:47:11.824359",
        ..sample("labview-lvm/with_comments.lvm", r"C:\data\with_comments.lvm", "labview-lvm", "windows-1252", 9)
    },
    Sample {
        first: "2025-08-15T10:59:55",
        last: "2025-08-15T11:02:01",
        ..sample(
            "beckman-biomek/UnifiedTransfer.log",
            r"C:\Users\Public\Documents\Biomek5\Logs\UnifiedTransfer.log",
            "beckman-biomek",
            "utf-8",
            46,
        )
    },
    Sample {
        times: 191,
        first: "2022-06-16T12:52:18.982",
        last: "2022-06-16T12:52:19.452",
        ..sample("epics-ioc/ioc.log", "/var/log/procServ/ioc.log", "epics-ioc", "utf-8", 2684)
    },
    Sample {
        times: 3,
        first: "2023-04-18T22:12:54+00",
        last: "2023-04-18T22:12:58.7+00",
        ..sample("klipper/klippy.log", "/home/pi/printer_data/logs/klippy.log", "klipper", "utf-8", 526)
    },
    Sample {
        first: "2021-06-23T22:23:17.966815+00",
        last: "2021-06-23T22:23:19.747948+00",
        levels: [0, 4, 2, 1, 0],
        ..sample(
            "ros1-rosout/rosout.log",
            "/home/op3/.ros/log/7d9ad05c-d46f-11eb-9b7c-48b02d2b8a1a/rosout.log",
            "ros1",
            "utf-8",
            7,
        )
    },
    Sample {
        first: "2021-06-23T18:59:08.812",
        last: "2021-06-23T19:01:22.776",
        ..sample(
            "arduino-serial-monitor/serial-monitor.txt",
            r"C:\captures\serial-monitor.txt",
            "serial-capture",
            "utf-8",
            773,
        )
    },
    Sample {
        first: "2026-11-03T01:01:03",
        last: "2026-11-03T02:25:02",
        ..sample("lnav-edge-cases/logfile_dst.0", "/var/log/syslog", "syslog", "utf-8", 10)
    },
    Sample {
        first: "2026-09-19T09:24:04",
        last: "2026-09-19T09:24:20",
        ..sample("lnav-edge-cases/logfile_ansi.1", "/var/log/system.log", "syslog", "utf-8", 10)
    },
    Sample {
        first: "2022-08-27T14:22:01.613+00",
        last: "2022-08-27T14:22:01.888+00",
        ..sample("lnav-edge-cases/logfile_with_zones.0", "/var/log/nsx.log", "syslog", "utf-8", 3)
    },
];
