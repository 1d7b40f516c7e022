//! What a socket has still to write: a bounded queue, and the task that empties it.

use std::time::Duration;

use futures_util::{Sink, SinkExt};
use protocol::{CloseCode, ServerMessage};
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::{Error, Message};

/// Frames that may wait. Whoever has more to say waits itself, which is how a slow client slows its own feed only.
const CAPACITY: usize = 32;

/// A client that takes nothing at all for so long is gone.
const WRITE_DEADLINE: Duration = Duration::from_secs(30);

/// The sending side; cloned into every task of a session.
#[derive(Clone)]
pub struct Outbox(mpsc::Sender<Outgoing>);

enum Outgoing {
    Text(String),
    Binary(Vec<u8>),
    Close(CloseCode, String),
}

/// The writer is gone, and with it the socket.
#[derive(Debug)]
pub struct Gone;

impl Outbox {
    pub fn new() -> (Self, Writer) {
        let (sender, receiver) = mpsc::channel(CAPACITY);
        (Self(sender), Writer(receiver))
    }

    pub async fn send(&self, message: impl Into<ServerMessage>) -> Result<(), Gone> {
        self.send_text(message.into().to_json()).await
    }

    /// The reply to a request.
    pub async fn reply(&self, id: Option<u64>, message: impl Into<ServerMessage>) -> Result<(), Gone> {
        self.send_text(message.into().to_json_with_id(id)).await
    }

    pub async fn send_text(&self, frame: String) -> Result<(), Gone> {
        self.0.send(Outgoing::Text(frame)).await.map_err(|_| Gone)
    }

    pub async fn send_binary(&self, frame: Vec<u8>) -> Result<(), Gone> {
        self.0.send(Outgoing::Binary(frame)).await.map_err(|_| Gone)
    }

    /// Waits for a place first, then asks what to send, so that a cancelled wait loses nothing.
    pub async fn send_latest<M: Into<ServerMessage>>(&self, latest: impl FnOnce() -> Option<M>) -> Result<(), Gone> {
        let place = self.0.reserve().await.map_err(|_| Gone)?;
        if let Some(message) = latest() {
            place.send(Outgoing::Text(message.into().to_json()));
        }
        Ok(())
    }

    /// The last frame; nothing is written after it.
    pub async fn close(&self, code: CloseCode, reason: impl Into<String>) {
        // If the writer is gone, the socket is closed already.
        let _ = self.0.send(Outgoing::Close(code, reason.into())).await;
    }

    /// Resolves when nothing can be written any more.
    pub async fn closed(&self) {
        self.0.closed().await;
    }
}

pub struct Writer(mpsc::Receiver<Outgoing>);

impl Writer {
    /// Writes until every [`Outbox`] is gone, a close frame was written, or the client takes nothing any more. Gives
    /// the sink back for an orderly end.
    pub async fn run<S: Sink<Message, Error = Error> + Unpin>(mut self, mut sink: S) -> S {
        while let Some(first) = self.0.recv().await {
            let written = tokio::time::timeout(WRITE_DEADLINE, self.write_waiting(&mut sink, first)).await;
            match written {
                Ok(Ok(Last::No)) => {}
                Ok(Ok(Last::Yes) | Err(_)) => break,
                Err(_) => {
                    tracing::debug!("a client took nothing for {WRITE_DEADLINE:?}");
                    break;
                }
            }
        }
        sink
    }

    /// Writes the frame and what else waits, then flushes once.
    async fn write_waiting<S>(&mut self, sink: &mut S, first: Outgoing) -> Result<Last, Error>
    where
        S: Sink<Message, Error = Error> + Unpin,
    {
        let mut next = Some(first);
        let mut last = Last::No;
        while let Some(outgoing) = next {
            let message = match outgoing {
                Outgoing::Text(text) => Message::text(text),
                Outgoing::Binary(bytes) => Message::binary(bytes),
                Outgoing::Close(code, reason) => {
                    last = Last::Yes;
                    Message::Close(Some(CloseFrame { code: code.number().into(), reason: shorten(reason).into() }))
                }
            };
            sink.feed(message).await?;
            next = if last == Last::Yes { None } else { self.0.try_recv().ok() };
        }
        sink.flush().await?;
        Ok(last)
    }
}

#[derive(PartialEq)]
enum Last {
    Yes,
    No,
}

/// A close reason must fit into a control frame.
fn shorten(mut reason: String) -> String {
    let mut end = CloseCode::MAX_REASON_BYTES.min(reason.len());
    while !reason.is_char_boundary(end) {
        end -= 1;
    }
    reason.truncate(end);
    reason
}
