//! Turns an HTTP request into a WebSocket. warp's own upgrade cannot set the read buffer, which would take 134 KB for
//! each idle socket.

use std::sync::Arc;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use bytes::Bytes;
use hyper::upgrade::{OnUpgrade, Parts, Upgraded};
use hyper_util::rt::TokioIo;
use protocol::{ErrorBody, ErrorCode, SUBPROTOCOL};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
use warp::http::header::{
    CONNECTION, CONTENT_LENGTH, HeaderMap, HeaderName, HeaderValue, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY,
    SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION, TRANSFER_ENCODING, UPGRADE,
};
use warp::http::{Response, StatusCode};

use super::read_side::ReadSide;
use super::replies::Replies;
use super::slots::Full;
use super::{Shared, session};
use crate::http::{ActiveStream, Peer, Stream};

/// The read buffer that each socket keeps. Control messages are small; bulk data is read ahead (see `read_side`).
const READ_BUFFER_BYTES: usize = 2 * 1024;

/// Why the upgrade is refused.
#[derive(Debug, PartialEq, Eq)]
pub struct Refused {
    pub status: StatusCode,
    pub error: ErrorBody,
}

impl Refused {
    pub fn new(status: StatusCode, code: ErrorCode, reason: &str) -> Self {
        Self { status, error: ErrorBody::new(code, reason) }
    }
}

/// Checks the handshake (RFC 6455, 4.2.1) and answers 101. The session runs as its own task.
pub fn upgrade(
    shared: Arc<Shared>,
    headers: &HeaderMap,
    on_upgrade: Option<OnUpgrade>,
    peer: Peer,
) -> Result<Response<()>, Refused> {
    let bad = |reason| Refused::new(StatusCode::BAD_REQUEST, ErrorCode::BadHandshake, reason);
    let upgrade_required = |reason| Refused::new(StatusCode::UPGRADE_REQUIRED, ErrorCode::BadHandshake, reason);
    let full = |full: Full| Refused::new(StatusCode::SERVICE_UNAVAILABLE, ErrorCode::TooManySockets, full.reason());
    // First, because a page learns the status of a failed handshake only by a request without an upgrade.
    shared.slots.check(peer.ip()).map_err(full)?;
    if !has_token(headers, &UPGRADE, "websocket") || !has_token(headers, &CONNECTION, "upgrade") {
        return Err(upgrade_required("this is a WebSocket; connect with one"));
    }
    if only_value(headers, &SEC_WEBSOCKET_VERSION) != Some("13") {
        return Err(upgrade_required("Sec-WebSocket-Version must be 13"));
    }
    let key = only_value(headers, &SEC_WEBSOCKET_KEY).filter(|key| is_key(key));
    let key = key.ok_or_else(|| bad("Sec-WebSocket-Key must be one, the base64 of 16 bytes"))?;
    // The bytes of a body would be parsed as frames.
    let has_body = headers.get(CONTENT_LENGTH).is_some_and(|length| length != "0");
    if has_body || headers.contains_key(TRANSFER_ENCODING) {
        return Err(bad("an upgrade request must not have a body"));
    }
    let on_upgrade = on_upgrade.ok_or_else(|| bad("this connection cannot be upgraded; use HTTP/1.1"))?;
    // A client may name no subprotocol. A client that names only others expects another protocol.
    let names_ours = has_token(headers, &SEC_WEBSOCKET_PROTOCOL, SUBPROTOCOL);
    if headers.contains_key(SEC_WEBSOCKET_PROTOCOL) && !names_ours {
        return Err(bad("the subprotocol here is ponte.v1"));
    }
    let slot = shared.slots.take(peer.ip()).map_err(full)?;
    let signed_in = shared.admission.signed_in(headers);

    let accept = derive_accept_key(key.as_bytes());
    let mut response = Response::builder()
        .status(StatusCode::SWITCHING_PROTOCOLS)
        .header(UPGRADE, "websocket")
        .header(CONNECTION, "Upgrade")
        .header(SEC_WEBSOCKET_ACCEPT, accept);
    if names_ours {
        response = response.header(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(SUBPROTOCOL));
    }
    let response = response.body(()).map_err(|_| bad("Sec-WebSocket-Key is not usable"))?;

    let tasks = shared.tasks.clone();
    tasks.spawn(async move {
        let upgraded = tokio::select! {
            upgraded = on_upgrade => upgraded,
            () = slot.evicted() => return,
        };
        match upgraded {
            Ok(upgraded) => {
                let mut config = WebSocketConfig::default();
                config.read_buffer_size = READ_BUFFER_BYTES;
                let large_frames = Arc::clone(&shared.large_frames);
                config.max_message_size = Some(large_frames.max_bytes());
                config.max_frame_size = Some(large_frames.max_bytes());
                let Some((socket, begun)) = take_apart(upgraded) else { return };
                let (reading, writing) = socket.into_split();
                let replies = Replies::default();
                let reading = ReadSide::new(reading, &begun, replies.clone(), large_frames);
                drop(begun);
                let stream = WebSocketStream::from_raw_socket(reading, Role::Server, Some(config)).await;
                session::serve(shared, stream, writing, replies, peer, signed_in, slot).await;
            }
            Err(error) => tracing::debug!(%peer, %error, "an upgrade was not completed"),
        }
    });
    Ok(response)
}

/// The socket, and the data that was read from it after the request. `None` if the connection was not made by our
/// accept loop.
fn take_apart(upgraded: Upgraded) -> Option<(Stream, Bytes)> {
    let Parts { io, read_buf, .. } = upgraded.downcast::<TokioIo<ActiveStream>>().ok()?;
    Some((io.into_inner().into_inner(), read_buf))
}

/// The value of a header that occurs exactly once.
fn only_value<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h str> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (Some(value), None) => value.to_str().ok(),
        _ => None,
    }
}

/// Whether the text is the base64 of 16 bytes (RFC 6455, 4.1).
fn is_key(text: &str) -> bool {
    BASE64_STANDARD.decode(text).is_ok_and(|key| key.len() == 16)
}

/// Whether a comma-separated header contains the token, ignoring case.
fn has_token(headers: &HeaderMap, name: &HeaderName, token: &str) -> bool {
    headers
        .get_all(name)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|part| part.trim().eq_ignore_ascii_case(token))
}
