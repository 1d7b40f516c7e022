//! A registry with a few schemas.

use crate::compiled::CompiledSchema;
use crate::decoder::Decoder;
use crate::formats::wire::PrefixId;
use crate::registry::tests::server::{Reply, Request, Server};
use crate::registry::{Registry, RegistrySettings, RegistryUrl};

use super::MAX_BYTES;

pub(super) const AVRO: u32 = 1;
pub(super) const PROTOBUF: u32 = 2;
pub(super) const JSON: u32 = 3;
pub(super) const PLAIN_BYTES: u32 = 4;
pub(super) const INVALID: u32 = 5;
pub(super) const PLAIN_DECIMAL: u32 = 6;
pub(super) const GUID: [u8; 16] = [0x11; 16];

/// A decoder with a registry of its own.
pub(super) struct Schemas {
    pub(super) decoder: Decoder,
    pub(super) server: Server,
}

impl Schemas {
    pub(super) fn start() -> Self {
        Self::limited(MAX_BYTES)
    }

    pub(super) fn limited(max_bytes: usize) -> Self {
        Self::with_settings(max_bytes, PrefixId::default())
    }

    /// With another id before the bytes of records.
    pub(super) fn with_prefix_id(prefix_id: PrefixId) -> Self {
        Self::with_settings(MAX_BYTES, prefix_id)
    }

    fn with_settings(max_bytes: usize, prefix_id: PrefixId) -> Self {
        let server = Server::start(answer);
        let url = RegistryUrl::parse(&server.url()).expect("a URL");
        let settings = RegistrySettings { prefix_id, ..RegistrySettings::new(vec![url]) };
        let registry = Registry::new(&settings, CompiledSchema::compile);
        Self { decoder: Decoder::new(Some(registry.expect("valid settings")), max_bytes), server }
    }
}

fn answer(request: &Request) -> Reply {
    let schema = |kind: &str, text: &str| {
        Reply::new(200, serde_json::json!({ "schema": text, "schemaType": kind, "id": 1 }).to_string())
    };
    let path = request.line.strip_prefix("GET ").unwrap_or_default();
    let path = path.split('?').next().unwrap_or_default();
    match path {
        "/schemas/ids/1" | "/schemas/guids/11111111-1111-1111-1111-111111111111" => schema(
            "AVRO",
            r#"{"type":"record","name":"shop.Order","fields":[{"name":"id","type":"long"},{"name":"name","type":"string"}]}"#,
        ),
        "/schemas/ids/2" => schema(
            "PROTOBUF",
            "syntax = \"proto3\"; package shop;
             message Order { int64 id = 1; message Line { string sku = 1; } }
             message Invoice { bool paid = 1; }",
        ),
        "/schemas/ids/3" => schema("JSON", r#"{"type":"object"}"#),
        "/schemas/ids/4" => schema("AVRO", "\"bytes\""),
        "/schemas/ids/5" => schema("AVRO", r#"{"type":"unheard-of"}"#),
        "/schemas/ids/6" => schema("AVRO", r#"{"type":"bytes","logicalType":"decimal","precision":9,"scale":3}"#),
        "/schemas/ids/1/versions" => Reply::new(
            200,
            r#"[{"subject":"a","version":1},{"subject":"orders-x","version":2},{"subject":"orders-value","version":3}]"#,
        ),
        _ => Reply::not_found(),
    }
}

/// Bytes with Confluent's prefix.
pub(super) fn framed(id: u32, body: impl AsRef<[u8]>) -> Vec<u8> {
    [&[0][..], &id.to_be_bytes(), body.as_ref()].concat()
}

/// An order in the Avro schema.
pub(super) fn avro_order(id: u8, name: &str) -> Vec<u8> {
    let length = u8::try_from(name.len()).expect("a short name");
    [&[id * 2, length * 2][..], name.as_bytes()].concat()
}
