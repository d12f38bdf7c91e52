use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use axum::{
    Router,
    body::Body,
    extract::Request,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};
use labtrail_shared::{event_id::is_ulid, shutdown::Stop};
use reqwest::{Client, Url};
use serde_json::{Value, json};
use tokio::{net::TcpListener, task::JoinSet};

use super::{Acceptor, Door, Unavailable};
use crate::source::socket::counters::Counters;

/// Keeps what it takes, unless it is full.
#[derive(Debug, Clone, Default)]
struct Kept {
    events: Arc<Mutex<Vec<Value>>>,
    refused: Arc<Mutex<Vec<String>>>,
    is_full: Arc<AtomicBool>,
}

impl Acceptor for Kept {
    async fn accept(&self, event_json: String) -> Result<(), Unavailable> {
        if self.is_full.load(Ordering::Relaxed) {
            return Err(Unavailable::for_now("the spool is full"));
        }
        self.events.lock().unwrap().push(serde_json::from_str(&event_json).expect("JSON"));
        Ok(())
    }

    fn refused(&self, _: &[u8], reason: &str) {
        self.refused.lock().unwrap().push(reason.to_owned());
    }
}

struct Open {
    url: String,
    kept: Kept,
    counters: Counters,
    client: Client,
    stop: Stop,
    tasks: JoinSet<()>,
}

impl Open {
    fn with(upstream: Option<SocketAddr>) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let counters = Counters::default();
        let door = Door::bind("127.0.0.1:0".parse().unwrap(), counters.clone()).expect("a port");
        let url = format!("http://{}", door.local_address().expect("bound"));
        let upstream = upstream.map(|address| Url::parse(&format!("http://{address}/base/")).expect("a URL"));
        let (kept, stop, mut tasks) = (Kept::default(), Stop::default(), JoinSet::new());
        let (acceptor, stopped) = (kept.clone(), stop.clone());
        tasks.spawn(async move { door.serve(acceptor, upstream, stopped).await.expect("it serves until the stop") });
        Self { url, kept, counters, client: Client::new(), stop, tasks }
    }

    async fn post(&self, body: &str) -> (u16, Value) {
        let request = self.client.post(format!("{}/event", self.url)).header("content-type", "application/json");
        let answer = request.body(body.to_owned()).send().await.expect("an answer");
        (answer.status().as_u16(), serde_json::from_str(&answer.text().await.expect("a text")).expect("JSON"))
    }

    async fn get(&self, path: &str) -> (u16, String) {
        let answer = self.client.get(format!("{}{path}", self.url)).send().await.expect("an answer");
        (answer.status().as_u16(), answer.text().await.expect("a text"))
    }
}

#[tokio::test]
async fn an_event_is_taken_and_answered_as_it_was_understood() {
    let mut open = Open::with(None);
    let sent = json!({"event_id": "01ARZ3NDEKTSV4RRFFQ69G5FAV", "event_type": "NODE_ERROR", "log_level": "error",
        "alert": "yes", "event_timestamp": "2026-11-23 09:18:44.5", "source": {"node_id": "01ARZ3NDEKTSV4RRFFQ69G5FAV"},
        "event_data": {"z": 1.0, "a": [null]}, "unknown": 1});
    let (status, answer) = open.post(&sent.to_string()).await;
    let expected = json!({"_id": "01ARZ3NDEKTSV4RRFFQ69G5FAV", "event_type": "node_error", "log_level": 40, "alert": true,
        "event_timestamp": "2026-11-23T09:18:44.500000", "source": {"node_id": "01ARZ3NDEKTSV4RRFFQ69G5FAV"},
        "event_data": {"z": 1.0, "a": [null]}, "trace_id": null, "span_id": null, "archived": false, "archived_at": null});
    assert_eq!((status, answer.to_string()), (200, expected.to_string()));
    assert_eq!(*open.kept.events.lock().unwrap(), [expected]);
    assert_eq!(open.counters.received_messages.get(), 1);
    open.stop.give();
    tokio::time::timeout(std::time::Duration::from_secs(5), open.tasks.join_next()).await.expect("it stops");
}

