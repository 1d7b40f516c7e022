//! Batches of records in binary frames, with raw bytes for keys, values and headers.
//!
//! All numbers are little-endian. A frame starts with a head:
//!
//! | bytes | type | |
//! |---|---|---|
//! | 0 | u8 | version: 1; 2 if the head has notes |
//! | 1 | u8 | kind: 1 = records (bridge → client), 2 = produce (client → bridge) |
//! | 2 | u16 | length t of the topic name |
//! | 4 | u32 | number of records |
//! | 8 | u64 | `seq` of the *last* record in a records frame, of the *first* record in a produce frame |
//! | 16 | u32 | records: the subscription; produce: 0 |
//! | 20 | i32 | records: the partition; produce: −1 |
//! | 24 | t bytes | the topic name, UTF-8 |
//!
//! In version 2, which the bridge sends only to a subscription with `decode`, notes follow: their number as u16, then each as its length (u32) and
//! a JSON object with the members that a decoded key or value has in JSON besides its bytes: `format`, `compression`, `schema`, `reason`,
//! `decode_error`. The records refer to the notes by their numbers from 1 on.
//!
//! The records follow, one after the other, up to the end of the frame:
//!
//! | bytes | type | |
//! |---|---|---|
//! | 0 | u32 | size of the record after this field |
//! | 4 | i64 | records: the offset; produce: the partition, −1 to let the partitioner choose |
//! | 12 | i64 | timestamp in milliseconds since 1970-01-01 UTC; −1 for none (produce: now) |
//! | 20 | u8 | who set the timestamp: 0 = the producer, 1 = the broker; produce: 0. Add 2 if the record has notes |
//! | 21 | i32 | length of the key, −1 for Kafka's null |
//! | 25 | i32 | length of the value, −1 for Kafka's null (a tombstone) |
//! | 29 | u16, u16 | only if the record has notes: the number of the key's note and of the value's note, 0 for none |
//! | … | | key, then value. With a note without `decode_error`, they are the decoded JSON, else the bytes that Kafka has |
//! | … | | headers up to the end of the record: i32 length of the name, the name (UTF-8), i32 length of the value or −1, the value |

mod notes;
mod produce;

use std::ops::Range;

pub use self::notes::{Notes, RawNotes, RecordNotes};
pub use self::produce::{ProduceBatch, ProduceFrame};
use crate::record_view::{HeaderView, RecordView};
use crate::server::TimestampType;

const VERSION: u8 = 1;
const VERSION_WITH_NOTES: u8 = 2;
/// The flag of a record with notes, in the byte of the timestamp type.
const HAS_NOTES: u8 = 2;
const KIND_RECORDS: u8 = 1;
const KIND_PRODUCE: u8 = 2;
const FRAME_HEAD: usize = 24;
/// A record's size field and its other fixed fields.
const RECORD_HEAD: usize = 29;
const SIZE_FIELD: usize = 4;
/// The numbers of the notes of a key and a value.
const NOTE_NUMBERS: usize = 4;
/// The two length fields of each header.
const HEADER_HEAD: usize = 8;
const NONE: i64 = -1;
const NULL: i32 = -1;

