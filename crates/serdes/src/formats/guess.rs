//! Guesses the format of a value without a registry's prefix, for the setting `auto`.

use super::compressed::Compression;
use super::{cbor, message_pack, xml};
use crate::error::DecodeError;
use crate::json_writer::JsonWriter;

/// What a value seems to be, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Guess {
    pub format: Format,
    /// A sentence without its subject, such as ``starts with `{` and is valid JSON``.
    pub reason: &'static str,
}

/// The formats that are guessed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    Json,
    Xml,
    Text,
    Compressed(Compression),
    /// A file of Avro records with its schema.
    AvroContainer,
    MessagePack,
    Cbor,
    /// None of these: the bytes are shown as they are.
    Binary,
}

/// Guesses the format. Most values are told apart by their first byte; JSON is checked as a whole, and the others only if their first
/// bytes fit.
pub fn guess(bytes: &[u8]) -> Guess {
    let Some(first) = bytes.first() else { return Guess::new(Format::Text, "has no bytes") };
    if let Some(compression) = Compression::of(bytes)
        && (compression != Compression::Zlib || str::from_utf8(bytes).is_err())
    {
        return Guess::new(Format::Compressed(compression), compression_reason(compression));
    }
    if bytes.starts_with(b"Obj\x01") {
        return Guess::new(Format::AvroContainer, "starts with the magic number of Avro's container files");
    }
    match str::from_utf8(bytes) {
        Ok(text) => of_text(text),
        Err(_) => of_binary(bytes, *first),
    }
}

/// Whether the first byte says that the value is JSON, text or unknown, which are all shown as they are. Most values of most topics
/// are, so they are not even checked.
pub fn is_shown_as_is(bytes: &[u8]) -> bool {
    let Some(first) = bytes.first() else { return true };
    // XML, with white space or a byte order mark before it; MessagePack and CBOR.
    let may_be_decoded = matches!(first, b'<' | b' ' | b'\t' | b'\n' | b'\r' | 0x80..);
    !may_be_decoded && Compression::of(bytes).is_none()
}

impl Guess {
    const fn new(format: Format, reason: &'static str) -> Self {
        Self { format, reason }
    }
}

const fn compression_reason(compression: Compression) -> &'static str {
    match compression {
        Compression::Gzip => "starts with the magic number of gzip",
        Compression::Zlib => "starts like zlib and is not UTF-8",
        Compression::Zstd => "starts with the magic number of zstd",
        Compression::Lz4 => "starts with the magic number of LZ4's frames",
        Compression::Snappy => "starts with the magic number of Snappy's frames",
        Compression::SnappyJava => "starts with the magic number of snappy-java",
    }
}

fn of_text(text: &str) -> Guess {
    let trimmed = text.strip_prefix('\u{feff}').unwrap_or(text).trim_matches([' ', '\t', '\n', '\r']);
    // The first byte decides for most texts, so that they are not checked as JSON.
    let reason = match trimmed.as_bytes().first() {
        Some(b'{') => Some("starts with `{` and is valid JSON"),
        Some(b'[') => Some("starts with `[` and is valid JSON"),
        Some(b'"') => Some("is a string in quotation marks, and valid JSON"),
        Some(b'-' | b'0'..=b'9') => Some("is a number, and valid JSON"),
        Some(b't' | b'f' | b'n') if matches!(trimmed, "true" | "false" | "null") => {
            Some("is true, false or null, and valid JSON")
        }
        _ => None,
    };
    if let Some(reason) = reason
        && protocol::is_plain_json(trimmed)
    {
        return Guess::new(Format::Json, reason);
    }
    if trimmed.starts_with('<') && trimmed.ends_with('>') && xml::is_well_formed(text) {
        return Guess::new(Format::Xml, "starts with `<` and is well-formed XML");
    }
    // Small integers are valid UTF-8, too.
    if text.bytes().any(|byte| byte < b' ' && !matches!(byte, b'\t' | b'\n' | b'\r')) {
        return Guess::new(Format::Binary, "has control characters");
    }
    Guess::new(Format::Text, "is valid UTF-8")
}

fn of_binary(bytes: &[u8], first: u8) -> Guess {
    // One byte may be an empty map or anything else.
    if bytes.len() > 1 {
        if matches!(first, 0x80..=0x9f | 0xdc..=0xdf) && is_valid(message_pack::decode, bytes) {
            return Guess::new(Format::MessagePack, "is not UTF-8, and as a whole a map or an array of MessagePack");
        }
        let is_tagged = bytes.starts_with(b"\xd9\xd9\xf7");
        if (matches!(first, 0x80..=0xbf) || is_tagged) && is_valid(cbor::decode, bytes) {
            let reason = if is_tagged {
                "starts with the tag of CBOR and is valid CBOR"
            } else {
                "is not UTF-8, and as a whole a map or an array of CBOR"
            };
            return Guess::new(Format::Cbor, reason);
        }
    }
    Guess::new(Format::Binary, "is not UTF-8, and has no format that is recognized")
}

