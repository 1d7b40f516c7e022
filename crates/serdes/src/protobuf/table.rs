//! The message types of a schema, compiled for the decoder and the encoder: fields by number and by name, JSON names already
//! escaped. Types refer to each other by index, so that recursive types need no pointers.

use std::collections::HashMap;
use std::sync::Arc;

use prost_reflect::{
    DescriptorPool, EnumDescriptor, ExtensionDescriptor, FieldDescriptor, Kind as ReflectKind, MessageDescriptor, Value,
};

use super::comments::Comments;
use super::well_known::{self, Special};
use super::wire::WireType;
use crate::JsonWriter;

#[derive(Debug)]
pub(super) struct Tables {
    pub(super) messages: Vec<Message>,
    pub(super) enums: Vec<Enum>,
    /// Full name → index of the message.
    pub(super) by_name: HashMap<String, u32>,
}

#[derive(Debug)]
pub(super) struct Message {
    pub(super) full_name: String,
    /// In the order of their declaration, except that the members of a oneof are neighbours; then the extensions.
    pub(super) fields: Vec<Field>,
    /// Indexes of the fields that are written also when they are absent. Without them, an absent field costs no time.
    pub(super) always_written: Vec<u32>,
    /// Indexes of the required fields of proto2.
    pub(super) required: Vec<u32>,
    pub(super) special: Special,
    pub(super) is_map_entry: bool,
    numbers: Numbers,
    /// JSON names and names in the .proto file → index of the field.
    names: HashMap<String, u32>,
    /// Its comment in the .proto file.
    pub(super) documentation: Option<String>,
}

#[derive(Debug)]
pub(super) struct Field {
    pub(super) number: u32,
    pub(super) name: String,
    pub(super) json_name: String,
    /// The name in JSON with quotation marks and colon.
    pub(super) key: Box<[u8]>,
    pub(super) kind: Kind,
    pub(super) cardinality: Cardinality,
    /// Whether absent and default are different: then an absent field is left out.
    pub(super) has_presence: bool,
    pub(super) is_packed: bool,
    pub(super) is_required: bool,
    /// The index of its oneof, for a real one only.
    pub(super) oneof: Option<u32>,
    /// The name of that oneof.
    pub(super) oneof_name: Option<Arc<str>>,
    /// The JSON of an absent field without presence, and of an absent value of a map entry.
    pub(super) default: Box<[u8]>,
    /// The proto2 default, as an example of a value.
    pub(super) declared_default: Option<String>,
    pub(super) is_extension: bool,
    /// Its comment in the .proto file.
    pub(super) documentation: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cardinality {
    Single,
    List,
    /// The kind is the message of the entries.
    Map,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Double,
    Float,
    Int32,
    Int64,
    Uint32,
    Uint64,
    Sint32,
    Sint64,
    Fixed32,
    Fixed64,
    Sfixed32,
    Sfixed64,
    Bool,
    String,
    Bytes,
    /// Index of the enum.
    Enum(u32),
    /// Index of the message.
    Message(u32),
    Group(u32),
}

#[derive(Debug)]
pub(super) struct Enum {
    pub(super) full_name: String,
    /// Its only value is JSON's null.
    pub(super) is_null: bool,
    /// (number, name with quotation marks), sorted; of aliases the first one.
    pub(super) by_number: Vec<(i32, Box<[u8]>)>,
    pub(super) by_name: HashMap<String, i32>,
    /// Its comment in the .proto file, and those of its values.
    pub(super) documentation: Option<String>,
}

/// Finds the index of a field by its number.
#[derive(Debug)]
enum Numbers {
    /// The index of each number, or [`NO_FIELD`].
    Dense(Vec<u32>),
    /// (number, index), sorted by number.
    Sparse(Vec<(u32, u32)>),
}

const NO_FIELD: u32 = u32::MAX;

impl Tables {
    pub(super) fn compile(pool: &DescriptorPool) -> Self {
        let by_name: HashMap<String, u32> =
            pool.all_messages().zip(0..).map(|(message, i)| (message.full_name().to_owned(), i)).collect();
        let enums_by_name: HashMap<String, u32> =
            pool.all_enums().zip(0..).map(|(item, i)| (item.full_name().to_owned(), i)).collect();
        let comments = Comments::new(pool);
        let names = Names { messages: &by_name, enums: &enums_by_name, comments: &comments };
        let mut messages: Vec<Message> = pool.all_messages().map(|message| names.message(&message)).collect();
        for i in 0..messages.len() {
            messages[i].special = well_known::special(&messages[i], &messages);
        }
        let enums = pool.all_enums().map(|item| Enum::compile(&item, &comments)).collect();
        Self { messages, enums, by_name }
    }

