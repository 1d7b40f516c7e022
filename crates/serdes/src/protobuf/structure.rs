//! The structure of a message type's JSON.

use protocol::{SchemaField, SchemaStructure, SchemaType, TypeKind};

use super::table::{Cardinality, Field, Kind, Message, Tables};
use super::well_known::Special;
use crate::structure::{Types as Described, short_default};

/// The index of a type in its table.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Key {
    Message(u32),
    Enum(u32),
}

pub(super) fn structure(tables: &Tables, message: u32) -> SchemaStructure {
    let schema = Schema { tables };
    Described::describe(
        |found| schema.message(found, message),
        |found, key| match *key {
            Key::Message(message) => schema.fields(found, tables.message(message)),
            Key::Enum(index) => {
                let item = tables.item(index);
                // The names are JSON strings; those of Protobuf have no escapes.
                let names = item.by_number.iter().map(|(_, name)| String::from_utf8_lossy(name).replace('"', ""));
                let mut described = found.enumeration(names, item.full_name.as_str());
                described.documentation = found.documentation(item.documentation.as_deref());
                described
            }
        },
    )
}

struct Schema<'t> {
    tables: &'t Tables,
}

impl Schema<'_> {
    fn message(&self, found: &mut Described<Key>, index: u32) -> SchemaType {
        let table = self.tables.message(index);
        let title = table.full_name.as_str();
        match table.special {
            Special::None => found.named(Key::Message(index), title),
            Special::Timestamp { .. } => found.plain(TypeKind::Time, title),
            // Strings such as `1.5s` and `user.name`.
            Special::Duration { .. } | Special::FieldMask { .. } => found.plain(TypeKind::String, title),
            Special::Wrapper { value } => {
                let kinds = [Some(table.field(value).kind), None].into_iter();
                found.union(title, kinds, |found, kind| match kind {
                    Some(kind) => self.value(found, kind),
                    None => found.plain(TypeKind::Null, "null"),
                })
            }
            Special::Struct { .. } => found.map(title, |found| found.plain(TypeKind::Any, "google.protobuf.Value")),
            Special::ListValue { .. } => {
                found.array(title, |found| found.plain(TypeKind::Any, "google.protobuf.Value"))
            }
            Special::Value | Special::Any { .. } => found.plain(TypeKind::Any, title),
            Special::Empty => found.plain(TypeKind::Record(Vec::new()), title),
            Special::Decimal { .. } => found.plain(TypeKind::Number, title),
        }
    }

    fn fields(&self, found: &mut Described<Key>, table: &Message) -> SchemaType {
        let documentation = found.documentation(table.documentation.as_deref());
        let fields = table.fields.iter();
        let mut described = found.record(table.full_name.as_str(), fields, |found, field| self.field(found, field));
        described.documentation = documentation;
        described
    }

    fn field(&self, found: &mut Described<Key>, field: &Field) -> SchemaField {
        let documentation = found.documentation(field.documentation.as_deref());
        let name = field.kind.name(self.tables);
        let kind = match field.cardinality {
            Cardinality::Single => self.value(found, field.kind),
            Cardinality::List => found.array(format!("repeated {name}"), |found| self.value(found, field.kind)),
            Cardinality::Map => self.map(found, field.kind),
        };
        let default = if field.has_presence || field.is_extension {
            field.declared_default.clone()
        } else {
            std::str::from_utf8(&field.default).ok().map(str::to_owned)
        };
        SchemaField {
            name: field.json_name.clone(),
            kind,
            optional: !field.is_required,
            default: short_default(default),
            one_of: field.oneof_name.as_deref().map(str::to_owned),
            documentation,
        }
    }

    fn map(&self, found: &mut Described<Key>, kind: Kind) -> SchemaType {
        let entry = match kind {
            Kind::Message(entry) => self.tables.message(entry).entry_fields(),
            _ => None,
        };
        let Some((key, value)) = entry else { return found.plain(TypeKind::Any, "map") };
        let title = format!("map<{}, {}>", key.kind.name(self.tables), value.kind.name(self.tables));
        found.map(title, |found| self.value(found, value.kind))
    }

    fn value(&self, found: &mut Described<Key>, kind: Kind) -> SchemaType {
        let name = kind.name(self.tables);
        match kind {
            Kind::Message(index) | Kind::Group(index) => self.message(found, index),
            Kind::Enum(index) if self.tables.item(index).is_null => found.plain(TypeKind::Null, name),
            Kind::Enum(index) => found.named(Key::Enum(index), name),
            Kind::Double | Kind::Float => found.plain(TypeKind::Number, name),
            Kind::Bool => found.plain(TypeKind::Boolean, name),
            Kind::String => found.plain(TypeKind::String, name),
            Kind::Bytes => found.plain(TypeKind::Bytes, name),
            _ => found.plain(TypeKind::Integer, name),
        }
    }
}
