//! Structures of rich schemas, pinned as text.

use protocol::{SchemaStructure, SchemaType, TypeKind};

use super::json_schema::structure as of_json_schema;
use crate::avro::AvroSchema;
use crate::protobuf::ProtobufSchema;

/// A line for the root, for each named type, and for each field: `name[?]: kind title [= default] [(oneof)] [# documentation]`.
fn shown(structure: &SchemaStructure) -> String {
    let mut text = format!("root: {}\n", of_type(&structure.root));
    for (place, kind) in structure.named.iter().enumerate() {
        text += &format!("{place}: {}\n", of_type(kind));
    }
    text
}

fn of_type(of: &SchemaType) -> String {
    let kind = match &of.kind {
        TypeKind::Enum(names) => format!("Enum({})", names.join(",")),
        TypeKind::Array(items) => format!("Array({})", of_type(items)),
        TypeKind::Map(values) => format!("Map({})", of_type(values)),
        TypeKind::Union(types) => format!("Union({})", types.iter().map(of_type).collect::<Vec<_>>().join(" | ")),
        TypeKind::Record(fields) => {
            let fields = fields.iter().map(|field| {
                let optional = if field.optional { "?" } else { "" };
                let default = field.default.as_ref().map_or(String::new(), |default| format!(" = {default}"));
                let one_of = field.one_of.as_ref().map_or(String::new(), |name| format!(" ({name})"));
                let documentation = field.documentation.as_ref().map_or(String::new(), |text| format!(" # {text}"));
                format!("\n  {}{optional}: {}{default}{one_of}{documentation}", field.name, of_type(&field.kind))
            });
            format!("Record{}", fields.collect::<String>())
        }
        other => format!("{other:?}"),
    };
    let documentation = of.documentation.as_ref().map_or(String::new(), |text| format!(" # {text}"));
    let (first, rest) =
        kind.split_once('\n').map_or((kind.as_str(), String::new()), |(first, rest)| (first, format!("\n{rest}")));
    format!("{first} `{}`{documentation}{rest}", of.title)
}

#[track_caller]
fn check(structure: &SchemaStructure, expected: &str) {
    let expected: Vec<&str> = expected.trim().lines().map(str::trim).collect();
    let shown = shown(structure);
    let found: Vec<&str> = shown.trim().lines().map(str::trim).collect();
    assert_eq!(found, expected, "\n{shown}");
    // A client must be able to read it.
    let json = serde_json::to_string(structure).expect("a structure");
    assert_eq!(protocol::from_json::<SchemaStructure>(&json).expect("a structure"), *structure);
}

#[test]
fn avro_structure_has_logical_types_defaults_and_recursion() {
    let schema = r#"{"type":"record","name":"shop.Order","doc":"An order.","fields":[
        {"name":"id","type":"long","doc":"Unique."},
        {"name":"note","type":["null","string"],"default":null},
        {"name":"state","type":{"type":"enum","name":"State","doc":"Where it is.","symbols":["NEW","SENT"]},"default":"NEW"},
        {"name":"old_state","type":"State"},
        {"name":"price","type":{"type":"bytes","logicalType":"decimal","precision":10,"scale":2}},
        {"name":"hash","type":{"type":"fixed","name":"Hash","size":2},"default":"\u00ff\u0000"},
        {"name":"at","type":{"type":"long","logicalType":"timestamp-micros"}},
        {"name":"local","type":{"type":"long","logicalType":"local-timestamp-millis"}},
        {"name":"day","type":{"type":"int","logicalType":"date"}},
        {"name":"time","type":{"type":"int","logicalType":"time-millis"}},
        {"name":"key","type":{"type":"string","logicalType":"uuid"}},
        {"name":"wait","type":{"type":"fixed","name":"Wait","size":12,"logicalType":"duration"}},
        {"name":"rate","type":["float","double"]},
        {"name":"tags","type":{"type":"map","values":"bytes"}},
        {"name":"lines","type":{"type":"array","items":"Order"}},
        {"name":"broken","type":"int","default":"text"}]}"#;
    check(
        &AvroSchema::parse(schema, &[]).expect("valid").structure(),
        "
        root: Named(0) `shop.Order`
        0: Record `shop.Order` # An order.
          id: Integer `long` # Unique.
          note?: Union(Null `null` | String `string`) `union` = null
          state?: Named(1) `shop.State` = \"NEW\"
          old_state: Named(1) `shop.State`
          price: Number `decimal(10, 2)`
          hash?: Bytes `shop.Hash: fixed(2)` = \"/wA=\"
          at: Time `timestamp-micros`
          local: Time `local-timestamp-millis`
          day: Time `date`
          time: Time `time-millis`
          key: String `uuid`
          wait: String `duration`
          rate: Union(Number `float` | Number `double`) `union`
          tags: Map(Bytes `bytes`) `map`
          lines: Array(Named(0) `shop.Order`) `array`
          broken: Integer `int`
        1: Enum(NEW,SENT) `shop.State` # Where it is.
        ",
    );
}