    /// The message of the index; indexes come from these tables.
    #[inline]
    pub(super) fn message(&self, index: u32) -> &Message {
        &self.messages[index as usize]
    }

    /// The message type that the URL of an Any names, if the schema has it.
    pub(super) fn any_type(&self, url: &str) -> Option<u32> {
        let (_, name) = url.rsplit_once('/')?;
        self.by_name.get(name).copied().filter(|message| !self.message(*message).is_map_entry)
    }

    #[inline]
    pub(super) fn item(&self, index: u32) -> &Enum {
        &self.enums[index as usize]
    }
}

/// The indexes that the tables have for the names, and the comments of the files.
struct Names<'n> {
    messages: &'n HashMap<String, u32>,
    enums: &'n HashMap<String, u32>,
    comments: &'n Comments<'n>,
}

impl Names<'_> {
    fn message(&self, message: &MessageDescriptor) -> Message {
        let mut declared: Vec<FieldDescriptor> = message.fields().collect();
        declared.sort_by_key(|field| field.path().last().copied());
        let mut members: HashMap<u32, Vec<&FieldDescriptor>> = HashMap::new();
        for field in &declared {
            if let Some(index) = oneof(field) {
                members.entry(index).or_default().push(field);
            }
        }
        let mut fields: Vec<Field> = Vec::with_capacity(declared.len());
        for field in &declared {
            match oneof(field) {
                None => fields.push(self.field(field, None)),
                // The first member brings all others.
                Some(index) => {
                    let name: Option<Arc<str>> = field.containing_oneof().map(|oneof| oneof.name().into());
                    let members = members.remove(&index).unwrap_or_default();
                    fields.extend(members.into_iter().map(|member| self.field(member, name.clone())));
                }
            }
        }
        let mut names = HashMap::with_capacity(2 * fields.len());
        // JSON names win against the other names.
        for (field, i) in fields.iter().zip(0..) {
            names.entry(field.json_name.clone()).or_insert(i);
        }
        for (field, i) in fields.iter().zip(0..) {
            names.entry(field.name.clone()).or_insert(i);
        }
        for extension in message.extensions() {
            let field = self.extension(&extension);
            names.insert(field.json_name.clone(), u32::try_from(fields.len()).unwrap_or(NO_FIELD));
            fields.push(field);
        }
        Message {
            full_name: message.full_name().to_owned(),
            always_written: (0..)
                .zip(&fields)
                .filter(|(_, field)| !field.has_presence && !field.is_extension)
                .map(|(i, _)| i)
                .collect(),
            required: (0..).zip(&fields).filter(|(_, field)| field.is_required).map(|(i, _)| i).collect(),
            special: Special::None,
            is_map_entry: message.is_map_entry(),
            numbers: Numbers::new(&fields),
            names,
            documentation: self.comments.of(message.parent_file().name(), message.path()),
            fields,
        }
    }

    fn field(&self, field: &FieldDescriptor, oneof_name: Option<Arc<str>>) -> Field {
        let mut compiled = self.any_field(field.kind(), field.is_group(), field.name(), field.json_name());
        compiled.number = field.number();
        compiled.cardinality = cardinality(field.is_list(), field.is_map());
        compiled.has_presence = field.supports_presence();
        compiled.is_packed = field.is_packed();
        compiled.is_required = field.is_required();
        compiled.oneof = oneof(field);
        compiled.oneof_name = oneof_name;
        compiled.declared_default = field
            .field_descriptor_proto()
            .default_value
            .as_ref()
            .and_then(|_| default_json(&field.default_value(), &field.kind()));
        compiled.documentation = self.comments.of(field.parent_file().name(), field.path());
        match compiled.cardinality {
            Cardinality::Single => {}
            Cardinality::List => compiled.default = Box::from(*b"[]"),
            Cardinality::Map => compiled.default = Box::from(*b"{}"),
        }
        compiled
    }

    fn extension(&self, field: &ExtensionDescriptor) -> Field {
        let mut compiled = self.any_field(field.kind(), field.is_group(), field.full_name(), field.json_name());
        compiled.number = field.number();
        compiled.cardinality = cardinality(field.is_list(), field.is_map());
        compiled.has_presence = field.supports_presence();
        compiled.is_packed = field.is_packed();
        compiled.is_extension = true;
        compiled.documentation = self.comments.of(field.parent_file().name(), field.path());
        compiled
    }

    /// A field with the properties that follow from its kind.
    fn any_field(&self, kind: ReflectKind, is_group: bool, name: &str, json_name: &str) -> Field {
        let default = default_json(&kind.default_value(), &kind).unwrap_or_else(|| "{}".to_owned());
        let mut key = json_string(json_name);
        key.push(b':');
        Field {
            number: 0,
            name: name.to_owned(),
            json_name: json_name.to_owned(),
            key: key.into(),
            kind: self.kind(&kind, is_group),
            cardinality: Cardinality::Single,
            has_presence: false,
            is_packed: false,
            is_required: false,
            oneof: None,
            oneof_name: None,
            default: default.into_bytes().into(),
            declared_default: None,
            is_extension: false,
            documentation: None,
        }
    }

    fn kind(&self, kind: &ReflectKind, is_group: bool) -> Kind {
        match kind {
            ReflectKind::Double => Kind::Double,
            ReflectKind::Float => Kind::Float,
            ReflectKind::Int32 => Kind::Int32,
            ReflectKind::Int64 => Kind::Int64,
            ReflectKind::Uint32 => Kind::Uint32,
            ReflectKind::Uint64 => Kind::Uint64,
            ReflectKind::Sint32 => Kind::Sint32,
            ReflectKind::Sint64 => Kind::Sint64,
            ReflectKind::Fixed32 => Kind::Fixed32,
            ReflectKind::Fixed64 => Kind::Fixed64,
            ReflectKind::Sfixed32 => Kind::Sfixed32,
            ReflectKind::Sfixed64 => Kind::Sfixed64,
            ReflectKind::Bool => Kind::Bool,
            ReflectKind::String => Kind::String,
            ReflectKind::Bytes => Kind::Bytes,
            // The pool has every type that one of its fields has.
            ReflectKind::Enum(item) => Kind::Enum(self.enums[item.full_name()]),
            ReflectKind::Message(message) if is_group => Kind::Group(self.messages[message.full_name()]),
            ReflectKind::Message(message) => Kind::Message(self.messages[message.full_name()]),
        }
    }
}

