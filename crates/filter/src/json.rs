//! Reads fields of JSON without a tree: one scan checks a text and finds the fields that a filter names; other fields are found
//! later, in the text that was checked.

use std::ops::Range;

use formats::json_members::text_of;
use memchr::memchr2;
use protocol::{JsonEvents, MAX_JSON_DEPTH, scan_plain_json};

/// The fields that one scan can find; further ones are read later. As many as [`FieldTree`] has bits.
const MAX_FIELDS: usize = u64::BITS as usize;

/// The number of a field in its [`FieldTree`].
pub(crate) type Field = u8;

/// The whole value.
pub(crate) const ROOT: Field = 0;
const NO_FIELD: Field = Field::MAX;

/// The fields of a key or value that a filter names.
#[derive(Debug)]
pub(crate) struct FieldTree {
    fields: Vec<TreeField>,
}

#[derive(Debug, Default)]
struct TreeField {
    members: Vec<(Box<str>, Field)>,
    /// A bit for each field inside.
    inside: u64,
}

impl Default for FieldTree {
    fn default() -> Self {
        Self { fields: vec![TreeField::default()] }
    }
}

impl FieldTree {
    /// The member of a field; `None` if there are too many fields.
    pub(crate) fn member(&mut self, of: Field, name: &str) -> Option<Field> {
        let known = self.fields[usize::from(of)].members.iter().find(|(member, _)| **member == *name);
        if let Some((_, field)) = known {
            return Some(*field);
        }
        let field = Field::try_from(self.fields.len()).ok().filter(|&field| usize::from(field) < MAX_FIELDS)?;
        for ancestor in 0..field {
            let outer = &mut self.fields[usize::from(ancestor)];
            if ancestor == of || outer.inside & (1 << of) != 0 {
                outer.inside |= 1 << field;
            }
        }
        self.fields[usize::from(of)].members.push((name.into(), field));
        self.fields.push(TreeField::default());
        Some(field)
    }

    /// The member with a name as JSON has it, with quotation marks.
    fn find(&self, of: Field, name: &str) -> Field {
        let found = self.fields[usize::from(of)].members.iter().find(|(member, _)| is_name(name, member));
        found.map_or(NO_FIELD, |(_, field)| *field)
    }
}

/// Where the fields of a [`FieldTree`] are in one text.
#[derive(Debug, Default)]
pub(crate) struct Fields {
    /// A bit for each field that the text has.
    found: u64,
    ranges: Vec<Range<u32>>,
}

impl Fields {
    /// Scans a text; false if it is not JSON (see [`protocol::is_plain_json`]).
    pub(crate) fn scan(&mut self, tree: &FieldTree, text: &str) -> bool {
        self.found = 0;
        self.ranges.resize(tree.fields.len(), 0..0);
        // The limit of `u32` in the ranges. Kafka's records are far smaller.
        if u32::try_from(text.len()).is_err() {
            return false;
        }
        let mut finder = FieldFinder { tree, text, fields: self, next: ROOT, open: [NO_FIELD; _], depth: 0 };
        scan_plain_json(text, &mut finder)
    }

    /// The text of a field's value.
    pub(crate) fn get<'t>(&self, field: Field, text: &'t str) -> Option<&'t str> {
        if self.found & (1 << field) == 0 {
            return None;
        }
        let range = &self.ranges[usize::from(field)];
        text.get(range.start as usize..range.end as usize)
    }
}

/// Notes where the fields of a tree are. Of several members with one name, the last one counts, as most parsers have it.
struct FieldFinder<'s> {
    tree: &'s FieldTree,
    text: &'s str,
    fields: &'s mut Fields,
    /// The field whose value comes next.
    next: Field,
    /// The fields whose values are the open objects and arrays.
    open: [Field; MAX_JSON_DEPTH + 1],
    depth: usize,
}

impl FieldFinder<'_> {
    fn found(&mut self, field: Field, range: Range<usize>) {
        // Forgets what is inside of an earlier member with the same name.
        self.fields.found &= !self.tree.fields[usize::from(field)].inside;
        self.fields.found |= 1 << field;
        self.set(field, range);
    }

    #[expect(clippy::cast_possible_truncation, reason = "`scan` refuses longer texts")]
    fn set(&mut self, field: Field, range: Range<usize>) {
        self.fields.ranges[usize::from(field)] = range.start as u32..range.end as u32;
    }
}

