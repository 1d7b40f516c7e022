//! A producer at a steady rate, independent of its consumers.

use std::time::{Duration, Instant};

use anyhow::Result;
use serde::{Deserialize, Serialize};

use crate::kafka_config;
use crate::native::Producer;
use crate::parent::{Parent, tell};
use crate::values::{ValueMaker, Values};

/// How often due records are sent: enough for a batch, and far more often than a screen is drawn.
const TICK: Duration = Duration::from_millis(5);
/// Linger, so that they are sent in one request.
const LINGER_MS: u32 = 2;
const WAIT: Duration = Duration::from_millis(100);

/// Reports once it is connected and waits to start; then writes to a topic, and reports how many records it has.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PacedProducer {
    pub kafka: String,
    pub topic: String,
    pub per_second: u64,
    pub records: u64,
    pub values: Values,
    pub bytes: usize,
}

impl PacedProducer {
    pub fn play(self, parent: Parent) -> Result<()> {
        let producer = Producer::new(&kafka_config::producer(&self.kafka, LINGER_MS), &self.topic)?;
        let most = self.per_second.clamp(1, kafka_config::QUEUE_MESSAGES / 4);
        let mut makers: Vec<_> = (0..most).map(|_| ValueMaker::new(self.values, self.bytes)).collect();
        // The first record waits for connections, metadata and a producer id.
        producer.send(makers.iter_mut().take(1).map(|maker| maker.value(0)))?;
        let mut acknowledged = 0;
        while acknowledged < 1 {
            acknowledged += producer.acknowledged(WAIT)?;
        }
        tell(&acknowledged)?;
        parent.wait()?;

        let begin = Instant::now();
        let mut sent = 1;
        while sent < self.records {
            std::thread::sleep(TICK);
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss)]
            let due = (begin.elapsed().as_secs_f64() * self.per_second as f64) as u64 + 1;
            let room = most.saturating_sub(sent - acknowledged);
            let count = due.min(self.records).saturating_sub(sent).min(room);
            let numbers = sent..sent + count;
            producer.send(makers.iter_mut().zip(numbers).map(|(maker, number)| maker.value(number)))?;
            sent += count;
            acknowledged += producer.acknowledged(Duration::ZERO)?;
        }
        while acknowledged < sent {
            acknowledged += producer.acknowledged(WAIT)?;
        }
        tell(&acknowledged)
    }
}
