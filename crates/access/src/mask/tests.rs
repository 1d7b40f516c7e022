//! What users see of masked records, and that everything else keeps its bytes.

use proptest::prelude::*;
use protocol::{MAX_JSON_DEPTH, Offset, TimestampType};

use super::json::{Hidden, mask_fields};
use super::path::Segment;
use super::*;

fn mask(method: MaskMethod, fields: &[&str]) -> Mask {
    Mask {
        clusters: Vec::new(),
        topics: vec![NamePattern("orders*".to_owned())],
        fields: fields.iter().map(|field| MaskPath::parse(field).expect(field)).collect(),
        method,
        except: Who::default(),
    }
}

fn profile(masks: Vec<Mask>) -> Arc<MaskProfile> {
    MaskProfile::of(1, masks.into_iter().map(Arc::new).enumerate()).expect("there are masks")
}

/// The value as a user with a mask of these fields sees it.
fn value_seen(method: MaskMethod, fields: &[&str], value: &[u8]) -> Vec<u8> {
    let profile = profile(vec![mask(method, fields)]);
    profile.of_topic("orders").value(Some(value)).expect("not null").into_owned()
}

fn check(method: MaskMethod, cases: &[(&str, &str, &str)]) {
    for (field, before, after) in cases {
        let seen = value_seen(method, &[field], before.as_bytes());
        assert_eq!(String::from_utf8(seen).as_deref(), Ok(*after), "{field} of {before}");
    }
}

