//! Schemas that clients send, and those of the configuration.

use std::sync::Arc;

use protocol::{
    AddSchema, Decode, Encoding, ErrorCode, LocalSchemaId, NamePattern, RecordFormat, RecordPart, SchemaFile,
    SchemaLanguage, WireBytes,
};

use super::{LocalSchema, LocalSchemas, SourceFile, TopicRule, TopicSchema, TopicSchemas};
use crate::Decoder;

const PROTO: &str = "syntax = \"proto3\"; package shop; import \"money.proto\";
    message Order { int64 id = 1; Money price = 2; message Line { string sku = 1; } }
    message Invoice { bool paid = 1; }";
const MONEY: &str = "syntax = \"proto3\"; package shop; message Money { int64 cents = 1; }";
const AVRO: &str = r#"{"type":"record","name":"shop.Order","fields":[{"name":"price","type":"shop.Money"}]}"#;
const AVRO_MONEY: &str = r#"{"type":"record","name":"shop.Money","fields":[{"name":"cents","type":"long"}]}"#;

fn add(language: SchemaLanguage, files: &[(&str, &str)], message: Option<&str>) -> AddSchema {
    let files =
        files.iter().map(|(name, text)| SchemaFile { name: (*name).to_owned(), content: WireBytes::text(*text) });
    AddSchema { language, files: files.collect(), message: message.map(str::to_owned) }
}

fn decoder() -> Decoder {
    Decoder::new(None, 1 << 20)
}

fn encoding(format: RecordFormat, schema: LocalSchemaId) -> Encoding {
    Encoding { format, subject: None, version: None, message: None, schema: Some(schema) }
}

