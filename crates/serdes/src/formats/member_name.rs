//! Keys of maps that become names of JSON members.

use crate::error::{DecodeError, DecodeErrorCode};
use crate::json_writer::JsonWriter;

/// Writes a key that is no scalar, such as an array: its JSON text as a string.
pub(super) fn write_json_text(
    json: &mut JsonWriter<'_>,
    write: impl FnOnce(&mut JsonWriter<'_>) -> Result<(), DecodeError>,
) -> Result<(), DecodeError> {
    let start = json.position();
    write(json)?;
    // It may be a string already, such as a time.
    if json.starts_with(start, b'"') { Ok(()) } else { json.quote(start) }
}

/// The error of a key that is a map or an array, inside such a key. Each level would escape the quotation marks of the levels below
/// again, which doubles the text.
#[cold]
pub(super) fn nested_key(at: usize) -> DecodeError {
    let message = format!("the key at byte {at} is a map or an array, and is part of a key that is one itself");
    DecodeError::new(DecodeErrorCode::TooLarge, message)
}
