//! The HTTP interface, over a real listener.
#![expect(clippy::unwrap_used, reason = "in a test what cannot be unwrapped has failed")]

use std::{io::Write as _, net::SocketAddr, time::Duration};

use labtrail_collector::{
    Collector, Config,
    store::{self, DeadLetter},
};
use labtrail_shared::{
    event_id::FileIdentity,
    level::LogLevel,
    settings::ByteSize,
    shutdown::{Stop, Tasks},
    telemetry::Metrics,
    wire::{self, BatchEncoder, Envelope, WireRecord},
};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

const JSON: &str = "content-type: application/json\r\n";

struct Lab {
    address: SocketAddr,
    stop: Stop,
    tasks: Tasks,
    _folder: TempDir,
}

struct Answer {
    status: u16,
    head: String,
    body: Vec<u8>,
}

impl Answer {
    fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }
}

impl Lab {
    async fn start() -> Self {
        Self::with(|_| {}).await
    }

    async fn with(change: impl FnOnce(&mut Config)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut config = Config { data_dir: folder.path().to_owned(), ..Config::default() };
        config.listen.port = 0;
        config.zone = "Europe/Zurich".parse().unwrap();
        change(&mut config);
        let (stop, mut tasks) = (Stop::default(), Tasks::new());
        let collector = Collector::start(config, &mut tasks, stop.clone(), Metrics::default()).await.unwrap();
        Self { address: collector.address(), stop, tasks, _folder: folder }
    }

    /// HTTP/1.0, so that the end of the answer is the end of the connection.
    async fn open(&self, method: &str, path: &str, headers: &str, body: &[u8]) -> TcpStream {
        let mut connection = TcpStream::connect(self.address).await.unwrap();
        let length = body.len();
        let head = format!("{method} {path} HTTP/1.0\r\nhost: lab\r\ncontent-length: {length}\r\n{headers}\r\n");
        connection.write_all(head.as_bytes()).await.unwrap();
        connection.write_all(body).await.unwrap();
        connection
    }

    async fn send(&self, method: &str, path: &str, headers: &str, body: impl AsRef<[u8]>) -> Answer {
        let mut connection = self.open(method, path, headers, body.as_ref()).await;
        let mut all = Vec::new();
        connection.read_to_end(&mut all).await.unwrap();
        read_answer(&all)
    }

    async fn get(&self, path: &str) -> Answer {
        self.send("GET", path, "", "").await
    }

    async fn post(&self, path: &str, body: &Value) -> Answer {
        self.send("POST", path, JSON, body.to_string()).await
    }

    /// A metric's value; its labels belong to its name.
    async fn metric(&self, name: &str) -> u64 {
        let text = self.get("/metrics").await;
        let line = text.text().lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.map_or(0, |value| value.parse().unwrap())
    }

    async fn ended(mut self) {
        self.stop.give();
        self.tasks.drain(Duration::from_secs(10)).await.unwrap();
    }
}

fn read_answer(all: &[u8]) -> Answer {
    let end = all.windows(4).position(|four| four == b"\r\n\r\n").expect("an answer has a head");
    let head = String::from_utf8(all[..end].to_vec()).unwrap().to_lowercase();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Answer { status, head, body: all[end + 4..].to_vec() }
}

/// A batch of these messages, from offset 0.
fn batch(messages: &[&str]) -> Vec<u8> {
    let envelope = Envelope {
        version: wire::VERSION,
        agent: "agent".to_owned(),
        host: "pc7".to_owned(),
        file: "/log".to_owned(),
        identity: FileIdentity { birth_ms: 1_790_000_000_000, hash: 7 },
        offset: 0,
        time: None,
        zone_offset: None,
        zone: None,
        observed: 1_790_000_000_000_000,
        labels: std::sync::Arc::default(),
        fields: std::sync::Arc::default(),
        input: None,
        host_facts: std::sync::Arc::default(),
        source: None,
    };
    let mut out = Vec::new();
    let mut encoder = BatchEncoder::begin(&envelope, &mut out);
    for (number, message) in (0..).zip(messages) {
        let record = WireRecord {
            time: Some((1_790_000_000_000_000 + number as i64, None)),
            level: Some((LogLevel::Warning, "WARN")),
            ..WireRecord::of_text(number * 100, message)
        };
        encoder.push(&record, &mut out);
    }
    out
}

fn content_type(name: &str) -> String {
    format!("content-type: {name}\r\n")
}

