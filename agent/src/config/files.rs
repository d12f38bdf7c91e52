//! `[[files]]`: files that are read in the same way.

use std::{collections::BTreeMap, path::Path, sync::Arc};

use jiff::tz::TimeZone;
use labtrail_shared::settings::{ByteSize, Period};
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use super::{ConfigError, From, Zone, system_zone};
use crate::{
    decode::Encoding,
    frame::{Framing, RecordSection},
    inspect::look::proposed_section,
    intake::{Origin, Transforming, Treatment},
    parse::{
        ClockChanges, DateOrder, LevelSection, ParseSection, Parser, ParserEntry, PathPattern, RecordParser,
        TimeSection,
    },
    preset,
    source::file::{AfterDelivery, Exclude, Pattern, Section, SnapshotSection, files_of},
    source_names::{NameRegistry, SourceNames},
    status::Counters,
    transform::Transforms,
};

/// So many files are looked at when nobody said how to read them.
const DETECTED_MAX: usize = 500;

/// `[[files]]`: files that are read in the same way. What a section leaves out comes from its preset, if it names one, and
/// else is as said.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FilesSection {
    /// The instrument or program whose files these are; `labtrail-agent presets` lists them. Default: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) preset: Option<String>,
    /// Files, folders (all files below them) or globs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) paths: Option<Vec<Pattern>>,
    /// What to leave out: globs for names, or for whole paths if they hold a slash. Default: hidden, packed and
    /// temporary files. A pattern that itself ends in `.gz` means packed files all the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) exclude: Option<Exclude>,
    /// Where to begin with files that exist already. Default: `start`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) from: Option<From>,
    /// New files that did not change for so long are not read. Default: all are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) ignore_older: Option<Period>,
    /// The encoding of the text: `auto`, or a name such as `utf-16le` or `windows-1252`. Default: `auto`, which is told from
    /// the first bytes; a line that is not UTF-8 is then read as Windows-1252.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) encoding: Option<Encoding>,
    /// How lines make records. Default: each line is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) record: Option<RecordSection>,
    /// How records are read: `auto` (JSON objects, else text), `json`, `plain`, `syslog`, `logfmt`, `csv` or `none`.
    /// Default: `auto`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) parser: Option<Parser>,
    /// Several ways to read a record, tried in this order, instead of `parser`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) parsers: Option<Vec<ParserEntry>>,
    /// Whether `03/04/2026` is the 4th of March (`mdy`) or the 3rd of April (`dmy`). Default: such dates are not read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) date_order: Option<DateOrder>,
    /// Where a record states its time, and in which form. Default: at its beginning, in any form that means one thing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) time: Option<TimeSection>,
    /// Where a record states its level, and what its words mean. Default: near the time, in the usual words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) level: Option<LevelSection>,
    /// The IANA zone of times without an offset, such as `Europe/Zurich`. Default: this machine's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) zone: Option<Zone>,
    /// The longest line that is sent whole; of a longer one its beginning is sent, marked as truncated. Default: 64KiB.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) line_bytes_max: Option<ByteSize>,
    /// A last line without a line end is sent when the file did not grow for so long. Default: 5s.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) partial_after: Option<Period>,
    /// A regular expression for the path (with `/`), whose named groups become labels; `date` gives the day of times that
    /// state none. Default: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) path_pattern: Option<PathPattern>,
    /// So many lines at the beginning are written anew whenever something is added, such as a checksum. Default: 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) rewritten_head_lines: Option<u8>,
    /// A file whose content is not what was read is taken for a new one only when it is not restored within this time. A file
    /// that really was truncated is read later by that. Default: 0s, with `rewritten_head_lines` 2s.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) rewrite_settle: Option<Period>,
    /// The files are written anew as a whole: whenever one changed, only records that were not sent before are sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) snapshot: Option<SnapshotSection>,
    /// What becomes of files that are delivered. Default: nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) after_delivery: Option<AfterDelivery>,
    /// These files are followed by a thread of their own, so that a share that hangs delays no others. Default: only on
    /// network file systems.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) own_thread: Option<bool>,
    /// What is done with the events, one after the other: keep, drop, set, remove, rename, redact, throttle, sample,
    /// deduplicate. Default: nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) transforms: Option<Transforms>,
    /// Labels for every event of these files.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) labels: Option<Arc<BTreeMap<String, String>>>,
    /// MADSci's ownership ids for every event of these files: `node_id`, `workcell_id`, ...: each a ULID, or a name that gets
    /// one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) source: Option<SourceNames>,
}

