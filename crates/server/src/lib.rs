//! The bridge's network side, which pages, scripts and Prometheus connect to.
//!
//! In reading order: [`http`] accepts connections and serves the page, [`websocket`] runs the sessions, [`clusters`]
//! holds the state of each Kafka cluster, [`feeds`] finds or starts the feed of a subscription, [`search`] reads the history of topics, [`views`] queries Kafka
//! once for all subscribers of a live view, [`sign_in`] recognizes users of browsers, [`metrics`] counts, [`traces`] follows single records, [`shutdown`] ends everything in order. The crate never
//! calls librdkafka; it uses the types of the `kafka` crate.

pub mod access_token;
mod address_class;
pub mod admission;
pub mod clusters;
pub mod descriptors;
pub mod feeds;
pub mod http;
mod json_size;
mod log_throttle;
pub mod metrics;
mod names;
mod permissions;
pub mod search;
pub mod shutdown;
pub mod sign_in;
mod token_attempts;
pub mod traces;
mod variants;
pub mod views;
pub mod websocket;
