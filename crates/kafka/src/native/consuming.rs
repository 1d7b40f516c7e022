//! Consuming in batches from a separate queue.

use std::ffi::{CStr, CString};
use std::marker::PhantomData;
use std::os::raw::c_int;
use std::sync::Arc;
use std::time::Duration;

use protocol::TimestampType;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::RDKafkaErrorCode;
use rdkafka_sys as sys;

use super::client::KafkaClient;
use super::queue::ClientQueue;

/// A queue of records: one to which partitions are forwarded, so that records can be left waiting (back-pressure) while the consumer's
/// main queue is served, or the consumer's own.
pub struct DataQueue(ClientQueue);

impl DataQueue {
    pub fn new(consumer: Arc<dyn KafkaClient>) -> Self {
        Self(ClientQueue::new(consumer))
    }

    /// The queue to which librdkafka forwards all assigned partitions by itself. For consumers that are assigned often: the end of an assignment, which
    /// happens in the background, also ends the forwarding of its partitions, and so undoes [`Self::forward`] for the next assignment.
    pub fn of_consumer(consumer: Arc<dyn KafkaClient>) -> Self {
        Self(ClientQueue::consumer(consumer))
    }

    /// Forwards the partition's records to this queue instead of the consumer's main queue. Call it before the
    /// partition is assigned, so that no record arrives in the main queue.
    pub fn forward(&self, topic: &str, partition: i32) {
        // A topic name cannot contain a zero byte, so there are no records to forward.
        let Ok(topic) = CString::new(topic) else { return };
        // SAFETY: client and queue are alive and belong together; the returned queue is a new reference which is given
        // back right after forwarding (forwarding holds its own reference to the destination).
        unsafe {
            let source = sys::rd_kafka_queue_get_partition(self.0.client(), topic.as_ptr(), partition);
            if !source.is_null() {
                sys::rd_kafka_queue_forward(source, self.0.queue());
                sys::rd_kafka_queue_destroy(source);
            }
        }
    }

    /// Waits up to `timeout` for a first record, then takes the others that have arrived, at most `max` in total.
    ///
    /// `rd_kafka_consume_batch_queue` alone would wait until the batch is full or the time-out has passed.
    pub fn take(&self, timeout: Duration, max: usize) -> Taken<'_> {
        let mut messages = Vec::new();
        let timeout_ms = c_int::try_from(timeout.as_millis()).unwrap_or(c_int::MAX);
        // SAFETY: the queue is alive; the message is owned by `Taken` from here on.
        let first = unsafe { sys::rd_kafka_consume_queue(self.0.queue(), timeout_ms) };
        if first.is_null() {
            return Taken { messages, queue: PhantomData };
        }
        messages.resize(max.max(1), std::ptr::null_mut());
        messages[0] = first;
        // SAFETY: the buffer has room for `len - 1` pointers behind the first one, and librdkafka fills at most that.
        let more = unsafe {
            sys::rd_kafka_consume_batch_queue(self.0.queue(), 0, messages.as_mut_ptr().add(1), messages.len() - 1)
        };
        messages.truncate(1 + usize::try_from(more).unwrap_or(0));
        Taken { messages, queue: PhantomData }
    }
}

/// The partition's high watermark as of the consumer's last fetch; `None` before the first fetch. Sends no request.
pub fn fetched_high_watermark<C: ConsumerContext>(
    consumer: &BaseConsumer<C>,
    topic: &str,
    partition: i32,
) -> Option<i64> {
    let topic = CString::new(topic).ok()?;
    let (mut low, mut high) = (-1, -1);
    // SAFETY: the client is alive, the name is NUL-terminated, and both pointers are valid.
    let error = unsafe {
        let client = consumer.client().native_ptr();
        sys::rd_kafka_get_watermark_offsets(client, topic.as_ptr(), partition, &mut low, &mut high)
    };
    (error == sys::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR && high >= 0).then_some(high)
}

/// Records taken from a queue; destroyed when dropped.
pub struct Taken<'q> {
    messages: Vec<*mut sys::rd_kafka_message_t>,
    queue: PhantomData<&'q DataQueue>,
}

