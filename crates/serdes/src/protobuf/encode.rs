//! Encodes JSON as a Protobuf message.
//!
//! The JSON is read once, along the fields of the message type. Scalars are read from their JSON text, so that no digit of a
//! number is lost. The fields are written in the order of their numbers, as other clients write them: equal keys must have equal
//! bytes, because the bytes choose the partition.

mod special;

use std::borrow::Cow;
use std::fmt;

use protocol::MAX_JSON_DEPTH;
use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::scalar::{self, Scalar};
use super::table::{Cardinality, Field, Kind, Message, Tables};
use super::well_known::Special;
use super::wire::WireType;
use crate::error::EncodeError;

/// The field names that an error about an unknown field lists.
const MAX_LISTED_FIELDS: usize = 20;

pub(super) fn encode(tables: &Tables, message: u32, json: &str) -> Result<Vec<u8>, EncodeError> {
    let mut encoder = Encoder { tables, out: Vec::new(), path: Vec::new(), message: None, depth: 0 };
    match encoder.read(message, json, false) {
        Ok(true) => Ok(encoder.out),
        Ok(false) => Err(EncodeError { path: String::new(), message: "expected a message, found null".to_owned() }),
        Err(error) => {
            // What was open stays in the path.
            let path = encoder.path.concat();
            let path = path.strip_prefix('.').unwrap_or(&path).to_owned();
            Err(EncodeError { path, message: encoder.message.unwrap_or_else(|| error.to_string()) })
        }
    }
}

struct Encoder<'t> {
    tables: &'t Tables,
    out: Vec<u8>,
    /// The field that is being read. A segment is removed only after a success.
    path: Vec<String>,
    /// An error of this module: serde_json would add line and column, which a path does not need.
    message: Option<String>,
    depth: usize,
}

impl Encoder<'_> {
    /// Reads a message from a JSON text of its own and appends its fields; `false` for null.
    fn read(&mut self, message: u32, json: &str, has_type: bool) -> Result<bool, serde_json::Error> {
        let mut reader = serde_json::Deserializer::from_str(json);
        let seed = Body { encoder: self, message, has_type, is_plain: false };
        let is_value = seed.deserialize(&mut reader)?;
        reader.end()?;
        Ok(is_value)
    }

    #[cold]
    fn fail<E: Error>(&mut self, message: impl Into<String>) -> E {
        // The first error is the cause of the others.
        self.message.get_or_insert(message.into());
        E::custom("invalid value")
    }

    fn varint(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.out.push(number.to_le_bytes()[0] | 0x80);
            number >>= 7;
        }
        self.out.push(number.to_le_bytes()[0]);
    }

    fn tag(&mut self, number: u32, wire_type: WireType) {
        self.varint(u64::from(number) << 3 | wire_type as u64);
    }

    /// Inserts the length of what was written since `start`.
    fn close(&mut self, start: usize) {
        let end = self.out.len();
        self.varint((end - start) as u64);
        let length_bytes = self.out.len() - end;
        self.out[start..].rotate_right(length_bytes);
    }

    fn scalar(&mut self, value: &Scalar) {
        match value {
            Scalar::Varint(number) => self.varint(*number),
            Scalar::Fixed32(number) => self.out.extend(number.to_le_bytes()),
            Scalar::Fixed64(number) => self.out.extend(number.to_le_bytes()),
            Scalar::Bytes(bytes) => {
                self.varint(bytes.len() as u64);
                self.out.extend(bytes);
            }
        }
    }

    fn scalar_field(&mut self, field: &Field, value: &Scalar) {
        if field.has_presence || !value.is_default() {
            self.tag(field.number, field.kind.wire_type());
            self.scalar(value);
        }
    }

    fn number_field(&mut self, field: &Field, number: i64) {
        self.scalar_field(field, &Scalar::Varint(number.cast_unsigned()));
    }

    fn scalar_from<E: Error>(&mut self, kind: Kind, json: &str) -> Result<Scalar, E> {
        scalar::read(self.tables, kind, json).map_err(|message| self.fail(message))
    }
}

/// Appends the fields of a message; `false` for null.
struct Body<'e, 't> {
    encoder: &'e mut Encoder<'t>,
    message: u32,
    /// Whether a member `@type` is expected.
    has_type: bool,
    /// Whether a special type is read as an object of its fields.
    is_plain: bool,
}

impl<'j> DeserializeSeed<'j> for Body<'_, '_> {
    type Value = bool;

