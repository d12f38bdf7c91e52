//! Alerts at work, on a real store and with a clock that is set by hand.

mod back_tests;
mod crashes;
mod deliveries;
mod hallway;
mod lives;
mod mortal;
mod new_rules;
mod silences;
mod world;
