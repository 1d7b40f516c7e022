//! One WebSocket that reads records as fast as they arrive, checks them, and measures the sender.

use anyhow::{Context, Result, bail};
use futures_util::{SinkExt as _, StreamExt as _};
use protocol::{Decode, Format, Mode, TailStart, WhenSlow, Window};
use serde::{Deserialize, Serialize};
use tokio_tungstenite::tungstenite::Message;

use crate::client::{self, Client, Credit};
use crate::frames;
use crate::parent::tell;
use crate::roles::native_consumer::Read;
use crate::stopwatch::Stopwatch;
use crate::tally::Tally;

/// So much credit that the sender never waits for more.
const WINDOW: Window = Window { records: 1_000_000, bytes: 64 * 1024 * 1024 };

/// Reads the first records of a topic from a socket.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Sink {
    pub address: String,
    /// The sending process, whose CPU time is measured.
    pub watched: u32,
    pub sender: Sender,
    pub records: u64,
}

/// The sender.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Sender {
    Bridge {
        topic: String,
        format: Format,
        decode: Decode,
    },
    /// A sender that starts after any frame.
    Relay,
}

impl Sink {
    pub fn play(self) -> Result<()> {
        tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(self.run())
    }

    async fn run(self) -> Result<()> {
        let (mut socket, mut credit) = match &self.sender {
            Sender::Bridge { topic, format, decode } => {
                let mut client = Client::connect(&self.address).await?;
                let mode = Mode::Tail { start: TailStart::Earliest };
                let request = client::subscribe_decoded(topic, mode, *format, WINDOW, WhenSlow::Block, *decode);
                let subscription = client.subscribe(request).await?;
                (client.socket, Some(Credit::new(subscription, WINDOW)))
            }
            Sender::Relay => {
                let mut socket = client::open(&self.address).await?;
                socket.send(Message::text("go")).await?;
                (socket, None)
            }
        };
        let mut tally = Tally::default();
        let mut started = None;
        while tally.records() < self.records {
            let (records, bytes) = (tally.records(), tally.bytes());
            let through = match socket.next().await.context("the socket was closed")?? {
                Message::Binary(frame) => Some(frames::binary(&frame, &mut tally)?),
                Message::Text(text) => frames::text(&text, &mut tally)?,
                other => bail!("{other} came in between"),
            };
            let Some(through) = through else { continue };
            if started.is_none() {
                // The connection and the first frame are not measured.
                started = Some((tally.records(), Stopwatch::over(self.watched)?));
            }
            let (records, bytes) = (tally.records() - records, tally.bytes() - bytes);
            if let Some(flow) = credit.as_mut().and_then(|credit| credit.use_up(through, records, bytes)) {
                socket.send(flow).await?;
            }
        }
        let (before, stopwatch) = started.context("nothing to read")?;
        let throughput = stopwatch.stop(tally.records() - before)?;
        tell(&Read { content: tally.content()?, throughput })
    }
}
