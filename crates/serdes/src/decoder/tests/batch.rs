//! Records that name a schema of the registry.

use std::time::{Duration, Instant};

use protocol::{Decode, RecordFormat};

use super::registry::{AVRO, GUID, INVALID, JSON, PLAIN_BYTES, PLAIN_DECIMAL, PROTOBUF, Schemas, avro_order, framed};
use super::{Given, both, decode_in, registered, value};
use crate::registry::SchemaId;

const AUTO: RecordFormat = RecordFormat::Auto;

#[test]
fn avro_after_confluents_prefix_is_decoded_with_its_schema() {
    for format in [AUTO, RecordFormat::Avro] {
        let got = registered(format, &[value(framed(AVRO, avro_order(7, "tè")))]).remove(0);
        assert_eq!(got.json(), r#"{"id":7,"name":"tè"}"#);
        let note = got.note.expect("a note");
        let schema = note.schema.expect("a schema");
        assert_eq!((schema.id.as_str(), schema.name.as_deref()), ("1", Some("shop.Order")));
        assert_eq!(note.format, Some(RecordFormat::Avro));
        assert_eq!(note.reason.is_some(), format == AUTO);
    }
}

#[test]
fn subject_of_the_topic_is_in_the_note_once_it_is_known() {
    let schemas = Schemas::start();
    let records = [value(framed(AVRO, avro_order(7, "x")))];
    decode_in(&schemas.decoder, "orders", both(AUTO), &records);
    let registry = schemas.decoder.registry().expect("a registry");
    let deadline = Instant::now() + Duration::from_secs(20);
    while registry.versions_of(SchemaId::Id(AVRO)).is_none() {
        assert!(Instant::now() < deadline, "the subjects were not loaded");
        std::thread::sleep(Duration::from_millis(5));
    }
    let got = decode_in(&schemas.decoder, "orders", both(AUTO), &records).remove(0).1;
    let schema = got.note.and_then(|note| note.schema).expect("a schema");
    assert_eq!((schema.subject.as_deref(), schema.version), (Some("orders-value"), Some(3)));
    for (topic, subject) in [("x", "a"), ("orders", "orders-x")] {
        let key = records[0].value.clone().expect("a value");
        let got = decode_in(&schemas.decoder, topic, both(AUTO), &[Given::default().key(key)]).remove(0).0;
        assert_eq!(got.note.and_then(|note| note.schema?.subject).as_deref(), Some(subject));
    }
}

#[test]
fn protobuf_message_indexes_choose_the_type() {
    let records = [
        value(framed(PROTOBUF, b"\0\x08\x2a")),
        value(framed(PROTOBUF, b"\x02\x02\x08\x01")),
        value(framed(PROTOBUF, b"\x04\0\0\x0a\x03a-1")),
        value(framed(PROTOBUF, b"\x02\x04\x08\x01")),
        value(framed(PROTOBUF, b"\0\x08")),
        value(framed(PROTOBUF, b"\0\x08\x2b")),
    ];
    for format in [AUTO, RecordFormat::Protobuf] {
        let got = registered(format, &records);
        let names: Vec<Option<&str>> =
            got.iter().map(|got| got.note.as_ref().and_then(|note| note.schema.as_ref()?.name.as_deref())).collect();
        let order = Some("shop.Order");
        assert_eq!(names, [order, Some("shop.Invoice"), Some("shop.Order.Line"), None, None, order]);
        assert_eq!(got[0].json(), "{\"id\":42}");
        assert_eq!(got[1].json(), "{\"paid\":true}");
        assert_eq!(got[2].json(), "{\"sku\":\"a-1\"}");
        let error = got[3].error(records[3].value.as_ref().expect("a value"));
        assert_eq!(error, ("malformed", "the schema 2 has no message type with the indexes [2]"));
        assert_eq!(got[4].error(records[4].value.as_ref().expect("a value")).0, "malformed");
        assert_eq!(got[5].json(), "{\"id\":43}");
    }
}

#[test]
fn json_schema_and_plain_bytes_are_decoded() {
    let json = registered(AUTO, &[value(framed(JSON, "{\"a\": 1}")), value(framed(JSON, "{"))]);
    assert_eq!((json[0].json(), json[0].format().0), ("{\"a\": 1}", RecordFormat::JsonSchema));
    assert_eq!(json[1].error(framed(JSON, "{")).0, "malformed");
    let bytes = registered(AUTO, &[value(framed(PLAIN_BYTES, b"abc"))]).remove(0);
    assert_eq!((bytes.json(), bytes.format().0), ("\"YWJj\"", RecordFormat::Avro));
    let decimal = registered(AUTO, &[value(framed(PLAIN_DECIMAL, b"\xcf\xcc")), value(framed(PLAIN_BYTES, [7; 200]))]);
    assert_eq!(decimal[0].json(), "-12.340");
    assert_eq!(decimal[1].json().len(), 2 + 268);
}

#[test]
fn schema_ids_in_headers_are_used_for_bytes_without_a_prefix() {
    let order = avro_order(7, "x");
    let guid = [&[1][..], &GUID].concat();
    let id = framed(AVRO, b"");
    let indexes = framed(PROTOBUF, b"\x02\x02");
    let records = [
        value(&order).header("__value_schema_id", &guid),
        value(&order).header("trace", "x").header("__value_schema_id", &id).header("other", ""),
        value(b"\x08\x01").header("__value_schema_id", &indexes),
        value(&order).header("__key_schema_id", &id),
        value(&order).header("__value_schema_id", b"\x07"),
    ];
    let got = registered(AUTO, &records);
    for got in &got[..2] {
        assert_eq!(got.json(), r#"{"id":7,"name":"x"}"#);
    }
    let schema = got[0].note.as_ref().and_then(|note| note.schema.as_ref()).expect("a schema");
    assert_eq!(schema.id, "11111111-1111-1111-1111-111111111111");
    assert_eq!(got[2].json(), "{\"paid\":true}");
    got[3].is_raw(&order);
    let (code, message) = got[4].error(&order);
    assert_eq!(code, "malformed");
    assert!(message.contains("__value_schema_id"), "{message}");
}

#[test]
fn guid_prefix_is_used_only_if_a_format_with_a_schema_is_chosen() {
    let bytes = [&[1][..], &GUID, &avro_order(7, "x")].concat();
    assert_eq!(registered(RecordFormat::Avro, &[value(&bytes)])[0].json(), r#"{"id":7,"name":"x"}"#);
    registered(AUTO, &[value(&bytes)])[0].is_raw(&bytes);
}

#[test]
fn unknown_and_invalid_schemas_are_told_apart() {
    let (unknown, invalid) = (framed(99, b"x"), framed(INVALID, b"x"));
    let got = registered(AUTO, &[value(&unknown), value(&invalid), value(framed(AVRO, avro_order(1, "x")))]);
    let (code, message) = got[0].error(&unknown);
    assert_eq!(code, "schema_not_found");
    assert!(message.contains("99"), "{message}");
    let (code, message) = got[1].error(&invalid);
    assert_eq!(code, "schema_invalid");
    assert!(message.contains("the schema 5") && message.contains("unheard-of"), "{message}");
    assert_eq!(got[2].json(), r#"{"id":1,"name":"x"}"#);
}

#[test]
fn registry_that_does_not_answer_makes_schemas_unavailable() {
    let mut schemas = Schemas::start();
    schemas.server = crate::registry::tests::server::Server::start(|_| unreachable!("another server"));
    let bytes = framed(AVRO, avro_order(1, "x"));
    let got = decode_in(&schemas.decoder, "orders", both(AUTO), &[value(&bytes), value("{}")]);
    assert_eq!(got[0].1.error(&bytes).0, "schema_unavailable");
    got[1].1.is_raw("{}");
}

#[test]
fn schema_of_another_format_than_the_chosen_one_is_refused() {
    let bytes = framed(AVRO, avro_order(1, "x"));
    let got = registered(RecordFormat::Protobuf, &[value(&bytes)]).remove(0);
    let error = got.error(&bytes);
    assert_eq!(error, ("malformed", "the schema 1 is of the format avro, and not protobuf"));
}

#[test]
fn broken_records_never_affect_their_neighbours() {
    let order = |i: u8| value(framed(AVRO, avro_order(i % 60, "name")));
    let broken = |i: u8| match i % 5 {
        0 => value(framed(AVRO, b"\x02\x7fab")),
        1 => value(framed(1000 + u32::from(i), b"x")),
        2 => value(framed(INVALID, b"")),
        3 => value(framed(PROTOBUF, b"\x02\x0e")),
        _ => value(framed(AVRO, [avro_order(1, "x"), b"more".to_vec()].concat())),
    };
    let records: Vec<Given> = (0..200).map(|i| if i % 2 == 0 { order(i) } else { broken(i / 2) }).collect();
    for (i, got) in registered(AUTO, &records).iter().enumerate() {
        if i % 2 == 0 {
            assert_eq!(got.json(), format!(r#"{{"id":{},"name":"name"}}"#, i % 60));
        } else {
            got.error(records[i].value.as_ref().expect("a value"));
        }
    }
}

#[test]
fn notes_are_shared_by_all_records_of_a_schema() {
    let schemas = Schemas::start();
    let records: Vec<Given> = (0_u8..100)
        .map(|i| {
            let bytes = if i % 2 == 0 { framed(AVRO, avro_order(i % 60, "x")) } else { framed(JSON, "1") };
            value(&bytes).key(&bytes)
        })
        .collect();
    let batch = super::batch_of(&records);
    super::load_schemas(&schemas.decoder, both(AUTO), &batch);
    let decoded = schemas.decoder.decode("orders", both(AUTO), &batch);
    // Keys and values may be in different subjects.
    assert_eq!(decoded.notes().len(), 4);
    for (key, value) in super::read(&records, &decoded) {
        assert_eq!(key.json(), value.json());
        assert_eq!(key.format(), value.format());
    }
}

#[test]
fn schemas_are_loaded_once_and_only_those_of_parts_to_decode() {
    let schemas = Schemas::start();
    let records =
        [value(framed(AVRO, avro_order(1, "x"))).key(framed(JSON, "1")), value(framed(AVRO, avro_order(2, "y")))];
    let batch = super::batch_of(&records);
    let value_only = Decode { value: AUTO, ..Decode::default() };
    assert_eq!(schemas.decoder.missing_schemas(value_only, &batch), [SchemaId::Id(AVRO)]);
    assert_eq!(schemas.decoder.missing_schemas(Decode::default(), &batch), []);
    assert_eq!(schemas.decoder.missing_schemas(both(RecordFormat::Text), &batch), []);
    assert_eq!(schemas.decoder.missing_schemas(both(AUTO), &batch), [SchemaId::Id(JSON), SchemaId::Id(AVRO)]);
    for _ in 0..3 {
        decode_in(&schemas.decoder, "orders", both(AUTO), &records);
    }
    assert_eq!(schemas.server.id_requests(), 2);
    assert_eq!(schemas.decoder.missing_schemas(both(AUTO), &batch), []);
}

#[test]
fn decoded_record_larger_than_the_limit_stays_raw() {
    let schemas = Schemas::limited(40);
    let long = framed(AVRO, avro_order(1, &"a".repeat(60)));
    let records = [value(&long), value(framed(AVRO, avro_order(2, "y")))];
    let got = decode_in(&schemas.decoder, "orders", both(AUTO), &records);
    assert_eq!(got[0].1.error(&long).0, "too_large");
    assert_eq!(got[1].1.json(), r#"{"id":2,"name":"y"}"#);
}
