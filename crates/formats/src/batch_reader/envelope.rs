//! A record as a JSON object, as the page exports it or as it is written by hand.

use std::collections::BTreeMap;

use protocol::{Header, ProduceRecord, WireBytes};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use super::super::base64_text::decode_base64;
use super::super::time::parse_time;
use super::{LineError, Topics};

pub enum EntryError {
    /// Not an object with `value` and only known fields.
    Json(serde_json::Error),
    /// A field is invalid.
    Part(LineError),
}

impl From<LineError> for EntryError {
    fn from(error: LineError) -> Self {
        Self::Part(error)
    }
}

/// `topic` and `offset` describe the record's origin: the user chooses the topic.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Envelope<'a> {
    #[serde(borrow)]
    value: &'a RawValue,
    #[serde(borrow, default)]
    key: Option<&'a RawValue>,
    #[serde(borrow, default)]
    headers: Option<&'a RawValue>,
    #[serde(default)]
    partition: Option<i64>,
    #[serde(borrow, default)]
    timestamp: Option<&'a RawValue>,
    #[serde(borrow, default)]
    topic: Option<&'a RawValue>,
    #[serde(default, rename = "offset")]
    _offset: Option<IgnoredAny>,
    #[serde(default, rename = "timestamp_type")]
    _timestamp_type: Option<IgnoredAny>,
}

pub fn is_envelope(json: &str) -> bool {
    protocol::from_json::<Envelope<'_>>(json).is_ok()
}

pub fn envelope(json: &str, topics: &mut Topics) -> Result<ProduceRecord, EntryError> {
    let envelope: Envelope<'_> = protocol::from_json(json).map_err(EntryError::Json)?;
    let partition = match envelope.partition {
        None => None,
        Some(partition) => {
            let known = i32::try_from(partition).ok().filter(|partition| *partition >= 0);
            Some(known.ok_or_else(|| LineError::Partition(partition.to_string()))?)
        }
    };
    // Names of topics need no escapes in JSON.
    if let Some(topic) = envelope.topic {
        topics.note(topic.get().trim_matches('"'));
    }
    Ok(ProduceRecord {
        topic: String::new(),
        partition,
        key: envelope.key.map_or(Ok(WireBytes::Null), |raw| bytes(raw.get()))?,
        value: bytes(envelope.value.get())?,
        headers: envelope.headers.map_or(Ok(Vec::new()), |raw| headers(raw.get()))?,
        timestamp: envelope.timestamp.map(|raw| time(raw.get().trim_matches('"'))).transpose()?,
    })
}

pub fn time(text: &str) -> Result<i64, LineError> {
    parse_time(text).ok_or_else(|| LineError::Timestamp(text.to_owned()))
}

/// null, a string, `{"text"}`, `{"json"}` and `{"base64"}` as in the wire protocol. Any other JSON is the value itself.
fn bytes(json: &str) -> Result<WireBytes, LineError> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct OnlyBase64 {
        base64: String,
    }
    match json.as_bytes().first() {
        Some(b'n' | b'"' | b'{') => {}
        _ => return Ok(WireBytes::text(json)),
    }
    if json.starts_with('{')
        && let Ok(OnlyBase64 { base64 }) = protocol::from_json(json)
    {
        return decode_base64(&base64).map(WireBytes::Base64).map_err(|_| LineError::Base64);
    }
    Ok(protocol::from_json(json).unwrap_or_else(|_| WireBytes::text(json)))
}

/// Parses `[["name", value], …]`, or an object with one value for each name.
pub fn headers(json: &str) -> Result<Vec<Header>, LineError> {
    let error = |_| LineError::Headers;
    let pairs: Vec<(String, &RawValue)> = if json.trim_start().starts_with('{') {
        protocol::from_json::<BTreeMap<String, &RawValue>>(json).map_err(error)?.into_iter().collect()
    } else {
        protocol::from_json::<Option<Vec<(String, &RawValue)>>>(json).map_err(error)?.unwrap_or_default()
    };
    pairs.into_iter().map(|(name, value)| Ok(Header(name, bytes(value.get())?))).collect()
}
