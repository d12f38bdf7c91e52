//! Labtrail in the place of MADSci's Event Manager: for its clients, beside the real one, and on its database.

mod client;
mod differential;
mod in_place;
mod openapi;
mod routes;
mod takeover;
mod upkeep;

use labtrail_tests::{
    lab::{Collector, Lab},
    services::Mongod,
};

/// A collector on a database of the shared `mongod`, as MADSci's server would be started on it.
fn collector_on(lab: &Lab, database: &str) -> Collector {
    let url = Mongod::shared().url();
    lab.collector_with(&format!(
        "[store]\nkind = \"mongodb\"\n[store.mongodb]\nurl = \"{url}\"\ndatabase = \"{database}\"\n"
    ))
}
