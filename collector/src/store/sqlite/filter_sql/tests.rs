//! The SQL finds all that matches, and what it finds in excess the matcher takes out again.

use std::collections::BTreeSet;

use labtrail_shared::filter::{Filter, generate};
use rusqlite::types::Value as SqlValue;
use rusqlite::{Connection, params, params_from_iter};
use serde_json::{Value, json};

use super::SqlFilter;

fn table() -> Connection {
    let connection = Connection::open_in_memory().unwrap();
    let columns = "seq INTEGER PRIMARY KEY, id TEXT UNIQUE, time INTEGER, received INTEGER, level INTEGER NOT NULL, \
         type TEXT NOT NULL, alert INTEGER NOT NULL, archived INTEGER NOT NULL, node_id TEXT NULL, timestamp TEXT NOT NULL, \
         source TEXT, data TEXT, trace_id TEXT NULL, span_id TEXT NULL, archived_at TEXT NULL, hash INTEGER";
    connection.execute(&format!("CREATE TABLE event({columns})"), []).unwrap();
    connection
}

fn fill(connection: &Connection, documents: &[Value]) {
    connection.execute("DELETE FROM event", []).unwrap();
    let mut insert = connection
        .prepare_cached(
            "INSERT INTO event(seq, id, level, type, alert, archived, node_id, timestamp, source, data, trace_id, span_id, \
             archived_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
        )
        .unwrap();
    for (seq, document) in documents.iter().enumerate() {
        let text = |key: &str| document[key].as_str();
        insert
            .execute(params![
                seq as i64,
                text("_id"),
                document["log_level"].as_i64(),
                text("event_type"),
                document["alert"].as_bool(),
                document["archived"].as_bool(),
                document["source"]["node_id"].as_str(),
                text("event_timestamp"),
                document["source"].to_string(),
                document["event_data"].to_string(),
                text("trace_id"),
                text("span_id"),
                text("archived_at"),
            ])
            .unwrap();
    }
}

/// Whether the SQL was exact. Fails if it does not keep its promises.
fn check(connection: &Connection, documents: &[Value], selector: &Value) -> bool {
    let filter = Filter::parse(selector).unwrap_or_else(|error| panic!("{selector}: {error}"));
    let sql = SqlFilter::new(&filter);
    let query = format!("SELECT seq FROM event WHERE {}", sql.where_sql);
    let mut statement = connection.prepare(&query).unwrap_or_else(|error| panic!("{selector}: {query}: {error}"));
    let rows = statement.query_map(params_from_iter(&sql.params), |row| row.get::<_, i64>(0)).unwrap();
    let found: BTreeSet<usize> = rows.map(|seq| seq.unwrap() as usize).collect();
    for (seq, document) in documents.iter().enumerate() {
        let (is_found, matches) = (found.contains(&seq), filter.matches(document));
        assert!(is_found || !matches, "not found: {selector}\n{document}\n{query} {:?}", sql.params);
        assert!(!sql.exact || is_found == matches, "not exact: {selector}\n{document}\n{query} {:?}", sql.params);
    }
    sql.exact
}

#[test]
fn the_sql_finds_all_that_matches() {
    let connection = table();
    let (mut pairs, mut exact) = (0, 0);
    let mut seed = 0;
    while pairs < 100_000 {
        let round = generate::event_round(seed);
        seed += 1;
        fill(&connection, &round.documents);
        for selector in &round.selectors {
            exact += usize::from(check(&connection, &round.documents, selector));
            pairs += round.documents.len();
        }
    }
    // Otherwise the proof would be about `1`, or about columns alone.
    let selectors = pairs / 20;
    assert!((selectors / 10..selectors * 9 / 10).contains(&exact), "{exact} of {selectors} selectors are exact");
}

fn event(data: &Value) -> Value {
    json!({
        "_id": data.to_string(), "event_type": "log_info", "log_level": 20, "alert": false, "event_timestamp": "2026-01-02T03:04:05",
        "source": {}, "event_data": data, "trace_id": null, "span_id": null, "archived": false, "archived_at": null,
    })
}

/// Lets a selector for plain documents ask about `event_data`.
fn below_event_data(selector: &Value) -> Value {
    let Value::Object(entries) = selector else { return selector.clone() };
    let entries = entries.iter().map(|(key, value)| match key.as_str() {
        "$and" | "$or" | "$nor" => (key.clone(), value.as_array().unwrap().iter().map(below_event_data).collect()),
        "$comment" => (key.clone(), value.clone()),
        path => (format!("event_data.{path}"), value.clone()),
    });
    Value::Object(entries.collect())
}

