//! Writes a Protobuf message as JSON, directly from its bytes.
//!
//! A message may have its fields in any order and more than once. So its fields are only located first: each occurrence is a
//! number of 8 bytes, from a tag and a value of at least 2 bytes. Sorted, they have the order in which the fields are written.

mod map_keys;
mod special;

use std::cell::Cell;
use std::ops::Range;

use protocol::MAX_JSON_DEPTH;

use self::map_keys::MapKeys;
use super::fault::Fault;
use super::table::{Cardinality, Field, Kind, Message, Tables};
use super::wire::{Cursor, Tag, WireType, stray_end};
use crate::JsonWriter;
use crate::error::{DecodeError, DecodeErrorCode};

struct Decoder<'d> {
    tables: &'d Tables,
    body: &'d [u8],
    /// The fields of the open messages, the innermost message last.
    found: Vec<Found>,
    map_keys: MapKeys<'d>,
    depth: usize,
}

/// An occurrence of a field: its index, and where its tag is. The index is in the upper half, so that a sorted list has the
/// occurrences of a field together and in their order in the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Found(u64);

impl Found {
    #[inline]
    fn new(field: u32, tag_at: usize) -> Self {
        Self(u64::from(field) << 32 | tag_at as u64)
    }

    #[inline]
    fn field(self) -> u32 {
        (self.0 >> 32) as u32
    }

    /// The position of the tag; the length of a record fits into 32 bits.
    #[inline]
    fn tag_at(self) -> usize {
        (self.0 & 0xffff_ffff) as usize
    }
}

/// A list that is larger than this is not kept for the next record.
const MAX_KEPT: usize = 4096;

thread_local! {
    /// The memory of [`Decoder::found`], for the next record.
    static KEPT: Cell<Vec<Found>> = const { Cell::new(Vec::new()) };
}

/// Writes the message type with the index.
pub(super) fn decode(tables: &Tables, message: u32, body: &[u8], json: &mut JsonWriter<'_>) -> Result<(), DecodeError> {
    if u32::try_from(body.len()).is_err() {
        let text = format!("the message has {} bytes; 4 GiB are the most", body.len());
        return Err(DecodeError::new(DecodeErrorCode::TooLarge, text));
    }
    let mut decoder = Decoder { tables, body, found: KEPT.take(), map_keys: MapKeys::new(body), depth: 0 };
    let result = decoder.embedded(message, 0..body.len(), json);
    if decoder.found.capacity() <= MAX_KEPT {
        decoder.found.clear();
        KEPT.set(decoder.found);
    }
    result.map_err(Fault::into_decode_error)
}

impl<'d> Decoder<'d> {
    /// A message that is one range of bytes.
    fn embedded(&mut self, message: u32, range: Range<usize>, json: &mut JsonWriter<'_>) -> Result<(), Fault> {
        let base = self.found.len();
        self.locate(message, range)?;
        self.message(message, base, json)?;
        self.found.truncate(base);
        Ok(())
    }

    /// Pushes the fields of a message.
    fn locate(&mut self, message: u32, range: Range<usize>) -> Result<(), Fault> {
        let table = self.tables.message(message);
        let mut cursor = Cursor::new(self.body, range);
        while !cursor.is_at_end() {
            let at = cursor.at;
            let tag = cursor.tag()?;
            if let Some(index) = table.by_number(tag.number) {
                let field = table.field(index);
                if !accepts(field, tag.wire_type) {
                    return Err(self.wrong_wire_type(field, tag, at));
                }
                cursor.skip(tag).map_err(|fault| fault.in_field(&field.name))?;
                self.found.push(Found::new(index, at));
            } else {
                cursor.skip(tag).map_err(|fault| fault.in_field(&format!("{}", tag.number)))?;
            }
        }
        Ok(())
    }

    #[cold]
    fn wrong_wire_type(&self, field: &Field, tag: Tag, at: usize) -> Fault {
        if tag.wire_type == WireType::EndGroup {
            return stray_end(tag.number, at);
        }
        let kind = field.kind.name(self.tables);
        let detail = format!(
            "byte {at} begins a value of wire type {:?}; {kind} needs {:?}",
            tag.wire_type,
            field.kind.wire_type()
        );
        Fault::malformed("the value does not match the schema", detail).in_field(&field.name)
    }

    /// Writes the message whose fields are in `found[base..]`, in any order. Leaves them there.
    fn message(&mut self, message: u32, base: usize, json: &mut JsonWriter<'_>) -> Result<(), Fault> {
        // Most messages have their fields in order.
        if !self.found[base..].is_sorted() {
            self.found[base..].sort_unstable();
        }
        self.nested(|decoder| {
            let table = decoder.tables.message(message);
            if decoder.special(table, base, json)? {
                return Ok(());
            }
            json.raw(b"{")?;
            decoder.members(table, base, true, json)?;
            Ok(json.raw(b"}")?)
        })
    }

