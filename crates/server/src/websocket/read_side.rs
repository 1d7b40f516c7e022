//! The reading half of a socket, for tungstenite.
//!
//! Tungstenite keeps its read buffer as long as the socket lives, and reads no more than that at once. A small buffer
//! suits the thousands of idle sockets, a large one the few that send in bulk. So the buffer is small, and data of a
//! socket that fills it is read ahead into a second buffer, which is dropped when the socket has no more data.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, BytesMut};
use protocol::MAX_HELLO_BYTES;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_util::io::poll_read_buf;

use super::replies::Replies;
use crate::http::ReadHalf;

/// How much is read ahead from a socket that sends in bulk.
const AHEAD_BYTES: usize = 128 * 1024;

/// How much tungstenite may read before `hello`: the largest `hello`, and the longest frame header.
const BEFORE_HELLO_BYTES: usize = MAX_HELLO_BYTES + 14;

pub struct ReadSide {
    socket: ReadHalf,
    /// Receives what tungstenite writes.
    replies: Replies,
    /// The last read filled the buffer, so there is probably more data.
    is_bulk: bool,
    /// Data was received since the last call of [`Self::take_heard`].
    has_heard: bool,
    /// Data that was read and not yet taken by tungstenite. It allocates memory only if the socket sends in bulk.
    ahead: BytesMut,
    /// How many more bytes tungstenite may read; `None` (no limit) after `hello`.
    left: Option<usize>,
}

impl ReadSide {
    /// `begun` is the data that was read together with the upgrade request.
    pub fn new(socket: ReadHalf, begun: &[u8], replies: Replies) -> Self {
        let has_begun = !begun.is_empty();
        let ahead = BytesMut::from(begun);
        Self { socket, replies, is_bulk: has_begun, has_heard: has_begun, ahead, left: Some(BEFORE_HELLO_BYTES) }
    }

    /// Whether any data was received since the last call. A part of a frame is a sign of life too.
    pub fn take_heard(&mut self) -> bool {
        std::mem::take(&mut self.has_heard)
    }

    /// Removes the limit: the socket has sent its `hello`, or its data is only discarded.
    pub fn lift_limit(&mut self) {
        self.left = None;
    }

    /// Whether more data came than a `hello` may have.
    pub fn limit_is_reached(&self) -> bool {
        self.left == Some(0)
    }

    fn take_ahead(&mut self, buf: &mut ReadBuf<'_>) {
        let taken = self.ahead.len().min(buf.remaining());
        buf.put_slice(&self.ahead[..taken]);
        self.ahead.advance(taken);
    }

    fn poll_socket(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if !self.ahead.is_empty() {
            self.take_ahead(buf);
            return Poll::Ready(Ok(()));
        }
        if !self.is_bulk {
            ready!(Pin::new(&mut self.socket).poll_read(cx, buf))?;
            self.has_heard = true;
            self.is_bulk = buf.remaining() == 0;
            return Poll::Ready(Ok(()));
        }
        self.ahead.reserve(AHEAD_BYTES);
        match poll_read_buf(Pin::new(&mut self.socket), cx, &mut self.ahead) {
            Poll::Ready(read) => {
                read?;
                self.has_heard = true;
                self.take_ahead(buf);
                Poll::Ready(Ok(()))
            }
            Poll::Pending => {
                self.is_bulk = false;
                self.ahead = BytesMut::new();
                Poll::Pending
            }
        }
    }
}

impl AsyncRead for ReadSide {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let Some(left) = self.left else { return self.poll_socket(cx, buf) };
        if left == 0 {
            return Poll::Ready(Err(io::ErrorKind::FileTooLarge.into()));
        }
        let before = buf.filled().len();
        ready!(self.poll_socket(cx, buf))?;
        self.left = Some(left.saturating_sub(buf.filled().len() - before));
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for ReadSide {
    /// Accepts everything at once, so that `frames` always holds whole frames.
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, frames: &[u8]) -> Poll<io::Result<usize>> {
        self.replies.add(frames);
        Poll::Ready(Ok(frames.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