#[test]
fn replaced_field_changes_nothing_else() {
    check(
        MaskMethod::Replace,
        &[
            ("value", r#"{"a":1}"#, "***"),
            ("value", "", "***"),
            ("value.email", r#"{"email":"bob@x.com"}"#, r#"{"email":"***"}"#),
            // Big numbers, order, spacing and other members.
            (
                "value.b",
                " { \"z\" : 12345678901234567890123 ,\t\"b\" : [1, 2] , \"a\":1e999,\n\"z\":0.10 }\n",
                " { \"z\" : 12345678901234567890123 ,\t\"b\" : \"***\" , \"a\":1e999,\n\"z\":0.10 }\n",
            ),
            // Every duplicate, and every way to write the name.
            (
                "value.email",
                r#"{"email":1,"e\u006dail":"x","\u0065\u006D\u0061il":null,"Email":2}"#,
                r#"{"email":"***","e\u006dail":"***","\u0065\u006D\u0061il":"***","Email":2}"#,
            ),
            (
                "value.a.b",
                r#"{"a":{"b":1,"c":2},"b":3,"a":{"b":{}}}"#,
                r#"{"a":{"b":"***","c":2},"b":3,"a":{"b":"***"}}"#,
            ),
            // Arrays may be left out of the path.
            (
                "value.items.price",
                r#"{"items":[{"price":1},[{"price":2}],3]}"#,
                r#"{"items":[{"price":"***"},[{"price":"***"}],3]}"#,
            ),
            ("value.price", r#"[{"price":1},{"name":2}]"#, r#"[{"price":"***"},{"name":2}]"#),
            ("value.items", r#"{"items":[1,2]}"#, r#"{"items":"***"}"#),
            ("value.items.*", r#"{"items":[1,{"a":2}]}"#, r#"{"items":["***","***"]}"#),
            ("value.items.*.price", r#"{"items":[{"price":1,"n":2}]}"#, r#"{"items":[{"price":"***","n":2}]}"#),
            ("value.items.*.price", r#"{"items":{"x":{"price":1,"n":2}}}"#, r#"{"items":{"x":{"price":"***","n":2}}}"#),
            ("value.items.*.price", r#"{"items":[{"x":{"price":1}}]}"#, r#"{"items":[{"x":{"price":"***"}}]}"#),
            (
                "value.*.price",
                r#"{"price":1,"a":{"price":2,"b":{"price":3}}}"#,
                r#"{"price":1,"a":{"price":"***","b":{"price":3}}}"#,
            ),
            (
                "value.**.email",
                r#"{"email":1,"a":[{"b":{"email":[2]}}],"email_sent":true}"#,
                r#"{"email":"***","a":[{"b":{"email":"***"}}],"email_sent":true}"#,
            ),
            ("value.a.**.b", r#"{"b":1,"a":{"b":2,"c":{"b":3}}}"#, r#"{"b":1,"a":{"b":"***","c":{"b":"***"}}}"#),
            ("value.**.a.b", r#"{"a":{"a":{"b":1},"c":{"b":2}}}"#, r#"{"a":{"a":{"b":"***"},"c":{"b":2}}}"#),
            (r#"value."a.b""#, r#"{"a.b":1,"a":{"b":2}}"#, r#"{"a.b":"***","a":{"b":2}}"#),
            (r#"value."*""#, r#"{"*":1,"a":2}"#, r#"{"*":"***","a":2}"#),
            // JSON without the field.
            ("value.email", r#"{"name":"bob"}"#, r#"{"name":"bob"}"#),
            ("value.email", r#"{"email\u0000":1}"#, r#"{"email\u0000":1}"#),
            ("value.email.user", r#"{"email":"bob"}"#, r#"{"email":"bob"}"#),
            // A text or a number in place of an object.
            ("value.email", " 42 ", "***"),
            ("value.email", "\"ann@example.com\"", "***"),
            ("value.email", "true", "true"),
            ("value.**.email", "42", "42"),
            ("value.email", r#""text""#, "***"),
            ("value.email", "null", "null"),
            ("value.email", "[]", "[]"),
            ("value.email", "{}", "{}"),
            ("key.email", "not JSON", "not JSON"),
        ],
    );
}

#[test]
fn removed_field_takes_one_comma_with_it() {
    check(
        MaskMethod::Remove,
        &[
            ("value", r#"{"a":1}"#, "***"),
            ("value.a", r#"{"a":1}"#, "{}"),
            ("value.a", r#"{ "a" : 1 }"#, "{  }"),
            ("value.a", r#"{"a":1, "b":2}"#, r#"{"b":2}"#),
            ("value.a", r#"{"b":2, "a":1}"#, r#"{"b":2}"#),
            ("value.a", r#"{"b":2, "a":1 , "c":3}"#, r#"{"b":2 , "c":3}"#),
            ("value.a", r#"{"a":1,"a":2,"b":3,"a":4,"a":5}"#, r#"{"b":3}"#),
            ("value.a", r#"{"a":1,"b":2,"a":3,"c":4}"#, r#"{"b":2,"c":4}"#),
            ("value.*", r#"{"a":1,"b":2}"#, "{}"),
            ("value.*", r#"[1,{"a":2}]"#, "[null,null]"),
            ("value.b.a", r#"{"a":1,"b":{"a":2},"c":[]}"#, r#"{"a":1,"b":{},"c":[]}"#),
            ("value.**.a", r#"{"a":1,"b":{"a":2,"c":[{"a":3}]}}"#, r#"{"b":{"c":[{}]}}"#),
        ],
    );
}

#[test]
fn what_is_not_strictly_json_is_masked_as_a_whole() {
    let deep = "[".repeat(MAX_JSON_DEPTH + 1) + &"]".repeat(MAX_JSON_DEPTH + 1);
    let large = format!(r#"{{"a":[{}1]}}"#, "1,".repeat(3_000_000));
    for unreadable in [
        "",
        "bob@example.com",
        "\u{feff}{\"name\":\"bob\"}",
        r#"{"name":"bob"} {"name":"ann"}"#,
        r#"{"name":"bob",}"#,
        r#"{"name":NaN}"#,
        r#"{'name':"bob"}"#,
        r#"{name:"bob"}"#,
        "{\"name\":\"bob\"} // comment",
        "{\"name\":\"a\nb\"}",
        r#"{"name":"bob""#,
        r#"{"name":01}"#,
        "\u{a0}{\"name\":\"bob\"}",
        // The whole value is a string that contains JSON.
        r#""{\"email\":1}""#,
        &deep,
        &large,
    ] {
        let shown: String = unreadable.chars().take(50).collect();
        assert_eq!(value_seen(MaskMethod::Replace, &["value.**.email"], unreadable.as_bytes()), b"***", "{shown}");
    }
    for bytes in [&b"\xff{\"name\":1}"[..], b"\0\0\0\0\x01bob", b"{\0\"\0a\0\"\0:\x001\0}\0"] {
        assert_eq!(value_seen(MaskMethod::Remove, &["value.email"], bytes), b"***", "{bytes:?}");
    }
    // As deep as can be sent as JSON, and still with a field that is not hidden.
    let allowed = "[".repeat(MAX_JSON_DEPTH) + &"]".repeat(MAX_JSON_DEPTH);
    assert_eq!(value_seen(MaskMethod::Replace, &["value.**.email"], allowed.as_bytes()), allowed.as_bytes());
    assert_eq!(value_seen(MaskMethod::Replace, &["value.*.*.**.a"], allowed.as_bytes()), allowed.as_bytes());
}

#[test]
fn depth_of_values_beside_the_path_has_no_limit() {
    let deep = "[".repeat(100_000) + &"]".repeat(100_000);
    let seen = value_seen(MaskMethod::Replace, &["value.a"], format!(r#"{{"a":{deep},"b":{deep}}}"#).as_bytes());
    assert!(seen == format!(r#"{{"a":"***","b":{deep}}}"#).as_bytes());
}

#[test]
fn string_on_the_path_that_contains_json_is_masked_as_a_whole() {
    check(
        MaskMethod::Replace,
        &[
            ("value.a.email", r#"{"a":"{\"email\":1}"}"#, r#"{"a":"***"}"#),
            ("value.a.email", r#"{"a":" \n[]","b":"{}"}"#, r#"{"a":"***","b":"{}"}"#),
            ("value.a.email", r#"{"a":"\u007b\"email\":1}"}"#, r#"{"a":"***"}"#),
            ("value.a.email", r#"{"a":"\ufeff{\"email\":1}"}"#, r#"{"a":"***"}"#),
            (
                "value.**.email",
                r#"{"a":["[1]","[INFO] started","{name}",""]}"#,
                r#"{"a":["***","[INFO] started","{name}",""]}"#,
            ),
            // Half a surrogate pair: another parser may read the text.
            ("value.a.email", r#"{"a":"{\"email\":\"\ud800\"}"}"#, r#"{"a":"***"}"#),
            ("value.a", r#"{"a\ud800":1,"b\ud800":{"a":1}}"#, r#"{"a\ud800":"***","b\ud800":"***"}"#),
        ],
    );
}

#[test]
fn nested_arrays_do_not_multiply_the_work() {
    // Each star matches an array or what is inside it, which are 2 to the power of 100 ways through the path.
    let (before, after) = ("[".repeat(100), "]".repeat(100));
    let path = format!("value.{}a", "*.".repeat(60));
    let nested = |number: &str| format!(r#"{before}{{"a":{number}}}{after}"#);
    let seen = value_seen(MaskMethod::Replace, &[&path], nested("1").as_bytes());
    assert_eq!(String::from_utf8(seen), Ok(nested("\"***\"")));
}

#[test]
fn all_masks_of_a_topic_apply_and_the_most_hiding_method_wins() {
    let profile = profile(vec![
        mask(MaskMethod::Hash, &["value.**.email", "key", "headers.user"]),
        mask(MaskMethod::Replace, &["value.email", "value.name", "headers.*"]),
        mask(MaskMethod::Remove, &["value.name", "headers.session-*"]),
        Mask { topics: vec![NamePattern("other".to_owned())], ..mask(MaskMethod::Remove, &["value"]) },
    ]);
    assert_eq!(
        profile.fields(),
        [
            "headers.*",
            "headers.session-*",
            "headers.user",
            "key",
            "value",
            "value.**.email",
            "value.email",
            "value.name"
        ]
    );
    assert!(profile.covers("orders-eu") && profile.covers("other") && !profile.covers("news"));
    let of_topic = profile.of_topic("orders-eu");
    let seen = of_topic.value(Some(br#"{"name":1,"email":2,"b":{"email":"x"}}"#)).expect("not null");
    let seen = String::from_utf8(seen.into_owned()).expect("text");
    let hash = replacement(MaskMethod::Hash, b"x");
    assert_eq!(seen, format!(r#"{{"email":"***","b":{{"email":"{hash}"}}}}"#));
    // The same text as a whole key.
    assert_eq!(of_topic.key(Some(b"x")).as_deref(), Some(hash.as_bytes()));
}

#[test]
fn null_stays_null_and_headers_are_found_regardless_of_case() {
    let profile = profile(vec![
        mask(MaskMethod::Replace, &["value", "key", "headers.x-user", "headers.__*"]),
        mask(MaskMethod::Remove, &["headers.Session-*"]),
    ]);
    let mut batch = BinaryBatch::default();
    let headers: Vec<HeaderView<'_>> = vec![
        ("X-User", Some(b"bob")),
        ("trace", Some(b"1")),
        ("x-user", None),
        ("SESSION-id", Some(b"s")),
        ("__TypeId__", Some(b"t")),
        ("x-user", Some(b"ann")),
    ];
    let record = RecordView {
        offset: 7,
        timestamp: Some(5),
        timestamp_type: TimestampType::LogAppend,
        key: None,
        value: None,
        headers: headers.into_iter(),
    };
    batch.push(record.clone());
    batch.push(RecordView { offset: 9, timestamp: None, key: Some(b"k"), value: Some(b"v"), ..record });
    let expected: Vec<HeaderView<'_>> = vec![
        ("X-User", Some(b"***")),
        ("trace", Some(b"1")),
        ("x-user", None),
        ("__TypeId__", Some(b"***")),
        ("x-user", Some(b"***")),
    ];
    let masked = profile.apply("orders", &batch);
    let seen: Vec<_> =
        masked.iter().map(|record| (record.offset, record.timestamp, record.key, record.value)).collect();
    assert_eq!(seen, [(7, Some(5), None, None), (9, None, Some(&b"***"[..]), Some(&b"***"[..]))]);
    for record in masked.iter() {
        assert_eq!(record.headers.collect::<Vec<_>>(), expected);
        assert_eq!(record.timestamp_type, TimestampType::LogAppend);
    }
    // Records in their JSON form are masked in the same way.
    let in_json = |batch: &BinaryBatch| -> Vec<Record> {
        let header = |(name, value): HeaderView<'_>| Header(name.to_owned(), WireBytes::from_kafka(value));
        let records = batch.iter().map(|record| Record {
            offset: Offset(record.offset),
            timestamp: record.timestamp,
            timestamp_type: record.timestamp_type,
            key: WireBytes::from_kafka(record.key),
            value: WireBytes::from_kafka(record.value),
            headers: record.headers.map(header).collect(),
            key_note: None,
            value_note: None,
        });
        records.collect()
    };
    let mut records = in_json(&batch);
    profile.apply_to_records("orders", &mut records);
    assert_eq!(records, in_json(&masked));
}

/// JSON with the ways to write it that must be kept or resolved.
#[derive(Clone, Debug)]
enum Tree {
    /// Its text is unique, and does not occur elsewhere.
    Leaf {
        is_escaped: bool,
        is_number: bool,
    },
    Object(Vec<(Name, Tree)>, Space),
    Array(Vec<Tree>, Space),
}

/// A name of one letter, so that paths often match, and whether it is escaped.
type Name = (char, bool);
type Space = &'static str;

/// A step from a value to one inside it.
#[derive(Clone, Copy, Debug)]
enum Step {
    Member(char),
    Element,
}

fn trees() -> impl Strategy<Value = Tree> {
    let space = prop::sample::select(vec!["", " ", "\n\t"]);
    let leaf = (any::<bool>(), any::<bool>()).prop_map(|(is_escaped, is_number)| Tree::Leaf { is_escaped, is_number });
    leaf.prop_recursive(5, 60, 5, move |inner| {
        let name = (prop::sample::select(vec!['a', 'b', 'c']), any::<bool>());
        prop_oneof![
            (prop::collection::vec((name, inner.clone()), 0..5), space.clone())
                .prop_map(|(members, space)| Tree::Object(members, space)),
            (prop::collection::vec(inner, 0..5), space.clone())
                .prop_map(|(elements, space)| Tree::Array(elements, space)),
        ]
    })
}

fn paths() -> impl Strategy<Value = Vec<Segment>> {
    let name = prop::sample::select(vec!["a", "b", "c"]).prop_map(|name| Segment::Name(name.to_owned()));
    let step = prop_oneof![3 => name, 1 => Just(Segment::Any)];
    let step = (prop::bool::weighted(0.25), step).prop_map(|(at_any_depth, step)| match at_any_depth {
        true => vec![Segment::AnyDepth, step],
        false => vec![step],
    });
    prop::collection::vec(step, 1..4).prop_map(|steps| steps.concat())
}

/// Whether the path leads to a value that is reached by these steps.
fn leads_to(path: &[Segment], steps: &[Step]) -> bool {
    match (path, steps) {
        ([], []) => true,
        ([Segment::AnyDepth, rest @ ..], _) => {
            leads_to(rest, steps) || steps.split_first().is_some_and(|(_, steps)| leads_to(path, steps))
        }
        ([Segment::Name(name), rest @ ..], [Step::Member(member), steps @ ..]) => {
            name.starts_with(*member) && leads_to(rest, steps)
        }
        ([Segment::Any, rest @ ..], [Step::Member(_), steps @ ..]) => leads_to(rest, steps),
        ([segment, rest @ ..], [Step::Element, steps @ ..]) => {
            leads_to(path, steps) || (*segment == Segment::Any && leads_to(rest, steps))
        }
        ([], _) | (_, []) => false,
    }
}

/// Writes the tree, and what is hidden in it by a method.
struct Writer<'p> {
    paths: &'p [Vec<Segment>],
    /// `None` writes the original.
    method: Option<MaskMethod>,
    leaves: usize,
    out: String,
}

impl Writer<'_> {
    fn write(&mut self, tree: &Tree, steps: &mut Vec<Step>) {
        match tree {
            Tree::Leaf { is_escaped, is_number } => {
                self.leaves += 1;
                let number = 1_000_000_000_000_000_000_000 + self.leaves as u128;
                self.out += &match (is_number, is_escaped) {
                    (true, _) => number.to_string(),
                    (false, true) => format!(r#""\u0073ecret{number}""#),
                    (false, false) => format!(r#""secret{number}""#),
                };
            }
            Tree::Object(members, space) => {
                self.out.push('{');
                let mut is_first = true;
                for ((name, is_escaped), value) in members {
                    steps.push(Step::Member(*name));
                    let is_removed = self.method == Some(MaskMethod::Remove) && self.hides(steps);
                    if is_removed {
                        self.leaves += count(value);
                    } else {
                        self.out.extend([if is_first { "" } else { "," }, space]);
                        is_first = false;
                        self.out +=
                            &if *is_escaped { format!(r#""\u{:04x}""#, *name as u32) } else { format!("\"{name}\"") };
                        self.out.extend([space, ":", space]);
                        self.child(value, steps);
                    }
                    steps.pop();
                }
                self.out.extend([space, "}"]);
            }
            Tree::Array(elements, space) => {
                self.out.push('[');
                for (index, element) in elements.iter().enumerate() {
                    self.out.extend([if index == 0 { "" } else { "," }, space]);
                    steps.push(Step::Element);
                    self.child(element, steps);
                    steps.pop();
                }
                self.out.extend([space, "]"]);
            }
        }
    }

    fn child(&mut self, tree: &Tree, steps: &mut Vec<Step>) {
        if !self.hides(steps) {
            return self.write(tree, steps);
        }
        self.leaves += count(tree);
        self.out += if self.method == Some(MaskMethod::Remove) { "null" } else { "\"***\"" };
    }

    fn hides(&self, steps: &[Step]) -> bool {
        self.method.is_some() && self.paths.iter().any(|path| leads_to(path, steps))
    }
}

fn count(tree: &Tree) -> usize {
    match tree {
        Tree::Leaf { .. } => 1,
        Tree::Object(members, _) => members.iter().map(|(_, value)| count(value)).sum(),
        Tree::Array(elements, _) => elements.iter().map(count).sum(),
    }
}

fn written(tree: &Tree, paths: &[Vec<Segment>], method: Option<MaskMethod>) -> String {
    let mut writer = Writer { paths, method, leaves: 0, out: String::new() };
    writer.write(tree, &mut Vec::new());
    writer.out
}

proptest! {
    #[test]
    fn exactly_the_fields_on_the_paths_are_hidden(tree in trees(), paths in prop::collection::vec(paths(), 1..4)) {
        // A text without fields has a rule of its own.
        prop_assume!(!matches!(tree, Tree::Leaf { .. }));
        let text = written(&tree, &paths, None);
        let seen = |method| {
            let hidden: Vec<_> = paths.iter().map(|path| Hidden { path, method }).collect();
            mask_fields(&text, &hidden).expect("JSON").unwrap_or_else(|| text.clone())
        };
        prop_assert_eq!(seen(MaskMethod::Replace), written(&tree, &paths, Some(MaskMethod::Replace)));
        // Which white space goes with a member is not defined.
        let without_space = |text: String| text.replace([' ', '\n', '\t'], "");
        let removed = written(&tree, &paths, Some(MaskMethod::Remove));
        prop_assert_eq!(without_space(seen(MaskMethod::Remove)), without_space(removed));
    }

    #[test]
    fn any_bytes_are_masked_or_unchanged_json(bytes in "[{}\\[\\]\":,a1 \\\\u]{0,12}") {
        let seen = value_seen(MaskMethod::Replace, &["value.**.a"], bytes.as_bytes());
        let is_json = serde_json::from_str::<&serde_json::value::RawValue>(&bytes).is_ok();
        prop_assert!(is_json || seen == b"***", "{:?}", String::from_utf8_lossy(&seen));
    }
}
