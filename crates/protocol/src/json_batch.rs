//! Records as JSON, encoded once for any number of sockets.

use std::io::Write;
use std::ops::Range;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;

use crate::binary::{BinaryBatch, RecordNotes, RecordsHead};
use crate::record_view::{HeaderView, RecordView};
use crate::server::TimestampType;
use crate::wire_bytes::{Form, classify};

/// The JSON of a batch's records. The `records` frames of any number of sockets are slices of it.
#[derive(Debug, Default)]
pub struct JsonBatch {
    /// The records' JSON objects, separated by commas.
    body: Vec<u8>,
    /// The end of each object in `body`.
    ends: Vec<usize>,
}

impl JsonBatch {
    pub fn encode(batch: &BinaryBatch) -> Self {
        // The approximate size of a record's JSON besides its key and value.
        const ENVELOPE: usize = 80;
        let mut json = Self {
            body: Vec::with_capacity(batch.encoded_bytes() + batch.len() * ENVELOPE),
            ends: Vec::with_capacity(batch.len()),
        };
        for (index, record) in batch.iter().enumerate() {
            if !json.ends.is_empty() {
                json.body.push(b',');
            }
            let notes = if batch.notes().is_empty() { RecordNotes::default() } else { batch.notes_of(index) };
            let notes = [notes.key, notes.value].map(|number| batch.notes().members(number));
            write_record(&mut json.body, record, notes);
            json.ends.push(json.body.len());
        }
        json
    }

    pub fn encoded_bytes(&self) -> usize {
        self.body.len()
    }

    /// The `records` frame of these records. The range must not be empty.
    pub fn frame(&self, head: &RecordsHead<'_>, range: Range<usize>) -> String {
        let mut frame = Vec::new();
        head.write_json(&mut frame);
        frame.extend_from_slice(self.body(range));
        frame.extend_from_slice(Self::TAIL);
        String::from_utf8(frame).expect("built from strings only")
    }

    /// The JSON of the records, between the head and the tail of a frame.
    pub fn body(&self, range: Range<usize>) -> &[u8] {
        debug_assert!(!range.is_empty());
        // Skips the comma between two records.
        let start = if range.start == 0 { 0 } else { self.ends[range.start - 1] + 1 };
        &self.body[start..self.ends[range.end - 1]]
    }

    /// The end of a frame.
    pub const TAIL: &[u8] = b"]}";
}

impl RecordsHead<'_> {
    /// Writes the head of a JSON frame.
    pub fn write_json(&self, out: &mut Vec<u8>) {
        let Self { subscription, seq, topic, partition } = self;
        write!(out, r#"{{"type":"records","subscription":{subscription},"seq":{seq},"topic":"#)
            .expect("writing to a Vec cannot fail");
        write_string(out, topic);
        write!(out, r#","partition":{partition},"records":["#).expect("writing to a Vec cannot fail");
    }
}

/// `notes`: of key and value, as members of a JSON object, and whether the bytes are decoded.
fn write_record<'a>(
    out: &mut Vec<u8>,
    record: RecordView<'a, impl Iterator<Item = HeaderView<'a>>>,
    [key_note, value_note]: [Option<(&str, bool)>; 2],
) {
    write!(out, r#"{{"offset":"{}","timestamp":"#, record.offset).expect("writing to a Vec cannot fail");
    match record.timestamp {
        Some(ms) => write!(out, "{ms}").expect("writing to a Vec cannot fail"),
        None => out.extend_from_slice(b"null"),
    }
    if record.timestamp_type == TimestampType::LogAppend {
        out.extend_from_slice(br#","timestamp_type":"log_append""#);
    }
    out.extend_from_slice(br#","key":"#);
    write_noted(out, record.key, key_note);
    out.extend_from_slice(br#","value":"#);
    write_noted(out, record.value, value_note);
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

/// Bytes with what is said of them.
fn write_noted(out: &mut Vec<u8>, bytes: Option<&[u8]>, note: Option<(&str, bool)>) {
    match (bytes, note) {
        (Some(json), Some((members, true))) => {
            out.extend_from_slice(br#"{"decoded":"#);
            out.extend_from_slice(json);
            end_with(out, members);
        }
        (Some(_), Some((members, false))) => {
            write_bytes(out, bytes);
            // The note goes before the closing brace.
            out.pop();
            end_with(out, members);
        }
        _ => write_bytes(out, bytes),
    }
}

/// Writes further members of an object that has some, and its end.
fn end_with(out: &mut Vec<u8>, members: &str) {
    if !members.is_empty() {
        out.push(b',');
        out.extend_from_slice(members.as_bytes());
    }
    out.push(b'}');
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
            let written = BASE64.encode_slice(bytes, &mut out[start..]).expect("the slice has room for it");
            out.truncate(start + written);
            out.push(b'"');
        }
    }
    out.push(b'}');
}

fn write_string(out: &mut Vec<u8>, text: &str) {
    serde_json::to_writer(out, text).expect("writing to a Vec cannot fail");
}
