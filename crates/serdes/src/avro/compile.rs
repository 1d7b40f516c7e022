//! Compiles the JSON of an Avro schema, and of the schemas that it refers to. Accepts more than the specification
//! allows: any names, aliases and documentation, types that are defined after their use, and defaults that are no value
//! of their type.

use std::borrow::Cow;
use std::collections::HashMap;

use protocol::limits::SCHEMA_NAME_BYTES;

use super::time::Unit;
use super::types::{Decimal, Enum, Field, Fixed, Record, Symbol, Type, TypeId, Types};
use super::{defaults, json_string};
use crate::error::SchemaError;
use crate::json_tree::{Json, clipped};

/// The longest place in an error: each reference to a type that is defined later keeps its place.
const MAX_PLACE_CHARS: usize = 500;

/// The text of a schema, and what errors call the text.
#[derive(Clone, Copy, Debug)]
pub(super) struct Source<'t> {
    pub(super) name: &'t str,
    pub(super) text: &'t str,
}

/// Compiles the first source; the named types of the others are known in it, and in each other.
pub(super) fn compile(sources: &[Source<'_>]) -> Result<Types, SchemaError> {
    // Some schema files begin with a licence in a comment. Java's parser skips comments.
    let uncommented: Vec<Cow<'_, str>> = sources.iter().map(|source| uncommented(source.text)).collect();
    let mut trees = Vec::with_capacity(uncommented.len());
    for (text, Source { name, .. }) in uncommented.iter().zip(sources) {
        let tree = Json::parse(text).map_err(|error| SchemaError::new(format!("{name}: {error}")))?;
        trees.push(tree);
    }
    let mut compiler = Compiler::default();
    let mut roots = Vec::with_capacity(trees.len());
    for (tree, Source { name, .. }) in trees.iter().zip(sources) {
        (*name).clone_into(&mut compiler.text_name);
        compiler.path.clear();
        roots.push(compiler.schema(tree, "", None)?);
    }
    let Some(root) = roots.first() else { return Err(SchemaError::new("no schema")) };
    let defaults = std::mem::take(&mut compiler.defaults);
    let mut types = compiler.resolved(*root)?;
    find_empty_items(&mut types);
    defaults::encode_defaults(&mut types, defaults);
    Ok(types)
}

/// The default of a field: the record, the index of the field, and the JSON.
pub(super) type Default<'j, 't> = (TypeId, usize, &'j Json<'t>);

#[derive(Default)]
struct Compiler<'j, 't> {
    types: Vec<Type>,
    /// The full names of types that are defined or referred to.
    names: HashMap<String, TypeId>,
    definitions: HashMap<TypeId, &'j Json<'t>>,
    references: Vec<Reference>,
    defaults: Vec<Default<'j, 't>>,
    text_name: String,
    path: Vec<String>,
}

/// The first use of a type that was not defined before.
struct Reference {
    id: TypeId,
    /// The type of the same name without a namespace, which Java uses if the namespace has no such type.
    fallback: String,
    place: String,
}

impl<'j, 't> Compiler<'j, 't> {
    /// `outer` has the attributes of a schema such as `{"type": {"type": "long"}, "logicalType": …}`.
    fn schema(
        &mut self,
        json: &'j Json<'t>,
        namespace: &str,
        outer: Option<&'j Json<'t>>,
    ) -> Result<TypeId, SchemaError> {
        match json {
            Json::String(name) => match outer.map_or_else(|| plain(name), |outer| primitive(name, outer)) {
                Some(primitive) => Ok(self.add(primitive)),
                None => self.reference(name, namespace),
            },
            Json::Array(branches) => {
                let mut ids = Vec::with_capacity(branches.len());
                for (index, branch) in branches.iter().enumerate() {
                    let id = self.inside(index.to_string(), |compiler| {
                        let id = compiler.schema(branch, namespace, None)?;
                        match compiler.types[id.0 as usize] {
                            Type::Union(_) => Err(compiler.error("a union cannot be directly inside a union")),
                            _ => Ok(id),
                        }
                    })?;
                    ids.push(id);
                }
                Ok(self.add(Type::Union(ids.into())))
            }
            Json::Object(_) => self.complex(json, namespace, outer),
            other => Err(self.error(&format!("expects a schema, has {}", other.describe()))),
        }
    }

    /// A schema in braces.
    fn complex(
        &mut self,
        json: &'j Json<'t>,
        namespace: &str,
        outer: Option<&'j Json<'t>>,
    ) -> Result<TypeId, SchemaError> {
        let Some(type_json) = json.get("type") else { return Err(self.error("`type` is missing")) };
        let attributes = if json.get("logicalType").is_some() { json } else { outer.unwrap_or(json) };
        match type_json.as_str() {
            Some("record" | "error") => self.record(json, namespace),
            Some("enum") => self.enumeration(json, namespace),
            Some("fixed") => self.fixed(json, namespace),
            Some("array") => {
                let Some(items) = json.get("items") else { return Err(self.error("`items` of the array is missing")) };
                let items = self.inside("items", |compiler| compiler.schema(items, namespace, None))?;
                Ok(self.add(Type::Array { items, has_empty_items: false }))
            }
            Some("map") => {
                let Some(values) = json.get("values") else { return Err(self.error("`values` of the map is missing")) };
                let values = self.inside("values", |compiler| compiler.schema(values, namespace, None))?;
                Ok(self.add(Type::Map(values)))
            }
            _ => self.inside("type", |compiler| compiler.schema(type_json, namespace, Some(attributes))),
        }
    }

    fn record(&mut self, json: &'j Json<'t>, namespace: &str) -> Result<TypeId, SchemaError> {
        let name = self.full_name(json, namespace)?;
        let (id, is_new) = self.define(&name, json)?;
        if !is_new {
            return Ok(id);
        }
        let namespace = name.rsplit_once('.').map_or("", |(namespace, _)| namespace);
        let Some(Json::Array(field_schemas)) = json.get("fields") else {
            return Err(self.error(&format!("`fields` of the record `{name}` is missing, or no array")));
        };
        let mut fields: Vec<Field> = Vec::with_capacity(field_schemas.len());
        for (index, field) in field_schemas.iter().enumerate() {
            let Some(field_name) = field.get("name").and_then(Json::as_str) else {
                return Err(self.error(&format!("field {index} of the record `{name}` has no name")));
            };
            let Some(field_schema) = field.get("type") else {
                return Err(
                    self.error(&format!("`type` of the field `{field_name}` of the record `{name}` is missing"))
                );
            };
            let type_id = self.inside(field_name, |compiler| compiler.schema(field_schema, namespace, None))?;
            if let Some(default) = field.get("default") {
                self.defaults.push((id, index, default));
            }
            let mut member = if index == 0 { b"{".to_vec() } else { b",".to_vec() };
            member.extend(json_string(field_name));
            member.push(b':');
            let documentation = documentation(field);
            fields.push(Field { name: field_name.to_owned(), member, type_id, default: None, documentation });
        }
        let mut names: Vec<&str> = fields.iter().map(|field| field.name.as_str()).collect();
        names.sort_unstable();
        if let Some(pair) = names.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(self.error(&format!("the record `{name}` has two fields `{}`", pair[0])));
        }
        self.types[id.0 as usize] = Type::Record(Box::new(Record { name, documentation: documentation(json), fields }));
        Ok(id)
    }

    fn enumeration(&mut self, json: &'j Json<'t>, namespace: &str) -> Result<TypeId, SchemaError> {
        let name = self.full_name(json, namespace)?;
        let (id, is_new) = self.define(&name, json)?;
        if !is_new {
            return Ok(id);
        }
        let symbols = match json.get("symbols") {
            Some(Json::Array(symbols)) => symbols.iter().map(Json::as_str).collect::<Option<Vec<_>>>(),
            _ => None,
        };
        let Some(symbols) = symbols else {
            return Err(self.error(&format!("`symbols` of the enum `{name}` is missing, or no array of strings")));
        };
        let symbols =
            symbols.into_iter().map(|symbol| Symbol { name: symbol.to_owned(), json: json_string(symbol) }).collect();
        self.types[id.0 as usize] = Type::Enum(Box::new(Enum { name, documentation: documentation(json), symbols }));
        Ok(id)
    }

    fn fixed(&mut self, json: &'j Json<'t>, namespace: &str) -> Result<TypeId, SchemaError> {
        let name = self.full_name(json, namespace)?;
        let (id, is_new) = self.define(&name, json)?;
        if !is_new {
            return Ok(id);
        }
        let Some(size) = integer(json, "size") else {
            return Err(self.error(&format!("`size` of the fixed type `{name}` is missing, or no size")));
        };
        let fixed = Fixed { name, size };
        self.types[id.0 as usize] = match (json.get("logicalType").and_then(Json::as_str), size) {
            (Some("decimal"), _) if decimal_scale(json).is_some() => decimal(json, Some(fixed)),
            (Some("uuid"), 16) => Type::FixedUuid(Box::new(fixed)),
            (Some("duration"), 12) => Type::Duration(Box::new(fixed)),
            _ => Type::Fixed(Box::new(fixed)),
        };
        Ok(id)
    }

    fn full_name(&self, json: &Json<'_>, namespace: &str) -> Result<String, SchemaError> {
        let Some(name) = json.get("name").and_then(Json::as_str).filter(|name| !name.is_empty()) else {
            let kind = json.get("type").and_then(Json::as_str).unwrap_or_default();
            return Err(self.error(&format!("`name` of the {kind} is missing")));
        };
        self.qualified(name, json.get("namespace").and_then(Json::as_str).unwrap_or(namespace))
    }

    /// The full name of a type. Its length is limited, because every type of a namespace repeats the namespace.
    fn qualified(&self, name: &str, namespace: &str) -> Result<String, SchemaError> {
        let full_name = match namespace {
            _ if name.contains('.') => Cow::Borrowed(name.trim_start_matches('.')),
            "" => Cow::Borrowed(name),
            namespace if namespace.len() + name.len() < SCHEMA_NAME_BYTES => Cow::Owned(format!("{namespace}.{name}")),
            // Refused without a copy.
            namespace if namespace.len() > name.len() => Cow::Borrowed(namespace),
            _ => Cow::Borrowed(name),
        };
        let bytes = if name.contains('.') { full_name.len() } else { namespace.len() + name.len() };
        if bytes >= SCHEMA_NAME_BYTES {
            return Err(self.error(&format!(
                "the name `{}` has more than {SCHEMA_NAME_BYTES} bytes with its namespace; choose a shorter name or namespace",
                clipped(&full_name)
            )));
        }
        Ok(full_name.into_owned())
    }

    /// The index of a new type, which must be set. False if another text has the same definition.
    fn define(&mut self, name: &str, json: &'j Json<'t>) -> Result<(TypeId, bool), SchemaError> {
        let id = match self.names.get(name) {
            Some(id) => *id,
            None => {
                let id = self.add(Type::Unresolved(name.into()));
                self.names.insert(name.to_owned(), id);
                id
            }
        };
        match self.definitions.insert(id, json) {
            Some(before) if before != json => Err(self.error(&format!("the type `{name}` is defined twice"))),
            before => Ok((id, before.is_none())),
        }
    }

    fn reference(&mut self, name: &str, namespace: &str) -> Result<TypeId, SchemaError> {
        let full_name = self.qualified(name, namespace)?;
        if let Some(id) = self.names.get(&full_name) {
            return Ok(*id);
        }
        let id = self.add(Type::Unresolved(full_name.as_str().into()));
        self.references.push(Reference { id, fallback: name.to_owned(), place: self.place() });
        self.names.insert(full_name, id);
        Ok(id)
    }

    fn add(&mut self, new: Type) -> TypeId {
        let id = TypeId(u32::try_from(self.types.len()).unwrap_or(u32::MAX));
        self.types.push(new);
        id
    }

    fn inside<T>(
        &mut self,
        segment: impl AsRef<str>,
        compile: impl FnOnce(&mut Self) -> Result<T, SchemaError>,
    ) -> Result<T, SchemaError> {
        self.path.push(clipped(segment.as_ref()).into_owned());
        let compiled = compile(self)?;
        self.path.pop();
        Ok(compiled)
    }

    fn place(&self) -> String {
        if self.path.is_empty() {
            return self.text_name.clone();
        }
        let path = self.path.join(".");
        let end = path.char_indices().nth(MAX_PLACE_CHARS).map_or(path.len(), |(end, _)| end);
        format!("`{}` of {}", &path[..end], self.text_name)
    }

    fn error(&self, message: &str) -> SchemaError {
        SchemaError::new(format!("{}: {message}", self.place()))
    }

    /// Replaces each reference that has another name than its type.
    fn resolved(mut self, root: TypeId) -> Result<Types, SchemaError> {
        let mut targets: HashMap<TypeId, TypeId> = HashMap::new();
        for Reference { id, fallback, place } in &self.references {
            let Type::Unresolved(name) = &self.types[id.0 as usize] else { continue };
            match self.names.get(fallback).filter(|target| !self.is_unresolved(**target)) {
                Some(target) => targets.insert(*id, *target),
                None => {
                    let message = format!("{place}: the type `{name}` is defined neither here nor in a reference");
                    return Err(SchemaError::new(message));
                }
            };
        }
        let target = |id: &mut TypeId| *id = targets.get(id).copied().unwrap_or(*id);
        for type_ in &mut self.types {
            match type_ {
                Type::Array { items: id, .. } | Type::Map(id) => target(id),
                Type::Union(branches) => branches.iter_mut().for_each(target),
                Type::Record(record) => record.fields.iter_mut().for_each(|field| target(&mut field.type_id)),
                _ => {}
            }
        }
        let mut root = root;
        target(&mut root);
        Ok(Types { types: self.types, root })
    }

    fn is_unresolved(&self, id: TypeId) -> bool {
        matches!(self.types[id.0 as usize], Type::Unresolved(_))
    }
}

