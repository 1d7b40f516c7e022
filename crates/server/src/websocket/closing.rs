//! Closes a socket: the reason, the close frame, and the wait for the client's close frame.

use std::time::Duration;

use protocol::CloseCode;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::frame::Frame;
use super::outbox::{Gone, OpenSocket, Outbox};
use super::session::{Stream, next_frame};
use super::slots::{Full, Slot};
use crate::metrics::{ClosedBy, METRICS};

/// How long the client may take to answer a close frame.
const CLOSE_WITHIN: Duration = Duration::from_secs(2);

/// How long the close frame of an evicted socket may take.
const EVICTED_WITHIN: Duration = Duration::from_millis(100);

/// Why a session ends, which decides about the close frame.
pub enum End {
    Close(CloseCode, String),
    ClosedByClient(u16),
    /// The socket was closed before its `hello`, to make room for a newer one.
    Evicted,
    Gone,
}

impl From<Gone> for End {
    fn from(_: Gone) -> Self {
        Self::Gone
    }
}

impl End {
    pub fn close(code: CloseCode, reason: impl Into<String>) -> Self {
        Self::Close(code, reason.into())
    }

    fn count(&self) {
        /// Stands for a connection that ended without a close frame (RFC 6455, 7.4.1).
        const ABNORMAL: u16 = 1006;
        match self {
            Self::Close(code, _) => METRICS.socket_closed(ClosedBy::Bridge, code.number()),
            Self::Evicted => METRICS.socket_closed(ClosedBy::Bridge, CloseCode::RateExceeded.number()),
            Self::ClosedByClient(code) => METRICS.socket_closed(ClosedBy::Client, *code),
            Self::Gone => METRICS.socket_closed(ClosedBy::Network, ABNORMAL),
        }
    }
}

/// Closes the socket. A socket without a `hello` is dropped as soon as it is evicted.
pub async fn close(end: End, stream: Stream, outbox: Outbox, writer: JoinHandle<OpenSocket>, slot: &Slot) {
    end.count();
    if let End::Evicted = end {
        return close_evicted(outbox, writer).await;
    }
    let stop_writing = writer.abort_handle();
    let closing = async {
        match end {
            End::Close(code, reason) => {
                outbox.close(code, &reason).await;
                drop(outbox);
                // The writer ends once every task of the session has dropped its outbox.
                if let Ok(open) = writer.await {
                    wait_for_close(stream, code).await;
                    drop(open);
                }
            }
            // RFC 6455, 5.5.1: a close frame is answered with one.
            End::ClosedByClient(code) => {
                outbox.close_with(code, "").await;
                drop(outbox);
                let _ = writer.await;
            }
            End::Evicted | End::Gone => {
                drop(outbox);
                let _ = writer.await;
            }
        }
    };
    tokio::select! {
        // An evicted socket tries to send its close frame first.
        biased;
        () = closing => {}
        () = slot.evicted() => stop_writing.abort(),
    }
}

/// An evicted socket must free its resources now, so a client that does not read gets no close frame.
async fn close_evicted(outbox: Outbox, mut writer: JoinHandle<OpenSocket>) {
    let frame = Frame::close(CloseCode::RateExceeded.number(), Full::BeforeHello.reason());
    outbox.write_at_once(|| Some(frame));
    drop(outbox);
    // The writer finishes what the kernel has not accepted at once; with TLS that is the whole frame.
    if timeout(EVICTED_WITHIN, &mut writer).await.is_err() {
        writer.abort();
    }
}

/// Reads and discards until the client's close frame. Closing with unread data would reset the connection, and the
/// client might never receive our close frame.
async fn wait_for_close(mut stream: Stream, code: CloseCode) {
    let closed = async {
        loop {
            match next_frame(&mut stream).await {
                Ok(_) => stream.get_mut().end_message(),
                Err(End::ClosedByClient(_)) => return,
                // The frames cannot be parsed any more, the first message is too large, or the connection has ended.
                Err(_) => break,
            }
        }
        let mut rest = stream.into_inner();
        rest.discard();
        read_until_close_frame(rest, code.number()).await;
    };
    // A client that keeps sending is disconnected.
    let _ = timeout(CLOSE_WITHIN, closed).await;
}

/// Reads until the close frame where frame boundaries are unknown, for example within a frame that is too large.
async fn read_until_close_frame(mut socket: impl AsyncRead + Unpin, code: u16) {
    /// The longest masked control frame.
    const LONGEST: usize = 2 + 4 + 125;
    let mut read = Vec::new();
    // On the heap, because this future is part of every socket's task for its whole lifetime.
    let mut rest = vec![0; 4096];
    while let Ok(length @ 1..) = socket.read(&mut rest).await {
        read.extend_from_slice(&rest[..length]);
        if ends_with_close_frame(&read, code) {
            return;
        }
        read.drain(..read.len().saturating_sub(LONGEST));
    }
}

/// Whether the bytes end with a client's close frame with this code (RFC 6455, 5.2 and 5.5.1).
fn ends_with_close_frame(bytes: &[u8], code: u16) -> bool {
    const FINAL_CLOSE: u8 = 0x88;
    const MASKED: u8 = 0x80;
    (2..=125_u8).any(|payload| {
        let Some(start) = bytes.len().checked_sub(2 + 4 + usize::from(payload)) else { return false };
        match &bytes[start..] {
            [FINAL_CLOSE, length, mask @ ..] if *length == MASKED | payload => {
                u16::from_be_bytes([mask[0] ^ mask[4], mask[1] ^ mask[5]]) == code
            }
            _ => false,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A frame as a client sends it, with the mask 1, 2, 3, 4.
    fn close_frame(code: u16, reason: &[u8]) -> Vec<u8> {
        let payload = [&code.to_be_bytes(), reason].concat();
        let masked = payload.iter().zip([1, 2, 3, 4].iter().cycle()).map(|(byte, mask)| byte ^ mask);
        let length = u8::try_from(payload.len()).expect("short");
        [0x88, 0x80 | length, 1, 2, 3, 4].into_iter().chain(masked).collect()
    }

    #[test]
    fn close_frame_is_found_after_any_bytes() {
        for reason in [&b""[..], b"too large", &[b'x'; 123]] {
            let frame = close_frame(1009, reason);
            assert!(ends_with_close_frame(&frame, 1009));
            assert!(ends_with_close_frame(&[&[0x88; 500], &frame[..]].concat(), 1009));
            assert!(!ends_with_close_frame(&frame, 1002), "another code");
            assert!(!ends_with_close_frame(&frame[..frame.len() - 1], 1009), "not all of it is there");
            assert!(!ends_with_close_frame(&[&frame[..], b"x"].concat(), 1009), "something follows");
        }
        assert!(!ends_with_close_frame(b"", 1009));
    }
}
