//! The promises of an alert's life, with a clock that is passed in.

mod attention;
mod cases;
mod promises;
