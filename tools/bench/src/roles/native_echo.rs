//! The floor of latency: librdkafka's producer and consumer in one process.

use std::ops::Range;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};

use crate::kafka_config;
use crate::native::{Consumer, Producer};
use crate::pace::Pace;
use crate::parent::tell;
use crate::payload::Payload;
use crate::roundtrip::{self, See, Send};

const WAIT: Duration = Duration::from_secs(10);
const BATCH: usize = 1000;
/// Linger 0: every record is sent immediately, as by the bridge.
const LINGER_MS: u32 = 0;

/// Writes into a new topic and reads it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct NativeEcho {
    pub kafka: String,
    pub topic: String,
    pub bytes: usize,
    pub pace: Pace,
}

impl NativeEcho {
    pub fn play(self) -> Result<()> {
        let producer = Producer::new(&kafka_config::producer(&self.kafka, LINGER_MS), &self.topic)?;
        let consumer = Consumer::new(&kafka_config::consumer(&self.kafka), &self.topic, 0, 0)?;
        let sender = NativeSender { producer, payload: Payload::new(self.bytes), under_way: 0 };
        tell(&roundtrip::measure(self.pace, std::process::id(), sender, NativeSeer(consumer))?)
    }
}

struct NativeSender {
    producer: Producer,
    payload: Payload,
    under_way: u64,
}

impl Send for NativeSender {
    fn send(&mut self, numbers: Range<u64>) -> Result<()> {
        for number in numbers {
            self.producer.send(std::iter::once(self.payload.value(number)))?;
            self.under_way += 1;
        }
        // Delivery reports are only removed from the queue: a received record was written.
        self.under_way -= self.producer.acknowledged(Duration::ZERO)?;
        Ok(())
    }

    fn finish(&mut self) -> Result<()> {
        while self.under_way > 0 {
            let acknowledged = self.producer.acknowledged(WAIT)?;
            ensure!(acknowledged > 0, "{} records without acknowledgement for {WAIT:?}", self.under_way);
            self.under_way -= acknowledged;
        }
        Ok(())
    }
}

struct NativeSeer(Consumer);

impl See for NativeSeer {
    fn see(&mut self, seen: &mut Vec<u64>) -> Result<()> {
        let batch = self.0.take(WAIT, BATCH)?;
        ensure!(!batch.is_empty(), "no record for {WAIT:?}");
        for message in batch.iter() {
            seen.push(Payload::number(message.value()).context("a record without a number")?);
        }
        Ok(())
    }
}
