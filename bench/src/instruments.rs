//! The agent on records of instruments: several lines with a regular expression and a form of time, and JSON; beside the same
//! bytes as plain lines.

use std::{
    fs::File,
    io::{BufWriter, Write},
    path::Path,
    time::{Duration, Instant},
};

use crate::{
    measure::{Program, Usage},
    sink,
};

/// The sink has everything when nothing came for so long.
const QUIET: Duration = Duration::from_millis(1500);

/// What makes a record about 200 bytes long.
const USUAL: &str =
    "at the usual flow with the usual tip and nothing else to say about it, as nearly always in this long log";

/// A form of log, and how it is read.
struct Form {
    name: &'static str,
    section: &'static str,
    write: fn(u64, &mut dyn Write) -> std::io::Result<()>,
}

const FORMS: [Form; 3] = [
    Form { name: "plain lines", section: "", write: write_line },
    Form {
        name: "multi-line, regex, time",
        section: r#"
record = { start = '^\d{4}-\d\d-\d\d ' }
parsers = [{ format = "regex", pattern = '(?s)^(?<time>\S+ \S+) \[(?<level>\w+)\] (?<module>[\w.]+): (?<message>.*)$' }]
time = { format = "%Y-%m-%d %H:%M:%S,%f" }
"#,
        write: write_record,
    },
    Form { name: "JSON", section: "parser = \"json\"\n", write: write_json },
];

pub(crate) fn run(folder: &Path, records: u64) -> anyhow::Result<()> {
    for form in &FORMS {
        let file = folder.join("instrument.log");
        let mut out = BufWriter::new(File::create(&file)?);
        for record in 0..records {
            (form.write)(record, &mut out)?;
        }
        out.flush()?;
        let usage = measure(folder, &file, form.section)?;
        println!(
            "{:<24} {:>10.0} records/CPU-s; peak RSS {:.1} MB",
            form.name,
            records as f64 / usage.cpu_seconds,
            usage.resident_peak_mb
        );
    }
    Ok(())
}

fn measure(folder: &Path, file: &Path, section: &str) -> anyhow::Result<Usage> {
    let (url, taken) = sink::start()?;
    let data = tempfile::tempdir_in(folder)?;
    let config = folder.join("agent.toml");
    let text = format!(
        "data_dir = {:?}\n[[files]]\npaths = [{:?}]\n{section}\n[ship]\nto = \"{url}\"\ncompression = \"none\"\n[log]\nlevel = \"warn\"\n",
        data.path().to_string_lossy(),
        file.to_string_lossy(),
    );
    std::fs::write(&config, text)?;
    let began_at = Instant::now();
    let mut agent = Program::start("labtrail-agent", &["--config", &config.to_string_lossy()])?;
    let (mut last, mut since) = (0, Instant::now());
    agent.wait_until(began_at, || {
        if taken.bytes() != last {
            (last, since) = (taken.bytes(), Instant::now());
        }
        last > 0 && since.elapsed() > QUIET
    })?;
    agent.usage()
}

fn write_line(record: u64, out: &mut dyn Write) -> std::io::Result<()> {
    let (second, milli) = (record / 1000 % 60, record % 1000);
    writeln!(
        out,
        "2026-11-23 10:00:{second:02},{milli:03} [INFO] pump.controller: dispensed {} ul into well {} of plate {record:09} {}",
        record % 97,
        record % 96,
        USUAL
    )
}

/// A record of about 200 bytes in two lines.
fn write_record(record: u64, out: &mut dyn Write) -> std::io::Result<()> {
    let (second, milli) = (record / 1000 % 60, record % 1000);
    writeln!(
        out,
        "2026-11-23 10:00:{second:02},{milli:03} [INFO] pump.controller: dispensed {} ul into well {} of plate {record:09}\n    {}",
        record % 97,
        record % 96,
        USUAL
    )
}

fn write_json(record: u64, out: &mut dyn Write) -> std::io::Result<()> {
    let (second, milli) = (record / 1000 % 60, record % 1000);
    writeln!(
        out,
        r#"{{"timestamp":"2026-11-23T10:00:{second:02}.{milli:03}Z","level":"info","message":"dispensed into a well of plate {record:09} as nearly always","volume":{},"well":{},"module":"pump.controller","run":"2026-11-23-A"}}"#,
        record % 97,
        record % 96,
    )
}
