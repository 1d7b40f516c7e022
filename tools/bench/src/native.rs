//! The native baselines, on librdkafka's C API. This is the only unsafe code of the benchmarks; each function is safe to call,
//! and its comments say why.
#![allow(unsafe_code)]

use std::ffi::{CStr, CString};
use std::marker::PhantomData;
use std::os::raw::{c_char, c_int};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use rdkafka::ClientConfig;
use rdkafka_sys as sys;

/// librdkafka's messages say in so many bytes what is wrong with a configuration.
const ERROR_TEXT_BYTES: usize = 512;

/// `RD_KAFKA_PARTITION_UA`, a macro that the bindings leave out: the partitioner chooses.
const PARTITION_UNASSIGNED: i32 = -1;

/// A librdkafka instance. rdkafka's wrappers would decide how records are taken.
struct Client(*mut sys::rd_kafka_t);

// SAFETY: librdkafka's handles may be used by any thread (rdkafka.h: "all functions are thread-safe").
unsafe impl Send for Client {}

impl Client {
    fn new(kind: sys::rd_kafka_type_t, config: &ClientConfig, events: c_int) -> Result<Self> {
        let config = config.create_native_config().context("librdkafka does not take the configuration")?;
        let mut text = [0 as c_char; ERROR_TEXT_BYTES];
        // SAFETY: the configuration is valid and copied; the copy belongs to the client on success and to us otherwise;
        // the text has the length that is passed and is NUL-terminated by librdkafka.
        unsafe {
            let config = sys::rd_kafka_conf_dup(config.ptr());
            sys::rd_kafka_conf_set_events(config, events);
            let client = sys::rd_kafka_new(kind, config, text.as_mut_ptr(), text.len());
            if client.is_null() {
                sys::rd_kafka_conf_destroy(config);
                bail!("librdkafka made no client: {}", CStr::from_ptr(text.as_ptr()).to_string_lossy());
            }
            Ok(Self(client))
        }
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        // SAFETY: ours, destroyed once; queues and topics of it are gone (fields of its owners come before it).
        unsafe { sys::rd_kafka_destroy(self.0) }
    }
}

struct Queue(*mut sys::rd_kafka_queue_t);

// SAFETY: as for `Client`.
unsafe impl Send for Queue {}

impl Drop for Queue {
    fn drop(&mut self) {
        // SAFETY: our own reference, given back once.
        unsafe { sys::rd_kafka_queue_destroy(self.0) }
    }
}

/// Reads one partition in batches.
pub struct Consumer {
    // Fields drop in this order: the queue must be gone before its client.
    queue: Queue,
    /// Reused for every batch.
    messages: Messages,
    _client: Client,
}

#[derive(Default)]
struct Messages(Vec<*mut sys::rd_kafka_message_t>);

// SAFETY: the pointers are owned, and messages may be destroyed by any thread.
unsafe impl Send for Messages {}

impl Consumer {
    /// Starts to read `partition` of `topic` at `offset`. Without a `group.id` librdkafka serves the main queue alone, so
    /// there is one that nothing is ever committed to.
    pub fn new(config: &ClientConfig, topic: &str, partition: i32, offset: i64) -> Result<Self> {
        let mut config = config.clone();
        config
            .set("group.id", "bench-floor")
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            .set("enable.partition.eof", "false")
            .set("auto.offset.reset", "error");
        let client = Client::new(sys::rd_kafka_type_t::RD_KAFKA_CONSUMER, &config, 0)?;
        let topic = CString::new(topic)?;
        // SAFETY: every handle is valid and each reference is given back: the partition's queue after forwarding (which
        // holds a reference to the destination of its own), the list after the assignment (librdkafka copies it).
        let (queue, error) = unsafe {
            sys::rd_kafka_poll_set_consumer(client.0);
            let queue = Queue(sys::rd_kafka_queue_new(client.0));
            let source = sys::rd_kafka_queue_get_partition(client.0, topic.as_ptr(), partition);
            ensure!(!source.is_null(), "librdkafka gave no queue for the partition");
            sys::rd_kafka_queue_forward(source, queue.0);
            sys::rd_kafka_queue_destroy(source);
            let list = sys::rd_kafka_topic_partition_list_new(1);
            let element = sys::rd_kafka_topic_partition_list_add(list, topic.as_ptr(), partition);
            (*element).offset = offset;
            let error = sys::rd_kafka_assign(client.0, list);
            sys::rd_kafka_topic_partition_list_destroy(list);
            (queue, error)
        };
        ensure_success(error, "assign")?;
        Ok(Self { queue, messages: Messages::default(), _client: client })
    }

