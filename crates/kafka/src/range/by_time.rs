//! Finds the first record at or after a time by reading, because librdkafka's mock does not support ListOffsets by
//! time.

use std::time::{Duration, Instant};

use protocol::TopicPartition;
use rdkafka::consumer::Consumer;
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::message::Message;
use rdkafka::{Offset, TopicPartitionList};

use super::pool;
use crate::client_config::Connection;

/// Enough for the demo broker, which keeps at most 5 MiB of a partition, in this process's memory.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Reads from `low` up to `high`. `ms`: milliseconds since 1970-01-01 UTC. `None` if no record has this timestamp or a
/// later one.
///
/// # Errors
/// If the consumer fails or the search takes longer than 5 s.
pub fn first_since(
    connection: &Connection,
    partition: &TopicPartition,
    (low, high): (i64, i64),
    ms: i64,
) -> KafkaResult<Option<i64>> {
    if low >= high {
        return Ok(None);
    }
    let consumer = pool::new_consumer(connection)?;
    let mut list = TopicPartitionList::new();
    list.add_partition_offset(&partition.topic, partition.partition, Offset::Offset(low))?;
    consumer.assign(&list)?;
    let deadline = Instant::now() + TIMEOUT;
    while Instant::now() < deadline {
        match consumer.poll(Duration::from_millis(100)) {
            Some(Ok(message)) if message.timestamp().to_millis().is_some_and(|at| at >= ms) => {
                return Ok(Some(message.offset()));
            }
            Some(Ok(message)) if message.offset() + 1 >= high => return Ok(None),
            Some(Err(KafkaError::PartitionEOF(_))) => return Ok(None),
            _ => {}
        }
    }
    Err(KafkaError::MessageConsumption(RDKafkaErrorCode::OperationTimedOut))
}