#[tokio::test]
async fn batches_are_stored_once_and_the_sums_agree() {
    let lab = Lab::start().await;
    let headers = content_type(wire::CONTENT_TYPE);
    let plain = batch(&["one", "two", "three"]);
    let answer = lab.send("POST", "/api/v1/events", &headers, &plain).await;
    assert_eq!(answer.json(), json!({"accepted": 3, "queued": 0, "duplicates": 0, "refused": []}));
    let zstd = zstd::encode_all(plain.as_slice(), 1).unwrap();
    let answer = lab.send("POST", "/api/v1/events", &format!("{headers}content-encoding: zstd\r\n"), zstd).await;
    assert_eq!(answer.json(), json!({"accepted": 0, "queued": 0, "duplicates": 3, "refused": []}));
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(&batch(&["one", "two", "CHANGED", "four"])).unwrap();
    let headers_gzip = format!("{headers}content-encoding: gzip\r\n");
    let answer = lab.send("POST", "/api/v1/events", &headers_gzip, gzip.finish().unwrap()).await.json();
    assert_eq!((&answer["accepted"], &answer["duplicates"]), (&json!(1), &json!(2)));
    assert_eq!((&answer["refused"][0]["batch"], &answer["refused"][0]["index"]), (&json!(0), &json!(2)));

    let mut broken = plain.clone();
    broken.extend_from_slice(b"{\"o\":1,\"l\":33,\"m\":\"no such level\"}\nnonsense\n{\"o\":1,\"m\":\"after\"}\n");
    let answer = lab.send("POST", "/api/v1/events", &headers, broken).await.json();
    let indices: Vec<u64> =
        answer["refused"].as_array().unwrap().iter().map(|r| r["index"].as_u64().unwrap()).collect();
    assert_eq!(indices, [3, 4, 5], "{answer}");

    let health = lab.get("/health").await.json();
    assert_eq!((&health["healthy"], &health["total_events"]), (&json!(true), &json!(4)));
    let (received, stored) =
        (lab.metric("labtrail_events_received_total").await, lab.metric("labtrail_events_stored_total").await);
    let duplicates = lab.metric("labtrail_events_duplicates_total").await;
    let conflicts = lab.metric("labtrail_events_refused_total{reason=\"id_conflict\"}").await;
    let unreadable = lab.metric("labtrail_events_refused_total{reason=\"unreadable_line\"}").await;
    assert_eq!((received, stored, duplicates, conflicts, unreadable), (16, 4, 8, 1, 3));
    let letters = lab.get("/api/v1/dead-letters").await.json();
    assert_eq!(letters["items"].as_array().unwrap().len(), 4);
    assert_eq!(letters["items"].as_array().unwrap().iter().filter(|letter| letter["text"] == "nonsense").count(), 1);
    lab.ended().await;
}

#[tokio::test]
async fn dead_letters_are_listed_shown_replayed_and_discarded() {
    let lab = Lab::start().await;
    lab.post("/event", &json!({"_id": "1", "event_data": {"message": "first"}})).await;
    let lines = "{\"_id\": \"1\", \"event_data\": 2}\n{\"log_level\": 17}\nä\n";
    lab.send("POST", "/api/v1/events", &content_type("application/x-ndjson"), lines).await;
    let headers = content_type(wire::CONTENT_TYPE);
    let mut broken = batch(&["one"]);
    broken.extend(b"nonsense\n");
    lab.send("POST", "/api/v1/events", &headers, broken).await;

    let list = async |query: &str| lab.get(&format!("/api/v1/dead-letters{query}")).await.json();
    let seq_of = async |reason: &str| list(&format!("?reason={reason}")).await["items"][0]["seq"].clone();
    let all = list("").await;
    assert_eq!(all["items"].as_array().unwrap().len(), 4, "{all}");
    let first = list("?limit=1&reason=not_json&bytes_max=1").await;
    assert_eq!((&first["items"][0]["text"], &first["items"][0]["size"]), (&json!(""), &json!(2)), "{first}");
    assert_eq!(first["next_cursor"], Value::Null);
    assert_eq!(list("?reason=unheard_of").await["items"], json!([]));
    let page = list("?limit=3").await;
    let next = list(&format!("?limit=3&cursor={}", page["next_cursor"].as_str().unwrap())).await;
    assert_eq!((next["items"].as_array().unwrap().len(), &next["next_cursor"]), (1, &Value::Null));

    let shown = lab.get(&format!("/api/v1/dead-letters/{}", seq_of("not_an_event").await)).await;
    assert_eq!((shown.status, &shown.json()["text"]), (200, &json!("{\"log_level\": 17}")));
    for (reason, kind, words) in [
        ("not_an_event", "refused-again", "log_level"),
        ("not_json", "refused-again", "not_json"),
        ("id_conflict", "refused-again", "another event of the same id"),
        ("unreadable_line", "not-replayable", "without the envelope"),
    ] {
        let path = format!("/api/v1/dead-letters/{}/replay", seq_of(reason).await);
        let answer = lab.send("POST", &path, "", "").await;
        let problem = answer.json();
        assert_eq!(answer.status, 422, "{problem}");
        assert_eq!(problem["type"], format!("urn:labtrail:problem:{kind}"));
        assert!(problem["detail"].as_str().unwrap().contains(words), "{problem}");
    }
    assert_eq!(list("").await["items"], all["items"], "a replay that fails changes nothing");

    let path = format!("/api/v1/dead-letters/{}", seq_of("not_json").await);
    assert_eq!(lab.send("DELETE", &path, "", "").await.status, 204);
    for (method, path) in [("GET", path.clone()), ("DELETE", path.clone()), ("POST", format!("{path}/replay"))] {
        let answer = lab.send(method, &path, "", "").await;
        assert_eq!((answer.status, &answer.json()["type"]), (404, &json!("urn:labtrail:problem:no-such-dead-letter")));
    }
    assert_eq!(list("").await["items"].as_array().unwrap().len(), 3);
    lab.ended().await;
}

