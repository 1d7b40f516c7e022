//! Encoders without a schema, and with the schemas of a registry whose answers are written here.

use std::sync::Arc;

use proptest::prelude::*;
use protocol::{Encoding, ErrorCode, RecordFormat, RecordPart};

use super::Encoder;
use crate::compiled::CompiledSchema;
use crate::formats::wire::Part;
use crate::registry::tests::server::{Reply, Request, Server};
use crate::registry::{Registry, RegistrySettings, RegistryUrl};
use crate::{Decoder, Field};

const MAX_BYTES: usize = 1 << 20;

fn encoding(format: RecordFormat) -> Encoding {
    Encoding { format, subject: None, version: None, message: None, schema: None }
}

fn plain(format: RecordFormat) -> Arc<Encoder> {
    let decoder = Decoder::new(None, MAX_BYTES);
    decoder.encoder("orders", RecordPart::Value, &encoding(format)).expect("an encoder")
}

fn encoded(format: RecordFormat, json: &str) -> Result<Vec<u8>, String> {
    plain(format).encode(json).map_err(|error| format!("{}: {}", error.path, error.message))
}

fn decoded(decoder: &Decoder, format: RecordFormat, bytes: &[u8]) -> String {
    let mut json = Vec::new();
    let field = Field { topic: "orders", part: Part::Value, bytes, key: None };
    let result = decoder.decode_one_blocking(format, field, std::iter::empty(), &mut json);
    assert_eq!(result, Ok(true), "{bytes:?}");
    String::from_utf8(json).expect("UTF-8")
}

#[test]
fn values_without_a_schema_are_decoded_to_the_same_json() {
    let decoder = Decoder::new(None, MAX_BYTES);
    let structure =
        r#"{"a":[1,-1,18446744073709551615,-9223372036854775808,1.5,0.1,-0.0,1e300,true,null,"à\n"],"":{}}"#;
    for (format, values) in [
        (RecordFormat::Json, &[structure, "1.10", "{\"a\": 123456789012345678901234567890}"][..]),
        (RecordFormat::Text, &["\"à \\\"b\\\"\"", "\"x\""]),
        (RecordFormat::MessagePack, &[structure, "65536", "-129", "\"x\"", "[]"]),
        (RecordFormat::Cbor, &[structure, "65536", "-129", "\"x\"", "[]", "4294967296", "23", "24"]),
        (RecordFormat::Xml, &["\"<a>x</a>\""]),
        (RecordFormat::Int8, &["-128", "127"]),
        (RecordFormat::Int16, &["-32768", "32767"]),
        (RecordFormat::Int32, &["-2147483648", "2147483647"]),
        (RecordFormat::Int64, &["-9223372036854775808", "9223372036854775807"]),
        (RecordFormat::UInt8, &["0", "255"]),
        (RecordFormat::UInt16, &["65535"]),
        (RecordFormat::UInt32, &["4294967295"]),
        (RecordFormat::UInt64, &["18446744073709551615"]),
        (RecordFormat::Float, &["0.1", "\"NaN\"", "\"-Infinity\""]),
        (RecordFormat::Double, &["0.1", "\"Infinity\"", "-0.0"]),
        (RecordFormat::Uuid, &["\"00112233-4455-6677-8899-aabbccddeeff\""]),
    ] {
        let encoder = plain(format);
        for json in values.iter().copied().chain([encoder.example().as_str()]) {
            let bytes = encoder.encode(json).unwrap_or_else(|error| panic!("{format} {json}: {error:?}"));
            assert_eq!(decoded(&decoder, format, &bytes), json, "{format}");
        }
        assert!(encoder.structure().is_none() && encoder.schema().is_none() && encoder.messages().is_empty());
    }
}