fn is_valid(decode: fn(&[u8], &mut JsonWriter<'_>) -> Result<(), DecodeError>, bytes: &[u8]) -> bool {
    let mut text = Vec::new();
    let limit = bytes.len().saturating_mul(8);
    decode(bytes, &mut JsonWriter::new(&mut text, limit)).is_ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Compression, Format, guess, is_shown_as_is};

    /// The first bytes of formats.
    const START: [&[u8]; 8] = [
        b"\x1f\x8b\x08",
        b"\x28\xb5\x2f\xfd",
        b"\x04\x22\x4d\x18",
        b"\x78\x9c",
        b"Obj\x01",
        b"\x82",
        b"\xd9\xd9\xf7",
        b"{",
    ];

    #[track_caller]
    fn check(bytes: &[u8], format: Format, reason: &str) {
        let found = guess(bytes);
        assert_eq!((found.format, found.reason), (format, reason), "{bytes:02x?}");
    }

    #[test]
    fn text_formats() {
        check(b"{\"a\":1}", Format::Json, "starts with `{` and is valid JSON");
        check(b"\xef\xbb\xbf [1]\n", Format::Json, "starts with `[` and is valid JSON");
        check(b"\"a\"", Format::Json, "is a string in quotation marks, and valid JSON");
        check(b"-12.5", Format::Json, "is a number, and valid JSON");
        check(b"null", Format::Json, "is true, false or null, and valid JSON");
        check(b"<a>1</a>", Format::Xml, "starts with `<` and is well-formed XML");
        for text in ["{a}", "<a>", "<3", "12:30", "nothing", "x^2", "à", " ", "[1", "01", "x\n\ty"] {
            check(text.as_bytes(), Format::Text, "is valid UTF-8");
        }
        check(b"", Format::Text, "has no bytes");
        check(b"\0\0\0\x05", Format::Binary, "has control characters");
    }

    #[test]
    fn magic_numbers() {
        let gzip = Format::Compressed(Compression::Gzip);
        check(b"\x1f\x8b\x08\0", gzip, "starts with the magic number of gzip");
        check(b"\x78\x9c\x01", Format::Compressed(Compression::Zlib), "starts like zlib and is not UTF-8");
        check(
            b"\x82SNAPPY\0",
            Format::Compressed(Compression::SnappyJava),
            "starts with the magic number of snappy-java",
        );
        check(b"Obj\x01\x04", Format::AvroContainer, "starts with the magic number of Avro's container files");
    }

    #[test]
    fn binary_formats_must_fit_as_a_whole() {
        let message_pack = "is not UTF-8, and as a whole a map or an array of MessagePack";
        check(b"\x82\xa7compact\xc3\xa6schema\x00", Format::MessagePack, message_pack);
        check(b"\x92\x01\x02", Format::MessagePack, message_pack);
        let cbor = "is not UTF-8, and as a whole a map or an array of CBOR";
        check(b"\xa2\x61a\x01\x61b\x82\x02\x03", Format::Cbor, cbor);
        check(b"\x83\x01\x02\x03", Format::Cbor, cbor);
        check(b"\xd9\xd9\xf7\x01", Format::Cbor, "starts with the tag of CBOR and is valid CBOR");
        let binary = "is not UTF-8, and has no format that is recognized";
        check(b"\x82\xa7compact\xc3\xa6schema\x00\x00", Format::Binary, binary);
        check(b"\x80", Format::Binary, binary);
        check(b"\xff\xfe", Format::Binary, binary);
        check(b"\xc3", Format::Binary, binary);
    }

    proptest! {
        #[test]
        fn any_bytes_have_a_guess(bytes: Vec<u8>, text in ".*") {
            prop_assert!(!guess(&bytes).reason.is_empty());
            prop_assert!(!guess(text.as_bytes()).reason.is_empty());
        }

        #[test]
        fn values_that_are_shown_as_they_are_have_no_other_format(
            start in prop::sample::select(&START[..]), rest: Vec<u8>, text in "[<>{} a\\[\u{feff}]*",
        ) {
            let text = text.as_bytes();
            for bytes in [[start, &rest].concat(), [start, text].concat(), rest, text.to_vec()] {
                if is_shown_as_is(&bytes) {
                    let format = guess(&bytes).format;
                    let is_plain = matches!(format, Format::Json | Format::Text | Format::Binary | Format::AvroContainer);
                    prop_assert!(is_plain, "{bytes:02x?}: {format:?}");
                }
            }
        }
    }
}
