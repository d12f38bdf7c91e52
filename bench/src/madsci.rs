//! MADSci's routes, beside MADSci's own server on the same mongod: single events in, lists and queries out, reports.

use std::{
    net::SocketAddr,
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use anyhow::Context;
use labtrail_tests::services::{MadsciServer, Mongod};
use mongodb::{
    Client,
    bson::{Document, doc},
};

use crate::{
    load::{self, Connection, Latencies},
    measure::{Program, Usage, free_port},
};

const CONNECTIONS: usize = 16;

/// How long each server is under load.
const LOAD_TIME: Duration = Duration::from_secs(10);

/// Queries of each kind.
const ROUNDS: usize = 60;

/// Events in the database that is queried, of so many nodes.
const NODES: u64 = 10_000;

/// What is measured of a server.
struct Measured {
    per_second: f64,
    cpu_micros: f64,
}

pub(crate) fn run(folder: &Path, events: u64) -> anyhow::Result<()> {
    // As MADSci's own setup runs it: no replica set.
    let mongod = Mongod::standalone();
    let store = format!("{}bench", mongod.url());
    println!("single events of 400 bytes, {CONNECTIONS} connections, durable before the answer");
    let reference = {
        let mut server = MadsciServer::start(&mongod.url(), "reference", &[]);
        let process_id = server.process_id();
        single_events("MADSci", server.address(), process_id)?
    };
    let sqlite = folder.join("single");
    for (name, store) in [("Labtrail, MongoDB", Some(store.as_str())), ("Labtrail, SQLite", None)] {
        let (program, address) = collector(&sqlite, store)?;
        let measured = single_events(name, address, program.id())?;
        println!(
            "  {:.1} times MADSci's events a second, {:.1} times less CPU an event",
            measured.per_second / reference.per_second,
            reference.cpu_micros / measured.cpu_micros
        );
        paced(name, address)?;
        while_all_are_listed(name, address)?;
        sessions(name, address)?;
    }
    queries(folder, &Mongod::for_measuring(), events)
}

fn collector(folder: &Path, store: Option<&str>) -> anyhow::Result<(Program, SocketAddr)> {
    let address = SocketAddr::from(([127, 0, 0, 1], free_port()?));
    let listen = address.to_string();
    let data_dir = folder.to_str().context("the folder's name is UTF-8")?;
    let mut arguments = vec!["--listen", &listen, "--data-dir", data_dir];
    if let Some(store) = store {
        arguments.extend(["--store", store]);
    }
    let program = Program::start("labtrail-collector", &arguments)?;
    let began_at = Instant::now();
    while Connection::open(address).and_then(|mut connection| connection.ask(&load::get("/health")).map(drop)).is_err()
    {
        anyhow::ensure!(began_at.elapsed() < Duration::from_secs(30), "the collector does not answer");
        thread::sleep(Duration::from_millis(20));
    }
    Ok((program, address))
}

/// An event of 400 bytes, as MADSci's client sends it.
fn event(run: &str, connection: usize, number: u64) -> Vec<u8> {
    let text = "the gripper moved the plate from the incubator to the reader and the reader closed its door ".repeat(3);
    let id = format!("{run}{connection:02}{number:010}");
    let body = format!(
        "{{\"event_id\":\"{id}\",\"event_type\":\"log_info\",\"log_level\":20,\"alert\":false,\
         \"event_timestamp\":\"2026-11-23T09:18:44.331566\",\"source\":{{}},\"event_data\":{{\"message\":\"{}\"}}}}",
        &text[..400 - 168]
    );
    load::post("/event", &body)
}

fn single_events(name: &str, address: SocketAddr, process_id: u32) -> anyhow::Result<Measured> {
    let before = Usage::of(process_id)?;
    let latencies =
        load::run(address, CONNECTIONS, LOAD_TIME, None, |connection, number| event("load", connection, number))?;
    let after = Usage::of(process_id)?;
    let cpu_micros = (after.cpu_seconds - before.cpu_seconds) * 1e6 / latencies.count() as f64;
    println!(
        "{name:<20} {:>7.0} events/s  {cpu_micros:>6.1} us of CPU an event  p50 {:.2} ms  p99 {:.2} ms  {:.0} MB",
        latencies.per_second(),
        latencies.quantile(0.5),
        latencies.quantile(0.99),
        after.resident_mb
    );
    Ok(Measured { per_second: latencies.per_second(), cpu_micros })
}

fn paced(name: &str, address: SocketAddr) -> anyhow::Result<()> {
    let make = |connection: usize, number: u64| event("pace", connection, number);
    let latencies = load::run(address, CONNECTIONS, LOAD_TIME, Some(1000.0), make)?;
    print_paced(&format!("{name}, 1,000/s"), &latencies);
    Ok(())
}

fn print_paced(what: &str, latencies: &Latencies) {
    println!(
        "  {what:<44} {:>6.0}/s  p50 {:.2} ms  p99 {:.2} ms",
        latencies.per_second(),
        latencies.quantile(0.5),
        latencies.quantile(0.99)
    );
}

/// Single events at 200 a second while somebody lists everything again and again.
fn while_all_are_listed(name: &str, address: SocketAddr) -> anyhow::Result<()> {
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        let lister = scope.spawn(|| -> anyhow::Result<(usize, usize)> {
            let mut connection = Connection::open(address)?;
            let (mut lists, mut bytes) = (0, 0);
            while !is_over.load(Ordering::Relaxed) {
                bytes = connection.ask(&load::post("/events/query", "{}"))?.len();
                lists += 1;
            }
            Ok((lists, bytes))
        });
        let latencies =
            load::run(address, 4, LOAD_TIME, Some(200.0), |connection, number| event("list", connection, number));
        is_over.store(true, Ordering::Relaxed);
        let (lists, bytes) = lister.join().expect("the lister does not panic")?;
        print_paced(&format!("{name}, {lists} x {{}} of {} MB beside it", bytes / 1_000_000), &latencies?);
        Ok(())
    })
}

