//! A text with many records: parsed in slices, so that the page stays responsive, and shown with its errors before a
//! record is sent. Only checks the text; a run sends the records. With an encoding, each record is also encoded by the bridge before the
//! first one is sent; the bytes are not kept, but made again when the records are sent.

use std::sync::Arc;

use protocol::ProduceRecord;

use super::batch_records::{BatchLine, BatchRecords, Marks};
use super::encode_chunk::{EncodedRecord, RecordToSend};
use super::encodings::RecordEncoding;
use formats::{BatchChoice, BatchReader, BatchReading, LineError, Topics};

/// Bytes parsed in one step, which takes some milliseconds.
pub(super) const SLICE_BYTES: usize = 256 * 1024;
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
    /// How the records are written; `None`: as text.
    encoding: Option<BatchEncoding>,
    pub check: BatchCheck,
}

/// The records of a batch as the bridge encodes them.
#[derive(Clone, Debug, Default)]
struct BatchEncoding {
    topic: String,
    chosen: RecordEncoding,
    /// With the versions of the schemas that were the latest ones.
    pinned: RecordEncoding,
    /// Bytes of the text whose records are encoded.
    position: usize,
    is_done: bool,
    /// The indexes of the entries that cannot be encoded.
    invalid: Marks,
}

impl BatchEncoding {
    /// The same encoding, before the first record.
    fn restart(self) -> Self {
        Self { topic: self.topic, pinned: self.chosen.clone(), chosen: self.chosen, ..Self::default() }
    }
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
            encoding: None,
            check: BatchCheck::default(),
        }
    }

    /// The batch of the same file or text field after its text has changed; what the user chose stays.
    pub fn with_text(self, text: Arc<str>, max_record_bytes: usize) -> Self {
        let (keep, encoding) = (self.keep, self.encoding.map(BatchEncoding::restart));
        Self { keep, encoding, ..Self::new(self.name, text, self.choice, max_record_bytes) }
    }

    /// Checks the same text again with another format.
    pub fn choose(&mut self, choice: BatchChoice) {
        let keep = std::mem::take(&mut self.keep);
        let encoding = self.encoding.take().map(BatchEncoding::restart);
        let changed = Self::new(self.name.take(), Arc::clone(&self.text), choice, self.max_record_bytes);
        *self = Self { keep, encoding, ..changed };
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

    /// Whether the text is read and, with an encoding, every record is encoded.
    pub fn is_checked(&self) -> bool {
        self.is_read() && self.encoding.as_ref().is_none_or(|encoding| encoding.is_done)
    }

    /// Whether the whole text is read.
    pub fn is_read(&self) -> bool {
        self.reader.is_none()
    }

    /// Bytes checked so far, and the size of the text. While records are encoded: bytes of those that are.
    pub fn progress(&self) -> (usize, usize) {
        let all = self.text.len();
        match (&self.reader, &self.encoding) {
            (Some(reader), _) => (reader.position(), all),
            (None, Some(encoding)) if !encoding.is_done => (encoding.position, all),
            (None, _) => (all, all),
        }
    }

    /// The topic for which the records are encoded, and how, as the user has chosen.
    pub fn encoding(&self) -> Option<(&str, &RecordEncoding)> {
        self.encoding.as_ref().map(|encoding| (encoding.topic.as_str(), &encoding.chosen))
    }

    /// The encoding with the versions of the schemas in which the records were checked.
    pub fn pinned_encoding(&self) -> Option<&RecordEncoding> {
        self.encoding.as_ref().map(|encoding| &encoding.pinned)
    }

    /// Whether the records are checked for this topic and encoding.
    pub fn is_encoded_as(&self, topic: &str, encoding: &RecordEncoding) -> bool {
        self.encoding() == (!encoding.is_text()).then_some((topic.trim(), encoding))
    }

    /// Encodes the records again, for example for another cluster, where the same subject may have another schema.
    pub fn restart_encoding(&mut self) {
        // No topic has this name, so that the form chooses the encoding again. Until then, the batch cannot be sent.
        if let Some(encoding) = &mut self.encoding {
            encoding.topic.clear();
            encoding.is_done = false;
        }
    }

    /// Chooses how the records are written. Another choice checks the text again.
    pub fn choose_encoding(&mut self, topic: &str, encoding: RecordEncoding) {
        let topic = topic.trim();
        if self.is_encoded_as(topic, &encoding) {
            return;
        }
        let chosen = (!encoding.is_text()).then(|| BatchEncoding {
            topic: topic.to_owned(),
            chosen: encoding.clone(),
            pinned: encoding.clone(),
            ..BatchEncoding::default()
        });
        self.choose(self.choice.clone());
        self.encoding = chosen;
    }

    /// Applies the bridge's answer for a chunk. `position`: the bytes of the text that are read.
    pub fn note_encoded(&mut self, records: Vec<(BatchLine, EncodedRecord)>, position: usize) {
        let Some(encoding) = &mut self.encoding else { return };
        encoding.position = position;
        let check = &mut self.check;
        for (line, record) in records {
            let error = match record {
                Err(error) => LineError::NotEncodable {
                    is_key: error.part == protocol::RecordPart::Key,
                    path: error.error.path,
                    message: error.error.message,
                },
                Ok(RecordToSend { record, .. }) if record.view().size() > self.max_record_bytes => {
                    LineError::TooLarge(record.view().size())
                }
                Ok(_) => continue,
            };
            // The same record may be checked twice, for example after a connection was lost.
            if !encoding.invalid.insert(line.entry) {
                continue;
            }
            check.valid = check.valid.saturating_sub(1);
            check.invalid += 1;
            check.preview.retain(|(preview, _)| *preview != line.line);
            // The errors of reading are known already.
            let at = check.errors.partition_point(|(before, _)| *before <= line.line);
            if at < LISTED_ERRORS {
                check.errors.insert(at, (line.line, error));
                check.errors.truncate(LISTED_ERRORS);
            }
        }
    }

    /// All records are encoded. `pinned`: with the versions of the schemas that were used.
    pub fn encoding_is_done(&mut self, pinned: impl FnOnce(RecordEncoding) -> RecordEncoding) {
        if let Some(encoding) = &mut self.encoding {
            encoding.is_done = true;
            encoding.pinned = pinned(std::mem::take(&mut encoding.pinned));
        }
    }

    /// The valid records, to encode them in chunks. Once they were encoded, without those that cannot be.
    pub fn records_to_encode(&self) -> Option<BatchRecords> {
        let encoding = self.encoding.as_ref().filter(|_| self.is_read())?;
        let reader = self.reader(&encoding.topic);
        Some(BatchRecords::new(reader, &encoding.topic, self.max_record_bytes, encoding.invalid.clone()))
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
    use protocol::{RecordFormat, RecordPart, ValueError};

    use super::*;
    use crate::batch_records::BatchChunk;
    use crate::{PartEncoding, PartError};
    use formats::Format;

    fn avro() -> RecordEncoding {
        RecordEncoding { key: None, value: Some(PartEncoding::of(RecordFormat::Avro)) }
    }

    #[test]
    fn record_that_cannot_be_encoded_is_an_error_of_its_line_and_is_not_sent() {
        let mut batch = checked("{\"a\":1}\n{\"a\":\n{\"a\":3}\n{\"a\":4}\n");
        assert!(batch.is_ready() && batch.check.valid == 3);
        batch.choose_encoding("t", avro());
        assert!(!batch.is_read() && batch.records_to_encode().is_none(), "the text is read again");
        while !batch.is_read() {
            batch.check_slice();
        }
        assert!(!batch.is_ready() && !batch.is_checked(), "no record is encoded yet");
        let mut records = batch.records_to_encode().expect("a read text");
        let BatchChunk { chunk, lines, is_last } = records.read_slice(u64::MAX).expect("one slice");
        assert!(is_last);
        assert_eq!(lines.iter().map(|line| (line.line, line.entry)).collect::<Vec<_>>(), [(1, 0), (3, 2), (4, 3)]);
        assert_eq!(chunk.len(), 3);
        let error = ValueError { path: "a".into(), message: "expected text".into() };
        let failed = |part| Err(PartError { part, error: error.clone() });
        let ok = || Ok(RecordToSend::default());
        let answer = [ok(), failed(RecordPart::Value), ok()];
        batch.note_encoded(lines.into_iter().zip(answer).collect(), records.position());
        assert!(records.read_slice(1).is_some_and(|chunk| chunk.is_last && chunk.chunk.is_empty()));
        batch.encoding_is_done(|encoding| encoding);
        assert!(batch.is_ready());
        assert_eq!((batch.check.valid, batch.check.invalid), (2, 2));
        let listed: Vec<_> = batch.check.errors.iter().map(|(line, _)| *line).collect();
        assert_eq!(listed, [2, 3]);
        let next = batch.records_to_encode().expect("checked").read_slice(u64::MAX).expect("one slice");
        assert_eq!(next.lines.iter().map(|line| line.line).collect::<Vec<_>>(), [1, 4]);
    }

    #[test]
    fn text_with_few_valid_lines_is_encoded_in_slices() {
        let text = format!("{}{{\"a\":1}}\n", format!("{{{}\n", "x".repeat(998)).repeat(4 * SLICE_BYTES / 1000));
        let mut batch = Batch::new(None, text.as_str().into(), lines_of_json(), 1000);
        batch.choose_encoding("t", avro());
        while !batch.is_read() {
            batch.check_slice();
        }
        let mut records = batch.records_to_encode().expect("a read text");
        let mut slices = 1;
        let last = loop {
            let before = records.position();
            match records.read_slice(u64::MAX) {
                Some(chunk) => break chunk,
                None => assert!(records.position() - before <= SLICE_BYTES + 1000, "a slice is bounded"),
            }
            slices += 1;
        };
        assert!(slices >= 4 && last.is_last && last.chunk.len() == 1);
    }

    #[test]
    fn record_that_is_checked_twice_counts_once() {
        let mut batch = checked("{\"a\":1}\n{\"a\":2}\n");
        batch.choose_encoding("t", avro());
        batch.check_slice();
        for _ in 0..2 {
            let mut records = batch.records_to_encode().expect("a read text");
            let lines = [BatchLine { line: 1, entry: 0 }, BatchLine { line: 2, entry: 1 }];
            assert!(records.read_slice(u64::MAX).is_some());
            let error = ValueError { path: "a".into(), message: "expected text".into() };
            let answer = [Err(PartError { part: RecordPart::Value, error }), Ok(RecordToSend::default())];
            batch.note_encoded(lines.into_iter().zip(answer).collect(), records.position());
        }
        assert_eq!((batch.check.valid, batch.check.invalid, batch.check.errors.len()), (1, 1, 1));
    }

    #[test]
    fn restarted_encoding_forgets_its_errors_and_the_versions_of_schemas() {
        let mut batch = checked("{\"a\":1}\n");
        batch.choose_encoding(" t ", avro());
        assert!(batch.is_encoded_as("t", &avro()) && !batch.is_encoded_as("other", &avro()));
        assert!(!batch.is_encoded_as("t", &RecordEncoding::default()));
        batch.check_slice();
        let error = ValueError { path: String::new(), message: "expected text".into() };
        let failed = Err(PartError { part: RecordPart::Value, error });
        batch.note_encoded(vec![(BatchLine { line: 1, entry: 0 }, failed)], 0);
        let version = |batch: &Batch| batch.pinned_encoding()?.value.as_ref()?.version;
        batch.encoding_is_done(|mut pinned| {
            pinned.value.iter_mut().for_each(|value| value.version = Some(3));
            pinned
        });
        assert_eq!(version(&batch), Some(3));
        batch.restart_encoding();
        assert!(!batch.is_checked() && !batch.is_encoded_as("t", &avro()));
        batch.choose_encoding("t", avro());
        batch.check_slice();
        assert!(batch.is_read() && !batch.is_checked());
        assert_eq!((batch.check.valid, batch.check.invalid, version(&batch)), (1, 0, None));
    }

    #[test]
    fn other_encoding_or_text_is_encoded_again() {
        let mut batch = checked("{\"a\":1}");
        batch.choose_encoding("t", avro());
        batch.check_slice();
        batch.encoding_is_done(|encoding| encoding);
        assert!(batch.is_checked());
        batch.choose_encoding("t", avro());
        assert!(batch.is_checked(), "the same choice");
        batch.choose_encoding("other", avro());
        assert!(!batch.is_checked());
        batch.check_slice();
        batch.encoding_is_done(|encoding| encoding);
        let mut batch = batch.with_text("{\"a\":2}".into(), 1000);
        batch.check_slice();
        assert!(batch.is_read() && !batch.is_checked());
        batch.choose_encoding("other", RecordEncoding::default());
        batch.check_slice();
        assert!(batch.is_checked(), "as text");
    }

    fn lines_of_json() -> BatchChoice {
        BatchChoice { format: Some(Format::JsonLines), ..BatchChoice::default() }
    }

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
