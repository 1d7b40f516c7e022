//! Writes messages whose JSON is not an object of their fields.

use std::ops::Range;

use super::{Decoder, low_bits, utf8};
use crate::JsonWriter;
use crate::decimal;
use crate::protobuf::fault::Fault;
use crate::protobuf::table::Message;
use crate::protobuf::well_known::{self, Special};

impl<'d> Decoder<'d> {
    /// Writes the message whose sorted fields are in `found[base..]`, unless it is an ordinary one. A value that has no
    /// special JSON, such as a time after the year 9999, is written as an object of its fields: also then, the reader sees it.
    pub(super) fn special(
        &mut self,
        table: &'d Message,
        base: usize,
        json: &mut JsonWriter<'_>,
    ) -> Result<bool, Fault> {
        match table.special {
            Special::None => return Ok(false),
            Special::Empty => json.raw(b"{}")?,
            Special::Timestamp { seconds, nanos } | Special::Duration { seconds, nanos } => {
                let seconds = self.number(base, seconds)?.cast_signed();
                let nanos = low_bits(self.number(base, nanos)?).cast_signed();
                let text = match table.special {
                    Special::Timestamp { .. } => well_known::timestamp(seconds, nanos),
                    _ => well_known::duration(seconds, nanos),
                };
                let Some(text) = text else { return Ok(false) };
                json.raw(text.as_bytes())?;
            }
            Special::FieldMask { paths } => {
                let Some(text) = self.field_mask(base, paths)? else { return Ok(false) };
                json.string(&text)?;
            }
            Special::Wrapper { value } => {
                let field = table.field(value);
                let occurrences = self.occurrences(base, value);
                if occurrences.is_empty() {
                    json.raw(&field.default)?;
                } else {
                    self.value(field, occurrences, json)?;
                }
            }
            Special::Struct { fields: index } | Special::ListValue { values: index } => {
                let field = table.field(index);
                let occurrences = self.occurrences(base, index);
                if occurrences.is_empty() {
                    json.raw(&field.default)?;
                } else {
                    self.value(field, occurrences, json)?;
                }
            }
            Special::Value => {
                let all = base..self.found.len();
                if all.is_empty() {
                    json.raw(b"null")?;
                } else {
                    let (field, occurrences) = self.last_member(table, all);
                    self.value(field, occurrences, json)?;
                }
            }
            Special::Any { type_url, value } => self.any(base, type_url, value, json)?,
            Special::Decimal { value, scale, .. } => {
                let unscaled = &self.body[self.bytes(base, value)?];
                let scale = low_bits(self.number(base, scale)?).cast_signed();
                if unscaled.len() > decimal::MAX_BYTES {
                    return Ok(false);
                }
                decimal::write(json, unscaled, -i64::from(scale))?;
            }
        }
        Ok(true)
    }

    /// An object with `@type` and the fields of the message, or with `value` if the type has no fields in JSON, or if the
    /// schema does not have the type (then it is base64).
    fn any(&mut self, base: usize, type_url: u32, value: u32, json: &mut JsonWriter<'_>) -> Result<(), Fault> {
        let url = utf8(self.body, self.bytes(base, type_url)?)?;
        let range = self.bytes(base, value)?;
        if url.is_empty() && range.is_empty() {
            return Ok(json.raw(b"{}")?);
        }
        json.raw(b"{\"@type\":")?;
        json.string(url)?;
        match self.tables.any_type(url) {
            None => {
                json.raw(b",\"value\":")?;
                json.base64(&self.body[range])?;
            }
            Some(message) if self.tables.message(message).special == Special::None => {
                let start = self.found.len();
                self.locate(message, range)?;
                self.found[start..].sort_unstable();
                self.members(self.tables.message(message), start, false, json)?;
                self.found.truncate(start);
            }
            Some(message) => {
                json.raw(b",\"value\":")?;
                self.embedded(message, range, json).map_err(|fault| fault.in_field("value"))?;
            }
        }
        Ok(json.raw(b"}")?)
    }

    /// The paths in camel case with commas; `None` if one cannot be restored from that.
    fn field_mask(&self, base: usize, paths: u32) -> Result<Option<String>, Fault> {
        let mut text = String::new();
        for (written, i) in self.occurrences(base, paths).enumerate() {
            let (_, mut cursor) = self.value_at(i)?;
            let Some(path) = well_known::to_camel_case(utf8(self.body, cursor.length_delimited()?)?) else {
                return Ok(None);
            };
            if path.is_empty() {
                return Ok(None);
            }
            if written > 0 {
                text.push(',');
            }
            text.push_str(&path);
        }
        Ok(Some(text))
    }

    /// Where the field is in the sorted `found[base..]`.
    fn occurrences(&self, base: usize, field: u32) -> Range<usize> {
        let found = &self.found[base..];
        let start = found.partition_point(|found| found.field() < field);
        let end = found.partition_point(|found| found.field() <= field);
        base + start..base + end
    }

    /// The varint of a field; 0 if it is absent.
    fn number(&self, base: usize, field: u32) -> Result<u64, Fault> {
        let occurrences = self.occurrences(base, field);
        if occurrences.is_empty() {
            return Ok(0);
        }
        self.value_at(occurrences.end - 1)?.1.varint()
    }

    /// The bytes of a field; none if it is absent.
    fn bytes(&self, base: usize, field: u32) -> Result<Range<usize>, Fault> {
        let occurrences = self.occurrences(base, field);
        if occurrences.is_empty() {
            return Ok(0..0);
        }
        self.value_at(occurrences.end - 1)?.1.length_delimited()
    }
}
