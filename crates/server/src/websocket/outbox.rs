//! The frames that a socket still has to write: a bounded queue, and the task that empties it. If the queue is empty, a
//! thread with a small frame may write it itself. That saves waking the task, which is most of the time that such a
//! record takes.

use std::io::{self, IoSlice};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use protocol::{CloseCode, ServerMessage};
use tokio::io::AsyncWriteExt;
use tokio::sync::{Mutex, Notify, mpsc};

use super::frame::Frame;
use super::replies::Replies;
use crate::http::WriteHalf;
use crate::metrics::METRICS;

/// Frames that may wait. A full queue blocks the sender, so a slow client slows down only its own subscriptions.
const CAPACITY: usize = 16;

/// A client that accepts no byte for this long is disconnected.
const WRITE_DEADLINE: Duration = Duration::from_secs(protocol::limits::WRITE_SECS);

/// The sending side; cloned into every task of a session.
#[derive(Clone)]
pub struct Outbox {
    queue: mpsc::Sender<Outgoing>,
    wire: Arc<Wire>,
}

/// Boxed, because the channel keeps room for 32 of them as long as the socket lives.
struct Outgoing {
    frame: Box<Frame>,
    /// Nothing is written after it.
    is_last: bool,
    _unwritten: Unwritten,
}

/// The socket, and whether a frame may be written to it directly.
struct Wire {
    /// Frames that wait or are being written. A direct write must not overtake them.
    unwritten: AtomicUsize,
    socket: Mutex<Socket>,
    /// Wakes the writer: a direct write was partial, and the writer has to finish it.
    partial: Notify,
}

struct Socket {
    half: WriteHalf,
    /// A frame that is written in part, and how many of its bytes are.
    partial: Option<(Box<Frame>, usize)>,
}

/// Counts a frame from its creation until it is written or dropped.
struct Unwritten {
    wire: Arc<Wire>,
    bytes: usize,
}

impl Unwritten {
    fn new(wire: &Arc<Wire>, bytes: usize) -> Self {
        wire.unwritten.fetch_add(1, Ordering::AcqRel);
        METRICS.frame_entered_outbox(bytes);
        Self { wire: Arc::clone(wire), bytes }
    }
}

impl Drop for Unwritten {
    fn drop(&mut self) {
        self.wire.unwritten.fetch_sub(1, Ordering::AcqRel);
        METRICS.frame_left_outbox(self.bytes);
    }
}

/// The writer has ended, and the socket with it.
#[derive(Debug)]
pub struct Gone;

/// The result of an attempt to write directly.
#[derive(Debug, PartialEq, Eq)]
pub enum AtOnce {
    Written,
    /// There was no frame to write.
    Nothing,
    /// Other frames come first; no frame was requested.
    Busy,
}

impl Outbox {
    /// The writer also writes the replies of the reading half.
    pub fn new(half: WriteHalf, replies: Replies) -> (Self, Writer) {
        let (queue, receiver) = mpsc::channel(CAPACITY);
        let socket = Mutex::new(Socket { half, partial: None });
        let wire = Arc::new(Wire { unwritten: AtomicUsize::new(0), socket, partial: Notify::new() });
        (Self { queue, wire: Arc::clone(&wire) }, Writer { queue: receiver, wire, replies })
    }

    /// Requests a frame and writes it on this thread, if no other frame waits. It never blocks: the writer finishes
    /// what the socket does not accept.
    pub fn write_at_once(&self, next: impl FnOnce() -> Option<Frame>) -> AtOnce {
        let Ok(mut socket) = self.wire.socket.try_lock() else { return AtOnce::Busy };
        if self.wire.unwritten.load(Ordering::Acquire) > 0 || socket.partial.is_some() || self.queue.is_closed() {
            return AtOnce::Busy;
        }
        let Some(frame) = next() else { return AtOnce::Nothing };
        let mut slices = Vec::with_capacity(3);
        frame.slices(&mut slices);
        let length: usize = slices.iter().map(|slice| slice.len()).sum();
        // An error of the socket is ignored here, since the writer gets it as well.
        let written = socket.half.try_write_vectored(&slices).unwrap_or(0);
        drop(slices);
        if written < length {
            socket.partial = Some((Box::new(frame), written));
            self.wire.partial.notify_one();
        } else {
            frame.note_written(&mut None);
        }
        AtOnce::Written
    }

    fn outgoing(&self, frame: Frame, is_last: bool) -> Outgoing {
        let unwritten = Unwritten::new(&self.wire, frame.bytes());
        Outgoing { frame: Box::new(frame), is_last, _unwritten: unwritten }
    }

    pub async fn send(&self, message: impl Into<ServerMessage>) -> Result<(), Gone> {
        self.reply(None, message).await
    }

    /// The reply to a request. Long lists are sent in parts.
    pub async fn reply(&self, id: Option<u64>, message: impl Into<ServerMessage>) -> Result<(), Gone> {
        for text in message.into().into_frames(id) {
            self.send_frame(Frame::text(&text)).await?;
        }
        Ok(())
    }

