//! How the serializers of schema registries say which schema a key or value was written with: in a prefix or in a header.
//!
//! The layouts are those of Confluent's `SchemaId` and `DualSchemaIdDeserializer` (Java), and of Apicurio's `KafkaSerdeHeaders`,
//! `ProtobufSerdeHeaders` and `DefaultIdHandler`.

/// Which part of a record the bytes are. Each has its own headers.
pub use protocol::RecordPart as Part;

use crate::error::DecodeError;

/// Where the schema of a key or value is named. The body is what remains for the decoder of the format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing<'a> {
    /// No prefix and no header: the bytes have no schema, or one that is found by the topic's name.
    None,
    /// The byte 0 and four bytes: the id that Confluent's registry, and most others, gave the schema.
    Confluent { id: u32, body: &'a [u8] },
    /// The byte 0 and eight bytes: the `globalId` that Apicurio's older serializers write.
    Apicurio { id: u64, body: &'a [u8] },
    /// The byte 0 and eight bytes: the `contentId`, which is another setting of the same serializers.
    ApicurioContent { id: u64, body: &'a [u8] },
    /// The byte 1 and sixteen bytes: a schema's GUID.
    Guid { guid: [u8; 16], body: &'a [u8] },
    /// The header `__key_schema_id` or `__value_schema_id` with an id. The bytes have no prefix.
    ConfluentHeader { id: u32, message_indexes: &'a [u8], body: &'a [u8] },
    /// The same header with a schema's GUID.
    GuidHeader { guid: [u8; 16], message_indexes: &'a [u8], body: &'a [u8] },
    /// The header `apicurio.value.globalId` or `apicurio.key.globalId`. The bytes have no id before them. `type_name`: the message type of
    /// Protobuf, in the header `apicurio.protobuf.type` or `apicurio.protobuf.type.key`.
    ApicurioGlobalId { id: u64, type_name: Option<&'a str>, body: &'a [u8] },
    /// The header `apicurio.value.contentId` or `apicurio.key.contentId`. Both kinds of ids are counted apart.
    ApicurioContentId { id: u64, type_name: Option<&'a str>, body: &'a [u8] },
}

/// Which id comes after the byte 0. The bytes do not tell, so it is a setting of the registry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PrefixId {
    /// Four bytes: Confluent, Redpanda, Karapace, and Apicurio since version 3 or with `Default4ByteIdHandler`.
    #[default]
    FourBytes,
    /// Apicurio's `globalId` in eight bytes: Apicurio 2 with its default settings.
    GlobalId,
    /// Apicurio's `contentId` in eight bytes: Apicurio with `DefaultIdHandler` and `use-id=contentId`.
    ContentId,
}

impl<'a> Framing<'a> {
    /// The bytes after the prefix; `None` without a framing.
    pub fn body(&self) -> Option<&'a [u8]> {
        match *self {
            Self::None => None,
            Self::Confluent { body, .. }
            | Self::Apicurio { body, .. }
            | Self::ApicurioContent { body, .. }
            | Self::Guid { body, .. }
            | Self::ConfluentHeader { body, .. }
            | Self::GuidHeader { body, .. }
            | Self::ApicurioGlobalId { body, .. }
            | Self::ApicurioContentId { body, .. } => Some(body),
        }
    }
}

/// Finds the schema's id: first in the record's headers, then at the start of the bytes, as Confluent's deserializers do. Of several
/// headers with the same name, the last one counts.
///
/// Whether a prefix is one can only be known by asking the registry for its id: any bytes may start with 0 or 1.
///
/// # Errors
/// If a header has the name of a schema id, but not its layout.
pub fn read_prefix<'a>(
    bytes: &'a [u8],
    headers: impl Iterator<Item = (&'a str, Option<&'a [u8]>)>,
    part: Part,
    prefix_id: PrefixId,
) -> Result<Framing<'a>, DecodeError> {
    match named_in_headers(bytes, headers, part)? {
        Framing::None => Ok(named_in_prefix(bytes, prefix_id)),
        framing => Ok(framing),
    }
}

fn named_in_prefix(bytes: &[u8], prefix_id: PrefixId) -> Framing<'_> {
    let Some((magic, rest)) = bytes.split_first() else { return Framing::None };
    let framing = match (magic, prefix_id) {
        (0, PrefixId::FourBytes) => {
            rest.split_first_chunk().map(|(id, body)| Framing::Confluent { id: u32::from_be_bytes(*id), body })
        }
        (0, PrefixId::GlobalId) => {
            rest.split_first_chunk().map(|(id, body)| Framing::Apicurio { id: u64::from_be_bytes(*id), body })
        }
        (0, PrefixId::ContentId) => {
            rest.split_first_chunk().map(|(id, body)| Framing::ApicurioContent { id: u64::from_be_bytes(*id), body })
        }
        (1, _) => rest.split_first_chunk().map(|(guid, body)| Framing::Guid { guid: *guid, body }),
        _ => None,
    };
    framing.unwrap_or(Framing::None)
}

