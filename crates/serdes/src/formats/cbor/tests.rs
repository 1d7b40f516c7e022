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

fn from_hex(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).expect("hexadecimal")).collect()
}

#[track_caller]
fn check(hex: &str, expected: &str) {
    assert_eq!(decoded(&from_hex(hex)).as_deref(), Ok(expected), "{hex}");
}

#[track_caller]
fn refused(hex: &str, expected: &str) {
    let (code, message) = decoded(&from_hex(hex)).expect_err(hex);
    assert_eq!((code, message.as_str()), (DecodeErrorCode::Malformed, expected), "{hex}");
}

/// The examples of RFC 8949, appendix A.
#[test]
fn examples_of_the_specification() {
    let cases = [
        ("00", "0"),
        ("01", "1"),
        ("0a", "10"),
        ("17", "23"),
        ("1818", "24"),
        ("1819", "25"),
        ("1864", "100"),
        ("1903e8", "1000"),
        ("1a000f4240", "1000000"),
        ("1b000000e8d4a51000", "1000000000000"),
        ("1bffffffffffffffff", "18446744073709551615"),
        ("c249010000000000000000", "18446744073709551616"),
        ("3bffffffffffffffff", "-18446744073709551616"),
        ("c349010000000000000000", "-18446744073709551617"),
        ("20", "-1"),
        ("29", "-10"),
        ("3863", "-100"),
        ("3903e7", "-1000"),
        ("f90000", "0.0"),
        ("f98000", "-0.0"),
        ("f93c00", "1.0"),
        ("fb3ff199999999999a", "1.1"),
        ("f93e00", "1.5"),
        ("f97bff", "65504.0"),
        ("fa47c35000", "100000.0"),
        ("fa7f7fffff", "3.4028235e38"),
        ("fb7e37e43c8800759c", "1e300"),
        ("f90001", "5.960464477539063e-8"),
        ("f90400", "0.00006103515625"),
        ("f9c400", "-4.0"),
        ("fbc010666666666666", "-4.1"),
        ("f97c00", "\"Infinity\""),
        ("f97e00", "\"NaN\""),
        ("f9fc00", "\"-Infinity\""),
        ("fa7f800000", "\"Infinity\""),
        ("fa7fc00000", "\"NaN\""),
        ("faff800000", "\"-Infinity\""),
        ("fb7ff0000000000000", "\"Infinity\""),
        ("fb7ff8000000000000", "\"NaN\""),
        ("fbfff0000000000000", "\"-Infinity\""),
        ("f4", "false"),
        ("f5", "true"),
        ("f6", "null"),
        ("f7", "null"),
        ("f0", r#"{"simple":16}"#),
        ("f8ff", r#"{"simple":255}"#),
        ("c074323031332d30332d32315432303a30343a30305a", "\"2013-03-21T20:04:00Z\""),
        ("c11a514b67b0", "\"2013-03-21T20:04:00Z\""),
        ("c1fb41d452d9ec200000", "\"2013-03-21T20:04:00.5Z\""),
        ("d74401020304", r#"{"tag":23,"value":"AQIDBA=="}"#),
        ("d818456449455446", r#"{"tag":24,"value":"ZElFVEY="}"#),
        ("d82076687474703a2f2f7777772e6578616d706c652e636f6d", r#"{"tag":32,"value":"http://www.example.com"}"#),
        ("40", "\"\""),
        ("4401020304", "\"AQIDBA==\""),
        ("60", "\"\""),
        ("6161", "\"a\""),
        ("6449455446", "\"IETF\""),
        ("62225c", r#""\"\\""#),
        ("62c3bc", "\"ü\""),
        ("63e6b0b4", "\"水\""),
        ("64f0908591", "\"\u{10151}\""),
        ("80", "[]"),
        ("83010203", "[1,2,3]"),
        ("8301820203820405", "[1,[2,3],[4,5]]"),
        (
            "98190102030405060708090a0b0c0d0e0f101112131415161718181819",
            "[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25]",
        ),
        ("a0", "{}"),
        ("a201020304", r#"{"1":2,"3":4}"#),
        ("a26161016162820203", r#"{"a":1,"b":[2,3]}"#),
        ("826161a161626163", r#"["a",{"b":"c"}]"#),
        ("a56161614161626142616361436164614461656145", r#"{"a":"A","b":"B","c":"C","d":"D","e":"E"}"#),
        ("5f42010243030405ff", "\"AQIDBAU=\""),
        ("7f657374726561646d696e67ff", "\"streaming\""),
        ("9fff", "[]"),
        ("9f018202039f0405ffff", "[1,[2,3],[4,5]]"),
        ("9f01820203820405ff", "[1,[2,3],[4,5]]"),
        ("83018202039f0405ff", "[1,[2,3],[4,5]]"),
        ("83019f0203ff820405", "[1,[2,3],[4,5]]"),
        (
            "9f0102030405060708090a0b0c0d0e0f101112131415161718181819ff",
            "[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25]",
        ),
        ("bf61610161629f0203ffff", r#"{"a":1,"b":[2,3]}"#),
        ("826161bf61626163ff", r#"["a",{"b":"c"}]"#),
        ("bf6346756ef563416d7421ff", r#"{"Fun":true,"Amt":-2}"#),
    ];
    for (hex, expected) in cases {
        check(hex, expected);
    }
}

#[test]
fn tags_become_numbers_and_times() {
    // Section 3.4.4: 273.15.
    check("c48221196ab3", "273.15");
    check("c4822003", "0.3");
    check("c48202c249010000000000000000", "18446744073709551616e2");
    check("c4820038ff", "-256");
    check("c25f4101480000000000000000ff", "18446744073709551616");
    check("c120", "\"1969-12-31T23:59:59Z\"");
    check("d9d9f7a0", "{}");
    check("fa3dcccccd", "0.1");
}

#[test]
fn tag_with_unexpected_content_stays_a_tag() {
    check("c001", r#"{"tag":0,"value":1}"#);
    check("c16161", r#"{"tag":1,"value":"a"}"#);
    check("c11bffffffffffffffff", r#"{"tag":1,"value":18446744073709551615}"#);
    check("c1fb7e37e43c8800759c", r#"{"tag":1,"value":1e300}"#);
    check("c202", r#"{"tag":2,"value":2}"#);
    check("c4821a7fffffff01", r#"{"tag":4,"value":[2147483647,1]}"#);
    check("c48101", r#"{"tag":4,"value":[1]}"#);
    check("c4820160", r#"{"tag":4,"value":[1,""]}"#);
    let mut large = from_hex("c2590401");
    large.extend([0xff; 1025]);
    assert!(decoded(&large).expect("valid").starts_with(r#"{"tag":2,"value":"/////"#));
}

#[test]
fn keys_that_are_no_strings_are_their_json_text() {
    check("a4f400f5012002f603", r#"{"false":0,"true":1,"-1":2,"null":3}"#);
    check("a2f93e0001fa7f80000002", r#"{"1.5":1,"Infinity":2}"#);
    check("a1416101", r#"{"YQ==":1}"#);
    check("a182016161f6", r#"{"[1,\"a\"]":null}"#);
    check("a1c11a514b67b001", r#"{"2013-03-21T20:04:00Z":1}"#);
    check("a1c24901000000000000000001", r#"{"18446744073709551616":1}"#);
    check("a2616101616100", r#"{"a":1,"a":0}"#);
    check("a1f001", r#"{"{\"simple\":16}":1}"#);
    assert_eq!(decoded(&from_hex("a1a1800102")).expect_err("a key in a key").0, DecodeErrorCode::TooLarge);
}

#[test]
fn errors_say_where() {
    refused("", "the value ends too early: an item is missing at byte 0");
    refused("8201", "the value ends too early: an item is missing at byte 2");
    refused("9f01", "the value ends too early: an item is missing at byte 2");
    refused("821901", "the item at byte 1 (0x19) is cut off");
    refused("826361", "the value ends too early: the length at byte 2 is 3, but 1 remain");
    refused("1c", "0x1c at byte 0 starts no item of CBOR");
    refused("1f", "0x1f at byte 0 starts no item of CBOR");
    refused("ff", "0xff at byte 0 is a break outside of an indefinite length");
    refused("bf01ff", "0xff at byte 2 is a break outside of an indefinite length");
    refused("82ff01", "0xff at byte 1 is a break outside of an indefinite length");
    refused("5f6161ff", "0x61 at byte 1 is no chunk of a byte string");
    refused("7f7f6161ffff", "0x7f at byte 1 is no chunk of a text");
    refused("f818", "0xf8 at byte 0 is a simple value in a form that RFC 8949 forbids");
    refused("62c328", "the text at byte 1 is not UTF-8: invalid at byte 1 (0xc3)");
    refused("0102", "the value is complete at byte 1, but 1 more follow (0x02 …)");
}

#[test]
fn lengths_are_not_trusted() {
    for hex in
        ["9bffffffffffffffff", "bb7fffffffffffffff", "5bffffffffffffffff", "7b7fffffffffffffff", "9b0000000100000000"]
    {
        assert_eq!(decoded(&from_hex(hex)).expect_err(hex).0, DecodeErrorCode::Malformed, "{hex}");
    }
}

#[test]
fn nesting_is_limited_to_128_levels() {
    let nested = |levels: usize| [vec![0x81; levels - 1], vec![0x80]].concat();
    assert_eq!(decoded(&nested(128)), Ok("[".repeat(128) + &"]".repeat(128)));
    for bytes in
        [nested(129), vec![0x9f; 100_000], vec![0xc6; 100_000], vec![0xbf; 100_000], from_hex("d9d9f7").repeat(10_000)]
    {
        assert_eq!(decoded(&bytes).expect_err("too deep").0, DecodeErrorCode::TooLarge);
    }
}

proptest! {
    #[test]
    fn any_bytes_are_valid_json_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(text) = decoded(&bytes) {
            prop_assert!(protocol::is_plain_json(&text), "{text}");
        }
    }

    /// Mostly containers and tags, so that random bytes are often a whole item.
    #[test]
    fn any_structure_is_valid_json_or_refused(bytes in proptest::collection::vec(prop_oneof![
        4 => 0_u8..8, 2 => 0x80_u8..0x84, 2 => 0xa0_u8..0xa3, 2 => 0xc0_u8..0xc6, 1 => 0x40_u8..0x44, 1 => 0x60_u8..0x63,
        1 => Just(0x9f), 1 => Just(0xbf), 2 => Just(0xff), 1 => any::<u8>()
    ], 0..30)) {
        if let Ok(text) = decoded(&bytes) {
            prop_assert!(protocol::is_plain_json(&text), "{text}");
        }
    }
}
