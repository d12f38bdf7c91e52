//! Bodies and errors as `FastAPI` has them, in which MADSci's server is written: what both doors for MADSci's client answer,
//! the collector's and the agent's. Bytes go in, values come out; how they travel is the doors' matter.

mod body;
mod detail;
mod python_json;
mod unicode;

pub use body::{Body, Unread, missing, read, unstorable};
pub use detail::{BOOL_PARSING, Detail, LEVELS, time_problem};
