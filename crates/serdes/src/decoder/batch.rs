//! The decoder of one batch: remembers what consecutive records have in common.

use std::collections::HashMap;
use std::sync::Arc;

use protocol::{Decode, DecodeNote, HeaderView, Notes, RecordFormat, SchemaReference};

use super::guessed::{Guessed, decode_guessed, decode_internal};
use super::message_type::MessageTypes;
use super::schema_choice::{self, SchemaChoice};
use super::{Decoder, schema_id};
use crate::compiled::CompiledSchema;
use crate::error::{DecodeError, DecodeErrorCode};
use crate::formats::guess::{self, guess};
use crate::formats::numbers::{Number, decode_uuid};
use crate::formats::wire::{Framing, Part, read_prefix};
use crate::formats::{cbor, connect, internal_topics, json, message_pack, text, xml};
use crate::json_writer::JsonWriter;
use crate::registry::SchemaId;

/// How many different errors of a batch are described. The others are described when their records are opened: a description takes
/// several times as long as the decoding of a record, and is larger than most records.
const MAX_FAILURES: usize = 32;

/// A key or value to decode.
#[derive(Clone, Copy, Debug)]
pub struct Field<'a> {
    pub topic: &'a str,
    pub part: Part,
    pub bytes: &'a [u8],
    /// The key of the record, which determines the layout of the values that Kafka's coordinators write.
    pub key: Option<&'a [u8]>,
}

/// What became of a key or value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decoded {
    /// Whether the JSON was written. Otherwise the bytes stay as they are.
    pub is_decoded: bool,
    /// The number of the note; 0 for none.
    pub note: u16,
}

impl Decoded {
    const RAW: Self = Self { is_decoded: false, note: 0 };

    pub(super) fn shown<'a>(self, bytes: &'a [u8], json: &'a [u8]) -> (Option<&'a [u8]>, u16) {
        (Some(if self.is_decoded { json } else { bytes }), self.note)
    }
}

/// What the note of a decoded key or value says.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Success {
    format: RecordFormat,
    compression: Option<&'static str>,
    schema: Option<SchemaSource>,
    /// The number of the message type in [`BatchDecoder::messages`].
    message: Option<usize>,
    reason: Option<&'static str>,
}

impl Success {
    fn of(format: RecordFormat) -> Self {
        Self { format, compression: None, schema: None, message: None, reason: None }
    }
}

/// Where the schema of a key or value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum SchemaSource {
    /// In the registry. The part matters for the subject that is shown.
    Registry(SchemaId, Part),
    /// In [`BatchDecoder::choices`].
    Local(Part),
}

/// A schema, or why it cannot be used.
type LastSchema = (SchemaId, Result<Arc<CompiledSchema>, DecodeError>);

/// Decodes the records of one batch, one after the other.
pub struct BatchDecoder<'d> {
    decoder: &'d Decoder,
    decode: Decode,
    /// The schemas without a registry, for keys and for values.
    choices: [SchemaChoice; 2],
    /// The schema of the present key or value, also if it cannot be used.
    used: Option<SchemaSource>,
    notes: Notes,
    /// The notes of decoded bytes, the one used last at the end.
    successes: Vec<(Success, u16)>,
    failures: HashMap<(DecodeError, Option<SchemaSource>), u16>,
    /// The notes of the errors that are not described.
    undescribed: Vec<(DecodeErrorCode, u16)>,
    /// The schema used last, for keys and for values.
    schemas: [Option<LastSchema>; 2],
    /// The Protobuf types that occurred.
    messages: MessageTypes,
    /// How many more bytes may be written: a batch of small values may be made to grow a thousandfold when it is decompressed.
    left: usize,
}

impl<'d> BatchDecoder<'d> {
    /// For records of `topic`; `bytes` is their size. Decoded, they may have this many times their size together, or that of one large record.
    pub fn new(decoder: &'d Decoder, topic: &str, decode: Decode, bytes: usize) -> Self {
        const GROWTH: usize = 16;
        let (notes, successes, failures, undescribed, schemas, messages) = Default::default();
        let left = bytes.saturating_mul(GROWTH).max(decoder.max_bytes);
        let choices = SchemaChoice::of(decoder, topic, decode);
        Self { decoder, decode, choices, used: None, notes, successes, failures, undescribed, schemas, messages, left }
    }

    /// The notes to which the results refer.
    pub fn into_notes(self) -> Notes {
        self.notes
    }

    /// The note of this number.
    pub fn note(&self, number: u16) -> Option<&DecodeNote> {
        self.notes.get(number)
    }

