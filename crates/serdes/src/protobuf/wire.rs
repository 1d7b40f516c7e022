//! Reads Protobuf's wire format: varints, tags, fixed-width numbers and lengths.

use std::ops::Range;

use super::fault::Fault;

/// How deep groups of an unknown field may be nested; also the limit of Protobuf's own parsers.
const MAX_UNKNOWN_GROUPS: usize = 100;

/// In the order of their numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WireType {
    Varint,
    Fixed64,
    Length,
    StartGroup,
    EndGroup,
    Fixed32,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Tag {
    pub(super) number: u32,
    pub(super) wire_type: WireType,
    /// Where it begins.
    pub(super) at: usize,
}

/// A position in the bytes of a record. `end` is the end of the current message, or of a packed field.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cursor<'b> {
    pub(super) body: &'b [u8],
    pub(super) at: usize,
    pub(super) end: usize,
}

impl<'b> Cursor<'b> {
    pub(super) fn new(body: &'b [u8], range: Range<usize>) -> Self {
        Self { body, at: range.start, end: range.end }
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.at >= self.end
    }

    #[inline]
    pub(super) fn varint(&mut self) -> Result<u64, Fault> {
        match self.body.get(self.at) {
            Some(&byte) if byte < 0x80 && self.at < self.end => {
                self.at += 1;
                Ok(u64::from(byte))
            }
            _ => self.long_varint(),
        }
    }

    fn long_varint(&mut self) -> Result<u64, Fault> {
        let start = self.at;
        let bytes = &self.body[start.min(self.end)..self.end];
        let mut value = 0;
        for (i, &byte) in bytes.iter().take(10).enumerate() {
            // The tenth byte has only the highest bit.
            if i == 9 && byte > 1 {
                break;
            }
            value |= u64::from(byte & 0x7f) << (7 * i);
            if byte < 0x80 {
                self.at = start + i + 1;
                return Ok(value);
            }
        }
        if bytes.len() < 10 {
            return Err(Fault::malformed("1 byte short", format!("the varint at byte {start} has no last byte")));
        }
        Err(Fault::malformed("a varint of more than 64 bits", format!("at byte {start}")))
    }

    #[inline]
    pub(super) fn tag(&mut self) -> Result<Tag, Fault> {
        let start = self.at;
        let key = self.varint()?;
        let wire_type = match key & 7 {
            0 => WireType::Varint,
            1 => WireType::Fixed64,
            2 => WireType::Length,
            3 => WireType::StartGroup,
            4 => WireType::EndGroup,
            5 => WireType::Fixed32,
            other => return Err(Fault::malformed(format!("unknown wire type {other}"), format!("at byte {start}"))),
        };
        match u32::try_from(key >> 3) {
            Ok(number @ 1..=0x1fff_ffff) => Ok(Tag { number, wire_type, at: start }),
            _ => Err(Fault::malformed(
                format!("field number {}", key >> 3),
                format!("at byte {start}; field numbers are between 1 and 536870911"),
            )),
        }
    }

    #[inline]
    pub(super) fn fixed32(&mut self) -> Result<u32, Fault> {
        let bytes = self.take(4, "a 32-bit number")?;
        Ok(u32::from_le_bytes(bytes.try_into().unwrap_or_default()))
    }

    #[inline]
    pub(super) fn fixed64(&mut self) -> Result<u64, Fault> {
        let bytes = self.take(8, "a 64-bit number")?;
        Ok(u64::from_le_bytes(bytes.try_into().unwrap_or_default()))
    }

    /// The range of a value that begins with its length.
    #[inline]
    pub(super) fn length_delimited(&mut self) -> Result<Range<usize>, Fault> {
        let length = self.varint()?;
        let left = self.end - self.at;
        match usize::try_from(length) {
            Ok(length) if length <= left => {
                let start = self.at;
                self.at += length;
                Ok(start..self.at)
            }
            _ => Err(short(length - left as u64, &format!("{length} bytes"), self.at)),
        }
    }

    #[inline]
    fn take(&mut self, count: usize, what: &str) -> Result<&'b [u8], Fault> {
        let left = self.end - self.at;
        if count > left {
            return Err(short((count - left) as u64, what, self.at));
        }
        let start = self.at;
        self.at += count;
        Ok(&self.body[start..self.at])
    }

    /// Skips the value after a tag.
    #[inline]
    pub(super) fn skip(&mut self, tag: Tag) -> Result<(), Fault> {
        match tag.wire_type {
            WireType::Varint => self.varint().map(|_| ()),
            WireType::Fixed64 => self.take(8, "a 64-bit number").map(|_| ()),
            WireType::Length => self.length_delimited().map(|_| ()),
            WireType::Fixed32 => self.take(4, "a 32-bit number").map(|_| ()),
            WireType::StartGroup => self.group(tag.number).map(|_| ()),
            WireType::EndGroup => Err(stray_end(tag.number, tag.at)),
        }
    }

    /// The range of the fields of a group whose start tag was read; the cursor is then after its end tag.
    pub(super) fn group(&mut self, number: u32) -> Result<Range<usize>, Fault> {
        let start = self.at;
        let mut open = Vec::new();
        let mut innermost = number;
        loop {
            let at = self.at;
            if self.is_at_end() {
                return Err(Fault::malformed(
                    format!("no end of group {innermost}"),
                    format!("the group at byte {start} ends at byte {at} without its end tag"),
                ));
            }
            let tag = self.tag()?;
            match tag.wire_type {
                WireType::StartGroup if open.len() == MAX_UNKNOWN_GROUPS => {
                    return Err(Fault::too_deep(MAX_UNKNOWN_GROUPS));
                }
                WireType::StartGroup => {
                    open.push(innermost);
                    innermost = tag.number;
                }
                WireType::EndGroup if tag.number != innermost => return Err(stray_end(tag.number, at)),
                WireType::EndGroup => match open.pop() {
                    Some(outer) => innermost = outer,
                    None => return Ok(start..at),
                },
                _ => self.skip(tag)?,
            }
        }
    }
}

#[cold]
fn short(missing: u64, what: &str, at: usize) -> Fault {
    let unit = if missing == 1 { "byte" } else { "bytes" };
    Fault::malformed(format!("{missing} {unit} short"), format!("{what} expected at byte {at}"))
}

#[cold]
pub(super) fn stray_end(number: u32, at: usize) -> Fault {
    Fault::malformed(format!("end of group {number} without its start"), format!("at byte {at}"))
}
