//! Reads the records of a batch again, in slices, so that the bridge encodes them chunk by chunk.

use formats::BatchReader;
use protocol::ProduceRecord;

use super::batch::SLICE_BYTES;
use super::encode_chunk::EncodeChunk;

/// Marked numbers, in a bit each: a text of only invalid lines needs less memory for them than for itself.
#[derive(Clone, Debug, Default)]
pub struct Marks(Vec<u64>);

impl Marks {
    /// Returns whether the number was not marked before.
    pub fn insert(&mut self, number: u64) -> bool {
        let (word, bit) = ((number / 64) as usize, 1 << (number % 64));
        if self.0.len() <= word {
            self.0.resize(word + 1, 0);
        }
        let is_new = self.0[word] & bit == 0;
        self.0[word] |= bit;
        is_new
    }

    pub fn contains(&self, number: u64) -> bool {
        self.0.get((number / 64) as usize).is_some_and(|word| word & (1 << (number % 64)) != 0)
    }
}

/// The place of a record in a batch: several records may be in one line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchLine {
    pub line: u64,
    /// The index of the entry, valid or not, from 0.
    pub entry: u64,
}

/// Reads the records of a batch again, to encode them.
#[derive(Debug)]
pub struct BatchRecords {
    reader: BatchReader,
    topic: String,
    max_record_bytes: usize,
    invalid: Marks,
    next: u64,
    /// The chunk that the last slice has begun.
    begun: Option<BatchChunk>,
}

/// The next records of a batch.
#[derive(Debug)]
pub struct BatchChunk {
    pub chunk: EncodeChunk,
    pub lines: Vec<BatchLine>,
    /// No record follows.
    pub is_last: bool,
}

impl BatchChunk {
    fn empty() -> Self {
        Self { chunk: EncodeChunk::of_file(), lines: Vec::new(), is_last: false }
    }
}

impl BatchRecords {
    /// `reader`: at the start of the text. `invalid`: the entries that are left out.
    pub fn new(reader: BatchReader, topic: &str, max_record_bytes: usize, invalid: Marks) -> Self {
        Self { reader, topic: topic.trim().to_owned(), max_record_bytes, invalid, next: 0, begun: None }
    }

    /// Reads the next slice of the text. Returns a chunk once it has `max` records, is full, or is the last one; `None` before, so that other
    /// events are handled between the slices of a text with few valid lines.
    pub fn read_slice(&mut self, max: u64) -> Option<BatchChunk> {
        let end = self.reader.position() + SLICE_BYTES;
        let BatchChunk { chunk, lines, is_last } = self.begun.get_or_insert_with(BatchChunk::empty);
        while (chunk.len() as u64) < max && !chunk.is_full() {
            if self.reader.position() >= end {
                return None;
            }
            let Some(entry) = self.reader.next_entry() else {
                *is_last = true;
                break;
            };
            let line = BatchLine { line: entry.line, entry: self.next };
            self.next += 1;
            let Ok(record) = entry.record else { continue };
            if record.view().size() <= self.max_record_bytes && !self.invalid.contains(line.entry) {
                chunk.push(line.line, ProduceRecord { topic: self.topic.clone(), ..record });
                lines.push(line);
            }
        }
        self.begun.take()
    }

    /// Bytes of the text that are read.
    pub fn position(&self) -> usize {
        self.reader.position()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marked_numbers_need_a_bit_each() {
        let mut marks = Marks::default();
        assert!(marks.insert(700) && marks.insert(0) && !marks.insert(700));
        assert!(marks.contains(0) && marks.contains(700) && !marks.contains(699) && !marks.contains(100_000));
        assert_eq!(marks.0.len(), 11);
    }
}
