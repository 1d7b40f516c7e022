//! Counts records and checks them: no offset may be missing, and a checksum covers every byte in order.

use anyhow::{Result, bail, ensure};
use serde::{Deserialize, Serialize};

/// The content of a partition, or the part of it that was received.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Content {
    pub records: u64,
    pub bytes: u64,
    /// CRC-32 over all values, one after the other: values that are lost, changed or swapped change it.
    pub checksum: u32,
}

/// Counts the records of one partition.
#[derive(Default)]
pub struct Tally {
    records: u64,
    bytes: u64,
    checksum: crc32fast::Hasher,
    next_offset: Option<i64>,
    gap: Option<(i64, i64)>,
}

impl Tally {
    /// The next record in order of offsets. The first may have any.
    pub fn push(&mut self, offset: i64, value: &[u8]) {
        if let Some(expected) = self.next_offset.filter(|expected| *expected != offset) {
            self.gap.get_or_insert((expected, offset));
        }
        self.next_offset = Some(offset + 1);
        self.push_unnumbered(value);
    }

    /// The bridge has reported every record before this offset as missing.
    pub fn jump_to(&mut self, offset: i64) {
        self.next_offset = Some(offset);
    }

    /// A record whose offset is not checked.
    pub fn push_unnumbered(&mut self, value: &[u8]) {
        self.records += 1;
        self.bytes += value.len() as u64;
        self.checksum.update(value);
    }

    pub fn records(&self) -> u64 {
        self.records
    }

    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// # Errors
    /// An offset was missing.
    pub fn content(&self) -> Result<Content> {
        if let Some((expected, found)) = self.gap {
            bail!("offset {found} came where {expected} was due, and nobody said so");
        }
        Ok(Content { records: self.records, bytes: self.bytes, checksum: self.checksum.clone().finalize() })
    }
}

impl Content {
    /// # Errors
    /// What arrived is not what was written.
    pub fn require(&self, written: &Content) -> Result<()> {
        ensure!(self == written, "read {self:?}, but {written:?} was written");
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(records: &[(i64, &[u8])]) -> Result<Content> {
        let mut tally = Tally::default();
        records.iter().for_each(|(offset, value)| tally.push(*offset, value));
        tally.content()
    }

    #[test]
    fn missing_offset_is_an_error() {
        assert!(tally(&[(5, b"a"), (6, b"b")]).is_ok());
        assert!(tally(&[(5, b"a"), (7, b"b")]).is_err());
    }

    #[test]
    fn swapped_values_change_the_checksum() {
        let (written, read) = (tally(&[(0, b"a"), (1, b"b")]), tally(&[(0, b"b"), (1, b"a")]));
        assert_ne!(written.expect("no gap"), read.expect("no gap"));
    }
}
