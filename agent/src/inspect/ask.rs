//! Asks the running agent.

use std::path::Path;

use anyhow::Context;

use crate::{
    config::Config,
    status::{Status, local_door},
};

/// Prints how far the running agent is.
pub fn status(config: Option<&Path>, data_dir: &Path, address: Option<&str>, json: bool) -> anyhow::Result<()> {
    let data_dir = match config {
        Some(file) => Config::load(file)?.data_dir,
        None => data_dir.to_owned(),
    };
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let text = runtime.block_on(async {
        match address {
            Some(address) => {
                let url = format!("http://{address}/status");
                let answer = reqwest::get(&url).await.with_context(|| format!("ask {url}"))?;
                anyhow::Ok(answer.error_for_status()?.text().await?)
            }
            None => ask_here(&data_dir).await,
        }
    })?;
    if json {
        return super::print(&format!("{text}\n"));
    }
    let status: Status = serde_json::from_str(&text).context("this is no answer of an agent")?;
    super::print(&status.to_text())
}

#[cfg(unix)]
async fn ask_here(data_dir: &Path) -> anyhow::Result<String> {
    let path = local_door::path_in(data_dir);
    let client = reqwest::Client::builder().unix_socket(path.clone()).build()?;
    let answer = client.get("http://agent/status").send().await;
    let answer = answer.with_context(|| {
        format!(
            "no agent answers at {}: is it running, and is --data-dir (or --config) that of this agent?",
            path.display()
        )
    })?;
    Ok(answer.error_for_status()?.text().await?)
}

#[cfg(not(unix))]
async fn ask_here(_data_dir: &Path) -> anyhow::Result<String> {
    anyhow::bail!("name the address with --address, and set status.listen in the agent's config")
}
