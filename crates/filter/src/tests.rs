//! Filters as a whole.

use std::collections::HashSet;

use protocol::{Filter, HeaderView, RecordView, TimestampType, from_json};

use crate::{CompiledFilter, FilterField, Matcher, Record, Verdict};

type Headers<'r> = std::iter::Copied<std::slice::Iter<'r, HeaderView<'r>>>;

/// A record of the topic `orders`.
fn record<'r>(
    key: Option<&'r [u8]>,
    value: Option<&'r [u8]>,
    headers: &'r [HeaderView<'r>],
) -> Record<'r, Headers<'r>> {
    let view = RecordView {
        offset: 42,
        timestamp: Some(1_767_225_600_000),
        timestamp_type: TimestampType::Create,
        key,
        value,
        headers: headers.iter().copied(),
    };
    Record { topic: "orders", partition: 3, view }
}

fn compile(filter: &str) -> CompiledFilter {
    let filter: Filter = from_json(filter).expect("a filter");
    CompiledFilter::compile(&filter).expect("a valid filter")
}

fn verdict(filter: &str, record: &Record<'_, Headers<'_>>) -> Verdict {
    Matcher::new(&compile(filter)).matches(record)
}

fn is_match(filter: &str, record: &Record<'_, Headers<'_>>) -> bool {
    match verdict(filter, record) {
        Verdict::Match => true,
        Verdict::NoMatch => false,
        Verdict::Error => panic!("{filter} fails"),
    }
}

#[test]
fn empty_filter_matches_every_record() {
    assert!(is_match("{}", &record(None, None, &[])));
}