    pub async fn send_frame(&self, frame: Frame) -> Result<(), Gone> {
        self.queue.send(self.outgoing(frame, false)).await.map_err(|_| Gone)
    }

    /// Waits for room in the queue before it requests the message, so that a cancelled wait loses no message.
    pub async fn send_latest<M: Into<ServerMessage>>(&self, latest: impl FnOnce() -> Option<M>) -> Result<(), Gone> {
        let room = self.queue.reserve().await.map_err(|_| Gone)?;
        // Counted before the message is requested, so that no direct write overtakes it.
        let _unwritten = Unwritten::new(&self.wire, 0);
        if let Some(message) = latest() {
            room.send(self.outgoing(Frame::text(&message.into().to_json()), false));
        }
        Ok(())
    }

    /// Sends the last frame; nothing is written after it.
    pub async fn close(&self, code: CloseCode, reason: &str) {
        self.close_with(code.number(), reason).await;
    }

    /// Answers a client's close frame with the client's own code.
    pub async fn close_with(&self, code: u16, reason: &str) {
        // If the writer is gone, the socket is closed already.
        let _ = self.queue.send(self.outgoing(Frame::close(code, reason), true)).await;
    }

    /// Resolves when the writer has ended.
    pub async fn closed(&self) {
        self.queue.closed().await;
    }
}

pub struct Writer {
    queue: mpsc::Receiver<Outgoing>,
    wire: Arc<Wire>,
    replies: Replies,
}

/// Keeps the socket from being closed as long as it exists.
pub struct OpenSocket(#[expect(dead_code, reason = "held, never used")] Arc<Wire>);

impl Writer {
    /// Writes until every [`Outbox`] is dropped, the last frame is written, or the client accepts nothing any more.
    pub async fn run(mut self) -> OpenSocket {
        if let Err(error) = self.write_all().await {
            tracing::debug!(%error, "stopped writing to a socket");
        }
        OpenSocket(self.wire)
    }

    async fn write_all(&mut self) -> io::Result<()> {
        loop {
            let mut waiting = Vec::new();
            tokio::select! {
                // A partial frame must be finished before anything else. Pongs come next: they are small, and useless
                // when late.
                biased;
                () = self.wire.partial.notified() => self.wire.socket.lock().await.finish().await?,
                replies = self.replies.wait() => {
                    self.wire.socket.lock().await.write(&mut [IoSlice::new(&replies)]).await?;
                }
                received = self.queue.recv_many(&mut waiting, CAPACITY) => {
                    let mut socket = self.wire.socket.lock().await;
                    if received == 0 {
                        return socket.finish().await;
                    }
                    socket.write_frames(&waiting).await?;
                    if waiting.iter().any(|outgoing| outgoing.is_last) {
                        self.queue.close();
                        return Ok(());
                    }
                }
            }
        }
    }
}

impl Socket {
    /// Writes the frames up to the last one with as few calls as possible.
    async fn write_frames(&mut self, waiting: &[Outgoing]) -> io::Result<()> {
        let mut slices = Vec::with_capacity(3 * waiting.len());
        for outgoing in waiting {
            outgoing.frame.slices(&mut slices);
            if outgoing.is_last {
                break;
            }
        }
        self.write(&mut slices).await?;
        let mut at = None;
        for outgoing in waiting {
            outgoing.frame.note_written(&mut at);
            if outgoing.is_last {
                break;
            }
        }
        Ok(())
    }

    /// Writes the rest of a partial frame.
    async fn finish(&mut self) -> io::Result<()> {
        let Some((frame, written)) = self.partial.take() else { return Ok(()) };
        let mut slices = Vec::with_capacity(3);
        frame.slices(&mut slices);
        let mut slices = slices.as_mut_slice();
        IoSlice::advance_slices(&mut slices, written);
        write_all(&mut self.half, slices).await?;
        frame.note_written(&mut None);
        Ok(())
    }

    async fn write(&mut self, slices: &mut [IoSlice<'_>]) -> io::Result<()> {
        self.finish().await?;
        write_all(&mut self.half, slices).await
    }
}

async fn write_all(half: &mut WriteHalf, mut slices: &mut [IoSlice<'_>]) -> io::Result<()> {
    // Removes empty slices from the front: writing only those would return 0, like a socket that accepts nothing.
    IoSlice::advance_slices(&mut slices, 0);
    while !slices.is_empty() {
        match within_deadline(half.write_vectored(slices)).await? {
            0 => return Err(io::ErrorKind::WriteZero.into()),
            taken => IoSlice::advance_slices(&mut slices, taken),
        }
    }
    match half.is_buffered() {
        true => within_deadline(half.flush()).await,
        false => Ok(()),
    }
}

async fn within_deadline<T>(write: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    tokio::time::timeout(WRITE_DEADLINE, write).await.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?
}

#[cfg(test)]
mod tests;
