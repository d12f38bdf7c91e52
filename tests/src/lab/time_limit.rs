//! No test runs for ever: one that hangs is told of and ends the run, rather than the patience of whoever waits for it.

use std::{
    collections::BTreeMap,
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    sync::{
        Mutex, OnceLock, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use super::process::end_of;

/// Longer than any test takes, also on a machine that does much else.
const TIME_MAX: Duration = Duration::from_mins(15);

/// So often is looked.
const PAUSE: Duration = Duration::from_secs(5);

/// Laboratories in use, by their folder: the test that uses it, and when it began.
static IN_USE: Mutex<BTreeMap<PathBuf, (String, Instant)>> = Mutex::new(BTreeMap::new());

/// Tells that the test on this thread began to work in a folder.
pub(super) fn begin(folder: &Path) {
    static WATCH: OnceLock<()> = OnceLock::new();
    WATCH.get_or_init(|| {
        thread::spawn(watch);
    });
    let test = thread::current().name().unwrap_or("?").to_owned();
    IN_USE.lock().unwrap_or_else(PoisonError::into_inner).insert(folder.to_owned(), (test, Instant::now()));
}

/// Tells that it is done with it.
pub(super) fn end(folder: &Path) {
    IN_USE.lock().unwrap_or_else(PoisonError::into_inner).remove(folder);
}

fn watch() {
    loop {
        thread::sleep(PAUSE);
        let in_use = IN_USE.lock().unwrap_or_else(PoisonError::into_inner).clone();
        for (folder, (test, began)) in in_use {
            if began.elapsed() > TIME_MAX {
                give_up(&test, &folder);
            }
        }
    }
}

/// Shows what the processes of a test said last, and ends this process; services end with it.
fn give_up(test: &str, folder: &Path) -> ! {
    // Past the capture of a test's output, which is shown only when a test ends.
    let mut to = std::io::stderr();
    let folders = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    for place in folders.chain([folder.to_owned()]) {
        let files = fs::read_dir(place).into_iter().flatten().flatten().map(|entry| entry.path());
        for log in files.filter(|file| file.extension().is_some_and(|end| end == "log")) {
            let _ = writeln!(to, "{}", end_of(&log));
        }
    }
    let _ = writeln!(to, "test {test} has been running for {TIME_MAX:?}: it hangs, and ends the run");
    std::process::exit(1);
}

/// Sets a flag when it is dropped: a test that fails also ends the threads that it would otherwise wait for.
#[derive(Debug)]
pub struct SetOnDrop<'a>(pub &'a AtomicBool);

impl Drop for SetOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
