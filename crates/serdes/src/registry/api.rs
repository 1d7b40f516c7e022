//! The requests that load schemas: Confluent's API, and Apicurio's own API for `globalId`s.

use std::sync::Arc;

use protocol::{RegistryReference, SchemaLanguage, VersionOfSubject};
use serde::Deserialize;
use ureq::http::Method;

use super::core::{Core, read};
use super::error::RegistryError;
use super::http::{Api, Call, segment};
use super::schema::{SchemaId, SubjectSchema, guid_text, parse_type};

/// A schema whose references are not loaded yet.
pub(super) struct LoadedSchema {
    pub language: SchemaLanguage,
    pub text: String,
    pub references: Vec<(String, Target)>,
}

/// Where a referenced schema is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Target {
    Subject {
        subject: String,
        /// `latest` or a number.
        version: String,
    },
    Artifact {
        group: String,
        artifact: String,
        version: String,
    },
}

impl std::fmt::Display for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Subject { subject, version } => write!(f, "version {version} of the subject {subject:?}"),
            Self::Artifact { group, artifact, version } => {
                write!(f, "version {version} of the artifact {artifact:?} in the group {group:?}")
            }
        }
    }
}

/// A schema in the answers of Confluent's API. Members are missing in some of them.
#[derive(Deserialize)]
pub(super) struct SchemaBody {
    subject: Option<String>,
    version: Option<u32>,
    id: Option<u32>,
    #[serde(rename = "schemaType")]
    schema_type: Option<String>,
    schema: String,
    references: Option<Vec<ReferenceBody>>,
}

#[derive(Deserialize)]
struct ReferenceBody {
    name: String,
    subject: String,
    /// −1 means the latest version.
    version: i64,
}

/// A reference in the answers of Apicurio's own API.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ArtifactReference {
    name: String,
    group_id: Option<String>,
    artifact_id: String,
    version: Option<String>,
}

#[derive(Deserialize)]
struct SubjectVersionBody {
    subject: String,
    version: u32,
}

impl SchemaBody {
    fn language(&self) -> Result<SchemaLanguage, RegistryError> {
        // Confluent leaves the type of Avro schemas out.
        let Some(name) = &self.schema_type else { return Ok(SchemaLanguage::Avro) };
        parse_language(name)
    }

    fn into_loaded(self) -> Result<LoadedSchema, RegistryError> {
        let language = self.language()?;
        let references = self.references.unwrap_or_default().into_iter().map(|reference| {
            let version = u32::try_from(reference.version).map_or("latest".to_owned(), |version| version.to_string());
            (reference.name, Target::Subject { subject: reference.subject, version })
        });
        Ok(LoadedSchema { language, references: references.collect(), text: self.schema })
    }

    /// `language`: the type of the schema if it is known otherwise; some registries leave it out for all types.
    pub(super) fn into_subject_schema(self, language: Option<SchemaLanguage>) -> Result<SubjectSchema, RegistryError> {
        let missing = |name: &str| RegistryError::Unexpected { reason: format!("the member `{name}` is missing") };
        let language = match (language, &self.schema_type) {
            (Some(language), None) => language,
            _ => self.language()?,
        };
        let references = self.references.unwrap_or_default().into_iter().map(|reference| RegistryReference {
            name: reference.name,
            subject: reference.subject,
            version: u32::try_from(reference.version).unwrap_or(0),
        });
        Ok(SubjectSchema {
            subject: self.subject.ok_or_else(|| missing("subject"))?,
            version: self.version.ok_or_else(|| missing("version"))?,
            id: self.id.ok_or_else(|| missing("id"))?,
            language,
            references: references.collect(),
            text: self.schema,
        })
    }
}

impl Core {
    /// A schema by its id, without its references.
    pub(super) fn schema(self: &Arc<Self>, id: SchemaId) -> Result<LoadedSchema, RegistryError> {
        let path = match id {
            SchemaId::Id(id) => format!("/schemas/ids/{id}"),
            // Apicurio's implementation of Confluent's API uses the contentId as the id, unless its legacy mode is enabled.
            SchemaId::Content(id) => format!("/schemas/ids/{id}"),
            SchemaId::Guid(guid) => format!("/schemas/guids/{}", guid_text(guid)),
            SchemaId::Global(id) => return self.schema_by_global_id(id),
        };
        self.get::<SchemaBody>(&path)?.into_loaded()
    }

