//! Masks fields of JSON. Everything else keeps its bytes: numbers of any size, order, duplicate names, spacing.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

use protocol::MAX_JSON_DEPTH;
use serde::Deserializer as _;
use serde::de::{Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::MaskMethod;
use super::path::Segment;
use super::replacement::replacement;

/// What a mask hides in a value: the rest of a path from here, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Hidden<'p> {
    pub(super) path: &'p [Segment],
    pub(super) method: MaskMethod,
}

/// The text must be masked as a whole: it is not JSON, is nested too deep, or would take too long.
#[derive(Debug)]
pub(super) struct Unreadable;

/// The work that may be done for one text, in bytes to scan: 16 MiB take some 10 ms. A text is scanned again for each level
/// of the paths that it has.
const MAX_COST: usize = 16 * 1024 * 1024;

/// What a hidden field, and a member or element that is compared with a path, cost in the same unit.
const FIELD_COST: usize = 256;
const CHILD_COST: usize = 8;

/// The most hiding of the methods.
pub(super) fn strongest<'h, 'p: 'h>(hidden: impl IntoIterator<Item = &'h Hidden<'p>>) -> Option<MaskMethod> {
    hidden.into_iter().map(|hidden| hidden.method).max()
}

/// Masks fields in a JSON text; `None` if it has none of them. No path may be empty.
pub(super) fn mask_fields(text: &str, hidden: &[Hidden<'_>]) -> Result<Option<String>, Unreadable> {
    let mut editor = Editor { text, edits: Vec::new(), cost: 0 };
    if text.trim_ascii_start().starts_with(['{', '[']) {
        editor.enter(text, hidden, 0)?;
    } else {
        editor.spend(text.len())?;
        let whole: &RawValue = protocol::from_json(text).map_err(|_| Unreadable)?;
        let has_no_content = matches!(whole.get(), "null" | "true" | "false");
        // The path expects an object. A text or a number in its place may be the value that must be hidden.
        let is_expected = hidden.iter().all(|hidden| matches!(hidden.path.first(), Some(Segment::AnyDepth)));
        if Fate::of(whole.get(), hidden) != Fate::Keep || !(has_no_content || is_expected) {
            return Err(Unreadable);
        }
    }
    Ok((!editor.edits.is_empty()).then(|| editor.edited()))
}

/// Collects the changes of a text in one pass from its start to its end.
struct Editor<'t> {
    text: &'t str,
    edits: Vec<Edit>,
    cost: usize,
}

struct Edit {
    range: Range<usize>,
    replacement: Cow<'static, str>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Keep,
    Hide(MaskMethod),
    /// It is an object or an array, in which some fields may be hidden.
    Enter,
}

impl Fate {
    fn of(value: &str, hidden: &[Hidden<'_>]) -> Self {
        if let Some(method) = strongest(hidden.iter().filter(|hidden| hidden.path.is_empty())) {
            return Self::Hide(method);
        }
        match (value.as_bytes().first(), strongest(hidden)) {
            (_, None) => Self::Keep,
            (Some(b'{' | b'['), _) => Self::Enter,
            // The fields may be inside, and a client could show the text as JSON.
            (Some(b'"'), Some(method)) if contains_json(value) => Self::Hide(method),
            _ => Self::Keep,
        }
    }
}

/// Whether the text of a JSON string is itself an object or an array in JSON.
fn contains_json(string: &str) -> bool {
    // The first character may also be escaped, and white space or a byte order mark may come before it.
    if !string[1..].starts_with(['{', '[', '\\', ' ', '\u{feff}']) {
        return false;
    }
    // A text with half a surrogate pair cannot be decoded here, but perhaps elsewhere.
    let Ok(text) = protocol::from_json::<Cow<'_, str>>(string) else { return true };
    let text = text.trim_start_matches('\u{feff}').trim_ascii_start();
    text.starts_with(['{', '[']) && protocol::from_json::<IgnoredAny>(text).is_ok()
}

impl<'t> Editor<'t> {
    fn spend(&mut self, cost: usize) -> Result<(), Unreadable> {
        self.cost += cost;
        if self.cost > MAX_COST { Err(Unreadable) } else { Ok(()) }
    }

    /// Masks fields inside an object or array.
    fn enter(&mut self, text: &'t str, hidden: &[Hidden<'_>], depth: usize) -> Result<(), Unreadable> {
        if depth == MAX_JSON_DEPTH {
            return Err(Unreadable);
        }
        self.spend(text.len())?;
        let mut json = serde_json::Deserializer::from_str(text);
        let inside = Inside { editor: self, hidden, depth };
        json.deserialize_any(inside).and_then(|()| json.end()).map_err(|_| Unreadable)
    }

