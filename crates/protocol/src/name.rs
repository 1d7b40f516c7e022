//! Kafka's names and positions, validated when they are parsed.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::printable::{is_printable, shorten, shown_name};

/// How many characters of an invalid name an error repeats.
const SHOWN_CHARS: usize = 60;

/// A valid topic name: 1 to 249 characters of `a-z A-Z 0-9 . _ -`, and neither `.` nor `..`
/// (`org.apache.kafka.common.internals.Topic`).
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct TopicName(String);

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidName {
    #[error(
        "invalid topic name {0:?}: use 1 to 249 letters, digits, dots, underscores and hyphens, not \".\" or \"..\""
    )]
    Topic(String),
    #[error("invalid group name {0:?}: use 1 to 255 bytes without control and format characters")]
    Group(String),
    #[error("invalid group name {0:?}: use at most 32,767 bytes without a NUL character")]
    ExistingGroup(String),
    #[error("invalid client name {0:?}: use at most 100 characters without control and format characters")]
    Client(String),
    #[error(
        "invalid cluster name {0:?}: use 1 to 64 letters, digits, dots, underscores and hyphens, not \".\" or \"..\""
    )]
    Cluster(String),
}

impl TopicName {
    pub const MAX_LEN: usize = 249;

    pub fn parse(name: &str) -> Result<Self, InvalidName> {
        let ok = name.len() <= Self::MAX_LEN && is_plain(name);
        if ok { Ok(Self(name.to_owned())) } else { Err(InvalidName::Topic(shorten(name, SHOWN_CHARS))) }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TopicName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::str::FromStr for TopicName {
    type Err = InvalidName;

    fn from_str(name: &str) -> Result<Self, InvalidName> {
        Self::parse(name)
    }
}

/// A valid consumer group id. Kafka itself forbids only the empty id. Very long ids and control characters would break
/// tools that list them, and format characters (such as direction overrides) make an id look like another one.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct GroupId(String);

impl GroupId {
    pub const MAX_LEN: usize = 255;

    pub fn parse(id: &str) -> Result<Self, InvalidName> {
        let ok = !id.is_empty() && id.len() <= Self::MAX_LEN && id.chars().all(is_printable);
        if ok { Ok(Self(id.to_owned())) } else { Err(InvalidName::Group(shorten(id, SHOWN_CHARS))) }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for GroupId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::str::FromStr for GroupId {
    type Err = InvalidName;

    fn from_str(id: &str) -> Result<Self, InvalidName> {
        Self::parse(id)
    }
}

/// The name of an existing group, which may be any text: Kafka stores offsets for the empty name and for names with
/// line breaks, too. Such a group can be described, reset and deleted, but the bridge joins and creates only groups with
/// a [`GroupId`].
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct GroupName(String);

impl GroupName {
    /// The longest string of Kafka's protocol.
    pub const MAX_LEN: usize = i16::MAX as usize;

    pub fn parse(name: &str) -> Result<Self, InvalidName> {
        // librdkafka's functions take C strings.
        let ok = name.len() <= Self::MAX_LEN && !name.contains('\0');
        if ok { Ok(Self(name.to_owned())) } else { Err(InvalidName::ExistingGroup(shorten(name, SHOWN_CHARS))) }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// As it is shown to users: see [`shown_name`].
impl fmt::Display for GroupName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&shown_name(&self.0))
    }
}

impl std::str::FromStr for GroupName {
    type Err = InvalidName;

    fn from_str(name: &str) -> Result<Self, InvalidName> {
        Self::parse(name)
    }
}

impl From<GroupId> for GroupName {
    fn from(id: GroupId) -> Self {
        Self(id.0)
    }
}

impl From<&GroupId> for GroupName {
    fn from(id: &GroupId) -> Self {
        Self(id.0.clone())
    }
}

/// The name that a client gives itself in `hello.client`, which is logged: at most 100 printable characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientName(Arc<str>);

impl ClientName {
    pub const MAX_CHARS: usize = 100;

    pub fn parse(name: &str) -> Result<Self, InvalidName> {
        let ok = name.chars().nth(Self::MAX_CHARS).is_none() && name.chars().all(is_printable);
        if ok { Ok(Self(name.into())) } else { Err(InvalidName::Client(shorten(name, SHOWN_CHARS))) }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The name by which a bridge and its clients refer to a Kafka cluster, as in `hello.cluster`: 1 to 64 characters of
/// `a-z A-Z 0-9 . _ -`, and neither `.` nor `..`, so that it needs no escaping in addresses, file names and logs. It is
/// not Kafka's cluster id.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ClusterName(Arc<str>);

impl ClusterName {
    pub const MAX_LEN: usize = 64;

    pub fn parse(name: &str) -> Result<Self, InvalidName> {
        let ok = name.len() <= Self::MAX_LEN && is_plain(name);
        if ok { Ok(Self(name.into())) } else { Err(InvalidName::Cluster(shorten(name, SHOWN_CHARS))) }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// `default`, the name of the cluster of a bridge that has one cluster.
impl Default for ClusterName {
    fn default() -> Self {
        Self("default".into())
    }
}

impl fmt::Display for ClusterName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whether the name is a valid part of an address or a file name as it is.
fn is_plain(name: &str) -> bool {
    let legal = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'.' | b'_' | b'-');
    !name.is_empty() && name != "." && name != ".." && name.bytes().all(legal)
}

/// A position in a partition: the offset of a record, or of the next record to read. Never negative.
///
/// It is a string in JSON, because JavaScript's numbers are exact only up to 2⁵³. Numbers are accepted too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Offset(pub i64);

impl fmt::Display for Offset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(feature = "schema")]
impl schemars::JsonSchema for Offset {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Offset".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "description": "A position in a partition, from \"0\" to \"9223372036854775807\". The bridge also accepts a number.",
            "type": "string",
            "pattern": "^[0-9]{1,19}$"
        })
    }
}

impl Serialize for Offset {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Offset {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OffsetVisitor;

        impl de::Visitor<'_> for OffsetVisitor {
            type Value = Offset;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an offset: a string of digits, \"0\" to \"9223372036854775807\"")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Offset, E> {
                let digits_only = !text.is_empty() && text.bytes().all(|c| c.is_ascii_digit());
                match text.parse() {
                    Ok(offset) if digits_only => Ok(Offset(offset)),
                    _ => Err(E::invalid_value(de::Unexpected::Str(text), &self)),
                }
            }

            fn visit_u64<E: de::Error>(self, number: u64) -> Result<Offset, E> {
                i64::try_from(number).map(Offset).map_err(|_| E::invalid_value(de::Unexpected::Unsigned(number), &self))
            }
        }

        deserializer.deserialize_any(OffsetVisitor)
    }
}

/// A position in one partition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Position {
    /// The name of the topic.
    pub topic: String,
    /// The number of the partition, from 0.
    pub partition: i32,
    /// The offset of a record, or of the next record to read.
    pub offset: Offset,
}
