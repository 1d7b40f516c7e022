//! Records of topics whose schema is in no registry.

use protocol::{AddSchema, Decode, LocalSchemaId, NamePattern, RecordFormat, SchemaFile, SchemaLanguage, WireBytes};

use super::registry::{AVRO, PROTOBUF, Schemas, avro_order, framed};
use super::{Got, MAX_BYTES, both, decode_in, value};
use crate::decoder::Decoder;
use crate::local::{TopicRule, TopicSchema, TopicSchemas};

const AUTO: RecordFormat = RecordFormat::Auto;

const ORDER: &str = r#"{"type":"record","name":"shop.Local","fields":[{"name":"number","type":"long"},{"name":"text","type":"string"}]}"#;

/// Values of topics that begin with `orders` have the schema [`ORDER`].
fn topics() -> TopicSchemas {
    let schema = TopicSchema {
        language: SchemaLanguage::Avro,
        files: vec![("order.avsc".to_owned(), ORDER.as_bytes().to_vec())],
        message: None,
        name: "order.avsc".to_owned(),
    };
    let rule = TopicRule { topics: vec![NamePattern("orders*".to_owned())], key: None, value: Some(schema) };
    TopicSchemas::compile(&[rule]).expect("a valid schema")
}

fn decoder() -> Decoder {
    Decoder::new(None, MAX_BYTES)
}

fn add(decoder: &Decoder, language: SchemaLanguage, text: &str) -> LocalSchemaId {
    let files = vec![SchemaFile { name: "schema".to_owned(), content: WireBytes::text(text) }];
    decoder.add_schema(&AddSchema { language, files, message: None }).expect("a valid schema").schema
}

fn one(decoder: &Decoder, topic: &str, decode: Decode, bytes: impl AsRef<[u8]>) -> Got {
    decode_in(decoder, topic, decode, &[value(bytes)]).remove(0).1
}

fn chosen(format: RecordFormat, schema: LocalSchemaId) -> Decode {
    Decode { value: format, value_schema: Some(schema), ..Decode::default() }
}

#[track_caller]
fn schema_id(got: &Got) -> &str {
    got.note.as_ref().and_then(|note| note.schema.as_ref()).map(|schema| schema.id.as_str()).expect("a schema")
}

