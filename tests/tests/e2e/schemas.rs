//! The requests about the schema registry, with a real registry.

use protocol::{
    CheckSchema, CheckSchemaResult, CompatibilityLevel, DeleteSubject, DeleteSubjectResult, Encode, Encoding,
    ErrorCode, RecordFormat, RecordPart, RegisterSchema, RegisterSchemaResult, RegistryReference, SchemaDraft,
    SchemaLanguage, SchemaRequest, SchemaResult, SetCompatibility, SetCompatibilityResult, SubjectName, SubjectRequest,
    SubjectResult, SubjectVersion, SubjectsRequest, SubjectsResult, TypeKind, VersionOfSubject,
};
use tests::configuration::{Configuration, client_of, operator};
use tests::registry::{own_registry, registry};
use tests::{Bridge, Client, unique};

const MONEY: &str = r#"{"type": "record", "name": "shop.Money", "fields": [{"name": "cents", "type": "long"}]}"#;
const ORDER: &str = r#"{"type": "record", "name": "shop.Order", "fields": [{"name": "price", "type": "shop.Money"}]}"#;
const ONE_FIELD: &str = r#"{"type": "record", "name": "R", "fields": [{"name": "a", "type": "int"}]}"#;
const TWO_FIELDS: &str = r#"{"type": "record", "name": "R", "fields": [{"name": "a", "type": "int"},
    {"name": "b", "type": "string", "default": ""}]}"#;
const INCOMPATIBLE: &str = r#"{"type": "record", "name": "R", "fields": [{"name": "a", "type": "int"},
    {"name": "b", "type": "string"}]}"#;

fn avro(text: &str) -> SchemaDraft {
    SchemaDraft { language: SchemaLanguage::Avro, text: text.to_owned(), references: Vec::new() }
}

async fn register(client: &mut Client, subject: &str, schema: SchemaDraft) -> RegisterSchemaResult {
    client.ask(RegisterSchema { subject: subject.to_owned(), schema }).await
}

async fn check(client: &mut Client, subject: &str, text: &str) -> CheckSchemaResult {
    client.ask(CheckSchema { subject: subject.to_owned(), schema: avro(text) }).await
}

async fn schema(client: &mut Client, subject: &str, version: Option<u32>) -> SchemaResult {
    client.ask(SchemaRequest { subject: subject.to_owned(), version }).await
}

async fn subject(client: &mut Client, name: &str) -> SubjectResult {
    client.ask(SubjectRequest { subject: name.to_owned() }).await
}

async fn listed(client: &mut Client, deleted: bool, name: &str) -> Option<SubjectName> {
    let SubjectsResult { subjects, .. } = client.ask(SubjectsRequest { deleted }).await;
    subjects.into_iter().find(|subject| subject.name == name)
}

fn delete(subject: &str, version: Option<u32>, permanent: bool) -> DeleteSubject {
    DeleteSubject { subject: subject.to_owned(), version, permanent, confirm: subject.to_owned() }
}

#[tokio::test]
async fn registered_versions_are_listed_with_text_structure_and_references() {
    let Some(registry) = registry().await else { return };
    let bridge = Bridge::start().demo().option("--schema-registry", &registry.url()).await;
    let mut client = bridge.client().await;
    let (money, orders) = (unique("money"), unique("orders-value"));
    let RegisterSchemaResult { version, .. } = register(&mut client, &money, avro(MONEY)).await;
    let reference = RegistryReference { name: "shop.Money".to_owned(), subject: money.clone(), version };
    let draft = SchemaDraft { references: vec![reference.clone()], ..avro(ORDER) };
    let registered = register(&mut client, &orders, draft.clone()).await;
    assert_eq!((registered.subject.as_str(), registered.version), (orders.as_str(), 1));
    let again = register(&mut client, &orders, draft).await;
    assert_eq!(again, registered, "a schema that the subject has gets no further version");

    assert_eq!(listed(&mut client, false, &orders).await, Some(SubjectName { name: orders.clone(), deleted: false }));
    let got = schema(&mut client, &orders, None).await;
    assert_eq!((got.version, got.schema_id, got.language), (1, registered.schema_id, SchemaLanguage::Avro));
    assert_eq!(got.references, [reference]);
    assert!(got.text.contains("shop.Money"), "{}", got.text);
    let structure = got.structure.unwrap_or_else(|| panic!("{:?}", got.structure_error));
    let names: Vec<&str> = structure.named.iter().map(|named| named.title.as_str()).collect();
    assert_eq!(names, ["shop.Order", "shop.Money"]);
    assert_eq!(structure.root.kind, TypeKind::Named(0));
    let referenced = schema(&mut client, &money, Some(1)).await;
    assert_eq!(referenced.referenced_by, [VersionOfSubject { subject: orders, version: 1 }]);
}

