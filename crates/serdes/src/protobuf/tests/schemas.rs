use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::*;

const ORDER: &str = r#"syntax = "proto3"; package shop; import "shop/item.proto";
    message First { map<string, int32> counts = 1; message Inner { message Deep {} } enum E { A = 0; } message Second {} }
    message Order { repeated Item items = 1; message Note { string text = 1; } Note note = 2; }"#;
const ITEM: &str = r#"syntax = "proto3"; package shop; message Item { int64 amount = 1; }"#;

fn order() -> ProtobufSchema {
    ProtobufSchema::parse(ORDER, &[("shop/item.proto", ITEM)]).expect("a valid schema")
}

#[test]
fn message_indexes_choose_types_of_the_schema() {
    let schema = order();
    for (indexes, name) in [
        (&[0][..], "shop.First"),
        (&[1], "shop.Order"),
        (&[1, 0], "shop.Order.Note"),
        // The entry of the map is not counted.
        (&[0, 0], "shop.First.Inner"),
        (&[0, 1], "shop.First.Second"),
        (&[0, 0, 0], "shop.First.Inner.Deep"),
    ] {
        let message = schema.by_indexes(indexes).expect(name);
        assert_eq!((message.name(), message.indexes()), (name, indexes.to_vec()));
    }
    // Clients for Go and Python count the entry of the map.
    assert_eq!(schema.by_indexes(&[0, 2]).expect("a type").name(), "shop.First.Second");
    for indexes in [&[][..], &[2], &[-1], &[1, 1], &[0, 3], &[i32::MAX]] {
        assert!(schema.by_indexes(indexes).is_none(), "{indexes:?}");
    }
}

#[test]
fn names_list_the_schema_first() {
    let expected = [
        "shop.First",
        "shop.First.Inner",
        "shop.First.Inner.Deep",
        "shop.First.Second",
        "shop.Order",
        "shop.Order.Note",
        "shop.Item",
    ];
    assert_eq!(order().names(), expected);
    assert!(order().by_name("shop.First.CountsEntry").is_none() && order().by_name("shop.Item").is_some());
}

#[test]
fn descriptors_are_accepted_in_place_of_text() {
    use prost_reflect::prost::Message as _;
    let compiled = source::compile(ORDER, &[("shop/item.proto", ITEM)]).expect("a valid schema");
    let set = compiled.pool.encode_to_vec();
    let schema = ProtobufSchema::from_descriptor_set(&set).expect("a set");
    assert_eq!(schema.by_indexes(&[1, 0]).expect("a type").name(), "shop.Order.Note");
    let file =
        |name: &str| compiled.pool.get_file_by_name(name).expect("a file").file_descriptor_proto().encode_to_vec();
    let schema = ProtobufSchema::from_descriptor_set(&file("shop/item.proto")).expect("a file");
    assert_eq!(schema.names(), ["shop.Item"]);
    let (order, item) = (BASE64.encode(file("schema.proto")), BASE64.encode(file("shop/item.proto")));
    let schema = ProtobufSchema::parse(&order, &[("shop/item.proto", &item)]).expect("base64");
    assert_eq!(schema.by_indexes(&[1]).expect("a type").name(), "shop.Order");
    for bytes in [&b"\xff"[..], b"", b"\x0a\x00"] {
        assert!(ProtobufSchema::from_descriptor_set(bytes).is_err(), "{bytes:?}");
    }
}

#[test]
fn files_of_a_folder_are_one_schema() {
    let files = [("order.proto", ORDER), ("shop/item.proto", ITEM), ("other.proto", "message Other {}")];
    let schema = ProtobufSchema::from_files(&files).expect("valid files");
    assert!(["shop.Order", "shop.Item", "Other"].iter().all(|name| schema.by_name(name).is_some()));
    assert_eq!(schema.names().len(), 8);
}

#[test]
fn schema_errors_have_file_line_and_column() {
    let error = |text: &str, imports: &[(&str, &str)]| ProtobufSchema::parse(text, imports).expect_err(text).message;
    let message = error("syntax = \"proto3\";\nmessage M {\n  Missing m = 1;\n}", &[]);
    assert!(message.starts_with("schema.proto:3:3: ") && message.contains("Missing"), "{message}");
    let message = error("message {", &[]);
    assert!(message.starts_with("schema.proto:1:9: "), "{message}");
    let message = error("import \"gone.proto\";", &[]);
    assert!(message.contains("gone.proto"), "{message}");
    let message =
        error("import \"a.proto\";", &[("a.proto", "import \"b.proto\";"), ("b.proto", "import \"a.proto\";")]);
    assert_eq!(message, "a.proto: the file imports itself by its imports");
    let message = error("import \"a.proto\";", &[("a.proto", "message")]);
    assert!(message.starts_with("a.proto: expected an identifier"), "{message}");
    assert!(error(&"message M {".repeat(100_000), &[]).contains("nested deeper"));
}

