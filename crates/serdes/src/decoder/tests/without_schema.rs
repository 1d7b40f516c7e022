//! Formats that need no registry, and the guesses of `auto`.

use std::io::Write as _;

use protocol::{Decode, RecordFormat};

use super::{Given, MAX_BYTES, both, decode_in, one, value, values};
use crate::decoder::Decoder;

const AUTO: RecordFormat = RecordFormat::Auto;

#[test]
fn auto_shows_json_xml_and_text_as_they_are_without_a_note() {
    for text in
        [&b"{\"a\": 1}"[..], b"[1]", b"12", b"null", b"ciao", b"<3", b"<a><b>1</b></a>", b" ", "città".as_bytes()]
    {
        one(AUTO, text).is_raw(text);
    }
}

#[test]
fn auto_says_which_format_it_took_and_why() {
    let message_pack = one(AUTO, b"\x82\xa7compact\xc3\xa6schema\x00");
    assert_eq!(message_pack.format().0, RecordFormat::MessagePack);
    assert_eq!(message_pack.json(), r#"{"compact":true,"schema":0}"#);

    let cbor = one(AUTO, b"\xa2\x61a\x01\x61b\x82\x02\x03");
    assert_eq!(cbor.format().0, RecordFormat::Cbor);
    assert_eq!(cbor.json(), r#"{"a":1,"b":[2,3]}"#);
    assert!(cbor.format().1.is_some_and(|reason| reason.contains("CBOR")), "{cbor:?}");
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).and_then(|()| encoder.finish()).expect("gzip")
}

#[test]
fn auto_opens_compressed_values_and_names_the_compression() {
    let json = one(AUTO, gzip(b"{\"a\":1.10}"));
    assert_eq!(json.json(), "{\"a\":1.10}");
    let note = json.note.as_ref().expect("a note");
    assert_eq!((note.format, note.compression.as_deref()), (Some(RecordFormat::Json), Some("gzip")));
    let text = one(AUTO, zstd::encode_all(&b"ciao"[..], 1).expect("zstd"));
    assert_eq!(
        (text.json(), text.note.as_ref().and_then(|note| note.compression.as_deref())),
        ("\"ciao\"", Some("zstd"))
    );
    let binary = one(AUTO, gzip(b"\xff\xfe\0"));
    assert_eq!((binary.json(), binary.format().0), ("\"//4A\"", RecordFormat::Raw));
}

#[test]
fn damaged_compressed_value_stays_raw_with_the_reason() {
    let mut cut = gzip(&[7; 1000]);
    cut.truncate(cut.len() - 9);
    let got = one(AUTO, &cut);
    let (code, message) = got.error(&cut);
    assert_eq!(code, "malformed");
    assert!(message.starts_with("the value starts like gzip"), "{message}");
}

#[test]
fn numbers_in_eight_bytes_are_no_schema_under_auto() {
    for number in [0_i64, 1, 42, -1, i64::from(u16::MAX), 1_764_506_967_000, i64::MAX] {
        let bytes = number.to_be_bytes();
        one(AUTO, bytes).is_raw(bytes);
        assert_eq!(one(RecordFormat::Int64, bytes).json(), number.to_string());
    }
}

#[test]
fn value_with_another_length_than_its_number_is_malformed() {
    for bytes in [&[1_u8, 2, 3][..], &[0; 9]] {
        let got = one(RecordFormat::Int64, bytes);
        assert_eq!(got.error(bytes).0, "malformed");
    }
}

#[test]
fn wrong_format_leaves_the_bytes_and_says_why() {
    for (format, bytes) in [
        (RecordFormat::Json, &b"ciao"[..]),
        (RecordFormat::Text, b"\xff"),
        (RecordFormat::MessagePack, b"\xc1"),
        (RecordFormat::Cbor, b"\x82\x01"),
        (RecordFormat::Xml, b"<a>"),
        (RecordFormat::Connect, b"{"),
        (RecordFormat::Uuid, b"abc"),
        (RecordFormat::Float, b"abc"),
        (RecordFormat::Kafka, b"\0\x01\0\x01g"),
    ] {
        let got = one(format, bytes);
        let (code, message) = got.error(bytes);
        assert_eq!(code, "malformed", "{format}: {message}");
        assert!(message.len() > 10, "{format}: {message}");
    }
}

#[test]
fn explicit_formats_give_json_with_their_name() {
    for (format, bytes, json) in [
        (RecordFormat::Json, &b" {\"a\": 1} "[..], "{\"a\": 1}"),
        (RecordFormat::Text, b"12", "\"12\""),
        (RecordFormat::MessagePack, b"\x93\x01\xc0\xc3", "[1,null,true]"),
        (RecordFormat::Cbor, b"\x18\x64", "100"),
        (RecordFormat::Double, &1.5_f64.to_be_bytes(), "1.5"),
        (RecordFormat::UInt16, b"\xff\xff", "65535"),
        (RecordFormat::Int8, b"\xff", "-1"),
        (RecordFormat::Uuid, &[0x11; 16], "\"11111111-1111-1111-1111-111111111111\""),
    ] {
        let got = one(format, bytes);
        assert_eq!((got.json(), got.format()), (json, (format, None)));
    }
}

#[test]
fn null_and_empty_stay_what_they_are_in_every_format() {
    let records = [Given::default(), value(b"").key(b"")];
    for &format in RecordFormat::ALL {
        let decoder = Decoder::new(None, MAX_BYTES);
        let got = decode_in(&decoder, "orders", both(format), &records);
        for part in [&got[0].0, &got[0].1] {
            assert_eq!((&part.bytes, &part.note), (&None, &None), "{format}");
        }
        got[1].0.is_raw(b"");
        got[1].1.is_raw(b"");
    }
}

#[test]
fn raw_keeps_all_bytes_without_notes() {
    let decoder = Decoder::new(None, MAX_BYTES);
    let records = [value(gzip(b"x")).key(b"\0\0\0\0\x01x"), value(b"\xff")];
    for ((key, value), given) in decode_in(&decoder, "orders", Decode::default(), &records).iter().zip(&records) {
        assert_eq!((&key.bytes, &key.note), (&given.key, &None));
        assert_eq!((&value.bytes, &value.note), (&given.value, &None));
    }
}

#[test]
fn key_and_value_have_formats_of_their_own() {
    let decoder = Decoder::new(None, MAX_BYTES);
    let decode = Decode::with_formats(RecordFormat::Int32, RecordFormat::Text);
    let got = decode_in(&decoder, "orders", decode, &[value("ciao").key(7_i32.to_be_bytes())]).remove(0);
    assert_eq!((got.0.json(), got.1.json()), ("7", "\"ciao\""));
    assert_eq!((got.0.format().0, got.1.format().0), (RecordFormat::Int32, RecordFormat::Text));
}

#[test]
fn decoded_value_larger_than_the_limit_stays_raw() {
    let decoder = Decoder::new(None, 64);
    let bomb = gzip(&[b'a'; 10_000]);
    let long = vec![b'a'; 65];
    let records = [value(&bomb), value(&long), value(b"\x81\xa1a\x01")];
    let auto = decode_in(&decoder, "orders", both(AUTO), &records);
    let (code, message) = auto[0].1.error(&bomb);
    assert_eq!(code, "too_large");
    assert!(message.contains("64 bytes (--max-decoded-bytes)"), "{message}");
    auto[1].1.is_raw(&long);
    assert_eq!(auto[2].1.json(), r#"{"a":1}"#);
    let text = decode_in(&decoder, "orders", both(RecordFormat::Text), &[value(&long), value(b"<a>1</a>")]);
    assert_eq!(text[0].1.error(&long).0, "too_large");
    assert_eq!(text[1].1.json(), "\"<a>1</a>\"", "the limit is one for each value");
}

#[test]
fn auto_reads_the_records_of_kafkas_coordinators() {
    let decoder = Decoder::new(None, MAX_BYTES);
    // An offset commit of the group `g` for partition 3 of the topic `t`.
    let key = b"\0\x01\0\x01g\0\x01t\0\0\0\x03";
    let mut commit = b"\0\x03".to_vec();
    commit.extend(42_i64.to_be_bytes());
    commit.extend((-1_i32).to_be_bytes());
    commit.extend([0, 0]);
    commit.extend(1_714_564_800_500_i64.to_be_bytes());
    let tombstone = Given { key: Some(key.to_vec()), ..Given::default() };
    let records = [value(&commit).key(key), tombstone, value(&commit)];
    let got = decode_in(&decoder, "__consumer_offsets", both(AUTO), &records);
    assert_eq!(got[0].0.format(), (RecordFormat::Kafka, Some("the topic is Kafka's own")));
    for (part, expected) in [(&got[0].0, "\"g\""), (&got[0].1, "42")] {
        assert!(part.json().contains(expected), "{part:?}");
    }
    assert_eq!((&got[1].1.bytes, &got[1].1.note), (&None, &None), "a tombstone stays one");
    let (code, message) = got[2].1.error(&commit);
    assert_eq!((code, message), ("malformed", "a record of Kafka's coordinators without a key"));
    // The same bytes in another topic are not decoded.
    let elsewhere = decode_in(&decoder, "offsets", both(AUTO), &records[..1]);
    elsewhere[0].1.is_raw(&commit);
}

#[test]
fn schema_without_a_registry_is_no_schema() {
    let bytes = b"\0\0\0\0\x2a\x02\x80\xffx";
    for format in [AUTO, RecordFormat::Avro, RecordFormat::Protobuf, RecordFormat::JsonSchema] {
        let got = one(format, bytes);
        let (code, message) = got.error(bytes);
        assert_eq!(code, "no_schema");
        assert!(message.contains("the schema 42") && message.contains("--schema-registry"), "{message}");
    }
    // Without the id of a schema.
    for format in [RecordFormat::Avro, RecordFormat::Protobuf, RecordFormat::JsonSchema] {
        assert_eq!(one(format, b"{}").error(b"{}").0, "no_schema");
    }
}

#[test]
fn records_with_the_same_result_share_a_note() {
    let records: Vec<Given> = (0..1000).map(|i| value(if i % 3 == 0 { "<a/>" } else { "<b" })).collect();
    let decoder = Decoder::new(None, MAX_BYTES);
    let batch = super::batch_of(&records);
    let decoded = decoder.decode("orders", both(RecordFormat::Xml), &batch);
    assert_eq!(decoded.notes().len(), 2);
    for (i, (_, got)) in super::read(&records, &decoded).iter().enumerate() {
        if i % 3 == 0 {
            assert_eq!(got.json(), "\"<a/>\"");
        } else {
            assert_eq!(got.error("<b").0, "malformed");
        }
    }
}

#[test]
fn broken_record_never_affects_its_neighbours() {
    let good = b"\x81\xa1a\x01";
    let records: Vec<Given> =
        (0_u8..200).map(|i| if i % 2 == 0 { value(good) } else { value([0xc1, i, 0xc7]) }).collect();
    for (i, got) in values(RecordFormat::MessagePack, &records).iter().enumerate() {
        if i % 2 == 0 {
            assert_eq!(got.json(), "{\"a\":1}");
        } else {
            assert_eq!(got.error(records[i].value.as_ref().expect("a value")).0, "malformed");
        }
    }
}

#[test]
fn at_most_32_different_failures_of_a_batch_are_described() {
    // The message names the length of each value.
    let mut records: Vec<Given> = (1..=400).map(|length| value(vec![7; 8 + length])).collect();
    // Described ones stay described later.
    records.push(value(vec![7; 9]));
    records.push(value(7_i64.to_be_bytes()));
    let got = values(RecordFormat::Int64, &records);
    let messages: Vec<&str> = got[..401]
        .iter()
        .zip(&records)
        .map(|(got, given)| got.error(given.value.as_ref().expect("a value")).1)
        .collect();
    assert!(messages[..32].iter().all(|message| message.contains("bytes")), "{messages:?}");
    let distinct: std::collections::BTreeSet<&str> = messages.iter().copied().collect();
    assert_eq!(distinct.len(), 33, "32 descriptions, and one for all others");
    assert!(messages[300].contains("open it"), "{}", messages[300]);
    assert_eq!(messages[400], messages[0]);
    assert_eq!(got[401].json(), "7");
}

#[test]
fn small_values_that_grow_when_they_are_opened_fill_no_memory_together() {
    let bomb = gzip(&vec![b' '; MAX_BYTES / 2]);
    let records: Vec<Given> = (0..20).map(|_| value(&bomb)).collect();
    let decoder = Decoder::new(None, MAX_BYTES);
    let got = decode_in(&decoder, "t", both(AUTO), &records);
    let decoded = got.iter().filter(|(_, value)| value.note.as_ref().is_some_and(|note| note.is_decoded())).count();
    assert!((1..=2).contains(&decoded), "{decoded}");
    let failure = got[19].1.note.as_ref().and_then(|note| note.decode_error.as_ref()).expect("an error");
    assert_eq!(failure.code, "too_large");
    assert!(failure.message.contains("together"), "{failure:?}");
}
