//! The floor of the newest records of a topic: a connected librdkafka consumer that fetches the last records of each partition.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::{Message as _, Offset, TopicPartitionList};
use serde::{Deserialize, Serialize};

use crate::kafka_config;
use crate::parent::tell;

const WAIT: Duration = Duration::from_secs(30);

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct NewestByHand {
    pub kafka: String,
    pub topic: String,
    pub partitions: i32,
    /// Records of each partition.
    pub each: i64,
}

impl NewestByHand {
    /// Sends the time in microseconds.
    pub fn play(self) -> Result<()> {
        let mut config = kafka_config::consumer(&self.kafka);
        config.set("group.id", "bench-newest").set("enable.auto.commit", "false");
        let consumer: BaseConsumer = config.create()?;
        let mut ends = Vec::new();
        for partition in 0..self.partitions {
            ends.push(self.ends(&consumer, partition)?);
        }
        // Connected, as the bridge's consumer is.
        self.read(&consumer, &ends)?;
        let begin = Instant::now();
        self.read(&consumer, &ends)?;
        tell(&(begin.elapsed().as_secs_f64() * 1e6))
    }

    /// The leaders of a new topic may not know yet that they lead.
    fn ends(&self, consumer: &BaseConsumer, partition: i32) -> Result<(i64, i64)> {
        let begin = Instant::now();
        loop {
            match consumer.fetch_watermarks(&self.topic, partition, WAIT) {
                Ok(ends) => return Ok(ends),
                Err(error) if begin.elapsed() > WAIT => return Err(error.into()),
                Err(_) => std::thread::sleep(Duration::from_millis(50)),
            }
        }
    }

    fn read(&self, consumer: &BaseConsumer, ends: &[(i64, i64)]) -> Result<()> {
        let mut list = TopicPartitionList::with_capacity(ends.len());
        let mut expected = 0;
        for (partition, (low, high)) in (0..).zip(ends) {
            let from = (high - self.each).max(*low);
            expected += high - from;
            if from < *high {
                list.add_partition_offset(&self.topic, partition, Offset::Offset(from))?;
            }
        }
        consumer.assign(&list)?;
        let begin = Instant::now();
        while expected > 0 {
            if begin.elapsed() > WAIT {
                bail!("{expected} records did not come within {WAIT:?}");
            }
            let Some(message) = consumer.poll(WAIT) else { continue };
            expected -= i64::from(message?.payload().is_some());
        }
        consumer.assign(&TopicPartitionList::new())?;
        Ok(())
    }
}