    /// A schema that another one references.
    pub(super) fn referenced_schema(self: &Arc<Self>, target: &Target) -> Result<LoadedSchema, RegistryError> {
        match target {
            Target::Subject { subject, version } => {
                let path = format!("/subjects/{}/versions/{version}", segment(subject));
                self.get::<SchemaBody>(&path)?.into_loaded()
            }
            Target::Artifact { group, artifact, version } => {
                let path =
                    format!("/groups/{}/artifacts/{}/versions/{}", segment(group), segment(artifact), segment(version));
                let (text, _) = self.apicurio_text(&format!("{path}/content"))?;
                let references = self.apicurio_references(&format!("{path}/references"))?;
                // The type is that of the schema with the reference.
                Ok(LoadedSchema { language: SchemaLanguage::Avro, text, references })
            }
        }
    }

    /// Where a schema is registered.
    pub(super) fn versions_of(self: &Arc<Self>, id: SchemaId) -> Result<Vec<VersionOfSubject>, RegistryError> {
        let path = match id {
            SchemaId::Id(id) => format!("/schemas/ids/{id}/versions"),
            SchemaId::Content(id) => format!("/schemas/ids/{id}/versions"),
            SchemaId::Guid(_) => return Ok(Vec::new()),
            SchemaId::Global(id) => return self.versions_of_global_id(id),
        };
        let found: Vec<SubjectVersionBody> = self.get(&path)?;
        Ok(found.into_iter().map(|one| VersionOfSubject { subject: one.subject, version: one.version }).collect())
    }

    fn schema_by_global_id(self: &Arc<Self>, id: u64) -> Result<LoadedSchema, RegistryError> {
        let (text, language) = self.apicurio_text(&format!("/ids/globalIds/{id}?returnArtifactType=true"))?;
        let language = language.ok_or_else(|| RegistryError::Unexpected {
            reason: "the header X-Registry-ArtifactType with the type of the schema is missing".to_owned(),
        })?;
        let references = self.apicurio_references(&format!("/ids/globalIds/{id}/references"))?;
        Ok(LoadedSchema { language: parse_language(&language)?, text, references })
    }

    fn versions_of_global_id(self: &Arc<Self>, id: u64) -> Result<Vec<VersionOfSubject>, RegistryError> {
        #[derive(Deserialize)]
        struct Found {
            versions: Vec<Artifact>,
        }
        #[derive(Deserialize)]
        struct Artifact {
            #[serde(rename = "artifactId")]
            artifact_id: String,
            version: String,
        }
        let path = format!("/search/versions?globalId={id}");
        let found: Found = read(&self.send(&apicurio(&path))?)?;
        // Apicurio's versions are texts; those of other clients than Confluent's may not be numbers.
        let versions = found
            .versions
            .into_iter()
            .filter_map(|one| Some(VersionOfSubject { subject: one.artifact_id, version: one.version.parse().ok()? }));
        Ok(versions.collect())
    }

    fn apicurio_text(self: &Arc<Self>, path: &str) -> Result<(String, Option<String>), RegistryError> {
        let answer = self.send(&apicurio(path))?;
        let text = String::from_utf8(answer.body)
            .map_err(|_| RegistryError::Unexpected { reason: "the schema is not UTF-8".to_owned() })?;
        Ok((text, answer.artifact_type))
    }

    fn apicurio_references(self: &Arc<Self>, path: &str) -> Result<Vec<(String, Target)>, RegistryError> {
        let references: Vec<ArtifactReference> = read(&self.send(&apicurio(path))?)?;
        let targets = references.into_iter().map(|reference| {
            let target = Target::Artifact {
                group: reference.group_id.unwrap_or_else(|| "default".to_owned()),
                artifact: reference.artifact_id,
                version: reference.version.unwrap_or_else(|| "branch=latest".to_owned()),
            };
            (reference.name, target)
        });
        Ok(targets.collect())
    }
}

fn apicurio(path: &str) -> Call<'_> {
    Call { method: Method::GET, api: Api::Apicurio, path, body: None }
}

fn parse_language(name: &str) -> Result<SchemaLanguage, RegistryError> {
    parse_type(name).ok_or_else(|| RegistryError::Unexpected {
        reason: format!("the type {name:?} of the schema is not AVRO, PROTOBUF or JSON"),
    })
}