#[test]
fn long_chains_of_imports_are_compiled() {
    let files: Vec<(String, String)> = (0..2_000)
        .map(|i| (format!("f{i}.proto"), format!("import \"f{}.proto\"; message M{i} {{}}", i + 1)))
        .chain([("f2000.proto".to_owned(), String::new())])
        .collect();
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (&**path, &**text)).collect();
    assert_eq!(ProtobufSchema::parse("import \"f0.proto\";", &files).expect("valid").names().len(), 2_000);
}

#[test]
fn example_has_all_fields_and_can_be_encoded() {
    let schema = ProtobufSchema::parse(
        r#"syntax = "proto3"; package p; import "google/protobuf/timestamp.proto"; import "confluent/type/decimal.proto";
        message M { int64 a = 1; repeated string list = 2; map<int32, Item> map = 3; oneof o { string x = 4; bytes y = 5; }
            google.protobuf.Timestamp time = 6; confluent.type.Decimal price = 7; M again = 8; E e = 9; }
        message Item { double d = 1; M m = 2; } enum E { UNKNOWN = 0; FIRST = 1; }"#,
        &[],
    )
    .expect("a valid schema");
    let message = schema.by_name("p.M").expect("M");
    let expected = r#"{"a":1,"list":["text"],"map":{"1":{"d":1.5}},"x":"text","time":"2026-01-31T12:30:00Z","price":12.50,"e":"FIRST"}"#;
    assert_eq!(message.example(), expected);
    assert_round_trip(&message, expected);
}

#[test]
fn example_of_types_that_multiply_is_bounded() {
    let types: String = (0..40)
        .map(|i| format!("message M{i} {{ M{n} a = 1; M{n} b = 2; M{n} c = 3; M{n} d = 4; M{n} e = 5; M{n} f = 6; int32 x = 7; }}", n = i + 1))
        .collect();
    let message = first_type(&format!("syntax = \"proto3\"; {types} message M40 {{}}"));
    assert!(message.example().len() < 100_000);
    message.encode(&message.example()).expect("valid");
}

#[test]
fn schemas_and_types_are_shared_between_threads() {
    fn shared<T: Send + Sync + Clone>() {}
    shared::<ProtobufSchema>();
    shared::<MessageType>();
}

#[test]
fn editions_are_refused_with_a_reason() {
    let error = ProtobufSchema::parse("edition = \"2023\"; message M {}", &[]).expect_err("not supported").message;
    assert_eq!(error, "schema.proto: Protobuf editions are not supported; only proto2 and proto3 are");
}

#[test]
fn names_longer_than_1024_bytes_are_refused() {
    use prost_reflect::prost::Message as _;
    use prost_reflect::prost_types::{DescriptorProto, FileDescriptorProto};
    let refused = |schema: &str| {
        let error = ProtobufSchema::parse(schema, &[]).expect_err("a long name").message;
        assert!(error.starts_with("schema.proto: the name ") && error.contains("more than 1024 bytes"), "{error}");
        assert!(error.len() < 500, "{}", error.len());
    };
    let long = "n".repeat(1 << 20);
    // Names that thousands of fields or types repeat must not be copied for each.
    let fields: String = (1..=60_000).map(|i| format!("int32 f{i}={i};")).collect();
    refused(&format!("message M {{ oneof {long} {{ {fields} }} }}"));
    let nested: String = (0..60_000).map(|i| format!("message N{i}{{}}")).collect();
    refused(&format!("message {long} {{ {nested} }}"));
    refused(&format!("package {long}; {nested}"));
    // The names around a type count.
    let outer = "n".repeat(300);
    refused(&format!("{}{}", format!("message {outer} {{").repeat(4), "}".repeat(4)));
    refused(&format!("package {}; message M {{}}", [outer.as_str(); 4].join(" . ")));
    let message = DescriptorProto { name: Some(long.clone()), ..DescriptorProto::default() };
    let file =
        FileDescriptorProto { name: Some("a.proto".to_owned()), message_type: vec![message], ..Default::default() };
    let error = ProtobufSchema::from_descriptor_set(&file.encode_to_vec()).expect_err("a long name").message;
    assert!(error.starts_with("a.proto: the name "), "{error}");
    // Comments and strings may be long.
    let schema = format!("// {long}\nmessage M {{ optional string a = 1 [default = \"{long}\"]; }}");
    assert!(ProtobufSchema::parse(&schema, &[]).is_ok());
}

#[test]
fn full_names_together_are_limited() {
    let outer = "n".repeat(1_000);
    let nested: String = (0..60_000).map(|i| format!("message N{i}{{}}")).collect();
    let error = ProtobufSchema::parse(&format!("message {outer} {{ {nested} }}"), &[]).expect_err("60 MB of names");
    assert!(error.message.contains("bytes together"), "{error}");
}
