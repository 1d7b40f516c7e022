//! Writes an example value of a schema.

use super::decode::decode_type;
use super::encode::encode_type;
use super::types::{Type, TypeId, Types};
use super::{json_string, time};
use crate::json_tree::Json;
use crate::json_writer::JsonWriter;

/// Beyond this size and depth, unions are null if they can be, and arrays and maps are empty.
const SOFT_LIMIT_BYTES: usize = 16 * 1024;
const SOFT_MAX_DEPTH: usize = 16;

/// Where the example ends: a record that always contains itself has no value.
const LIMIT_BYTES: usize = crate::structure::example::MAX_BYTES;

pub(super) fn example(types: &Types) -> String {
    // The second example is the smallest one.
    let examples = [SOFT_LIMIT_BYTES, 0].into_iter().filter_map(|soft_limit| {
        let mut example = Example { types, text: Vec::new(), open: Vec::new(), soft_limit };
        example.value(types.root, 0)?;
        String::from_utf8(example.text).ok().filter(|text| text.len() <= LIMIT_BYTES)
    });
    examples.into_iter().next().unwrap_or_else(|| "null".to_owned())
}

struct Example<'s> {
    types: &'s Types,
    text: Vec<u8>,
    /// The records around the value.
    open: Vec<TypeId>,
    /// The size beyond which values that may be left out are left out.
    soft_limit: usize,
}

impl Example<'_> {
    /// `None` if the example becomes too large.
    fn value(&mut self, id: TypeId, depth: usize) -> Option<()> {
        if depth >= protocol::MAX_JSON_DEPTH || self.text.len() > LIMIT_BYTES {
            return None;
        }
        let types = self.types;
        match types.get(id) {
            Type::Null | Type::Unresolved(_) => self.push("null"),
            Type::Boolean => self.push("false"),
            Type::Int | Type::Long => self.push("0"),
            Type::Float | Type::Double => self.push("0.0"),
            Type::Bytes | Type::String => self.push("\"\""),
            Type::Date => self.push("\"2024-02-29\""),
            Type::Time(unit) => self.text.extend(time::time_text(12 * 3600 * unit.per_second(), *unit)?.as_bytes()),
            Type::Timestamp { unit, is_local } => {
                // 2024-02-29T12:00:00
                let timestamp = 1_709_208_000 * unit.per_second();
                self.text.extend(time::timestamp_text(timestamp, *unit, *is_local)?.as_bytes());
            }
            Type::Uuid | Type::FixedUuid(_) => self.push("\"00000000-0000-0000-0000-000000000000\""),
            Type::BigDecimal => self.push("0.00"),
            Type::Fixed(_) | Type::Decimal(_) => self.zero(id)?,
            Type::Duration(_) => self.push("\"P1D\""),
            Type::Enum(symbols) => self.text.extend(&symbols.symbols.first()?.json),
            Type::Record(record) => {
                self.open.push(id);
                for field in &record.fields {
                    self.text.extend(&field.member);
                    match &field.default {
                        Some(default) if !self.is_optional_null(field.type_id, default) => {
                            self.default(field.type_id, default, depth + 1)?;
                        }
                        _ => self.value(field.type_id, depth + 1)?,
                    }
                }
                self.push(if record.fields.is_empty() { "{}" } else { "}" });
                self.open.pop();
            }
            Type::Array { items, .. } => {
                self.push("[");
                if self.has_space(*items, depth) {
                    self.value(*items, depth + 1)?;
                }
                self.push("]");
            }
            Type::Map(values) => {
                self.push("{");
                if self.has_space(*values, depth) {
                    self.push("\"key\":");
                    self.value(*values, depth + 1)?;
                }
                self.push("}");
            }
            Type::Union(branches) => {
                let is_null = |branch: &&TypeId| matches!(types.get(**branch), Type::Null);
                let null = branches.iter().find(is_null);
                let branch = branches.iter().find(|branch| !is_null(branch));
                match (branch, null) {
                    (Some(branch), Some(_)) if !self.has_space(*branch, depth) => self.push("null"),
                    (Some(branch), _) => self.branch(id, *branch, depth)?,
                    (None, _) => self.push("null"),
                }
            }
        }
        Some(())
    }

    /// Whether there is space for a value that may be left out: not for a record in itself.
    fn has_space(&self, id: TypeId, depth: usize) -> bool {
        let is_open = match self.types.get(id) {
            Type::Union(branches) => branches.iter().any(|branch| self.open.contains(branch)),
            _ => self.open.contains(&id),
        };
        depth < SOFT_MAX_DEPTH && self.text.len() < self.soft_limit && !is_open
    }

    /// Whether the default of a union is null, and the union also has other types. Their example tells more.
    fn is_optional_null(&self, id: TypeId, default: &[u8]) -> bool {
        let Type::Union(branches) = self.types.get(id) else { return false };
        let [index] = default else { return false };
        let is_null =
            branches.get(usize::from(index / 2)).is_some_and(|branch| matches!(self.types.get(*branch), Type::Null));
        is_null && branches.len() > 1
    }

    /// Writes a type of a union, with its name if the value alone would be ambiguous.
    fn branch(&mut self, union: TypeId, branch: TypeId, depth: usize) -> Option<()> {
        let start = self.text.len();
        self.value(branch, depth)?;
        if !self.is_encodable(union, start) {
            let value = self.text.split_off(start);
            self.push("{");
            self.text.extend(json_string(self.types.get(branch).branch_name()));
            self.push(":");
            self.text.extend(value);
            self.push("}");
        }
        Some(())
    }

    fn is_encodable(&self, id: TypeId, start: usize) -> bool {
        let Type::Union(branches) = self.types.get(id) else { return true };
        if branches.len() == 1 {
            return true;
        }
        let Ok(text) = std::str::from_utf8(&self.text[start..]) else { return false };
        let Ok(json) = Json::parse(text) else { return false };
        encode_type(self.types, id, &json, text.len()).is_ok()
    }

    fn default(&mut self, id: TypeId, default: &[u8], depth: usize) -> Option<()> {
        let start = self.text.len();
        let decoded = decode_type(self.types, id, default, &mut JsonWriter::new(&mut self.text, LIMIT_BYTES));
        if decoded.is_err() || !self.is_encodable(id, start) {
            self.text.truncate(start);
            self.value(id, depth)?;
        }
        Some(())
    }

    /// Zero of a decimal or a fixed type.
    fn zero(&mut self, id: TypeId) -> Option<()> {
        let zero = match self.types.get(id) {
            Type::Fixed(fixed) => vec![0; Some(fixed.size).filter(|size| *size <= LIMIT_BYTES)?],
            Type::Decimal(decimal) => match &decimal.fixed {
                Some(fixed) => vec![0; Some(fixed.size).filter(|size| *size <= LIMIT_BYTES)?],
                None => vec![2, 0],
            },
            _ => return None,
        };
        decode_type(self.types, id, &zero, &mut JsonWriter::new(&mut self.text, LIMIT_BYTES)).ok().map(|_| ())
    }

    fn push(&mut self, text: &str) {
        self.text.extend(text.as_bytes());
    }
}
