//! Records that Kafka's coordinators write: keys and values of `__consumer_offsets` and `__transaction_state`.
//!
//! The layouts are those of the files `*Key.json` and `*Value.json` in Kafka's modules `group-coordinator` and
//! `transaction-coordinator`.

mod layout;
mod messages;
mod reader;

use self::layout::Message;
use self::reader::Reader;
use crate::error::DecodeError;
use crate::json_writer::JsonWriter;

/// A kind of record: which key is stored with which value.
struct RecordType {
    /// The number at the start of the key.
    key_type: i16,
    key: Message,
    /// Layouts that Kafka's releases wrote under the same version, while the feature was in development. The first one that has exactly
    /// the length of the value counts.
    values: &'static [Message],
}

/// Whether keys and values of a topic can be decoded here.
pub fn is_known_topic(topic: &str) -> bool {
    record_types(topic).is_some()
}

/// Writes a key as an object: `type` is Kafka's name of the message, `version` the number at its start.
///
/// # Errors
/// If the topic or the kind of key is not known, or the bytes do not have its layout.
pub fn decode_key(topic: &str, key: &[u8], json: &mut JsonWriter<'_>) -> Result<(), DecodeError> {
    let record_type = record_type(topic, key)?;
    Reader::new(key).message(&record_type.key, json)
}

/// Writes a value as an object, like [`decode_key`]. Its layout depends on the key.
///
/// # Errors
/// If the topic, the kind of key or the version of the value is not known, or the bytes do not have its layout.
pub fn decode_value(topic: &str, key: &[u8], value: &[u8], json: &mut JsonWriter<'_>) -> Result<(), DecodeError> {
    let record_type = record_type(topic, key)?;
    let Some((newest, older)) = record_type.values.split_last() else {
        return Err(DecodeError::malformed(format!("no value is known for a {}", record_type.key.name)));
    };
    for message in older {
        // What is written before the layout turns out to be another one must not stay in the output.
        let mut text = Vec::new();
        let limit = value.len().saturating_mul(8).saturating_add(1024);
        if Reader::new(value).message(message, &mut JsonWriter::new(&mut text, limit)).is_ok() {
            return json.raw(&text);
        }
    }
    Reader::new(value).message(newest, json)
}

fn record_types(topic: &str) -> Option<&'static [RecordType]> {
    match topic {
        "__consumer_offsets" => Some(&messages::CONSUMER_OFFSETS),
        "__transaction_state" => Some(&messages::TRANSACTION_STATE),
        _ => None,
    }
}

fn record_type(topic: &str, key: &[u8]) -> Result<&'static RecordType, DecodeError> {
    let Some(record_types) = record_types(topic) else {
        return Err(DecodeError::malformed(format!("the records of the topic {topic} have no known layout")));
    };
    let Some(key_type) = key.first_chunk() else {
        let message = format!("a key of {topic} starts with 2 bytes, but the key has {}", key.len());
        return Err(DecodeError::malformed(message));
    };
    let key_type = i16::from_be_bytes(*key_type);
    record_types
        .iter()
        .find(|record_type| record_type.key_type == key_type)
        .ok_or_else(|| DecodeError::malformed(format!("a key of {topic} has the unknown type {key_type}")))
}

#[cfg(test)]
mod tests;
