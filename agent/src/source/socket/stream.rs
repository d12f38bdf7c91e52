//! Receives from connections, of TCP and of this machine: each is cut into messages by itself, by a task of its own.
//!
//! A connection is not read while its sink has no room: the kernel's window fills, and the sender waits. Nothing that is
//! received ends a connection; what it ends in is given as a partial message.

use std::{future::ready, io, sync::Arc, time::Duration};

use labtrail_shared::shutdown::Stop;
use tokio::{
    io::{AsyncRead, AsyncReadExt as _},
    net::TcpStream,
    sync::Semaphore,
    task::JoinSet,
};
use tracing::{debug, error, warn};

use super::{
    Delimiter, Framing, Listen, Peer, Received, Sink, SocketError, SocketSection,
    counters::Counters,
    octets::{Cutter, Framed},
    tcp,
};

/// Octets read from a connection before the others have their turn.
const READ_BYTES: usize = 32 << 10;
/// How long at most is read after the stop signal: senders do not end because we do.
const DRAIN_TIME_MAX: Duration = Duration::from_secs(1);
/// What arrived before the stop signal is known to the task within this time.
const DRAIN_PAUSE: Duration = Duration::from_millis(50);
/// The pause after a connection that cannot be accepted: mostly, no more files can be open.
const ERROR_PAUSE: Duration = Duration::from_millis(100);

/// A socket that accepts connections.
#[derive(Debug)]
pub(super) enum Listener {
    Tcp(std::net::TcpListener),
    #[cfg(unix)]
    Unix(std::os::unix::net::UnixListener, super::unix::SocketFile),
}

/// A socket whose connections are received from.
#[derive(Debug)]
pub(crate) struct Streams {
    listener: Listener,
    listen: Listen,
    connections_max: usize,
    settings: Settings,
    counters: Counters,
}

/// What all connections of a socket share.
#[derive(Debug, Clone, Copy)]
struct Settings {
    framing: Framing,
    delimiter: Delimiter,
    message_bytes_max: usize,
    idle_timeout: Option<Duration>,
}

enum Acceptor {
    Tcp(tokio::net::TcpListener),
    #[cfg(unix)]
    Unix(tokio::net::UnixListener),
}

enum Stream {
    Tcp(TcpStream),
    #[cfg(unix)]
    Unix(tokio::net::UnixStream),
}

impl Streams {
    pub(super) fn new(listener: Listener, section: &SocketSection, counters: Counters) -> Self {
        let settings = Settings {
            framing: section.framing,
            delimiter: section.delimiter,
            message_bytes_max: section.message_bytes_max.as_usize(),
            idle_timeout: section.idle_timeout.map(|period| period.0),
        };
        let connections_max = section.connections_max.get().min(Semaphore::MAX_PERMITS);
        Self { listener, listen: section.listen.clone(), connections_max, settings, counters }
    }

    /// Where it is bound, when the system has chosen the port.
    pub(crate) fn local_address(&self) -> Option<std::net::SocketAddr> {
        match &self.listener {
            Listener::Tcp(listener) => listener.local_addr().ok(),
            #[cfg(unix)]
            Listener::Unix(..) => None,
        }
    }

    /// Accepts connections and receives from them until the stop signal is given; `sink` makes a sink for each.
    pub(crate) async fn run<S: Sink>(
        self,
        sink: impl Fn(Peer) -> S + Send + 'static,
        stop: Stop,
    ) -> Result<(), SocketError> {
        let Self { listener, listen, connections_max, settings, counters } = self;
        let receive_error = |source| SocketError::Receive { listen: listen.clone(), source };
        // The file is kept until the end, and then removed.
        let (acceptor, _file) = match listener {
            Listener::Tcp(listener) => {
                let listener = tokio::net::TcpListener::from_std(listener).map_err(receive_error)?;
                (Acceptor::Tcp(listener), None)
            }
            #[cfg(unix)]
            Listener::Unix(listener, file) => {
                let listener = tokio::net::UnixListener::from_std(listener).map_err(receive_error)?;
                (Acceptor::Unix(listener), Some(file))
            }
        };
        let slots = Arc::new(Semaphore::new(connections_max));
        let mut connections = JoinSet::new();
        let mut is_full = false;
        loop {
            if slots.available_permits() > 0 {
                is_full = false;
            } else if !std::mem::replace(&mut is_full, true) {
                warn!(%listen, connections_max, "all connections are taken: further ones wait until one ends");
            }
            let next = async {
                let slot = Arc::clone(&slots).acquire_owned().await.expect("the semaphore is never closed");
                (slot, acceptor.accept().await)
            };
            let (slot, accepted) = tokio::select! {
                next = next => next,
                () = stop.given() => break,
            };
            while connections.try_join_next().is_some_and(|ended| note_panic(&listen, ended)) {}
            let (stream, peer) = match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    warn!(%listen, %error, "cannot accept a connection");
                    tokio::time::sleep(ERROR_PAUSE).await;
                    continue;
                }
            };
            debug!(%listen, ?peer, "connected");
            let cutter = Cutter::new(settings.framing, settings.delimiter, settings.message_bytes_max);
            let (counters, idle_timeout) = (counters.clone(), settings.idle_timeout);
            let connection = Connection { peer, sink: sink(peer), cutter, counters, idle_timeout };
            let stop = stop.clone();
            connections.spawn(async move {
                match stream {
                    Stream::Tcp(stream) => connection.follow(stream, stop).await,
                    #[cfg(unix)]
                    Stream::Unix(stream) => connection.follow(stream, stop).await,
                }
                drop(slot);
            });
        }
        drop(acceptor);
        while connections.join_next().await.is_some_and(|ended| note_panic(&listen, ended)) {}
        Ok(())
    }
}

