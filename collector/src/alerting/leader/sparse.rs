//! Reads less where little decides: of a source that is to be missed only what lies around its gaps, and of values that may
//! be new only when each was seen last. A rule of this kind may look back for days over a busy stream.

use std::collections::BTreeMap;

use labtrail_shared::filter::Filter;
use serde_json::{Value, json};

use super::samples::{Reader, Reading};
use crate::{
    alert::{
        rule::{self, FieldPath},
        trigger::{Mark, RESOLVE_AFTER, Sample},
    },
    store::{Order, StoreError},
};

/// Of more different values all events are read.
const VALUES_MAX: usize = 100;

/// After so many steps from gap to gap all events are read.
const STEPS_MAX: usize = 2000;

impl Reader<'_> {
    /// For `silence`: samples of which none is further from the next than the window is long, but where nothing lies between
    /// them. None if that would take too long.
    pub(super) async fn around_gaps(&self, after: i64, mark: Mark) -> Result<Option<Reading>, StoreError> {
        let mut samples: Vec<Sample> = Vec::new();
        let before = Some(mark.from.saturating_sub(1));
        samples.extend(self.one(&self.filter(), Order::Descending, None, before, false).await?);
        let mut next = self.one(&self.filter(), Order::Ascending, Some(mark.from), None, false).await?;
        for _ in 0..STEPS_MAX {
            let Some(sample) = next else { return Ok(Some(Reading { samples, mark, judged_to: None })) };
            let (from, within) = (Some(sample.time.saturating_add(1)), Some(sample.time.saturating_add(after)));
            samples.push(sample);
            next = match self.one(&self.filter(), Order::Descending, from, within, false).await? {
                Some(newest) => Some(newest),
                None => self.one(&self.filter(), Order::Ascending, from, None, false).await?,
            };
        }
        Ok(None)
    }

    /// For `new_value`: the samples around the mark, and of each value among them the last one before. Later events whose values
    /// are not new any more are added to the marks. None if there are too many values.
    pub(super) async fn of_values(
        &self,
        field: &FieldPath,
        remember: i64,
        mark: Mark,
        later: &mut Vec<Mark>,
    ) -> Result<Option<Reading>, StoreError> {
        let (from, to) = (mark.from.saturating_sub(RESOLVE_AFTER), mark.to.saturating_add(RESOLVE_AFTER));
        let mut samples = self.all(from, to).await?;
        let mut values: BTreeMap<String, (Value, bool)> = BTreeMap::new();
        for sample in &samples {
            let Some(value) = sample.value.as_ref().filter(|value| !value.is_null()) else { continue };
            if value.is_array() || value.is_object() || values.len() > VALUES_MAX {
                return Ok(None);
            }
            let is_marked = (mark.from..=mark.to).contains(&sample.time);
            values.entry(value.to_string()).or_insert_with(|| (value.clone(), false)).1 |= is_marked;
        }
        let earliest = from.saturating_sub(remember);
        samples.extend(self.one(&self.filter(), Order::Descending, Some(earliest), Some(from - 1), true).await?);
        for (value, is_marked) in values.into_values() {
            let Ok(of_value) =
                Filter::parse(&json!({"$and": [self.filter().to_json(), {field.as_str(): {"$eq": value}}]}))
            else {
                return Ok(None);
            };
            samples.extend(self.one(&of_value, Order::Descending, Some(earliest), Some(from - 1), true).await?);
            if is_marked {
                let until = Some(mark.to.saturating_add(remember));
                let next = self.one(&of_value, Order::Ascending, Some(to.saturating_add(1)), until, true).await?;
                later.extend(next.map(|next| Mark { from: next.time, to: next.time }));
            }
        }
        Ok(Some(Reading { samples, mark, judged_to: Some(mark.to.saturating_add(RESOLVE_AFTER)) }))
    }

    /// Reads what is needed to judge a mark; of what is to be judged as well, marks are added.
    pub(super) async fn read(&self, mark: Mark, later: &mut Vec<Mark>) -> Result<Reading, StoreError> {
        let sparse = match &self.rule.section().trigger {
            rule::Trigger::Silence(silence) => {
                self.around_gaps(crate::alert::judging::micros(silence.after.0), mark).await?
            }
            rule::Trigger::NewValue(new) => {
                self.of_values(&new.field, crate::alert::judging::micros(new.remember.0), mark, later).await?
            }
            _ => None,
        };
        match sparse {
            Some(reading) => Ok(reading),
            None => self.whole(mark).await,
        }
    }
}
