//! Schemas that a client sends, because they are in no registry.

use std::fmt;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{SchemaLanguage, WireBytes};

/// A schema that a client sent with [`AddSchema`]: 32 hexadecimal digits, the same for the same schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LocalSchemaId(pub u128);

impl fmt::Display for LocalSchemaId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl std::str::FromStr for LocalSchemaId {
    type Err = InvalidLocalSchemaId;

    fn from_str(text: &str) -> Result<Self, InvalidLocalSchemaId> {
        let is_id = text.len() == 32 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        let id = is_id.then(|| u128::from_str_radix(text, 16).ok()).flatten();
        id.map(Self).ok_or(InvalidLocalSchemaId)
    }
}

/// The text is not the id of a schema that a client sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the id of a schema has 32 hexadecimal digits, in lower case")]
pub struct InvalidLocalSchemaId;

impl Serialize for LocalSchemaId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for LocalSchemaId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

#[cfg(feature = "schema")]
impl schemars::JsonSchema for LocalSchemaId {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "LocalSchemaId".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "description": "A schema that a client sent with `add_schema`: 32 hexadecimal digits, the same for the same schema.",
            "type": "string",
            "pattern": "^[0-9a-f]{32}$",
        })
    }
}

/// Makes a schema known to the bridge, for records of topics whose schema is in no registry. The bridge keeps it in memory, and may
/// forget it when many others are sent; a client sends it again after it has connected, before it uses the id.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AddSchema {
    /// The language of the schema.
    pub language: SchemaLanguage,
    /// The files of the schema; those that others import are among them. The last one is the schema itself.
    pub files: Vec<SchemaFile>,
    /// The message type of Protobuf records without the indexes of a registry, such as `shop.Order`. Absent: the first one of the last file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// A file of a schema.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SchemaFile {
    /// The path by which other files import it.
    pub name: String,
    /// The text; for Protobuf also a descriptor set as `protoc --descriptor_set_out` writes it, in base64.
    pub content: WireBytes,
}

/// The schema is known to the bridge.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AddSchemaResult {
    /// Names the schema in [`Decode`](crate::Decode) and in [`Encoding`].
    pub schema: LocalSchemaId,
    /// The message types of a Protobuf schema.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub messages: Vec<String>,
}
