//! Records that Confluent's serializers for Python wrote, as clients of the bridge get them with `decode`.

use std::collections::HashMap;

use local_registry::LocalRegistry;
use protocol::{
    Decode, DecodeNote, Fetch, Fetched, Offset, ProduceRecord, Record, RecordFormat, Records, Subscribe, Subscribed,
};
use protocol::{WireBytes, from_json};
use serde::Deserialize;
use tests::client::{Client, RecordExt, text_record};
use tests::python::Python;
use tests::registry::{own_registry, registry};
use tests::{Bridge, Kafka, Watch, eventually, unique};

/// What a script wrote, and what a reader must get.
#[derive(Debug, Deserialize)]
pub(super) struct Written {
    pub what: String,
    pub offset: i64,
    /// JSON.
    pub value: String,
    key: Option<String>,
    /// The full name of the type.
    pub name: Option<String>,
    subject: Option<String>,
}

const AUTO: Decode = Decode::with_formats(RecordFormat::Auto, RecordFormat::Auto);

/// The JSON and the note of a decoded key or value.
#[track_caller]
fn decoded<'r>(what: &str, bytes: &'r WireBytes, note: Option<&'r DecodeNote>) -> (&'r str, &'r DecodeNote) {
    match (bytes, note) {
        (WireBytes::Json(json), Some(note)) if note.is_decoded() => (json.get(), note),
        _ => panic!("{what} is not decoded: {bytes:?}, {note:?}"),
    }
}

/// The code and the message of a value that was not decoded.
#[track_caller]
fn failure(record: &Record) -> (&str, &str) {
    let note = record.value_note.as_deref().unwrap_or_else(|| panic!("no note: {record:?}"));
    let error = note.decode_error.as_ref().unwrap_or_else(|| panic!("no error: {record:?}"));
    (&error.code, &error.message)
}

pub(super) fn subscription(topic: &str, decode: Decode) -> Subscribe {
    Subscribe { decode, ..Watch::tail(topic).message() }
}

/// The first `count` records of the topic, from a subscription of their own.
pub(super) async fn records(client: &mut Client, subscribe: Subscribe, count: usize) -> Vec<Record> {
    let Subscribed { subscription, .. } = client.ask(subscribe).await;
    let mut got = Vec::new();
    while got.len() < count {
        let what = format!("record {} of {count}", got.len() + 1);
        let batch = client
            .find(&what, |frame| match &frame.message {
                protocol::ServerMessage::Records(records) if records.subscription == subscription => {
                    Some(records.clone())
                }
                _ => None,
            })
            .await;
        let Records { records, .. } = batch;
        got.extend(records);
    }
    got
}

pub(super) async fn fetched(client: &mut Client, topic: &str, decode: Decode, to: i64) -> Vec<Record> {
    let range = Fetch { topic: topic.to_owned(), partition: 0, from: Offset(0), to: Offset(to), decode };
    let Fetched { records, .. } = client.ask(range).await;
    records
}

/// A topic with the records of a script, and a bridge that reads them.
pub(super) struct Typed {
    pub bridge: Bridge,
    pub topic: String,
    pub written: Vec<Written>,
}

impl Typed {
    /// `None` after a skip.
    pub async fn by(script: &str) -> Option<Self> {
        let kafka = Kafka::current().await?;
        let registry = registry().await?;
        let python = Python::with(&kafka.bootstrap_servers().expect("real Kafka"), &registry.url()).await?;
        let topic = kafka.topic("typed").await;
        let written = python.run(script, &topic, &[]).await;
        let bridge = Bridge::start().on(&kafka).option("--schema-registry", &registry.url()).await;
        Some(Self { bridge, topic, written })
    }

    /// Checks all records of a subscription and of a fetch with these formats.
    async fn check(&self, decode: Decode, format: RecordFormat) {
        let mut client = self.bridge.client().await;
        let subscribed = records(&mut client, subscription(&self.topic, decode), self.written.len()).await;
        let end = self.written.iter().map(|written| written.offset + 1).max().unwrap_or_default();
        let fetched = fetched(&mut client, &self.topic, decode, end).await;
        for got in [&subscribed, &fetched] {
            assert_eq!(got.len(), self.written.len());
            let by_offset: HashMap<i64, &Record> = got.iter().map(|record| (record.offset.0, record)).collect();
            for written in &self.written {
                written.check(by_offset[&written.offset], format);
            }
        }
    }
}

