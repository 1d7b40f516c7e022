//! Typed records: decodes keys and values to JSON, encodes JSON, and loads schemas from a registry. Knows neither sockets nor
//! Kafka's client library.

mod avro;
mod compiled;
mod decimal;
mod decoder;
mod encoder;
mod error;
pub mod formats;
mod growth;
mod json_schema;
mod json_tree;
mod json_writer;
pub mod local;
mod number_parts;
pub mod protobuf;
pub mod registry;
mod structure;
mod time_text;
mod uuid_text;

pub use avro::AvroSchema;
pub use compiled::CompiledSchema;
pub use decoder::{BatchDecoder, Decoded, Decoder, Field};
pub use encoder::Encoder;
pub use error::{DecodeError, DecodeErrorCode, EncodeError, SchemaError};
pub use json_schema::JsonSchema;
pub use json_writer::JsonWriter;
pub use local::{LocalSchema, LocalSchemas, TopicRule, TopicSchema, TopicSchemas};
