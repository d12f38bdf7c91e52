//! Alerts: what people want to be told of, when it is so, and whom that concerns.
//!
//! The store is the truth: a rule is judged by the events that are stored, whoever judges it and whenever, so that a back-test
//! over history and a live run say the same. All of it is pure: settings, events and the time go in; `alerting` is where it runs.
//!
//! `rule` says which events concern whom; `trigger` judges the condition of a rule in one group; `life` makes of its verdicts
//! what is to be told; `routing` decides to whom and when; `outbox` keeps it until it is delivered, which is `notify`'s part. `judging` says what
//! a rule means to them; `back_test` tries a rule over what is stored.

pub mod back_test;
pub(crate) mod judging;
pub(crate) mod key;
pub mod life;
pub mod outbox;
pub mod routing;
pub mod rule;
pub mod step;
pub mod trigger;
