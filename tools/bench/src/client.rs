//! A client of the WebSocket protocol on raw tungstenite, which the floors use too.

use std::net::TcpStream as BlockingStream;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use futures_util::{SinkExt as _, StreamExt as _};
use protocol::{
    ClientMessage, Decode, Flow, Format, Frame, Hello, Mode, Pong, Produced, SUBPROTOCOL, ServerMessage, Subscribe,
    Subscribed, Welcome, WhenSlow, Window,
};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Message, WebSocket};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

/// The WebSocket settings of every client: tungstenite's defaults.
pub fn settings() -> WebSocketConfig {
    WebSocketConfig::default()
}

/// Far longer than any message that a row waits for.
const SILENCE: Duration = Duration::from_secs(60);

/// A WebSocket without any protocol on it.
pub type Socket = WebSocketStream<TcpStream>;

pub async fn open(address: &str) -> Result<Socket> {
    let stream = TcpStream::connect(address).await.with_context(|| format!("cannot connect to {address}"))?;
    stream.set_nodelay(true)?;
    let (socket, _) = client_async_with_config(url(address), stream, Some(settings())).await?;
    Ok(socket)
}

fn url(address: &str) -> String {
    format!("ws://{address}/ws")
}

/// A blocking socket with one thread that reads and another that writes. A runtime's timers and wake-ups would be part of
/// latencies of microseconds.
pub fn open_blocking(address: &str) -> Result<(WebSocket<BlockingStream>, WebSocket<BlockingStream>)> {
    use tokio_tungstenite::tungstenite::client::client_with_config;
    use tokio_tungstenite::tungstenite::protocol::Role;
    let stream = BlockingStream::connect(address).with_context(|| format!("cannot connect to {address}"))?;
    stream.set_nodelay(true)?;
    let writing_half = stream.try_clone()?;
    let (reader, _) = client_with_config(url(address), stream, Some(settings()))
        .map_err(|error| anyhow::anyhow!("the WebSocket was refused: {error}"))?;
    let writer = WebSocket::from_raw_socket(writing_half, Role::Client, Some(settings()));
    Ok((reader, writer))
}

pub fn hello() -> Message {
    let hello = Hello {
        protocol: SUBPROTOCOL.to_owned(),
        client: concat!("ponte-bench/", env!("CARGO_PKG_VERSION")).to_owned(),
        cluster: None,
        token: None,
        resume: None,
    };
    text(hello)
}

pub fn text(message: impl Into<ClientMessage>) -> Message {
    Message::text(message.into().to_json())
}

pub fn subscribe(topic: &str, mode: Mode, format: Format, window: Window, when_slow: WhenSlow) -> Message {
    subscribe_decoded(topic, mode, format, window, when_slow, Decode::default())
}

/// The same for records that the bridge decodes.
pub fn subscribe_decoded(
    topic: &str,
    mode: Mode,
    format: Format,
    window: Window,
    when_slow: WhenSlow,
    decode: Decode,
) -> Message {
    let request =
        Subscribe { topics: vec![topic.to_owned()], mode, window, format, when_slow: Some(when_slow), decode };
    Message::text(ClientMessage::from(request).to_json_with_id(Some(1)))
}

/// The message in a text frame. An error message of the bridge is an error.
pub fn parse(text: &str) -> Result<ServerMessage> {
    match ServerMessage::parse(text) {
        Ok(Frame { message: ServerMessage::ErrorMessage(error), .. }) => bail!("the bridge says: {:?}", error.error),
        Ok(Frame { message, .. }) => Ok(message),
        Err(error) => bail!("{error}: {text}"),
    }
}

/// A socket of the bridge after its welcome.
pub struct Client {
    pub socket: Socket,
    pub welcome: Welcome,
}

impl Client {
    pub async fn connect(address: &str) -> Result<Self> {
        let mut socket = open(address).await?;
        socket.send(hello()).await?;
        match parse(&next_text(&mut socket).await?)? {
            ServerMessage::Welcome(welcome) => Ok(Self { socket, welcome }),
            other => bail!("{} came instead of welcome", other.name()),
        }
    }

    /// Opens a stream of records and waits until its partition is assigned.
    pub async fn subscribe(&mut self, request: Message) -> Result<u32> {
        self.socket.send(request).await?;
        let mut number = None;
        loop {
            match parse(&next_text(&mut self.socket).await?)? {
                ServerMessage::Subscribed(Subscribed { subscription, .. }) => number = Some(subscription),
                ServerMessage::Assigned(_) => return number.context("assigned before subscribed"),
                _ => {}
            }
        }
    }
}

impl Client {
    /// The next message in a text frame. Answers pings, and fails after a long silence.
    pub async fn hear(&mut self) -> Result<ServerMessage> {
        let hear = async {
            loop {
                match parse(&next_text(&mut self.socket).await?)? {
                    ServerMessage::Ping(_) => self.socket.send(text(Pong {})).await?,
                    message => return Ok(message),
                }
            }
        };
        tokio::time::timeout(SILENCE, hear).await.context("the bridge sent nothing")?
    }

    /// The first message for which `pick` has a value; the others are dropped.
    pub async fn find<T>(&mut self, mut pick: impl FnMut(ServerMessage) -> Option<T>) -> Result<T> {
        loop {
            if let Some(found) = pick(self.hear().await?) {
                return Ok(found);
            }
        }
    }

    /// Waits until so many records of this client were acknowledged since now.
    pub async fn acknowledged(&mut self, records: u64) -> Result<()> {
        let mut acknowledged = 0;
        while acknowledged < records {
            let produced = self.find(|message| match message {
                ServerMessage::Produced(produced) => Some(produced),
                _ => None,
            });
            let Produced { acks, errors } = produced.await?;
            ensure!(errors.is_empty(), "records failed: {errors:?}");
            acknowledged += acks.iter().map(|ack| ack.last - ack.first + 1).sum::<u64>();
        }
        Ok(())
    }
}

async fn next_text(socket: &mut Socket) -> Result<String> {
    loop {
        match socket.next().await.context("the bridge closed the socket")?? {
            Message::Text(text) => return Ok(text.to_string()),
            Message::Close(frame) => bail!("the bridge closed the socket: {frame:?}"),
            _ => {}
        }
    }
}

/// Sends credit for a subscription once a part of its window is used, not for every frame.
pub struct Credit {
    subscription: u32,
    window: Window,
    /// Since the last `flow`.
    records: u64,
    bytes: u64,
}

impl Credit {
    pub fn new(subscription: u32, window: Window) -> Self {
        Self { subscription, window, records: 0, bytes: 0 }
    }

    /// Counts handled records up to number `through`; returns the message to send once a quarter of the window is used.
    pub fn use_up(&mut self, through: u64, records: u64, bytes: u64) -> Option<Message> {
        self.records += records;
        self.bytes += bytes;
        if self.records * 4 < self.window.records && self.bytes * 4 < self.window.bytes {
            return None;
        }
        (self.records, self.bytes) = (0, 0);
        Some(self.flow(through))
    }

    /// Credit for the whole window after `through`.
    pub fn flow(&self, through: u64) -> Message {
        let Window { records, bytes } = self.window;
        text(Flow { subscription: self.subscription, through, records, bytes })
    }
}