    /// Writes something that is one level deeper.
    #[inline]
    fn nested(&mut self, write: impl FnOnce(&mut Self) -> Result<(), Fault>) -> Result<(), Fault> {
        if self.depth == MAX_JSON_DEPTH {
            return Err(Fault::too_deep(MAX_JSON_DEPTH));
        }
        self.depth += 1;
        let result = write(self);
        self.depth -= 1;
        result
    }

    /// Writes the members of the object; `found[base..]` is sorted.
    fn members(
        &mut self,
        table: &'d Message,
        base: usize,
        mut is_first: bool,
        json: &mut JsonWriter<'_>,
    ) -> Result<(), Fault> {
        let end = self.found.len();
        let mut absent = table.always_written.iter().copied().peekable();
        let mut at = base;
        loop {
            let next = self.found[..end].get(at).map(|found| found.field());
            while let Some(index) = absent.next_if(|index| next.is_none_or(|next| *index <= next)) {
                if next != Some(index) {
                    let field = table.field(index);
                    key(field, &mut is_first, json)?;
                    json.raw(&field.default)?;
                }
            }
            let Some(index) = next else { return Ok(()) };
            let mut field = table.field(index);
            let mut occurrences = self.same(at..end, |other| other == index);
            at = occurrences.end;
            if field.oneof.is_some() && at < end {
                let members = self.same(occurrences.start..end, |other| table.field(other).oneof == field.oneof);
                at = members.end;
                (field, occurrences) = self.last_member(table, members);
            }
            key(field, &mut is_first, json)?;
            self.value(field, occurrences, json).map_err(|fault| fault.in_field(&field.name))?;
        }
    }

    /// The range of the neighbours at its start whose field is accepted, the first one included.
    #[inline]
    fn same(&self, range: Range<usize>, accept: impl Fn(u32) -> bool) -> Range<usize> {
        let others = self.found[range.start + 1..range.end].iter();
        range.start..range.start + 1 + others.take_while(|found| accept(found.field())).count()
    }

    /// Of the members of a oneof the one that is set last, and its occurrences after those of other members: each other
    /// member clears it.
    fn last_member(&self, table: &'d Message, members: Range<usize>) -> (&'d Field, Range<usize>) {
        let found = &self.found[members.clone()];
        let index = found.iter().max_by_key(|found| found.tag_at()).map_or(0, |last| last.field());
        let start = found.partition_point(|found| found.field() < index);
        let end = found.partition_point(|found| found.field() <= index);
        let others = found[..start].iter().chain(&found[end..]);
        let cleared = others.map(|found| found.tag_at()).max();
        let kept = found[start..end].partition_point(|found| cleared.is_some_and(|at| found.tag_at() < at));
        (table.field(index), members.start + start + kept..members.start + end)
    }

    /// Writes the value of a field that occurs at least once.
    fn value(&mut self, field: &'d Field, occurrences: Range<usize>, json: &mut JsonWriter<'_>) -> Result<(), Fault> {
        match field.cardinality {
            Cardinality::Single => self.single(field.kind, occurrences, json),
            Cardinality::List => self.nested(|decoder| {
                json.raw(b"[")?;
                decoder.elements(field.kind, occurrences, json)?;
                Ok(json.raw(b"]")?)
            }),
            Cardinality::Map => self.nested(|decoder| {
                json.raw(b"{")?;
                decoder.entries(field.kind, occurrences, json)?;
                Ok(json.raw(b"}")?)
            }),
        }
    }

    fn single(&mut self, kind: Kind, occurrences: Range<usize>, json: &mut JsonWriter<'_>) -> Result<(), Fault> {
        let (Kind::Message(message) | Kind::Group(message)) = kind else {
            let (_, mut cursor) = self.value_at(occurrences.end - 1)?;
            return self.scalar(kind, &mut cursor, json);
        };
        // Embedded messages that occur several times are merged.
        let base = self.found.len();
        for i in occurrences {
            let range = self.message_at(i)?;
            self.locate(message, range)?;
        }
        self.message(message, base, json)?;
        self.found.truncate(base);
        Ok(())
    }

    fn elements(&mut self, kind: Kind, occurrences: Range<usize>, json: &mut JsonWriter<'_>) -> Result<(), Fault> {
        let mut count = 0;
        for i in occurrences {
            let (tag, mut cursor) = self.value_at(i)?;
            if let Kind::Message(message) | Kind::Group(message) = kind {
                comma(count, json)?;
                let range = self.message_at(i)?;
                self.embedded(message, range, json).map_err(|fault| fault.in_element(count))?;
                count += 1;
                continue;
            }
            if tag.wire_type == WireType::Length && kind.is_packable() {
                cursor = Cursor::new(self.body, cursor.length_delimited()?);
                while !cursor.is_at_end() {
                    comma(count, json)?;
                    self.scalar(kind, &mut cursor, json).map_err(|fault| fault.in_element(count))?;
                    count += 1;
                }
            } else {
                comma(count, json)?;
                self.scalar(kind, &mut cursor, json).map_err(|fault| fault.in_element(count))?;
                count += 1;
            }
        }
        Ok(())
    }

