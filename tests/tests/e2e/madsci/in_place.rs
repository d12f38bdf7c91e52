//! One database under both servers: ours on a database that MADSci made, MADSci's on one that ours made, and both at once.

use labtrail_tests::{
    lab::{Api, DEADLINE, Lab, poll, wait_until},
    services::{MadsciServer, Mongod},
};
use serde_json::{Value, json};

use super::collector_on;

#[test]
fn madscis_server_starts_on_our_database_and_both_answer_alike() {
    let lab = Lab::new();
    let mut collector = collector_on(&lab, "made_by_labtrail");
    tell(&collector);
    collector.stop();
    let madsci = MadsciServer::start(&Mongod::shared().url(), "made_by_labtrail", &[]);
    collector.start();
    collector.wait_until_ready();
    check_alike(&madsci, &collector);
    check_living_together(&madsci, &collector);
}

#[test]
fn our_collector_opens_madscis_database_and_both_answer_alike() {
    let lab = Lab::new();
    let madsci = MadsciServer::start(&Mongod::shared().url(), "made_by_madsci", &[]);
    tell(&madsci);
    let collector = collector_on(&lab, "made_by_madsci");
    check_alike(&madsci, &collector);
    check_living_together(&madsci, &collector);
    // What ours adds to a database does not keep MADSci's server from starting again.
    drop(madsci);
    let madsci = MadsciServer::start(&Mongod::shared().url(), "made_by_madsci", &[]);
    check_alike(&madsci, &collector);
}

#[test]
fn madscis_server_starts_on_a_database_that_nobody_wrote_into() {
    let lab = Lab::new();
    let collector = collector_on(&lab, "made_empty");
    let madsci = MadsciServer::start(&Mongod::shared().url(), "made_empty", &[]);
    check_alike(&madsci, &collector);
    check_living_together(&madsci, &collector);
}

/// Events of all kinds, some of them archived.
fn tell(api: &Api) {
    for number in 0..40 {
        let told = json!({
            "_id": format!("told {number:02}"),
            "event_type": if number % 3 == 0 { "node_error" } else { "log_info" },
            "log_level": ([10, 20, 30, 40, 50][number % 5]),
            "alert": number % 10 == 0,
            "event_timestamp": format!("2026-07-{:02}T12:00:00{}", number % 28 + 1, ["", ".5", "Z", "+02:00"][number % 4]),
            "source": if number % 2 == 0 { json!({"node_id": "01JDCXR1V2M3N4P5Q6R7S8N001"}) } else { json!({}) },
            "event_data": ([json!({"number": number, "z": 1, "a": {"ü": [1.0, null]}}), json!("text"), json!(number), json!(null)][number % 4]),
            "trace_id": if number % 7 == 0 { json!("trace") } else { json!(null) },
        });
        posted(api, "/event", &told);
    }
    let archived = posted(api, "/events/archive", &json!({"event_ids": ["told 03", "told 04", "told 05", "nobody"]}));
    assert_eq!(archived["archived_count"], 3);
    posted(api, "/events/archive", &json!({"before_date": "2026-07-02T00:00:00"}));
    posted(
        api,
        "/event",
        &json!({"_id": "came archived", "archived": true, "archived_at": "2026-07-01T00:00:00Z", "event_timestamp": "2026-07-30"}),
    );
}

#[track_caller]
fn posted(api: &Api, path: &str, body: &Value) -> Value {
    let answer = api.post_json(path, body);
    assert_eq!(answer.status, 200, "{path} {body}: {}", answer.text);
    answer.json()
}

#[track_caller]
fn asked(api: &Api, path: &str) -> Value {
    let answer = api.get(path, &[]);
    assert_eq!(answer.status, 200, "{path}: {}", answer.text);
    answer.json()
}

/// The same answers from both, as sets: events of one instant may stand in any order. What MADSci's server wrote is in
/// ours a moment later.
#[track_caller]
fn check_alike(theirs: &Api, ours: &Api) {
    let mut difference = None;
    let are_alike = poll(DEADLINE, || {
        difference = difference_between(theirs, ours);
        difference.is_none().then_some(())
    });
    assert!(are_alike.is_some(), "{}", difference.unwrap_or_default());
}

