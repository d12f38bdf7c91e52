//! POST /events/query: `MongoDB`'s selectors, on events of many kinds.

mod selectors;

use std::collections::BTreeSet;

use labtrail_tests::lab::Answer;

use super::{
    answers::refused,
    case::{Case, event, post, post_as, query, send},
    pair::Pair,
};
use selectors::{BAD, EVENTS, SELECTORS};

pub(super) fn scene(pair: &Pair) {
    pair.same(query("{}"));
    pair.same_all(|body: &str| event(body), EVENTS.iter().copied());
    pair.same_all(query, SELECTORS.iter().copied());
    bodies(pair);
    pair.same(send("POST", "/events/query", ""));
    for selector in BAD.iter().copied() {
        pair.accepted("bad-selector", query(selector), refused);
    }
    for selector in [r#"{"log_level": {"$bitsAllSet": 2}}"#, r#"{"$jsonSchema": {"required": ["trace_id"]}}"#] {
        pair.accepted("operators", query(selector), refused);
    }
    for selector in [
        r#"{"$where": "this.log_level > 10"}"#,
        r#"{"$and": [{"log_level": 20}, {"$where": "true"}]}"#,
        r#"{"$expr": {"$gt": ["$log_level", 10]}}"#,
        r#"{"$expr": {"$function": {"body": "function() {return true}", "args": [], "lang": "js"}}}"#,
    ] {
        pair.accepted("no-code-in-selectors", query(selector), refused);
    }
    in_the_url(pair);
}

fn bodies(pair: &Pair) {
    pair.accepted("not-finite", query(r#"{"a": NaN}"#), refused);
    pair.accepted("not-finite", query(r#"{"log_level": {"$lt": Infinity}}"#), refused);
    pair.same_all(
        query,
        ["", "null", "{", "nonsense", "{'a': 1}", "{} {}", "[{}", r#"{"log_level": 20, "log_level": 30}"#],
    );
    // What is not said to be JSON is a text, and no selector.
    pair.accepted("bad-selector", send("POST", "/events/query", "{}"), refused);
    pair.accepted("bad-selector", post_as("text/plain", "/events/query", "{}"), refused);
    for kind in ["application/json; charset=utf-8", "application/vnd.x+json"] {
        pair.same(Case { likeness: query("").likeness, ..post_as(kind, "/events/query", r#"{"log_level": 30}"#) });
    }
    pair.same(Case { target: "/events/query?number=1&selector=ignored".to_owned(), ..query(r#"{"log_level": 30}"#) });
}

/// As the client of 0.8.1 sends it, and as JSON.
fn in_the_url(pair: &Pair) {
    let found = |ids: &'static [&'static str]| {
        move |ours: &Answer| {
            if ours.status != 200 {
                return Err(format!("it is answered {}", ours.status));
            }
            let events = ours.json();
            let found: BTreeSet<_> = events.as_object().into_iter().flat_map(|events| events.keys().cloned()).collect();
            let ids: BTreeSet<_> = ids.iter().map(|id| (*id).to_owned()).collect();
            if found == ids { Ok(()) } else { Err(format!("{found:?} are found instead of {ids:?}")) }
        }
    };
    for (selector, ids) in [
        ("%7B%22log_level%22%3A%2030%7D", ["q02"].as_slice()),
        ("%7B%27log_level%27%3A+30%7D", &["q02"]),
        ("%7B%27log_level%27%3A+%7B%27%24gte%27%3A+50%7D%2C+%27alert%27%3A+True%7D", &["q17"]),
        ("%7B%27alert%27%3A+False%2C+%27log_level%27%3A+%7B%27%24in%27%3A+%5B40%2C+50%5D%7D%7D", &["q05"]),
        ("%7B%27event_data%27%3A+None%2C+%27event_type%27%3A+%27unknown%27%7D", &["q09"]),
        ("%7B%27event_data.message%27%3A+%22arm%5Cnbroken%22%7D", &["q03"]),
        ("%7B%27event_data.ratio%27%3A+1.0%7D", &["q02"]),
        ("%7B%27_id%27%3A+%7B%27%24in%27%3A+%28%27q01%27%2C+%27q02%27%29%7D%7D", &["q01", "q02"]),
    ] {
        let case = Case { target: format!("/events/query?selector={selector}"), ..send("POST", "", "") };
        pair.accepted("selector-in-url", case, found(ids));
    }
    for selector in ["", "nonsense", "%7B", "%7B%27a%27%3A+__import__%28%27os%27%29%7D"] {
        let case = Case { target: format!("/events/query?selector={selector}"), ..post("", "") };
        pair.accepted("selector-in-url", case, refused);
    }
}
