//! Which entries of a map field count: of entries with the same key only the last one does.

use super::{Found, low_bits};
use crate::protobuf::fault::Fault;
use crate::protobuf::table::Kind;
use crate::protobuf::wire::Cursor;

pub(super) struct MapKeys<'d> {
    body: &'d [u8],
    /// Only used during a call; kept for its memory. The reserved size is exact: together with the list of fields, a key must
    /// not take more than 16 bytes for each byte of the record.
    keys: Vec<Key>,
}

/// The key of an entry with an explicit key, which has at least 4 bytes in the record.
#[derive(Clone, Copy)]
struct Key {
    /// The number, or start and length of the text.
    value: u64,
    /// The index of the entry.
    entry: u32,
}

impl<'d> MapKeys<'d> {
    pub(super) fn new(body: &'d [u8]) -> Self {
        Self { body, keys: Vec::new() }
    }

    /// The bytes that are allocated.
    #[cfg(test)]
    pub(super) fn memory(&self) -> usize {
        self.keys.capacity() * size_of::<Key>()
    }

    /// Moves the entries that count to the front, in their order, and returns how many there are.
    pub(super) fn keep_last(&mut self, entries: &mut [Found], kind: Kind) -> Result<usize, Fault> {
        if entries.len() < 2 {
            return Ok(entries.len());
        }
        let mut explicit = 0;
        let mut without_key = None;
        for (i, entry) in entries.iter().enumerate() {
            match self.key(*entry, kind)? {
                Some(_) => explicit += 1,
                None => without_key = Some(i),
            }
        }
        self.keys.clear();
        self.keys.reserve_exact(explicit + 1);
        for (i, entry) in (0..).zip(entries.iter()) {
            // A missing key is 0 or empty. Of the entries without a key only the last one can count.
            let value = match self.key(*entry, kind)? {
                Some(value) => value,
                None if without_key == Some(i as usize) => 0,
                None => continue,
            };
            self.keys.push(Key { value, entry: i });
        }
        let body = self.body;
        if kind == Kind::String {
            let text = |key: &Key| {
                let start = (key.value >> 32) as usize;
                &body[start..start + (key.value & 0xffff_ffff) as usize]
            };
            self.keys.sort_unstable_by(|a, b| text(a).cmp(text(b)).then(b.entry.cmp(&a.entry)));
            self.keys.dedup_by(|a, b| text(a) == text(b));
        } else {
            self.keys.sort_unstable_by(|a, b| a.value.cmp(&b.value).then(b.entry.cmp(&a.entry)));
            self.keys.dedup_by(|a, b| a.value == b.value);
        }
        self.keys.sort_unstable_by_key(|key| key.entry);
        for (i, key) in self.keys.iter().enumerate() {
            entries[i] = entries[key.entry as usize];
        }
        Ok(self.keys.len())
    }

    /// The last key of an entry; `None` without a key.
    fn key(&self, entry: Found, kind: Kind) -> Result<Option<u64>, Fault> {
        let mut cursor = Cursor::new(self.body, entry.tag_at()..self.body.len());
        cursor.tag()?;
        let mut cursor = Cursor::new(self.body, cursor.length_delimited()?);
        let mut key = None;
        while !cursor.is_at_end() {
            let tag = cursor.tag()?;
            if tag.number != 1 || tag.wire_type != kind.wire_type() {
                cursor.skip(tag)?;
                continue;
            }
            key = Some(match kind {
                Kind::String => {
                    let range = cursor.length_delimited()?;
                    (range.start as u64) << 32 | range.len() as u64
                }
                Kind::Fixed32 | Kind::Sfixed32 => cursor.fixed32()?.into(),
                Kind::Fixed64 | Kind::Sfixed64 => cursor.fixed64()?,
                Kind::Bool => u64::from(cursor.varint()? != 0),
                Kind::Int32 | Kind::Uint32 | Kind::Sint32 => low_bits(cursor.varint()?).into(),
                _ => cursor.varint()?,
            });
        }
        Ok(key)
    }
}
