//! Schemas as records need them.

use protocol::{RecordFormat, SchemaLanguage, SchemaStructure};

use crate::avro::AvroSchema;
use crate::error::{DecodeError, DecodeErrorCode, SchemaError};
use crate::json_schema::JsonSchema;
use crate::protobuf::ProtobufSchema;
use crate::registry::RegisteredSchema;

/// A schema of the registry, compiled once for all its records.
#[derive(Debug)]
pub enum CompiledSchema {
    Avro {
        schema: AvroSchema,
        /// Confluent's serializers write a value of the schema `"bytes"`, also with a logical type, without Avro's length.
        is_plain_bytes: bool,
    },
    Protobuf(ProtobufSchema),
    /// The records are JSON. They are checked against the schema only when they are written.
    Json(JsonSchema),
}

impl CompiledSchema {
    /// The format of records with the schema.
    pub const fn format(&self) -> RecordFormat {
        match self {
            Self::Avro { .. } => RecordFormat::Avro,
            Self::Protobuf(_) => RecordFormat::Protobuf,
            Self::Json(_) => RecordFormat::JsonSchema,
        }
    }

    /// The structure of the values, for a form.
    ///
    /// # Errors
    /// A schema of Protobuf without message types, or a JSON Schema that is not JSON.
    pub fn structure(&self) -> Result<SchemaStructure, SchemaError> {
        match self {
            Self::Avro { schema, .. } => Ok(schema.structure()),
            Self::Protobuf(schema) => match schema.first() {
                Some(message) => Ok(message.structure()),
                None => Err(SchemaError::new("the schema has no message types")),
            },
            Self::Json(schema) => schema.structure(),
        }
    }

    /// # Errors
    /// If the schema or one that it references cannot be used.
    pub fn compile(schema: &RegisteredSchema) -> Result<Self, DecodeError> {
        let invalid = |error: SchemaError| {
            let message = format!("the schema {} cannot be used: {}", schema.id, error.message);
            DecodeError::new(DecodeErrorCode::SchemaInvalid, message)
        };
        match schema.language {
            SchemaLanguage::Avro => {
                let references: Vec<&str> = schema.references.iter().map(|(_, text)| text.as_str()).collect();
                let is_plain_bytes = protocol::from_json::<serde_json::Value>(&schema.text)
                    .is_ok_and(|root| root == "bytes" || root.get("type").is_some_and(|kind| kind == "bytes"));
                let schema = AvroSchema::parse(&schema.text, &references).map_err(invalid)?;
                Ok(Self::Avro { schema, is_plain_bytes })
            }
            SchemaLanguage::Protobuf => {
                let imports: Vec<(&str, &str)> =
                    schema.references.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
                ProtobufSchema::parse(&schema.text, &imports).map(Self::Protobuf).map_err(invalid)
            }
            SchemaLanguage::Json => Ok(Self::Json(JsonSchema::new(&schema.text, schema.references.clone()))),
        }
    }
}
