//! The members of a JSON object and the elements of an array, each as the text that it has.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

/// The members of an object in their order. Duplicate names stay.
pub struct Members<'t>(pub Vec<(&'t str, &'t str)>);

/// The elements of an array.
pub struct Elements<'t>(pub Vec<&'t str>);

impl<'t> Members<'t> {
    /// `None` if the text is not an object.
    pub fn of(text: &'t str) -> Option<Self> {
        if text.trim_ascii_start().starts_with('{') { protocol::from_json(text).ok() } else { None }
    }

    /// The value of a name without escapes. Of several, the last one, as most parsers have it.
    pub fn get(&self, name: &str) -> Option<&'t str> {
        self.0.iter().rev().find(|(member, _)| unquoted(member) == name).map(|(_, value)| *value)
    }
}

impl<'t> Elements<'t> {
    /// `None` if the text is not an array.
    pub fn of(text: &'t str) -> Option<Self> {
        if text.trim_ascii_start().starts_with('[') { protocol::from_json(text).ok() } else { None }
    }
}

/// The schema and the payload of Kafka Connect's JSON: an object with these two members and no other. The schema is an object with a
/// type, or null.
pub fn connect_parts<'t>(members: &Members<'t>) -> Option<(&'t str, &'t str)> {
    if members.0.len() != 2 {
        return None;
    }
    let (schema, payload) = (members.get("schema")?, members.get("payload")?);
    (schema == "null" || Members::of(schema)?.get("type").is_some()).then_some((schema, payload))
}

/// A string of JSON without its quotation marks. Escapes stay.
pub fn unquoted(string: &str) -> &str {
    string.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(string)
}

/// The text of a string of JSON; `None` for another value.
pub fn text_of(string: &str) -> Option<Cow<'_, str>> {
    let inside = string.strip_prefix('"')?.strip_suffix('"')?;
    if inside.contains('\\') { protocol::from_json(string).ok().map(Cow::Owned) } else { Some(Cow::Borrowed(inside)) }
}

/// Appends a member to the path of a field, from the JSON text of its name: `address.city`, and in quotation marks what has other
/// characters than letters, digits, `_` and `-`: `["a.b"]`.
pub fn push_name(path: &mut String, name: &str) {
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

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(MembersVisitor)
    }
}

impl<'de> Deserialize<'de> for Elements<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(ElementsVisitor)
    }
}

struct MembersVisitor;

impl<'de> Visitor<'de> for MembersVisitor {
    type Value = Members<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self::Value, A::Error> {
        let mut found = Vec::new();
        while let Some((name, value)) = members.next_entry::<&'de RawValue, &'de RawValue>()? {
            found.push((name.get(), value.get()));
        }
        Ok(Members(found))
    }
}

struct ElementsVisitor;

impl<'de> Visitor<'de> for ElementsVisitor {
    type Value = Elements<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Self::Value, A::Error> {
        let mut found = Vec::new();
        while let Some(element) = elements.next_element::<&'de RawValue>()? {
            found.push(element.get());
        }
        Ok(Elements(found))
    }
}