    fn deserialize<D: Deserializer<'j>>(self, deserializer: D) -> Result<bool, D::Error> {
        let Self { encoder, message, has_type, is_plain } = self;
        if encoder.depth == MAX_JSON_DEPTH {
            return Err(encoder.fail(format!("nested deeper than {MAX_JSON_DEPTH} levels")));
        }
        encoder.depth += 1;
        let table = encoder.tables.message(message);
        let is_value = match table.special {
            Special::None | Special::Empty | Special::Struct { .. } | Special::ListValue { .. } | Special::Value => {
                deserializer.deserialize_any(Body { encoder: &mut *encoder, message, has_type, is_plain })?
            }
            _ if is_plain => {
                deserializer.deserialize_any(Body { encoder: &mut *encoder, message, has_type, is_plain })?
            }
            special => {
                let json = <&RawValue>::deserialize(deserializer)?.get();
                if json == "null" {
                    false
                } else if let Special::Any { type_url, value } = special {
                    encoder.any(table, type_url, value, json)?;
                    true
                } else if encoder.text_message(table, json)?.is_some() {
                    true
                } else {
                    let mut reader = serde_json::Deserializer::from_str(json);
                    let seed = Body { encoder: &mut *encoder, message, has_type, is_plain: true };
                    seed.deserialize(&mut reader).map_err(D::Error::custom)?
                }
            }
        };
        encoder.depth -= 1;
        Ok(is_value)
    }
}

