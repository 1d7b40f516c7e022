//! Everything that speaks to Kafka, and nothing that knows a socket.

pub mod admin;
mod api_versions;
mod beginning;
mod broker_errors;
mod broker_stream;
pub mod client_config;
mod clients;
pub mod cluster;
pub mod consumer;
pub mod context;
pub mod demo;
mod diagnosis;
mod error;
pub mod group_protocol;
mod leaders;
mod native;
pub mod oauth;
pub mod producer;
pub mod properties;
pub mod questions;
mod range;
pub mod reader;
mod reasons;
mod rebalance_answer;
mod releases;
mod sasl_handshake;
mod sign_in;
#[cfg(feature = "tls")]
mod system_ca;
#[cfg(feature = "tls")]
mod tls;
