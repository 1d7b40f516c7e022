//! Compares the evaluation with that of the crate `cel`, on random expressions and records.

use std::collections::HashMap;

use cel::objects::{Key, Map};
use cel::{Context, Program, Value};
use proptest::prelude::*;

use super::evaluate;

/// The result of the crate `cel`; `None` if it fails.
fn expected(expression: &str, value: &serde_json::Value) -> Option<bool> {
    let program = Program::compile(expression).unwrap_or_else(|error| panic!("{expression}: {error}"));
    let mut context = Context::default();
    context.add_variable_from_value("value", convert(value));
    context.add_variable_from_value("topic", "orders");
    match program.execute(&context) {
        Ok(Value::Bool(result)) => Some(result),
        _ => None,
    }
}

/// JSON as the variables of an expression: integers are `int` if they fit.
fn convert(json: &serde_json::Value) -> Value {
    match json {
        serde_json::Value::Null => Value::Null,
        serde_json::Value::Bool(value) => Value::Bool(*value),
        serde_json::Value::String(text) => Value::String(text.clone().into()),
        serde_json::Value::Array(elements) => Value::List(elements.iter().map(convert).collect::<Vec<_>>().into()),
        serde_json::Value::Number(number) => match (number.as_i64(), number.as_u64()) {
            (Some(number), _) => Value::Int(number),
            (None, Some(number)) => Value::UInt(number),
            (None, None) => Value::Float(number.as_f64().expect("a double")),
        },
        serde_json::Value::Object(members) => {
            let entries = members.iter().map(|(name, value)| (Key::String(name.clone().into()), convert(value)));
            Value::Map(Map { map: entries.collect::<HashMap<_, _>>().into() })
        }
    }
}

fn compare(expression: &str, value: &serde_json::Value) -> Result<(), String> {
    let json = value.to_string();
    let (result, _) = evaluate(expression, Some(json.as_bytes()));
    let expected = expected(expression, value);
    if result.ok() == expected {
        Ok(())
    } else {
        Err(format!("{expression} over {json}: {result:?}, cel has {expected:?}"))
    }
}

#[test]
fn listed_expressions_have_the_results_of_cel() {
    let value = serde_json::json!({
        "i": 5, "d": 2.5, "s": "text", "t": true, "n": null, "l": [1, 2, 3], "m": {"a": 1, "b": [true]}, "big": 9_007_199_254_740_993_i64,
        "u": u64::MAX, "o": [{"id": 1}, {"id": 2, "x": 1}, {}]
    });
    for expression in [
        "value.i == 5 && value.i == 5.0 && value.i != 5.5 && value.d < 3 && 2 < value.d",
        "value.big == 9007199254740993 && value.big > 9007199254740992",
        "value.u == 18446744073709551615u && value.u > 1",
        "value.s == 'text' && value.s + 'a' == 'texta' && value.s.contains('ex') && value.s.startsWith('t') && value.s.endsWith('t')",
        "value.l == [1, 2, 3] && value.l + [4] == [1, 2, 3, 4] && value.l[2] == 3 && size(value.l) == 3",
        "value.m == {'a': 1, 'b': [true]} && value.m.a == 1 && value.m['b'][0]",
        "value.o.exists(x, x.id == 2)",
        "value.o.exists(x, x.id == 3)",
        "value.o.all(x, x.id == 1)",
        "value.o.all(x, x.id > 0)",
        "value.o.exists_one(x, has(x.x))",
        "value.o.filter(x, has(x.id)).map(x, x.id) == [1, 2]",
        "value.l.map(x, x > 1, x * 2) == [4, 6]",
        "value.m.exists(k, k == 'b')",
        "value.missing == 1 || value.i == 5",
        "value.i == 5 || value.missing == 1",
        "value.missing == 1 && false",
        "value.missing == 1 && true",
        "value.missing == 1 || false",
        "has(value.i) && !has(value.x) && has(value.n)",
        "value.i < 'a'",
        "value.i < 'a' || true",
        "value.i == 'a'",
        "value.n == null",
        "value.n < 1",
        "value.i / 0 == 1",
        "value.i % 2 == 1 && -value.i == -5 && 7 / -2 == -3 && -7 % 2 == -1",
        "9223372036854775807 + value.i == 0",
        "value.t ? value.i == 5 : value.missing",
        "value.missing ? true : false",
        "!value.t",
        "!value.i",
        "5 in value.l",
        "2 in value.l && 2.0 in value.l && !('2' in value.l)",
        "'a' in value.m",
        "'a' in value.s",
        "value.l[3] == 1",
        "value.l['a'] == 1",
        "value.m[1] == 1",
        "int('12') + int(3.9) == 15 && double(2) == 2.0 && string(5) == '5' && uint(5) == 5u",
        "int('x') == 1",
        "size('é😀') == 2 && size(b'abc') == 3 && size({}) == 0",
        "b'abc' == bytes('abc') && string(b'abc') == 'abc'",
        "'\\u00e9\\x41\\101' == 'éAA' && r'\\d' == '\\\\d' && \"\"\"a\"b\"\"\" == 'a\"b'",
        "0x10 == 16 && 1e3 == 1000.0 && .5 == 0.5",
        "1 + 2 * 3 - 4 / 2 == 5 && (1 + 2) * 3 == 9 && !(1 > 2) && -2 * -3 == 6",
        "1 < 2 == true",
        "topic == 'orders'",
        "true ? false : true ? true : false",
        "[[1], [2, 3]].exists(x, x.all(y, y > 1))",
        "false && false || true",
        "true || true && false",
    ] {
        compare(expression, &value).expect("the result of cel");
    }
}

