//! A collector that only acknowledges: it counts what comes and forgets it.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

/// What the sink has taken so far.
#[derive(Debug, Clone, Default)]
pub(crate) struct Taken {
    bytes: Arc<AtomicU64>,
    requests: Arc<AtomicU64>,
}

impl Taken {
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    pub(crate) fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }
}

/// Starts a sink on a free port; its threads end with the process.
pub(crate) fn start() -> anyhow::Result<(String, Taken)> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let url = format!("http://{}", listener.local_addr()?);
    let taken = Taken::default();
    let counted = taken.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let counted = counted.clone();
            std::thread::spawn(move || serve(&stream, &counted));
        }
    });
    Ok((url, taken))
}

/// Takes requests until the other side hangs up.
fn serve(stream: &TcpStream, taken: &Taken) -> Option<()> {
    let mut reader = BufReader::with_capacity(256 << 10, stream);
    let mut answers = stream;
    let mut line = String::new();
    loop {
        let mut length = 0;
        loop {
            line.clear();
            if reader.read_line(&mut line).ok()? == 0 {
                return None;
            }
            let header = line.trim_end().to_ascii_lowercase();
            if header.is_empty() {
                break;
            }
            if let Some(value) = header.strip_prefix("content-length:") {
                length = value.trim().parse().ok()?;
            }
        }
        std::io::copy(&mut (&mut reader).take(length), &mut std::io::sink()).ok()?;
        taken.bytes.fetch_add(length, Ordering::Relaxed);
        taken.requests.fetch_add(1, Ordering::Relaxed);
        let body = "{\"accepted\":0,\"duplicates\":0,\"refused\":[]}";
        // In one piece: two small writes would wait for each other's acknowledgement (Nagle's algorithm).
        let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len());
        answers.write_all(answer.as_bytes()).ok()?;
    }
}
