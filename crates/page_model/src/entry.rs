//! One entry of the live list: a record in its binary form, or a gap. A record needs no allocation of its own: all
//! records of a frame share the frame's bytes, which are freed when the last of them leaves the list.

use std::rc::Rc;

use formats::ExportRecord;
use protocol::binary::{Headers, RawRecord};
use protocol::{
    BadBatch, BinaryBatch, DecodeNote, GapReason, Notes, Record, RecordNotes, RecordsFrame, RecordsHead, TimestampType,
};

use super::masked::MaskedFields;
use super::notes::{FrameNotes, SharedNotes};

#[derive(Debug)]
enum Source {
    Frame(Frame),
    Gap(Gap),
}

/// The bytes of a `records` frame, which holds records of one partition.
#[derive(Debug)]
struct Frame {
    topic: Rc<str>,
    partition: i32,
    bytes: Box<[u8]>,
    masked: MaskedFields,
    notes: FrameNotes,
    /// The memory of the notes, divided among the records.
    note_bytes_per_record: u32,
    /// Some of the records wait for a schema ([`RecordRef::waits_for_schema`]).
    waits_for_schema: bool,
}

/// The error of a key or value whose schema was not available when it arrived.
const SCHEMA_UNAVAILABLE: &str = "schema_unavailable";

/// The error that the page itself gives to a record whose schema is available again, but that Kafka no longer has.
pub const EXPIRED: &str = "expired";

/// Offsets `from` (inclusive) to `to` (exclusive) that the bridge does not send on its own.
#[derive(Clone, Debug, PartialEq)]
pub struct Gap {
    pub topic: Rc<str>,
    pub partition: i32,
    pub from: i64,
    pub to: i64,
    pub reason: GapReason,
}

impl Gap {
    pub fn records(&self) -> u64 {
        u64::try_from(self.to.saturating_sub(self.from)).unwrap_or(0)
    }

    /// Whether `next` begins where this gap ends, for the same reason.
    pub fn touches(&self, next: &Gap) -> bool {
        self.to == next.from
            && self.reason == next.reason
            && self.partition == next.partition
            && self.topic == next.topic
    }

    /// Whether Kafka still has the records, as far as the page knows.
    pub fn can_be_loaded(&self) -> bool {
        self.reason == GapReason::Slow
    }
}

/// A record that borrows from its frame; no bytes are copied.
#[derive(Clone, Copy, Debug)]
pub struct RecordRef<'a> {
    pub topic: &'a Rc<str>,
    pub partition: i32,
    pub offset: i64,
    /// Milliseconds since 1970-01-01 UTC.
    pub timestamp: Option<i64>,
    pub timestamp_type: TimestampType,
    pub key: Option<&'a [u8]>,
    pub value: Option<&'a [u8]>,
    pub headers: Headers<'a>,
    /// What is said of a key that was to be decoded. If it was, `key` is the decoded JSON.
    pub key_note: Option<&'a Rc<DecodeNote>>,
    pub value_note: Option<&'a Rc<DecodeNote>>,
}

impl<'a> RecordRef<'a> {
    /// The key and value as they are shown, which may be decoded ([`Self::is_as_stored`]).
    pub fn export(&self) -> ExportRecord<'a, Headers<'a>> {
        let Self { topic, partition, offset, timestamp, timestamp_type, key, value, headers, .. } = *self;
        ExportRecord { topic, partition, offset, timestamp, timestamp_type, key, value, headers }
    }

    /// Whether key and value are the bytes that Kafka has. A record with decoded JSON must never be sent as it is shown.
    pub fn is_as_stored(&self) -> bool {
        !is_decoded(self.key_note) && !is_decoded(self.value_note)
    }

    /// Whether the key or the value was not decoded because its schema was not available.
    pub fn waits_for_schema(&self) -> bool {
        [self.key_note, self.value_note].into_iter().flatten().any(|note| waits_for_schema(note))
    }

    /// Whether both are the same record of Kafka, although they may be decoded differently. Another record may have the same offset
    /// after a topic was recreated. Header values may be masked, so only their number counts.
    pub fn is_same_as(&self, other: &RecordRef<'_>) -> bool {
        (self.offset, self.timestamp, self.timestamp_type) == (other.offset, other.timestamp, other.timestamp_type)
            && self.headers.count() == other.headers.count()
    }

