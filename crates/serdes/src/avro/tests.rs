use super::AvroSchema;
use crate::error::DecodeErrorCode;
use crate::json_tree::Json;
use crate::json_writer::JsonWriter;

fn parsed(schema: &str) -> AvroSchema {
    AvroSchema::parse(schema, &[]).expect(schema)
}

/// The JSON, or the error.
fn decoded(schema: &AvroSchema, body: &[u8]) -> Result<String, String> {
    let mut text = Vec::new();
    match schema.decode(body, &mut JsonWriter::new(&mut text, 1 << 20)) {
        Ok(()) => Ok(String::from_utf8(text).expect("UTF-8")),
        Err(error) => Err(error.message),
    }
}

fn decode_error(schema: &str, body: &[u8]) -> String {
    decoded(&parsed(schema), body).expect_err(schema)
}

fn encode_error(schema: &str, json: &str) -> String {
    parsed(schema).encode(json).expect_err(json).to_string()
}

fn record(fields: &str) -> String {
    format!(r#"{{"type":"record","name":"com.acme.Order","fields":[{fields}]}}"#)
}

/// Checks both directions.
#[track_caller]
fn check(schema: &str, body: &[u8], json: &str) {
    let schema = parsed(schema);
    assert_eq!(decoded(&schema, body).as_deref(), Ok(json));
    assert_eq!(schema.encode(json).as_deref(), Ok(body), "{json}");
}

#[test]
fn each_type_has_its_json() {
    check(r#""null""#, &[], "null");
    check(r#""boolean""#, &[1], "true");
    check(r#""int""#, &[0xff, 0xff, 0xff, 0xff, 0x0f], "-2147483648");
    check(r#""long""#, &[0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1], "9223372036854775807");
    check(r#""float""#, &0.1_f32.to_le_bytes(), "0.1");
    check(r#""double""#, &(0.1 + 0.2_f64).to_le_bytes(), "0.30000000000000004");
    check(r#""double""#, &f64::NAN.to_le_bytes(), "\"NaN\"");
    check(r#""float""#, &f32::NEG_INFINITY.to_le_bytes(), "\"-Infinity\"");
    check(r#""bytes""#, b"\x06abc", "\"YWJj\"");
    check(r#""string""#, "\x06à\"".as_bytes(), r#""à\"""#);
    check(r#"{"type":"fixed","name":"F","size":2}"#, b"ab", "\"YWI=\"");
    check(r#"{"type":"enum","name":"E","symbols":["A","B"]}"#, &[2], "\"B\"");
    check(r#"{"type":"array","items":"int"}"#, &[4, 2, 4, 0], "[1,2]");
    check(r#"{"type":"map","values":"int"}"#, b"\x04\x02a\x02\x02b\x04\x00", r#"{"a":1,"b":2}"#);
    check(&record(r#"{"name":"a","type":"int"},{"name":"b","type":"string"}"#), b"\x02\x02x", r#"{"a":1,"b":"x"}"#);
    check(&record(""), &[], "{}");
}

#[test]
fn logical_types_have_their_json() {
    let logical = |name: &str, logical: &str| format!(r#"{{"type":"{name}","logicalType":"{logical}"}}"#);
    let long = |number: i64| parsed(r#""long""#).encode(&number.to_string()).expect("a long");
    check(&logical("int", "date"), &long(19_782), "\"2024-02-29\"");
    check(&logical("int", "date"), &long(i32::MAX.into()), "2147483647");
    check(&logical("int", "time-millis"), &long(49_559_123), "\"13:45:59.123\"");
    check(&logical("long", "time-micros"), &long(49_559_000_001), "\"13:45:59.000001\"");
    check(&logical("long", "time-micros"), &long(-1), "-1");
    let millis = 1_709_214_359_123;
    check(&logical("long", "timestamp-millis"), &long(millis), "\"2024-02-29T13:45:59.123Z\"");
    check(&logical("long", "timestamp-micros"), &long(millis * 1000), "\"2024-02-29T13:45:59.123000Z\"");
    check(&logical("long", "timestamp-nanos"), &long(millis * 1_000_000), "\"2024-02-29T13:45:59.123000000Z\"");
    check(&logical("long", "timestamp-nanos"), &long(i64::MIN), "\"1677-09-21T00:12:43.145224192Z\"");
    check(&logical("long", "timestamp-millis"), &long(i64::MAX), "9223372036854775807");
    check(&logical("long", "local-timestamp-millis"), &long(millis), "\"2024-02-29T13:45:59.123\"");
    check(&logical("long", "local-timestamp-micros"), &long(-1), "\"1969-12-31T23:59:59.999999\"");
    let uuid = "f81d4fae-7dec-11d0-a765-00a0c91e6bf6";
    check(&logical("string", "uuid"), format!("\x48{uuid}").as_bytes(), &format!("\"{uuid}\""));
    let bytes = 0xf81d_4fae_7dec_11d0_a765_00a0_c91e_6bf6_u128.to_be_bytes();
    check(r#"{"type":"fixed","name":"U","size":16,"logicalType":"uuid"}"#, &bytes, &format!("\"{uuid}\""));
    let duration = [1, 0, 0, 0, 2, 0, 0, 0, 0xbc, 0x0b, 0, 0];
    check(r#"{"type":"fixed","name":"D","size":12,"logicalType":"duration"}"#, &duration, "\"P1M2DT3.004S\"");
    let decimal = r#"{"type":"bytes","logicalType":"decimal","precision":9,"scale":3}"#;
    check(decimal, &[4, 0xcf, 0xcc], "-12.340");
    check(decimal, &[2, 5], "0.005");
    let fixed = r#"{"type":"fixed","name":"D","size":4,"logicalType":"decimal","precision":9,"scale":2}"#;
    check(fixed, &[0xff, 0xff, 0xff, 0xfe], "-0.02");
    check(r#"{"type":"bytes","logicalType":"big-decimal"}"#, &[8, 4, 4, 0xd2, 4], "12.34");
    assert_eq!(parsed(decimal).encode("\"12.5\""), Ok(vec![4, 0x30, 0xd4]));
}

#[test]
fn unknown_logical_types_are_ignored() {
    check(r#"{"type":"long","logicalType":"my-own"}"#, &[2], "1");
    check(r#"{"type":"string","logicalType":"date"}"#, b"\x02a", "\"a\"");
    check(r#"{"type":"bytes","logicalType":"decimal","precision":4,"scale":-2}"#, b"\x02a", "\"YQ==\"");
    check(r#"{"type":"fixed","name":"U","size":1,"logicalType":"uuid"}"#, b"a", "\"YQ==\"");
    check(r#"{"type":{"type":"int"},"logicalType":"date"}"#, &[0], "\"1970-01-01\"");
}

#[test]
fn blocks_may_have_a_size() {
    let array = parsed(r#"{"type":"array","items":"int"}"#);
    assert_eq!(decoded(&array, &[3, 4, 2, 4, 2, 6, 0]).as_deref(), Ok("[1,2,3]"));
    let map = parsed(r#"{"type":"map","values":"null"}"#);
    assert_eq!(decoded(&map, b"\x01\x04\x02a\x02\x02b\x00").as_deref(), Ok(r#"{"a":null,"b":null}"#));
    let error = decoded(&array, &[3, 99, 2, 4, 0]).expect_err("a wrong size");
    assert_eq!(error, "array block of -50 bytes (3 bytes are left)");
}

#[test]
fn decode_errors_have_a_path_and_values() {
    let order = record(
        r#"{"name":"customer","type":{"type":"record","name":"C","fields":[{"name":"name","type":"string"}]}},
        {"name":"items","type":{"type":"array","items":{"type":"map","values":"double"}}}"#,
    );
    assert_eq!(
        decode_error(&order, b"\x02x\x04\x00\x02\x02k12345"),
        "3 bytes short at `items[1].k` (needs 8 bytes, 5 bytes are left)"
    );
    assert_eq!(decode_error(&order, b"\x02\xff\x00"), "invalid UTF-8 at `customer.name`");
    assert_eq!(decode_error(&order, b"\x05"), "negative length -3 at `customer.name`");
    assert_eq!(decode_error(&order, b"\x00\x00abc"), "3 bytes are left after the value");
    assert_eq!(
        decode_error(&order, b"\x00\x02\x02\x06a b"),
        r#"8 bytes short at `items[0]["a b"]` (needs 8 bytes, 0 bytes are left)"#
    );
    assert_eq!(decode_error(&order, b""), "1 byte short at `customer.name` (needs 1 byte, 0 bytes are left)");
    assert_eq!(decode_error(r#"["null","int","string"]"#, &[14]), "union branch 7 of 3");
    assert_eq!(decode_error(r#"["null","int","string"]"#, &[1]), "union branch -1 of 3");
    assert_eq!(decode_error(r#"{"type":"enum","name":"E","symbols":["A","B"]}"#, &[24]), "enum index 12 of 2");
    assert_eq!(decode_error(r#""boolean""#, &[7]), "byte 7 instead of a boolean (0 or 1)");
    assert_eq!(
        decode_error(r#""int""#, &[0x80, 0x80, 0x80, 0x80, 0x10]),
        "integer 2147483648 is out of the range of an int"
    );
    assert_eq!(decode_error(r#""long""#, &[0xff; 10]), "integer of more than 64 bits");
    assert_eq!(decode_error(r#"{"type":"array","items":"int"}"#, &[20, 0]), "array block of 10 items (1 byte is left)");
    let decimal = r#"{"type":"bytes","logicalType":"decimal","precision":9}"#;
    let mut body = vec![0x82, 0x10];
    body.resize(2 + 1025, 1);
    assert_eq!(decode_error(decimal, &body), "decimal of 1025 bytes (at most 1024 are decoded)");
}

#[test]
fn items_without_bytes_are_limited_by_the_output() {
    for items in
        [r#""null""#, &record(""), r#"{"type":"fixed","name":"F","size":0}"#, &record(r#"{"name":"a","type":"null"}"#)]
    {
        let schema = parsed(&format!(r#"{{"type":"array","items":{items}}}"#));
        let huge = parsed(r#""long""#).encode("4611686018427387904").expect("a long");
        let mut text = Vec::new();
        let error = schema.decode(&huge, &mut JsonWriter::new(&mut text, 10_000)).expect_err("too large");
        assert_eq!(error.code, DecodeErrorCode::TooLarge, "{items}");
        assert!(text.len() <= 10_000);
    }
}

#[test]
fn recursive_types_stop_at_the_depth() {
    let schema = parsed(&record(r#"{"name":"next","type":["null","Order"]}"#));
    let mut body = vec![2; 127];
    body.push(0);
    let json = decoded(&schema, &body).expect("128 levels");
    assert_eq!(schema.encode(&json), Ok(body.clone()));
    body.insert(0, 2);
    let mut text = Vec::new();
    let error = schema.decode(&body, &mut JsonWriter::new(&mut text, 100_000)).expect_err("129 levels");
    assert_eq!(error.code, DecodeErrorCode::TooLarge);
    assert_eq!(error.message, "the value is nested deeper than 128 levels");
    let endless = parsed(&record(r#"{"name":"self","type":"Order"}"#));
    assert!(decoded(&endless, &[]).is_err());
    assert_eq!(endless.example(), "null");
    let lists = parsed(&record(r#"{"name":"a","type":{"type":"array","items":"Order"}}"#));
    assert!(decoded(&lists, &[2; 100_000]).is_err());
}

#[test]
fn references_are_found_in_any_order() {
    let schema = r#"{"type":"record","name":"Order","namespace":"com.acme","fields":[
        {"name":"total","type":"Money"},{"name":"by","type":["null","org.Person"]}]}"#;
    let person = r#"{"type":"record","name":"org.Person","fields":[{"name":"salary","type":"com.acme.Money"}]}"#;
    let money = r#"{"type":"record","name":"com.acme.Money","fields":[{"name":"cents","type":"long"}]}"#;
    for references in [[person, money], [money, person]] {
        let schema = AvroSchema::parse(schema, &references).expect("resolved");
        assert_eq!(schema.name(), Some("com.acme.Order"));
        let json = r#"{"total":{"cents":1},"by":{"salary":{"cents":2}}}"#;
        assert_eq!(decoded(&schema, &[2, 2, 4]).as_deref(), Ok(json));
        assert_eq!(schema.encode(json), Ok(vec![2, 2, 4]));
    }
    // The same type may come with several references.
    assert!(AvroSchema::parse(schema, &[money, person, money]).is_ok());
    let alone = AvroSchema::parse("\"com.acme.Money\"", &[money]).expect("a reference alone");
    assert_eq!(alone.name(), Some("com.acme.Money"));
    assert_eq!(
        AvroSchema::parse(schema, &[person]).expect_err("no money").to_string(),
        "`total` of the schema: the type `com.acme.Money` is defined neither here nor in a reference"
    );
}

#[test]
fn names_resolve_in_their_namespace_and_without_one() {
    // As in Java, a name that the namespace lacks may be one without a namespace.
    let id = r#"{"type":"fixed","name":"Id","size":1}"#;
    let schema = r#"{"type":"record","name":"R","namespace":"com.acme","fields":[{"name":"id","type":"Id"}]}"#;
    let schema = AvroSchema::parse(schema, &[id]).expect("resolved");
    assert_eq!(decoded(&schema, b"a").as_deref(), Ok(r#"{"id":"YQ=="}"#));
}

#[test]
fn odd_schemas_are_accepted() {
    // Names that no specification allows, a default of another type, comments, `error`, and a type that is defined
    // after its use.
    let schema = parsed(
        r#"/* © ACME */ {"type":"error","name":"my-order","namespace":"com.my-company","aliases":[1],"doc":3,"fields":[
            {"name":"a-b \"c\"","type":"int","default":"none"}, // the first: "a"
            {"name":"later","type":"Later"},
            {"name":"now","type":{"type":"enum","name":"Later","symbols":["not-a-name","ok //"]}}]}"#,
    );
    assert_eq!(schema.name(), Some("com.my-company.my-order"));
    assert_eq!(decoded(&schema, &[2, 0, 2]).as_deref(), Ok(r#"{"a-b \"c\"":1,"later":"not-a-name","now":"ok //"}"#));
    let error = schema.encode(r#"{"later":"ok //","now":"ok //"}"#).expect_err("no valid default");
    assert!(error.message.contains("is missing"), "{error}");
}

#[test]
fn schema_errors_have_a_place() {
    let error = |schema: &str| AvroSchema::parse(schema, &[]).expect_err(schema).to_string();
    assert_eq!(error("{"), "the schema: invalid JSON: EOF while parsing an object at line 1 column 1");
    assert_eq!(error("3"), "the schema: expects a schema, has the number 3");
    assert_eq!(error("\"strin\""), "the schema: the type `strin` is defined neither here nor in a reference");
    for union in [r#"["null",["int"]]"#, r#"["null",{"type":["int"]}]"#] {
        assert_eq!(error(union), "`1` of the schema: a union cannot be directly inside a union");
    }
    assert_eq!(error(r#"{"type":"array"}"#), "the schema: `items` of the array is missing");
    assert_eq!(
        error(&record(r#"{"name":"a"}"#)),
        "the schema: `type` of the field `a` of the record `com.acme.Order` is missing"
    );
    assert_eq!(
        error(&record(r#"{"name":"a","type":{"type":"fixed","size":3}}"#)),
        "`a` of the schema: `name` of the fixed is missing"
    );
    let twice = r#"{"name":"a","type":"int"},{"name":"a","type":"int"}"#;
    assert_eq!(error(&record(twice)), "the schema: the record `com.acme.Order` has two fields `a`");
    let twice = r#"{"name":"a","type":{"type":"enum","name":"Order","symbols":[]}}"#;
    assert_eq!(error(&record(twice)), "`a` of the schema: the type `com.acme.Order` is defined twice");
    assert_eq!(
        AvroSchema::parse("\"int\"", &["\"int\"", "{}"]).expect_err("no type").to_string(),
        "reference 2: `type` is missing"
    );
    assert!(error(&"[".repeat(100_000)).contains("the schema: "));
}

#[test]
fn missing_fields_have_their_default() {
    let schema = parsed(&record(
        r#"{"name":"a","type":"int"},
        {"name":"b","type":["null","string"],"default":null},
        {"name":"c","type":"bytes","default":"\u00ff"},
        {"name":"d","type":{"type":"record","name":"D","fields":[
            {"name":"x","type":"E","default":"Y"},{"name":"y","type":"double","default":1}]},"default":{}},
        {"name":"e","type":{"type":"enum","name":"E","symbols":["X","Y"]},"default":"Y"},
        {"name":"f","type":["string","null"],"default":"f"},
        {"name":"g","type":{"type":"bytes","logicalType":"decimal","precision":4,"scale":2},"default":"\u0001"}"#,
    ));
    let body = schema.encode(r#"{"a":1}"#).expect("defaults");
    let json = r#"{"a":1,"b":null,"c":"/w==","d":{"x":"Y","y":1.0},"e":"Y","f":"f","g":0.01}"#;
    assert_eq!(decoded(&schema, &body).as_deref(), Ok(json));
    assert_eq!(
        schema.encode("{}").expect_err("a is missing").to_string(),
        "a: the field is missing, and the schema has no valid default for it"
    );
    assert_eq!(schema.example(), json.replace(r#""a":1,"b":null"#, r#""a":0,"b":"""#));
}

#[test]
fn defaults_of_defaults_do_not_grow_without_limit() {
    let mut fields = r#"{"name":"x","type":"string","default":"0123456789"}"#.to_owned();
    for level in 0..40 {
        let inner = format!(r#"{{"type":"record","name":"R{level}","fields":[{fields}]}}"#);
        fields =
            format!(r#"{{"name":"a","type":{inner},"default":{{}}}},{{"name":"b","type":"R{level}","default":{{}}}}"#);
    }
    let schema = parsed(&record(&fields));
    assert!(schema.encode("{}").is_err());
    assert!(schema.example().len() < 1 << 20);
}

#[test]
fn encode_errors_have_a_path_and_values() {
    let order = record(
        r#"{"name":"items","type":{"type":"array","items":{"type":"record","name":"I","fields":[
            {"name":"amount","type":{"type":"bytes","logicalType":"decimal","precision":4,"scale":2}},
            {"name":"count","type":"int"}]}}}"#,
    );
    let error = |amount: &str, count: &str| {
        encode_error(
            &order,
            &format!(r#"{{"items":[{{"amount":1,"count":1}},{{"amount":{amount},"count":{count}}}]}}"#),
        )
    };
    assert_eq!(error("1.234", "1"), "items[1].amount: the number 1.234 has more than 2 digits after the point");
    assert_eq!(
        error("123.4", "1"),
        "items[1].amount: the number 123.4 has 5 digits (with 2 after the point), more than the precision 4"
    );
    assert_eq!(error("\"x\"", "1"), "items[1].amount: expects a decimal number, has the string \"x\"");
    assert_eq!(
        error("1", "2147483648"),
        "items[1].count: expects an int: an integer from -2147483648 to 2147483647, has the number 2147483648"
    );
    assert!(error("1", "1.5").starts_with("items[1].count: expects an int"));
    assert_eq!(error("1", "1,\"z\":0"), "items[1].z: `com.acme.I` has no such field; its fields are amount, count");
    assert_eq!(error("1", "1,\"count\":1"), "items[1].count: the field is given twice");
    assert_eq!(
        encode_error(&order, "[]"),
        "the value: expects an object with the fields of `com.acme.Order`, has an array"
    );
    assert!(encode_error(&order, "{").starts_with("the value: invalid JSON: EOF"));
    assert_eq!(
        encode_error(r#"{"type":"enum","name":"E","symbols":["A","B"]}"#, "\"C\""),
        "the value: expects one of A, B, has the string \"C\""
    );
    assert_eq!(
        encode_error(r#"{"type":"fixed","name":"F","size":2}"#, "\"YWJj\""),
        "the value: expects 2 bytes, has 3"
    );
    assert_eq!(
        encode_error(r#"{"type":"fixed","name":"D","size":1,"logicalType":"decimal","precision":9}"#, "128"),
        "the value: the number 128 needs 2 bytes, more than `D` has (1)"
    );
    assert!(encode_error(r#""double""#, "1e999").contains("expects a double"));
    assert!(encode_error(r#""float""#, "1e39").contains("expects a float"));
    assert!(encode_error(r#""long""#, "9223372036854775808").contains("expects a long"));
    let timestamp = r#"{"type":"long","logicalType":"timestamp-millis"}"#;
    assert!(encode_error(timestamp, "\"2024-02-30T00:00:00Z\"").contains("expects a timestamp"));
    assert!(encode_error(timestamp, "true").contains("expects a timestamp"));
}

#[test]
fn union_type_is_chosen_by_the_value() {
    let choose = |union: &str, json: &str, index: u8| {
        let body = parsed(union).encode(json);
        assert_eq!(body.as_ref().map(|body| body[0]), Ok(index * 2), "{union} {json} {body:?}");
    };
    let types = r#"["null","boolean","int","long","double","string",
        {"type":"array","items":"int"},{"type":"map","values":"int"}]"#;
    for (index, json) in ["null", "true", "1", "2147483648", "1.0", "\"x\"", "[1]", "{\"a\":1}"].into_iter().enumerate()
    {
        choose(types, json, index as u8);
    }
    for json in ["{\"long\":1}", " { \"long\" : -3 } "] {
        // The map of integers would also fit.
        assert!(encode_error(types, json).contains("`long` and `map`"));
        choose(r#"["null","int","long"]"#, json, 2);
    }
    choose(r#"["null",{"type":"long","logicalType":"timestamp-millis"}]"#, "5", 1);
    choose(r#"["string",{"type":"bytes","logicalType":"decimal","precision":9,"scale":2}]"#, "5", 1);
    choose(r#"["string",{"type":"bytes","logicalType":"decimal","precision":9,"scale":2}]"#, "\"5\"", 0);
    let records = r#"["null",
        {"type":"record","name":"com.acme.A","fields":[
            {"name":"a","type":"int"},{"name":"x","type":"int","default":0}]},
        {"type":"record","name":"com.acme.B","fields":[
            {"name":"a","type":"int"},{"name":"y","type":"int","default":0}]}]"#;
    choose(records, r#"{"a":1,"x":2}"#, 1);
    choose(records, r#"{"a":1,"y":2}"#, 2);
    choose(records, r#"{"com.acme.B":{"a":1}}"#, 2);
    choose(records, r#"{"B":{"a":1}}"#, 2);
    assert_eq!(
        encode_error(records, r#"{"a":1}"#),
        "the value: fits several types of the union, `com.acme.A` and `com.acme.B`; name the type: \
         {\"com.acme.A\": value} or {\"com.acme.B\": value}"
    );
    assert_eq!(
        encode_error(records, "5"),
        "the value: expects one of the types null, com.acme.A, com.acme.B, has the number 5"
    );
    assert!(encode_error(records, r#"{"B":{"a":true}}"#).starts_with("B.a: expects an int"));
    // With one type beside null, its error is the one to show.
    let optional = record(r#"{"name":"a","type":["null",{"type":"array","items":"int"}]}"#);
    assert!(encode_error(&optional, r#"{"a":[1,"x"]}"#).starts_with("a[1]: expects an int"));
    // A text that is also base64 would otherwise change its type when a record is sent again.
    assert!(encode_error(r#"["string","bytes"]"#, "\"abcd\"").contains("`string` and `bytes`"));
}

#[test]
fn unions_in_unions_do_not_take_exponential_time() {
    let node =
        |name: &str| format!(r#"{{"type":"record","name":"{name}","fields":[{{"name":"n","type":["int","A","B"]}}]}}"#);
    let schema = AvroSchema::parse(r#"["A","B"]"#, &[&node("A"), &node("B")]).expect("valid");
    let json = format!("{}true{}", "{\"n\":".repeat(100), "}".repeat(100));
    let error = schema.encode(&json).expect_err("ambiguous");
    assert!(error.message.contains("too many types of unions"), "{error}");
}

#[test]
fn encoding_leaves_out_no_digit() {
    let decimal = parsed(r#"{"type":"bytes","logicalType":"decimal","precision":60,"scale":10}"#);
    let json = "-12345678901234567890123456789012345678901234567890.0123456789";
    let body = decimal.encode(json).expect("60 digits");
    assert_eq!(decoded(&decimal, &body).as_deref(), Ok(json));
    assert!(Json::parse(json).is_ok());
}

#[test]
fn names_longer_than_1024_bytes_are_refused() {
    let parse = |schema: String| AvroSchema::parse(&schema, &[]);
    let long = "n".repeat(1_025);
    for schema in [
        format!(r#"{{"type":"fixed","name":"{long}","size":1}}"#),
        format!(r#"{{"type":"fixed","name":"a.{long}","size":1}}"#),
        format!(r#"{{"type":"fixed","name":"a","namespace":"{long}","size":1}}"#),
        format!(r#"{{"type":"array","items":"{long}"}}"#),
    ] {
        let error = parse(schema).expect_err("a long name").message;
        assert!(error.contains("more than 1024 bytes") && error.len() < 400, "{error}");
    }
    // A namespace that thousands of types repeat must not be copied for each.
    let types: Vec<String> =
        (0..15_000).map(|i| format!(r#"{{"name":"f{i}","type":{{"type":"fixed","name":"T{i}","size":1}}}}"#)).collect();
    let namespace = "n".repeat(1 << 20);
    let schema = format!(r#"{{"type":"record","name":"R","namespace":"{namespace}","fields":[{}]}}"#, types.join(","));
    assert!(parse(schema).is_err());
    let name = "n".repeat(1_000);
    assert!(parse(format!(r#"{{"type":"fixed","name":"{name}","namespace":"a.b","size":1}}"#)).is_ok());
}

#[test]
fn long_field_name_is_not_repeated_for_each_unresolved_type() {
    let branches: Vec<String> = (0..20_000).map(|i| format!("\"T{i}\"")).collect();
    let schema = format!(
        r#"{{"type":"record","name":"R","fields":[{{"name":"{}","type":[{}]}}]}}"#,
        "f".repeat(1 << 20),
        branches.join(",")
    );
    let error = AvroSchema::parse(&schema, &[]).expect_err("unresolved types").message;
    assert!(error.len() < 1_000, "{}", error.len());
}
