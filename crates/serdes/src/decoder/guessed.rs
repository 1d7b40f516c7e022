//! Decodes bytes whose format is only known from the bytes themselves, or from the topic's name.

use protocol::RecordFormat;

use crate::error::DecodeError;
use crate::formats::compressed::{self, Compression};
use crate::formats::guess::{self, guess};
use crate::formats::wire::Part;
use crate::formats::{cbor, internal_topics, json, message_pack, text, xml};
use crate::json_writer::JsonWriter;

/// A format that was recognized.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Guessed {
    pub(super) format: RecordFormat,
    pub(super) compression: Option<&'static str>,
    pub(super) reason: Option<&'static str>,
}

pub(super) fn decode_internal(
    topic: &str,
    part: Part,
    key: Option<&[u8]>,
    bytes: &[u8],
    json: &mut JsonWriter<'_>,
) -> Result<(), DecodeError> {
    match (part, key) {
        (Part::Key, _) => internal_topics::decode_key(topic, bytes, json),
        (Part::Value, Some(key)) => internal_topics::decode_value(topic, key, bytes, json),
        (Part::Value, None) => Err(DecodeError::malformed("a record of Kafka's coordinators without a key")),
    }
}

/// Decodes bytes without a schema. JSON, XML and other text stay as they are: readable, and byte for byte.
pub(super) fn decode_guessed(
    bytes: &[u8],
    max_bytes: usize,
    json: &mut JsonWriter<'_>,
) -> Result<Option<Guessed>, DecodeError> {
    if guess::is_shown_as_is(bytes) {
        return Ok(None);
    }
    let guess = guess(bytes);
    let success = |format| Ok(Some(Guessed { format, compression: None, reason: Some(guess.reason) }));
    match guess.format {
        guess::Format::Json
        | guess::Format::Xml
        | guess::Format::Text
        | guess::Format::Binary
        | guess::Format::AvroContainer => Ok(None),
        guess::Format::MessagePack => {
            message_pack::decode(bytes, json)?;
            success(RecordFormat::MessagePack)
        }
        guess::Format::Cbor => {
            cbor::decode(bytes, json)?;
            success(RecordFormat::Cbor)
        }
        guess::Format::Compressed(_) => decode_compressed(bytes, max_bytes, json),
    }
}

/// Opens compressed bytes and shows what is inside.
fn decode_compressed(
    bytes: &[u8],
    max_bytes: usize,
    json: &mut JsonWriter<'_>,
) -> Result<Option<Guessed>, DecodeError> {
    let Some(opened) = compressed::open(bytes, max_bytes)? else { return Ok(None) };
    let inside = guess(&opened.bytes);
    let format = match inside.format {
        guess::Format::Json => {
            json::decode(&opened.bytes, json)?;
            RecordFormat::Json
        }
        guess::Format::Text => {
            text::decode(&opened.bytes, json)?;
            RecordFormat::Text
        }
        guess::Format::Xml => {
            xml::decode(&opened.bytes, json)?;
            RecordFormat::Xml
        }
        guess::Format::MessagePack => {
            message_pack::decode(&opened.bytes, json)?;
            RecordFormat::MessagePack
        }
        guess::Format::Cbor => {
            cbor::decode(&opened.bytes, json)?;
            RecordFormat::Cbor
        }
        guess::Format::Binary | guess::Format::AvroContainer | guess::Format::Compressed(_) => {
            json.base64(&opened.bytes)?;
            RecordFormat::Raw
        }
    };
    let reason = Compression::of(bytes).map(|_| "begins with the magic number of a compression");
    Ok(Some(Guessed { format, compression: Some(opened.kind), reason }))
}