impl<'j> Visitor<'j> for Body<'_, '_> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let table = self.encoder.tables.message(self.message);
        match table.special {
            Special::ListValue { .. } => f.write_str("an array"),
            _ => write!(f, "an object ({})", table.full_name),
        }
    }

    fn visit_unit<E: Error>(self) -> Result<bool, E> {
        self.value(1, &Scalar::Varint(0))
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<bool, E> {
        self.value(4, &Scalar::Varint(value.into()))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<bool, E> {
        self.visit_f64(value as f64)
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<bool, E> {
        self.visit_f64(value as f64)
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<bool, E> {
        self.value(2, &Scalar::Fixed64(value.to_bits()))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<bool, E> {
        self.value(3, &Scalar::Bytes(value.as_bytes().to_vec()))
    }

    fn visit_seq<A: SeqAccess<'j>>(self, elements: A) -> Result<bool, A::Error> {
        let Self { encoder, message, .. } = self;
        let table = encoder.tables.message(message);
        match table.special {
            Special::ListValue { values } => {
                Elements { encoder, field: table.field(values) }.visit_seq(elements)?;
            }
            Special::Value => encoder.inner(table, 6, |seed| seed.visit_seq(elements))?,
            _ => return Err(encoder.fail(format!("expected an object ({}), found an array", table.full_name))),
        }
        Ok(true)
    }

    fn visit_map<A: MapAccess<'j>>(self, members: A) -> Result<bool, A::Error> {
        let Self { encoder, message, has_type, is_plain } = self;
        let table = encoder.tables.message(message);
        match table.special {
            Special::Struct { fields } if !is_plain => {
                Entries { encoder, field: table.field(fields) }.visit_map(members)?;
            }
            Special::ListValue { .. } => return Err(encoder.fail("expected an array, found an object")),
            Special::Value => encoder.inner(table, 5, |seed| seed.visit_map(members))?,
            _ => encoder.members(table, has_type, members)?,
        }
        Ok(true)
    }
}

impl Body<'_, '_> {
    /// Sets the member of a google.protobuf.Value; another message has no such JSON, except null.
    fn value<E: Error>(self, number: u32, value: &Scalar) -> Result<bool, E> {
        let Self { encoder, message, .. } = self;
        let table = encoder.tables.message(message);
        if table.special == Special::Value
            && let Some(index) = table.by_number(number)
        {
            encoder.tag(number, table.field(index).kind.wire_type());
            encoder.scalar(value);
            return Ok(true);
        }
        if number == 1 {
            return Ok(false);
        }
        let found = match number {
            2 => "a number",
            3 => "a string",
            _ => "a boolean",
        };
        let expected = if matches!(table.special, Special::ListValue { .. }) { "an array" } else { "an object" };
        Err(encoder.fail(format!("expected {expected} ({}), found {found}", table.full_name)))
    }
}

impl Encoder<'_> {
    /// Writes the struct or the list inside of a google.protobuf.Value.
    fn inner<E: Error>(
        &mut self,
        table: &Message,
        number: u32,
        read: impl FnOnce(Body<'_, '_>) -> Result<bool, E>,
    ) -> Result<(), E> {
        let kind = table.by_number(number).map(|index| table.field(index).kind);
        let Some(Kind::Message(message)) = kind else {
            return Err(self.fail("the schema changed google.protobuf.Value"));
        };
        self.tag(number, WireType::Length);
        let start = self.out.len();
        read(Body { encoder: self, message, has_type: false, is_plain: false })?;
        self.close(start);
        Ok(())
    }

    /// Writes the fields of an object in the order of their numbers.
    fn members<'j, A: MapAccess<'j>>(
        &mut self,
        table: &Message,
        has_type: bool,
        mut members: A,
    ) -> Result<(), A::Error> {
        let base = self.out.len();
        // (number, start) of each field.
        let mut parts: Vec<(u32, usize)> = Vec::new();
        let mut set: Vec<u32> = Vec::new();
        while let Some(name) = members.next_key::<Cow<'j, str>>()? {
            let Some(index) = table.by_name(&name) else {
                if has_type && name == "@type" {
                    members.next_value::<serde::de::IgnoredAny>()?;
                    continue;
                }
                return Err(self.unknown_field(table, &name));
            };
            let field = table.field(index);
            self.path.push(format!(".{}", field.json_name));
            parts.push((field.number, self.out.len()));
            if !members.next_value_seed(Member { encoder: self, field })? {
                self.path.pop();
                continue;
            }
            if set.contains(&index) {
                return Err(self.fail("the field is given twice"));
            }
            if let Some(other) =
                set.iter().find(|other| field.oneof.is_some() && table.field(**other).oneof == field.oneof)
            {
                let (other, oneof) = (&table.field(*other).json_name, field.oneof_name.as_deref().unwrap_or_default());
                return Err(
                    self.fail(format!("only one field of the oneof `{oneof}` can be set, and `{other}` is set"))
                );
            }
            set.push(index);
            self.path.pop();
        }
        if let Some(index) = table.required.iter().find(|index| !set.contains(index)) {
            let name = &table.field(*index).json_name;
            return Err(self.fail(format!("the required field `{name}` of {} is missing", table.full_name)));
        }
        if !parts.is_sorted_by_key(|(number, _)| *number) {
            let unordered = self.out.split_off(base);
            let starts = parts.iter().map(|(_, start)| start - base).skip(1).chain([unordered.len()]);
            let mut ranges: Vec<_> =
                parts.iter().zip(starts).map(|((number, start), end)| (*number, start - base..end)).collect();
            ranges.sort_by_key(|(number, _)| *number);
            for (_, range) in ranges {
                self.out.extend(&unordered[range]);
            }
        }
        Ok(())
    }

    #[cold]
    fn unknown_field<E: Error>(&mut self, table: &Message, name: &str) -> E {
        let names: Vec<&str> = table.fields.iter().take(MAX_LISTED_FIELDS).map(|field| &*field.json_name).collect();
        let more = if table.fields.len() > names.len() { ", …" } else { "" };
        let name = scalar::shown(name);
        self.fail(format!("unknown field `{name}`; {} has the fields {}{more}", table.full_name, names.join(", ")))
    }

    /// Writes an element or a single value with its tag; `false` for null, which writes nothing.
    fn tagged<'j, D: Deserializer<'j>>(&mut self, field: &Field, deserializer: D) -> Result<bool, D::Error> {
        let start = self.out.len();
        let (Kind::Message(message) | Kind::Group(message)) = field.kind else {
            let Some(value) = self.scalar_or_null(field.kind, deserializer)? else { return Ok(false) };
            if field.cardinality == Cardinality::Single {
                self.scalar_field(field, &value);
            } else {
                self.tag(field.number, field.kind.wire_type());
                self.scalar(&value);
            }
            return Ok(true);
        };
        self.tag(field.number, field.kind.wire_type());
        let content = self.out.len();
        let seed = Body { encoder: self, message, has_type: false, is_plain: false };
        if !seed.deserialize(deserializer)? {
            self.out.truncate(start);
            return Ok(false);
        }
        if matches!(field.kind, Kind::Group(_)) {
            self.tag(field.number, WireType::EndGroup);
        } else {
            self.close(content);
        }
        Ok(true)
    }

    fn scalar_or_null<'j, D: Deserializer<'j>>(
        &mut self,
        kind: Kind,
        deserializer: D,
    ) -> Result<Option<Scalar>, D::Error> {
        let json = <&RawValue>::deserialize(deserializer)?.get();
        let is_null_value = matches!(kind, Kind::Enum(index) if self.tables.item(index).is_null);
        if json == "null" && !is_null_value {
            return Ok(None);
        }
        self.scalar_from(kind, json).map(Some)
    }
}

/// The value of a field; `false` for null, which leaves the field out.
struct Member<'e, 't, 'f> {
    encoder: &'e mut Encoder<'t>,
    field: &'f Field,
}

