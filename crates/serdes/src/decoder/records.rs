//! Decodes records that are in their JSON form already, as `fetch` reads them.

use protocol::{Decode, Header, Record, WireBytes};
use serde_json::value::RawValue;

use super::{BatchDecoder, Decoder, Field, SCHEMA_WAIT, needs_registry, parts_of, schema_of_bytes};
use crate::formats::wire::Part;
use crate::registry::SchemaId;

impl Decoder {
    /// Decodes keys and values. Waits for schemas that are not known yet, and therefore blocks the thread.
    pub fn decode_records(&self, topic: &str, decode: Decode, records: &mut [Record]) {
        if decode.is_raw() {
            return;
        }
        self.load_schemas_of(decode, records);
        let bytes = records.iter().map(|record| record.key.len() + record.value.len()).sum();
        let mut decoder = BatchDecoder::new(self, topic, decode, bytes);
        for record in records {
            let headers = std::mem::take(&mut record.headers);
            // The value's layout may depend on the key, so the key is replaced last.
            let value = decode_part(&mut decoder, topic, Part::Value, record, &headers);
            let key = decode_part(&mut decoder, topic, Part::Key, record, &headers);
            let take = |(json, note): (Option<Box<RawValue>>, u16), bytes: &mut WireBytes| {
                if let Some(json) = json {
                    *bytes = WireBytes::Json(json);
                }
                decoder.note(note).cloned().map(Box::new)
            };
            record.value_note = take(value, &mut record.value);
            record.key_note = take(key, &mut record.key);
            record.headers = headers;
        }
    }

    fn load_schemas_of(&self, decode: Decode, records: &[Record]) {
        let Some(registry) = &self.registry else { return };
        let mut missing: Vec<SchemaId> = Vec::new();
        for record in records {
            for (part, format, _) in
                parts_of(decode).into_iter().filter(|(_, format, chosen)| needs_registry(*format, *chosen))
            {
                let bytes = match part {
                    Part::Key => &record.key,
                    Part::Value => &record.value,
                };
                let headers = record.headers.iter().map(|Header(name, value)| (name.as_str(), value.as_kafka()));
                let id = bytes
                    .as_kafka()
                    .and_then(|bytes| schema_of_bytes(bytes, headers, part, format, registry.prefix_id()));
                if let Some(id) = id
                    && !missing.contains(&id)
                    && registry.is_loadable(id)
                {
                    missing.push(id);
                }
            }
        }
        if !missing.is_empty() {
            registry.load_blocking(&missing, SCHEMA_WAIT);
        }
    }
}

/// The decoded JSON, and the number of the note.
fn decode_part(
    decoder: &mut BatchDecoder<'_>,
    topic: &str,
    part: Part,
    record: &Record,
    headers: &[Header],
) -> (Option<Box<RawValue>>, u16) {
    let bytes = match part {
        Part::Key => record.key.as_kafka(),
        Part::Value => record.value.as_kafka(),
    };
    let Some(bytes) = bytes else { return (None, 0) };
    let field = Field { topic, part, bytes, key: record.key.as_kafka() };
    let headers = headers.iter().map(|Header(name, value)| (name.as_str(), value.as_kafka()));
    let mut json = Vec::new();
    let decoded = decoder.decode(field, headers, &mut json);
    if !decoded.is_decoded {
        return (None, decoded.note);
    }
    // The decoders write JSON.
    match String::from_utf8(json).map(RawValue::from_string) {
        Ok(Ok(json)) => (Some(json), decoded.note),
        _ => (None, 0),
    }
}
