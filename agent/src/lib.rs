//! The agent: follows the log files of one machine and ships their records to a collector, losing none.
//!
//! One event's way through it: `source` finds files and reads their bytes, `decode` and `frame` make lines of them,
//! `parse` finds time and level, `intake` packs them into batches, `ship` delivers these, and the receipts in
//! `delivery` travel back to the checkpoint.

mod agent;
pub mod config;
mod data_dir;
mod decode;
mod delivery;
mod detect;
mod disk;
mod frame;
mod inputs;
pub mod inspect;
mod intake;
mod limits;
mod own_log;
mod parse;
mod platform;
mod preset;
mod priority;
pub mod program;
mod reload;
mod ship;
mod source;
mod source_names;
mod spool;
pub mod status;
mod transform;

pub use agent::{Agent, AgentError};
pub use parse::DateOrder;
pub use ship::Destination;
