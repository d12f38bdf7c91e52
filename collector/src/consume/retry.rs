//! Trying again until it works: pauses that grow, and a log that says so once and then seldom.

use std::time::Duration;

use rand::RngExt as _;
use tokio::time::Instant;

const PAUSE_MIN: Duration = Duration::from_millis(100);

#[derive(Debug)]
pub(super) struct Retry {
    pause: Duration,
    pause_max: Duration,
    /// When it was last said that this does not work.
    said: Option<Instant>,
    begin: Instant,
    tries: u64,
}

impl Retry {
    pub(super) fn new(pause_max: Duration) -> Self {
        Self { pause: PAUSE_MIN.min(pause_max), pause_max, said: None, begin: Instant::now(), tries: 0 }
    }

    /// Notes a failure; says whether it is to be logged.
    pub(super) fn failed(&mut self) -> bool {
        self.tries += 1;
        let is_news = self.said.is_none_or(|said| said.elapsed() >= self.pause_max);
        if is_news {
            self.said = Some(Instant::now());
        }
        is_news
    }

    /// How long to wait before the next try: other collectors wait too, and should not all come at once.
    pub(super) fn next_pause(&mut self) -> Duration {
        let pause = self.pause.mul_f64(rand::rng().random_range(0.5..=1.0));
        self.pause = (self.pause * 2).min(self.pause_max);
        pause
    }

    /// How long it has been failing, if it has.
    pub(super) fn failing_for(&self) -> Option<Duration> {
        (self.tries > 0).then(|| self.begin.elapsed())
    }
}
