//! `labtrail alerts check`: whether files of rules are right.

use std::{
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::Context as _;
use clap::Args;
use labtrail_collector::{
    CheckedFiles,
    alert::rule::{Rule, RuleSet},
    check_files,
};
use labtrail_shared::table::table;

/// The arguments of `labtrail alerts check`.
#[derive(Debug, Args)]
pub(crate) struct Check {
    /// Files of rules (TOML, `[[rules]]`). Names must differ over all of them.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// The file of receivers: it is checked as well, and that every receiver that a rule names is in it.
    #[arg(long, value_name = "FILE")]
    receivers: Option<PathBuf>,
}

impl Check {
    /// Reads the files, and shows the rules or what is wrong.
    pub(crate) fn run(self) -> ExitCode {
        match load(&self.files, self.receivers.as_deref()) {
            Ok(Ok(checked)) => {
                print!("{}", shown(&checked.rules));
                if self.receivers.is_some() {
                    eprintln!("receivers: {}", checked.receivers.join(", "));
                }
                ExitCode::SUCCESS
            }
            Ok(Err(problems)) => {
                for problem in &problems {
                    eprintln!("labtrail: {problem}");
                }
                ExitCode::FAILURE
            }
            Err(error) => {
                eprintln!("labtrail: {error:#}");
                ExitCode::from(2)
            }
        }
    }
}

/// The rules in these files, or what is wrong with them.
pub(super) fn load(files: &[PathBuf], receivers: Option<&Path>) -> anyhow::Result<Result<CheckedFiles, Vec<String>>> {
    let read = |file: &PathBuf| {
        let text = fs::read_to_string(file).with_context(|| format!("read {}", file.display()))?;
        Ok((file.display().to_string(), text))
    };
    let texts = files.iter().map(read).collect::<anyhow::Result<Vec<(String, String)>>>()?;
    let receivers = receivers.map(|file| {
        let text = fs::read_to_string(file).with_context(|| format!("read {}", file.display()))?;
        anyhow::Ok((file.to_owned(), text))
    });
    Ok(check_files(texts, receivers.transpose()?))
}

/// One rule a line.
fn shown(rules: &RuleSet) -> String {
    let head = ["RULE", "TRIGGER", "GROUPED BY", "RECEIVERS", "WHEN"].map(str::to_owned).to_vec();
    table(&[vec![head], rules.rules().iter().map(|rule| row(rule)).collect()].concat())
}

fn row(rule: &Rule) -> Vec<String> {
    let section = rule.section();
    let or_dash = |text: String| if text.is_empty() { "-".to_owned() } else { text };
    let enabled = if section.enabled { "" } else { " (off)" };
    let fields: Vec<String> = section.group_by.iter().map(ToString::to_string).collect();
    vec![
        format!("{}{enabled}", rule.name()),
        section.trigger.name().to_owned(),
        or_dash(fields.join(",")),
        or_dash(section.receivers.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")),
        serde_json::to_string(&section.when).unwrap_or_default(),
    ]
}
