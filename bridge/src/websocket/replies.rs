//! What tungstenite answers by itself while it reads (pongs), on its way to the one task that writes.
//!
//! Reading is tungstenite's; writing is ours, so that records go from the feed to the kernel without a copy.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::tcp::OwnedReadHalf;
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

    fn add(&self, frames: &[u8]) {
        let mut waiting = self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.len() + frames.len() <= MAX_WAITING_BYTES {
            waiting.extend_from_slice(frames);
            drop(waiting);
            self.0.news.notify_one();
        }
    }
}

/// The reading half of a socket, as tungstenite takes it: what it writes goes to [`Replies`].
pub struct ReadSide {
    pub socket: OwnedReadHalf,
    pub replies: Replies,
}

impl AsyncRead for ReadSide {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.socket).poll_read(cx, buf)
    }
}

impl AsyncWrite for ReadSide {
    /// Takes everything at once, so that only whole frames get here.
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, frames: &[u8]) -> Poll<std::io::Result<usize>> {
        self.replies.add(frames);
        Poll::Ready(Ok(frames.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
