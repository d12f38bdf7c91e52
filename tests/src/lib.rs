//! What the end-to-end tests are built on: a laboratory of real processes on loopback, in a folder of its own.

pub mod lab;