/// Why a binary frame is invalid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadBatch {
    #[error("unsupported version {0} of the binary format; expected {VERSION} or {VERSION_WITH_NOTES}")]
    Version(u8),
    #[error("unexpected kind {0} of binary frame")]
    Kind(u8),
    #[error("the frame ends inside {0}")]
    Truncated(&'static str),
    #[error("{0} is not UTF-8")]
    NotUtf8(&'static str),
    #[error("invalid timestamp type {0} of a record; use 0 or 1")]
    TimestampType(u8),
    #[error("negative length {0}")]
    NegativeLength(i32),
    #[error("invalid partition {0}: use a number from 0, or -1 to let the partitioner choose")]
    Partition(i64),
    #[error("the head announces {announced} records, but the frame has {found}")]
    Count { announced: u32, found: u64 },
}

/// Records of one partition, each encoded once. The frames of any number of sockets are slices of it.
#[derive(Debug, Default)]
pub struct BinaryBatch {
    body: Vec<u8>,
    records: Vec<Entry>,
    /// Empty unless keys or values are decoded.
    notes: Notes,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    offset: i64,
    /// The end of the record in `body`.
    end: u32,
    /// The total size of keys, values and headers of all records up to and including this one.
    size_through: u32,
}

impl BinaryBatch {
    /// The size of a record's fixed fields, besides key, value and headers.
    pub const RECORD_HEAD: usize = RECORD_HEAD;

    pub fn with_capacity(records: usize, bytes: usize) -> Self {
        Self { body: Vec::with_capacity(bytes), records: Vec::with_capacity(records), notes: Notes::default() }
    }

    /// An empty batch for records that refer to these notes.
    pub fn with_notes(records: usize, bytes: usize, notes: Notes) -> Self {
        Self { notes, ..Self::with_capacity(records, bytes) }
    }

    /// The notes of decoded keys and values.
    pub fn notes(&self) -> &Notes {
        &self.notes
    }

    pub fn notes_mut(&mut self) -> &mut Notes {
        &mut self.notes
    }

    /// The notes of record `index`.
    pub fn notes_of(&self, index: usize) -> RecordNotes {
        let fields = &self.body[self.start(index) + SIZE_FIELD..self.records[index].end as usize];
        RawRecord { fields }.notes().expect("encoded here")
    }

    pub fn push<'a, H: Iterator<Item = HeaderView<'a>> + Clone>(&mut self, record: RecordView<'a, H>) {
        self.push_noted(record, RecordNotes::default());
    }

    /// Adds a record whose key and value have these notes.
    pub fn push_noted<'a, H: Iterator<Item = HeaderView<'a>> + Clone>(
        &mut self,
        record: RecordView<'a, H>,
        notes: RecordNotes,
    ) {
        let size = write_record(
            &mut self.body,
            record.offset,
            record.timestamp,
            record.timestamp_type,
            notes,
            record.key,
            record.value,
            record.headers,
        );
        let (size_before, end) = (self.records.last().map_or(0, |entry| entry.size_through), self.body.len());
        self.records.push(Entry {
            offset: record.offset,
            end: u32::try_from(end).expect("a batch holds far less than 4 GiB"),
            size_through: size_before + size,
        });
    }

    pub fn len(&self) -> usize {
        self.records.len()
    }

    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    pub fn encoded_bytes(&self) -> usize {
        self.body.len()
    }

    /// The memory that the batch uses.
    pub fn memory_bytes(&self) -> usize {
        size_of::<Self>() + self.body.capacity() + self.records.capacity() * size_of::<Entry>()
    }

    /// The offset of record `index`.
    pub fn offset(&self, index: usize) -> i64 {
        self.records[index].offset
    }

    /// The timestamp of record `index`, in milliseconds since 1970-01-01 UTC, if it has one.
    pub fn timestamp(&self, index: usize) -> Option<i64> {
        let fields = &self.body[self.start(index) + SIZE_FIELD..self.records[index].end as usize];
        // After the offset.
        let timestamp = i64::from_le_bytes(Reader(fields.get(size_of::<i64>()..)?).array("a record").ok()?);
        (timestamp != NONE).then_some(timestamp)
    }

    /// The total size of keys, values and headers of these records, which counts against a client's credit.
    pub fn payload_bytes(&self, range: Range<usize>) -> u64 {
        if range.is_empty() {
            return 0;
        }
        u64::from(self.records[range.end - 1].size_through - self.size_before(range.start))
    }

    /// How many records from `start` on fit into the credit.
    pub fn fitting(&self, start: usize, max_records: u64, max_bytes: u64) -> usize {
        let limit = u64::from(self.size_before(start)).saturating_add(max_bytes);
        let fits = |entry: &Entry| u64::from(entry.size_through) <= limit;
        let rest = &self.records[start..];
        let by_bytes = if rest.last().is_some_and(fits) { rest.len() } else { rest.partition_point(fits) };
        by_bytes.min(usize::try_from(max_records).unwrap_or(usize::MAX))
    }

    /// Appends the records of the next batch of the same partition.
    pub fn append(&mut self, next: &BinaryBatch) {
        debug_assert!(
            self.notes.is_empty() && next.notes.is_empty(),
            "the records would refer to the notes of the other batch"
        );
        let end_before = u32::try_from(self.body.len()).expect("a batch holds far less than 4 GiB");
        let size_before = self.records.last().map_or(0, |entry| entry.size_through);
        self.body.extend_from_slice(&next.body);
        self.records.extend(next.records.iter().map(|entry| Entry {
            offset: entry.offset,
            end: entry.end + end_before,
            size_through: entry.size_through + size_before,
        }));
    }

    /// The `records` frame of these records. The range must not be empty.
    pub fn frame(&self, head: &RecordsHead<'_>, range: Range<usize>) -> Vec<u8> {
        let body = self.body(range.clone());
        let mut frame = Vec::with_capacity(FRAME_HEAD + head.topic.len() + body.len());
        head.write_binary(&mut frame, range.len(), &self.notes);
        frame.extend_from_slice(body);
        frame
    }

    /// The bytes of the records, which follow the head of a frame.
    pub fn body(&self, range: Range<usize>) -> &[u8] {
        debug_assert!(!range.is_empty());
        &self.body[self.start(range.start)..self.records[range.end - 1].end as usize]
    }

    /// Decodes the records.
    pub fn iter(&self) -> impl Iterator<Item = RecordView<'_, Headers<'_>>> {
        let starts = (0..self.len()).map(|index| self.start(index));
        starts.zip(&self.records).map(|(start, entry)| {
            let record = RawRecord { fields: &self.body[start + SIZE_FIELD..entry.end as usize] };
            record.view().expect("encoded here")
        })
    }

    fn start(&self, index: usize) -> usize {
        if index == 0 { 0 } else { self.records[index - 1].end as usize }
    }

    fn size_before(&self, index: usize) -> u32 {
        if index == 0 { 0 } else { self.records[index - 1].size_through }
    }
}

/// The part of a `records` frame that differs between subscriptions.
#[derive(Clone, Copy, Debug)]
pub struct RecordsHead<'a> {
    pub subscription: u32,
    /// The number of the last record.
    pub seq: u64,
    pub topic: &'a str,
    pub partition: i32,
}

