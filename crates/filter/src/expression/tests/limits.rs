//! No expression takes long, whatever the record is. Fuel is counted, because time depends on the machine.

use super::super::evaluation::FUEL;
use super::super::{Fault, Tables, parse};
use super::evaluate;

fn message(expression: &str) -> Option<String> {
    parse(expression, &mut Tables::default()).err().map(|failure| failure.message)
}

/// A JSON array of this many small objects.
fn items(count: usize) -> Vec<u8> {
    let items: Vec<_> = (0..count).map(|id| format!("{{\"id\":{id},\"name\":\"item {id}\"}}")).collect();
    format!("{{\"items\":[{}],\"text\":\"{}\"}}", items.join(","), "ab".repeat(count)).into_bytes()
}

#[test]
fn nested_macros_end_when_the_fuel_is_used_up() {
    let value = items(20_000);
    for expression in [
        "value.items.all(x, value.items.exists(y, y.id == x.id + 100000) || true)",
        "value.items.map(x, value.items.map(y, value.items.map(z, z.id))).size() == 1",
        "value.items.all(x, value.text.contains('ba' + x.name) || true)",
        "value.items.filter(x, value.items == value.items).size() == 1",
        "value.items.all(x, value.items[19999].id == 5 || true)",
        "value.items.all(x, value.text.matches('(a|b)*c') || true)",
        "value.items.map(x, value.text + value.text).size() == 1",
        "value.items.all(x, size(value.text) > 0)",
        "value.items.all(x, string(bytes(value.text)) != 'a')",
        "value.items.all(x, headers.trace == 't2' && headers == headers)",
        "value.items.all(x, value == value)",
        "value.items.all(x, x in value.items)",
    ] {
        let (result, spent) = evaluate(expression, Some(&value));
        assert_eq!(result, Err(Fault::OutOfFuel), "{expression}");
        assert_eq!(spent, FUEL);
    }
}

#[test]
fn running_out_of_fuel_is_not_ignored_by_or() {
    let value = items(20_000);
    let expression = "value.items.all(x, value.items.exists(y, y.id < 0)) || true";
    assert_eq!(evaluate(expression, Some(&value)).0, Err(Fault::OutOfFuel));
}

#[test]
fn simple_conditions_on_a_large_record_take_little_fuel() {
    let value = items(200_000);
    assert!(value.len() > 6_000_000);
    for expression in ["value.id == 5", "has(value.items)", "value.items[3].id == 3", "value.items[3].name == 'item 3'"]
    {
        let (_, spent) = evaluate(expression, Some(&value));
        assert!(spent < 100, "{expression}: {spent}");
    }
}

#[test]
fn texts_cannot_grow_without_bound() {
    let text = format!("\"{}\"", "x".repeat(1 << 20)).into_bytes();
    let sum = vec!["value"; 60].join(" + ");
    let (result, _) = evaluate(&format!("({sum}).size() == 1"), Some(&text));
    assert_eq!(result, Err(Fault::OutOfFuel));
    // Doubles the text for each level: 2^40 elements, if there were no limit.
    let mut doubled = "[1]".to_owned();
    for _ in 0..6 {
        doubled = format!("[{doubled}].map(x, {doubled} + {doubled})");
        if doubled.len() > 4000 {
            break;
        }
    }
    let expression = "[1,2,3,4,5,6,7,8,9,10].map(a, [1,2,3,4,5,6,7,8,9,10].map(b, [1,2,3,4,5,6,7,8,9,10].map(c, \
                      [1,2,3,4,5,6,7,8,9,10].map(d, [1,2,3,4,5,6,7,8,9,10].map(e, a + b + c + d + e))))).size() == 10";
    assert_eq!(evaluate(expression, None).0, Err(Fault::OutOfFuel));
}

#[test]
fn deep_nesting_is_refused() {
    for expression in [
        format!("{}true{}", "(".repeat(2000), ")".repeat(2000)),
        format!("{}1{} == 1", "[".repeat(2000), "]".repeat(2000)),
        format!("{}true", "!".repeat(4000)),
        format!("{}1 == 1", "-".repeat(4000)),
        format!("{} == 1", vec!["1"; 1500].join("+")),
        format!("{}1", "true?1:".repeat(500)),
        format!("value{} == 1", "[0]".repeat(1200)),
        format!("'a'{} == 1", ".size()".repeat(500)),
        "has(".repeat(900),
        "value.a(".repeat(400),
        "value.all(x,".repeat(300),
        "{1:".repeat(1000),
    ] {
        let message = message(&expression).unwrap_or_else(|| panic!("{expression} is compiled"));
        assert!(message.contains("levels") || message.contains("unknown") || message.contains("a string"), "{message}");
    }
}

#[test]
fn long_chains_of_conditions_and_members_are_allowed() {
    let any = vec!["value.id == 1"; 250].join(" || ");
    assert_eq!(evaluate(&any, Some(b"{\"id\":2}")).0, Ok(false));
    let path = format!("value{} == 1", ".a".repeat(60));
    assert_eq!(message(&path), None);
    // More fields than one scan finds.
    let many: Vec<_> = (0..200).map(|field| format!("value.f{field} == {field}")).collect();
    let members: Vec<_> = (0..200).map(|field| format!("\"f{field}\":{field}")).collect();
    let value = format!("{{{}}}", members.join(","));
    assert_eq!(evaluate(&many.join(" && "), Some(value.as_bytes())).0, Ok(true));
}

#[test]
fn deep_json_is_text() {
    let deep = format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000));
    assert_eq!(evaluate("value[0] == 1", Some(deep.as_bytes())).0, Err(Fault::Missing));
    assert_eq!(evaluate("value.startsWith('[[')", Some(deep.as_bytes())).0, Ok(true));
    let allowed = format!("{}1{}", "[".repeat(128), "]".repeat(128));
    assert_eq!(evaluate("value == value && value[0][0] != 1", Some(allowed.as_bytes())).0, Ok(true));
}

#[test]
fn many_headers_cost_fuel() {
    let (result, spent) = evaluate("headers.trace == 't2'", None);
    assert_eq!(result, Ok(true));
    assert!((4..20).contains(&spent), "{spent}");
}

/// Threads of the bridge have 2 MiB, and optimized code needs far less than that of tests.
#[test]
fn deepest_expressions_and_values_need_less_than_a_thread_has() {
    let check = || {
        let json = format!("{}{{\"a\":1}}{}", "[".repeat(127), "]".repeat(127));
        let brackets = format!("{}value == value{}", "(".repeat(30), ")".repeat(30));
        assert_eq!(evaluate(&brackets, Some(json.as_bytes())).0, Ok(true));
        let macros = format!("{}value == value{}", "[1].all(x, ".repeat(30), ")".repeat(30));
        assert_eq!(evaluate(&macros, Some(json.as_bytes())).0, Ok(true));
        let sum = vec!["1"; 60].join(" + ");
        let nested = format!("{}({sum}) == 60 && value == value{}", "[1].exists(x, ".repeat(30), ")".repeat(30));
        assert_eq!(message(&nested).map(|message| message.contains("levels")), Some(true));
    };
    let thread = std::thread::Builder::new().stack_size(1 << 20).spawn(check).expect("a thread");
    thread.join().expect("the stack is large enough");
}
