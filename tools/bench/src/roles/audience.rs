//! Several WebSockets that watch a topic into which a producer writes at a steady rate, and perhaps some that never read.

use std::ops::Range;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail, ensure};
use futures_util::{SinkExt as _, StreamExt as _};
use protocol::{Format, Mode, RecordsFrame, ServerMessage, TailStart, WhenSlow, Window};
use serde::{Deserialize, Serialize};
use tokio_tungstenite::tungstenite::Message;

use crate::client::{self, Client, Credit};
use crate::kafka_config;
use crate::native::Producer;
use crate::pace::{Latencies, Schedule};
use crate::parent::tell;
use crate::payload::Payload;

/// More than a reading socket ever has in flight. A stalled one stops at the bridge's buffers long before.
const WINDOW: Window = Window { records: 1_000_000, bytes: 1 << 30 };

/// Readers send `flow` after this number of records.
const SETTLED_EVERY: u64 = 10_000;

/// The share of the records that is not measured: the stalled sockets' buffers have to fill first.
const WARM_UP_SHARE: u64 = 3;

const LINGER_MS: u32 = 0;

/// Below what librdkafka's queue holds of records of 1 KiB.
const MAX_UNDER_WAY: u64 = 40_000;
const ACKNOWLEDGED_WITHIN: Duration = Duration::from_secs(10);

/// Writes with librdkafka, and measures from the due time of a record until each reading socket receives it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Audience {
    pub kafka: String,
    pub address: String,
    pub topic: String,
    pub bytes: usize,
    pub per_second: u32,
    pub records: u64,
    pub readers: usize,
    pub stalled: usize,
}

impl Audience {
    pub fn play(self) -> Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let producer = Producer::new(&kafka_config::producer(&self.kafka, LINGER_MS), &self.topic)?;
        let mut readers = Vec::new();
        for _ in 0..self.readers {
            readers.push(runtime.block_on(self.watch())?);
        }
        let mut stalled = Vec::new();
        for _ in 0..self.stalled {
            stalled.push(runtime.block_on(self.watch())?);
        }
        let schedule = Schedule::start(self.per_second, 0, self.records);
        let measured = self.records / WARM_UP_SHARE..self.records;
        let latencies = std::thread::scope(|scope| -> Result<Latencies> {
            let this = &self;
            let sending = scope.spawn(move || this.write(&producer, schedule));
            let seen = runtime.block_on(async {
                let mut reading = tokio::task::JoinSet::new();
                for reader in readers {
                    reading.spawn(read(reader, schedule, measured.clone()));
                }
                let mut all = Latencies::new()?;
                while let Some(latencies) = reading.join_next().await {
                    all.add(&latencies??)?;
                }
                Ok(all)
            });
            // A record that was not sent cannot be received, so the sender's error is reported first.
            sending.join().map_err(|_| anyhow!("the sender panicked"))?.and(seen)
        })?;
        tell(&latencies.percentiles())
    }

    async fn watch(&self) -> Result<(Client, u32)> {
        let mut client = Client::connect(&self.address).await?;
        let mode = Mode::Tail { start: TailStart::Latest };
        let request = client::subscribe(&self.topic, mode, Format::Binary, WINDOW, WhenSlow::Skip);
        let subscription = client.subscribe(request).await?;
        Ok((client, subscription))
    }

    fn write(&self, producer: &Producer, schedule: Schedule) -> Result<()> {
        let mut payload = Payload::new(self.bytes);
        let mut under_way = 0;
        schedule.run(|numbers| {
            for number in numbers {
                // A slow broker delays records, which counts, and must not end the measurement.
                while under_way >= MAX_UNDER_WAY {
                    under_way -= producer.acknowledged(ACKNOWLEDGED_WITHIN)?;
                }
                producer.send(std::iter::once(payload.value(number)))?;
                under_way += 1;
            }
            under_way -= producer.acknowledged(Duration::ZERO)?;
            Ok(())
        })?;
        while under_way > 0 {
            let acknowledged = producer.acknowledged(ACKNOWLEDGED_WITHIN)?;
            ensure!(acknowledged > 0, "{under_way} records were not acknowledged");
            under_way -= acknowledged;
        }
        Ok(())
    }
}

async fn read((client, subscription): (Client, u32), schedule: Schedule, measured: Range<u64>) -> Result<Latencies> {
    let mut socket = client.socket;
    let credit = Credit::new(subscription, WINDOW);
    let mut settled = 0;
    let mut latencies = Latencies::new()?;
    let mut next = 0;
    while next < measured.end {
        let frame = match socket.next().await.context("the socket was closed")?? {
            Message::Binary(frame) => frame,
            Message::Text(text) => {
                if let ServerMessage::Gap(gap) = client::parse(&text)? {
                    bail!("a socket that reads got a gap: {gap:?}");
                }
                continue;
            }
            other => bail!("{other} came in between"),
        };
        let now = Instant::now();
        let frame = RecordsFrame::parse(&frame)?;
        for record in frame.records {
            let value = record?.view()?.value.unwrap_or_default();
            let number = Payload::number(value).context("a record without a number")?;
            ensure!(number == next, "record {number} came where {next} was due");
            next += 1;
            if measured.contains(&number) {
                latencies.record(now.saturating_duration_since(schedule.due(number)))?;
            }
        }
        if frame.seq >= settled + SETTLED_EVERY {
            settled = frame.seq;
            socket.send(credit.flow(settled)).await?;
        }
    }
    Ok(latencies)
}
