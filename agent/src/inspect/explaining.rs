//! Why a file is followed, or why not.

use std::{fmt::Write as _, path::Path};

use anyhow::Context;

use crate::{
    config::{Config, FilesSection, From},
    decode::NotText,
    source::file::{Checkpoint, Locator, Pattern},
};

/// The answer, for a person.
pub(super) fn explain_file(config: &Config, file: &Path) -> anyhow::Result<String> {
    let path = std::path::absolute(file)?;
    let mut text = format!("{}\n", path.display());
    let metadata = match std::fs::metadata(&path) {
        Ok(metadata) => metadata,
        Err(error) => {
            let _ = writeln!(text, "  cannot be looked at: {error}");
            return Ok(text);
        }
    };
    if !metadata.is_file() {
        let _ = writeln!(text, "  is no file: name a file in it");
        return Ok(text);
    }
    let mut taken_by = None;
    for (number, section) in config.files.iter().enumerate() {
        let section = section.resolved()?;
        let verdict = verdict(&section, &path, &metadata);
        let _ = writeln!(
            text,
            "  [[files]] {} ({}): {}",
            number + 1,
            names(&section),
            verdict.as_ref().err().map_or("takes it", |why| why)
        );
        if verdict.is_ok() && taken_by.is_none() {
            taken_by = Some(section);
        }
    }
    let Some(section) = taken_by else {
        let _ = writeln!(text, "  no input takes it");
        return Ok(text);
    };
    text.push_str(&remembered(config, &section, &path, &metadata));
    Ok(text)
}

/// An error is the reason why the section does not take the file.
fn verdict(section: &FilesSection, path: &Path, metadata: &std::fs::Metadata) -> Result<(), String> {
    let patterns = section.paths.as_deref().unwrap_or_default();
    if !patterns.iter().any(|pattern| pattern.matches(path)) {
        return Err("no: none of its paths means this file".to_owned());
    }
    if let Some(why) = section.excludes(path) {
        return Err(format!("no: {why}"));
    }
    if let (Some(age_max), Ok(modified)) = (section.ignore_older, metadata.modified())
        && modified.elapsed().is_ok_and(|age| age > age_max.0)
    {
        return Err(format!("no, if it is new: it did not change for longer than ignore_older = \"{age_max}\""));
    }
    let mut head = vec![0; 4096];
    let file = std::fs::File::open(path).with_context(|| format!("read {}", path.display()));
    let length = match file.and_then(|mut file| Ok(std::io::Read::read(&mut file, &mut head)?)) {
        Ok(length) => length,
        Err(error) => return Err(format!("no: {error:#}")),
    };
    let is_packed = head.starts_with(&[0x1F, 0x8B]);
    match section.encoding.unwrap_or_default().charset_of(&head[..length], length < head.len()) {
        Err(NotText::Binary(reason)) if !is_packed && !patterns.iter().any(|pattern| pattern.base() == path) => {
            Err(format!("no, as it holds no text ({reason}); it would be read if `paths` named the very file"))
        }
        _ => Ok(()),
    }
}

/// What the checkpoint knows of it.
fn remembered(config: &Config, section: &FilesSection, path: &Path, metadata: &std::fs::Metadata) -> String {
    let mut text = String::new();
    let checkpoint = config.data_dir.join("agent-checkpoint.redb");
    let positions = Checkpoint::look_into(&checkpoint).unwrap_or_default();
    let locator = Locator::of(metadata);
    let position = positions.into_values().find(|position| position.locator == locator);
    if let Some(position) = position {
        let rewritten = match position.mark.epoch {
            0 => String::new(),
            epoch => format!(", rewritten {epoch} times so far"),
        };
        let encoding = position.charset.map(|charset| format!(", encoding {}", charset.name())).unwrap_or_default();
        let (offset, size) = (position.mark.offset, metadata.len());
        let _ = writeln!(text, "  delivered up to byte {offset} of {size}{rewritten}{encoding}");
        if position.path != path {
            let _ = writeln!(text, "  it was called {} before", position.path.display());
        }
    } else {
        let from = match section.from.unwrap_or_default() {
            From::Start => "its beginning",
            From::End => "its end, if it is there when the agent first starts",
        };
        let folder = config.data_dir.display();
        let _ = writeln!(text, "  nothing of it is remembered in {folder}: it will be read from {from}");
    }
    text
}

fn names(section: &FilesSection) -> String {
    let paths: Vec<&str> = section.paths.iter().flatten().map(Pattern::text).collect();
    match &section.preset {
        Some(preset) => format!("preset {preset}, {}", paths.join(", ")),
        None => paths.join(", "),
    }
}
