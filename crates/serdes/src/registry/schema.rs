//! Schemas as a registry has them.

use std::fmt;

use protocol::{CompatibilityLevel, RegistryReference, SchemaLanguage};

/// What identifies a schema in a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SchemaId {
    /// The id of Confluent's wire format, in 4 bytes.
    Id(u32),
    /// Apicurio's `globalId` in 8 bytes, the default of Apicurio's serializers 2.
    Global(u64),
    /// Apicurio's `contentId` in 8 bytes, the default of Apicurio's serializers 3 if they write 8 bytes.
    Content(u64),
    /// The GUID of Confluent's record headers, as the number of its 32 hexadecimal digits.
    Guid(u128),
}

impl fmt::Display for SchemaId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id(id) => write!(f, "{id}"),
            Self::Global(id) => write!(f, "{id} (globalId)"),
            Self::Content(id) => write!(f, "{id} (contentId)"),
            Self::Guid(guid) => f.write_str(&guid_text(*guid)),
        }
    }
}

/// A GUID with hyphens.
pub(super) fn guid_text(guid: u128) -> String {
    let hex = format!("{guid:032x}");
    [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
}

/// As registries write a language: `AVRO`, `PROTOBUF`, `JSON`.
pub(super) fn type_name(language: SchemaLanguage) -> &'static str {
    match language {
        SchemaLanguage::Avro => "AVRO",
        SchemaLanguage::Protobuf => "PROTOBUF",
        SchemaLanguage::Json => "JSON",
    }
}

pub(super) fn parse_type(name: &str) -> Option<SchemaLanguage> {
    SchemaLanguage::ALL.into_iter().find(|language| name.eq_ignore_ascii_case(type_name(*language)))
}

pub(super) fn parse_level(name: &str) -> Option<CompatibilityLevel> {
    CompatibilityLevel::ALL.into_iter().find(|level| level.name() == name)
}

/// A schema with everything that is needed to compile it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegisteredSchema {
    pub id: SchemaId,
    pub language: SchemaLanguage,
    pub text: String,
    /// The name and the text of each schema that this one references, directly or not. A schema comes after those that it references
    /// itself, unless they reference each other in a circle. Each name is there once.
    pub references: Vec<(String, String)>,
}

impl RegisteredSchema {
    /// The length of all texts.
    pub(super) fn bytes(&self) -> usize {
        self.text.len() + self.references.iter().map(|(name, text)| name.len() + text.len()).sum::<usize>()
    }
}

/// A schema under a subject.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubjectSchema {
    pub subject: String,
    pub version: u32,
    pub id: u32,
    pub language: SchemaLanguage,
    pub text: String,
    pub references: Vec<RegistryReference>,
}

/// Which version of a subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    Latest,
    Number(u32),
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Latest => f.write_str("latest"),
            Self::Number(number) => write!(f, "{number}"),
        }
    }
}

/// Whether a schema may become the next version of a subject.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CompatibilityCheck {
    pub is_compatible: bool,
    /// What is not compatible, in the registry's own words; empty if the registry gives no reasons.
    pub messages: Vec<String>,
}

/// Whether a deletion can be undone by registering the schema again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deletion {
    /// The schema can still be read by its id.
    Soft,
    /// The schema is gone. Registries require a soft deletion first.
    Permanent,
}

#[cfg(test)]
mod tests {
    use protocol::{CompatibilityLevel, SchemaLanguage};

    use super::{SchemaId, parse_level, parse_type};

    #[test]
    fn ids_are_shown_as_registries_write_them() {
        assert_eq!(SchemaId::Id(7).to_string(), "7");
        let guid = 0x89791762_2336_4186_9674_299b90a802e2;
        assert_eq!(SchemaId::Guid(guid).to_string(), "89791762-2336-4186-9674-299b90a802e2");
        assert_eq!(SchemaId::Guid(1).to_string(), "00000000-0000-0000-0000-000000000001");
    }

    #[test]
    fn names_of_registries_are_read_back() {
        for level in CompatibilityLevel::ALL {
            assert_eq!(parse_level(level.name()), Some(level));
        }
        assert_eq!(parse_type("JSON"), Some(SchemaLanguage::Json));
        assert_eq!(parse_type("XML"), None);
    }
}
