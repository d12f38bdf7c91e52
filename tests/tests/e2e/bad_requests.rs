//! Requests that are wrong: each is told what is wrong and what would be right, and none does harm.

use std::{
    io::{self, Read, Write},
    net::{Shutdown, TcpStream},
    thread,
    time::Duration,
};

use labtrail_tests::lab::{Answer, Collector, Lab};
use serde_json::{Value, json};

const BATCH: &str = "application/vnd.labtrail.batch+ndjson";
const BIG: usize = 100 << 20;
/// A request that is too large may cost what a body may be at most, and what reading it takes; not what was sent.
const MEMORY_GROWTH_MAX: u64 = 80 << 20;

/// It is the sender's fault, the answer is a problem document, and says each of `words`.
#[track_caller]
fn check(answer: &Answer, status: u16, words: &[&str]) {
    assert_eq!(answer.status, status, "{}", answer.text);
    for words in words {
        assert!(answer.text.contains(words), "{}\nwithout: {words}", answer.text);
    }
}

/// Whatever came before, the collector answers and stores.
#[track_caller]
fn check_works(collector: &Collector) {
    let before = collector.total_events().expect("the collector answers");
    let answer = collector.post_json("/api/v1/events", &json!([{"event_data": {"message": "still alive"}}]));
    assert_eq!(answer.json()["accepted"], 1, "{}", answer.text);
    assert_eq!(collector.total_events(), Some(before + 1));
}

