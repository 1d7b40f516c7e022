//! JSON of Kafka Connect (`{"schema": …, "payload": …}`) and change events of Debezium, in it or on their own: what an event has
//! changed. Works on the JSON text, so numbers keep every digit.

use std::collections::BTreeMap;

use formats::json_members::{Elements, Members, connect_parts, push_name, unquoted};
use protocol::MAX_JSON_DEPTH;

/// The work that may be done for two rows, in bytes to read. Each level of objects in each other is read again.
const MAX_COST: usize = 4 * 1024 * 1024;
/// More fields than a user reads.
const MAX_FIELDS: usize = 1000;

/// What a value of Connect or Debezium says. All texts are parts of the value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Folded<'t> {
    Event(ChangeEvent<'t>),
    /// The value without its schema.
    Payload(&'t str),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FoldKind {
    Event,
    Payload,
}

/// A change event of Debezium.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangeEvent<'t> {
    pub operation: Operation,
    /// The event has the row as it was before. Without it, an update does not say what it has changed.
    pub has_before: bool,
    /// The fields that differ. Of a row that was created, read or deleted, and of an update without the row before: all fields.
    pub changed: Vec<FieldChange<'t>>,
    /// The fields that are the same before and after.
    pub unchanged: Vec<FieldChange<'t>>,
    /// The row has more fields than are listed.
    pub is_cut: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldChange<'t> {
    /// Such as `address.lines[0]`; a name with other characters than letters, digits, `_` and `-` is quoted: `["a.b"]`. Empty for
    /// a row that is not an object.
    pub path: String,
    /// The JSON text before; `None` if the field is new.
    pub before: Option<&'t str>,
    /// The JSON text after; `None` if the field is gone.
    pub after: Option<&'t str>,
}

/// The field `op` of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// `c`
    Create,
    /// `u`
    Update,
    /// `d`
    Delete,
    /// `r`: the row was read for a snapshot.
    Read,
    /// `t`: all rows of the table were deleted.
    Truncate,
}

impl Operation {
    fn of(op: &str) -> Option<Self> {
        Some(match unquoted(op) {
            "c" => Self::Create,
            "u" => Self::Update,
            "d" => Self::Delete,
            "r" => Self::Read,
            "t" => Self::Truncate,
            _ => return None,
        })
    }

    /// The value of `data-op`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Update => "update",
            Self::Delete => "delete",
            Self::Read => "read",
            Self::Truncate => "truncate",
        }
    }
}

/// The rows of an event.
struct Event<'t> {
    operation: Operation,
    before: Option<&'t str>,
    after: Option<&'t str>,
}

enum Recognized<'t> {
    Event(Event<'t>),
    Payload(&'t str),
}

/// Whether the JSON is of Connect or Debezium.
pub fn fold_kind(json: &str) -> Option<FoldKind> {
    Some(match recognize(json)? {
        Recognized::Event(_) => FoldKind::Event,
        Recognized::Payload(_) => FoldKind::Payload,
    })
}

/// What the JSON says without its schema; `None` for JSON that is neither of Connect nor of Debezium.
pub fn fold(json: &str) -> Option<Folded<'_>> {
    Some(match recognize(json)? {
        Recognized::Event(event) => Folded::Event(changes(&event)),
        Recognized::Payload(payload) => Folded::Payload(payload),
    })
}

fn recognize(json: &str) -> Option<Recognized<'_>> {
    // Most JSON is neither, which is found without reading its members.
    let json = json.trim_matches([' ', '\t', '\n', '\r']);
    if !json.starts_with('{') || !(json.contains("\"payload\"") || json.contains("\"op\"")) {
        return None;
    }
    let members = Members::of(json)?;
    match connect_parts(&members) {
        Some((_, payload)) => {
            let event = Members::of(payload).and_then(|payload| event(&payload));
            Some(event.map_or(Recognized::Payload(payload), Recognized::Event))
        }
        None => event(&members).map(Recognized::Event),
    }
}

