//! The structure of a JSON Schema, as far as a form can show it. Conditions, patterns and ranges are left to the validation.

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::{HashMap, HashSet};

use protocol::{SchemaField, SchemaStructure, SchemaType, TypeKind};

use super::{Types, short_default};
use crate::error::SchemaError;
use crate::json_tree::Json;

/// Objects with more members get an index.
const MAX_SEARCHED_MEMBERS: usize = 16;

/// `references` are the schemas that this one references: the name in `$ref`, and the text.
///
/// # Errors
/// A text is not JSON.
pub(crate) fn structure(text: &str, references: &[(String, String)]) -> Result<SchemaStructure, SchemaError> {
    let parse = |name: &str, text| Json::parse(text).map_err(|error| SchemaError::new(format!("{name}: {error}")));
    let mut documents = vec![Document { name: "", root: parse("the schema", text)? }];
    for (name, text) in references {
        documents.push(Document { name, root: parse(name, text)? });
    }
    let schemas = Schemas::new(&documents);
    Ok(Types::describe(
        |found| {
            let root = &documents[0].root;
            // An object may be part of itself (`"$ref": "#"`).
            match root.get("properties") {
                Some(_) if root.get("$ref").is_none() => found.named((0, String::new()), schemas.title(0, "")),
                _ => schemas.describe(found, 0, root),
            }
        },
        |found, (document, pointer)| match schemas.at(*document, pointer) {
            Some(schema) => {
                let described = schemas.describe(found, *document, schema);
                found.titled(described, &schemas.title(*document, pointer))
            }
            None => found.plain(TypeKind::Any, schemas.title(*document, pointer)),
        },
    ))
}

struct Document<'t> {
    /// What `$ref` calls it; empty for the schema itself.
    name: &'t str,
    root: Json<'t>,
}

/// The schemas, with indexes: a search for each reference through thousands of definitions would take very long.
struct Schemas<'t> {
    documents: &'t [Document<'t>],
    /// Names and `$id` of the documents.
    names: HashMap<&'t str, usize>,
    /// The definitions of a document that have an anchor.
    anchors: HashMap<(usize, &'t str), &'t Json<'t>>,
    /// The members of large objects, by the addresses of the objects.
    members: RefCell<HashMap<*const Json<'t>, HashMap<&'t str, &'t Json<'t>>>>,
}

/// The index of a document, and a JSON pointer in it.
type Key = (usize, String);

