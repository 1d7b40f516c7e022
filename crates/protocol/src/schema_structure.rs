//! The structure of schemas, the same for all languages.

use serde::{Deserialize, Serialize};

/// The structure of a schema, the same for all languages. A form can be made from it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SchemaStructure {
    /// The type of a value.
    pub root: SchemaType,
    /// The types that have a name, in the order in which they are found. Others refer to them by their place in this list, because a type may contain itself.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub named: Vec<SchemaType>,
}

/// A type of a schema.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SchemaType {
    /// What the JSON of a value is.
    pub kind: TypeKind,
    /// The type in the words of the schema, such as `decimal(10, 2)`, `sint64`, `timestamp-millis` or `shop.Order`.
    pub title: String,
    /// The documentation of the type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub documentation: Option<String>,
}

/// What the JSON of a value is: a string, or an object with one member.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum TypeKind {
    /// `null`.
    Null,
    /// `true` or `false`.
    Boolean,
    /// A number without a fraction. It may have more digits than JavaScript's numbers.
    Integer,
    /// A number, or `"NaN"`, `"Infinity"` or `"-Infinity"`.
    Number,
    /// Text.
    String,
    /// A string in base64.
    Bytes,
    /// A string as in RFC 3339, such as `2026-01-31T10:00:00Z`, `2026-01-31` or `10:00:00`.
    Time,
    /// One of these texts.
    Enum(Vec<String>),
    /// An array.
    Array(Box<SchemaType>),
    /// An object with any names.
    Map(Box<SchemaType>),
    /// An object with these members.
    Record(Vec<SchemaField>),
    /// A value of one of these types. `null` among them means that the value may be absent.
    Union(Vec<SchemaType>),
    /// The type at this place of `named`.
    Named(u32),
    /// Any JSON.
    Any,
}

/// A member of a record.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SchemaField {
    /// The name of the member in JSON.
    pub name: String,
    /// The type of its value.
    #[serde(rename = "type")]
    pub kind: SchemaType,
    /// Whether the member may be left out.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub optional: bool,
    /// The JSON text of the value that a member has if it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<String>,
    /// The name of the group of members of which only one may be there (`oneof` of Protobuf).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub one_of: Option<String>,
    /// The documentation of the field.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub documentation: Option<String>,
}
