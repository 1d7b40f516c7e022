//! Which formats a user with masks may choose.

use protocol::{Decode, ErrorBody, ErrorCode, RecordFormat};

/// Formats that turn a record into one text, or leave out a level of it.
const NOT_MASKABLE: [RecordFormat; 3] = [RecordFormat::Text, RecordFormat::Xml, RecordFormat::Connect];

/// Masks are paths into the decoded form. A format that changes these paths would show what the masks hide; so would a schema of the client,
/// which may give the members any names.
///
/// # Errors
/// `forbidden`, with what can be chosen instead.
pub fn require_maskable(decode: Decode) -> Result<(), ErrorBody> {
    let refused = |message: String| Err(ErrorBody::new(ErrorCode::Forbidden, message));
    if decode.key_schema.is_some() || decode.value_schema.is_some() {
        return refused(
            "fields of this topic are masked for you, so it cannot be read with a schema of your own; leave `key_schema` and \
             `value_schema` out"
                .to_owned(),
        );
    }
    match [decode.key, decode.value].into_iter().find(|format| NOT_MASKABLE.contains(format)) {
        None => Ok(()),
        Some(format) => refused(format!(
            "fields of this topic are masked for you, so it cannot be read as {format}; use auto, or the format of its records"
        )),
    }
}
