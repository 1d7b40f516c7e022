use proptest::prelude::*;

use super::decode;
use crate::error::DecodeErrorCode;
use crate::json_writer::JsonWriter;

fn decoded(bytes: &[u8]) -> Result<String, (DecodeErrorCode, String)> {
    let mut text = Vec::new();
    match decode(bytes, &mut JsonWriter::new(&mut text, 1_000_000)) {
        Ok(()) => Ok(String::from_utf8(text).expect("UTF-8")),
        Err(error) => Err((error.code, error.message)),
    }
}

#[track_caller]
fn check(bytes: &[u8], expected: &str) {
    assert_eq!(decoded(bytes).as_deref(), Ok(expected), "{bytes:02x?}");
}

#[track_caller]
fn refused(bytes: &[u8], expected: &str) {
    let (code, message) = decoded(bytes).expect_err(expected);
    assert_eq!((code, message.as_str()), (DecodeErrorCode::Malformed, expected));
}

#[test]
fn scalars_are_exact() {
    check(&[0xc0], "null");
    check(&[0xc2], "false");
    check(&[0xc3], "true");
    check(&[0x7f], "127");
    check(&[0xe0], "-32");
    check(&[0xcc, 0xff], "255");
    check(&[0xcd, 0xff, 0xff], "65535");
    check(&[0xce, 0xff, 0xff, 0xff, 0xff], "4294967295");
    check(&[0xcf, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], "18446744073709551615");
    check(&[0xd0, 0x80], "-128");
    check(&[0xd1, 0x80, 0], "-32768");
    check(&[0xd2, 0x80, 0, 0, 0], "-2147483648");
    check(&[0xd3, 0x80, 0, 0, 0, 0, 0, 0, 0], "-9223372036854775808");
    check(&[0xca, 0x3d, 0xcc, 0xcc, 0xcd], "0.1");
    check(&[0xcb, 0x3f, 0xb9, 0x99, 0x99, 0x99, 0x99, 0x99, 0x9a], "0.1");
    check(&[0xcb, 0x7f, 0xf8, 0, 0, 0, 0, 0, 0], "\"NaN\"");
}