    /// Decodes a key or value in the format that was chosen for it. Writes the JSON to the end of `out`.
    pub fn decode<'a>(
        &mut self,
        field: Field<'a>,
        headers: impl Iterator<Item = HeaderView<'a>>,
        out: &mut Vec<u8>,
    ) -> Decoded {
        let format = match field.part {
            Part::Key => self.decode.key,
            Part::Value => self.decode.value,
        };
        if format == RecordFormat::Raw || field.bytes.is_empty() {
            return Decoded::RAW;
        }
        let start = out.len();
        self.used = None;
        match self.try_decode(format, field, headers, out) {
            Ok(Some(success)) => {
                self.left = self.left.saturating_sub(out.len() - start);
                Decoded { is_decoded: true, note: self.note_of(success, field.topic) }
            }
            Ok(None) => Decoded::RAW,
            Err(mut error) => {
                out.truncate(start);
                if error.code == DecodeErrorCode::TooLarge && self.left < self.decoder.max_bytes {
                    "the decoded records of this batch are too large together; open the record to see it"
                        .clone_into(&mut error.message);
                }
                Decoded { is_decoded: false, note: self.note_of_failure(error, field.topic) }
            }
        }
    }

    /// `None`: the bytes are shown as they are.
    fn try_decode<'a>(
        &mut self,
        format: RecordFormat,
        field: Field<'a>,
        headers: impl Iterator<Item = HeaderView<'a>>,
        out: &mut Vec<u8>,
    ) -> Result<Option<Success>, DecodeError> {
        let Field { topic, part, bytes, key } = field;
        let max_bytes = self.decoder.max_bytes.min(self.left);
        let mut json = JsonWriter::new(out, max_bytes);
        let json = &mut json;
        match format {
            RecordFormat::Raw => return Ok(None),
            RecordFormat::Auto => return self.decode_auto(field, headers, json),
            RecordFormat::Avro | RecordFormat::Protobuf | RecordFormat::JsonSchema => {
                return self.decode_with_schema(format, field, headers, json).map(Some);
            }
            RecordFormat::Json => json::decode(bytes, json)?,
            RecordFormat::Text => text::decode(bytes, json)?,
            RecordFormat::MessagePack => message_pack::decode(bytes, json)?,
            RecordFormat::Cbor => cbor::decode(bytes, json)?,
            RecordFormat::Xml => xml::decode(bytes, json)?,
            RecordFormat::Connect => connect::decode(bytes, json)?,
            RecordFormat::Kafka => decode_internal(topic, part, key, bytes, json)?,
            RecordFormat::Int8 => Number::I8.decode(bytes, json)?,
            RecordFormat::Int16 => Number::I16.decode(bytes, json)?,
            RecordFormat::Int32 => Number::I32.decode(bytes, json)?,
            RecordFormat::Int64 => Number::I64.decode(bytes, json)?,
            RecordFormat::UInt8 => Number::U8.decode(bytes, json)?,
            RecordFormat::UInt16 => Number::U16.decode(bytes, json)?,
            RecordFormat::UInt32 => Number::U32.decode(bytes, json)?,
            RecordFormat::UInt64 => Number::U64.decode(bytes, json)?,
            RecordFormat::Float => Number::F32.decode(bytes, json)?,
            RecordFormat::Double => Number::F64.decode(bytes, json)?,
            RecordFormat::Uuid => decode_uuid(bytes, json)?,
        }
        Ok(Some(Success::of(format)))
    }

    fn decode_auto<'a>(
        &mut self,
        field: Field<'a>,
        headers: impl Iterator<Item = HeaderView<'a>>,
        json: &mut JsonWriter<'_>,
    ) -> Result<Option<Success>, DecodeError> {
        let Field { topic, part, bytes, key } = field;
        if internal_topics::is_known_topic(topic) {
            decode_internal(topic, part, key, bytes, json)?;
            return Ok(Some(Success { reason: Some("the topic is Kafka's own"), ..Success::of(RecordFormat::Kafka) }));
        }
        let framing = read_prefix(bytes, headers, part, self.decoder.prefix_id())?;
        let named = schema_id(&framing, RecordFormat::Auto);
        if let Some(success) = self.decode_chosen(part, bytes, &framing, named, json)? {
            return Ok(Some(success));
        }
        if let Some((id, body)) = named {
            if self.decoder.registry.is_some() {
                let success = self.decode_registered(id, body, &framing, part, json)?;
                return Ok(Some(Success { reason: Some("names a schema of the registry"), ..success }));
            }
            if is_plausible(&framing, bytes) && guess(bytes).format == guess::Format::Binary {
                return Err(self.no_registry(id, part));
            }
        }
        let guessed = decode_guessed(bytes, self.decoder.max_bytes.min(self.left), json)?;
        Ok(guessed.map(|Guessed { format, compression, reason }| Success {
            compression,
            reason,
            ..Success::of(format)
        }))
    }

    /// `format`: the one that the user chose.
    fn decode_with_schema<'a>(
        &mut self,
        format: RecordFormat,
        field: Field<'a>,
        headers: impl Iterator<Item = HeaderView<'a>>,
        json: &mut JsonWriter<'_>,
    ) -> Result<Success, DecodeError> {
        let framing = read_prefix(field.bytes, headers, field.part, self.decoder.prefix_id())?;
        let named = schema_id(&framing, format);
        if let Some(success) = self.decode_chosen(field.part, field.bytes, &framing, named, json)? {
            require_format(format, &success, "the schema")?;
            return Ok(Success { reason: None, ..success });
        }
        let Some((id, body)) = named else {
            let message = "the bytes do not begin with the id of a schema (0 and four bytes), and no header names one";
            return Err(DecodeError::new(DecodeErrorCode::NoSchema, message));
        };
        if self.decoder.registry.is_none() {
            return Err(self.no_registry(id, field.part));
        }
        let success = self.decode_registered(id, body, &framing, field.part, json)?;
        require_format(format, &success, &format!("the schema {id}"))?;
        Ok(success)
    }

    /// Decodes with the schema that the client named, or that the bridge's configuration has for the topic. `None`: there is no such schema,
    /// or the registry has the schema that the bytes name. A client's choice counts more than the registry.
    fn decode_chosen(
        &mut self,
        part: Part,
        bytes: &[u8],
        framing: &Framing<'_>,
        named: Option<(SchemaId, &[u8])>,
        json: &mut JsonWriter<'_>,
    ) -> Result<Option<Success>, DecodeError> {
        let (schema, reason) = match &self.choices[schema_choice::index(part)] {
            SchemaChoice::None => return Ok(None),
            SchemaChoice::Forgotten(id) => {
                self.used = Some(SchemaSource::Local(part));
                return Err(schema_choice::forgotten(*id));
            }
            SchemaChoice::Client(schema) => (schema.clone(), "the client chose the schema"),
            SchemaChoice::Topic(schema) => {
                let schema = schema.clone();
                if let Some((id, _)) = named
                    && self.decoder.registry.is_some()
                    && self.schema(id, part).is_ok()
                {
                    return Ok(None);
                }
                (schema, "the bridge's configuration has a schema for this topic")
            }
        };
        self.used = Some(SchemaSource::Local(part));
        schema_choice::decode(&schema, bytes, framing, json)?;
        Ok(Some(Success { schema: self.used, reason: Some(reason), ..Success::of(schema.format()) }))
    }

    fn decode_registered(
        &mut self,
        id: SchemaId,
        body: &[u8],
        framing: &Framing<'_>,
        part: Part,
        json: &mut JsonWriter<'_>,
    ) -> Result<Success, DecodeError> {
        let schema = self.schema(id, part)?;
        let used = self.used;
        let success = |format| Success { schema: used, ..Success::of(format) };
        match &*schema {
            CompiledSchema::Avro { schema, is_plain_bytes: true } => {
                schema.decode(&with_length(body), json)?;
                Ok(success(RecordFormat::Avro))
            }
            CompiledSchema::Avro { schema, .. } => {
                schema.decode(body, json)?;
                Ok(success(RecordFormat::Avro))
            }
            CompiledSchema::Json(_) => {
                json::decode(body, json)?;
                Ok(success(RecordFormat::JsonSchema))
            }
            CompiledSchema::Protobuf(protobuf) => {
                let (message, body) = self.messages.find(id, protobuf, framing, body)?;
                self.messages.get(message).decode(body, json)?;
                Ok(Success { message: Some(message), ..success(RecordFormat::Protobuf) })
            }
        }
    }

    fn schema(&mut self, id: SchemaId, part: Part) -> Result<Arc<CompiledSchema>, DecodeError> {
        self.used = Some(SchemaSource::Registry(id, part));
        let last = &mut self.schemas[schema_choice::index(part)];
        if let Some((of, schema)) = last
            && *of == id
        {
            return schema.clone();
        }
        let Some(registry) = &self.decoder.registry else { return Err(no_registry(id)) };
        let schema = if self.failures.len() < MAX_FAILURES {
            registry.get(id).into_result(id)
        } else {
            registry.get_undescribed(id).map_err(|code| DecodeError::new(code, String::new()))
        };
        *last = Some((id, schema.clone()));
        schema
    }

    fn note_of(&mut self, success: Success, topic: &str) -> u16 {
        if let Some((last, note)) = self.successes.last()
            && *last == success
        {
            return *note;
        }
        if let Some(at) = self.successes.iter().position(|(known, _)| *known == success) {
            let last = self.successes.len() - 1;
            self.successes.swap(at, last);
            return self.successes[last].1;
        }
        let Success { format, compression, schema, message, reason } = &success;
        let note = DecodeNote {
            format: Some(*format),
            compression: compression.map(str::to_owned),
            schema: schema.and_then(|source| self.reference(source, topic, *message)),
            reason: reason.map(str::to_owned),
            decode_error: None,
        };
        let number = self.notes.add(note).unwrap_or_default();
        self.successes.push((success, number));
        number
    }

    fn reference(&self, source: SchemaSource, topic: &str, message: Option<usize>) -> Option<SchemaReference> {
        let (id, part) = match source {
            SchemaSource::Registry(id, part) => (id, part),
            SchemaSource::Local(part) => return self.choices[schema_choice::index(part)].reference(),
        };
        let registry = self.decoder.registry.as_ref();
        let versions = registry.and_then(|registry| registry.versions_of(id)).unwrap_or_default();
        // The same schema may be in subjects of many topics.
        let [exact, prefix] = subjects_of(topic, part);
        let version = versions.into_iter().min_by_key(|found| match &found.subject {
            subject if *subject == exact => 0,
            subject if subject.starts_with(&prefix) => 1,
            _ => 2,
        });
        let (subject, version) = version.map(|found| (found.subject, found.version)).unzip();
        let used = self.schemas.iter().flatten().find(|(of, _)| *of == id);
        let name = match (message, used) {
            (Some(message), _) => Some(self.messages.get(message).name().to_owned()),
            (None, Some((_, Ok(schema)))) => match &**schema {
                CompiledSchema::Avro { schema, .. } => schema.name().map(str::to_owned),
                _ => None,
            },
            _ => None,
        };
        Some(SchemaReference { id: id.to_string(), subject, version, name })
    }

    fn note_of_failure(&mut self, error: DecodeError, topic: &str) -> u16 {
        let code = error.code;
        let key = (error, self.used);
        if let Some(note) = self.failures.get(&key) {
            return *note;
        }
        if self.failures.len() >= MAX_FAILURES {
            if let Some((_, note)) = self.undescribed.iter().find(|(other, _)| *other == code) {
                return *note;
            }
            let message = "this record differs from the others of its batch in its error; open it to see the error";
            let number = self.notes.add(DecodeNote::failed(code.name(), message.to_owned())).unwrap_or_default();
            self.undescribed.push((code, number));
            return number;
        }
        let (error, source) = &key;
        let schema = source.and_then(|source| self.reference(source, topic, None));
        let note = DecodeNote { schema, ..DecodeNote::failed(error.code.name(), error.message.clone()) };
        let number = self.notes.add(note).unwrap_or_default();
        self.failures.insert(key, number);
        number
    }

    fn no_registry(&mut self, id: SchemaId, part: Part) -> DecodeError {
        self.used = Some(SchemaSource::Registry(id, part));
        no_registry(id)
    }
}

