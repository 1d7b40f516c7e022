//! `bridge registry`, `bridge produce --value-schema` and `[[schemas]]`: schemas in the terminal.

use std::fs;
use std::path::Path;

use protocol::{RecordFormat, SubjectResult, from_json};
use tests::configuration::Configuration;
use tests::registry::registry;
use tests::{Bridge, Kafka, Program, unique};

const ORDER: &str = r#"{"type": "record", "name": "shop.Order", "fields": [{"name": "id", "type": "long"},
    {"name": "note", "type": ["null", "string"], "default": null}]}"#;
const INCOMPATIBLE: &str =
    r#"{"type": "record", "name": "shop.Order", "fields": [{"name": "number", "type": "long"}]}"#;

/// The exit code and both outputs of a program that ends by itself.
async fn ended(mut program: Program) -> (i32, String, String) {
    let code = program.exit_code().await;
    let (out, said) = program.all_output().await;
    (code, out, said)
}

/// The output of a program that succeeds.
async fn output(program: Program) -> String {
    let (code, out, said) = ended(program).await;
    assert_eq!(code, 0, "{out}\n{said}");
    out
}

fn bridge(arguments: &[&str]) -> Program {
    Program::bridge(arguments)
}

fn file(folder: &Path, name: &str, text: &str) -> String {
    let path = folder.join(name);
    fs::write(&path, text).expect("a writable folder");
    path.to_str().expect("a path in UTF-8").to_owned()
}

#[tokio::test]
async fn subjects_are_registered_checked_described_and_deleted() {
    let Some(registry) = registry().await else { return };
    let (url, subject) = (registry.url(), unique("terminal"));
    let folder = tempfile::tempdir().expect("a folder");
    let (order, other) = (file(folder.path(), "order.avsc", ORDER), file(folder.path(), "other.avsc", INCOMPATIBLE));
    let of_subject = |command: &str, more: &[&str]| {
        bridge(&[&["registry", command, "--schema-registry", &url, "--subject", &subject][..], more].concat())
    };
    let said = output(of_subject("register", &["--file", &order])).await;
    assert!(said.contains("version 1"), "{said}");
    let names = output(bridge(&["registry", "list", "--schema-registry", &url])).await;
    assert!(names.lines().any(|name| name == subject), "{names}");
    output(of_subject("compatibility", &["--level", "backward"])).await;
    assert_eq!(output(of_subject("compatibility", &[])).await, format!("{subject}: BACKWARD\n"));

    let already = output(of_subject("check", &["--file", &order])).await;
    assert!(already.contains("already has this schema, as version 1"), "{already}");
    let (code, out, said) = ended(of_subject("check", &["--file", &other])).await;
    assert_eq!(code, 1, "{out}\n{said}");
    assert!(out.contains("not compatible"), "{out}");
    let text = output(of_subject("describe", &["--version", "latest"])).await;
    assert!(text.contains("shop.Order"), "{text}");
    let described = output(of_subject("describe", &["--json"])).await;
    let described: SubjectResult = from_json(&described).unwrap_or_else(|error| panic!("{error}: {described}"));
    assert_eq!(described.versions.iter().map(|version| version.version).collect::<Vec<_>>(), [1]);

    // Without a terminal, the deletion must be confirmed on the command line.
    let (code, _, said) = ended(of_subject("delete", &[])).await;
    assert_eq!(code, 2, "{said}");
    output(of_subject("delete", &["--yes"])).await;
    let names = output(bridge(&["registry", "list", "--schema-registry", &url])).await;
    assert!(!names.lines().any(|name| name == subject), "{names}");
    let (code, _, said) = ended(bridge(&["registry", "list"])).await;
    assert_eq!(code, 2, "{said}");
    assert!(said.contains("--schema-registry"), "{said}");
}

