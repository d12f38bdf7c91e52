//! Lines as they are written.

use std::{
    io::{self, Write},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use tracing::{Dispatch, debug, error, info, warn};
use tracing_subscriber::{EnvFilter, fmt::MakeWriter, layer::SubscriberExt};

use super::{LimitLayer, LineLimit};

const LONG: Duration = Duration::from_hours(1);
const SHORT: Duration = Duration::from_millis(300);

/// Where lines go in a test.
#[derive(Debug, Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Lines {
    fn all(&self) -> Vec<String> {
        let bytes = self.0.lock().expect("no panic").clone();
        String::from_utf8(bytes).expect("text").lines().map(str::to_owned).collect()
    }

    fn count_of(&self, text: &str) -> usize {
        self.all().iter().filter(|line| line.contains(text)).count()
    }

    /// Waits for a line that holds this text.
    fn wait_for(&self, text: &str) {
        let deadline = Instant::now() + Duration::from_mins(1);
        while self.count_of(text) == 0 {
            assert!(Instant::now() < deadline, "no line says {text:?}: {:#?}", self.all());
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("no panic").write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Lines {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

/// Runs something that logs, with three lines for each place in a window.
fn log(filter: &str, window: Duration, act: impl FnOnce(&LimitLayer, &Lines)) -> Vec<String> {
    let lines = Lines::default();
    let limit = LimitLayer::new(LineLimit { lines_max: 3, window });
    let format = tracing_subscriber::fmt::layer().with_writer(lines.clone()).without_time().with_ansi(false);
    let filter = EnvFilter::try_new(filter).expect("a directive");
    let subscriber = tracing_subscriber::registry().with(filter).with(limit.clone()).with(format);
    let dispatch = Dispatch::new(subscriber);
    tracing::dispatcher::with_default(&dispatch, || act(&limit, &lines));
    lines.all()
}

#[test]
fn a_flood_is_cut_and_counted_and_others_are_not_concerned() {
    let lines = log("info", LONG, |limit, _| {
        for number in 0..1_000 {
            error!(number, "cannot deliver to {}", "http://x");
            if number % 500 == 0 {
                info!("still here");
            }
            debug!("nobody sees this");
        }
        limit.tell_all();
        limit.tell_all();
    });
    assert_eq!(lines.len(), 3 + 2 + 1, "{lines:#?}");
    let told = lines.last().expect("lines");
    let expected = "ERROR labtrail_shared::telemetry::line_limit::tests: \
        997 more lines like this were left out: labtrail_shared::telemetry::line_limit::tests:";
    assert!(told.starts_with(expected), "{told}");
    assert!(told.ends_with(" cannot deliver to http://x"), "{told}");
}

#[test]
fn what_was_left_out_is_told_at_the_end_of_the_window_also_when_nothing_more_happens() {
    log("info", SHORT, |_, lines| {
        let flood = || {
            for _ in 0..10 {
                warn!("no space left");
            }
        };
        flood();
        assert_eq!(lines.count_of("left out"), 0);
        lines.wait_for("7 more lines like this were left out");
        // The thread that told it has ended, or goes on for the next flood.
        flood();
        let began_at = Instant::now();
        while lines.count_of("more lines like this were left out") < 2 {
            assert!(began_at.elapsed() < Duration::from_mins(1), "{:#?}", lines.all());
            std::thread::sleep(Duration::from_millis(10));
        }
    });
}

#[test]
fn what_was_left_out_is_told_to_whoever_saw_the_rest() {
    let lines = log("labtrail_shared::telemetry::line_limit::tests=debug", LONG, |limit, _| {
        for _ in 0..5 {
            debug!(target: "rdkafka", "another crate's");
            debug!("{}", "x".repeat(1_000));
        }
        limit.tell_all();
    });
    assert_eq!(lines.len(), 3 + 1, "{lines:#?}");
    assert!(lines[3].contains("DEBUG") && lines[3].contains("2 more lines"), "{}", lines[3]);
    assert!(lines[3].ends_with('…') && lines[3].len() < 400, "{}", lines[3]);
}

#[test]
fn a_line_that_logs_while_it_is_written_stops_nothing() {
    struct Loud;
    impl std::fmt::Display for Loud {
        fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            warn!("inside");
            formatter.write_str("loud")
        }
    }
    let lines = log("info", LONG, |limit, _| {
        for _ in 0..10 {
            warn!("{Loud}");
        }
        limit.tell_all();
    });
    assert_eq!(lines.iter().filter(|line| line.contains("7 more lines")).count(), 1, "{lines:#?}");
}