impl RecordsHead<'_> {
    /// Writes the head of a binary frame with `count` records.
    pub fn write_binary(&self, out: &mut Vec<u8>, count: usize, notes: &Notes) {
        let version = if notes.is_empty() { VERSION } else { VERSION_WITH_NOTES };
        write_head(out, version, KIND_RECORDS, self.topic, count, self.seq, self.subscription, self.partition);
        if !notes.is_empty() {
            notes.write(out);
        }
    }
}

#[expect(clippy::too_many_arguments, reason = "the fields of the layout, in its order")]
fn write_head(
    out: &mut Vec<u8>,
    version: u8,
    kind: u8,
    topic: &str,
    count: usize,
    seq: u64,
    subscription: u32,
    partition: i32,
) {
    let topic_len = u16::try_from(topic.len()).expect("topic names have at most 249 bytes");
    let count = u32::try_from(count).expect("a frame holds far fewer records");
    out.extend_from_slice(&[version, kind]);
    out.extend_from_slice(&topic_len.to_le_bytes());
    out.extend_from_slice(&count.to_le_bytes());
    out.extend_from_slice(&seq.to_le_bytes());
    out.extend_from_slice(&subscription.to_le_bytes());
    out.extend_from_slice(&partition.to_le_bytes());
    out.extend_from_slice(topic.as_bytes());
}

/// Writes a record. Returns the size of key, value and headers. `offset_or_partition` is the field that both kinds of
/// frame use.
#[expect(clippy::too_many_arguments, reason = "the fields of the layout, in its order")]
fn write_record<'a>(
    out: &mut Vec<u8>,
    offset_or_partition: i64,
    timestamp: Option<i64>,
    timestamp_type: TimestampType,
    notes: RecordNotes,
    key: Option<&[u8]>,
    value: Option<&[u8]>,
    headers: impl Iterator<Item = HeaderView<'a>>,
) -> u32 {
    let start = out.len();
    let mut head = [0; RECORD_HEAD];
    head[4..12].copy_from_slice(&offset_or_partition.to_le_bytes());
    head[12..20].copy_from_slice(&timestamp.unwrap_or(NONE).to_le_bytes());
    let has_notes = notes != RecordNotes::default();
    head[20] = u8::from(timestamp_type == TimestampType::LogAppend) + if has_notes { HAS_NOTES } else { 0 };
    head[21..25].copy_from_slice(&length(key).to_le_bytes());
    head[25..29].copy_from_slice(&length(value).to_le_bytes());
    out.extend_from_slice(&head);
    let mut framing = RECORD_HEAD;
    if has_notes {
        out.extend_from_slice(&notes.key.to_le_bytes());
        out.extend_from_slice(&notes.value.to_le_bytes());
        framing += NOTE_NUMBERS;
    }
    out.extend_from_slice(key.unwrap_or_default());
    out.extend_from_slice(value.unwrap_or_default());
    for (name, value) in headers {
        framing += HEADER_HEAD;
        out.extend_from_slice(&length(Some(name.as_bytes())).to_le_bytes());
        out.extend_from_slice(name.as_bytes());
        out.extend_from_slice(&length(value).to_le_bytes());
        out.extend_from_slice(value.unwrap_or_default());
    }
    let written = out.len() - start;
    let size = u32::try_from(written - SIZE_FIELD).expect("Kafka's records are smaller than 2 GiB");
    out[start..start + SIZE_FIELD].copy_from_slice(&size.to_le_bytes());
    u32::try_from(written - framing).expect("a part of the written bytes")
}

