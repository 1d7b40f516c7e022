//! What pages, scripts and Prometheus talk to over the network.
//!
//! In reading order: [`http`] accepts connections and serves the page, [`websocket`] carries sessions, [`feeds`] finds the feed
//! that a subscription reads from, [`views`] asks Kafka once for everyone who looks at the same, [`metrics`] counts,
//! [`shutdown`] ends it all in order. It never uses librdkafka itself; it knows the types of the `kafka` crate.

pub mod access_token;
mod address_class;
pub mod descriptors;
pub mod feeds;
pub mod http;
mod log_throttle;
pub mod metrics;
pub mod shutdown;
pub mod token_attempts;
pub mod views;
pub mod websocket;
