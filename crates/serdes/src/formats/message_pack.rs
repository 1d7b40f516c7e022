//! MessagePack (<https://github.com/msgpack/msgpack/blob/master/spec.md>) to JSON.

mod encode;

use protocol::MAX_JSON_DEPTH;
use rmp::Marker;

use super::input::{Input, too_deep};
use super::{member_name, time};
use crate::error::DecodeError;
use crate::json_writer::JsonWriter;

pub use self::encode::encode;

/// The extension type of timestamps.
const TIMESTAMP: i8 = -1;

/// Writes the value. Binary is base64; an extension is `{"ext": type, "data": base64}`, and a timestamp a string (RFC 3339). Keys that are
/// not strings in JSON are their JSON text. Duplicate keys stay.
///
/// # Errors
/// If the bytes are not exactly one value, a string is not UTF-8, or the value is nested deeper than 128 levels.
pub fn decode(bytes: &[u8], json: &mut JsonWriter<'_>) -> Result<(), DecodeError> {
    let mut reader = Reader { input: Input::new(bytes), in_key: false };
    reader.value(json, 0)?;
    reader.input.end()
}

struct Reader<'a> {
    input: Input<'a>,
    /// Whether the value is inside a key that is a map or an array.
    in_key: bool,
}

impl Reader<'_> {
    fn value(&mut self, json: &mut JsonWriter<'_>, depth: usize) -> Result<(), DecodeError> {
        let marker = Marker::from_u8(self.input.byte()?);
        if let Some(entries) = self.map_length(marker)? {
            return self.map(json, entries, depth);
        }
        match self.array_length(marker)? {
            Some(elements) => self.array(json, elements, depth),
            // An extension becomes an object.
            None if depth == MAX_JSON_DEPTH && is_extension(marker) => Err(too_deep(self.input.at)),
            None => self.scalar(json, marker),
        }
    }

    fn map_length(&mut self, marker: Marker) -> Result<Option<u32>, DecodeError> {
        Ok(match marker {
            Marker::FixMap(length) => Some(length.into()),
            Marker::Map16 => Some(u16::from_be_bytes(self.input.array()?).into()),
            Marker::Map32 => Some(u32::from_be_bytes(self.input.array()?)),
            _ => None,
        })
    }

    fn array_length(&mut self, marker: Marker) -> Result<Option<u32>, DecodeError> {
        Ok(match marker {
            Marker::FixArray(length) => Some(length.into()),
            Marker::Array16 => Some(u16::from_be_bytes(self.input.array()?).into()),
            Marker::Array32 => Some(u32::from_be_bytes(self.input.array()?)),
            _ => None,
        })
    }

    fn map(&mut self, json: &mut JsonWriter<'_>, entries: u32, depth: usize) -> Result<(), DecodeError> {
        if depth == MAX_JSON_DEPTH {
            return Err(too_deep(self.input.at));
        }
        json.raw(b"{")?;
        for entry in 0..entries {
            if entry > 0 {
                json.raw(b",")?;
            }
            self.name(json, depth + 1)?;
            json.raw(b":")?;
            self.value(json, depth + 1)?;
        }
        json.raw(b"}")
    }

    fn array(&mut self, json: &mut JsonWriter<'_>, elements: u32, depth: usize) -> Result<(), DecodeError> {
        if depth == MAX_JSON_DEPTH {
            return Err(too_deep(self.input.at));
        }
        json.raw(b"[")?;
        for element in 0..elements {
            if element > 0 {
                json.raw(b",")?;
            }
            self.value(json, depth + 1)?;
        }
        json.raw(b"]")
    }

    fn name(&mut self, json: &mut JsonWriter<'_>, depth: usize) -> Result<(), DecodeError> {
        let start = self.input.at;
        let marker = Marker::from_u8(self.input.byte()?);
        match marker {
            Marker::FixPos(_)
            | Marker::FixNeg(_)
            | Marker::U8
            | Marker::U16
            | Marker::U32
            | Marker::U64
            | Marker::I8
            | Marker::I16
            | Marker::I32
            | Marker::I64
            | Marker::Null
            | Marker::True
            | Marker::False => {
                json.raw(b"\"")?;
                self.scalar(json, marker)?;
                json.raw(b"\"")
            }
            Marker::F32 => match f32::from_be_bytes(self.input.array()?) {
                number if number.is_finite() => quoted(json, |json| json.float(number)),
                number => json.float(number),
            },
            Marker::F64 => match f64::from_be_bytes(self.input.array()?) {
                number if number.is_finite() => quoted(json, |json| json.double(number)),
                number => json.double(number),
            },
            Marker::FixMap(_)
            | Marker::Map16
            | Marker::Map32
            | Marker::FixArray(_)
            | Marker::Array16
            | Marker::Array32 => self.structured_name(json, start, depth),
            _ if is_extension(marker) => self.structured_name(json, start, depth),
            _ => self.scalar(json, marker),
        }
    }

    fn structured_name(&mut self, json: &mut JsonWriter<'_>, start: usize, depth: usize) -> Result<(), DecodeError> {
        if self.in_key {
            return Err(member_name::nested_key(start));
        }
        self.in_key = true;
        self.input.at = start;
        member_name::write_json_text(json, |json| self.value(json, depth))?;
        self.in_key = false;
        Ok(())
    }

    /// A value that is neither a map nor an array, after its marker.
    fn scalar(&mut self, json: &mut JsonWriter<'_>, marker: Marker) -> Result<(), DecodeError> {
        let input = &mut self.input;
        let length = match marker {
            Marker::Null => return json.raw(b"null"),
            Marker::True => return json.raw(b"true"),
            Marker::False => return json.raw(b"false"),
            Marker::FixPos(number) => return json.integer(number),
            Marker::FixNeg(number) => return json.integer(number),
            Marker::U8 => return json.integer(input.byte()?),
            Marker::U16 => return json.integer(u16::from_be_bytes(input.array()?)),
            Marker::U32 => return json.integer(u32::from_be_bytes(input.array()?)),
            Marker::U64 => return json.integer(u64::from_be_bytes(input.array()?)),
            Marker::I8 => return json.integer(i8::from_be_bytes(input.array()?)),
            Marker::I16 => return json.integer(i16::from_be_bytes(input.array()?)),
            Marker::I32 => return json.integer(i32::from_be_bytes(input.array()?)),
            Marker::I64 => return json.integer(i64::from_be_bytes(input.array()?)),
            Marker::F32 => return json.float(f32::from_be_bytes(input.array()?)),
            Marker::F64 => return json.double(f64::from_be_bytes(input.array()?)),
            Marker::FixStr(length) => return json.string(input.text(length.into())?),
            Marker::Str8 | Marker::Bin8 | Marker::Ext8 => input.byte()?.into(),
            Marker::Str16 | Marker::Bin16 | Marker::Ext16 => u16::from_be_bytes(input.array()?).into(),
            Marker::Str32 | Marker::Bin32 | Marker::Ext32 => u32::from_be_bytes(input.array()?).into(),
            Marker::FixExt1 => 1,
            Marker::FixExt2 => 2,
            Marker::FixExt4 => 4,
            Marker::FixExt8 => 8,
            Marker::FixExt16 => 16,
            _ => return Err(self.unexpected(marker)),
        };
        match marker {
            Marker::Str8 | Marker::Str16 | Marker::Str32 => json.string(input.text(length)?),
            Marker::Bin8 | Marker::Bin16 | Marker::Bin32 => json.base64(input.take(length)?),
            _ => {
                let kind = i8::from_be_bytes(input.array()?);
                extension(json, kind, input.take(length)?)
            }
        }
    }

    #[cold]
    fn unexpected(&self, marker: Marker) -> DecodeError {
        let (at, marker) = (self.input.at.saturating_sub(1), marker.to_u8());
        DecodeError::malformed(format!("0x{marker:02x} at byte {at} is no type of MessagePack"))
    }
}

