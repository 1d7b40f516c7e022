use super::*;

#[test]
fn absent_fields_without_presence_are_written() {
    let message =
        with_fields("int32 count = 1; string name = 2; optional int32 limit = 3; M inner = 4; repeated M list = 5;");
    assert_eq!(decoded(&message, b"").expect("empty"), r#"{"count":0,"name":"","list":[]}"#);
}

#[test]
fn fields_are_written_in_the_order_of_their_declaration() {
    let message = with_fields("int32 b = 2; int32 a = 1;");
    assert_eq!(decoded(&message, &[8, 1, 16, 2]).expect("fields"), r#"{"b":2,"a":1}"#);
}

#[test]
fn last_value_of_a_scalar_wins() {
    let message = with_fields("int32 a = 1;");
    assert_eq!(decoded(&message, &[8, 1, 8, 2, 8, 3]).expect("fields"), r#"{"a":3}"#);
}

#[test]
fn embedded_messages_that_occur_twice_are_merged() {
    let message = with_fields("message P { int32 x = 1; repeated int32 y = 2; P p = 3; } P p = 1;");
    // p { x: 1 y: 1 p { x: 5 } }, then p { y: 2 p { y: 6 } }
    let body = [10, 8, 8, 1, 16, 1, 26, 2, 8, 5, 10, 6, 16, 2, 26, 2, 16, 6];
    assert_eq!(decoded(&message, &body).expect("merged"), r#"{"p":{"x":1,"y":[1,2],"p":{"x":5,"y":[6]}}}"#);
}

#[test]
fn repeated_fields_may_be_packed_in_part_and_not_contiguous() {
    let message = with_fields("repeated int32 a = 1; repeated int32 b = 2 [packed = false]; repeated fixed32 c = 3;");
    let body = [8, 1, 16, 9, 10, 3, 2, 3, 4, 18, 2, 8, 7, 8, 5, 26, 8, 1, 0, 0, 0, 2, 0, 0, 0, 29, 3, 0, 0, 0];
    assert_eq!(decoded(&message, &body).expect("lists"), r#"{"a":[1,2,3,4,5],"b":[9,8,7],"c":[1,2,3]}"#);
}

#[test]
fn last_entry_of_a_key_wins() {
    let message = with_fields("map<int32, string> m = 1; map<string, int32> n = 2; map<bool, M> o = 3;");
    // 1: a, 2: b, 1: c; an entry without a key and with the key 0.
    let body =
        [10, 5, 8, 1, 18, 1, b'a', 10, 5, 8, 2, 18, 1, b'b', 10, 5, 8, 1, 18, 1, b'c', 10, 0, 10, 5, 8, 0, 18, 1, b'd'];
    assert_eq!(decoded(&message, &body).expect("a map"), r#"{"m":{"2":"b","1":"c","0":"d"},"n":{},"o":{}}"#);
    let body = [18, 4, 10, 0, 16, 1, 18, 2, 16, 2, 18, 3, 10, 1, b'x', 26, 0, 26, 2, 8, 1];
    let expected = r#"{"m":{},"n":{"":2,"x":0},"o":{"false":{"m":{},"n":{},"o":{}},"true":{"m":{},"n":{},"o":{}}}}"#;
    assert_eq!(decoded(&message, &body).expect("maps"), expected);
}

#[test]
fn last_member_of_a_oneof_wins() {
    let message = with_fields("oneof o { int32 a = 1; M m = 2; string s = 3; } int32 z = 4;");
    assert_eq!(decoded(&message, &[26, 1, b'x', 8, 1]).expect("a"), r#"{"a":1,"z":0}"#);
    assert_eq!(decoded(&message, &[8, 1, 26, 1, b'x', 32, 5]).expect("s"), r#"{"s":"x","z":5}"#);
    // The other member between them clears the first occurrence of `m`.
    assert_eq!(decoded(&message, &[18, 2, 8, 7, 8, 1, 18, 2, 32, 5]).expect("m"), r#"{"m":{"z":5},"z":0}"#);
    assert_eq!(decoded(&message, &[18, 2, 8, 7, 18, 2, 32, 5]).expect("m"), r#"{"m":{"a":7,"z":5},"z":0}"#);
}

#[test]
fn unknown_fields_are_skipped() {
    let message = with_fields("int32 a = 1;");
    let body = [
        &[16, 5][..],
        &[25, 1, 2, 3, 4, 5, 6, 7, 8],
        &[34, 2, 1, 2],
        &[45, 1, 2, 3, 4],
        // A group in a group.
        &[51, 8, 9, 59, 60, 52],
        &[8, 3],
    ]
    .concat();
    assert_eq!(decoded(&message, &body).expect("known field"), r#"{"a":3}"#);
}

#[test]
fn proto2_groups_defaults_and_extensions_are_decoded() {
    let schema = ProtobufSchema::parse(
        r#"syntax = "proto2"; package p;
        message M {
            optional int32 a = 1 [default = 7];
            repeated group Item = 2 { required string name = 1; }
            optional group One = 3 { optional int32 x = 1; }
            optional Color color = 4;
            extensions 100 to 200;
        }
        enum Color { RED = 1; BLUE = 2; }
        extend M { optional int32 extra = 100; }"#,
        &[],
    )
    .expect("a valid schema");
    let message = schema.by_name("p.M").expect("M");
    assert_eq!(decoded(&message, b"").expect("empty"), r#"{"item":[]}"#);
    let body = [19, 10, 1, b'x', 20, 19, 10, 1, b'y', 20, 27, 8, 5, 28, 27, 28, 32, 9, 160, 6, 42];
    let expected = r#"{"item":[{"name":"x"},{"name":"y"}],"one":{"x":5},"color":9,"[p.extra]":42}"#;
    assert_eq!(decoded(&message, &body).expect("groups"), expected);
    let written = [19, 10, 1, b'x', 20, 19, 10, 1, b'y', 20, 27, 8, 5, 28, 32, 9, 160, 6, 42];
    assert_eq!(message.encode(expected).expect("valid"), written);
    let error = message.encode(r#"{"item":[{"name":"a"},{}]}"#).expect_err("no name");
    assert_eq!(error.to_string(), "item[1]: the required field `name` of p.M.Item is missing");
}

#[test]
fn errors_have_the_path_of_the_field() {
    let message = with_fields(
        "message Item { int64 amount = 1; string name = 2; fixed64 f = 3; } repeated Item items = 1; map<string, Item> map = 2;",
    );
    assert_malformed(
        &message,
        &[10, 2, 8, 0x80],
        "1 byte short at field `items[0].amount` (the varint at byte 3 has no last byte)",
    );
    assert_malformed(
        &message,
        &[10, 0, 10, 5, 18, 3, b'a', 0xff, b'b'],
        "invalid UTF-8 at field `items[1].name` (byte 7 is 0xff; the text begins at byte 6)",
    );
    assert_malformed(&message, &[10, 2, 18, 3], "3 bytes short at field `items[0].name` (3 bytes expected at byte 4)");
    assert_malformed(&message, &[10, 5, 8, 1], "3 bytes short at field `items` (5 bytes expected at byte 2)");
    assert_malformed(
        &message,
        &[10, 3, 25, 1, 2],
        "6 bytes short at field `items[0].f` (a 64-bit number expected at byte 3)",
    );
    assert_malformed(
        &message,
        &[18, 7, 10, 1, b'k', 18, 2, 13, 1],
        "the value does not match the schema at field `map[\"k\"].amount` (byte 7 begins a value of wire type Fixed32; int64 needs Varint)",
    );
    assert_malformed(&message, &[0, 1], "field number 0 (at byte 0; field numbers are between 1 and 536870911)");
    assert_malformed(&message, &[10, 0, 31], "unknown wire type 7 (at byte 2)");
    assert_malformed(&message, &[12], "end of group 1 without its start (at byte 0)");
    assert_malformed(
        &message,
        &[10, 2, 8, 1, 51, 8, 1],
        "no end of group 6 at field `6` (the group at byte 5 ends at byte 7 without its end tag)",
    );
    let body = [10, 12, 8, 255, 255, 255, 255, 255, 255, 255, 255, 255, 2, 0];
    assert_malformed(&message, &body, "a varint of more than 64 bits at field `items[0].amount` (at byte 3)");
}

#[test]
fn deep_nesting_is_an_error() {
    let message = with_fields("M m = 1; repeated M list = 2;");
    for (levels, is_allowed) in [(127, true), (128, false), (5_000, false)] {
        let mut body: Vec<u8> = Vec::new();
        for _ in 0..levels {
            let mut outer = vec![10];
            let mut length = body.len();
            while length >= 0x80 {
                outer.push(length as u8 | 0x80);
                length >>= 7;
            }
            outer.push(length as u8);
            outer.extend(&body);
            body = outer;
        }
        let result = decoded(&message, &body);
        assert_eq!(result.is_ok(), is_allowed, "{levels}");
        if let Err(error) = result {
            assert_eq!(error.code, DecodeErrorCode::TooLarge);
            assert!(error.message.starts_with("nested deeper than 128 levels at field `m.m"), "{error}");
        }
    }
    let groups = [[51; 5_000], [52; 5_000]].concat();
    assert_eq!(decoded(&message, &groups).expect_err("too deep").code, DecodeErrorCode::TooLarge);
}

#[test]
fn output_is_bounded() {
    let message = with_fields("repeated int32 a = 1; repeated M list = 2;");
    // A megabyte of packed zeros.
    let mut body = vec![10, 0x80, 0x80, 0x40];
    body.resize(body.len() + (1 << 20), 0);
    let error = decoded(&message, &body).expect_err("2 MB of JSON");
    assert_eq!(error.code, DecodeErrorCode::TooLarge);
    assert!(error.message.contains("larger than 1048576 bytes"), "{error}");
    // Many empty messages with defaults.
    let error = decoded(&message, &[18, 0].repeat(1 << 16)).expect_err("1.4 MB of JSON");
    assert_eq!(error.code, DecodeErrorCode::TooLarge);
}

#[test]
fn values_without_special_json_are_objects_of_their_fields() {
    let message = first_type(
        r#"syntax = "proto3"; import "google/protobuf/timestamp.proto"; import "google/protobuf/duration.proto";
        import "google/protobuf/field_mask.proto"; import "google/protobuf/any.proto";
        message M { google.protobuf.Timestamp t = 1; google.protobuf.Duration d = 2; google.protobuf.FieldMask f = 3; google.protobuf.Any a = 4; }"#,
    );
    for json in [
        r#"{"t":{"seconds":253402300800,"nanos":0}}"#,
        r#"{"d":{"seconds":315576000001,"nanos":-1}}"#,
        r#"{"f":{"paths":["firstName"]}}"#,
        r#"{"a":{"@type":"example.com/unknown.Type","value":"AAEC"}}"#,
    ] {
        assert_round_trip(&message, json);
    }
}

#[test]
fn any_of_a_type_of_the_schema_is_an_object() {
    let message = first_type(
        r#"syntax = "proto3"; package p; import "google/protobuf/any.proto"; import "google/protobuf/duration.proto";
        message M { google.protobuf.Any a = 1; int32 x = 2; }"#,
    );
    for json in [
        r#"{"a":{"@type":"type.googleapis.com/p.M","x":5},"x":0}"#,
        r#"{"a":{"@type":"type.googleapis.com/p.M","a":{"@type":"x/p.M","x":0},"x":5},"x":1}"#,
        r#"{"a":{"@type":"type.googleapis.com/google.protobuf.Duration","value":"1.500s"},"x":0}"#,
        r#"{"a":{},"x":0}"#,
    ] {
        assert_round_trip(&message, json);
    }
    let json = r#"{"a":{"x":5,"@type":"type.googleapis.com/p.M","y":1}}"#;
    let error = message.encode(json).expect_err("unknown field");
    assert_eq!(error.to_string(), "a: unknown field `y`; p.M has the fields a, x");
}

#[test]
fn confluent_decimals_are_exact_numbers() {
    let message = first_type(
        r#"syntax = "proto3"; import "confluent/type/decimal.proto"; import "confluent/meta.proto";
        message M { confluent.type.Decimal d = 1 [(confluent.field_meta) = { params: [ { key: "precision", value: "8" } ] }]; }"#,
    );
    for json in [r#"{"d":123456789012345678901234567890.12345678901234567890}"#, r#"{"d":-0.50}"#, r#"{"d":0}"#] {
        assert_round_trip(&message, json);
    }
    let bytes = message.encode(r#"{"d":1.50}"#).expect("a decimal");
    assert_eq!(bytes, [10, 8, 10, 2, 0, 150, 16, 3, 24, 2]);
}
