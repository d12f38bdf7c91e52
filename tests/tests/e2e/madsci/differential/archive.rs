//! POST /events/archive, GET and DELETE /events/archived.

use labtrail_tests::lab::Answer;
use serde_json::Value;

use super::{
    answers::refused,
    case::{Case, delete, event, get, post, post_as, send},
    pair::Pair,
};

pub(super) fn scene(pair: &Pair) {
    pair.same(get("/events/archived"));
    pair.same(delete("/events/archived"));
    for number in 0..30 {
        pair.same(event(format!(
            r#"{{"_id": "a{number:02}", "event_timestamp": "2026-06-{:02}T12:00:00", "source": {{}}}}"#,
            number + 1
        )));
    }
    wrong_requests(pair);
    by_ids(pair);
    by_date(pair);
    listed(pair);
    purged(pair);
}

fn archive(body: impl Into<Vec<u8>>) -> Case {
    post("/events/archive", body)
}

fn wrong_requests(pair: &Pair) {
    pair.same_all(
        archive,
        [
            "{}",
            "",
            "null",
            "[]",
            "1",
            "\"text\"",
            "{",
            r#"{"event_ids": []}"#,
            r#"{"event_ids": null}"#,
            r#"{"event_ids": null, "before_date": null}"#,
            r#"{"event_ids": "a00"}"#,
            r#"{"event_ids": [1]}"#,
            r#"{"event_ids": [null, "a00"]}"#,
            r#"{"event_ids": {}}"#,
            r#"{"event_ids": ["nobody"], "batch_size": "x"}"#,
            r#"{"event_ids": ["nobody"], "batch_size": 1.5}"#,
            r#"{"event_ids": ["nobody"], "batch_size": true}"#,
            r#"{"event_ids": ["nobody"], "batch_size": []}"#,
            r#"{"event_ids": ["nobody"], "before_date": "x"}"#,
            r#"{"before_date": "yesterday"}"#,
            r#"{"before_date": ""}"#,
            r#"{"before_date": true}"#,
            r#"{"before_date": []}"#,
            r#"{"before_date": "2026-13-01"}"#,
            r#"{"batch_size": 5}"#,
            r#"{"nothing": 1}"#,
            r#"{"event_ids": 1, "before_date": 2, "batch_size": "x"}"#,
        ],
    );
    pair.same(post_as("text/plain", "/events/archive", r#"{"event_ids": ["a00"]}"#));
    pair.same(send("POST", "/events/archive", ""));
    for body in [
        r#"{"event_ids": ["nobody"], "batch_size": 99999999999999999999}"#,
        r#"{"before_date": "2020-01-01", "batch_size": 9223372036854775808}"#,
    ] {
        pair.accepted("out-of-range", archive(body), refused);
    }
}

fn by_ids(pair: &Pair) {
    pair.same_all(
        archive,
        [
            r#"{"event_ids": ["nobody"]}"#,
            r#"{"event_ids": ["a00"]}"#,
            r#"{"event_ids": ["a00"]}"#,
            r#"{"event_ids": ["a00", "a01", "a01", "nobody"]}"#,
            r#"{"event_ids": ["a02"], "batch_size": 1}"#,
            r#"{"event_ids": ["a03"], "batch_size": 0}"#,
            r#"{"event_ids": ["a04"], "batch_size": "7"}"#,
            r#"{"event_ids": ["a05"], "batch_size": 2.0}"#,
            r#"{"event_ids": ["a06"], "batch_size": null}"#,
            r#"{"event_ids": ["a07"], "before_date": "2020-01-01"}"#,
            r#"{"event_ids": ["a08"], "before_date": null, "nothing": 1}"#,
            r#"{"event_ids": [""]}"#,
        ],
    );
    pair.same_all(
        get,
        ["/event/a00", "/event/a08", "/event/a09", "/events?number=3", "/events?include_archived=true&number=100"],
    );
    let all = archive(r#"{"event_ids": ["a09", "a10", "a11", "a12", "a13", "a14"], "batch_size": 4}"#);
    pair.accepted("archive-all-ids", all, counted(6));
    // What MADSci left out, so that both hold the same again.
    pair.theirs
        .post_json("/events/archive", &serde_json::json!({"event_ids": ["a09", "a10", "a11", "a12", "a13", "a14"]}));
}

fn counted(count: u64) -> impl Fn(&Answer) -> Result<(), String> {
    move |ours| {
        let answer: Value = serde_json::from_str(&ours.text).unwrap_or_default();
        let is_so =
            ours.status == 200 && answer["archived_count"].as_u64().or(answer["deleted_count"].as_u64()) == Some(count);
        if is_so { Ok(()) } else { Err(format!("it is answered {} {} instead of {count}", ours.status, ours.text)) }
    }
}

fn by_date(pair: &Pair) {
    pair.same_all(
        archive,
        [
            r#"{"before_date": "2026-06-16T12:00:00"}"#,
            r#"{"before_date": "2026-06-16T12:00:00.000001"}"#,
            r#"{"before_date": "2026-06-18"}"#,
            r#"{"before_date": "2026-06-18"}"#,
            r#"{"before_date": "2026-06-19T00:00:00Z"}"#,
            r#"{"before_date": "2026-06-20T00:00:00+02:00"}"#,
            r#"{"before_date": 1781960400}"#,
            r#"{"before_date": "1782046800"}"#,
            r#"{"before_date": "2026-06-25", "batch_size": 2}"#,
            r#"{"before_date": "2026-06-25 12:00", "event_ids": []}"#,
            r#"{"before_date": "2020-01-01", "batch_size": 5}"#,
        ],
    );
    pair.same(get("/events?number=100"));
    // Noon in UTC is after 13:00 in a zone two hours ahead, and not before it as a text.
    let instant = archive(r#"{"before_date": "2026-06-26T13:59:00+02:00"}"#);
    pair.accepted("times-are-instants", instant, counted(1));
    for api in [&*pair.theirs, &*pair.ours] {
        api.post_json("/events/archive", &serde_json::json!({"before_date": "2026-06-26T13:00:00"}));
    }
    pair.same(get("/events?number=100"));
}

fn listed(pair: &Pair) {
    pair.same_all(
        |query: &str| get(format!("/events/archived?{query}")),
        [
            "number=x",
            "number=",
            "number=1.5",
            "offset=x",
            "offset=1000",
            "number=x&offset=y",
            "number=0&offset=1000",
            "number=true",
            "nothing=1&number=1&offset=26",
            "number=1&offset=25",
            "number=-1&offset=26",
        ],
    );
    for query in ["offset=-1", "number=9223372036854775808", "offset=9223372036854775808"] {
        pair.accepted("out-of-range", get(format!("/events/archived?{query}")), refused);
    }
    // Those that were archived in one call have the same time, and may stand in any order.
    pair.same(Case { likeness: super::case::Likeness::AsSet, ..get("/events/archived") });
    pair.same(Case { likeness: super::case::Likeness::AsSet, ..get("/events/archived?number=0") });
    pair.same_all(|id: &str| archive(format!(r#"{{"event_ids": ["{id}"]}}"#)), ["a27", "a29", "a28"]);
    pair.same_all(
        |query: &str| get(format!("/events/archived?{query}")),
        [
            "number=1",
            "number=2",
            "number=3",
            "number=-2",
            "number=1&offset=1",
            "number=1&offset=2",
            "offset=1&number=2",
        ],
    );
    pair.same(get("/events?number=100"));
}

fn purged(pair: &Pair) {
    pair.same_all(
        |query: &str| delete(format!("/events/archived?{query}")),
        [
            "",
            "older_than_days=365",
            "older_than_days=1",
            "older_than_days=x",
            "older_than_days=",
            "older_than_days=1.5",
            "older_than_days=1.0",
            "older_than_days=true",
            "older_than_days=%201",
            "older_than_days=1&older_than_days=2",
            "nothing=1",
            "older_than_days=30000",
        ],
    );
    for days in ["99999999", "-99999999", "9223372036854775808", "99999999999999999999", "1000000000"] {
        pair.accepted("out-of-range", delete(format!("/events/archived?older_than_days={days}")), refused);
    }
    pair.same(delete("/events/archived?older_than_days=0"));
    pair.same_all(get, ["/events/archived", "/event/a00", "/events?include_archived=true"]);
    for (id, at) in
        [("p1", r#""2020-01-01T00:00:00Z""#), ("p2", r#""2020-01-01T00:00:00""#), ("p3", "null"), ("p4", "1577836800")]
    {
        pair.same(event(format!(r#"{{"_id": "{id}", "archived": true, "archived_at": {at}, "source": {{}}, "event_timestamp": "2020-01-01"}}"#)));
    }
    pair.same(archive(r#"{"event_ids": ["a26", "p1"]}"#));
    pair.accepted("purge-what-came-archived", delete("/events/archived?older_than_days=365"), counted(3));
    pair.accepted_if("purge-what-came-archived", pair.ours.get("/event/p1", &[]).status == 404, "p1 is still there");
    let all = delete("/events/archived?older_than_days=-1");
    pair.accepted("purge-what-came-archived", all, counted(2));
    pair.same(get("/event/a26"));
    pair.same(get("/events?number=100"));
}