#[tokio::test]
async fn json_of_templates_and_lines_is_written_in_a_schema_and_read_again() {
    let (Some(kafka), Some(registry)) = (Kafka::current().await, registry().await) else { return };
    let servers = kafka.bootstrap_servers().expect("real Kafka");
    let (topic, url) = (kafka.topic("typed").await, registry.url());
    let folder = tempfile::tempdir().expect("a folder");
    let order = file(folder.path(), "order.avsc", ORDER);
    let subject = format!("{topic}-value");
    output(bridge(&["registry", "register", "--schema-registry", &url, "--subject", &subject, "--file", &order])).await;

    let common = ["produce", "--bootstrap-servers", &servers, "--topic", &topic, "--schema-registry", &url];
    let produce = |more: &[&str]| bridge(&[&common[..], &["--value-schema", &subject], more].concat());
    let template = r#"{"id": {{i}}, "note": "order {{i}}"}"#;
    let said = output(produce(&["--count", "2", "--interval-ms", "0", "--template", template])).await;
    assert!(said.contains(r#"→ Inviato: {"id": 0, "note": "order 0"}"#), "{said}");
    let mut lines = produce(&["--stdin", "--key-separator", "\\t", "--key-encoding", "int64"]);
    lines.type_and_end("7\t{\"id\": 7}\n8\t{\"id\": \"eight\"}\n");
    let (code, out, said) = ended(lines).await;
    assert_eq!(code, 1, "{out}\n{said}");
    assert!(said.contains("line 2") && said.contains("at id"), "{said}");

    let group = unique("group");
    let consume = ["consume", "--bootstrap-servers", &servers, "--topic", &topic, "--group", &group, "--count", "3"];
    let decode = ["--schema-registry", &url, "--value-format", "avro"];
    let printed = output(bridge(&[&consume[..], &decode].concat())).await;
    let values: Vec<&str> = printed.lines().filter_map(|line| line.strip_prefix("← Consumato: ")).collect();
    let expected = [r#"{"id":0,"note":"order 0"}"#, r#"{"id":1,"note":"order 1"}"#, r#"{"id":7,"note":null}"#];
    assert_eq!(values, expected);

    let group = unique("group");
    let consume = ["consume", "--bootstrap-servers", &servers, "--topic", &topic, "--group", &group, "--count", "3"];
    let keys = ["--key-separator", " = ", "--key-format", "int64"];
    let printed = output(bridge(&[&consume[..], &keys].concat())).await;
    assert!(printed.contains("← Consumato: None = ") && printed.contains("← Consumato: 7 = "), "{printed}");
}

const SHOP: &str = "syntax = \"proto3\"; package shop; import \"common/money.proto\";
message Order { int64 id = 1; common.Money price = 2; } message Other { string text = 1; }";
const MONEY: &str = "syntax = \"proto3\"; package common; message Money { int64 cents = 1; }";

#[tokio::test]
async fn schemas_of_the_configuration_are_used_for_topics_without_a_registry() {
    let Some(kafka) = Kafka::current().await else { return };
    let servers = kafka.bootstrap_servers().expect("real Kafka");
    let (topic, prefix) = (kafka.topic("plain").await, "plain-*");
    let configuration = Configuration::of_files(&[]);
    fs::create_dir_all(configuration.path("proto/common")).expect("a folder");
    fs::write(configuration.path("proto/shop.proto"), SHOP).expect("a file");
    fs::write(configuration.path("proto/common/money.proto"), MONEY).expect("a file");
    let table = format!(
        "[[schemas]]\ntopics = [{prefix:?}]\nproto-path = \"proto\"\nvalue-format = \"protobuf\"\n\
         value-files = [\"proto/common/money.proto\", \"proto/shop.proto\"]\nvalue-message = \"shop.Order\"\n"
    );
    configuration.write_file("ponte.toml", &table);
    let config = configuration.file();
    let common = ["--config", &config, "--bootstrap-servers", &servers, "--topic", &topic];
    let template = r#"{"id": {{i}}, "price": {"cents": 250}}"#;
    let produce = ["--value-encoding", "protobuf", "--count", "2", "--interval-ms", "0", "--template", template];
    output(bridge(&[&["produce"][..], &common, &produce].concat())).await;
    let group = unique("group");
    let consume = ["--group", &group, "--count", "2", "--value-format", "protobuf"];
    let printed = output(bridge(&[&["consume"][..], &common, &consume].concat())).await;
    assert!(printed.contains(r#"← Consumato: {"id":1,"price":{"cents":250}}"#), "{printed}");

    // The same through the bridge, which says where the schema is from.
    let bridge = Bridge::start().on(&kafka).option("--config", &config).await;
    let mut client = bridge.client().await;
    let decode = protocol::Decode::with_formats(RecordFormat::Auto, RecordFormat::Auto);
    let got = super::typed_records::fetched(&mut client, &topic, decode, 2).await;
    let note = got[0].value_note.as_ref().expect("decoded");
    let schema = note.schema.as_ref().expect("a schema");
    assert_eq!((schema.id.as_str(), schema.name.as_deref()), ("shop.proto", Some("shop.Order")), "{note:?}");
    assert_eq!(note.format, Some(RecordFormat::Protobuf), "{note:?}");
}

#[tokio::test]
async fn mistakes_in_schemas_of_the_configuration_are_reported_with_their_line() {
    let configuration = Configuration::of_files(&[("bad.proto", "message {"), ("shop.avsc", "{")]);
    let config = configuration.file();
    for (text, parts) in [
        ("[[schemas]]\nvalue-format = \"avro\"\n", &["line 1", "no topics"][..]),
        ("[[schemas]]\ntopics = [\"a\"]\n", &["line 1", "no schema", "value-files"]),
        ("[[schemas]]\ntopics = [\"a\"]\nvalue-format = \"avro\"\n", &["line 3", "value-format, but no value-files"]),
        ("[[schemas]]\ntopics = [\"a\"]\nkey-files = [\"shop.avsc\"]\n", &["line 3", "key-files, but no key-format"]),
        (
            "[[schemas]]\ntopics = [\"a\"]\nvalue-format = \"avro\"\nvalue-files = [\"missing.avsc\"]\n",
            &["line 4", "cannot read", "missing.avsc"],
        ),
        (
            "[[schemas]]\ntopics = [\"a\"]\nvalue-format = \"protobuf\"\nvalue-files = [\"bad.proto\"]\n",
            &["line 4", "bad.proto"],
        ),
        ("[[schemas]]\ntopics = [\"a\"]\nvalue-format = \"xml\"\n", &["line 3", "avro, protobuf, json-schema"]),
        (
            "[[schemas]]\ntopics = [\"a\"]\nclusters = [\"x\"]\nvalue-format = \"avro\"\nvalue-files = [\"shop.avsc\"]\n",
            &["line 3", "no cluster x"],
        ),
    ] {
        configuration.write_file("ponte.toml", text);
        let (code, out, said) = ended(bridge(&["config", "check", "--config", &config])).await;
        assert_eq!(code, 2, "{text}\n{out}\n{said}");
        for part in parts {
            assert!(said.contains(part), "{part} for {text}\n{said}");
        }
    }
}
