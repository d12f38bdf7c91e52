//! What `labtrail-agent presets` prints.

use std::fmt::Write as _;

use super::{Preset, PresetError, PresetOrigin, System, all, get};

/// All presets as a table: name, what it is for, and the usual paths.
pub(crate) fn list(system: System) -> String {
    let width = all().iter().map(|preset| preset.name.len()).max().unwrap_or(0);
    let mut text = String::new();
    for preset in all() {
        let mark = if preset.origin == PresetOrigin::Documentation { "  (from documentation)" } else { "" };
        let _ = writeln!(text, "{:width$}  {}{mark}", preset.name, preset.title);
        let paths = preset.usual_paths(system);
        if paths.is_empty() {
            let _ = writeln!(text, "{:width$}    no usual place: set paths", "");
        }
        for path in paths {
            let _ = writeln!(text, "{:width$}    {path}", "");
        }
    }
    text.push_str("\nlabtrail-agent presets NAME shows a preset as a [[files]] section that can be changed.\n");
    text
}

/// A preset as a commented `[[files]]` section, to be pasted into a config and changed there.
pub(crate) fn show(name: &str, system: System) -> Result<String, PresetError> {
    let preset = get(name)?;
    let mut text = format!("# {}\n#\n", preset.title);
    for line in preset.notes.lines() {
        let _ = writeln!(text, "# {line}");
    }
    let origin = match preset.origin {
        PresetOrigin::Sample => "Tried with a file of the instrument itself.",
        PresetOrigin::Documentation => {
            "Written from documentation: try it with `labtrail-agent check` on a file of yours."
        }
    };
    let _ = write!(
        text,
        "#\n# {origin}\n# Shorter, and kept up to date with the agent: [[files]] with preset = \"{name}\" and paths.\n\n"
    );
    text.push_str("[[files]]\n");
    text.push_str(&paths_text(preset, system));
    text.push_str(preset.section_text);
    Ok(text)
}

fn paths_text(preset: &Preset, system: System) -> String {
    let paths = preset.usual_paths(system);
    if paths.is_empty() {
        return "paths = [] # to be filled in\n".to_owned();
    }
    let has_names = paths.iter().any(|path| path.contains('%') || path.starts_with('~'));
    let mut text = String::new();
    if has_names {
        text.push_str("# %NAME% and ~ are not replaced in a config: write the whole path.\n");
    }
    text.push_str("paths = [\n");
    for path in paths {
        let _ = writeln!(text, "  '{path}',");
    }
    text + "]\n"
}
