//! A filter as a query of `MongoDB`.
//!
//! [`Filter::matches`](labtrail_shared::filter::Filter::matches) is what a filter means. The query made here finds **every**
//! event that matches and perhaps some more; [`BsonFilter::exact`] says that it finds no more. The language being
//! MongoDB's own, nearly everything is said verbatim. What is not:
//!
//! - a path "" with `$elemMatch` or an array in it, which ends mongod 6.0.5 (a segmentation fault);
//! - names with U+0000, which BSON cannot have, nor with the letter that stands for it in stored names; order among
//!   objects, of which such a name could be a part;
//! - patterns that PCRE and we read differently in rare cases (see `pattern`);
//! - `_labtrail`, which events do not have, and `archived_at`, which MADSci writes as a date and events have as text.
//!
//! These parts are left out of the query, so that it finds more.

use labtrail_shared::filter::{Choices, Condition, Filter, Kinds, Number, Path, Pattern, Predicate};
use mongodb::bson::{Bson, Document, Regex, doc};
use serde_json::Value;

use super::bson_writer::is_plain_name;

/// The query for a filter.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct BsonFilter {
    /// Finds every event that matches.
    pub(super) query: Document,
    /// Whether it finds no others.
    pub(super) exact: bool,
}

impl BsonFilter {
    /// Translates a filter.
    pub(super) fn new(filter: &Filter) -> Self {
        condition(filter.condition(), Within::Event)
    }

    /// What finds everything.
    pub(super) fn anything() -> Self {
        Self { query: Document::new(), exact: false }
    }

    fn exactly(query: Document) -> Self {
        Self { query, exact: true }
    }

    fn finds_anything(&self) -> bool {
        self.query.is_empty() && !self.exact
    }
}

/// What the names of a condition are looked up in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Within {
    Event,
    /// A document in an array, by `$elemMatch`.
    Element,
}

fn condition(asked: &Condition, within: Within) -> BsonFilter {
    match asked {
        Condition::And(all) => {
            let parts: Vec<BsonFilter> = all.iter().map(|asked| condition(asked, within)).collect();
            let exact = parts.iter().all(|part| part.exact);
            let mut queries: Vec<Document> =
                parts.into_iter().map(|part| part.query).filter(|query| !query.is_empty()).collect();
            let query = match queries.len() {
                0 => Document::new(),
                1 => queries.remove(0),
                _ => doc! {"$and": queries},
            };
            BsonFilter { query, exact }
        }
        Condition::Or(any) => {
            let parts: Vec<BsonFilter> = any.iter().map(|asked| condition(asked, within)).collect();
            if parts.iter().any(BsonFilter::finds_anything) {
                return BsonFilter::anything();
            }
            let exact = parts.iter().all(|part| part.exact);
            let queries: Vec<Document> = parts.into_iter().map(|part| part.query).collect();
            BsonFilter { query: doc! {"$or": queries}, exact }
        }
        // What finds too much must not be turned into its opposite.
        Condition::Nor(none) => {
            let parts: Vec<BsonFilter> = none.iter().map(|asked| condition(asked, within)).collect();
            let exact = parts.iter().all(|part| part.exact);
            let queries: Vec<Document> = parts.into_iter().filter(|part| part.exact).map(|part| part.query).collect();
            let query = if queries.is_empty() {
                Document::new()
            } else {
                doc! {"$nor": queries}
            };
            BsonFilter { query, exact }
        }
        Condition::Field(path, predicate) => field(path, predicate, within),
    }
}

fn field(path: &Path, predicate: &Predicate, within: Within) -> BsonFilter {
    let dotted = path.to_string();
    if !is_plain_name(&dotted) || (within == Within::Event && !is_same_in_store(path, predicate)) {
        return BsonFilter::anything();
    }
    if path.segments().iter().any(|segment| segment.name().is_empty()) && looks_into_arrays(predicate) {
        return BsonFilter::anything();
    }
    // Operators beside one another in an object are the same as each on its own, and then one can be left out.
    let parts = match predicate {
        Predicate::Every(all) => all.iter().collect(),
        one => vec![one],
    };
    let wanted = parts.len();
    let mut translated: Vec<Answer> = parts.into_iter().filter_map(operators).collect();
    let exact = translated.len() == wanted && translated.iter().all(|answer| answer.exact);
    let query = match translated.len() {
        0 => Document::new(),
        1 => doc! {dotted: translated.remove(0).operators},
        _ => {
            let parts = translated.into_iter().map(|answer| doc! {dotted.clone(): answer.operators});
            doc! {"$and": parts.collect::<Vec<_>>()}
        }
    };
    if exact { BsonFilter::exactly(query) } else { BsonFilter { query, exact: false } }
}

