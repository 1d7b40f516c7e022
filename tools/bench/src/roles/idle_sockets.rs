//! Idle sockets, and stalled sockets that subscribe with unlimited credit and never read.

use std::time::Duration;

use anyhow::{Context, Result};
use futures_util::{SinkExt as _, StreamExt as _};
use protocol::{Format, Mode, Pong, ServerMessage, TailStart, WhenSlow, Window};
use serde::{Deserialize, Serialize};
use tokio_tungstenite::tungstenite::Message;

use crate::client::{self, Client, Socket};
use crate::parent::{Parent, tell};

/// The largest credit.
const EVERYTHING: Window = Window { records: 1 << 50, bytes: 1 << 50 };

/// How often a stalled client sends something. A silent client would be closed after two heartbeats (40 s), before the
/// measurement ends.
const HEARD_EVERY: Duration = Duration::from_secs(5);

/// Opens sockets and keeps them open until the benchmark ends it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct IdleSockets {
    pub address: String,
    pub sockets: usize,
    pub kind: Kind,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Kind {
    /// Sockets of a floor, without a protocol.
    Raw,
    /// Sockets that were welcomed by the bridge and answer its pings.
    Welcomed,
    /// Sockets that subscribe to a topic from now on with unlimited credit, and never read. Those that the bridge closes are
    /// opened again.
    Stalled { topic: String },
}

impl IdleSockets {
    pub fn play(self, parent: Parent) -> Result<()> {
        tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(self.run(parent))
    }

    async fn run(self, parent: Parent) -> Result<()> {
        let mut holding = tokio::task::JoinSet::new();
        for _ in 0..self.sockets {
            let socket = self.open().await?;
            let role = self.clone();
            holding.spawn(async move { role.hold(socket).await });
        }
        tell(&self.sockets)?;
        tokio::select! {
            told = parent.waited() => told,
            Some(ended) = holding.join_next() => ended?.context("a socket did not stay open"),
        }
    }

    async fn open(&self) -> Result<Socket> {
        match &self.kind {
            Kind::Raw => client::open(&self.address).await,
            Kind::Welcomed => Ok(Client::connect(&self.address).await?.socket),
            Kind::Stalled { topic } => {
                let mut client = Client::connect(&self.address).await?;
                let mode = Mode::Tail { start: TailStart::Latest };
                let request = client::subscribe(topic, mode, Format::Binary, EVERYTHING, WhenSlow::Skip);
                client.subscribe(request).await?;
                Ok(client.socket)
            }
        }
    }

    async fn hold(&self, mut socket: Socket) -> Result<()> {
        if let Kind::Stalled { .. } = self.kind {
            loop {
                tokio::time::sleep(HEARD_EVERY).await;
                if socket.send(client::text(Pong {})).await.is_err() {
                    socket = self.open().await?;
                }
            }
        }
        while let Some(frame) = socket.next().await {
            if let Message::Text(text) = frame?
                && let ServerMessage::Ping(_) = client::parse(&text)?
            {
                socket.send(client::text(Pong {})).await?;
            }
        }
        anyhow::bail!("the socket was closed")
    }
}
