//! Reads a range of offsets once, to fill a gap or to open a link to a record. Blocks: call it off the async workers.

pub mod by_time;
mod pool;

use std::time::{Duration, Instant};

use protocol::{
    ErrorBody, ErrorCode, Fetch, Fetched, Header, MAX_BATCH_RECORDS, Offset, Record, TimestampType, TopicName,
    WireBytes,
};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{BorrowedMessage, Headers, Message};
use rdkafka::{Offset as Position, Timestamp, TopicPartitionList};

pub use self::pool::Pool;
use super::admin::admin_error;
use super::client_config::Connection;
use super::error::not_authorised_to_read;
use super::metadata_client::QuietContext;
use feed::ends::{LastStable, PartitionEnds};

/// The largest number of bytes of keys and values in a reply; the client continues from `next`.
const MAX_BYTES: usize = 1024 * 1024;

/// A request fails if the broker sends no record for this time.
const RECORD_TIMEOUT: Duration = Duration::from_secs(5);

/// Reads ranges with a pool of consumers.
pub struct Ranges {
    pool: Pool,
}

impl Ranges {
    pub fn new(connection: Connection) -> Self {
        Self { pool: Pool::new(connection) }
    }

    /// Reads from `request.from` up to `request.to` (exclusive), or as far as one reply can contain (`Fetched::next`).
    /// `ends` are the current ends of the partition, which must exist.
    ///
    /// The records of an open transaction and those after them are not visible yet: the reply ends before them
    /// (`Fetched::waits_from`).
    ///
    /// # Errors
    /// If Kafka refuses, or sends no record for 5 s.
    pub fn fetch(&self, topic: &TopicName, request: &Fetch, ends: PartitionEnds) -> Result<Fetched, ErrorBody> {
        let failed = |error: KafkaError| admin_error(&error, topic.as_str());
        let consumer = self.pool.take().map_err(failed)?;
        let fetched = fetch(&consumer, topic, request, ends)?;
        // Unassigning discards prefetched records. A consumer that fails to do so is not used again.
        if consumer.assign(&TopicPartitionList::new()).is_ok() {
            self.pool.give_back(consumer);
        }
        Ok(fetched)
    }
}

fn fetch(
    consumer: &BaseConsumer<QuietContext>,
    topic: &TopicName,
    request: &Fetch,
    ends: PartitionEnds,
) -> Result<Fetched, ErrorBody> {
    let (from, to) = (request.from.0, request.to.0);
    let failed = |error: KafkaError| admin_error(&error, topic.as_str());
    let waits_from = ends.open_transaction().map(|LastStable(offset)| offset).filter(|offset| *offset < to);
    let mut fetched = Fetched {
        records: Vec::new(),
        next: Offset(from.max(ends.start.0)),
        waits_from: waits_from.map(Offset),
        masked: Vec::new(),
    };
    let end = to.min(ends.stable.0);
    if fetched.next.0 >= end {
        return Ok(fetched);
    }
    let mut list = TopicPartitionList::new();
    list.add_partition_offset(topic.as_str(), request.partition, Position::Offset(fetched.next.0)).map_err(failed)?;
    consumer.assign(&list).map_err(failed)?;

    let mut bytes = 0;
    let mut give_up_at = Instant::now() + RECORD_TIMEOUT;
    loop {
        match consumer.poll(Duration::from_millis(100)) {
            // A record of the range that this consumer read before.
            Some(Ok(message))
                if message.topic() != topic.as_str()
                    || message.partition() != request.partition
                    || message.offset() < fetched.next.0 => {}
            Some(Ok(message)) if message.offset() >= end => break,
            Some(Ok(message)) => {
                give_up_at = Instant::now() + RECORD_TIMEOUT;
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
            Some(Err(KafkaError::PartitionEOF(partition))) if partition == request.partition => break,
            Some(Err(error)) if error.rdkafka_error_code() == Some(RDKafkaErrorCode::TopicAuthorizationFailed) => {
                return Err(not_authorised_to_read(topic.as_str(), RDKafkaErrorCode::TopicAuthorizationFailed));
            }
            Some(Err(error)) => tracing::debug!(%error, "a transient error while reading a range"),
            None => {}
        }
        if Instant::now() >= give_up_at {
            let message = format!("Kafka sent no records of {topic} for {} s; try again", RECORD_TIMEOUT.as_secs());
            return Err(ErrorBody::new(ErrorCode::KafkaUnreachable, message));
        }
    }
    // The offsets between the last record and the end were compacted, or are transaction markers.
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
        key_note: None,
        value_note: None,
    }
}
