//! The watchdog: the service manager hears that the process lives only while each of its rooms does.
//!
//! A room (a loop, on a thread or in a task) registers and beats each time it comes round. When one has been silent for
//! too long, nothing more is sent, and the service manager ends and restarts the process after its own time
//! (`WatchdogSec=`). The watchdog looks also when no manager watches, so that a hanging room is at least in the log.

use std::{
    convert::Infallible,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::sync::Notify;
use tracing::{error, info};

use super::{
    lives::{Life, Silence, silences},
    notify,
};
use crate::shutdown::Stop;

/// The period of the watch where no service manager gives one.
const PERIOD: Duration = Duration::from_secs(30);
/// So many signs of life in one period: one that comes late, or is lost, must not end a process.
const SIGNS_PER_PERIOD: u32 = 4;

/// The watchdog of a process. Clones are the same one.
#[derive(Debug, Clone)]
pub struct Watchdog(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    /// The moment that times are counted from.
    epoch: Instant,
    rooms: Mutex<Vec<Arc<Room>>>,
    /// Given when a room ends.
    room_ended: Notify,
}

#[derive(Debug)]
struct Room {
    name: &'static str,
    silence_max: Duration,
    /// Milliseconds since the epoch.
    beat_at: AtomicU64,
}

/// A room's sign of life. A room that ends drops it, and is no longer missed.
#[derive(Debug)]
pub struct Pulse {
    shared: Arc<Shared>,
    room: Arc<Room>,
}

impl Default for Watchdog {
    fn default() -> Self {
        Self(Arc::new(Shared { epoch: Instant::now(), rooms: Mutex::default(), room_ended: Notify::new() }))
    }
}

impl Watchdog {
    /// Registers a room, which must beat at least every `silence_max` from now on. That is the longest time that one
    /// round of its loop may take in the worst case, such as a read from a disk that spins up: for less the process is
    /// not to be killed.
    pub fn register(&self, room: &'static str, silence_max: Duration) -> Pulse {
        let room = Arc::new(Room { name: room, silence_max, beat_at: AtomicU64::new(self.0.now_ms()) });
        self.0.rooms().push(room.clone());
        Pulse { shared: self.0.clone(), room }
    }

    /// The rooms that are silent for too long, the longest silence first.
    pub fn silences(&self) -> Vec<Silence> {
        let rooms = self.0.rooms();
        let lives = rooms.iter().map(|room| Life {
            room: room.name,
            silence_max: room.silence_max,
            beat_at: Duration::from_millis(room.beat_at.load(Ordering::Relaxed)),
        });
        silences(lives, Duration::from_millis(self.0.now_ms()))
    }

    /// Tells the service manager that the process lives, for as long as it does. After the stop signal this goes on until
    /// the last room has ended, for draining may take longer than the manager's patience.
    pub async fn run(self, stop: Stop) -> Result<(), Infallible> {
        let pause = notify::watchdog_period().unwrap_or(PERIOD) / SIGNS_PER_PERIOD;
        let mut was_silent = false;
        while !(stop.is_given() && self.0.rooms().is_empty()) {
            let silences = self.silences();
            match (silences.first(), was_silent) {
                (None, _) => notify::alive(),
                (Some(silence), false) => {
                    error!(
                        room = silence.room,
                        "{silence}: a service manager that watches will start this process again"
                    );
                    notify::status(&silence.to_string());
                }
                (Some(_), true) => {}
            }
            if was_silent && silences.is_empty() {
                info!("every room gives signs of life again");
                notify::status("every room gives signs of life again");
            }
            was_silent = !silences.is_empty();
            let room_ended = self.0.room_ended.notified();
            if stop.is_given() && self.0.rooms().is_empty() {
                break;
            }
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = room_ended => {}
                () = stop.given(), if !stop.is_given() => {}
            }
        }
        Ok(())
    }
}

impl Shared {
    fn now_ms(&self) -> u64 {
        u64::try_from(self.epoch.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn rooms(&self) -> std::sync::MutexGuard<'_, Vec<Arc<Room>>> {
        self.rooms.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pulse {
    /// Says that the room's loop came round. Costs no more than asking for the time.
    pub fn beat(&self) {
        self.room.beat_at.store(self.shared.now_ms(), Ordering::Relaxed);
    }
}

impl Drop for Pulse {
    fn drop(&mut self) {
        self.shared.rooms().retain(|room| !Arc::ptr_eq(room, &self.room));
        // One who waits hears it, or whoever waits next.
        self.shared.room_ended.notify_one();
    }
}
