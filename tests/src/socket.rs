//! A WebSocket for tests: frames, close codes, and handshakes with any header. The conversation is printed when the test fails.

use std::time::{Duration, Instant};

use futures_util::{SinkExt, StreamExt};
use hyper::StatusCode;
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

use crate::wait::PATIENCE;

/// The longest frame and the most frames that a failing test shows of a conversation.
const SHOWN_CHARS: usize = 400;
const SHOWN_FRAMES: usize = 80;

/// A WebSocket handshake like the page's. A test may change its headers.
#[derive(Clone, Debug)]
pub struct Handshake {
    /// Where to connect, which a proxy may change; `host` stays the bridge's.
    address: String,
    host: String,
    origin: Option<String>,
    subprotocol: Option<String>,
    path: String,
    headers: Vec<(&'static str, String)>,
}

/// A message of the bridge.
#[derive(Debug)]
pub enum Heard {
    Text(String),
    Binary(Vec<u8>),
    /// Code and reason. The code is 1005 if a close frame has none, and 1006 if the connection ended without a close frame.
    Closed(u16, String),
}

#[derive(Debug)]
pub struct Socket {
    stream: WebSocketStream<TcpStream>,
    began: Instant,
    transcript: Vec<String>,
}

impl Handshake {
    pub fn with(address: &str) -> Self {
        Self {
            address: address.to_owned(),
            host: address.to_owned(),
            origin: Some(format!("http://{address}")),
            subprotocol: Some(protocol::SUBPROTOCOL.to_owned()),
            path: "/ws".to_owned(),
            headers: Vec::new(),
        }
    }

    /// Connects to this address, while the headers name the bridge.
    pub fn via(self, address: &str) -> Self {
        Self { address: address.to_owned(), ..self }
    }

    pub fn origin(self, origin: &str) -> Self {
        Self { origin: Some(origin.to_owned()), ..self }
    }

    /// Like a client that is not a browser.
    pub fn without_origin(self) -> Self {
        Self { origin: None, ..self }
    }

    pub fn host(self, host: &str) -> Self {
        Self { host: host.to_owned(), ..self }
    }

    pub fn subprotocol(self, name: Option<&str>) -> Self {
        Self { subprotocol: name.map(str::to_owned), ..self }
    }

    pub fn path(self, path: &str) -> Self {
        Self { path: path.to_owned(), ..self }
    }

    pub fn header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }

    pub async fn open(self) -> Socket {
        let what = format!("{self:?}");
        self.try_open().await.unwrap_or_else(|status| panic!("refused with {status}: {what}"))
    }

    /// The HTTP status of a refused upgrade.
    pub async fn refused(self) -> StatusCode {
        let what = format!("{self:?}");
        match self.try_open().await {
            Err(status) => status,
            Ok(_) => panic!("upgraded all the same: {what}"),
        }
    }

    /// The socket, or the HTTP status of a refused upgrade.
    pub async fn try_open(&self) -> Result<Socket, StatusCode> {
        match self.upgrade().await {
            Ok(socket) => Ok(socket),
            Err(Error::Http(response)) => Err(response.status()),
            Err(error) => panic!("{}: {error}", self.address),
        }
    }

    /// `None` if the connection or the handshake fails.
    pub async fn attempt(&self) -> Option<Socket> {
        self.upgrade().await.ok()
    }

    async fn upgrade(&self) -> Result<Socket, Error> {
        let mut request = format!("ws://{}{}", self.address, self.path).into_client_request().expect("a legal address");
        let headers = request.headers_mut();
        headers.insert("host", self.host.parse().expect("a legal header"));
        if let Some(origin) = &self.origin {
            headers.insert("origin", origin.parse().expect("a legal header"));
        }
        if let Some(name) = &self.subprotocol {
            headers.insert("sec-websocket-protocol", name.parse().expect("a legal header"));
        }
        for (name, value) in &self.headers {
            headers.insert(*name, value.parse().expect("a legal header"));
        }
        let stream = TcpStream::connect(&self.address).await.map_err(Error::Io)?;
        stream.set_nodelay(true).expect("a TCP socket");
        let config = WebSocketConfig::default().max_message_size(None).max_frame_size(None);
        let upgrade = client_async_with_config(request, stream, Some(config));
        let upgraded = timeout(PATIENCE, upgrade).await.unwrap_or_else(|_| panic!("no answer to the upgrade"));
        let (stream, response) = upgraded?;
        if let Some(name) = &self.subprotocol {
            let echoed = response.headers().get("sec-websocket-protocol").and_then(|name| name.to_str().ok());
            assert_eq!(echoed, Some(name.as_str()), "the subprotocol is echoed");
        }
        Ok(Socket { stream, began: Instant::now(), transcript: Vec::new() })
    }
}

