//! Values that are text in UTF-8.

use crate::error::{DecodeError, EncodeError};
use crate::json_tree::Json;
use crate::json_writer::JsonWriter;

/// Writes the text as a JSON string.
///
/// # Errors
/// If the bytes are not UTF-8.
pub fn decode(bytes: &[u8], json: &mut JsonWriter<'_>) -> Result<(), DecodeError> {
    json.string(check(bytes)?)
}

/// The characters of a JSON string.
///
/// # Errors
/// If the JSON is something else.
pub fn encode(json: &str) -> Result<Vec<u8>, EncodeError> {
    match Json::parse(json).map_err(EncodeError::whole)? {
        Json::String(text) => Ok(text.into_owned().into_bytes()),
        other => Err(EncodeError::whole(format!("expects a string with the text, has {}", other.describe()))),
    }
}

/// The text in the bytes.
pub(super) fn check(bytes: &[u8]) -> Result<&str, DecodeError> {
    str::from_utf8(bytes).map_err(|error| {
        let at = error.valid_up_to();
        DecodeError::malformed(format!("the value is not UTF-8: invalid at byte {at} (0x{:02x})", bytes[at]))
    })
}

#[cfg(test)]
mod tests {
    use super::decode;
    use crate::json_writer::JsonWriter;

    #[test]
    fn text_becomes_a_string() {
        let mut text = Vec::new();
        decode("à \"b\"\n".as_bytes(), &mut JsonWriter::new(&mut text, 100)).expect("UTF-8");
        assert_eq!(text, "\"à \\\"b\\\"\\n\"".as_bytes());
    }

    #[test]
    fn error_names_the_first_invalid_byte() {
        let error = decode(b"ab\xc3", &mut JsonWriter::new(&mut Vec::new(), 100)).expect_err("half a character");
        assert_eq!(error.message, "the value is not UTF-8: invalid at byte 2 (0xc3)");
    }
}