    /// Masks a value that stays where it is.
    fn apply(&mut self, fate: Fate, value: &'t str, hidden: &[Hidden<'_>], depth: usize) -> Result<(), Unreadable> {
        match fate {
            Fate::Keep => Ok(()),
            Fate::Enter => self.enter(value, hidden, depth + 1),
            Fate::Hide(method) => {
                // No replacement has a character that JSON escapes.
                let replacement = format!("\"{}\"", replacement(method, value.as_bytes()));
                self.edit(self.range(value), replacement.into())
            }
        }
    }

    fn edit(&mut self, range: Range<usize>, replacement: Cow<'static, str>) -> Result<(), Unreadable> {
        self.edits.push(Edit { range, replacement });
        self.spend(FIELD_COST)
    }

    /// Where a part of the text is.
    fn range(&self, part: &'t str) -> Range<usize> {
        let start = part.as_ptr().addr() - self.text.as_ptr().addr();
        start..start + part.len()
    }

    fn edited(&self) -> String {
        let mut edited = String::with_capacity(self.text.len() + 16 * self.edits.len());
        let mut copied = 0;
        for Edit { range, replacement } in &self.edits {
            edited.push_str(&self.text[copied..range.start]);
            edited.push_str(replacement);
            copied = range.end;
        }
        edited.push_str(&self.text[copied..]);
        edited
    }
}

/// Visits the members of an object or the elements of an array.
struct Inside<'e, 't, 'h, 'p> {
    editor: &'e mut Editor<'t>,
    hidden: &'h [Hidden<'p>],
    depth: usize,
}

impl<'t> Visitor<'t> for Inside<'_, 't, '_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object or an array")
    }

    fn visit_map<A: MapAccess<'t>>(self, mut members: A) -> Result<(), A::Error> {
        let Self { editor, hidden, depth } = self;
        // Members that are left out before the first one that stays; a comma goes with each.
        let mut left_out: Option<Range<usize>> = None;
        let mut end_before = None;
        while let Some((name, value)) = members.next_entry::<&'t RawValue, &'t RawValue>()? {
            let (name, value) = (name.get(), value.get());
            let (start, end) = (editor.range(name).start, editor.range(value).end);
            let inside = below(hidden, &Child::Member(unescaped(name)), &mut editor.cost);
            let fate = Fate::of(value, &inside);
            let done = match (fate, end_before) {
                (Fate::Hide(MaskMethod::Remove), None) => {
                    let start = left_out.map_or(start, |range| range.start);
                    left_out = Some(start..end);
                    editor.spend(FIELD_COST)
                }
                (Fate::Hide(MaskMethod::Remove), Some(end_before_it)) => {
                    end_before = Some(end);
                    editor.edit(end_before_it..end, Cow::Borrowed(""))
                }
                _ => {
                    end_before = Some(end);
                    let before = match left_out.take() {
                        Some(range) => editor.edit(range.start..start, Cow::Borrowed("")),
                        None => editor.spend(CHILD_COST + hidden.len()),
                    };
                    before.and_then(|()| editor.apply(fate, value, &inside, depth))
                }
            };
            done.map_err(|Unreadable| A::Error::custom("unreadable"))?;
        }
        if let Some(range) = left_out {
            editor.edit(range, Cow::Borrowed("")).map_err(|Unreadable| A::Error::custom("unreadable"))?;
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'t>>(self, mut elements: A) -> Result<(), A::Error> {
        let Self { editor, hidden, depth } = self;
        let inside = below(hidden, &Child::Element, &mut editor.cost);
        while let Some(value) = elements.next_element::<&'t RawValue>()? {
            let value = value.get();
            let done = match Fate::of(value, &inside) {
                // The other elements keep their positions.
                Fate::Hide(MaskMethod::Remove) => editor.edit(editor.range(value), Cow::Borrowed("null")),
                fate => {
                    let spent = editor.spend(CHILD_COST + hidden.len());
                    spent.and_then(|()| editor.apply(fate, value, &inside, depth))
                }
            };
            done.map_err(|Unreadable| A::Error::custom("unreadable"))?;
        }
        Ok(())
    }
}

enum Child<'n> {
    /// `None`: a name with half a surrogate pair, which another parser might replace; it matches every name.
    Member(Option<Cow<'n, str>>),
    Element,
}

fn unescaped(name: &str) -> Option<Cow<'_, str>> {
    if name.contains('\\') {
        return protocol::from_json(name).ok().map(Cow::Owned);
    }
    name.get(1..name.len() - 1).map(Cow::Borrowed)
}

/// What is hidden in a member or element.
fn below<'p>(hidden: &[Hidden<'p>], child: &Child<'_>, cost: &mut usize) -> Vec<Hidden<'p>> {
    let mut inside: Vec<Hidden<'p>> = Vec::new();
    for Hidden { path, method } in hidden {
        let mut push = |path| inside.push(Hidden { path, method: *method });
        let mut path = *path;
        if let [Segment::AnyDepth, rest @ ..] = path {
            push(path);
            path = rest;
        } else if let (Child::Element, [_, ..]) = (child, path) {
            // Arrays may be left out of a path.
            push(path);
        }
        let matches = match (path.first(), child) {
            (Some(Segment::Name(expected)), Child::Member(name)) => name.as_ref().is_none_or(|name| name == expected),
            (Some(Segment::Any), _) => true,
            (Some(Segment::Name(_)), Child::Element) | (Some(Segment::AnyDepth) | None, _) => false,
        };
        if matches {
            push(&path[1..]);
        }
    }
    // Otherwise a text with many nested arrays could double their number at each level.
    if inside.len() > hidden.len() {
        *cost += inside.len() * inside.len();
        let mut distinct: Vec<Hidden<'p>> = Vec::with_capacity(inside.len());
        for hidden in inside {
            if !distinct.contains(&hidden) {
                distinct.push(hidden);
            }
        }
        return distinct;
    }
    inside
}
