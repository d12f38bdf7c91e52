//! Utilization reports: how much labs, their nodes and their users did, as MADSci's Event Manager reports it.
//!
//! Everything here is a pure function: events and `now` go in, JSON or CSV comes out. The order of things is
//! [`Times`] → [`Window`] (or [`PeriodsRequest`]) → events of the store → [`History`] → [`sessions`], [`users`] or
//! [`periods`] → [`ReportKind::deliver`].
//!
//! A report on sessions or periods needs the events of [`ACTIVITY_TYPES`] of its window and, for names, those of
//! [`NAMING_TYPES`] of any time; a report on users needs those of [`WORKFLOW_TYPES`] of its window. Archived events
//! count. All of them go into one [`History`], each once and in the order of (time, id), which is also where MADSci
//! takes names from: it asks only the first few starts of a thing. More events do no harm.
//!
//! Numbers, keys, their order and texts are those of MADSci 0.7.1, and so are its oddities, where a reader may have
//! come to rely on them. Times are instants, and are shown in UTC without saying so. What is different, and why:
//!
//! - A store without events gives a report of zeros on the last day. (MADSci: an error of its logging.)
//! - `include_users` adds `user_utilization` behind `key_metrics`, in CSV too. (MADSci makes it and throws it away.)
//! - `system_summary` is reckoned from the same authors, durations and ends as the users' parts. (MADSci sees only the
//!   newest form of workflow events there, and reports no authors and no hours where the parts have them.)
//! - Days, weeks and months begin when the clocks of the user's zone say so. (MADSci keeps the offset of the start.)
//! - Data that is not what is expected says nothing. (In MADSci one such event, a text instead of an object or a status
//!   without a word, makes an error of the whole report.)
//! - The period named as the peak of a workcell is the one of its peak. (MADSci loses count over sessions of no
//!   length.)
//! - Experiments of a session come in the order of their starts. (MADSci: in any order.)
//! - A stray character before the offset of a time makes it no time. (Python 3.11 overlooks it.)
//! - A report has no more than [`PERIODS_MAX`] periods, and the name of a CSV file holds nothing dangerous.
//!
//! A report takes time in proportion to the events of all its sessions: of `n` labs that work side by side, `n` times
//! as long as of one.

mod csv;
mod delivery;
mod experiments;
mod fields;
mod history;
mod ids;
mod in_order;
mod iso_text;
mod names;
mod node_use;
mod period;
mod period_use;
mod periods;
mod python;
mod series;
mod session;
mod sessions;
mod spans;
mod totals;
mod trend;
mod usage;
mod users;
mod window;
mod workflow;
mod workflow_event;

use labtrail_shared::event_type::EventType;

pub(crate) use delivery::{CsvWish, Delivery, ReportKind};
pub(crate) use history::History;
pub(crate) use periods::{PeriodsRequest, periods};
pub(crate) use sessions::sessions;
pub(crate) use users::users;
pub(crate) use window::{Times, Window};

/// What reports on sessions and periods are made of, within their window. MADSci looks at no other types there.
pub(crate) const ACTIVITY_TYPES: [EventType; 14] = [
    EventType::LabStart,
    EventType::LabStop,
    EventType::WorkcellStart,
    EventType::WorkcellStop,
    EventType::NodeStart,
    EventType::NodeStop,
    EventType::NodeStatusUpdate,
    EventType::ActionStatusChange,
    EventType::ExperimentStart,
    EventType::ExperimentComplete,
    EventType::ExperimentFailed,
    EventType::ExperimentCancelled,
    EventType::WorkflowStart,
    EventType::WorkflowComplete,
];

/// What tells, at any time, how things are called, and which ids are those of workcells and so of no nodes.
///
/// MADSci takes every id for one of a workcell that is the `workcell_id` or `manager_id` of the source of any event of
/// any type. Nobody but a workcell or manager has such an id, so these few types tell enough; a caller who wants to be
/// sure adds all events to the [`History`].
pub(crate) const NAMING_TYPES: [EventType; 6] = [
    EventType::LabStart,
    EventType::LabStop,
    EventType::WorkcellStart,
    EventType::WorkcellStop,
    EventType::NodeStart,
    EventType::ExperimentStart,
];

/// What reports on users are made of, within their window.
pub(crate) const WORKFLOW_TYPES: [EventType; 2] = [EventType::WorkflowStart, EventType::WorkflowComplete];

/// A report has no more periods than that: two years of hours. Each period takes some kilobytes of the answer.
const PERIODS_MAX: usize = 20_000;