#[test]
fn values_that_do_not_fit_are_refused_with_their_path() {
    for (format, json, expected) in [
        (RecordFormat::Int8, "128", ": expects an integer from -128 to 127, has the number 128"),
        (RecordFormat::UInt8, "-1", ": expects an integer from 0 to 255, has the number -1"),
        (RecordFormat::Int32, "1.0", ": expects an integer from -2147483648 to 2147483647, has the number 1.0"),
        (RecordFormat::Int64, "\"1\"", "has the string \"1\""),
        (RecordFormat::UInt64, "18446744073709551616", "has the number 18446744073709551616"),
        (RecordFormat::Float, "1e39", ": expects a number of 32 bits"),
        (RecordFormat::Double, "1e999", ": expects a number of 64 bits"),
        (RecordFormat::Uuid, "\"x\"", ": expects a UUID such as"),
        (RecordFormat::Text, "{}", ": expects a string with the text, has an object"),
        (RecordFormat::Xml, "\"<a>\"", ": the value is not well-formed XML at line 1, column 1"),
        (RecordFormat::Json, "{", ": the value is not JSON: "),
        (
            RecordFormat::MessagePack,
            "{\"a\":[0,{\"b c\":18446744073709551616}]}",
            "a[1][\"b c\"]: expects an integer of at most 64 bits",
        ),
        (RecordFormat::Cbor, "[0,1e999]", "[1]: expects a number of at most 64 bits, has the number 1e999"),
        (RecordFormat::Cbor, "[", ": invalid JSON: "),
    ] {
        let error = encoded(format, json).expect_err(json);
        assert!(error.contains(expected), "{format} {json}: {error}");
    }
}

#[test]
fn formats_that_cannot_be_written_are_refused_with_the_usable_ones() {
    let decoder = Decoder::new(None, MAX_BYTES);
    for format in [RecordFormat::Raw, RecordFormat::Auto, RecordFormat::Connect, RecordFormat::Kafka] {
        let error = decoder.encoder("orders", RecordPart::Value, &encoding(format)).expect_err("not writable");
        assert_eq!(error.code, ErrorCode::BadRequest.number());
        assert!(
            error.message.contains("use one of json, text, avro, protobuf, json-schema, messagepack"),
            "{}",
            error.message
        );
    }
    let with_subject = Encoding { subject: Some("x".to_owned()), ..encoding(RecordFormat::Json) };
    let error = decoder.encoder("orders", RecordPart::Value, &with_subject).expect_err("no schema");
    assert_eq!(error.code, ErrorCode::BadRequest.number());
}

/// A registry with a subject for each language.
struct Subjects {
    decoder: Decoder,
    server: Server,
}

impl Subjects {
    fn start() -> Self {
        let server = Server::start(answer);
        let url = RegistryUrl::parse(&server.url()).expect("a URL");
        let registry = Registry::new(&RegistrySettings::new(vec![url]), CompiledSchema::compile);
        Self { decoder: Decoder::new(Some(registry.expect("valid settings")), MAX_BYTES), server }
    }

    fn encoder(&self, format: RecordFormat, subject: &str) -> Result<Arc<Encoder>, protocol::ErrorBody> {
        self.encoder_of(&Encoding { subject: Some(subject.to_owned()), ..encoding(format) })
    }

    fn encoder_of(&self, encoding: &Encoding) -> Result<Arc<Encoder>, protocol::ErrorBody> {
        self.decoder.encoder("orders", RecordPart::Value, encoding)
    }

    fn subject_requests(&self) -> usize {
        self.server.requests().iter().filter(|request| request.line.starts_with("GET /subjects/")).count()
    }
}

const PROTOBUF: &str = "syntax = \"proto3\"; package shop; import \"money.proto\";
    message Order { int64 id = 1; Money price = 2; message Line { string sku = 1; } }
    message Invoice { bool paid = 1; }";

