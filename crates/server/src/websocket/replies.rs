//! What tungstenite answers by itself while it reads (pongs), on its way to the one task that writes.
//!
//! Reading is tungstenite's; writing is ours, so that records go from the feed to the kernel without a copy.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Notify;

/// More than that is not answered: a client that pings without reading gets no memory of ours.
const MAX_WAITING_BYTES: usize = 4 * 1024;

#[derive(Clone, Default)]
pub struct Replies(Arc<Inner>);

#[derive(Default)]
struct Inner {
    waiting: Mutex<Vec<u8>>,
    news: Notify,
}

impl Replies {
    /// Whole frames to write, as soon as there are any. Cancelling it loses nothing.
    pub async fn wait(&self) -> Vec<u8> {
        loop {
            let taken = std::mem::take(&mut *self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner));
            if !taken.is_empty() {
                return taken;
            }
            self.0.news.notified().await;
        }
    }

    /// Whole frames that tungstenite wants written.
    pub fn add(&self, frames: &[u8]) {
        let mut waiting = self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.len() + frames.len() <= MAX_WAITING_BYTES {
            waiting.extend_from_slice(frames);
            drop(waiting);
            self.0.news.notify_one();
        }
    }
}
