//! What the processes of a measurement do, one file each.

pub mod echo;
pub mod native_consumer;
pub mod native_echo;
pub mod native_producer;
pub mod relay;
pub mod sink;
pub mod source;
