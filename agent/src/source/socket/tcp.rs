//! TCP sockets.

use std::{
    io,
    net::{SocketAddr, TcpListener},
    time::Duration,
};

use socket2::{Domain, Protocol, SockRef, Socket, TcpKeepalive, Type};
use tokio::net::TcpStream;

use super::{
    SocketError, SocketSection,
    counters::Counters,
    stream::{Listener, Streams},
};

/// Connections that the kernel keeps until they are accepted; it takes less where its own limit is lower.
const BACKLOG: i32 = 1024;

/// A peer that is gone without a word is found out within 3 minutes.
const KEEPALIVE: TcpKeepalive =
    TcpKeepalive::new().with_time(Duration::from_mins(1)).with_interval(Duration::from_secs(30));

/// Binds a socket for connections.
pub(super) fn bind(address: SocketAddr, section: &SocketSection, counters: Counters) -> Result<Streams, SocketError> {
    let listener = listen(address).map_err(|source| SocketError::Bind { listen: section.listen.clone(), source })?;
    Ok(Streams::new(Listener::Tcp(listener), section, counters))
}

/// A socket that accepts connections without blocking; for `[::]` those of IPv4 too.
pub(super) fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if address.is_ipv6() {
        socket.set_only_v6(false)?;
    }
    // Elsewhere than on unix this would let several processes have one port.
    #[cfg(unix)]
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}

/// Lets the kernel ask a silent peer now and then whether it is still there.
pub(super) fn keep_alive(stream: &TcpStream) -> io::Result<()> {
    let keepalive = KEEPALIVE;
    #[cfg(unix)]
    let keepalive = keepalive.with_retries(4);
    SockRef::from(stream).set_tcp_keepalive(&keepalive)
}
