//! The client of `serdes` against a real registry.

mod common;

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use local_registry::{LocalRegistry, Options, Port};
use protocol::{CompatibilityLevel, RegistryReference, SchemaDraft, SchemaLanguage, VersionOfSubject};
use serdes::DecodeErrorCode;
use serdes::registry::{
    Deleted, Deletion, Lookup, RegisteredSchema, Registry, RegistryClient, RegistryError, RegistrySettings,
    RegistryUrl, SchemaId, Version,
};
use tokio::sync::RwLock;

/// Longer than any load takes on a loaded machine.
const LONG: Duration = Duration::from_secs(30);

static SERVER: OnceLock<Option<LocalRegistry>> = OnceLock::new();

/// A client of the registry that the tests of this file share. `None`: the test is skipped.
fn registry(test: &str) -> Option<Registry<RegisteredSchema>> {
    let server = SERVER.get_or_init(|| {
        // A static is not dropped, so a new directory would stay.
        let directory = Some(Path::new(env!("CARGO_TARGET_TMPDIR")).join("registry"));
        common::registry(test, &Options { port: Port::Free, directory })
    });
    let url = RegistryUrl::parse(&server.as_ref()?.url()).expect("a URL");
    Some(Registry::new(&RegistrySettings::new(vec![url]), |schema| Ok(schema.clone())).expect("valid settings"))
}

fn schema(language: SchemaLanguage, text: impl Into<String>, references: &[(&str, &str)]) -> SchemaDraft {
    let reference = |&(name, subject): &(&str, &str)| {
        let (name, subject) = (name.to_owned(), subject.to_owned());
        RegistryReference { name, subject, version: 1 }
    };
    SchemaDraft { language, text: text.into(), references: references.iter().map(reference).collect() }
}

