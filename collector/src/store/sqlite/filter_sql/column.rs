//! Predicates about a column, whose type is known.

use labtrail_shared::filter::{Choices, Comparison, Kind, Kinds, Number, Predicate};
use rusqlite::types::Value as SqlValue;
use serde_json::Value;

use super::fragment::Fragment;

/// A place in an event that holds one plain value: a column or an expression for it.
pub(super) struct Column {
    sql: String,
    /// The type of its values; `None` for a column that does not exist.
    kind: Option<Kind>,
    /// What the event has where the column is null; `None` if it never is.
    absent: Option<Absent>,
}

/// What a null in the table stands for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Absent {
    /// The event has a `null` there.
    Null,
    /// The event has nothing there.
    Missing,
}

impl Column {
    pub(super) fn text(sql: &str) -> Self {
        Self { sql: sql.to_owned(), kind: Some(Kind::String), absent: None }
    }

    pub(super) fn optional_text(sql: &str, absent: Absent) -> Self {
        Self { absent: Some(absent), ..Self::text(sql) }
    }

    /// An integer of 32 bits.
    pub(super) fn integer(sql: &str) -> Self {
        Self { kind: Some(Kind::Int), ..Self::text(sql) }
    }

    /// 0 or 1.
    pub(super) fn boolean(sql: &str) -> Self {
        Self { kind: Some(Kind::Bool), ..Self::text(sql) }
    }

    /// A field that no event has.
    pub(super) fn nowhere() -> Self {
        Self { sql: "NULL".to_owned(), kind: None, absent: Some(Absent::Missing) }
    }

    pub(super) fn satisfies(&self, predicate: &Predicate) -> Fragment {
        match predicate {
            Predicate::Every(all) => Fragment::all(all.iter().map(|predicate| self.satisfies(predicate))),
            Predicate::All(all) if all.is_empty() => Fragment::constant(false),
            Predicate::All(all) => Fragment::all(all.iter().map(|predicate| self.satisfies(predicate))),
            Predicate::Not(not) => self.satisfies(not).not(),
            Predicate::Equal(value) => self.is_one_of(std::slice::from_ref(value)),
            Predicate::NotEqual(value) => self.is_one_of(std::slice::from_ref(value)).not(),
            Predicate::Compare(comparison, limit) => self.compares(*comparison, limit),
            Predicate::In(choices) => self.is_among(choices),
            Predicate::NotIn(choices) => self.is_among(choices).not(),
            Predicate::Exists(true) => self.exists(),
            Predicate::Exists(false) => self.exists().not(),
            Predicate::Type(kinds) => self.has_type(kinds),
            Predicate::Matches(_) => self.may_match(),
            Predicate::Mod { divisor, remainder } => self.leaves(*divisor, *remainder),
            // A plain value is no array.
            Predicate::Size(_) | Predicate::AnyValue(_) | Predicate::AnyDocument(_) => Fragment::constant(false),
        }
    }

    /// Where the column holds a value.
    fn has_value(&self) -> Fragment {
        match (self.kind, self.absent) {
            (None, _) => Fragment::constant(false),
            (_, None) => Fragment::constant(true),
            (_, Some(_)) => Fragment::exactly(format!("{} IS NOT NULL", self.sql), Vec::new()),
        }
    }

    /// Where it does not, which null is equal to in either case.
    fn is_absent(&self) -> Fragment {
        match (self.kind, self.absent) {
            (None, _) => Fragment::constant(true),
            (_, None) => Fragment::constant(false),
            (_, Some(_)) => Fragment::exactly(format!("{} IS NULL", self.sql), Vec::new()),
        }
    }

    fn exists(&self) -> Fragment {
        if self.absent == Some(Absent::Missing) { self.has_value() } else { Fragment::constant(true) }
    }

    /// The parameter that compares with the column as the value does with its field, if their brackets are the same.
    fn parameter(&self, value: &Value) -> Option<SqlValue> {
        match (self.kind?, value) {
            (Kind::String, Value::String(text)) => Some(SqlValue::Text(text.clone())),
            (Kind::Int, Value::Number(number)) => Some(match Number::of(number) {
                Number::Integer(integer) => SqlValue::Integer(integer),
                // SQLite compares integers with doubles exactly.
                Number::Double(double) => SqlValue::Real(double),
            }),
            (Kind::Bool, Value::Bool(is_true)) => Some(SqlValue::Integer(i64::from(*is_true))),
            _ => None,
        }
    }

    fn is_one_of(&self, values: &[Value]) -> Fragment {
        let mut params: Vec<SqlValue> = values.iter().filter_map(|value| self.parameter(value)).collect();
        let listed = match params.len() {
            0 => Fragment::constant(false),
            1 => Fragment::exactly(format!("{} = ?", self.sql), vec![params.remove(0)]),
            count => Fragment::exactly(format!("{} IN ({})", self.sql, vec!["?"; count].join(", ")), params),
        };
        let has_null = values.iter().any(Value::is_null);
        if has_null { Fragment::any([listed, self.is_absent()]) } else { listed }
    }

    fn is_among(&self, choices: &Choices) -> Fragment {
        let values = self.is_one_of(choices.values());
        if choices.patterns().is_empty() { values } else { Fragment::any([values, self.may_match()]) }
    }

    fn compares(&self, comparison: Comparison, limit: &Value) -> Fragment {
        if limit.is_null() {
            let or_equal = matches!(comparison, Comparison::GreaterOrEqual | Comparison::LessOrEqual);
            return if or_equal { self.is_absent() } else { Fragment::constant(false) };
        }
        let operator = match comparison {
            Comparison::Greater => ">",
            Comparison::GreaterOrEqual => ">=",
            Comparison::Less => "<",
            Comparison::LessOrEqual => "<=",
        };
        match self.parameter(limit) {
            Some(parameter) => Fragment::exactly(format!("{} {operator} ?", self.sql), vec![parameter]),
            None => Fragment::constant(false),
        }
    }

    fn has_type(&self, kinds: &Kinds) -> Fragment {
        let value_fits = self.kind.is_some_and(|kind| kinds.contain(kind));
        let null_fits = self.absent == Some(Absent::Null) && kinds.contain(Kind::Null);
        let value = if value_fits { self.has_value() } else { Fragment::constant(false) };
        if null_fits { Fragment::any([value, self.is_absent()]) } else { value }
    }

    /// `SQLite` has no regular expressions of ours; all that is known is that only a text can match.
    fn may_match(&self) -> Fragment {
        if self.kind == Some(Kind::String) { self.has_value().at_least() } else { Fragment::constant(false) }
    }

    fn leaves(&self, divisor: i64, remainder: i64) -> Fragment {
        if self.kind != Some(Kind::Int) {
            return Fragment::constant(false);
        }
        let params = vec![SqlValue::Integer(divisor), SqlValue::Integer(remainder)];
        Fragment::exactly(format!("{} % ? = ?", self.sql), params)
    }
}