fn length(bytes: Option<&[u8]>) -> i32 {
    bytes.map_or(NULL, |bytes| i32::try_from(bytes.len()).expect("Kafka's records are smaller than 2 GiB"))
}

/// A binary `records` frame, decoded in place.
#[derive(Clone, Copy, Debug)]
pub struct RecordsFrame<'a> {
    pub subscription: u32,
    /// The number of the last record.
    pub seq: u64,
    pub topic: &'a str,
    pub partition: i32,
    pub count: u32,
    /// What is said of decoded keys and values.
    pub notes: RawNotes<'a>,
    pub records: RawRecords<'a>,
}

impl<'a> RecordsFrame<'a> {
    /// Decodes the head; records are decoded when they are iterated.
    pub fn parse(frame: &'a [u8]) -> Result<Self, BadBatch> {
        let head = Head::parse(frame, KIND_RECORDS)?;
        let Head { seq, subscription, partition, topic, count, notes, rest } = head;
        Ok(Self { subscription, seq, topic, partition, count, notes, records: RawRecords { rest } })
    }
}

struct Head<'a> {
    seq: u64,
    subscription: u32,
    partition: i32,
    topic: &'a str,
    count: u32,
    notes: RawNotes<'a>,
    rest: &'a [u8],
}

impl<'a> Head<'a> {
    fn parse(frame: &'a [u8], kind: u8) -> Result<Self, BadBatch> {
        let has_notes = match frame.first() {
            Some(&VERSION) => false,
            Some(&VERSION_WITH_NOTES) if kind == KIND_RECORDS => true,
            Some(version) => return Err(BadBatch::Version(*version)),
            None => return Err(BadBatch::Truncated("the head")),
        };
        let mut reader = Reader(frame);
        let [_, found_kind] = reader.array("the head")?;
        if found_kind != kind {
            return Err(BadBatch::Kind(found_kind));
        }
        let topic_len = u16::from_le_bytes(reader.array("the head")?);
        let count = u32::from_le_bytes(reader.array("the head")?);
        let seq = u64::from_le_bytes(reader.array("the head")?);
        let subscription = u32::from_le_bytes(reader.array("the head")?);
        let partition = i32::from_le_bytes(reader.array("the head")?);
        let topic = reader.take(topic_len.into(), "the topic name")?;
        let topic = std::str::from_utf8(topic).map_err(|_| BadBatch::NotUtf8("the topic name"))?;
        let notes = if has_notes { RawNotes::read(&mut reader)? } else { RawNotes::default() };
        Ok(Self { seq, subscription, partition, topic, count, notes, rest: reader.0 })
    }
}

/// Iterates over the records of a frame, using only their size fields.
#[derive(Clone, Copy, Debug)]
pub struct RawRecords<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for RawRecords<'a> {
    type Item = Result<RawRecord<'a>, BadBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let mut reader = Reader(self.rest);
        let record = reader
            .array("a record's size")
            .and_then(|size| reader.take(u32::from_le_bytes(size) as usize, "a record"))
            .map(|fields| RawRecord { fields });
        // After an error, the start of the next record is unknown.
        self.rest = if record.is_ok() { reader.0 } else { &[] };
        Some(record)
    }
}

/// The bytes of one record, without its size field.
#[derive(Clone, Copy, Debug)]
pub struct RawRecord<'a> {
    fields: &'a [u8],
}

