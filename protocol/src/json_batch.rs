//! Records encoded once as JSON, from which the `records` frames of any number of sockets are cut.

use std::io::Write;
use std::ops::Range;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;

use crate::server::TimestampType;
use crate::wire_bytes::{Form, classify};

/// A record as Kafka's client library lends it, not copied yet.
#[derive(Clone, Copy, Debug)]
pub struct RecordView<'a> {
    pub offset: i64,
    /// Milliseconds since 1970-01-01 UTC.
    pub timestamp: Option<i64>,
    pub timestamp_type: TimestampType,
    pub key: Option<&'a [u8]>,
    pub value: Option<&'a [u8]>,
    pub headers: &'a [(&'a str, Option<&'a [u8]>)],
}

impl RecordView<'_> {
    /// Bytes of key, value and headers: what credit counts.
    pub fn size(&self) -> usize {
        let bytes = |b: Option<&[u8]>| b.map_or(0, <[u8]>::len);
        let headers: usize = self.headers.iter().map(|(name, value)| name.len() + bytes(*value)).sum();
        bytes(self.key) + bytes(self.value) + headers
    }
}

/// Records of one partition, each encoded exactly once.
#[derive(Debug, Default)]
pub struct JsonBatch {
    /// The records' JSON objects, separated by commas.
    body: Vec<u8>,
    records: Vec<Entry>,
}

#[derive(Debug)]
struct Entry {
    offset: i64,
    /// Where its JSON object ends in `body`.
    end: usize,
    /// Bytes of key, value and headers in all records up to and with this one.
    size_through: u64,
}

impl JsonBatch {
    pub fn push(&mut self, record: RecordView<'_>) {
        if !self.records.is_empty() {
            self.body.push(b',');
        }
        write_record(&mut self.body, record);
        let size_before = self.records.last().map_or(0, |entry| entry.size_through);
        self.records.push(Entry {
            offset: record.offset,
            end: self.body.len(),
            size_through: size_before + record.size() as u64,
        });
    }

    pub fn len(&self) -> usize {
        self.records.len()
    }

    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// Bytes of JSON.
    pub fn encoded_bytes(&self) -> usize {
        self.body.len()
    }

    /// The offset of record `index`.
    pub fn offset(&self, index: usize) -> i64 {
        self.records[index].offset
    }

    /// Bytes of keys, values and headers of these records: what they use up of a client's credit.
    pub fn payload_bytes(&self, range: Range<usize>) -> u64 {
        if range.is_empty() {
            return 0;
        }
        let before = if range.start == 0 { 0 } else { self.records[range.start - 1].size_through };
        self.records[range.end - 1].size_through - before
    }

    /// How many records from `start` on fit into the credit.
    pub fn fitting(&self, start: usize, max_records: u64, max_bytes: u64) -> usize {
        let before = if start == 0 { 0 } else { self.records[start - 1].size_through };
        let limit = before.saturating_add(max_bytes);
        let by_bytes = self.records[start..].partition_point(|entry| entry.size_through <= limit);
        by_bytes.min(usize::try_from(max_records).unwrap_or(usize::MAX))
    }

    /// The `records` frame of one subscription; `seq` is the number of the range's last record.
    pub fn frame(&self, subscription: u32, seq: u64, topic: &str, partition: i32, range: Range<usize>) -> String {
        debug_assert!(!range.is_empty());
        // A comma stands between two records.
        let start = if range.start == 0 { 0 } else { self.records[range.start - 1].end + 1 };
        let body = &self.body[start..self.records[range.end - 1].end];
        let mut frame = Vec::with_capacity(body.len() + topic.len() + 128);
        frame.extend_from_slice(br#"{"type":"records","subscription":"#);
        write!(frame, r#"{subscription},"seq":{seq},"topic":"#).expect("a Vec takes everything");
        write_string(&mut frame, topic);
        write!(frame, r#","partition":{partition},"records":["#).expect("a Vec takes everything");
        frame.extend_from_slice(body);
        frame.extend_from_slice(b"]}");
        String::from_utf8(frame).expect("built from strings alone")
    }
}

fn write_record(out: &mut Vec<u8>, record: RecordView<'_>) {
    write!(out, r#"{{"offset":"{}","timestamp":"#, record.offset).expect("a Vec takes everything");
    match record.timestamp {
        Some(ms) => write!(out, "{ms}").expect("a Vec takes everything"),
        None => out.extend_from_slice(b"null"),
    }
    if record.timestamp_type == TimestampType::LogAppend {
        out.extend_from_slice(br#","timestamp_type":"log_append""#);
    }
    out.extend_from_slice(br#","key":"#);
    write_bytes(out, record.key);
    out.extend_from_slice(br#","value":"#);
    write_bytes(out, record.value);
    out.extend_from_slice(br#","headers":["#);
    for (index, (name, value)) in record.headers.iter().enumerate() {
        out.extend_from_slice(if index == 0 { b"[" } else { b",[" });
        write_string(out, name);
        out.push(b',');
        write_bytes(out, *value);
        out.push(b']');
    }
    out.extend_from_slice(b"]}");
}

fn write_bytes(out: &mut Vec<u8>, bytes: Option<&[u8]>) {
    let Some(bytes) = bytes else { return out.extend_from_slice(b"null") };
    match classify(bytes) {
        Form::Json(json) => {
            out.extend_from_slice(br#"{"json":"#);
            out.extend_from_slice(json.as_bytes());
        }
        Form::Text(text) => {
            out.extend_from_slice(br#"{"text":"#);
            write_string(out, text);
        }
        Form::Binary(bytes) => {
            out.extend_from_slice(br#"{"base64":""#);
            let start = out.len();
            out.resize(start + bytes.len().div_ceil(3) * 4, 0);
            let written = BASE64.encode_slice(bytes, &mut out[start..]).expect("sized for it");
            out.truncate(start + written);
            out.push(b'"');
        }
    }
    out.push(b'}');
}

fn write_string(out: &mut Vec<u8>, text: &str) {
    serde_json::to_writer(out, text).expect("a Vec takes everything");
}