    /// Bytes of key, value and headers, as flow control counts them.
    pub fn size(&self) -> usize {
        payload_bytes(self.key, self.value, self.headers)
    }
}

/// Whether the bytes with this note are decoded JSON.
fn is_decoded(note: Option<&Rc<DecodeNote>>) -> bool {
    note.is_some_and(|note| note.is_decoded())
}

fn waits_for_schema(note: &DecodeNote) -> bool {
    note.decode_error.as_ref().is_some_and(|error| error.code == SCHEMA_UNAVAILABLE)
}

fn payload_bytes(key: Option<&[u8]>, value: Option<&[u8]>, headers: Headers<'_>) -> usize {
    let bytes = |field: Option<&[u8]>| field.map_or(0, <[u8]>::len);
    bytes(key) + bytes(value) + headers.map(|(name, value)| name.len() + bytes(value)).sum::<usize>()
}

/// A cheap handle: 12 bytes in the browser.
#[derive(Clone, Debug)]
pub struct Entry {
    source: Rc<Source>,
    start: u32,
    len: u32,
}

impl Entry {
    pub fn gap(gap: Gap) -> Self {
        Self { source: Rc::new(Source::Gap(gap)), start: 0, len: 0 }
    }

    pub fn as_gap(&self) -> Option<&Gap> {
        match &*self.source {
            Source::Gap(gap) => Some(gap),
            Source::Frame(_) => None,
        }
    }

    pub fn is_record(&self) -> bool {
        matches!(*self.source, Source::Frame(_))
    }

    /// The fields that the bridge has masked in this record, or in others of its subscription.
    pub fn masked(&self) -> MaskedFields {
        match &*self.source {
            Source::Frame(frame) => frame.masked.clone(),
            Source::Gap(_) => MaskedFields::default(),
        }
    }

    /// Whether the key or the value was not decoded because its schema was not available.
    pub fn waits_for_schema(&self) -> bool {
        // Most frames have no such record, so that a long list is searched without parsing its records.
        let may_wait = matches!(&*self.source, Source::Frame(frame) if frame.waits_for_schema);
        may_wait && self.record().is_some_and(|record| record.waits_for_schema())
    }

    /// The same record with the error [`EXPIRED`] where it waited for a schema.
    pub fn expired(&self, shared: &mut SharedNotes) -> Option<Self> {
        let record = self.record()?;
        let expired = |note: Option<&Rc<DecodeNote>>| {
            let mut note = DecodeNote::clone(note?);
            if waits_for_schema(&note)
                && let Some(error) = &mut note.decode_error
            {
                EXPIRED.clone_into(&mut error.code);
            }
            Some(note)
        };
        let mut notes = NoteNumbers::default();
        let key = notes.of(expired(record.key_note).as_ref())?;
        let value = notes.of(expired(record.value_note).as_ref())?;
        let mut batch = BinaryBatch::with_notes(1, record.size(), notes.all);
        let RecordRef { offset, timestamp, timestamp_type, key: key_bytes, value: value_bytes, headers, .. } = record;
        let view =
            protocol::RecordView { offset, timestamp, timestamp_type, key: key_bytes, value: value_bytes, headers };
        batch.push_noted(view, RecordNotes { key, value });
        let head = RecordsHead { subscription: 0, seq: 0, topic: record.topic, partition: record.partition };
        let frame = batch.frame(&head, 0..1).into_boxed_slice();
        let parsed = ReceivedBatch::parse(frame, Some(record.topic), self.masked(), shared);
        parsed.ok()?.entries().next().map(|(_, entry)| entry)
    }

    /// Decodes the record. `None` for gaps only: the frame was validated when it arrived.
    pub fn record(&self) -> Option<RecordRef<'_>> {
        let Source::Frame(Frame { topic, partition, bytes, notes, .. }) = &*self.source else { return None };
        let fields = &bytes[self.start as usize..][..self.len as usize];
        let record = RawRecord::from_bytes(fields);
        let view = record.view().ok()?;
        let RecordNotes { key, value } =
            if notes.is_empty() { RecordNotes::default() } else { record.notes().unwrap_or_default() };
        Some(RecordRef {
            topic,
            partition: *partition,
            offset: view.offset,
            timestamp: view.timestamp,
            timestamp_type: view.timestamp_type,
            key: view.key,
            value: view.value,
            headers: view.headers,
            key_note: notes.get(key),
            value_note: notes.get(value),
        })
    }

    /// Whether both are the same entry (identity, not equality).
    pub fn is(&self, other: &Entry) -> bool {
        Rc::ptr_eq(&self.source, &other.source) && self.start == other.start
    }

    /// Bytes counted for the list's memory limit: the record with its framing, its part of the frame's notes, and this handle.
    pub fn bytes(&self) -> usize {
        let notes = match &*self.source {
            Source::Frame(frame) => frame.note_bytes_per_record as usize,
            Source::Gap(_) => 0,
        };
        self.len as usize + size_of::<u32>() + size_of::<Self>() + notes
    }
}

