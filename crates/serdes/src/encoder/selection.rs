//! Finds the schema with which a client wants to write.

use std::sync::Arc;
use std::time::{Duration, Instant};

use protocol::limits::SCHEMA_NAME_BYTES;
use protocol::{Encoding, ErrorBody, ErrorCode, LocalSchemaId, RecordFormat, RecordPart, SchemaReference};

use super::cache::Key;
use super::{Encoder, Kind, Schema, plain};
use crate::compiled::CompiledSchema;
use crate::decoder::Decoder;
use crate::error::{DecodeError, DecodeErrorCode};
use crate::formats::wire::PrefixId;
use crate::local::{LocalSchema, unknown_message};
use crate::protobuf::{MessageType, ProtobufSchema, write_message_indexes};
use crate::registry::{Registry, SchemaId, Version};

/// How long a client waits for a schema. A registry that answers at all does so much earlier.
const SCHEMA_WAIT: Duration = Duration::from_secs(10);

impl Decoder {
    /// What writes keys or values of a topic. Blocks the thread while a schema is loaded from the registry.
    ///
    /// # Errors
    /// `bad_request` for a format that cannot be written, or fields that contradict each other; `no_registry`, `registry_unreachable`,
    /// `registry_refused`, `subject_missing`, `schema_invalid` or `schema_forgotten` if there is no schema.
    pub fn encoder(&self, topic: &str, part: RecordPart, encoding: &Encoding) -> Result<Arc<Encoder>, ErrorBody> {
        let Encoding { format, subject, version, message, schema } = encoding;
        if !plain::is_writable(*format) {
            let usable: Vec<&str> = RecordFormat::ALL
                .iter()
                .filter(|format| plain::is_writable(**format))
                .map(|format| format.name())
                .collect();
            let message = format!("JSON cannot be written in the format {format}; use one of {}", usable.join(", "));
            return Err(bad_request(message));
        }
        let has_schema = matches!(format, RecordFormat::Avro | RecordFormat::Protobuf | RecordFormat::JsonSchema);
        if !has_schema {
            if subject.is_some() || version.is_some() || message.is_some() || schema.is_some() {
                let message = format!(
                    "the format {format} has no schema; leave `subject`, `version`, `message` and `schema` out, or use avro, protobuf or \
                     json-schema"
                );
                return Err(bad_request(message));
            }
            return Ok(Arc::new(Encoder::new(Kind::Plain(*format), None, Vec::new())));
        }
        if let Some(message) = message.as_ref().filter(|message| message.len() > SCHEMA_NAME_BYTES) {
            return Err(bad_request(format!(
                "the name of a message type has at most {SCHEMA_NAME_BYTES} bytes, and `message` has {}; choose a message type of the schema",
                message.len()
            )));
        }
        match (schema, subject, version) {
            (Some(_), Some(_), _) | (Some(_), None, Some(_)) => Err(bad_request(
                "`schema` is a schema without a registry; leave it out, or leave `subject` and `version` out",
            )),
            (Some(id), None, None) => {
                let schema = self.local_schemas().get(*id).ok_or_else(|| forgotten(*id))?;
                local_encoder(schema, *format, message.as_deref(), "the schema")
            }
            (None, Some(subject), version) => self.registered_encoder(subject, *version, encoding),
            (None, None, version) => match self.topic_schemas().get(topic, part) {
                Some(schema) if version.is_none() => {
                    let what =
                        format!("the schema that the bridge's configuration has for {}s of this topic", part.name());
                    local_encoder(schema.clone(), *format, message.as_deref(), &what)
                }
                _ => self.registered_encoder(&format!("{topic}-{}", part.name()), *version, encoding),
            },
        }
    }

    fn registered_encoder(
        &self,
        subject: &str,
        version: Option<u32>,
        encoding: &Encoding,
    ) -> Result<Arc<Encoder>, ErrorBody> {
        let Some(registry) = self.registry() else {
            return Err(ErrorBody::new(
                ErrorCode::NoRegistry,
                format!(
                    "the schema of the subject {subject:?} cannot be loaded: the bridge has no schema registry; start the bridge with \
                     --schema-registry URL, or choose a file with the schema"
                ),
            ));
        };
        if subject.is_empty() || subject.len() > protocol::limits::SUBJECT_BYTES {
            return Err(bad_request(format!(
                "the name of a subject has 1 to {} bytes, and this one has {}; choose a subject of the registry",
                protocol::limits::SUBJECT_BYTES,
                subject.len()
            )));
        }
        let key =
            Key { subject: subject.to_owned(), version, format: encoding.format, message: encoding.message.clone() };
        if let Some(answer) = self.encoders().get(&key, Instant::now()) {
            return answer;
        }
        let answer = load(registry, &key).map(Arc::new);
        // A request with another mistake each time must not push out the answers that are used.
        if !answer.as_ref().is_err_and(|error| error.code == ErrorCode::BadRequest.number()) {
            self.encoders().insert(key, answer.clone(), Instant::now());
        }
        answer
    }
}

