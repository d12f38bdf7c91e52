//! Reads what stands behind a path: a value to be equal to, a pattern, or an object of operators.

use serde_json::{Map, Value};

use super::condition::{Choices, Comparison, Predicate};
use super::extended::{self, Literal};
use super::kind::Kinds;
use super::order::Number;
use super::pattern::Pattern;
use super::selector::{self, FilterError, Place};

pub(super) fn read_predicate(value: &Value, place: &Place<'_>) -> Result<Predicate, FilterError> {
    match value {
        Value::Object(operators) if is_operators(operators) && !extended::is_wrapper(operators) => {
            read_operators(operators, place)
        }
        _ => Ok(match extended::read(value, place)? {
            Literal::Value(value) => Predicate::Equal(value),
            Literal::Pattern(pattern) => Predicate::Matches(pattern),
        }),
    }
}

/// As in `MongoDB` the first key decides: `{"$gt": 1}` is a question, `{"a": 1, "$gt": 1}` a value to be equal to.
fn is_operators(object: &Map<String, Value>) -> bool {
    object.keys().next().is_some_and(|key| key.starts_with('$'))
}

fn read_operators(operators: &Map<String, Value>, place: &Place<'_>) -> Result<Predicate, FilterError> {
    let mut all = Vec::with_capacity(operators.len());
    for (operator, argument) in operators {
        let here = place.key(operator)?;
        if operator == "$options" {
            // It was read together with its `$regex`.
            if !operators.contains_key("$regex") {
                return Err(here.argument(operator, "a `$regex` beside it"));
            }
            continue;
        }
        all.push(read_operator(operator, argument, operators, &here)?);
    }
    Ok(if all.len() == 1 { all.remove(0) } else { Predicate::Every(all) })
}

fn read_operator(
    operator: &str,
    argument: &Value,
    operators: &Map<String, Value>,
    here: &Place<'_>,
) -> Result<Predicate, FilterError> {
    Ok(match operator {
        "$eq" => Predicate::Equal(read_value(operator, argument, here)?),
        "$ne" => Predicate::NotEqual(read_value(operator, argument, here)?),
        "$gt" => Predicate::Compare(Comparison::Greater, read_value(operator, argument, here)?),
        "$gte" => Predicate::Compare(Comparison::GreaterOrEqual, read_value(operator, argument, here)?),
        "$lt" => Predicate::Compare(Comparison::Less, read_value(operator, argument, here)?),
        "$lte" => Predicate::Compare(Comparison::LessOrEqual, read_value(operator, argument, here)?),
        "$in" => Predicate::In(read_choices(operator, argument, here)?),
        "$nin" => Predicate::NotIn(read_choices(operator, argument, here)?),
        "$exists" => Predicate::Exists(is_true(&read_value(operator, argument, here)?)),
        "$type" => Predicate::Type(read_kinds(operator, argument, here)?),
        "$regex" => Predicate::Matches(read_pattern(argument, operators.get("$options"), here)?),
        "$all" => read_all(operator, argument, here)?,
        "$size" => Predicate::Size(read_size(operator, argument, here)?),
        "$elemMatch" => read_elem_match(operator, argument, here)?,
        "$mod" => read_mod(operator, argument, here)?,
        "$not" => Predicate::Not(Box::new(read_not(operator, argument, here)?)),
        unknown => return Err(here.unknown(unknown)),
    })
}

/// A value to compare with, which a pattern is not.
fn read_value(operator: &str, argument: &Value, here: &Place<'_>) -> Result<Value, FilterError> {
    match extended::read(argument, here)? {
        Literal::Value(value) => Ok(value),
        Literal::Pattern(_) => Err(here.argument(operator, "a value, not a pattern (use `$regex`, `$not` or `$in`)")),
    }
}

/// The elements of `$in`, `$nin` and `$all` are values or patterns, the latter also in the older spelling that has
/// `$regex` and perhaps `$options` in it.
fn read_element(operator: &str, element: &Value, here: &Place<'_>) -> Result<Literal, FilterError> {
    match element {
        Value::Object(object) if is_operators(object) && !extended::is_wrapper(object) => {
            let is_pattern = object.keys().all(|key| key == "$regex" || key == "$options");
            match object.get("$regex") {
                Some(pattern) if is_pattern => {
                    Ok(Literal::Pattern(read_pattern(pattern, object.get("$options"), here)?))
                }
                _ => Err(here.argument(operator, "values and patterns, not operators, in its array")),
            }
        }
        _ => extended::read(element, here),
    }
}

fn read_choices(operator: &str, argument: &Value, here: &Place<'_>) -> Result<Choices, FilterError> {
    let Value::Array(elements) = argument else { return Err(here.argument(operator, "an array")) };
    let (mut values, mut patterns) = (Vec::with_capacity(elements.len()), Vec::new());
    for (index, element) in elements.iter().enumerate() {
        match read_element(operator, element, &here.index(index)?)? {
            Literal::Value(value) => values.push(value),
            Literal::Pattern(pattern) => patterns.push(pattern),
        }
    }
    Ok(Choices::new(values, patterns))
}

