//! Adds the schema of a client.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use protocol::limits::{SCHEMA_BYTES, SCHEMA_FILES};
use protocol::{AddSchema, AddSchemaResult, ErrorBody, ErrorCode};

use super::{LocalSchema, SourceFile};
use crate::decoder::Decoder;

impl Decoder {
    /// Compiles a schema and keeps it, so that records can be decoded and encoded with it. The same schema is compiled once.
    ///
    /// # Errors
    /// `bad_request` for too many or too large files; `schema_invalid`.
    pub fn add_schema(&self, request: &AddSchema) -> Result<AddSchemaResult, ErrorBody> {
        let AddSchema { language, files, message } = request;
        let bad_request = |message: String| Err(ErrorBody::new(ErrorCode::BadRequest, message));
        if files.is_empty() || files.len() > SCHEMA_FILES {
            return bad_request(format!("a schema has 1 to {SCHEMA_FILES} files, and this one has {}", files.len()));
        }
        let mut sources: Vec<SourceFile<'_>> = Vec::with_capacity(files.len());
        for file in files {
            match file.content.as_kafka() {
                Some(content) if !file.name.is_empty() => sources.push(SourceFile { name: &file.name, content }),
                Some(_) => {
                    return bad_request(
                        "a file of the schema has no name; name the files as others import them".to_owned(),
                    );
                }
                None => return bad_request(format!("the file {:?} has no content", file.name)),
            }
        }
        let bytes: usize = sources.iter().map(|file| file.name.len() + file.content.len()).sum();
        if bytes > SCHEMA_BYTES {
            return bad_request(format!(
                "the files of the schema have {bytes} bytes together, more than {SCHEMA_BYTES}; leave out the files that are not imported"
            ));
        }
        let message = message.as_deref();
        let id = LocalSchema::id_of(*language, &sources, message);
        let schema = match self.local_schemas().get(id) {
            Some(schema) => schema,
            None => {
                // A parser that panics must not end the bridge's thread with the request unanswered.
                let compiled = catch_unwind(AssertUnwindSafe(|| {
                    LocalSchema::compile(*language, &sources, message, id.to_string())
                }));
                let reason = match compiled {
                    Ok(Ok(schema)) => Ok(Arc::new(schema)),
                    Ok(Err(error)) => Err(error.message),
                    Err(_) => Err("the parser panicked; the log of the bridge has the reason".to_owned()),
                };
                let schema = reason.map_err(|reason| {
                    let message = format!("the {} schema cannot be used: {reason}", language.title());
                    ErrorBody::new(ErrorCode::SchemaInvalid, message)
                })?;
                self.local_schemas().insert(id, schema.clone());
                schema
            }
        };
        Ok(AddSchemaResult { schema: id, messages: schema.messages() })
    }
}
