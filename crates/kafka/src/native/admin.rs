//! Admin requests: options with a time limit, a queue for the results, and an event for each result.

use std::ffi::CStr;
use std::marker::PhantomData;
use std::os::raw::{c_char, c_int, c_void};
use std::time::{Duration, Instant};

use protocol::TopicPartition;
use rdkafka::ClientContext;
use rdkafka::client::Client;
use rdkafka::error::RDKafkaErrorCode;
use rdkafka_sys as sys;

use super::c_string::{InteriorNul, c_string};
use super::queue::Event;

/// librdkafka ends a request at the time limit; waiting a little longer allows it to report the error.
const MARGIN: Duration = Duration::from_millis(500);

/// The shortest time-out that is passed to librdkafka for a request to the coordinator of a group. If the time-out passes just
/// when the coordinator is found, librdkafka 2.12 uses the request after it was freed (`rd_kafka_admin_coord_request`), and the
/// process ends with a failed assertion. A coordinator that answers at all does so much earlier.
const MIN_COORDINATOR_TIMEOUT: Duration = Duration::from_secs(60);

/// Why a request, or a part of it, failed.
#[derive(Clone, Debug)]
pub struct Failure {
    pub code: RDKafkaErrorCode,
    /// The error message of Kafka or librdkafka; may be empty.
    pub reason: String,
}

/// Requests of one kind. Any number may be sent before the first answer is taken.
pub struct AdminRequests<'c> {
    client: *mut sys::rd_kafka_t,
    options: *mut sys::rd_kafka_AdminOptions_t,
    queue: *mut sys::rd_kafka_queue_t,
    deadline: Instant,
    waiting: usize,
    borrowed: PhantomData<&'c ()>,
}

impl<'c> AdminRequests<'c> {
    pub(super) fn new<C: ClientContext>(
        client: &'c Client<C>,
        kind: sys::rd_kafka_admin_op_t,
        timeout: Duration,
    ) -> Self {
        let client = client.native_ptr();
        let timeout_ms = c_int::try_from(timeout.as_millis()).unwrap_or(c_int::MAX);
        let mut reason: [c_char; 128] = [0; 128];
        // SAFETY: the client lives for `'c`. Queue and options are ours until dropped. The length of the reason buffer
        // is correct; setting the time-out fails only if it is out of range, and then librdkafka's default remains.
        let (options, queue) = unsafe {
            let options = sys::rd_kafka_AdminOptions_new(client, kind);
            sys::rd_kafka_AdminOptions_set_request_timeout(options, timeout_ms, reason.as_mut_ptr(), reason.len());
            (options, sys::rd_kafka_queue_new(client))
        };
        Self { client, options, queue, deadline: Instant::now() + timeout + MARGIN, waiting: 0, borrowed: PhantomData }
    }

    /// Requests to the coordinators of groups.
    pub(super) fn to_coordinator<C: ClientContext>(
        client: &'c Client<C>,
        kind: sys::rd_kafka_admin_op_t,
        timeout: Duration,
    ) -> Self {
        Self::new(client, kind, timeout.max(MIN_COORDINATOR_TIMEOUT)).give_up_after(timeout)
    }

    /// Waits for answers no longer than this; later ones are discarded.
    pub(super) fn give_up_after(mut self, timeout: Duration) -> Self {
        self.deadline = Instant::now() + timeout;
        self
    }

    /// How long the brokers may take to carry out a change before they answer. Only for kinds of request with this
    /// option.
    pub(super) fn operation_timeout(self, timeout: Duration) -> Self {
        let timeout_ms = c_int::try_from(timeout.as_millis()).unwrap_or(c_int::MAX);
        let mut reason: [c_char; 128] = [0; 128];
        // SAFETY: our own options, and a buffer with its correct length.
        unsafe {
            sys::rd_kafka_AdminOptions_set_operation_timeout(
                self.options,
                timeout_ms,
                reason.as_mut_ptr(),
                reason.len(),
            );
        }
        self
    }

