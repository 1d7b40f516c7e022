//! From an HTTP request to a WebSocket, by hand: warp's own upgrade cannot set the read buffer, which costs 134 KB per
//! idle socket.

use std::net::SocketAddr;
use std::sync::Arc;

use hyper::upgrade::{OnUpgrade, Parts, Upgraded};
use hyper_util::rt::TokioIo;
use protocol::SUBPROTOCOL;
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
use warp::http::header::{
    CONNECTION, HeaderMap, HeaderValue, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL,
    SEC_WEBSOCKET_VERSION, UPGRADE,
};
use warp::http::{Response, StatusCode};

use super::read_side::ReadSide;
use super::replies::Replies;
use super::slots::Full;
use super::{MAX_FRAME_BYTES, Shared, session};

/// What a socket keeps for as long as it lives. Control messages are small; what comes in bulk is read ahead.
const READ_BUFFER_BYTES: usize = 2 * 1024;

/// Why there is no upgrade.
#[derive(Debug, PartialEq, Eq)]
pub struct Refused {
    pub status: StatusCode,
    pub reason: &'static str,
}

/// Checks the handshake (RFC 6455, 4.2.1) and answers 101; the session runs as a task of its own.
pub fn upgrade(
    shared: Arc<Shared>,
    headers: &HeaderMap,
    on_upgrade: Option<OnUpgrade>,
    peer: SocketAddr,
) -> Result<Response<()>, Refused> {
    let refused = |status, reason| Refused { status, reason };
    let bad = |reason| refused(StatusCode::BAD_REQUEST, reason);
    if !has_token(headers, &UPGRADE, "websocket") || !has_token(headers, &CONNECTION, "upgrade") {
        return Err(refused(StatusCode::UPGRADE_REQUIRED, "this is a WebSocket; connect with one"));
    }
    if headers.get(SEC_WEBSOCKET_VERSION).is_none_or(|version| version != "13") {
        return Err(bad("Sec-WebSocket-Version must be 13"));
    }
    let key = headers.get(SEC_WEBSOCKET_KEY).ok_or_else(|| bad("Sec-WebSocket-Key is missing"))?;
    let on_upgrade = on_upgrade.ok_or_else(|| bad("this connection cannot be upgraded"))?;
    // Clients that name no subprotocol are welcome; those that name others speak something else.
    let names_ours = has_token(headers, &SEC_WEBSOCKET_PROTOCOL, SUBPROTOCOL);
    if headers.contains_key(SEC_WEBSOCKET_PROTOCOL) && !names_ours {
        return Err(bad("the subprotocol here is ponte.v1"));
    }
    let slot = shared.slots.take(peer.ip()).map_err(|full| {
        let reason = match full {
            Full::Total => "too many sockets are open; try again later, or raise --max-sockets",
            Full::Address => "too many sockets from your address; close one, or raise --max-sockets-per-address",
        };
        refused(StatusCode::SERVICE_UNAVAILABLE, reason)
    })?;

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
        let _slot = slot;
        match on_upgrade.await {
            Ok(upgraded) => {
                let mut config = WebSocketConfig::default();
                config.read_buffer_size = READ_BUFFER_BYTES;
                config.max_message_size = Some(MAX_FRAME_BYTES);
                config.max_frame_size = Some(MAX_FRAME_BYTES);
                let Some((socket, begun)) = take_apart(upgraded) else { return };
                let (reading, writing) = socket.into_split();
                let replies = Replies::default();
                let reading = ReadSide::new(reading, replies.clone());
                let stream = WebSocketStream::from_partially_read(reading, begun, Role::Server, Some(config)).await;
                session::serve(shared, stream, writing, replies, peer).await;
            }
            Err(error) => tracing::debug!(%peer, %error, "an upgrade was not completed"),
        }
    });
    Ok(response)
}

/// The socket, and what was read from it beyond the request. None if it is of a kind that the accept loop never makes.
fn take_apart(upgraded: Upgraded) -> Option<(TcpStream, Vec<u8>)> {
    let Parts { io, read_buf, .. } = upgraded.downcast::<TokioIo<TcpStream>>().ok()?;
    // Copied: even an empty rest would keep all of hyper's buffer, 8 KiB, for as long as the socket lives.
    Some((io.into_inner(), read_buf.to_vec()))
}

/// Whether a comma-separated header contains the token, whatever its case.
fn has_token(headers: &HeaderMap, name: &warp::http::header::HeaderName, token: &str) -> bool {
    headers
        .get_all(name)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|part| part.trim().eq_ignore_ascii_case(token))
}
