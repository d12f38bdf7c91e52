//! What the database holds beside the events: MADSci's mark of its version, and our indexes.
//!
//! Indexes are made in the background, after the start, and never stand in the way: without them answers are slower.

use labtrail_shared::telemetry::with_causes;
use mongodb::{
    IndexModel,
    bson::{DateTime, Document, doc},
    options::IndexOptions,
};
use tracing::{info, warn};

use super::{connection::Connection, error::code, rows};
use crate::store::StoreError;

/// The version of MADSci's database layout that our events are written in.
const MADSCI_VERSION: &str = "1.0.0";

/// An index of the collection of events.
struct Index {
    name: &'static str,
    keys: fn() -> Document,
    /// Which events are in it; all if empty.
    only: fn() -> Document,
}

/// Each for a question that must be answered at once. Those for lists end in the order of events, so that pages follow one
/// another without sorting.
const INDEXES: [Index; 7] = [
    // The newest events, any range of time, and the histogram; it also finds what was not back-filled yet.
    Index { name: "labtrail_time", keys: || doc! {"_labtrail.at": 1, "_id": 1}, only: Document::new },
    // The newest events of an instrument.
    Index {
        name: "labtrail_node",
        keys: || doc! {"source.node_id": 1, "_labtrail.at": 1, "_id": 1},
        only: || doc! {"source.node_id": {"$exists": true}},
    },
    // The newest events of a type.
    Index { name: "labtrail_type", keys: || doc! {"event_type": 1, "_labtrail.at": 1, "_id": 1}, only: Document::new },
    // The newest warnings and errors, which are few among many; a level within them is refused without reading the event.
    Index {
        name: "labtrail_grave",
        keys: || doc! {"_labtrail.at": 1, "_id": 1, "log_level": 1},
        only: || doc! {"log_level": {"$gte": 30}},
    },
    // What happened in a run of a workflow.
    Index {
        name: "labtrail_workflow",
        keys: || doc! {"source.workflow_id": 1, "_labtrail.at": 1, "_id": 1},
        only: || doc! {"source.workflow_id": {"$exists": true}},
    },
    // What was put aside, which is nothing in many databases; to list it, and to delete it.
    Index {
        name: "labtrail_archived",
        keys: || doc! {"archived": 1, "archived_at": 1, "_id": 1},
        only: || doc! {"archived": true},
    },
    // What happened in an experiment.
    Index {
        name: "labtrail_experiment",
        keys: || doc! {"source.experiment_id": 1, "_labtrail.at": 1, "_id": 1},
        only: || doc! {"source.experiment_id": {"$exists": true}},
    },
];

/// Makes the indexes that are missing. One that cannot be made is told of, and the others are made.
pub(super) async fn make_indexes(connection: &Connection) -> Result<(), StoreError> {
    const ATTEMPT: &str = "make an index";
    let events = connection.events();
    for index in &INDEXES {
        let only = (index.only)();
        let options = IndexOptions::builder()
            .name(index.name.to_owned())
            .partial_filter_expression((!only.is_empty()).then_some(only))
            .build();
        let model = IndexModel::builder().keys((index.keys)()).options(options).build();
        // Over a large collection this takes minutes, in which the server goes on with everything else.
        let made = connection.raw(ATTEMPT, INDEX_TIME_MAX, || events.create_index(model.clone()).into_future()).await?;
        if let Err(error) = made {
            let code = code(&error);
            let error = super::error::store_error(ATTEMPT, error);
            if matches!(error, StoreError::Unavailable { .. }) && code != Some(UNAUTHORIZED) {
                return Err(error);
            }
            warn!(
                index = index.name,
                reason = with_causes(&error),
                "an index cannot be made; some searches will be slow"
            );
        }
    }
    let letters = connection.beside::<Document>("dead_letters");
    let model = IndexModel::builder().keys(doc! {"seq": 1}).build();
    connection.run(ATTEMPT, || letters.create_index(model.clone()).into_future()).await?;
    let rows = connection.beside::<Document>(rows::COLLECTION);
    for keys in [doc! {"kind": 1, "key": 1}, doc! {"kind": 1, "due": 1, "key": 1}] {
        let model = IndexModel::builder().keys(keys).build();
        connection.run(ATTEMPT, || rows.create_index(model.clone()).into_future()).await?;
    }
    Ok(())
}

/// MADSci's server may have made an index by which the database itself deletes what was archived. It goes on doing so.
pub(super) async fn warn_of_deletion(connection: &Connection) -> Result<(), StoreError> {
    const ATTEMPT: &str = "list the indexes";
    let events = connection.events();
    let indexes = connection.raw(ATTEMPT, INDEX_TIME_MAX, || async {
        let mut cursor = events.list_indexes().await?;
        let mut indexes = Vec::new();
        while cursor.advance().await? {
            indexes.push(cursor.deserialize_current()?);
        }
        Ok(indexes)
    });
    // Where the collection is not there yet, there are none.
    let Ok(indexes) = indexes.await? else { return Ok(()) };
    for IndexModel { keys, options, .. } in indexes {
        let life = options.as_ref().and_then(|options| options.expire_after);
        if let (Some(life), true) = (life, keys.contains_key("archived_at")) {
            let name = options.and_then(|options| options.name).unwrap_or_default();
            warn!(
                index = name,
                days = life.as_secs() / 86_400,
                "an index that MADSci made lets the database delete archived events after so many days, whatever [retention] says; \
                 drop it if they are to stay"
            );
        }
    }
    Ok(())
}

const UNAUTHORIZED: i32 = 13;
const INDEX_TIME_MAX: std::time::Duration = std::time::Duration::from_hours(24);

/// Writes MADSci's mark into a database that has none: MADSci's own server refuses a database that has collections and no
/// mark. A mark that is there is never touched.
pub(super) async fn mark_version(connection: &Connection) -> Result<(), StoreError> {
    const ATTEMPT: &str = "mark the version of the database";
    let versions = connection.database().collection::<Document>("schema_versions");
    let latest =
        connection.run(ATTEMPT, || versions.find_one(doc! {}).sort(doc! {"applied_at": -1}).into_future()).await?;
    if let Some(latest) = latest {
        let version = latest.get_str("version").unwrap_or_default();
        if version != MADSCI_VERSION {
            warn!(
                found = version,
                expected = MADSCI_VERSION,
                "the database is marked with another version of MADSci's layout; it is left as it is"
            );
        }
        return Ok(());
    }
    let mark = doc! {
        "version": MADSCI_VERSION, "applied_at": DateTime::now(),
        "migration_notes": "Schema initialized by Labtrail",
    };
    for (name, keys, unique) in
        [("version_unique", doc! {"version": 1}, true), ("applied_at_desc", doc! {"applied_at": -1}, false)]
    {
        let options = IndexOptions::builder().name(name.to_owned()).unique(unique.then_some(true)).build();
        let model = IndexModel::builder().keys(keys).options(options).build();
        connection.run(ATTEMPT, || versions.create_index(model.clone()).into_future()).await?;
    }
    // Another collector may do the same now, hence no second one.
    connection
        .run(ATTEMPT, || {
            let update = doc! {"$setOnInsert": mark.clone()};
            versions.update_one(doc! {"version": MADSCI_VERSION}, update).upsert(true).into_future()
        })
        .await?;
    info!("a new database: marked with the version of MADSci's layout");
    Ok(())
}