    /// The isolation level of the next requests. Only for kinds of request with this option.
    pub(super) fn read_committed(&mut self, committed: bool) {
        let level = if committed {
            sys::rd_kafka_IsolationLevel_t::RD_KAFKA_ISOLATION_LEVEL_READ_COMMITTED
        } else {
            sys::rd_kafka_IsolationLevel_t::RD_KAFKA_ISOLATION_LEVEL_READ_UNCOMMITTED
        };
        // SAFETY: our own options; a returned error object is ours and destroyed once.
        unsafe {
            let error = sys::rd_kafka_AdminOptions_set_isolation_level(self.options, level);
            if !error.is_null() {
                sys::rd_kafka_error_destroy(error);
            }
        }
    }

    /// Sends one request; its answer has the same tag. `send` calls the C function with the passed pointers and must
    /// not keep them. librdkafka copies the arguments, so they need not outlive the call.
    pub(super) fn send(
        &mut self,
        tag: usize,
        send: impl FnOnce(*mut sys::rd_kafka_t, *const sys::rd_kafka_AdminOptions_t, *mut sys::rd_kafka_queue_t),
    ) {
        // SAFETY: our own options; the opaque value is returned and never dereferenced.
        unsafe { sys::rd_kafka_AdminOptions_set_opaque(self.options, tag as *mut c_void) };
        send(self.client, self.options, self.queue);
        self.waiting += 1;
    }

    /// Waits for the next answer, in the order of arrival; `None` if every request has been answered.
    pub(super) fn answer(&mut self) -> Option<(usize, Result<Event, Failure>)> {
        if self.waiting == 0 {
            return None;
        }
        self.waiting -= 1;
        let left = self.deadline.saturating_duration_since(Instant::now());
        let left_ms = c_int::try_from(left.as_millis()).unwrap_or(c_int::MAX);
        // SAFETY: our own queue; a returned event is owned by `Event`.
        let event = unsafe { sys::rd_kafka_queue_poll(self.queue, left_ms) };
        if event.is_null() {
            let reason = "no answer in time".to_owned();
            return Some((usize::MAX, Err(Failure { code: RDKafkaErrorCode::OperationTimedOut, reason })));
        }
        let answer = Event(event);
        // SAFETY: a valid event; its text is NUL-terminated and lives as long.
        unsafe {
            let tag = sys::rd_kafka_event_opaque(event) as usize;
            match sys::rd_kafka_event_error(event).into() {
                RDKafkaErrorCode::NoError => Some((tag, Ok(answer))),
                code => Some((tag, Err(Failure { code, reason: text(sys::rd_kafka_event_error_string(event)) }))),
            }
        }
    }

    /// The only answer.
    pub(super) fn only_answer(mut self) -> Result<Event, Failure> {
        let not_sent = || Failure { code: RDKafkaErrorCode::Fail, reason: "no request was sent".to_owned() };
        self.answer().map_or_else(|| Err(not_sent()), |(_, answer)| answer)
    }
}

impl Drop for AdminRequests<'_> {
    fn drop(&mut self) {
        // SAFETY: our own, destroyed once. A pending request holds its own reference to the queue.
        unsafe {
            sys::rd_kafka_queue_destroy(self.queue);
            sys::rd_kafka_AdminOptions_destroy(self.options);
        }
    }
}

/// A list of partitions with an offset each, owned by us.
pub(super) struct PartitionList(pub(super) *mut sys::rd_kafka_topic_partition_list_t);

impl PartitionList {
    pub(super) fn new<'p>(
        partitions: impl ExactSizeIterator<Item = (&'p TopicPartition, i64)>,
    ) -> Result<Self, InteriorNul> {
        Self::with_notes(partitions.map(|(partition, offset)| (partition, offset, None)))
    }

