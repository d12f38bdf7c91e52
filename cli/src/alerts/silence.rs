//! `labtrail alerts silence`: nothing is told of certain alerts for a while.

use std::{collections::BTreeSet, process::ExitCode};

use anyhow::{Context as _, ensure};
use clap::Args;
use labtrail_shared::{settings::Period, table::table};
use reqwest::Method;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{
    asked::{Collector, done, user},
    list::{Alert, shown},
};

/// The arguments of `labtrail alerts silence`.
#[derive(Debug, Args)]
pub(crate) struct Silence {
    /// Which alerts: `rule=NAME`, `severity=WORD`, `group.FIELD=VALUE`, `labels.NAME=VALUE`; all of them must be so. Or a
    /// selector as JSON: `{"severity": {"$ne": "critical"}}`.
    #[arg(value_name = "WHAT", required_unless_present_any = ["list", "end"])]
    matcher: Vec<String>,
    /// For how long, from now: `2h`, `30m`, `1d`.
    #[arg(long = "for", value_name = "TIME", required_unless_present_any = ["list", "end", "preview"])]
    length: Option<Period>,
    /// Why.
    #[arg(long, default_value = "", value_name = "TEXT")]
    note: String,
    /// Who wants it [default: the user of this machine].
    #[arg(long, value_name = "NAME")]
    by: Option<String>,
    /// Only show which alerts it would hit now.
    #[arg(long)]
    preview: bool,
    /// Show the silences there are.
    #[arg(long, conflicts_with_all = ["matcher", "end"])]
    list: bool,
    /// End the silence of this id.
    #[arg(long, value_name = "ID", conflicts_with = "matcher")]
    end: Option<String>,
    #[command(flatten)]
    collector: Collector,
}

#[derive(Debug, Deserialize)]
struct Kept {
    id: String,
    matcher: Value,
    from: String,
    until: String,
    by: String,
    note: String,
    state: String,
}

impl Silence {
    /// Asks the collector, and shows what became of it.
    pub(crate) fn run(self) -> ExitCode {
        done(self.silence())
    }

    fn silence(self) -> anyhow::Result<ExitCode> {
        if self.list {
            let answer = self.collector.ask(Method::GET, "/silences", &[], None)?;
            show(&serde_json::from_value::<Vec<Kept>>(answer["silences"].clone())?);
            return Ok(ExitCode::SUCCESS);
        }
        if let Some(id) = &self.end {
            let answer = self.collector.ask(Method::DELETE, &format!("/silences/{id}"), &[], None)?;
            show(&[serde_json::from_value(answer)?]);
            return Ok(ExitCode::SUCCESS);
        }
        let matcher = matcher(&self.matcher)?;
        let hit = self.collector.ask(Method::POST, "/silences/preview", &[], Some(&json!({"matcher": matcher})))?;
        let hit: Vec<Alert> = serde_json::from_value(hit["alerts"].clone())?;
        if self.preview {
            print!("{}", shown(&hit));
            return Ok(ExitCode::SUCCESS);
        }
        let by = self.by.or_else(user).context("say who wants it: --by NAME")?;
        let length = self.length.context("say for how long: --for TIME")?;
        let body = json!({"matcher": matcher, "for": length.to_string(), "by": by, "note": self.note});
        let answer = self.collector.ask(Method::POST, "/silences", &[], Some(&body))?;
        show(&[serde_json::from_value(answer)?]);
        let rules: BTreeSet<&str> = hit.iter().map(|alert| alert.rule.as_str()).collect();
        let rules: Vec<&str> = rules.into_iter().collect();
        match hit.len() {
            0 => eprintln!("it hits no alert that fires or is pending now"),
            count => eprintln!("it hits {count} alerts that fire or are pending now, of {}", rules.join(", ")),
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn show(silences: &[Kept]) {
    if silences.is_empty() {
        eprintln!("no silences");
        return;
    }
    let head = ["ID", "STATE", "FROM", "UNTIL", "BY", "WHAT", "NOTE"].map(str::to_owned).to_vec();
    let row = |kept: &Kept| {
        let Kept { id, matcher, from, until, by, note, state } = kept;
        [id, state, from, until, by, &matcher.to_string(), note].map(String::to_owned).to_vec()
    };
    print!("{}", table(&[vec![head], silences.iter().map(row).collect()].concat()));
}

/// A selector about alerts.
fn matcher(words: &[String]) -> anyhow::Result<Value> {
    if let [json] = words
        && json.trim_start().starts_with('{')
    {
        return serde_json::from_str(json).with_context(|| format!("read {json} as JSON"));
    }
    let mut fields = Map::new();
    for word in words {
        let (field, value) = word.split_once('=').with_context(|| format!("{word:?} is not FIELD=VALUE"))?;
        ensure!(!fields.contains_key(field), "{field} stands there twice: write a selector as JSON");
        // Groups hold values as events have them: 7 is a number there, and "7" a text.
        let number = serde_json::from_str::<Value>(value).ok().filter(|read| read.is_number() || read.is_boolean());
        let value = match number.filter(|_| field.starts_with("group.")) {
            Some(number) => json!({"$in": [value, number]}),
            None => json!(value),
        };
        fields.insert(field.to_owned(), value);
    }
    Ok(Value::Object(fields))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::matcher;

    #[test]
    fn words_become_a_selector() {
        let check = |words: &[&str], expected: Option<Value>| {
            let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
            assert_eq!(matcher(&words).ok(), expected, "{words:?}");
        };
        check(&["rule=a", "group.source.node_id=N1"], Some(json!({"rule": "a", "group.source.node_id": "N1"})));
        check(&["group.event_data.code=7"], Some(json!({"group.event_data.code": {"$in": ["7", 7]}})));
        check(&["labels.line=7"], Some(json!({"labels.line": "7"})));
        check(&[r#"{"severity": {"$ne": "critical"}}"#], Some(json!({"severity": {"$ne": "critical"}})));
        check(&["rule"], None);
        check(&["rule=a", "rule=b"], None);
        check(&["{rule"], None);
    }
}
