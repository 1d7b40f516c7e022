//! Keys, values and header values in JSON: null, text, raw JSON or base64.

use std::fmt;
use std::hash::{Hash, Hasher};

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::de::{self, MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

use crate::plain_json::is_plain_json;

/// A Kafka key, value or header value in its JSON form.
///
/// `null` is Kafka's null (as a value, a tombstone), which differs from the empty text. Raw JSON is not changed: large
/// integers, duplicate names, key order and spacing are preserved.
#[derive(Clone, Debug, Default)]
pub enum WireBytes {
    #[default]
    Null,
    Text(String),
    Json(Box<RawValue>),
    Base64(Vec<u8>),
}

impl WireBytes {
    /// The form that is sent to a client: `json` for valid JSON that every parser accepts, else `text` for valid UTF-8,
    /// else `base64`. Empty bytes are the empty text.
    pub fn from_kafka(bytes: Option<&[u8]>) -> Self {
        let Some(bytes) = bytes else { return Self::Null };
        match classify(bytes) {
            Form::Json(text) => match RawValue::from_string(text.to_owned()) {
                Ok(raw) => Self::Json(raw),
                Err(_) => Self::Text(text.to_owned()),
            },
            Form::Text(text) => Self::Text(text.to_owned()),
            Form::Binary(bytes) => Self::Base64(bytes.to_owned()),
        }
    }

    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    /// The bytes stored in Kafka; `None` is Kafka's null.
    pub fn as_kafka(&self) -> Option<&[u8]> {
        match self {
            Self::Null => None,
            Self::Text(text) => Some(text.as_bytes()),
            Self::Json(raw) => Some(raw.get().as_bytes()),
            Self::Base64(bytes) => Some(bytes),
        }
    }

    /// The number of bytes stored in Kafka; 0 for null.
    pub fn len(&self) -> usize {
        self.as_kafka().map_or(0, <[u8]>::len)
    }

    /// Whether no bytes are stored: null, or zero bytes.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// Writes the member of the object that stands for bytes other than null.
    pub(crate) fn serialize_into<M: SerializeMap>(&self, map: &mut M) -> Result<(), M::Error> {
        match self {
            Self::Null => Ok(()),
            Self::Text(text) => map.serialize_entry("text", text),
            Self::Json(raw) => map.serialize_entry("json", raw),
            Self::Base64(bytes) => map.serialize_entry("base64", &BASE64.encode(bytes)),
        }
    }

    /// Reads the value of the member with this name.
    pub(crate) fn of_form<'de, A: MapAccess<'de>>(form: &str, map: &mut A) -> Result<Self, A::Error> {
        match form {
            "text" => Ok(Self::Text(map.next_value()?)),
            "json" => Ok(Self::Json(map.next_value()?)),
            "base64" => {
                let encoded: String = map.next_value()?;
                let decoded = BASE64.decode(&encoded).map_err(|e| de::Error::custom(format!("not base64: {e}")))?;
                Ok(Self::Base64(decoded))
            }
            other => Err(de::Error::unknown_field(other, &["text", "json", "base64"])),
        }
    }
}

/// Two forms of the same stored bytes are equal; null is equal only to null.
impl PartialEq for WireBytes {
    fn eq(&self, other: &Self) -> bool {
        self.as_kafka() == other.as_kafka()
    }
}

impl Eq for WireBytes {}

impl Hash for WireBytes {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_kafka().hash(state);
    }
}

/// The form in which stored bytes are sent to a client.
pub(crate) enum Form<'a> {
    Json(&'a str),
    Text(&'a str),
    Binary(&'a [u8]),
}

/// JSON with white space around it is sent as text, because embedding it in a frame would lose the white space.
pub(crate) fn classify(bytes: &[u8]) -> Form<'_> {
    let Ok(text) = std::str::from_utf8(bytes) else { return Form::Binary(bytes) };
    if is_plain_json(text) { Form::Json(text) } else { Form::Text(text) }
}

#[cfg(feature = "schema")]
impl schemars::JsonSchema for WireBytes {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "WireBytes".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let form = |name: &str, schema: serde_json::Value| {
            serde_json::json!({
                "type": "object", "properties": { name: schema }, "required": [name], "additionalProperties": false
            })
        };
        let mut forms = vec![
            serde_json::json!({ "type": "null" }),
            form("text", serde_json::json!({ "type": "string" })),
            form("json", serde_json::json!(true)),
            form("base64", serde_json::json!({ "type": "string", "contentEncoding": "base64" })),
        ];
        // Only a client sends a plain string.
        if generator.contract().is_deserialize() {
            forms.push(serde_json::json!({ "type": "string" }));
        }
        schemars::json_schema!({
            "description": "The bytes of a key, a value or a header value: `null` (Kafka's null), `{\"text\": …}`, `{\"json\": …}` or \
                `{\"base64\": …}`. A client may also send a plain string, which means text.",
            "oneOf": forms
        })
    }
}

impl Serialize for WireBytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.is_null() {
            return serializer.serialize_unit();
        }
        let mut map = serializer.serialize_map(Some(1))?;
        self.serialize_into(&mut map)?;
        map.end()
    }
}

impl<'de> Deserialize<'de> for WireBytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(WireBytesVisitor)
    }
}

struct WireBytesVisitor;

impl<'de> Visitor<'de> for WireBytesVisitor {
    type Value = WireBytes;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("null, a string, {\"text\": …}, {\"json\": …} or {\"base64\": …}")
    }

    fn visit_unit<E>(self) -> Result<WireBytes, E> {
        Ok(WireBytes::Null)
    }

    fn visit_str<E>(self, text: &str) -> Result<WireBytes, E> {
        Ok(WireBytes::Text(text.to_owned()))
    }

    fn visit_string<E>(self, text: String) -> Result<WireBytes, E> {
        Ok(WireBytes::Text(text))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<WireBytes, A::Error> {
        let form: String = map.next_key()?.ok_or_else(|| de::Error::custom("an empty object is not a value"))?;
        let bytes = WireBytes::of_form(&form, &mut map)?;
        match map.next_key::<String>()? {
            None => Ok(bytes),
            Some(extra) => Err(de::Error::custom(format!("use only one of {form:?} and {extra:?}"))),
        }
    }
}
