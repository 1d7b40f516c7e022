//! Schemas that a client sends (`add_schema`), for records whose schema is in no registry.

use protocol::{
    AddSchema, AddSchemaResult, Decode, Encode, EncodeResult, EncodedValue, Encoding, ErrorCode, LocalSchemaId,
    ProduceRecord, RecordFormat, RecordPart, SchemaFile, SchemaLanguage, Subscribe, WireBytes,
};
use tests::client::text_record;
use tests::configuration::{Configuration, client_of};
use tests::{Bridge, Client, Watch, unique};

use super::typed_records::{records, subscription};

const SHOP: &str = "syntax = \"proto3\"; package shop; message Order { int64 id = 1; string email = 2; } message Other { bool b = 1; }";
/// The same fields under another name.
const RENAMED: &str = "syntax = \"proto3\"; message X { int64 id = 1; string e = 2; }";

fn shop(text: &str, message: Option<&str>) -> AddSchema {
    AddSchema {
        language: SchemaLanguage::Protobuf,
        files: vec![SchemaFile { name: "shop.proto".to_owned(), content: WireBytes::text(text) }],
        message: message.map(str::to_owned),
    }
}

fn values_with(schema: LocalSchemaId) -> Decode {
    Decode { value_schema: Some(schema), ..Decode::with_formats(RecordFormat::Raw, RecordFormat::Protobuf) }
}

async fn encoded(client: &mut Client, topic: &str, schema: LocalSchemaId, json: &str) -> WireBytes {
    let encoding =
        Encoding { format: RecordFormat::Protobuf, subject: None, version: None, message: None, schema: Some(schema) };
    let request = Encode { topic: topic.to_owned(), part: RecordPart::Value, encoding, values: vec![json.to_owned()] };
    let EncodeResult { mut values, .. } = client.ask(request).await;
    match values.pop() {
        Some(EncodedValue::Bytes(bytes)) => bytes,
        other => panic!("{json}: {other:?}"),
    }
}

#[tokio::test]
async fn schema_of_a_client_writes_and_reads_records_without_a_registry() {
    let topic = unique("own");
    let bridge = Bridge::start().demo().topic(&topic).await;
    let mut client = bridge.client().await;
    let AddSchemaResult { schema, messages } = client.ask(shop(SHOP, Some("shop.Order"))).await;
    assert_eq!(messages, ["shop.Order", "shop.Other"]);
    let again: AddSchemaResult = bridge.client().await.ask(shop(SHOP, Some("shop.Order"))).await;
    assert_eq!(again.schema, schema, "the same schema has the same id");

    let json = r#"{"id":9007199254740993,"email":"ada@example.com"}"#;
    let value = encoded(&mut client, &topic, schema, json).await;
    client.write(vec![ProduceRecord { value, ..text_record(&topic, "") }]).await;
    let got = records(&mut client, subscription(&topic, values_with(schema)), 1).await;
    let WireBytes::Json(decoded) = &got[0].value else { panic!("{got:?}") };
    assert_eq!(decoded.get(), json);
    let note = got[0].value_note.as_ref().and_then(|note| note.schema.as_ref()).expect("a schema");
    assert_eq!((note.id.clone(), note.name.as_deref()), (schema.to_string(), Some("shop.Order")));
}

#[tokio::test]
async fn invalid_and_unknown_schemas_are_refused_with_the_reason() {
    let bridge = Bridge::start().demo().await;
    let mut client = bridge.client().await;
    let file = |name: &str| SchemaFile { name: name.to_owned(), content: WireBytes::text("x") };
    let many = AddSchema { files: (0..300).map(|n| file(&n.to_string())).collect(), ..shop(SHOP, None) };
    for (request, code) in [
        (shop("message {", None), ErrorCode::SchemaInvalid),
        (shop(SHOP, Some("shop.Missing")), ErrorCode::SchemaInvalid),
        (AddSchema { files: Vec::new(), ..shop(SHOP, None) }, ErrorCode::BadRequest),
        (many, ErrorCode::BadRequest),
        (shop(&format!("// {}", "x".repeat(3 << 20)), None), ErrorCode::BadRequest),
    ] {
        let refused = client.refused(request).await;
        assert_eq!(refused.error.code, code.number(), "{refused:?}");
    }
    let unknown = LocalSchemaId(7);
    let encode = Encode {
        topic: unique("own"),
        part: RecordPart::Value,
        encoding: Encoding {
            format: RecordFormat::Avro,
            subject: None,
            version: None,
            message: None,
            schema: Some(unknown),
        },
        values: Vec::new(),
    };
    let refused = client.refused(encode).await;
    assert_eq!(refused.error.code, ErrorCode::SchemaForgotten.number(), "{refused:?}");

    let topic = unique("own");
    client.write(vec![text_record(&topic, "abc")]).await;
    let got = records(&mut client, subscription(&topic, values_with(unknown)), 1).await;
    let note = got[0].value_note.as_ref().and_then(|note| note.decode_error.as_ref()).expect("not decoded");
    assert_eq!(note.code, "schema_not_found", "{note:?}");
}

/// A schema of one's own may give a field any name, and some formats leave out levels: both would show what a mask hides.
#[tokio::test]
async fn masked_topics_cannot_be_read_with_an_own_schema_or_a_format_that_renames_fields() {
    let topic = unique("masked");
    let rules = "[[rules]]\nusers = [\"reader\"]\ntopics = [\"*\"]\nallow = [\"read\"]\n\
                 [[masks]]\ntopics = [\"masked-*\"]\nfields = [\"value.email\"]\n";
    let configuration = Configuration::new(&[("reader", &[])], rules);
    let bridge = configuration.bridge_with_operator().demo().topic(&topic).await;
    let mut operator = tests::configuration::operator(&bridge).await;
    let AddSchemaResult { schema, .. } = operator.ask(shop(SHOP, None)).await;
    let value = encoded(&mut operator, &topic, schema, r#"{"id":1,"email":"ada@example.com"}"#).await;
    operator.write(vec![ProduceRecord { value, ..text_record(&topic, "") }]).await;

    let mut reader = client_of(&bridge, "reader").await;
    let AddSchemaResult { schema, .. } = reader.ask(shop(RENAMED, None)).await;
    for decode in [
        values_with(schema),
        Decode::with_formats(RecordFormat::Raw, RecordFormat::Text),
        Decode::with_formats(RecordFormat::Raw, RecordFormat::Xml),
        Decode::with_formats(RecordFormat::Connect, RecordFormat::Raw),
    ] {
        let fetch = protocol::Fetch {
            topic: topic.clone(),
            partition: 0,
            from: protocol::Offset(0),
            to: protocol::Offset(1),
            decode,
        };
        let refused = reader.refused(fetch).await;
        assert_eq!(refused.error.code, ErrorCode::Forbidden.number(), "{refused:?}");
        let refused = reader.refused(Subscribe { decode, ..Watch::tail(&topic).message() }).await;
        assert_eq!(refused.error.code, ErrorCode::Forbidden.number(), "{refused:?}");
    }
    let auto = Decode::with_formats(RecordFormat::Auto, RecordFormat::Auto);
    let got = records(&mut reader, subscription(&topic, auto), 1).await;
    assert!(!format!("{got:?}").contains("ada@"), "{got:?}");
}