fn is_true(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(is_true) => *is_true,
        Value::Number(number) => number.as_f64() != Some(0.0),
        _ => true,
    }
}

fn read_kinds(operator: &str, argument: &Value, here: &Place<'_>) -> Result<Kinds, FilterError> {
    let needs = "the number or name of a BSON type (as `string`, `int` or `number`), or an array of at least one";
    Kinds::read(&read_value(operator, argument, here)?).ok_or_else(|| here.argument(operator, needs))
}

fn read_pattern(pattern: &Value, options: Option<&Value>, here: &Place<'_>) -> Result<Pattern, FilterError> {
    if let Value::Object(_) = pattern {
        return match (extended::read(pattern, here)?, options) {
            (Literal::Pattern(pattern), None) => Ok(pattern),
            (Literal::Pattern(_), Some(_)) => Err(here.argument("$options", "to be given once")),
            (Literal::Value(_), _) => Err(here.argument("$regex", "a text")),
        };
    }
    let Value::String(source) = pattern else { return Err(here.argument("$regex", "a text")) };
    let options = match options {
        None => "",
        Some(Value::String(options)) => options,
        Some(_) => return Err(here.argument("$options", "a text of the letters i, m, s and x")),
    };
    Pattern::new(source, options).map_err(|reason| FilterError::Pattern { place: here.to_string(), reason })
}

/// Either every element is an `$elemMatch` or none is.
fn read_all(operator: &str, argument: &Value, here: &Place<'_>) -> Result<Predicate, FilterError> {
    let Value::Array(elements) = argument else { return Err(here.argument(operator, "an array")) };
    let elem_match = |element: &Value| {
        element.as_object().is_some_and(|object| object.keys().next().is_some_and(|key| key == "$elemMatch"))
    };
    let has_elem_match = elements.first().is_some_and(elem_match);
    let mut all = Vec::with_capacity(elements.len());
    for (index, element) in elements.iter().enumerate() {
        let place = here.index(index)?;
        let predicate = match (has_elem_match, element) {
            (true, Value::Object(object)) if object.len() == 1 && elem_match(element) => {
                let key = place.key("$elemMatch")?;
                read_elem_match("$elemMatch", &object["$elemMatch"], &key)?
            }
            (true, _) => return Err(place.argument(operator, "nothing but `$elemMatch` beside an `$elemMatch`")),
            (false, _) => match read_element(operator, element, &place)? {
                Literal::Value(value) => Predicate::Equal(value),
                Literal::Pattern(pattern) => Predicate::Matches(pattern),
            },
        };
        all.push(predicate);
    }
    Ok(Predicate::All(all))
}

fn read_size(operator: &str, argument: &Value, here: &Place<'_>) -> Result<u64, FilterError> {
    let size = match read_value(operator, argument, here)? {
        Value::Number(number) => Number::of(&number).as_integer(),
        _ => None,
    };
    size.and_then(|size| u64::try_from(size).ok()).ok_or_else(|| here.argument(operator, "a whole number from 0"))
}

/// Operators ask about the elements themselves, anything else is a selector for the documents among them.
fn read_elem_match(operator: &str, argument: &Value, here: &Place<'_>) -> Result<Predicate, FilterError> {
    let Value::Object(object) = argument else { return Err(here.argument(operator, "an object")) };
    let is_selector = object.keys().next().is_none_or(|key| {
        !key.starts_with('$') || matches!(key.as_str(), "$and" | "$or" | "$nor" | "$comment" | "$where" | "$expr")
    });
    Ok(if is_selector {
        Predicate::AnyDocument(Box::new(selector::read_selector(argument, here)?))
    } else {
        Predicate::AnyValue(Box::new(read_operators(object, here)?))
    })
}

fn read_mod(operator: &str, argument: &Value, here: &Place<'_>) -> Result<Predicate, FilterError> {
    let needs = "an array of a divisor, which is not 0, and a remainder";
    let Value::Array(pair) = argument else { return Err(here.argument(operator, needs)) };
    let mut numbers = Vec::with_capacity(2);
    for (index, element) in pair.iter().enumerate() {
        let Value::Number(number) = read_value(operator, element, &here.index(index)?)? else {
            return Err(here.argument(operator, needs));
        };
        numbers.push(Number::of(&number).truncated());
    }
    match numbers[..] {
        [Some(divisor), Some(remainder)] if divisor != 0 => Ok(Predicate::Mod { divisor, remainder }),
        _ => Err(here.argument(operator, needs)),
    }
}

fn read_not(operator: &str, argument: &Value, here: &Place<'_>) -> Result<Predicate, FilterError> {
    let needs = "a pattern or an object of at least one operator";
    let Value::Object(object) = argument else { return Err(here.argument(operator, needs)) };
    if extended::is_wrapper(object) {
        return match extended::read(argument, here)? {
            Literal::Pattern(pattern) => Ok(Predicate::Matches(pattern)),
            Literal::Value(_) => Err(here.argument(operator, needs)),
        };
    }
    if object.is_empty() || !is_operators(object) {
        return Err(here.argument(operator, needs));
    }
    read_operators(object, here)
}
