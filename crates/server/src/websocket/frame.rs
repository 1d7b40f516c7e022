//! A WebSocket frame to be written. Records are not copied into it: it refers to the batch that all sockets share, and
//! the kernel copies them from there.

use std::io::IoSlice;
use std::ops::Range;
use std::sync::Arc;

use protocol::{CloseCode, Format, JsonBatch, Notes, RecordsHead};
use tokio_tungstenite::tungstenite::protocol::frame::FrameHeader;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Control, Data, OpCode};

use crate::metrics::{ClusterMetrics, WrittenAt};
use crate::traces;
use feed::{Batch, RecordsView, Variant};
use serdes::Decoder;

/// Stands for "the close frame had no code" and is never sent (RFC 6455, 7.4.1).
const NO_CODE: u16 = 1005;

pub struct Frame {
    /// The WebSocket header and the payload before the records.
    head: Vec<u8>,
    records: Option<Records>,
}

struct Records {
    batch: Arc<Batch>,
    range: Range<usize>,
    format: Format,
    /// What the client gets instead of the records that Kafka has.
    view: Option<Arc<RecordsView>>,
    metrics: &'static ClusterMetrics,
}

impl Frame {
    pub fn text(text: &str) -> Self {
        Self::of(OpCode::Data(Data::Text), text.as_bytes())
    }

    /// A close frame. A reason that is too long is truncated.
    pub fn close(code: u16, reason: &str) -> Self {
        if code == NO_CODE {
            return Self::of(OpCode::Control(Control::Close), &[]);
        }
        let mut end = CloseCode::MAX_REASON_BYTES.min(reason.len());
        while !reason.is_char_boundary(end) {
            end -= 1;
        }
        let payload = [&code.to_be_bytes(), &reason.as_bytes()[..end]].concat();
        Self::of(OpCode::Control(Control::Close), &payload)
    }

    fn of(opcode: OpCode, payload: &[u8]) -> Self {
        let mut head = header(opcode, payload.len());
        head.extend_from_slice(payload);
        Self { head, records: None }
    }

    /// Records of one subscription. `seq` is the number of the last record of the range. Decodes and masks the batch, unless another
    /// subscription has done so.
    pub fn records(
        subscription: u32,
        seq: u64,
        batch: Arc<Batch>,
        range: Range<usize>,
        variant: &Variant,
        decoder: &Decoder,
        metrics: &'static ClusterMetrics,
    ) -> Self {
        let decode = variant.decode;
        let view = batch.view(decode, variant.mask.as_ref(), |records| decoder.decode(&batch.topic, decode, records));
        let fields = RecordsHead { subscription, seq, topic: &batch.topic, partition: batch.partition };
        let mut before = Vec::with_capacity(128);
        let opcode = match variant.format {
            Format::Binary => {
                let none = Notes::default();
                fields.write_binary(
                    &mut before,
                    range.len(),
                    view.as_ref().map_or(&none, |view| view.records().notes()),
                );
                Data::Binary
            }
            Format::Json => {
                fields.write_json(&mut before);
                Data::Text
            }
        };
        let records = Records { batch, range, format: variant.format, view, metrics };
        let length = before.len() + records.body().len() + records.tail().len();
        let mut head = header(OpCode::Data(opcode), length);
        head.extend_from_slice(&before);
        Self { head, records: Some(records) }
    }

    /// The size of the frame.
    pub fn bytes(&self) -> usize {
        let records = self.records.as_ref().map_or(0, |records| records.body().len() + records.tail().len());
        self.head.len() + records
    }

    /// Counts the latency of the records, and traces samples of them. Call it when the whole frame is written; `at` is asked for the time once for
    /// all frames of one write, and only if there are records.
    pub fn note_written(&self, at: &mut Option<WrittenAt>) {
        let Some(Records { batch, range, metrics, .. }) = &self.records else { return };
        let at = at.get_or_insert_with(WrittenAt::now);
        traces::note_delivered(batch, range);
        metrics.written(at, batch.read_at, batch.records.timestamp(range.end - 1), range.len() as u64);
    }

    /// The frame's bytes, without copying them.
    pub fn slices<'f>(&'f self, slices: &mut Vec<IoSlice<'f>>) {
        slices.push(IoSlice::new(&self.head));
        if let Some(records) = &self.records {
            slices.push(IoSlice::new(records.body()));
            slices.push(IoSlice::new(records.tail()));
        }
    }
}

impl Records {
    fn body(&self) -> &[u8] {
        let range = self.range.clone();
        match (self.format, &self.view) {
            (Format::Binary, None) => self.batch.records.body(range),
            (Format::Json, None) => self.batch.json().body(range),
            (Format::Binary, Some(view)) => view.records().body(range),
            (Format::Json, Some(view)) => view.json().body(range),
        }
    }