/// A report on sessions over 100,000 events of what happens in a lab.
fn sessions(name: &str, address: SocketAddr) -> anyhow::Result<()> {
    let mut connection = Connection::open(address)?;
    for part in 0..20_u64 {
        let lines: Vec<String> = (0..5000_u64).map(|index| lab_event(part * 5000 + index)).collect();
        connection.ask(&load::post_lines(&lines))?;
    }
    let target = "/utilization/sessions?start_time=2026-01-01T00:00:00Z&end_time=2026-03-01T00:00:00Z";
    let mut times = Vec::new();
    for _ in 0..5 {
        let began_at = Instant::now();
        connection.ask(&load::get(target))?;
        times.push(began_at.elapsed().as_secs_f64() * 1000.0);
    }
    times.sort_by(f64::total_cmp);
    println!("  {:<44} {:.0} ms", format!("{name}, sessions over 100,000 events"), times[times.len() / 2]);
    Ok(())
}

/// Ten days of one lab: sessions of 1,000 events, in which twenty nodes act.
fn lab_event(number: u64) -> String {
    let second = number * 40;
    let at = jiff::Timestamp::from_second(1_767_225_600 + second as i64).expect("it is within the calendar");
    let node = format!("01ARZ3NDEKTSV4RRFFQ69G5F{:02}", number / 2 % 20);
    let lab = "01ARZ3NDEKTSV4RRFFQ69G5FZZ";
    let (kind, source, data) = match number % 1000 {
        0 => ("lab_start", format!("{{\"manager_id\":\"{lab}\"}}"), String::new()),
        999 => ("lab_stop", format!("{{\"manager_id\":\"{lab}\"}}"), String::new()),
        within => {
            let status = if within % 2 == 1 { "running" } else { "completed" };
            let data = format!("\"status\":\"{status}\",\"action_id\":\"action {}\"", number / 2);
            ("action_status_change", format!("{{\"node_id\":\"{node}\"}}"), data)
        }
    };
    format!(
        "{{\"_id\":\"lab {number:09}\",\"event_type\":\"{kind}\",\"event_timestamp\":\"{at}\",\"source\":{source},\"event_data\":{{{data}}}}}"
    )
}