/// An Avro record with one field.
fn record(name: &str, kind: &str) -> String {
    format!(r#"{{"type":"record","name":"{name}","fields":[{{"name":"field","type":"{kind}"}}]}}"#)
}

/// Apicurio removes the contents that no version has when it deletes a version permanently, also a content for which another request is
/// just about to create the version. So nothing is registered meanwhile.
static CONTENTS: RwLock<()> = RwLock::const_new(());

async fn register(client: &RegistryClient, subject: &str, schema: &SchemaDraft) -> u32 {
    let _kept = CONTENTS.read().await;
    client.register(subject, schema).await.unwrap_or_else(|error| panic!("{subject}: {error}"))
}

async fn loaded(registry: &Registry<RegisteredSchema>, id: SchemaId) -> RegisteredSchema {
    registry.load(&[id], LONG).await;
    registry.get(id).into_result(id).unwrap_or_else(|error| panic!("{id}: {error}")).as_ref().clone()
}

fn refusal<T: std::fmt::Debug>(result: Result<T, RegistryError>) -> (u16, Option<i64>) {
    match result {
        Err(RegistryError::Refused { status, error_code, .. }) => (status, error_code),
        other => panic!("not refused: {other:?}"),
    }
}

#[tokio::test]
async fn schema_has_its_references_from_other_subjects() {
    let Some(registry) = registry("schema_has_its_references_from_other_subjects") else { return };
    let client = registry.client();
    let texts =
        [record("ref.Currency", "string"), record("ref.Money", "ref.Currency"), record("ref.Order", "ref.Money")];
    register(&client, "ref/currency", &schema(SchemaLanguage::Avro, &texts[0], &[])).await;
    let money = schema(SchemaLanguage::Avro, &texts[1], &[("ref.Currency", "ref/currency")]);
    let money = register(&client, "ref.Money", &money).await;
    let references = [("ref.Money", "ref.Money"), ("ref.Currency", "ref/currency")];
    let order = schema(SchemaLanguage::Avro, &texts[2], &references);
    let id = register(&client, "ref:orders-value", &order).await;

    let found = loaded(&registry, SchemaId::Id(id)).await;
    assert_eq!((found.language, &found.text), (SchemaLanguage::Avro, &texts[2]));
    let expected = [("ref.Currency".to_owned(), texts[0].clone()), ("ref.Money".to_owned(), texts[1].clone())];
    assert_eq!(found.references, expected);

    let deadline = Instant::now() + LONG;
    while registry.versions_of(SchemaId::Id(id)).is_none() && Instant::now() < deadline {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let versions = vec![VersionOfSubject { subject: "ref:orders-value".to_owned(), version: 1 }];
    assert_eq!(registry.versions_of(SchemaId::Id(id)), Some(versions.clone()));
    assert_eq!(client.versions_of(SchemaId::Id(id)).await, Ok(versions));
    assert_eq!(client.referenced_by("ref.Money", Version::Number(1)).await, Ok(vec![id]));

    let found = client.version("ref:orders-value", Version::Latest).await.expect("a version");
    assert_eq!((found.id, found.version, found.language), (id, 1, SchemaLanguage::Avro));
    assert_eq!((found.text, found.references), (order.text.clone(), order.references.clone()));
    let found = client.lookup("ref:orders-value", &order).await.expect("an answer").expect("a version");
    assert_eq!((found.id, found.version), (id, 1));
    let other = schema(SchemaLanguage::Avro, record("ref.Other", "int"), &[]);
    assert_eq!(client.lookup("ref:orders-value", &other).await, Ok(None));

    // A referenced schema cannot be deleted.
    assert_eq!(refusal(client.delete_subject("ref.Money", Deletion::Soft).await), (422, Some(42206)));
    assert!(money < id);
}

#[tokio::test]
async fn protobuf_and_json_schemas_have_their_types() {
    let Some(registry) = registry("protobuf_and_json_schemas_have_their_types") else { return };
    let client = registry.client();
    let money = "syntax = \"proto3\";\npackage shop;\nmessage Money { int64 cents = 1; }\n";
    let order =
        "syntax = \"proto3\";\npackage shop;\nimport \"shop/money.proto\";\nmessage Order { Money total = 1; }\n";
    register(&client, "shop/money.proto", &schema(SchemaLanguage::Protobuf, money, &[])).await;
    let order = schema(SchemaLanguage::Protobuf, order, &[("shop/money.proto", "shop/money.proto")]);
    let id = register(&client, "proto-value", &order).await;
    let found = loaded(&registry, SchemaId::Id(id)).await;
    assert_eq!(found.language, SchemaLanguage::Protobuf);
    assert_eq!(found.references, [("shop/money.proto".to_owned(), money.to_owned())]);
    let found = client.lookup("proto-value", &order).await.expect("an answer").expect("a version");
    assert_eq!(found.language, SchemaLanguage::Protobuf);

    let text = r#"{"type":"object","properties":{"a":{"type":"integer"}}}"#;
    let id = register(&client, "json-value", &schema(SchemaLanguage::Json, text, &[])).await;
    let found = loaded(&registry, SchemaId::Id(id)).await;
    assert_eq!((found.language, found.text.as_str()), (SchemaLanguage::Json, text));
    assert_eq!(client.types().await.expect("a list").len(), 3);
}

#[tokio::test]
async fn schemas_have_global_ids_and_content_ids() {
    let Some(registry) = registry("schemas_have_global_ids_and_content_ids") else { return };
    let client = registry.client();
    let inner = schema(SchemaLanguage::Avro, record("eight.Inner", "long"), &[]);
    let outer = schema(SchemaLanguage::Avro, record("eight.Outer", "eight.Inner"), &[("eight.Inner", "eight.Inner")]);
    // The same content under several subjects: one contentId, several globalIds. So both numbers differ.
    let contents = [
        register(&client, "eight.Inner", &inner).await,
        register(&client, "eight.Inner.again", &inner).await,
        register(&client, "eight/outer", &outer).await,
        register(&client, "eight/outer/again", &outer).await,
    ];
    assert_eq!((contents[0], contents[2]), (contents[1], contents[3]));

    let found = loaded(&registry, SchemaId::Content(u64::from(contents[2]))).await;
    let references = vec![("eight.Inner".to_owned(), inner.text.clone())];
    assert_eq!((found.language, &found.text, &found.references), (SchemaLanguage::Avro, &outer.text, &references));

    for artifact in ["eight/outer", "eight/outer/again"] {
        let id = SchemaId::Global(global_id(artifact));
        let schema = loaded(&registry, id).await;
        assert_eq!(
            (schema.language, schema.text, &schema.references),
            (SchemaLanguage::Avro, outer.text.clone(), &references),
            "{id}"
        );
        let versions = client.versions_of(id).await;
        assert_eq!(versions, Ok(vec![VersionOfSubject { subject: artifact.to_owned(), version: 1 }]));
    }
    assert_ne!(global_id("eight/outer/again"), u64::from(contents[2]));
}

/// The globalId of the first version of an artifact, which Confluent's API does not tell.
fn global_id(artifact: &str) -> u64 {
    let port = SERVER.get().and_then(Option::as_ref).expect("a server").port();
    let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("a connection");
    let path = format!("/apis/registry/v3/groups/default/artifacts/{}/versions/1", artifact.replace('/', "%2F"));
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    let number = answer.split("\"globalId\":").nth(1).and_then(|rest| rest.split([',', '}']).next());
    number.and_then(|number| number.parse().ok()).unwrap_or_else(|| panic!("{answer}"))
}

#[tokio::test]
async fn unknown_ids_are_not_found() {
    let Some(registry) = registry("unknown_ids_are_not_found") else { return };
    let ids = [
        SchemaId::Id(987_654),
        SchemaId::Id(u32::MAX),
        SchemaId::Global(u64::MAX),
        SchemaId::Global(1 << 40),
        SchemaId::Content(1 << 40),
        // Apicurio 3.0.9 does not have this request.
        SchemaId::Guid(0x89791762_2336_4186_9674_299b90a802e2),
    ];
    registry.load(&ids, LONG).await;
    for id in ids {
        let Lookup::Failed(error) = registry.get(id) else { panic!("{id}: {:?}", registry.get(id)) };
        assert_eq!(error.code, DecodeErrorCode::SchemaNotFound, "{error}");
        assert!(error.message.starts_with(&format!("the registry has no schema with the id {id}")), "{error}");
    }
}

#[tokio::test]
async fn incompatible_schema_is_refused() {
    let Some(registry) = registry("incompatible_schema_is_refused") else { return };
    let client = registry.client();
    let (long, string) = (record("compatible.Record", "long"), record("compatible.Record", "string"));
    let (long, string) = (schema(SchemaLanguage::Avro, long, &[]), schema(SchemaLanguage::Avro, string, &[]));
    register(&client, "compatible", &long).await;
    client.set_compatibility("compatible", Some(CompatibilityLevel::FullTransitive)).await.expect("set");
    assert_eq!(client.compatibility("compatible").await, Ok(Some(CompatibilityLevel::FullTransitive)));
    assert!(!client.check_compatibility("compatible", &string).await.expect("an answer").is_compatible);
    assert!(client.check_compatibility("compatible", &long).await.expect("an answer").is_compatible);
    assert_eq!(refusal(client.register("compatible", &string).await), (409, Some(409)));

    client.set_compatibility("compatible", None).await.expect("set");
    assert_eq!(client.global_compatibility().await, Ok(CompatibilityLevel::None));
    register(&client, "compatible", &string).await;
    assert_eq!(client.versions("compatible", Deleted::Excluded).await, Ok(vec![1, 2]));
    client.set_global_compatibility(CompatibilityLevel::None).await.expect("set");

    let broken = schema(SchemaLanguage::Avro, "{nope", &[]);
    assert_eq!(refusal(client.register("broken", &broken).await).0, 422);
}

#[tokio::test]
async fn deleted_versions_can_be_listed_until_they_are_deleted_permanently() {
    let Some(registry) = registry("deleted_versions_can_be_listed_until_they_are_deleted_permanently") else { return };
    let client = registry.client();
    for kind in ["int", "long"] {
        register(&client, "deleted", &schema(SchemaLanguage::Avro, record("deleted.Record", kind), &[])).await;
    }
    client.delete_version("deleted", 1, Deletion::Soft).await.expect("deleted");
    assert_eq!(client.versions("deleted", Deleted::Excluded).await, Ok(vec![2]));
    assert_eq!(client.versions("deleted", Deleted::Included).await, Ok(vec![1, 2]));
    let alone = CONTENTS.write().await;
    client.delete_version("deleted", 1, Deletion::Permanent).await.expect("deleted");
    assert_eq!(client.versions("deleted", Deleted::Included).await, Ok(vec![2]));

    assert_eq!(client.delete_subject("deleted", Deletion::Soft).await, Ok(vec![2]));
    let has = async |deleted| client.subjects(deleted).await.expect("a list").contains(&"deleted".to_owned());
    assert!(!has(Deleted::Excluded).await && has(Deleted::Included).await);
    client.delete_subject("deleted", Deletion::Permanent).await.expect("deleted");
    drop(alone);
    assert!(!has(Deleted::Included).await);
    assert_eq!(refusal(client.versions("deleted", Deleted::Excluded).await), (404, Some(40401)));
    assert_eq!(refusal(client.version("ghost", Version::Number(1)).await), (404, Some(40401)));
}

#[tokio::test]
async fn subjects_may_have_any_name() {
    let Some(registry) = registry("subjects_may_have_any_name") else { return };
    let client = registry.client();
    let names = [
        "name/with/slashes",
        "name with spaces",
        "name%2Fwith%percent",
        "name?a=b#c",
        "namè-値",
        "name+plus&and",
        "name..",
        ":name:",
    ];
    for name in names {
        let id = register(&client, name, &schema(SchemaLanguage::Avro, record("name.Record", "int"), &[])).await;
        assert_eq!(
            client.version(name, Version::Latest).await.map(|found| (found.subject, found.id)),
            Ok((name.to_owned(), id))
        );
    }
    let subjects = client.subjects(Deleted::Excluded).await.expect("a list");
    for name in names {
        assert!(subjects.iter().any(|subject| subject == name), "{name}: {subjects:?}");
    }
    // Apicurio 3.0.9 has no modes.
    assert_eq!(client.mode(None).await, Ok(None));
    assert_eq!(client.mode(Some(names[0])).await, Ok(None));
}

#[tokio::test]
async fn many_schemas_are_loaded_in_one_call() {
    let Some(registry) = registry("many_schemas_are_loaded_in_one_call") else { return };
    let client = registry.client();
    let mut ids = Vec::new();
    for number in 0..200 {
        let name = format!("many.Record{number}");
        let id = register(&client, &name, &schema(SchemaLanguage::Avro, record(&name, "int"), &[])).await;
        ids.push(SchemaId::Id(id));
    }
    let start = Instant::now();
    registry.load(&ids, LONG).await;
    println!("{} schemas in {:?}", ids.len(), start.elapsed());
    for (number, &id) in ids.iter().enumerate() {
        assert_eq!(loaded(&registry, id).await.text, record(&format!("many.Record{number}"), "int"));
    }
}
