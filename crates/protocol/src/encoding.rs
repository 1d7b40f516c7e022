//! Writing typed records: JSON as the bytes of keys and values.

use serde::{Deserialize, Serialize};

use crate::{LocalSchemaId, RecordFormat, SchemaReference, SchemaStructure, WireBytes};

/// A part of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum RecordPart {
    /// The key.
    Key,
    /// The value.
    Value,
}

impl RecordPart {
    /// The name in messages, and the end of the names of subjects.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Key => "key",
            Self::Value => "value",
        }
    }
}

/// How JSON is written to a key or value. `avro`, `protobuf` and `json-schema` need a schema. Without `subject` and `schema`, it is the one
/// that the bridge's configuration has for the topic, or else the subject `<topic>-key` or `<topic>-value`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Encoding {
    /// Any format except `raw`, `auto`, `connect` and `kafka`.
    pub format: RecordFormat,
    /// A subject of the registry. The bytes begin with the id of the schema, as Confluent's serializers write it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// The version of the subject; absent: the latest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u32>,
    /// The message type of a Protobuf schema; absent: the first one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// A schema sent with [`AddSchema`], in place of a subject. The bytes have no prefix.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<LocalSchemaId>,
}

/// Encodes JSON as keys or values. Nothing is written to Kafka: the client produces the bytes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Encode {
    /// The topic that the records are for.
    pub topic: String,
    /// The part of the records.
    pub part: RecordPart,
    /// How they are written.
    pub encoding: Encoding,
    /// JSON texts, at most 1,000.
    pub values: Vec<String>,
}

/// The answer to [`Encode`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct EncodeResult {
    /// The schema, if the format has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<SchemaReference>,
    /// As many as there were texts, in the same order.
    pub values: Vec<EncodedValue>,
}

/// An encoded key or value, or why the JSON cannot be encoded.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum EncodedValue {
    /// The bytes.
    Bytes(WireBytes),
    /// What does not fit.
    Error(ValueError),
}

/// Why JSON does not fit a schema.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ValueError {
    /// The field that does not fit, such as `items[2].price`; empty for the whole value.
    pub path: String,
    /// What is expected there, and what was found.
    pub message: String,
}

/// Asks for the structure of the schema with which a client wants to write, and for an example.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct DescribeEncoding {
    /// The topic that the records are for.
    pub topic: String,
    /// The part of the records.
    pub part: RecordPart,
    /// How they are written.
    pub encoding: Encoding,
}

/// What can be written with an encoding.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct DescribeEncodingResult {
    /// The schema, if the format has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<SchemaReference>,
    /// The structure of the values; absent for formats without a schema.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub structure: Option<SchemaStructure>,
    /// The message types of a Protobuf schema.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub messages: Vec<String>,
    /// JSON text that can be encoded.
    pub example: String,
}
