//! A caller that waits until some schemas are loaded.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

/// Counts the schemas that are missing. The caller is a task or a thread.
#[derive(Default)]
pub(super) struct Waiter {
    missing: Mutex<usize>,
    answered: Condvar,
    notify: Notify,
}

impl Waiter {
    pub(super) fn expect_one_more(&self) {
        *self.missing.lock().unwrap_or_else(PoisonError::into_inner) += 1;
    }

    pub(super) fn one_answered(&self) {
        let mut missing = self.missing.lock().unwrap_or_else(PoisonError::into_inner);
        *missing = missing.saturating_sub(1);
        if *missing == 0 {
            self.answered.notify_all();
            self.notify.notify_one();
        }
    }

    pub(super) fn is_done(&self) -> bool {
        *self.missing.lock().unwrap_or_else(PoisonError::into_inner) == 0
    }

    /// Waits for at most `wait`.
    pub(super) async fn wait(self: &Arc<Self>, wait: Duration) {
        let done = async {
            while !self.is_done() {
                self.notify.notified().await;
            }
        };
        let _ = tokio::time::timeout(wait, done).await;
    }

    /// Blocks the thread for at most `wait`.
    pub(super) fn wait_blocking(&self, wait: Duration) {
        let deadline = Instant::now() + wait;
        let mut missing = self.missing.lock().unwrap_or_else(PoisonError::into_inner);
        while *missing > 0 {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            missing = self.answered.wait_timeout(missing, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}