impl Taken<'_> {
    pub fn iter(&self) -> impl Iterator<Item = TakenMessage<'_>> {
        // SAFETY: every pointer is a message that librdkafka returned and that lives until `self` is dropped.
        self.messages.iter().map(|message| TakenMessage(unsafe { &**message }))
    }
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        for message in &self.messages {
            // SAFETY: owned by us and destroyed exactly once.
            unsafe { sys::rd_kafka_message_destroy(*message) }
        }
    }
}

/// A record, or an error that librdkafka reports as a message.
#[derive(Clone, Copy)]
pub struct TakenMessage<'t>(&'t sys::rd_kafka_message_t);

impl<'t> TakenMessage<'t> {
    pub fn error(&self) -> Option<RDKafkaErrorCode> {
        let error: RDKafkaErrorCode = self.0.err.into();
        (error != RDKafkaErrorCode::NoError).then_some(error)
    }

    pub fn topic(&self) -> &'t str {
        if self.0.rkt.is_null() {
            return "";
        }
        // SAFETY: the topic handle lives as long as the message, and its name as long as the handle. Topic names
        // are ASCII.
        unsafe { CStr::from_ptr(sys::rd_kafka_topic_name(self.0.rkt)) }.to_str().unwrap_or_default()
    }

    /// Whether both come from the same partition; faster than comparing names.
    pub fn is_of_partition_of(&self, other: &TakenMessage<'_>) -> bool {
        self.0.rkt == other.0.rkt && self.0.partition == other.0.partition
    }

    /// Bytes of key and value.
    pub fn stored_bytes(&self) -> usize {
        self.0.key_len + self.0.len
    }

    pub fn partition(&self) -> i32 {
        self.0.partition
    }

    pub fn offset(&self) -> i64 {
        self.0.offset
    }

    pub fn key(&self) -> Option<&'t [u8]> {
        // SAFETY: librdkafka's pointer and length describe memory that lives as long as the message.
        unsafe { slice(self.0.key.cast(), self.0.key_len) }
    }

    pub fn value(&self) -> Option<&'t [u8]> {
        // SAFETY: as for the key.
        unsafe { slice(self.0.payload.cast(), self.0.len) }
    }

    /// Milliseconds since 1970-01-01 UTC, and whether the producer or the broker set them.
    pub fn timestamp(&self) -> (Option<i64>, TimestampType) {
        let mut kind = sys::rd_kafka_timestamp_type_t::RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;
        // SAFETY: a valid message and a valid pointer for the type.
        let ms = unsafe { sys::rd_kafka_message_timestamp(self.0, &mut kind) };
        match kind {
            sys::rd_kafka_timestamp_type_t::RD_KAFKA_TIMESTAMP_LOG_APPEND_TIME => (Some(ms), TimestampType::LogAppend),
            sys::rd_kafka_timestamp_type_t::RD_KAFKA_TIMESTAMP_CREATE_TIME => (Some(ms), TimestampType::Create),
            _ => (None, TimestampType::Create),
        }
    }

    /// Appends the headers in their order, including duplicates.
    pub fn headers_into(&self, headers: &mut Vec<(&'t str, Option<&'t [u8]>)>) {
        let mut list = std::ptr::null_mut();
        // SAFETY: a valid message; the list belongs to the message and lives as long.
        let error = unsafe { sys::rd_kafka_message_headers(self.0, &mut list) };
        if error != sys::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR {
            return;
        }
        for index in 0.. {
            let (mut name, mut value, mut size) = (std::ptr::null(), std::ptr::null(), 0);
            // SAFETY: a valid list; past its end librdkafka returns an error and writes nothing.
            let error = unsafe { sys::rd_kafka_header_get_all(list, index, &mut name, &mut value, &mut size) };
            if error != sys::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR {
                return;
            }
            // SAFETY: name is NUL-terminated, value has `size` bytes; both live as long as the message.
            let (name, value) = unsafe { (CStr::from_ptr(name), slice(value.cast(), size)) };
            headers.push((name.to_str().unwrap_or("\u{fffd}"), value));
        }
    }
}

/// # Safety
/// `data` is null or points to `len` bytes that live for `'a`.
unsafe fn slice<'a>(data: *const u8, len: usize) -> Option<&'a [u8]> {
    // SAFETY: the caller's promise.
    (!data.is_null()).then(|| unsafe { std::slice::from_raw_parts(data, len) })
}
