//! Changes of topics: create, add partitions, delete records, delete.

use std::collections::BTreeMap;
use std::os::raw::c_char;
use std::time::Duration;

use protocol::TopicPartition;
use rdkafka::ClientContext;
use rdkafka::client::Client;
use rdkafka::error::RDKafkaErrorCode;
use rdkafka_sys as sys;

use super::admin::{AdminRequests, Failure, PartitionEntry, PartitionList, array, entries, text};
use super::c_string::c_string;

/// In CreateTopics: the broker's default (KIP-464).
const BROKER_DEFAULT: i32 = -1;

/// `RD_KAFKA_OFFSET_END`: in DeleteRecords, up to the high watermark.
const OFFSET_END: i64 = -1;

/// Creates a topic; `None` stands for the broker's default. Blocks for at most `timeout`.
///
/// # Errors
/// If Kafka refuses the request or does not answer.
pub fn create_topic<C: ClientContext>(
    client: &Client<C>,
    topic: &str,
    partitions: Option<i32>,
    replication: Option<i32>,
    config: &BTreeMap<String, String>,
    timeout: Duration,
) -> Result<(), Failure> {
    let name = c_string(topic)?;
    let mut reason: [c_char; 512] = [0; 512];
    // SAFETY: texts are copied; the length of the buffer is correct, and librdkafka terminates the reason with NUL.
    let new = unsafe {
        let new = sys::rd_kafka_NewTopic_new(
            name.as_ptr(),
            partitions.unwrap_or(BROKER_DEFAULT),
            replication.unwrap_or(BROKER_DEFAULT),
            reason.as_mut_ptr(),
            reason.len(),
        );
        if new.is_null() {
            return Err(Failure { code: RDKafkaErrorCode::InvalidArgument, reason: text(reason.as_ptr()) });
        }
        NewTopic(new)
    };
    for (key, value) in config {
        let (key, value) = (c_string(key)?, c_string(value)?);
        // SAFETY: our own description of a topic; texts are copied.
        let error: RDKafkaErrorCode =
            unsafe { sys::rd_kafka_NewTopic_set_config(new.0, key.as_ptr(), value.as_ptr()) }.into();
        if error != RDKafkaErrorCode::NoError {
            return Err(Failure { code: error, reason: String::new() });
        }
    }
    let kind = sys::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_CREATETOPICS;
    let mut requests = AdminRequests::new(client, kind, timeout).operation_timeout(timeout);
    requests.send(0, |client, options, queue| {
        let mut new = new.0;
        // SAFETY: valid pointers; the description is copied before the call returns.
        unsafe { sys::rd_kafka_CreateTopics(client, &mut new, 1, options, queue) }
    });
    let answer = requests.only_answer()?;
    // SAFETY: the event is an answer to CreateTopics; its results live as long as it.
    unsafe {
        let result = sys::rd_kafka_event_CreateTopics_result(answer.0);
        require_success(array(|count| sys::rd_kafka_CreateTopics_result_topics(result, count)))
    }
}

/// The description of the topic to create, owned by us.
struct NewTopic(*mut sys::rd_kafka_NewTopic_t);

impl Drop for NewTopic {
    fn drop(&mut self) {
        // SAFETY: owned by us and destroyed once.
        unsafe { sys::rd_kafka_NewTopic_destroy(self.0) }
    }
}

