//! Where records come from: files that are followed, and sockets that other programs send to.

pub(crate) mod file;
pub(crate) mod inlet;
pub(crate) mod socket;
pub(crate) mod spooler;

pub(crate) use file::{chain::Chain, identity::Guard};
