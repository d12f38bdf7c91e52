//! A web server that keeps what is posted to it and answers as it is told.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode, Uri},
    response::{IntoResponse, Response},
};
use serde_json::Value;
use tokio::{net::TcpListener, task::JoinSet};

/// One request.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Request {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("JSON")
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(|value| value.to_str().expect("ASCII")).unwrap_or_default()
    }
}

#[derive(Debug, Clone)]
struct Answer {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: String,
}

#[derive(Clone)]
struct Shared {
    requests: Arc<Mutex<Vec<Request>>>,
    answer: Arc<Mutex<Answer>>,
}

/// The server. It ends with this.
pub(crate) struct WebServer {
    pub(crate) address: SocketAddr,
    shared: Shared,
    _tasks: JoinSet<()>,
}

impl WebServer {
    pub(crate) async fn start() -> Self {
        let answer = Answer { status: 200, headers: Vec::new(), body: "ok".to_owned() };
        let shared = Shared { requests: Arc::default(), answer: Arc::new(Mutex::new(answer)) };
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("bound");
        let router = Router::new().fallback(take).with_state(shared.clone());
        let mut tasks = JoinSet::new();
        tasks.spawn(async move { axum::serve(listener, router).await.expect("it serves") });
        Self { address, shared, _tasks: tasks }
    }

    /// What it answers from now on. Status 0: nothing, ever.
    pub(crate) fn answers(&self, status: u16, headers: &[(&'static str, &str)], body: &str) {
        let headers = headers.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        *self.shared.answer.lock().expect("not poisoned") = Answer { status, headers, body: body.to_owned() };
    }

    pub(crate) fn requests(&self) -> Vec<Request> {
        self.shared.requests.lock().expect("not poisoned").clone()
    }

    /// The last request.
    #[track_caller]
    pub(crate) fn last(&self) -> Request {
        self.requests().pop().expect("there was a request")
    }
}

async fn take(State(shared): State<Shared>, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    let request = Request { path: uri.path().to_owned(), headers, body: body.to_vec() };
    shared.requests.lock().expect("not poisoned").push(request);
    let answer = shared.answer.lock().expect("not poisoned").clone();
    if answer.status == 0 {
        std::future::pending::<()>().await;
    }
    let mut response = (StatusCode::from_u16(answer.status).expect("a status"), answer.body).into_response();
    for (name, value) in answer.headers {
        response.headers_mut().insert(name, value.parse().expect("a header"));
    }
    response
}
