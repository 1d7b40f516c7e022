//! Everything that speaks to Kafka, and nothing that knows a socket.

pub mod admin;
mod api_versions;
mod broker_stream;
pub mod client_config;
pub mod cluster;
pub mod consumer;
pub mod context;
pub mod demo;
mod ends;
mod error;
pub mod group_protocol;
mod native;
pub mod oauth;
pub mod producer;
pub mod properties;
pub mod questions;
mod range;
pub mod reader;
mod releases;
#[cfg(feature = "tls")]
mod system_ca;
#[cfg(feature = "tls")]
mod tls;
pub mod topic_id;
