//! Schemas that need much time or stack, and references.

use std::time::{Duration, Instant};

use super::JsonSchema;

fn schema(text: &str) -> JsonSchema {
    JsonSchema::new(text, Vec::new())
}

/// The error of a value, which must come fast.
#[track_caller]
fn fast_error(schema: &JsonSchema, json: &str) -> String {
    let start = Instant::now();
    let error = schema.validate(json).expect_err("an invalid value").message;
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
    error
}

fn nested(depth: usize, innermost: &str) -> String {
    format!("{}{innermost}{}", "{\"a\":".repeat(depth), "}".repeat(depth))
}

#[test]
fn recursive_alternatives_are_checked_in_bounded_time() {
    let schema =
        schema(r##"{"type":"object","anyOf":[{"properties":{"a":{"$ref":"#"}}},{"properties":{"a":{"$ref":"#"}}}]}"##);
    assert_eq!(schema.validate(&nested(5, "{}")), Ok(()));
    assert_eq!(schema.validate(&nested(12, "{}")), Ok(()));
    let error = schema.validate(&nested(5, "1")).expect_err("no object");
    assert_eq!(error.path, "a.a.a.a.a");
    for depth in [12, 16, 18, 20, 60] {
        assert!(!fast_error(&schema, &nested(depth, "1")).is_empty());
    }
}

#[test]
fn references_that_double_are_checked_in_bounded_time() {
    // Each schema applies the next one twice to the same value, or to the same member.
    let to_value = (r##"{"$ref":"#/$defs/dN"}"##, "1".to_owned());
    let to_member = (r##"{"properties":{"a":{"$ref":"#/$defs/dN"}}}"##, nested(60, "1"));
    for (applied, json) in [to_value, to_member] {
        let definitions: Vec<String> = (0..60)
            .map(|i| {
                let applied = applied.replace('N', &(i + 1).to_string());
                format!(r#""d{i}":{{"anyOf":[{applied},{applied}]}}"#)
            })
            .collect();
        let text =
            format!(r##"{{"$ref":"#/$defs/d0","$defs":{{{},"d60":{{"type":"object"}}}}}}"##, definitions.join(","));
        assert!(!fast_error(&schema(&text), &json).is_empty());
        assert!(schema(&text).example().len() < 100_000);
    }
}

#[test]
fn long_chains_of_references_are_refused() {
    let chain = |count: usize| {
        let definitions: Vec<String> =
            (0..count).map(|i| format!(r##""d{i}":{{"not":{{"$ref":"#/$defs/d{}"}}}}"##, i + 1)).collect();
        format!(r##"{{"$ref":"#/$defs/d0","$defs":{{{},"d{count}":true}}}}"##, definitions.join(","))
    };
    let error = schema(&chain(40_000)).check().expect_err("too many references");
    assert_eq!(error.message, "the schema has 40001 references (`$ref`), more than 5000; split the schema");
    // The stack of a thread must be large enough.
    let thread = std::thread::Builder::new().stack_size(2 << 20).spawn(move || {
        let long = schema(&chain(4_900));
        assert!(fast_error(&long, "1").contains("nested too deep"));
        let longest = schema(&chain(496));
        assert_eq!(longest.validate("1"), Ok(()));
    });
    thread.expect("a thread").join().expect("no panic");
}

#[test]
fn regular_expressions_are_limited() {
    let patterns = |count: usize| {
        let members: Vec<String> = (0..count).map(|i| format!(r#""p{i}":{{"pattern":"^a{i}$"}}"#)).collect();
        schema(&format!(r#"{{"properties":{{{}}}}}"#, members.join(",")))
    };
    assert_eq!(patterns(200).check(), Ok(()));
    let error = patterns(201).check().expect_err("too many").message;
    assert!(error.contains("201 regular expressions") && error.contains("more than 200"), "{error}");
    let error = schema(r#"{"pattern":"^((a{1,1000}){1,1000}){1,1000}$"}"#).check().expect_err("too large").message;
    assert!(error.contains("invalid, or larger than 1024 KiB"), "{error}");
    let error = schema(r#"{"pattern":"("}"#).check().expect_err("invalid").message;
    assert!(error.contains("the regular expression is invalid"), "{error}");
    let backtracking = schema(r#"{"pattern":"^(?=(a+)+$)(a|aa)+\\1b$"}"#);
    assert!(!fast_error(&backtracking, &format!("\"{}\"", "a".repeat(5_000))).is_empty());
}

#[test]
fn relative_reference_means_the_longest_matching_name() {
    let references = vec![
        ("a.json".to_owned(), r#"{"type":"string"}"#.to_owned()),
        ("x/a.json".to_owned(), r#"{"type":"integer"}"#.to_owned()),
    ];
    for _ in 0..20 {
        let text = r#"{"$id":"https://example.com/base/r.json","$ref":"x/a.json"}"#;
        assert_eq!(JsonSchema::new(text, references.clone()).validate("1"), Ok(()));
    }
}