/// The index of the oneof, unless it only stands for `optional`.
fn oneof(field: &FieldDescriptor) -> Option<u32> {
    let oneof = field.containing_oneof().filter(|oneof| !oneof.is_synthetic())?;
    oneof.path().last().and_then(|&index| u32::try_from(index).ok())
}

fn cardinality(is_list: bool, is_map: bool) -> Cardinality {
    match (is_list, is_map) {
        (_, true) => Cardinality::Map,
        (true, false) => Cardinality::List,
        (false, false) => Cardinality::Single,
    }
}

fn json_string(text: &str) -> Vec<u8> {
    let mut json = Vec::with_capacity(text.len() + 3);
    // Without a limit, a string can always be written.
    let _ = JsonWriter::new(&mut json, usize::MAX).string(text);
    json
}

/// The JSON of a default value; `None` for messages.
fn default_json(value: &Value, kind: &ReflectKind) -> Option<String> {
    let mut json = Vec::new();
    let mut writer = JsonWriter::new(&mut json, usize::MAX);
    match value {
        Value::Bool(value) => writer.raw(if *value { b"true" } else { b"false" }),
        Value::I32(value) => writer.integer(*value),
        Value::I64(value) => writer.integer(*value),
        Value::U32(value) => writer.integer(*value),
        Value::U64(value) => writer.integer(*value),
        Value::F32(value) => writer.float(*value),
        Value::F64(value) => writer.double(*value),
        Value::String(value) => writer.string(value),
        Value::Bytes(value) => writer.base64(value),
        Value::EnumNumber(number) => {
            let ReflectKind::Enum(item) = kind else { return None };
            match item.get_value(*number) {
                _ if is_null_value(item) => writer.raw(b"null"),
                Some(value) => writer.string(value.name()),
                None => writer.integer(*number),
            }
        }
        Value::Message(_) | Value::List(_) | Value::Map(_) => return None,
    }
    .ok()?;
    String::from_utf8(json).ok()
}

fn is_null_value(item: &EnumDescriptor) -> bool {
    item.full_name() == "google.protobuf.NullValue"
}

impl Message {
    #[inline]
    pub(super) fn by_number(&self, number: u32) -> Option<u32> {
        let index = match &self.numbers {
            Numbers::Dense(indexes) => *indexes.get(number as usize)?,
            Numbers::Sparse(sorted) => {
                let found = sorted.binary_search_by_key(&number, |(number, _)| *number).ok()?;
                sorted[found].1
            }
        };
        (index != NO_FIELD).then_some(index)
    }