fn documentation(json: &Json<'_>) -> Option<String> {
    json.get("doc").and_then(Json::as_str).filter(|text| !text.is_empty()).map(str::to_owned)
}

/// A primitive type without a logical type.
fn plain(name: &str) -> Option<Type> {
    Some(match name {
        "null" => Type::Null,
        "boolean" => Type::Boolean,
        "int" => Type::Int,
        "long" => Type::Long,
        "float" => Type::Float,
        "double" => Type::Double,
        "bytes" => Type::Bytes,
        "string" => Type::String,
        _ => return None,
    })
}

/// A primitive type. A logical type that is unknown, or belongs to another type, is ignored.
fn primitive(name: &str, attributes: &Json<'_>) -> Option<Type> {
    let timestamp = |unit, is_local| Type::Timestamp { unit, is_local };
    Some(match (name, attributes.get("logicalType").and_then(Json::as_str).unwrap_or_default()) {
        ("int", "date") => Type::Date,
        ("int", "time-millis") => Type::Time(Unit::Millis),
        ("long", "time-micros") => Type::Time(Unit::Micros),
        ("long", "timestamp-millis") => timestamp(Unit::Millis, false),
        ("long", "timestamp-micros") => timestamp(Unit::Micros, false),
        ("long", "timestamp-nanos") => timestamp(Unit::Nanos, false),
        ("long", "local-timestamp-millis") => timestamp(Unit::Millis, true),
        ("long", "local-timestamp-micros") => timestamp(Unit::Micros, true),
        ("long", "local-timestamp-nanos") => timestamp(Unit::Nanos, true),
        ("string", "uuid") => Type::Uuid,
        ("bytes", "big-decimal") => Type::BigDecimal,
        ("bytes", "decimal") if decimal_scale(attributes).is_some() => decimal(attributes, None),
        _ => return plain(name),
    })
}

