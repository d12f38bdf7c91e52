//! `labtrail alerts check`: whether files of rules are right.

use std::{fs, path::PathBuf, process::ExitCode};

use anyhow::Context as _;
use clap::Args;
use labtrail_collector::alert::rule::{Rule, RuleSet, RuleSetError};
use labtrail_shared::table::table;

/// The arguments of `labtrail alerts check`.
#[derive(Debug, Args)]
pub(crate) struct Check {
    /// Files of rules (TOML, `[[rules]]`). Names must differ over all of them.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
}

impl Check {
    /// Reads the files, and shows the rules or what is wrong.
    pub(crate) fn run(self) -> ExitCode {
        match load(&self.files) {
            Ok(Ok(rules)) => {
                print!("{}", shown(&rules));
                ExitCode::SUCCESS
            }
            Ok(Err(error)) => {
                for problem in &error.problems {
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
pub(super) fn load(files: &[PathBuf]) -> anyhow::Result<Result<RuleSet, RuleSetError>> {
    let read = |file: &PathBuf| {
        let text = fs::read_to_string(file).with_context(|| format!("read {}", file.display()))?;
        Ok((file.display().to_string(), text))
    };
    let texts = files.iter().map(read).collect::<anyhow::Result<Vec<(String, String)>>>()?;
    let texts: Vec<(&str, &str)> = texts.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    Ok(RuleSet::load(&texts))
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