/// Lists and queries on the same events, in a database of each.
fn queries(folder: &Path, mongod: &Mongod, events: u64) -> anyhow::Result<()> {
    println!("\nqueries of {events} events");
    let url = mongod.url();
    let store = url.replacen("/?", "/ours?", 1);
    let (_program, ours) = collector(&folder.join("queries"), Some(&store))?;
    fill(ours, events)?;
    tokio::runtime::Runtime::new()?.block_on(copy(&url))?;
    let theirs = MadsciServer::start(&url, "theirs", &[]);
    let node = format!("01ARZ3NDEKTSV4RRFFQ{:07}", 77);
    let asked = [
        ("GET /events?number=100", load::get("/events?number=100")),
        ("a node's events", load::post("/events/query", &format!("{{\"source.node_id\":\"{node}\"}}"))),
    ];
    for (what, request) in asked {
        let theirs = answers(theirs.address(), &request)?;
        let ours = answers(ours, &request)?;
        println!(
            "  {what:<26} MADSci p95 {:>7.2} ms  Labtrail p95 {:>6.2} ms  {:.0} times",
            theirs.quantile(0.95),
            ours.quantile(0.95),
            theirs.quantile(0.95) / ours.quantile(0.95)
        );
    }
    Ok(())
}

/// MADSci's own database holds the same documents without what is ours.
async fn copy(url: &str) -> anyhow::Result<()> {
    let client = Client::with_uri_str(url).await?;
    let events = [doc! {"$unset": "_labtrail"}, doc! {"$out": {"db": "theirs", "coll": "events"}}];
    client.database("ours").collection::<Document>("events").aggregate(events).await?;
    let mark = client.database("ours").collection::<Document>("schema_versions").find_one(doc! {}).await?;
    let versions = client.database("theirs").collection::<Document>("schema_versions");
    versions.insert_one(mark.context("the database is marked")?).await?;
    Ok(())
}

fn answers(address: SocketAddr, request: &[u8]) -> anyhow::Result<Latencies> {
    let mut connection = Connection::open(address)?;
    let began_at = Instant::now();
    let mut millis = Vec::new();
    for _ in 0..ROUNDS {
        let began_at = Instant::now();
        connection.ask(request)?;
        millis.push(began_at.elapsed().as_secs_f64() * 1000.0);
    }
    millis.sort_by(f64::total_cmp);
    Ok(Latencies { millis, seconds: began_at.elapsed().as_secs_f64() })
}

fn fill(address: SocketAddr, events: u64) -> anyhow::Result<()> {
    let mut connection = Connection::open(address)?;
    for part in 0..events.div_ceil(10_000) {
        let lines: Vec<String> = (part * 10_000..((part + 1) * 10_000).min(events))
            .map(|number| {
                let at = jiff::Timestamp::from_second(1_767_225_600 + number as i64).expect("within the calendar");
                let node = number % NODES;
                format!(
                    "{{\"_id\":\"{number:012}\",\"event_type\":\"log_info\",\"event_timestamp\":\"{at}\",\"source\":\
                     {{\"node_id\":\"01ARZ3NDEKTSV4RRFFQ{node:07}\"}},\"event_data\":{{\"message\":\"plate {number} was moved \
                     from the incubator to the reader\",\"n\":{number}}}}}"
                )
            })
            .collect();
        connection.ask(&load::post_lines(&lines))?;
    }
    Ok(())
}