/// A validated binary `records` frame.
#[derive(Debug)]
pub struct ReceivedBatch {
    source: Rc<Source>,
    pub subscription: u32,
    /// The sequence number of the last record.
    pub seq: u64,
    /// Bytes of keys, values and headers: the credit that the frame has used.
    pub payload_bytes: u64,
    /// Offset, first byte and length of each record in the frame.
    records_at: Vec<(i64, u32, u32)>,
}

impl ReceivedBatch {
    /// Validates the whole frame, so that decoding a record later cannot fail. `topic_before`: the topic of the previous
    /// frame; its allocation is shared if the name is the same. `shared`: the notes of earlier frames.
    pub fn parse(
        bytes: Box<[u8]>,
        topic_before: Option<&Rc<str>>,
        masked: MaskedFields,
        shared: &mut SharedNotes,
    ) -> Result<Self, BadBatch> {
        let frame = RecordsFrame::parse(&bytes)?;
        let topic =
            topic_before.filter(|topic| &***topic == frame.topic).cloned().unwrap_or_else(|| frame.topic.into());
        let RecordsFrame { subscription, seq, partition, .. } = frame;
        let (notes, note_bytes) = shared.read(frame.notes);
        let mut records_at = Vec::with_capacity(frame.count as usize);
        let mut payload = 0;
        for record in frame.records {
            let record = record?;
            let view = record.view()?;
            // Without its note, decoded JSON would look like the record's own bytes.
            let is_noted = |RecordNotes { key, value }| notes.has(key) && notes.has(value);
            if !is_noted(record.notes()?) {
                return Err(BadBatch::Truncated("the notes"));
            }
            let fields = record.as_bytes();
            // Both pointers are in the same frame, which is far smaller than 4 GiB.
            let start = fields.as_ptr() as usize - bytes.as_ptr() as usize;
            payload += payload_bytes(view.key, view.value, view.headers);
            records_at.push((view.offset, start as u32, fields.len() as u32));
        }
        let note_bytes_per_record = note_bytes.div_ceil(records_at.len().max(1)) as u32;
        let waits_for_schema = notes.any(waits_for_schema);
        let frame = Frame { topic, partition, bytes, masked, notes, note_bytes_per_record, waits_for_schema };
        let source = Rc::new(Source::Frame(frame));
        Ok(Self { source, subscription, seq, payload_bytes: payload as u64, records_at })
    }

    /// Encodes the records of a `fetched` reply as a binary frame.
    pub fn fetched(
        topic: &Rc<str>,
        partition: i32,
        records: &[Record],
        masked: MaskedFields,
        shared: &mut SharedNotes,
    ) -> Option<Self> {
        let mut notes = NoteNumbers::default();
        let numbers = records.iter().map(|record| {
            Some(RecordNotes {
                key: notes.of(record.key_note.as_deref())?,
                value: notes.of(record.value_note.as_deref())?,
            })
        });
        let numbers: Vec<RecordNotes> = numbers.collect::<Option<_>>()?;
        let mut batch = BinaryBatch::with_notes(records.len(), 0, notes.all);
        for (record, numbers) in records.iter().zip(numbers) {
            let view = protocol::RecordView {
                offset: record.offset.0,
                timestamp: record.timestamp,
                timestamp_type: record.timestamp_type,
                key: record.key.as_kafka(),
                value: record.value.as_kafka(),
                headers: record.headers.iter().map(|header| (header.0.as_str(), header.1.as_kafka())),
            };
            batch.push_noted(view, numbers);
        }
        if batch.is_empty() {
            return None;
        }
        let frame = batch.frame(&RecordsHead { subscription: 0, seq: 0, topic, partition }, 0..batch.len());
        Self::parse(frame.into_boxed_slice(), Some(topic), masked, shared).ok()
    }