fn require_format(format: RecordFormat, success: &Success, schema: &str) -> Result<(), DecodeError> {
    if success.format == format {
        return Ok(());
    }
    Err(DecodeError::malformed(format!("{schema} is of the format {}, and not {format}", success.format)))
}

/// Avro's encoding of bytes.
fn with_length(bytes: &[u8]) -> Vec<u8> {
    let mut encoded = Vec::with_capacity(bytes.len() + 10);
    // A zigzag varint of a number that is not negative.
    let mut rest = bytes.len() << 1;
    while rest >= 0x80 {
        encoded.push(rest.to_le_bytes()[0] | 0x80);
        rest >>= 7;
    }
    encoded.push(rest.to_le_bytes()[0]);
    encoded.extend_from_slice(bytes);
    encoded
}

/// Whether bytes may have the id of a schema before them, as far as that can be said without a registry: registries count their ids,
/// and eight bytes are more often a number than the id of a schema and three bytes.
fn is_plausible(framing: &Framing<'_>, bytes: &[u8]) -> bool {
    match framing {
        Framing::Confluent { id, .. } => *id < 1 << 24 && bytes.len() != size_of::<i64>(),
        _ => true,
    }
}

/// The subject that Confluent's serializers use by default, and the prefix of those of their `TopicRecordNameStrategy`.
fn subjects_of(topic: &str, part: Part) -> [String; 2] {
    let suffix = if part == Part::Key { "key" } else { "value" };
    [format!("{topic}-{suffix}"), format!("{topic}-")]
}

fn no_registry(id: SchemaId) -> DecodeError {
    let message = format!(
        "the bytes name the schema {id}, but the bridge has no schema registry; start it with --schema-registry URL"
    );
    DecodeError::new(DecodeErrorCode::NoSchema, message)
}