impl<'t> Schemas<'t> {
    fn new(documents: &'t [Document<'t>]) -> Self {
        let (mut names, mut anchors) = (HashMap::new(), HashMap::new());
        for (index, Document { name, root }) in documents.iter().enumerate() {
            let id = root.get("$id").or_else(|| root.get("id")).and_then(Json::as_str);
            for name in [Some(*name), id].into_iter().flatten().filter(|name| !name.is_empty()) {
                names.entry(name).or_insert(index);
            }
            for keyword in ["$defs", "definitions"] {
                let Some(Json::Object(definitions)) = root.get(keyword) else { continue };
                for (_, schema) in definitions {
                    if let Some(anchor) = schema.get("$anchor").and_then(Json::as_str) {
                        anchors.entry((index, anchor)).or_insert(schema);
                    }
                }
            }
        }
        Self { documents, names, anchors, members: RefCell::default() }
    }

    fn member(&self, json: &'t Json<'t>, name: &str) -> Option<&'t Json<'t>> {
        match json {
            Json::Object(members) if members.len() > MAX_SEARCHED_MEMBERS => {
                let mut indexes = self.members.borrow_mut();
                let index = indexes
                    .entry(std::ptr::from_ref(json))
                    .or_insert_with(|| members.iter().map(|(name, value)| (name.as_ref(), value)).collect());
                index.get(name).copied()
            }
            json => json.get(name),
        }
    }

    fn describe(&self, found: &mut Types<Key>, document: usize, schema: &Json<'t>) -> SchemaType {
        let documentation = found.documentation(schema.get("description").and_then(Json::as_str));
        SchemaType { documentation, ..self.undocumented(found, document, schema) }
    }

    /// Without the description, which a field has itself.
    fn undocumented(&self, found: &mut Types<Key>, document: usize, schema: &Json<'t>) -> SchemaType {
        let described = self.untitled(found, document, schema);
        match title_of(schema) {
            Some(title) => found.titled(described, title),
            None => described,
        }
    }

    fn untitled(&self, found: &mut Types<Key>, document: usize, schema: &Json<'t>) -> SchemaType {
        if let Some(reference) = schema.get("$ref").and_then(Json::as_str) {
            return match self.target(document, reference) {
                Some(key) => {
                    let title = self.title(key.0, &key.1);
                    found.named(key, title)
                }
                None => found.plain(TypeKind::Any, reference),
            };
        }
        if let Some(Json::Array(values)) = schema.get("enum") {
            return enumeration(found, values);
        }
        if let Some(value) = schema.get("const") {
            return enumeration(found, std::slice::from_ref(value));
        }
        if schema.get("properties").is_none() {
            for keyword in ["oneOf", "anyOf"] {
                if let Some(Json::Array(branches)) = schema.get(keyword) {
                    return found
                        .union(keyword, branches.iter(), |found, branch| self.describe(found, document, branch));
                }
            }
            // The usual way to give a reference a description in older drafts.
            if let Some(Json::Array(parts)) = schema.get("allOf")
                && let [part] = parts.as_slice()
            {
                return self.describe(found, document, part);
            }
        }
        match schema.get("type") {
            Some(Json::String(name)) => self.of_type(found, document, schema, name),
            Some(Json::Array(names)) => {
                let names: Vec<&str> = names.iter().filter_map(Json::as_str).collect();
                match names.as_slice() {
                    [name] => self.of_type(found, document, schema, name),
                    names => {
                        let title = names.join(" | ");
                        found.union(title, names.iter(), |found, name| self.of_type(found, document, schema, name))
                    }
                }
            }
            _ if schema.get("properties").is_some() => self.of_type(found, document, schema, "object"),
            _ if schema.get("items").is_some() => self.of_type(found, document, schema, "array"),
            _ => found.plain(TypeKind::Any, "any"),
        }
    }

    fn of_type(&self, found: &mut Types<Key>, document: usize, schema: &Json<'t>, name: &str) -> SchemaType {
        let text = |keyword| schema.get(keyword).and_then(Json::as_str);
        match name {
            "null" => found.plain(TypeKind::Null, name),
            "boolean" => found.plain(TypeKind::Boolean, name),
            "integer" => found.plain(TypeKind::Integer, name),
            "number" => found.plain(TypeKind::Number, name),
            "string" if text("contentEncoding").is_some_and(|encoding| encoding.eq_ignore_ascii_case("base64")) => {
                found.plain(TypeKind::Bytes, name)
            }
            "string" => match text("format") {
                Some(format @ ("date-time" | "date" | "time")) => found.plain(TypeKind::Time, format),
                Some(format) => found.plain(TypeKind::String, format),
                None => found.plain(TypeKind::String, name),
            },
            "array" => {
                // A list of schemas, one for each item, has another meaning.
                let items = schema.get("items").filter(|items| is_schema(items) && schema.get("prefixItems").is_none());
                found.array(name, |found| self.describe_or_any(found, document, items))
            }
            "object" => match schema.get("properties") {
                Some(Json::Object(properties)) if !properties.is_empty() => {
                    self.record(found, document, schema, properties)
                }
                _ => {
                    let values = schema.get("additionalProperties").filter(|values| is_schema(values));
                    found.map(name, |found| self.describe_or_any(found, document, values))
                }
            },
            _ => found.plain(TypeKind::Any, name),
        }
    }

    fn record(
        &self,
        found: &mut Types<Key>,
        document: usize,
        schema: &Json<'t>,
        properties: &[(Cow<'t, str>, Json<'t>)],
    ) -> SchemaType {
        let required: HashSet<&str> = match schema.get("required") {
            Some(Json::Array(names)) => names.iter().filter_map(Json::as_str).collect(),
            _ => HashSet::new(),
        };
        found.record("object", properties.iter(), |found, (name, property)| SchemaField {
            name: name.clone().into_owned(),
            documentation: found.documentation(property.get("description").and_then(Json::as_str)),
            kind: self.undocumented(found, document, property),
            optional: !required.contains(name.as_ref()),
            default: short_default(property.get("default").map(|default| {
                let mut text = String::new();
                default.write(&mut text);
                text
            })),
            one_of: None,
        })
    }

    fn describe_or_any(&self, found: &mut Types<Key>, document: usize, schema: Option<&Json<'t>>) -> SchemaType {
        match schema {
            Some(schema) => self.describe(found, document, schema),
            None => found.plain(TypeKind::Any, "any"),
        }
    }

    /// The document and the place to which a `$ref` of a document leads.
    fn target(&self, document: usize, reference: &str) -> Option<Key> {
        let (name, pointer) = reference.split_once('#').unwrap_or((reference, ""));
        let document = match name {
            "" => document,
            name => *self.names.get(name)?,
        };
        self.at(document, pointer).map(|_| (document, pointer.to_owned()))
    }

    /// What a named type is called.
    fn title(&self, document: usize, pointer: &str) -> String {
        if let Some(title) = self.at(document, pointer).and_then(title_of) {
            return title.to_owned();
        }
        let name = self.documents.get(document).map_or("", |document| document.name);
        [pointer, name, "object"]
            .into_iter()
            .find(|name| !name.is_empty())
            .map(last_segment)
            .unwrap_or_default()
            .to_owned()
    }

    /// The schema at a JSON pointer (RFC 6901), or with an anchor.
    fn at(&self, document: usize, pointer: &str) -> Option<&'t Json<'t>> {
        let root = &self.documents.get(document)?.root;
        if !pointer.is_empty() && !pointer.starts_with('/') {
            return self.anchors.get(&(document, pointer)).copied();
        }
        pointer.split('/').skip(1).try_fold(root, |json, segment| {
            let segment = segment.replace("~1", "/").replace("~0", "~").replace("%25", "%").replace("%20", " ");
            match json {
                Json::Array(items) => items.get(segment.parse::<usize>().ok()?),
                json => self.member(json, &segment),
            }
        })
    }
}

fn title_of<'j>(schema: &'j Json<'_>) -> Option<&'j str> {
    schema.get("title").and_then(Json::as_str).filter(|title| !title.is_empty())
}

fn is_schema(json: &Json<'_>) -> bool {
    matches!(json, Json::Object(_))
}

fn enumeration(found: &mut Types<Key>, values: &[Json<'_>]) -> SchemaType {
    let names: Vec<&str> = values.iter().filter_map(Json::as_str).collect();
    let has_null = values.contains(&Json::Null);
    if names.is_empty() || names.len() + usize::from(has_null) != values.len() {
        return found.plain(TypeKind::Any, "enum");
    }
    if !has_null {
        return found.enumeration(names.into_iter(), "enum");
    }
    found.union("enum", [true, false].into_iter(), |found, is_text| {
        if is_text { found.enumeration(names.iter().copied(), "enum") } else { found.plain(TypeKind::Null, "null") }
    })
}

/// The name at the end of a reference.
fn last_segment(reference: &str) -> &str {
    reference.rsplit('/').find(|segment| !segment.is_empty()).unwrap_or(reference)
}
