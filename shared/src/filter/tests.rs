//! The language as its users see it: what a selector means, how a wrong one is refused, and that a filter survives being
//! written down.

use serde_json::{Value, json};

use super::generate;
use super::{Filter, FilterError};

fn refusal(selector: &Value) -> String {
    Filter::parse(selector).expect_err(&format!("{selector} must be refused")).to_string()
}

#[expect(clippy::needless_pass_by_value, reason = "each case is a `json!` of its own")]
fn check_refusal(selector: Value, message: &str) {
    assert_eq!(refusal(&selector), message, "{selector}");
}

#[test]
fn selectors_mean_what_the_cases_say() {
    let mut count = 0;
    for (document, selector, expected) in generate::cases() {
        let filter = Filter::parse(&selector).unwrap_or_else(|error| panic!("{selector}: {error}"));
        assert_eq!(filter.matches(&document), expected, "{document} {selector}");
        count += 1;
    }
    assert!(count >= 150, "only {count} cases were read");
}

#[test]
fn a_filter_survives_being_written_down() {
    for (_, selector, _) in generate::cases() {
        check_round_trip(&selector);
    }
    for seed in 0..500 {
        for selector in generate::round(seed).selectors {
            check_round_trip(&selector);
        }
    }
}

fn check_round_trip(selector: &Value) {
    let filter = Filter::parse(selector).unwrap_or_else(|error| panic!("{selector}: {error}"));
    let written = filter.to_string();
    let again = Filter::from_json(&written).unwrap_or_else(|error| panic!("{selector} became {written}: {error}"));
    assert_eq!(again, filter, "{selector} became {written}");
    assert_eq!(again.to_string(), written);
}

