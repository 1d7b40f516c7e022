//! JSON to MessagePack.

use rmp::encode;

use crate::error::EncodeError;
use crate::formats::json_number::{self, JsonNumber};
use crate::json_tree::{Json, member_path};

/// Encodes JSON with its own types: integers in the shortest form, other numbers as doubles. JSON has no binary values, extensions and
/// timestamps; their strings stay strings.
///
/// # Errors
/// If the text is not JSON, or a number has more than 64 bits.
pub fn encode(json: &str) -> Result<Vec<u8>, EncodeError> {
    let json = Json::parse(json).map_err(EncodeError::whole)?;
    let mut bytes = Vec::new();
    value(&json, &mut bytes)?;
    Ok(bytes)
}

fn value(json: &Json<'_>, bytes: &mut Vec<u8>) -> Result<(), EncodeError> {
    match json {
        Json::Null => encode::write_nil(bytes).map_err(|error| refused(&error)),
        Json::Boolean(value) => encode::write_bool(bytes, *value).map_err(|error| refused(&error)),
        Json::Number(text) => match json_number::read(text)? {
            JsonNumber::Positive(number) => {
                encode::write_uint(bytes, number).map(drop).map_err(|error| refused(&error))
            }
            JsonNumber::Negative(number) => {
                encode::write_sint(bytes, number).map(drop).map_err(|error| refused(&error))
            }
            JsonNumber::Double(number) => encode::write_f64(bytes, number).map_err(|error| refused(&error)),
        },
        Json::String(text) => string(text, bytes),
        Json::Array(items) => {
            encode::write_array_len(bytes, length(items.len())?).map_err(|error| refused(&error))?;
            for (index, item) in items.iter().enumerate() {
                value(item, bytes).map_err(|error| error.inside(&format!("[{index}]")))?;
            }
            Ok(())
        }
        Json::Object(members) => {
            encode::write_map_len(bytes, length(members.len())?).map_err(|error| refused(&error))?;
            for (name, member) in members {
                string(name, bytes)?;
                value(member, bytes).map_err(|error| error.inside(&member_path(name)))?;
            }
            Ok(())
        }
    }
}

fn string(text: &str, bytes: &mut Vec<u8>) -> Result<(), EncodeError> {
    length(text.len())?;
    encode::write_str(bytes, text).map_err(|error| refused(&error))
}

fn length(length: usize) -> Result<u32, EncodeError> {
    u32::try_from(length).map_err(|_| EncodeError::whole(format!("expects at most {} elements or bytes", u32::MAX)))
}

/// A vector accepts all bytes.
fn refused(error: &dyn std::fmt::Debug) -> EncodeError {
    EncodeError::whole(format!("cannot be encoded: {error:?}"))
}
