//! Receives datagrams, many with one call of the system and without an allocation for each of them.
//!
//! Whatever arrives is either given to the sink or counted as dropped by the kernel. When the stop signal is given, what the
//! kernel has queued by then is still received.

use std::{
    io::IoSliceMut,
    net::SocketAddr,
    os::fd::AsRawFd as _,
    time::{Duration, Instant},
};

use labtrail_shared::shutdown::Stop;
use nix::{
    cmsg_space,
    errno::Errno,
    sys::socket::{ControlMessageOwned, MsgFlags, MultiHeaders, RecvMsg, SockaddrStorage, UnixCredentials, recvmmsg},
};
use socket2::Socket;
use tracing::warn;

use super::{
    Listen, Peer, Received, Sink, SocketError, counters::Counters, kernel_drops::KernelDrops, octets::without_line_end,
};
use crate::decode::Charset;

/// Datagrams received with one call.
const BATCH_DATAGRAMS: usize = 64;
/// Room for the datagrams of one call. What is not written to costs no memory, so each has room for the longest.
const BATCH_BYTES_MAX: usize = 16 << 20;
/// How often a thread that waits looks whether it is to stop.
const STOP_PAUSE: Duration = Duration::from_millis(100);
/// How often the kernel is asked what it dropped.
const DROPS_PAUSE: Duration = Duration::from_secs(1);
/// How long at most is received after the stop signal: senders do not end because we do.
const DRAIN_TIME_MAX: Duration = Duration::from_secs(1);
/// The pause after an error, of which the next call may say the same.
const ERROR_PAUSE: Duration = Duration::from_millis(100);

/// A socket for datagrams.
#[derive(Debug)]
pub(crate) struct Datagrams {
    socket: Socket,
    listen: Listen,
    datagram_bytes_max: usize,
    counters: Counters,
    /// Only UDP drops: a unix socket lets its senders wait.
    drops: Option<KernelDrops>,
    /// The file of a unix socket is removed together with this.
    _file: Option<super::unix::SocketFile>,
}

impl Datagrams {
    pub(super) fn of_udp(
        socket: Socket,
        listen: Listen,
        datagram_bytes_max: usize,
        drops: KernelDrops,
        counters: Counters,
    ) -> Self {
        Self { socket, listen, datagram_bytes_max, counters, drops: Some(drops), _file: None }
    }

    pub(super) fn of_unix(
        socket: Socket,
        listen: Listen,
        datagram_bytes_max: usize,
        file: super::unix::SocketFile,
        counters: Counters,
    ) -> Self {
        Self { socket, listen, datagram_bytes_max, counters, drops: None, _file: Some(file) }
    }

    #[cfg(test)]
    pub(super) fn without_table(&mut self) {
        self.drops.as_mut().expect("a UDP socket").without_table();
    }

    /// Where it is bound, when the system has chosen the port.
    pub(crate) fn local_address(&self) -> Option<SocketAddr> {
        self.socket.local_addr().ok()?.as_socket()
    }

    /// Receives until the stop signal is given. It blocks: it wants a thread of its own.
    pub(crate) fn run(mut self, mut sink: impl Sink, stop: &Stop) -> Result<(), SocketError> {
        let prepared = self.socket.set_read_timeout(Some(STOP_PAUSE));
        prepared.map_err(|source| SocketError::Receive { listen: self.listen.clone(), source })?;
        let slots = (BATCH_BYTES_MAX / self.datagram_bytes_max).clamp(1, BATCH_DATAGRAMS);
        // One octet more than the limit shows that there is more, and whether the limit falls into a character.
        let mut buffer = vec![0; slots * (self.datagram_bytes_max + 1)];
        let mut looked_at = Instant::now();
        let mut is_failing = false;
        while !stop.is_given() {
            match self.receive(MsgFlags::MSG_WAITFORONE, &mut buffer, &mut sink) {
                Ok(received) if received == slots => is_failing = false,
                Ok(_) | Err(Errno::EAGAIN | Errno::EINTR) => {
                    is_failing = false;
                    sink.idle();
                }
                Err(error) => {
                    if !std::mem::replace(&mut is_failing, true) {
                        warn!(listen = %self.listen, %error, "cannot receive: trying again until it works");
                    }
                    sink.idle();
                    std::thread::sleep(ERROR_PAUSE);
                }
            }
            if looked_at.elapsed() >= DROPS_PAUSE {
                self.look_for_drops();
                looked_at = Instant::now();
            }
        }
        let deadline = Instant::now() + DRAIN_TIME_MAX;
        while Instant::now() < deadline && self.receive(MsgFlags::MSG_DONTWAIT, &mut buffer, &mut sink).is_ok() {}
        self.look_for_drops();
        sink.idle();
        Ok(())
    }

