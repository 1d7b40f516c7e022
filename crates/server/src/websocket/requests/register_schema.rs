//! `register_schema`: makes a schema the next version of a subject.

use protocol::{ErrorBody, ErrorCode, MessageBody, RegisterSchema, RegisterSchemaResult};

use super::super::audit::audit;
use super::super::gate::Work;
use super::registry::{check_schema, check_subject, registry, wait};
use super::{Context, Handler};

impl Handler for RegisterSchema {
    const WORK: Work = Work::Registry;

    fn apply(self, context: &Context<'_>) -> Result<RegisterSchemaResult, ErrorBody> {
        let Self { subject, schema } = self;
        check_subject(&subject)?;
        check_schema(&schema)?;
        let client = registry(context)?.client();
        let action = format!("register the schema for the subject {subject:?}");
        let schema_id = wait(&action, client.register(&subject, &schema))?;
        // Records that name the schema may have been read already.
        context.decoder.forget_registry_answers();
        audit!(context.asker, change = Self::NAME, subject, schema_id, "audit: schema registered");
        // From here on, an error must not say that nothing was registered.
        let version = wait("find the version", client.version_with_id(&subject, schema_id, &schema));
        let reason = match version {
            Ok(Some(version)) => return Ok(RegisterSchemaResult { subject, version, schema_id }),
            Ok(None) => "the registry does not list it".to_owned(),
            Err(error) => error.message,
        };
        let message = format!(
            "the schema is registered for the subject {subject:?} with the id {schema_id}, but its version is not known: \
             {reason}; load the subject again"
        );
        Err(ErrorBody::new(ErrorCode::PartlyDone, message))
    }
}
