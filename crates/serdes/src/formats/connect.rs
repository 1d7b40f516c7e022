//! Writes the payload of Connect's JSON, with the logical types of its schema as readable values.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use formats::json_members::{Elements, Members, connect_parts, push_name, text_of};
use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::decimal::{self, MAX_BYTES, MAX_EXPONENT};
use crate::error::{DecodeError, DecodeErrorCode};
use crate::formats::{json, time};
use crate::json_writer::JsonWriter;

/// A schema with more bytes is refused: read, it takes up to 30 times as much memory. A table with 1000 columns has some 200 KiB.
const MAX_SCHEMA_BYTES: usize = 512 * 1024;

/// Writes the payload. Decimals become numbers with every digit; dates, times and timestamps become text (RFC 3339), also those of
/// Debezium. Everything else stays as it is.
///
/// # Errors
/// If the value is not `{"schema": …, "payload": …}`, or a value does not have its logical type.
pub fn decode(bytes: &[u8], json: &mut JsonWriter<'_>) -> Result<(), DecodeError> {
    let text = json::check(bytes)?;
    let Some((schema, payload)) = Members::of(text).as_ref().and_then(connect_parts) else {
        return Err(DecodeError::malformed("the value is not an object with the members `schema` and `payload`"));
    };
    if schema == "null" {
        return json.raw(payload.as_bytes());
    }
    if schema.len() > MAX_SCHEMA_BYTES {
        let message = format!("the schema has {} bytes, but at most {MAX_SCHEMA_BYTES} are read", schema.len());
        return Err(DecodeError::new(DecodeErrorCode::TooLarge, message));
    }
    let mut schema: Schema = protocol::from_json(schema)
        .map_err(|error| DecodeError::new(DecodeErrorCode::SchemaInvalid, format!("schema: {error}")))?;
    schema.find_logical_types();
    let mut converter = Converter { path: Vec::new() };
    converter.value(&schema, payload, json).map_err(|error| converter.located(error))
}

/// What is read of a schema: the names that conversion depends on.
#[derive(Deserialize)]
struct Schema {
    /// Every schema has a type, so that each takes at least 12 bytes of the text.
    #[serde(rename = "type")]
    _type: IgnoredAny,
    /// The name of a logical type, or of a structure.
    #[serde(default)]
    name: Option<Box<str>>,
    /// The name that a structure gives the value.
    #[serde(default)]
    field: Option<Box<str>>,
    #[serde(default)]
    fields: Option<Box<[Schema]>>,
    /// Of an array.
    #[serde(default)]
    items: Option<Box<Schema>>,
    /// Of a map.
    #[serde(default)]
    keys: Option<Box<Schema>>,
    #[serde(default)]
    values: Option<Box<Schema>>,
    #[serde(default)]
    parameters: Option<Box<Parameters>>,
    #[serde(skip)]
    logical: Option<Logical>,
    /// Whether the value or a part of it has a logical type.
    #[serde(skip)]
    converts: bool,
}

