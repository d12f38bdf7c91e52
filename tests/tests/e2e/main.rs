//! What users can see of Labtrail as a whole: real programs, real files, real requests, a real browser.

mod absent_collector;
mod bad_requests;
mod config_files;
mod crashes;
mod discovery;
mod interrupt;
mod line_forms;
mod madsci_clients;
mod page;
mod rewritten_files;
mod rotation;
mod samples;
mod sections;
mod unfinished_lines;