#[tokio::test]
async fn what_a_sender_left_out_is_filled_in_but_for_the_source() {
    let open = Open::with(None);
    let (status, answer) = open.post("{}").await;
    let kept = open.kept.events.lock().unwrap()[0].clone();
    assert_eq!(status, 200);
    assert!(is_ulid(kept["_id"].as_str().expect("an id")));
    assert_eq!((&answer["_id"], &answer["source"]), (&kept["_id"], &json!({})));
    assert!(kept["event_timestamp"].as_str().is_some_and(|time| time.starts_with("20") && !time.ends_with('Z')));
    assert_eq!(kept.get("source"), None, "the collector fills in its own");
    let (_, answer) = open.post(r#"{"source": {}}"#).await;
    assert_eq!(answer["source"], json!({}));
    assert_eq!(open.kept.events.lock().unwrap()[1]["source"], json!({}));
}

#[tokio::test]
async fn what_is_no_event_is_refused_as_by_madsci() {
    let open = Open::with(None);
    let (status, answer) = open.post(r#"{"log_level": 35, "source": {"node_id": "pc7"}}"#).await;
    assert_eq!(status, 422);
    let expected = json!({"detail": [
        {"type": "enum", "loc": ["body", "log_level"], "msg": "Input should be 0, 10, 20, 30, 40 or 50", "input": 35,
            "ctx": {"expected": "0, 10, 20, 30, 40 or 50"}},
        {"type": "value_error", "loc": ["body", "source", "node_id"], "msg": "Value error, Invalid ULID pc7 for field node_id",
            "input": "pc7", "ctx": {"error": {}}}]});
    assert_eq!(answer, expected);
    let (status, answer) = open.post(r#"{"a":"#).await;
    assert_eq!((status, &answer["detail"][0]["type"]), (422, &json!("json_invalid")));
    let (status, answer) = open.post("[]").await;
    assert_eq!((status, &answer["detail"][0]["type"]), (422, &json!("model_attributes_type")));
    let (status, answer) = open.post("").await;
    assert_eq!((status, &answer["detail"][0]["type"]), (422, &json!("missing")));
    let request =
        open.client.post(format!("{}/event", open.url)).body(vec![b'"', 0xFF, b'"']).send().await.expect("an answer");
    assert_eq!(request.status().as_u16(), 400);
    assert!(open.kept.events.lock().unwrap().is_empty());
    let refused = open.kept.refused.lock().unwrap();
    assert_eq!(refused.len(), 5);
    assert_eq!(refused[0], "Input should be 0, 10, 20, 30, 40 or 50; Value error, Invalid ULID pc7 for field node_id");
}

#[tokio::test]
async fn while_nothing_can_be_kept_events_are_refused() {
    let open = Open::with(None);
    open.kept.is_full.store(true, Ordering::Relaxed);
    let answer = open.post("{}").await;
    assert_eq!(answer, (503, json!({"detail": "the agent cannot take the event: the spool is full"})));
    open.kept.is_full.store(false, Ordering::Relaxed);
    assert_eq!(open.post("{}").await.0, 200);
}

#[tokio::test]
async fn a_body_may_have_16_mib_and_no_more() {
    let open = Open::with(None);
    let body = |bytes: usize| format!("{{\"event_data\":\"{}\"}}", "x".repeat(bytes - 17));
    assert_eq!(open.post(&body(16 << 20)).await.0, 200);
    let request = open.client.post(format!("{}/event", open.url)).body(body((16 << 20) + 1));
    // The sender may see the refusal, or only that nobody reads on.
    assert!(request.send().await.map_or(true, |answer| answer.status().as_u16() == 413));
    assert_eq!(open.kept.events.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn without_a_collector_only_events_are_taken() {
    let gone = TcpListener::bind("127.0.0.1:0").await.expect("a port").local_addr().expect("bound");
    for upstream in [None, Some(gone)] {
        let open = Open::with(upstream);
        let (status, health) = open.get("/health").await;
        let health: Value = serde_json::from_str(&health).expect("JSON");
        assert_eq!((status, &health["healthy"]), (200, &json!(true)));
        for path in ["/events?number=1", "/event/01ARZ3NDEKTSV4RRFFQ69G5FAV", "/event", "/"] {
            let (status, answer) = open.get(path).await;
            assert_eq!(status, 503, "{path}");
            assert!(
                answer.starts_with(r#"{"detail":"th"#) && answer.contains("agent only forwards events"),
                "{answer}"
            );
        }
        assert_eq!(open.post("{}").await.0, 200);
    }
}

/// Answers what it was asked, and with a header that is not for others.
async fn echo(request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, 1000).await.expect("a body");
    let text = format!("{} {} {}", parts.method, parts.uri, String::from_utf8_lossy(&body));
    let mut headers = HeaderMap::new();
    for (name, value) in [("x-kept", "1"), ("connection", "x-hop"), ("x-hop", "1")] {
        headers.insert(name, value.parse().expect("a value"));
    }
    if let Some(trace) = parts.headers.get("traceparent") {
        headers.insert("traceparent", trace.clone());
    }
    (StatusCode::IM_A_TEAPOT, headers, text).into_response()
}

/// Never ends.
async fn endless() -> Body {
    let (mut writer, reader) = tokio::io::duplex(1 << 10);
    let mut task = JoinSet::new();
    task.spawn(async move { while tokio::io::AsyncWriteExt::write_all(&mut writer, b"more").await.is_ok() {} });
    task.detach_all();
    Body::from_stream(futures_stream(reader))
}

fn futures_stream(
    reader: tokio::io::DuplexStream,
) -> impl futures_util::Stream<Item = std::io::Result<Vec<u8>>> + Send {
    futures_util::stream::unfold(reader, |mut reader| async move {
        let mut piece = vec![0; 1000];
        let read = tokio::io::AsyncReadExt::read(&mut reader, &mut piece).await.ok()?;
        piece.truncate(read);
        Some((Ok(piece), reader))
    })
}

async fn collector() -> (SocketAddr, JoinSet<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("bound");
    let mut tasks = JoinSet::new();
    let router = Router::new().route("/base/endless", axum::routing::get(endless)).fallback(echo);
    tasks.spawn(async move { axum::serve(listener, router).await.expect("it serves") });
    (address, tasks)
}

#[tokio::test]
async fn everything_else_is_asked_of_the_collector() {
    let (address, _tasks) = collector().await;
    let open = Open::with(Some(address));
    let query =
        open.client.post(format!("{}/events/query?x=%20y", open.url)).header("traceparent", "00-1").body("{\"a\":1}");
    let answer = query.send().await.expect("an answer");
    assert_eq!(answer.status(), StatusCode::IM_A_TEAPOT);
    let header = |name: &str| answer.headers().get(name).map(|value| value.to_str().expect("a text").to_owned());
    assert_eq!((header("x-kept").as_deref(), header("x-hop")), (Some("1"), None));
    assert_eq!(header("traceparent").as_deref(), Some("00-1"));
    assert_eq!(answer.text().await.expect("a text"), "POST /base/events/query?x=%20y {\"a\":1}");
    assert_eq!(open.get("/event/a%2Fb").await, (418, "GET /base/event/a%2Fb ".to_owned()));
    assert_eq!(open.get("/event").await, (418, "GET /base/event ".to_owned()));
    assert_eq!(open.get("/health").await.0, 200, "that is the agent's own");
}

#[tokio::test]
async fn an_answer_is_handed_on_as_it_comes() {
    let (address, _tasks) = collector().await;
    let open = Open::with(Some(address));
    let mut answer = open.client.get(format!("{}/endless", open.url)).send().await.expect("an answer");
    let mut bytes = 0;
    while bytes < 1_000_000 {
        bytes += answer.chunk().await.expect("it goes on").expect("it does not end").len();
    }
}