    pub fn topic(&self) -> &Rc<str> {
        match &*self.source {
            Source::Frame(frame) => &frame.topic,
            Source::Gap(gap) => &gap.topic,
        }
    }

    /// Whether a record of the batch was not decoded because its schema was not available.
    pub fn waits_for_schema(&self) -> bool {
        matches!(&*self.source, Source::Frame(frame) if frame.waits_for_schema)
    }

    pub fn partition(&self) -> i32 {
        match &*self.source {
            Source::Frame(frame) => frame.partition,
            Source::Gap(gap) => gap.partition,
        }
    }

    pub fn offsets(&self) -> impl DoubleEndedIterator<Item = i64> + use<'_> {
        self.records_at.iter().map(|&(offset, ..)| offset)
    }

    /// Each record with its offset, in order.
    pub fn entries(&self) -> impl Iterator<Item = (i64, Entry)> + use<'_> {
        self.records_at
            .iter()
            .map(|&(offset, start, len)| (offset, Entry { source: Rc::clone(&self.source), start, len }))
    }
}

/// Numbers the notes of fetched records. Consecutive records mostly have equal notes.
#[derive(Default)]
struct NoteNumbers {
    all: Notes,
    last: u16,
}

impl NoteNumbers {
    /// The number of the note; 0 for none. `None` if there are too many different notes for one frame.
    fn of(&mut self, note: Option<&DecodeNote>) -> Option<u16> {
        let Some(note) = note else { return Some(0) };
        // Keys and values take turns.
        let known =
            [self.last, self.last.saturating_sub(1)].into_iter().find(|&number| self.all.get(number) == Some(note));
        if let Some(number) = known {
            return Some(number);
        }
        self.last = self.all.add(note.clone())?;
        Some(self.last)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub fn frame(subscription: u32, seq: u64, topic: &str, offsets: std::ops::Range<i64>, value: &str) -> Box<[u8]> {
        let mut batch = BinaryBatch::default();
        for offset in offsets {
            batch.push(protocol::RecordView {
                offset,
                timestamp: Some(1_763_800_000_000 + offset),
                timestamp_type: TimestampType::Create,
                key: None,
                value: Some(value.as_bytes()),
                headers: [("h", None), ("h", Some(&b"x"[..]))].into_iter(),
            });
        }
        let head = RecordsHead { subscription, seq, topic, partition: 0 };
        batch.frame(&head, 0..batch.len()).into_boxed_slice()
    }

    fn parse(frame: Box<[u8]>) -> Result<ReceivedBatch, BadBatch> {
        ReceivedBatch::parse(frame, None, MaskedFields::default(), &mut SharedNotes::default())
    }

    fn fetched(records: &[Record]) -> Option<ReceivedBatch> {
        ReceivedBatch::fetched(&"t".into(), 4, records, MaskedFields::default(), &mut SharedNotes::default())
    }

    /// A frame of one record, whose value has the note of this number.
    pub fn noted_frame(offset: i64, value: &str, notes: &[DecodeNote], number: u16) -> Box<[u8]> {
        let mut all = Notes::default();
        notes.iter().for_each(|note| assert!(all.add(note.clone()).is_some()));
        let mut batch = BinaryBatch::with_notes(1, 64, all);
        let record = protocol::RecordView {
            offset,
            timestamp: Some(1_763_800_000_000 + offset),
            timestamp_type: TimestampType::Create,
            key: Some(&b"k"[..]),
            value: Some(value.as_bytes()),
            headers: std::iter::empty(),
        };
        batch.push_noted(record, RecordNotes { key: 0, value: number });
        batch.frame(&RecordsHead { subscription: 1, seq: 1, topic: "t", partition: 0 }, 0..1).into_boxed_slice()
    }

    fn avro() -> DecodeNote {
        DecodeNote { format: Some(protocol::RecordFormat::Avro), ..DecodeNote::default() }
    }

    pub fn noted_entry(offset: i64, value: &str, note: &DecodeNote) -> Entry {
        let arrived = parse(noted_frame(offset, value, std::slice::from_ref(note), 1)).expect("a frame");
        arrived.entries().next().expect("one record").1
    }

    pub fn entry(offset: i64, value: &str) -> Entry {
        let arrived = parse(frame(1, 1, "t", offset..offset + 1, value)).expect("a frame");
        arrived.entries().next().expect("one record").1
    }

    #[test]
    fn parsed_frame_has_its_records_and_their_bytes() {
        let arrived = parse(frame(3, 9, "t", 7..10, "città")).expect("a frame");
        assert_eq!((arrived.subscription, arrived.seq), (3, 9));
        assert_eq!(arrived.payload_bytes, 3 * (6 + 3));
        let entries: Vec<_> = arrived.entries().collect();
        assert_eq!(entries.iter().map(|(offset, _)| *offset).collect::<Vec<_>>(), [7, 8, 9]);
        drop(arrived);
        let record = entries[1].1.record().expect("a record");
        assert_eq!((&**record.topic, record.offset, record.value), ("t", 8, Some("città".as_bytes())));
        assert_eq!(record.headers.collect::<Vec<_>>(), [("h", None), ("h", Some(&b"x"[..]))]);
        assert!(entries[1].1.is(&entries[1].1.clone()) && !entries[1].1.is(&entries[0].1));
    }

    #[test]
    fn truncated_frame_is_rejected() {
        let mut bytes = frame(1, 1, "t", 0..2, "v").into_vec();
        bytes.truncate(bytes.len() - 1);
        assert!(parse(bytes.into_boxed_slice()).is_err());
    }

    #[test]
    fn fetched_records_become_the_same_entries_as_received_ones() {
        let json = r#"{"offset":"5","timestamp":null,"timestamp_type":"log_append","key":{"base64":"/w=="},"value":null,"headers":[["a",null],["a",{"text":"1"}]]}"#;
        let record: Record = serde_json::from_str(json).expect("a record");
        let arrived = fetched(&[record]).expect("one record");
        let (offset, entry) = arrived.entries().next().expect("one");
        let record = entry.record().expect("a record");
        assert_eq!((offset, record.partition, record.timestamp), (5, 4, None));
        assert_eq!((record.key, record.value), (Some(&[0xff][..]), None));
        assert_eq!((record.timestamp_type, record.headers.count()), (TimestampType::LogAppend, 2));
    }

    #[test]
    fn record_refers_to_the_notes_of_its_frame() {
        let failed = DecodeNote::failed("malformed", "3 bytes short".to_owned());
        let decoded = noted_entry(5, "{}", &avro());
        let record = decoded.record().expect("a record");
        assert!(record.key_note.is_none() && !record.is_as_stored());
        assert_eq!(record.value_note.map(|note| note.format), Some(Some(protocol::RecordFormat::Avro)));
        let raw = noted_entry(5, "x", &failed);
        let record = raw.record().expect("a record");
        assert_eq!(record.value_note.map(|note| &**note), Some(&failed));
        assert!(record.is_as_stored(), "the bytes of a record that was not decoded are its own");
        assert!(entry(5, "{}").record().expect("a record").is_as_stored());
    }

    #[test]
    fn record_with_a_missing_note_is_rejected() {
        assert!(parse(noted_frame(0, "{}", &[avro()], 1)).is_ok());
        assert!(parse(noted_frame(0, "{}", &[avro()], 2)).is_err());
    }

    #[test]
    fn memory_of_notes_is_counted_and_raw_records_count_as_before() {
        let long = DecodeNote::failed("malformed", "x".repeat(10_000));
        let noted = noted_entry(0, "v", &long);
        assert!(noted.bytes() > 10_000);
        let raw = entry(0, "v");
        assert_eq!(raw.bytes(), raw.len as usize + size_of::<u32>() + size_of::<Entry>());
    }

    #[test]
    fn fetched_records_keep_their_notes() {
        let json = r#"{"offset":"5","timestamp":null,"key":{"decoded":7,"format":"int64"},
            "value":{"base64":"AAAAAAE=","decode_error":{"code":"schema_not_found","message":"schema 1"}},"headers":[]}"#;
        let record: Record = serde_json::from_str(json).expect("a record");
        let arrived =
            fetched(&[record.clone(), Record { offset: protocol::Offset(6), ..record }]).expect("two records");
        for (_, entry) in arrived.entries() {
            let record = entry.record().expect("a record");
            assert_eq!(record.key, Some(&b"7"[..]));
            assert_eq!(record.key_note.and_then(|note| note.format), Some(protocol::RecordFormat::Int64));
            let error = record.value_note.and_then(|note| note.decode_error.as_ref()).expect("an error");
            assert_eq!((error.code.as_str(), record.value), ("schema_not_found", Some(&[0, 0, 0, 0, 1][..])));
            assert!(!record.is_as_stored());
        }
    }
}