fn event<'t>(members: &Members<'t>) -> Option<Event<'t>> {
    let operation = Operation::of(members.get("op")?)?;
    // Other applications have a field `op`, but not all of these.
    members.get("source").filter(|source| source.starts_with('{'))?;
    let (before, after) = (members.get("before"), members.get("after"));
    if before.is_none() && after.is_none() && operation != Operation::Truncate {
        return None;
    }
    let row = |row: Option<&'t str>| row.filter(|row| *row != "null");
    Some(Event { operation, before: row(before), after: row(after) })
}

fn changes<'t>(event: &Event<'t>) -> ChangeEvent<'t> {
    let mut comparison = Comparison::default();
    let mut path = String::new();
    match (event.before, event.after) {
        (Some(before), Some(after)) => comparison.compare(&mut path, before, after, 0),
        (before, after) => comparison.fields(before, after),
    }
    let Comparison { changed, unchanged, is_cut, .. } = comparison;
    ChangeEvent { operation: event.operation, has_before: event.before.is_some(), changed, unchanged, is_cut }
}

#[derive(Default)]
struct Comparison<'t> {
    changed: Vec<FieldChange<'t>>,
    unchanged: Vec<FieldChange<'t>>,
    is_cut: bool,
    cost: usize,
}

impl<'t> Comparison<'t> {
    fn compare(&mut self, path: &mut String, before: &'t str, after: &'t str, depth: usize) {
        // Both were written by the same serializer: equal values have equal texts.
        self.cost = self.cost.saturating_add(before.len() + after.len());
        if before != after && depth < MAX_JSON_DEPTH && self.cost <= MAX_COST {
            if let (Some(before), Some(after)) = (Members::of(before), Members::of(after)) {
                return self.members(path, &before, &after, depth);
            }
            if let (Some(Elements(before)), Some(Elements(after))) = (Elements::of(before), Elements::of(after))
                && before.len() == after.len()
            {
                return self.elements(path, &before, &after, depth);
            }
        }
        self.push(path, Some(before), Some(after));
    }

    fn members(&mut self, path: &mut String, before: &Members<'t>, after: &Members<'t>, depth: usize) {
        let mut new: BTreeMap<&str, &'t str> = after.0.iter().copied().collect();
        let length = path.len();
        for (name, old) in &before.0 {
            push_name(path, name);
            match new.remove(name) {
                Some(new) => self.compare(path, old, new, depth + 1),
                None => self.push(path, Some(old), None),
            }
            path.truncate(length);
        }
        for (name, value) in &after.0 {
            if new.remove(name).is_some() {
                push_name(path, name);
                self.push(path, None, Some(value));
                path.truncate(length);
            }
        }
    }

    /// An element that has not changed is no field of its own.
    fn elements(&mut self, path: &mut String, before: &[&'t str], after: &[&'t str], depth: usize) {
        let length = path.len();
        for (index, (old, new)) in before.iter().zip(after).enumerate().filter(|(_, (old, new))| old != new) {
            path.push_str(&format!("[{index}]"));
            self.compare(path, old, new, depth + 1);
            path.truncate(length);
        }
    }

    /// The fields of the only row that there is.
    fn fields(&mut self, before: Option<&'t str>, after: Option<&'t str>) {
        let Some(row) = before.or(after) else { return };
        let value = |value: &'t str| (before.is_some().then_some(value), after.is_some().then_some(value));
        match Members::of(row) {
            Some(members) => {
                for (name, field) in members.0 {
                    let mut path = String::new();
                    push_name(&mut path, name);
                    let (before, after) = value(field);
                    self.push(&path, before, after);
                }
            }
            None => self.push("", before, after),
        }
    }

