//! What users can see of Labtrail as a whole: real programs, real files, real requests, a real browser.

#![expect(clippy::float_cmp, reason = "metrics are numbers that count, and counts are exact")]

mod absent_collector;
mod agent_service;
mod alerts;
mod alerts_at_scale;
mod bad_requests;
mod config_files;
mod crashes;
mod discovery;
mod instrument_files;
mod interrupt;
mod kafka_agent;
mod kafka_collector;
mod kafka_commands;
mod line_forms;
mod madsci;
mod outages;
mod page;
mod rewritten_files;
mod rotation;
mod samples;
mod scale;
mod sections;
mod services;
mod slow_share;
mod sockets;
mod unfinished_lines;