#[test]
fn protobuf_structure_has_protojson_names_oneofs_and_well_known_types() {
    let schema = r#"syntax = "proto3"; package shop;
        import "google/protobuf/timestamp.proto"; import "google/protobuf/struct.proto";
        import "google/protobuf/wrappers.proto"; import "google/protobuf/any.proto"; import "confluent/type/decimal.proto";
        message Order {
            int64 order_id = 1;
            optional sint32 count = 2;
            repeated Order parts = 3;
            map<string, bytes> blobs = 4;
            State state = 5;
            oneof target { string email = 6; double score = 7; }
            google.protobuf.Timestamp at = 8;
            google.protobuf.Struct extra = 9;
            google.protobuf.Int64Value limit = 10;
            google.protobuf.Any any = 11;
            confluent.type.Decimal price = 12;
            bool paid = 13;
        }
        enum State { UNKNOWN = 0; SENT = 1; }"#;
    let schema = ProtobufSchema::parse(schema, &[]).expect("valid");
    check(
        &schema.first().expect("a message").structure(),
        "
        root: Named(0) `shop.Order`
        0: Record `shop.Order`
          orderId?: Integer `int64` = 0
          count?: Integer `sint32`
          parts?: Array(Named(0) `shop.Order`) `repeated shop.Order` = []
          blobs?: Map(Bytes `bytes`) `map<string, bytes>` = {}
          state?: Named(1) `shop.State` = \"UNKNOWN\"
          email?: String `string` (target)
          score?: Number `double` (target)
          at?: Time `google.protobuf.Timestamp`
          extra?: Map(Any `google.protobuf.Value`) `google.protobuf.Struct`
          limit?: Union(Integer `int64` | Null `null`) `google.protobuf.Int64Value`
          any?: Any `google.protobuf.Any`
          price?: Number `confluent.type.Decimal`
          paid?: Boolean `bool` = false
        1: Enum(UNKNOWN,SENT) `shop.State`
        ",
    );
}

#[test]
fn comments_of_protobuf_are_the_documentation() {
    let schema = r#"// Copyright of the file.

        syntax = "proto3"; package shop;

        // A section of the file.

        // An order.
        //   With two lines.
        message Order {
            /* Unique
             * in the shop. */
            int64 id = 1;
            string note = 2; // As the customer wrote it.
            bool paid = 3;
            // Where it is.
            State state = 4;
            oneof target {
                // Of the customer.
                string email = 5;
            }
            // By name.
            map<string, Line> lines = 6;
            /** Inside. */
            message Line { int32 count = 1; }
        }
        // Of an order.
        enum State {
            UNKNOWN = 0;
            // On its way.
            SENT = 1;
            LOST = 2; // Nobody has it.
        }"#;
    let schema = ProtobufSchema::parse(schema, &[]).expect("valid");
    check(
        &schema.first().expect("a message").structure(),
        "
        root: Named(0) `shop.Order`
        0: Record `shop.Order` # An order.
        With two lines.
          id?: Integer `int64` = 0 # Unique
          in the shop.
          note?: String `string` = \"\" # As the customer wrote it.
          paid?: Boolean `bool` = false
          state?: Named(1) `shop.State` = \"UNKNOWN\" # Where it is.
          email?: String `string` (target) # Of the customer.
          lines?: Map(Named(2) `shop.Order.Line`) `map<string, shop.Order.Line>` = {} # By name.
        1: Enum(UNKNOWN,SENT,LOST) `shop.State` # Of an order.
        SENT: On its way.
        LOST: Nobody has it.
        2: Record `shop.Order.Line` # Inside.
          count?: Integer `int32` = 0
        ",
    );
}

