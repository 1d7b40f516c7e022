//! How a socket ends: why, the close frame, and the wait for the client's own.

use std::time::Duration;

use protocol::CloseCode;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::frame::Frame;
use super::outbox::{Gone, OpenSocket, Outbox};
use super::session::{Stream, next_frame};
use super::slots::{Full, Slot};

/// After a close frame, how long the client may take to close its side.
const CLOSE_WITHIN: Duration = Duration::from_secs(2);

/// Why a session ends: the close frame, or none where the socket is gone already.
pub enum End {
    Close(CloseCode, String),
    ClosedByClient(u16),
    /// A newer socket took the place of this one before its `hello`.
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
}

/// Ends the socket. One without a `hello` gives its connection up as soon as its place is taken.
pub async fn close(end: End, stream: Stream, outbox: Outbox, writer: JoinHandle<OpenSocket>, slot: &Slot) {
    let stop_writing = writer.abort_handle();
    let closing = async {
        match end {
            End::Close(code, reason) => {
                outbox.close(code, &reason).await;
                drop(outbox);
                // The writer ends once every task of the session has let go of its outbox.
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
            End::Evicted => {
                // What the kernel does not take at once is lost: nothing of this socket may wait any longer.
                let frame = Frame::close(CloseCode::RateExceeded.number(), Full::BeforeHello.reason());
                outbox.write_at_once(|| Some(frame));
                writer.abort();
            }
            End::Gone => {
                drop(outbox);
                let _ = writer.await;
            }
        }
    };
    tokio::select! {
        // A socket that was evicted tries to say so first.
        biased;
        () = closing => {}
        () = slot.evicted() => stop_writing.abort(),
    }
}

/// Reads what still comes until the client's close frame. Closing with unread data would reset the connection, and the
/// client might never see ours.
async fn wait_for_close(mut stream: Stream, code: CloseCode) {
    let closed = async {
        loop {
            match next_frame(&mut stream).await {
                Ok(_) => {}
                Err(End::ClosedByClient(_)) => return,
                // Frames cannot be told apart any more, the first message is too large, or the connection has ended.
                Err(_) => break,
            }
        }
        let mut rest = stream.into_inner();
        // Nothing of it is kept, so that the limit on a first message does not matter any more.
        rest.lift_limit();
        read_until_close_frame(rest, code.number()).await;
    };
    // A client that goes on and on is cut off.
    let _ = timeout(CLOSE_WITHIN, closed).await;
}

/// The same where the beginning of the next frame is not known: in the middle of one that is too large, for example.
async fn read_until_close_frame(mut socket: impl AsyncRead + Unpin, code: u16) {
    /// A masked control frame with everything it can hold.
    const LONGEST: usize = 2 + 4 + 125;
    let mut read = Vec::new();
    // Not part of the future, which every socket has as long as it lives.
    let mut rest = vec![0; 4096];
    while let Ok(length @ 1..) = socket.read(&mut rest).await {
        read.extend_from_slice(&rest[..length]);
        if ends_with_close_frame(&read, code) {
            return;
        }
        read.drain(..read.len().saturating_sub(LONGEST));
    }
}

/// Whether the last bytes are a client's close frame with this code (RFC 6455, 5.2 and 5.5.1).
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

    /// As a client sends it, with the mask 1, 2, 3, 4.
    fn close_frame(code: u16, reason: &[u8]) -> Vec<u8> {
        let payload = [&code.to_be_bytes(), reason].concat();
        let masked = payload.iter().zip([1, 2, 3, 4].iter().cycle()).map(|(byte, mask)| byte ^ mask);
        let length = u8::try_from(payload.len()).expect("short");
        [0x88, 0x80 | length, 1, 2, 3, 4].into_iter().chain(masked).collect()
    }

    #[test]
    fn a_close_frame_is_found_behind_any_bytes() {
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