    /// Waits up to `timeout` for a first record, then takes the records that are queued, up to `max`.
    ///
    /// `rd_kafka_consume_batch_queue` alone would wait for a full batch or the whole time-out.
    pub fn take(&mut self, timeout: Duration, max: usize) -> Result<Batch<'_>> {
        let messages = &mut self.messages.0;
        let timeout_ms = c_int::try_from(timeout.as_millis()).unwrap_or(c_int::MAX);
        // SAFETY: the queue is alive; the message is owned by `Batch` from here on.
        let first = unsafe { sys::rd_kafka_consume_queue(self.queue.0, timeout_ms) };
        if !first.is_null() {
            messages.resize(max.max(1), std::ptr::null_mut());
            messages[0] = first;
            // SAFETY: there is room for `len - 1` pointers behind the first one, and librdkafka fills at most that.
            let more = unsafe {
                sys::rd_kafka_consume_batch_queue(self.queue.0, 0, messages.as_mut_ptr().add(1), messages.len() - 1)
            };
            messages.truncate(1 + usize::try_from(more).unwrap_or(0));
        }
        let batch = Batch { messages, consumer: PhantomData };
        for message in batch.messages.iter() {
            // SAFETY: a message that was just handed over.
            ensure_success(unsafe { (**message).err }, "consume")?;
        }
        Ok(batch)
    }
}

/// Records taken from a consumer, which are returned to librdkafka when dropped.
pub struct Batch<'c> {
    messages: &'c mut Vec<*mut sys::rd_kafka_message_t>,
    consumer: PhantomData<&'c Consumer>,
}

impl Batch<'_> {
    pub fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    pub fn iter(&self) -> impl Iterator<Item = Message<'_>> {
        // SAFETY: every pointer is a message that librdkafka handed over and that lives until `self` is dropped.
        self.messages.iter().map(|message| Message(unsafe { &**message }))
    }
}

impl Drop for Batch<'_> {
    fn drop(&mut self) {
        for message in self.messages.drain(..) {
            // SAFETY: owned by us and destroyed exactly once.
            unsafe { sys::rd_kafka_message_destroy(message) }
        }
    }
}

/// One record, borrowed from a batch.
pub struct Message<'b>(&'b sys::rd_kafka_message_t);

impl<'b> Message<'b> {
    pub fn offset(&self) -> i64 {
        self.0.offset
    }

    pub fn value(&self) -> &'b [u8] {
        if self.0.payload.is_null() {
            return &[];
        }
        // SAFETY: librdkafka's pointer and length describe memory that lives as long as the message.
        unsafe { std::slice::from_raw_parts(self.0.payload.cast(), self.0.len) }
    }

    /// Milliseconds since 1970-01-01 UTC.
    pub fn timestamp(&self) -> i64 {
        // SAFETY: a valid message; librdkafka accepts that nobody asks for the timestamp's type.
        unsafe { sys::rd_kafka_message_timestamp(self.0, std::ptr::null_mut()) }
    }
}

/// Writes to one topic in batches (`rd_kafka_produce_batch`) and takes delivery reports in batches as well (events).
pub struct Producer {
    // Fields drop in this order: topic and queue must be gone before their client.
    topic: Topic,
    reports: Queue,
    _client: Client,
}