impl JsonEvents for FieldFinder<'_> {
    #[inline]
    fn name(&mut self, range: Range<usize>) {
        let object = self.open[self.depth];
        self.next = if object == NO_FIELD { NO_FIELD } else { self.tree.find(object, &self.text[range]) };
    }

    #[inline]
    fn scalar(&mut self, range: Range<usize>) {
        if self.next != NO_FIELD {
            self.found(self.next, range);
            self.next = NO_FIELD;
        }
    }

    #[inline]
    fn open(&mut self, start: usize, _is_object: bool) {
        self.depth += 1;
        self.open[self.depth] = self.next;
        if self.next != NO_FIELD {
            self.found(self.next, start..start);
            // The first element of an array is no field.
            self.next = NO_FIELD;
        }
    }

    #[inline]
    fn close(&mut self, end: usize) {
        let field = self.open[self.depth];
        self.depth -= 1;
        if field != NO_FIELD {
            let start = self.fields.ranges[usize::from(field)].start as usize;
            self.set(field, start..end);
        }
    }
}

/// Whether a name as JSON has it, with quotation marks and escapes, is this one.
fn is_name(quoted: &str, name: &str) -> bool {
    let inside = &quoted.as_bytes()[1..quoted.len() - 1];
    if inside.len() == name.len() {
        return inside == name.as_bytes();
    }
    // An escape is longer than the character.
    inside.len() > name.len() && inside.contains(&b'\\') && text_of(quoted).is_some_and(|text| text == name)
}

/// The members of an object that was checked: their names with quotation marks, and the texts of their values.
pub(crate) struct Members<'t>(Parts<'t>);

/// The texts of the elements of an array that was checked.
#[derive(Clone)]
pub(crate) struct Elements<'t>(Parts<'t>);

#[derive(Clone)]
struct Parts<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Members<'t> {
    pub(crate) fn of(object: &'t str) -> Self {
        Self(Parts { text: object, at: 1 })
    }
}

impl<'t> Elements<'t> {
    pub(crate) fn of(array: &'t str) -> Self {
        Self(Parts { text: array, at: 1 })
    }
}

impl<'t> Iterator for Members<'t> {
    type Item = (&'t str, &'t str);

    fn next(&mut self) -> Option<Self::Item> {
        Some((self.0.next()?, self.0.next()?))
    }
}

impl<'t> Iterator for Elements<'t> {
    type Item = &'t str;

    fn next(&mut self) -> Option<Self::Item> {
        self.0.next()
    }
}

impl<'t> Parts<'t> {
    /// The next value or name.
    fn next(&mut self) -> Option<&'t str> {
        let bytes = self.text.as_bytes();
        while matches!(bytes.get(self.at)?, b' ' | b'\t' | b'\n' | b'\r' | b',' | b':') {
            self.at += 1;
        }
        if matches!(bytes[self.at], b']' | b'}') {
            return None;
        }
        let start = self.at;
        self.at = end_of_value(bytes, start);
        self.text.get(start..self.at)
    }
}

/// The end of a value that starts here, in JSON that was checked.
fn end_of_value(bytes: &[u8], start: usize) -> usize {
    let mut at = start;
    let mut depth = 0_usize;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'"' => {
                at = end_of_string(bytes, at + 1);
                if depth == 0 {
                    return at;
                }
                continue;
            }
            b'{' | b'[' => depth += 1,
            // The end of what surrounds a number or word.
            b'}' | b']' if depth == 0 => return at,
            b'}' | b']' => {
                depth -= 1;
                if depth == 0 {
                    return at + 1;
                }
            }
            b',' | b' ' | b'\t' | b'\n' | b'\r' | b':' if depth == 0 => return at,
            _ => {}
        }
        at += 1;
    }
    bytes.len()
}

/// The position after the quotation mark that ends a string.
fn end_of_string(bytes: &[u8], mut at: usize) -> usize {
    while let Some(distance) = bytes.get(at..).and_then(|rest| memchr2(b'"', b'\\', rest)) {
        at += distance;
        if bytes[at] == b'"' {
            return at + 1;
        }
        at += 2;
    }
    bytes.len()
}

