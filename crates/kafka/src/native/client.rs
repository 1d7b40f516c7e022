//! Access to the handle of a librdkafka client of any kind and context.

use rdkafka::ClientContext;
use rdkafka::admin::AdminClient;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::producer::{BaseProducer, Producer, ProducerContext};
use rdkafka_sys as sys;

use crate::oauth::SignedIn;

/// A client of librdkafka.
///
/// # Safety
/// The handle must be the same at every call, and valid for as long as the value lives.
pub unsafe trait KafkaClient: Send + Sync {
    fn handle(&self) -> *mut sys::rd_kafka_t;
}

// SAFETY: the consumer owns its handle and destroys it when it is dropped.
unsafe impl<C: ConsumerContext> KafkaClient for BaseConsumer<C> {
    fn handle(&self) -> *mut sys::rd_kafka_t {
        self.client().native_ptr()
    }
}

// SAFETY: as for a consumer.
unsafe impl<C: ProducerContext> KafkaClient for BaseProducer<C> {
    fn handle(&self) -> *mut sys::rd_kafka_t {
        self.client().native_ptr()
    }
}

// SAFETY: as for a consumer.
unsafe impl<C: ClientContext> KafkaClient for AdminClient<C> {
    fn handle(&self) -> *mut sys::rd_kafka_t {
        self.inner().native_ptr()
    }
}

// SAFETY: `SignedIn` owns the client and never replaces it.
unsafe impl<T: KafkaClient> KafkaClient for SignedIn<T> {
    fn handle(&self) -> *mut sys::rd_kafka_t {
        (**self).handle()
    }
}
