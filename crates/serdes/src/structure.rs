//! The structure of schemas, the same for all languages: what a form for their values needs.

pub(crate) mod example;
pub(crate) mod json_schema;
#[cfg(test)]
mod tests;

use std::borrow::{Borrow, Cow};
use std::collections::HashMap;
use std::hash::Hash;

use protocol::{SchemaField, SchemaStructure, SchemaType, TypeKind};

/// The size of a structure in JSON, about. It must fit into a text frame of the protocol with other members beside it. Types beyond the
/// limit are described as any JSON: a short schema may name its types very often.
const MAX_BYTES: usize = protocol::limits::TEXT_FRAME_BYTES / 2;

/// The members and quotation marks around the texts of a type.
const BYTES_PER_TYPE: usize = 60;

/// How deep types without names are nested. In JSON each level has two to four levels, and parsers stop at 128.
const MAX_DEPTH: usize = 20;

/// Longer documentation is cut: the form shows it beside a field.
const MAX_DOCUMENTATION_CHARS: usize = 1_000;

/// Longer titles and names of groups are cut.
const MAX_TITLE_CHARS: usize = 200;

/// The length of a title beyond the limit of the structure.
const MIN_TITLE_CHARS: usize = 20;

/// A default that is longer is left out.
const MAX_DEFAULT_BYTES: usize = 4 * 1024;

/// Collects the types of a structure. `K` identifies a named type in its schema.
///
/// Named types are described one after the other instead of inside of each other: a chain of thousands of types would need too much of the
/// stack.
pub(crate) struct Types<K> {
    places: HashMap<K, u32>,
    /// In the order in which they are found.
    found: Vec<K>,
    bytes_left: usize,
    depth: usize,
}

impl<K: Clone + Eq + Hash> Types<K> {
    /// `root` describes the type of a value, and `named` a type of [`Self::named`].
    pub(crate) fn describe(
        root: impl FnOnce(&mut Self) -> SchemaType,
        mut named: impl FnMut(&mut Self, &K) -> SchemaType,
    ) -> SchemaStructure {
        let mut types = Self { places: HashMap::new(), found: Vec::new(), bytes_left: MAX_BYTES, depth: 0 };
        let root = root(&mut types);
        let mut described = Vec::new();
        while let Some(key) = types.found.get(described.len()).cloned() {
            types.depth = 0;
            described.push(named(&mut types, &key));
        }
        SchemaStructure { root, named: described }
    }

    /// A type without parts.
    pub(crate) fn plain(&mut self, kind: TypeKind, title: impl Into<String>) -> SchemaType {
        let title = cut(title.into(), MAX_TITLE_CHARS);
        if self.take(BYTES_PER_TYPE + title.len()) {
            return SchemaType { kind, title, documentation: None };
        }
        SchemaType { kind: TypeKind::Any, title: cut(title, MIN_TITLE_CHARS), documentation: None }
    }

    /// The type with another title.
    pub(crate) fn titled(&mut self, described: SchemaType, title: &str) -> SchemaType {
        let mut title = cut(title, MAX_TITLE_CHARS);
        if !self.take(title.len()) {
            title = cut(title, MIN_TITLE_CHARS);
        }
        SchemaType { title, ..described }
    }

    /// A type that has a name. It is described once.
    pub(crate) fn named(&mut self, key: K, title: impl Into<String>) -> SchemaType {
        let place = match self.places.get(&key) {
            Some(place) => Some(*place),
            None if self.is_full() => None,
            None => u32::try_from(self.found.len()).ok().inspect(|place| {
                self.places.insert(key.clone(), *place);
                self.found.push(key);
            }),
        };
        self.plain(place.map_or(TypeKind::Any, TypeKind::Named), title)
    }

    pub(crate) fn enumeration<T: Into<String>>(
        &mut self,
        names: impl Iterator<Item = T>,
        title: impl Into<String>,
    ) -> SchemaType {
        let mut known = Vec::new();
        for name in names {
            let name = name.into();
            if !self.take(name.len() + 3) {
                return self.plain(TypeKind::Any, title);
            }
            known.push(name);
        }
        self.plain(TypeKind::Enum(known), title)
    }

    pub(crate) fn array(
        &mut self,
        title: impl Into<String>,
        items: impl FnOnce(&mut Self) -> SchemaType,
    ) -> SchemaType {
        let kind = self.inside(items).map_or(TypeKind::Any, |items| TypeKind::Array(Box::new(items)));
        self.plain(kind, title)
    }

    pub(crate) fn map(&mut self, title: impl Into<String>, values: impl FnOnce(&mut Self) -> SchemaType) -> SchemaType {
        let kind = self.inside(values).map_or(TypeKind::Any, |values| TypeKind::Map(Box::new(values)));
        self.plain(kind, title)
    }

    pub(crate) fn union<T>(
        &mut self,
        title: impl Into<String>,
        branches: impl Iterator<Item = T>,
        mut describe: impl FnMut(&mut Self, T) -> SchemaType,
    ) -> SchemaType {
        let mut described = Vec::new();
        for branch in branches {
            match self.inside(|types| describe(types, branch)) {
                Some(branch) => described.push(branch),
                None => return self.plain(TypeKind::Any, title),
            }
        }
        self.plain(TypeKind::Union(described), title)
    }

    pub(crate) fn record<T>(
        &mut self,
        title: impl Into<String>,
        fields: impl Iterator<Item = T>,
        mut describe: impl FnMut(&mut Self, T) -> SchemaField,
    ) -> SchemaType {
        let mut described = Vec::new();
        for field in fields {
            let field = self.inside(|types| {
                let mut field = describe(types, field);
                field.one_of = field.one_of.map(|name| cut(name, MAX_TITLE_CHARS));
                let texts = [Some(&field.name), field.default.as_ref(), field.one_of.as_ref()];
                types.take(texts.into_iter().flatten().map(String::len).sum()).then_some(field)
            });
            match field.flatten() {
                Some(field) => described.push(field),
                None => return self.plain(TypeKind::Any, title),
            }
        }
        self.plain(TypeKind::Record(described), title)
    }

    /// The documentation, as far as there is space.
    pub(crate) fn documentation<T: Borrow<str>>(&mut self, text: Option<T>) -> Option<String> {
        let text = cut(text?.borrow().trim(), MAX_DOCUMENTATION_CHARS);
        (!text.is_empty() && self.take(text.len() + 20)).then_some(text)
    }

    fn inside<T>(&mut self, describe: impl FnOnce(&mut Self) -> T) -> Option<T> {
        if self.depth == MAX_DEPTH || self.is_full() {
            return None;
        }
        self.depth += 1;
        let described = describe(self);
        self.depth -= 1;
        Some(described)
    }

    fn is_full(&self) -> bool {
        self.bytes_left < BYTES_PER_TYPE
    }

    fn take(&mut self, bytes: usize) -> bool {
        let is_enough = bytes <= self.bytes_left;
        self.bytes_left = self.bytes_left.saturating_sub(bytes);
        is_enough
    }
}

/// The first characters of a text.
fn cut<'t>(text: impl Into<Cow<'t, str>>, max_chars: usize) -> String {
    let text = text.into();
    match text.char_indices().nth(max_chars) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.into_owned(),
    }
}

/// A default, unless it is too long to be shown.
pub(crate) fn short_default(json: Option<String>) -> Option<String> {
    json.filter(|json| json.len() <= MAX_DEFAULT_BYTES)
}