    pub(super) fn by_name(&self, name: &str) -> Option<u32> {
        self.names.get(name).copied()
    }

    #[inline]
    pub(super) fn field(&self, index: u32) -> &Field {
        &self.fields[index as usize]
    }

    /// Key and value of a map entry.
    pub(super) fn entry_fields(&self) -> Option<(&Field, &Field)> {
        Some((self.field(self.by_number(1)?), self.field(self.by_number(2)?)))
    }
}

impl Numbers {
    fn new(fields: &[Field]) -> Self {
        let highest = fields.iter().map(|field| field.number as usize).max().unwrap_or(0);
        // A table with gaps must not be much larger than the fields themselves.
        if highest <= 64 + 4 * fields.len() {
            let mut indexes = vec![NO_FIELD; highest + 1];
            for (field, i) in fields.iter().zip(0..) {
                indexes[field.number as usize] = i;
            }
            return Self::Dense(indexes);
        }
        let mut sorted: Vec<(u32, u32)> = fields.iter().zip(0..).map(|(field, i)| (field.number, i)).collect();
        sorted.sort_unstable();
        Self::Sparse(sorted)
    }
}

impl Enum {
    fn compile(item: &EnumDescriptor, comments: &Comments<'_>) -> Self {
        let mut by_number: Vec<(i32, Box<[u8]>)> = Vec::new();
        let mut declared: Vec<_> = item.values().collect();
        declared.sort_by_key(|value| value.path().last().copied());
        let file = item.parent_file();
        let mut documentation: Vec<String> = comments.of(file.name(), item.path()).into_iter().collect();
        for value in &declared {
            by_number.push((value.number(), json_string(value.name()).into()));
            // A form has one text for all values.
            if let Some(comment) = comments.of(file.name(), value.path()) {
                documentation.push(format!("{}: {comment}", value.name()));
            }
        }
        // Stable: of aliases the first one stays the first one.
        by_number.sort_by_key(|(number, _)| *number);
        by_number.dedup_by_key(|(number, _)| *number);
        Self {
            full_name: item.full_name().to_owned(),
            is_null: is_null_value(item),
            by_number,
            by_name: declared.iter().map(|value| (value.name().to_owned(), value.number())).collect(),
            documentation: (!documentation.is_empty()).then(|| documentation.join("\n")),
        }
    }

    /// The name with quotation marks.
    #[inline]
    pub(super) fn name(&self, number: i32) -> Option<&[u8]> {
        // Most enums count from 0 without gaps.
        if let Some((found, name)) = usize::try_from(number).ok().and_then(|i| self.by_number.get(i))
            && *found == number
        {
            return Some(name);
        }
        let found = self.by_number.binary_search_by_key(&number, |(number, _)| *number).ok()?;
        Some(&self.by_number[found].1)
    }
}

impl Kind {
    #[inline]
    pub(super) fn wire_type(self) -> WireType {
        match self {
            Self::Double | Self::Fixed64 | Self::Sfixed64 => WireType::Fixed64,
            Self::Float | Self::Fixed32 | Self::Sfixed32 => WireType::Fixed32,
            Self::String | Self::Bytes | Self::Message(_) => WireType::Length,
            Self::Group(_) => WireType::StartGroup,
            _ => WireType::Varint,
        }
    }

    /// Whether several values may share one length.
    #[inline]
    pub(super) fn is_packable(self) -> bool {
        !matches!(self, Self::String | Self::Bytes | Self::Message(_) | Self::Group(_))
    }

    /// What the kind is called in a .proto file.
    pub(super) fn name(self, tables: &Tables) -> &str {
        match self {
            Self::Double => "double",
            Self::Float => "float",
            Self::Int32 => "int32",
            Self::Int64 => "int64",
            Self::Uint32 => "uint32",
            Self::Uint64 => "uint64",
            Self::Sint32 => "sint32",
            Self::Sint64 => "sint64",
            Self::Fixed32 => "fixed32",
            Self::Fixed64 => "fixed64",
            Self::Sfixed32 => "sfixed32",
            Self::Sfixed64 => "sfixed64",
            Self::Bool => "bool",
            Self::String => "string",
            Self::Bytes => "bytes",
            Self::Enum(index) => &tables.item(index).full_name,
            Self::Message(index) | Self::Group(index) => &tables.message(index).full_name,
        }
    }
}
