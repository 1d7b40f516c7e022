//! librdkafka's C API where the `rdkafka` crate does not wrap it. The only unsafe code of the bridge; each function
//! is safe to call and says why.
#![allow(unsafe_code)]

mod cluster;
mod commits;
mod consuming;
mod producing;
mod topics;

pub use self::cluster::{fetch_brokers, hasten_mock_groups};
pub use self::commits::CommitQueue;
pub use self::consuming::{DataQueue, TakenMessage};
pub use self::producing::{DeliveryQueue, Plain, Report, Told, produce_batch, report_of};
pub use self::topics::{ExistingTopic, TopicId, TopicQueue};
