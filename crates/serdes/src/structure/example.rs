//! An example of a value, from a structure.

use protocol::{SchemaStructure, SchemaType, TypeKind};

use crate::json_tree::write_string;

/// How deep arrays, objects and named types are nested in an example.
const MAX_DEPTH: usize = 8;

/// Beyond this size, fields that may be left out are left out, and arrays and maps are empty.
const SOFT_MAX_BYTES: usize = 16 * 1024;

/// The largest example. Beyond this size, all values are null: required fields of types that contain each other many times would not end.
pub(crate) const MAX_BYTES: usize = 64 * 1024;

/// JSON with the required fields, or with all fields.
pub(crate) fn example(structure: &SchemaStructure, with_optional: bool) -> String {
    let mut example = Example { structure, with_optional, json: String::new() };
    example.value(&structure.root, 0);
    example.json
}

struct Example<'s> {
    structure: &'s SchemaStructure,
    with_optional: bool,
    json: String,
}

impl Example<'_> {
    fn value(&mut self, kind: &SchemaType, depth: usize) {
        if self.json.len() > MAX_BYTES {
            self.json.push_str("null");
            return;
        }
        let is_small = depth < MAX_DEPTH && self.json.len() < SOFT_MAX_BYTES;
        match &kind.kind {
            TypeKind::Null => self.json.push_str("null"),
            TypeKind::Boolean => self.json.push_str("true"),
            TypeKind::Integer => self.json.push('1'),
            TypeKind::Number => self.json.push_str("1.5"),
            TypeKind::String => self.json.push_str(match kind.title.as_str() {
                "uuid" => "\"00000000-0000-0000-0000-000000000000\"",
                "email" => "\"name@example.com\"",
                "uri" | "iri" | "uri-reference" => "\"https://example.com/\"",
                "ipv4" => "\"192.0.2.1\"",
                "ipv6" => "\"2001:db8::1\"",
                "hostname" => "\"example.com\"",
                "duration" => "\"P1D\"",
                _ => "\"text\"",
            }),
            TypeKind::Bytes => self.json.push_str("\"Ynl0ZXM=\""),
            TypeKind::Time => self.json.push_str(match kind.title.as_str() {
                "date" => "\"2026-01-31\"",
                "time" => "\"12:30:00Z\"",
                _ => "\"2026-01-31T12:30:00Z\"",
            }),
            TypeKind::Enum(names) => write_string(names.first().map_or("", String::as_str), &mut self.json),
            TypeKind::Array(items) => {
                self.json.push('[');
                if is_small {
                    self.value(items, depth + 1);
                }
                self.json.push(']');
            }
            TypeKind::Map(values) => {
                self.json.push('{');
                if is_small && self.with_optional {
                    self.json.push_str("\"key\":");
                    self.value(values, depth + 1);
                }
                self.json.push('}');
            }
            TypeKind::Record(fields) => {
                self.json.push('{');
                let mut is_first = true;
                for field in fields {
                    let is_written = !field.optional || (self.with_optional && is_small);
                    // A type that always contains itself has no value.
                    if !is_written || depth > 4 * MAX_DEPTH {
                        continue;
                    }
                    if !std::mem::take(&mut is_first) {
                        self.json.push(',');
                    }
                    write_string(&field.name, &mut self.json);
                    self.json.push(':');
                    match &field.default {
                        Some(default) if default != "null" => self.json.push_str(default),
                        _ => self.value(&field.kind, depth + 1),
                    }
                }
                self.json.push('}');
            }
            TypeKind::Union(types) => {
                let is_null = |kind: &&SchemaType| kind.kind == TypeKind::Null;
                let other = types.iter().find(|kind| !is_null(kind));
                match other {
                    Some(kind) if is_small || !types.iter().any(|kind| is_null(&kind)) => self.value(kind, depth + 1),
                    _ => self.json.push_str("null"),
                }
            }
            TypeKind::Named(place) => {
                let named = usize::try_from(*place).ok().and_then(|place| self.structure.named.get(place));
                match named {
                    Some(kind) if depth <= 4 * MAX_DEPTH => self.value(kind, depth + 1),
                    _ => self.json.push_str("null"),
                }
            }
            TypeKind::Any => self.json.push_str("{}"),
        }
    }
}