#[test]
fn the_hand_written_cases_hold_within_event_data() {
    let connection = table();
    for (document, selector, expected) in generate::cases() {
        let documents = [event(&document)];
        let selector = below_event_data(&selector);
        assert_eq!(Filter::parse(&selector).unwrap().matches(&documents[0]), expected, "{selector}");
        fill(&connection, &documents);
        check(&connection, &documents, &selector);
    }
}

#[test]
fn odd_values_and_names_are_found() {
    let connection = table();
    let values = [
        json!("nul\0nul"),
        json!("nul"),
        json!("nul\u{1}"),
        json!(u64::MAX),
        json!(i64::MAX),
        json!(i64::MIN),
        json!(0.1),
        json!(1.797_693_134_862_315_7e308),
        json!(5e-324),
        json!(-0.0),
        json!(f64::MIN_POSITIVE),
        json!(9_007_199_254_740_993_i64),
        json!(123_456_789_012_345_678_i64),
        json!(0.123_456_789_012_345_68),
        json!([1]),
        json!([]),
        json!({}),
        json!(true),
        json!(null),
    ];
    let names = ["a", "a b", "\"", "it's", "\\", "é", "0", "$", "[0]", "#-1", "a\tb", "\u{1F600}", "{", "?"];
    let documents: Vec<Value> = values
        .iter()
        .map(|value| event(&json!({"v": value})))
        .chain(names.iter().map(|name| event(&json!({"v": {*name: 1}}))))
        .collect();
    fill(&connection, &documents);
    for value in &values {
        for operator in ["$eq", "$ne", "$gt", "$gte", "$lt", "$lte"] {
            check(&connection, &documents, &json!({"event_data.v": {operator: value}}));
            check(&connection, &documents, &json!({"event_data.v": {"$not": {operator: value}}}));
        }
    }
    for name in names {
        check(&connection, &documents, &json!({format!("event_data.v.{name}"): 1}));
        check(&connection, &documents, &json!({format!("event_data.v.{name}"): {"$exists": false}}));
    }
}

#[test]
fn columns_are_compared_bare() {
    let check = |selector: Value, sql: &str, params: Vec<SqlValue>| {
        let expected = SqlFilter { where_sql: sql.to_owned(), params, exact: true };
        assert_eq!(SqlFilter::new(&Filter::parse(&selector).unwrap()), expected, "{selector}");
    };
    let text = |text: &str| SqlValue::Text(text.to_owned());
    check(json!({}), "1", vec![]);
    check(json!({"log_level": {"$gte": 40}}), "level >= ?", vec![SqlValue::Integer(40)]);
    check(json!({"event_type": {"$in": ["b", "a", 5]}}), "type IN (?, ?)", vec![text("a"), text("b")]);
    check(
        json!({"source.node_id": "N", "alert": true}),
        "(node_id = ?) AND (alert = ?)",
        vec![text("N"), SqlValue::Integer(1)],
    );
    check(json!({"trace_id": {"$ne": null}}), "(trace_id IS NULL) IS NOT TRUE", vec![]);
    check(json!({"unknown": 1}), "0", vec![]);
    check(json!({"log_level.x": null}), "1", vec![]);
}

#[test]
fn json_is_never_exact_and_never_silent() {
    let sql = SqlFilter::new(&Filter::parse(&json!({"event_data.code": "E42"})).unwrap());
    assert!(!sql.exact);
    assert!(sql.where_sql.contains("json_extract(data, ?) = ?"), "{}", sql.where_sql);
}

#[test]
fn filters_beyond_what_sqlite_takes_are_left_to_the_matcher() {
    let connection = table();
    let documents = [event(&json!({"v": 1}))];
    fill(&connection, &documents);
    let ids: Vec<String> = (0..40_000).map(|number| number.to_string()).collect();
    let clauses: Vec<Value> = (0..2_000).map(|number| json!({"log_level": {"$gt": number}})).collect();
    for selector in [json!({"_id": {"$in": ids}}), json!({"$or": clauses}), json!({"$nor": clauses})] {
        assert!(!check(&connection, &documents, &selector));
    }
    assert!(check(&connection, &documents, &json!({"_id": {"$in": ids[..20_000]}})));
    assert!(check(&connection, &documents, &json!({"$or": clauses[..800]})));
}