impl Written {
    #[track_caller]
    fn check(&self, record: &Record, format: RecordFormat) {
        let Self { what, value, key, name, .. } = self;
        let (json, note) = decoded(what, &record.value, record.value_note.as_deref());
        assert_eq!((json, note.format), (value.as_str(), Some(format)), "{what}");
        let schema = note.schema.as_ref().unwrap_or_else(|| panic!("{what} has no schema: {note:?}"));
        assert!(schema.id.parse::<u32>().is_ok_and(|id| id > 0), "{what}: {schema:?}");
        if name.is_some() {
            assert_eq!(schema.name, *name, "{what}");
        }
        // The subject is loaded after the first records are shown.
        if let (Some(expected), Some(subject)) = (&self.subject, &schema.subject) {
            assert_eq!((subject, schema.version), (expected, Some(1)), "{what}");
        }
        match key {
            None => assert_eq!((&record.key, &record.key_note), (&WireBytes::Null, &None), "{what}"),
            Some(key) => {
                let (json, _) = decoded(what, &record.key, record.key_note.as_deref());
                assert_eq!(json, key, "the key of {what}");
            }
        }
    }
}

#[tokio::test]
async fn avro_of_every_type_arrives_with_the_values_that_python_wrote() {
    let Some(typed) = Typed::by("write_avro.py").await else { return };
    assert!(typed.written.len() > 40);
    typed.check(AUTO, RecordFormat::Avro).await;
    typed.check(Decode::with_formats(RecordFormat::Avro, RecordFormat::Avro), RecordFormat::Avro).await;
}

#[tokio::test]
async fn protobuf_of_every_type_arrives_with_the_values_that_python_wrote() {
    let Some(typed) = Typed::by("write_protobuf.py").await else { return };
    typed.check(AUTO, RecordFormat::Protobuf).await;
    typed.check(Decode::with_formats(RecordFormat::Protobuf, RecordFormat::Protobuf), RecordFormat::Protobuf).await;
}

#[tokio::test]
async fn json_with_a_schema_arrives_with_the_values_that_python_wrote() {
    let Some(typed) = Typed::by("write_json.py").await else { return };
    typed.check(AUTO, RecordFormat::JsonSchema).await;
    typed
        .check(Decode::with_formats(RecordFormat::JsonSchema, RecordFormat::JsonSchema), RecordFormat::JsonSchema)
        .await;
}

#[tokio::test]
async fn wrong_format_leaves_every_record_raw_with_the_reason() {
    let Some(typed) = Typed::by("write_json.py").await else { return };
    let mut client = typed.bridge.client().await;
    let count = typed.written.len();
    let raw = records(&mut client, subscription(&typed.topic, Decode::default()), count).await;
    let decode = Decode { value: RecordFormat::Avro, ..Decode::default() };
    let got = records(&mut client, subscription(&typed.topic, decode), count).await;
    for (got, raw) in got.iter().zip(&raw) {
        let (code, message) = failure(got);
        assert_eq!(code, "malformed");
        assert!(message.contains("json-schema") && message.contains("avro"), "{message}");
        assert_eq!((got.offset, &got.key, &got.value), (raw.offset, &raw.key, &raw.value));
        assert_eq!((&raw.key_note, &raw.value_note, &got.key_note), (&None, &None, &None));
    }
}

/// Stops or starts a registry without blocking the runtime.
async fn changed(mut registry: LocalRegistry, change: fn(&mut LocalRegistry)) -> LocalRegistry {
    let changed = tokio::task::spawn_blocking(move || {
        change(&mut registry);
        registry
    });
    changed.await.expect("no panic")
}

#[tokio::test]
async fn records_arrive_raw_while_the_registry_is_down_and_are_decoded_by_a_later_fetch() {
    let Some(kafka) = Kafka::current().await else { return };
    let Some(mut registry) = own_registry().await else { return };
    let servers = kafka.bootstrap_servers().expect("real Kafka");
    let Some(python) = Python::with(&servers, &registry.url()).await else { return };
    let topic = kafka.topic("registry-down").await;
    let written: Vec<Written> = python.run("write_json.py", &topic, &[]).await;
    registry = changed(registry, LocalRegistry::stop).await;

    let bridge = Bridge::start().on(&kafka).option("--schema-registry", &registry.url()).await;
    let mut client = bridge.client().await;
    let got = records(&mut client, subscription(&topic, AUTO), written.len()).await;
    let raw = records(&mut client, subscription(&topic, Decode::default()), written.len()).await;
    for (got, raw) in got.iter().zip(&raw) {
        assert_eq!(failure(got).0, "schema_unavailable", "{got:?}");
        assert_eq!((&got.key, &got.value), (&raw.key, &raw.value));
    }

    // Its schemas are in memory, so the same ones are registered again, in the same order.
    let _registry = changed(registry, |registry| registry.restart().expect("the registry starts again")).await;
    let again = kafka.topic("registry-up").await;
    python.run::<Written>("write_json.py", &again, &[]).await;
    eventually("records decoded by the registry that is back", || async {
        let mut client = bridge.client().await;
        let got = fetched(&mut client, &topic, AUTO, written.len() as i64).await;
        got.iter().all(|record| record.value_note.as_ref().is_some_and(|note| note.is_decoded())).then_some(got)
    })
    .await
    .iter()
    .zip(&written)
    .for_each(|(record, written)| written.check(record, RecordFormat::JsonSchema));
}

