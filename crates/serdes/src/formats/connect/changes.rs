//! What differs between two JSON texts.

use std::collections::BTreeMap;

use protocol::MAX_JSON_DEPTH;

use crate::formats::members::{Elements, Members, text_of};

/// The work that may be done for two texts, in bytes to read. Each level of objects in each other is read again.
const MAX_COST: usize = 16 * 1024 * 1024;

/// How many changes are listed. The last one then is the whole row.
const MAX_CHANGES: usize = 1000;

/// A field that differs. A value that is an object or an array on one side only is one change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change<'t> {
    /// Such as `address.lines[0]`; a name with other characters than letters, digits, `_` and `-` is quoted: `["a.b"]`. Empty for the
    /// whole row.
    pub path: String,
    /// The JSON text before; `None` if the field is new.
    pub old: Option<&'t str>,
    /// The JSON text after; `None` if the field is gone.
    pub new: Option<&'t str>,
}

pub(super) fn between<'t>(before: &'t str, after: &'t str) -> Vec<Change<'t>> {
    let mut comparison = Comparison { changes: Vec::new(), cost: 0 };
    let mut path = String::new();
    comparison.compare(&mut path, before, after, 0);
    if comparison.changes.len() > MAX_CHANGES {
        comparison.changes.truncate(MAX_CHANGES);
        comparison.changes.push(Change { path: String::new(), old: Some(before), new: Some(after) });
    }
    comparison.changes
}

struct Comparison<'t> {
    changes: Vec<Change<'t>>,
    cost: usize,
}

impl<'t> Comparison<'t> {
    fn compare(&mut self, path: &mut String, before: &'t str, after: &'t str, depth: usize) {
        // Both were written by the same serializer: equal values have equal texts.
        if before == after || self.changes.len() > MAX_CHANGES {
            return;
        }
        self.cost += before.len() + after.len();
        if depth < MAX_JSON_DEPTH && self.cost <= MAX_COST {
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

    fn elements(&mut self, path: &mut String, before: &[&'t str], after: &[&'t str], depth: usize) {
        let length = path.len();
        for (index, (old, new)) in before.iter().zip(after).enumerate() {
            path.push_str(&format!("[{index}]"));
            self.compare(path, old, new, depth + 1);
            path.truncate(length);
        }
    }

    fn push(&mut self, path: &str, old: Option<&'t str>, new: Option<&'t str>) {
        if self.changes.len() <= MAX_CHANGES {
            self.changes.push(Change { path: path.to_owned(), old, new });
        }
    }
}

/// Appends the name of a member, from its JSON text.
pub(super) fn push_name(path: &mut String, name: &str) {
    let text = text_of(name).unwrap_or_default();
    let is_plain =
        !text.is_empty() && text.chars().all(|character| character.is_alphanumeric() || matches!(character, '_' | '-'));
    if !is_plain {
        path.push('[');
        path.push_str(name);
        path.push(']');
        return;
    }
    if !path.is_empty() {
        path.push('.');
    }
    path.push_str(&text);
}
