//! What a process tells the service manager that started it (systemd): that it is ready, what it does, that it lives.
//!
//! The manager is found through the environment variable `NOTIFY_SOCKET`; without one, and on Windows, nothing is sent.
//! Nothing here ever fails the process: a manager that cannot be told is a line in the log. On Windows the same calls
//! will set the state of the service (`SetServiceStatus`), which has no watchdog.

mod lives;
mod notify;
mod watchdog;

#[cfg(all(test, unix))]
mod tests;

pub use self::{
    lives::Silence,
    notify::{ready, reloading, status, stopping},
    watchdog::{Pulse, Watchdog},
};