    /// The same with the metadata of each committed offset (`note`).
    pub(super) fn with_notes<'p>(
        positions: impl ExactSizeIterator<Item = (&'p TopicPartition, i64, Option<&'p str>)>,
    ) -> Result<Self, InteriorNul> {
        // SAFETY: the list is ours; the name is copied, the element is valid until the next one is added. A note is
        // allocated by librdkafka, which frees it with the list.
        unsafe {
            let list = Self(sys::rd_kafka_topic_partition_list_new(c_int::try_from(positions.len()).unwrap_or(0)));
            for (TopicPartition { topic, partition }, offset, note) in positions {
                let topic = c_string(topic)?;
                let element = sys::rd_kafka_topic_partition_list_add(list.0, topic.as_ptr(), *partition);
                (*element).offset = offset;
                if let Some(note) = note {
                    let copy = sys::rd_kafka_mem_malloc(std::ptr::null_mut(), note.len());
                    if !copy.is_null() {
                        std::ptr::copy_nonoverlapping(note.as_ptr(), copy.cast::<u8>(), note.len());
                        (*element).metadata = copy;
                        (*element).metadata_size = note.len();
                    }
                }
            }
            Ok(list)
        }
    }
}

impl Drop for PartitionList {
    fn drop(&mut self) {
        // SAFETY: owned by us and destroyed once.
        unsafe { sys::rd_kafka_topic_partition_list_destroy(self.0) }
    }
}

/// One element of a partition list of librdkafka.
pub struct PartitionEntry {
    pub partition: TopicPartition,
    pub offset: i64,
    pub error: Option<RDKafkaErrorCode>,
}

/// # Safety
/// `list` is null or a valid list.
pub(super) unsafe fn entries(list: *const sys::rd_kafka_topic_partition_list_t) -> Vec<PartitionEntry> {
    if list.is_null() {
        return Vec::new();
    }
    // SAFETY: the caller's promise; a valid list has `cnt` elements.
    unsafe {
        let count = usize::try_from((*list).cnt).unwrap_or(0);
        (0..count).map(|index| entry((*list).elems.add(index))).collect()
    }
}

/// # Safety
/// `element` is a valid element whose name is NUL-terminated.
pub(super) unsafe fn entry(element: *const sys::rd_kafka_topic_partition_t) -> PartitionEntry {
    // SAFETY: the caller's promise.
    let element = unsafe { &*element };
    let error: RDKafkaErrorCode = element.err.into();
    PartitionEntry {
        // SAFETY: the caller's promise.
        partition: TopicPartition { topic: unsafe { text(element.topic) }, partition: element.partition },
        offset: element.offset,
        error: (error != RDKafkaErrorCode::NoError).then_some(error),
    }
}

/// The elements of an array that librdkafka returns as a pointer to pointers, with a count that the function sets.
///
/// # Safety
/// `read` returns null or an array of as many valid pointers as it sets the count to, all valid for `'a`.
pub(super) unsafe fn array<'a, T>(read: impl FnOnce(*mut usize) -> *mut *const T) -> &'a [*const T] {
    let mut count = 0;
    let first = read(&mut count);
    if first.is_null() || count == 0 {
        return &[];
    }
    // SAFETY: the caller's promise.
    unsafe { std::slice::from_raw_parts(first, count) }
}

/// # Safety
/// `error` is null or a valid error object.
pub(super) unsafe fn failure(error: *const sys::rd_kafka_error_t) -> Option<Failure> {
    if error.is_null() {
        return None;
    }
    // SAFETY: the caller's promise; the text is NUL-terminated.
    let (code, reason) = unsafe { (sys::rd_kafka_error_code(error), text(sys::rd_kafka_error_string(error))) };
    let code: RDKafkaErrorCode = code.into();
    (code != RDKafkaErrorCode::NoError).then_some(Failure { code, reason })
}

/// # Safety
/// `text` is null (the empty text) or NUL-terminated.
pub(super) unsafe fn text(text: *const c_char) -> String {
    // SAFETY: the caller's promise.
    unsafe { optional_text(text) }.unwrap_or_default()
}

/// # Safety
/// `text` is null (none) or NUL-terminated.
pub(super) unsafe fn optional_text(text: *const c_char) -> Option<String> {
    // SAFETY: the caller's promise.
    (!text.is_null()).then(|| unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned())
}