    fn push(&mut self, path: &str, before: Option<&'t str>, after: Option<&'t str>) {
        let list = if before == after { &mut self.unchanged } else { &mut self.changed };
        if list.len() < MAX_FIELDS {
            list.push(FieldChange { path: path.to_owned(), before, after });
        } else {
            self.is_cut = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn event_of(json: &str) -> ChangeEvent<'_> {
        match fold(json) {
            Some(Folded::Event(event)) => event,
            other => panic!("{other:?}"),
        }
    }

    fn rows<'t>(fields: &'t [FieldChange<'t>]) -> Vec<(&'t str, Option<&'t str>, Option<&'t str>)> {
        fields.iter().map(|field| (field.path.as_str(), field.before, field.after)).collect()
    }

    const UPDATE: &str = r#"{"before":{"id":9007199254740993,"price":1.10,"address":{"city":"Roma","zip":"00100"},"tags":[1,2]},
        "after":{"id":9007199254740993,"price":1.1,"address":{"city":"Milano","zip":"00100"},"tags":[1,3],"a.b":null},
        "source":{"db":"shop"},"op":"u","ts_ms":1}"#;

    #[test]
    fn update_has_changed_fields_and_the_unchanged_ones_apart() {
        let event = event_of(UPDATE);
        assert_eq!((event.operation, event.has_before, event.is_cut), (Operation::Update, true, false));
        let changed = [
            ("price", Some("1.10"), Some("1.1")),
            ("address.city", Some("\"Roma\""), Some("\"Milano\"")),
            ("tags[1]", Some("2"), Some("3")),
            ("[\"a.b\"]", None, Some("null")),
        ];
        assert_eq!(rows(&event.changed), changed);
        let unchanged = [
            ("id", Some("9007199254740993"), Some("9007199254740993")),
            ("address.zip", Some("\"00100\""), Some("\"00100\"")),
        ];
        assert_eq!(rows(&event.unchanged), unchanged);
    }

    #[test]
    fn changes_name_fields_in_objects_and_lists() {
        let json = concat!(
            r#"{"before":{"gone":true,"same":[1, 2],"in":{"a":[1,{"b":2}],"x.y":1},"list":[1]},"#,
            r#""after":{"same":[1, 2],"in":{"a":[1,{"b":3}],"x.y":null},"list":[1,2],"new":"x"},"source":{},"op":"u"}"#
        );
        let changed = [
            ("gone", Some("true"), None),
            ("in.a[1].b", Some("2"), Some("3")),
            ("in[\"x.y\"]", Some("1"), Some("null")),
            ("list", Some("[1]"), Some("[1,2]")),
            ("new", None, Some("\"x\"")),
        ];
        assert_eq!(rows(&event_of(json).changed), changed);
    }

    #[test]
    fn last_digit_of_a_large_number_is_a_change() {
        let json =
            r#"{"before":{"n":12345678901234567890123},"after":{"n":12345678901234567890124},"source":{},"op":"u"}"#;
        let change = [("n", Some("12345678901234567890123"), Some("12345678901234567890124"))];
        assert_eq!(rows(&event_of(json).changed), change);
    }

