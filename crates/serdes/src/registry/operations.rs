//! What users ask of a registry and takes several requests.

use protocol::{CheckSchemaResult, SchemaDraft, SchemaLanguage, SubjectVersion};

use super::error::RegistryError;
use super::management::{Deleted, RegistryClient};
use super::schema::{SchemaId, Version};
use crate::protobuf::ProtobufSchema;
use crate::{AvroSchema, JsonSchema};

/// Status of a registry for a schema that it cannot read.
const UNPROCESSABLE: u16 = 422;

impl RegistryClient {
    /// All versions of a subject, sorted, with the deleted ones that still exist.
    ///
    /// # Errors
    /// If the registry refuses a request or does not answer.
    pub async fn all_versions(&self, subject: &str) -> Result<Vec<SubjectVersion>, RegistryError> {
        let existing = match self.versions(subject, Deleted::Excluded).await {
            // A subject whose versions are all deleted does not exist without them.
            Err(error) if error.status() == Some(404) => Vec::new(),
            answer => answer?,
        };
        let mut all = match self.versions(subject, Deleted::Included).await {
            // A registry that cannot list deleted versions.
            Err(error) if error.is_unsupported() && !existing.is_empty() => existing.clone(),
            answer => answer?,
        };
        all.sort_unstable();
        let versions = all.into_iter();
        Ok(versions.map(|version| SubjectVersion { version, deleted: !existing.contains(&version) }).collect())
    }

    /// Whether a schema could become the next version of a subject. A schema that the registry cannot read is an answer, and not an error.
    ///
    /// # Errors
    /// If the registry refuses a request for another reason, or does not answer.
    pub async fn check_schema(&self, subject: &str, schema: &SchemaDraft) -> Result<CheckSchemaResult, RegistryError> {
        let (compatible, reasons) = match self.check_compatibility(subject, schema).await {
            Err(error) if error.status() == Some(UNPROCESSABLE) => (false, vec![error.to_string()]),
            // A subject without versions accepts every schema that can be read. Registries say no more than that it does not exist.
            Err(error) if error.status() == Some(404) => match mistake(schema) {
                Some(mistake) => (false, vec![mistake]),
                None => (true, Vec::new()),
            },
            answer => answer.map(|check| (check.is_compatible, check.messages))?,
        };
        let existing = match self.lookup(subject, schema).await {
            // Some registries refuse to look up what they cannot read.
            Err(RegistryError::Refused { .. }) => None,
            answer => answer?,
        };
        Ok(CheckSchemaResult { compatible, reasons, existing_version: existing.map(|schema| schema.version) })
    }

    /// The version of a subject that has the schema with an id; `None` if the registry does not know it.
    ///
    /// # Errors
    /// If the registry refuses a request or does not answer.
    pub async fn version_with_id(
        &self,
        subject: &str,
        id: u32,
        schema: &SchemaDraft,
    ) -> Result<Option<u32>, RegistryError> {
        let versions = match self.versions_of(SchemaId::Id(id)).await {
            // Older registries do not have this list.
            Err(RegistryError::Refused { .. }) => Vec::new(),
            answer => answer?,
        };
        let of_subject = versions.into_iter().filter(|place| place.subject == subject);
        if let Some(version) = of_subject.map(|place| place.version).max() {
            return Ok(Some(version));
        }
        if let Some(found) = self.lookup(subject, schema).await? {
            return Ok(Some(found.version));
        }
        let latest = self.version(subject, Version::Latest).await?;
        Ok((latest.id == id).then_some(latest.version))
    }
}

/// What is wrong with a schema, as far as that can be known without the schemas that it references.
fn mistake(schema: &SchemaDraft) -> Option<String> {
    if !schema.references.is_empty() {
        return None;
    }
    let text = schema.text.as_str();
    let checked = match schema.language {
        SchemaLanguage::Avro => AvroSchema::parse(text, &[]).map(drop),
        SchemaLanguage::Protobuf => ProtobufSchema::parse(text, &[]).map(drop),
        SchemaLanguage::Json => JsonSchema::new(text, Vec::new()).check(),
    };
    checked.err().map(|error| error.message)
}
