//! Looking for what concerns new rules, by whoever leads.

use std::{convert::Infallible, time::Duration};

use super::{LOOK_EVERY, pause::Pause};
use crate::alerting::filler::{Filler, Stepped};

/// So long is waited for what is marked to be judged.
const JUDGED_PAUSE: Duration = Duration::from_millis(100);

/// Works while this collector leads.
pub(super) async fn keep_filling(mut filler: Filler) -> Infallible {
    let mut pause = Pause::default();
    loop {
        match filler.step().await {
            Ok(stepped) => {
                pause.end();
                match stepped {
                    Stepped::More => {}
                    Stepped::Waits => tokio::time::sleep(JUDGED_PAUSE).await,
                    Stepped::Nothing => tokio::time::sleep(LOOK_EVERY).await,
                }
            }
            Err(error) => pause.after(&error, "new rules").await,
        }
    }
}
