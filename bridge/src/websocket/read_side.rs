//! The reading half of a socket, as tungstenite takes it.
//!
//! Tungstenite keeps its read buffer as long as the socket lives, and reads no more than that at once. A small buffer is
//! right for the thousands that are idle, a large one for the few that send in bulk: so the buffer is small, and whoever
//! fills it is read ahead of into a second one, which goes when the socket is drained.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::tcp::OwnedReadHalf;
use tokio_util::io::poll_read_buf;

use super::replies::Replies;

/// Read at once from a socket that sends in bulk.
const AHEAD_BYTES: usize = 128 * 1024;

pub struct ReadSide {
    socket: OwnedReadHalf,
    /// What tungstenite writes.
    replies: Replies,
    /// The last read took all it could: there is probably more.
    is_bulk: bool,
    /// Read, and not yet taken by tungstenite. Without memory of its own unless the socket sends in bulk.
    ahead: BytesMut,
}

impl ReadSide {
    pub fn new(socket: OwnedReadHalf, replies: Replies) -> Self {
        Self { socket, replies, is_bulk: false, ahead: BytesMut::new() }
    }

    fn take_ahead(&mut self, buf: &mut ReadBuf<'_>) {
        let taken = self.ahead.len().min(buf.remaining());
        buf.put_slice(&self.ahead[..taken]);
        self.ahead.advance(taken);
    }
}

impl AsyncRead for ReadSide {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<std::io::Result<()>> {
        let this = &mut *self;
        if !this.ahead.is_empty() {
            this.take_ahead(buf);
            return Poll::Ready(Ok(()));
        }
        if !this.is_bulk {
            ready!(Pin::new(&mut this.socket).poll_read(cx, buf))?;
            this.is_bulk = buf.remaining() == 0;
            return Poll::Ready(Ok(()));
        }
        this.ahead.reserve(AHEAD_BYTES);
        match poll_read_buf(Pin::new(&mut this.socket), cx, &mut this.ahead) {
            Poll::Ready(read) => {
                read?;
                this.take_ahead(buf);
                Poll::Ready(Ok(()))
            }
            Poll::Pending => {
                this.is_bulk = false;
                this.ahead = BytesMut::new();
                Poll::Pending
            }
        }
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
