use super::*;

#[test]
fn every_scalar_is_encoded_and_decoded_exactly() {
    let message = with_fields(
        "double d = 1; float f = 2; int32 i = 3; int64 j = 4; uint32 u = 5; uint64 v = 6; sint32 s = 7; sint64 t = 8;
        fixed32 x = 9; fixed64 y = 10; sfixed32 p = 11; sfixed64 q = 12; bool b = 13; string text = 14; bytes bytes = 15;",
    );
    for json in [
        r#"{"d":0.1,"f":0.1,"i":-2147483648,"j":-9223372036854775808,"u":4294967295,"v":18446744073709551615,"s":-2147483648,"t":-9223372036854775808,"x":4294967295,"y":18446744073709551615,"p":-2147483648,"q":-9223372036854775808,"b":true,"text":"à\n\"我","bytes":"AP8="}"#,
        r#"{"d":"NaN","f":"-Infinity","i":2147483647,"j":9007199254740993,"u":0,"v":9007199254740993,"s":2147483647,"t":9223372036854775807,"x":0,"y":9007199254740993,"p":2147483647,"q":9223372036854775807,"b":false,"text":"","bytes":""}"#,
        r#"{"d":1e300,"f":-0.0,"i":-1,"j":-1,"u":1,"v":1,"s":-1,"t":-1,"x":1,"y":1,"p":-1,"q":-1,"b":true,"text":"x","bytes":"AA=="}"#,
    ] {
        assert_round_trip(&message, json);
    }
}

