//! Waiting for the clients of the services, which are asynchronous, in tests, which are not.

use std::{future::Future, sync::OnceLock, thread};

use tokio::runtime::{Builder, Runtime};

/// Waits for a future. It runs on a runtime that lives as long as the process, because a client's connections live on
/// the runtime that made them; and the wait is on a thread of its own, because the caller may be inside another runtime.
pub(super) fn wait<T: Send>(future: impl Future<Output = T> + Send) -> T {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    let runtime = RUNTIME.get_or_init(|| {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build();
        runtime.expect("a runtime can be made")
    });
    thread::scope(|scope| match scope.spawn(|| runtime.block_on(future)).join() {
        Ok(value) => value,
        Err(panic) => std::panic::resume_unwind(panic),
    })
}