fn named_in_headers<'a>(
    body: &'a [u8],
    headers: impl Iterator<Item = (&'a str, Option<&'a [u8]>)>,
    part: Part,
) -> Result<Framing<'a>, DecodeError> {
    let [schema_id, global_id, content_id, type_name] = match part {
        Part::Key => {
            ["__key_schema_id", "apicurio.key.globalId", "apicurio.key.contentId", "apicurio.protobuf.type.key"]
        }
        Part::Value => {
            ["__value_schema_id", "apicurio.value.globalId", "apicurio.value.contentId", "apicurio.protobuf.type"]
        }
    };
    let (mut confluent, mut global, mut content, mut message_type) = (None, None, None, None);
    for (name, value) in headers {
        // Most headers have other names: compare all names only after a cheap look at the first byte.
        match (name.as_bytes().first(), value) {
            (Some(b'_'), Some(value)) if name == schema_id => confluent = Some(value),
            (Some(b'a'), Some(value)) if name == global_id => global = Some(value),
            (Some(b'a'), Some(value)) if name == content_id => content = Some(value),
            (Some(b'a'), Some(value)) if name == type_name => message_type = Some(value),
            _ => {}
        }
    }
    if let Some(value) = confluent {
        return confluent_header(schema_id, value, body);
    }
    let type_name = message_type.and_then(|name| str::from_utf8(name).ok());
    if let Some(value) = global {
        return Ok(Framing::ApicurioGlobalId { id: apicurio_id(global_id, value)?, type_name, body });
    }
    if let Some(value) = content {
        return Ok(Framing::ApicurioContentId { id: apicurio_id(content_id, value)?, type_name, body });
    }
    Ok(Framing::None)
}

fn confluent_header<'a>(name: &str, value: &'a [u8], body: &'a [u8]) -> Result<Framing<'a>, DecodeError> {
    match named_in_prefix(value, PrefixId::FourBytes) {
        Framing::Confluent { id, body: message_indexes } => Ok(Framing::ConfluentHeader { id, message_indexes, body }),
        Framing::Guid { guid, body: message_indexes } => Ok(Framing::GuidHeader { guid, message_indexes, body }),
        _ => Err(DecodeError::malformed(format!(
            "the header `{name}` has {} bytes and starts with {}, but a schema id is the byte 0 and 4 bytes, or the byte 1 and 16 bytes",
            value.len(),
            value.first().map_or_else(|| "nothing".to_owned(), u8::to_string),
        ))),
    }
}

