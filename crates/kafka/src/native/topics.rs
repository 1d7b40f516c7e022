//! DescribeTopics, blocking and asynchronous.

use std::ffi::{CStr, CString};
use std::os::raw::{c_char, c_int};
use std::sync::Arc;
use std::time::Duration;

use rdkafka::ClientContext;
use rdkafka::client::Client;
use rdkafka_sys as sys;

use super::admin::{AdminRequests, Failure};
use super::c_string::c_string;
use super::client::KafkaClient;
use super::queue::ClientQueue;
use feed::topic_id::TopicId;

/// A topic that exists.
#[derive(Clone, Debug)]
pub struct ExistingTopic {
    pub name: String,
    pub id: TopicId,
    pub partitions: i32,
}

/// The queue of answers to DescribeTopics requests.
pub struct TopicQueue(ClientQueue);

impl TopicQueue {
    pub fn new(consumer: Arc<dyn KafkaClient>) -> Self {
        Self(ClientQueue::new(consumer))
    }

    /// Sends a request; [`TopicQueue::answer`] returns exactly one answer to it within `timeout`.
    pub fn request<'t>(&self, topics: impl Iterator<Item = &'t str>, timeout: Duration) {
        // A topic name cannot contain a zero byte.
        let names: Vec<CString> = topics.filter_map(|name| CString::new(name).ok()).collect();
        let mut pointers: Vec<*const c_char> = names.iter().map(|name| name.as_ptr()).collect();
        let timeout_ms = c_int::try_from(timeout.as_millis()).unwrap_or(c_int::MAX);
        let client = self.0.client();
        // SAFETY: client and queue are alive. Collection and options are ours and copied by the call before they are
        // destroyed; the names live until then. A null buffer for the error text is allowed with size 0.
        unsafe {
            let collection = sys::rd_kafka_TopicCollection_of_topic_names(pointers.as_mut_ptr(), pointers.len());
            let options =
                sys::rd_kafka_AdminOptions_new(client, sys::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_DESCRIBETOPICS);
            sys::rd_kafka_AdminOptions_set_request_timeout(options, timeout_ms, std::ptr::null_mut(), 0);
            sys::rd_kafka_DescribeTopics(client, collection, options, self.0.queue());
            sys::rd_kafka_AdminOptions_destroy(options);
            sys::rd_kafka_TopicCollection_destroy(collection);
        }
    }

    /// The answer, if one has arrived: the topics that exist; empty if the request failed.
    pub fn answer(&self) -> Option<Vec<ExistingTopic>> {
        let event = self.0.poll(Duration::ZERO)?;
        // SAFETY: a valid event.
        Some(unsafe { all_existing(event.0) })
    }
}

/// The existing topics among these names. Blocks for at most `timeout`.
///
/// # Errors
/// If Kafka refuses the request or does not answer.
pub fn describe_topics<C: ClientContext>(
    client: &Client<C>,
    names: &[&str],
    timeout: Duration,
) -> Result<Vec<ExistingTopic>, Failure> {
    if names.is_empty() {
        return Ok(Vec::new());
    }
    let names = names.iter().map(|name| c_string(name)).collect::<Result<Vec<CString>, _>>()?;
    let mut pointers: Vec<*const c_char> = names.iter().map(|name| name.as_ptr()).collect();
    let kind = sys::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_DESCRIBETOPICS;
    let mut requests = AdminRequests::new(client, kind, timeout);
    requests.send(0, |client, options, queue| {
        // SAFETY: valid pointers; the collection copies the names, and the call copies the collection before it is
        // destroyed.
        unsafe {
            let collection = sys::rd_kafka_TopicCollection_of_topic_names(pointers.as_mut_ptr(), pointers.len());
            sys::rd_kafka_DescribeTopics(client, collection, options, queue);
            sys::rd_kafka_TopicCollection_destroy(collection);
        }
    });
    let answer = requests.only_answer()?;
    // SAFETY: the event is an answer to DescribeTopics and lives until the end of this function.
    Ok(unsafe { all_existing(answer.0) })
}

/// # Safety
/// `event` is a valid event.
unsafe fn all_existing(event: *mut sys::rd_kafka_event_t) -> Vec<ExistingTopic> {
    // SAFETY: the caller's promise; the result belongs to the event and its topics to the result.
    unsafe {
        let result = sys::rd_kafka_event_DescribeTopics_result(event);
        if result.is_null() {
            return Vec::new();
        }
        let mut count = 0;
        let described = sys::rd_kafka_DescribeTopics_result_topics(result, &mut count);
        let described = if count == 0 { &[] } else { std::slice::from_raw_parts(described, count) };
        described.iter().filter_map(|topic| existing(*topic)).collect()
    }
}

/// # Safety
/// `topic` is a valid description.
unsafe fn existing(topic: *const sys::rd_kafka_TopicDescription_t) -> Option<ExistingTopic> {
    // SAFETY: the caller's promise; what is read belongs to the description.
    unsafe {
        let error = sys::rd_kafka_error_code(sys::rd_kafka_TopicDescription_error(topic));
        if error != sys::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR {
            return None;
        }
        let mut partitions = 0;
        sys::rd_kafka_TopicDescription_partitions(topic, &mut partitions);
        let id = sys::rd_kafka_TopicDescription_topic_id(topic);
        let id = TopicId::of_halves(
            sys::rd_kafka_Uuid_most_significant_bits(id),
            sys::rd_kafka_Uuid_least_significant_bits(id),
        );
        let name = CStr::from_ptr(sys::rd_kafka_TopicDescription_name(topic)).to_string_lossy().into_owned();
        Some(ExistingTopic { name, id, partitions: i32::try_from(partitions).unwrap_or(i32::MAX) })
    }
}