fn difference_between(theirs: &Api, ours: &Api) -> Option<String> {
    let words = |what: &str, theirs: &Value, ours: &Value| {
        let only = |all: &Value, of: &Value| {
            let all = all.as_object().into_iter().flatten();
            let only = all.filter(|(id, event)| of.get(id.as_str()) != Some(*event));
            only.take(3).map(|(_, event)| event.to_string()).collect::<Vec<_>>().join("\n    ")
        };
        let words = || {
            format!("{what}\n  only MADSci's:\n    {}\n  only ours:\n    {}", only(theirs, ours), only(ours, theirs))
        };
        (theirs != ours).then(words)
    };
    let total = |api: &Api| json!({"total": asked(api, "/health")["total_events"]});
    let total = words("/health", &total(theirs), &total(ours));
    let paths = [
        "/events?number=1000",
        "/events?number=1000&include_archived=true",
        "/events?number=1000&level=40",
        "/events?start_time=2026-07-10T00:00:00&end_time=2026-07-20T00:00:00&number=1000",
        "/events/archived?number=1000",
    ];
    let lists = paths.iter().find_map(|path| words(path, &asked(theirs, path), &asked(ours, path)));
    let selectors = [
        json!({}),
        json!({"event_type": "node_error"}),
        json!({"event_data.number": {"$gte": 20}}),
        json!({"source.node_id": "01JDCXR1V2M3N4P5Q6R7S8N001", "log_level": {"$in": [10, 50]}}),
        json!({"archived": true}),
        json!({"archived_at": {"$ne": null}}),
        json!({"trace_id": "trace"}),
    ];
    let queries = selectors.iter().find_map(|selector| {
        let theirs = without_ours(posted(theirs, "/events/query", selector));
        words(&selector.to_string(), &theirs, &posted(ours, "/events/query", selector))
    });
    let singly = || {
        let all = asked(ours, "/events?number=1000&include_archived=true");
        all.as_object().expect("events by id").keys().find_map(|id| {
            let path = format!("/event/{}", id.replace(' ', "%20"));
            let (theirs, ours) = (json!({"event": event(theirs, &path)}), json!({"event": event(ours, &path)}));
            words(&path, &theirs, &ours)
        })
    };
    total.or(lists).or(queries).or_else(singly)
}

/// One event.
#[track_caller]
fn event(api: &Api, path: &str) -> Value {
    without_ours(json!({"event": asked(api, path)}))["event"].take()
}

/// MADSci's server gives to some questions whatever is stored, and so the field that is ours. Its clients drop what they
/// do not know.
fn without_ours(mut events: Value) -> Value {
    for event in events.as_object_mut().expect("events by id").values_mut() {
        event.as_object_mut().expect("an event").remove("_labtrail");
    }
    events
}

/// What one takes, the other gives; what one archives or purges, the other has no longer.
#[track_caller]
fn check_living_together(theirs: &Api, ours: &Api) {
    for (number, (giver, taker)) in [(theirs, ours), (ours, theirs)].into_iter().enumerate() {
        let id = format!("shared-{number}");
        let given = json!({"_id": id, "event_timestamp": "2026-08-01T00:00:00", "event_data": {"from": number}});
        let taken = posted(giver, "/event", &given);
        let path = format!("/event/{id}");
        assert_eq!(event(taker, &path), taken);
        // A duplicate for whoever else it is given to.
        posted(taker, "/event", &json!({"_id": id, "event_data": "something else"}));
        assert_eq!(event(giver, &path), taken);
        let archived = posted(taker, "/events/archive", &json!({"event_ids": [id]}));
        assert_eq!(archived["archived_count"], 1);
        assert_eq!(event(giver, &path), event(taker, &path));
        wait_until("it is the latest of the archived", || {
            (asked(giver, "/events/archived?number=1").get(&id) == Some(&event(taker, &path))).then_some(())
        });
        check_alike(theirs, ours);
        let answer = giver.request("DELETE", "/events/archived?older_than_days=365", &[], b"");
        assert_eq!(answer.status, 200, "{}", answer.text);
        check_alike(theirs, ours);
    }
}