    fn entries(&mut self, kind: Kind, occurrences: Range<usize>, json: &mut JsonWriter<'_>) -> Result<(), Fault> {
        let Kind::Message(message) = kind else { return Ok(()) };
        let table = self.tables.message(message);
        let Some((key_field, value_field)) = table.entry_fields() else { return Ok(()) };
        let last_of_keys = &mut self.found[occurrences.clone()];
        let count = self.map_keys.keep_last(last_of_keys, key_field.kind)?;
        for (written, i) in (occurrences.start..occurrences.start + count).enumerate() {
            comma(written, json)?;
            let base = self.found.len();
            let range = self.message_at(i)?;
            let entry = range.clone();
            self.locate(message, range)?;
            self.found[base..].sort_unstable();
            let values_at = base + self.found[base..].partition_point(|found| table.field(found.field()).number == 1);
            self.entry(key_field, value_field, base, values_at, json)
                .map_err(|fault| fault.in_entry(&self.key_text(key_field.kind, entry)))?;
            self.found.truncate(base);
        }
        Ok(())
    }

    /// Writes an entry whose keys are in `found[base..values_at]`, and whose values come then.
    fn entry(
        &mut self,
        key_field: &'d Field,
        value_field: &'d Field,
        base: usize,
        values_at: usize,
        json: &mut JsonWriter<'_>,
    ) -> Result<(), Fault> {
        let end = self.found.len();
        if key_field.kind == Kind::String {
            if values_at == base {
                json.raw(b"\"\"")?;
            } else {
                let (_, mut cursor) = self.value_at(values_at - 1)?;
                self.scalar(Kind::String, &mut cursor, json)?;
            }
        } else {
            json.raw(b"\"")?;
            if values_at == base {
                json.raw(&key_field.default)?;
            } else {
                let (_, mut cursor) = self.value_at(values_at - 1)?;
                self.scalar(key_field.kind, &mut cursor, json)?;
            }
            json.raw(b"\"")?;
        }
        json.raw(b":")?;
        match value_field.kind {
            _ if values_at < end => self.value(value_field, values_at..end, json),
            Kind::Message(message) => self.message(message, end, json),
            _ => Ok(json.raw(&value_field.default)?),
        }
    }

    /// The key of an entry for an error.
    #[cold]
    fn key_text(&self, kind: Kind, entry: Range<usize>) -> String {
        let mut text = Vec::new();
        let mut json = JsonWriter::new(&mut text, 200);
        let mut cursor = Cursor::new(self.body, entry);
        while let (false, Ok(tag)) = (cursor.is_at_end(), cursor.tag()) {
            if tag.number == 1 {
                let _ = self.scalar(kind, &mut cursor, &mut json);
                break;
            }
            if cursor.skip(tag).is_err() {
                break;
            }
        }
        String::from_utf8(text).unwrap_or_default()
    }

    /// The tag of an occurrence, and a cursor at its value.
    #[inline]
    fn value_at(&self, i: usize) -> Result<(Tag, Cursor<'d>), Fault> {
        let mut cursor = Cursor::new(self.body, self.found[i].tag_at()..self.body.len());
        Ok((cursor.tag()?, cursor))
    }

    /// The range of an embedded message or group.
    fn message_at(&self, i: usize) -> Result<Range<usize>, Fault> {
        let (tag, mut cursor) = self.value_at(i)?;
        match tag.wire_type {
            WireType::StartGroup => cursor.group(tag.number),
            _ => cursor.length_delimited(),
        }
    }

