//! JSON that the bridge encodes (`encode`) and that Confluent's deserializers for Python read.

use local_registry::LocalRegistry;
use protocol::{
    Decode, DescribeEncoding, DescribeEncodingResult, Encode, EncodeResult, EncodedValue, Encoding, ErrorCode,
    ProduceRecord, Record, RecordFormat, RecordPart, RegisterSchema, RegisterSchemaResult, SchemaDraft, SchemaLanguage,
    TypeKind, WireBytes,
};
use serde::Deserialize;
use tests::client::{Client, text_record};
use tests::python::Python;
use tests::registry::registry;
use tests::{Bridge, Kafka, eventually, unique};

use super::typed_records::{Typed, fetched};

/// A line of the scripts that read.
#[derive(Debug, Deserialize, PartialEq)]
struct Read {
    offset: i64,
    key: Option<String>,
    value: String,
}

fn encoding(format: RecordFormat) -> Encoding {
    Encoding { format, subject: None, version: None, message: None, schema: None }
}

/// The bytes of one value.
async fn encoded(client: &mut Client, topic: &str, part: RecordPart, encoding: Encoding, json: &str) -> WireBytes {
    let request = Encode { topic: topic.to_owned(), part, encoding, values: vec![json.to_owned()] };
    let EncodeResult { mut values, .. } = client.ask(request).await;
    match values.pop() {
        Some(EncodedValue::Bytes(bytes)) if values.is_empty() => bytes,
        other => panic!("{json}: {other:?}, {values:?}"),
    }
}

/// Records with the subjects of their schemas, which are loaded after the schemas.
async fn with_subjects(typed: &Typed, format: RecordFormat) -> Vec<Record> {
    let end = typed.written.iter().map(|written| written.offset + 1).max().unwrap_or_default();
    eventually("the subjects of all schemas", || async {
        let mut client = typed.bridge.client().await;
        let got = fetched(&mut client, &typed.topic, Decode::with_formats(format, format), end).await;
        let has_subject = |record: &Record| {
            let schema = record.value_note.as_ref().and_then(|note| note.schema.as_ref());
            schema.is_some_and(|schema| schema.subject.is_some())
        };
        got.iter().all(has_subject).then_some(got)
    })
    .await
}

/// Encodes the decoded form of each record of a script, and writes it to a topic of its own. Returns the topic.
async fn written_again(typed: &Typed, kafka: &Kafka, format: RecordFormat) -> String {
    let again = kafka.topic("again").await;
    let mut client = typed.bridge.client().await;
    for record in with_subjects(typed, format).await {
        let mut new = ProduceRecord { topic: again.clone(), ..ProduceRecord::default() };
        for (part, bytes, note, to) in [
            (RecordPart::Key, &record.key, &record.key_note, &mut new.key),
            (RecordPart::Value, &record.value, &record.value_note, &mut new.value),
        ] {
            let WireBytes::Json(json) = bytes else { continue };
            let schema = note.as_ref().and_then(|note| note.schema.as_ref()).expect("decoded with a schema");
            let encoding = Encoding {
                subject: schema.subject.clone(),
                version: schema.version,
                message: schema.name.clone().filter(|_| format == RecordFormat::Protobuf),
                ..encoding(format)
            };
            *to = encoded(&mut client, &typed.topic, part, encoding, json.get()).await;
        }
        client.write(vec![new]).await;
    }
    again
}

async fn check_same_for_python(script: (&str, &str), arguments: &[&str], format: RecordFormat) {
    let (write, read) = script;
    let Some(typed) = Typed::by(write).await else { return };
    let (Some(kafka), Some(registry)) = (Kafka::current().await, registry().await) else { return };
    let Some(python) = Python::with(&kafka.bootstrap_servers().expect("real Kafka"), &registry.url()).await else {
        return;
    };
    let again = written_again(&typed, &kafka, format).await;
    let original: Vec<Read> = python.run(read, &typed.topic, arguments).await;
    let read_again: Vec<Read> = python.run(read, &again, arguments).await;
    assert_eq!(original.len(), typed.written.len());
    for ((one, other), written) in original.iter().zip(&read_again).zip(&typed.written) {
        assert_eq!((&one.key, &one.value), (&other.key, &other.value), "{}", written.what);
    }
}

#[tokio::test]
async fn avro_of_every_type_written_here_is_read_by_python_with_the_same_values() {
    check_same_for_python(("write_avro.py", "read_avro.py"), &["key", "value"], RecordFormat::Avro).await;
}

#[tokio::test]
async fn json_with_a_schema_written_here_is_read_by_python_with_the_same_values() {
    check_same_for_python(("write_json.py", "read_json.py"), &[], RecordFormat::JsonSchema).await;
}

