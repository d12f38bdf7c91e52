//! The page on which an agent tells how it fares.

use super::{Api, Lab, wait_until};

/// The status page of one agent.
#[derive(Debug)]
pub struct StatusPage(Api);

impl StatusPage {
    /// A place for it, and the lines of an agent's `[ship]` section that begin with these and end with it.
    pub fn new(lab: &Lab, ship: &str) -> (Self, String) {
        let address = lab.free_address();
        (Self(Api::new(address)), format!("{ship}\n[status]\nlisten = \"{address}\"\n"))
    }

    /// What the agent answers, whatever the status; `None` while it does not.
    pub fn get(&self, path: &str) -> Option<String> {
        self.0.try_get(path, &[]).ok().map(|answer| answer.text)
    }

    /// Waits until the agent delivered at least so many records: it knows a little after the collector has them. Gives back how
    /// many.
    #[track_caller]
    pub fn wait_for_delivered(&self, records: f64) -> f64 {
        wait_until(&format!("{records} records are delivered"), || {
            Some(self.metric("labtrail_agent_records_delivered_total")).filter(|delivered| *delivered >= records)
        })
    }

    /// Asserts that the agent delivered so many records and no more.
    #[track_caller]
    pub fn assert_delivered(&self, records: f64) {
        let delivered = self.wait_for_delivered(records);
        assert!(delivered <= records, "{delivered} records are delivered, not {records}");
    }

    /// A counter or gauge, or the sum of its family; 0 while there is none.
    pub fn metric(&self, name: &str) -> f64 {
        self.metric_of(name, "")
    }

    /// The sum of a metric over those of its series that have this label, written as `name="value"`.
    pub fn metric_of(&self, name: &str, label: &str) -> f64 {
        let text = wait_until("the agent shows its metrics", || self.get("/metrics"));
        let values = text.lines().filter_map(|line| {
            let rest = line.strip_prefix(name)?;
            let is_meant = rest.starts_with([' ', '{']) && rest.contains(label);
            is_meant.then(|| rest.rsplit(' ').next()?.parse::<f64>().ok())?
        });
        values.sum()
    }
}
