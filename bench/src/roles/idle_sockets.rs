//! Sockets that nobody reads: idle ones, and stalled ones that asked for everything.

use anyhow::Result;
use futures_util::SinkExt as _;
use protocol::{Format, Mode, TailStart, WhenSlow, Window};
use serde::{Deserialize, Serialize};

use crate::client::{self, Client};
use crate::role::{Parent, tell};

/// As much as a client can ask for.
const EVERYTHING: Window = Window { records: 1 << 50, bytes: 1 << 50 };

/// Opens sockets and holds them until it is told to go.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct IdleSockets {
    pub address: String,
    pub sockets: usize,
    pub kind: Kind,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Kind {
    /// A floor's, of which nothing is said.
    Raw,
    /// Welcomed by the bridge.
    Welcomed,
    /// They watch a topic from now on, with all the credit there is, and never read.
    Stalled { topic: String },
}

impl IdleSockets {
    pub fn play(self, parent: &Parent) -> Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let mut sockets = Vec::new();
        for _ in 0..self.sockets {
            sockets.push(runtime.block_on(self.open())?);
        }
        tell(&sockets.len())?;
        parent.wait()
    }

    async fn open(&self) -> Result<client::Socket> {
        match &self.kind {
            Kind::Raw => client::open(&self.address).await,
            Kind::Welcomed => Ok(Client::connect(&self.address).await?.socket),
            Kind::Stalled { topic } => {
                let mut client = Client::connect(&self.address).await?;
                let mode = Mode::Tail { start: TailStart::Latest };
                let request = client::subscribe(topic, mode, Format::Binary, EVERYTHING, WhenSlow::Skip);
                client.subscribe(request).await?;
                client.socket.flush().await?;
                Ok(client.socket)
            }
        }
    }
}