impl Socket {
    pub async fn text(&mut self, text: &str) {
        self.remember('>', text);
        self.send(Message::text(text)).await;
    }

    pub async fn binary(&mut self, bytes: &[u8]) {
        self.remember('>', &format!("{} bytes {bytes:.60?}", bytes.len()));
        self.send(Message::binary(bytes.to_vec())).await;
    }

    /// Any frame, with any opcode and payload.
    pub async fn raw(&mut self, message: Message) {
        self.remember('>', &format!("{message:.60?}"));
        self.send(message).await;
    }

    async fn send(&mut self, message: Message) {
        // If the bridge has closed the connection, the next read shows its reason.
        let sent = timeout(PATIENCE, self.stream.send(message)).await;
        if let Ok(Err(error)) = sent {
            self.remember('!', &error.to_string());
        }
    }

    /// Closes the socket with a close frame.
    pub async fn close(mut self) {
        // The socket may be closed already.
        let _ = self.stream.close(None).await;
    }

    /// Ends the connection without a close frame, as when the network fails.
    pub fn cut(self) {
        let Self { stream, .. } = &self;
        // Closing sends RST instead of FIN then.
        let _ = stream.get_ref().set_zero_linger();
    }

    pub async fn next(&mut self) -> Heard {
        self.next_within(PATIENCE).await.unwrap_or_else(|| panic!("nothing came for {} s", PATIENCE.as_secs()))
    }

    /// The next message of this type; others are skipped, but an error fails the test.
    pub async fn hears(&mut self, name: &str) -> Value {
        loop {
            match self.next().await {
                Heard::Text(text) => {
                    let message: Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
                    if message["type"] == name {
                        return message;
                    }
                    assert_ne!(message["type"], "error", "instead of {name}: {message}");
                }
                other => panic!("instead of {name}: {other:?}"),
            }
        }
    }

    /// `None` if no message came in time.
    pub async fn next_within(&mut self, limit: Duration) -> Option<Heard> {
        timeout(limit, self.hear()).await.ok()
    }

    /// The next message, which is not added to the conversation: for tests with too many messages.
    pub async fn skim(&mut self) -> Heard {
        loop {
            match self.stream.next().await {
                Some(Ok(Message::Text(text))) => return Heard::Text(text.as_str().to_owned()),
                Some(Ok(Message::Binary(bytes))) => return Heard::Binary(bytes.to_vec()),
                Some(Ok(Message::Close(Some(frame)))) => {
                    return Heard::Closed(frame.code.into(), frame.reason.as_str().to_owned());
                }
                Some(Ok(Message::Close(None))) => return Heard::Closed(1005, String::new()),
                Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => {}
                Some(Err(error)) => return Heard::Closed(1006, error.to_string()),
                None => return Heard::Closed(1006, "the connection ended".to_owned()),
            }
        }
    }

    async fn hear(&mut self) -> Heard {
        let heard = self.skim().await;
        match &heard {
            Heard::Text(text) => self.remember('<', &text.clone()),
            other => self.remember('<', &format!("{other:?}")),
        }
        heard
    }

    /// Skips messages until the bridge closes the socket, and returns code and reason.
    pub async fn closed(&mut self) -> (u16, String) {
        loop {
            if let Heard::Closed(code, reason) = self.next().await {
                assert!(
                    reason.len() <= protocol::CloseCode::MAX_REASON_BYTES || code == 1006,
                    "the reason is longer than a close frame holds: {reason}"
                );
                return (code, reason);
            }
        }
    }

    pub async fn expect_close(&mut self, code: protocol::CloseCode) -> String {
        let (heard, reason) = self.closed().await;
        assert_eq!(heard, code.number(), "the close code; reason {reason:?}");
        assert!(!reason.is_empty(), "close {heard} has no reason");
        reason
    }

    pub fn remember(&mut self, mark: char, text: &str) {
        let shown: String = text.chars().take(SHOWN_CHARS).collect();
        let more = if shown.len() < text.len() { format!(" … {} bytes", text.len()) } else { String::new() };
        self.transcript.push(format!("{:>6} ms {mark} {shown}{more}", self.began.elapsed().as_millis()));
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let hidden = self.transcript.len().saturating_sub(SHOWN_FRAMES);
            eprintln!("--- a socket's conversation ({hidden} earlier frames)");
            for line in &self.transcript[hidden..] {
                eprintln!("{line}");
            }
            eprintln!("---");
        }
    }
}
