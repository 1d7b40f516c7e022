//! The reading half of a socket, for tungstenite.
//!
//! Tungstenite keeps its read buffer as long as the socket lives, and reads no more than that at once. A small buffer
//! suits the thousands of idle sockets, a large one the few that send in bulk. So the buffer is small, and data of a
//! socket that fills it is read ahead into a second buffer, which is dropped when the socket has no more data.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Buf, BytesMut};
use protocol::MAX_HELLO_BYTES;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_util::io::poll_read_buf;

use super::large_frames::{LargeFrame, LargeFrames};
use super::replies::Replies;
use crate::http::ReadHalf;

/// How much is read ahead from a socket that sends in bulk.
const AHEAD_BYTES: usize = 128 * 1024;

/// How much tungstenite may read before `hello`: the largest `hello`, and the longest frame header.
const BEFORE_HELLO_BYTES: usize = MAX_HELLO_BYTES + 14;

/// The header of a client's frame with a payload of less than 126 bytes: two bytes and the mask.
const MIN_HEADER_BYTES: usize = 6;

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
    large_frames: Arc<LargeFrames>,
    /// How much of the current message tungstenite has read.
    in_message: usize,
    /// Set while a large message is read and handled.
    large_frame: Option<Box<LargeFrame>>,
    is_discarded: bool,
}

impl ReadSide {
    /// `begun` is the data that was read together with the upgrade request.
    pub fn new(socket: ReadHalf, begun: &[u8], replies: Replies, large_frames: Arc<LargeFrames>) -> Self {
        let has_begun = !begun.is_empty();
        Self {
            socket,
            replies,
            is_bulk: has_begun,
            has_heard: has_begun,
            ahead: BytesMut::from(begun),
            left: Some(BEFORE_HELLO_BYTES),
            large_frames,
            in_message: 0,
            large_frame: None,
            is_discarded: false,
        }
    }

    /// The message was handled, so its memory is free.
    pub fn end_message(&mut self) {
        self.in_message = 0;
        self.large_frame = None;
    }

    /// A ping or pong of this length may come between the frames of a message, of which it is no part.
    pub fn skip_control(&mut self, payload: usize) {
        self.in_message = self.in_message.saturating_sub(payload + MIN_HEADER_BYTES);
    }

    /// Waits for a permit if the message is a large one.
    fn poll_permit(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.is_discarded || self.in_message <= LargeFrames::SMALL_BYTES {
            return Poll::Ready(Ok(()));
        }
        let large_frame = self.large_frame.get_or_insert_with(|| Box::new(self.large_frames.next()));
        let permitted = large_frame.poll(cx);
        // The bridge does not read, so it cannot hear whether the client is alive.
        self.has_heard |= permitted.is_pending();
        permitted
    }

    /// Whether any data was received since the last call. A part of a frame is a sign of life too.
    pub fn take_heard(&mut self) -> bool {
        std::mem::take(&mut self.has_heard)
    }

    /// What follows is only discarded, so it takes no memory.
    pub fn discard(&mut self) {
        self.left = None;
        self.is_discarded = true;
        self.end_message();
    }

    /// Removes the limit: the socket has sent its `hello`.
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
        if self.left == Some(0) {
            return Poll::Ready(Err(io::ErrorKind::FileTooLarge.into()));
        }
        ready!(self.poll_permit(cx))?;
        let before = buf.filled().len();
        ready!(self.poll_socket(cx, buf))?;
        let read = buf.filled().len() - before;
        self.in_message += read;
        self.left = self.left.map(|left| left.saturating_sub(read));
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