struct Topic(*mut sys::rd_kafka_topic_t);

// SAFETY: as for `Client`.
unsafe impl Send for Topic {}

impl Drop for Topic {
    fn drop(&mut self) {
        // SAFETY: our own reference, given back once.
        unsafe { sys::rd_kafka_topic_destroy(self.0) }
    }
}

impl Producer {
    pub fn new(config: &ClientConfig, topic: &str) -> Result<Self> {
        let client = Client::new(sys::rd_kafka_type_t::RD_KAFKA_PRODUCER, config, sys::RD_KAFKA_EVENT_DR)?;
        let name = CString::new(topic)?;
        // SAFETY: valid handles; a null configuration means the client's defaults.
        let (topic, reports) = unsafe {
            let topic = sys::rd_kafka_topic_new(client.0, name.as_ptr(), std::ptr::null_mut());
            (Topic(topic), Queue(sys::rd_kafka_queue_get_main(client.0)))
        };
        ensure!(!topic.0.is_null(), "librdkafka does not take the topic {name:?}");
        Ok(Self { topic, reports, _client: client })
    }

    /// Hands the values to librdkafka, which copies them. Keep fewer than `queue.buffering.max.*` without a report: a
    /// batch that is taken in part would leave its records out of order.
    pub fn send<'v>(&self, values: impl Iterator<Item = &'v [u8]>) -> Result<()> {
        // SAFETY: all-zero is a valid `rd_kafka_message_t`: null pointers, no error.
        let blank: sys::rd_kafka_message_t = unsafe { std::mem::zeroed() };
        let mut messages: Vec<_> = values
            .map(|value| sys::rd_kafka_message_t {
                payload: value.as_ptr().cast_mut().cast(),
                len: value.len(),
                ..blank
            })
            .collect();
        let count = c_int::try_from(messages.len())?;
        // SAFETY: the messages live through the call and their payloads too (`'v`); F_COPY means that librdkafka only
        // reads them.
        let taken = unsafe {
            let (partition, flags) = (PARTITION_UNASSIGNED, sys::RD_KAFKA_MSG_F_COPY);
            sys::rd_kafka_produce_batch(self.topic.0, partition, flags, messages.as_mut_ptr(), count)
        };
        match messages.iter().find(|message| message.err != sys::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR) {
            Some(message) => ensure_success(message.err, "produce"),
            None => {
                ensure!(taken == count, "librdkafka took {taken} of {count} records");
                Ok(())
            }
        }
    }

    /// Waits up to `timeout` for delivery reports, then takes what else is there; returns how many records are in the log.
    pub fn acknowledged(&self, timeout: Duration) -> Result<u64> {
        let mut timeout_ms = c_int::try_from(timeout.as_millis()).unwrap_or(c_int::MAX);
        let mut acknowledged = 0;
        loop {
            // SAFETY: the queue is alive; the event is ours and destroyed below; its messages live as long as it.
            let error = unsafe {
                let event = sys::rd_kafka_queue_poll(self.reports.0, timeout_ms);
                if event.is_null() {
                    return Ok(acknowledged);
                }
                let mut error = sys::rd_kafka_event_error(event);
                loop {
                    let message = sys::rd_kafka_event_message_next(event);
                    if message.is_null() {
                        break;
                    }
                    match (*message).err {
                        sys::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR => acknowledged += 1,
                        failed => error = failed,
                    }
                }
                sys::rd_kafka_event_destroy(event);
                error
            };
            ensure_success(error, "deliver")?;
            timeout_ms = 0;
        }
    }
}

fn ensure_success(error: sys::rd_kafka_resp_err_t, what: &str) -> Result<()> {
    if error == sys::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR {
        return Ok(());
    }
    // SAFETY: librdkafka's static texts.
    let text = unsafe { CStr::from_ptr(sys::rd_kafka_err2str(error)) };
    bail!("{what}: {}", text.to_string_lossy())
}
