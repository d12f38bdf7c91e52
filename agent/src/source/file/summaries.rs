//! Events that transforms make of others: "312 similar suppressed". They come from no place in a file, so they are sent
//! beside what is read, under ids that follow from the first event that was suppressed.

use std::time::Instant;

use super::{FileSource, turns::now_micros};

impl FileSource {
    /// Sends the summaries whose time has come.
    pub(super) fn send_summaries(&mut self) {
        self.gather_summaries(false);
        self.try_to_send_summaries();
    }

    /// Sends all summaries that are owed: nobody will ask for them later.
    pub(super) fn flush_summaries(&mut self) {
        self.gather_summaries(true);
        let deadline = Instant::now() + self.surroundings.pace.drain_max;
        while !self.try_to_send_summaries() && Instant::now() < deadline {
            self.ledger.wait(std::time::Duration::from_millis(50));
        }
    }

    fn gather_summaries(&mut self, is_last: bool) {
        for (index, section) in self.sections.iter().enumerate() {
            let summaries = section.treatment.transforms.summaries(is_last);
            self.summaries.extend(summaries.into_iter().map(|summary| (index, summary)));
        }
    }

    /// Whether all were sent.
    fn try_to_send_summaries(&mut self) -> bool {
        while let Some((index, summary)) = self.summaries.last() {
            let Some(stream) = self.streams.values().find(|stream| stream.section == *index) else {
                self.summaries.pop();
                continue;
            };
            let facts = stream.facts(&self.sections[*index]);
            let sent = self.surroundings.intake.send_event(&facts, (&self.ledger, &stream.read), now_micros(), summary);
            if !sent {
                return false;
            }
            self.summaries.pop();
        }
        true
    }
}