#[test]
fn configured_schema_is_used_for_bytes_of_its_topics() {
    let decoder = decoder().with_topic_schemas(topics());
    for format in [AUTO, RecordFormat::Avro] {
        let got = one(&decoder, "orders-1", both(format), avro_order(7, "x"));
        assert_eq!(got.json(), r#"{"number":7,"text":"x"}"#);
        let reason = (format == AUTO).then_some("the bridge's configuration has a schema for this topic");
        assert_eq!(got.format(), (RecordFormat::Avro, reason));
        assert_eq!(schema_id(&got), "order.avsc");
        assert_eq!(got.note.and_then(|note| note.schema?.name).as_deref(), Some("shop.Local"));
    }
    let bytes = avro_order(7, "x");
    one(&decoder, "other", both(AUTO), &bytes).is_raw(&bytes);
    assert_eq!(one(&decoder, "other", both(RecordFormat::Avro), &bytes).error(&bytes).0, "no_schema");
    let got = one(&decoder, "orders", both(AUTO), [0xff]);
    assert_eq!((got.error([0xff]).0, schema_id(&got)), ("malformed", "order.avsc"));
    let got = one(&decoder, "orders", both(RecordFormat::Protobuf), &bytes);
    assert_eq!(got.error(&bytes), ("malformed", "the schema is of the format avro, and not protobuf"));
    // Formats without a schema do not use it.
    assert_eq!(one(&decoder, "orders", both(RecordFormat::Text), "x").json(), "\"x\"");
}

#[test]
fn schema_of_the_registry_counts_more_than_the_configured_one() {
    let schemas = Schemas::start();
    let decoder = schemas.decoder.with_topic_schemas(topics());
    let got = one(&decoder, "orders", both(AUTO), framed(AVRO, avro_order(7, "x")));
    assert_eq!((got.json(), schema_id(&got)), (r#"{"id":7,"name":"x"}"#, "1"));
    // The registry does not have the schema 99: the bytes after the id have the configured one.
    let got = one(&decoder, "orders", both(AUTO), framed(99, avro_order(7, "x")));
    assert_eq!((got.json(), schema_id(&got)), (r#"{"number":7,"text":"x"}"#, "order.avsc"));
    let got = one(&decoder, "orders", both(AUTO), avro_order(7, "x"));
    assert_eq!(got.json(), r#"{"number":7,"text":"x"}"#);
}

#[test]
fn schema_of_the_client_counts_more_than_all_others() {
    let schemas = Schemas::start();
    let decoder = schemas.decoder.with_topic_schemas(topics());
    let text =
        r#"{"type":"record","name":"Mine","fields":[{"name":"mine","type":"long"},{"name":"t","type":"bytes"}]}"#;
    let id = add(&decoder, SchemaLanguage::Avro, text);
    for bytes in [avro_order(7, "abc"), framed(AVRO, avro_order(7, "abc"))] {
        for format in [AUTO, RecordFormat::Avro] {
            let got = one(&decoder, "orders", chosen(format, id), &bytes);
            assert_eq!(got.json(), r#"{"mine":7,"t":"YWJj"}"#);
            assert_eq!(schema_id(&got), id.to_string());
        }
    }
    assert_eq!(schemas.server.id_requests(), 0);
}

#[test]
fn message_indexes_after_an_unknown_id_are_skipped() {
    let decoder = decoder();
    let id = add(&decoder, SchemaLanguage::Protobuf, "syntax = \"proto3\"; message Order { int64 id = 1; }");
    for bytes in [b"\x08\x2a".to_vec(), framed(PROTOBUF, b"\0\x08\x2a"), framed(PROTOBUF, b"\x02\x02\x08\x2a")] {
        assert_eq!(one(&decoder, "t", chosen(AUTO, id), &bytes).json(), "{\"id\":42}");
    }
    let json = add(&decoder, SchemaLanguage::Json, r#"{"type":"object"}"#);
    let got = one(&decoder, "t", chosen(RecordFormat::JsonSchema, json), "{\"a\": 1}");
    assert_eq!((got.json(), got.format().0), ("{\"a\": 1}", RecordFormat::JsonSchema));
}

#[test]
fn single_object_encoding_of_avro_is_recognized() {
    let decoder = decoder().with_topic_schemas(topics());
    let fingerprint = crate::AvroSchema::parse(ORDER, &[]).expect("valid").fingerprint().to_le_bytes();
    let bytes = [&[0xc3, 1][..], &fingerprint, &avro_order(7, "x")].concat();
    assert_eq!(one(&decoder, "orders", both(AUTO), bytes).json(), r#"{"number":7,"text":"x"}"#);
}

#[test]
fn forgotten_schema_is_named_in_the_error() {
    let id = LocalSchemaId(7);
    let got = one(&decoder(), "t", chosen(AUTO, id), "{}");
    let (code, message) = got.error("{}");
    assert_eq!(code, "schema_not_found");
    assert!(message.contains("send the schema again"), "{message}");
    assert_eq!(schema_id(&got), id.to_string());
}

#[test]
fn errors_of_the_registrys_schemas_name_the_schema() {
    let schemas = Schemas::start();
    for (bytes, id) in [(framed(99, b"x"), "99"), (framed(AVRO, b"\x02\x7fab"), "1"), (framed(5, b"x"), "5")] {
        let got = one(&schemas.decoder, "orders", both(AUTO), &bytes);
        got.error(&bytes);
        assert_eq!(schema_id(&got), id);
    }
}
