//! Asking after topics without waiting for the answer.

use std::ffi::{CStr, CString};
use std::os::raw::{c_char, c_int};
use std::time::Duration;

use rdkafka::ClientContext;
use rdkafka::client::Client;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka_sys as sys;

use super::admin::{AdminRequests, Failure, c_text};
use feed::topic_id::TopicId;

/// A topic that exists.
#[derive(Clone, Debug)]
pub struct ExistingTopic {
    pub name: String,
    pub id: TopicId,
    pub partitions: i32,
}

/// Where the answers arrive. It must not outlive its consumer.
pub struct TopicQueue(*mut sys::rd_kafka_queue_t);

// SAFETY: librdkafka's queues are thread-safe objects.
unsafe impl Send for TopicQueue {}
// SAFETY: as above.
unsafe impl Sync for TopicQueue {}

impl TopicQueue {
    pub fn new<C: ConsumerContext>(consumer: &BaseConsumer<C>) -> Self {
        // SAFETY: the handle is valid as long as `consumer` is borrowed; rd_kafka_queue_new never fails.
        Self(unsafe { sys::rd_kafka_queue_new(consumer.client().native_ptr()) })
    }

    /// Asks; exactly one answer will come by [`TopicQueue::answer`], within the time.
    pub fn ask<'t, C: ConsumerContext>(
        &self,
        consumer: &BaseConsumer<C>,
        topics: impl Iterator<Item = &'t str>,
        timeout: Duration,
    ) {
        let names: Vec<CString> = topics.filter_map(|name| CString::new(name).ok()).collect();
        let mut pointers: Vec<*const c_char> = names.iter().map(|name| name.as_ptr()).collect();
        let timeout_ms = c_int::try_from(timeout.as_millis()).unwrap_or(c_int::MAX);
        let client = consumer.client().native_ptr();
        // SAFETY: client and queue are alive. Collection and options are ours and copied by the call before they are
        // destroyed; the names live until then. A null place for the error text is allowed with size 0.
        unsafe {
            let collection = sys::rd_kafka_TopicCollection_of_topic_names(pointers.as_mut_ptr(), pointers.len());
            let options =
                sys::rd_kafka_AdminOptions_new(client, sys::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_DESCRIBETOPICS);
            sys::rd_kafka_AdminOptions_set_request_timeout(options, timeout_ms, std::ptr::null_mut(), 0);
            sys::rd_kafka_DescribeTopics(client, collection, options, self.0);
            sys::rd_kafka_AdminOptions_destroy(options);
            sys::rd_kafka_TopicCollection_destroy(collection);
        }
    }

    /// The answer, if it has come: the topics that exist; none of them where nobody answered.
    pub fn answer(&self) -> Option<Vec<ExistingTopic>> {
        // SAFETY: the event is ours and destroyed below, after everything read from it. The result belongs to the event,
        // its topics to the result; names are NUL-terminated.
        unsafe {
            let event = sys::rd_kafka_queue_poll(self.0, 0);
            if event.is_null() {
                return None;
            }
            let topics = all_existing(event);
            sys::rd_kafka_event_destroy(event);
            Some(topics)
        }
    }
}

impl Drop for TopicQueue {
    fn drop(&mut self) {
        // SAFETY: our own reference, given back once.
        unsafe { sys::rd_kafka_queue_destroy(self.0) }
    }
}

/// The topics of these names that exist, waiting for the answer.
pub fn describe_topics<C: ClientContext>(
    client: &Client<C>,
    names: &[&str],
    timeout: Duration,
) -> Result<Vec<ExistingTopic>, Failure> {
    if names.is_empty() {
        return Ok(Vec::new());
    }
    let names: Vec<CString> = names.iter().map(|name| c_text(name)).collect();
    let mut pointers: Vec<*const c_char> = names.iter().map(|name| name.as_ptr()).collect();
    let kind = sys::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_DESCRIBETOPICS;
    let mut requests = AdminRequests::new(client, kind, timeout);
    requests.send(0, |client, options, queue| {
        // SAFETY: valid pointers; the collection copies the names, and the call copies the collection before it is destroyed.
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
