//! Asynchronous commits with their results, and a group's committed offsets with their metadata.

use std::ffi::CStr;
use std::os::raw::c_int;
use std::sync::Arc;
use std::time::Duration;

use protocol::TopicPartition;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::RDKafkaErrorCode;
use rdkafka_sys as sys;

use super::admin::{PartitionEntry, PartitionList, entry};
use super::client::KafkaClient;
use super::queue::ClientQueue;
use feed::Start;

/// The queue of the results of commits, because `rd_kafka_commit` without blocking does not report its result.
pub struct CommitQueue(ClientQueue);

/// The result of one commit.
pub struct CommitAnswer {
    /// The error of the commit as a whole.
    pub error: Option<RDKafkaErrorCode>,
    /// The positions that Kafka has committed.
    pub committed: Vec<Start>,
}

impl CommitQueue {
    pub fn new(consumer: Arc<dyn KafkaClient>) -> Self {
        Self(ClientQueue::new(consumer))
    }

    /// Requests the commit of these positions, each with its metadata. [`CommitQueue::answer`] returns the result.
    ///
    /// # Errors
    /// If librdkafka cannot send the request.
    pub fn commit(&self, positions: &[(Start, Option<String>)]) -> Result<(), RDKafkaErrorCode> {
        let positions = positions.iter().map(|(start, note)| (&start.partition, start.offset, note.as_deref()));
        let list = PartitionList::with_notes(positions)?;
        // SAFETY: client, list and queue are alive; librdkafka copies the list.
        let error =
            unsafe { sys::rd_kafka_commit_queue(self.0.client(), list.0, self.0.queue(), None, std::ptr::null_mut()) };
        match error {
            sys::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR => Ok(()),
            error => Err(error.into()),
        }
    }

    /// Waits up to `timeout` for the next result.
    pub fn answer(&self, timeout: Duration) -> Option<CommitAnswer> {
        let event = self.0.poll(timeout)?;
        // SAFETY: the list lives as long as the event and has `cnt` elements with NUL-terminated names.
        unsafe {
            let error: RDKafkaErrorCode = sys::rd_kafka_event_error(event.0).into();
            let list = sys::rd_kafka_event_topic_partition_list(event.0);
            let mut committed = Vec::new();
            if !list.is_null() {
                for index in 0..usize::try_from((*list).cnt).unwrap_or(0) {
                    let element = &*(*list).elems.add(index);
                    if element.err == sys::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR && element.offset >= 0 {
                        let topic = CStr::from_ptr(element.topic).to_string_lossy().into_owned();
                        let partition = TopicPartition { topic, partition: element.partition };
                        committed.push(Start { partition, offset: element.offset });
                    }
                }
            }
            let error = (error != RDKafkaErrorCode::NoError).then_some(error);
            let committed = if error.is_none() { committed } else { Vec::new() };
            Some(CommitAnswer { error, committed })
        }
    }
}

/// The committed offset of a group in one partition.
pub struct CommittedPosition {
    pub partition: TopicPartition,
    /// `None` if the group has not committed in this partition.
    pub offset: Option<i64>,
    /// The metadata of the commit, which any client may have written.
    pub note: Vec<u8>,
}

/// Stores a position and its metadata for the consumer's next automatic commit (`enable.auto.commit`).
///
/// # Errors
/// If the partition is not assigned to the consumer.
pub fn store_position<C: ConsumerContext>(
    consumer: &BaseConsumer<C>,
    position: &Start,
    note: Option<&str>,
) -> Result<(), RDKafkaErrorCode> {
    let list = PartitionList::with_notes(std::iter::once((&position.partition, position.offset, note)))?;
    // SAFETY: client and list are alive; librdkafka copies the list.
    let error = unsafe { sys::rd_kafka_offsets_store(consumer.client().native_ptr(), list.0) };
    match error {
        sys::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR => Ok(()),
        error => Err(error.into()),
    }
}

/// The committed offsets of the consumer's group in these partitions. librdkafka waits until offsets that are being
/// committed in a transaction are stable. Blocks for at most `timeout`.
///
/// # Errors
/// If the request fails or returns an error for a partition.
pub fn committed_positions<C: ConsumerContext>(
    consumer: &BaseConsumer<C>,
    partitions: &[TopicPartition],
    timeout: Duration,
) -> Result<Vec<CommittedPosition>, RDKafkaErrorCode> {
    let timeout_ms = c_int::try_from(timeout.as_millis()).unwrap_or(c_int::MAX);
    let list = PartitionList::new(partitions.iter().map(|partition| (partition, 0)))?;
    // SAFETY: client and list are alive; the call fills the list in.
    let error = unsafe { sys::rd_kafka_committed(consumer.client().native_ptr(), list.0, timeout_ms) };
    if error != sys::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR {
        return Err(error.into());
    }
    // SAFETY: a valid list has `cnt` elements with NUL-terminated names; a note has as many bytes as its size says.
    unsafe {
        let count = usize::try_from((*list.0).cnt).unwrap_or(0);
        let elements = (0..count).map(|index| &*(*list.0).elems.add(index));
        elements
            .map(|element| {
                if element.err != sys::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR {
                    return Err(element.err.into());
                }
                let note = match element.metadata.is_null() {
                    true => Vec::new(),
                    false => std::slice::from_raw_parts(element.metadata.cast::<u8>(), element.metadata_size).to_vec(),
                };
                let PartitionEntry { partition, offset, .. } = entry(element);
                Ok(CommittedPosition { partition, offset: (offset >= 0).then_some(offset), note })
            })
            .collect()
    }
}
