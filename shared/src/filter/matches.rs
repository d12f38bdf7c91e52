//! The answer in memory, and with it the definition of what a filter means.

use serde_json::Value;

use super::condition::{Comparison, Condition, Predicate};
use super::kind::Kind;
use super::order::{self, Number};
use super::path::{Leaf, Path};

/// Whether a document passes. Within `$elemMatch` the document may be an array, whose names are its positions.
pub(super) fn holds(condition: &Condition, document: &Value) -> bool {
    match condition {
        Condition::And(all) => all.iter().all(|condition| holds(condition, document)),
        Condition::Or(any) => any.iter().any(|condition| holds(condition, document)),
        Condition::Nor(none) => !none.iter().any(|condition| holds(condition, document)),
        Condition::Field(path, predicate) => is_satisfied(predicate, Subject::Path(document, path)),
    }
}

/// What a predicate is asked about.
#[derive(Clone, Copy)]
enum Subject<'v> {
    /// Everything the path leads to.
    Path(&'v Value, &'v Path),
    /// An element of an array, as `$elemMatch` looks at it: if it is an array, its own elements do not count.
    Element(&'v Value),
}

impl<'v> Subject<'v> {
    fn any(self, leaf: Leaf, mut found: impl FnMut(Option<&'v Value>) -> bool) -> bool {
        match self {
            Subject::Path(document, path) => path.any(document, leaf, found),
            Subject::Element(value) => found(Some(value)),
        }
    }

    fn any_value(self, mut satisfies: impl FnMut(&'v Value) -> bool) -> bool {
        self.any(Leaf::ElementsAndArray, |found| found.is_some_and(&mut satisfies))
    }

    fn any_array(self, mut satisfies: impl FnMut(&'v [Value]) -> bool) -> bool {
        self.any(Leaf::ArrayOnly, |found| found.and_then(Value::as_array).is_some_and(|items| satisfies(items)))
    }
}

fn is_satisfied(predicate: &Predicate, subject: Subject<'_>) -> bool {
    match predicate {
        Predicate::Every(all) => all.iter().all(|predicate| is_satisfied(predicate, subject)),
        Predicate::All(all) => !all.is_empty() && all.iter().all(|predicate| is_satisfied(predicate, subject)),
        Predicate::Not(not) => !is_satisfied(not, subject),
        Predicate::Equal(wanted) => equals(wanted, subject),
        Predicate::NotEqual(wanted) => !equals(wanted, subject),
        Predicate::Compare(comparison, limit) => {
            subject.any(Leaf::ElementsAndArray, |found| compares(*comparison, limit, found))
        }
        Predicate::In(choices) => subject.any(Leaf::ElementsAndArray, |found| choices.contain(found)),
        Predicate::NotIn(choices) => !subject.any(Leaf::ElementsAndArray, |found| choices.contain(found)),
        Predicate::Exists(wanted) => subject.any_value(|_| true) == *wanted,
        Predicate::Type(kinds) => subject.any_value(|value| kinds.contain(Kind::of(value))),
        Predicate::Matches(pattern) => subject.any_value(|value| pattern.matches(value)),
        Predicate::Mod { divisor, remainder } => subject.any_value(|value| leaves(value, *divisor, *remainder)),
        Predicate::Size(size) => subject.any_array(|items| items.len() as u64 == *size),
        Predicate::AnyValue(wanted) => {
            subject.any_array(|items| items.iter().any(|item| is_satisfied(wanted, Subject::Element(item))))
        }
        Predicate::AnyDocument(wanted) => {
            subject.any_array(|items| items.iter().any(|item| is_document(item) && holds(wanted, item)))
        }
    }
}

/// Only these have names that a selector could ask for.
fn is_document(value: &Value) -> bool {
    value.is_object() || value.is_array()
}

fn equals(wanted: &Value, subject: Subject<'_>) -> bool {
    subject.any(Leaf::ElementsAndArray, |found| match found {
        Some(value) => order::same(value, wanted),
        None => wanted.is_null(),
    })
}

fn compares(comparison: Comparison, limit: &Value, found: Option<&Value>) -> bool {
    // What is missing compares with null alone, and as its equal.
    let value = found.unwrap_or(&Value::Null);
    if order::bracket(value) != order::bracket(limit) {
        return false;
    }
    let order = order::compare(value, limit);
    match comparison {
        Comparison::Greater => order.is_gt(),
        Comparison::GreaterOrEqual => order.is_ge(),
        Comparison::Less => order.is_lt(),
        Comparison::LessOrEqual => order.is_le(),
    }
}

fn leaves(value: &Value, divisor: i64, remainder: i64) -> bool {
    let Value::Number(number) = value else { return false };
    // The least integer divided by -1 overflows; it leaves nothing.
    Number::of(number).truncated().is_some_and(|dividend| dividend.wrapping_rem(divisor) == remainder)
}
