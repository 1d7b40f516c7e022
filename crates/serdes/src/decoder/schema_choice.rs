//! The schema that a part of a batch's records has without a registry.

use std::sync::Arc;

use protocol::{Decode, LocalSchemaId, SchemaReference};

use super::message_type::possible_messages;
use super::{Decoder, parts_of};
use crate::error::{DecodeError, DecodeErrorCode};
use crate::formats::wire::{Framing, Part};
use crate::json_writer::JsonWriter;
use crate::local::LocalSchema;

/// A schema without a registry, looked up once for a batch.
#[derive(Clone, Debug)]
pub(super) enum SchemaChoice {
    /// The client named it.
    Client(Arc<LocalSchema>),
    /// The client named a schema that the bridge does not have any more.
    Forgotten(LocalSchemaId),
    /// The bridge's configuration has it for the topic.
    Topic(Arc<LocalSchema>),
    None,
}

impl SchemaChoice {
    /// For keys and for values.
    pub(super) fn of(decoder: &Decoder, topic: &str, decode: Decode) -> [Self; 2] {
        let topics = decoder.topic_schemas();
        parts_of(decode).map(|(part, format, chosen)| match chosen {
            _ if !super::has_schema(format) => Self::None,
            Some(id) => decoder.local.get(id).map_or(Self::Forgotten(id), Self::Client),
            None => topics.get(topic, part).map_or(Self::None, |schema| Self::Topic(schema.clone())),
        })
    }
}

impl SchemaChoice {
    /// The schema in notes.
    pub(super) fn reference(&self) -> Option<SchemaReference> {
        match self {
            Self::Client(schema) | Self::Topic(schema) => Some(schema.reference()),
            Self::Forgotten(id) => {
                Some(SchemaReference { id: id.to_string(), subject: None, version: None, name: None })
            }
            Self::None => None,
        }
    }
}

pub(super) fn forgotten(id: LocalSchemaId) -> DecodeError {
    let message = format!("the bridge does not have the schema {id} any more; send the schema again (add_schema)");
    DecodeError::new(DecodeErrorCode::SchemaNotFound, message)
}

/// Decodes bytes with a schema without a registry. If they do not have it, and begin with the id of a registry's schema, the bytes after the
/// id are decoded: the bridge may not know the registry of their producer.
pub(super) fn decode(
    schema: &LocalSchema,
    bytes: &[u8],
    framing: &Framing<'_>,
    json: &mut JsonWriter<'_>,
) -> Result<(), DecodeError> {
    let start = json.position();
    let error = match schema.decode(bytes, json) {
        Ok(()) => return Ok(()),
        Err(error) => error,
    };
    let (Framing::Confluent { body, .. }
    | Framing::Apicurio { body, .. }
    | Framing::ApicurioContent { body, .. }
    | Framing::Guid { body, .. }) = *framing
    else {
        return Err(error);
    };
    let is_decoded = |body: &[u8], json: &mut JsonWriter<'_>| {
        json.truncate(start);
        schema.decode(body, json).is_ok()
    };
    let is_read = match schema.message() {
        Some(_) => possible_messages(framing, body).any(|body| is_decoded(body, json)),
        None => is_decoded(body, json),
    };
    if is_read { Ok(()) } else { Err(error) }
}

/// The place of a part in an array.
pub(super) fn index(part: Part) -> usize {
    usize::from(part == Part::Value)
}
