//! MADSci's clients find the routes and the answers that they know.

use labtrail_tests::lab::{Lab, wait_until};
use serde_json::{Value, json};

const ID: &str = "01JDCXR1V2M3N4P5Q6R7S8T9VA";

fn event() -> Value {
    json!({
        "event_id": ID,
        "event_type": "log_error",
        "log_level": 40,
        "alert": false,
        "event_timestamp": "2026-11-23T09:18:44.331566",
        "source": {"node_id": "01JDCXR1V2M3N4P5Q6R7S8T9VB"},
        "event_data": {"message": "gripper lost the plate", "plate": 7},
    })
}

#[test]
fn a_posted_event_is_found_on_every_route() {
    let lab = Lab::new();
    let collector = lab.collector();
    let posted = collector.post_json("/event", &event());
    assert_eq!((posted.status, &posted.json()["_id"]), (200, &json!(ID)), "{}", posted.text);
    collector.post_json("/event", &json!({"log_level": "INFO", "event_data": {"plate": 8}}));

    let by_id = collector.get(&format!("/event/{ID}"), &[]).json();
    assert_eq!(by_id, posted.json());
    assert_eq!(by_id["event_data"], event()["event_data"]);
    assert_eq!(by_id.get("_labtrail"), None, "what is ours is not shown to MADSci");
    let keys = |answer: Value| answer.as_object().expect("an object by id").keys().cloned().collect::<Vec<_>>();
    assert_eq!(keys(collector.get("/events", &[("level", "40")]).json()), [ID]);
    assert_eq!(keys(collector.get("/events", &[("number", "10")]).json()).len(), 2);
    let selector = json!({"event_data.plate": {"$lte": 7}, "event_type": "log_error"});
    assert_eq!(keys(collector.post_json("/events/query", &selector).json()), [ID]);
    assert_eq!(collector.search(&[("q", "gripper")])[0].id(), ID);
    let metrics = collector.get("/metrics", &[]);
    assert!(metrics.text.contains("labtrail_") && metrics.text.ends_with("# EOF\n"), "{}", metrics.text);
}

#[test]
fn an_event_that_a_client_both_posts_and_writes_to_its_log_is_stored_once() {
    let lab = Lab::new();
    lab.write("logs/node.log", format!("{}\nplain text between\n", event()));
    let collector = lab.collector();
    collector.post_json("/event", &event());
    let mut agent = lab.agent(&collector, &[("logs", "")]);
    collector.wait_for_events(2);
    agent.stop();
    collector.post_json("/event", &event());
    assert_eq!(collector.total_events(), Some(2));
    assert!(collector.dead_letters().is_empty());
}

/// Lists have no end of their own: one that takes too long is cut off, so that its reader notices.
#[test]
fn a_list_that_takes_too_long_is_cut_off() {
    let lab = Lab::new();
    let collector = lab.collector_with("[search]\nlist_time_max = \"1ms\"\n");
    let lines: Vec<String> = (0..5000).map(|number| json!({"_id": format!("e{number}")}).to_string()).collect();
    collector.post("/api/v1/events", &[("content-type", "application/x-ndjson")], lines.join("\n").as_bytes());
    // A hundred are no long list, but a computer may be busy with something else for a millisecond.
    wait_until("a short one is sent whole", || {
        let answer = collector.try_get("/events", &[("number", "100")]).ok()?;
        (answer.json().as_object()?.len() == 100).then_some(())
    });
    let all = collector.try_get("/events", &[("number", "0")]);
    assert!(all.is_err(), "it must not look complete: {:?}", all.map(|answer| answer.text.len()));
}
