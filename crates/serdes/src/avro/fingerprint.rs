//! The fingerprint of a schema: CRC-64-AVRO of its parsing canonical form, which leaves out documentation, aliases,
//! defaults and logical types.

use std::collections::HashSet;

use super::json_string;
use super::types::{Type, TypeId, Types};

/// The seed and the polynomial of CRC-64-AVRO.
const EMPTY: u64 = 0xc15d_213a_a4d7_a795;

/// How deep types are described inside of each other. Schemas that are nested deeper have no fingerprint that others
/// know.
const MAX_DEPTH: usize = 2 * protocol::MAX_JSON_DEPTH;

pub(super) fn fingerprint(types: &Types) -> u64 {
    let mut form = CanonicalForm { types, text: Vec::new(), described: HashSet::new() };
    form.describe(types.root, 0);
    crc64(&form.text)
}

fn crc64(bytes: &[u8]) -> u64 {
    bytes.iter().fold(EMPTY, |crc, byte| {
        let mut entry = (crc ^ u64::from(*byte)) & 0xff;
        for _ in 0..8 {
            entry = entry >> 1 ^ (EMPTY & (entry & 1).wrapping_neg());
        }
        crc >> 8 ^ entry
    })
}

struct CanonicalForm<'s> {
    types: &'s Types,
    text: Vec<u8>,
    /// Named types, which are only named where they occur again.
    described: HashSet<TypeId>,
}

impl CanonicalForm<'_> {
    fn describe(&mut self, id: TypeId, depth: usize) {
        let described = self.types.get(id);
        if let Some(name) = described.name()
            && (depth == MAX_DEPTH || !self.described.insert(id))
        {
            self.string(name);
            return;
        }
        match described {
            Type::Record(record) => {
                self.start("name", &record.name);
                self.text.extend(b",\"type\":\"record\",\"fields\":[");
                for (index, field) in record.fields.iter().enumerate() {
                    self.comma(index);
                    self.start("name", &field.name);
                    self.text.extend(b",\"type\":");
                    self.describe(field.type_id, depth + 1);
                    self.text.push(b'}');
                }
                self.text.extend(b"]}");
            }
            Type::Enum(symbols) => {
                self.start("name", &symbols.name);
                self.text.extend(b",\"type\":\"enum\",\"symbols\":[");
                for (index, symbol) in symbols.symbols.iter().enumerate() {
                    self.comma(index);
                    self.text.extend(&symbol.json);
                }
                self.text.extend(b"]}");
            }
            Type::Array { items, .. } => {
                self.text.extend(b"{\"type\":\"array\",\"items\":");
                self.describe(*items, depth + 1);
                self.text.push(b'}');
            }
            Type::Map(values) => {
                self.text.extend(b"{\"type\":\"map\",\"values\":");
                self.describe(*values, depth + 1);
                self.text.push(b'}');
            }
            Type::Union(branches) => {
                self.text.push(b'[');
                for (index, branch) in branches.iter().enumerate() {
                    self.comma(index);
                    self.describe(*branch, depth + 1);
                }
                self.text.push(b']');
            }
            Type::Fixed(fixed) | Type::FixedUuid(fixed) | Type::Duration(fixed) => self.fixed(&fixed.name, fixed.size),
            Type::Decimal(decimal) if let Some(fixed) = &decimal.fixed => self.fixed(&fixed.name, fixed.size),
            primitive => self.string(primitive.branch_name()),
        }
    }

    fn fixed(&mut self, name: &str, size: usize) {
        self.start("name", name);
        self.text.extend(format!(",\"type\":\"fixed\",\"size\":{size}}}").bytes());
    }

    /// Opens an object with its first member.
    fn start(&mut self, member: &str, value: &str) {
        self.text.push(b'{');
        self.string(member);
        self.text.push(b':');
        self.string(value);
    }

    fn comma(&mut self, index: usize) {
        if index > 0 {
            self.text.push(b',');
        }
    }

    fn string(&mut self, text: &str) {
        self.text.extend(json_string(text));
    }
}