/// A value with Confluent's prefix.
fn framed(topic: &str, id: u32, body: &[u8]) -> ProduceRecord {
    let value = [&[0][..], &id.to_be_bytes(), body].concat();
    ProduceRecord { value: WireBytes::from_kafka(Some(&value)), ..text_record(topic, "") }
}

#[tokio::test]
async fn unknown_schema_leaves_its_record_raw_and_the_others_decoded() {
    let Some(typed) = Typed::by("write_json.py").await else { return };
    let mut client = typed.bridge.client().await;
    let topic = &typed.topic;
    let unknown = framed(topic, 987_654_321, b"\x02abc\xff").with_key("k");
    client.write(vec![unknown.clone(), text_record(topic, "ciao")]).await;
    let count = typed.written.len() + 2;
    let got = records(&mut client, subscription(topic, AUTO), count).await;
    for written in &typed.written {
        written.check(&got[written.offset as usize], RecordFormat::JsonSchema);
    }
    let [.., unknown_got, text] = &got[..] else { panic!("{} records", got.len()) };
    let (code, message) = failure(unknown_got);
    assert_eq!(code, "schema_not_found");
    assert!(message.contains("987654321"), "{message}");
    assert_eq!((&unknown_got.key, &unknown_got.value), (&unknown.key, &unknown.value));
    assert_eq!((text.value.as_kafka(), &text.value_note), (Some(&b"ciao"[..]), &None));
}

#[tokio::test]
async fn garbage_that_looks_like_schema_ids_arrives_complete_and_raw() {
    const COUNT: usize = 5_000;
    let Some(kafka) = Kafka::current().await else { return };
    let Some(registry) = registry().await else { return };
    let topic = kafka.topic("garbage").await;
    let bridge = Bridge::start().on(&kafka).option("--schema-registry", &registry.url()).await;
    let mut client = bridge.client().await;
    let mut random = fastrand::Rng::with_seed(15);
    // Ids beyond those of the other tests.
    let sent: Vec<ProduceRecord> = (0..COUNT)
        .map(|_| {
            framed(
                &topic,
                random.u32(1 << 24..),
                &std::iter::repeat_with(|| random.u8(..)).take(40).collect::<Vec<u8>>(),
            )
        })
        .collect();
    for chunk in sent.chunks(500) {
        client.write(chunk.to_vec()).await;
    }
    let got = records(&mut client, subscription(&topic, AUTO), COUNT).await;
    for (got, sent) in got.iter().zip(&sent) {
        assert_eq!(got.value, sent.value);
        let (code, message) = failure(got);
        assert!(["schema_not_found", "schema_unavailable"].contains(&code), "{code}: {message}");
    }
}

#[tokio::test]
async fn typed_records_without_a_registry_say_how_to_start_one() {
    let topic = unique("no-registry");
    let bridge = Bridge::start().demo().topic(&topic).await;
    let mut client = bridge.client().await;
    client.write(vec![framed(&topic, 7, b"\x02abc\xff"), text_record(&topic, r#"{"a":1}"#)]).await;
    let got = records(&mut client, subscription(&topic, AUTO), 2).await;
    let (code, message) = failure(&got[0]);
    assert_eq!(code, "no_schema");
    assert!(message.contains("--schema-registry"), "{message}");
    assert_eq!((got[1].value.as_kafka(), &got[1].value_note), (Some(&br#"{"a":1}"#[..]), &None));
    let json = Decode { value: RecordFormat::Json, ..Decode::default() };
    let got = fetched(&mut client, &topic, json, 2).await;
    assert_eq!(failure(&got[0]).0, "malformed");
    let (json, note) = decoded("JSON", &got[1].value, got[1].value_note.as_deref());
    assert_eq!((json, note.format), (r#"{"a":1}"#, Some(RecordFormat::Json)));
    from_json::<serde::de::IgnoredAny>(json).expect("valid JSON");
}
