//! How long alerts wait, rest and nag.

/// What a rule says of the life of its alerts. Every period is in microseconds.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct LifeSettings {
    /// The revision of the rule: another one whenever what the rule matches or when it holds is changed.
    pub revision: String,
    /// For how long the condition must hold before the alert fires (`for`); 0 for at once.
    pub hold_for: i64,
    /// For how long nothing fires after an episode has ended; 0 for no time.
    pub cool_down: i64,
    /// How an alert that nobody attends to is repeated; absent: it is not.
    pub repeat: Option<Repeat>,
    /// How long after it has fired, or was last let go of, an unattended alert reaches the first, second, ... level of escalation.
    pub escalate_after: Vec<i64>,
}

/// How an alert is repeated.
#[derive(Debug, Clone, PartialEq)]
pub struct Repeat {
    /// The pause before the first repeat.
    pub after: i64,
    /// Each pause is so many times the one before; less than 1 counts as 1.
    pub growth: f64,
    /// No pause is longer than that.
    pub at_most: i64,
}

impl Repeat {
    /// The pause before repeat number `n`, counted from 1. At least a second, whatever is configured.
    pub(super) fn pause(&self, n: u32) -> i64 {
        const SHORTEST: i64 = 1_000_000;
        let exponent = i32::try_from(n.saturating_sub(1)).unwrap_or(i32::MAX);
        let grown = self.after as f64 * self.growth.max(1.0).powi(exponent);
        (grown as i64).min(self.at_most).max(SHORTEST)
    }
}
