//! Producing in batches, and reading delivery reports in batches.

use std::ffi::CStr;
use std::os::raw::{c_int, c_void};
use std::sync::Arc;
use std::time::Duration;

use rdkafka::client::Client;
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::message::BorrowedMessage;
use rdkafka::producer::ProducerContext;
use rdkafka::types::RDKafkaRespErr;
use rdkafka_sys as sys;

use super::admin::text;
use super::c_string::c_string;
use super::client::KafkaClient;
use super::queue::ClientQueue;

/// `RD_KAFKA_PARTITION_UA`, which the bindings leave out: the partitioner chooses.
const PARTITION_UA: i32 = -1;

/// A record without headers and timestamp, which librdkafka accepts in batches.
pub struct PlainRecord<'a> {
    /// `None`: the partitioner chooses.
    pub partition: Option<i32>,
    pub key: Option<&'a [u8]>,
    pub value: Option<&'a [u8]>,
    /// Returned in the delivery report.
    pub tag: usize,
}

/// Enqueues records in the producer, which copies them; never blocks. `refused` is called for each record that was not
/// enqueued, with its index in the iterator; after [`RDKafkaErrorCode::QueueFull`] none of the later records was
/// enqueued.
pub fn produce_batch<'a, C: ProducerContext>(
    client: &Client<C>,
    topic: &str,
    records: impl Iterator<Item = PlainRecord<'a>>,
    mut refused: impl FnMut(usize, RDKafkaErrorCode),
) {
    let pointer = |bytes: Option<&[u8]>| bytes.map_or(std::ptr::null_mut(), |bytes| bytes.as_ptr() as *mut c_void);
    let mut messages: Vec<sys::rd_kafka_message_t> = records
        .map(|record| sys::rd_kafka_message_t {
            err: sys::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR,
            rkt: std::ptr::null_mut(),
            partition: record.partition.unwrap_or(PARTITION_UA),
            payload: pointer(record.value),
            len: record.value.map_or(0, <[u8]>::len),
            key: pointer(record.key),
            key_len: record.key.map_or(0, <[u8]>::len),
            offset: 0,
            _private: record.tag as *mut c_void,
        })
        .collect();
    let count = c_int::try_from(messages.len()).unwrap_or(c_int::MAX);
    let name = match c_string(topic) {
        Ok(name) => name,
        Err(error) => return (0..messages.len()).for_each(|index| refused(index, error.into())),
    };
    // SAFETY: the client's handle is valid while it is borrowed. The topic handle is ours from creation to destruction;
    // with a null configuration it has the producer's. `messages` holds `count` messages whose bytes live for `'a`;
    // F_COPY copies them before the call returns.
    unsafe {
        let handle = sys::rd_kafka_topic_new(client.native_ptr(), name.as_ptr(), std::ptr::null_mut());
        if handle.is_null() {
            let error: RDKafkaErrorCode = sys::rd_kafka_last_error().into();
            return (0..messages.len()).for_each(|index| refused(index, error));
        }
        let flags = sys::RD_KAFKA_MSG_F_COPY | sys::RD_KAFKA_MSG_F_PARTITION;
        sys::rd_kafka_produce_batch(handle, PARTITION_UA, flags, messages.as_mut_ptr(), count);
        sys::rd_kafka_topic_destroy(handle);
    }
    for (index, message) in messages.iter().enumerate() {
        if message.err != sys::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR {
            refused(index, message.err.into());
        }
    }
}

/// The delivery report of one record.
pub struct DeliveryReport {
    pub tag: usize,
    pub error: Option<RDKafkaErrorCode>,
    /// The broker refused the record as invalid, and it has no key. The broker's own words cannot be used: librdkafka 2.12
    /// frees them before it passes the delivery report on (`rd_kafka_message_produce_errstr` returns a pointer into the
    /// response, of which `rd_kafka_dr_msgq0` keeps only a copy).
    pub is_invalid_without_key: bool,
    pub partition: i32,
    pub offset: i64,
    /// Milliseconds since 1970-01-01 UTC.
    pub timestamp: Option<i64>,
    /// The delivery failed, but the record may be in the log.
    pub possibly_persisted: bool,
}

/// An event of a producer.
pub enum ProducerEvent<'r> {
    Deliveries(&'r mut dyn Iterator<Item = DeliveryReport>),
    Error {
        error: RDKafkaErrorCode,
        reason: String,
    },
    /// librdkafka's statistics, as JSON.
    Statistics(&'r [u8]),
}

/// The queue of a producer's delivery reports and errors.
pub struct DeliveryQueue(ClientQueue);

impl DeliveryQueue {
    pub fn of(producer: Arc<dyn KafkaClient>) -> Self {
        Self(ClientQueue::main(producer))
    }

    /// Waits up to `timeout` for an event and passes it to `handle`.
    pub fn take(&self, timeout: Duration, handle: impl FnOnce(ProducerEvent<'_>)) {
        let Some(event) = self.0.poll(timeout) else { return };
        // SAFETY: messages and texts live as long as the event, and librdkafka writes at most `count` pointers.
        unsafe {
            match sys::rd_kafka_event_type(event.0) {
                sys::RD_KAFKA_EVENT_DR => {
                    let count = sys::rd_kafka_event_message_count(event.0);
                    let mut messages = vec![std::ptr::null(); count];
                    let count = sys::rd_kafka_event_message_array(event.0, messages.as_mut_ptr(), count);
                    handle(ProducerEvent::Deliveries(&mut messages[..count].iter().map(|message| report(&**message))));
                }
                sys::RD_KAFKA_EVENT_ERROR => {
                    let error: RDKafkaRespErr = sys::rd_kafka_event_error(event.0);
                    // Unlike the result of `produce`, the event has the cause of a fatal error as its code.
                    let is_fatal = sys::rd_kafka_event_error_is_fatal(event.0) != 0;
                    let error = if is_fatal { RDKafkaErrorCode::Fatal } else { error.into() };
                    let reason = text(sys::rd_kafka_event_error_string(event.0)).trim().to_owned();
                    handle(ProducerEvent::Error { error, reason });
                }
                sys::RD_KAFKA_EVENT_STATS => {
                    let json = sys::rd_kafka_event_stats(event.0);
                    if !json.is_null() {
                        handle(ProducerEvent::Statistics(CStr::from_ptr(json).to_bytes()));
                    }
                }
                _ => {}
            }
        }
    }
}

/// The delivery report in a message of the `rdkafka` crate.
pub fn report_of(message: &BorrowedMessage<'_>) -> DeliveryReport {
    // SAFETY: the message is borrowed, so its pointer is valid.
    report(unsafe { &*message.ptr() })
}

fn report(message: &sys::rd_kafka_message_t) -> DeliveryReport {
    let error: RDKafkaErrorCode = message.err.into();
    let mut kind = sys::rd_kafka_timestamp_type_t::RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;
    // SAFETY: a valid message and a valid pointer for the timestamp's type.
    let (ms, status) =
        unsafe { (sys::rd_kafka_message_timestamp(message, &mut kind), sys::rd_kafka_message_status(message)) };
    let dated = kind != sys::rd_kafka_timestamp_type_t::RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;
    DeliveryReport {
        tag: message._private as usize,
        error: (error != RDKafkaErrorCode::NoError).then_some(error),
        is_invalid_without_key: error == RDKafkaErrorCode::InvalidRecord && message.key.is_null(),
        partition: message.partition,
        offset: message.offset,
        timestamp: dated.then_some(ms),
        possibly_persisted: status != sys::rd_kafka_msg_status_t::RD_KAFKA_MSG_STATUS_NOT_PERSISTED,
    }
}
