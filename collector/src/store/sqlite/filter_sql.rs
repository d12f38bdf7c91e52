//! A filter as the `WHERE` of a query on the table `event`.
//!
//! [`Filter::matches`] is what a filter means. The SQL made here finds **every** event that matches and perhaps some more;
//! [`SqlFilter::exact`] says that it finds no more. Whoever needs the very events (a page of results, a count) passes the
//! rows of an inexact filter through `matches` as well.
//!
//! The table's columns are exact: their types are known, so every predicate but a pattern can be put into words, and the
//! indexed ones are compared bare, so that their indexes serve. Within the JSON of `event_data` only what is easily
//! proven is said, see [`json`]. The rest is `1`, which finds everything.
//!
//! What this relies on of the table:
//! - `id`, `type`, `level`, `alert`, `archived`, `timestamp` are never null;
//! - `trace_id`, `span_id`, `archived_at` are null where the event has `null`;
//! - `source` is an object, `node_id` is its `node_id`, and each id in it is a text or not there;
//! - `source` and `data` were written by `serde_json` (above all: no name is there twice in an object);
//! - an event has no other fields than MADSci's.

use labtrail_shared::filter::{Condition, Filter, Path, Predicate, Segment};
use rusqlite::types::Value as SqlValue;

mod column;
mod fragment;
mod json;
#[cfg(test)]
mod tests;

use column::{Absent, Column};
use fragment::Fragment;

/// The longer a condition is, the slower `SQLite` prepares it, and beyond its own limits (32,766 parameters, 1,000 levels,
/// 1 MB) it fails. A filter that comes near them is answered in memory alone.
const PARAMETERS_MAX: usize = 30_000;
const LEVELS_MAX: usize = 900;
const SQL_BYTES_MAX: usize = 900_000;

/// The `WHERE` for a filter.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct SqlFilter {
    /// An expression over the columns of `event`, with a `?` for each parameter. It is true for every event that matches;
    /// for the others it is false or null, or true unless the filter is exact.
    pub(crate) where_sql: String,
    /// What stands for the question marks, in their order.
    pub(crate) params: Vec<SqlValue>,
    /// Whether the expression is true for no other events than those that match.
    pub(crate) exact: bool,
}

impl SqlFilter {
    /// Translates a filter.
    pub(crate) fn new(filter: &Filter) -> Self {
        let mut fragment = condition(filter.condition());
        let is_too_large = fragment.params.len() > PARAMETERS_MAX
            || fragment.levels > LEVELS_MAX
            || fragment.sql.len() > SQL_BYTES_MAX;
        if is_too_large {
            fragment = Fragment::anything();
        }
        Self { where_sql: fragment.sql, params: fragment.params, exact: fragment.exact }
    }
}

fn condition(asked: &Condition) -> Fragment {
    match asked {
        Condition::And(all) => Fragment::all(all.iter().map(condition)),
        Condition::Or(any) => Fragment::any(any.iter().map(condition)),
        Condition::Nor(none) => Fragment::all(none.iter().map(|asked| condition(asked).not())),
        Condition::Field(path, predicate) => field(path, predicate),
    }
}

/// Finds the column in which a path begins.
fn field(path: &Path, predicate: &Predicate) -> Fragment {
    let (first, rest) = path.segments().split_first().expect("a path has a name");
    let column = match first.name() {
        "_id" => Column::text("id"),
        "event_type" => Column::text("type"),
        "event_timestamp" => Column::text("timestamp"),
        "log_level" => Column::integer("level"),
        "alert" => Column::boolean("alert"),
        "archived" => Column::boolean("archived"),
        "trace_id" => Column::optional_text("trace_id", Absent::Null),
        "span_id" => Column::optional_text("span_id", Absent::Null),
        "archived_at" => Column::optional_text("archived_at", Absent::Null),
        "source" => return source(rest, predicate),
        "event_data" => return json::field("data", rest, predicate),
        _ => Column::nowhere(),
    };
    // These hold plain values, which have nothing within them.
    let column = if rest.is_empty() { column } else { Column::nowhere() };
    column.satisfies(predicate)
}

/// The ids that MADSci's `OwnershipInfo` may hold besides `node_id`, which has a column.
const SOURCE_IDS: [&str; 9] = [
    "user_id",
    "experiment_id",
    "campaign_id",
    "project_id",
    "workcell_id",
    "lab_id",
    "step_id",
    "workflow_id",
    "manager_id",
];

fn source(rest: &[Segment], predicate: &Predicate) -> Fragment {
    let Some((id, below)) = rest.split_first() else { return Fragment::anything() };
    let column = match id.name() {
        "node_id" => Column::optional_text("node_id", Absent::Missing),
        name if SOURCE_IDS.contains(&name) => {
            Column::optional_text(&format!("json_extract(source, '$.{name}')"), Absent::Missing)
        }
        _ => return json::field("source", rest, predicate),
    };
    let column = if below.is_empty() { column } else { Column::nowhere() };
    column.satisfies(predicate)
}