    #[test]
    fn created_read_and_deleted_rows_have_one_side() {
        for (op, operation) in [("c", Operation::Create), ("r", Operation::Read)] {
            let json = format!(r#"{{"before":null,"after":{{"id":1,"x":{{"y":2}}}},"source":{{}},"op":"{op}"}}"#);
            let event = event_of(&json);
            assert_eq!((event.operation, event.has_before), (operation, false));
            assert_eq!(rows(&event.changed), [("id", None, Some("1")), ("x", None, Some(r#"{"y":2}"#))]);
        }
        let event = event_of(r#"{"before":{"id":1},"after":null,"source":{},"op":"d"}"#);
        assert_eq!(event.operation, Operation::Delete);
        assert_eq!(rows(&event.changed), [("id", Some("1"), None)]);
        let event = event_of(r#"{"source":{},"op":"t"}"#);
        assert_eq!((event.operation, event.changed.len()), (Operation::Truncate, 0));
    }

    #[test]
    fn update_without_the_row_before_lists_the_row_after() {
        let event = event_of(r#"{"before":null,"after":{"id":1},"source":{},"op":"u"}"#);
        assert!(!event.has_before);
        assert_eq!(rows(&event.changed), [("id", None, Some("1"))]);
    }

    #[test]
    fn connect_schema_is_folded_away() {
        let plain = r#" {"schema":{"type":"struct","fields":[]},"payload":{"id":1}} "#;
        assert_eq!(fold(plain), Some(Folded::Payload(r#"{"id":1}"#)));
        assert_eq!(fold_kind(plain), Some(FoldKind::Payload));
        let event = format!(r#"{{"schema":{{"type":"struct"}},"payload":{UPDATE}}}"#);
        assert_eq!(event_of(&event), event_of(UPDATE));
        assert_eq!(fold_kind(&event), Some(FoldKind::Event));
        assert_eq!(fold(r#"{"schema":null,"payload":7}"#), Some(Folded::Payload("7")));
    }

    #[test]
    fn other_json_is_not_folded() {
        let others = [
            "1",
            "[]",
            "",
            "{",
            r#"{"payload":1}"#,
            r#"{"schema":1,"payload":1}"#,
            r#"{"schema":{"a":1},"payload":1}"#,
            r#"{"op":"u"}"#,
            r#"{"op":"c","after":{}}"#,
            r#"{"op":"c","source":{}}"#,
            r#"{"op":1,"source":{},"after":{}}"#,
            r#"{"a":"\"op\""}"#,
            r#"{"op":"u","before":{},"after":{}}"#,
            r#"{"op":"x","before":{},"after":{},"source":{}}"#,
            r#"{"schema":"http://x","payload":1}"#,
            r#"{"schema":{"type":"struct"},"payload":1,"more":2}"#,
            r#"{"payload":"#,
        ];
        for json in others {
            assert_eq!(fold(json), None, "{json}");
        }
    }

    #[test]
    fn rows_with_very_many_fields_are_cut() {
        let fields: Vec<String> = (0..=MAX_FIELDS).map(|n| format!("\"f{n}\":{n}")).collect();
        let json = format!(r#"{{"after":{{{}}},"source":{{}},"op":"c"}}"#, fields.join(","));
        let event = event_of(&json);
        assert!(event.is_cut);
        assert_eq!(event.changed.len(), MAX_FIELDS);
    }

    #[test]
    fn deep_rows_are_compared_with_bounded_work() {
        let deep = |leaf: &str| format!("{}{leaf}{}", r#"{"a":"#.repeat(100), "}".repeat(100));
        let json = format!(r#"{{"before":{},"after":{},"source":{{}},"op":"u"}}"#, deep("1"), deep("2"));
        assert_eq!(event_of(&json).changed.len(), 1);
    }

    fn any_json() -> impl Strategy<Value = String> {
        let leaf = prop::sample::select(vec!["1", "null", "\"AQ==\"", "-0.5e3", "true", "\"\\u0041\""]);
        leaf.prop_map(str::to_owned).prop_recursive(4, 20, 4, |inner| {
            let name = prop::sample::select(vec!["id", "price", "days", "named", "a.b", "scale", "value"]);
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(|elements| format!("[{}]", elements.join(","))),
                prop::collection::vec((name, inner), 0..4).prop_map(|members| {
                    let members: Vec<_> = members.iter().map(|(name, value)| format!("\"{name}\": {value}")).collect();
                    format!("{{{}}}", members.join(","))
                }),
            ]
        })
    }

    proptest! {
        #[test]
        fn values_of_changes_are_parts_of_the_rows(before in any_json(), after in any_json()) {
            let json = format!(r#"{{"before":{before},"after":{after},"source":{{}},"op":"u"}}"#);
            if let Some(Folded::Event(event)) = fold(&json) {
                prop_assert!(before != after || event.changed.iter().all(|change| change.before.is_none()));
                for change in event.changed.iter().chain(&event.unchanged) {
                    prop_assert!(change.before.is_none_or(|value| before.contains(value)));
                    prop_assert!(change.after.is_none_or(|value| after.contains(value)));
                }
            }
        }

        #[test]
        fn any_text_does_not_panic(text in ".*") {
            let _ = fold(&text);
        }
    }
}
