//! Where events come from.

use std::{
    fs::File,
    io::{self, BufRead as _, BufReader},
    path::{Path, PathBuf},
    sync::Arc,
};

use jiff::tz::TimeZone;
use labtrail_shared::{event::PRIVATE_KEY, record_hash, timestamp::EventTimestamp};
use serde_json::Value;

use super::TransferError;
use crate::{
    backup::{self, BackupError},
    store::{MongoConfig, MongoReader, StoredEvent},
};

/// Where events come from.
#[derive(Debug, Clone)]
pub enum Source {
    /// A database of MADSci's or of ours. It is only read.
    Madsci(MongoConfig),
    /// The folder of a backup.
    Backup(PathBuf),
}

impl Source {
    /// What it is called, without its password.
    pub fn name(&self) -> String {
        match self {
            Self::Madsci(config) => format!("{} {}.{}", config.url, config.database, config.collection),
            Self::Backup(path) => path.display().to_string(),
        }
    }
}

/// What was read.
#[derive(Debug, Clone)]
pub(super) enum Item {
    Event {
        stored: StoredEvent,
        hash: u64,
    },
    /// A line of a backup that is no JSON.
    Unreadable {
        detail: String,
        bytes: Vec<u8>,
    },
}

impl Item {
    pub(super) fn id(&self) -> &str {
        match self {
            Self::Event { stored, .. } => stored.id(),
            Self::Unreadable { .. } => "",
        }
    }

    pub(super) fn hash(&self) -> Option<u64> {
        match self {
            Self::Event { hash, .. } => Some(*hash),
            Self::Unreadable { .. } => None,
        }
    }

    pub(super) fn is_archived(&self) -> bool {
        matches!(self, Self::Event { stored, .. } if stored.event["archived"] == true)
    }
}

/// A source that is being read.
pub(super) enum Opened {
    Madsci {
        reader: Box<MongoReader>,
        name: String,
    },
    Backup {
        path: PathBuf,
        lines: Box<BufReader<zstd::Decoder<'static, BufReader<File>>>>,
        zone: TimeZone,
        events: u64,
    },
}

impl Opened {
    /// Opens it. A backup is compared with its checksum before anything is read.
    pub(super) async fn open(from: &Source, zone: &TimeZone) -> Result<Self, TransferError> {
        match from {
            Source::Madsci(config) => {
                let mut reader = MongoReader::new(config, zone.clone()).await?;
                let begun = reader.begin().await;
                begun.map_err(|source| TransferError::Read { from: from.name(), source })?;
                Ok(Self::Madsci { reader: Box::new(reader), name: from.name() })
            }
            Source::Backup(path) => {
                let manifest = backup::verify(path)?;
                let file = backup::events_file(path);
                let opened = File::open(&file).and_then(zstd::Decoder::new);
                let decoder = opened.map_err(|source| unreadable(path, &source))?;
                Ok(Self::Backup {
                    path: path.clone(),
                    lines: Box::new(BufReader::new(decoder)),
                    zone: zone.clone(),
                    events: manifest.events,
                })
            }
        }
    }

    /// About how many events there are.
    pub(super) async fn count(&self) -> Result<u64, TransferError> {
        match self {
            Self::Madsci { reader, name } => {
                reader.count().await.map_err(|source| TransferError::Read { from: name.clone(), source })
            }
            Self::Backup { events, .. } => Ok(*events),
        }
    }

    /// The next events; none at the end.
    pub(super) async fn next(&mut self, limit: usize) -> Result<Vec<Item>, TransferError> {
        if let Self::Madsci { reader, name } = self {
            let events = reader.next(limit).await;
            let events = events.map_err(|source| TransferError::Read { from: name.clone(), source })?;
            return Ok(events.into_iter().map(|(stored, hash)| Item::Event { stored, hash }).collect());
        }
        let mut items = Vec::with_capacity(limit);
        while items.len() < limit {
            let Some(item) = self.next_line()? else { break };
            items.push(item);
        }
        Ok(items)
    }

    fn next_line(&mut self) -> Result<Option<Item>, TransferError> {
        let Self::Backup { path, lines, zone, .. } = self else { return Ok(None) };
        let mut line = Vec::new();
        let read = lines.read_until(b'\n', &mut line).map_err(|source| unreadable(path, &source))?;
        if read == 0 {
            return Ok(None);
        }
        Ok(Some(item(&line, zone)))
    }
}

fn unreadable(path: &Path, source: &io::Error) -> TransferError {
    let (path, source) = (backup::events_file(path), Arc::new(io::Error::new(source.kind(), source.to_string())));
    TransferError::Backup(BackupError::File { attempt: "read", path, source })
}

fn item(line: &[u8], zone: &TimeZone) -> Item {
    let mut event: Value = match serde_json::from_slice(line) {
        Ok(event) => event,
        Err(error) => return Item::Unreadable { detail: error.to_string(), bytes: line.to_vec() },
    };
    let ours = event.as_object_mut().and_then(|fields| fields.remove(PRIVATE_KEY)).unwrap_or_default();
    let instant = |value: &Value| EventTimestamp::from_json(value).ok().map(|time| time.utc_micros(zone));
    let time = instant(&ours["time"]).or_else(|| instant(&event["event_timestamp"])).unwrap_or_default();
    let received = instant(&ours["received"]).unwrap_or(time);
    let hash = ours["hash"].as_str().and_then(|hash| u64::from_str_radix(hash, 16).ok());
    let hash = hash.unwrap_or_else(|| record_hash::of_whole_event(&event));
    Item::Event { stored: StoredEvent { event, time, received }, hash }
}
