//! The floor of consuming: librdkafka's batch calls, and only a check of the records.

use std::time::Duration;

use anyhow::{Result, ensure};
use serde::{Deserialize, Serialize};

use crate::kafka_config;
use crate::measurement::Throughput;
use crate::native::Consumer;
use crate::parent::tell;
use crate::stopwatch::Stopwatch;
use crate::tally::{Content, Tally};

/// Records per call; librdkafka's own programs take as many.
const BATCH: usize = 1000;

const WAIT: Duration = Duration::from_secs(10);

/// Reads the first records of a topic.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct NativeConsumer {
    pub kafka: String,
    pub topic: String,
    pub records: u64,
}

/// What was read, and how fast.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Read {
    pub content: Content,
    pub throughput: Throughput,
}

impl NativeConsumer {
    pub fn play(self) -> Result<()> {
        let mut consumer = Consumer::new(&kafka_config::consumer(&self.kafka), &self.topic, 0, 0)?;
        let mut tally = Tally::default();
        let mut started = None;
        while tally.records() < self.records {
            let batch = consumer.take(WAIT, BATCH)?;
            ensure!(!batch.is_empty(), "no record for {WAIT:?} after {} of {}", tally.records(), self.records);
            for message in batch.iter() {
                tally.push(message.offset(), message.value());
            }
            if started.is_none() {
                // The connection and the first batch are not measured.
                started = Some((tally.records(), Stopwatch::over(std::process::id())?));
            }
        }
        let Some((before, stopwatch)) = started else { anyhow::bail!("nothing to read") };
        let throughput = stopwatch.stop(tally.records() - before)?;
        tell(&Read { content: tally.content()?, throughput })
    }
}
