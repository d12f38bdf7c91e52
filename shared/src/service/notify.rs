//! The messages themselves, in the protocol of `sd_notify(3)`: one datagram of `KEY=VALUE` lines to the socket that
//! `NOTIFY_SOCKET` names.
//!
//! Sending never waits: a service manager that no longer reads must not stop the process that it looks after. That is
//! why this is not left to libsystemd or to the crate `sd-notify`, whose sockets block.

use std::time::Duration;

/// Says that the process does its work, after its start or after [`reloading`], and how it is in a few words.
pub fn ready(status: &str) {
    send(&format!("READY=1\nSTATUS={}\n", one_line(status)));
}

/// Says in a few words how the process is; `systemctl status` shows it.
pub fn status(status: &str) {
    send(&format!("STATUS={}\n", one_line(status)));
}

/// Says that the process reads its config again; [`ready`] must follow, also when the new config was refused.
pub fn reloading() {
    send(&format!("RELOADING=1\nMONOTONIC_USEC={}\n", monotonic_microseconds()));
}

/// Says that the process ends because it was asked to.
pub fn stopping(status: &str) {
    send(&format!("STOPPING=1\nSTATUS={}\n", one_line(status)));
}

/// Says that every room of the process lives.
pub(super) fn alive() {
    send("WATCHDOG=1\n");
}

/// How long the service manager waits for a sign of life before it ends the process; `None` when it does not watch.
pub(super) fn watchdog_period() -> Option<Duration> {
    let number = |name: &str| std::env::var(name).ok()?.parse::<u64>().ok();
    // The variables may have been meant for a parent process.
    let is_for_us = number("WATCHDOG_PID").is_none_or(|id| id == u64::from(std::process::id()));
    number("WATCHDOG_USEC").filter(|period| is_for_us && *period > 0).map(Duration::from_micros)
}

fn send(message: &str) {
    if let Err(error) = try_send(message.as_bytes()) {
        tracing::debug!(%error, "cannot tell the service manager");
    }
}

#[cfg(unix)]
fn try_send(message: &[u8]) -> std::io::Result<()> {
    use std::os::unix::{
        ffi::OsStrExt,
        net::{SocketAddr, UnixDatagram},
    };

    let Some(name) = std::env::var_os("NOTIFY_SOCKET") else { return Ok(()) };
    let socket = UnixDatagram::unbound()?;
    socket.set_nonblocking(true)?;
    let address = match name.as_bytes() {
        #[cfg(target_os = "linux")]
        [b'@', name @ ..] => <SocketAddr as std::os::linux::net::SocketAddrExt>::from_abstract_name(name)?,
        _ => SocketAddr::from_pathname(&name)?,
    };
    socket.send_to_addr(message, &address)?;
    Ok(())
}

#[cfg(not(unix))]
fn try_send(_: &[u8]) -> std::io::Result<()> {
    Ok(())
}

/// The clock by which the service manager tells an answer to its request from an earlier one.
#[cfg(unix)]
fn monotonic_microseconds() -> i64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    time.tv_sec * 1_000_000 + time.tv_nsec / 1_000
}

#[cfg(not(unix))]
fn monotonic_microseconds() -> i64 {
    0
}

/// A line end would begin another message.
fn one_line(text: &str) -> String {
    text.replace(['\n', '\r'], " ")
}
