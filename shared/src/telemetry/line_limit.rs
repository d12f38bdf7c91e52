//! Limits how often one place in the code may log: a fault that repeats a thousand times a second must not fill the disk
//! of the machine that it happens on. What is left out is counted, and told once a minute.
//!
//! ```text
//! WARN 37 more lines like this were left out: labtrail_agent::ship::http:118 cannot deliver
//! ```
//!
//! Such a line has level and target of those that it stands for, so that whoever sees these sees it too.

mod said;
mod sites;

use std::{
    fmt,
    hash::{Hash, Hasher},
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
    time::{Duration, Instant},
};

use tracing::{
    Dispatch, Event, Metadata, Subscriber,
    dispatcher::{self, WeakDispatch},
};
use tracing_subscriber::{Layer, layer::Context, registry::LookupSpan};

use self::{
    said::{Said, place_behind_bridge},
    sites::{LeftOut, Sites, Verdict},
};

/// More places than a program has. Beyond them, those of crates that log through `log` share one, so that memory is bounded.
const PLACES_MAX: usize = 4096;

/// How many lines each place in the code may log in how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LineLimit {
    /// So many lines.
    pub lines_max: u32,
    /// In this time, counted from the first of them. What was left out is told at its end.
    pub window: Duration,
}

impl Default for LineLimit {
    /// 20 lines a minute.
    fn default() -> Self {
        Self { lines_max: 20, window: Duration::from_mins(1) }
    }
}

/// The layer that leaves lines out. It comes after the filter of levels, so that what nobody sees is not counted. Clones
/// are the same one.
#[derive(Debug, Clone)]
pub(super) struct LimitLayer(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    /// Where to tell what was left out.
    dispatch: OnceLock<WeakDispatch>,
}

#[derive(Debug)]
struct State {
    sites: Sites<Place>,
    /// Whether a thread waits for the end of a window.
    has_teller: bool,
}

/// A place in the code that logs.
#[derive(Debug, Clone, Copy)]
struct Place {
    metadata: &'static Metadata<'static>,
    /// Which of the places that share the bridge from `log`; 0 for all others.
    behind_bridge: u64,
}

impl PartialEq for Place {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self.metadata, other.metadata) && self.behind_bridge == other.behind_bridge
    }
}

impl Eq for Place {}

impl Hash for Place {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        std::ptr::hash(self.metadata, hasher);
        self.behind_bridge.hash(hasher);
    }
}

thread_local! {
    /// Whether this thread is telling what was left out: such lines are not limited themselves.
    static IS_TELLING: std::cell::Cell<bool> = const { std::cell::Cell::new(false) };
}

impl LimitLayer {
    pub(super) fn new(limit: LineLimit) -> Self {
        let state = State { sites: Sites::new(limit), has_teller: false };
        Self(Arc::new(Shared { state: Mutex::new(state), dispatch: OnceLock::new() }))
    }

    /// Tells what was left out until now, whether or not its time has come.
    pub(super) fn tell_all(&self) {
        let left_out = self.0.state().sites.take_all();
        self.0.tell(left_out);
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for LimitLayer {
    fn on_register_dispatch(&self, subscriber: &Dispatch) {
        // A layer is part of one subscriber.
        let _ = self.0.dispatch.set(subscriber.downgrade());
    }

    fn event_enabled(&self, event: &Event<'_>, _: Context<'_, S>) -> bool {
        if IS_TELLING.get() {
            return true;
        }
        let mut place = Place { metadata: event.metadata(), behind_bridge: place_behind_bridge(event) };
        let verdict = {
            let sites = &mut self.0.state().sites;
            if sites.len() >= PLACES_MAX && !sites.knows(place) {
                place.behind_bridge = 0;
            }
            sites.admit(place, Instant::now())
        };
        match verdict {
            Verdict::Log => true,
            Verdict::LeaveOut { is_first } => {
                if is_first {
                    // Without the lock: what is written here may log in its turn.
                    let said = Said::by(event);
                    self.0.state().sites.note(place, said);
                    self.0.ensure_teller();
                }
                false
            }
        }
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts the thread that tells what was left out, unless there is one. It ends when there is nothing to tell.
    fn ensure_teller(self: &Arc<Self>) {
        if std::mem::replace(&mut self.state().has_teller, true) {
            return;
        }
        let shared = Arc::clone(self);
        let thread = std::thread::Builder::new().name("log-left-out".to_owned()).spawn(move || shared.tell_when_due());
        if thread.is_err() {
            // The next line that is left out tries again.
            self.state().has_teller = false;
        }
    }

    fn tell_when_due(&self) {
        loop {
            let due_at = {
                let mut state = self.state();
                let due_at = state.sites.due_at();
                state.has_teller = due_at.is_some();
                due_at
            };
            let Some(due_at) = due_at else { return };
            std::thread::sleep(due_at.saturating_duration_since(Instant::now()));
            let left_out = self.state().sites.take_due(Instant::now());
            self.tell(left_out);
        }
    }

    fn tell(&self, left_out: Vec<LeftOut<Place>>) {
        let Some(dispatch) = self.dispatch.get().and_then(WeakDispatch::upgrade) else { return };
        if left_out.is_empty() {
            return;
        }
        dispatcher::with_default(&dispatch, || {
            IS_TELLING.set(true);
            for LeftOut { place, count, said } in left_out {
                let lines = if count == 1 { "line like this was" } else { "lines like this were" };
                log_as(place.metadata, &format_args!("{count} more {lines} left out: {said}"));
            }
            IS_TELLING.set(false);
        });
    }
}

/// Logs a line from the same place in the code as others: with its level and target, and through the same filters.
fn log_as(metadata: &'static Metadata<'static>, line: &dyn fmt::Display) {
    let fields = metadata.fields();
    // Each line has a message, but for some of other crates: of those the first field takes it.
    if let Some(field) = fields.field("message").or_else(|| fields.iter().next()) {
        let message = format_args!("{line}");
        Event::dispatch(metadata, &fields.value_set(&[(&field, Some(&message as &dyn tracing::field::Value))]));
    }
}

#[cfg(test)]
mod tests;
