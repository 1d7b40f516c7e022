//! Compiles the files of a schema.

use protocol::SchemaLanguage;

use super::SourceFile;
use crate::avro::AvroSchema;
use crate::compiled::CompiledSchema;
use crate::error::SchemaError;
use crate::json_schema::JsonSchema;
use crate::protobuf::{MessageType, ProtobufSchema};

pub(super) fn compile(language: SchemaLanguage, files: &[SourceFile<'_>]) -> Result<CompiledSchema, SchemaError> {
    let Some(last) = files.last() else { return Err(SchemaError::new("the schema has no files")) };
    if language == SchemaLanguage::Protobuf
        && let Some(file) = files
            .iter()
            .find(|file| str::from_utf8(file.content).is_err() && !ProtobufSchema::is_descriptor_set(file.content))
    {
        return Err(SchemaError::new(format!(
            "{}: the file is neither UTF-8 text nor a descriptor set; save the file as UTF-8, or use protoc --descriptor_set_out",
            file.name
        )));
    }
    if language == SchemaLanguage::Protobuf && is_binary(last.content) {
        if files.len() > 1 {
            let message = format!("{}: a descriptor set has all files, so it must be the only one", last.name);
            return Err(SchemaError::new(message));
        }
        return ProtobufSchema::from_descriptor_set(last.content)
            .map(CompiledSchema::Protobuf)
            .map_err(|error| SchemaError::new(format!("{}: {}", last.name, error.message)));
    }
    let mut texts: Vec<(&str, &str)> = Vec::with_capacity(files.len());
    for file in files {
        if texts.iter().any(|(name, _)| *name == file.name) {
            return Err(SchemaError::new(format!("two files have the name {:?}", file.name)));
        }
        let text = str::from_utf8(file.content)
            .map_err(|error| SchemaError::new(format!("{}: the file is not UTF-8: {error}", file.name)))?;
        // Some editors write a byte order mark.
        texts.push((file.name, text.strip_prefix('\u{feff}').unwrap_or(text)));
    }
    match language {
        // Without a registry, bytes have Avro's own encoding also if the schema is `"bytes"`.
        SchemaLanguage::Avro => {
            AvroSchema::from_files(&texts).map(|schema| CompiledSchema::Avro { schema, is_plain_bytes: false })
        }
        SchemaLanguage::Protobuf => {
            texts.reverse();
            ProtobufSchema::from_files(&texts).map(CompiledSchema::Protobuf)
        }
        SchemaLanguage::Json => {
            let Some((name, text)) = texts.pop() else { return Err(SchemaError::new("the schema has no files")) };
            let references = texts.into_iter().map(|(name, text)| (name.to_owned(), text.to_owned())).collect();
            let schema = JsonSchema::new(text, references);
            schema.check().map_err(|error| SchemaError::new(format!("{name}: {}", error.message)))?;
            Ok(CompiledSchema::Json(schema))
        }
    }
}

/// The message type of a Protobuf schema.
pub(super) fn message(schema: &CompiledSchema, name: Option<&str>) -> Result<Option<MessageType>, SchemaError> {
    let CompiledSchema::Protobuf(schema) = schema else {
        return match name {
            Some(name) => Err(SchemaError::new(format!(
                "the message type {name:?} was chosen, but only Protobuf has message types"
            ))),
            None => Ok(None),
        };
    };
    let found = match name {
        Some(name) => schema.by_name(name),
        None => schema.first(),
    };
    match (found, name) {
        (Some(message), _) => Ok(Some(message)),
        (None, Some(name)) => Err(unknown_message(schema, name)),
        (None, None) => Err(SchemaError::new("the schema has no message types")),
    }
}

/// Names the message types that there are.
pub(crate) fn unknown_message(schema: &ProtobufSchema, name: &str) -> SchemaError {
    const MAX_NAMES: usize = 20;
    let names = schema.names();
    let more = if names.len() > MAX_NAMES { ", …" } else { "" };
    let listed = names.iter().take(MAX_NAMES).map(String::as_str).collect::<Vec<_>>().join(", ");
    SchemaError::new(format!("the schema has no message type {name:?}; it has {listed}{more}"))
}

/// Whether the content is a descriptor set: the lengths and tags in it are control characters, which no .proto file has.
fn is_binary(content: &[u8]) -> bool {
    let is_control = |character: char| character.is_control() && !matches!(character, '\t' | '\n' | '\r' | '\x0c');
    str::from_utf8(content).map_or(true, |text| text.contains(is_control))
}