#[test]
fn files_may_use_the_types_of_earlier_files() {
    let decoder = decoder();
    for (language, files, json) in [
        (SchemaLanguage::Avro, [("money.avsc", AVRO_MONEY), ("order.avsc", AVRO)], r#"{"price":{"cents":7}}"#),
        (SchemaLanguage::Protobuf, [("money.proto", MONEY), ("order.proto", PROTO)], r#"{"id":5,"price":{"cents":7}}"#),
        (
            SchemaLanguage::Json,
            [
                ("money.json", r#"{"type":"integer"}"#),
                ("order.json", r#"{"properties":{"price":{"$ref":"money.json"}}}"#),
            ],
            r#"{"price":7}"#,
        ),
    ] {
        let added = decoder.add_schema(&add(language, &files, None)).expect("a valid schema");
        let encoding = encoding(language.format(), added.schema);
        let encoder = decoder.encoder("t", RecordPart::Value, &encoding).expect("an encoder");
        let bytes = encoder.encode(json).expect("a valid value");
        let schema = decoder.local_schemas().get(added.schema).expect("it is kept");
        let mut decoded = Vec::new();
        schema.decode(&bytes, &mut crate::JsonWriter::new(&mut decoded, 1000)).expect("valid bytes");
        assert_eq!(String::from_utf8_lossy(&decoded), json);
        assert!(encoder.encode(&encoder.example()).is_ok(), "{}", encoder.example());
        assert!(encoder.structure().is_some());
    }
}

#[test]
fn message_types_are_listed_and_chosen() {
    let decoder = decoder();
    let files = [("money.proto", MONEY), ("order.proto", PROTO)];
    let added = decoder.add_schema(&add(SchemaLanguage::Protobuf, &files, None)).expect("a valid schema");
    assert_eq!(added.messages, ["shop.Order", "shop.Order.Line", "shop.Invoice", "shop.Money"]);
    let invoice = decoder.add_schema(&add(SchemaLanguage::Protobuf, &files, Some("shop.Invoice"))).expect("valid");
    assert_ne!(invoice.schema, added.schema);
    let chosen = |schema, message: Option<&str>| {
        let encoding = Encoding { message: message.map(str::to_owned), ..encoding(RecordFormat::Protobuf, schema) };
        decoder
            .encoder("t", RecordPart::Value, &encoding)
            .map(|encoder| encoder.schema().and_then(|schema| schema.name))
    };
    assert_eq!(chosen(added.schema, None).expect("valid").as_deref(), Some("shop.Order"));
    assert_eq!(chosen(invoice.schema, None).expect("valid").as_deref(), Some("shop.Invoice"));
    assert_eq!(chosen(added.schema, Some("shop.Money")).expect("valid").as_deref(), Some("shop.Money"));
    let error = chosen(added.schema, Some("shop.Nothing")).expect_err("unknown");
    assert!(error.message.contains("\"shop.Nothing\"; it has shop.Order, "), "{}", error.message);
    let error = decoder.add_schema(&add(SchemaLanguage::Avro, &[("a", "\"int\"")], Some("x"))).expect_err("Avro");
    assert_eq!(error.code, ErrorCode::SchemaInvalid.number());
}

#[test]
fn descriptor_set_is_recognized() {
    use prost_reflect::prost::Message as _;
    let mut compiler = protox::Compiler::with_file_resolver(Files);
    compiler.include_imports(true).open_file("order.proto").expect("valid");
    let set = compiler.file_descriptor_set().encode_to_vec();
    let request = AddSchema {
        language: SchemaLanguage::Protobuf,
        files: vec![SchemaFile { name: "shop.desc".to_owned(), content: WireBytes::Base64(set) }],
        message: None,
    };
    let added = decoder().add_schema(&request).expect("a descriptor set");
    assert_eq!(added.messages[0], "shop.Order");
}

struct Files;

impl protox::file::FileResolver for Files {
    fn open_file(&self, name: &str) -> Result<protox::file::File, protox::Error> {
        protox::file::File::from_source(name, if name == "money.proto" { MONEY } else { PROTO })
    }
}

#[test]
fn refusals_say_which_file_is_wrong() {
    let decoder = decoder();
    let refused = |language, files: &[(&str, &str)]| {
        let error = decoder.add_schema(&add(language, files, None)).expect_err("an invalid schema");
        (error.code, error.message)
    };
    let (invalid, bad) = (ErrorCode::SchemaInvalid.number(), ErrorCode::BadRequest.number());
    for (language, files, code, part) in [
        (SchemaLanguage::Avro, &[("a.avsc", "{")][..], invalid, "a.avsc: invalid JSON"),
        (SchemaLanguage::Avro, &[("a.avsc", "\"unheard-of\"")], invalid, "unheard-of"),
        (SchemaLanguage::Protobuf, &[("a.proto", "syntax = \"proto3\"; message {")], invalid, "a.proto"),
        (SchemaLanguage::Protobuf, &[("a.proto", "syntax = \"proto3\";")], invalid, "no message types"),
        (SchemaLanguage::Json, &[("a.json", "{\"type\":7}")], invalid, "a.json: "),
        (SchemaLanguage::Json, &[("a.json", "{\"$ref\":\"b.json\"}")], invalid, "b.json"),
        (SchemaLanguage::Json, &[("a.json", "{\"$ref\":\"https://example.com/x\"}")], invalid, "example.com"),
        (SchemaLanguage::Avro, &[("a", "\"int\""), ("a", "\"int\"")], invalid, "two files have the name \"a\""),
        (SchemaLanguage::Avro, &[("", "\"int\"")], bad, "has no name"),
        (SchemaLanguage::Avro, &[], bad, "1 to 256 files"),
    ] {
        let (found, message) = refused(language, files);
        assert!(found == code && message.contains(part), "{files:?}: {found} {message}");
    }
    let large = format!("\"int\"{}", " ".repeat(protocol::limits::SCHEMA_BYTES));
    assert_eq!(refused(SchemaLanguage::Avro, &[("a", &large)]).0, bad);
}

#[test]
fn id_depends_on_every_part_of_the_schema() {
    let file = |name, content: &'static str| SourceFile { name, content: content.as_bytes() };
    let ids = [
        LocalSchema::id_of(SchemaLanguage::Avro, &[file("a", "bc")], None),
        LocalSchema::id_of(SchemaLanguage::Json, &[file("a", "bc")], None),
        LocalSchema::id_of(SchemaLanguage::Avro, &[file("ab", "c")], None),
        LocalSchema::id_of(SchemaLanguage::Avro, &[file("a", "b"), file("c", "")], None),
        LocalSchema::id_of(SchemaLanguage::Avro, &[file("a", "bc")], Some("")),
        LocalSchema::id_of(SchemaLanguage::Avro, &[file("a", "bc")], Some("a")),
    ];
    for (index, id) in ids.iter().enumerate() {
        assert!(!ids[..index].contains(id), "{index}");
    }
    assert_eq!(ids[0], LocalSchema::id_of(SchemaLanguage::Avro, &[file("a", "bc")], None));
}

#[test]
fn least_recently_used_schema_leaves() {
    let schema = |size: usize| {
        let text = format!("\"int\"{}", " ".repeat(size - 6));
        let file = SourceFile { name: "a", content: text.as_bytes() };
        Arc::new(LocalSchema::compile(SchemaLanguage::Avro, &[file], None, String::new()).expect("valid"))
    };
    let schemas = LocalSchemas::with_limits(3, 100);
    let present = |count: u128| (0..count).filter(|id| schemas.get(LocalSchemaId(*id)).is_some()).collect::<Vec<_>>();
    for id in 0..3 {
        schemas.insert(LocalSchemaId(id), schema(10));
    }
    assert!(schemas.get(LocalSchemaId(0)).is_some());
    schemas.insert(LocalSchemaId(3), schema(10));
    assert_eq!(present(9), [0, 2, 3]);
    schemas.insert(LocalSchemaId(4), schema(85));
    assert_eq!(present(9), [3, 4]);
    schemas.insert(LocalSchemaId(4), schema(10));
    schemas.insert(LocalSchemaId(5), schema(80));
    assert_eq!(present(9), [3, 4, 5]);
}

fn topic_schema(language: SchemaLanguage, text: &str) -> TopicSchema {
    let files = vec![("order".to_owned(), text.as_bytes().to_vec())];
    TopicSchema { language, files, message: None, name: "order.file".to_owned() }
}

fn rule(topics: &str, key: Option<&str>, value: Option<&str>) -> TopicRule {
    let schema = |text: &str| topic_schema(SchemaLanguage::Avro, text);
    TopicRule { topics: vec![NamePattern(topics.to_owned())], key: key.map(schema), value: value.map(schema) }
}

#[test]
fn first_rule_with_a_schema_for_the_part_counts() {
    let rules = [
        rule("orders-*", None, Some("\"string\"")),
        rule("orders*", Some("\"int\""), Some("\"long\"")),
        rule("__*", None, Some("\"int\"")),
    ];
    let topics = TopicSchemas::compile(&rules).expect("valid schemas");
    let found = |topic: &str, part| {
        topics.get(topic, part).map(|schema| schema.schema().structure().expect("a structure").root.title)
    };
    assert_eq!(found("orders-1", RecordPart::Value).as_deref(), Some("string"));
    assert_eq!(found("orders-1", RecordPart::Key).as_deref(), Some("int"));
    assert_eq!(found("orders", RecordPart::Value).as_deref(), Some("long"));
    assert_eq!(found("other", RecordPart::Value), None);
    assert_eq!(found("__x", RecordPart::Value).as_deref(), Some("int"));
    let error = TopicSchemas::compile(&[rule("a*", Some("{"), None)]).expect_err("invalid");
    assert!(
        error.message.starts_with("the schema \"order.file\" for keys of the topics \"a*\" cannot be used: order: "),
        "{error}"
    );
}

#[test]
fn configured_schema_is_the_default_for_writing() {
    let topics = TopicSchemas::compile(&[rule("orders", None, Some("\"long\""))]).expect("valid");
    let decoder = decoder().with_topic_schemas(topics);
    let encoding = Encoding { schema: None, ..encoding(RecordFormat::Avro, LocalSchemaId(0)) };
    let encoder = decoder.encoder("orders", RecordPart::Value, &encoding).expect("an encoder");
    assert_eq!(encoder.encode("-1"), Ok(vec![1]));
    assert_eq!(encoder.schema().expect("a schema").id, "order.file");
    let error = decoder.encoder("orders", RecordPart::Key, &encoding).expect_err("no schema");
    assert_eq!(error.code, ErrorCode::NoRegistry.number());
    assert!(error.message.contains("\"orders-key\""), "{}", error.message);
    let json = Encoding { format: RecordFormat::JsonSchema, ..encoding };
    let error = decoder.encoder("orders", RecordPart::Value, &json).expect_err("another format");
    assert_eq!(error.code, ErrorCode::BadRequest.number());
}

#[test]
fn forgotten_schema_must_be_sent_again() {
    let id = LocalSchemaId(7);
    let error = decoder().encoder("t", RecordPart::Value, &encoding(RecordFormat::Avro, id)).expect_err("unknown");
    assert_eq!(error.code, ErrorCode::SchemaForgotten.number());
    assert!(error.retriable && error.message.contains(&id.to_string()), "{}", error.message);
    let decode = Decode { value: RecordFormat::Auto, value_schema: Some(id), ..Decode::default() };
    assert!(!decode.is_raw());
}

#[test]
fn patterns_of_a_rule_share_one_compiled_schema() {
    let mut rule = rule("orders-*", None, Some("\"long\""));
    rule.topics.push(NamePattern("invoices".to_owned()));
    let topics = TopicSchemas::compile(&[rule.clone()]).expect("a valid schema");
    let found = |topic: &str| topics.get(topic, RecordPart::Value).cloned();
    let (first, second) = (found("orders-1").expect("a schema"), found("invoices").expect("a schema"));
    assert!(Arc::ptr_eq(&first, &second) && found("other").is_none());
    rule.value = Some(topic_schema(SchemaLanguage::Avro, "{"));
    let error = TopicSchemas::compile(&[rule]).expect_err("invalid");
    assert!(error.message.contains("of the topics \"orders-*\", \"invoices\" cannot be used"), "{error}");
}

#[test]
fn protobuf_file_that_is_not_utf8_is_named() {
    let latin: &[u8] = b"// Caff\xe8\nsyntax = \"proto3\"; message M {}";
    let compile = |files: &[SourceFile<'_>]| {
        LocalSchema::compile(SchemaLanguage::Protobuf, files, None, String::new()).expect_err("not UTF-8").message
    };
    let file = |name, content| SourceFile { name, content };
    let expected = "latin.proto: the file is neither UTF-8 text nor a descriptor set; save the file as UTF-8, or use protoc \
                    --descriptor_set_out";
    assert_eq!(compile(&[file("latin.proto", latin)]), expected);
    assert_eq!(compile(&[file("money.proto", MONEY.as_bytes()), file("latin.proto", latin)]), expected);
    assert_eq!(compile(&[file("latin.proto", latin), file("money.proto", MONEY.as_bytes())]), expected);
}

#[test]
fn long_examples_are_replaced_by_short_ones() {
    let decoder = decoder();
    let long = "x".repeat(100_000);
    let json = format!(
        r#"{{"type":"object","required":["a"],"properties":{{"a":{{"type":"integer"}}}},"examples":[{{"a":1,"b":"{long}"}}]}}"#
    );
    let protobuf = format!("message M {{ optional string a = 1 [default = \"{long}\"]; }}");
    let avro = format!(
        r#"{{"type":"record","name":"R","fields":[{{"name":"a","type":["null","H"]}},{{"name":"b","type":{{"type":"array","items":{{"type":"fixed","name":"H","size":{}}}}}}}]}}"#,
        long.len()
    );
    for (language, text, example) in [
        (SchemaLanguage::Json, json, r#"{"a":1}"#),
        (SchemaLanguage::Protobuf, protobuf, "{}"),
        (SchemaLanguage::Avro, avro, r#"{"a":null,"b":[]}"#),
    ] {
        let added = decoder.add_schema(&add(language, &[("file", &text)], None)).expect("a valid schema");
        let encoding = encoding(language.format(), added.schema);
        let encoder = decoder.encoder("t", RecordPart::Value, &encoding).expect("an encoder");
        assert_eq!(encoder.example(), example);
        assert!(encoder.encode(example).is_ok());
    }
}