/// The value of a member of an object that was checked; of several, the last one.
pub(crate) fn member<'t>(object: &'t str, name: &str) -> Option<&'t str> {
    Members::of(object).filter(|(member, _)| is_name(member, name)).last().map(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn tree(paths: &[&[&str]]) -> (FieldTree, Vec<Field>) {
        let mut tree = FieldTree::default();
        let fields = paths
            .iter()
            .map(|path| path.iter().fold(ROOT, |field, name| tree.member(field, name).expect("few fields")))
            .collect();
        (tree, fields)
    }

    fn find<'t>(paths: &[&[&str]], text: &'t str) -> Vec<Option<&'t str>> {
        let (tree, fields) = tree(paths);
        let mut found = Fields::default();
        assert!(found.scan(&tree, text), "{text} is JSON");
        fields.into_iter().map(|field| found.get(field, text)).collect()
    }

    #[test]
    fn named_fields_are_found_with_their_texts() {
        let text = r#"{"a": {"b": [1, {"c": 2}], "c" : "x"}, "b":null,"d":{}}"#;
        let paths: &[&[&str]] = &[&["a"], &["a", "b"], &["a", "c"], &["b"], &["c"], &["a", "b", "c"], &["d"], &[]];
        assert_eq!(
            find(paths, text),
            [
                Some(r#"{"b": [1, {"c": 2}], "c" : "x"}"#),
                Some(r#"[1, {"c": 2}]"#),
                Some(r#""x""#),
                Some("null"),
                None,
                None,
                Some("{}"),
                Some(text)
            ]
        );
    }

    #[test]
    fn of_members_with_one_name_the_last_counts() {
        assert_eq!(find(&[&["a"], &["a", "b"]], r#"{"a":{"b":1},"a":5}"#), [Some("5"), None]);
        assert_eq!(find(&[&["a", "b"]], r#"{"a":{"b":1},"a":{"b":2}}"#), [Some("2")]);
        assert_eq!(member(r#"{"a":1,"a":[2]}"#, "a"), Some("[2]"));
    }

    #[test]
    fn names_with_escapes_are_found() {
        let text = r#"{"\u0061":1,"b\"":{"c":2}}"#;
        assert_eq!(find(&[&["a"], &["b\"", "c"]], text), [Some("1"), Some("2")]);
        assert_eq!(member(text, "a"), Some("1"));
    }

    #[test]
    fn text_that_is_not_json_has_no_fields() {
        let mut fields = Fields::default();
        for text in ["", "{", "{\"a\":1}x", "[1,]", "abc"] {
            assert!(!fields.scan(&FieldTree::default(), text), "{text}");
        }
    }

    #[test]
    fn tree_has_a_limit() {
        let mut tree = FieldTree::default();
        let added = (0..100).filter_map(|number| tree.member(ROOT, &format!("f{number}"))).count();
        assert_eq!(added, MAX_FIELDS - 1);
        assert!(tree.member(ROOT, "f3").is_some(), "known");
    }

    fn json() -> impl Strategy<Value = serde_json::Value> {
        let scalar = prop_oneof![
            Just(serde_json::Value::Null),
            any::<bool>().prop_map(Into::into),
            any::<i64>().prop_map(Into::into),
            "[a-c\"\\\\\\]}, é]{0,4}".prop_map(Into::into),
        ];
        scalar.prop_recursive(4, 40, 5, |inside| {
            prop_oneof![
                prop::collection::vec(inside.clone(), 0..5).prop_map(Into::into),
                prop::collection::btree_map("[a-c\"]{0,2}", inside, 0..5)
                    .prop_map(|members| serde_json::Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn fields_and_members_are_those_of_a_tree(value in json(), is_pretty: bool, path in prop::collection::vec("[a-c\"]{0,2}", 0..3)) {
            let text = if is_pretty { serde_json::to_string_pretty(&value) } else { serde_json::to_string(&value) };
            let text = text.expect("JSON");
            let mut expected = Some(&value);
            let mut walked = Some(text.as_str());
            for name in &path {
                expected = expected.and_then(|value| value.as_object()).and_then(|object| object.get(name));
                walked = walked.filter(|text| text.starts_with('{')).and_then(|text| member(text, name));
            }
            let names: Vec<_> = path.iter().map(String::as_str).collect();
            let found = find(&[&names], &text)[0];
            prop_assert_eq!(found, walked);
            let found = found.map(|text| serde_json::from_str::<serde_json::Value>(text).expect("JSON"));
            prop_assert_eq!(found.as_ref(), expected);
        }
    }
}
