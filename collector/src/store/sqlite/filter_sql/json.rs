//! Predicates about what is somewhere within a column of JSON.
//!
//! The language looks through arrays, `SQLite`'s paths do not. So a row with an array anywhere on the path, its end included,
//! is always kept. For the other rows the path leads to one plain value or object, or nowhere, and that is asked about as
//! far as it is certain:
//!
//! - `json_type` tells missing, null, booleans, text, objects and numbers apart, and that is exact;
//! - a number is compared with some room on both sides, because `SQLite` may read digits as a neighbouring double;
//! - a text is compared only with `=`, `>=` and `<=` and with texts without NUL, at which `SQLite` may end a text early;
//! - objects and patterns are left to the matcher.
//!
//! The whole is never exact, but its parts may be, so that `$exists: false` and `$ne: null` still say something.

use labtrail_shared::filter::{Comparison, Kind, Kinds, Predicate, Segment};
use rusqlite::types::Value as SqlValue;
use serde_json::Value;

use super::fragment::Fragment;

/// What a predicate says about a path into `column`.
pub(super) fn field(column: &'static str, segments: &[Segment], predicate: &Predicate) -> Fragment {
    let mut paths = vec!["$".to_owned()];
    for segment in segments {
        let Some(step) = step(segment.name()) else { return Fragment::anything() };
        paths.push(format!("{}{step}", paths.last().expect("it begins with the root")));
    }
    let node = Node { column, path: paths.last().expect("it begins with the root").clone() };
    let satisfies = node.satisfies(predicate);
    if satisfies == Fragment::anything() {
        return satisfies;
    }
    let arrays = paths.into_iter().map(|path| Node { column, path }.is_of_type(&["array"]));
    Fragment::any(arrays.chain([satisfies])).at_least()
}

/// A name as a step of a path. Names that would need escapes, and the empty one, which sometimes counts for nothing, are
/// not translated.
fn step(name: &str) -> Option<String> {
    let is_plain = !name.is_empty() && !name.contains(['"', '\\']) && !name.contains(char::is_control);
    is_plain.then(|| format!(".\"{name}\""))
}

/// A place within a column of JSON, in a row that has no array on the way to it or in it.
struct Node {
    column: &'static str,
    path: String,
}

const NUMBERS: [&str; 2] = ["integer", "real"];

impl Node {
    fn satisfies(&self, predicate: &Predicate) -> Fragment {
        match predicate {
            Predicate::Every(all) => Fragment::all(all.iter().map(|predicate| self.satisfies(predicate))),
            Predicate::All(all) if all.is_empty() => Fragment::constant(false),
            Predicate::All(all) => Fragment::all(all.iter().map(|predicate| self.satisfies(predicate))),
            Predicate::Not(not) => self.satisfies(not).not(),
            Predicate::Equal(value) => self.equals(value),
            Predicate::NotEqual(value) => self.equals(value).not(),
            Predicate::Compare(comparison, limit) => self.compares(*comparison, limit),
            Predicate::In(choices) | Predicate::NotIn(choices) => {
                let values = choices.values().iter().map(|value| self.equals(value));
                let patterns = choices.patterns().iter().map(|_| self.is_of_type(&["text"]).at_least());
                let is_among = Fragment::any(values.chain(patterns));
                if matches!(predicate, Predicate::In(_)) { is_among } else { is_among.not() }
            }
            Predicate::Exists(true) => self.is_missing().not(),
            Predicate::Exists(false) => self.is_missing(),
            Predicate::Type(kinds) => self.has_type(kinds),
            Predicate::Matches(_) => self.is_of_type(&["text"]).at_least(),
            Predicate::Mod { .. } => self.is_of_type(&NUMBERS).at_least(),
            // There is no array here.
            Predicate::Size(_) | Predicate::AnyValue(_) | Predicate::AnyDocument(_) => Fragment::constant(false),
        }
    }

    fn path(&self) -> SqlValue {
        SqlValue::Text(self.path.clone())
    }

    fn is_missing(&self) -> Fragment {
        Fragment::exactly(format!("json_type({}, ?) IS NULL", self.column), vec![self.path()])
    }

