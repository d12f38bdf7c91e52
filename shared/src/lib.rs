//! The words all of Labtrail's programs use: the event, the filter language, the form in which batches
//! travel, how settings are read, and how a process logs, counts and stops.

pub mod event;
pub mod event_id;
pub mod event_type;
pub mod fastapi;
pub mod filter;
pub mod kafka;
pub mod level;
pub mod python;
pub mod record_hash;
pub mod selector;
pub mod service;
pub mod settings;
pub mod shutdown;
pub mod source;
pub mod table;
pub mod telemetry;
pub mod text_query;
pub mod timestamp;
pub mod wire;
