//! Records as JSON, encoded once for any number of sockets.

use std::io::Write;
use std::ops::Range;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;

use crate::binary::BinaryBatch;
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

    /// The `records` frame of one subscription; `seq` is the number of the range's last record.
    pub fn frame(&self, subscription: u32, seq: u64, topic: &str, partition: i32, range: Range<usize>) -> String {
        debug_assert!(!range.is_empty());
        // A comma stands between two records.
        let start = if range.start == 0 { 0 } else { self.ends[range.start - 1] + 1 };
        let body = &self.body[start..self.ends[range.end - 1]];
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
