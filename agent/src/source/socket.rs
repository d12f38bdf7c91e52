//! What other programs send: datagrams, streams and MADSci's events are received here and cut into messages.
//!
//! It knows nothing of what is in a message nor of what becomes of it: every message goes to a [`Sink`]. Streams are not
//! read while the sink has no room, so that their senders wait; what the kernel drops of datagrams is counted.

mod counters;
mod http;
mod listen;
mod octets;
mod section;
mod stream;
mod tcp;

#[cfg(target_os = "linux")]
mod datagrams;
#[cfg(target_os = "linux")]
mod kernel_drops;
#[cfg(target_os = "linux")]
mod udp;
#[cfg(unix)]
mod unix;

use std::{future::Future, net::SocketAddr, path::PathBuf};

pub(crate) use counters::SocketCounters;
pub(crate) use http::{Acceptor, Door, Unavailable};
pub(crate) use listen::Listen;
pub(crate) use octets::{Delimiter, Framing};
pub(crate) use section::{FileMode, SocketSection};
pub(crate) use section::{default_connections_max, default_message_bytes_max, default_receive_buffer};
pub(crate) use stream::Streams;
use thiserror::Error;

#[cfg(target_os = "linux")]
pub(crate) use datagrams::Datagrams;

/// Why a socket cannot be received from.
#[derive(Debug, Error)]
pub(crate) enum SocketError {
    /// The address is in use, or not one of this machine's, or not for us.
    #[error("listen on {listen}")]
    Bind {
        /// Where.
        listen: Listen,
        /// What the system says.
        source: std::io::Error,
    },
    /// Another process receives there.
    #[error("listen on {}: a running program receives there: stop it, or name another path", .0.display())]
    InUse(PathBuf),
    /// Something stands there that is no socket.
    #[error("listen on {}: there is a file that is no socket: remove it, or name another path", .0.display())]
    NotASocket(PathBuf),
    /// The socket of a process that is gone cannot be replaced, or the permissions cannot be given.
    #[error("prepare the socket file {}", path.display())]
    File {
        /// The socket file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// This system has no such sockets.
    #[cfg(not(target_os = "linux"))]
    #[error("listen on {0}: sockets of this kind are not received on this system: use tcp:// or http://")]
    Unsupported(Listen),
    /// A socket that was bound cannot be received from.
    #[error("receive on {listen}")]
    Receive {
        /// Where.
        listen: Listen,
        /// What the system says.
        source: std::io::Error,
    },
}

/// Who sent a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Peer {
    /// A socket of the network; an IPv4 address is written as one, however it arrived.
    Address(SocketAddr),
    /// A process of this machine, as the kernel says.
    Process {
        /// Its process id.
        pid: i32,
        /// The id of its user.
        uid: u32,
    },
    /// The kernel does not say.
    Unknown,
}

impl Peer {
    fn of_address(address: SocketAddr) -> Self {
        Self::Address(SocketAddr::new(address.ip().to_canonical(), address.port()))
    }
}

/// One message, as it lies in a buffer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Received<'a> {
    /// Its octets without its frame; only the beginning where it is longer than the limit. May be empty.
    pub bytes: &'a [u8],
    /// Who sent it.
    pub peer: Peer,
    /// Its whole length in octets, where that is more than the limit.
    pub cut_from: Option<u64>,
    /// Whether its stream ended before it did.
    pub is_partial: bool,
}

/// Takes messages. Each thread and each connection has its own.
pub(crate) trait Sink: Send + 'static {
    /// Takes a message. For datagrams it may block: meanwhile the kernel queues, and then drops (UDP) or lets the senders
    /// wait (unix). For streams it must not.
    fn take(&mut self, received: Received<'_>);

    /// No more is at hand now: a good moment to close a batch. It may be called again without a message in between.
    fn idle(&mut self);

    /// Waits until there is room. A stream is not read meanwhile; datagrams are received without asking. It may be asked
    /// again, and the waiting may be given up at any time.
    fn room(&mut self) -> impl Future<Output = ()> + Send {
        std::future::ready(())
    }
}

/// A socket that is bound, and what must run so that it is received from.
#[derive(Debug)]
pub(crate) enum Bound {
    /// Wants a thread: [`Datagrams::run`].
    #[cfg(target_os = "linux")]
    Datagrams(Datagrams),
    /// Wants a task: [`Streams::run`].
    Streams(Streams),
    /// Wants a task: [`Door::serve`].
    Http(Door),
}

impl Bound {
    /// Where it is bound, when the system has chosen the port.
    pub(crate) fn local_address(&self) -> Option<SocketAddr> {
        match self {
            #[cfg(target_os = "linux")]
            Self::Datagrams(datagrams) => datagrams.local_address(),
            Self::Streams(streams) => streams.local_address(),
            Self::Http(door) => door.local_address(),
        }
    }

    /// Binds the socket of a section. From then on the kernel queues what arrives.
    pub(crate) fn bind(section: &SocketSection, counters: &SocketCounters) -> Result<Self, SocketError> {
        let counters = counters.of(&section.listen);
        match &section.listen {
            Listen::Tcp(address) => tcp::bind(*address, section, counters).map(Self::Streams),
            Listen::Http(address) => Door::bind(*address, counters).map(Self::Http),
            #[cfg(target_os = "linux")]
            Listen::Udp(address) => udp::bind(*address, section, counters).map(Self::Datagrams),
            #[cfg(target_os = "linux")]
            Listen::UnixDatagram(path) => unix::bind_datagrams(path, section, counters).map(Self::Datagrams),
            #[cfg(unix)]
            Listen::Unix(path) => unix::bind_streams(path, section, counters).map(Self::Streams),
            #[cfg(not(target_os = "linux"))]
            other => Err(SocketError::Unsupported(other.clone())),
        }
    }
}

#[cfg(test)]
mod tests;
