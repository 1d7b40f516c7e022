//! Typed records: the formats of keys and values, and what a client gets in place of their bytes.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::LocalSchemaId;

/// Declares each format once, with its name on the wire and in the terminal.
macro_rules! record_formats {
    ($($(#[$attribute:meta])+ $variant:ident = $name:literal,)*) => {
        /// How the bytes of a key or value are read.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
        pub enum RecordFormat {
            $($(#[$attribute])+ #[serde(rename = $name)] $variant,)*
        }

        impl RecordFormat {
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// The name on the wire and in the terminal.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }
        }
    };
}

record_formats! {
    /// The bytes as they are.
    #[default]
    Raw = "raw",
    /// Whichever format the bytes seem to have; the answer says which one was taken.
    Auto = "auto",
    /// JSON text.
    Json = "json",
    /// UTF-8 text.
    Text = "text",
    /// Avro, with the id of the schema before the bytes or in a header.
    Avro = "avro",
    /// Protobuf, with the id of the schema before the bytes or in a header.
    Protobuf = "protobuf",
    /// JSON with the id of its JSON Schema before the bytes or in a header.
    JsonSchema = "json-schema",
    /// MessagePack.
    MessagePack = "messagepack",
    /// CBOR (RFC 8949).
    Cbor = "cbor",
    /// XML; decoded to a string with the indented XML.
    Xml = "xml",
    /// Kafka Connect's JSON with a schema, and Debezium's change events: the payload alone, with Connect's logical types.
    Connect = "connect",
    /// The records that Kafka's coordinators write to `__consumer_offsets` and `__transaction_state`.
    Kafka = "kafka",
    /// A signed integer of one byte.
    Int8 = "int8",
    /// A signed integer of two bytes, big-endian (Kafka's ShortSerializer).
    Int16 = "int16",
    /// A signed integer of four bytes, big-endian (Kafka's IntegerSerializer).
    Int32 = "int32",
    /// A signed integer of eight bytes, big-endian (Kafka's LongSerializer).
    Int64 = "int64",
    /// An unsigned integer of one byte.
    UInt8 = "uint8",
    /// An unsigned integer of two bytes, big-endian.
    UInt16 = "uint16",
    /// An unsigned integer of four bytes, big-endian.
    UInt32 = "uint32",
    /// An unsigned integer of eight bytes, big-endian.
    UInt64 = "uint64",
    /// A floating-point number of four bytes, big-endian (Kafka's FloatSerializer).
    Float = "float",
    /// A floating-point number of eight bytes, big-endian (Kafka's DoubleSerializer).
    Double = "double",
    /// A UUID of sixteen bytes.
    Uuid = "uuid",
}

impl fmt::Display for RecordFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl std::str::FromStr for RecordFormat {
    type Err = UnknownFormat;

    fn from_str(name: &str) -> Result<Self, UnknownFormat> {
        Self::ALL.iter().copied().find(|format| format.name() == name).ok_or(UnknownFormat)
    }
}

/// The name is not that of a [`RecordFormat`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown format; use one of {}", names())]
pub struct UnknownFormat;

fn names() -> String {
    RecordFormat::ALL.iter().map(|format| format.name()).collect::<Vec<_>>().join(", ")
}

/// How keys and values are read. Headers are never decoded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Decode {
    /// Absent: `raw`.
    #[serde(default)]
    pub key: RecordFormat,
    /// Absent: `raw`.
    #[serde(default)]
    pub value: RecordFormat,
    /// A schema of the client for keys without the prefix of a registry. Absent: the one that the bridge's configuration has for the topic, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_schema: Option<LocalSchemaId>,
    /// Likewise for values.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value_schema: Option<LocalSchemaId>,
}

impl Decode {
    /// Keys and values in these formats, with the schemas that the bridge knows.
    pub const fn with_formats(key: RecordFormat, value: RecordFormat) -> Self {
        Self { key, value, key_schema: None, value_schema: None }
    }

    /// Whether keys and values stay as they are.
    pub fn is_raw(&self) -> bool {
        *self == Self::default()
    }
}

/// The schema with which bytes were decoded.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SchemaReference {
    /// The id in the registry, as text: a number or a GUID.
    pub id: String,
    /// A subject that has the schema, if it is known. A schema may be in several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// The version of the schema in that subject.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u32>,
    /// The name of the type, such as `shop.Order`, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// Why bytes were not decoded. A later version may have more codes.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct DecodeFailure {
    /// `malformed`, `schema_not_found`, `schema_unavailable`, `schema_invalid`, `no_schema` or `too_large`.
    pub code: String,
    /// What is wrong, at which field, and with which value.
    pub message: String,
}

/// What is said of a decoded key or value, or of one that could not be decoded.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct DecodeNote {
    /// The format, unless the bytes were not decoded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<RecordFormat>,
    /// How the bytes were compressed, such as `gzip`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compression: Option<String>,
    /// The schema, if the format has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<SchemaReference>,
    /// Why `auto` took the format.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Why the bytes were not decoded. They are then sent as they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decode_error: Option<DecodeFailure>,
}

impl DecodeNote {
    pub fn failed(code: &str, message: String) -> Self {
        Self { decode_error: Some(DecodeFailure { code: code.to_owned(), message }), ..Self::default() }
    }

    /// Whether the bytes that the note is about are decoded JSON.
    pub fn is_decoded(&self) -> bool {
        self.decode_error.is_none()
    }
}