#[tokio::test]
async fn protobuf_of_every_type_written_here_has_the_bytes_that_python_wrote() {
    let Some(typed) = Typed::by("write_protobuf.py").await else { return };
    let Some(kafka) = Kafka::current().await else { return };
    let again = written_again(&typed, &kafka, RecordFormat::Protobuf).await;
    // Python reads one type per run, and the script writes several. Equal JSON of equal message types is the same message.
    let mut client = typed.bridge.client().await;
    let end = typed.written.len() as i64;
    let decode = Decode::with_formats(RecordFormat::Protobuf, RecordFormat::Protobuf);
    let got = fetched(&mut client, &again, decode, end).await;
    for (record, written) in got.iter().zip(&typed.written) {
        let WireBytes::Json(json) = &record.value else { panic!("{}: {record:?}", written.what) };
        assert_eq!(json.get(), written.value, "{}", written.what);
    }
    let Some(registry) = registry().await else { return };
    let Some(python) = Python::with(&kafka.bootstrap_servers().expect("real Kafka"), &registry.url()).await else {
        return;
    };
    // The records of one type, read by Python.
    let orders = kafka.topic("orders").await;
    let is_order = |name: &Option<String>| name.as_deref().is_some_and(|name| name.ends_with(".Order"));
    let raw = fetched(&mut client, &again, Decode::default(), end).await;
    let of_orders: Vec<&Record> = raw
        .iter()
        .zip(&typed.written)
        .filter(|(_, written)| is_order(&written.name))
        .map(|(record, _)| record)
        .collect();
    assert!(!of_orders.is_empty());
    for record in &of_orders {
        client.write(vec![ProduceRecord { value: record.value.clone(), ..text_record(&orders, "") }]).await;
    }
    let read: Vec<Read> = python.run("read_protobuf.py", &orders, &["Order"]).await;
    assert_eq!(read.len(), of_orders.len());
}

const ORDER: &str = r#"{"type": "record", "name": "shop.Order", "fields": [
    {"name": "id", "type": "long"},
    {"name": "state", "type": {"type": "enum", "name": "State", "symbols": ["NEW", "PAID"]}},
    {"name": "note", "type": ["null", "string"], "default": null}
]}"#;

async fn register(client: &mut Client, subject: &str, language: SchemaLanguage, text: &str) -> RegisterSchemaResult {
    let schema = SchemaDraft { language, text: text.to_owned(), references: Vec::new() };
    client.ask(RegisterSchema { subject: subject.to_owned(), schema }).await
}

async fn bridge_with(kafka: &Kafka, registry: &LocalRegistry) -> Bridge {
    Bridge::start().on(kafka).option("--schema-registry", &registry.url()).await
}

#[tokio::test]
async fn values_that_do_not_fit_have_the_path_of_the_field_and_the_others_are_encoded() {
    let (Some(kafka), Some(registry)) = (Kafka::current().await, registry().await) else { return };
    let (bridge, topic) = (bridge_with(&kafka, registry).await, unique("checked"));
    let mut client = bridge.client().await;
    // Without a subject in the request, it is the one that Confluent's serializers use.
    register(&mut client, &format!("{topic}-value"), SchemaLanguage::Avro, ORDER).await;
    let values = [
        r#"{"id": 9007199254740993, "state": "NEW", "note": null}"#,
        r#"{"id": "x", "state": "NEW"}"#,
        r#"{"id": 1, "state": "LOST"}"#,
        r#"{"id": 1, "#,
        r#"{"id": 1, "state": "PAID"}"#,
    ];
    let request = Encode {
        topic: topic.clone(),
        part: RecordPart::Value,
        encoding: encoding(RecordFormat::Avro),
        values: values.map(str::to_owned).to_vec(),
    };
    let EncodeResult { schema, values } = client.ask(request).await;
    let schema = schema.expect("Avro has a schema");
    assert_eq!((schema.subject.as_deref(), schema.version), (Some(format!("{topic}-value").as_str()), Some(1)));
    let paths: Vec<Option<&str>> = values
        .iter()
        .map(|value| match value {
            EncodedValue::Bytes(_) => None,
            EncodedValue::Error(error) => Some(error.path.as_str()),
        })
        .collect();
    assert_eq!(paths, [None, Some("id"), Some("state"), Some(""), None]);
}