#[tokio::test]
async fn a_letter_that_can_be_read_now_is_stored_and_removed() {
    let folder = tempfile::tempdir().unwrap();
    let with_limit = async |events_max: usize| {
        let mut config = Config { data_dir: folder.path().to_owned(), ..Config::default() };
        config.listen.port = 0;
        config.http.batch_events_max = events_max.try_into().unwrap();
        let (stop, mut tasks) = (Stop::default(), Tasks::new());
        let collector = Collector::start(config, &mut tasks, stop.clone(), Metrics::default()).await.unwrap();
        Lab { address: collector.address(), stop, tasks, _folder: tempfile::tempdir().unwrap() }
    };
    let origin = json!({"door": "kafka", "topic": "labtrail.events", "partition": 3, "offset": 17});
    let letter = |reason: &'static str, bytes: &[u8], origin: Value| DeadLetter {
        received: 1_790_000_000_000_000,
        reason: reason.into(),
        detail: "as it was".to_owned(),
        origin,
        id: None,
        bytes: bytes.to_vec(),
    };
    let cut = json!({"agent": "pc7", "full_size": 5_000_000});
    let letters = vec![
        letter("too_many_events", &batch(&["one", "two"]), origin.clone()),
        letter("not_an_event", br#"[{"event_data": 1}, {"_id": "2"}]"#, origin),
        letter("too_large", b"{\"labtrail\":2", cut),
    ];
    let (stop, mut tasks) = (Stop::default(), Tasks::new());
    let config = Config { data_dir: folder.path().to_owned(), ..Config::default() };
    let store = store::open(&config, &mut tasks, &Metrics::default(), stop.clone()).await.unwrap();
    store.dead_letter(letters).await.unwrap();
    drop(store);
    stop.give();
    tasks.drain(Duration::from_secs(10)).await.unwrap();

    let replay =
        async |lab: &Lab, seq: u8| lab.send("POST", &format!("/api/v1/dead-letters/{seq}/replay"), "", "").await;
    let strict = with_limit(1).await;
    assert_eq!(replay(&strict, 1).await.status, 422);
    strict.ended().await;
    let lab = with_limit(50).await;
    assert_eq!(replay(&lab, 1).await.json(), json!({"accepted": 2, "duplicates": 0}));
    assert_eq!(replay(&lab, 1).await.status, 404);
    assert_eq!(replay(&lab, 2).await.json(), json!({"accepted": 2, "duplicates": 0}));
    let answer = replay(&lab, 3).await;
    assert_eq!(answer.status, 422);
    assert!(answer.text().contains("of 5000000 bytes"), "{}", answer.text());
    assert_eq!(lab.get("/health").await.json()["total_events"], 4);
    let left = lab.get("/api/v1/dead-letters").await.json();
    assert_eq!(left["items"].as_array().unwrap().len(), 1, "{left}");
    lab.ended().await;
}

