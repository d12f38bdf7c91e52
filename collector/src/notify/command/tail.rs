//! The last of what a program writes. All of it is read, so that the program is never held up.

use tokio::io::{AsyncRead, AsyncReadExt as _};

/// As much as a person reads in a list of failures.
const BYTES_MAX: usize = 1024;

/// The end of an output.
pub(super) struct Tail<R> {
    source: Option<R>,
    bytes: Vec<u8>,
}

impl<R: AsyncRead + Unpin> Tail<R> {
    /// Of this output.
    pub(super) fn new(source: Option<R>) -> Self {
        Self { source, bytes: Vec::new() }
    }

    /// Reads to the end. It may be given up at any time and called again.
    pub(super) async fn read(&mut self) {
        let Some(source) = &mut self.source else { return };
        let mut chunk = [0; 4096];
        while let Ok(count @ 1..) = source.read(&mut chunk).await {
            self.bytes.extend_from_slice(&chunk[..count]);
            let too_many = self.bytes.len().saturating_sub(BYTES_MAX);
            self.bytes.drain(..too_many);
        }
        self.source = None;
    }

    /// What was read last, on one line.
    pub(super) fn text(&self) -> String {
        let text = String::from_utf8_lossy(&self.bytes);
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
        let text = lines.collect::<Vec<_>>().join(" | ");
        text.chars().map(|character| if character.is_control() { ' ' } else { character }).collect()
    }
}
