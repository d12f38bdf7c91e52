//! Opens the store that the config names.

use std::sync::Arc;

use labtrail_shared::{
    shutdown::{Stop, Tasks},
    telemetry::Metrics,
};
use thiserror::Error;

use super::{EventStore, MongoOpenError, MongoStore, OpenError, SqliteStore, StoreKind};
use crate::Config;

/// Why a store could not be opened.
#[derive(Debug, Error)]
pub enum StoreOpenError {
    /// The file.
    #[error(transparent)]
    Sqlite(#[from] OpenError),
    /// The database.
    #[error(transparent)]
    Mongodb(#[from] MongoOpenError),
}

/// Opens the store; what runs for it runs in `tasks`.
pub async fn open(
    config: &Config,
    tasks: &mut Tasks,
    metrics: &Metrics,
    stop: Stop,
) -> Result<Arc<dyn EventStore>, StoreOpenError> {
    let section = &config.store;
    Ok(match section.kind {
        StoreKind::Sqlite => Arc::new(SqliteStore::open(&config.store_path(), section, tasks, metrics)?),
        StoreKind::Mongodb => Arc::new(MongoStore::open(section, config.zone.0.clone(), tasks, metrics, stop).await?),
    })
}
