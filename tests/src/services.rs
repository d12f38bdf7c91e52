//! The real services that tests run against: Apache Kafka, mongod, MADSci's server and a mail server, as plain processes on free loopback ports and in
//! temporary folders.
//!
//! A service that was started answers. It ends with its handle, and also when the process that started it is killed;
//! its data goes with it. What is needed is fetched once by `scripts/fetch-services.sh`. A test in async code may call
//! everything here: whatever has to wait does so on a runtime of its own.

mod fetched;
mod folder;
mod kafka;
mod madsci;
mod mail;
mod mongod;
mod runtime;
mod server;

pub use mongodb::bson;

pub use self::{
    kafka::{Kafka, Login, NewRecord, Record, Resource},
    madsci::{MadsciServer, madsci_client, madsci_python},
    mail::{MailServer, mail_header},
    mongod::Mongod,
};
