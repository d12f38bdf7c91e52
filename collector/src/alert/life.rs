//! The life of an alert: what is kept of one rule and group, and what is to be told of it.
//!
//! [`advance`] takes a verdict into the row and gives the steps that follow. It asks no clock and remembers nothing else:
//! the same row, settings, verdict and time give the same row and the same steps, with the same keys. The row is the commit:
//! steps are written with it. So whoever dies before has done nothing, and whoever dies later finds them there; the outbox,
//! whose keys are unique, holds each once.
//!
//! - An episode *fires* once it has lasted `for`, by the times of its events; until then the row is *pending*. So a back-test
//!   fires what the live run fired. An episode that began and ended before it was seen fires and resolves in one go.
//!   (Save that a condition which is told at sight *and* has a `cool_down` may be told by another of two episodes, when the
//!   events of both come out of order within the lateness that `known_to` allows.)
//! - After an episode has ended none fires for `cool_down`. What then still holds fires at the end of it; what came and went is
//!   counted, and the next alert says how many those were. So a condition that flaps tells at most one episode per `cool_down`.
//! - While it fires, unattended, it is *repeated*, with pauses that grow, and *escalated*, level by level, by the clock.
//!   An acknowledgement stops both and ends with the episode.
//! - Whatever fired is *resolved*, once, with the reason: it ended; late events took it back; the rule was changed or deleted.
//! - Late events may change what is known of the past. An episode that was told is not told again when it
//!   turns out to be longer; one that nobody was told of is told late, whatever came after it. Of more than the newest
//!   32 episodes nothing is known any more: events that late change nothing.

mod acknowledge;
mod advance;
mod attention;
mod ending;
mod replay;
mod row;
mod settings;
mod step;
#[cfg(test)]
mod tests;

pub use acknowledge::{AcknowledgeError, Acknowledged, acknowledge, unacknowledge};
pub use advance::advance;
pub use ending::{begin_anew, delete};
pub use replay::replay;
pub use row::{AlertRow, AlertState, Told};
pub use settings::{LifeSettings, Repeat};
pub use step::{Step, StepKind, WhyResolved};