#[test]
fn comment_of_protobuf_is_cut() {
    let long = "x".repeat(5_000);
    let schema = ProtobufSchema::parse(&format!("// {long}\nmessage M {{ }}"), &[]).expect("valid");
    let documentation = schema.first().expect("a message").structure().named[0].documentation.clone();
    assert_eq!(documentation.map(|text| text.chars().count()), Some(1_001));
}

#[test]
fn required_field_of_proto2_may_not_be_left_out() {
    let schema = r#"syntax = "proto2"; message M { required int32 a = 1; optional int32 b = 2 [default = 7]; }"#;
    let schema = ProtobufSchema::parse(schema, &[]).expect("valid");
    check(
        &schema.first().expect("a message").structure(),
        "
        root: Named(0) `M`
        0: Record `M`
          a: Integer `int32`
          b?: Integer `int32` = 7
        ",
    );
}

#[test]
fn json_schema_structure_has_references_and_alternatives() {
    let schema = r##"{"title":"Order","description":"An order.","type":"object","required":["id","lines"],"properties":{
        "id":{"type":"integer","description":"Unique."},
        "note":{"type":["string","null"],"default":"a \"b\""},
        "state":{"enum":["new","sent"]},
        "maybe":{"enum":["x",null]},
        "mixed":{"enum":[1,"x"]},
        "at":{"type":"string","format":"date-time"},
        "blob":{"type":"string","contentEncoding":"base64"},
        "lines":{"type":"array","items":{"$ref":"#/$defs/line"}},
        "extra":{"type":"object","additionalProperties":{"type":"number"}},
        "free":{"type":"object"},
        "pair":{"oneOf":[{"type":"null"},{"type":"boolean"}]},
        "money":{"$ref":"money.json"},
        "lost":{"$ref":"#/nowhere"},
        "any":true},
      "$defs":{"line":{"properties":{"sku":{"type":"string"},"inner":{"$ref":"#/$defs/line"},"root":{"$ref":"#"}}}}}"##;
    let references = [("money.json".to_owned(), r#"{"title":"Money","type":"number"}"#.to_owned())];
    check(
        &of_json_schema(schema, &references).expect("valid"),
        "
        root: Named(0) `Order`
        0: Record `Order` # An order.
          id: Integer `integer` # Unique.
          note?: Union(String `string` | Null `null`) `string | null` = \"a \\\"b\\\"\"
          state?: Enum(new,sent) `enum`
          maybe?: Union(Enum(x) `enum` | Null `null`) `enum`
          mixed?: Any `enum`
          at?: Time `date-time`
          blob?: Bytes `string`
          lines: Array(Named(1) `line`) `array`
          extra?: Map(Number `number`) `object`
          free?: Map(Any `any`) `object`
          pair?: Union(Null `null` | Boolean `boolean`) `oneOf`
          money?: Named(2) `Money`
          lost?: Any `#/nowhere`
          any?: Any `any`
        1: Record `line`
          sku?: String `string`
          inner?: Named(1) `line`
          root?: Named(0) `Order`
        2: Number `Money`
        ",
    );
}

#[test]
fn hostile_schemas_have_bounded_structures() {
    let size = |structure: &SchemaStructure| {
        let json = serde_json::to_string(structure).expect("a structure");
        protocol::from_json::<SchemaStructure>(&json).expect("not nested too deep");
        json.len()
    };
    let limit = 2 * super::MAX_BYTES;
    // Many fields with long documentation.
    let documentation = "x".repeat(5_000);
    let fields: Vec<String> =
        (0..3_000).map(|i| format!(r#"{{"name":"f{i}","type":"int","doc":"{documentation}"}}"#)).collect();
    let schema = format!(r#"{{"type":"record","name":"R","fields":[{}]}}"#, fields.join(","));
    assert!(size(&AvroSchema::parse(&schema, &[]).expect("valid").structure()) < limit);
    // A chain of types, each inside of the one before.
    let files: Vec<String> = (0..20_000)
        .map(|i| {
            format!(
                r#"{{"type":"record","name":"R{i}","fields":[{{"name":"next","type":["null","R{}"]}}]}}"#,
                (i + 1) % 20_000
            )
        })
        .collect();
    let chain = format!("[{}]", files.join(","));
    assert!(size(&AvroSchema::parse(&chain, &[]).expect("valid").structure()) < limit);
    // Deep arrays, and alternatives that double with each level.
    let deep = format!("{}\"int\"{}", r#"{"type":"array","items":"#.repeat(100), "}".repeat(100));
    assert!(size(&AvroSchema::parse(&deep, &[]).expect("valid").structure()) < limit);
    let mut doubled = r#"{"type":"string"}"#.to_owned();
    for _ in 0..15 {
        doubled = format!(r#"{{"anyOf":[{doubled},{doubled}]}}"#);
    }
    assert!(size(&of_json_schema(&doubled, &[]).expect("valid")) < limit);
    // A title that is repeated for each type, and long names.
    let long = "x".repeat(1 << 20);
    let types = vec![r#""array""#; 3_000].join(",");
    let titles = format!(r#"{{"type":[{types}],"items":{{"title":"{long}"}}}}"#);
    assert!(size(&of_json_schema(&titles, &[]).expect("valid")) < limit);
    let property = format!(r#"{{"properties":{{"{long}":true}}}}"#);
    assert!(size(&of_json_schema(&property, &[]).expect("valid")) < limit);
    let fields: String = (1..=15_000).map(|i| format!("int32 f{i}={i};")).collect();
    let oneof = format!("message M {{ oneof {} {{ {fields} }} }}", "n".repeat(1_000));
    let oneof = ProtobufSchema::parse(&oneof, &[]).expect("valid");
    assert!(size(&oneof.first().expect("a message").structure()) < limit);
    let fields: String = (1..=3_000).map(|i| format!("// {documentation}\nint32 f{i}={i};\n")).collect();
    let comments = format!("syntax = \"proto3\"; message M {{ {fields} }}");
    let comments = ProtobufSchema::parse(&comments, &[]).expect("valid");
    assert!(size(&comments.first().expect("a message").structure()) < limit);
}

#[test]
fn structure_of_many_definitions_is_made_in_linear_time() {
    let count = 20_000;
    let names = |start: &str| (0..count).map(|i| format!("\"{start}{i}\"")).collect::<Vec<_>>().join(",");
    let properties: Vec<String> = (0..count).map(|i| format!(r##""p{i}":{{"$ref":"#/$defs/d{i}"}}"##)).collect();
    let definitions: Vec<String> = (0..count).map(|i| format!(r#""d{i}":{{"type":"string"}}"#)).collect();
    let schema = format!(
        r#"{{"required":[{}],"properties":{{{}}},"$defs":{{{}}}}}"#,
        names("q"),
        properties.join(","),
        definitions.join(",")
    );
    let start = std::time::Instant::now();
    of_json_schema(&schema, &[]).expect("valid");
    assert!(start.elapsed().as_secs() < 3, "{:?}", start.elapsed());
}
