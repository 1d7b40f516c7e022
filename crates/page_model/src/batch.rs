//! A text with many records: parsed in slices, so that the page stays responsive, and shown with its errors before a
//! record is sent. Only checks the text; a run sends the records.

use std::sync::Arc;

use protocol::ProduceRecord;

use formats::{BatchChoice, BatchReader, BatchReading, LineError, Topics};

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
    keep: FieldChoice,
    pub check: BatchCheck,
}

/// Which fields the user chose to keep, for the topic for which it was chosen.
#[derive(Debug, Default)]
struct FieldChoice {
    topic: String,
    partitions: Option<bool>,
    timestamps: Option<bool>,
}

/// Which fields of the file's records are kept when they are sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptFields {
    pub partitions: bool,
    pub timestamps: bool,
    /// The topic that the file names, if it is another one. Its partitions and timestamps have no meaning here, so both
    /// are off until the user chooses.
    pub other_topic: Option<String>,
}

/// A field that the file may have for each record, and that may be kept or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordField {
    Partitions,
    Timestamps,
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
    /// The topics that the file names.
    pub topics: Topics,
}

impl Batch {
    pub fn new(name: Option<String>, text: Arc<str>, choice: BatchChoice, max_record_bytes: usize) -> Self {
        let reading = BatchReading::of(&text, &choice);
        let reader = Some(BatchReader::new(Arc::clone(&text), reading.clone()));
        Self {
            name,
            text,
            choice,
            reading,
            reader,
            max_record_bytes,
            keep: FieldChoice::default(),
            check: BatchCheck::default(),
        }
    }

    /// The batch of the same file or text field after its text has changed; what the user chose stays.
    pub fn with_text(self, text: Arc<str>, max_record_bytes: usize) -> Self {
        let keep = self.keep;
        Self { keep, ..Self::new(self.name, text, self.choice, max_record_bytes) }
    }

    /// Checks the same text again with another format.
    pub fn choose(&mut self, choice: BatchChoice) {
        let keep = std::mem::take(&mut self.keep);
        let changed = Self::new(self.name.take(), Arc::clone(&self.text), choice, self.max_record_bytes);
        *self = Self { keep, ..changed };
    }

    /// The choice counts for this topic only.
    pub fn keep(&mut self, field: RecordField, on: bool, topic: &str) {
        if self.keep.topic != topic {
            self.keep = FieldChoice { topic: topic.to_owned(), ..FieldChoice::default() };
        }
        match field {
            RecordField::Partitions => self.keep.partitions = Some(on),
            RecordField::Timestamps => self.keep.timestamps = Some(on),
        }
    }

    /// What is kept if the records are sent to this topic.
    pub fn keeps(&self, topic: &str) -> KeptFields {
        let other_topic = self.check.topics.other_than(topic).map(str::to_owned);
        let kept = |chosen: Option<bool>| chosen.filter(|_| self.keep.topic == topic).unwrap_or(other_topic.is_none());
        KeptFields { partitions: kept(self.keep.partitions), timestamps: kept(self.keep.timestamps), other_topic }
    }

    /// Whether records can be sent: the text is checked, and something in it is the value.
    pub fn is_ready(&self) -> bool {
        self.is_checked() && self.reading.has_value() && self.check.valid > 0
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

    /// A reader at the start of the text, to send the checked records to this topic.
    pub fn reader(&self, topic: &str) -> BatchReader {
        let keeps = self.keeps(topic);
        let (drop_partitions, drop_timestamps) = (!keeps.partitions, !keeps.timestamps);
        let reading = BatchReading { drop_partitions, drop_timestamps, ..self.reading.clone() };
        BatchReader::new(Arc::clone(&self.text), reading)
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
            let Some(entry) = reader.next_entry() else {
                self.check.topics = reader.topics().clone();
                return;
            };
            let record = entry.record.and_then(|record| {
                if self.fits(&record) { Ok(record) } else { Err(LineError::TooLarge(record.view().size())) }
            });
            self.note(entry.line, record);
        }
        self.check.topics = reader.topics().clone();
        self.reader = Some(reader);
    }

    fn note(&mut self, line: u64, record: Result<ProduceRecord, LineError>) {
        let check = &mut self.check;
        match record {
            Ok(record) => {
                check.valid += 1;
                check.bytes += record.view().size() as u64;
                check.has_partitions |= record.partition.is_some();
                check.has_timestamps |= record.timestamp.is_some();
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
    fn partitions_and_timestamps_are_kept_only_for_the_topic_of_the_file() {
        let line = |topic: &str| format!("{{\"topic\":\"{topic}\",\"partition\":2,\"timestamp\":5,\"value\":1}}\n");
        let mut batch = checked(&line("a"));
        let all = |keeps: KeptFields| (keeps.partitions, keeps.timestamps, keeps.other_topic);
        let sent = |batch: &Batch, topic: &str| {
            let record = batch.reader(topic).next_entry().and_then(|entry| entry.record.ok()).expect("a record");
            (record.partition, record.timestamp)
        };
        assert_eq!(all(batch.keeps("a")), (true, true, None));
        assert_eq!(all(batch.keeps("b")), (false, false, Some("a".to_owned())));
        assert_eq!((sent(&batch, "a"), sent(&batch, "b")), ((Some(2), Some(5)), (None, None)));
        batch.keep(RecordField::Timestamps, true, "b");
        assert_eq!(sent(&batch, "b"), (None, Some(5)));
        assert_eq!(all(batch.keeps("c")), (false, false, Some("a".to_owned())), "the choice was for another topic");
        assert_eq!(all(checked(&(line("a") + &line("b"))).keeps("a")), (false, false, Some("b".to_owned())));
        assert_eq!(all(checked("{\"partition\":2,\"value\":1}").keeps("a")), (true, true, None));
    }

    #[test]
    fn rows_without_a_value_are_not_ready() {
        let mut batch = checked("id,name,price\n1,a,2\n2,b,3\n");
        assert!(batch.is_ready() && batch.check.valid == 2);
        let columns =
            Some(vec![formats::CsvColumn::Key, formats::CsvColumn::Header("n".into()), formats::CsvColumn::Ignored]);
        batch.choose(BatchChoice { columns, ..BatchChoice::default() });
        batch.check_slice();
        assert!(batch.is_checked() && !batch.is_ready());
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