impl FilesSection {
    /// A section with these paths and every default.
    pub fn of_paths(paths: &[String], from: From, date_order: Option<DateOrder>) -> Result<Self, ConfigError> {
        let compile = |path: &String| Pattern::compile(path).map_err(ConfigError::Pattern);
        Ok(Self {
            paths: Some(paths.iter().map(compile).collect::<Result<_, _>>()?),
            from: Some(from),
            date_order,
            ..Self::default()
        })
    }

    /// Sections for these paths, where nobody said how to read them: one for each kind of file that is there now, as
    /// detection proposes it, and one with every default for what comes later.
    pub fn detected(paths: &[String], from: From, date_order: Option<DateOrder>) -> Result<Vec<Self>, ConfigError> {
        let rest = Self::of_paths(paths, from, date_order)?;
        let mut kinds: Vec<(String, Self)> = Vec::new();
        for file in files_of(&rest).into_iter().take(DETECTED_MAX) {
            let Some(proposed) = proposed_section(&file) else { continue };
            let kind =
                Self { from: Some(from), date_order: date_order.or(proposed.date_order), paths: None, ..proposed };
            let key = labtrail_shared::settings::to_toml(&kind);
            let pattern = Pattern::of_file(&file);
            match kinds.iter_mut().find(|(known, _)| *known == key) {
                Some((_, section)) => section.paths.get_or_insert_default().push(pattern),
                None => kinds.push((key, Self { paths: Some(vec![pattern]), ..kind })),
            }
        }
        Ok(kinds.into_iter().map(|(_, section)| section).chain([rest]).collect())
    }

    /// The section with what its preset says where it says nothing itself.
    pub(crate) fn resolved(&self) -> Result<Self, ConfigError> {
        match &self.preset {
            None => Ok(self.clone()),
            Some(name) => Ok(self.clone().over(preset::section(name)?)),
        }
    }

    fn over(self, preset: Self) -> Self {
        // Two ways to say how records are read: whichever the section itself uses wins.
        let (parser, parsers) = match (self.parser, self.parsers) {
            (None, None) => (preset.parser, preset.parsers),
            own => own,
        };
        Self {
            preset: self.preset,
            paths: self.paths.or(preset.paths),
            exclude: self.exclude.or(preset.exclude),
            from: self.from.or(preset.from),
            ignore_older: self.ignore_older.or(preset.ignore_older),
            encoding: self.encoding.or(preset.encoding),
            record: self.record.or(preset.record),
            parser,
            parsers,
            date_order: self.date_order.or(preset.date_order),
            time: self.time.or(preset.time),
            level: self.level.or(preset.level),
            zone: self.zone.or(preset.zone),
            line_bytes_max: self.line_bytes_max.or(preset.line_bytes_max),
            partial_after: self.partial_after.or(preset.partial_after),
            path_pattern: self.path_pattern.or(preset.path_pattern),
            rewritten_head_lines: self.rewritten_head_lines.or(preset.rewritten_head_lines),
            rewrite_settle: self.rewrite_settle.or(preset.rewrite_settle),
            snapshot: self.snapshot.or(preset.snapshot),
            after_delivery: self.after_delivery.or(preset.after_delivery),
            own_thread: self.own_thread.or(preset.own_thread),
            transforms: self.transforms.or(preset.transforms),
            labels: self.labels.or(preset.labels),
            source: self.source.or(preset.source),
        }
    }

