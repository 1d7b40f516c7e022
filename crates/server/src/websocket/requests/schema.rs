//! `schema`: a version of a subject, with what references it.

use std::collections::BTreeSet;
use std::time::Duration;

use protocol::{Action, ErrorBody, Object, SchemaRequest, SchemaResult, SchemaStructure, VersionOfSubject};
use serdes::CompiledSchema;
use serdes::registry::{Registry, RegistryClient, SchemaId, Version};

use super::super::gate::Work;
use super::registry::{check_subject, registry, wait};
use super::{Context, Handler};

/// How long to wait until the schema and those that it references are loaded.
const SCHEMA_WAIT: Duration = Duration::from_secs(10);

/// Of more schemas that reference a version, only the first are looked up: each is a request of its own.
const MAX_REFERENCING: usize = 100;

impl Handler for SchemaRequest {
    const WORK: Work = Work::Registry;

    fn apply(self, context: &Context<'_>) -> Result<SchemaResult, ErrorBody> {
        check_subject(&self.subject)?;
        let registry = registry(context)?;
        let client = registry.client();
        let version = self.version.map_or(Version::Latest, Version::Number);
        let action = format!("load version {version} of the subject {:?}", self.subject);
        let schema = wait(&action, client.version_or_deleted(&self.subject, version))?;
        let is_visible = |subject: &str| context.permissions.may(Action::Describe, &Object::Subject(subject));
        let (mut referenced_by, referenced_by_error) = referencing(&client, &self.subject, schema.version);
        referenced_by.retain(|by| is_visible(&by.subject));
        // The structure contains the types of all schemas that are referenced, directly or not.
        let sees_all = schema.references.is_empty() || context.permissions.may(Action::Describe, &Object::Registry);
        let structure = match sees_all {
            true => structure(registry, SchemaId::Id(schema.id)),
            false => {
                Err("the schema references others, and the access rules do not allow you to describe all subjects"
                    .to_owned())
            }
        };
        let (structure, structure_error) = match structure {
            Ok(structure) => (Some(structure), None),
            Err(message) => (None, Some(message)),
        };
        Ok(SchemaResult {
            subject: schema.subject,
            version: schema.version,
            schema_id: schema.id,
            language: schema.language,
            text: schema.text,
            references: schema.references.into_iter().filter(|reference| is_visible(&reference.subject)).collect(),
            referenced_by,
            referenced_by_error,
            structure,
            structure_error,
        })
    }
}

/// The versions that reference a version, sorted, and why the list is not complete.
fn referencing(client: &RegistryClient, subject: &str, version: u32) -> (Vec<VersionOfSubject>, Option<String>) {
    let mut versions = BTreeSet::new();
    let action = format!("list what references version {version} of the subject {subject:?}");
    let complete = wait(&action, async {
        let ids = client.referenced_by(subject, Version::Number(version)).await?;
        let count = ids.len();
        for id in ids.into_iter().take(MAX_REFERENCING) {
            versions.extend(client.versions_of(SchemaId::Id(id)).await?);
        }
        Ok(count)
    });
    let error = match complete {
        Ok(count) if count > MAX_REFERENCING => {
            Some(format!("{count} schemas reference this version; only the first {MAX_REFERENCING} are listed"))
        }
        Ok(_) => None,
        Err(error) => Some(error.message),
    };
    (versions.into_iter().collect(), error)
}

fn structure(registry: &Registry<CompiledSchema>, id: SchemaId) -> Result<SchemaStructure, String> {
    registry.load_blocking(&[id], SCHEMA_WAIT);
    let schema = registry.get(id).into_result(id).map_err(|error| error.message)?;
    schema.structure().map_err(|error| error.message)
}
