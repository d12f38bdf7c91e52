//! The promises of conditions: each means what its definition says, and the order and time of evaluations do not matter.

mod cases;
pub mod generate;
mod oracle;
pub mod promises;
