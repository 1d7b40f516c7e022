//! The records of one sent frame and the outcome of each. The bytes of the frame are kept: they are sent again after a
//! reconnect, and the list of sent records reads its previews from them.

use std::ops::Range;
use std::rc::Rc;
use std::sync::Arc;

use protocol::{ErrorBody, ProduceBatch, ProduceFrame};

use super::sends::Outcome;

/// Bytes of the value that are kept of a large record with an outcome; a row of the list shows no more.
pub const PREVIEW_BYTES: usize = 256;
/// Larger frames are reduced to a preview once they cannot be needed for sending again.
const LARGE_FRAME: usize = 8 * 1024;

/// Records that are encoded as a frame and not yet sent.
#[derive(Debug)]
pub struct FrameToSend {
    pub topic: Arc<str>,
    pub batch: ProduceBatch,
    /// The run that the records belong to.
    pub run: Option<u64>,
    /// The label of each record in the list of failures: its index in the run, or its line. Empty for records without
    /// labels.
    pub labels: Vec<u64>,
    /// The beginning of the JSON of each value that the bridge has encoded. Empty if no record of the frame has one.
    pub json: Vec<Option<Box<str>>>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Mark {
    Queued,
    Acked {
        partition: i32,
        offset: i64,
        took_us: u32,
        after_ms: f32,
        /// From the click until the record is received in the live list; NaN before.
        seen_after_ms: f32,
    },
    /// The index of the reason in `errors`.
    Failed(u32),
    Unknown(Option<u32>),
}

#[derive(Debug)]
pub struct SentFrame {
    /// The row number of the first record; the following records have consecutive numbers.
    pub number: u64,
    pub topic: Arc<str>,
    pub run: Option<u64>,
    /// When the user or the run sent the frame.
    pub sent_ms: f64,
    frame: Rc<Vec<u8>>,
    labels: Vec<u64>,
    json: Vec<Option<Box<str>>>,
    marks: Vec<Mark>,
    errors: Vec<ErrorBody>,
    waiting: usize,
}

impl SentFrame {
    pub fn new(number: u64, to_send: FrameToSend, sent_ms: f64) -> Self {
        let FrameToSend { topic, batch, run, labels, json } = to_send;
        let count = batch.len() as usize;
        let (marks, frame) = (vec![Mark::Queued; count], Rc::new(batch.into_frame()));
        Self { number, topic, run, sent_ms, frame, labels, json, marks, errors: Vec::new(), waiting: count }
    }

    pub fn frame(&self) -> Rc<Vec<u8>> {
        Rc::clone(&self.frame)
    }

    pub fn bytes(&self) -> usize {
        self.frame.len()
    }

    pub fn len(&self) -> usize {
        self.marks.len()
    }

    /// Number of records without an outcome.
    pub fn waiting(&self) -> usize {
        self.waiting
    }

    pub fn contains(&self, number: u64) -> bool {
        (self.number..self.number + self.len() as u64).contains(&number)
    }

    pub fn label(&self, index: usize) -> Option<u64> {
        self.labels.get(index).copied()
    }

    /// The first part of a range whose records have no outcome.
    pub fn next_queued(&self, within: Range<usize>) -> Option<Range<usize>> {
        let is_queued = |index: &usize| self.marks[*index] == Mark::Queued;
        let start = within.clone().find(is_queued)?;
        let end = (start..within.end).find(|index| !is_queued(index)).unwrap_or(within.end);
        Some(start..end)
    }

    /// No record of the range may have an outcome. `offset`: of the first record.
    pub fn acked(&mut self, range: Range<usize>, partition: i32, offset: i64, took_us: u64, after_ms: f64) {
        let took_us = u32::try_from(took_us).unwrap_or(u32::MAX);
        self.waiting -= range.len();
        for (mark, offset) in self.marks[range].iter_mut().zip(offset..) {
            *mark = Mark::Acked { partition, offset, took_us, after_ms: after_ms as f32, seen_after_ms: f32::NAN };
        }
    }

