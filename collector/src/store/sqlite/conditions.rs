//! What is asked for, as SQL: the conditions on a row, and the index along which rows are read in order.
//!
//! The index is chosen here and not by `SQLite`, which does not know that only the first hundred rows are wanted and would
//! sometimes rather sort a quarter of the table.

use labtrail_shared::{
    filter::{Comparison, Condition, Filter, Path, Predicate},
    level::LogLevel,
};
use rusqlite::{CachedStatement, Connection, types::Value as SqlValue};
use serde_json::Value;

use super::filter_sql::SqlFilter;
use crate::store::{Criteria, Order, Position};

/// An expression over the columns of `event` and what stands for its question marks.
#[derive(Debug, Clone, Default)]
pub(super) struct Conditions {
    parts: Vec<String>,
    params: Vec<SqlValue>,
}

impl Conditions {
    /// The criteria except for text, and the filter that rows must pass as well if the SQL alone may find too many.
    pub(super) fn of(criteria: &Criteria) -> (Self, Option<&Filter>) {
        let mut conditions = Self::default();
        if let Some(level) = level_floor(criteria) {
            if level >= LogLevel::Warning {
                // In these very words the index of grave events promises what is in it.
                conditions.parts.push("level >= 30".to_owned());
            }
            conditions.parts.push(format!("level >= {}", level.number()));
        }
        if let Some(from) = criteria.from {
            conditions.parts.push(format!("time >= {from}"));
        }
        if let Some(to) = criteria.to {
            conditions.parts.push(format!("time < {to}"));
        }
        if let Some(archived) = criteria.archived {
            conditions.parts.push(format!("archived = {}", u8::from(archived)));
        }
        let Some(filter) = &criteria.filter else { return (conditions, None) };
        let sql = SqlFilter::new(filter);
        conditions.parts.push(format!("({})", sql.where_sql));
        conditions.params.extend(sql.params);
        (conditions, (!sql.exact).then_some(filter))
    }

    /// Only rows that follow a place.
    pub(super) fn after(mut self, position: Option<&Position>, order: Order) -> Self {
        let sign = match order {
            Order::Descending => "<",
            Order::Ascending => ">",
        };
        self.bound(position, sign);
        self
    }

    /// Only rows up to a place, that place included.
    pub(super) fn up_to(mut self, position: Option<&Position>, order: Order) -> Self {
        let sign = match order {
            Order::Descending => ">=",
            Order::Ascending => "<=",
        };
        self.bound(position, sign);
        self
    }

    fn bound(&mut self, position: Option<&Position>, sign: &str) {
        if let Some(position) = position {
            self.parts.push(format!("(time, id) {sign} (?, ?)"));
            self.params.extend([SqlValue::from(position.time), SqlValue::from(position.id.clone())]);
        }
    }

    /// The expression.
    pub(super) fn sql(&self) -> String {
        if self.parts.is_empty() { "1".to_owned() } else { self.parts.join(" AND ") }
    }

    /// What stands for its question marks.
    pub(super) fn params(&self) -> &[SqlValue] {
        &self.params
    }
}

/// `ORDER BY` in a direction.
pub(super) fn order_by(order: Order) -> &'static str {
    match order {
        Order::Descending => "ORDER BY time DESC, id DESC",
        Order::Ascending => "ORDER BY time, id",
    }
}

/// The index along which rows are read in the order of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Index {
    /// That of ids, which has no name of ours: `SQLite` finds it.
    Id,
    Type,
    Grave,
    Node,
    Time,
}

impl Index {
    /// The index by which the fewest rows are read for nothing.
    pub(super) fn of(criteria: &Criteria) -> Self {
        if equals(criteria, "_id").is_some() {
            return Self::Id;
        }
        // The types of what happens in a lab are rare among those of log lines.
        let event_type = equals(criteria, "event_type");
        if event_type.is_some_and(|name| !name.starts_with("log")) {
            return Self::Type;
        }
        // Few events are grave, so reading them all bounds the work even where nothing is found.
        if level_floor(criteria).is_some_and(|level| level >= LogLevel::Warning) {
            return Self::Grave;
        }
        if equals(criteria, "source.node_id").is_some() {
            return Self::Node;
        }
        if event_type.is_some() { Self::Type } else { Self::Time }
    }

    fn indexed_by(self) -> &'static str {
        match self {
            Self::Id => "",
            Self::Type => "INDEXED BY event_type_time",
            Self::Grave => "INDEXED BY event_grave",
            Self::Node => "INDEXED BY event_node_time",
            Self::Time => "INDEXED BY event_time",
        }
    }
}

/// Prepares a query along an index. `SQLite` refuses where the filter's SQL turned out not to speak of the index (because
/// it is never true, for instance); that of times always serves.
pub(super) fn prepare_along(
    connection: &Connection,
    index: Index,
    sql: impl Fn(&str) -> String,
) -> rusqlite::Result<CachedStatement<'_>> {
    connection
        .prepare_cached(&sql(index.indexed_by()))
        .or_else(|_| connection.prepare_cached(&sql(Index::Time.indexed_by())))
}

/// The text that a field must be equal to, as far as is plain to see.
fn equals<'a>(criteria: &'a Criteria, name: &str) -> Option<&'a str> {
    let all = criteria.filter.as_ref().map(|filter| conjunction(filter.condition())).unwrap_or_default();
    all.into_iter().find_map(|condition| match condition {
        Condition::Field(path, Predicate::Equal(Value::String(text))) if is_path(path, name) => Some(text.as_str()),
        _ => None,
    })
}

/// The least level that both the criteria and their filter allow, as far as is plain to see.
fn level_floor(criteria: &Criteria) -> Option<LogLevel> {
    let said = criteria.filter.as_ref().map(|filter| conjunction(filter.condition())).unwrap_or_default();
    let in_filter = said.into_iter().filter_map(|condition| match condition {
        Condition::Field(path, predicate) if is_path(path, "log_level") => floor_of(predicate),
        _ => None,
    });
    in_filter.chain(criteria.level_min).max()
}

fn floor_of(predicate: &Predicate) -> Option<LogLevel> {
    match predicate {
        Predicate::Compare(Comparison::GreaterOrEqual, limit) | Predicate::Equal(limit) => {
            limit.as_i64().and_then(LogLevel::from_number)
        }
        Predicate::Every(all) => all.iter().filter_map(floor_of).max(),
        _ => None,
    }
}

fn conjunction(condition: &Condition) -> Vec<&Condition> {
    match condition {
        Condition::And(all) => all.iter().collect(),
        other => vec![other],
    }
}

fn is_path(path: &Path, name: &str) -> bool {
    path.segments().iter().map(labtrail_shared::filter::Segment::name).eq(name.split('.'))
}
