//! The structure of an Avro schema.

use protocol::{SchemaField, SchemaStructure, SchemaType, TypeKind};

use super::decode::decode_type;
use super::time::Unit;
use super::types::{Field, Type, TypeId, Types};
use crate::json_writer::JsonWriter;
use crate::structure::{Types as Described, short_default};

pub(super) fn structure(types: &Types) -> SchemaStructure {
    let schema = Schema { types };
    Described::describe(|found| schema.usage(found, types.root), |found, id| schema.definition(found, *id))
}

struct Schema<'s> {
    types: &'s Types,
}

impl Schema<'_> {
    /// The type where it is used: records and enums are only named.
    fn usage(&self, found: &mut Described<TypeId>, id: TypeId) -> SchemaType {
        match self.types.get(id) {
            Type::Record(record) => found.named(id, record.name.as_str()),
            Type::Enum(symbols) => found.named(id, symbols.name.as_str()),
            _ => self.definition(found, id),
        }
    }

    fn definition(&self, found: &mut Described<TypeId>, id: TypeId) -> SchemaType {
        let unit = |unit: &Unit| unit.name_in_schemas();
        match self.types.get(id) {
            Type::Null => found.plain(TypeKind::Null, "null"),
            Type::Boolean => found.plain(TypeKind::Boolean, "boolean"),
            Type::Int => found.plain(TypeKind::Integer, "int"),
            Type::Long => found.plain(TypeKind::Integer, "long"),
            Type::Float => found.plain(TypeKind::Number, "float"),
            Type::Double => found.plain(TypeKind::Number, "double"),
            Type::Bytes => found.plain(TypeKind::Bytes, "bytes"),
            Type::String => found.plain(TypeKind::String, "string"),
            Type::Date => found.plain(TypeKind::Time, "date"),
            Type::Time(of) => found.plain(TypeKind::Time, format!("time-{}", unit(of))),
            Type::Timestamp { unit: of, is_local } => {
                let local = if *is_local { "local-" } else { "" };
                found.plain(TypeKind::Time, format!("{local}timestamp-{}", unit(of)))
            }
            Type::Uuid | Type::FixedUuid(_) => found.plain(TypeKind::String, "uuid"),
            // A string as in ISO 8601.
            Type::Duration(_) => found.plain(TypeKind::String, "duration"),
            Type::BigDecimal => found.plain(TypeKind::Number, "big-decimal"),
            Type::Decimal(decimal) => {
                let title = match decimal.precision {
                    Some(precision) => format!("decimal({precision}, {})", decimal.scale),
                    None => "decimal".to_owned(),
                };
                found.plain(TypeKind::Number, title)
            }
            Type::Fixed(fixed) => found.plain(TypeKind::Bytes, format!("{}: fixed({})", fixed.name, fixed.size)),
            Type::Enum(symbols) => {
                let names = symbols.symbols.iter().map(|symbol| symbol.name.as_str());
                let mut described = found.enumeration(names, symbols.name.as_str());
                described.documentation = found.documentation(symbols.documentation.as_deref());
                described
            }
            Type::Record(record) => {
                let documentation = found.documentation(record.documentation.as_deref());
                let fields = record.fields.iter();
                let mut described = found.record(record.name.as_str(), fields, |found, field| self.field(found, field));
                described.documentation = documentation;
                described
            }
            Type::Array { items, .. } => found.array("array", |found| self.usage(found, *items)),
            Type::Map(values) => found.map("map", |found| self.usage(found, *values)),
            Type::Union(branches) => found.union("union", branches.iter(), |found, branch| self.usage(found, *branch)),
            // No compiled schema has one.
            Type::Unresolved(name) => found.plain(TypeKind::Any, name.as_ref()),
        }
    }

    fn field(&self, found: &mut Described<TypeId>, field: &Field) -> SchemaField {
        let documentation = found.documentation(field.documentation.as_deref());
        SchemaField {
            name: field.name.clone(),
            kind: self.usage(found, field.type_id),
            optional: field.default.is_some(),
            default: short_default(field.default.as_deref().and_then(|default| self.default(field.type_id, default))),
            one_of: None,
            documentation,
        }
    }

    fn default(&self, id: TypeId, encoded: &[u8]) -> Option<String> {
        /// Longer defaults are not shown.
        const MAX_BYTES: usize = 16 * 1024;
        let mut json = Vec::new();
        decode_type(self.types, id, encoded, &mut JsonWriter::new(&mut json, MAX_BYTES)).ok()?;
        String::from_utf8(json).ok()
    }
}