    /// What is wrong with a section that could be read.
    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        let section = self.resolved()?;
        if section.paths.as_ref().is_none_or(Vec::is_empty) {
            return Err(ConfigError::NoPaths);
        }
        if section.snapshot.is_some() && self.from == Some(From::End) {
            let problem = "from = \"end\" does nothing with snapshot: such a file is read whole, and what was not sent before \
                           is sent; leave it out";
            return Err(ConfigError::Files(problem));
        }
        section.framing()?;
        section.record_parser()?;
        match section.after_delivery.as_ref().and_then(AfterDelivery::problem) {
            Some(problem) => Err(ConfigError::Files(problem)),
            None => Ok(()),
        }
    }

    /// Whether it means this file.
    pub(crate) fn means(&self, path: &Path) -> Result<bool, ConfigError> {
        let section = self.resolved()?;
        let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        Ok(section.paths.iter().flatten().any(|pattern| pattern.matches(&path)) && section.excludes(&path).is_none())
    }

    /// Why a file is left out that its paths mean, if it is.
    pub(crate) fn excludes(&self, path: &Path) -> Option<String> {
        let exclude = self.exclude.clone().unwrap_or_else(default_exclude);
        let mut meaning = self.paths.iter().flatten().filter(|pattern| pattern.matches(path));
        meaning.all(|pattern| exclude.matches_for(path, pattern)).then(|| {
            let whose = if self.exclude.is_some() {
                "its exclude"
            } else {
                "the default exclude (hidden, packed and temporary files)"
            };
            format!("{whose} leaves it out")
        })
    }

    /// How its lines make records.
    pub(crate) fn framing(&self) -> Result<Framing, ConfigError> {
        let record = self.record.clone().unwrap_or_default();
        Ok(Framing::compile(&record, ByteSize(self.line_bytes_max() as u64))?)
    }

    /// How its records are read.
    pub(crate) fn record_parser(&self) -> Result<RecordParser, ConfigError> {
        let section = ParseSection {
            parser: self.parser,
            parsers: self.parsers.clone().unwrap_or_default(),
            date_order: self.date_order,
            time: self.time.clone(),
            level: self.level.clone(),
        };
        Ok(RecordParser::compile(&section)?)
    }

    fn line_bytes_max(&self) -> usize {
        self.line_bytes_max.unwrap_or(ByteSize::kib(64)).as_usize().max(1024)
    }

    /// The zone of its times, with its name where it has one.
    pub(crate) fn zone(&self) -> (Option<String>, TimeZone) {
        self.zone.as_ref().map_or_else(system_zone, Zone::named)
    }

    /// The section, compiled for an agent that keeps its own files in `data_dir`.
    pub(crate) fn compile(
        &self,
        data_dir: &Path,
        registry: &NameRegistry,
        counters: &Counters,
    ) -> Result<Section, ConfigError> {
        let section = self.resolved()?;
        let (zone_name, zone) = section.zone();
        let framing = section.framing()?;
        let rewritten_head_lines = usize::from(section.rewritten_head_lines.unwrap_or(0));
        let settle_default = Period::secs(if rewritten_head_lines > 0 { 2 } else { 0 });
        let key = labtrail_shared::settings::to_toml(&section);
        let transforms = section.transforms.clone().unwrap_or_default();
        Ok(Section {
            framing_key: section
                .record
                .as_ref()
                .map_or(0, |record| xxh3_64(labtrail_shared::settings::to_toml(record).as_bytes())),
            key,
            patterns: section.paths.clone().unwrap_or_default(),
            exclude: section.exclude.clone().unwrap_or_else(default_exclude).and_folder(data_dir),
            reads_existing: section.from.unwrap_or_default() == From::Start,
            ignore_older: section.ignore_older.map(|period| period.0),
            encoding: section.encoding.unwrap_or_default(),
            line_bytes_max: section.line_bytes_max(),
            partial_after: section.partial_after.unwrap_or(Period::secs(5)).0,
            flush_after: framing.flush_after(),
            framing,
            rewritten_head_lines,
            rewrite_settle: section.rewrite_settle.unwrap_or(settle_default).0,
            snapshot: section.snapshot.clone(),
            after_delivery: section.after_delivery.clone(),
            path_pattern: section.path_pattern.clone(),
            origin: Arc::new(Origin {
                zone: zone_name,
                labels: section.labels.clone().unwrap_or_default(),
                source: section.source.as_ref().and_then(|names| names.resolve(registry)),
                input: None,
            }),
            treatment: Treatment {
                parser: section.record_parser()?,
                clock_changes: ClockChanges::of(&zone),
                transforms: Transforming::new(transforms, zone.clone(), counters.clone()),
            },
            zone,
        })
    }
}

/// What is left out where a section says nothing.
pub(crate) fn default_exclude() -> Exclude {
    let names = [".*", "*.gz", "*.zst", "*.bz2", "*.xz", "*.zip", "*.7z", "*.tmp", "*.swp", "*~"];
    Exclude::compile(names.map(str::to_owned).into()).expect("the default globs are valid")
}