fn answer(request: &Request) -> Reply {
    let schemas = [
        (
            "orders-value",
            1,
            "AVRO",
            r#"{"type":"record","name":"shop.Order","fields":[{"name":"id","type":"long"},{"name":"lines","type":{"type":"array","items":"int"},"default":[]}]}"#,
            "",
        ),
        ("bytes", 2, "AVRO", "\"bytes\"", ""),
        ("protobuf", 3, "PROTOBUF", PROTOBUF, r#"[{"name":"money.proto","subject":"money","version":1}]"#),
        ("money", 4, "PROTOBUF", "syntax = \"proto3\"; package shop; message Money { int64 cents = 1; }", ""),
        (
            "json",
            5,
            "JSON",
            r#"{"type":"object","required":["items"],"properties":{"items":{"type":"array","items":{"properties":{"price":{"oneOf":[{"type":"null"},{"$ref":"price.json"}]}}}}}}"#,
            r#"[{"name":"price.json","subject":"price","version":1}]"#,
        ),
        ("price", 6, "JSON", r#"{"type":"number","minimum":1}"#, ""),
        ("invalid", 7, "AVRO", r#"{"type":"unheard-of"}"#, ""),
        ("invalid-json", 8, "JSON", r#"{"$ref":"http://127.0.0.1:1/x.json"}"#, ""),
    ];
    let path = request.line.strip_prefix("GET ").unwrap_or_default();
    let path = path.split('?').next().unwrap_or_default();
    for (subject, id, kind, text, references) in schemas {
        let is_subject = path
            .strip_prefix("/subjects/")
            .and_then(|rest| rest.split_once("/versions/"))
            .is_some_and(|(name, version)| name == subject && matches!(version, "latest" | "1"));
        if !is_subject && path != format!("/schemas/ids/{id}") {
            continue;
        }
        let mut body =
            serde_json::json!({ "subject": subject, "version": 1, "id": id, "schemaType": kind, "schema": text });
        if !references.is_empty() {
            body["references"] = protocol::from_json(references).expect("JSON");
        }
        return Reply::new(200, body.to_string());
    }
    match path {
        "/subjects/secret/versions/latest" => Reply::new(403, r#"{"error_code":40301,"message":"not allowed"}"#),
        "/subjects/broken/versions/latest" => Reply::new(500, r#"{"error_code":50001,"message":"Error"}"#),
        _ => Reply::new(404, r#"{"error_code":40401,"message":"Subject not found."}"#),
    }
}

#[test]
fn bytes_begin_with_the_id_and_are_decoded_to_the_same_json() {
    let subjects = Subjects::start();
    for (format, subject, prefix, json) in [
        (RecordFormat::Avro, "orders-value", &[0, 0, 0, 0, 1][..], r#"{"id":-3,"lines":[1,2]}"#),
        (RecordFormat::Avro, "bytes", &[0, 0, 0, 0, 2], "\"YWJj\""),
        (RecordFormat::Protobuf, "protobuf", &[0, 0, 0, 0, 3, 0], r#"{"id":7,"price":{"cents":5}}"#),
        (RecordFormat::JsonSchema, "json", &[0, 0, 0, 0, 5], r#"{"items": [{"price": 1.50}, {"price":null}]}"#),
    ] {
        let encoder = subjects.encoder(format, subject).expect("an encoder");
        let bytes = encoder.encode(json).expect("a valid value");
        assert!(bytes.starts_with(prefix), "{subject}: {bytes:?}");
        assert_eq!(decoded(&subjects.decoder, format, &bytes), json);
        let schema = encoder.schema().expect("a schema");
        assert_eq!((schema.subject.as_deref(), schema.version), (Some(subject), Some(1)));
        assert!(encoder.structure().is_some());
        let example = encoder.example();
        assert!(encoder.encode(&example).is_ok(), "{example}");
    }
    let bytes = subjects.encoder(RecordFormat::Avro, "bytes").expect("an encoder").encode("\"YWJj\"");
    assert_eq!(bytes.expect("bytes"), b"\0\0\0\0\x02abc");
    let long = format!("\"{}\"", "QUFB".repeat(1000));
    let bytes = subjects.encoder(RecordFormat::Avro, "bytes").expect("an encoder").encode(&long).expect("bytes");
    assert_eq!(decoded(&subjects.decoder, RecordFormat::Avro, &bytes), long);
}

#[test]
fn message_type_is_written_as_indexes() {
    let subjects = Subjects::start();
    let of = |message: &str| {
        let message = Some(message.to_owned());
        subjects.encoder_of(&Encoding {
            subject: Some("protobuf".to_owned()),
            message,
            ..encoding(RecordFormat::Protobuf)
        })
    };
    let encoder = of("shop.Order.Line").expect("an encoder");
    assert_eq!(encoder.messages(), ["shop.Order", "shop.Order.Line", "shop.Invoice"]);
    let bytes = encoder.encode("{\"sku\":\"a\"}").expect("a line");
    assert_eq!(bytes, b"\0\0\0\0\x03\x04\0\0\x0a\x01a");
    assert_eq!(
        of("shop.Invoice").expect("an encoder").encode("{\"paid\":true}").expect("valid"),
        b"\0\0\0\0\x03\x02\x02\x08\x01"
    );
    for (name, part) in [("shop.Money", "is in a file that the schema imports"), ("shop.Nothing", "no message type")] {
        let error = of(name).expect_err("not of the schema");
        assert_eq!(error.code, ErrorCode::BadRequest.number());
        assert!(error.message.contains(part) && error.message.contains("shop.Invoice"), "{}", error.message);
    }
}

#[test]
fn errors_of_values_have_paths() {
    let subjects = Subjects::start();
    for (format, subject, json, path) in [
        (RecordFormat::Avro, "orders-value", r#"{"id":1,"lines":[1,"x"]}"#, "lines[1]"),
        (RecordFormat::Avro, "orders-value", "{}", "id"),
        (RecordFormat::Protobuf, "protobuf", r#"{"price":{"cents":"x"}}"#, "price.cents"),
        (RecordFormat::JsonSchema, "json", r#"{"items":[{},{},{"price":"x"}]}"#, "items[2].price"),
        (RecordFormat::JsonSchema, "json", r#"{"items":[{"price":0}]}"#, "items[0].price"),
        (RecordFormat::JsonSchema, "json", "{}", ""),
        (RecordFormat::JsonSchema, "json", "{", ""),
    ] {
        let error = subjects.encoder(format, subject).expect("an encoder").encode(json).expect_err(json);
        assert_eq!(error.path, path, "{json}: {error:?}");
        assert!(!error.message.is_empty());
    }
}

#[test]
fn subject_of_the_topic_is_the_default() {
    let subjects = Subjects::start();
    let encoder = subjects.encoder_of(&encoding(RecordFormat::Avro)).expect("an encoder");
    assert_eq!(encoder.schema().and_then(|schema| schema.subject).as_deref(), Some("orders-value"));
    let error = subjects.decoder.encoder("orders", RecordPart::Key, &encoding(RecordFormat::Avro)).expect_err("no key");
    assert_eq!(error.code, ErrorCode::SubjectMissing.number());
    assert!(error.message.contains("\"orders-key\""), "{}", error.message);
}

#[test]
fn refusals_have_codes_and_say_what_to_do() {
    let subjects = Subjects::start();
    for (format, subject, code, part) in [
        (RecordFormat::Avro, "missing", ErrorCode::SubjectMissing, "choose another subject"),
        (RecordFormat::Avro, "secret", ErrorCode::RegistryRefused, "check the user"),
        (RecordFormat::Avro, "broken", ErrorCode::RegistryUnreachable, "try again later"),
        (RecordFormat::Avro, "protobuf", ErrorCode::BadRequest, "has the format protobuf, and not avro"),
        (RecordFormat::JsonSchema, "invalid-json", ErrorCode::SchemaInvalid, "127.0.0.1:1/x.json"),
        (RecordFormat::Avro, "", ErrorCode::BadRequest, "1 to 1024 bytes"),
    ] {
        let error = subjects.encoder(format, subject).expect_err(subject);
        assert_eq!(error.code, code.number(), "{}", error.message);
        assert!(error.message.contains(part), "{subject}: {}", error.message);
    }
    let other = Subjects::start();
    let error = other.encoder(RecordFormat::Avro, "invalid").expect_err("an invalid schema");
    assert_eq!(error.code, ErrorCode::SchemaInvalid.number(), "{}", error.message);
    let mut stopped = Subjects::start();
    stopped.server = Server::start(|_| unreachable!("another server"));
    let error = stopped.encoder(RecordFormat::Avro, "orders-value").expect_err("no server");
    assert_eq!(error.code, ErrorCode::RegistryUnreachable.number());
}

#[test]
fn latest_version_is_asked_for_once_in_some_seconds() {
    let subjects = Subjects::start();
    for _ in 0..20 {
        subjects.encoder(RecordFormat::Avro, "orders-value").expect("an encoder");
        subjects.encoder(RecordFormat::Avro, "missing").expect_err("no subject");
    }
    assert_eq!((subjects.subject_requests(), subjects.server.id_requests()), (2, 1));
    subjects.decoder.forget_registry_answers();
    subjects.encoder(RecordFormat::Avro, "orders-value").expect("an encoder");
    assert_eq!((subjects.subject_requests(), subjects.server.id_requests()), (3, 1));
}

#[test]
fn bad_requests_are_not_cached() {
    let subjects = Subjects::start();
    let of = |message: String| {
        let subject = Some("protobuf".to_owned());
        let encoding = Encoding { subject, message: Some(message), ..encoding(RecordFormat::Protobuf) };
        subjects.encoder_of(&encoding).expect_err("an unknown message type")
    };
    let error = of("x".repeat(1_025));
    assert_eq!(error.code, ErrorCode::BadRequest.number());
    assert!(error.message.contains("at most 1024 bytes, and `message` has 1025"), "{}", error.message);
    assert_eq!(subjects.subject_requests(), 0);
    of("shop.Nothing".to_owned());
    assert_eq!(subjects.decoder.encoders().len(), 0);
}

fn any_json() -> impl Strategy<Value = serde_json::Value> {
    let scalar = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        any::<u64>().prop_map(Into::into),
        any::<f64>().prop_filter("finite", |number| number.is_finite()).prop_map(Into::into),
        any::<f32>().prop_filter("finite", |number| number.is_finite()).prop_map(|number| f64::from(number).into()),
        ".{0,40}".prop_map(Into::into),
    ];
    scalar.prop_recursive(4, 64, 20, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..20).prop_map(Into::into),
            proptest::collection::btree_map(".{0,10}", inner, 0..20)
                .prop_map(|members| members.into_iter().collect::<serde_json::Map<_, _>>().into()),
        ]
    })
}

proptest! {
    #[test]
    fn any_json_is_decoded_as_it_was_encoded(json in any_json()) {
        let decoder = Decoder::new(None, MAX_BYTES);
        for format in [RecordFormat::MessagePack, RecordFormat::Cbor] {
            let bytes = plain(format).encode(&json.to_string()).expect("valid JSON");
            let decoded: serde_json::Value = protocol::from_json(&decoded(&decoder, format, &bytes)).expect("JSON");
            prop_assert_eq!(&decoded, &json);
        }
    }

    #[test]
    fn any_text_is_encoded_or_refused(json in "[\\[\\]{}:,\"\\\\ue0-9+.ntrfals<>/-]{0,16}") {
        for format in RecordFormat::ALL {
            if super::plain::is_writable(*format) {
                let _ = super::plain::encode(*format, &json);
            }
        }
    }
}
