//! `bridge consume --value-format`: typed records in the terminal, with a real schema registry.

use std::fs;

use protocol::{ProduceRecord, SchemaDraft, SchemaLanguage, WireBytes};
use serdes::AvroSchema;
use serdes::registry::{Registry, RegistrySettings, RegistryUrl};
use tests::client::text_record;
use tests::registry::registry;
use tests::{Bridge, Kafka, Program, unique};

/// Must not appear in any output.
const CANARY: &str = "canary-71be0c-password";

const ORDER: &str = r#"{"type": "record", "name": "shop.Order", "fields": [
    {"name": "id", "type": "long"},
    {"name": "note", "type": ["null", "string"], "default": null},
    {"name": "total", "type": {"type": "bytes", "logicalType": "decimal", "precision": 12, "scale": 2}}
]}"#;

/// Registers an Avro schema and returns its id.
async fn register(url: &str, subject: &str, schema: &str) -> u32 {
    let settings = RegistrySettings::new(vec![RegistryUrl::parse(url).expect("a URL")]);
    let client = Registry::<()>::new(&settings, |_| Ok(())).expect("a client").client();
    let schema = SchemaDraft { language: SchemaLanguage::Avro, text: schema.to_owned(), references: Vec::new() };
    client.register(subject, &schema).await.unwrap_or_else(|error| panic!("{subject}: {error}"))
}

/// A value with Confluent's prefix.
fn framed(id: u32, body: &[u8]) -> Vec<u8> {
    [&[0][..], &id.to_be_bytes(), body].concat()
}

fn record(topic: &str, value: &[u8]) -> ProduceRecord {
    ProduceRecord { topic: topic.to_owned(), value: WireBytes::from_kafka(Some(value)), ..ProduceRecord::default() }
}

fn consume(servers: &str, topic: &str, more: &[&str]) -> Program {
    let group = unique("group");
    let arguments = ["consume", "--bootstrap-servers", servers, "--topic", topic, "--group", &group];
    Program::bridge(&[&arguments[..], more].concat())
}

/// The lines of standard output after the first one, and standard error, of a program that ends by itself.
async fn values(mut program: Program) -> (Vec<String>, String) {
    let code = program.exit_code().await;
    let (out, said) = program.all_output().await;
    assert_eq!(code, 0, "{out}\n{said}");
    let lines = out.lines().skip(1);
    let values = lines.map(|line| line.strip_prefix("← Consumato: ").unwrap_or_else(|| panic!("{line}")).to_owned());
    (values.collect(), said)
}

