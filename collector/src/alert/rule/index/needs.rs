//! What must be so in a document for a filter to match it: the part of a filter by which it can be looked up.

use labtrail_shared::filter::{Comparison, Condition, Number, Path, Predicate};
use serde_json::Value;

/// A necessary condition of a filter: wherever the filter matches, it holds.
#[derive(Debug)]
pub(super) enum Needs<'f> {
    /// Nothing is known; it always holds.
    Nothing,
    /// A value at a path.
    Term(Term<'f>),
    /// Each of them.
    All(Vec<Needs<'f>>),
    /// At least one of them; of none, it never holds.
    Any(Vec<Needs<'f>>),
}

/// One of the values at a path is as it is wanted.
#[derive(Debug, Clone, Copy)]
pub(super) struct Term<'f> {
    pub(super) path: &'f Path,
    pub(super) wanted: Wanted<'f>,
}

/// What a value must be.
#[derive(Debug, Clone, Copy)]
pub(super) enum Wanted<'f> {
    /// It is this text.
    Text(&'f str),
    /// It is this number.
    Number(Number),
    /// It is true, or it is false.
    Bool(bool),
    /// It is a number, and not less than this.
    AtLeast(Number),
    /// It is a number, and not more than this.
    AtMost(Number),
}

impl<'f> Needs<'f> {
    pub(super) fn of(condition: &'f Condition) -> Self {
        match condition {
            Condition::And(all) => Needs::All(all.iter().map(Needs::of).collect()),
            Condition::Or(any) => Needs::Any(any.iter().map(Needs::of).collect()),
            Condition::Nor(_) => Needs::Nothing,
            Condition::Field(path, predicate) => of_predicate(path, predicate),
        }
    }

    /// Shows all terms, whether or not they are of use.
    pub(super) fn each_term(&self, visit: &mut impl FnMut(Term<'f>)) {
        match self {
            Needs::Nothing => {}
            Needs::Term(term) => visit(*term),
            Needs::All(needs) | Needs::Any(needs) => needs.iter().for_each(|needs| needs.each_term(visit)),
        }
    }

    /// The terms of which one must hold, such that together they hold as seldom as possible by `frequency`; none if
    /// nothing is known.
    pub(super) fn rarest(&self, frequency: &impl Fn(Term<'f>) -> f64) -> Option<(f64, Vec<Term<'f>>)> {
        match self {
            Needs::Nothing => None,
            Needs::Term(term) => Some((frequency(*term), vec![*term])),
            Needs::All(needs) => {
                needs.iter().filter_map(|needs| needs.rarest(frequency)).min_by(|(a, _), (b, _)| a.total_cmp(b))
            }
            Needs::Any(needs) => {
                let mut all = (0.0, Vec::new());
                for needs in needs {
                    let (frequency, terms) = needs.rarest(frequency)?;
                    all.0 += frequency;
                    all.1.extend(terms);
                }
                Some(all)
            }
        }
    }
}

fn of_predicate<'f>(path: &'f Path, predicate: &'f Predicate) -> Needs<'f> {
    match predicate {
        // The operators may hold for different values, but each needs its own one.
        Predicate::Every(all) => Needs::All(all.iter().map(|one| of_predicate(path, one)).collect()),
        Predicate::All(all) if all.is_empty() => Needs::Any(Vec::new()),
        Predicate::All(all) => Needs::All(all.iter().map(|one| of_predicate(path, one)).collect()),
        Predicate::Equal(value) => equal(path, value),
        Predicate::In(choices) if choices.patterns().is_empty() => {
            Needs::Any(choices.values().iter().map(|value| equal(path, value)).collect())
        }
        Predicate::Compare(comparison, Value::Number(limit)) => {
            let limit = Number::of(limit);
            let wanted = match comparison {
                Comparison::Greater | Comparison::GreaterOrEqual => Wanted::AtLeast(limit),
                Comparison::Less | Comparison::LessOrEqual => Wanted::AtMost(limit),
            };
            Needs::Term(Term { path, wanted })
        }
        // The negative ones hold where nothing is. `$elemMatch` looks at values that a path alone does not lead to.
        _ => Needs::Nothing,
    }
}

/// Null is equal to what is missing, and arrays and objects are not worth a key.
fn equal<'f>(path: &'f Path, value: &'f Value) -> Needs<'f> {
    let wanted = match value {
        Value::String(text) => Wanted::Text(text),
        Value::Number(number) => Wanted::Number(Number::of(number)),
        Value::Bool(is_true) => Wanted::Bool(*is_true),
        Value::Null | Value::Array(_) | Value::Object(_) => return Needs::Nothing,
    };
    Needs::Term(Term { path, wanted })
}
