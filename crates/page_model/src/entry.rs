//! One entry of the live list: a record as the bytes it came in, or a gap. A record costs no allocation of its own: the
//! records of a frame share it, and it is freed when the last of them leaves the list.

use std::rc::Rc;

use protocol::binary::{Headers, RawRecord};
use protocol::{
    BadBatch, BinaryBatch, GapReason, Header, ProduceRecord, Record, RecordsFrame, RecordsHead, TimestampType,
    WireBytes,
};

#[derive(Debug)]
enum Source {
    Frame(Frame),
    Gap(Gap),
}

/// The records of one partition that came together.
#[derive(Debug)]
struct Frame {
    topic: Rc<str>,
    partition: i32,
    bytes: Box<[u8]>,
}

/// Records `from` (inclusive) to `to` (exclusive) that will not come by themselves.
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

    /// The next one begins where this one ends, for the same reason.
    pub fn touches(&self, next: &Gap) -> bool {
        self.to == next.from
            && self.reason == next.reason
            && self.partition == next.partition
            && self.topic == next.topic
    }

    /// Kafka still has them, as far as the page knows.
    pub fn can_be_loaded(&self) -> bool {
        self.reason == GapReason::Slow
    }
}

/// A record where it lies in its frame; nothing is copied.
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
}

impl RecordRef<'_> {
    /// The same record to be written again, now.
    pub fn to_produce(&self) -> ProduceRecord {
        let headers = self.headers.map(|(name, value)| Header(name.to_owned(), WireBytes::from_kafka(value)));
        ProduceRecord {
            topic: self.topic.to_string(),
            partition: Some(self.partition),
            key: WireBytes::from_kafka(self.key),
            value: WireBytes::from_kafka(self.value),
            headers: headers.collect(),
            timestamp: None,
        }
    }

    /// Bytes of key, value and headers: what credit counts.
    pub fn size(&self) -> usize {
        payload_bytes(self.key, self.value, self.headers)
    }
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

    /// Decodes the record. It was checked when it came, so that only gaps are `None`.
    pub fn record(&self) -> Option<RecordRef<'_>> {
        let Source::Frame(Frame { topic, partition, bytes }) = &*self.source else { return None };
        let fields = &bytes[self.start as usize..][..self.len as usize];
        let view = RawRecord::from_bytes(fields).view().ok()?;
        Some(RecordRef {
            topic,
            partition: *partition,
            offset: view.offset,
            timestamp: view.timestamp,
            timestamp_type: view.timestamp_type,
            key: view.key,
            value: view.value,
            headers: view.headers,
        })
    }

    /// The same entry, not merely an equal one.
    pub fn is(&self, other: &Entry) -> bool {
        Rc::ptr_eq(&self.source, &other.source) && self.start == other.start
    }

    /// What it takes of the list's limit: the record with its framing, and this handle.
    pub fn bytes(&self) -> usize {
        self.len as usize + size_of::<u32>() + size_of::<Self>()
    }
}

/// A binary `records` frame taken over whole.
#[derive(Debug)]
pub struct Arrived {
    source: Rc<Source>,
    pub subscription: u32,
    /// The number of the last record.
    pub seq: u64,
    /// Bytes of keys, values and headers: what it used up of the credit.
    pub payload_bytes: u64,
    /// (offset, where it lies).
    places: Vec<(i64, u32, u32)>,
}

impl Arrived {
    /// Checks the frame to its last byte, so that nothing later can fail. `topic_before` saves a name that is known.
    pub fn parse(bytes: Box<[u8]>, topic_before: Option<&Rc<str>>) -> Result<Self, BadBatch> {
        let frame = RecordsFrame::parse(&bytes)?;
        let topic =
            topic_before.filter(|topic| &***topic == frame.topic).cloned().unwrap_or_else(|| frame.topic.into());
        let RecordsFrame { subscription, seq, partition, .. } = frame;
        let mut places = Vec::with_capacity(frame.count as usize);
        let mut payload = 0;
        for record in frame.records {
            let record = record?;
            let view = record.view()?;
            let fields = record.as_bytes();
            // Both lie in the same frame, which is far smaller than 4 GiB.
            let start = fields.as_ptr() as usize - bytes.as_ptr() as usize;
            payload += payload_bytes(view.key, view.value, view.headers);
            places.push((view.offset, start as u32, fields.len() as u32));
        }
        let source = Rc::new(Source::Frame(Frame { topic, partition, bytes }));
        Ok(Self { source, subscription, seq, payload_bytes: payload as u64, places })
    }

    /// Records that a `fetch` brought, brought into the same form.
    pub fn fetched(topic: &Rc<str>, partition: i32, records: &[Record]) -> Option<Self> {
        let mut batch = BinaryBatch::default();
        for record in records {
            batch.push(protocol::RecordView {
                offset: record.offset.0,
                timestamp: record.timestamp,
                timestamp_type: record.timestamp_type,
                key: record.key.as_kafka(),
                value: record.value.as_kafka(),
                headers: record.headers.iter().map(|header| (header.0.as_str(), header.1.as_kafka())),
            });
        }
        if batch.is_empty() {
            return None;
        }
        let frame = batch.frame(&RecordsHead { subscription: 0, seq: 0, topic, partition }, 0..batch.len());
        Self::parse(frame.into_boxed_slice(), Some(topic)).ok()
    }

    pub fn topic(&self) -> &Rc<str> {
        match &*self.source {
            Source::Frame(frame) => &frame.topic,
            Source::Gap(gap) => &gap.topic,
        }
    }

    pub fn partition(&self) -> i32 {
        match &*self.source {
            Source::Frame(frame) => frame.partition,
            Source::Gap(gap) => gap.partition,
        }
    }

    pub fn offsets(&self) -> impl DoubleEndedIterator<Item = i64> + use<'_> {
        self.places.iter().map(|&(offset, ..)| offset)
    }

    /// Each record with its offset, in order.
    pub fn entries(&self) -> impl Iterator<Item = (i64, Entry)> + use<'_> {
        self.places.iter().map(|&(offset, start, len)| (offset, Entry { source: Rc::clone(&self.source), start, len }))
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

    pub fn entry(offset: i64, value: &str) -> Entry {
        let arrived = Arrived::parse(frame(1, 1, "t", offset..offset + 1, value), None).expect("a frame");
        arrived.entries().next().expect("one record").1
    }

    #[test]
    fn a_frame_gives_its_records_back_and_counts_their_bytes() {
        let arrived = Arrived::parse(frame(3, 9, "t", 7..10, "città"), None).expect("a frame");
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
    fn a_broken_frame_is_refused_whole() {
        let mut bytes = frame(1, 1, "t", 0..2, "v").into_vec();
        bytes.truncate(bytes.len() - 1);
        assert!(Arrived::parse(bytes.into_boxed_slice(), None).is_err());
    }

    #[test]
    fn fetched_records_are_like_those_that_came_by_themselves() {
        let json = r#"{"offset":"5","timestamp":null,"timestamp_type":"log_append","key":{"base64":"/w=="},"value":null,"headers":[["a",null],["a",{"text":"1"}]]}"#;
        let record: Record = serde_json::from_str(json).expect("a record");
        let arrived = Arrived::fetched(&"t".into(), 4, &[record]).expect("one record");
        let (offset, entry) = arrived.entries().next().expect("one");
        let record = entry.record().expect("a record");
        assert_eq!((offset, record.partition, record.timestamp), (5, 4, None));
        assert_eq!((record.key, record.value), (Some(&[0xff][..]), None));
        assert_eq!((record.timestamp_type, record.headers.count()), (TimestampType::LogAppend, 2));
    }
}
