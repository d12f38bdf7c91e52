//! A log as a laboratory's software writes it: a time and a level on every line, about 200 bytes, varied text.

use std::{
    fmt::Write as _,
    fs::File,
    io::{BufWriter, Write},
    path::{Path, PathBuf},
};

use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use rand::{RngExt, SeedableRng, rngs::StdRng};

const WORDS: [&str; 48] = [
    "aspirate",
    "dispense",
    "plate",
    "carrier",
    "position",
    "pump",
    "pressure",
    "valve",
    "gradient",
    "detector",
    "lamp",
    "sample",
    "vial",
    "tip",
    "rack",
    "deck",
    "nest",
    "gripper",
    "axis",
    "motor",
    "encoder",
    "firmware",
    "temperature",
    "incubator",
    "chamber",
    "door",
    "sensor",
    "signal",
    "baseline",
    "peak",
    "injection",
    "column",
    "flow",
    "method",
    "sequence",
    "run",
    "barcode",
    "scanner",
    "centrifuge",
    "sealer",
    "washer",
    "buffer",
    "reagent",
    "volume",
    "liquid",
    "level",
    "timeout",
    "acknowledged",
];

/// The length of a line, without its end.
const LINE_BYTES: usize = 200;

/// Writes `lines` lines that end about now, a hundredth of a second apart; the same ones each time.
pub(crate) fn write(folder: &Path, lines: u64) -> anyhow::Result<PathBuf> {
    write_lines(folder.join(format!("corpus-{lines}.log")), lines, LINE_BYTES)
}

/// The same with lines of another length.
pub(crate) fn write_lines(path: PathBuf, lines: u64, line_bytes: usize) -> anyhow::Result<PathBuf> {
    let mut out = BufWriter::with_capacity(1 << 20, File::create(&path)?);
    let mut random = StdRng::seed_from_u64(42);
    let mut at = Timestamp::now() - SignedDuration::from_millis(10 * i64::try_from(lines)?);
    let mut text = String::new();
    for _ in 0..lines {
        at += SignedDuration::from_millis(10);
        let level = match random.random_range(0..1000) {
            0..900 => "INFO",
            900..960 => "DEBUG",
            960..990 => "WARNING",
            _ => "ERROR",
        };
        let local = at.to_zoned_datetime(TimeZone::system());
        text.clear();
        text.push_str(&local.strftime("%Y-%m-%d %H:%M:%S,%3f").to_string());
        write!(text, " - instrument.module{} - {level} - ", random.random_range(0..20))?;
        while text.len() < line_bytes {
            text.push_str(WORDS[random.random_range(0..WORDS.len())]);
            if random.random_range(0..4) == 0 {
                write!(text, " {}", random.random_range(0..100_000))?;
            }
            text.push(' ');
        }
        text.truncate(line_bytes);
        text.push('\n');
        out.write_all(text.as_bytes())?;
    }
    out.into_inner()?.sync_all()?;
    Ok(path)
}
