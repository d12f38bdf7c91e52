//! Requests over connections that are kept open, as many at a time as there are connections.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpStream},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, ensure};

/// A connection that is kept open.
#[derive(Debug)]
pub(crate) struct Connection {
    reader: BufReader<TcpStream>,
    line: String,
    body: Vec<u8>,
}

impl Connection {
    pub(crate) fn open(address: SocketAddr) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_mins(2)))?;
        Ok(Self { reader: BufReader::with_capacity(64 << 10, stream), line: String::new(), body: Vec::new() })
    }

    /// Sends a request and reads its answer to the end; anything but 200 is an error.
    pub(crate) fn ask(&mut self, request: &[u8]) -> anyhow::Result<&[u8]> {
        self.reader.get_mut().write_all(request)?;
        let (mut length, mut is_chunked) = (0, false);
        self.next_line()?;
        ensure!(self.line.contains(" 200 "), "the answer is {}", self.line);
        while !self.line.is_empty() {
            self.next_line()?;
            let header = self.line.to_ascii_lowercase();
            if let Some(value) = header.strip_prefix("content-length:") {
                length = value.trim().parse()?;
            }
            is_chunked |= header.starts_with("transfer-encoding:");
        }
        self.body.clear();
        loop {
            if is_chunked {
                self.next_line()?;
                length = usize::from_str_radix(&self.line, 16).context("the length of a chunk")?;
            }
            let start = self.body.len();
            self.body.resize(start + length, 0);
            self.reader.read_exact(&mut self.body[start..])?;
            if !is_chunked {
                return Ok(&self.body);
            }
            self.next_line()?;
            if length == 0 {
                return Ok(&self.body);
            }
        }
    }

    fn next_line(&mut self) -> anyhow::Result<()> {
        self.line.clear();
        ensure!(self.reader.read_line(&mut self.line)? > 0, "the connection was closed");
        self.line.truncate(self.line.trim_end().len());
        Ok(())
    }
}

/// GET of a target, as bytes.
pub(crate) fn get(target: &str) -> Vec<u8> {
    format!("GET {target} HTTP/1.1\r\nhost: bench\r\n\r\n").into_bytes()
}

/// POST of JSON to a target, as bytes.
pub(crate) fn post(target: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!(
        "POST {target} HTTP/1.1\r\nhost: bench\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}

/// POST of events, one a line, as bytes.
pub(crate) fn post_lines(lines: &[String]) -> Vec<u8> {
    let body = lines.join("\n");
    let length = body.len();
    format!(
        "POST /api/v1/events HTTP/1.1\r\nhost: bench\r\ncontent-type: application/x-ndjson\r\ncontent-length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}

/// How long requests took.
#[derive(Debug)]
pub(crate) struct Latencies {
    /// Of each request, the shortest first.
    pub(crate) millis: Vec<f64>,
    pub(crate) seconds: f64,
}

impl Latencies {
    pub(crate) fn count(&self) -> usize {
        self.millis.len()
    }

    pub(crate) fn per_second(&self) -> f64 {
        self.millis.len() as f64 / self.seconds
    }

    /// The time within which this share of the requests was answered, in milliseconds.
    pub(crate) fn quantile(&self, share: f64) -> f64 {
        let last = self.millis.len().saturating_sub(1);
        self.millis.get((self.millis.len() as f64 * share) as usize).or(self.millis.get(last)).copied().unwrap_or(0.0)
    }
}

/// Sends requests over so many connections for so long; each of `make` gets the number of its connection and of its request.
/// With a rate, so many a second are sent by a clock, and a late one counts from when it should have been sent.
pub(crate) fn run(
    address: SocketAddr,
    connections: usize,
    time: Duration,
    rate: Option<f64>,
    make: impl Fn(usize, u64) -> Vec<u8> + Sync,
) -> anyhow::Result<Latencies> {
    let began_at = Instant::now();
    let each: anyhow::Result<Vec<Vec<f64>>> = thread::scope(|scope| {
        let make = &make;
        let sender = |index: usize| {
            move || -> anyhow::Result<Vec<f64>> {
                let mut connection = Connection::open(address)?;
                let mut millis = Vec::new();
                let pause = rate.map(|rate| Duration::from_secs_f64(connections as f64 / rate));
                // Not all at once.
                let first = pause.unwrap_or_default().mul_f64(index as f64 / connections as f64);
                for number in 0.. {
                    let due = began_at + first + pause.unwrap_or_default() * number as u32;
                    if began_at.elapsed() >= time {
                        break;
                    }
                    let from = if pause.is_some() {
                        thread::sleep(due.saturating_duration_since(Instant::now()));
                        due
                    } else {
                        Instant::now()
                    };
                    connection.ask(&make(index, number))?;
                    millis.push(from.elapsed().as_secs_f64() * 1000.0);
                }
                Ok(millis)
            }
        };
        let threads: Vec<_> = (0..connections).map(|index| scope.spawn(sender(index))).collect();
        threads.into_iter().map(|thread| thread.join().expect("a sender does not panic")).collect()
    });
    let seconds = began_at.elapsed().as_secs_f64();
    let mut millis: Vec<f64> = each?.into_iter().flatten().collect();
    millis.sort_by(f64::total_cmp);
    Ok(Latencies { millis, seconds })
}
