//! One WebSocket that writes records as fast as the window allows, and counts their outcomes.

use std::ops::Range;

use anyhow::{Context, Result, bail, ensure};
use futures_util::{SinkExt as _, StreamExt as _};
use protocol::{MAX_BATCH_BYTES, ProduceAck, ProduceBatch, ProduceView, Produced, ServerMessage};
use serde::{Deserialize, Serialize};
use tokio_tungstenite::tungstenite::Message;

use crate::client::{self, Client};
use crate::parent::tell;
use crate::payload::Payload;
use crate::roles::native_producer::Written;
use crate::stopwatch::Stopwatch;
use crate::tally::Tally;

/// Records in a frame, besides [`MAX_BATCH_BYTES`]: many frames fit into the window, so that it is never empty.
const FRAME_RECORDS: u64 = 1000;

/// Writes records into a new topic through the bridge and measures until the last is acknowledged.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Source {
    pub address: String,
    /// The bridge, whose CPU time is measured.
    pub watched: u32,
    pub topic: String,
    pub records: u64,
    pub bytes: usize,
}

impl Source {
    pub fn play(self) -> Result<()> {
        tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(self.run())
    }

    async fn run(self) -> Result<()> {
        let Client { mut socket, welcome } = Client::connect(&self.address).await?;
        let window = welcome.limits.produce_window;
        let by_bytes = (MAX_BATCH_BYTES / self.bytes.max(1)).max(1) as u64;
        let frame_records = FRAME_RECORDS.min(by_bytes).min(window);
        let mut payload = Payload::new(self.bytes);
        let mut tally = Tally::default();
        let mut outcomes = Outcomes::of(self.records)?;

        // The first record waits for metadata and a producer id; it is not measured.
        socket.send(frame(&self.topic, &mut payload, &mut tally, 1)).await?;
        while outcomes.count < 1 {
            outcomes.note(socket.next().await)?;
        }
        let stopwatch = Stopwatch::over(self.watched)?;
        while outcomes.count < self.records {
            loop {
                let count = frame_records.min(self.records - tally.records());
                if count == 0 || tally.records() - outcomes.count + count > window {
                    break;
                }
                socket.feed(frame(&self.topic, &mut payload, &mut tally, count)).await?;
            }
            socket.flush().await?;
            outcomes.note(socket.next().await)?;
        }
        let throughput = stopwatch.stop(self.records - 1)?;
        tell(&Written { content: tally.content()?, throughput })
    }
}

/// The next `count` records.
fn frame(topic: &str, payload: &mut Payload, tally: &mut Tally, count: u64) -> Message {
    let mut batch = ProduceBatch::new(topic, tally.records());
    for _ in 0..count {
        let value = payload.value(tally.records());
        tally.push_unnumbered(value);
        let value = Some(value);
        batch.push(ProduceView { partition: None, timestamp: None, key: None, value, headers: std::iter::empty() });
    }
    Message::binary(batch.into_frame())
}

/// Which records have their outcome; each may have one.
struct Outcomes {
    known: Vec<bool>,
    count: u64,
}

impl Outcomes {
    fn of(records: u64) -> Result<Self> {
        Ok(Self { known: vec![false; usize::try_from(records)?], count: 0 })
    }

    fn note<E: std::error::Error + Send + Sync + 'static>(&mut self, frame: Option<Result<Message, E>>) -> Result<()> {
        let text = match frame.context("the bridge closed the socket")?? {
            Message::Text(text) => text,
            other => bail!("{other} came in between"),
        };
        if let ServerMessage::Produced(Produced { acks, errors }) = client::parse(&text)? {
            ensure!(errors.is_empty(), "not acknowledged: {:?}", errors[0]);
            for ack in acks {
                self.acknowledge(&ack)?;
            }
        }
        Ok(())
    }

    fn acknowledge(&mut self, ack: &ProduceAck) -> Result<()> {
        // The topic is new and has one partition, so a record's offset is its number.
        ensure!(u64::try_from(ack.offset.0) == Ok(ack.first), "record {} lies at offset {}", ack.first, ack.offset.0);
        let range: Range<usize> = usize::try_from(ack.first)?..usize::try_from(ack.last)? + 1;
        let known = self.known.get_mut(range).with_context(|| format!("never sent: {ack:?}"))?;
        ensure!(known.iter().all(|known| !known), "a second outcome: {ack:?}");
        known.fill(true);
        self.count += known.len() as u64;
        Ok(())
    }
}
