//! JSON to CBOR.

use crate::error::EncodeError;
use crate::formats::json_number::{self, JsonNumber};
use crate::json_tree::{Json, member_path};

/// The major types of RFC 8949, in the upper three bits of the first byte.
mod major {
    pub(super) const POSITIVE: u8 = 0;
    pub(super) const NEGATIVE: u8 = 1;
    pub(super) const TEXT: u8 = 3;
    pub(super) const ARRAY: u8 = 4;
    pub(super) const MAP: u8 = 5;
}

const FALSE: u8 = 0xf4;
const TRUE: u8 = 0xf5;
const NULL: u8 = 0xf6;
const DOUBLE: u8 = 0xfb;

/// Encodes JSON with its own types: integers and lengths in the shortest form, other numbers as doubles. JSON has no binary values, tags
/// and times; their strings stay strings.
///
/// # Errors
/// If the text is not JSON, or a number has more than 64 bits.
pub fn encode(json: &str) -> Result<Vec<u8>, EncodeError> {
    let json = Json::parse(json).map_err(EncodeError::whole)?;
    let mut out = Vec::new();
    value(&json, &mut out)?;
    Ok(out)
}

fn value(json: &Json<'_>, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    match json {
        Json::Null => out.push(NULL),
        Json::Boolean(value) => out.push(if *value { TRUE } else { FALSE }),
        Json::Number(text) => match json_number::read(text)? {
            JsonNumber::Positive(number) => head(major::POSITIVE, number, out),
            // CBOR has -1 less the number.
            JsonNumber::Negative(number) => head(major::NEGATIVE, (!number).cast_unsigned(), out),
            JsonNumber::Double(number) => {
                out.push(DOUBLE);
                out.extend(number.to_be_bytes());
            }
        },
        Json::String(string) => text(string, out),
        Json::Array(items) => {
            head(major::ARRAY, items.len() as u64, out);
            for (index, item) in items.iter().enumerate() {
                value(item, out).map_err(|error| error.inside(&format!("[{index}]")))?;
            }
        }
        Json::Object(members) => {
            head(major::MAP, members.len() as u64, out);
            for (name, member) in members {
                text(name, out);
                value(member, out).map_err(|error| error.inside(&member_path(name)))?;
            }
        }
    }
    Ok(())
}

fn text(text: &str, out: &mut Vec<u8>) {
    head(major::TEXT, text.len() as u64, out);
    out.extend(text.as_bytes());
}

/// A major type and its number, in the shortest form.
fn head(major: u8, number: u64, out: &mut Vec<u8>) {
    let bytes = number.to_be_bytes();
    let (additional, length) = match number {
        0..24 => (bytes[7], 0),
        24..0x100 => (24, 1),
        0x100..0x1_0000 => (25, 2),
        0x1_0000..0x1_0000_0000 => (26, 4),
        _ => (27, 8),
    };
    out.push(major << 5 | additional);
    out.extend(&bytes[bytes.len() - length..]);
}
