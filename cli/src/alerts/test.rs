//! `labtrail alerts test`: what a rule would have told of.

use std::{path::PathBuf, process::ExitCode};

use anyhow::{Context as _, anyhow, bail};
use clap::Args;
use jiff::Timestamp;
use labtrail_shared::{settings::Period, table::table};
use reqwest::Method;
use serde::Deserialize;
use serde_json::Value;

use super::check::load;
use crate::client::{Answered, Client, CollectorUrl};

/// The arguments of `labtrail alerts test`.
#[derive(Debug, Args)]
pub(crate) struct Test {
    /// The rule to try.
    #[arg(value_name = "RULE")]
    rule: String,
    /// Files of rules, among which it is [default: the collector's own rules].
    #[arg(long, num_args = 1.., value_name = "FILE")]
    rules: Vec<PathBuf>,
    /// Over how long a time, up to now: `7d`, `12h`, `30m`.
    #[arg(long, default_value = "7d", value_name = "TIME")]
    since: Period,
    /// The collector whose events it is tried over.
    #[arg(long, value_name = "URL", default_value = "http://localhost:8001")]
    to: CollectorUrl,
    /// Print the collector's answer as JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Deserialize)]
struct BackTest {
    from: String,
    to: String,
    events: u64,
    complete: bool,
    groups: Vec<Group>,
}

#[derive(Debug, Deserialize)]
struct Group {
    group: std::collections::BTreeMap<String, String>,
    steps: Vec<Step>,
}

#[derive(Debug, Deserialize)]
struct Step {
    kind: String,
    at: String,
    began: String,
    ended: Option<String>,
    count: u64,
}

impl Test {
    /// Asks the collector, and shows what would have been told.
    pub(crate) fn run(self) -> ExitCode {
        match self.try_it() {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("labtrail: {error:#}");
                ExitCode::from(2)
            }
        }
    }

    /// The rule as the files have it, as JSON.
    fn of_files(&self) -> anyhow::Result<String> {
        let rules = load(&self.rules, None)?.map_err(|problems| anyhow!(problems.join("\n")))?.rules;
        let names: Vec<&str> = rules.rules().iter().map(|rule| rule.name()).collect();
        let rule = rules.get(&self.rule).with_context(|| {
            format!("there is no rule {:?} in these files: there are {}", self.rule, names.join(", "))
        })?;
        Ok(serde_json::to_string(rule.section())?)
    }

    fn try_it(self) -> anyhow::Result<()> {
        let of_files = if self.rules.is_empty() { None } else { Some(self.of_files()?) };
        let from = Timestamp::now().checked_sub(self.since.0).context("--since reaches too far back")?;
        let client = Client::new(self.to)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let text = runtime.block_on(async {
            let body = match of_files {
                Some(body) => body,
                None => of_collector(&client, &self.rule).await?,
            };
            let parameters = [("from", from.to_string())];
            match client.ask(Method::POST, "/rules/test", &parameters, Some(body)).await? {
                Answered::Done(response) => Ok(response.text().await?),
                Answered::Refused(detail) => bail!("the collector at {} does not try it: {detail}", client.url()),
            }
        })?;
        if self.json {
            let answer: Value = serde_json::from_str(&text).with_context(|| client.odd())?;
            println!("{answer:#}");
        } else {
            show(&serde_json::from_str(&text).with_context(|| client.odd())?);
        }
        Ok(())
    }
}

/// The rule as the collector has it, as JSON.
async fn of_collector(client: &Client, rule: &str) -> anyhow::Result<String> {
    let text = match client.ask(Method::GET, &format!("/rules/{rule}"), &[], None).await? {
        Answered::Done(response) => response.text().await?,
        Answered::Refused(_) => bail!(
            "the collector at {} has no rule {rule:?}: see its page, or name the files of rules with --rules",
            client.url()
        ),
    };
    let answer: Value = serde_json::from_str(&text).with_context(|| client.odd())?;
    Ok(answer["rule"].to_string())
}

fn show(tried: &BackTest) {
    let mut steps: Vec<(&Group, &Step)> =
        tried.groups.iter().flat_map(|group| group.steps.iter().map(move |step| (group, step))).collect();
    steps.sort_by(|a, b| a.1.at.cmp(&b.1.at));
    if !steps.is_empty() {
        let head = ["AT", "WHAT", "BEGAN", "ENDED", "EVENTS", "GROUP"].map(str::to_owned).to_vec();
        let rows = steps.iter().map(|(group, step)| row(group, step));
        print!("{}", table(&std::iter::once(head).chain(rows).collect::<Vec<_>>()));
    }
    let fired = steps.iter().filter(|(_, step)| step.kind == "fired").count();
    eprintln!(
        "{} events matched from {} to {}: {fired} alerts in {} groups",
        tried.events,
        tried.from,
        tried.to,
        tried.groups.len()
    );
    if !tried.complete {
        eprintln!("More events matched than are read at once: what came later was not tried. Take a shorter --since.");
    }
}

fn row(group: &Group, step: &Step) -> Vec<String> {
    let fields: Vec<String> = group.group.iter().map(|(field, value)| format!("{field}={value}")).collect();
    let fields = if fields.is_empty() { "-".to_owned() } else { fields.join(" ") };
    let ended = step.ended.clone().unwrap_or_else(|| "-".to_owned());
    vec![step.at.clone(), step.kind.clone(), step.began.clone(), ended, step.count.to_string(), fields]
}
