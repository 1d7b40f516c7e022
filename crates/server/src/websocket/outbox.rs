//! What a socket has still to write: a bounded queue, and the task that empties it. Where nothing waits, a thread that
//! has something small may write it itself: a wake-up fewer, which is most of what such a record takes.

use std::io::{self, IoSlice};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use protocol::{CloseCode, ServerMessage};
use tokio::io::AsyncWriteExt;
use tokio::net::tcp::OwnedWriteHalf;
use tokio::sync::{Mutex, Notify, mpsc};

use super::frame::Frame;
use super::replies::Replies;

/// Frames that may wait. Whoever has more to say waits itself, which is how a slow client slows its own feed only.
const CAPACITY: usize = 16;

/// A client that takes not one byte for so long is gone.
const WRITE_DEADLINE: Duration = Duration::from_secs(30);

/// The sending side; cloned into every task of a session.
#[derive(Clone)]
pub struct Outbox {
    queue: mpsc::Sender<Outgoing>,
    wire: Arc<Wire>,
}

/// Boxed: the channel keeps room for 32 of them as long as the socket lives.
struct Outgoing {
    frame: Box<Frame>,
    /// Nothing is written after it.
    is_last: bool,
    _unwritten: Unwritten,
}

/// The socket, and whether it is free.
struct Wire {
    /// Frames that are waiting or being written; what comes now comes after them.
    unwritten: AtomicUsize,
    socket: Mutex<Socket>,
    /// Something was begun that the writer has to finish.
    begun: Notify,
}

struct Socket {
    half: OwnedWriteHalf,
    /// A frame of which so many bytes are written.
    begun: Option<(Box<Frame>, usize)>,
}

/// Counts a frame for as long as it exists and is not written.
struct Unwritten(Arc<Wire>);

impl Unwritten {
    fn new(wire: &Arc<Wire>) -> Self {
        wire.unwritten.fetch_add(1, Ordering::AcqRel);
        Self(Arc::clone(wire))
    }
}

impl Drop for Unwritten {
    fn drop(&mut self) {
        self.0.unwritten.fetch_sub(1, Ordering::AcqRel);
    }
}

/// The writer is gone, and with it the socket.
#[derive(Debug)]
pub struct Gone;

/// What became of an attempt to write at once.
#[derive(Debug, PartialEq, Eq)]
pub enum AtOnce {
    Written,
    /// There was nothing to write.
    Nothing,
    /// Others are before it; nothing was taken.
    Busy,
}

impl Outbox {
    /// The writer also writes what the reading side answers by itself.
    pub fn new(half: OwnedWriteHalf, replies: Replies) -> (Self, Writer) {
        let (queue, receiver) = mpsc::channel(CAPACITY);
        let socket = Mutex::new(Socket { half, begun: None });
        let wire = Arc::new(Wire { unwritten: AtomicUsize::new(0), socket, begun: Notify::new() });
        (Self { queue, wire: Arc::clone(&wire) }, Writer { queue: receiver, wire, replies })
    }

    /// Asks for a frame and writes it on this very thread, if nothing else waits. It never blocks: what the socket does not
    /// take is left to the writer.
    pub fn write_at_once(&self, next: impl FnOnce() -> Option<Frame>) -> AtOnce {
        let Ok(mut socket) = self.wire.socket.try_lock() else { return AtOnce::Busy };
        if self.wire.unwritten.load(Ordering::Acquire) > 0 || socket.begun.is_some() || self.queue.is_closed() {
            return AtOnce::Busy;
        }
        let Some(frame) = next() else { return AtOnce::Nothing };
        let mut slices = Vec::with_capacity(3);
        frame.slices(&mut slices);
        let length: usize = slices.iter().map(|slice| slice.len()).sum();
        // Whatever is wrong with the socket, the writer finds out as well.
        let written = socket.half.try_write_vectored(&slices).unwrap_or(0);
        drop(slices);
        if written < length {
            socket.begun = Some((Box::new(frame), written));
            self.wire.begun.notify_one();
        }
        AtOnce::Written
    }