impl<'j> DeserializeSeed<'j> for Member<'_, '_, '_> {
    type Value = bool;

    fn deserialize<D: Deserializer<'j>>(self, deserializer: D) -> Result<bool, D::Error> {
        let Self { encoder, field } = self;
        match field.cardinality {
            Cardinality::Single => encoder.tagged(field, deserializer),
            Cardinality::List => deserializer.deserialize_any(Elements { encoder, field }),
            Cardinality::Map => deserializer.deserialize_any(Entries { encoder, field }),
        }
    }
}

/// The array of a repeated field.
struct Elements<'e, 't, 'f> {
    encoder: &'e mut Encoder<'t>,
    field: &'f Field,
}

impl<'j> Visitor<'j> for Elements<'_, '_, '_> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an array of {}", self.field.kind.name(self.encoder.tables))
    }

    fn visit_unit<E: Error>(self) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_seq<A: SeqAccess<'j>>(self, mut elements: A) -> Result<bool, A::Error> {
        let Self { encoder, field } = self;
        let is_packed = field.is_packed && field.kind.is_packable();
        let start = encoder.out.len();
        if is_packed {
            encoder.tag(field.number, WireType::Length);
        }
        let content = encoder.out.len();
        encoder.path.push(String::new());
        for i in 0_usize.. {
            if let Some(segment) = encoder.path.last_mut() {
                *segment = format!("[{i}]");
            }
            if elements.next_element_seed(Element { encoder: &mut *encoder, field, is_packed })?.is_none() {
                break;
            }
        }
        encoder.path.pop();
        if is_packed && encoder.out.len() == content {
            encoder.out.truncate(start);
        } else if is_packed {
            encoder.close(content);
        }
        Ok(true)
    }
}

/// An element of an array, with or without its tag.
struct Element<'e, 't, 'f> {
    encoder: &'e mut Encoder<'t>,
    field: &'f Field,
    is_packed: bool,
}

impl<'j> DeserializeSeed<'j> for Element<'_, '_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'j>>(self, deserializer: D) -> Result<(), D::Error> {
        let Self { encoder, field, is_packed } = self;
        let is_value = if is_packed {
            let value = encoder.scalar_or_null(field.kind, deserializer)?;
            if let Some(value) = &value {
                encoder.scalar(value);
            }
            value.is_some()
        } else {
            encoder.tagged(field, deserializer)?
        };
        if is_value {
            return Ok(());
        }
        let expected = field.kind.name(encoder.tables);
        Err(encoder.fail(format!("expected {expected}, found null; an element cannot be absent")))
    }
}

/// The object of a map field. An entry has both its key and its value, as other clients write it.
struct Entries<'e, 't, 'f> {
    encoder: &'e mut Encoder<'t>,
    field: &'f Field,
}

impl<'j> Visitor<'j> for Entries<'_, '_, '_> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object (a map)")
    }

    fn visit_unit<E: Error>(self) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_map<A: MapAccess<'j>>(self, mut entries: A) -> Result<bool, A::Error> {
        let Self { encoder, field } = self;
        let tables = encoder.tables;
        let Kind::Message(entry) = field.kind else { return Ok(false) };
        let Some((key_field, value_field)) = tables.message(entry).entry_fields() else { return Ok(false) };
        while let Some(key) = entries.next_key::<Cow<'j, str>>()? {
            encoder.path.push(format!("[{:?}]", scalar::shown(&key)));
            encoder.tag(field.number, WireType::Length);
            let start = encoder.out.len();
            let key = scalar::read_key(tables, key_field.kind, &key).map_err(|message| encoder.fail(message))?;
            encoder.tag(key_field.number, key_field.kind.wire_type());
            encoder.scalar(&key);
            entries.next_value_seed(EntryValue { encoder: &mut *encoder, field: value_field })?;
            encoder.close(start);
            encoder.path.pop();
        }
        Ok(true)
    }
}

struct EntryValue<'e, 't, 'f> {
    encoder: &'e mut Encoder<'t>,
    field: &'f Field,
}

impl<'j> DeserializeSeed<'j> for EntryValue<'_, '_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'j>>(self, deserializer: D) -> Result<(), D::Error> {
        let Self { encoder, field } = self;
        let is_value = if let Kind::Message(_) = field.kind {
            encoder.tagged(field, deserializer)?
        } else {
            let value = encoder.scalar_or_null(field.kind, deserializer)?;
            if let Some(value) = &value {
                encoder.tag(field.number, field.kind.wire_type());
                encoder.scalar(value);
            }
            value.is_some()
        };
        if is_value {
            return Ok(());
        }
        let expected = field.kind.name(encoder.tables);
        Err(encoder.fail(format!("expected {expected}, found null; the value of a map's entry cannot be absent")))
    }
}
