//! Ports for processes that must come back at the same address.

use std::{
    net::{Ipv4Addr, SocketAddr, TcpListener},
    sync::atomic::{AtomicU16, Ordering},
};

/// Below the range from which the system takes ports for outgoing connections: nobody takes one of these while its
/// collector is dead for a moment.
const FIRST: u16 = 20_000;
const COUNT: u16 = 12_000;

/// Has no divisor in common with [`COUNT`].
const SPREAD: u32 = 7919;

static NEXT: AtomicU16 = AtomicU16::new(0);

/// A loopback address on which nobody listens, given out once in this process.
pub(crate) fn free_address() -> SocketAddr {
    // Test processes that run at the same time begin far from each other, also when their numbers are neighbours.
    let start = (std::process::id() % u32::from(COUNT) * SPREAD % u32::from(COUNT)) as u16;
    loop {
        let step = NEXT.fetch_add(1, Ordering::Relaxed);
        assert!(step < COUNT, "no free port");
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, FIRST + (start + step) % COUNT));
        if TcpListener::bind(address).is_ok() {
            return address;
        }
    }
}
