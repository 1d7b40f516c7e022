//! An example of a message type: JSON with all its fields.

use super::table::{Cardinality, Field, Kind, Message, Tables};
use super::well_known::Special;

/// How deep messages are nested in an example.
const MAX_DEPTH: usize = 6;

/// Beyond this size, embedded messages have no fields: types that have each other's types many times would not end.
const MAX_BYTES: usize = 32 * 1024;

pub(super) fn example(tables: &Tables, message: u32) -> String {
    let mut example = Example { tables, json: String::new(), open: Vec::new() };
    example.message(message);
    // Defaults and names can be of any length.
    if example.json.len() <= crate::structure::example::MAX_BYTES { example.json } else { "{}".to_owned() }
}

struct Example<'t> {
    tables: &'t Tables,
    json: String,
    /// The messages that are being written.
    open: Vec<u32>,
}

impl Example<'_> {
    fn message(&mut self, index: u32) {
        let table = self.tables.message(index);
        match table.special {
            Special::None => {
                self.json.push('{');
                self.open.push(index);
                self.fields(table);
                self.open.pop();
                self.json.push('}');
            }
            Special::Wrapper { value } => self.single(table.field(value)),
            Special::Timestamp { .. } => self.json.push_str("\"2026-01-31T12:30:00Z\""),
            Special::Duration { .. } => self.json.push_str("\"1.500s\""),
            Special::FieldMask { .. } => self.json.push_str("\"fieldName\""),
            Special::Struct { .. } => self.json.push_str("{\"name\":\"text\"}"),
            Special::Empty | Special::Any { .. } => self.json.push_str("{}"),
            Special::ListValue { .. } => self.json.push_str("[\"text\"]"),
            Special::Value => self.json.push_str("\"text\""),
            Special::Decimal { .. } => self.json.push_str("12.50"),
        }
    }

    fn fields(&mut self, table: &Message) {
        let mut is_first = true;
        let mut oneof = None;
        for field in table.fields.iter().filter(|field| !field.is_extension) {
            // Only one member of a oneof can be set; they are neighbours.
            if field.oneof.is_some() && field.oneof == oneof || (self.is_left_out(field) && !field.is_required) {
                continue;
            }
            oneof = field.oneof;
            if !std::mem::take(&mut is_first) {
                self.json.push(',');
            }
            self.json.push_str(&String::from_utf8_lossy(&field.key));
            match field.cardinality {
                Cardinality::Single => self.single(field),
                Cardinality::List => {
                    self.json.push('[');
                    self.single(field);
                    self.json.push(']');
                }
                Cardinality::Map => self.map(field),
            }
        }
    }

    /// Whether the field's type would go on without an end.
    fn is_left_out(&self, field: &Field) -> bool {
        let (Kind::Message(mut message) | Kind::Group(mut message)) = field.kind else { return false };
        if field.cardinality == Cardinality::Map
            && let Some((_, value)) = self.tables.message(message).entry_fields()
        {
            let Kind::Message(of_value) = value.kind else { return false };
            message = of_value;
        }
        self.open.len() >= MAX_DEPTH || self.open.contains(&message) || self.json.len() > MAX_BYTES
    }

    fn map(&mut self, field: &Field) {
        let Kind::Message(entry) = field.kind else { return };
        let Some((key, value)) = self.tables.message(entry).entry_fields() else { return };
        self.json.push_str(match key.kind {
            Kind::String => "{\"key\":",
            Kind::Bool => "{\"true\":",
            _ => "{\"1\":",
        });
        self.single(value);
        self.json.push('}');
    }

    fn single(&mut self, field: &Field) {
        match field.kind {
            _ if field.declared_default.is_some() => {
                self.json.push_str(field.declared_default.as_deref().unwrap_or_default());
            }
            // A required field of a recursive type has no end.
            Kind::Message(_) | Kind::Group(_) if self.is_left_out(field) => self.json.push_str("{}"),
            Kind::Message(index) | Kind::Group(index) => self.message(index),
            Kind::Double | Kind::Float => self.json.push_str("1.5"),
            Kind::Bool => self.json.push_str("true"),
            Kind::String => self.json.push_str("\"text\""),
            Kind::Bytes => self.json.push_str("\"Ynl0ZXM=\""),
            Kind::Enum(item) => {
                let item = self.tables.item(item);
                // The first value often means that none is set.
                let name = item.by_number.get(1).or(item.by_number.first()).map(|(_, name)| &**name);
                let name = if item.is_null { Some(&b"null"[..]) } else { name };
                self.json.push_str(&String::from_utf8_lossy(name.unwrap_or(b"0")));
            }
            _ => self.json.push('1'),
        }
    }
}