    #[inline]
    fn scalar(&self, kind: Kind, cursor: &mut Cursor<'_>, json: &mut JsonWriter<'_>) -> Result<(), Fault> {
        match kind {
            Kind::Double => json.double(f64::from_bits(cursor.fixed64()?))?,
            Kind::Float => json.float(f32::from_bits(cursor.fixed32()?))?,
            Kind::Int32 => json.integer(low_bits(cursor.varint()?).cast_signed())?,
            Kind::Int64 => json.integer(cursor.varint()?.cast_signed())?,
            Kind::Uint32 => json.integer(low_bits(cursor.varint()?))?,
            Kind::Uint64 => json.integer(cursor.varint()?)?,
            Kind::Sint32 => {
                let zigzag = low_bits(cursor.varint()?);
                json.integer((zigzag >> 1).cast_signed() ^ -(zigzag & 1).cast_signed())?;
            }
            Kind::Sint64 => {
                let zigzag = cursor.varint()?;
                json.integer((zigzag >> 1).cast_signed() ^ -(zigzag & 1).cast_signed())?;
            }
            Kind::Fixed32 => json.integer(cursor.fixed32()?)?,
            Kind::Fixed64 => json.integer(cursor.fixed64()?)?,
            Kind::Sfixed32 => json.integer(cursor.fixed32()?.cast_signed())?,
            Kind::Sfixed64 => json.integer(cursor.fixed64()?.cast_signed())?,
            Kind::Bool => json.raw(if cursor.varint()? == 0 { b"false" } else { b"true" })?,
            Kind::String => {
                let range = cursor.length_delimited()?;
                json.string(utf8(self.body, range)?)?;
            }
            Kind::Bytes => json.base64(&self.body[cursor.length_delimited()?])?,
            Kind::Enum(index) => {
                let number = low_bits(cursor.varint()?).cast_signed();
                let item = self.tables.item(index);
                match item.name(number) {
                    _ if item.is_null => json.raw(b"null")?,
                    Some(name) => json.raw(name)?,
                    // Also for closed enums: a number says more than nothing.
                    None => json.integer(number)?,
                }
            }
            // The callers write them.
            Kind::Message(_) | Kind::Group(_) => {}
        }
        Ok(())
    }
}

/// A text of the record.
fn utf8(body: &[u8], range: Range<usize>) -> Result<&str, Fault> {
    let start = range.start;
    std::str::from_utf8(&body[range]).map_err(|error| {
        let at = start + error.valid_up_to();
        let byte = body.get(at).copied().unwrap_or_default();
        Fault::malformed("invalid UTF-8", format!("byte {at} is 0x{byte:02x}; the text begins at byte {start}"))
    })
}

/// 32-bit numbers may be written with 64 bits; negative ones are.
#[inline]
fn low_bits(varint: u64) -> u32 {
    (varint & 0xffff_ffff) as u32
}

#[inline]
fn accepts(field: &Field, wire_type: WireType) -> bool {
    wire_type == field.kind.wire_type()
        || (wire_type == WireType::Length && field.cardinality == Cardinality::List && field.kind.is_packable())
}

#[inline]
fn key(field: &Field, is_first: &mut bool, json: &mut JsonWriter<'_>) -> Result<(), DecodeError> {
    if !std::mem::take(is_first) {
        json.raw(b",")?;
    }
    json.raw(&field.key)
}

#[inline]
fn comma(written: usize, json: &mut JsonWriter<'_>) -> Result<(), DecodeError> {
    if written > 0 { json.raw(b",") } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::{Decoder, Found, MapKeys};
    use crate::JsonWriter;
    use crate::protobuf::ProtobufSchema;

    /// The memory that is allocated at the end; while a list grows, its old half is allocated too.
    #[test]
    fn memory_is_at_most_16_bytes_for_each_byte_of_the_record() {
        let proto = "syntax = \"proto3\"; message M { int32 a = 1; map<int32, int32> map = 2; map<string, M> texts = 3; repeated M list = 4; repeated int32 packed = 5; }";
        let schema = ProtobufSchema::parse(proto, &[]).expect("a valid schema");
        let message = schema.by_name("M").expect("M").index;
        let count = 100_000;
        let keys: Vec<u8> =
            (0..count).flat_map(|i: u32| [18, 4, 8, i as u8 | 0x80, (i >> 7) as u8 | 0x80, (i >> 14) as u8]).collect();
        let packed = [&[42, 0xa0, 0x8d, 6][..], &vec![0; 100_000]].concat();
        let bodies = [
            [8, 0].repeat(count as usize),
            [18, 0].repeat(count as usize),
            [26, 2, 10, 0].repeat(count as usize),
            [34, 0].repeat(count as usize),
            keys,
            packed,
        ];
        for body in bodies {
            let mut text = Vec::new();
            let mut decoder = Decoder {
                tables: &schema.tables,
                body: &body,
                found: Vec::new(),
                map_keys: MapKeys::new(&body),
                depth: 0,
            };
            let result = decoder.embedded(message, 0..body.len(), &mut JsonWriter::new(&mut text, 1 << 24));
            assert!(result.is_ok(), "{:?}: {result:?}", &body[..10]);
            let growing = decoder.found.capacity() * size_of::<Found>() * 3 / 2;
            let memory = growing.max(decoder.found.capacity() * size_of::<Found>() + decoder.map_keys.memory());
            assert!(memory <= 16 * body.len() + 65_536, "{memory} bytes for {} bytes: {:?}", body.len(), &body[..10]);
        }
    }
}
