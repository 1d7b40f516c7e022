//! Decoders and encoders of formats that need no schema, and the prefix that a schema registry's serializers write before the bytes.

pub mod cbor;
pub mod compressed;
pub mod connect;
pub mod guess;
mod input;
pub mod internal_topics;
pub mod json;
mod json_number;
mod lz4;
mod member_name;
pub mod message_pack;
pub mod numbers;
pub mod text;
mod time;
pub mod wire;
pub mod xml;
