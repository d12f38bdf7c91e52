//! `labtrail alerts list`: what fires now, and what did.

use std::{collections::BTreeMap, process::ExitCode};

use clap::{Args, ValueEnum};
use labtrail_shared::table::table;
use reqwest::Method;
use serde::Deserialize;

use super::asked::{Collector, done};

/// The arguments of `labtrail alerts list`.
#[derive(Debug, Args)]
pub(crate) struct List {
    /// Which alerts.
    #[arg(long, value_enum, default_value_t = State::Active)]
    state: State,
    /// Only those of this rule.
    #[arg(long, value_name = "RULE")]
    rule: Option<String>,
    /// At most so many.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u16).range(1..=1000))]
    limit: u16,
    #[command(flatten)]
    collector: Collector,
    /// Print the collector's answer as JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum State {
    /// Those that fire or are pending
    Active,
    /// Those that fire
    Firing,
    /// Those whose condition holds, not yet for long enough
    Pending,
    /// Those that are over
    Resolved,
    /// All
    All,
}

#[derive(Debug, Deserialize)]
struct Page {
    alerts: Vec<Alert>,
    next: Option<String>,
}

/// An alert, as far as it is shown here.
#[derive(Debug, Deserialize)]
pub(super) struct Alert {
    pub(super) id: String,
    pub(super) rule: String,
    severity: String,
    state: String,
    group: BTreeMap<String, String>,
    pub(super) episode: u64,
    since: Option<String>,
    acknowledged: Option<Acknowledged>,
    count: u64,
    figure_text: String,
    muted: Option<serde_json::Value>,
}

#[derive(Debug, Deserialize)]
struct Acknowledged {
    who: String,
}

impl List {
    /// Asks the collector, and shows the alerts.
    pub(crate) fn run(self) -> ExitCode {
        done(self.list())
    }

    fn list(self) -> anyhow::Result<ExitCode> {
        let state = match self.state {
            State::Active | State::All => "all",
            State::Firing => "firing",
            State::Pending => "pending",
            State::Resolved => "resolved",
        };
        let mut parameters = vec![("state", state.to_owned()), ("limit", self.limit.to_string())];
        parameters.extend(self.rule.map(|rule| ("rule", rule)));
        let answer = self.collector.ask(Method::GET, "/alerts", &parameters, None)?;
        if self.json {
            let mut answer = answer;
            if let Some(alerts) = answer["alerts"].as_array_mut().filter(|_| self.state == State::Active) {
                alerts.retain(|alert| alert["state"] == "firing" || alert["state"] == "pending");
            }
            println!("{answer:#}");
            return Ok(ExitCode::SUCCESS);
        }
        let Page { mut alerts, next } = serde_json::from_value(answer)?;
        if self.state == State::Active {
            alerts.retain(|alert| alert.state == "firing" || alert.state == "pending");
        }
        if alerts.is_empty() {
            eprintln!("no such alerts");
        } else {
            print!("{}", shown(&alerts));
        }
        if next.is_some() && alerts.len() == usize::from(self.limit) {
            eprintln!("there are more: --limit shows up to 1000, --rule those of one rule");
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// One alert a line.
pub(super) fn shown(alerts: &[Alert]) -> String {
    let head = ["ID", "STATE", "SEVERITY", "RULE", "GROUP", "SINCE", "EVENTS", "NOTE"].map(str::to_owned).to_vec();
    table(&[vec![head], alerts.iter().map(row).collect()].concat())
}

fn row(alert: &Alert) -> Vec<String> {
    let or_dash = |text: String| if text.is_empty() { "-".to_owned() } else { text };
    let group: Vec<String> = alert.group.iter().map(|(field, value)| format!("{field}={value}")).collect();
    let acknowledged = alert.acknowledged.as_ref().map(|by| format!("acknowledged by {}", by.who));
    let muted = alert.muted.as_ref().and_then(|muted| muted["by"].as_str()).map(|by| format!("muted by {by}"));
    let figure = Some(alert.figure_text.clone()).filter(|text| !text.is_empty() && !text.ends_with("events"));
    let notes: Vec<String> = acknowledged.into_iter().chain(muted).chain(figure).collect();
    vec![
        alert.id.clone(),
        alert.state.clone(),
        alert.severity.clone(),
        alert.rule.clone(),
        or_dash(group.join(" ")),
        or_dash(alert.since.clone().unwrap_or_default()),
        alert.count.to_string(),
        or_dash(notes.join(", ")),
    ]
}