#[test]
fn questions_that_cannot_be_answered_are_told_why() {
    let lab = Lab::new();
    let collector = lab.collector();
    let check = |query: &[(&str, &str)], words: &[&str]| {
        let answer = collector.get("/api/v1/events", query);
        check(&answer, 400, words);
        let problem = answer.json();
        assert_eq!(problem["status"], 400);
        assert!(problem["type"].is_string() && problem["title"].is_string() && problem["detail"].is_string());
    };
    check(&[("filter", "{not json")], &["filter", "not JSON"]);
    check(&[("filter", "[]")], &["filter", "object"]);
    check(&[("filter", r#"{"a": {"$foo": 1}}"#)], &["$foo", "/a/$foo"]);
    check(&[("filter", r#"{"$and": [{"a": 1}, {"b": {"$foo": 1}}]}"#)], &["$foo", "/$and/1/b/$foo"]);
    check(&[("filter", r#"{"$where": "sleep(1000)"}"#)], &["$where", "refused", "no code"]);
    check(&[("filter", r#"{"a": {"$in": 3}}"#)], &["$in", "array"]);
    check(&[("filter", r#"{"a": {"$regex": "("}}"#)], &["/a/$regex"]);
    check(&[("filter", &format!("{}1{}", r#"{"a":"#.repeat(500), "}".repeat(500)))], &["filter"]);
    check(&[("level", "LOUD")], &["level", "LOUD", "WARNING"]);
    check(&[("limit", "0")], &["limit", "1 to 10000"]);
    check(&[("limit", "10001")], &["limit", "1 to 10000"]);
    check(&[("limit", "many")], &["limit", "many"]);
    check(&[("from", "yesterday")], &["from", "yesterday", "ISO 8601"]);
    check(&[("to", "2026-13-01")], &["to", "2026-13-01"]);
    check(&[("order", "up")], &["order", "desc or asc"]);
    check(&[("cursor", "%%%")], &["cursor"]);
    check(&[("cursor", "AAAA")], &["cursor"]);
    check(&[("lvl", "ERROR")], &["lvl", "level"]);
    check(&[("limit", "5"), ("limit", "6")], &["limit", "more than once"]);
    check(&[("limit", "x"), ("level", "y")], &["?limit", "?level"]);
    check_works(&collector);
}

#[test]
fn a_cursor_belongs_to_its_question() {
    let lab = Lab::new();
    let collector = lab.collector();
    let events: Vec<Value> =
        (0..5).map(|number| json!({"event_data": {"message": format!("event {number}")}})).collect();
    collector.post_json("/api/v1/events", &events.into());
    let page = collector.get("/api/v1/events", &[("limit", "2")]).json();
    let cursor = page["next_cursor"].as_str().expect("there is more");
    check(
        &collector.get("/api/v1/events", &[("limit", "2"), ("cursor", cursor), ("level", "ERROR")]),
        400,
        &["cursor"],
    );
    check(&collector.get("/api/v1/events", &[("limit", "2"), ("cursor", cursor)]), 200, &["event"]);
}

#[test]
fn bodies_that_are_no_events_are_told_why() {
    let lab = Lab::new();
    let collector = lab.collector();
    let post = |kind: &str, body: &[u8]| collector.post("/api/v1/events", &[("content-type", kind)], body);
    check(&post("application/json", b"{\"event_data\": "), 400, &["not JSON"]);
    check(&post("application/json", b"\xFF\xFE\0"), 400, &["not JSON"]);
    check(&post("application/json", "[".repeat(100_000).as_bytes()), 400, &["JSON"]);
    check(&post("text/csv", b"a,b"), 415, &["text/csv", "application/json"]);
    check(&post(BATCH, b"no envelope\n"), 400, &["batch"]);
    let newer = br#"{"labtrail":99,"agent":"a","something":"that version 1 does not have"}"#;
    check(&post(BATCH, newer), 400, &["version 99", "update"]);
    let packed =
        collector.post("/api/v1/events", &[("content-type", BATCH), ("content-encoding", "zstd")], b"not zstd");
    check(&packed, 400, &["zstd"]);
    let packed = collector.post("/api/v1/events", &[("content-type", BATCH), ("content-encoding", "br")], b"x");
    check(&packed, 415, &["br", "zstd"]);
    assert_eq!(collector.total_events(), Some(0));

    // MADSci's routes answer as its server does.
    let madsci = |path: &str, body: &[u8]| collector.post(path, &[("content-type", "application/json")], body);
    check(&madsci("/event", b"{"), 422, &["detail"]);
    check(&madsci("/event", b"{\"log_level\": \"LOUD\"}"), 422, &["detail", "log_level"]);
    check(&madsci("/events/query", b"{\"a\": {\"$foo\": 1}}"), 400, &["$foo"]);
    check(&collector.get("/event/no-such-event", &[]), 404, &["no-such-event"]);
    check(&collector.get("/api/v1/nothing", &[]), 404, &[]);
    check_works(&collector);
}

#[test]
fn one_bad_event_among_good_ones_is_kept_aside_and_the_others_are_stored() {
    let lab = Lab::new();
    let collector = lab.collector();
    let body = "{\"event_data\":{\"message\":\"good\"}}\n{broken\n{\"log_level\":\"LOUD\"}\n{\"event_data\":{\"message\":\"good too\"}}\n";
    let answer = collector.post("/api/v1/events", &[("content-type", "application/x-ndjson")], body.as_bytes());
    check(&answer, 200, &[]);
    let receipt = answer.json();
    assert_eq!((&receipt["accepted"], receipt["refused"].as_array().map(Vec::len)), (&json!(2), Some(2)), "{receipt}");
    assert_eq!(collector.total_events(), Some(2));
    let mut letters: Vec<Value> = collector.dead_letters().iter().map(|letter| letter["text"].clone()).collect();
    letters.sort_by_key(Value::to_string);
    assert_eq!(letters, ["{\"log_level\":\"LOUD\"}", "{broken"]);
}

#[test]
fn bodies_that_are_too_large_are_refused_and_cost_no_memory() {
    let lab = Lab::new();
    let mut collector = lab.collector();
    check_works(&collector);
    let before = collector.process().memory_peak();

    let head = format!("POST /api/v1/events HTTP/1.1\r\nhost: x\r\ncontent-type: {BATCH}\r\n");
    let announced = format!("{head}content-length: {BIG}\r\n\r\n");
    check(&send_raw(&collector, &announced, BIG, <[u8]>::to_vec), 413, &["body_bytes_max"]);
    let chunked = format!("{head}transfer-encoding: chunked\r\n\r\n");
    let frame = |chunk: &[u8]| [format!("{:x}\r\n", chunk.len()).as_bytes(), chunk, b"\r\n"].concat();
    check(&send_raw(&collector, &chunked, BIG, frame), 413, &["body_bytes_max"]);

    // A few kilobytes that would be a gigabyte.
    let bomb = zstd::encode_all(io::repeat(b'\n').take(1 << 30), 1).unwrap();
    assert!(bomb.len() < 200 << 10, "the bomb is small: {}", bomb.len());
    let headers = [("content-type", BATCH), ("content-encoding", "zstd")];
    check(&collector.post("/api/v1/events", &headers, &bomb), 413, &["body_bytes_max"]);

    let growth = collector.process().memory_peak() - before;
    assert!(growth < MEMORY_GROWTH_MAX, "memory grew by {} MiB", growth >> 20);
    check_works(&collector);
}

/// Sends a request by hand, for a server may answer and close before a body has come to its end.
fn send_raw(collector: &Collector, head: &str, length: usize, frame: impl Fn(&[u8]) -> Vec<u8>) -> Answer {
    let mut stream = TcpStream::connect(collector.address()).expect("the collector listens");
    stream.set_read_timeout(Some(Duration::from_mins(1))).expect("a time limit can be set");
    let mut reading = stream.try_clone().expect("a socket can be shared");
    let reader = thread::spawn(move || {
        let mut bytes = Vec::new();
        let mut chunk = [0; 4096];
        // An answer with a length ends there; the connection may be reset behind it.
        while let Ok(length @ 1..) = reading.read(&mut chunk) {
            bytes.extend_from_slice(&chunk[..length]);
            if bytes.ends_with(b"}") {
                break;
            }
        }
        String::from_utf8_lossy(&bytes).into_owned()
    });
    let chunk = frame(&vec![b'x'; 64 << 10]);
    let mut sent = stream.write_all(head.as_bytes());
    for _ in 0..length / (64 << 10) {
        if sent.is_err() || reader.is_finished() {
            break;
        }
        sent = stream.write_all(&chunk);
    }
    let text = reader.join().expect("the reader does not panic");
    // It may be closed already.
    let _ = stream.shutdown(Shutdown::Both);
    let status = text.split(' ').nth(1).and_then(|status| status.parse().ok());
    let status = status.unwrap_or_else(|| panic!("no answer: {text:?}, {sent:?}"));
    Answer::new(status, text)
}
