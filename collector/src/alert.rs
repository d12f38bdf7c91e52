//! Alerts: what people want to be told of, and when it is so.
//!
//! The store is the truth: a rule is judged by the events that are stored, whoever judges it and whenever, so that a back-test
//! over history and a live run say the same.

pub mod rule;
