//! Handing records to a producer in batches, and taking their outcomes in batches.

use std::ffi::CString;
use std::os::raw::{c_int, c_void};
use std::time::Duration;

use rdkafka::client::Client;
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::message::BorrowedMessage;
use rdkafka::producer::ProducerContext;
use rdkafka::types::RDKafkaRespErr;
use rdkafka_sys as sys;

/// `RD_KAFKA_PARTITION_UA`, which the bindings leave out: the partitioner chooses.
const PARTITION_UA: i32 = -1;

/// A record without headers and timestamp: what librdkafka takes in batches.
pub struct Plain<'a> {
    /// `None`: the partitioner chooses.
    pub partition: Option<i32>,
    pub key: Option<&'a [u8]>,
    pub value: Option<&'a [u8]>,
    /// Comes back with the outcome.
    pub tag: usize,
}

/// Hands records to the producer, which copies them; never blocks. `refused` hears of each record that was not taken,
/// by its place in the iterator; once it is told [`RDKafkaErrorCode::QueueFull`], none of the later ones was taken
/// either.
pub fn produce_batch<'a, C: ProducerContext>(
    client: &Client<C>,
    topic: &str,
    records: impl Iterator<Item = Plain<'a>>,
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
    let name = CString::new(topic).unwrap_or_default();
    // SAFETY: the client's handle is valid while it is borrowed. The topic handle is ours from creation to destruction;
    // without a configuration of its own it takes the producer's. `messages` holds `count` messages whose bytes live for
    // `'a`; F_COPY copies them before the call returns.
    unsafe {
        let handle = sys::rd_kafka_topic_new(client.native_ptr(), name.as_ptr(), std::ptr::null_mut());
        if handle.is_null() {
            let error: RDKafkaErrorCode = sys::rd_kafka_last_error().into();
            return (0..messages.len()).for_each(|place| refused(place, error));
        }
        let flags = sys::RD_KAFKA_MSG_F_COPY | sys::RD_KAFKA_MSG_F_PARTITION;
        sys::rd_kafka_produce_batch(handle, PARTITION_UA, flags, messages.as_mut_ptr(), count);
        sys::rd_kafka_topic_destroy(handle);
    }
    for (place, message) in messages.iter().enumerate() {
        if message.err != sys::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR {
            refused(place, message.err.into());
        }
    }
}

/// What became of one record.
pub struct Report {
    pub tag: usize,
    pub error: Option<RDKafkaErrorCode>,
    pub partition: i32,
    pub offset: i64,
    /// Milliseconds since 1970-01-01 UTC.
    pub timestamp: Option<i64>,
    /// It failed, but may be in the log all the same.
    pub possibly_persisted: bool,
}

/// Something the producer has to say.
pub enum Told<'r> {
    Outcomes(&'r mut dyn Iterator<Item = Report>),
    Error { error: RDKafkaErrorCode, reason: String },
}

/// Where a producer's outcomes and errors arrive, many at a time.
///
/// It must not outlive its producer; [`producer`](crate::producer) keeps both in one place.
pub struct DeliveryQueue(*mut sys::rd_kafka_queue_t);

// SAFETY: librdkafka's queues are thread-safe objects.
unsafe impl Send for DeliveryQueue {}
// SAFETY: as above.
unsafe impl Sync for DeliveryQueue {}

impl DeliveryQueue {
    pub fn of<C: ProducerContext>(client: &Client<C>) -> Self {
        // SAFETY: the handle is valid while the client is borrowed; the queue is a reference of our own.
        Self(unsafe { sys::rd_kafka_queue_get_main(client.native_ptr()) })
    }

    /// Waits up to `timeout` for something new and passes it on.
    pub fn take(&self, timeout: Duration, told: impl FnOnce(Told<'_>)) {
        let timeout_ms = c_int::try_from(timeout.as_millis()).unwrap_or(c_int::MAX);
        // SAFETY: the queue is alive. The event is ours and destroyed below, after everything read from it: its messages
        // live as long as the event, and librdkafka writes at most as many pointers as it is told there is room for.
        unsafe {
            let event = sys::rd_kafka_queue_poll(self.0, timeout_ms);
            if event.is_null() {
                return;
            }
            match sys::rd_kafka_event_type(event) {
                sys::RD_KAFKA_EVENT_DR => {
                    let count = sys::rd_kafka_event_message_count(event);
                    let mut messages = vec![std::ptr::null(); count];
                    let count = sys::rd_kafka_event_message_array(event, messages.as_mut_ptr(), count);
                    told(Told::Outcomes(&mut messages[..count].iter().map(|message| report(&**message))));
                }
                sys::RD_KAFKA_EVENT_ERROR => {
                    let error: RDKafkaRespErr = sys::rd_kafka_event_error(event);
                    // Here librdkafka has put the error's cause in the place of "fatal", unlike in `produce`'s answers.
                    let is_fatal = sys::rd_kafka_event_error_is_fatal(event) != 0;
                    let error = if is_fatal { RDKafkaErrorCode::Fatal } else { error.into() };
                    let reason = std::ffi::CStr::from_ptr(sys::rd_kafka_event_error_string(event));
                    told(Told::Error { error, reason: reason.to_string_lossy().trim().to_owned() });
                }
                _ => {}
            }
            sys::rd_kafka_event_destroy(event);
        }
    }
}

impl Drop for DeliveryQueue {
    fn drop(&mut self) {
        // SAFETY: our own reference, given back once.
        unsafe { sys::rd_kafka_queue_destroy(self.0) }
    }
}

/// The same, of a message that the `rdkafka` crate lends.
pub fn report_of(message: &BorrowedMessage<'_>) -> Report {
    // SAFETY: the message is borrowed, so its pointer is valid.
    report(unsafe { &*message.ptr() })
}

fn report(message: &sys::rd_kafka_message_t) -> Report {
    let error: RDKafkaErrorCode = message.err.into();
    let mut kind = sys::rd_kafka_timestamp_type_t::RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;
    // SAFETY: a valid message and a valid place for the timestamp's type.
    let (ms, status) =
        unsafe { (sys::rd_kafka_message_timestamp(message, &mut kind), sys::rd_kafka_message_status(message)) };
    let dated = kind != sys::rd_kafka_timestamp_type_t::RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;
    Report {
        tag: message._private as usize,
        error: (error != RDKafkaErrorCode::NoError).then_some(error),
        partition: message.partition,
        offset: message.offset,
        timestamp: dated.then_some(ms),
        possibly_persisted: status != sys::rd_kafka_msg_status_t::RD_KAFKA_MSG_STATUS_NOT_PERSISTED,
    }
}
