//! The collector's HTTP interface, as a program outside uses it.

use std::{collections::BTreeMap, net::SocketAddr, path::Path, time::Duration};

use serde_json::{Value, json};
use ureq::{
    AsSendBody, Body,
    http::{HeaderMap, Request, Response},
};

use super::{
    stored_event::StoredEvent,
    wait::{DEADLINE, poll},
};

/// The most events that one answer may hold.
const PAGE_LIMIT: &str = "10000";

/// A client of one collector, or of an agent that answers the same way.
#[derive(Debug)]
pub struct Api {
    address: SocketAddr,
    http: ureq::Agent,
}

/// An answer, whatever its status.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The body.
    pub text: String,
    headers: HeaderMap,
}

impl Answer {
    /// An answer of which only this much is known.
    pub fn new(status: u16, text: String) -> Self {
        Self { status, text, headers: HeaderMap::new() }
    }

    /// The body as JSON.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("this is no JSON ({error}): {}", self.text))
    }

    /// The text of a header; its name in small letters.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// All headers, by name in small letters.
    pub fn headers(&self) -> impl Iterator<Item = (&str, &str)> {
        self.headers.iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap_or("(no text)")))
    }
}

impl Api {
    /// A client of whoever listens there: a collector, or an agent's status page or door.
    pub fn new(address: SocketAddr) -> Self {
        // A connection to a collector that was killed would fail once more after the collector is back.
        let config = ureq::Agent::config_builder().http_status_as_error(false).max_idle_connections(0);
        Self { address, http: config.timeout_global(Some(Duration::from_secs(30))).build().into() }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// GET, with query parameters. An error means that nobody answers.
    pub fn try_get(&self, path: &str, query: &[(&str, &str)]) -> Result<Answer, ureq::Error> {
        read(self.http.get(self.url(path)).query_pairs(query.iter().copied()).call()?)
    }

    /// GET, where somebody must answer.
    #[track_caller]
    pub fn get(&self, path: &str, query: &[(&str, &str)]) -> Answer {
        self.try_get(path, query).unwrap_or_else(|error| panic!("GET {path} {query:?}: {error}"))
    }

    /// A request of any method, where somebody must answer. The target is path and query as they go over the wire; a
    /// redirection is an answer like others.
    #[track_caller]
    pub fn request(&self, method: &str, target: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        let mut request = Request::builder().method(method).uri(self.url(target));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let answer = if body.is_empty() && method != "POST" {
            self.run(request.body(()).expect("a valid request"))
        } else {
            self.run(request.body(body).expect("a valid request"))
        };
        answer.unwrap_or_else(|error| panic!("{method} {target}: {error}"))
    }

    /// POST of these bytes with these headers, where somebody must answer.
    #[track_caller]
    pub fn post(&self, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        let mut request = self.http.post(self.url(path));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let answer = request.send(body).and_then(read);
        answer.unwrap_or_else(|error| panic!("POST {path}: {error}"))
    }

    /// POST of JSON.
    #[track_caller]
    pub fn post_json(&self, path: &str, body: &Value) -> Answer {
        self.post(path, &[("content-type", "application/json")], body.to_string().as_bytes())
    }

    /// How many events are stored; `None` while nobody answers.
    pub fn total_events(&self) -> Option<u64> {
        let answer = self.try_get("/health", &[]).ok().filter(|answer| answer.status == 200)?;
        answer.json()["total_events"].as_u64()
    }

    /// Waits until at least so many events are stored.
    #[track_caller]
    pub fn wait_for_events(&self, count: u64) {
        let mut last = None;
        let reached = poll(DEADLINE, || {
            last = self.total_events().or(last);
            last.filter(|total| *total >= count)
        });
        assert!(reached.is_some(), "only {last:?} of {count} events were stored within {DEADLINE:?}");
    }

    /// All events of this question, page by page in ascending order of time.
    #[track_caller]
    pub fn search(&self, query: &[(&str, &str)]) -> Vec<StoredEvent> {
        let mut events = Vec::new();
        let mut cursor: Option<String> = None;
        loop {
            let mut query = query.to_vec();
            query.extend([("limit", PAGE_LIMIT), ("order", "asc")]);
            query.extend(cursor.as_deref().map(|cursor| ("cursor", cursor)));
            let answer = self.get("/api/v1/events", &query);
            assert_eq!(answer.status, 200, "{query:?}: {}", answer.text);
            let mut page = answer.json();
            let Value::Array(items) = page["items"].take() else { panic!("a page has items: {}", answer.text) };
            events.extend(items.into_iter().map(StoredEvent::new));
            match page["next_cursor"].as_str() {
                Some(next) => cursor = Some(next.to_owned()),
                None => return events,
            }
        }
    }

    /// All events.
    #[track_caller]
    pub fn events(&self) -> Vec<StoredEvent> {
        self.search(&[])
    }

    /// The events of one file by their place in it.
    #[track_caller]
    pub fn events_of(&self, file: &Path) -> Vec<StoredEvent> {
        let filter = json!({"event_data.log.file.path": file.to_str().expect("paths of tests are UTF-8")}).to_string();
        let mut events = self.search(&[("filter", &filter)]);
        events.sort_by_key(StoredEvent::offset);
        events
    }

    /// The messages of one file in its order.
    #[track_caller]
    pub fn messages_of(&self, file: &Path) -> Vec<String> {
        self.events_of(file).iter().map(|event| event.message().to_owned()).collect()
    }

    /// How often each message is stored.
    #[track_caller]
    pub fn message_counts(&self) -> BTreeMap<String, usize> {
        let mut counts = BTreeMap::new();
        for event in self.events() {
            *counts.entry(event.message().to_owned()).or_default() += 1;
        }
        counts
    }

    /// What could not be stored.
    #[track_caller]
    pub fn dead_letters(&self) -> Vec<Value> {
        let answer = self.get("/api/v1/dead-letters", &[]);
        assert_eq!(answer.status, 200, "{}", answer.text);
        answer.json()["items"].as_array().expect("a page has items").clone()
    }

    fn run(&self, request: Request<impl AsSendBody>) -> Result<Answer, ureq::Error> {
        let request = self.http.configure_request(request).allow_non_standard_methods(true);
        read(self.http.run(request.max_redirects(0).max_redirects_will_error(false).build())?)
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }
}

fn read(mut response: Response<Body>) -> Result<Answer, ureq::Error> {
    // A page of ten thousand events is larger than the client expects of an answer.
    let text = response.body_mut().with_config().limit(1 << 30).read_to_string()?;
    Ok(Answer { status: response.status().as_u16(), text, headers: response.headers().clone() })
}
