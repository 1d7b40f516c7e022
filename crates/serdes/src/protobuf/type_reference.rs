//! The reference to a message type that Apicurio's serializers write before a message, where Confluent's write message indexes.
//!
//! It is a message `Ref` with the type's name without its package in field 1, after its length (`ref.proto` and `ProtobufSerializer` of
//! Apicurio Registry).

use super::wire::{Cursor, WireType};

/// Reads the name, and returns the bytes of the message; `None` if the bytes do not begin with a reference.
pub(crate) fn read_type_reference(bytes: &[u8]) -> Option<(&str, &[u8])> {
    let mut cursor = Cursor::new(bytes, 0..bytes.len());
    let reference = cursor.length_delimited().ok()?;
    let mut inner = Cursor::new(bytes, reference);
    let tag = inner.tag().ok()?;
    if (tag.number, tag.wire_type) != (1, WireType::Length) {
        return None;
    }
    let name = inner.length_delimited().ok()?;
    if !inner.is_at_end() {
        return None;
    }
    let name = std::str::from_utf8(&bytes[name]).ok()?;
    // Message indexes and messages may look like a reference, but seldom with a name in it.
    let is_name = name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.'));
    is_name.then_some((name, &bytes[cursor.at..]))
}

#[cfg(test)]
mod tests {
    use super::read_type_reference;

    #[test]
    fn reference_has_a_length_and_a_name_in_field_1() {
        // As `Ref.newBuilder().setName("Order").build().writeDelimitedTo(out)` writes it.
        assert_eq!(read_type_reference(b"\x07\x0a\x05Order\x08\x01"), Some(("Order", &b"\x08\x01"[..])));
        assert_eq!(read_type_reference(b"\x07\x0a\x05Order"), Some(("Order", &b""[..])));
        let long = "x".repeat(200);
        let bytes = [b"\xcb\x01\x0a\xc8\x01", long.as_bytes(), b"rest"].concat();
        assert_eq!(read_type_reference(&bytes), Some((long.as_str(), &b"rest"[..])));
    }

    #[test]
    fn other_bytes_are_no_reference() {
        let cases: [&[u8]; 10] = [
            b"",
            b"\x00",
            b"\x00\x08\x01",
            // Without a name, cut off, and with another field or bytes after the name.
            b"\x02\x0a\x00",
            b"\x07\x0a\x05Orde",
            b"\x07\x12\x05Order",
            b"\x08\x0a\x05Order\x00",
            b"\x07\x0a\x05Ord\x01r",
            b"\x07\x0a\x051rder",
            // Confluent's message indexes [5, 1].
            b"\x04\x0a\x02\x08\x01",
        ];
        for bytes in cases {
            assert_eq!(read_type_reference(bytes), None, "{bytes:02x?}");
        }
    }
}
