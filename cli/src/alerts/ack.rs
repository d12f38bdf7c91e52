//! `labtrail alerts ack`: somebody attends to an alert.

use std::process::ExitCode;

use anyhow::{Context as _, bail};
use clap::Args;
use reqwest::Method;
use serde_json::{Value, json};

use super::{
    asked::{Collector, done, user},
    list::{Alert, shown},
};

/// The arguments of `labtrail alerts ack`.
#[derive(Debug, Args)]
pub(crate) struct Ack {
    /// The id of the alert, or its beginning: see `labtrail alerts list`.
    #[arg(value_name = "ID")]
    id: String,
    /// What to say of it.
    #[arg(long, default_value = "", value_name = "TEXT")]
    note: String,
    /// Who attends to it [default: the user of this machine].
    #[arg(long, value_name = "NAME")]
    by: Option<String>,
    /// Nobody attends to it any more.
    #[arg(long, conflicts_with_all = ["note", "by"])]
    undo: bool,
    #[command(flatten)]
    collector: Collector,
}

impl Ack {
    /// Tells the collector, and shows the alert.
    pub(crate) fn run(self) -> ExitCode {
        done(self.acknowledge())
    }

    fn acknowledge(self) -> anyhow::Result<ExitCode> {
        let alert = self.alert()?;
        let (path, body) = if self.undo {
            ("unacknowledge", json!({"episode": alert.episode}))
        } else {
            let by = self.by.or_else(user).context("say who attends to it: --by NAME")?;
            ("acknowledge", json!({"episode": alert.episode, "by": by, "note": self.note}))
        };
        let path = format!("/alerts/{}/{path}", alert.id);
        let answer = self.collector.ask(Method::POST, &path, &[], Some(&body))?;
        print!("{}", shown(&[serde_json::from_value(answer)?]));
        Ok(ExitCode::SUCCESS)
    }

    /// The one alert whose id begins so.
    fn alert(&self) -> anyhow::Result<Alert> {
        let parameters = [("state", "firing".to_owned()), ("limit", "1000".to_owned())];
        let answer = self.collector.ask(Method::GET, "/alerts", &parameters, None)?;
        let alerts: Vec<Value> = serde_json::from_value(answer["alerts"].clone())?;
        let begins = |alert: &&Value| alert["id"].as_str().is_some_and(|id| id.starts_with(&self.id));
        let mut found: Vec<Alert> = alerts
            .iter()
            .filter(begins)
            .map(|alert| serde_json::from_value(alert.clone()))
            .collect::<Result<_, _>>()?;
        match (found.pop(), found.len()) {
            (Some(alert), 0) => Ok(alert),
            (None, _) => {
                bail!("no alert that fires has an id that begins with {:?}: see `labtrail alerts list`", self.id)
            }
            (Some(_), more) => bail!("{} alerts have ids that begin with {:?}: write more of it", more + 1, self.id),
        }
    }
}