#[tokio::test]
async fn compatibility_is_checked_and_its_level_can_be_set_for_each_subject() {
    let Some(registry) = registry().await else { return };
    let bridge = Bridge::start().demo().option("--schema-registry", &registry.url()).await;
    let mut client = bridge.client().await;
    let name = unique("levels-value");
    assert!(check(&mut client, &name, ONE_FIELD).await.compatible, "a new subject accepts every schema");
    register(&mut client, &name, avro(ONE_FIELD)).await;
    let set = SetCompatibility { subject: Some(name.clone()), level: Some(CompatibilityLevel::Backward) };
    let SetCompatibilityResult { level, .. } = client.ask(set).await;
    assert_eq!(level, Some(CompatibilityLevel::Backward));
    assert_eq!(subject(&mut client, &name).await.compatibility, Some(CompatibilityLevel::Backward));

    assert!(check(&mut client, &name, TWO_FIELDS).await.compatible);
    assert_eq!(check(&mut client, &name, ONE_FIELD).await.existing_version, Some(1));
    assert!(!check(&mut client, &name, INCOMPATIBLE).await.compatible);
    let invalid = check(&mut client, &name, "{").await;
    assert!(!invalid.compatible && !invalid.reasons.is_empty(), "{invalid:?}");
    let refused = client.refused(RegisterSchema { subject: name.clone(), schema: avro(INCOMPATIBLE) }).await;
    assert_eq!(refused.error.code, ErrorCode::RegistryRefused.number(), "{refused:?}");

    let set = SetCompatibility { subject: Some(name.clone()), level: Some(CompatibilityLevel::None) };
    let _: SetCompatibilityResult = client.ask(set).await;
    assert!(check(&mut client, &name, INCOMPATIBLE).await.compatible);
    let refused = client.refused(SetCompatibility { subject: None, level: None }).await;
    assert_eq!(refused.error.code, ErrorCode::BadRequest.number(), "{refused:?}");
}

#[tokio::test]
async fn deleted_versions_are_marked_and_can_be_removed_for_ever_if_the_name_is_repeated() {
    let Some(registry) = registry().await else { return };
    let bridge = Bridge::start().demo().option("--schema-registry", &registry.url()).await;
    let mut client = bridge.client().await;
    let name = unique("deleted-value");
    register(&mut client, &name, avro(ONE_FIELD)).await;
    register(&mut client, &name, avro(TWO_FIELDS)).await;
    let unconfirmed = DeleteSubject { confirm: "x".to_owned(), ..delete(&name, None, false) };
    let refused = client.refused(unconfirmed).await;
    assert_eq!(refused.error.code, ErrorCode::NotConfirmed.number(), "{refused:?}");

    let DeleteSubjectResult { versions, .. } = client.ask(delete(&name, Some(1), false)).await;
    assert_eq!(versions, [1]);
    let versions = subject(&mut client, &name).await.versions;
    let expected = [SubjectVersion { version: 1, deleted: true }, SubjectVersion { version: 2, deleted: false }];
    assert_eq!(versions, expected);
    let DeleteSubjectResult { .. } = client.ask(delete(&name, None, false)).await;
    assert_eq!(listed(&mut client, false, &name).await, None);
    assert_eq!(listed(&mut client, true, &name).await, Some(SubjectName { name: name.clone(), deleted: true }));
    let DeleteSubjectResult { .. } = client.ask(delete(&name, None, true)).await;
    assert_eq!(listed(&mut client, true, &name).await, None);
    let refused = client.refused(SubjectRequest { subject: name }).await;
    assert_eq!(refused.error.code, ErrorCode::SubjectMissing.number(), "{refused:?}");
}

