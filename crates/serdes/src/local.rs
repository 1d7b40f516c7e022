//! Schemas without a registry: those that clients send, and those that the bridge's configuration has for topics.

mod add;
mod compile;
mod store;
#[cfg(test)]
mod tests;
mod topics;

pub(crate) use self::compile::unknown_message;
pub use self::store::LocalSchemas;
pub use self::topics::{TopicRule, TopicSchema, TopicSchemas};

use protocol::{LocalSchemaId, RecordFormat, SchemaLanguage, SchemaReference};
use sha2::{Digest, Sha256};

use crate::compiled::CompiledSchema;
use crate::error::{DecodeError, SchemaError};
use crate::json_writer::JsonWriter;
use crate::protobuf::MessageType;

/// The magic bytes of Avro's single object encoding; the fingerprint of the schema follows.
const SINGLE_OBJECT: [u8; 2] = [0xc3, 0x01];

/// A schema with all its files, compiled.
#[derive(Debug)]
pub struct LocalSchema {
    schema: CompiledSchema,
    /// The message type of Protobuf records.
    message: Option<MessageType>,
    /// Of an Avro schema.
    fingerprint: [u8; 8],
    /// What a note about decoded bytes calls the schema: the name of a file, or a [`LocalSchemaId`].
    id: String,
    /// The size of the files.
    bytes: usize,
}

/// A file of a schema.
#[derive(Clone, Copy, Debug)]
pub struct SourceFile<'a> {
    /// The path by which other files import it.
    pub name: &'a str,
    pub content: &'a [u8],
}

impl LocalSchema {
    /// `files`: those that others need are among them; the last one is the schema itself. `message`: the message type of Protobuf records, or
    /// the first one of the last file. `id`: what notes call the schema.
    ///
    /// # Errors
    /// What is wrong, and in which file.
    pub fn compile(
        language: SchemaLanguage,
        files: &[SourceFile<'_>],
        message: Option<&str>,
        id: String,
    ) -> Result<Self, SchemaError> {
        let schema = compile::compile(language, files)?;
        let message = compile::message(&schema, message)?;
        let fingerprint = match &schema {
            CompiledSchema::Avro { schema, .. } => schema.fingerprint().to_le_bytes(),
            _ => [0; 8],
        };
        let bytes = files.iter().map(|file| file.name.len() + file.content.len()).sum();
        Ok(Self { schema, message, fingerprint, id, bytes })
    }

    /// The id of a schema: the same for the same files.
    pub fn id_of(language: SchemaLanguage, files: &[SourceFile<'_>], message: Option<&str>) -> LocalSchemaId {
        let mut hash = Sha256::new();
        // With its length, no part can be taken for the start of the next one.
        let mut add = |part: &[u8]| {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        };
        add(language.title().as_bytes());
        add(if message.is_some() { b"message" } else { b"" });
        add(message.unwrap_or_default().as_bytes());
        for file in files {
            add(file.name.as_bytes());
            add(file.content);
        }
        let first = hash.finalize().first_chunk().copied().unwrap_or_default();
        LocalSchemaId(u128::from_be_bytes(first))
    }

    /// The format of records with the schema.
    pub fn format(&self) -> RecordFormat {
        self.schema.format()
    }

    pub fn schema(&self) -> &CompiledSchema {
        &self.schema
    }

    /// The message type of Protobuf records.
    pub fn message(&self) -> Option<&MessageType> {
        self.message.as_ref()
    }

    /// The schema in notes about decoded bytes.
    pub fn reference(&self) -> SchemaReference {
        let name = match (&self.schema, &self.message) {
            (_, Some(message)) => Some(message.name().to_owned()),
            (CompiledSchema::Avro { schema, .. }, None) => schema.name().map(str::to_owned),
            _ => None,
        };
        SchemaReference { id: self.id.clone(), subject: None, version: None, name }
    }

    /// The names of the message types of a Protobuf schema.
    pub fn messages(&self) -> Vec<String> {
        match &self.schema {
            CompiledSchema::Protobuf(schema) => schema.names(),
            _ => Vec::new(),
        }
    }

    /// Writes the JSON of bytes without a registry's prefix. Avro's single object encoding is recognized by the fingerprint of the schema.
    ///
    /// # Errors
    /// The bytes are no value of the schema. What was written until then is incomplete.
    pub fn decode(&self, bytes: &[u8], json: &mut JsonWriter<'_>) -> Result<(), DecodeError> {
        match (&self.schema, &self.message) {
            (CompiledSchema::Avro { schema, .. }, _) => {
                let body = bytes.strip_prefix(&SINGLE_OBJECT).and_then(|rest| rest.strip_prefix(&self.fingerprint));
                schema.decode(body.unwrap_or(bytes), json)
            }
            (CompiledSchema::Protobuf(_), Some(message)) => message.decode(bytes, json),
            (CompiledSchema::Protobuf(_), None) => Err(DecodeError::malformed("the schema has no message types")),
            (CompiledSchema::Json(_), _) => crate::formats::json::decode(bytes, json),
        }
    }
}