    fn look_for_drops(&mut self) {
        if let Some(drops) = &mut self.drops {
            drops.look();
            drops.report(&self.counters);
        }
    }

    /// Receives what is queued, as much as has room, and says how many datagrams that were.
    fn receive(&mut self, wait: MsgFlags, buffer: &mut [u8], sink: &mut impl Sink) -> Result<usize, Errno> {
        let bytes_max = self.datagram_bytes_max;
        let mut rooms = buffer.chunks_exact_mut(bytes_max + 1);
        let slots = rooms.len();
        let mut rooms: [_; BATCH_DATAGRAMS] =
            std::array::from_fn(|_| [IoSliceMut::new(rooms.next().unwrap_or_default())]);
        // New for each call: the system writes over the room that each header says it has for control messages, and nix
        // does not set it again. There is room for just the one message that is asked for: none for descriptors of files,
        // which a sender might add.
        let control = if self.drops.is_some() { cmsg_space!(u32) } else { cmsg_space!(UnixCredentials) };
        let mut headers = MultiHeaders::<SockaddrStorage>::preallocate(slots, Some(control));
        let flags = wait | MsgFlags::MSG_TRUNC;
        let datagrams = recvmmsg(self.socket.as_raw_fd(), &mut headers, rooms.iter_mut().take(slots), flags, None)?;
        let (mut count, mut octets, mut cuts) = (0, 0, 0);
        for datagram in datagrams {
            let peer = self.peer(&datagram);
            let (length, bytes) = (datagram.bytes, datagram.iovs().next().unwrap_or_default());
            let is_whole = length == bytes.len();
            let (bytes, cut_from) = match if is_whole { without_line_end(bytes) } else { bytes } {
                bytes if bytes.len() <= bytes_max => (bytes, None),
                bytes => (&bytes[..Charset::UTF_8.cut_between_characters(bytes, bytes_max)], Some(length as u64)),
            };
            count += 1;
            octets += length as u64;
            cuts += u64::from(cut_from.is_some());
            sink.take(Received { bytes, peer, cut_from, is_partial: false });
        }
        self.counters.received_messages.inc_by(count as u64);
        self.counters.received_bytes.inc_by(octets);
        self.counters.cut_messages.inc_by(cuts);
        if let Some(drops) = &mut self.drops {
            drops.report(&self.counters);
        }
        Ok(count)
    }

    /// Who sent a datagram; on the way it is noted what the kernel says of its drops.
    fn peer(&mut self, datagram: &RecvMsg<'_, '_, SockaddrStorage>) -> Peer {
        let mut peer = Peer::Unknown;
        for control in datagram.cmsgs().into_iter().flatten() {
            match (control, &mut self.drops) {
                (ControlMessageOwned::RxqOvfl(number), Some(drops)) => drops.note(number),
                (ControlMessageOwned::ScmCredentials(sender), _) if sender.pid() > 0 => {
                    peer = Peer::Process { pid: sender.pid(), uid: sender.uid() };
                }
                _ => {}
            }
        }
        let Some(address) = datagram.address.filter(|_| self.drops.is_some()) else { return peer };
        let ipv4 = address.as_sockaddr_in().map(|address| SocketAddr::from(*address));
        let address = ipv4.or_else(|| address.as_sockaddr_in6().map(|address| SocketAddr::from(*address)));
        address.map_or(peer, Peer::of_address)
    }
}
