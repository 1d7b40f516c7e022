//! The schema registry: requests about its subjects and their schemas, and the replies.

use serde::{Deserialize, Serialize};

use crate::{RecordFormat, SchemaStructure};

/// The language of a schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum SchemaLanguage {
    /// Avro.
    Avro,
    /// Protobuf.
    Protobuf,
    /// JSON Schema.
    Json,
}

impl SchemaLanguage {
    pub const ALL: [Self; 3] = [Self::Avro, Self::Protobuf, Self::Json];

    /// As people write it.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Avro => "Avro",
            Self::Protobuf => "Protobuf",
            Self::Json => "JSON Schema",
        }
    }

    /// The format of records with such a schema.
    pub const fn format(self) -> RecordFormat {
        match self {
            Self::Avro => RecordFormat::Avro,
            Self::Protobuf => RecordFormat::Protobuf,
            Self::Json => RecordFormat::JsonSchema,
        }
    }
}

/// Which schema changes a registry accepts for a subject, compared with the versions that the subject has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum CompatibilityLevel {
    /// Every change.
    None,
    /// Consumers with the new schema can read records of the latest version.
    Backward,
    /// Consumers with the new schema can read records of all versions.
    BackwardTransitive,
    /// Consumers with the latest version can read records of the new schema.
    Forward,
    /// Consumers with any version can read records of the new schema.
    ForwardTransitive,
    /// Both directions, with the latest version.
    Full,
    /// Both directions, with all versions.
    FullTransitive,
}

impl CompatibilityLevel {
    pub const ALL: [Self; 7] = [
        Self::None,
        Self::Backward,
        Self::BackwardTransitive,
        Self::Forward,
        Self::ForwardTransitive,
        Self::Full,
        Self::FullTransitive,
    ];

    /// The name in messages, and in registries.
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "NONE",
            Self::Backward => "BACKWARD",
            Self::BackwardTransitive => "BACKWARD_TRANSITIVE",
            Self::Forward => "FORWARD",
            Self::ForwardTransitive => "FORWARD_TRANSITIVE",
            Self::Full => "FULL",
            Self::FullTransitive => "FULL_TRANSITIVE",
        }
    }
}

/// Requests the names of the registry's subjects.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SubjectsRequest {
    /// Whether deleted subjects that can be restored are listed, too.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub deleted: bool,
}

/// The subjects that the user may describe.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SubjectsResult {
    /// The address of the registry, without user name and password.
    pub registry: String,
    /// Sorted by name.
    pub subjects: Vec<SubjectName>,
    /// The level that applies to subjects without one of their own; absent if the registry did not report it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compatibility: Option<CompatibilityLevel>,
    /// Whether schemas may be registered, in the registry's words (`READWRITE`, `READONLY`, `IMPORT`); absent if it has no modes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<String>,
}

/// A subject in the list of subjects.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SubjectName {
    /// The name of the subject.
    pub name: String,
    /// The subject was deleted, but its schemas still exist.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub deleted: bool,
}

/// Requests the versions of a subject.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SubjectRequest {
    /// The name of the subject.
    pub subject: String,
}

/// The versions and settings of a subject.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SubjectResult {
    /// The name of the subject.
    pub subject: String,
    /// Sorted by number; with the deleted ones that still exist.
    pub versions: Vec<SubjectVersion>,
    /// The subject's own level; absent if the registry's level applies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compatibility: Option<CompatibilityLevel>,
    /// The registry's level; absent if it did not report one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registry_compatibility: Option<CompatibilityLevel>,
}

/// A version in the list of a subject's versions.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SubjectVersion {
    /// The number of the version, from 1.
    pub version: u32,
    /// The version was deleted, but its schema still exists.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub deleted: bool,
}

/// Requests a version of a subject.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SchemaRequest {
    /// The name of the subject.
    pub subject: String,
    /// Absent: the latest version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u32>,
}

/// A version of a subject.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SchemaResult {
    /// The name of the subject.
    pub subject: String,
    /// The number of the version.
    pub version: u32,
    /// The id of the schema, which records name. (`id` is the number of the request.)
    pub schema_id: u32,
    /// The language of the schema.
    pub language: SchemaLanguage,
    /// The text of the schema, as it was registered.
    pub text: String,
    /// The schemas that this one references, of those that the user may describe.
    pub references: Vec<RegistryReference>,
    /// The versions that reference this one.
    pub referenced_by: Vec<VersionOfSubject>,
    /// Why `referenced_by` is not complete.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub referenced_by_error: Option<String>,
    /// The structure of the schema.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub structure: Option<SchemaStructure>,
    /// Why there is no structure: the schema, or one that it references, cannot be used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub structure_error: Option<String>,
}

/// A reference from one schema to another.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RegistryReference {
    /// What the schema calls the other one: the full name of an Avro type, the path of an import, or a `$ref`.
    pub name: String,
    /// The subject of the other schema.
    pub subject: String,
    /// The version of the other schema.
    pub version: u32,
}

/// A version of a subject.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct VersionOfSubject {
    /// The name of the subject.
    pub subject: String,
    /// The number of the version.
    pub version: u32,
}

/// A schema that is to be registered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SchemaDraft {
    /// The language of the schema.
    pub language: SchemaLanguage,
    /// The text of the schema.
    pub text: String,
    /// The schemas that it references.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub references: Vec<RegistryReference>,
}

/// Asks whether a schema could become the next version of a subject. Nothing is registered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct CheckSchema {
    /// The name of the subject, which need not exist.
    pub subject: String,
    /// The schema.
    pub schema: SchemaDraft,
}

/// Whether a schema could become the next version of a subject.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct CheckSchemaResult {
    /// Whether the registry would accept the schema.
    pub compatible: bool,
    /// What is wrong with the schema, or not compatible; may be empty, because some registries give no reasons.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reasons: Vec<String>,
    /// The version of the subject that already has exactly this schema.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub existing_version: Option<u32>,
}

/// Registers a schema as the next version of a subject. A schema that the subject already has gets no further version.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RegisterSchema {
    /// The name of the subject, which is created if it does not exist.
    pub subject: String,
    /// The schema.
    pub schema: SchemaDraft,
}

/// The schema is registered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RegisterSchemaResult {
    /// The name of the subject.
    pub subject: String,
    /// The version of the subject that has the schema.
    pub version: u32,
    /// The id of the schema.
    pub schema_id: u32,
}

/// Deletes a subject, or one of its versions.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct DeleteSubject {
    /// The name of the subject.
    pub subject: String,
    /// Absent: all versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u32>,
    /// Whether the schemas are removed for ever, so that records with their ids cannot be read any more. They must have been deleted before.
    /// Otherwise records stay readable, and registering the same schema again restores the version.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub permanent: bool,
    /// Must repeat the name of the subject.
    pub confirm: String,
}

/// The versions are deleted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct DeleteSubjectResult {
    /// The name of the subject.
    pub subject: String,
    /// The numbers of the deleted versions.
    pub versions: Vec<u32>,
}

/// Sets the compatibility level of a subject or of the registry.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SetCompatibility {
    /// Absent: the level of the registry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// Absent: the subject has no level of its own any more. The registry always has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub level: Option<CompatibilityLevel>,
}

/// The level is set.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SetCompatibilityResult {
    /// The subject; absent: the registry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// The level that applies now; absent if the registry did not report it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub level: Option<CompatibilityLevel>,
}