    /// Whether the value is of one of the types, in the words of `json_type`.
    fn is_of_type(&self, types: &[&str]) -> Fragment {
        let column = self.column;
        match types {
            [] => Fragment::constant(false),
            [one] => Fragment::exactly(format!("json_type({column}, ?) = '{one}'"), vec![self.path()]),
            several => {
                let list = several.join("', '");
                Fragment::exactly(format!("json_type({column}, ?) IN ('{list}')"), vec![self.path()])
            }
        }
    }

    fn has_type(&self, kinds: &Kinds) -> Fragment {
        let mut types = Vec::new();
        let plain = [
            (Kind::Null, &["null"][..]),
            (Kind::Bool, &["true", "false"]),
            (Kind::String, &["text"]),
            (Kind::Object, &["object"]),
        ];
        for (_, names) in plain.iter().filter(|(kind, _)| kinds.contain(*kind)) {
            types.extend_from_slice(names);
        }
        let numbers = [Kind::Int, Kind::Long, Kind::Double].map(|kind| kinds.contain(kind));
        if numbers.contains(&true) {
            types.extend(NUMBERS);
        }
        let is_of_type = self.is_of_type(&types);
        // Where integers end and doubles begin is not the same everywhere.
        if numbers.contains(&true) && numbers.contains(&false) { is_of_type.at_least() } else { is_of_type }
    }

    fn equals(&self, value: &Value) -> Fragment {
        match value {
            Value::Null => Fragment::any([self.is_missing(), self.is_of_type(&["null"])]),
            Value::Bool(true) => self.is_of_type(&["true"]),
            Value::Bool(false) => self.is_of_type(&["false"]),
            Value::Number(number) => {
                let (low, high) = room(number);
                self.lies("BETWEEN ? AND ?", &NUMBERS, vec![low, high])
            }
            Value::String(text) if text.contains('\0') => self.is_of_type(&["text"]).at_least(),
            Value::String(text) => self.lies("= ?", &["text"], vec![SqlValue::Text(text.clone())]),
            Value::Object(_) => self.is_of_type(&["object"]).at_least(),
            Value::Array(_) => Fragment::constant(false),
        }
    }

    fn compares(&self, comparison: Comparison, limit: &Value) -> Fragment {
        let is_upward = matches!(comparison, Comparison::Greater | Comparison::GreaterOrEqual);
        let or_equal = matches!(comparison, Comparison::GreaterOrEqual | Comparison::LessOrEqual);
        let operator = if is_upward { ">= ?" } else { "<= ?" };
        match limit {
            Value::Null if or_equal => self.equals(limit),
            Value::Null | Value::Array(_) => Fragment::constant(false),
            Value::Bool(limit) => {
                let holds = |value: bool| (value == *limit && or_equal) || (value != *limit && value == is_upward);
                let types = [(true, "true"), (false, "false")].into_iter().filter(|(value, _)| holds(*value));
                self.is_of_type(&types.map(|(_, name)| name).collect::<Vec<_>>())
            }
            Value::Number(number) => {
                let (low, high) = room(number);
                self.lies(operator, &NUMBERS, vec![if is_upward { low } else { high }])
            }
            Value::String(text) if text.contains('\0') => self.is_of_type(&["text"]).at_least(),
            Value::String(text) => self.lies(operator, &["text"], vec![SqlValue::Text(text.clone())]),
            Value::Object(_) => self.is_of_type(&["object"]).at_least(),
        }
    }

    /// The value is of one of the types and lies where the operator says.
    fn lies(&self, operator: &str, types: &[&str], mut operands: Vec<SqlValue>) -> Fragment {
        operands.insert(0, self.path());
        let lies = Fragment::exactly(format!("json_extract({}, ?) {operator}", self.column), operands);
        Fragment::all([self.is_of_type(types), lies]).at_least()
    }
}

/// A number with more room on both sides than any reading of its digits can be wrong by.
fn room(number: &serde_json::Number) -> (SqlValue, SqlValue) {
    let double = number.as_f64().unwrap_or(f64::NAN);
    let room = double.abs() * 1e-12 + f64::MIN_POSITIVE;
    (SqlValue::Real(double - room), SqlValue::Real(double + room))
}