    pub fn failed(&mut self, index: usize, error: ErrorBody) {
        let unknown = error.unknown;
        // Most records of a frame fail for the same reason, which is stored once.
        if self.errors.last() != Some(&error) {
            self.errors.push(error);
        }
        let reason = self.errors.len() as u32 - 1;
        self.marks[index] = if unknown { Mark::Unknown(Some(reason)) } else { Mark::Failed(reason) };
        self.waiting -= 1;
    }

    /// The session is lost: records without an outcome become `Unknown`, since they may be in the log. Returns how many.
    pub fn lost(&mut self) -> usize {
        for mark in self.marks.iter_mut().filter(|mark| **mark == Mark::Queued) {
            *mark = Mark::Unknown(None);
        }
        std::mem::take(&mut self.waiting)
    }

    pub fn seen(&mut self, index: usize, after_ms: f64) {
        if let Some(Mark::Acked { seen_after_ms, .. }) = self.marks.get_mut(index) {
            *seen_after_ms = after_ms as f32;
        }
    }

    pub fn outcome(&self, index: usize) -> Outcome {
        let error = |reason: u32| self.errors[reason as usize].clone();
        match self.marks[index] {
            Mark::Queued => Outcome::Queued,
            Mark::Acked { partition, offset, took_us, after_ms, .. } => Outcome::Acked {
                partition,
                offset,
                took_ms: f64::from(took_us) / 1000.0,
                after_ms: f64::from(after_ms),
            },
            Mark::Failed(reason) => Outcome::Failed(error(reason)),
            Mark::Unknown(reason) => Outcome::Unknown(reason.map(error)),
        }
    }

    pub fn seen_after_ms(&self, index: usize) -> Option<f64> {
        match self.marks[index] {
            Mark::Acked { seen_after_ms, .. } if !seen_after_ms.is_nan() => Some(f64::from(seen_after_ms)),
            _ => None,
        }
    }

    /// The first bytes of each value, or of the JSON that it was encoded from.
    pub fn previews(&self) -> Vec<Option<Vec<u8>>> {
        let mut previews = self.value_previews();
        for (preview, json) in previews.iter_mut().zip(&self.json) {
            if let Some(json) = json {
                *preview = Some(json.as_bytes().to_vec());
            }
        }
        previews
    }

    fn value_previews(&self) -> Vec<Option<Vec<u8>>> {
        let frame = ProduceFrame::parse(&self.frame).ok();
        let values = frame.iter().flat_map(ProduceFrame::iter).map(|record| record.value);
        values.map(|value| value.map(|bytes| bytes[..bytes.len().min(PREVIEW_BYTES)].to_vec())).collect()
    }

    /// Frames with the records that have no outcome, with the same sequence numbers. `seq`: of the first record.
    pub fn again(&self, seq: u64) -> Vec<Rc<Vec<u8>>> {
        if self.waiting == self.len() {
            return vec![self.frame()];
        }
        let mut frames = Vec::new();
        let mut from = 0;
        while let Some(range) = self.next_queued(from..self.len()) {
            from = range.end;
            let mut batch = ProduceBatch::new(&self.topic, seq + range.start as u64);
            let frame = ProduceFrame::parse(&self.frame).ok();
            let records = frame.iter().flat_map(ProduceFrame::iter);
            records.skip(range.start).take(range.len()).for_each(|record| batch.push(record));
            frames.push(Rc::new(batch.into_frame()));
        }
        frames
    }

    /// Reduces a large frame whose records all have an outcome to the preview that the list shows.
    pub fn shrink(&mut self) {
        if self.waiting > 0 || self.len() > 1 || self.frame.len() <= LARGE_FRAME {
            return;
        }
        let Some(preview) = self.value_previews().pop() else { return };
        let mut batch = ProduceBatch::new(&self.topic, 0);
        batch.push(protocol::ProduceView {
            partition: None,
            timestamp: None,
            key: None,
            value: preview.as_deref(),
            headers: std::iter::empty(),
        });
        self.frame = Rc::new(batch.into_frame());
    }
}
