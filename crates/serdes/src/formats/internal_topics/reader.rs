//! Reads a message whose layout is described, and writes it as JSON.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::layout::{Field, Kind, Message};
use crate::error::DecodeError;
use crate::formats::input::Input;
use crate::formats::time;
use crate::json_writer::JsonWriter;

/// The protocol of consumers; other clients of groups, such as Kafka Connect, have protocols of their own.
const CONSUMER: &str = "consumer";

pub(super) struct Reader<'a> {
    input: Input<'a>,
    version: i16,
    is_flexible: bool,
    /// Whether subscriptions and assignments have the layout of consumers.
    is_consumer: bool,
    /// After an error: the fields around it, the innermost first.
    path: Vec<String>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { input: Input::new(bytes), version: 0, is_flexible: false, is_consumer: true, path: Vec::new() }
    }

    pub(super) fn message(mut self, message: &Message, json: &mut JsonWriter<'_>) -> Result<(), DecodeError> {
        self.version = i16::from_be_bytes(self.input.array()?);
        let (first, last) = message.versions;
        if !(first..=last).contains(&self.version) {
            let (name, version) = (message.name, self.version);
            let message = format!("{name} has version {version}, but only the versions {first} to {last} are known");
            return Err(DecodeError::malformed(message));
        }
        json.raw(b"{\"type\":")?;
        json.string(message.name)?;
        json.raw(b",\"version\":")?;
        json.integer(self.version)?;
        match self.body(message, json) {
            Ok(()) => json.raw(b"}"),
            Err(error) => Err(self.located(message, error)),
        }
    }

    fn body(&mut self, message: &Message, json: &mut JsonWriter<'_>) -> Result<(), DecodeError> {
        self.is_flexible = self.version >= message.flexible_since;
        self.fields(message.fields, json, false)?;
        self.input.end()
    }

    #[cold]
    fn located(&self, message: &Message, error: DecodeError) -> DecodeError {
        let mut path = message.name.to_owned();
        for name in self.path.iter().rev() {
            if !name.starts_with('[') {
                path.push('.');
            }
            path.push_str(name);
        }
        DecodeError { message: format!("{path}: {}", error.message), ..error }
    }

    /// Writes members without the braces around them.
    fn fields(&mut self, fields: &[Field], json: &mut JsonWriter<'_>, mut is_first: bool) -> Result<(), DecodeError> {
        for field in fields {
            if field.tag.is_none() && field.is_in(self.version) {
                self.member(field, json, &mut is_first)?;
            }
        }
        if self.is_flexible { self.tagged_fields(fields, json, is_first) } else { Ok(()) }
    }

    fn member(&mut self, field: &Field, json: &mut JsonWriter<'_>, is_first: &mut bool) -> Result<(), DecodeError> {
        json.raw(if *is_first { b"\"" } else { b",\"" })?;
        *is_first = false;
        // Names of fields need no escapes.
        json.raw(field.name.as_bytes())?;
        json.raw(b"\":")?;
        let start = self.input.at;
        let result = self.value(&field.kind, field, json);
        if result.is_err() {
            self.path.push(field.name.to_owned());
        } else if field.name == "protocolType" {
            self.is_consumer = self.input.bytes[start..self.input.at].ends_with(CONSUMER.as_bytes());
        }
        result
    }

    fn tagged_fields(
        &mut self,
        fields: &[Field],
        json: &mut JsonWriter<'_>,
        mut is_first: bool,
    ) -> Result<(), DecodeError> {
        for _ in 0..self.varint()? {
            let tag = self.varint()?;
            let size = self.varint()?;
            let start = self.input.at;
            self.input.take(size.into())?;
            let Some(field) = fields.iter().find(|field| field.tag == Some(tag) && field.is_in(self.version)) else {
                // Later versions of Kafka add tagged fields without a new version of the message.
                continue;
            };
            let end = std::mem::replace(&mut self.input.at, start);
            self.member(field, json, &mut is_first)?;
            if self.input.at != end {
                let read = self.input.at - start;
                self.path.push(field.name.to_owned());
                return Err(DecodeError::malformed(format!(
                    "the tagged field has {size} bytes, but its content {read}"
                )));
            }
        }
        Ok(())
    }

    fn value(&mut self, kind: &Kind, field: &Field, json: &mut JsonWriter<'_>) -> Result<(), DecodeError> {
        match kind {
            Kind::Int8 => json.integer(i8::from_be_bytes(self.input.array()?)),
            Kind::Int16 => json.integer(i16::from_be_bytes(self.input.array()?)),
            Kind::Int32 => json.integer(i32::from_be_bytes(self.input.array()?)),
            Kind::Int64 => json.integer(i64::from_be_bytes(self.input.array()?)),
            Kind::Uint16 => json.integer(u16::from_be_bytes(self.input.array()?)),
            Kind::Uuid => {
                // As Kafka's tools show the ids of topics.
                let mut text = [0; 24];
                let length = URL_SAFE_NO_PAD.encode_slice(self.input.array::<16>()?, &mut text).unwrap_or(0);
                json.raw(b"\"")?;
                json.raw(&text[..length])?;
                json.raw(b"\"")
            }
            Kind::Time => {
                let milliseconds = i64::from_be_bytes(self.input.array()?);
                if milliseconds < 0 {
                    json.raw(b"null")
                } else if time::write_milliseconds(json, milliseconds)? {
                    Ok(())
                } else {
                    json.integer(milliseconds)
                }
            }
            Kind::Name(names) => {
                let number = i8::from_be_bytes(self.input.array()?);
                match names.iter().find(|(of_name, _)| *of_name == number) {
                    Some((_, name)) => json.string(name),
                    None => json.integer(number),
                }
            }
            Kind::Text => match self.length(true, field)? {
                Some(length) => json.string(self.input.text(length)?),
                None => json.raw(b"null"),
            },
            Kind::Bytes => match self.length(false, field)? {
                Some(length) => json.base64(self.input.take(length)?),
                None => json.raw(b"null"),
            },
            Kind::ConsumerProtocol(message) => match self.length(false, field)? {
                Some(length) => {
                    let bytes = self.input.take(length)?;
                    if self.is_consumer { consumer_protocol(message, bytes, json) } else { json.base64(bytes) }
                }
                None => json.raw(b"null"),
            },
            Kind::Struct(fields) => {
                if field.is_nullable && self.is_null(field)? {
                    return json.raw(b"null");
                }
                self.structure(fields, json)
            }
            Kind::Array(element) => self.array(element, field, json),
        }
    }

    fn structure(&mut self, fields: &[Field], json: &mut JsonWriter<'_>) -> Result<(), DecodeError> {
        json.raw(b"{")?;
        self.fields(fields, json, true)?;
        json.raw(b"}")
    }

    fn array(&mut self, element: &Kind, field: &Field, json: &mut JsonWriter<'_>) -> Result<(), DecodeError> {
        let Some(length) = self.length(false, field)? else { return json.raw(b"null") };
        // An element has at least one byte, so the loop ends when there are fewer bytes than elements.
        json.raw(b"[")?;
        for index in 0..length {
            if index > 0 {
                json.raw(b",")?;
            }
            let result = match element {
                Kind::Struct(fields) => self.structure(fields, json),
                element => self.value(element, field, json),
            };
            if result.is_err() {
                self.path.push(format!("[{index}]"));
                return result;
            }
        }
        json.raw(b"]")
    }

    /// The length of a text, of bytes, or of an array; `None` for null.
    fn length(&mut self, is_text: bool, field: &Field) -> Result<Option<u64>, DecodeError> {
        let length = if self.is_flexible {
            i64::from(self.varint()?) - 1
        } else if is_text {
            i16::from_be_bytes(self.input.array()?).into()
        } else {
            i32::from_be_bytes(self.input.array()?).into()
        };
        match u64::try_from(length) {
            Ok(length) => Ok(Some(length)),
            Err(_) if length == -1 && field.is_nullable => Ok(None),
            Err(_) => Err(DecodeError::malformed(format!("the length is {length}"))),
        }
    }

    /// The marker before a structure that may be null.
    fn is_null(&mut self, field: &Field) -> Result<bool, DecodeError> {
        if field.tag.is_some() { Ok(self.varint()? == 0) } else { Ok(i8::from_be_bytes(self.input.array()?) < 0) }
    }

    /// A number of up to five bytes, the lowest seven bits first.
    fn varint(&mut self) -> Result<u32, DecodeError> {
        let mut number = 0;
        for shift in (0..35).step_by(7) {
            let byte = self.input.byte()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return u32::try_from(number)
                    .map_err(|_| DecodeError::malformed(format!("the number {number} is larger than 32 bits")));
            }
        }
        Err(DecodeError::malformed(format!("a number has more than 5 bytes before byte {}", self.input.at)))
    }
}

/// Bytes that clients chose: if they have another layout, they are base64.
fn consumer_protocol(message: &Message, bytes: &[u8], json: &mut JsonWriter<'_>) -> Result<(), DecodeError> {
    if bytes.is_empty() {
        return json.base64(bytes);
    }
    let mut text = Vec::new();
    let mut scratch = JsonWriter::new(&mut text, bytes.len().saturating_mul(8).saturating_add(512));
    match embedded(message, bytes, &mut scratch) {
        Ok(()) => json.raw(&text),
        Err(_) => json.base64(bytes),
    }
}

fn embedded(message: &Message, bytes: &[u8], json: &mut JsonWriter<'_>) -> Result<(), DecodeError> {
    let mut reader = Reader::new(bytes);
    let version = i16::from_be_bytes(reader.input.array()?);
    // Kafka reads a later version as the latest that it knows, and ignores the rest.
    let newest = message.versions.1;
    if version < 0 {
        return Err(DecodeError::malformed(format!("the version is {version}")));
    }
    reader.version = version.min(newest);
    json.raw(b"{\"version\":")?;
    json.integer(version)?;
    reader.fields(message.fields, json, false)?;
    if version <= newest {
        reader.input.end()?;
    }
    json.raw(b"}")
}
