//! CBOR (RFC 8949) to JSON.

mod encode;

use ciborium_ll::{Decoder, Header, simple};
use protocol::MAX_JSON_DEPTH;

use super::input::{Input, too_deep};
use super::{member_name, time};
use crate::decimal::{self, MAX_BYTES, MAX_EXPONENT};
use crate::error::DecodeError;
use crate::json_writer::JsonWriter;

pub use self::encode::encode;

/// Numbers of tags, from IANA's registry.
mod tag {
    pub(super) const TEXT_TIME: u64 = 0;
    pub(super) const EPOCH_TIME: u64 = 1;
    pub(super) const POSITIVE: u64 = 2;
    pub(super) const NEGATIVE: u64 = 3;
    pub(super) const DECIMAL: u64 = 4;
    pub(super) const SELF_DESCRIBED: u64 = 55799;
}

/// The first bytes of a number of four bytes with a fraction, and of a simple value of one byte.
const SINGLE_FLOAT: u8 = 0xfa;
const LONG_SIMPLE: u8 = 0xf8;

/// Writes the value. Byte strings are base64; `undefined` is null; times, large integers and decimal fractions are strings (RFC 3339) and
/// numbers with every digit; another tag is `{"tag": number, "value": …}`, and another simple value `{"simple": number}`. Keys that are not
/// strings in JSON are their JSON text. Duplicate keys stay.
///
/// # Errors
/// If the bytes are not exactly one well-formed item, a text is not UTF-8, or the value is nested deeper than 128 levels.
pub fn decode(bytes: &[u8], json: &mut JsonWriter<'_>) -> Result<(), DecodeError> {
    let mut reader = Reader { input: Input::new(bytes), in_key: false };
    reader.value(json, 0)?;
    reader.input.end()
}

struct Reader<'a> {
    input: Input<'a>,
    /// Whether the value is inside a key that is not a scalar.
    in_key: bool,
}

