//! Limits how many sockets send large frames at the same time, so that a large `--max-message-bytes` does not multiply with
//! the number of sockets.
//!
//! A frame is read progressively: its memory is used as its bytes arrive. Up to [`LargeFrames::SMALL_BYTES`] each socket reads
//! on its own account. For more it needs a permit, which it keeps until the message is handled. Without a permit the socket is
//! not read, which is back-pressure on its client.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use protocol::limits;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Sleep, sleep};
use tokio_util::sync::PollSemaphore;

/// The memory of all large frames. At least one of them is always read.
const BUDGET_BYTES: usize = 256 * 1024 * 1024;

/// A client that sends more slowly must not keep the permit.
const ARRIVES_WITHIN: Duration = Duration::from_secs(limits::LARGE_FRAME_SECS);

/// Room for the fields of a record besides its bytes.
const MESSAGE_BYTES: usize = 64 * 1024;

pub struct LargeFrames {
    max_bytes: usize,
    permits: Arc<Semaphore>,
}

impl LargeFrames {
    /// The largest frame without a permit: room for a produce batch of several records.
    pub const SMALL_BYTES: usize = 4 * 1024 * 1024;

    /// `max_record_bytes`: the size of the largest record.
    pub fn new(max_record_bytes: usize) -> Arc<Self> {
        // A record takes a third more in base64, and text with many quotes and line ends twice as much in JSON.
        let max_bytes = Self::SMALL_BYTES.max(2 * max_record_bytes + MESSAGE_BYTES);
        let permits = Arc::new(Semaphore::new((BUDGET_BYTES / max_bytes).max(1)));
        Arc::new(Self { max_bytes, permits })
    }

    /// The size of the largest frame.
    pub fn max_bytes(&self) -> usize {
        self.max_bytes
    }

    /// Whether the error says that a frame has not arrived in time.
    pub(super) fn is_late(error: &io::Error) -> bool {
        error.get_ref().is_some_and(|inner| inner.is::<Late>())
    }

    pub(super) fn next(&self) -> LargeFrame {
        LargeFrame { permits: PollSemaphore::new(Arc::clone(&self.permits)), permit: None }
    }
}

/// The frame has not arrived in time.
#[derive(Debug, thiserror::Error)]
#[error("a large frame did not arrive in time")]
struct Late;

/// A large frame that waits for its permit, or has it.
pub(super) struct LargeFrame {
    permits: PollSemaphore,
    permit: Option<(OwnedSemaphorePermit, Pin<Box<Sleep>>)>,
}

impl LargeFrame {
    /// Ready as long as the frame may be read.
    ///
    /// # Errors
    /// If the frame has not arrived in time.
    pub fn poll(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let (_, deadline) = match &mut self.permit {
            Some(permit) => permit,
            None => {
                let Some(permit) = ready!(self.permits.poll_acquire(cx)) else {
                    return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
                };
                self.permit.insert((permit, Box::pin(sleep(ARRIVES_WITHIN))))
            }
        };
        match deadline.as_mut().poll(cx) {
            Poll::Ready(()) => Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, Late))),
            Poll::Pending => Poll::Ready(Ok(())),
        }
    }
}