#[tokio::test]
async fn avro_is_printed_as_json_and_what_cannot_be_decoded_as_it_is() {
    let (Some(kafka), Some(registry)) = (Kafka::current().await, registry().await) else { return };
    let topic = kafka.topic("orders").await;
    let bridge = Bridge::start().on(&kafka).topic(&topic).await;
    let servers = bridge.bootstrap_servers().await;
    let id = register(&registry.url(), &format!("{topic}-value"), ORDER).await;
    let schema = AvroSchema::parse(ORDER, &[]).expect("a schema");
    let json = r#"{"id":9007199254740993,"note":"città","total":1234.50}"#;
    let (order, plain) = (framed(id, &schema.encode(json).expect("a value")), r#"{"z":1,  "a":1.0}"#);
    // These ids have no byte of a line break.
    let (unknown, other) = (framed(999_999, b"abc"), framed(888_888, b"def"));
    let mut client = bridge.client().await;
    let null = ProduceRecord { topic: topic.clone(), ..ProduceRecord::default() };
    let records =
        vec![record(&topic, &order), text_record(&topic, plain), record(&topic, &unknown), record(&topic, &unknown)];
    client.write(records).await;
    client.write(vec![record(&topic, &other), null, record(&topic, &order)]).await;

    let url = registry.url();
    let typed = ["--count", "7", "--schema-registry", &url, "--value-format"];
    let (printed, said) = values(consume(&servers, &topic, &[&typed[..], &["auto"]].concat())).await;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert_eq!(printed, [json, plain, &text(&unknown), &text(&unknown), &text(&other), "None", json]);
    let reasons: Vec<&str> = said.lines().filter(|line| line.starts_with("not decoded: ")).collect();
    let first = reasons.first().unwrap_or_else(|| panic!("{said}"));
    assert!(first.starts_with("not decoded: partition 0, offset 2: ") && first.contains("999999"), "{said}");
    assert!(reasons.len() <= 2, "the same reason is printed once: {said}");
    assert!(said.contains("3 values could not be decoded and were printed as they are"), "{said}");

    let (printed, said) = values(consume(&servers, &topic, &[&typed[..], &["avro"]].concat())).await;
    assert_eq!((printed[0].as_str(), printed[1].as_str()), (json, plain));
    assert!(said.contains("4 values could not be decoded"), "JSON is not Avro: {said}");
}

#[tokio::test]
async fn terminal_takes_the_registry_of_its_cluster_from_the_configuration_file() {
    let (Some(kafka), Some(registry)) = (Kafka::current().await, registry().await) else { return };
    let topic = kafka.topic("orders").await;
    let bridge = Bridge::start().on(&kafka).topic(&topic).await;
    let servers = bridge.bootstrap_servers().await;
    let id = register(&registry.url(), &format!("{topic}-value"), r#""long""#).await;
    let body = AvroSchema::parse(r#""long""#, &[]).expect("a schema").encode("-42").expect("a value");
    bridge.client().await.write(vec![record(&topic, &framed(id, &body))]).await;

    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("ponte.toml");
    // Nothing listens there, and the file of properties does not exist.
    let text = format!(
        "schema-registry = \"http://127.0.0.1:9\"\nschema-registry-config = \"missing.properties\"\n\
         [clusters.main]\nbootstrap-servers = {servers:?}\nschema-registry = [{:?}]\n",
        registry.url()
    );
    fs::write(&file, text).expect("a file");
    let file = file.to_str().expect("a plain path");
    let group = unique("group");
    let arguments =
        ["consume", "--config", file, "--topic", &topic, "--group", &group, "--count", "1", "--value-format", "auto"];
    let (printed, said) = values(Program::bridge(&arguments)).await;
    assert_eq!(printed, ["-42"], "{said}");
}

#[tokio::test]
async fn without_a_registry_the_other_formats_are_decoded_and_the_default_is_byte_for_byte() {
    let topic = unique("formats");
    let bridge = Bridge::start().demo().topic(&topic).await;
    let servers = bridge.bootstrap_servers().await;
    let mut client = bridge.client().await;
    // {"a": 1} as MessagePack, and bytes that would need a registry.
    let (packed, framed) = (b"\x81\xa1a\x01", framed(77, b"\x01\x02"));
    client.write(vec![record(&topic, packed), record(&topic, &framed)]).await;

    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (printed, said) = values(consume(&servers, &topic, &["--count", "2"])).await;
    assert_eq!(printed, [text(packed), text(&framed)]);
    assert!(!said.contains("decoded"), "{said}");
    let (printed, said) = values(consume(&servers, &topic, &["--count", "2", "--value-format", "messagepack"])).await;
    assert_eq!(printed, [r#"{"a":1}"#.to_owned(), text(&framed)]);
    assert!(said.contains("not decoded: partition 0, offset 1: ") && said.contains("1 value could not"), "{said}");
    // Of several reasons within a second, only the first is printed.
    let topic = unique("framed");
    client.write(vec![record(&topic, &framed)]).await;
    let (_, said) = values(consume(&servers, &topic, &["--count", "1", "--value-format", "avro"])).await;
    assert!(said.contains("--schema-registry"), "the reason names the option: {said}");
}

#[tokio::test]
async fn invalid_registry_options_are_refused_without_their_secrets() {
    let folder = tempfile::tempdir().expect("a folder");
    let properties = folder.path().join("registry.properties");
    fs::write(&properties, format!("\nbasic.auth.user={CANARY}\n")).expect("a file");
    let properties = properties.to_str().expect("a plain path");
    let with_credentials = format!("http://ann:{CANARY}@a.example:8081");
    let toml = folder.path().join("ponte.toml");
    fs::write(&toml, format!("schema-registry = [{with_credentials:?}]\n")).expect("a file");
    let toml = toml.to_str().expect("a plain path");
    let at = ["--schema-registry", "http://a.example:8081", "--schema-registry-config", properties];
    let unknown = [
        "--schema-registry-config",
        "registry.properties, line 2",
        "unknown property basic.auth.user",
        "basic.auth.user.info",
    ];
    for (arguments, environment, words) in [
        ([&["config", "check"][..], &at].concat(), None, &unknown[..]),
        ([&["consume", "--value-format", "auto"][..], &at].concat(), None, &unknown),
        (vec!["config", "check", "--schema-registry", "a.example:8081"], None, &["--schema-registry", "http://"]),
        (vec!["config", "check", "--schema-registry-config", properties], None, &unknown),
        (vec!["config", "check", "--config", toml], None, &["ponte.toml, line 1", "http://…@a.example:8081"]),
        (vec!["config", "check"], Some(with_credentials.as_str()), &["PONTE_SCHEMA_REGISTRY", "http://…@a.example"]),
        (vec!["--max-decoded-bytes", "1"], None, &["--max-decoded-bytes", "65536 to 67108864"]),
        (vec!["consume", "--value-format", "avros"], None, &["--value-format", "avro", "messagepack"]),
    ] {
        let environment = environment.map(|value| ("PONTE_SCHEMA_REGISTRY", value));
        let mut program = Program::bridge_with(&arguments, environment.as_slice());
        let code = program.exit_code().await;
        let (out, said) = program.all_output().await;
        assert_eq!((code, out.as_str()), (2, ""), "{arguments:?}: {said}");
        for word in words {
            assert!(said.contains(word), "{arguments:?}: {word} is not in {said}");
        }
        assert!(!said.contains(CANARY), "{said}");
    }

    fs::write(properties, format!("basic.auth.user.info=ann:{CANARY}\n")).expect("a file");
    for command in ["check", "print"] {
        let mut program = Program::bridge(&[&["config", command][..], &at].concat());
        let code = program.exit_code().await;
        let (out, said) = program.all_output().await;
        assert_eq!(code, 0, "{said}");
        assert!(!out.contains(CANARY) && !said.contains(CANARY), "{out}\n{said}");
        if command == "print" {
            let line = format!("schema-registry-config = {properties:?}  # command line");
            assert!(out.lines().any(|printed| printed == line), "{out}");
            assert!(out.contains("schema-registry = [\"http://a.example:8081\"]  # command line"), "{out}");
        }
    }
}
