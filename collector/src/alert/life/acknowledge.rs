//! Somebody attends to an alert, or lets go of it.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{AlertRow, LifeSettings, attention};

/// Who attends to an alert. It ends with the episode.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acknowledged {
    /// Who.
    pub who: String,
    /// What they say of it; may be empty.
    pub note: String,
    /// Since when, by the clock, in microseconds.
    pub at: i64,
}

/// An acknowledgement that has nothing to hold on to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum AcknowledgeError {
    /// Nothing fires.
    #[error("the alert does not fire: there is nothing to acknowledge")]
    NotFiring,
    /// It fires, but it is another episode than the one that was seen.
    #[error("episode {asked} is over and episode {current} fires: look at it, then acknowledge that one")]
    OtherEpisode {
        /// The episode that was to be acknowledged.
        asked: u64,
        /// The episode that fires.
        current: u64,
    },
}

/// Notes who attends to the episode that fires. Repeats and escalations rest until it is over or let go of. Somebody
/// else may take it over.
pub fn acknowledge(mut row: AlertRow, episode: u64, by: Acknowledged) -> Result<AlertRow, AcknowledgeError> {
    check_firing(&row, episode)?;
    row.acknowledged = Some(by);
    row.unattended_since = None;
    row.act_at = None;
    Ok(row)
}

/// Notes that nobody attends to the episode any more. Repeats and the next level of escalation count from now.
pub fn unacknowledge(
    mut row: AlertRow,
    episode: u64,
    settings: &LifeSettings,
    now: i64,
) -> Result<AlertRow, AcknowledgeError> {
    check_firing(&row, episode)?;
    if row.acknowledged.take().is_some() {
        row.unattended_since = Some(now);
        row.act_at = attention::next_at(&row, settings);
    }
    Ok(row)
}

fn check_firing(row: &AlertRow, episode: u64) -> Result<(), AcknowledgeError> {
    let place = row.firing().ok_or(AcknowledgeError::NotFiring)?;
    match row.told[place].episode {
        current if current == episode => Ok(()),
        current => Err(AcknowledgeError::OtherEpisode { asked: episode, current }),
    }
}