/// Whether the field is stored as the event has it.
fn is_same_in_store(path: &Path, predicate: &Predicate) -> bool {
    match path.segments()[0].name() {
        labtrail_shared::event::PRIVATE_KEY => false,
        "archived_at" => matches!(predicate, Predicate::Equal(Value::Null) | Predicate::NotEqual(Value::Null)),
        _ => true,
    }
}

fn looks_into_arrays(predicate: &Predicate) -> bool {
    match predicate {
        Predicate::Every(all) | Predicate::All(all) => all.iter().any(looks_into_arrays),
        Predicate::Not(not) => looks_into_arrays(not),
        Predicate::AnyValue(_) | Predicate::AnyDocument(_) | Predicate::Size(_) => true,
        _ => false,
    }
}

/// What stands behind a path.
struct Answer {
    operators: Document,
    exact: bool,
}

#[expect(clippy::unnecessary_wraps, reason = "it stands where other predicates may have no answer")]
fn exactly(operators: Document) -> Option<Answer> {
    Some(Answer { operators, exact: true })
}

/// The operators for a predicate, or nothing if it cannot be said.
fn operators(predicate: &Predicate) -> Option<Answer> {
    match predicate {
        Predicate::Every(all) => {
            let mut together = Document::new();
            let mut exact = true;
            for predicate in all {
                match operators(predicate) {
                    Some(answer) => {
                        exact &= answer.exact;
                        together.extend(answer.operators);
                    }
                    None => exact = false,
                }
            }
            (!together.is_empty()).then_some(Answer { operators: together, exact })
        }
        Predicate::Not(not) => {
            let answer = operators(not).filter(|answer| answer.exact)?;
            exactly(doc! {"$not": answer.operators})
        }
        Predicate::Equal(value) => exactly(doc! {"$eq": bson(value)?}),
        Predicate::NotEqual(value) => exactly(doc! {"$ne": bson(value)?}),
        Predicate::Compare(comparison, limit) => {
            (!holds_object(limit)).then_some(())?;
            exactly(doc! {comparison.operator(): bson(limit)?})
        }
        Predicate::In(choices) => {
            let (choices, exact) = elements(choices)?;
            Some(Answer { operators: doc! {"$in": choices}, exact })
        }
        Predicate::NotIn(choices) => {
            let (choices, exact) = elements(choices)?;
            exact.then(|| Answer { operators: doc! {"$nin": choices}, exact })
        }
        Predicate::Exists(wanted) => exactly(doc! {"$exists": *wanted}),
        Predicate::Type(kinds) => exactly(doc! {"$type": kind_names(kinds)}),
        Predicate::Matches(pattern) => {
            let (regex, exact) = regex(pattern)?;
            Some(Answer { operators: doc! {"$regex": regex}, exact })
        }
        Predicate::All(all) => all_of(all),
        Predicate::Size(size) => exactly(doc! {"$size": i64::try_from(*size).ok()?}),
        Predicate::AnyValue(wanted) => {
            let answer = operators(wanted)?;
            Some(Answer { operators: doc! {"$elemMatch": answer.operators}, exact: answer.exact })
        }
        Predicate::AnyDocument(wanted) => {
            let BsonFilter { query, exact } = condition(wanted, Within::Element);
            Some(Answer { operators: doc! {"$elemMatch": query}, exact })
        }
        Predicate::Mod { divisor, remainder } => exactly(doc! {"$mod": [*divisor, *remainder]}),
    }
}

/// `$all`, without those of its elements that cannot be said.
fn all_of(all: &[Predicate]) -> Option<Answer> {
    let mut elements: Vec<Bson> = Vec::with_capacity(all.len());
    let mut exact = true;
    for predicate in all {
        let element = match predicate {
            Predicate::Equal(value) => bson(value).filter(|_| !begins_with_dollar(value)).map(|value| (value, true)),
            Predicate::Matches(pattern) => regex(pattern),
            other => operators(other).map(|answer| (Bson::Document(answer.operators), answer.exact)),
        };
        exact &= element.as_ref().is_some_and(|(_, exact)| *exact);
        elements.extend(element.map(|(element, _)| element));
    }
    // An empty `$all` finds nothing, which is right only if it was empty from the beginning.
    (!elements.is_empty() || all.is_empty()).then_some(Answer { operators: doc! {"$all": elements}, exact })
}

/// What `$in` chooses from. If one choice cannot be said, it would find too little.
fn elements(choices: &Choices) -> Option<(Vec<Bson>, bool)> {
    let mut exact = true;
    let mut elements = Vec::with_capacity(choices.values().len() + choices.patterns().len());
    for value in choices.values() {
        elements.push(bson(value).filter(|_| !begins_with_dollar(value))?);
    }
    for pattern in choices.patterns() {
        let (regex, is_same) = regex(pattern)?;
        exact &= is_same;
        elements.push(regex);
    }
    Some((elements, exact))
}