fn note_panic(listen: &Listen, ended: Result<(), tokio::task::JoinError>) -> bool {
    if let Err(error) = ended {
        error!(%listen, %error, "a connection was given up");
    }
    true
}

impl Acceptor {
    async fn accept(&self) -> io::Result<(Stream, Peer)> {
        match self {
            Self::Tcp(listener) => {
                let (stream, address) = listener.accept().await?;
                tcp::keep_alive(&stream)?;
                Ok((Stream::Tcp(stream), Peer::of_address(address)))
            }
            #[cfg(unix)]
            Self::Unix(listener) => {
                let (stream, _) = listener.accept().await?;
                let process = stream.peer_cred().ok();
                let peer = process.and_then(|sender| Some(Peer::Process { pid: sender.pid()?, uid: sender.uid() }));
                Ok((Stream::Unix(stream), peer.unwrap_or(Peer::Unknown)))
            }
        }
    }
}

struct Connection<S> {
    peer: Peer,
    sink: S,
    cutter: Cutter,
    counters: Counters,
    idle_timeout: Option<Duration>,
}

impl<S: Sink> Connection<S> {
    /// Receives until the connection ends or the stop signal is given.
    async fn follow(mut self, mut stream: impl AsyncRead + Unpin, stop: Stop) {
        self.counters.connections.inc();
        self.counters.connections_open.inc();
        let mut buffer = vec![0; READ_BYTES];
        let is_ended = tokio::select! {
            () = self.receive(&mut stream, &mut buffer) => true,
            () = stop.given() => false,
        };
        if !is_ended {
            // What the kernel has by now is read, if there is room for it; running out of time is no error.
            let _ = tokio::time::timeout(DRAIN_TIME_MAX, self.drain(&mut stream, &mut buffer)).await;
        }
        let Self { peer, sink, cutter, counters, .. } = &mut self;
        cutter.finish(|cut| give(cut, *peer, sink, counters));
        sink.idle();
        counters.connections_open.dec();
    }

    async fn receive(&mut self, stream: &mut (impl AsyncRead + Unpin), buffer: &mut [u8]) {
        loop {
            self.sink.room().await;
            let at_once = tokio::select! {
                biased;
                read = stream.read(buffer) => Some(read),
                () = ready(()) => None,
            };
            let read = if let Some(read) = at_once {
                read
            } else {
                self.sink.idle();
                let Some(read) = within(self.idle_timeout, stream.read(buffer)).await else {
                    debug!(peer = ?self.peer, "nothing came for idle_timeout: closing");
                    return;
                };
                read
            };
            if self.take(read, buffer).is_err() {
                return;
            }
        }
    }

    async fn drain(&mut self, stream: &mut (impl AsyncRead + Unpin), buffer: &mut [u8]) {
        loop {
            self.sink.room().await;
            let Some(read) = within(Some(DRAIN_PAUSE), stream.read(buffer)).await else { return };
            if self.take(read, buffer).is_err() {
                return;
            }
        }
    }

    /// Cuts what was read; an error is the end.
    fn take(&mut self, read: io::Result<usize>, buffer: &[u8]) -> Result<(), ()> {
        let Self { peer, sink, cutter, counters, .. } = self;
        match read {
            Ok(0) => Err(()),
            Ok(length) => {
                counters.received_bytes.inc_by(length as u64);
                cutter.push(&buffer[..length], |cut| give(cut, *peer, sink, counters));
                Ok(())
            }
            Err(error) => {
                counters.resets.inc();
                debug!(?peer, %error, "the connection broke");
                Err(())
            }
        }
    }
}

fn give(cut: Framed<'_>, peer: Peer, sink: &mut impl Sink, counters: &Counters) {
    let Framed { bytes, cut_from, is_partial } = cut;
    counters.received_messages.inc();
    counters.cut_messages.inc_by(u64::from(cut_from.is_some()));
    sink.take(Received { bytes, peer, cut_from, is_partial });
}

/// What a future gives within a time, if there is a limit to it.
async fn within<T>(time_max: Option<Duration>, future: impl Future<Output = T>) -> Option<T> {
    match time_max {
        Some(time_max) => tokio::time::timeout(time_max, future).await.ok(),
        None => Some(future.await),
    }
}