#[derive(Deserialize)]
struct Parameters {
    #[serde(default)]
    scale: Option<Box<str>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Logical {
    Decimal {
        scale: i64,
    },
    /// A structure of a scale and a value.
    VariableScaleDecimal,
    /// Days since 1970.
    Date,
    /// Since midnight, in so many parts of a second.
    Time {
        per_second: i64,
    },
    /// Since 1970, in so many parts of a second.
    Timestamp {
        per_second: i64,
    },
}

impl Schema {
    /// Recursion is bounded by the nesting of the schema's JSON.
    fn find_logical_types(&mut self) {
        self.logical = self.name.as_deref().and_then(|name| Logical::of(name, self.parameters.as_deref()));
        self.converts = self.logical.is_some();
        let children = self.fields.as_deref_mut().unwrap_or_default().iter_mut();
        for child in children
            .chain([&mut self.items, &mut self.keys, &mut self.values].into_iter().flatten().map(|child| &mut **child))
        {
            child.find_logical_types();
            self.converts |= child.converts;
        }
    }
}

impl Logical {
    fn of(name: &str, parameters: Option<&Parameters>) -> Option<Self> {
        Some(match name {
            "org.apache.kafka.connect.data.Decimal" => {
                let scale = parameters.and_then(|parameters| parameters.scale.as_ref())?.parse().ok()?;
                Self::Decimal { scale }
            }
            "io.debezium.data.VariableScaleDecimal" => Self::VariableScaleDecimal,
            "org.apache.kafka.connect.data.Date" | "io.debezium.time.Date" => Self::Date,
            "org.apache.kafka.connect.data.Time" | "io.debezium.time.Time" => Self::Time { per_second: 1000 },
            "io.debezium.time.MicroTime" => Self::Time { per_second: 1_000_000 },
            "io.debezium.time.NanoTime" => Self::Time { per_second: 1_000_000_000 },
            "org.apache.kafka.connect.data.Timestamp" | "io.debezium.time.Timestamp" => {
                Self::Timestamp { per_second: 1000 }
            }
            "io.debezium.time.MicroTimestamp" => Self::Timestamp { per_second: 1_000_000 },
            "io.debezium.time.NanoTimestamp" => Self::Timestamp { per_second: 1_000_000_000 },
            _ => return None,
        })
    }
}

struct Converter {
    /// After an error: the names around it, the innermost first.
    path: Vec<String>,
}

impl Converter {
    #[cold]
    fn located(&self, error: DecodeError) -> DecodeError {
        let mut path = "payload".to_owned();
        for name in self.path.iter().rev() {
            if name.starts_with('[') { path.push_str(name) } else { push_name(&mut path, name) }
        }
        DecodeError { message: format!("{path}: {}", error.message), ..error }
    }

    fn value(&mut self, schema: &Schema, value: &str, json: &mut JsonWriter<'_>) -> Result<(), DecodeError> {
        if !schema.converts || value == "null" {
            return json.raw(value.as_bytes());
        }
        if let Some(logical) = schema.logical {
            return convert(logical, value, json);
        }
        if let (Some(fields), Some(members)) = (&schema.fields, Members::of(value)) {
            return self.structure(fields, &members, json);
        }
        if let Some(items) = &schema.items
            && let Some(elements) = Elements::of(value)
        {
            return self.elements(&elements, json, |converter, element, json| converter.value(items, element, json));
        }
        if let Some(values) = &schema.values {
            if let Some(members) = Members::of(value) {
                return self.members(&members, json, |converter, _, value, json| converter.value(values, value, json));
            }
            // With keys that are not strings, a map is an array of pairs.
            if let (Some(keys), Some(pairs)) = (&schema.keys, Elements::of(value)) {
                return self.elements(&pairs, json, |converter, pair, json| converter.pair(keys, values, pair, json));
            }
        }
        json.raw(value.as_bytes())
    }

    fn structure(
        &mut self,
        fields: &[Schema],
        members: &Members<'_>,
        json: &mut JsonWriter<'_>,
    ) -> Result<(), DecodeError> {
        // Mostly, the members have the order of the schema.
        let mut expected = 0;
        self.members(members, json, |converter, name, value, json| {
            let text = text_of(name).unwrap_or_default();
            let has_name = |schema: &Schema| schema.field.as_deref() == Some(&*text);
            let index = if fields.get(expected).is_some_and(has_name) {
                Some(expected)
            } else {
                fields.iter().position(has_name)
            };
            match index {
                Some(index) => {
                    expected = index + 1;
                    converter.value(&fields[index], value, json)
                }
                None => json.raw(value.as_bytes()),
            }
        })
    }