    fn tail(&self) -> &'static [u8] {
        match self.format {
            Format::Binary => b"",
            Format::Json => JsonBatch::TAIL,
        }
    }
}

/// The header of an unfragmented, unmasked frame, which is what servers send.
fn header(opcode: OpCode, length: usize) -> Vec<u8> {
    const LONGEST: usize = 10;
    let header = FrameHeader { opcode, ..FrameHeader::default() };
    let mut bytes = Vec::with_capacity(LONGEST + if length < 256 { length } else { 128 });
    header.format(length as u64, &mut bytes).expect("writing to a Vec cannot fail");
    bytes
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use access::{Mask, MaskMethod, MaskPath, MaskProfile, Policy, Principal, Who};
    use protocol::{BinaryBatch, ClusterName, Decode, NamePattern, RecordView, RecordsFrame, TimestampType};

    use super::*;
    use crate::metrics::METRICS;

    /// Three records whose masked forms differ in size, of which the frame has the last two.
    fn payload(format: Format, mask: Option<Arc<MaskProfile>>) -> Vec<u8> {
        let mut records = BinaryBatch::default();
        for (offset, value) in (0..).zip([r#"{"email":""}"#, r#"{"email":"bob@example.com","n":1.0}"#, "text"]) {
            records.push(RecordView {
                offset,
                timestamp: None,
                timestamp_type: TimestampType::Create,
                key: Some(b"key"),
                value: Some(value.as_bytes()),
                headers: std::iter::empty(),
            });
        }
        let batch = Arc::new(Batch::new("orders".into(), 0, records));
        let cluster = METRICS.of_cluster(&ClusterName::parse("frame-test").expect("a valid name"));
        let variant = Variant { format, decode: Decode::default(), mask };
        let frame = Frame::records(7, 12, batch, 1..3, &variant, &Decoder::new(None, 1024), cluster);
        let mut slices = Vec::new();
        frame.slices(&mut slices);
        let bytes: Vec<u8> = slices.iter().flat_map(|slice| slice.iter().copied()).collect();
        assert_eq!(bytes.len(), frame.bytes());
        let mut read = Cursor::new(&bytes);
        let (_, length) = FrameHeader::parse(&mut read).expect("a valid header").expect("a complete header");
        let payload = bytes[usize::try_from(read.position()).expect("small")..].to_vec();
        assert_eq!(payload.len() as u64, length);
        payload
    }

    fn emails_hidden_in(topics: &str) -> Option<Arc<MaskProfile>> {
        let mask = Mask {
            clusters: Vec::new(),
            topics: vec![NamePattern(topics.to_owned())],
            fields: vec![MaskPath::parse("value.email").expect("a valid path")],
            method: MaskMethod::Replace,
            except: Who::default(),
        };
        let policy = Policy::new(Vec::new(), vec![mask]).expect("one mask");
        let cluster = ClusterName::parse("default").expect("a valid name");
        let profile = policy.masks(&Principal::anyone(), &cluster, ["orders", "users"]);
        assert!(profile.is_some());
        profile
    }

    #[test]
    fn frame_has_the_records_as_the_user_sees_them() {
        let masked = [r#"{"email":"***","n":1.0}"#, "***"].map(|value| Some(value.as_bytes()));
        let original = [r#"{"email":"bob@example.com","n":1.0}"#, "text"].map(|value| Some(value.as_bytes()));
        for (mask, values) in
            [(None, original), (emails_hidden_in("orders"), masked), (emails_hidden_in("users"), original)]
        {
            let binary = payload(Format::Binary, mask.clone());
            let frame = RecordsFrame::parse(&binary).expect("a valid frame");
            assert_eq!((frame.subscription, frame.seq, frame.count), (7, 12, 2));
            let records: Vec<_> = frame.records.map(|record| record.expect("a valid record")).collect();
            let views: Vec<_> = records.iter().map(|record| record.view().expect("a valid record")).collect();
            assert_eq!(
                views.iter().map(|view| (view.offset, view.value)).collect::<Vec<_>>(),
                [(1, values[0]), (2, values[1])]
            );

            let json = String::from_utf8(payload(Format::Json, mask)).expect("text");
            let message: serde_json::Value = serde_json::from_str(&json).expect("JSON");
            assert_eq!(message["records"][0]["offset"], "1");
            let field = serde_json::from_slice::<serde_json::Value>(values[0].expect("not null")).expect("JSON");
            assert_eq!(message["records"][0]["value"]["json"], field);
            assert_eq!(message["records"][1]["value"]["text"].as_str().map(str::as_bytes), values[1]);
        }
    }
}
