//! Random selectors, made of what the documents hold.

use serde_json::{Map, Value, json};

use super::documents;
use super::luck::Luck;

pub(super) fn selector(luck: &mut Luck, documents: &[Value]) -> Value {
    selector_of(luck, documents, 2)
}

fn selector_of(luck: &mut Luck, documents: &[Value], levels: usize) -> Value {
    let mut selector = Map::new();
    for _ in 0..=luck.below(6) / 4 {
        if levels > 0 && luck.percent(25) {
            let clauses: Value = (0..=luck.below(3)).map(|_| selector_of(luck, documents, levels - 1)).collect();
            selector.insert(luck.one_of(&["$and", "$or", "$nor"]).to_owned(), clauses);
            continue;
        }
        let (path, found) = aim(luck, documents);
        // A name that begins with a dollar sign cannot be asked for at the top.
        if !path.starts_with('$') {
            selector.insert(path, behind_path(luck, &found, 2));
        }
    }
    Value::Object(selector)
}

/// A path into one of the documents and what is there, or a path changed a little and something like what was there.
fn aim(luck: &mut Luck, documents: &[Value]) -> (String, Value) {
    let document = luck.item(documents);
    let mut names = Vec::new();
    let mut value = document;
    loop {
        match value {
            Value::Object(fields) if !fields.is_empty() => {
                if !names.is_empty() && luck.percent(15) {
                    break;
                }
                let at = luck.below(fields.len());
                let (name, below) = fields.iter().nth(at).expect("it is below the length");
                names.push(name.clone());
                value = below;
            }
            Value::Array(items) if !items.is_empty() => {
                if names.is_empty() || luck.percent(40) {
                    break;
                }
                let at = luck.below(items.len());
                // Arrays are looked through, or entered by a number.
                if luck.percent(40) {
                    names.push(at.to_string());
                }
                value = &items[at];
            }
            _ => break,
        }
    }
    if names.is_empty() || luck.percent(6) {
        names.push(documents::name(luck).to_owned());
    }
    if luck.percent(4) {
        let at = luck.below(names.len());
        names.insert(at, luck.one_of(&["0", "1", "a", "01"]).to_owned());
    }
    (names.join("."), value.clone())
}

fn behind_path(luck: &mut Luck, found: &Value, levels: usize) -> Value {
    if luck.percent(25) {
        return near(luck, found);
    }
    Value::Object(operators(luck, found, levels))
}

fn operators(luck: &mut Luck, found: &Value, levels: usize) -> Map<String, Value> {
    let mut operators = Map::new();
    for _ in 0..=luck.below(5) / 4 {
        let (operator, argument) = operator(luck, found, levels);
        operators.insert(operator.to_owned(), argument);
        if operator == "$regex" {
            operators.insert("$options".to_owned(), json!(luck.one_of(&["", "i", "m", "s", "is"])));
        }
    }
    operators
}

fn operator(luck: &mut Luck, found: &Value, levels: usize) -> (&'static str, Value) {
    let operator = luck.one_of(&[
        "$eq",
        "$ne",
        "$gt",
        "$gte",
        "$lt",
        "$lte",
        "$in",
        "$nin",
        "$in",
        "$exists",
        "$type",
        "$regex",
        "$all",
        "$size",
        "$elemMatch",
        "$elemMatch",
        "$mod",
        "$not",
    ]);
    let argument = match operator {
        "$in" | "$nin" => (0..luck.below(4)).map(|_| element(luck, found)).collect(),
        "$all" if found.is_array() && luck.percent(30) => {
            (0..=luck.below(2)).map(|_| json!({"$elemMatch": elem_match(luck, found, levels)})).collect()
        }
        "$all" => (0..=luck.below(2)).map(|_| element(luck, found)).collect(),
        "$exists" => json!(luck.percent(60)),
        "$type" => kind(luck, found),
        "$regex" => json!(pattern(luck, found)),
        "$size" => json!(found.as_array().map_or_else(|| luck.below(4), Vec::len)),
        "$mod" => modulus(luck, found),
        "$not" if levels > 0 => Value::Object(operators(luck, found, levels - 1)),
        "$elemMatch" if levels > 0 => elem_match(luck, found, levels),
        "$not" | "$elemMatch" => json!({"$gte": near(luck, found)}),
        _ => near(luck, found),
    };
    (operator, argument)
}

