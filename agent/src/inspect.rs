//! What a person asks before, while and after setting up an agent: which instruments are known, what a file looks like, what
//! a config makes of it, which input takes it, and how far the running agent is.

mod ask;
mod explaining;
pub(crate) mod look;
pub(crate) mod summary;
pub(crate) mod try_out;

use std::{
    io::{self, Write},
    path::{Path, PathBuf},
};

use anyhow::Context;

pub use self::ask::status;
use self::{explaining::explain_file, look::Look, summary::Summary, try_out::try_out};
use crate::{
    config::{Config, FilesSection},
    preset,
    source::file::files_of,
};

/// Prints the known instruments, or one of them as a section for a config.
pub fn presets(name: Option<&str>) -> anyhow::Result<()> {
    let system = preset::System::this();
    match name {
        None => print(&preset::list(system)),
        Some(name) => print(&preset::show(name, system)?),
    }
}

/// Proposes a config for each file.
pub fn detect(files: &[PathBuf], config_only: bool) -> anyhow::Result<()> {
    for file in files {
        let look = Look::at(file).with_context(|| format!("look at {}", file.display()))?;
        let proposal = look.proposal()?;
        if config_only {
            print(&proposal.to_toml())?;
        } else {
            print(&format!("{}\n{}", proposal.explain(), proposal.to_toml()))?;
        }
    }
    Ok(())
}

/// Runs files through a config.
pub fn test_config(config: &Path, files: &[PathBuf], number: Option<usize>, summary: bool) -> anyhow::Result<()> {
    let config = read(config)?;
    let files = if files.is_empty() { files_of_config(&config)? } else { files.to_vec() };
    anyhow::ensure!(!files.is_empty(), "the config means no file that exists: name files to try it with");
    for file in &files {
        let Some(section) = section_for(&config, file)? else {
            eprintln!("{}: no [[files]] section means this file; `labtrail-agent explain` says why", file.display());
            continue;
        };
        let mut sums = Summary::default();
        let tried = try_out(section, file, |event| {
            sums.add(event);
            if !summary {
                print(&format!("{}\n", event.event.to_json()))?;
            }
            Ok(number.is_none_or(|number| sums.records < number))
        })
        .with_context(|| format!("read {}", file.display()))?;
        if summary {
            print(&format!("{}\n{}", file.display(), sums.to_text(&tried)))?;
        }
    }
    Ok(())
}

/// Says which input would take a file, or why none would.
pub fn explain(config: &Path, file: &Path) -> anyhow::Result<()> {
    print(&explain_file(&read(config)?, file)?)
}

fn read(config: &Path) -> anyhow::Result<Config> {
    let settings = Config::load(config)?;
    settings.check().with_context(|| config.display().to_string())?;
    Ok(settings)
}

/// The section that means a file; if there is only one, that one, whatever the file is called.
fn section_for<'a>(config: &'a Config, file: &Path) -> anyhow::Result<Option<&'a FilesSection>> {
    if let [only] = &config.files[..] {
        return Ok(Some(only));
    }
    for section in &config.files {
        if section.means(file)? {
            return Ok(Some(section));
        }
    }
    Ok(None)
}

fn files_of_config(config: &Config) -> anyhow::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for section in &config.files {
        files.extend(files_of(&section.resolved()?));
    }
    files.sort();
    files.dedup();
    Ok(files)
}

/// Prints; that whoever reads along has seen enough is no error.
fn print(text: &str) -> anyhow::Result<()> {
    match io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => std::process::exit(0),
        result => Ok(result?),
    }
}
