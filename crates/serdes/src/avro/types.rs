//! The compiled form of an Avro schema: a list of types that refer to each other by index, so that a type may contain
//! itself.

use super::time::Unit;

/// The index of a type in [`Types`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct TypeId(pub(super) u32);

/// All types of a schema.
#[derive(Debug)]
pub(super) struct Types {
    pub(super) types: Vec<Type>,
    pub(super) root: TypeId,
}

#[derive(Debug)]
pub(super) enum Type {
    Null,
    Boolean,
    Int,
    Long,
    Float,
    Double,
    Bytes,
    String,
    Date,
    /// An `int` for milliseconds, otherwise a `long`.
    Time(Unit),
    Timestamp {
        unit: Unit,
        is_local: bool,
    },
    /// A string.
    Uuid,
    BigDecimal,
    Decimal(Box<Decimal>),
    Fixed(Box<Fixed>),
    /// 16 bytes.
    FixedUuid(Box<Fixed>),
    /// 12 bytes.
    Duration(Box<Fixed>),
    Enum(Box<Enum>),
    Record(Box<Record>),
    Array {
        items: TypeId,
        /// Whether an item may have no bytes at all, such as `null`.
        has_empty_items: bool,
    },
    Map(TypeId),
    Union(Box<[TypeId]>),
    /// A type that was referred to, but not defined yet. No compiled schema has one.
    Unresolved(Box<str>),
}

#[derive(Debug)]
pub(super) struct Decimal {
    /// `None` if the type is `bytes`.
    pub(super) fixed: Option<Fixed>,
    /// Only checked when a value is encoded.
    pub(super) precision: Option<usize>,
    pub(super) scale: i64,
}

#[derive(Debug)]
pub(super) struct Fixed {
    pub(super) name: String,
    pub(super) size: usize,
}

#[derive(Debug)]
pub(super) struct Enum {
    pub(super) name: String,
    pub(super) documentation: Option<String>,
    pub(super) symbols: Vec<Symbol>,
}

#[derive(Debug)]
pub(super) struct Symbol {
    pub(super) name: String,
    /// The name as a JSON string.
    pub(super) json: Vec<u8>,
}

#[derive(Debug)]
pub(super) struct Record {
    pub(super) name: String,
    pub(super) documentation: Option<String>,
    pub(super) fields: Vec<Field>,
}

#[derive(Debug)]
pub(super) struct Field {
    pub(super) name: String,
    /// What comes before the value in JSON: `{"name":` for the first field, `,"name":` for others.
    pub(super) member: Vec<u8>,
    pub(super) type_id: TypeId,
    /// In Avro's binary form; `None` also if the schema's default is no value of the type.
    pub(super) default: Option<Box<[u8]>>,
    pub(super) documentation: Option<String>,
}

impl Types {
    pub(super) fn get(&self, id: TypeId) -> &Type {
        &self.types[id.0 as usize]
    }
}

impl Type {
    /// The full name of a named type.
    pub(super) fn name(&self) -> Option<&str> {
        match self {
            Self::Record(record) => Some(&record.name),
            Self::Enum(symbols) => Some(&symbols.name),
            Self::Fixed(fixed) | Self::FixedUuid(fixed) | Self::Duration(fixed) => Some(&fixed.name),
            Self::Decimal(decimal) => decimal.fixed.as_ref().map(|fixed| fixed.name.as_str()),
            _ => None,
        }
    }

    /// How a union names the type: the full name, or the name of Avro's type without its logical type.
    pub(super) fn branch_name(&self) -> &str {
        match self {
            Self::Null => "null",
            Self::Boolean => "boolean",
            Self::Int | Self::Date | Self::Time(Unit::Millis) => "int",
            Self::Long | Self::Time(_) | Self::Timestamp { .. } => "long",
            Self::Float => "float",
            Self::Double => "double",
            Self::String | Self::Uuid => "string",
            Self::Array { .. } => "array",
            Self::Map(_) => "map",
            Self::Union(_) => "union",
            Self::Bytes | Self::BigDecimal | Self::Decimal(_) => self.name().unwrap_or("bytes"),
            Self::Unresolved(name) => name,
            Self::Fixed(_) | Self::FixedUuid(_) | Self::Duration(_) | Self::Enum(_) | Self::Record(_) => {
                self.name().unwrap_or_default()
            }
        }
    }
}
