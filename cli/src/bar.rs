//! How far long work is: a bar on a terminal, lines in a pipe.

use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

/// In a pipe it is said this often.
const LINE_INTERVAL: Duration = Duration::from_secs(5);

/// The bar.
pub(crate) struct Bar {
    bar: ProgressBar,
    said_at: Instant,
}

impl Bar {
    /// A bar that looks like this, in the words of `indicatif`.
    pub(crate) fn new(template: &str) -> Self {
        let style = ProgressStyle::with_template(template).expect("the template is valid");
        Self { bar: ProgressBar::new(0).with_style(style), said_at: Instant::now() }
    }

    /// So much is done of so much. `line` says the same in words, and `message` what else is to be seen beside the bar.
    pub(crate) fn update(
        &mut self,
        done: u64,
        all: u64,
        line: impl FnOnce() -> String,
        message: impl FnOnce() -> String,
    ) {
        if self.bar.is_hidden() {
            if self.said_at.elapsed() >= LINE_INTERVAL {
                self.said_at = Instant::now();
                eprintln!("{}", line());
            }
            return;
        }
        self.bar.set_length(all);
        self.bar.set_position(done);
        self.bar.set_message(message());
    }

    /// Takes it away.
    pub(crate) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}
