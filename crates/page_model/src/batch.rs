//! A text with many records: parsed in slices, so that the page stays responsive, and shown with its errors before a
//! record is sent. Only checks the text; a run sends the records.

use std::sync::Arc;

use protocol::ProduceRecord;

use formats::{BatchChoice, BatchReader, BatchReading, LineError};

/// Bytes parsed in one step, which takes some milliseconds.
const SLICE_BYTES: usize = 256 * 1024;
/// Number of records in the preview.
const PREVIEW_RECORDS: usize = 5;
/// Number of errors that are listed. All errors are counted.
const LISTED_ERRORS: usize = 100;

#[derive(Debug)]
pub struct Batch {
    /// The name of the file. `None` for typed text.
    pub name: Option<String>,
    text: Arc<str>,
    choice: BatchChoice,
    reading: BatchReading,
    /// `None` once the whole text is checked.
    reader: Option<BatchReader>,
    /// The largest record that the bridge accepts, in bytes.
    max_record_bytes: usize,
    pub check: BatchCheck,
}

/// The result of checking a batch so far.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct BatchCheck {
    pub valid: u64,
    pub invalid: u64,
    /// Total size of keys, values and headers of the valid records.
    pub bytes: u64,
    /// The first errors, by line.
    pub errors: Vec<(u64, LineError)>,
    /// The first valid records, by line.
    pub preview: Vec<(u64, ProduceRecord)>,
    pub has_partitions: bool,
    pub has_timestamps: bool,
}

impl Batch {
    pub fn new(name: Option<String>, text: Arc<str>, choice: BatchChoice, max_record_bytes: usize) -> Self {
        let reading = BatchReading::of(&text, &choice);
        let reader = Some(BatchReader::new(Arc::clone(&text), reading.clone()));
        Self { name, text, choice, reading, reader, max_record_bytes, check: BatchCheck::default() }
    }

    /// Checks the same text again with another format.
    pub fn choose(&mut self, choice: BatchChoice) {
        *self = Self::new(self.name.take(), Arc::clone(&self.text), choice, self.max_record_bytes);
    }

    pub fn text(&self) -> &str {
        &self.text
    }

    pub fn choice(&self) -> &BatchChoice {
        &self.choice
    }

    pub fn reading(&self) -> &BatchReading {
        &self.reading
    }

    pub fn is_checked(&self) -> bool {
        self.reader.is_none()
    }

    /// Bytes checked so far, and the size of the text.
    pub fn progress(&self) -> (usize, usize) {
        let all = self.text.len();
        (self.reader.as_ref().map_or(all, BatchReader::position), all)
    }

    /// A reader at the start of the text, to send the checked records.
    pub fn reader(&self) -> BatchReader {
        BatchReader::new(Arc::clone(&self.text), self.reading.clone())
    }

    /// Whether the bridge accepts a record of this size.
    pub fn fits(&self, record: &ProduceRecord) -> bool {
        record.view().size() <= self.max_record_bytes
    }

    pub fn max_record_bytes(&self) -> usize {
        self.max_record_bytes
    }

    /// Checks the next slice.
    pub fn check_slice(&mut self) {
        let Some(mut reader) = self.reader.take() else { return };
        let end = reader.position() + SLICE_BYTES;
        while reader.position() < end {
            let Some(entry) = reader.next_entry() else { return };
            let record = entry.record.and_then(|record| {
                if self.fits(&record) { Ok(record) } else { Err(LineError::TooLarge(record.view().size())) }
            });
            self.note(entry.line, record);
        }
        self.reader = Some(reader);
    }

    fn note(&mut self, line: u64, record: Result<ProduceRecord, LineError>) {
        let check = &mut self.check;
        match record {
            Ok(record) => {
                check.valid += 1;
                check.bytes += record.view().size() as u64;
                check.has_partitions |= record.partition.is_some() || self.reading.drop_partitions;
                check.has_timestamps |= record.timestamp.is_some() || self.reading.drop_timestamps;
                if check.preview.len() < PREVIEW_RECORDS {
                    check.preview.push((line, record));
                }
            }
            Err(error) => {
                check.invalid += 1;
                if check.errors.len() < LISTED_ERRORS {
                    check.errors.push((line, error));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use formats::Format;

    fn batch(text: &str) -> Batch {
        Batch::new(None, text.into(), BatchChoice::default(), 1000)
    }

    fn checked(text: &str) -> Batch {
        let mut batch = batch(text);
        while !batch.is_checked() {
            batch.check_slice();
        }
        batch
    }

    #[test]
    fn valid_and_invalid_lines_are_counted_and_the_first_of_each_listed() {
        let lines: Vec<String> =
            (0..300).map(|n| if n % 2 == 0 { format!("{{\"n\":{n}}}") } else { "{".into() }).collect();
        let BatchCheck { valid, invalid, errors, preview, .. } = checked(&lines.join("\n")).check;
        assert_eq!((valid, invalid, errors.len(), preview.len()), (150, 150, LISTED_ERRORS, PREVIEW_RECORDS));
        assert_eq!(errors[0], (2, LineError::Json { column: 1 }));
    }

    #[test]
    fn large_text_is_checked_in_slices() {
        let text = "a:b\n".repeat(SLICE_BYTES);
        let mut batch = batch(&text);
        let mut slices = 0;
        while !batch.is_checked() {
            batch.check_slice();
            slices += 1;
            assert!(batch.progress().0 <= slices * (SLICE_BYTES + 4));
        }
        assert!(slices >= 4 && batch.check.valid == SLICE_BYTES as u64);
    }

    #[test]
    fn too_large_record_is_an_error_of_its_line() {
        let text = format!("a:b\nc:{}", "x".repeat(1000));
        assert_eq!(checked(&text).check.errors, [(2, LineError::TooLarge(1001))]);
    }

    #[test]
    fn another_format_checks_the_text_again() {
        let mut batch = checked("a:1\nb:2");
        batch.choose(BatchChoice { format: Some(Format::JsonLines), ..BatchChoice::default() });
        assert!(!batch.is_checked());
        batch.check_slice();
        assert!(batch.is_checked() && batch.check.invalid == 2);
    }
}