fn begins_with_dollar(value: &Value) -> bool {
    value.as_object().and_then(|fields| fields.keys().next()).is_some_and(|name| name.starts_with('$'))
}

fn holds_object(value: &Value) -> bool {
    match value {
        Value::Object(_) => true,
        Value::Array(items) => items.iter().any(holds_object),
        _ => false,
    }
}

fn kind_names(kinds: &Kinds) -> Bson {
    bson(&kinds.to_json()).expect("the names of types are plain")
}

/// A value as it is stored, unless it has a name that cannot be sent.
pub(super) fn bson(value: &Value) -> Option<Bson> {
    Some(match value {
        Value::Null => Bson::Null,
        Value::Bool(value) => Bson::Boolean(*value),
        Value::String(text) => Bson::String(text.clone()),
        Value::Number(number) => match Number::of(number) {
            Number::Integer(integer) => i32::try_from(integer).map_or(Bson::Int64(integer), Bson::Int32),
            Number::Double(double) => Bson::Double(double),
        },
        Value::Array(items) => Bson::Array(items.iter().map(bson).collect::<Option<_>>()?),
        Value::Object(fields) => {
            let mut document = Document::new();
            for (name, value) in fields {
                is_plain_name(name).then_some(())?;
                document.insert(name, bson(value)?);
            }
            Bson::Document(document)
        }
    })
}

/// A pattern for the server, and whether it means the same there. Nothing if it could find less there than here.
///
/// The differences, see `labtrail_shared::filter::Pattern`: after a `$` or `\Z` that matched before the last line feed we
/// find nothing any more, PCRE does, so it finds more. With the option `i` a class in brackets with `\w` or `[:alpha:]` in
/// it has two letters more for us than for PCRE, which then finds less.
fn regex(pattern: &Pattern) -> Option<(Bson, bool)> {
    let (source, options) = (pattern.source(), pattern.options());
    if source.contains('\0') {
        return None;
    }
    let may_ignore_case = options.contains('i') || source.contains("(?");
    let has_class_in_brackets = source.contains('[') && (source.contains('\\') || source.contains("[:"));
    if may_ignore_case && has_class_in_brackets {
        return None;
    }
    let ends = |mark: &str| source.find(mark).is_some_and(|at| at + mark.len() < source.len());
    let exact = !ends("$") && !ends(r"\Z");
    let mut text = source.to_owned();
    if source.contains('#') {
        // PCRE wants a comment, which the option `x` makes of what follows a `#`, to end with its line.
        let may_be_comment = options.contains('x') || source.contains("(?");
        if may_be_comment && !options.contains('x') {
            return None;
        }
        if may_be_comment {
            text.push('\n');
        }
    }
    let regex = Regex { pattern: text.try_into().ok()?, options: options.try_into().ok()? };
    Some((Bson::RegularExpression(regex), exact))
}

#[cfg(test)]
mod tests {
    use labtrail_shared::filter::Filter;
    use mongodb::bson::doc;
    use serde_json::json;

    use super::*;

    fn check(selector: &Value, query: Document, exact: bool) {
        assert_eq!(BsonFilter::new(&Filter::parse(selector).unwrap()), BsonFilter { query, exact }, "{selector}");
    }

    #[test]
    fn what_can_be_said_is_said_verbatim() {
        check(&json!({}), doc! {}, true);
        check(&json!({"log_level": {"$gte": 30}}), doc! {"log_level": {"$gte": 30}}, true);
        let query = doc! {"$and": [{"a.b": {"$eq": "x"}}, {"$and": [{"c": {"$gt": 1}}, {"c": {"$lt": 2.5}}]}]};
        check(&json!({"a.b": "x", "c": {"$gt": 1, "$lt": 2.5}}), query, true);
        check(&json!({"$nor": [{"a": 1}]}), doc! {"$nor": [{"a": {"$eq": 1}}]}, true);
    }

    #[test]
    fn what_cannot_be_said_is_left_out() {
        check(&json!({"a": 1, "_labtrail.at": 5}), doc! {"a": {"$eq": 1}}, false);
        check(&json!({"$or": [{"a": 1}, {"_labtrail": 5}]}), doc! {}, false);
        check(&json!({"$nor": [{"a": 1}, {"b\0": 5}]}), doc! {"$nor": [{"a": {"$eq": 1}}]}, false);
        check(&json!({"": {"$elemMatch": {"a": 1}}}), doc! {}, false);
        check(&json!({"a": {"$not": {"$gt": {"x": 1}}}}), doc! {}, false);
        check(&json!({"archived_at": null}), doc! {"archived_at": {"$eq": Bson::Null}}, true);
    }
}
