//! Records as JSON, encoded once for any number of sockets.

use std::io::Write;
use std::ops::Range;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;

use crate::binary::{BinaryBatch, RecordsHead};
use crate::record_view::{HeaderView, RecordView};
use crate::server::TimestampType;
use crate::wire_bytes::{Form, classify};

/// The JSON of a batch's records, from which `records` frames are cut as from the batch itself.
#[derive(Debug, Default)]
pub struct JsonBatch {
    /// The records' JSON objects, separated by commas.
    body: Vec<u8>,
    /// Where each object ends in `body`.
    ends: Vec<usize>,
}

impl JsonBatch {
    pub fn encode(batch: &BinaryBatch) -> Self {
        // What a record of small JSON needs around it.
        const ENVELOPE: usize = 80;
        let mut json = Self {
            body: Vec::with_capacity(batch.encoded_bytes() + batch.len() * ENVELOPE),
            ends: Vec::with_capacity(batch.len()),
        };
        for record in batch.iter() {
            if !json.ends.is_empty() {
                json.body.push(b',');
            }
            write_record(&mut json.body, record);
            json.ends.push(json.body.len());
        }
        json
    }

    /// Bytes of JSON.
    pub fn encoded_bytes(&self) -> usize {
        self.body.len()
    }

    /// The `records` frame of these records, which may not be none.
    pub fn frame(&self, head: &RecordsHead<'_>, range: Range<usize>) -> String {
        let mut frame = Vec::new();
        head.write_json(&mut frame);
        frame.extend_from_slice(self.body(range));
        frame.extend_from_slice(Self::TAIL);
        String::from_utf8(frame).expect("built from strings alone")
    }

    /// The records' JSON, which stands between a frame's head and its tail.
    pub fn body(&self, range: Range<usize>) -> &[u8] {
        debug_assert!(!range.is_empty());
        // A comma stands between two records.
        let start = if range.start == 0 { 0 } else { self.ends[range.start - 1] + 1 };
        &self.body[start..self.ends[range.end - 1]]
    }

    /// What ends a frame.
    pub const TAIL: &[u8] = b"]}";
}

impl RecordsHead<'_> {
    /// Writes the head of a JSON frame.
    pub fn write_json(&self, out: &mut Vec<u8>) {
        let Self { subscription, seq, topic, partition } = self;
        write!(out, r#"{{"type":"records","subscription":{subscription},"seq":{seq},"topic":"#)
            .expect("a Vec takes everything");
        write_string(out, topic);
        write!(out, r#","partition":{partition},"records":["#).expect("a Vec takes everything");
    }
}

fn write_record<'a>(out: &mut Vec<u8>, record: RecordView<'a, impl Iterator<Item = HeaderView<'a>>>) {
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
    for (index, (name, value)) in record.headers.enumerate() {
        out.extend_from_slice(if index == 0 { b"[" } else { b",[" });
        write_string(out, name);
        out.push(b',');
        write_bytes(out, value);
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
