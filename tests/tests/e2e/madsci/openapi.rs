//! Our description of the interface covers MADSci's own, so that whatever is made from one works with the other.

use std::collections::BTreeMap;

use labtrail_tests::{
    lab::Lab,
    services::{MadsciServer, Mongod},
};
use serde_json::Value;

use super::collector_on;

#[test]
fn our_description_covers_madscis() {
    let lab = Lab::new();
    let madsci = MadsciServer::start(&Mongod::shared().url(), "openapi_madsci", &[]);
    let collector = collector_on(&lab, "openapi_labtrail");
    let (theirs, ours) = (madsci.get("/openapi.json", &[]).json(), collector.get("/openapi.json", &[]).json());
    let mut missing = Vec::new();
    for (path, methods) in theirs["paths"].as_object().expect("a description has paths") {
        let our_methods = &ours["paths"][our_path(path, &ours)];
        for (method, operation) in methods.as_object().expect("a path has methods") {
            let our_operation = &our_methods[method];
            if our_operation.is_null() {
                missing.push(format!("{method} {path}"));
                continue;
            }
            let (their_parameters, our_parameters) = (parameters(operation), parameters(our_operation));
            for (place, is_required) in their_parameters {
                if our_parameters.get(&place) != Some(&is_required) {
                    let found = our_parameters.get(&place);
                    missing
                        .push(format!("{method} {path}: parameter {place:?} required {is_required}, ours {found:?}"));
                }
            }
            for part in ["requestBody"] {
                if operation.get(part).is_some() != our_operation.get(part).is_some() {
                    missing.push(format!("{method} {path}: {part}"));
                }
            }
            for status in operation["responses"].as_object().expect("an operation has responses").keys() {
                if our_operation["responses"].get(status).is_none() {
                    missing.push(format!("{method} {path}: response {status}"));
                }
            }
        }
    }
    for name in theirs["components"]["schemas"].as_object().expect("a description has schemas").keys() {
        if ours["components"]["schemas"].get(name).is_none() {
            missing.push(format!("schema {name}"));
        }
    }
    assert!(missing.is_empty(), "ours lacks:\n{}", missing.join("\n"));
}

/// Ours may call a parameter in the path otherwise.
fn our_path<'a>(path: &'a str, ours: &'a Value) -> &'a str {
    let is_same = |ours: &str| {
        ours.split('/').count() == path.split('/').count()
            && ours
                .split('/')
                .zip(path.split('/'))
                .all(|(ours, theirs)| ours == theirs || (ours.starts_with('{') && theirs.starts_with('{')))
    };
    let paths = ours["paths"].as_object().expect("a description has paths");
    paths.keys().map(String::as_str).find(|ours| is_same(ours)).unwrap_or(path)
}

/// By place and name whether it is required. The name of one in the path is nobody's business.
fn parameters(operation: &Value) -> BTreeMap<(String, String), bool> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let parameters = operation["parameters"].as_array().into_iter().flatten();
    parameters
        .map(|parameter| {
            let (place, name) = (text(&parameter["in"]), text(&parameter["name"]));
            let name = if place == "path" { String::new() } else { name };
            ((place, name), parameter["required"].as_bool().unwrap_or(false))
        })
        .collect()
}