/// Values without arithmetic on doubles, which may be mixed with integers only here.
fn operand() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        (-3..4_i64).prop_map(|number| number.to_string()),
        prop_oneof![Just("1.0"), Just("2.5"), Just("-0.5"), Just("1u")].prop_map(str::to_owned),
        "[ab]{0,2}".prop_map(|text| format!("'{text}'")),
        prop_oneof![Just("null"), Just("true"), Just("false"), Just("topic"), Just("[]"), Just("{}")]
            .prop_map(str::to_owned),
        "value(\\.[abcde]){1,2}",
        "value\\.[ab]\\[[01]\\]",
    ];
    let integers = prop_oneof![
        (-3..4_i64).prop_map(|number| number.to_string()),
        Just("value.i".to_owned()),
        Just("size(value.s)".to_owned())
    ];
    let integer = integers.prop_recursive(2, 6, 2, |inside| {
        let operator = prop_oneof![Just("+"), Just("-"), Just("*"), Just("/"), Just("%")];
        (inside.clone(), operator, inside).prop_map(|(left, operator, right)| format!("({left} {operator} {right})"))
    });
    let value = prop_oneof![3 => leaf, 2 => integer];
    value.prop_recursive(2, 8, 3, |inside| {
        prop_oneof![
            prop::collection::vec(inside.clone(), 0..3).prop_map(|elements| format!("[{}]", elements.join(", "))),
            (inside.clone(), inside.clone()).prop_map(|(first, second)| format!("{{'a': {first}, 'b': {second}}}")),
            inside.clone().prop_map(|list| format!("[{list}].map(x, [x])")),
            inside.prop_map(|value| format!("[{value}, 1].filter(x, x == {value})")),
        ]
    })
}

fn condition() -> impl Strategy<Value = String> {
    let operator = prop_oneof![Just("=="), Just("!="), Just("<"), Just("<="), Just(">"), Just(">=")];
    let comparison =
        (operand(), operator, operand()).prop_map(|(left, operator, right)| format!("{left} {operator} {right}"));
    let fields = "has\\(value\\.[abcde]\\)";
    let member =
        (operand(), prop_oneof![Just("value.a"), Just("value.b"), Just("[1, 'a', 2.5, null]"), Just("{'a': 1, 2: 3}")])
            .prop_map(|(item, list)| format!("{item} in {list}"));
    prop_oneof![4 => comparison, 1 => fields, 1 => member].prop_recursive(3, 12, 3, |inside| {
        let macros = prop_oneof![Just("all"), Just("exists"), Just("exists_one")];
        prop_oneof![
            (inside.clone(), inside.clone()).prop_map(|(left, right)| format!("({left}) && ({right})")),
            (inside.clone(), inside.clone()).prop_map(|(left, right)| format!("({left}) || ({right})")),
            inside.clone().prop_map(|condition| format!("!({condition})")),
            (inside.clone(), inside.clone(), inside.clone())
                .prop_map(|(condition, yes, no)| format!("({condition}) ? ({yes}) : ({no})")),
            (macros, operand(), inside)
                .prop_map(|(name, value, condition)| format!("value.a.{name}(x, x == {value} || ({condition}))")),
        ]
    })
}

fn json() -> impl Strategy<Value = serde_json::Value> {
    let scalar = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        (-3..4_i64).prop_map(Into::into),
        prop_oneof![Just(1.0), Just(2.5), Just(1e30)].prop_map(Into::into),
        "[ab\"é]{0,2}".prop_map(Into::into),
    ];
    let field = scalar.prop_recursive(3, 12, 3, |inside| {
        prop_oneof![
            prop::collection::vec(inside.clone(), 0..3).prop_map(Into::into),
            prop::collection::btree_map("[abc]", inside, 0..3)
                .prop_map(|members| serde_json::Value::Object(members.into_iter().collect())),
        ]
    });
    (prop::collection::btree_map("[abcde]", field, 0..5), -3..4_i64, "[ab]{0,3}").prop_map(|(mut members, i, s)| {
        members.insert("i".to_owned(), i.into());
        members.insert("s".to_owned(), s.into());
        serde_json::Value::Object(members.into_iter().collect())
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_expressions_have_the_results_of_cel(condition in condition(), value in json()) {
        // Types that are known to be wrong are refused at compile time; cel fails when it evaluates them.
        let is_valid = super::parse(&condition, &mut super::Tables::default()).is_ok();
        if is_valid {
            compare(&condition, &value).map_err(TestCaseError::fail)?;
        }
    }
}
