//! Writes JSON in one format, as keys or values of records.

mod cache;
mod plain;
mod selection;
#[cfg(test)]
mod tests;

use std::sync::{Arc, OnceLock};

use protocol::{RecordFormat, SchemaReference, SchemaStructure, ValueError};

pub(crate) use self::cache::Encoders;
use crate::compiled::CompiledSchema;
use crate::error::EncodeError;
use crate::formats::json;
use crate::local::LocalSchema;
use crate::protobuf::MessageType;

/// Writes JSON texts in one format. Created by [`Decoder::encoder`](crate::Decoder::encoder).
#[derive(Debug)]
pub struct Encoder {
    kind: Kind,
    reference: Option<SchemaReference>,
    messages: Vec<String>,
    /// Made when a client asks for it, and used for the example, too.
    structure: OnceLock<Option<SchemaStructure>>,
}

#[derive(Debug)]
enum Kind {
    /// A format without a schema.
    Plain(RecordFormat),
    Schema {
        schema: Schema,
        /// Of Protobuf records.
        message: Option<MessageType>,
        /// What comes before the value: the id of the schema, or nothing.
        prefix: Vec<u8>,
    },
}

#[derive(Debug)]
enum Schema {
    Registered(Arc<CompiledSchema>),
    Local(Arc<LocalSchema>),
}

/// A longer example is replaced by an empty object: a form shows the example while the user types.
const MAX_EXAMPLE_BYTES: usize = crate::structure::example::MAX_BYTES;

impl Encoder {
    fn new(kind: Kind, reference: Option<SchemaReference>, messages: Vec<String>) -> Self {
        Self { kind, reference, messages, structure: OnceLock::new() }
    }

    /// Encodes a JSON text.
    ///
    /// # Errors
    /// The field that does not fit, and what is expected there.
    pub fn encode(&self, json: &str) -> Result<Vec<u8>, ValueError> {
        match &self.kind {
            Kind::Plain(format) => Ok(plain::encode(*format, json)?),
            Kind::Schema { schema, message, prefix } => {
                let body = encode_with(schema.compiled(), message.as_ref(), !prefix.is_empty(), json)?;
                Ok(if prefix.is_empty() { body } else { [prefix.as_slice(), &body].concat() })
            }
        }
    }

    /// JSON that can be encoded, as a start for a new record.
    pub fn example(&self) -> String {
        let example = match &self.kind {
            Kind::Plain(format) => plain::example(*format).to_owned(),
            Kind::Schema { schema, message, .. } => match (schema.compiled(), message) {
                (CompiledSchema::Avro { schema, .. }, _) => schema.example(),
                (CompiledSchema::Protobuf(_), Some(message)) => message.example(),
                (CompiledSchema::Protobuf(_), None) => "{}".to_owned(),
                (CompiledSchema::Json(schema), _) => schema.example_of(self.described()),
            },
        };
        if example.len() <= MAX_EXAMPLE_BYTES { example } else { "{}".to_owned() }
    }

    /// The structure of the values; `None` for formats without a schema.
    pub fn structure(&self) -> Option<SchemaStructure> {
        self.described().cloned()
    }

    fn described(&self) -> Option<&SchemaStructure> {
        let structure = self.structure.get_or_init(|| match &self.kind {
            Kind::Plain(_) => None,
            Kind::Schema { message: Some(message), .. } => Some(message.structure()),
            Kind::Schema { schema, .. } => schema.compiled().structure().ok(),
        });
        structure.as_ref()
    }

    /// The schema, if the format has one.
    pub fn schema(&self) -> Option<SchemaReference> {
        self.reference.clone()
    }

    /// The message types of a Protobuf schema that can be chosen.
    pub fn messages(&self) -> Vec<String> {
        self.messages.clone()
    }
}

impl Schema {
    fn compiled(&self) -> &CompiledSchema {
        match self {
            Self::Registered(schema) => schema,
            Self::Local(schema) => schema.schema(),
        }
    }
}

fn encode_with(
    schema: &CompiledSchema,
    message: Option<&MessageType>,
    has_prefix: bool,
    json: &str,
) -> Result<Vec<u8>, EncodeError> {
    match (schema, message) {
        (CompiledSchema::Avro { schema, is_plain_bytes: true }, _) if has_prefix => {
            let mut bytes = schema.encode(json)?;
            // Confluent's serializers leave Avro's length out. The last byte of a varint is less than 0x80.
            let length = bytes.iter().position(|byte| *byte < 0x80).map_or(0, |at| at + 1);
            bytes.drain(..length);
            Ok(bytes)
        }
        (CompiledSchema::Avro { schema, .. }, _) => schema.encode(json),
        (CompiledSchema::Protobuf(_), Some(message)) => message.encode(json),
        (CompiledSchema::Protobuf(_), None) => Err(EncodeError::whole("the schema has no message types")),
        (CompiledSchema::Json(schema), _) => {
            let text = json::encode(json)?;
            schema.validate(json)?;
            Ok(text)
        }
    }
}
