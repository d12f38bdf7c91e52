//! How long it takes from an event's acknowledgement to the mail that tells of it, while other events come.

use std::{
    collections::HashMap,
    fmt::Write as _,
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, ensure};
use jiff::Timestamp;
use labtrail_tests::services::{MailServer, Mongod, mail_header};

use crate::measure::{Program, free_port};

/// Other events come in parts, so many a second.
const PARTS_PER_SECOND: u64 = 20;

/// How long the last mails may take.
const LAST_MAILS_TIME_MAX: Duration = Duration::from_mins(1);

/// Measures with each store.
pub(crate) fn run(folder: &Path, rules: u64, rate: u64, alarms: u64, seconds: u64) -> anyhow::Result<()> {
    let mongod = Mongod::for_measuring();
    let store = mongod.url().replace("/?", "/alerts?");
    for (name, store) in [("SQLite", None), ("MongoDB", Some(store.as_str()))] {
        measure(folder, name, store, rules, rate, alarms, seconds)?;
    }
    Ok(())
}

fn measure(
    folder: &Path,
    name: &str,
    store: Option<&str>,
    rules: u64,
    rate: u64,
    alarms: u64,
    seconds: u64,
) -> anyhow::Result<()> {
    let mails = MailServer::start(&[]);
    let data_dir = folder.join(name);
    write_settings(&data_dir, mails.port, rules)?;
    let url = format!("http://127.0.0.1:{}", free_port()?);
    let (listen, data_dir) = (&url["http://".len()..], data_dir.to_str().context("the folder's name is UTF-8")?);
    let mut arguments = vec!["--listen", listen, "--data-dir", data_dir];
    if let Some(store) = store {
        arguments.extend(["--store", store]);
    }
    let mut program = Program::start("labtrail-collector", &arguments)?;
    program.wait_until(Instant::now(), || ureq::get(format!("{url}/health")).call().is_ok())?;
    let is_over = AtomicBool::new(false);
    let before = program.usage()?;
    let acknowledged = thread::scope(|scope| {
        let others = scope.spawn(|| send_others(&url, rate, &is_over));
        let acknowledged = raise(&url, alarms, seconds);
        is_over.store(true, Ordering::Relaxed);
        others.join().expect("the sender does not panic")?;
        acknowledged
    })?;
    let began_at = Instant::now();
    while mails.mails().len() < acknowledged.len() && began_at.elapsed() < LAST_MAILS_TIME_MAX {
        thread::sleep(Duration::from_millis(100));
    }
    let after = program.usage()?;
    let mut latencies = Vec::with_capacity(acknowledged.len());
    for mail in mails.mails() {
        let number = mail_header(&mail, "Subject").rsplit('=').next().unwrap_or_default().to_owned();
        let received = mail["received"].as_f64().context("the server notes when it has a mail")?;
        let Some(acknowledged) = acknowledged.get(&number) else { continue };
        latencies.push(received - acknowledged);
    }
    latencies.sort_by(f64::total_cmp);
    ensure!(!latencies.is_empty(), "no mail came");
    let at = |part: f64| 1000.0 * latencies[((latencies.len() as f64 * part) as usize).min(latencies.len() - 1)];
    println!(
        "{name}: {rules} rules, {rate} other events/s, {} of {} mails: p50 {:.0} ms, p99 {:.0} ms, max {:.0} ms from acknowledged to \
         the mail server; collector {:.0} % of a core, RSS {:.0} MB",
        latencies.len(),
        acknowledged.len(),
        at(0.5),
        at(0.99),
        at(1.0),
        (after.cpu_seconds - before.cpu_seconds) / seconds as f64 * 100.0,
        after.resident_mb,
    );
    Ok(())
}

/// Rules about nodes of which most tell nothing, and one whose every event is an alert and a mail of its own.
fn write_settings(data_dir: &Path, port: u16, rules: u64) -> anyhow::Result<()> {
    let mut text = String::from(
        "[[rules]]\nname = \"alarm\"\nwhen = { \"event_data.alarm\" = { \"$exists\" = true } }\ntrigger = \"each\"\n\
         group_by = [\"event_data.alarm\"]\n",
    );
    for rule in 1..rules {
        writeln!(
            text,
            "[[rules]]\nname = \"node-{rule}\"\nwhen = {{ \"event_data.node\" = \"{rule}\", \"event_data.state\" = \"broken\" }}\n\
             trigger = {{ at_least = {{ count = 5, within = \"1m\" }} }}\n"
        )?;
    }
    std::fs::create_dir_all(data_dir.join("rules"))?;
    std::fs::write(data_dir.join("rules/bench.toml"), text)?;
    let receivers = format!(
        "[[receivers]]\nname = \"mail\"\n[receivers.email]\nsmtp_server = \"127.0.0.1\"\nsmtp_port = {port}\nuse_tls = false\n\
         sender = \"labtrail@lab.example\"\nemail_addresses = [\"ops@lab.example\"]\n\
         [grouping.mail]\ngroup_by = [\"rule\", \"group\"]\ncap_per_minute = 1000000\n"
    );
    std::fs::write(data_dir.join("receivers.toml"), receivers)?;
    Ok(())
}

/// Sends alarms evenly; gives back when each was acknowledged, in seconds since 1970.
fn raise(url: &str, alarms: u64, seconds: u64) -> anyhow::Result<HashMap<String, f64>> {
    let mut acknowledged = HashMap::new();
    let began_at = Instant::now();
    for number in 0..alarms * seconds {
        let due = Duration::from_secs_f64(number as f64 / alarms as f64);
        thread::sleep(due.saturating_sub(began_at.elapsed()));
        let body = format!("{{\"event_data\":{{\"alarm\":\"{number}\",\"message\":\"alarm {number}\"}}}}");
        ureq::post(format!("{url}/event")).header("content-type", "application/json").send(body)?;
        acknowledged.insert(number.to_string(), Timestamp::now().as_microsecond() as f64 / 1e6);
    }
    Ok(acknowledged)
}

fn send_others(url: &str, rate: u64, is_over: &AtomicBool) -> anyhow::Result<()> {
    let began_at = Instant::now();
    for part in 0_u32.. {
        if is_over.load(Ordering::Relaxed) {
            break;
        }
        let due = Duration::from_secs_f64(f64::from(part) / PARTS_PER_SECOND as f64);
        thread::sleep(due.saturating_sub(began_at.elapsed()));
        let mut body = String::from("[");
        for number in 0..rate / PARTS_PER_SECOND {
            let comma = if number > 0 { "," } else { "" };
            write!(
                body,
                "{comma}{{\"event_type\":\"log_info\",\"event_data\":{{\"node\":\"{}\",\"message\":\"pressure {number} bar\"}}}}",
                number % 40
            )?;
        }
        body.push(']');
        ureq::post(format!("{url}/api/v1/events")).header("content-type", "application/json").send(body)?;
    }
    Ok(())
}