#[test]
fn text_is_searched_in_the_chosen_part() {
    let headers = [("Trace", Some(&b"abc"[..]))];
    let record = record(Some(b"Key-1"), Some(b"{\"name\":\"Value-2\"}"), &headers);
    for (text, part, expected) in [
        ("key-1", "any", true),
        ("key-1", "key", true),
        ("key-1", "value", false),
        ("VALUE-2", "value", true),
        ("value-2", "headers", false),
        ("trace", "headers", true),
        ("ABC", "any", true),
        ("nothing", "any", false),
    ] {
        let filter = format!(r#"{{"text":{{"text":"{text}","part":"{part}"}}}}"#);
        assert_eq!(is_match(&filter, &record), expected, "{text} in {part}");
    }
    assert!(!is_match(r#"{"text":{"text":"key-1","case_sensitive":true}}"#, &record));
    assert!(is_match(r#"{"text":{"text":"Key-1","case_sensitive":true}}"#, &record));
}

#[test]
fn regular_expression_is_searched_in_the_chosen_part() {
    let record = record(Some(b"Key-1"), Some(b"value 77"), &[]);
    assert!(is_match(r#"{"regex":{"regex":"y-\\d$"}}"#, &record));
    assert!(!is_match(r#"{"regex":{"regex":"y-\\d$","part":"value"}}"#, &record));
    assert!(is_match(r#"{"regex":{"regex":"(?i)VALUE [67]+"}}"#, &record));
}

#[test]
fn key_is_compared_exactly_and_null_is_not_empty() {
    assert!(is_match(r#"{"key":"a"}"#, &record(Some(b"a"), None, &[])));
    assert!(!is_match(r#"{"key":"a"}"#, &record(Some(b"ab"), None, &[])));
    assert!(!is_match(r#"{"key":"a"}"#, &record(None, None, &[])));
    assert!(is_match(r#"{"key":null}"#, &record(None, None, &[])));
    assert!(!is_match(r#"{"key":null}"#, &record(Some(b""), None, &[])));
    assert!(is_match(r#"{"key":{"base64":"AP8="}}"#, &record(Some(&[0, 255]), None, &[])));
}

#[test]
fn header_is_found_by_name_and_value() {
    let headers = [("a", Some(&b"1"[..])), ("a", Some(&b"2"[..])), ("n", None)];
    let record = record(None, None, &headers);
    assert!(is_match(r#"{"header":{"name":"a"}}"#, &record));
    assert!(is_match(r#"{"header":{"name":"n"}}"#, &record));
    assert!(!is_match(r#"{"header":{"name":"A"}}"#, &record));
    assert!(is_match(r#"{"header":{"name":"a","value":"1"}}"#, &record));
    assert!(!is_match(r#"{"header":{"name":"a","value":"12"}}"#, &record));
    assert!(!is_match(r#"{"header":{"name":"n","value":""}}"#, &record));
}

#[test]
fn path_finds_a_field_and_compares_its_value() {
    let headers = [("trace.id", Some(&b"t1"[..]))];
    let value = br#"{"customer":{"id":4711,"code":"4711","a.b":[true,{"x":null}]}}"#;
    let record = record(Some(br#"{"id":"k"}"#), Some(value), &headers);
    for (path, equals, expected) in [
        ("value.customer.id", None, true),
        ("$.customer.id", Some("4711"), true),
        ("$.customer.id", Some("4711.0"), true),
        ("$.customer.id", Some("4712"), false),
        ("$.customer.id", Some("\"4711\""), false),
        ("$.customer.code", Some("4711"), true),
        ("$.customer.code", Some("\"4711\""), true),
        ("$.customer[\"a.b\"][0]", Some("true"), true),
        ("$.customer['a.b'][1].x", Some("null"), true),
        ("$.customer['a.b'][1].x", None, true),
        ("$.customer['a.b'][2]", None, false),
        ("$.customer.missing", None, false),
        ("$.customer.id.more", None, false),
        ("key.id", Some("k"), true),
        ("headers.trace.id", Some("t1"), true),
        ("headers.none", None, false),
        ("value", None, true),
    ] {
        let filter = Filter {
            path: Some(protocol::PathFilter { path: path.into(), equals: equals.map(Into::into) }),
            ..Filter::default()
        };
        let filter = CompiledFilter::compile(&filter).expect("a valid path");
        let expected = if expected { Verdict::Match } else { Verdict::NoMatch };
        assert_eq!(Matcher::new(&filter).matches(&record), expected, "{path} {equals:?}");
    }
}

#[test]
fn path_exists_in_no_tombstone() {
    assert!(!is_match(r#"{"path":{"path":"value"}}"#, &record(None, None, &[])));
    assert!(!is_match(r#"{"path":{"path":"value.a"}}"#, &record(None, None, &[])));
    assert!(!is_match(r#"{"path":{"path":"value.a"}}"#, &record(None, Some(b"text"), &[])));
}

#[test]
fn all_conditions_must_hold() {
    let record = record(Some(b"a"), Some(br#"{"id":1}"#), &[]);
    assert!(is_match(r#"{"key":"a","text":{"text":"id"},"expression":"value.id == 1"}"#, &record));
    assert!(!is_match(r#"{"key":"a","text":{"text":"x"},"expression":"value.id == 1"}"#, &record));
    assert!(!is_match(r#"{"key":"b","expression":"value.id == 1"}"#, &record));
    assert!(!is_match(r#"{"key":"a","path":{"path":"$.id"},"expression":"value.id == 2"}"#, &record));
}

#[test]
fn cheaper_condition_that_fails_hides_an_error_of_the_expression() {
    let record = record(Some(b"a"), Some(br#"{"id":1}"#), &[]);
    assert_eq!(verdict(r#"{"expression":"value.id < \"a\""}"#, &record), Verdict::Error);
    assert_eq!(verdict(r#"{"key":"b","expression":"value.id < \"a\""}"#, &record), Verdict::NoMatch);
}

#[test]
fn last_error_says_where_the_expression_failed() {
    let filter = compile(r#"{"expression":"true &&\n  value.id < \"a\""}"#);
    let mut matcher = Matcher::new(&filter);
    assert_eq!(matcher.last_error(), None);
    assert_eq!(matcher.matches(&record(None, Some(br#"{"id":1}"#), &[])), Verdict::Error);
    let message = "expression, line 2, column 12: `<` cannot be used with an int and a string";
    assert_eq!(matcher.last_error().as_deref(), Some(message));
}

#[test]
fn one_matcher_decides_for_many_records() {
    let filter = compile(r#"{"expression":"value.a.b == 1"}"#);
    let mut matcher = Matcher::new(&filter);
    for (value, expected) in [
        (&br#"{"a":{"b":1}}"#[..], Verdict::Match),
        (br#"{"a":{"c":1}}"#, Verdict::NoMatch),
        (br#"{"a":{"b":1"#, Verdict::NoMatch),
        (b"\xff", Verdict::NoMatch),
        (br#" {"a" : {"b" : 1.0}} "#, Verdict::Match),
        (b"", Verdict::NoMatch),
    ] {
        assert_eq!(matcher.matches(&record(None, Some(value), &[])), expected, "{}", String::from_utf8_lossy(value));
    }
}

#[test]
fn filters_are_equal_if_their_sources_are() {
    let texts = [r#"{"key":"a"}"#, r#"{"key":{"text":"a"}}"#, r#"{"key":"b"}"#, r#"{"expression":"true"}"#];
    let filters: HashSet<_> = texts.map(compile).into_iter().collect();
    assert_eq!(filters.len(), 3);
}

#[test]
fn filters_are_shared_by_threads() {
    fn is_shared<T: Send + Sync>() {}
    fn is_sent<T: Send>() {}
    is_shared::<CompiledFilter>();
    is_sent::<Matcher<'_>>();
}

#[test]
fn errors_name_the_field_and_the_position() {
    for (filter, field, offset, part) in [
        (r#"{"regex":{"regex":"a(b"}}"#.to_owned(), FilterField::Regex, 1, "unclosed group"),
        (r#"{"path":{"path":"customer.id"}}"#.to_owned(), FilterField::Path, 0, "starts with `value`"),
        (r#"{"path":{"path":"$.a..b"}}"#.to_owned(), FilterField::Path, 3, "name of a field"),
        (r#"{"path":{"path":"$.a[x]"}}"#.to_owned(), FilterField::Path, 3, "a number or a name"),
        (r#"{"path":{"path":"$.a[\"x]"}}"#.to_owned(), FilterField::Path, 3, "no closing quotation mark"),
        (r#"{"path":{"path":"headers"}}"#.to_owned(), FilterField::Path, 7, "name of a header"),
        (r#"{"expression":"value.id ="}"#.to_owned(), FilterField::Expression, 9, "`==`"),
        (format!(r#"{{"text":{{"text":"{}"}}}}"#, "x".repeat(1025)), FilterField::Text, 1024, "limit of 1024"),
        (format!(r#"{{"expression":"true{}"}}"#, " ".repeat(4096)), FilterField::Expression, 4096, "limit of 4096"),
    ] {
        let source: Filter = from_json(&filter).expect("a filter");
        let error = CompiledFilter::compile(&source).expect_err("an invalid filter");
        assert_eq!((error.field, error.offset), (field, offset), "{filter}: {error}");
        assert!(error.message.contains(part), "{filter}: {error}");
    }
}

#[test]
fn text_search_decides_on_bytes_that_are_not_text() {
    assert!(is_match(r#"{"text":{"text":"ab"}}"#, &record(None, Some(b"\xff\x00AB\xfe"), &[])));
    assert!(is_match(r#"{"text":{"text":"Ä"}}"#, &record(None, Some("\0ä".as_bytes()), &[])));
}
