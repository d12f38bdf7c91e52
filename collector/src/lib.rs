//! The collector: takes events, stores them, and finds them again.
//!
//! A reader may follow an event from its arrival: [`api`] (or another door) takes a request, [`ingest`] validates what is
//! in it and hands it to the [`store`]; `api::live` shows it to those who watch, and the routes of `api` find it again.
//! [`collector`] starts all this from a [`config`].

pub mod alert;
mod alerting;
mod api;
pub mod audit;
pub mod backup;
pub mod collector;
mod compute;
pub mod config;
pub mod consume;
pub mod ingest;
pub mod kafka;
pub mod madsci;
mod madsci_registry;
mod madsci_settings;
pub mod notify;
pub mod retention;
pub mod store;
pub mod transfer;
mod utilization;

pub use alerting::{CheckedFiles, check_files};
pub use collector::{Collector, CollectorError};
pub use config::Config;