impl<'a> RawRecord<'a> {
    /// The bytes, which [`RawRecord::from_bytes`] accepts later.
    pub fn as_bytes(&self) -> &'a [u8] {
        self.fields
    }

    pub fn from_bytes(fields: &'a [u8]) -> Self {
        Self { fields }
    }

    /// Decodes the record without copying.
    pub fn view(&self) -> Result<RecordView<'a, Headers<'a>>, BadBatch> {
        let mut reader = Reader(self.fields);
        let offset = i64::from_le_bytes(reader.array("a record")?);
        let timestamp = i64::from_le_bytes(reader.array("a record")?);
        let [flags] = reader.array("a record")?;
        let timestamp_type = match flags & !HAS_NOTES {
            0 => TimestampType::Create,
            1 => TimestampType::LogAppend,
            _ => return Err(BadBatch::TimestampType(flags)),
        };
        let key_len = i32::from_le_bytes(reader.array("a record")?);
        let value_len = i32::from_le_bytes(reader.array("a record")?);
        if flags & HAS_NOTES != 0 {
            reader.array::<NOTE_NUMBERS>("the numbers of notes")?;
        }
        let key = reader.nullable(key_len, "a key")?;
        let value = reader.nullable(value_len, "a value")?;
        let headers = Headers { rest: reader.0 };
        headers.check()?;
        Ok(RecordView {
            offset,
            timestamp: (timestamp != NONE).then_some(timestamp),
            timestamp_type,
            key,
            value,
            headers,
        })
    }
}

impl RawRecord<'_> {
    /// The numbers of the notes of key and value.
    pub fn notes(&self) -> Result<RecordNotes, BadBatch> {
        // After offset and timestamp.
        let [flags] = Reader(self.fields.get(16..).unwrap_or_default()).array("a record")?;
        if flags & HAS_NOTES == 0 {
            return Ok(RecordNotes::default());
        }
        let mut reader = Reader(self.fields.get(RECORD_HEAD - SIZE_FIELD..).unwrap_or_default());
        let key = u16::from_le_bytes(reader.array("the numbers of notes")?);
        let value = u16::from_le_bytes(reader.array("the numbers of notes")?);
        Ok(RecordNotes { key, value })
    }
}

/// A record's headers. They are validated before this is returned to a caller.
#[derive(Clone, Copy, Debug)]
pub struct Headers<'a> {
    rest: &'a [u8],
}

impl Headers<'_> {
    pub fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    fn check(&self) -> Result<(), BadBatch> {
        let mut reader = Reader(self.rest);
        while !reader.0.is_empty() {
            reader.header()?;
        }
        Ok(())
    }
}

impl<'a> Iterator for Headers<'a> {
    type Item = HeaderView<'a>;

    fn next(&mut self) -> Option<HeaderView<'a>> {
        if self.rest.is_empty() {
            return None;
        }
        let mut reader = Reader(self.rest);
        let header = reader.header().expect("checked before");
        self.rest = reader.0;
        Some(header)
    }
}

/// The bytes that are left to read.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, len: usize, what: &'static str) -> Result<&'a [u8], BadBatch> {
        let (taken, rest) = self.0.split_at_checked(len).ok_or(BadBatch::Truncated(what))?;
        self.0 = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self, what: &'static str) -> Result<[u8; N], BadBatch> {
        let (taken, rest) = self.0.split_first_chunk().ok_or(BadBatch::Truncated(what))?;
        self.0 = rest;
        Ok(*taken)
    }

    fn nullable(&mut self, len: i32, what: &'static str) -> Result<Option<&'a [u8]>, BadBatch> {
        if len == NULL {
            return Ok(None);
        }
        let len = usize::try_from(len).map_err(|_| BadBatch::NegativeLength(len))?;
        self.take(len, what).map(Some)
    }

    fn header(&mut self) -> Result<HeaderView<'a>, BadBatch> {
        let name_len = i32::from_le_bytes(self.array("a header")?);
        let name = self.nullable(name_len, "a header name")?.ok_or(BadBatch::NegativeLength(name_len))?;
        let name = std::str::from_utf8(name).map_err(|_| BadBatch::NotUtf8("a header name"))?;
        let value_len = i32::from_le_bytes(self.array("a header")?);
        Ok((name, self.nullable(value_len, "a header value")?))
    }
}