/// Increases the number of the topic's partitions to `count`. Blocks for at most `timeout`.
///
/// # Errors
/// If Kafka refuses the request or does not answer.
pub fn add_partitions<C: ClientContext>(
    client: &Client<C>,
    topic: &str,
    count: i32,
    timeout: Duration,
) -> Result<(), Failure> {
    let name = c_string(topic)?;
    let count = usize::try_from(count).unwrap_or(0);
    let mut reason: [c_char; 512] = [0; 512];
    let kind = sys::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_CREATEPARTITIONS;
    let mut requests = AdminRequests::new(client, kind, timeout).operation_timeout(timeout);
    // SAFETY: the name is copied; the length of the buffer is correct, and librdkafka terminates the reason with NUL.
    let mut new = unsafe { sys::rd_kafka_NewPartitions_new(name.as_ptr(), count, reason.as_mut_ptr(), reason.len()) };
    if new.is_null() {
        // SAFETY: as above.
        let reason = unsafe { text(reason.as_ptr()) };
        return Err(Failure { code: RDKafkaErrorCode::InvalidArgument, reason });
    }
    requests.send(0, |client, options, queue| {
        // SAFETY: valid pointers; the description is ours and destroyed once, after the call copied it.
        unsafe {
            sys::rd_kafka_CreatePartitions(client, &mut new, 1, options, queue);
            sys::rd_kafka_NewPartitions_destroy(new);
        }
    });
    let answer = requests.only_answer()?;
    // SAFETY: the event is an answer to CreatePartitions; its results live as long as it.
    unsafe {
        let result = sys::rd_kafka_event_CreatePartitions_result(answer.0);
        require_success(array(|count| sys::rd_kafka_CreatePartitions_result_topics(result, count)))
    }
}

/// Deletes a topic. Blocks for at most `timeout`.
///
/// # Errors
/// If Kafka refuses the request or does not answer.
pub fn delete_topic<C: ClientContext>(client: &Client<C>, topic: &str, timeout: Duration) -> Result<(), Failure> {
    let name = c_string(topic)?;
    let kind = sys::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_DELETETOPICS;
    let mut requests = AdminRequests::new(client, kind, timeout).operation_timeout(timeout);
    requests.send(0, |client, options, queue| {
        // SAFETY: valid pointers; the request is ours and destroyed once, after the call copied it.
        unsafe {
            let mut deletion = sys::rd_kafka_DeleteTopic_new(name.as_ptr());
            sys::rd_kafka_DeleteTopics(client, &mut deletion, 1, options, queue);
            sys::rd_kafka_DeleteTopic_destroy(deletion);
        }
    });
    let answer = requests.only_answer()?;
    // SAFETY: the event is an answer to DeleteTopics; its results live as long as it.
    unsafe {
        let result = sys::rd_kafka_event_DeleteTopics_result(answer.0);
        require_success(array(|count| sys::rd_kafka_DeleteTopics_result_topics(result, count)))
    }
}

/// Deletes every record up to the high watermark; the offset of each result is the partition's new log start. Blocks
/// for at most `timeout`.
///
/// # Errors
/// If the whole request fails; a result may have an error of its own.
pub fn delete_all_records<C: ClientContext>(
    client: &Client<C>,
    partitions: &[TopicPartition],
    timeout: Duration,
) -> Result<Vec<PartitionEntry>, Failure> {
    let list = PartitionList::new(partitions.iter().map(|partition| (partition, OFFSET_END)))?;
    let kind = sys::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_DELETERECORDS;
    let mut requests = AdminRequests::new(client, kind, timeout).operation_timeout(timeout);
    requests.send(0, |client, options, queue| {
        // SAFETY: valid pointers; the request is ours and destroyed once, after the call copied it.
        unsafe {
            let mut deletion = sys::rd_kafka_DeleteRecords_new(list.0);
            sys::rd_kafka_DeleteRecords(client, &mut deletion, 1, options, queue);
            sys::rd_kafka_DeleteRecords_destroy(deletion);
        }
    });
    let answer = requests.only_answer()?;
    // SAFETY: the event is an answer to DeleteRecords; its list lives as long as it.
    unsafe {
        let result = sys::rd_kafka_event_DeleteRecords_result(answer.0);
        Ok(entries(sys::rd_kafka_DeleteRecords_result_offsets(result)))
    }
}

/// # Safety
/// Valid results.
unsafe fn require_success(results: &[*const sys::rd_kafka_topic_result_t]) -> Result<(), Failure> {
    results.iter().try_for_each(|&result| {
        // SAFETY: the caller's promise.
        unsafe {
            match sys::rd_kafka_topic_result_error(result).into() {
                RDKafkaErrorCode::NoError => Ok(()),
                code => Err(Failure { code, reason: text(sys::rd_kafka_topic_result_error_string(result)) }),
            }
        }
    })
}