#[test]
fn strings_binary_and_extensions() {
    check(b"\xa3abc", "\"abc\"");
    check(b"\xd9\x03a\"c", "\"a\\\"c\"");
    check(b"\xda\x00\x01a", "\"a\"");
    check(b"\xdb\x00\x00\x00\x01a", "\"a\"");
    check(b"\xc4\x03abc", "\"YWJj\"");
    check(b"\xc5\x00\x03abc", "\"YWJj\"");
    check(b"\xc6\x00\x00\x00\x03abc", "\"YWJj\"");
    check(b"\xd4\x05a", r#"{"ext":5,"data":"YQ=="}"#);
    check(b"\xc7\x03\xfeabc", r#"{"ext":-2,"data":"YWJj"}"#);
    check(b"\xc9\x00\x00\x00\x00\x7f", r#"{"ext":127,"data":""}"#);
    check(&[&[0xd8, 1], [0; 16].as_slice()].concat(), r#"{"ext":1,"data":"AAAAAAAAAAAAAAAAAAAAAA=="}"#);
}

#[test]
fn timestamps_have_three_layouts() {
    check(&[0xd6, 0xff, 0, 0, 0, 1], "\"1970-01-01T00:00:01Z\"");
    let both = (500_000_000_u64 << 34 | 1_714_564_800).to_be_bytes();
    check(&[[0xd7, 0xff].as_slice(), &both].concat(), "\"2024-05-01T12:00:00.5Z\"");
    let long = [[0xc7, 12, 0xff].as_slice(), &1_u32.to_be_bytes(), &(-1_i64).to_be_bytes()].concat();
    check(&long, "\"1969-12-31T23:59:59.000000001Z\"");
    // Out of range, a billion nanoseconds, and a length that no timestamp has.
    let far = [[0xc7, 12, 0xff].as_slice(), &0_u32.to_be_bytes(), &i64::MAX.to_be_bytes()].concat();
    check(&far, r#"{"ext":-1,"data":"AAAAAH//////////"}"#);
    check(&[0xd7, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0], r#"{"ext":-1,"data":"/////wAAAAA="}"#);
    check(&[0xd4, 0xff, 0], r#"{"ext":-1,"data":"AA=="}"#);
}

#[test]
fn maps_keep_order_and_duplicate_keys() {
    // The example on the start page of msgpack.org.
    check(b"\x82\xa7compact\xc3\xa6schema\x00", r#"{"compact":true,"schema":0}"#);
    check(b"\x83\xa1b\x01\xa1a\x02\xa1b\x03", r#"{"b":1,"a":2,"b":3}"#);
    check(b"\xde\x00\x01\xa1a\x90", r#"{"a":[]}"#);
    check(b"\xdf\x00\x00\x00\x00", "{}");
    check(b"\xdc\x00\x02\x01\x80", "[1,{}]");
    check(b"\xdd\x00\x00\x00\x01\xc0", "[null]");
}

#[test]
fn keys_that_are_no_strings_are_their_json_text() {
    check(b"\x84\x01\x01\xc0\x02\xc3\x03\xff\x04", r#"{"1":1,"null":2,"true":3,"-1":4}"#);
    check(b"\x81\xca\x3f\xc0\x00\x00\x01", r#"{"1.5":1}"#);
    check(b"\x81\xcb\x7f\xf0\x00\x00\x00\x00\x00\x00\x01", r#"{"Infinity":1}"#);
    check(b"\x81\xc4\x01a\x01", r#"{"YQ==":1}"#);
    check(b"\x81\x92\x01\xa1a\x01", r#"{"[1,\"a\"]":1}"#);
    check(b"\x81\xd4\x05a\x01", r#"{"{\"ext\":5,\"data\":\"YQ==\"}":1}"#);
    check(b"\x82\x81\x01\x02\x03\x90\x04", r#"{"{\"1\":2}":3,"[]":4}"#);
    let (code, message) = decoded(b"\x81\x81\x90\x01\x02").expect_err("a key in a key");
    assert_eq!(code, DecodeErrorCode::TooLarge);
    assert_eq!(message, "the key at byte 2 is a map or an array, and is part of a key that is one itself");
}

#[test]
fn errors_say_where() {
    refused(b"", "the value ends too early: the length at byte 0 is 1, but 0 remain");
    refused(b"\x92\x01", "the value ends too early: the length at byte 2 is 1, but 0 remain");
    refused(b"\x92\x01\xa5ab", "the value ends too early: the length at byte 3 is 5, but 2 remain");
    refused(b"\x01\x02\x03", "the value is complete at byte 1, but 2 more follow (0x02 …)");
    refused(b"\xc1", "0xc1 at byte 0 is no type of MessagePack");
    refused(b"\xa2a\xff", "the text at byte 1 is not UTF-8: invalid at byte 2 (0xff)");
}

#[test]
fn counts_are_not_trusted() {
    for bytes in [b"\xdd\xff\xff\xff\xff", b"\xdf\xff\xff\xff\xff", b"\xdb\xff\xff\xff\xff", b"\xc6\xff\xff\xff\xff"] {
        assert_eq!(decoded(bytes).expect_err("no elements").0, DecodeErrorCode::Malformed);
    }
}

#[test]
fn nesting_is_limited_to_128_levels() {
    let nested = |levels: usize| [vec![0x91; levels - 1], vec![0x90]].concat();
    assert_eq!(decoded(&nested(128)), Ok("[".repeat(128) + &"]".repeat(128)));
    let (code, message) = decoded(&nested(129)).expect_err("too deep");
    assert_eq!(code, DecodeErrorCode::TooLarge);
    assert_eq!(message, "the value is nested deeper than 128 levels at byte 129");
    assert_eq!(decoded(&vec![0x91; 100_000]).expect_err("too deep").0, DecodeErrorCode::TooLarge);
    let extension = [vec![0x91; 128], vec![0xd4, 5, 0]].concat();
    assert_eq!(decoded(&extension).expect_err("an object in 128 arrays").0, DecodeErrorCode::TooLarge);
    let keys = [0x81, 0x01].repeat(200);
    assert_eq!(decoded(&keys).expect_err("too deep").0, DecodeErrorCode::TooLarge);
}

#[test]
fn output_is_limited() {
    let bytes = [[0xdc, 0x27, 0x10].as_slice(), &[0xc2; 10_000]].concat();
    let mut text = Vec::new();
    let error = decode(&bytes, &mut JsonWriter::new(&mut text, 1000)).expect_err("60,000 bytes");
    assert_eq!(error.code, DecodeErrorCode::TooLarge);
    assert!(text.len() <= 1000);
}

proptest! {
    #[test]
    fn any_bytes_are_valid_json_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(text) = decoded(&bytes) {
            prop_assert!(protocol::is_plain_json(&text), "{text}");
        }
    }

    /// Mostly containers, so that random bytes are often a whole value.
    #[test]
    fn any_structure_is_valid_json_or_refused(bytes in proptest::collection::vec(prop_oneof![
        3 => 0x80_u8..0xa4, 3 => 0_u8..4, 1 => any::<u8>()
    ], 0..40)) {
        if let Ok(text) = decoded(&bytes) {
            prop_assert!(protocol::is_plain_json(&text), "{text}");
        }
    }
}
