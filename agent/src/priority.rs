//! The priority of the agent's own process: with `limits.background` it works only when others do not.

use std::io;

use rustix::process::{getpriority_process, setpriority_process};
use thiserror::Error;

/// A thirtieth of the weight of an ordinary program where both want the same core. Not the lowest there is (19): on a
/// machine that is never idle the agent must still give its service manager signs of life.
const BACKGROUND_NICE: i32 = 15;

/// The priority cannot be lowered.
#[derive(Debug, Error)]
pub(crate) enum PriorityError {
    /// The present one is not known.
    #[error("read this process's priority")]
    Read(#[source] io::Error),
    /// The operating system refuses.
    #[error("lower this process's priority to nice {BACKGROUND_NICE}")]
    Lower(#[source] io::Error),
}

/// Lowers the priority for the processor and the disk, and gives the nice value that is then in force. One that is low
/// already, as by `Nice=` of a service, is left as it is.
///
/// On Linux this holds for the calling thread and for those that it starts later: call it before any other is started. The
/// disk has no call of its own here, and needs none: the kernel derives the class and level of a thread that was given none
/// from its nice value (`ioprio_get(2)`: best-effort, level (nice + 20) / 5, which is the last one, 7). `ioprio_set` itself
/// cannot be called without unsafe code; under systemd `IOSchedulingClass=` does it.
///
/// On Windows: `SetPriorityClass(GetCurrentProcess(), PROCESS_MODE_BACKGROUND_BEGIN)`, which lowers processor, disk and
/// memory priority of the whole process at once.
pub(crate) fn lower() -> Result<i32, PriorityError> {
    let present = getpriority_process(None).map_err(|error| PriorityError::Read(error.into()))?;
    if present >= BACKGROUND_NICE {
        return Ok(present);
    }
    setpriority_process(None, BACKGROUND_NICE).map_err(|error| PriorityError::Lower(error.into()))?;
    Ok(BACKGROUND_NICE)
}

#[cfg(test)]
mod tests {
    use rustix::process::{getpriority_process, setpriority_process};

    use super::{BACKGROUND_NICE, lower};

    // The priority is that of a thread, so each test has its own.

    #[test]
    fn priority_is_lowered_for_threads_that_are_started_later() {
        let nice = std::thread::spawn(|| {
            assert_eq!(lower().expect("lowered"), BACKGROUND_NICE);
            std::thread::spawn(|| getpriority_process(None)).join().expect("no panic")
        });
        assert_eq!(nice.join().expect("no panic").expect("readable"), BACKGROUND_NICE);
    }

    #[test]
    fn a_priority_that_is_lower_is_kept() {
        let nice = std::thread::spawn(|| {
            setpriority_process(None, 19).expect("one may always lower it");
            lower().expect("nothing to do")
        });
        assert_eq!(nice.join().expect("no panic"), 19);
    }
}