#[tokio::test]
async fn whole_events_come_as_one_as_an_array_or_as_lines() {
    let lab = Lab::start().await;
    let check = async |kind: &str, body: &str, accepted: u64, refused: &[u64]| {
        let answer = lab.send("POST", "/api/v1/events", &content_type(kind), body).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let answer = answer.json();
        let indices: Vec<u64> =
            answer["refused"].as_array().unwrap().iter().map(|r| r["index"].as_u64().unwrap()).collect();
        assert_eq!((answer["accepted"].as_u64(), indices.as_slice()), (Some(accepted), refused), "{body}");
    };
    check("application/json", r#"{"event_data": {"message": "x"}}"#, 1, &[]).await;
    check("application/json; charset=utf-8", r#" [{}, {"log_level": 17}, 5, {"log_level": "error"}]"#, 2, &[1, 2])
        .await;
    check("application/json", "[]", 0, &[]).await;
    check("application/x-ndjson", "{}\r\n\n{\"alert\": 1}\n{broken\n", 2, &[2]).await;
    check("application/x-ndjson", "", 0, &[]).await;
    // A body larger than one chunk keeps its numbering.
    let many: String = (0..10_000).map(|number| if number == 9_000 { "nothing\n" } else { "{}\n" }).collect();
    check("application/x-ndjson", &many, 9_999, &[9_000]).await;
    lab.ended().await;
}

#[tokio::test]
async fn bad_requests_are_told_what_would_be_right() {
    let lab = Lab::with(|config| config.http.body_bytes_max = ByteSize(100_000)).await;
    let check = async |request: Answer, status: u16, kind: &str, words: &[&str]| {
        assert_eq!(request.status, status, "{}", request.text());
        assert!(request.head.contains("content-type: application/problem+json"), "{}", request.head);
        let problem = request.json();
        assert_eq!(problem["type"], format!("urn:labtrail:problem:{kind}"));
        assert_eq!(problem["status"], status);
        for word in words {
            assert!(problem.to_string().contains(word), "{word} is not in {problem}");
        }
    };
    let post = async |kind: &str, body: &[u8]| lab.send("POST", "/api/v1/events", &content_type(kind), body).await;
    check(post("application/json", b"{nonsense").await, 400, "not-json", &["line 1 column 2", "x-ndjson"]).await;
    check(post("application/json", b"").await, 400, "not-json", &[]).await;
    check(post("application/json", b"\xFF").await, 400, "not-json", &[]).await;
    check(post("text/plain", b"{}").await, 415, "unknown-content-type", &["text/plain", wire::CONTENT_TYPE]).await;
    check(post(wire::CONTENT_TYPE, b"{}").await, 400, "bad-batch", &["labtrail"]).await;
    let newer = batch(&["x"]).replacen(b"\"labtrail\":2", b"\"labtrail\":9");
    check(post(wire::CONTENT_TYPE, &newer).await, 400, "bad-batch", &["version 9"]).await;

    let too_large = ["100000B", "http.body_bytes_max"];
    check(post("application/json", &vec![b' '; 100_001]).await, 413, "body-too-large", &too_large).await;
    let bomb = zstd::encode_all(vec![b' '; 50_000_000].as_slice(), 1).unwrap();
    let encoded = |name: &str| format!("{JSON}content-encoding: {name}\r\n");
    let send = async |headers: String, body: &[u8]| lab.send("POST", "/api/v1/events", &headers, body).await;
    check(send(encoded("zstd"), &bomb).await, 413, "body-too-large", &too_large).await;
    check(send(encoded("zstd"), b"nonsense").await, 400, "bad-encoding", &["zstd"]).await;
    check(send(encoded("gzip"), b"nonsense").await, 400, "bad-encoding", &["gzip"]).await;
    check(send(encoded("br"), b"{}").await, 415, "unknown-encoding", &["zstd, gzip"]).await;

    let get = async |query: &str| lab.get(&format!("/api/v1/events{query}")).await;
    let parameter = "bad-parameter";
    check(get("?limit=0").await, 400, parameter, &["?limit", "from 1 to 10000"]).await;
    check(get("?limit=10001").await, 400, parameter, &["10000"]).await;
    check(get("?limit=many&order=up").await, 400, parameter, &["?limit", "?order", "desc or asc"]).await;
    check(get("?level=loud").await, 400, parameter, &["?level", "WARNING"]).await;
    check(get("?from=yesterday").await, 400, parameter, &["?from", "ISO 8601"]).await;
    check(get("?cursor=garbage").await, 400, parameter, &["?cursor", "begin again"]).await;
    check(get("?limt=5").await, 400, parameter, &["?limt", "limit, order, from"]).await;
    check(get("?limit=5&limit=6").await, 400, parameter, &["more than once"]).await;
    check(get("?filter=nonsense").await, 400, parameter, &["?filter", "not JSON"]).await;
    check(get("?filter=%7B%22a%22:%7B%22$foo%22:1%7D%7D").await, 400, parameter, &["/a/$foo", "unknown operator"])
        .await;
    check(lab.get("/api/v1/events/histogram?buckets=1").await, 400, parameter, &["?buckets", "from 2"]).await;
    check(lab.get("/api/v1/events/live?after=x").await, 400, parameter, &["?after"]).await;
    check(lab.get("/api/v1/dead-letters?limit=x").await, 400, parameter, &["?limit"]).await;
    let live = lab.send("GET", "/api/v1/events/live", "last-event-id: x\r\n", "").await;
    check(live, 400, parameter, &["Last-Event-ID"]).await;
    check(lab.get("/api/v1/events/nowhere").await, 404, "not-found", &["nowhere"]).await;
    check(lab.get("/api/v1/nowhere").await, 404, "not-found", &["/api/v1/nowhere", "openapi"]).await;
    let deleted = lab.send("DELETE", "/api/v1/events", "", "").await;
    assert!(deleted.head.contains("allow: "), "{}", deleted.head);
    check(deleted, 405, "method-not-allowed", &["DELETE", "/api/v1/events"]).await;
    lab.ended().await;
}

#[tokio::test]
async fn a_body_without_a_length_is_limited_too() {
    let lab = Lab::with(|config| config.http.body_bytes_max = ByteSize(100_000)).await;
    let mut connection = TcpStream::connect(lab.address).await.unwrap();
    let head = "POST /api/v1/events HTTP/1.1\r\nhost: lab\r\nconnection: close\r\ntransfer-encoding: chunked\r\n";
    connection.write_all(format!("{head}{JSON}\r\n").as_bytes()).await.unwrap();
    for _ in 0..300 {
        connection.write_all(format!("400\r\n{}\r\n", " ".repeat(1024)).as_bytes()).await.unwrap();
    }
    connection.write_all(b"0\r\n\r\n").await.unwrap();
    let mut all = Vec::new();
    connection.read_to_end(&mut all).await.unwrap();
    assert_eq!(read_answer(&all).status, 413);
    lab.ended().await;
}

#[tokio::test]
async fn a_batch_of_too_many_events_is_refused_whole() {
    let lab = Lab::with(|config| config.http.batch_events_max = 2.try_into().unwrap()).await;
    let answer = lab.send("POST", "/api/v1/events", &content_type(wire::CONTENT_TYPE), batch(&["a", "b", "c"])).await;
    assert_eq!(answer.status, 413);
    assert!(answer.text().contains("http.batch_events_max"), "{}", answer.text());
    assert_eq!(lab.get("/health").await.json()["total_events"], 0);
    lab.ended().await;
}

#[tokio::test]
async fn events_are_found_page_by_page() {
    let lab = Lab::start().await;
    lab.send("POST", "/api/v1/events", &content_type(wire::CONTENT_TYPE), batch(&["one", "two", "three"])).await;
    let first = lab.get("/api/v1/events?limit=2&q=t").await.json();
    let messages = |page: &Value| -> Vec<String> {
        page["items"].as_array().unwrap().iter().map(|item| item["event_data"]["message"].to_string()).collect()
    };
    assert_eq!(messages(&first), ["\"three\"", "\"two\""]);
    assert_eq!((&first["next_cursor"], &first["complete"]), (&Value::Null, &json!(true)));
    let page = lab.get("/api/v1/events?limit=2&order=asc").await.json();
    assert_eq!(messages(&page), ["\"one\"", "\"two\""]);
    let cursor = page["next_cursor"].as_str().unwrap();
    let rest = lab.get(&format!("/api/v1/events?limit=2&order=asc&cursor={cursor}")).await.json();
    assert_eq!((messages(&rest), &rest["next_cursor"]), (vec!["\"three\"".to_owned()], &Value::Null));
    let other = lab.get(&format!("/api/v1/events?limit=2&order=asc&level=10&cursor={cursor}")).await;
    assert_eq!(other.status, 400);
    assert!(other.text().contains("belongs to another question"), "{}", other.text());

    // The lines state no offset, so they are read in the collector's zone: two hours ahead of UTC in September 2026.
    let event = &page["items"][0];
    assert_eq!(event["event_timestamp"], "2026-09-21T14:13:20");
    assert_eq!(&event["_labtrail"]["time"], &json!("2026-09-21T12:13:20Z"));
    let id = event["_id"].as_str().unwrap();
    assert_eq!(&lab.get(&format!("/api/v1/events/{id}")).await.json(), event);
    let count =
        async |query: &str| lab.get(&format!("/api/v1/events?{query}")).await.json()["items"].as_array().unwrap().len();
    assert_eq!(count("from=2026-09-21T14:13:20.000001").await, 2);
    assert_eq!(count("from=2026-09-21T14:13:20.000001+02:00").await, 2, "a plus that was not encoded");
    assert_eq!(count("to=2026-09-21T12:13:20.000001Z").await, 1);
    assert_eq!(count("level=warning&q=").await, 3);
    assert_eq!(count("level=ERROR").await, 0);
    assert_eq!(count("filter=%7B%22event_data.host.name%22:%22pc7%22%7D").await, 3);
    let histogram = lab.get("/api/v1/events/histogram?buckets=80&level=30").await.json();
    assert_eq!((&histogram["total"], &histogram["complete"]), (&json!(3), &json!(true)));
    assert_eq!(histogram["buckets"][0], json!({"time": "2026-09-21T12:13:20Z", "counts": {"30": 3}}));
    lab.ended().await;
}

/// Reads a live stream until a text came.
async fn read_until(connection: &mut TcpStream, text: &str) -> String {
    let mut all = String::new();
    let mut part = [0; 4096];
    while !all.contains(text) {
        let length = tokio::time::timeout(Duration::from_secs(10), connection.read(&mut part)).await;
        let length = length.unwrap_or_else(|_| panic!("{text} did not come: {all}")).unwrap();
        assert!(length > 0, "the stream ended before {text} came: {all}");
        all.push_str(std::str::from_utf8(&part[..length]).unwrap());
    }
    all
}

fn numbers(stream: &str) -> Vec<i64> {
    let messages = stream.split("\n\n").filter(|message| message.contains("\ndata: ") && message.starts_with("id: "));
    messages.map(|message| message[4..].split('\n').next().unwrap().parse().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn watchers_see_what_arrives_and_resume_without_hole() {
    let lab = Lab::start().await;
    let post = async |id: &str, level: u8| {
        lab.post("/event", &json!({"_id": id, "log_level": level, "event_data": {"message": id}})).await;
    };
    post("before", 20).await;
    let mut all = lab.open("GET", "/api/v1/events/live", "", b"").await;
    let mut errors = lab.open("GET", "/api/v1/events/live?level=40&q=x", "", b"").await;
    let head = read_until(&mut all, "id: 1\n\n").await.to_lowercase();
    for header in ["text/event-stream", "cache-control: no-cache, no-transform", "x-accel-buffering: no", "retry: "] {
        assert!(head.contains(header), "{header} is not in {head}");
    }
    read_until(&mut errors, "id: 1\n\n").await;
    post("x1", 20).await;
    post("y2", 40).await;
    post("x3", 40).await;
    let seen = read_until(&mut all, "\"x3\"}").await;
    assert!(seen.contains("\"_labtrail\":{\"time\":"), "{seen}");
    let seen = seen + &read_until(&mut errors, "\"x3\"}").await;
    assert_eq!(numbers(&seen), [2, 3, 4, 4]);
    drop(all);
    let lines: Vec<String> = (0..1200).map(|number| format!("{{\"_id\": \"many-{number}\"}}")).collect();
    lab.send("POST", "/api/v1/events", &content_type("application/x-ndjson"), lines.join("\n")).await;
    let mut again = lab.open("GET", "/api/v1/events/live?after=1", "last-event-id: 3\r\n", b"").await;
    let mut seen = read_until(&mut again, "many-1199").await;
    post("last", 20).await;
    seen += &read_until(&mut again, "\"last\"}").await;
    let last = seen.find("\"last\"}").unwrap();
    let expected: Vec<i64> = (4..=lab.metric("labtrail_store_events").await as i64).collect();
    assert_eq!(numbers(&(seen[..last].to_owned() + "\n\n")), expected);

    // Those who watch do not keep the process from stopping.
    lab.ended().await;
    let mut rest = Vec::new();
    errors.read_to_end(&mut rest).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_watcher_is_told_what_it_missed_and_slows_nobody() {
    let lab = Lab::with(|config| config.live.queue_events_max = 16.try_into().unwrap()).await;
    let mut slow = lab.open("GET", "/api/v1/events/live", "", b"").await;
    read_until(&mut slow, "id: 0\n\n").await;
    let message = "x".repeat(20_000);
    let lines = |from: usize| {
        let line = |number| format!("{{\"_id\": \"{number}\", \"event_data\": \"{message}\"}}\n");
        (from..from + 1000).map(line).collect::<String>()
    };
    // More than the system buffers for a connection.
    for from in (0..2000).step_by(1000) {
        let answer = lab.send("POST", "/api/v1/events", &content_type("application/x-ndjson"), lines(from)).await;
        assert_eq!(answer.json()["accepted"], 1000);
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    let answer = lab.post("/event", &json!({"_id": "end"})).await;
    assert_eq!(answer.status, 200);
    let seen = read_until(&mut slow, "\"_id\":\"end\"").await;
    let missed: i64 = seen
        .split("event: gap\ndata: {\"missed\": ")
        .skip(1)
        .map(|rest| rest.split('}').next().unwrap().parse::<i64>().unwrap())
        .sum();
    assert!(missed > 0, "nothing was missed");
    assert_eq!(numbers(&(seen + "\n\n")).len() as i64 + missed, 2001);
    lab.ended().await;
}

#[tokio::test]
async fn too_many_watchers_are_asked_to_come_later() {
    let lab = Lab::with(|config| config.live.watchers_max = 1.try_into().unwrap()).await;
    let mut first = lab.open("GET", "/api/v1/events/live", "", b"").await;
    read_until(&mut first, "id: 0").await;
    let second = lab.get("/api/v1/events/live").await;
    assert_eq!(second.status, 503);
    assert!(second.head.contains("retry-after: 1"), "{}", second.head);
    lab.ended().await;
}

#[tokio::test]
async fn madsci_gets_what_it_expects() {
    let lab = Lab::start().await;
    let ulid = "01ARZ3NDEKTSV4RRFFQ69G5FAV";
    let sent = json!({"event_id": "a", "event_type": "NODE_START", "log_level": "warning", "source": {"node_id": ulid},
        "event_timestamp": "2026-01-15T12:00:00", "event_data": {"k": 1}});
    let understood = json!({"_id": "a", "event_type": "node_start", "log_level": 30, "alert": false,
        "event_timestamp": "2026-01-15T12:00:00", "source": {"node_id": ulid}, "event_data": {"k": 1},
        "trace_id": null, "span_id": null, "archived": false, "archived_at": null});
    let answer = lab.post("/event", &sent).await;
    assert_eq!((answer.status, answer.text()), (200, understood.to_string().as_str()));
    assert_eq!(lab.post("/event", &sent).await.status, 200, "a repeat is a success");
    assert_eq!(lab.get("/event/a").await.json(), understood);
    let other_zone = json!({"_id": "b", "event_timestamp": "2026-01-15T12:00:00Z", "archived": true});
    lab.post("/event", &other_zone).await;
    lab.post("/event", &json!({"_id": "c", "event_timestamp": "2026-01-15T12:00:00-01:00"})).await;

    let keys = async |path: &str| -> Vec<String> {
        let answer = lab.get(path).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        answer.json().as_object().unwrap().keys().cloned().collect()
    };
    assert_eq!(keys("/events").await, ["c", "a"]);
    assert_eq!(keys("/events?include_archived=true").await, ["c", "b", "a"]);
    assert_eq!(keys("/events?include_archived=1&number=1&offset=1").await, ["b"]);
    assert_eq!(keys("/events?number=-1").await, ["c"]);
    assert_eq!(keys("/events?number=0&level=WARNING&unknown=x").await, ["a"]);
    assert_eq!(
        keys("/events?include_archived=true&start_time=2026-01-15T11:00:00Z&end_time=2026-01-15T12:00:00Z").await,
        ["b", "a"]
    );
    let query = async |selector: Value| -> Vec<String> {
        lab.post("/events/query", &selector).await.json().as_object().unwrap().keys().cloned().collect()
    };
    assert_eq!(query(json!({"source.node_id": ulid})).await, ["a"]);
    assert_eq!(query(json!({"source": {"node_id": ulid}})).await, ["a"]);
    assert_eq!(query(json!([])).await, ["a", "b", "c"]);
    assert_eq!(query(json!({"log_level": 50})).await, Vec::<String>::new());
    lab.ended().await;
}

#[tokio::test]
async fn madsci_is_refused_in_fastapis_words() {
    let lab = Lab::start().await;
    let check = |answer: &Answer, status: u16, expected: &Value| {
        assert_eq!((answer.status, answer.json()["detail"].to_string()), (status, expected.to_string()));
    };
    check(&lab.get("/event/none").await, 404, &json!("Event with ID none not found"));
    check(&lab.get("/definition").await, 404, &json!("Not Found"));
    let wrong = lab.send("DELETE", "/events", "", "").await;
    check(&wrong, 405, &json!("Method Not Allowed"));
    assert!(wrong.head.contains("allow: get"), "{}", wrong.head);
    let slash = lab.get("/events/?number=3").await;
    assert_eq!(slash.status, 307);
    assert!(slash.head.contains("location: http://lab/events?number=3"), "{}", slash.head);

    let post = async |body: &str| lab.send("POST", "/event", JSON, body).await;
    let missing = json!([{"type": "missing", "loc": ["body"], "msg": "Field required", "input": null}]);
    check(&post("").await, 422, &missing);
    let problem = |answer: &Answer| {
        assert_eq!(answer.status, 422, "{}", answer.text());
        let first = &answer.json()["detail"][0];
        (first["type"].as_str().unwrap().to_owned(), first["loc"].clone())
    };
    assert_eq!(problem(&post("{x").await), ("json_invalid".to_owned(), json!(["body", 1])));
    assert_eq!(problem(&post("[]").await), ("model_attributes_type".to_owned(), json!(["body"])));
    assert_eq!(problem(&post(r#"{"log_level": 17}"#).await), ("enum".to_owned(), json!(["body", "log_level"])));
    assert_eq!(post("{\"a\": 1").await.status, 422);
    assert_eq!(lab.send("POST", "/event", JSON, b"\"\xFF\"").await.status, 400);
    let text = lab.send("POST", "/event", "content-type: text/plain\r\n", "{}").await;
    assert_eq!(problem(&text), ("model_attributes_type".to_owned(), json!(["body"])));
    // What MADSci's client will not send again is kept.
    let letters = lab.get("/api/v1/dead-letters").await.json();
    assert_eq!(letters["items"].as_array().unwrap().len(), 6, "{letters}");

    assert_eq!(
        problem(&lab.get("/events?offset=-1").await),
        ("greater_than_equal".to_owned(), json!(["query", "offset"]))
    );
    let two = lab.get("/events?number=99999999999999999999&level=loud&start_time=x&include_archived=x").await;
    assert_eq!(problem(&two), ("int_parsing_size".to_owned(), json!(["query", "number"])));
    assert_eq!(two.json()["detail"].as_array().unwrap().len(), 5, "a level that is none counts twice, as in MADSci");
    let bad = lab.post("/events/query", &json!({"a": {"$foo": 1}})).await;
    assert_eq!(bad.status, 400);
    let detail = bad.json()["detail"].as_str().unwrap().to_owned();
    assert!(detail.contains("$foo") && detail.contains("/a/"), "{detail}");
    assert_eq!(lab.send("POST", "/events/query?selector=log_level", "", "").await.status, 422);
    assert_eq!(lab.send("POST", "/events/query", JSON, "null").await.status, 422);

    let origin =
        "origin: http://elsewhere\r\naccess-control-request-method: POST\r\naccess-control-request-headers: x-y\r\n";
    let preflight = lab.send("OPTIONS", "/event", origin, "").await;
    assert!(preflight.head.contains("access-control-allow-origin: *"), "{}", preflight.head);
    assert!(preflight.head.contains("access-control-allow-headers: x-y"), "{}", preflight.head);
    let ours = lab.send("GET", "/api/v1/events", "origin: http://elsewhere\r\n", "").await;
    assert!(!ours.head.contains("access-control"), "{}", ours.head);
    lab.ended().await;
}

#[tokio::test]
async fn long_lists_are_sent_in_parts() {
    let lab = Lab::start().await;
    let lines: Vec<String> =
        (0..2500).map(|number| format!("{{\"_id\": \"{number:04}\", \"log_level\": 30}}")).collect();
    let lines = lines.join("\n");
    lab.send("POST", "/api/v1/events", &content_type("application/x-ndjson"), lines).await;
    let keys = |answer: Answer| answer.json().as_object().unwrap().len();
    assert_eq!(keys(lab.get("/events?number=0").await), 2500);
    assert_eq!(keys(lab.get("/events?number=2001").await), 2001);
    assert_eq!(keys(lab.get("/events?number=0&offset=1001").await), 1499);
    assert_eq!(keys(lab.post("/events/query", &json!({"log_level": {"$gte": 30}})).await), 2500);
    assert_eq!(keys(lab.get("/events").await), 100);
    lab.ended().await;
}

#[tokio::test]
async fn the_page_is_served_from_the_program() {
    let lab = Lab::start().await;
    let index = lab.get("/").await;
    assert_eq!(index.status, 200);
    for header in ["content-type: text/html", "content-security-policy: default-src 'self'", "nosniff", "etag: \""] {
        assert!(index.head.contains(header), "{header} is not in {}", index.head);
    }
    let tag = index.head.lines().find_map(|line| line.strip_prefix("etag: ")).unwrap();
    let again = lab.send("GET", "/", &format!("if-none-match: {tag}\r\n"), "").await;
    assert_eq!((again.status, again.body.len()), (304, 0));
    assert!(lab.get("/docs").await.head.contains("text/html"));
    assert!(lab.get("/ui/app/api.js").await.head.contains("text/javascript"));
    assert_eq!(lab.get("/ui/nowhere.js").await.status, 404);
    assert_eq!(lab.get("/ui/../Cargo.toml").await.status, 404);
    lab.ended().await;
}

#[tokio::test]
async fn the_description_lists_the_routes_there_are() {
    let lab = Lab::start().await;
    let description = lab.get("/openapi.json").await.json();
    assert_eq!(description["openapi"], "3.1.0");
    let paths = description["paths"].as_object().unwrap();
    for (path, operations) in paths {
        for method in operations.as_object().unwrap().keys() {
            let path = path.replace("{id}", "none").replace("{seq}", "none");
            if path.ends_with("/live") {
                continue;
            }
            let answer = lab.send(&method.to_uppercase(), &path, "", "").await;
            let is_there = answer.status != 405 && (answer.status != 404 || answer.text().contains("none"));
            assert!(is_there, "{method} {path}: {}", answer.status);
            let statuses = &operations[method]["responses"];
            assert!(
                !statuses[answer.status.to_string()].is_null(),
                "{method} {path}: {} is not described",
                answer.status
            );
        }
    }
    let expected = [
        "/api/v1/alerts",
        "/api/v1/alerts/{id}",
        "/api/v1/alerts/{id}/acknowledge",
        "/api/v1/alerts/{id}/unacknowledge",
        "/api/v1/dead-letters",
        "/api/v1/dead-letters/{seq}",
        "/api/v1/dead-letters/{seq}/replay",
        "/api/v1/events",
        "/api/v1/events/histogram",
        "/api/v1/events/live",
        "/api/v1/events/{id}",
        "/api/v1/notifications",
        "/api/v1/notifications/{key}/retry",
        "/api/v1/receivers",
        "/api/v1/receivers/{name}/test",
        "/api/v1/rules",
        "/api/v1/rules/test",
        "/api/v1/rules/{name}",
        "/api/v1/silences",
        "/api/v1/silences/preview",
        "/api/v1/silences/{id}",
        "/backup",
        "/backup/status",
        "/event",
        "/event/{id}",
        "/events",
        "/events/archive",
        "/events/archived",
        "/events/query",
        "/health",
        "/metrics",
        "/settings",
        "/utilization/periods",
        "/utilization/sessions",
        "/utilization/user",
    ];
    let mut known: Vec<&str> = paths.keys().map(String::as_str).collect();
    known.sort_unstable();
    assert_eq!(known, expected);
    // Every reference leads somewhere.
    let text = description.to_string();
    for reference in text.split("\"$ref\":\"#").skip(1) {
        let pointer = reference.split('"').next().unwrap();
        assert!(description.pointer(pointer).is_some(), "{pointer} is not there");
    }
    lab.ended().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_while_stopping_is_there_after_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let data_dir = folder.path().to_owned();
    let lab = Lab::with(|config| config.data_dir.clone_from(&data_dir)).await;
    // A request that is not yet complete when the stop comes is finished.
    let mut late = TcpStream::connect(lab.address).await.unwrap();
    let body = json!({"_id": "late"}).to_string();
    let head = format!("POST /event HTTP/1.0\r\nhost: lab\r\ncontent-length: {}\r\n{JSON}\r\n", body.len());
    late.write_all(head.as_bytes()).await.unwrap();
    late.write_all(&body.as_bytes()[..3]).await.unwrap();
    lab.post("/event", &json!({"_id": "early"})).await;
    let address = lab.address;
    let finish = async {
        while TcpStream::connect(address).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        late.write_all(&body.as_bytes()[3..]).await.unwrap();
        let mut all = Vec::new();
        late.read_to_end(&mut all).await.unwrap();
        assert_eq!(read_answer(&all).status, 200);
    };
    tokio::join!(lab.ended(), finish);
    let lab = Lab::with(|config| config.data_dir.clone_from(&data_dir)).await;
    assert_eq!(lab.get("/health").await.json()["total_events"], 2);
    assert_eq!(lab.get("/event/late").await.status, 200);
    lab.ended().await;
}

#[tokio::test]
async fn an_address_in_use_is_named() {
    let lab = Lab::start().await;
    let folder = tempfile::tempdir().unwrap();
    let mut config = Config { data_dir: folder.path().to_owned(), ..Config::default() };
    config.listen.port = lab.address.port();
    let started = Collector::start(config, &mut Tasks::new(), Stop::default(), Metrics::default()).await;
    let error = started.unwrap_err().to_string();
    assert!(error.contains(&format!("port {} is in use", lab.address.port())) && error.contains("--listen"), "{error}");
    lab.ended().await;
}

/// `replace` for bytes.
trait Replace {
    fn replacen(&self, from: &[u8], to: &[u8]) -> Vec<u8>;
}

impl Replace for Vec<u8> {
    fn replacen(&self, from: &[u8], to: &[u8]) -> Vec<u8> {
        let at = self.windows(from.len()).position(|part| part == from).unwrap();
        [&self[..at], to, &self[at + from.len()..]].concat()
    }
}
