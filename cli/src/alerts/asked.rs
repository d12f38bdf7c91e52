//! What the commands about a collector's alerts share: where it is, and how it is asked.

use std::process::ExitCode;

use anyhow::{Context as _, bail};
use clap::Args;
use reqwest::Method;
use serde_json::Value;

use crate::client::{Answered, Client, CollectorUrl};

/// Which collector is asked.
#[derive(Debug, Args)]
pub(super) struct Collector {
    /// The collector. Of several that share a store, any.
    #[arg(long, value_name = "URL", default_value = "http://localhost:8001")]
    to: CollectorUrl,
}

impl Collector {
    /// Asks it; a refusal is an error in its own words.
    pub(super) fn ask(
        &self,
        method: Method,
        path: &str,
        parameters: &[(&str, String)],
        body: Option<&Value>,
    ) -> anyhow::Result<Value> {
        let client = Client::new(self.to.clone())?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            let text = match client.ask(method, path, parameters, body.map(Value::to_string)).await? {
                Answered::Done(response) => response.text().await?,
                Answered::Refused(detail) => bail!("the collector at {} says: {detail}", client.url()),
            };
            serde_json::from_str(&text).with_context(|| client.odd())
        })
    }
}

/// The user of this machine, whose name stands for who does something.
pub(super) fn user() -> Option<String> {
    let name = ["USER", "LOGNAME", "USERNAME"].into_iter().find_map(|variable| std::env::var(variable).ok());
    name.filter(|name| !name.is_empty())
}

/// The end of a command: what went wrong is said, and is exit code 2.
pub(super) fn done(result: anyhow::Result<ExitCode>) -> ExitCode {
    result.unwrap_or_else(|error| {
        eprintln!("labtrail: {error:#}");
        ExitCode::from(2)
    })
}