fn apicurio_id(name: &str, value: &[u8]) -> Result<u64, DecodeError> {
    match value.try_into() {
        Ok(id) => Ok(u64::from_be_bytes(id)),
        Err(_) => {
            let message = format!("the header `{name}` has {} bytes, but an id of Apicurio has 8", value.len());
            Err(DecodeError::malformed(message))
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Framing, Part, PrefixId, read_prefix};

    const GUID: [u8; 16] = *b"0123456789abcdef";

    fn read<'a>(bytes: &'a [u8], headers: &[(&'a str, &'a [u8])]) -> Framing<'a> {
        let headers = headers.iter().map(|(name, value)| (*name, Some(*value)));
        read_prefix(bytes, headers, Part::Value, PrefixId::FourBytes).expect("valid headers")
    }

    #[test]
    fn zero_and_four_bytes_are_an_id() {
        assert_eq!(read(b"\0\0\0\x01\x02body", &[]), Framing::Confluent { id: 258, body: b"body" });
        assert_eq!(read(b"\0\xff\xff\xff\xff", &[]), Framing::Confluent { id: u32::MAX, body: b"" });
        assert_eq!(read(b"\0\0\0\x01", &[]), Framing::None);
        assert_eq!(read(b"{\"a\":1}", &[]), Framing::None);
        assert_eq!(read(b"", &[]), Framing::None);
    }

    #[test]
    fn eight_bytes_are_an_id_if_the_registry_has_them() {
        let bytes = b"\0\0\0\0\0\0\0\0\x05body";
        let framing = read_prefix(bytes, std::iter::empty(), Part::Value, PrefixId::GlobalId);
        assert_eq!(framing, Ok(Framing::Apicurio { id: 5, body: b"body" }));
        let framing = read_prefix(bytes, std::iter::empty(), Part::Value, PrefixId::ContentId);
        assert_eq!(framing, Ok(Framing::ApicurioContent { id: 5, body: b"body" }));
        assert_eq!(read(bytes, &[]), Framing::Confluent { id: 0, body: b"\0\0\0\x05body" });
    }

    #[test]
    fn one_and_sixteen_bytes_are_a_guid() {
        assert_eq!(read(b"\x010123456789abcdefbody", &[]), Framing::Guid { guid: GUID, body: b"body" });
        assert_eq!(read(b"\x010123456789abcde", &[]), Framing::None);
    }

    #[test]
    fn header_comes_before_prefix() {
        let bytes = b"\0\0\0\0\x05body";
        let header = b"\x010123456789abcdef\x02\x04".as_slice();
        let expected = Framing::GuidHeader { guid: GUID, message_indexes: &[2, 4], body: bytes };
        assert_eq!(read(bytes, &[("other", b"x"), ("__value_schema_id", header)]), expected);
        let expected = Framing::ConfluentHeader { id: 7, message_indexes: &[], body: bytes };
        assert_eq!(read(bytes, &[("__value_schema_id", b"\0\0\0\0\x07")]), expected);
        assert_eq!(read(bytes, &[("__key_schema_id", header)]), Framing::Confluent { id: 5, body: b"body" });
    }

    #[test]
    fn last_of_two_headers_counts() {
        let headers: [(&str, &[u8]); 2] =
            [("__value_schema_id", b"\0\0\0\0\x01"), ("__value_schema_id", b"\0\0\0\0\x02")];
        let expected = Framing::ConfluentHeader { id: 2, message_indexes: &[], body: b"" };
        assert_eq!(read(b"", &headers), expected);
    }

    #[test]
    fn apicurio_headers_have_ids_of_two_kinds() {
        let id = 9_u64.to_be_bytes();
        let global = read(b"body", &[("apicurio.value.globalId", &id), ("apicurio.value.encoding", b"BINARY")]);
        assert_eq!(global, Framing::ApicurioGlobalId { id: 9, type_name: None, body: b"body" });
        let content = [("apicurio.key.contentId", Some(id.as_slice()))];
        let content = read_prefix(b"body", content.into_iter(), Part::Key, PrefixId::FourBytes);
        assert_eq!(content, Ok(Framing::ApicurioContentId { id: 9, type_name: None, body: b"body" }));
    }

    #[test]
    fn apicurio_headers_name_the_message_type_of_each_part() {
        let id = 9_u64.to_be_bytes();
        let headers: [(&str, Option<&[u8]>); 4] = [
            ("apicurio.protobuf.type", Some(b"Order")),
            ("apicurio.protobuf.type.key", Some(b"Number")),
            ("apicurio.value.contentId", Some(&id)),
            ("apicurio.key.globalId", Some(&id)),
        ];
        let of = |part| read_prefix(b"", headers.into_iter(), part, PrefixId::FourBytes).expect("valid headers");
        assert_eq!(of(Part::Value), Framing::ApicurioContentId { id: 9, type_name: Some("Order"), body: b"" });
        assert_eq!(of(Part::Key), Framing::ApicurioGlobalId { id: 9, type_name: Some("Number"), body: b"" });
    }

    #[test]
    fn malformed_header_is_an_error_that_names_it() {
        let refused = |name: &'static str, value: &'static [u8]| {
            read_prefix(b"", [(name, Some(value))].into_iter(), Part::Value, PrefixId::FourBytes)
                .expect_err(name)
                .message
        };
        assert_eq!(
            refused("__value_schema_id", b"\x02abc"),
            "the header `__value_schema_id` has 4 bytes and starts with 2, but a schema id is the byte 0 and 4 bytes, or the byte 1 \
             and 16 bytes"
        );
        assert_eq!(
            refused("apicurio.value.globalId", b"12"),
            "the header `apicurio.value.globalId` has 2 bytes, but an id of Apicurio has 8"
        );
    }

    proptest! {
        #[test]
        fn body_is_the_end_of_the_bytes(bytes: Vec<u8>, header: Vec<u8>) {
            let headers = [("__value_schema_id", Some(header.as_slice()))];
            let _ = read_prefix(&bytes, headers.into_iter(), Part::Value, PrefixId::FourBytes);
            for prefix_id in [PrefixId::FourBytes, PrefixId::GlobalId, PrefixId::ContentId] {
                let framing = read_prefix(&bytes, std::iter::empty(), Part::Key, prefix_id).expect("no headers");
                prop_assert!(framing.body().is_none_or(|body| bytes.ends_with(body)));
            }
        }
    }
}