impl Reader<'_> {
    fn value(&mut self, json: &mut JsonWriter<'_>, depth: usize) -> Result<(), DecodeError> {
        let start = self.input.at;
        let header = self.header()?;
        self.item(json, header, start, depth)
    }

    fn header(&mut self) -> Result<Header, DecodeError> {
        let mut decoder = Decoder::from(self.input.rest());
        match decoder.pull() {
            Ok(header) => {
                self.input.at += decoder.offset();
                Ok(header)
            }
            Err(_) => Err(self.no_item()),
        }
    }

    /// Writes the item whose header is read and starts at `start`.
    fn item(
        &mut self,
        json: &mut JsonWriter<'_>,
        header: Header,
        start: usize,
        depth: usize,
    ) -> Result<(), DecodeError> {
        if depth == MAX_JSON_DEPTH && becomes_structure(header) {
            return Err(too_deep(start));
        }
        match header {
            Header::Positive(number) => json.integer(number),
            Header::Negative(number) => match i64::try_from(number) {
                Ok(number) => json.integer(-1 - number),
                Err(_) => json.integer(-1 - i128::from(number)),
            },
            Header::Float(number) if self.input.bytes[start] == SINGLE_FLOAT => json.float(number as f32),
            Header::Float(number) => json.double(number),
            Header::Simple(number) => self.simple(json, number, start),
            Header::Bytes(Some(length)) => json.base64(self.input.take(length as u64)?),
            Header::Bytes(None) => json.base64(&self.byte_chunks()?),
            Header::Text(Some(length)) => json.string(self.input.text(length as u64)?),
            Header::Text(None) => self.text_chunks(json),
            Header::Array(length) => self.array(json, length, depth),
            Header::Map(length) => self.map(json, length, depth),
            Header::Tag(tag) => self.tagged(json, tag, depth),
            Header::Break => Err(self.unexpected(start, "is a break outside of an indefinite length")),
        }
    }

    fn simple(&self, json: &mut JsonWriter<'_>, number: u8, start: usize) -> Result<(), DecodeError> {
        if self.input.bytes[start] == LONG_SIMPLE && number < 32 {
            return Err(self.unexpected(start, "is a simple value in a form that RFC 8949 forbids"));
        }
        match number {
            simple::FALSE => json.raw(b"false"),
            simple::TRUE => json.raw(b"true"),
            simple::NULL | simple::UNDEFINED => json.raw(b"null"),
            _ => {
                json.raw(b"{\"simple\":")?;
                json.integer(number)?;
                json.raw(b"}")
            }
        }
    }

    fn array(&mut self, json: &mut JsonWriter<'_>, length: Option<usize>, depth: usize) -> Result<(), DecodeError> {
        json.raw(b"[")?;
        self.elements(json, length, |reader, json, header, start| reader.item(json, header, start, depth + 1))?;
        json.raw(b"]")
    }

    fn map(&mut self, json: &mut JsonWriter<'_>, length: Option<usize>, depth: usize) -> Result<(), DecodeError> {
        json.raw(b"{")?;
        self.elements(json, length, |reader, json, header, start| {
            reader.name(json, header, start, depth + 1)?;
            json.raw(b":")?;
            reader.value(json, depth + 1)
        })?;
        json.raw(b"}")
    }

    /// Writes the elements of an array or a map with commas. `write` gets the header with which an element begins, and its position.
    fn elements(
        &mut self,
        json: &mut JsonWriter<'_>,
        length: Option<usize>,
        mut write: impl FnMut(&mut Self, &mut JsonWriter<'_>, Header, usize) -> Result<(), DecodeError>,
    ) -> Result<(), DecodeError> {
        let mut count = 0;
        while length != Some(count) {
            let start = self.input.at;
            let header = self.header()?;
            if length.is_none() && header == Header::Break {
                break;
            }
            if count > 0 {
                json.raw(b",")?;
            }
            write(self, json, header, start)?;
            count += 1;
        }
        Ok(())
    }

    /// Writes a key as the name of a member.
    fn name(
        &mut self,
        json: &mut JsonWriter<'_>,
        header: Header,
        start: usize,
        depth: usize,
    ) -> Result<(), DecodeError> {
        match header {
            Header::Text(_) | Header::Bytes(_) | Header::Break => self.item(json, header, start, depth),
            Header::Float(number) if !number.is_finite() => json.double(number),
            Header::Positive(_)
            | Header::Negative(_)
            | Header::Float(_)
            | Header::Simple(simple::FALSE..=simple::UNDEFINED) => {
                json.raw(b"\"")?;
                self.item(json, header, start, depth)?;
                json.raw(b"\"")
            }
            Header::Array(_) | Header::Map(_) | Header::Tag(_) | Header::Simple(_) => {
                if self.in_key {
                    return Err(member_name::nested_key(start));
                }
                self.in_key = true;
                member_name::write_json_text(json, |json| self.item(json, header, start, depth))?;
                self.in_key = false;
                Ok(())
            }
        }
    }

    fn tagged(&mut self, json: &mut JsonWriter<'_>, tag: u64, depth: usize) -> Result<(), DecodeError> {
        let start = self.input.at;
        let is_written = match tag {
            tag::SELF_DESCRIBED => {
                self.value(json, depth + 1)?;
                true
            }
            tag::TEXT_TIME => self.text_time(json)?,
            tag::EPOCH_TIME => self.epoch_time(json)?,
            tag::POSITIVE | tag::NEGATIVE => match self.big_integer(tag)? {
                Some(number) => {
                    decimal::write(json, &number, 0)?;
                    true
                }
                None => false,
            },
            tag::DECIMAL => self.decimal(json)?,
            _ => false,
        };
        if is_written {
            return Ok(());
        }
        // The content is not what the tag says, or is too large to be a number.
        self.input.at = start;
        json.raw(b"{\"tag\":")?;
        json.integer(tag)?;
        json.raw(b",\"value\":")?;
        self.value(json, depth + 1)?;
        json.raw(b"}")
    }

    fn text_time(&mut self, json: &mut JsonWriter<'_>) -> Result<bool, DecodeError> {
        match self.header()? {
            Header::Text(Some(length)) => json.string(self.input.text(length as u64)?).map(|()| true),
            _ => Ok(false),
        }
    }

    fn epoch_time(&mut self, json: &mut JsonWriter<'_>) -> Result<bool, DecodeError> {
        match self.header()? {
            Header::Positive(seconds) => {
                i64::try_from(seconds).map_or(Ok(false), |seconds| time::write(json, seconds, 0))
            }
            Header::Negative(seconds) => {
                i64::try_from(seconds).map_or(Ok(false), |seconds| time::write(json, -1 - seconds, 0))
            }
            // A float is not precise enough for nanoseconds. Out of range, it becomes the largest integer, and has no year that is written.
            Header::Float(seconds) if seconds.is_finite() => {
                let microseconds = (seconds * 1e6).round() as i64;
                let nanoseconds = microseconds.rem_euclid(1_000_000) as u32 * 1000;
                time::write(json, microseconds.div_euclid(1_000_000), nanoseconds)
            }
            _ => Ok(false),
        }
    }

    /// The content of tag 2 or 3 in two's complement; `None` if it is no byte string, or a long one.
    fn big_integer(&mut self, tag: u64) -> Result<Option<Vec<u8>>, DecodeError> {
        let chunks;
        let bytes = match self.header()? {
            Header::Bytes(Some(length)) => self.input.take(length as u64)?,
            Header::Bytes(None) => {
                chunks = self.byte_chunks()?;
                &chunks
            }
            _ => return Ok(None),
        };
        if bytes.len() > MAX_BYTES {
            return Ok(None);
        }
        // CBOR writes a negative number as -1 less a positive one, which has the inverted bits.
        let sign = if tag == tag::POSITIVE { 0 } else { 0xff };
        Ok(Some(std::iter::once(sign).chain(bytes.iter().map(|byte| byte ^ sign)).collect()))
    }

    /// Writes the content of tag 4: an array of an exponent and a number.
    fn decimal(&mut self, json: &mut JsonWriter<'_>) -> Result<bool, DecodeError> {
        if self.header()? != Header::Array(Some(2)) {
            return Ok(false);
        }
        let exponent = match self.header()? {
            Header::Positive(exponent) if exponent <= MAX_EXPONENT => exponent as i64,
            Header::Negative(exponent) if exponent < MAX_EXPONENT => -1 - exponent as i64,
            _ => return Ok(false),
        };
        match self.header()? {
            Header::Positive(number) => decimal::write_integer(json, number.into(), exponent)?,
            Header::Negative(number) => decimal::write_integer(json, -1 - i128::from(number), exponent)?,
            Header::Tag(tag @ (tag::POSITIVE | tag::NEGATIVE)) => match self.big_integer(tag)? {
                Some(number) => decimal::write(json, &number, exponent)?,
                None => return Ok(false),
            },
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// A byte string of indefinite length, after its header.
    fn byte_chunks(&mut self) -> Result<Vec<u8>, DecodeError> {
        let mut bytes = Vec::new();
        loop {
            let start = self.input.at;
            match self.header()? {
                Header::Bytes(Some(length)) => bytes.extend_from_slice(self.input.take(length as u64)?),
                Header::Break => return Ok(bytes),
                _ => return Err(self.unexpected(start, "is no chunk of a byte string")),
            }
        }
    }

    fn text_chunks(&mut self, json: &mut JsonWriter<'_>) -> Result<(), DecodeError> {
        let mut text = String::new();
        loop {
            let start = self.input.at;
            match self.header()? {
                Header::Text(Some(length)) => text.push_str(self.input.text(length as u64)?),
                Header::Break => return json.string(&text),
                _ => return Err(self.unexpected(start, "is no chunk of a text")),
            }
        }
    }

    #[cold]
    fn no_item(&self) -> DecodeError {
        let at = self.input.at;
        match self.input.rest() {
            [] => DecodeError::malformed(format!("the value ends too early: an item is missing at byte {at}")),
            // Reserved, or an integer or a tag of indefinite length.
            [byte, ..] if byte & 0x1f > 27 => {
                DecodeError::malformed(format!("0x{byte:02x} at byte {at} starts no item of CBOR"))
            }
            [byte, ..] => DecodeError::malformed(format!("the item at byte {at} (0x{byte:02x}) is cut off")),
        }
    }

    #[cold]
    fn unexpected(&self, at: usize, what: &str) -> DecodeError {
        DecodeError::malformed(format!("0x{:02x} at byte {at} {what}", self.input.bytes[at]))
    }
}

/// Whether the item becomes an array or an object.
fn becomes_structure(header: Header) -> bool {
    match header {
        Header::Array(_) | Header::Map(_) | Header::Tag(_) => true,
        Header::Simple(number) => !matches!(number, simple::FALSE..=simple::UNDEFINED),
        _ => false,
    }
}

#[cfg(test)]
mod tests;