#[test]
fn equal_filters_are_spelt_alike() {
    let spellings = [
        json!({"a": 1, "b": {"$in": [2, 1]}}),
        json!({"$and": [{"a": {"$eq": 1}}, {"b": {"$in": [1, 2.0, 1.0]}}]}),
        json!({"a": {"$numberLong": "1"}, "$and": [{}, {"b": {"$in": [2, 1, 2]}}], "$comment": "x"}),
    ];
    let filters: Vec<Filter> = spellings.iter().map(|selector| Filter::parse(selector).unwrap()).collect();
    assert_eq!(filters[0].to_string(), r#"{"a":1,"b":{"$in":[1,2]}}"#);
    assert_eq!(filters[2], filters[0]);
}

#[test]
fn the_generator_is_cheap_and_hits_often() {
    let (mut pairs, mut hits) = (0_u32, 0_u32);
    let mut seed = 0;
    while pairs < 100_000 {
        let round = generate::round(seed);
        seed += 1;
        for selector in &round.selectors {
            let filter = Filter::parse(selector).unwrap_or_else(|error| panic!("{selector}: {error}"));
            for document in &round.documents {
                pairs += 1;
                hits += u32::from(filter.matches(document));
            }
        }
    }
    assert!((pairs / 7..pairs * 3 / 4).contains(&hits), "{hits} of {pairs} pairs match");
}

#[test]
fn unknown_operators_are_named_with_their_place() {
    check_refusal(json!({"$foo": 1}), "unknown operator `$foo` at `/$foo`");
    check_refusal(
        json!({"$or": [{"a": 1}, {"log_level": {"$foo": 1}}]}),
        "unknown operator `$foo` at `/$or/1/log_level/$foo`",
    );
    check_refusal(json!({"a": {"$gt": 1, "b": 2}}), "unknown operator `b` at `/a/b`");
    check_refusal(json!({"a": {"$and": [{}]}}), "unknown operator `$and` at `/a/$and`");
    check_refusal(json!({"a/b~c": {"$foo": 1}}), "unknown operator `$foo` at `/a~1b~0c/$foo`");
    check_refusal(
        json!({"a": {"$not": {"$elemMatch": {"$foo": 1}}}}),
        "unknown operator `$foo` at `/a/$not/$elemMatch/$foo`",
    );
    check_refusal(
        json!({"a": {"$all": [{"$elemMatch": {"b": {"$foo": 1}}}]}}),
        "unknown operator `$foo` at `/a/$all/0/$elemMatch/b/$foo`",
    );
    check_refusal(json!({"a": {"$comment": "x"}}), "unknown operator `$comment` at `/a/$comment`");
    check_refusal(json!({"a": {"$options": "i"}}), "`$options` at `/a/$options` needs a `$regex` beside it");
}

#[test]
fn code_is_refused_wherever_it_stands() {
    for operator in ["$where", "$function", "$expr", "$accumulator"] {
        let message = format!("operator `{operator}` at `/$and/0/{operator}` is refused: a filter runs no code");
        check_refusal(json!({"$and": [{operator: "true"}]}), &message);
        let message = format!("operator `{operator}` at `/a/{operator}` is refused: a filter runs no code");
        check_refusal(json!({"a": {operator: "true"}}), &message);
        assert!(refusal(&json!({"a": {"$elemMatch": {operator: "true"}}})).contains("runs no code"));
    }
    for operator in ["$text", "$near", "$jsonSchema", "$geoWithin", "$sampleRate", "$bitsAllSet"] {
        assert!(refusal(&json!({operator: {}})).contains("is refused"), "{operator}");
    }
}

#[test]
fn wrong_arguments_are_named_with_their_place() {
    check_refusal(json!([]), "`` must be an object with a selector");
    check_refusal(json!({"$and": [{}, 1]}), "`/$and/1` must be an object with a selector");
    for operator in ["$and", "$or", "$nor"] {
        let message = format!("`{operator}` at `/{operator}` needs an array of at least one selector");
        check_refusal(json!({operator: []}), &message);
        check_refusal(json!({operator: {}}), &message);
    }
    check_refusal(json!({"a": {"$in": 5}}), "`$in` at `/a/$in` needs an array");
    check_refusal(json!({"a": {"$nin": {}}}), "`$nin` at `/a/$nin` needs an array");
    check_refusal(
        json!({"a": {"$in": [1, {"$gt": 1}]}}),
        "`$in` at `/a/$in/1` needs values and patterns, not operators, in its array",
    );
    check_refusal(json!({"a": {"$all": 5}}), "`$all` at `/a/$all` needs an array");
    check_refusal(
        json!({"a": {"$all": [{"$gt": 5}]}}),
        "`$all` at `/a/$all/0` needs values and patterns, not operators, in its array",
    );
    check_refusal(
        json!({"a": {"$all": [{"$elemMatch": {"b": 1}}, 5]}}),
        "`$all` at `/a/$all/1` needs nothing but `$elemMatch` beside an `$elemMatch`",
    );
    for size in [json!("1"), json!(-1), json!(1.5), json!(null)] {
        check_refusal(json!({"a": {"$size": size}}), "`$size` at `/a/$size` needs a whole number from 0");
    }
    for pair in [
        json!(4),
        json!([]),
        json!([4]),
        json!([4, 1, 2]),
        json!([0, 1]),
        json!([0.5, 1]),
        json!(["4", 1]),
        json!([4, null]),
        json!([1e300, 0]),
    ] {
        check_refusal(
            json!({"a": {"$mod": pair}}),
            "`$mod` at `/a/$mod` needs an array of a divisor, which is not 0, and a remainder",
        );
    }
    for kind in [json!("text"), json!(0), json!(20), json!(2.5), json!([]), json!(null), json!(["int", "text"])] {
        assert!(refusal(&json!({"a": {"$type": kind}})).starts_with("`$type` at `/a/$type` needs the number or name"));
    }
    for not in [json!({}), json!("x"), json!(null), json!({"b": 1}), json!({"$numberInt": "1"})] {
        check_refusal(
            json!({"a": {"$not": not}}),
            "`$not` at `/a/$not` needs a pattern or an object of at least one operator",
        );
    }
    check_refusal(json!({"a": {"$elemMatch": 1}}), "`$elemMatch` at `/a/$elemMatch` needs an object");
    check_refusal(json!({"a": {"$regex": 1}}), "`$regex` at `/a/$regex` needs a text");
    check_refusal(
        json!({"a": {"$regex": "x", "$options": 1}}),
        "`$options` at `/a/$regex` needs a text of the letters i, m, s and x",
    );
    let pattern = json!({"$regularExpression": {"pattern": "x", "options": ""}});
    check_refusal(
        json!({"a": {"$gt": pattern}}),
        "`$gt` at `/a/$gt` needs a value, not a pattern (use `$regex`, `$not` or `$in`)",
    );
    check_refusal(
        json!({"a": {"$regex": pattern, "$options": "i"}}),
        "`$options` at `/a/$regex` needs to be given once",
    );
}

#[test]
fn extended_json_is_no_operator() {
    check_refusal(
        json!({"event_timestamp": {"$gte": {"$date": "2026-01-01T00:00:00Z"}}}),
        "value `$date` at `/event_timestamp/$gte/$date`: events hold their times as text, compare with a text like \"2026-01-31T12:00:00\"",
    );
    check_refusal(
        json!({"_id": {"$oid": "0"}}),
        "value `$oid` at `/_id/$oid`: events hold their ids as text, compare with a text",
    );
    check_refusal(json!({"a": {"$numberLong": 5}}), "value `$numberLong` at `/a/$numberLong`: must be a text");
    check_refusal(
        json!({"a": {"$in": [{"$numberInt": "5000000000"}]}}),
        "value `$numberInt` at `/a/$in/0/$numberInt`: is not a 32-bit integer",
    );
    check_refusal(
        json!({"a": {"$lt": {"$numberDouble": "Infinity"}}}),
        "value `$numberDouble` at `/a/$lt/$numberDouble`: must be finite",
    );
    check_refusal(
        json!({"a": {"b": {"$minKey": 1}}}),
        "value `$minKey` at `/a/b/$minKey`: events are JSON and hold no such value",
    );
}

#[test]
fn patterns_that_cannot_be_answered_are_refused() {
    let check = |pattern: &str, reason: &str| {
        let expected = format!("pattern at `/a/$regex`: {reason}");
        check_refusal(json!({"a": {"$regex": pattern}}), &expected);
    };
    check("(?=x)", "look-around, including look-ahead and look-behind, is not supported");
    check("(?<!x)y", "look-around, including look-ahead and look-behind, is not supported");
    check(r"(x)\1", "backreferences are not supported");
    check("a++", "a possessive quantifier is not supported");
    check("^*", r"repeating a place like `^` or `\b` is not supported");
    check(r"x\b{2}", r"repeating a place like `^` or `\b` is not supported");
    check("a{2}{3}", "a quantifier behind a quantifier is not supported");
    check(r"[a-\d]", "a class as the end of a range is not supported");
    check("(?R)", "recursion is not supported");
    check("(?u)x", "a flag other than i, m, s and x is not supported");
    check("(", "unclosed group");
    check(&"x".repeat(5000), "it is longer than 4096 bytes");
    check("(a{1000}){1000}", "it needs more than 1048576 bytes once compiled");
    check_refusal(
        json!({"a": {"$regex": "x", "$options": "ig"}}),
        "pattern at `/a/$regex`: `g` is none of the options i, m, s and x",
    );
}

#[test]
fn nesting_has_an_end() {
    let mut selector = json!({"a": 1});
    for _ in 0..40 {
        selector = json!({"$nor": [selector]});
    }
    assert!(refusal(&selector).starts_with("the filter is nested deeper than 64 levels at `/$nor/0/$nor/0/"));
    let mut value = json!(1);
    for _ in 0..500 {
        value = json!([value]);
    }
    assert!(matches!(Filter::parse(&json!({"a": value})), Err(FilterError::Depth { .. })));
    let path = vec!["a"; 33].join(".");
    check_refusal(json!({path.as_str(): 1}), &format!("the path at `/{path}` has more than 32 names"));
}

#[test]
fn forking_paths_end() {
    let mut document = json!([]);
    for _ in 0..60 {
        document = json!([{"0": document}]);
    }
    let path = vec!["0"; 32].join(".");
    let filter = Filter::parse(&json!({path.as_str(): "nowhere"})).unwrap();
    assert!(!filter.matches(&json!({"0": document})));
}

#[test]
fn numbers_that_json_cannot_hold_do_no_harm() {
    let filter = Filter::parse(&json!({"a": {"$gt": u64::MAX}})).unwrap();
    assert!(!filter.matches(&json!({"a": i64::MAX})));
    assert!(!filter.matches(&json!({"a": f64::NAN})), "it becomes null");
}

#[test]
#[ignore = "writes pairs and answers to the file named by FILTER_PAIRS, for a comparison with another engine"]
fn write_pairs() {
    use std::io::Write;
    let path = std::env::var("FILTER_PAIRS").unwrap();
    let mut file = std::io::BufWriter::new(std::fs::File::create(path).unwrap());
    let mut write = |documents: &[Value], selector: &Value| {
        let filter = Filter::parse(selector).unwrap();
        let answers: Vec<bool> = documents.iter().map(|document| filter.matches(document)).collect();
        writeln!(file, "{}", json!({"documents": documents, "selector": selector, "answers": answers})).unwrap();
    };
    for (document, selector, _) in generate::cases() {
        write(&[document], &selector);
    }
    for seed in 0..1_000 {
        let round = generate::round(seed);
        for selector in &round.selectors {
            write(&round.documents, selector);
        }
    }
}
