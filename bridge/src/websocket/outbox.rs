//! What a socket has still to write: a bounded queue, and the task that empties it.

use std::io::{self, IoSlice};
use std::time::Duration;

use protocol::{CloseCode, ServerMessage};
use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::sync::mpsc;

use super::frame::Frame;
use super::replies::Replies;

/// Frames that may wait. Whoever has more to say waits itself, which is how a slow client slows its own feed only.
const CAPACITY: usize = 16;

/// A client that takes not one byte for so long is gone.
const WRITE_DEADLINE: Duration = Duration::from_secs(30);

/// The sending side; cloned into every task of a session.
#[derive(Clone)]
pub struct Outbox(mpsc::Sender<Outgoing>);

/// Boxed: the channel keeps room for 32 of them as long as the socket lives.
enum Outgoing {
    Frame(Box<Frame>),
    /// The last frame; nothing is written after it.
    Last(Box<Frame>),
}

/// The writer is gone, and with it the socket.
#[derive(Debug)]
pub struct Gone;

impl Outbox {
    /// The writer also writes what the reading side answers by itself.
    pub fn new(replies: Replies) -> (Self, Writer) {
        let (sender, receiver) = mpsc::channel(CAPACITY);
        (Self(sender), Writer { queue: receiver, replies })
    }

    pub async fn send(&self, message: impl Into<ServerMessage>) -> Result<(), Gone> {
        self.send_frame(Frame::text(&message.into().to_json())).await
    }

    /// The reply to a request.
    pub async fn reply(&self, id: Option<u64>, message: impl Into<ServerMessage>) -> Result<(), Gone> {
        self.send_frame(Frame::text(&message.into().to_json_with_id(id))).await
    }

    pub async fn send_frame(&self, frame: Frame) -> Result<(), Gone> {
        self.0.send(Outgoing::Frame(Box::new(frame))).await.map_err(|_| Gone)
    }

    /// Waits for a place first, then asks what to send, so that a cancelled wait loses nothing.
    pub async fn send_latest<M: Into<ServerMessage>>(&self, latest: impl FnOnce() -> Option<M>) -> Result<(), Gone> {
        let place = self.0.reserve().await.map_err(|_| Gone)?;
        if let Some(message) = latest() {
            place.send(Outgoing::Frame(Box::new(Frame::text(&message.into().to_json()))));
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
        let _ = self.0.send(Outgoing::Last(Box::new(Frame::close(code, reason)))).await;
    }

    /// Resolves when nothing can be written any more.
    pub async fn closed(&self) {
        self.0.closed().await;
    }
}

pub struct Writer {
    queue: mpsc::Receiver<Outgoing>,
    replies: Replies,
}

impl Writer {
    /// Writes until every [`Outbox`] is gone, the last frame was written, or the client takes nothing any more.
    pub async fn run(mut self, mut socket: impl AsyncWrite + Unpin) {
        loop {
            let mut waiting = Vec::new();
            let written = tokio::select! {
                // Pongs are small and late ones are worthless.
                biased;
                replies = self.replies.wait() => write(&mut socket, &mut [IoSlice::new(&replies)]).await,
                received = self.queue.recv_many(&mut waiting, CAPACITY) => match received {
                    0 => return,
                    _ => write_frames(&mut socket, &waiting).await,
                },
            };
            match written {
                Ok(()) if waiting.iter().any(|outgoing| matches!(outgoing, Outgoing::Last(_))) => return,
                Ok(()) => {}
                Err(error) => {
                    tracing::debug!(%error, "a socket cannot be written to any more");
                    return;
                }
            }
        }
    }
}

/// Writes the frames up to the last one with as few calls as possible.
async fn write_frames(socket: &mut (impl AsyncWrite + Unpin), waiting: &[Outgoing]) -> io::Result<()> {
    let mut slices = Vec::with_capacity(3 * waiting.len());
    for outgoing in waiting {
        match outgoing {
            Outgoing::Frame(frame) => frame.slices(&mut slices),
            Outgoing::Last(frame) => {
                frame.slices(&mut slices);
                break;
            }
        }
    }
    write(socket, &mut slices).await
}

async fn write(socket: &mut (impl AsyncWrite + Unpin), mut slices: &mut [IoSlice<'_>]) -> io::Result<()> {
    // Empty slices at the front would look like a socket that takes nothing.
    IoSlice::advance_slices(&mut slices, 0);
    while !slices.is_empty() {
        let taken = tokio::time::timeout(WRITE_DEADLINE, socket.write_vectored(slices)).await;
        match taken.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?? {
            0 => return Err(io::ErrorKind::WriteZero.into()),
            taken => IoSlice::advance_slices(&mut slices, taken),
        }
    }
    Ok(())
}