fn elem_match(luck: &mut Luck, found: &Value, levels: usize) -> Value {
    let Some(items) = found.as_array().filter(|items| !items.is_empty()) else {
        return Value::Object(operators(luck, found, levels.saturating_sub(1)));
    };
    let item = luck.item(items);
    if luck.percent(70) && (item.is_object() || item.is_array()) {
        return selector_of(luck, items, 1);
    }
    Value::Object(operators(luck, item, levels.saturating_sub(1)))
}

/// The value itself, a part of it, or a neighbour.
fn near(luck: &mut Luck, found: &Value) -> Value {
    if luck.percent(12) {
        return documents::value(luck, 1);
    }
    match found {
        Value::Array(items) if !items.is_empty() && luck.percent(60) => luck.item(items).clone(),
        Value::Number(number) if luck.percent(40) => match (number.as_i64(), luck.below(3)) {
            (Some(integer), 0) => json!(integer as f64),
            (Some(integer), 1) => json!(integer.saturating_add(1)),
            (Some(integer), _) => json!({"$numberLong": integer.saturating_sub(1).to_string()}),
            (None, 0) => json!(number.as_f64().unwrap_or_default() as i64),
            (None, _) => json!(number.as_f64().unwrap_or_default() / 2.0),
        },
        Value::String(text) if luck.percent(30) => json!(text.chars().take(luck.below(4)).collect::<String>()),
        other => other.clone(),
    }
}

fn element(luck: &mut Luck, found: &Value) -> Value {
    if luck.percent(15) {
        return json!({"$regularExpression": {"pattern": pattern(luck, found), "options": luck.one_of(&["", "i"])}});
    }
    if luck.percent(10) { Value::Null } else { near(luck, found) }
}

fn kind(luck: &mut Luck, found: &Value) -> Value {
    let fits = match found {
        Value::Null => json!("null"),
        Value::Bool(_) => json!(8),
        Value::Number(_) => json!(luck.one_of(&["number", "int", "long", "double"])),
        Value::String(_) => json!("string"),
        Value::Array(_) => json!(["array", "date"]),
        Value::Object(_) => json!(3),
    };
    if luck.percent(70) {
        fits
    } else {
        json!([luck.one_of(&["int", "string", "bool", "double", "object", "array", "minKey"])])
    }
}

fn modulus(luck: &mut Luck, found: &Value) -> Value {
    let divisor = *luck.item(&[2_i64, 3, -2, 10, 1]);
    let number = found.as_i64().or_else(|| found.as_f64().map(|double| double as i64));
    json!([divisor, number.map_or(0, |number| number % divisor)])
}

/// A piece of the text that was found, with what patterns are made of put in.
fn pattern(luck: &mut Luck, found: &Value) -> String {
    if luck.percent(25) {
        let patterns =
            [r"\d+", r"^\w+$", r"\bfailed\b", "^[a-c]", "", r"[^\s]", "end$", "o.e", "(?i)PUMP", "^E[0-9]{2}$", "é|x"];
        return luck.one_of(&patterns).to_owned();
    }
    let text = match found {
        Value::Array(items) => items.iter().find_map(Value::as_str).unwrap_or("a"),
        other => other.as_str().unwrap_or("a"),
    };
    let skipped = luck.below(3);
    let piece: String = text.chars().skip(skipped).take(1 + luck.below(6)).filter(|letter| *letter != '\0').collect();
    let start = if skipped == 0 && luck.percent(50) { "^" } else { "" };
    let end = if luck.percent(20) { "$" } else { "" };
    format!("{start}{}{end}", regex::escape(&piece))
}
