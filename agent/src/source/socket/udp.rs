//! UDP sockets, and how much the kernel queues for them.

use std::{io, net::SocketAddr};

use nix::sys::{
    socket::{setsockopt, sockopt},
    stat::fstat,
};
use socket2::{Domain, Protocol, Socket, Type};
use tracing::warn;

use super::{Listen, SocketError, SocketSection, counters::Counters, datagrams::Datagrams, kernel_drops::KernelDrops};

/// The longest datagram that IPv4 and IPv6 carry, without jumbograms.
const DATAGRAM_BYTES_MAX: usize = 65_535;

/// Binds a socket for datagrams.
pub(super) fn bind(address: SocketAddr, section: &SocketSection, counters: Counters) -> Result<Datagrams, SocketError> {
    let listen = &section.listen;
    let open = || {
        let socket = open(address)?;
        let inode = fstat(&socket)?.st_ino;
        grow_queue(&socket, listen, section.receive_buffer.as_usize())?;
        // After the queue: what arrives at once finds it large.
        socket.bind(&address.into())?;
        io::Result::Ok((socket, inode))
    };
    let (socket, inode) = open().map_err(|source| SocketError::Bind { listen: listen.clone(), source })?;
    let drops = KernelDrops::new(listen.clone(), address.is_ipv6(), inode);
    let datagram_bytes_max = section.message_bytes_max.as_usize().min(DATAGRAM_BYTES_MAX);
    Ok(Datagrams::of_udp(socket, listen.clone(), datagram_bytes_max, drops, counters))
}

fn open(address: SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
    if address.is_ipv6() {
        socket.set_only_v6(false)?;
    }
    setsockopt(&socket, sockopt::RxqOvfl, &1)?;
    Ok(socket)
}

/// Lets the kernel queue so many bytes; says what to change where it does not.
fn grow_queue(socket: &Socket, listen: &Listen, wanted: usize) -> io::Result<()> {
    // The kernel doubles the number, for its own records of each datagram, and keeps it in 31 bits.
    let wanted = wanted.min(i32::MAX as usize / 2);
    if setsockopt(socket, sockopt::RcvBufForce, &wanted).is_err() {
        socket.set_recv_buffer_size(wanted)?;
    }
    let given = socket.recv_buffer_size()? / 2;
    if given < wanted {
        warn!(
            %listen,
            wanted,
            given,
            "the kernel queues less than receive_buffer, and drops the rest of a burst: allow it with sysctl -w net.core.rmem_max={wanted}"
        );
    }
    Ok(())
}
