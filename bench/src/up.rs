//! `labtrail up` from file to searchable event, beside a bare loop that inserts the very rows it made: the same
//! indexes, no full text, transactions of 1,000.

use std::{
    path::{Path, PathBuf},
    time::Instant,
};

use anyhow::Context;
use rusqlite::{Connection, types::Value};

use crate::{
    corpus,
    measure::{Program, free_port, run_self},
};

/// Rows of a transaction of the bare loop.
const ROWS_PER_TRANSACTION: usize = 1000;

pub(crate) fn run(folder: &Path, lines: u64) -> anyhow::Result<()> {
    let (store, _) = fill(folder, lines, true)?;
    let bare = folder.join("bare.db");
    let (output, cpu, _) = run_self(&["bare-insert", &store.to_string_lossy(), &bare.to_string_lossy()])?;
    let bare_wall: f64 = output.parse().context("the bare loop prints its seconds")?;
    println!(
        "bare rusqlite loop    {:>10.0} rows/s  ({bare_wall:.1} s for the inserts; {cpu:.1} CPU-s with reading the rows back)",
        lines as f64 / bare_wall
    );
    Ok(())
}

/// Runs `labtrail up` on a corpus until every line is stored; gives the store's file and the running program.
pub(crate) fn fill(folder: &Path, lines: u64, prints: bool) -> anyhow::Result<(PathBuf, (Program, String))> {
    let corpus = corpus::write(folder, lines)?;
    let data = folder.join("up-data");
    let url = format!("http://127.0.0.1:{}", free_port()?);
    let began_at = Instant::now();
    let listen = url.trim_start_matches("http://");
    let arguments = ["up", "--listen", listen, "--data-dir", &data.to_string_lossy(), &corpus.to_string_lossy()];
    let mut up = Program::start("labtrail", &arguments)?;
    let took = up.wait_until(began_at, || total_events(&url).is_some_and(|total| total >= lines))?;
    let usage = up.usage()?;
    let store = data.join("events.sqlite");
    let bytes: u64 = std::fs::read_dir(&data)?
        .flatten()
        .filter(|entry| entry.file_name().to_string_lossy().starts_with("events."))
        .map(|entry| entry.metadata().map_or(0, |metadata| metadata.len()))
        .sum();
    if prints {
        println!(
            "labtrail up           {:>10.0} lines/s  ({:.1} s, {:.1} CPU-s); {:.0} bytes of disk per event; peak RSS {:.0} MB",
            lines as f64 / took.as_secs_f64(),
            took.as_secs_f64(),
            usage.cpu_seconds,
            bytes as f64 / lines as f64,
            usage.resident_peak_mb,
        );
    }
    Ok((store, (up, url)))
}

fn total_events(url: &str) -> Option<u64> {
    let body = ureq::get(format!("{url}/health")).call().ok()?.into_body().read_to_string().ok()?;
    serde_json::from_str::<serde_json::Value>(&body).ok()?["total_events"].as_u64()
}

/// Copies all rows of `event` into a new store with the same table and indexes, and prints the seconds of inserting.
pub(crate) fn bare_insert(from: &Path, to: &Path) -> anyhow::Result<()> {
    let source = Connection::open(from)?;
    let target = Connection::open(to)?;
    // As durable as what it is compared with.
    target.execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = -65536;")?;
    let mut schema =
        source.prepare("SELECT sql FROM sqlite_schema WHERE tbl_name = 'event' AND type IN ('table', 'index') AND sql IS NOT NULL ORDER BY type DESC")?;
    for sql in schema.query_map([], |row| row.get::<_, String>(0))? {
        target.execute_batch(&sql?)?;
    }
    let mut select = source.prepare("SELECT * FROM event ORDER BY rowid")?;
    let columns = select.column_count();
    let insert_sql = format!("INSERT INTO event VALUES ({})", vec!["?"; columns].join(","));
    let mut insert = target.prepare(&insert_sql)?;
    let mut rows = select.query([])?;
    let mut seconds = 0.0;
    loop {
        let mut chunk: Vec<Vec<Value>> = Vec::with_capacity(ROWS_PER_TRANSACTION);
        while chunk.len() < ROWS_PER_TRANSACTION {
            let Some(row) = rows.next()? else { break };
            chunk.push((0..columns).map(|index| row.get(index)).collect::<Result<_, _>>()?);
        }
        if chunk.is_empty() {
            break;
        }
        let began_at = Instant::now();
        target.execute_batch("BEGIN")?;
        for row in &chunk {
            insert.execute(rusqlite::params_from_iter(row))?;
        }
        target.execute_batch("COMMIT")?;
        seconds += began_at.elapsed().as_secs_f64();
    }
    println!("{seconds:.3}");
    Ok(())
}
