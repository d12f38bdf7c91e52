//! Work that keeps a processor busy and waits for nothing: reading records, making documents. It is done by as many
//! threads as there are processors. Not by tokio's threads for work that blocks: those are many, each keeps memory of its
//! own for what it once needed, and under load that was more than all else that the collector held.

use std::{
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    sync::LazyLock,
};

use rayon::{ThreadPool, ThreadPoolBuilder};
use tokio::sync::oneshot;

static POOL: LazyLock<ThreadPool> = LazyLock::new(|| {
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let named = ThreadPoolBuilder::new().num_threads(threads).thread_name(|index| format!("compute-{index}"));
    named.build().expect("the system gives a thread for each processor")
});

/// Does the work on one of the threads, and gives its result. The work must not wait for anything.
pub(crate) async fn compute<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    let (done, result) = oneshot::channel();
    POOL.spawn_fifo(move || {
        // Nobody waits any more for what was given up.
        let _ = done.send(catch_unwind(AssertUnwindSafe(work)));
    });
    let result = result.await.expect("work always has a result");
    result.unwrap_or_else(|panic| resume_unwind(panic))
}

#[cfg(test)]
mod tests {
    use tokio::task::JoinSet;

    use super::compute;

    #[tokio::test]
    async fn a_result_comes_back_and_so_does_a_panic() {
        assert_eq!(compute(|| 6 * 7).await, 42);
        let panicked = JoinSet::from_iter([compute(|| panic!("broken"))]).join_next().await;
        assert_eq!(panicked.unwrap().unwrap_err().into_panic().downcast_ref::<&str>(), Some(&"broken"));
        assert_eq!(compute(|| "and others go on").await, "and others go on");
    }
}