/// `None` if the scale is invalid, so that the logical type is ignored. A wrong precision harms no reader.
fn decimal_scale(json: &Json<'_>) -> Option<i64> {
    if json.get("scale").is_none() {
        return Some(0);
    }
    integer(json, "scale").and_then(|scale| i32::try_from(scale).ok()).map(i64::from)
}

fn decimal(json: &Json<'_>, fixed: Option<Fixed>) -> Type {
    let precision = integer(json, "precision").filter(|precision| *precision > 0);
    Type::Decimal(Box::new(Decimal { fixed, precision, scale: decimal_scale(json).unwrap_or_default() }))
}

/// A number that is not negative; some generators write it as a string.
fn integer(json: &Json<'_>, name: &str) -> Option<usize> {
    match json.get(name)? {
        Json::Number(text) => text.parse().ok(),
        Json::String(text) => text.parse().ok(),
        _ => None,
    }
}

/// The text without comments between `/*` and `*/`, and after `//`.
fn uncommented(text: &str) -> Cow<'_, str> {
    if !text.contains("/*") && !text.contains("//") {
        return Cow::Borrowed(text);
    }
    let mut kept = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(['"', '/']) {
        kept.push_str(&rest[..at]);
        rest = &rest[at..];
        let size = match rest.as_bytes() {
            [b'/', b'*', ..] => rest.find("*/").map_or(rest.len(), |end| end + 2),
            [b'/', b'/', ..] => rest.find('\n').unwrap_or(rest.len()),
            [b'"', ..] => {
                let mut bytes = rest.bytes().enumerate().skip(1);
                let mut end = rest.len();
                while let Some((at, byte)) = bytes.next() {
                    if byte == b'"' {
                        end = at + 1;
                        break;
                    }
                    if byte == b'\\' {
                        bytes.next();
                    }
                }
                kept.push_str(&rest[..end]);
                end
            }
            _ => {
                kept.push('/');
                1
            }
        };
        rest = &rest[size..];
    }
    kept.push_str(rest);
    Cow::Owned(kept)
}

/// Finds the arrays whose items may have no bytes: the counts of others are limited by the bytes that are left.
fn find_empty_items(types: &mut Types) {
    let mut may_be_empty: Vec<bool> = types
        .types
        .iter()
        .map(|type_| match type_ {
            Type::Null => true,
            Type::Fixed(fixed) => fixed.size == 0,
            Type::Decimal(decimal) => decimal.fixed.as_ref().is_some_and(|fixed| fixed.size == 0),
            _ => false,
        })
        .collect();
    loop {
        let mut is_changed = false;
        for (index, type_) in types.types.iter().enumerate() {
            let Type::Record(record) = type_ else { continue };
            if !may_be_empty[index] && record.fields.iter().all(|field| may_be_empty[field.type_id.0 as usize]) {
                may_be_empty[index] = true;
                is_changed = true;
            }
        }
        if !is_changed {
            break;
        }
    }
    for type_ in &mut types.types {
        if let Type::Array { items, has_empty_items } = type_ {
            *has_empty_items = may_be_empty[items.0 as usize];
        }
    }
}