#[tokio::test]
async fn read_only_bridge_shows_schemas_and_changes_none() {
    let Some(registry) = registry().await else { return };
    let bridge = Bridge::start().demo().option("--schema-registry", &registry.url()).flag("--read-only").await;
    let mut client = bridge.client().await;
    let _: SubjectsResult = client.ask(SubjectsRequest { deleted: false }).await;
    let name = unique("read-only");
    for error in [
        client.refused(RegisterSchema { subject: name.clone(), schema: avro(ONE_FIELD) }).await,
        client.refused(delete(&name, None, false)).await,
        client.refused(SetCompatibility { subject: None, level: Some(CompatibilityLevel::None) }).await,
    ] {
        assert_eq!(error.error.code, ErrorCode::ReadOnly.number(), "{error:?}");
    }
}

#[tokio::test]
async fn rules_decide_which_subjects_a_user_sees_and_changes() {
    let Some(registry) = registry().await else { return };
    let (open, closed) = (unique("open"), unique("closed"));
    let rules = "[[rules]]\nusers = [\"reader\"]\nsubjects = [\"open-*\"]\ntopics = [\"open-*\"]\nallow = [\"describe\"]\n\
         [[rules]]\nusers = [\"writer\"]\nsubjects = [\"open-*\"]\ntopics = [\"open-*\"]\nallow = [\"write\"]\n";
    let configuration = Configuration::new(&[("reader", &[]), ("writer", &[])], rules);
    let bridge = configuration.bridge_with_operator().demo().option("--schema-registry", &registry.url()).await;
    let mut operator = operator(&bridge).await;
    register(&mut operator, &open, avro(ONE_FIELD)).await;
    register(&mut operator, &closed, avro(ONE_FIELD)).await;

    let mut reader = client_of(&bridge, "reader").await;
    assert!(listed(&mut reader, false, &open).await.is_some());
    assert!(listed(&mut reader, false, &closed).await.is_none());
    let forbidden = ErrorCode::Forbidden.number();
    let other = SchemaRequest { subject: closed.clone(), version: None };
    assert_eq!(reader.refused(other).await.error.code, forbidden);
    let new = RegisterSchema { subject: open.clone(), schema: avro(TWO_FIELDS) };
    assert_eq!(reader.refused(new.clone()).await.error.code, forbidden);
    let level = SetCompatibility { subject: None, level: Some(CompatibilityLevel::None) };
    assert_eq!(reader.refused(level).await.error.code, forbidden);

    let mut writer = client_of(&bridge, "writer").await;
    let RegisterSchemaResult { version, .. } = writer.ask(new).await;
    assert_eq!(version, 2);
    let encode = |topic: &str| Encode {
        topic: topic.to_owned(),
        part: RecordPart::Value,
        encoding: Encoding {
            format: RecordFormat::Avro,
            subject: Some(open.clone()),
            version: Some(1),
            message: None,
            schema: None,
        },
        values: vec![r#"{"a": 1}"#.to_owned()],
    };
    assert_eq!(writer.refusal(encode(&open)).await, None);
    assert_eq!(writer.refused(encode(&closed)).await.error.code, forbidden, "who may not write to the topic");
}

#[tokio::test]
async fn missing_and_unreachable_registries_have_errors_of_their_own() {
    let bridge = Bridge::start().demo().await;
    let refused = bridge.client().await.refused(SubjectsRequest { deleted: false }).await;
    assert_eq!(refused.error.code, ErrorCode::NoRegistry.number(), "{refused:?}");
    assert!(refused.error.message.contains("--schema-registry"), "{refused:?}");

    let Some(mut registry) = own_registry().await else { return };
    let bridge = Bridge::start().demo().option("--schema-registry", &registry.url()).await;
    let _stopped = tokio::task::spawn_blocking(move || {
        registry.stop();
        registry
    });
    let _stopped = _stopped.await.expect("no panic");
    let refused = bridge.client().await.refused(SubjectsRequest { deleted: false }).await;
    assert_eq!(refused.error.code, ErrorCode::RegistryUnreachable.number(), "{refused:?}");
    assert!(refused.error.retriable, "{refused:?}");
}