    fn outgoing(&self, frame: Frame, is_last: bool) -> Outgoing {
        Outgoing { frame: Box::new(frame), is_last, _unwritten: Unwritten::new(&self.wire) }
    }

    pub async fn send(&self, message: impl Into<ServerMessage>) -> Result<(), Gone> {
        self.send_frame(Frame::text(&message.into().to_json())).await
    }

    /// The reply to a request.
    pub async fn reply(&self, id: Option<u64>, message: impl Into<ServerMessage>) -> Result<(), Gone> {
        self.send_frame(Frame::text(&message.into().to_json_with_id(id))).await
    }

    pub async fn send_frame(&self, frame: Frame) -> Result<(), Gone> {
        self.queue.send(self.outgoing(frame, false)).await.map_err(|_| Gone)
    }

    /// Waits for a place first, then asks what to send, so that a cancelled wait loses nothing.
    pub async fn send_latest<M: Into<ServerMessage>>(&self, latest: impl FnOnce() -> Option<M>) -> Result<(), Gone> {
        let place = self.queue.reserve().await.map_err(|_| Gone)?;
        // Before it asks, so that nobody writes later news at once.
        let _unwritten = Unwritten::new(&self.wire);
        if let Some(message) = latest() {
            place.send(self.outgoing(Frame::text(&message.into().to_json()), false));
        }
        Ok(())
    }

    /// The last frame; nothing is written after it.
    pub async fn close(&self, code: CloseCode, reason: &str) {
        self.close_with(code.number(), reason).await;
    }

    /// The answer to a client that closes: its own code.
    pub async fn close_with(&self, code: u16, reason: &str) {
        // If the writer is gone, the socket is closed already.
        let _ = self.queue.send(self.outgoing(Frame::close(code, reason), true)).await;
    }

    /// Resolves when nothing can be written any more.
    pub async fn closed(&self) {
        self.queue.closed().await;
    }
}

pub struct Writer {
    queue: mpsc::Receiver<Outgoing>,
    wire: Arc<Wire>,
    replies: Replies,
}

/// Keeps the socket from being closed.
pub struct OpenSocket(#[expect(dead_code, reason = "held, never used")] Arc<Wire>);

impl Writer {
    /// Writes until every [`Outbox`] is gone, the last frame was written, or the client takes nothing any more.
    pub async fn run(mut self) -> OpenSocket {
        if let Err(error) = self.write_all().await {
            tracing::debug!(%error, "a socket cannot be written to any more");
        }
        OpenSocket(self.wire)
    }

    async fn write_all(&mut self) -> io::Result<()> {
        loop {
            let mut waiting = Vec::new();
            tokio::select! {
                // What is begun must be ended first, whoever wakes us. Pongs are small and late ones are worthless.
                biased;
                () = self.wire.begun.notified() => self.wire.socket.lock().await.finish().await?,
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
        self.write(&mut slices).await
    }

    /// Writes the rest of what was begun.
    async fn finish(&mut self) -> io::Result<()> {
        let Some((frame, written)) = self.begun.take() else { return Ok(()) };
        let mut slices = Vec::with_capacity(3);
        frame.slices(&mut slices);
        let mut slices = slices.as_mut_slice();
        IoSlice::advance_slices(&mut slices, written);
        put(&mut self.half, slices).await
    }

    async fn write(&mut self, slices: &mut [IoSlice<'_>]) -> io::Result<()> {
        self.finish().await?;
        put(&mut self.half, slices).await
    }
}

async fn put(half: &mut OwnedWriteHalf, mut slices: &mut [IoSlice<'_>]) -> io::Result<()> {
    // Empty slices at the front would look like a socket that takes nothing.
    IoSlice::advance_slices(&mut slices, 0);
    while !slices.is_empty() {
        let taken = tokio::time::timeout(WRITE_DEADLINE, half.write_vectored(slices)).await;
        match taken.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?? {
            0 => return Err(io::ErrorKind::WriteZero.into()),
            taken => IoSlice::advance_slices(&mut slices, taken),
        }
    }
    Ok(())
}
