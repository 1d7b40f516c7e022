//! The floor of producing: librdkafka's batch calls, both for sending and for delivery reports.

use std::time::Duration;

use anyhow::Result;
use serde::{Deserialize, Serialize};

use crate::kafka_config::{self, QUEUE_BYTES, QUEUE_MESSAGES};
use crate::measurement::Throughput;
use crate::native::Producer;
use crate::parent::tell;
use crate::stopwatch::Stopwatch;
use crate::tally::{Content, Tally};
use crate::values::{ValueMaker, Values};

/// Records per call: more do not help.
const BATCH: u64 = 256;

const WAIT: Duration = Duration::from_millis(100);

/// Writes records into a topic and measures until the last is acknowledged.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct NativeProducer {
    pub kafka: String,
    pub topic: String,
    pub records: u64,
    pub values: Values,
    pub bytes: usize,
    pub linger_ms: u32,
    /// How many records may be without acknowledgement.
    pub window: u64,
}

/// What was written, and how fast.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Written {
    pub content: Content,
    pub throughput: Throughput,
}

impl NativeProducer {
    pub fn play(self) -> Result<()> {
        let producer = Producer::new(&kafka_config::producer(&self.kafka, self.linger_ms), &self.topic)?;
        let window = self.window.min(QUEUE_MESSAGES).min(QUEUE_BYTES / self.bytes.max(1) as u64).max(1);
        let batch = BATCH.min(window);
        let mut makers: Vec<_> = (0..batch).map(|_| ValueMaker::new(self.values, self.bytes)).collect();
        let mut tally = Tally::default();

        // The first record waits for connections, metadata and a producer id; it is not measured.
        send(&producer, &mut makers[..1], &mut tally)?;
        let mut acknowledged = 0;
        while acknowledged < 1 {
            acknowledged += producer.acknowledged(WAIT)?;
        }
        let stopwatch = Stopwatch::over(std::process::id())?;
        while acknowledged < self.records {
            let count = batch.min(self.records - tally.records());
            if count > 0 && tally.records() - acknowledged + count <= window {
                send(&producer, &mut makers[..usize::try_from(count)?], &mut tally)?;
                acknowledged += producer.acknowledged(Duration::ZERO)?;
            } else {
                acknowledged += producer.acknowledged(WAIT)?;
            }
        }
        let throughput = stopwatch.stop(self.records - 1)?;
        tell(&Written { content: tally.content()?, throughput })
    }
}

fn send(producer: &Producer, makers: &mut [ValueMaker], tally: &mut Tally) -> Result<()> {
    let values = makers.iter_mut().map(|maker| {
        let value = maker.value(tally.records());
        tally.push_unnumbered(value);
        value
    });
    producer.send(values)
}
