//! Typed records: decodes keys and values to JSON, encodes JSON, and loads schemas from a registry. Knows neither sockets nor
//! Kafka's client library.

mod avro;
mod compiled;
mod decoder;
mod error;
pub mod formats;
mod json_writer;
pub mod protobuf;
pub mod registry;

pub use avro::AvroSchema;
pub use compiled::CompiledSchema;
pub use decoder::{BatchDecoder, Decoded, Decoder, Field};
pub use error::{DecodeError, DecodeErrorCode, EncodeError, SchemaError};
pub use json_writer::JsonWriter;