    fn members(
        &mut self,
        members: &Members<'_>,
        json: &mut JsonWriter<'_>,
        mut write: impl FnMut(&mut Self, &str, &str, &mut JsonWriter<'_>) -> Result<(), DecodeError>,
    ) -> Result<(), DecodeError> {
        json.raw(b"{")?;
        for (index, (name, value)) in members.0.iter().enumerate() {
            if index > 0 {
                json.raw(b",")?;
            }
            json.raw(name.as_bytes())?;
            json.raw(b":")?;
            if let Err(error) = write(self, name, value, json) {
                self.path.push((*name).to_owned());
                return Err(error);
            }
        }
        json.raw(b"}")
    }

    fn elements(
        &mut self,
        elements: &Elements<'_>,
        json: &mut JsonWriter<'_>,
        mut write: impl FnMut(&mut Self, &str, &mut JsonWriter<'_>) -> Result<(), DecodeError>,
    ) -> Result<(), DecodeError> {
        json.raw(b"[")?;
        for (index, element) in elements.0.iter().enumerate() {
            if index > 0 {
                json.raw(b",")?;
            }
            if let Err(error) = write(self, element, json) {
                self.path.push(format!("[{index}]"));
                return Err(error);
            }
        }
        json.raw(b"]")
    }

    fn pair(
        &mut self,
        keys: &Schema,
        values: &Schema,
        pair: &str,
        json: &mut JsonWriter<'_>,
    ) -> Result<(), DecodeError> {
        let Some(Elements(parts)) = Elements::of(pair) else { return json.raw(pair.as_bytes()) };
        let [key, value] = parts[..] else { return json.raw(pair.as_bytes()) };
        json.raw(b"[")?;
        self.value(keys, key, json)?;
        json.raw(b",")?;
        self.value(values, value, json)?;
        json.raw(b"]")
    }
}

fn convert(logical: Logical, value: &str, json: &mut JsonWriter<'_>) -> Result<(), DecodeError> {
    match logical {
        // With `decimal.format=NUMERIC`, the converter writes a number.
        Logical::Decimal { .. } if !value.starts_with('"') => json.raw(value.as_bytes()),
        Logical::Decimal { scale } => decimal(value, scale, json),
        Logical::VariableScaleDecimal => {
            let members = Members::of(value);
            let parts = members.as_ref().and_then(|members| Some((members.get("scale")?, members.get("value")?)));
            let parts = parts.and_then(|(scale, number)| Some((scale.parse().ok()?, number)));
            let Some((scale, number)) = parts else {
                return Err(unexpected(value, "an object with `scale` and `value`"));
            };
            decimal(number, scale, json)
        }
        Logical::Date => {
            if time::write_date(json, integer(value)?)? {
                Ok(())
            } else {
                Err(unexpected(value, "days between the years 0000 and 9999"))
            }
        }
        Logical::Time { per_second } => {
            let number = integer(value)?;
            // Debezium has durations of up to 24 hours, and of less than zero, for MySQL's TIME.
            if !(0..86_400 * per_second).contains(&number) {
                return json.raw(value.as_bytes());
            }
            let (seconds, nanoseconds) = split(number, per_second);
            time::write_time_of_day(json, seconds, nanoseconds).map(|_| ())
        }
        Logical::Timestamp { per_second } => {
            let (seconds, nanoseconds) = split(integer(value)?, per_second);
            // Databases have timestamps for infinity, which no year of RFC 3339 can express.
            if time::write(json, seconds, nanoseconds)? { Ok(()) } else { json.raw(value.as_bytes()) }
        }
    }
}

/// Whole seconds and nanoseconds.
fn split(number: i64, per_second: i64) -> (i64, u32) {
    let nanoseconds = number.rem_euclid(per_second) * (1_000_000_000 / per_second);
    (number.div_euclid(per_second), nanoseconds as u32)
}

fn decimal(value: &str, scale: i64, json: &mut JsonWriter<'_>) -> Result<(), DecodeError> {
    let bytes = text_of(value).and_then(|text| BASE64.decode(text.as_bytes()).ok());
    match bytes {
        Some(bytes) if bytes.len() <= MAX_BYTES && scale.unsigned_abs() <= MAX_EXPONENT => {
            decimal::write(json, &bytes, -scale)
        }
        Some(bytes) => {
            let length = bytes.len();
            Err(DecodeError::malformed(format!(
                "the decimal has {length} bytes and the scale {scale}, but at most {MAX_BYTES} bytes and {MAX_EXPONENT} are read"
            )))
        }
        None => Err(unexpected(value, "base64 with the digits of a decimal")),
    }
}

fn integer(value: &str) -> Result<i64, DecodeError> {
    value.parse().map_err(|_| unexpected(value, "an integer of 64 bits"))
}

#[cold]
fn unexpected(value: &str, expected: &str) -> DecodeError {
    let end = value.char_indices().nth(60).map_or(value.len(), |(end, _)| end);
    let dots = if end < value.len() { "…" } else { "" };
    DecodeError::malformed(format!("{}{dots} is not {expected}", &value[..end]))
}

#[cfg(test)]
mod tests;