#[tokio::test]
async fn example_of_each_language_can_be_encoded() {
    let (Some(kafka), Some(registry)) = (Kafka::current().await, registry().await) else { return };
    let bridge = bridge_with(&kafka, registry).await;
    let mut client = bridge.client().await;
    let json = r#"{"$schema": "http://json-schema.org/draft-07/schema#", "title": "Order", "type": "object",
        "properties": {"id": {"type": "integer"}, "tags": {"type": "array", "items": {"type": "string"}}}, "required": ["id"]}"#;
    let proto = "syntax = \"proto3\"; package shop; message Order { int64 id = 1; repeated string tags = 2; }";
    for (language, text) in
        [(SchemaLanguage::Avro, ORDER), (SchemaLanguage::Protobuf, proto), (SchemaLanguage::Json, json)]
    {
        let topic = unique("example");
        register(&mut client, &format!("{topic}-value"), language, text).await;
        let encoding = encoding(language.format());
        let request = DescribeEncoding { topic: topic.clone(), part: RecordPart::Value, encoding: encoding.clone() };
        let described: DescribeEncodingResult = client.ask(request).await;
        let structure = described.structure.unwrap_or_else(|| panic!("{language:?} has no structure"));
        let root = match structure.root.kind {
            TypeKind::Named(index) => structure.named[index as usize].kind.clone(),
            kind => kind,
        };
        let TypeKind::Record(fields) = root else { panic!("{language:?}: {root:?}") };
        assert!(fields.iter().any(|field| field.name == "id" && field.kind.kind == TypeKind::Integer), "{fields:?}");
        encoded(&mut client, &topic, RecordPart::Value, encoding, &described.example).await;
    }
}

#[tokio::test]
async fn formats_without_a_schema_are_encoded_without_a_registry() {
    let topic = unique("plain");
    let bridge = Bridge::start().demo().topic(&topic).await;
    let mut client = bridge.client().await;
    for (format, json, expected) in [
        (RecordFormat::Int64, "42", &b"\0\0\0\0\0\0\0\x2a"[..]),
        (RecordFormat::Int8, "-1", b"\xff"),
        (RecordFormat::Uuid, r#""00000000-0000-0000-0000-000000000007""#, b"\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x07"),
        (RecordFormat::Text, r#""città""#, "città".as_bytes()),
        (RecordFormat::Cbor, "[1]", b"\x81\x01"),
        (RecordFormat::MessagePack, "[1]", b"\x91\x01"),
    ] {
        let bytes = encoded(&mut client, &topic, RecordPart::Key, encoding(format), json).await;
        assert_eq!(bytes.as_kafka(), Some(expected), "{format}");
    }
    let refused = |format, values: Vec<String>| Encode {
        topic: topic.clone(),
        part: RecordPart::Value,
        encoding: encoding(format),
        values,
    };
    for (request, code) in [
        (refused(RecordFormat::Auto, vec![String::new()]), ErrorCode::BadRequest),
        (refused(RecordFormat::Json, vec!["1".to_owned(); 1_001]), ErrorCode::BadRequest),
        (refused(RecordFormat::Avro, vec!["1".to_owned()]), ErrorCode::NoRegistry),
    ] {
        let error = client.refused(request).await;
        assert_eq!(error.error.code, code.number(), "{error:?}");
    }
}

#[tokio::test]
async fn missing_subject_is_named() {
    let (Some(kafka), Some(registry)) = (Kafka::current().await, registry().await) else { return };
    let (bridge, topic) = (bridge_with(&kafka, registry).await, unique("missing"));
    let mut client = bridge.client().await;
    let request =
        DescribeEncoding { topic: topic.clone(), part: RecordPart::Value, encoding: encoding(RecordFormat::Protobuf) };
    let error = client.refused(request).await;
    assert_eq!(error.error.code, ErrorCode::SubjectMissing.number(), "{error:?}");
    assert!(error.error.message.contains(&format!("{topic}-value")), "{error:?}");
}

/// Apicurio's serializers of version 2 write ids of eight bytes unless they are configured otherwise.
#[tokio::test]
async fn ids_of_eight_bytes_are_read_and_written_if_the_registry_is_configured_for_them() {
    let (Some(kafka), Some(registry)) = (Kafka::current().await, registry().await) else { return };
    let topic = kafka.topic("eight").await;
    let configuration = tests::configuration::Configuration::of_files(&[(
        "registry.properties",
        "apicurio.registry.id-handler=io.apicurio.registry.serde.DefaultIdHandler\napicurio.registry.use-id=contentId\n",
    )]);
    let properties = configuration.path("registry.properties").display().to_string();
    let bridge = Bridge::start()
        .on(&kafka)
        .option("--schema-registry", &registry.url())
        .option("--schema-registry-config", &properties)
        .await;
    let mut client = bridge.client().await;
    let registered = register(&mut client, &format!("{topic}-value"), SchemaLanguage::Avro, ORDER).await;
    let json = r#"{"id":7,"state":"NEW","note":null}"#;
    let value = encoded(&mut client, &topic, RecordPart::Value, encoding(RecordFormat::Avro), json).await;
    let id = u64::from(registered.schema_id).to_be_bytes();
    assert!(value.as_kafka().is_some_and(|bytes| bytes[0] == 0 && bytes[1..9] == id), "{value:?}");
    client.write(vec![ProduceRecord { value, ..text_record(&topic, "") }]).await;
    let auto = Decode::with_formats(RecordFormat::Auto, RecordFormat::Auto);
    let got = fetched(&mut client, &topic, auto, 1).await;
    let WireBytes::Json(decoded) = &got[0].value else { panic!("{got:?}") };
    assert_eq!(decoded.get(), json);
}
