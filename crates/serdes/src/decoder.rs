//! Decodes keys and values in the formats that a client chose.

mod batch;
mod guessed;
mod message_type;
mod records;
mod schema_choice;
#[cfg(test)]
mod tests;

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use protocol::{BinaryBatch, Decode, DecodeFailure, LocalSchemaId, RecordFormat, RecordView};

pub use self::batch::{BatchDecoder, Decoded, Field};
use crate::compiled::CompiledSchema;
use crate::encoder::Encoders;
use crate::formats::wire::{Framing, Part, PrefixId, read_prefix};
use crate::local::{LocalSchemas, TopicSchemas};
use crate::registry::{Registry, SchemaId};

/// How long records wait for a schema that is not loaded yet. A registry that answers at all does so much earlier; later the
/// records are sent as they are, with the reason.
const SCHEMA_WAIT: Duration = Duration::from_secs(5);

/// What all records of a cluster are decoded with.
#[derive(Debug)]
pub struct Decoder {
    registry: Option<Registry<CompiledSchema>>,
    /// The largest decoded key or value, in bytes.
    max_bytes: usize,
    /// Schemas that clients sent.
    local: LocalSchemas,
    /// Schemas that the bridge's configuration has. They may be replaced while the bridge runs.
    topics: RwLock<Arc<TopicSchemas>>,
    /// Encoders with schemas of the registry.
    encoders: Encoders,
}

impl Decoder {
    pub fn new(registry: Option<Registry<CompiledSchema>>, max_bytes: usize) -> Self {
        Self {
            registry,
            max_bytes,
            local: LocalSchemas::default(),
            topics: RwLock::default(),
            encoders: Encoders::default(),
        }
    }

    /// With the schemas that the bridge's configuration has for topics.
    pub fn with_topic_schemas(self, topics: TopicSchemas) -> Self {
        Self { topics: RwLock::new(Arc::new(topics)), ..self }
    }

    /// Replaces the schemas of [`Self::with_topic_schemas`] for the batches and encoders to come.
    pub fn replace_topic_schemas(&self, topics: TopicSchemas) {
        *self.topics.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(topics);
    }

    pub fn registry(&self) -> Option<&Registry<CompiledSchema>> {
        self.registry.as_ref()
    }

    /// Which id comes before the bytes of records.
    pub(crate) fn prefix_id(&self) -> PrefixId {
        self.registry.as_ref().map(Registry::prefix_id).unwrap_or_default()
    }

    /// Schemas that clients sent.
    pub(crate) fn local_schemas(&self) -> &LocalSchemas {
        &self.local
    }

