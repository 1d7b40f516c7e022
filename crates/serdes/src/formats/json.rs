//! Values that are JSON text.

use protocol::is_plain_json;

use crate::error::{DecodeError, DecodeErrorCode, EncodeError};
use crate::json_writer::JsonWriter;

/// Writes the value unchanged, except for white space around it.
///
/// # Errors
/// If the value is not JSON that every parser accepts: not UTF-8, malformed, nested deeper than 128 levels, or with an escape of half a
/// surrogate pair.
pub fn decode(bytes: &[u8], json: &mut JsonWriter<'_>) -> Result<(), DecodeError> {
    json.raw(check(bytes)?.as_bytes())
}

/// The JSON as it is, without white space around it.
///
/// # Errors
/// As those of [`decode`].
pub fn encode(json: &str) -> Result<Vec<u8>, EncodeError> {
    match check(json.as_bytes()) {
        Ok(json) => Ok(json.as_bytes().to_vec()),
        Err(error) => Err(EncodeError::whole(error.message)),
    }
}

/// The JSON text in the bytes.
pub(super) fn check(bytes: &[u8]) -> Result<&str, DecodeError> {
    let text = super::text::check(bytes)?;
    // Some producers write a byte order mark, which RFC 8259 lets parsers ignore.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text).trim_matches([' ', '\t', '\n', '\r']);
    if is_plain_json(text) { Ok(text) } else { Err(refusal(text)) }
}

#[cold]
fn refusal(text: &str) -> DecodeError {
    if text.is_empty() {
        return DecodeError::malformed("the value is empty, but JSON has at least one character");
    }
    match protocol::from_json::<serde::de::IgnoredAny>(text) {
        Err(error) if error.to_string().starts_with("recursion limit") => too_deep(),
        Err(error) => DecodeError::malformed(format!("the value is not JSON: {error}")),
        Ok(_) if depth(text) > protocol::MAX_JSON_DEPTH => too_deep(),
        Ok(_) => DecodeError::malformed("the value has JSON with an escape of half a surrogate pair, such as \\ud800"),
    }
}

fn too_deep() -> DecodeError {
    let message = format!("the value has JSON that is nested deeper than {} levels", protocol::MAX_JSON_DEPTH);
    DecodeError::new(DecodeErrorCode::TooLarge, message)
}

/// How deep valid JSON is nested.
fn depth(text: &str) -> usize {
    let (mut depth, mut deepest, mut in_string, mut escaped) = (0_usize, 0, false, false);
    for byte in text.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = in_string,
            b'"' => in_string = !in_string,
            b'[' | b'{' if !in_string => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b']' | b'}' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::decode;
    use crate::error::DecodeErrorCode;
    use crate::json_writer::JsonWriter;

    fn decoded(bytes: &[u8]) -> Result<String, (DecodeErrorCode, String)> {
        let mut text = Vec::new();
        match decode(bytes, &mut JsonWriter::new(&mut text, 100_000)) {
            Ok(()) => Ok(String::from_utf8(text).expect("UTF-8")),
            Err(error) => Err((error.code, error.message)),
        }
    }

    #[test]
    fn json_stays_as_it_is() {
        for text in ["{\"a\": 1.10, \"a\":12345678901234567890123}", "[]", "null", "\"x\\u00e0\"", "-0"] {
            assert_eq!(decoded(text.as_bytes()).as_deref(), Ok(text));
        }
        assert_eq!(decoded(b"\xef\xbb\xbf {} \r\n").as_deref(), Ok("{}"));
    }

    #[test]
    fn refusal_says_what_is_wrong() {
        let cases: [(&[u8], &str); 5] = [
            (b"{\"a\":}", "the value is not JSON: expected value at line 1 column 6"),
            (b"", "the value is empty, but JSON has at least one character"),
            (b"\"\\ud800\"", "the value has JSON with an escape of half a surrogate pair, such as \\ud800"),
            (b"{\"a\":\"\xff\"}", "the value is not UTF-8: invalid at byte 6 (0xff)"),
            (b"1 2", "the value is not JSON: trailing characters at line 1 column 3"),
        ];
        for (bytes, message) in cases {
            let (_, got) = decoded(bytes).expect_err(message);
            assert!(got.starts_with(message), "{got}");
        }
    }

    #[test]
    fn nesting_is_limited_to_128_levels() {
        let nested = |levels: usize| "[".repeat(levels) + &"]".repeat(levels);
        assert_eq!(decoded(nested(128).as_bytes()), Ok(nested(128)));
        for levels in [129, 5_000] {
            let expected =
                (DecodeErrorCode::TooLarge, "the value has JSON that is nested deeper than 128 levels".to_owned());
            assert_eq!(decoded(nested(levels).as_bytes()), Err(expected));
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_decoded_or_refused(bytes: Vec<u8>) {
            if let Ok(text) = decoded(&bytes) {
                prop_assert!(protocol::is_plain_json(&text));
            }
        }
    }
}
