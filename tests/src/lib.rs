//! What the end-to-end tests are built on: a laboratory of real processes on loopback, in a folder of its own, and the
//! real Kafka and MongoDB beside it.

pub mod lab;
pub mod services;
