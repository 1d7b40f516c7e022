//! Reading a range of offsets once: to fill a gap, or to open a link. Blocks: call it off the async workers.

use std::time::{Duration, Instant};

use protocol::{
    ErrorBody, ErrorCode, Fetch, Fetched, Header, MAX_BATCH_RECORDS, Offset, Record, TimestampType, TopicName,
    WireBytes,
};
use rdkafka::consumer::Consumer;
use rdkafka::error::KafkaError;
use rdkafka::message::{BorrowedMessage, Headers, Message};
use rdkafka::{Offset as Position, Timestamp, TopicPartitionList};

use super::admin::admin_error;
use super::client_config::Connection;
use super::questions::{QuietContext, TIMEOUT};

/// An answer holds at most so many bytes of keys and values; the client goes on from `next`.
const MAX_BYTES: usize = 1024 * 1024;

/// A broker that sends nothing for so long has nothing, or is gone.
const QUIET_FOR: Duration = Duration::from_secs(5);

/// Reads from `request.from` towards `request.to`, as far as one answer reaches.
pub fn fetch(connection: &Connection, topic: &TopicName, request: &Fetch) -> Result<Fetched, ErrorBody> {
    let (from, to) = (request.from.0, request.to.0);
    let failed = |error: KafkaError| admin_error(&error, topic.as_str());
    let mut config = connection.base_config();
    config
        .set("group.id", "ponte-fetch")
        .set("enable.auto.commit", "false")
        .set("auto.offset.reset", "error")
        .set("allow.auto.create.topics", "false")
        // The end of the partition is an answer: nothing more is there.
        .set("enable.partition.eof", "true")
        .set("fetch.wait.max.ms", connection.fetch_wait_ms());
    let consumer = connection.consumer(&config, QuietContext(connection.hooks())).map_err(failed)?;
    let (low, high) = consumer.fetch_watermarks(topic.as_str(), request.partition, TIMEOUT).map_err(failed)?;
    let mut fetched = Fetched { records: Vec::new(), next: Offset(from.max(low)) };
    let end = to.min(high);
    if fetched.next.0 >= end {
        return Ok(fetched);
    }
    let mut list = TopicPartitionList::new();
    list.add_partition_offset(topic.as_str(), request.partition, Position::Offset(fetched.next.0)).map_err(failed)?;
    consumer.assign(&list).map_err(failed)?;

    let mut bytes = 0;
    let mut give_up_at = Instant::now() + QUIET_FOR;
    loop {
        match consumer.poll(Duration::from_millis(100)) {
            Some(Ok(message)) if message.offset() >= end => break,
            Some(Ok(message)) => {
                give_up_at = Instant::now() + QUIET_FOR;
                bytes += message.key_len() + message.payload_len();
                fetched.next = Offset(message.offset() + 1);
                fetched.records.push(record(&message));
                let is_full = fetched.records.len() >= MAX_BATCH_RECORDS || bytes >= MAX_BYTES;
                if fetched.next.0 >= end {
                    break;
                }
                if is_full {
                    return Ok(fetched);
                }
            }
            Some(Err(KafkaError::PartitionEOF(_))) => break,
            Some(Err(error)) => tracing::debug!(%error, "a range is still being read"),
            None => {}
        }
        if Instant::now() >= give_up_at {
            let message = format!("Kafka sent nothing of {topic} for {} s; try again", QUIET_FOR.as_secs());
            return Err(ErrorBody::new(ErrorCode::KafkaUnreachable, message));
        }
    }
    // What lies between the last record and the end was compacted away, or is a transaction's marker.
    fetched.next = Offset(end);
    Ok(fetched)
}

fn record(message: &BorrowedMessage<'_>) -> Record {
    let (timestamp, timestamp_type) = match message.timestamp() {
        Timestamp::NotAvailable => (None, TimestampType::Create),
        Timestamp::CreateTime(ms) => (Some(ms), TimestampType::Create),
        Timestamp::LogAppendTime(ms) => (Some(ms), TimestampType::LogAppend),
    };
    let headers = message.headers().map(|headers| {
        headers.iter().map(|header| Header(header.key.to_owned(), WireBytes::from_kafka(header.value))).collect()
    });
    Record {
        offset: Offset(message.offset()),
        timestamp,
        timestamp_type,
        key: WireBytes::from_kafka(message.key()),
        value: WireBytes::from_kafka(message.payload()),
        headers: headers.unwrap_or_default(),
    }
}
