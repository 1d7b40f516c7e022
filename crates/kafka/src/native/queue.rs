//! Queues of a client, and the events that arrive in them.

use std::os::raw::c_int;
use std::sync::Arc;
use std::time::Duration;

use rdkafka_sys as sys;

use super::client::KafkaClient;

/// A queue together with its client, because librdkafka requires that a queue is destroyed before its client.
///
/// A client's context may only hold a weak reference to such a queue, because the client owns its context.
pub(super) struct ClientQueue {
    queue: *mut sys::rd_kafka_queue_t,
    client: Arc<dyn KafkaClient>,
}

// SAFETY: librdkafka's queues are thread-safe objects (rdkafka.h: "all functions are thread-safe"), and clients are
// Send and Sync.
unsafe impl Send for ClientQueue {}
// SAFETY: as above. If two threads take from one queue, each event goes to one of them.
unsafe impl Sync for ClientQueue {}

impl ClientQueue {
    /// A new queue.
    pub(super) fn new(client: Arc<dyn KafkaClient>) -> Self {
        // SAFETY: the handle is valid as long as `client`. rd_kafka_queue_new never fails.
        let queue = unsafe { sys::rd_kafka_queue_new(client.handle()) };
        Self { queue, client }
    }

    /// The client's main queue, with delivery reports and errors.
    pub(super) fn main(client: Arc<dyn KafkaClient>) -> Self {
        // SAFETY: the handle is valid as long as `client`. The queue is a reference of our own.
        let queue = unsafe { sys::rd_kafka_queue_get_main(client.handle()) };
        Self { queue, client }
    }

    /// The queue of a consumer with a `group.id`: the records of its assigned partitions, and errors.
    pub(super) fn consumer(client: Arc<dyn KafkaClient>) -> Self {
        // SAFETY: the handle is valid as long as `client`, and is a consumer's. The queue is a reference of our own, and
        // null only without a group id, which is checked.
        let queue = unsafe { sys::rd_kafka_queue_get_consumer(client.handle()) };
        assert!(!queue.is_null(), "a consumer without a group id");
        Self { queue, client }
    }

    /// Valid for as long as `self`.
    pub(super) fn queue(&self) -> *mut sys::rd_kafka_queue_t {
        self.queue
    }

    /// Valid for as long as `self`.
    pub(super) fn client(&self) -> *mut sys::rd_kafka_t {
        self.client.handle()
    }

    /// Waits up to `timeout` for the next event.
    pub(super) fn poll(&self, timeout: Duration) -> Option<Event> {
        let timeout_ms = c_int::try_from(timeout.as_millis()).unwrap_or(c_int::MAX);
        // SAFETY: the queue is alive. A returned event is ours.
        let event = unsafe { sys::rd_kafka_queue_poll(self.queue, timeout_ms) };
        (!event.is_null()).then_some(Event(event))
    }
}

impl Drop for ClientQueue {
    fn drop(&mut self) {
        // SAFETY: our own reference, destroyed once. The client is alive: `self.client` is dropped after this.
        unsafe { sys::rd_kafka_queue_destroy(self.queue) }
    }
}

/// An event of librdkafka. Pointers into the event are valid until it is dropped.
pub(super) struct Event(pub(super) *mut sys::rd_kafka_event_t);

impl Drop for Event {
    fn drop(&mut self) {
        // SAFETY: owned by us and destroyed once.
        unsafe { sys::rd_kafka_event_destroy(self.0) }
    }
}

#[cfg(test)]
mod tests {
    use rdkafka::ClientConfig;
    use rdkafka::consumer::BaseConsumer;

    use super::*;

    #[test]
    fn queue_keeps_its_client_until_it_is_dropped() {
        let consumer: BaseConsumer = ClientConfig::new().create().expect("a consumer without brokers");
        let consumer = Arc::new(consumer);
        let alive = Arc::downgrade(&consumer);
        let queue = ClientQueue::new(consumer);
        assert!(queue.poll(Duration::ZERO).is_none());
        assert!(alive.upgrade().is_some());
        drop(queue);
        assert!(alive.upgrade().is_none());
    }
}
