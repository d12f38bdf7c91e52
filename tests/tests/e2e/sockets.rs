//! What other programs send to an agent through sockets: it becomes events, it waits in the spool while nobody takes it,
//! and what is lost of it is counted.
//!
//! Whoever sent remembers everything. What was received is exactly what is stored, what is counted as lost, and what the
//! kernel dropped.

mod damage;
mod door;
mod flood;
mod forms;
mod full_disk;
mod limits;
mod policies;
mod receiver;
mod reload;
mod spool;
mod transforms;