#[test]
fn integers_may_be_strings_and_names_those_of_the_file() {
    let message = with_fields("int64 big_number = 1; E kind_of = 2; enum E { ZERO = 0; ONE = 1; } bytes b = 3;");
    let expected = r#"{"bigNumber":9007199254740993,"kindOf":"ONE","b":"-__-"}"#;
    let standard = r#"{"bigNumber":9007199254740993,"kindOf":"ONE","b":"+//+"}"#;
    assert_eq!(round_trip(&message, expected), standard);
    assert_eq!(round_trip(&message, r#"{"big_number":"9007199254740993","kind_of":1,"b":"+//+"}"#), standard);
    assert_eq!(
        round_trip(&message, r#"{"bigNumber":9007199254740993.0,"kindOf":7}"#),
        r#"{"bigNumber":9007199254740993,"kindOf":7,"b":""}"#
    );
    assert_eq!(
        round_trip(&message, r#"{"bigNumber":null,"kindOf":null}"#),
        r#"{"bigNumber":0,"kindOf":"ZERO","b":""}"#
    );
}

#[test]
fn fields_are_encoded_in_the_order_of_their_numbers() {
    let message = with_fields("int32 a = 1; repeated int32 b = 2; string c = 3; optional int32 d = 4;");
    let bytes = message.encode(r#"{"d":0,"c":"x","a":1,"b":[1,2]}"#).expect("valid");
    assert_eq!(bytes, [8, 1, 18, 2, 1, 2, 26, 1, b'x', 32, 0]);
    // Without presence, a default value is not written.
    assert_eq!(message.encode(r#"{"a":0,"b":[],"c":""}"#).expect("valid"), b"");
}

#[test]
fn errors_name_the_field() {
    let message = with_fields(
        "message Item { int32 amount = 1; uint64 big = 2; bool flag = 3; } repeated Item items = 1; map<int32, Item> map = 2;
        oneof choice { string left = 3; string right = 4; } E e = 5; enum E { ZERO = 0; ONE = 1; } bytes b = 6; repeated int32 list = 7;",
    );
    for (json, expected) in [
        (
            r#"{"items":[{},{"amount":3000000000}]}"#,
            "items[1].amount: 3000000000 is out of range: int32 is between -2147483648 and 2147483647",
        ),
        (
            r#"{"items":[{"big":18446744073709551616}]}"#,
            "items[0].big: 18446744073709551616 is out of range: uint64 is between 0 and 18446744073709551615",
        ),
        (r#"{"items":[{"amount":1.5}]}"#, "items[0].amount: expected an int32, found 1.5"),
        (r#"{"items":[{"amount":[1]}]}"#, "items[0].amount: expected an int32, found [1]"),
        (r#"{"items":[{"amuont":1}]}"#, "items[0]: unknown field `amuont`; M.Item has the fields amount, big, flag"),
        (r#"{"items":[{"amount":1,"amount":1}]}"#, "items[0].amount: the field is given twice"),
        (r#"{"items":[null]}"#, "items[0]: expected M.Item, found null; an element cannot be absent"),
        (r#"{"items":["x"]}"#, "items[0]: expected an object (M.Item), found a string"),
        (r#"{"items":[[]]}"#, "items[0]: expected an object (M.Item), found an array"),
        (r#"{"map":{"5":{"flag":"yes"}}}"#, "map[\"5\"].flag: expected a bool, found \"yes\""),
        (r#"{"map":{"x":{}}}"#, "map[\"x\"]: the key: expected an int32, found x"),
        (
            r#"{"map":{"1":null}}"#,
            "map[\"1\"]: expected M.Item, found null; the value of a map's entry cannot be absent",
        ),
        (r#"{"left":"a","right":"b"}"#, "right: only one field of the oneof `choice` can be set, and `left` is set"),
        (r#"{"e":"TWO"}"#, "e: expected a value of M.E (\"ZERO\", \"ONE\"), found \"TWO\""),
        (r#"{"b":"!"}"#, "b: expected base64, found \"!\": Invalid symbol 33, offset 0."),
        ("null", "the value: expected a message, found null"),
        ("[]", "the value: expected an object (M), found an array"),
    ] {
        assert_eq!(message.encode(json).expect_err(json).to_string(), expected);
    }
    for (json, start) in [
        (r#"{"list":5}"#, "list: invalid type: integer `5`, expected an array of int32"),
        (r#"{"map":[]}"#, "map: invalid type: sequence, expected an object (a map)"),
        (r#"{"items":[{"amount":1}"#, "items[1]: EOF while parsing a list"),
        ("{} x", "the value: trailing characters"),
    ] {
        let error = message.encode(json).expect_err(json).to_string();
        assert!(error.starts_with(start), "{json}: {error}");
    }
}

#[test]
fn well_known_types_have_their_own_json() {
    let message = first_type(
        r#"syntax = "proto3"; import "google/protobuf/timestamp.proto"; import "google/protobuf/duration.proto";
        import "google/protobuf/field_mask.proto"; import "google/protobuf/struct.proto"; import "google/protobuf/wrappers.proto";
        import "google/protobuf/empty.proto";
        message M {
            google.protobuf.Timestamp t = 1; google.protobuf.Duration d = 2; google.protobuf.FieldMask f = 3;
            google.protobuf.Struct s = 4; google.protobuf.Value v = 5; google.protobuf.ListValue l = 6;
            google.protobuf.Int64Value i = 7; google.protobuf.StringValue w = 8; google.protobuf.BytesValue b = 9;
            google.protobuf.BoolValue o = 10; google.protobuf.DoubleValue n = 11; google.protobuf.Empty e = 12;
            google.protobuf.NullValue z = 13; google.protobuf.UInt64Value u = 14; google.protobuf.FloatValue r = 15;
        }"#,
    );
    for json in [
        r#"{"t":"2026-11-30T12:49:27.000000001Z","d":"-3.500s","f":"a.bC,d","s":{"a":[1.0,true,null,{"b":"c"}],"e":{}},"v":null,"l":["x",2.5,[]],"i":9007199254740993,"w":"","b":"AA==","o":false,"n":"NaN","e":{},"z":null,"u":18446744073709551615,"r":0.1}"#,
        r#"{"t":"1970-01-01T00:00:00Z","d":"0s","f":"","s":{},"v":"text","l":[],"i":0,"n":0.0,"z":null}"#,
        r#"{"v":{"a":{"b":[[]]}},"z":null}"#,
        r#"{"z":null}"#,
    ] {
        assert_round_trip(&message, json);
    }
    for (json, expected) in [
        (r#"{"t":"yesterday"}"#, "t: expected an RFC 3339 time such as \"2026-01-31T12:30:00Z\", found \"yesterday\""),
        (r#"{"d":1}"#, "d: expected a duration such as \"1.5s\", found 1"),
        (r#"{"i":"x"}"#, "i: expected an int64, found \"x\""),
        (r#"{"e":{"x":1}}"#, "e: unknown field `x`; google.protobuf.Empty has the fields "),
        (r#"{"l":{}}"#, "l: expected an array, found an object"),
        (r#"{"s":1}"#, "s: expected an object (google.protobuf.Struct), found a number"),
    ] {
        assert_eq!(message.encode(json).expect_err(json).to_string(), expected);
    }
}

#[test]
fn deep_json_is_refused() {
    let message = with_fields("M m = 1;");
    let json = format!("{}{}", r#"{"m":"#.repeat(5_000), "null");
    assert!(message.encode(&json).expect_err("too deep").message.contains("recursion limit"));
    let message = first_type(
        r#"syntax = "proto3"; package p; import "google/protobuf/any.proto"; message M { google.protobuf.Any a = 1; }"#,
    );
    let json = format!("{}{{}}{}", r#"{"@type":"x/p.M","a":"#.repeat(200), "}".repeat(200));
    let json = format!("{{\"a\":{json}}}");
    assert!(message.encode(&json).is_err());
}
