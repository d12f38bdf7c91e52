//! Keys that are nearly a setting. MADSci passes over what it does not know, which shared files need, and typing
//! mistakes go unseen with it.

use strsim::osa_distance;

use super::{
    lookup::{Entry, Layers, PREFIX},
    origin::{Ignored, Origin},
};

/// How many letters a long name may be off.
const DISTANCE_MAX: usize = 2;
/// Names shorter than this may be one letter off: the short names of other programs are near to each other.
const LONG_NAME: usize = 9;

/// What in the layers is no setting, but nearly one of `settings`, in which parts have dotted names.
pub(super) fn misspelt(layers: &Layers, settings: &[String]) -> Vec<Ignored> {
    let mut ignored = Vec::new();
    for (key, entry) in layers.0.iter().flatten() {
        let is_known = |name: &str| settings.iter().any(|setting| setting == name);
        let setting = if is_known(key) { key } else { key.strip_prefix(PREFIX).unwrap_or(key) };
        match entry {
            Entry::Value(found) if !is_known(setting) => ignored.extend(nearest(&found.origin, key, settings)),
            Entry::Value(_) => {}
            Entry::Parts { parts, .. } => {
                for (name, found) in parts {
                    let dotted = format!("{setting}.{name}");
                    if !is_known(&dotted) {
                        let unknown = || Ignored::Unknown { origin: found.origin.clone() };
                        ignored.push(nearest(&found.origin, &dotted, settings).unwrap_or_else(unknown));
                    }
                }
            }
        }
    }
    ignored
}

fn nearest(origin: &Origin, key: &str, settings: &[String]) -> Option<Ignored> {
    let lower = key.to_lowercase();
    let mut bare = lower.as_str();
    while let Some(rest) = bare.strip_prefix(PREFIX) {
        bare = rest;
    }
    let (distance, setting) = settings.iter().map(|setting| (osa_distance(bare, setting), setting)).min()?;
    let distance_max = if setting.len() < LONG_NAME { 1 } else { DISTANCE_MAX };
    if distance > distance_max {
        return None;
    }
    let nearest = match origin {
        Origin::Environment { .. } | Origin::Dotenv { .. } => {
            format!("EVENT_{}", setting.replace('.', "__").to_uppercase())
        }
        Origin::File { .. } | Origin::Default => setting.clone(),
    };
    Some(Ignored::Misspelt { origin: origin.clone(), nearest })
}
