//! What expressions mean, what is wrong with invalid ones, and that no expression takes long.

mod against_cel;
mod limits;

use super::{Evaluation, Facts, Fault, HeaderSource, Scratch, Tables, parse};

pub(super) struct Headers(&'static [(&'static str, Option<&'static [u8]>)]);

impl<'a> HeaderSource<'a> for Headers {
    fn each(&self, visit: &mut dyn FnMut(&'a str, Option<&'a [u8]>)) {
        for (name, value) in self.0 {
            visit(name, *value);
        }
    }
}

const HEADERS: Headers =
    Headers(&[("trace", Some(b"t1")), ("n", None), ("trace", Some(b"t2")), ("bin", Some(b"\xff"))]);

/// The result for a record with this value, and the fuel that it took.
pub(super) fn evaluate(expression: &str, value: Option<&[u8]>) -> (Result<bool, Fault>, u64) {
    let mut tables = Tables::default();
    let node = parse(expression, &mut tables).unwrap_or_else(|failure| panic!("{expression}: {}", failure.message));
    let facts = Facts {
        topic: "orders",
        partition: 3,
        offset: 42,
        // 2026-01-01T00:00:00Z
        timestamp: Some(1_767_225_600_000),
        key: Some(br#"{"region":"eu"}"#),
        value,
        headers: &HEADERS,
    };
    let mut scratch = Scratch::default();
    let mut evaluation = Evaluation::new(&facts, &tables, &mut scratch);
    let result = evaluation.holds(&node);
    (result, super::evaluation::FUEL - evaluation.fuel)
}

const VALUE: &str = r#"{
    "id": 4711, "big": 9007199254740993, "huge": 18446744073709551615, "price": 12.5, "name": "Zoë \"Z\" 😀", "ok": true, "none": null,
    "tags": ["a", "b"], "items": [{"id": 1, "q": 2}, {"id": 2}, {"id": 3, "q": 9}], "a b": {"c": [[1, 2], [3]]},
    "at": "2026-03-01T12:00:00Z", "empty": [], "esc\"aped": 1
}"#;

fn result(expression: &str) -> Result<bool, Fault> {
    evaluate(expression, Some(VALUE.as_bytes())).0
}

fn message(expression: &str) -> String {
    match result(expression) {
        Err(Fault::Failed { reason, .. }) => reason.to_string(),
        other => panic!("{expression}: {other:?}"),
    }
}

#[test]
fn true_expressions_are_true() {
    for expression in [
        "true",
        "value.id == 4711",
        "value[\"id\"] == 4711 && value['a b'].c[0][1] == 2",
        "value.big == 9007199254740993",
        "value.big != 9007199254740992",
        "value.huge == 18446744073709551615u",
        "value.price > 12 && value.price < 13 && value.price == 12.5 && 12 < value.price",
        "value.id == 4711.0 && value.id >= 4710.5",
        "value.name == \"Zoë \\\"Z\\\" 😀\"",
        "value.name.size() == 9 && size(value.name) == 9",
        "value.name.startsWith(\"Zo\") && value.name.endsWith('😀') && value.name.contains('Z')",
        "value.name.matches(r'^Z.+\\s') && matches(topic, '^ord')",
        "value.ok && !false",
        "value.none == null && null == value.none && value.none != 1",
        "'a' in value.tags && !('c' in value.tags)",
        "value.id in [1, 4711] && !(value.id in [])",
        "'id' in value && !('x' in value)",
        "value.tags == ['a', 'b'] && value.tags != ['b', 'a'] && value.tags + ['c'] == ['a', 'b', 'c']",
        "value.items[0] == {'q': 2, 'id': 1}",
        "has(value.id) && has(value.none) && !has(value.x) && !has(value.id.x) && !has(value.x.y)",
        "has(headers.trace) && !has(headers.x) && 'trace' in headers && !('x' in headers)",
        "headers.trace == 't2' && headers['trace'] == \"t2\" && headers.n == null && headers.bin == b'\\xff'",
        "size(headers) == 3 && headers.exists(name, name == 'n')",
        "key.region == 'eu'",
        "topic == 'orders' && partition == 3 && offset == 42",
        "timestamp == timestamp('2026-01-01T00:00:00Z') && timestamp > timestamp('2025-12-31T23:59:59.999Z')",
        "timestamp - timestamp('2025-12-31T00:00:00Z') == duration('24h')",
        "timestamp + duration('1h30m') == timestamp('2026-01-01T01:30:00Z')",
        "timestamp(value.at) > timestamp && string(duration('90s')) == '90s'",
        "string(timestamp) == '2026-01-01T00:00:00Z' && int(timestamp) == 1767225600",
        "value.items.all(i, i.id > 0) && value.items.exists(i, i.q == 9)",
        "value.items.exists_one(i, i.id == 2) && value.items.existsOne(i, i.id == 3)",
        "value.items.filter(i, has(i.q)).size() == 2",
        "value.items.map(i, i.id) == [1, 2, 3] && value.items.map(i, i.id > 1, i.id * 10) == [20, 30]",
        "value.items.exists(x, value.items.exists(y, x.id + y.id == 5 && x.id < y.id))",
        "value.exists(name, name == 'esc\"aped') && {'a': 1}.all(k, k == 'a')",
        "value.empty.all(x, false) && !value.empty.exists(x, true)",
        "value.id > 5 ? value.ok : value.missing",
        "value.id + 1 == 4712 && value.id - 1 == 4710 && value.id * 2 == 9422 && value.id / 2 == 2355 && value.id % 10 == 1",
        "-value.id == -4711 && -7 / 2 == -3 && -7 % 2 == -1 && -(-5) == 5 && !!true",
        "value.price * 2 == 25 && value.id + 0.5 == 4711.5",
        "'a' + 'b' == 'ab' && b'a' + b'b' == b'ab'",
        "int('12') == 12 && int(12.9) == 12 && double(3) == 3.0 && double('1.5') == 1.5 && uint(3) == 3u",
        "string(12) == '12' && string(true) == 'true' && string(b'a') == 'a' && bytes('a') == b'a' && string(1.5) == '1.5'",
        "1 == 1.0 && 1u == 1 && 1 != '1' && 9223372036854775807 == 9223372036854775807 && -9223372036854775808 < 0",
        "[1, 'a', null][2] == null && {1: 'a', 'k': 2}[1] == 'a' && {'k': {'l': 3}}.k.l == 3",
        "1 < 2 || value.x == 1 // a comment",
        "value.x == 1 || true",
        "(value.id < 'a') || true",
        "!(false && value.x == 1)",
        "[1, 2].all(x, [x, x + 1].exists(y, y == 3 || x == 1))",
        "value.id == 4711 || value.a || value.b || value.c",
    ] {
        assert_eq!(result(expression), Ok(true), "{expression}");
    }
}

#[test]
fn expression_over_a_missing_field_has_no_result() {
    for expression in [
        "value.x == 1",
        "value.x != 1",
        "!(value.x == 1)",
        "value.x.y.z == 1",
        "value.id.x == 1",
        "value['x'] == 1",
        "value.items[7].id == 1",
        "value.items[-1].id == 1",
        "value.items.exists(i, i.none == 1)",
        "headers.x == 'a'",
        "value.x > 1 && true",
        "value.x > 1 || false",
        "value.none > 1",
        "value.none.contains('a')",
        "value.x in [1]",
        "value.none.exists(x, true)",
    ] {
        assert_eq!(result(expression), Err(Fault::Missing), "{expression}");
    }
    for value in [None, Some(&b"text"[..]), Some(b"\xff"), Some(b""), Some(b"[1]"), Some(b"{\"id\":4711")] {
        assert_eq!(evaluate("value.id == 4711", value).0, Err(Fault::Missing), "{value:?}");
    }
}

#[test]
fn value_that_is_not_json_is_text_or_bytes() {
    assert_eq!(evaluate("value == null", None).0, Ok(true));
    assert_eq!(evaluate("value == 'plain text'", Some(b"plain text")).0, Ok(true));
    assert_eq!(evaluate("value.contains('plain')", Some(b"plain text")).0, Ok(true));
    assert_eq!(evaluate("value == b'\\xff'", Some(b"\xff")).0, Ok(true));
    assert_eq!(evaluate("value == 5", Some(b" 5 ")).0, Ok(true));
    assert_eq!(evaluate("value == 'a'", Some(b"\"a\"")).0, Ok(true));
    assert_eq!(evaluate("value[1] == 2", Some(b"[1,2]")).0, Ok(true));
}

#[test]
fn size_is_that_of_key_value_and_headers() {
    // 15 bytes of the key, 19 of the headers.
    assert_eq!(evaluate("size == 34 + 5", Some(b"12345")).0, Ok(true));
    assert_eq!(evaluate("size == 34", None).0, Ok(true));
}

#[test]
fn operation_on_the_wrong_type_fails() {
    for (expression, expected) in [
        ("value.id < 'a'", "`<` cannot be used with an int and a string"),
        ("value.id + 'a' == 'b'", "`+` cannot be used with an int and a string"),
        ("value.id.contains('a')", "`contains` cannot be used with an int"),
        ("value.name.contains(value.id)", "`contains` cannot be used with an int"),
        ("value.id && true", "expected a bool, and this is an int"),
        ("value.id.all(x, true)", "`all` cannot be used with an int"),
        ("value.id in value.name", "`in` cannot be used with a string"),
        ("value.id / 0 == 1", "division by zero"),
        ("value.big * value.big == 1", "the result does not fit into 64 bits"),
        ("int(value.name) == 1", "`int` cannot convert this value"),
        ("size(value.id) == 1", "`size` cannot be used with an int"),
        ("value.tags[value.name] == 1", "`[]` cannot be used with a list and a string"),
        ("{value.id: 1, 4711: 2}.size() == 1", "the map has two equal keys"),
        (
            "{value.price: 1}.size() == 1",
            "the key of a map must be a string, an integer or a bool, and this is a double",
        ),
        ("value.name", "expected a bool, and this is a string"),
    ] {
        assert_eq!(message(expression), expected, "{expression}");
    }
}

#[test]
fn invalid_expressions_are_refused_at_their_position() {
    for (expression, at, part) in [
        ("", 0, "empty"),
        ("value.id = 4711", 9, "`==`"),
        ("value.id == ", 12, "the expression ends here; expected a value"),
        ("vaule.id == 1", 0, "did you mean `value`?"),
        ("customer.id == 1", 0, "fields of the JSON value are value.NAME"),
        ("value.id == 1 &&", 16, "expected a value"),
        ("value.id == 1 & true", 14, "`&&`"),
        ("(value.id == 1", 14, "`)`"),
        ("value.id == 1)", 13, "expected an operator or the end"),
        ("value.name.startswith('a')", 11, "did you mean `startsWith`?"),
        ("readFile('a') == 'b'", 0, "unknown function `readFile`"),
        ("value.name.lowerAscii() == 'a'", 11, "unknown function `lowerAscii`"),
        ("value.name == 'a", 14, "no end"),
        ("value.name == \"a\nb\"", 14, "does not end on its line"),
        ("value.name == “a”", 14, "straight quotation marks"),
        ("value.name == '\\d'", 14, "invalid escape"),
        ("'a'", 0, "must be a bool, and this is a string"),
        ("value.ok && 1", 12, "`&&` connects bools, and this is an int"),
        ("!'a'", 1, "`!` needs a bool"),
        ("1 ? true : false", 0, "must be a bool"),
        ("value.ok ? true", 15, "`:`"),
        ("topic.x == 1", 5, "a string has no fields"),
        ("1 in 2", 5, "a list or a map"),
        ("value.name.matches('a(')", 19, "unclosed group"),
        ("value.name.matches(value.id)", 19, "must be a text in quotation marks"),
        ("timestamp > timestamp('tomorrow')", 22, "invalid time"),
        ("duration('5x') == duration('1s')", 9, "invalid duration"),
        ("value.items.all(1, true)", 16, "the name of a variable"),
        ("value.items.all(x)", 17, "`,`"),
        ("value.items.all(x, 1)", 19, "must be a bool"),
        ("x == 1 && value.items.all(x, true)", 0, "unknown name `x`"),
        ("has(value)", 4, "needs a field"),
        ("size(1, 2) == 1", 0, "needs one value"),
        ("value.size(1) == 1", 6, "needs one value"),
        ("9223372036854775808 == 1", 0, "not an integer of 64 bits"),
        ("12abc == 1", 0, "invalid number"),
        ("Message{a: 1} == 1", 0, "are not supported"),
        ("value.?a == 1", 6, "the name of a field"),
        ("if == 1", 0, "reserved word"),
        ("type(value) == int", 0, "unknown function `type`"),
        ("value..a == 1", 6, "the name of a field"),
    ] {
        let failure = parse(expression, &mut Tables::default()).err();
        let failure = failure.unwrap_or_else(|| panic!("{expression} is compiled"));
        assert!(failure.message.contains(part), "{expression}: {}", failure.message);
        assert_eq!(failure.at, at, "{expression}: {}", failure.message);
    }
}