    /// Those of the bridge's configuration.
    pub(crate) fn topic_schemas(&self) -> Arc<TopicSchemas> {
        Arc::clone(&self.topics.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn encoders(&self) -> &Encoders {
        &self.encoders
    }

    /// Must be called after a schema was registered or deleted, so that the change is seen at once: forgets which schemas could not be loaded,
    /// and which version of a subject is the latest.
    pub fn forget_registry_answers(&self) {
        self.encoders.clear();
        if let Some(registry) = &self.registry {
            registry.forget_failures();
        }
    }

    /// Loads the schemas of the records that are not known yet. Returns at once if there are none.
    pub async fn load_schemas(&self, decode: Decode, records: &BinaryBatch) {
        let Some(registry) = &self.registry else { return };
        let missing = self.missing_schemas(decode, records);
        if !missing.is_empty() {
            registry.load(&missing, SCHEMA_WAIT).await;
        }
    }

    /// The schemas of the records about which nothing is known yet.
    fn missing_schemas(&self, decode: Decode, records: &BinaryBatch) -> Vec<SchemaId> {
        let Some(registry) = &self.registry else { return Vec::new() };
        let parts = parts_of(decode).map(|(part, format, chosen)| (part, format, needs_registry(format, chosen)));
        if parts.iter().all(|(_, _, needs_registry)| !needs_registry) {
            return Vec::new();
        }
        let mut missing = Vec::new();
        // Most records of a batch have the same schema as the one before.
        let mut last = [None; 2];
        for record in records.iter() {
            for ((part, format, needs_registry), last) in parts.iter().zip(&mut last) {
                let id = if *needs_registry { schema_of(&record, *part, *format, registry.prefix_id()) } else { None };
                if id.is_none() || id == *last {
                    continue;
                }
                *last = id;
                if let Some(id) = id
                    && !missing.contains(&id)
                    && registry.is_loadable(id)
                {
                    missing.push(id);
                }
            }
        }
        missing
    }

    /// Decodes one key or value, with the schemas of the registry and of the configuration, and writes its JSON to the end of `out`. Blocks the thread while its schema is loaded. Returns false if
    /// the bytes are to be shown as they are.
    ///
    /// # Errors
    /// Why the bytes, which are then shown as they are, cannot be decoded.
    pub fn decode_one_blocking<'a>(
        &self,
        format: RecordFormat,
        field: Field<'a>,
        headers: impl Iterator<Item = protocol::HeaderView<'a>> + Clone,
        out: &mut Vec<u8>,
    ) -> Result<bool, DecodeFailure> {
        if let Some(registry) = &self.registry
            && has_schema(format)
            && let Some(id) = schema_of_bytes(field.bytes, headers.clone(), field.part, format, registry.prefix_id())
            && registry.is_loadable(id)
        {
            registry.load_blocking(&[id], SCHEMA_WAIT);
        }
        // One for each call, because it remembers that a schema was missing, which may be registered meanwhile.
        let decode = Decode::with_formats(format, format);
        let mut decoder = BatchDecoder::new(self, field.topic, decode, field.bytes.len());
        let decoded = decoder.decode(field, headers, out);
        match decoder.note(decoded.note).and_then(|note| note.decode_error.clone()) {
            Some(failure) => Err(failure),
            None => Ok(decoded.is_decoded),
        }
    }

    /// Decodes the keys and values of a batch. Those that cannot be decoded stay as they are, with a note that says why.
    pub fn decode(&self, topic: &str, decode: Decode, records: &BinaryBatch) -> BinaryBatch {
        let mut decoder = BatchDecoder::new(self, topic, decode, records.encoded_bytes());
        let mut decoded = BinaryBatch::with_capacity(records.len(), records.encoded_bytes() * 2);
        let (mut key_json, mut value_json) = (Vec::new(), Vec::new());
        for record in records.iter() {
            let RecordView { offset, timestamp, timestamp_type, key, value, headers } = record;
            let field = |part, bytes| Field { topic, part, bytes, key };
            key_json.clear();
            value_json.clear();
            let (key, key_note) = match key {
                Some(bytes) => decoder.decode(field(Part::Key, bytes), headers, &mut key_json).shown(bytes, &key_json),
                None => (None, 0),
            };
            let (value, value_note) = match value {
                Some(bytes) => {
                    decoder.decode(field(Part::Value, bytes), headers, &mut value_json).shown(bytes, &value_json)
                }
                None => (None, 0),
            };
            let record = RecordView { offset, timestamp, timestamp_type, key, value, headers };
            decoded.push_noted(record, protocol::RecordNotes { key: key_note, value: value_note });
        }
        *decoded.notes_mut() = decoder.into_notes();
        decoded
    }
}

/// The format of each part, and the schema that the client chose.
fn parts_of(decode: Decode) -> [(Part, RecordFormat, Option<LocalSchemaId>); 2] {
    [(Part::Key, decode.key, decode.key_schema), (Part::Value, decode.value, decode.value_schema)]
}

/// Whether a schema of the registry may be needed: not if the client chose one of its own.
fn needs_registry(format: RecordFormat, chosen: Option<LocalSchemaId>) -> bool {
    chosen.is_none() && has_schema(format)
}

/// Whether bytes of the format may have a schema in the registry.
fn has_schema(format: RecordFormat) -> bool {
    matches!(format, RecordFormat::Auto | RecordFormat::Avro | RecordFormat::Protobuf | RecordFormat::JsonSchema)
}

/// The schema that a record names for its key or value.
fn schema_of<'a, H>(
    record: &RecordView<'a, H>,
    part: Part,
    format: RecordFormat,
    prefix_id: PrefixId,
) -> Option<SchemaId>
where
    H: Iterator<Item = protocol::HeaderView<'a>> + Clone,
{
    let bytes = match part {
        Part::Key => record.key?,
        Part::Value => record.value?,
    };
    schema_of_bytes(bytes, record.headers.clone(), part, format, prefix_id)
}

fn schema_of_bytes<'a>(
    bytes: &'a [u8],
    headers: impl Iterator<Item = protocol::HeaderView<'a>>,
    part: Part,
    format: RecordFormat,
    prefix_id: PrefixId,
) -> Option<SchemaId> {
    let framing = read_prefix(bytes, headers, part, prefix_id).ok()?;
    schema_id(&framing, format).map(|(id, _)| id)
}

/// The schema of a framing, and the bytes after the prefix.
fn schema_id<'a>(framing: &Framing<'a>, format: RecordFormat) -> Option<(SchemaId, &'a [u8])> {
    let (id, body) = match *framing {
        // Registries count from 1, while eight zero bytes and numbers with leading zeros are common keys.
        Framing::None | Framing::Confluent { id: 0, .. } => return None,
        // Any binary value may begin with 1; the registry is asked only if the user said that there is a schema.
        Framing::Guid { .. } if format == RecordFormat::Auto => return None,
        Framing::Confluent { id, body } | Framing::ConfluentHeader { id, body, .. } => (SchemaId::Id(id), body),
        Framing::Apicurio { id, body } | Framing::ApicurioGlobalId { id, body, .. } => (SchemaId::Global(id), body),
        Framing::ApicurioContent { id, body } | Framing::ApicurioContentId { id, body, .. } => {
            (SchemaId::Content(id), body)
        }
        Framing::Guid { guid, body } | Framing::GuidHeader { guid, body, .. } => {
            (SchemaId::Guid(u128::from_be_bytes(guid)), body)
        }
    };
    Some((id, body))
}