/// Loads the schema of a subject, and compiles it unless it is known by its id.
fn load(registry: &Registry<CompiledSchema>, key: &Key) -> Result<Encoder, ErrorBody> {
    let Key { subject, version, format, message } = key;
    let asked = version.map_or(Version::Latest, Version::Number);
    let found = registry
        .client()
        .version_blocking(subject, asked)
        .map_err(|error| error.to_error_body(&format!("load version {asked} of the subject {subject:?}")))?;
    let id = SchemaId::Id(found.id);
    if registry.is_loadable(id) {
        registry.load_blocking(&[id], SCHEMA_WAIT);
    }
    let schema = registry.get(id).into_result(id).map_err(|error| unusable(&error))?;
    let what = format!("version {} of the subject {subject:?}", found.version);
    require_format(*format, schema.format(), &what)?;
    let mut prefix = vec![0];
    match registry.prefix_id() {
        PrefixId::FourBytes => prefix.extend(found.id.to_be_bytes()),
        // Apicurio's implementation of Confluent's API uses the contentId as the id.
        PrefixId::ContentId => prefix.extend(u64::from(found.id).to_be_bytes()),
        PrefixId::GlobalId => {
            return Err(bad_request(
                "the registry is configured for global ids (apicurio.registry.use-id=globalId), with which records can be read but not \
                 written; write with contentId, or with ids of four bytes",
            ));
        }
    }
    let (mut chosen, mut messages) = (None, Vec::new());
    let name = match &*schema {
        CompiledSchema::Avro { schema, .. } => schema.name().map(str::to_owned),
        CompiledSchema::Protobuf(protobuf) => {
            messages = own_messages(protobuf);
            let message = registered_message(protobuf, message.as_deref(), &messages)?;
            write_message_indexes(&message.indexes(), &mut prefix);
            let name = message.name().to_owned();
            chosen = Some(message);
            Some(name)
        }
        CompiledSchema::Json(json) => {
            json.check().map_err(|error| {
                ErrorBody::new(
                    ErrorCode::SchemaInvalid,
                    format!("{what} cannot be used: {error}; register a correct schema"),
                )
            })?;
            None
        }
    };
    if chosen.is_none() && message.is_some() {
        return Err(no_messages(*format));
    }
    let reference =
        SchemaReference { id: id.to_string(), subject: Some(subject.clone()), version: Some(found.version), name };
    let kind = Kind::Schema { schema: Schema::Registered(schema), message: chosen, prefix };
    Ok(Encoder::new(kind, Some(reference), messages))
}

/// The message types of the file itself: the indexes before a record cannot name those of its imports.
fn own_messages(schema: &ProtobufSchema) -> Vec<String> {
    let is_own = |name: &String| {
        let indexes = schema.by_name(name).map(|message| message.indexes());
        indexes.and_then(|indexes| schema.by_indexes(&indexes)).is_some_and(|message| message.name() == name)
    };
    schema.names().into_iter().filter(is_own).collect()
}

fn registered_message(schema: &ProtobufSchema, name: Option<&str>, own: &[String]) -> Result<MessageType, ErrorBody> {
    let name = name.or(own.first().map(String::as_str)).unwrap_or_default();
    match schema.by_name(name) {
        Some(message) if own.iter().any(|own| own == name) => Ok(message),
        Some(_) => Err(bad_request(format!(
            "the message type {name:?} is in a file that the schema imports, and records with this schema can only have a message type of \
             the schema itself; choose one of {}",
            own.join(", ")
        ))),
        None => Err(bad_request(unknown_message(schema, name).message)),
    }
}

/// `what`: the schema in errors.
fn local_encoder(
    schema: Arc<LocalSchema>,
    format: RecordFormat,
    message: Option<&str>,
    what: &str,
) -> Result<Arc<Encoder>, ErrorBody> {
    require_format(format, schema.format(), what)?;
    let mut reference = schema.reference();
    let message = match (schema.schema(), message) {
        (CompiledSchema::Protobuf(protobuf), Some(name)) => {
            let message = protobuf.by_name(name);
            Some(message.ok_or_else(|| bad_request(unknown_message(protobuf, name).message))?)
        }
        (_, Some(_)) => return Err(no_messages(format)),
        (_, None) => schema.message().cloned(),
    };
    if let Some(message) = &message {
        reference.name = Some(message.name().to_owned());
    }
    let messages = schema.messages();
    let kind = Kind::Schema { schema: Schema::Local(schema), message, prefix: Vec::new() };
    Ok(Arc::new(Encoder::new(kind, Some(reference), messages)))
}

fn require_format(chosen: RecordFormat, of_schema: RecordFormat, what: &str) -> Result<(), ErrorBody> {
    if chosen == of_schema {
        return Ok(());
    }
    let message = format!("{what} has the format {of_schema}, and not {chosen}; choose {of_schema}, or another schema");
    Err(bad_request(message))
}

fn no_messages(format: RecordFormat) -> ErrorBody {
    bad_request(format!(
        "`message` chooses a message type of Protobuf, and the format is {format}; leave `message` out"
    ))
}

fn forgotten(id: LocalSchemaId) -> ErrorBody {
    let message = format!("the bridge does not have the schema {id} any more; send the schema again (add_schema)");
    ErrorBody::new(ErrorCode::SchemaForgotten, message)
}

/// A schema that a subject has, but that cannot be used.
fn unusable(error: &DecodeError) -> ErrorBody {
    let code = match error.code {
        DecodeErrorCode::SchemaInvalid => ErrorCode::SchemaInvalid,
        DecodeErrorCode::SchemaUnavailable => ErrorCode::RegistryUnreachable,
        _ => ErrorCode::RegistryRefused,
    };
    ErrorBody::new(code, error.message.clone())
}

fn bad_request(message: impl Into<String>) -> ErrorBody {
    ErrorBody::new(ErrorCode::BadRequest, message)
}