fn is_extension(marker: Marker) -> bool {
    matches!(
        marker,
        Marker::FixExt1
            | Marker::FixExt2
            | Marker::FixExt4
            | Marker::FixExt8
            | Marker::FixExt16
            | Marker::Ext8
            | Marker::Ext16
            | Marker::Ext32
    )
}

fn quoted(
    json: &mut JsonWriter<'_>,
    write: impl FnOnce(&mut JsonWriter<'_>) -> Result<(), DecodeError>,
) -> Result<(), DecodeError> {
    json.raw(b"\"")?;
    write(json)?;
    json.raw(b"\"")
}

fn extension(json: &mut JsonWriter<'_>, kind: i8, data: &[u8]) -> Result<(), DecodeError> {
    if kind == TIMESTAMP {
        // A malformed timestamp is shown as an extension.
        if let Some((seconds, nanoseconds)) = timestamp(data)
            && nanoseconds < 1_000_000_000
            && time::write(json, seconds, nanoseconds)?
        {
            return Ok(());
        }
    }
    json.raw(b"{\"ext\":")?;
    json.integer(kind)?;
    json.raw(b",\"data\":")?;
    json.base64(data)?;
    json.raw(b"}")
}

/// Seconds and nanoseconds since 1970, in one of three layouts.
fn timestamp(data: &[u8]) -> Option<(i64, u32)> {
    if let Ok(seconds) = data.try_into() {
        return Some((u32::from_be_bytes(seconds).into(), 0));
    }
    if let Ok(both) = data.try_into() {
        // 30 bits of nanoseconds, and 34 of seconds.
        let both = u64::from_be_bytes(both);
        return Some(((both & 0x3_ffff_ffff) as i64, (both >> 34) as u32));
    }
    let (nanoseconds, seconds) = data.split_first_chunk()?;
    Some((i64::from_be_bytes(seconds.try_into().ok()?), u32::from_be_bytes(*nanoseconds)))
}

#[cfg(test)]
mod tests;
