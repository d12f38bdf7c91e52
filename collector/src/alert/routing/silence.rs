//! Silences: somebody wants to hear nothing of certain alerts until a certain time.
//!
//! Every silence ends. Those that did stay as they were, for history and because a step of that time is still muted by them.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use thiserror::Error;

use super::selector::{AlertSelector, AlertSelectorError};
use crate::alert::step::Alert;

/// A year and a day: a silence for longer is a rule that should be changed.
const LENGTH_MAX: i64 = 366 * 24 * 3_600_000_000;

/// A silence. Times are microseconds since 1970 UTC.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Silence {
    /// Its ULID, as text.
    pub id: String,
    /// The alerts that are meant.
    pub matcher: AlertSelector,
    /// The first moment of quiet.
    pub from: i64,
    /// The first moment after it.
    pub until: i64,
    /// Who wanted it.
    pub by: String,
    /// Why.
    #[serde(default)]
    pub note: String,
}

/// What somebody asks for who wants a silence.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SilenceRequest {
    /// A selector about alerts. `{}` means all of them.
    pub matcher: Value,
    /// The first moment of quiet, in microseconds since 1970 UTC. Default: now.
    #[serde(default)]
    pub from: Option<i64>,
    /// The first moment after it, in microseconds since 1970 UTC. Required.
    #[serde(default)]
    pub until: Option<i64>,
    /// Who wants it. Required.
    #[serde(default)]
    pub by: String,
    /// Why. Default: nothing is said.
    #[serde(default)]
    pub note: String,
}

/// Why a silence was refused.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum SilenceError {
    /// It has no end.
    #[error("a silence needs an end: say until when, at most a year ahead")]
    NoEnd,
    /// It ended already.
    #[error("the silence would be over already: choose an end that is still to come")]
    Past,
    /// It ends before it begins.
    #[error("the silence would end before it begins: choose an end after its beginning")]
    Backwards,
    /// It is too long.
    #[error("the silence would last for more than a year: choose an earlier end, or switch the rule off")]
    TooLong,
    /// Nobody wants it.
    #[error("a silence needs somebody who wants it: say by whom it is")]
    Nobody,
    /// The selector is wrong.
    #[error("the silence's matcher is wrong: {0}")]
    Matcher(#[from] AlertSelectorError),
}

impl Silence {
    /// Makes the silence that was asked for; the identifier is a new ULID as text.
    pub fn new(request: SilenceRequest, id: String, now: i64) -> Result<Self, SilenceError> {
        let SilenceRequest { matcher, from, until, by, note } = request;
        let until = until.ok_or(SilenceError::NoEnd)?;
        // What was told before was told: a silence cannot begin before somebody asked for it.
        let from = from.unwrap_or(now).max(now);
        if until <= now {
            return Err(SilenceError::Past);
        }
        if until <= from {
            return Err(SilenceError::Backwards);
        }
        if until.saturating_sub(from) > LENGTH_MAX {
            return Err(SilenceError::TooLong);
        }
        if by.trim().is_empty() {
            return Err(SilenceError::Nobody);
        }
        Ok(Self { id, matcher: AlertSelector::new(matcher)?, from, until, by, note })
    }

    /// The same silence, ended now if it lasts longer. One that has not begun yet never will.
    #[must_use]
    pub fn ended(mut self, now: i64) -> Self {
        self.until = self.until.min(now.max(self.from));
        self
    }

    /// Whether there is quiet at that moment.
    pub fn is_active(&self, at: i64) -> bool {
        self.from <= at && at < self.until
    }
}

/// The alerts that a silence means, whatever the time: the preview before it is made.
pub fn hits<'a>(silence: &Silence, alerts: impl IntoIterator<Item = &'a Alert>) -> Vec<&'a Alert> {
    alerts.into_iter().filter(|alert| silence.matcher.matches(&alert.document())).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{LENGTH_MAX, Silence, SilenceRequest, hits};
    use crate::alert::routing::samples::alert;

    const NOW: i64 = 1_000_000;

    fn request(from: Option<i64>, until: Option<i64>) -> SilenceRequest {
        SilenceRequest { matcher: json!({"rule": "pump"}), from, until, by: "ann".to_owned(), note: String::new() }
    }

    #[test]
    fn a_silence_without_a_sensible_end_is_refused() {
        let check = |from: Option<i64>, until: Option<i64>, expected: &str| {
            let result = Silence::new(request(from, until), "S".to_owned(), NOW);
            let found = result.map_or_else(|error| error.to_string(), |silence| format!("{}", silence.until));
            assert_eq!(found, expected, "{from:?} {until:?}");
        };
        check(None, None, "a silence needs an end: say until when, at most a year ahead");
        check(None, Some(NOW), "the silence would be over already: choose an end that is still to come");
        check(None, Some(NOW + 1), "1000001");
        check(Some(0), Some(NOW + 1), "1000001");
        check(
            Some(NOW + 9),
            Some(NOW + 9),
            "the silence would end before it begins: choose an end after its beginning",
        );
        check(Some(NOW + 9), Some(NOW + 9 + LENGTH_MAX), "31622401000009");
        check(
            None,
            Some(NOW + LENGTH_MAX + 1),
            "the silence would last for more than a year: choose an earlier end, or switch the rule off",
        );
        let nobody = SilenceRequest { by: " ".to_owned(), ..request(None, Some(NOW + 1)) };
        assert!(Silence::new(nobody, "S".to_owned(), NOW).is_err());
        let wrong = SilenceRequest { matcher: json!({"node": 1}), ..request(None, Some(NOW + 1)) };
        assert!(Silence::new(wrong, "S".to_owned(), NOW).is_err());
    }

    #[test]
    fn a_silence_is_active_from_its_beginning_to_its_end_and_can_be_ended() {
        let silence = Silence::new(request(Some(NOW + 5), Some(NOW + 9)), "S".to_owned(), NOW).expect("a silence");
        let active: Vec<i64> = (0..20).filter(|after| silence.is_active(NOW + after)).collect();
        assert_eq!(active, [5, 6, 7, 8]);
        assert_eq!(silence.clone().ended(NOW + 7).until, NOW + 7);
        assert_eq!(silence.clone().ended(NOW + 70).until, NOW + 9);
        assert_eq!(silence.clone().ended(NOW).until, NOW + 5);
        let text = serde_json::to_string(&silence).expect("json");
        assert_eq!(serde_json::from_str::<Silence>(&text).expect("a silence"), silence);
    }

    #[test]
    fn a_preview_shows_what_is_hit() {
        let silence = Silence::new(request(None, Some(NOW + 9)), "S".to_owned(), NOW).expect("a silence");
        let alerts = [alert("pump", "N1"), alert("arm", "N1"), alert("pump", "N2")];
        let groups: Vec<&str> = hits(&silence, &alerts).into_iter().map(|alert| alert.group.as_str()).collect();
        assert_eq!(groups, ["N1", "N2"]);
    }
}
