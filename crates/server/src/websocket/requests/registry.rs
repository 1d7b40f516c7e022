//! What the requests for the schema registry share.

use std::time::Duration;

use protocol::{ErrorBody, ErrorCode, SchemaDraft, is_printable, limits};
use serdes::CompiledSchema;
use serdes::registry::{Registry, RegistryClient, RegistryError};
use tokio::runtime::Handle;
use tokio::time::timeout;

use super::Context;

pub(super) fn registry<'c>(context: &Context<'c>) -> Result<&'c Registry<CompiledSchema>, ErrorBody> {
    context.decoder.registry().ok_or_else(|| {
        let message = "this cluster has no schema registry; start the bridge with --schema-registry URL";
        ErrorBody::new(ErrorCode::NoRegistry, message)
    })
}

pub(super) fn client(context: &Context<'_>) -> Result<RegistryClient, ErrorBody> {
    registry(context).map(Registry::client)
}

/// How long a request of a client waits for the registry, which may be several requests to it.
const ANSWER_WITHIN: Duration = Duration::from_secs(15);

/// Blocks the thread until the registry has answered. `action`: what is done, for the error.
pub(super) fn wait<T>(action: &str, request: impl Future<Output = Result<T, RegistryError>>) -> Result<T, ErrorBody> {
    let answer = Handle::current().block_on(async { timeout(ANSWER_WITHIN, request).await });
    let answer = answer.unwrap_or_else(|_| {
        let reason = format!("no answer within {} s", ANSWER_WITHIN.as_secs());
        Err(RegistryError::Unreachable { reason })
    });
    answer.map_err(|error| error.to_error_body(action))
}

pub(super) fn check_subject(subject: &str) -> Result<(), ErrorBody> {
    if (1..=limits::SUBJECT_BYTES).contains(&subject.len()) && subject.chars().all(is_printable) {
        return Ok(());
    }
    let message =
        format!("the name of a subject has 1 to {} bytes without control and format characters", limits::SUBJECT_BYTES);
    Err(ErrorBody::new(ErrorCode::BadRequest, message))
}

pub(super) fn check_schema(schema: &SchemaDraft) -> Result<(), ErrorBody> {
    if schema.text.len() <= limits::SCHEMA_BYTES {
        return Ok(());
    }
    let message = format!("the schema has {} bytes; at most {} are possible", schema.text.len(), limits::SCHEMA_BYTES);
    Err(ErrorBody::new(ErrorCode::BadRequest, message))
}
