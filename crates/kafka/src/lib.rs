//! Everything that talks to Kafka. Nothing here knows the WebSocket.

pub mod admin;
mod broker_connection;
mod broker_errors;
mod broker_requests;
pub mod client_config;
mod clients;
pub mod cluster;
pub mod consumer;
pub mod context;
mod credentials;
pub mod demo;
mod diagnosis;
mod error;
pub mod group_protocol;
mod leaders;
pub mod metadata_client;
mod native;
pub mod oauth;
mod other_groups;
pub mod producer;
pub mod properties;
mod range;
pub mod reader;
mod reasons;
mod rebalance_answer;
pub mod record_limit;
mod releases;
pub mod scan;
mod sign_in;
mod start_position;
pub mod statistics;
#[cfg(feature = "tls")]
mod system_ca;
