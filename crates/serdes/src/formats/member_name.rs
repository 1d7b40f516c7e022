//! Keys of maps that become names of JSON members.

use crate::error::{DecodeError, DecodeErrorCode};
use crate::json_writer::JsonWriter;

/// How many bytes of JSON a key may have for each byte that remains of the input. Half-precision floats have 7; only values that no
/// application uses as keys, such as unassigned simple values of CBOR, have more.
const JSON_BYTES_PER_BYTE: usize = 8;

/// Writes a key that is no scalar, such as an array: its JSON text as a string. It takes at most `key_bytes` in the input.
pub(super) fn write_json_text(
    json: &mut JsonWriter<'_>,
    key_bytes: usize,
    write: impl FnOnce(&mut JsonWriter<'_>) -> Result<(), DecodeError>,
) -> Result<(), DecodeError> {
    let mut text = Vec::new();
    write(&mut JsonWriter::new(&mut text, key_bytes.saturating_mul(JSON_BYTES_PER_BYTE).saturating_add(64)))?;
    // It is a string already, such as a time.
    if text.starts_with(b"\"") {
        return json.raw(&text);
    }
    match str::from_utf8(&text) {
        Ok(text) => json.string(text),
        Err(_) => Err(DecodeError::malformed("the key of a map is not text")),
    }
}

/// The error of a key that is a map or an array, inside such a key. Each level would escape the quotation marks of the levels below
/// again, which doubles the text.
#[cold]
pub(super) fn nested_key(at: usize) -> DecodeError {
    let message = format!("the key at byte {at} is a map or an array, and is part of a key that is one itself");
    DecodeError::new(DecodeErrorCode::TooLarge, message)
}
