//! A record as a client gets it in JSON.

use std::fmt;

use serde::de::{self, MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::client::Header;
use crate::decode::DecodeNote;
#[cfg(feature = "schema")]
use crate::decode::{DecodeFailure, RecordFormat, SchemaReference};
use crate::name::Offset;
use crate::record_view::{HeaderView, RecordView};
use crate::server::TimestampType;
use crate::wire_bytes::WireBytes;

/// A record of a topic.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(from = "WireRecord", into = "WireRecord")]
pub struct Record {
    pub offset: Offset,
    /// Milliseconds since 1970-01-01 UTC; `None` if the record has none.
    pub timestamp: Option<i64>,
    pub timestamp_type: TimestampType,
    /// The decoded JSON if `key_note` says so, else the bytes that Kafka has.
    pub key: WireBytes,
    /// The decoded JSON if `value_note` says so, else the bytes that Kafka has; null is a tombstone.
    pub value: WireBytes,
    /// In order; names may occur several times.
    pub headers: Vec<Header>,
    /// What is said of a key that was to be decoded.
    pub key_note: Option<Box<DecodeNote>>,
    pub value_note: Option<Box<DecodeNote>>,
}

impl Record {
    /// The record that a view shows. The notes say whether its key and value are decoded.
    pub fn of<'a>(
        view: RecordView<'a, impl Iterator<Item = HeaderView<'a>>>,
        key_note: Option<DecodeNote>,
        value_note: Option<DecodeNote>,
    ) -> Self {
        Self {
            offset: Offset(view.offset),
            timestamp: view.timestamp,
            timestamp_type: view.timestamp_type,
            key: WireBytes::from_kafka(view.key),
            value: WireBytes::from_kafka(view.value),
            headers: view.headers.map(|(name, value)| Header(name.to_owned(), WireBytes::from_kafka(value))).collect(),
            key_note: key_note.map(Box::new),
            value_note: value_note.map(Box::new),
        }
    }
}

/// A record of a topic.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(rename = "Record"))]
struct WireRecord {
    /// The offset of the record in its partition.
    offset: Offset,
    /// Milliseconds since 1970-01-01 UTC; null if the record has none.
    timestamp: Option<i64>,
    /// Who set the timestamp. Absent: `create`.
    #[serde(default, skip_serializing_if = "TimestampType::is_create")]
    timestamp_type: TimestampType,
    /// The key.
    key: ReadBytes,
    /// The value; null is a tombstone.
    value: ReadBytes,
    /// In order; names may occur several times.
    headers: Vec<Header>,
}

#[cfg(feature = "schema")]
impl schemars::JsonSchema for Record {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        WireRecord::schema_name()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        WireRecord::json_schema(generator)
    }
}

/// A key or value, decoded or not.
#[derive(Clone)]
struct ReadBytes {
    bytes: WireBytes,
    note: Option<Box<DecodeNote>>,
}

impl From<WireRecord> for Record {
    fn from(record: WireRecord) -> Self {
        let WireRecord { offset, timestamp, timestamp_type, key, value, headers } = record;
        let (key_note, value_note) = (key.note, value.note);
        Self { offset, timestamp, timestamp_type, key: key.bytes, value: value.bytes, headers, key_note, value_note }
    }
}

impl From<Record> for WireRecord {
    fn from(record: Record) -> Self {
        let Record { offset, timestamp, timestamp_type, key, value, headers, key_note, value_note } = record;
        let key = ReadBytes { bytes: key, note: key_note };
        let value = ReadBytes { bytes: value, note: value_note };
        Self { offset, timestamp, timestamp_type, key, value, headers }
    }
}

impl Serialize for ReadBytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Some(note) = self.note.as_deref().filter(|_| !self.bytes.is_null()) else {
            return self.bytes.serialize(serializer);
        };
        let mut map = serializer.serialize_map(None)?;
        match &self.bytes {
            WireBytes::Json(raw) if note.is_decoded() => map.serialize_entry("decoded", raw)?,
            // A decoder writes JSON, and masks keep it JSON.
            WireBytes::Text(text) if note.is_decoded() => map.serialize_entry("decoded", text)?,
            bytes => bytes.serialize_into(&mut map)?,
        }
        let DecodeNote { format, compression, schema, reason, decode_error } = note;
        if let Some(format) = format {
            map.serialize_entry("format", format)?;
        }
        if let Some(compression) = compression {
            map.serialize_entry("compression", compression)?;
        }
        if let Some(schema) = schema {
            map.serialize_entry("schema", schema)?;
        }
        if let Some(reason) = reason {
            map.serialize_entry("reason", reason)?;
        }
        if let Some(error) = decode_error {
            map.serialize_entry("decode_error", error)?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for ReadBytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ReadBytesVisitor)
    }
}

struct ReadBytesVisitor;

impl<'de> Visitor<'de> for ReadBytesVisitor {
    type Value = ReadBytes;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("null, {\"text\": …}, {\"json\": …}, {\"base64\": …} or {\"decoded\": …}")
    }

    fn visit_unit<E>(self) -> Result<ReadBytes, E> {
        Ok(ReadBytes { bytes: WireBytes::Null, note: None })
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<ReadBytes, A::Error> {
        let (mut bytes, mut note, mut has_note) = (None, DecodeNote::default(), false);
        while let Some(name) = map.next_key::<String>()? {
            match name.as_str() {
                "decoded" => {
                    bytes = Some(WireBytes::Json(map.next_value()?));
                    has_note = true;
                }
                "format" => note.format = map.next_value()?,
                "compression" => note.compression = map.next_value()?,
                "schema" => note.schema = map.next_value()?,
                "reason" => note.reason = map.next_value()?,
                "decode_error" => {
                    note.decode_error = map.next_value()?;
                    has_note = true;
                }
                form => bytes = Some(WireBytes::of_form(form, &mut map)?),
            }
        }
        let bytes = bytes.ok_or_else(|| de::Error::custom("an empty object is not a value"))?;
        Ok(ReadBytes { bytes, note: has_note.then(|| Box::new(note)) })
    }
}

#[cfg(feature = "schema")]
impl schemars::JsonSchema for ReadBytes {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "ReadBytes".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let bytes = generator.subschema_for::<WireBytes>();
        let failure = generator.subschema_for::<DecodeFailure>();
        let format = generator.subschema_for::<RecordFormat>();
        let schema = generator.subschema_for::<SchemaReference>();
        let text = serde_json::json!({ "type": "string" });
        let failed = |name: &str, form: serde_json::Value| {
            serde_json::json!({
                "type": "object", "properties": { name: form, "decode_error": failure },
                "required": [name, "decode_error"], "additionalProperties": false
            })
        };
        schemars::json_schema!({
            "description": "The bytes of a key or a value. Only with `decode`: `{\"decoded\": …}` with the JSON to which the bytes were \
                decoded, the `format`, how the bytes were compressed (`compression`), the `schema`, and why `auto` took the format \
                (`reason`); or the bytes as they are with a `decode_error`, which says why they were not decoded.",
            "anyOf": [
                bytes,
                {
                    "type": "object",
                    "properties": {
                        "decoded": true, "format": format, "compression": text, "schema": schema, "reason": text
                    },
                    "required": ["decoded", "format"],
                    "additionalProperties": false
                },
                failed("text", text.clone()),
                failed("json", serde_json::json!(true)),
                failed("base64", serde_json::json!({ "type": "string", "contentEncoding": "base64" })),
            ]
        })
    }
}
