//! The frames that tungstenite itself sends while it reads (pongs), on their way to the writer task.
//!
//! Tungstenite reads the socket; the bridge writes it, so that records go from the feed to the kernel without a copy.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Notify;

/// Further replies are discarded, so that a client that sends pings without reading uses no more memory.
const MAX_WAITING_BYTES: usize = 4 * 1024;

#[derive(Clone, Default)]
pub struct Replies(Arc<Inner>);

#[derive(Default)]
struct Inner {
    waiting: Mutex<Vec<u8>>,
    ready: Notify,
}

impl Replies {
    /// Waits for frames to write. Cancel-safe.
    pub async fn wait(&self) -> Vec<u8> {
        loop {
            let taken = std::mem::take(&mut *self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner));
            if !taken.is_empty() {
                return taken;
            }
            self.0.ready.notified().await;
        }
    }

    /// Adds whole frames that tungstenite wants to write.
    pub fn add(&self, frames: &[u8]) {
        let mut waiting = self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.len() + frames.len() <= MAX_WAITING_BYTES {
            waiting.extend_from_slice(frames);
            drop(waiting);
            self.0.ready.notify_one();
        }
    }
}
