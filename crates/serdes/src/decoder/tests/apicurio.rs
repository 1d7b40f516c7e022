//! Records of Apicurio's Protobuf serializers, which name the message type before the message or in a header.

use protocol::{Decode, NamePattern, RecordFormat, SchemaLanguage};

use super::registry::{PROTOBUF, Schemas, framed};
use super::{Given, Got, MAX_BYTES, both, decode_in, value};
use crate::decoder::Decoder;
use crate::formats::wire::PrefixId;
use crate::local::{TopicRule, TopicSchema, TopicSchemas};

/// `Ref.newBuilder().setName(…).build().writeDelimitedTo(out)`, and the message.
const INVOICE: &[u8] = b"\x09\x0a\x07Invoice\x08\x01";
const LINE: &[u8] = b"\x06\x0a\x04Line\x0a\x03a-1";
const UNKNOWN: &[u8] = b"\x08\x0a\x06Nobody\x08\x01";

/// Bytes with the prefix of `DefaultIdHandler`.
fn eight_bytes(id: u32, body: &[u8]) -> Vec<u8> {
    [&[0][..], &u64::from(id).to_be_bytes(), body].concat()
}

fn decoded(decoder: &Decoder, records: &[Given]) -> Vec<Got> {
    let got = decode_in(decoder, "orders", both(RecordFormat::Protobuf), records);
    got.into_iter().map(|(_, value)| value).collect()
}

#[track_caller]
fn type_of(got: &Got) -> &str {
    let schema = got.note.as_ref().and_then(|note| note.schema.as_ref());
    schema.and_then(|schema| schema.name.as_deref()).expect("a message type")
}

#[test]
fn name_after_eight_bytes_chooses_the_message_type() {
    let schemas = Schemas::with_prefix_id(PrefixId::ContentId);
    let records = [
        value(eight_bytes(PROTOBUF, INVOICE)),
        value(eight_bytes(PROTOBUF, LINE)),
        // With `apicurio.registry.serde.send-indexes` instead of `send-type-ref`.
        value(eight_bytes(PROTOBUF, b"\x02\x02\x08\x01")),
        value(eight_bytes(PROTOBUF, b"\0\x08\x2a")),
        value(eight_bytes(PROTOBUF, UNKNOWN)),
    ];
    let got = decoded(&schemas.decoder, &records);
    let types: Vec<&str> = got[..4].iter().map(type_of).collect();
    assert_eq!(types, ["shop.Invoice", "shop.Order.Line", "shop.Invoice", "shop.Order"]);
    let json: Vec<&str> = got[..4].iter().map(Got::json).collect();
    assert_eq!(json, [r#"{"paid":true}"#, r#"{"sku":"a-1"}"#, r#"{"paid":true}"#, r#"{"id":42}"#]);
    assert_eq!(got[4].error(eight_bytes(PROTOBUF, UNKNOWN)).0, "malformed");
}

#[test]
fn name_after_four_bytes_is_read_if_it_is_no_message_index() {
    let schemas = Schemas::start();
    let records = [
        value(framed(PROTOBUF, INVOICE)),
        value(framed(PROTOBUF, b"\0\x08\x2a")),
        value(framed(PROTOBUF, LINE)),
        value(framed(PROTOBUF, UNKNOWN)),
    ];
    let got = decoded(&schemas.decoder, &records);
    assert_eq!((type_of(&got[0]), got[0].json()), ("shop.Invoice", r#"{"paid":true}"#));
    assert_eq!((type_of(&got[1]), got[1].json()), ("shop.Order", r#"{"id":42}"#));
    assert_eq!((type_of(&got[2]), got[2].json()), ("shop.Order.Line", r#"{"sku":"a-1"}"#));
    assert_eq!(got[3].error(framed(PROTOBUF, UNKNOWN)).0, "malformed");
}

/// With headers, the serializers 2 write no name before the message, and the serializers 3 write one in both places.
#[test]
fn name_in_a_header_chooses_the_message_type() {
    let schemas = Schemas::start();
    let id = u64::from(PROTOBUF).to_be_bytes();
    let record = |body: &[u8], name: &'static str| {
        value(body).header("apicurio.value.contentId", id).header("apicurio.protobuf.type", name)
    };
    let records = [
        record(b"\x08\x01", "Invoice"),
        record(INVOICE, "Invoice"),
        value(INVOICE).header("apicurio.value.contentId", id),
        value(b"\0\x08\x2a").header("apicurio.value.contentId", id),
        record(b"\x08\x01", "Nobody"),
    ];
    let got = decoded(&schemas.decoder, &records);
    let types: Vec<&str> = got[..4].iter().map(type_of).collect();
    assert_eq!(types, ["shop.Invoice", "shop.Invoice", "shop.Invoice", "shop.Order"]);
    let json: Vec<&str> = got[..4].iter().map(Got::json).collect();
    assert_eq!(json, [r#"{"paid":true}"#, r#"{"paid":true}"#, r#"{"paid":true}"#, r#"{"id":42}"#]);
    assert_eq!(got[4].error(b"\x08\x01"), ("malformed", "the schema 2 (contentId) has no message type \"Nobody\""));
}

#[test]
fn name_is_skipped_if_the_schema_is_in_no_registry() {
    let text = "syntax = \"proto3\"; message Invoice { bool paid = 1; }";
    let schema = TopicSchema {
        language: SchemaLanguage::Protobuf,
        files: vec![("invoice.proto".to_owned(), text.as_bytes().to_vec())],
        message: None,
        name: "invoice.proto".to_owned(),
    };
    let rule = TopicRule { topics: vec![NamePattern("orders".to_owned())], key: None, value: Some(schema) };
    let topics = TopicSchemas::compile(&[rule]).expect("a valid schema");
    let decoder = Decoder::new(None, MAX_BYTES).with_topic_schemas(topics);
    let decode = Decode { value: RecordFormat::Protobuf, ..Decode::default() };
    let got = decode_in(&decoder, "orders", decode, &[value(framed(9, INVOICE))]).remove(0).1;
    assert_eq!(got.json(), r#"{"paid":true}"#);
}
