//! Every record that this page sent, with its outcome. Assigns the sequence numbers of `produce` frames.
//!
//! Designed for tens of thousands of records a second: a record costs a fixed-size mark besides its frame, and a run is
//! updated by ranges.

use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;

use protocol::{ErrorBody, ProduceAck, ProduceBatch, ProduceRecord};

use super::own_records::{OwnRange, OwnRecords};
use super::sent_frame::{FrameToSend, SentFrame};

/// Rows that are listed. Older ones with an outcome are only counted.
pub const LISTED_ROWS: usize = 300;

/// `Queued` → exactly one of the others. `Unknown`: it may be in the log.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    Queued,
    Acked {
        partition: i32,
        offset: i64,
        /// Bridge to Kafka and back, measured by the bridge.
        took_ms: f64,
        /// From the click to the acknowledgement, by the page's clock.
        after_ms: f64,
    },
    Failed(ErrorBody),
    /// With the bridge's error, or `None` after a lost session.
    Unknown(Option<ErrorBody>),
}

impl Outcome {
    /// The value of `data-state`.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Acked { .. } => "acked",
            Self::Failed(_) => "failed",
            Self::Unknown(_) => "unknown",
        }
    }
}

/// One sent record as the list shows it.
#[derive(Clone, Debug)]
pub struct SentRow {
    /// Increases by one with each record of this page, across sessions.
    pub number: u64,
    pub topic: Arc<str>,
    /// The first bytes of the value.
    pub preview: Option<Vec<u8>>,
    pub outcome: Outcome,
    /// From the click to the record's return in the live feed.
    pub seen_after_ms: Option<f64>,
}

/// All records of this page, or since the list was cleared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    pub sent: u64,
    pub acked: u64,
    pub failed: u64,
    pub unknown: u64,
    pub seen: u64,
}

/// An outcome of records of a run.
#[derive(Clone, Debug, PartialEq)]
pub enum RunUpdate {
    Acked {
        count: u64,
        after_ms: f64,
    },
    Seen {
        count: u64,
        after_ms: f64,
    },
    /// `label`: the record's index in the run, or its line in the batch.
    Failed {
        label: Option<u64>,
        error: ErrorBody,
    },
    Unknown {
        count: u64,
    },
}

/// An own record that was received before its acknowledgement.
#[derive(Debug, PartialEq)]
pub struct SeenEarly {
    pub topic: Arc<str>,
    pub partition: i32,
    pub offset: i64,
    pub after_ms: f64,
}

/// Changes for the run and the feed since the last `take_updates`.
#[derive(Debug, Default)]
pub struct SendUpdates {
    /// With the number of the run.
    pub runs: Vec<(u64, RunUpdate)>,
    pub seen_early: Vec<SeenEarly>,
}

impl SendUpdates {
    fn run(&mut self, run: Option<u64>, updates: RunUpdate) {
        let Some(run) = run else { return };
        // Received records of the same batch are merged into one update.
        if let (Some((last_run, RunUpdate::Seen { count, after_ms })), RunUpdate::Seen { count: more, after_ms: same }) =
            (self.runs.last_mut(), &updates)
            && *last_run == run
            && *after_ms == *same
        {
            *count += more;
            return;
        }
        self.runs.push((run, updates));
    }
}

#[derive(Debug, Default)]
pub struct Sends {
    /// By number, oldest first.
    frames: VecDeque<SentFrame>,
    next_number: u64,
    /// The next sequence number of the current session.
    next_seq: u64,
    /// The row number of the session's first record: row numbers continue across sessions, sequence numbers restart at 0.
    session_number: u64,
    listed: usize,
    waiting: usize,
    waiting_bytes: usize,
    totals: Totals,
    own_records: OwnRecords,
    updates: SendUpdates,
}

impl Sends {
    /// Registers a record of the user. `json`: what its value was encoded from. Returns the frame to send.
    pub fn send(&mut self, record: &ProduceRecord, json: Option<Box<str>>, now_ms: f64) -> Rc<Vec<u8>> {
        let mut batch = ProduceBatch::new(&record.topic, self.next_seq);
        batch.push(record.view());
        let topic = record.topic.as_str().into();
        let json = json.map(|json| vec![Some(json)]).unwrap_or_default();
        self.send_frame(FrameToSend { topic, batch, run: None, labels: Vec::new(), json }, now_ms)
    }

    /// The sequence number that the next frame must begin with.
    pub fn next_seq(&self) -> u64 {
        self.next_seq
    }

    /// Registers records that are sent now. Their batch begins at [`Self::next_seq`]. Returns the frame to send.
    pub fn send_frame(&mut self, to_send: FrameToSend, now_ms: f64) -> Rc<Vec<u8>> {
        let frame_sent = SentFrame::new(self.next_number, to_send, now_ms);
        let count = frame_sent.len();
        self.next_number += count as u64;
        self.next_seq += count as u64;
        self.totals.sent += count as u64;
        self.listed += count;
        self.waiting += count;
        self.waiting_bytes += frame_sent.bytes();
        let frame = frame_sent.frame();
        self.frames.push_back(frame_sent);
        self.forget_oldest();
        frame
    }

    /// Removes rows beyond the number that is listed, oldest first. Rows without an outcome are never removed.
    fn forget_oldest(&mut self) {
        while let Some(first) = self.frames.front()
            && first.waiting() == 0
            && self.listed - first.len() >= LISTED_ROWS
        {
            self.listed -= first.len();
            self.frames.pop_front();
        }
        // A row that waits for a long time must not keep all later rows. Done rarely, since it iterates over all frames.
        if self.listed > self.waiting + 4 * LISTED_ROWS {
            let mut surplus = self.listed - self.waiting - LISTED_ROWS;
            let mut forgotten = 0;
            self.frames.retain(|frame_sent| {
                let forget = frame_sent.waiting() == 0 && surplus >= frame_sent.len();
                if forget {
                    surplus -= frame_sent.len();
                    forgotten += frame_sent.len();
                }
                !forget
            });
            self.listed -= forgotten;
        }
    }

    /// The listed rows, newest first.
    pub fn rows(&self) -> Vec<SentRow> {
        let mut rows = Vec::with_capacity(self.listed.min(LISTED_ROWS));
        for frame_sent in self.frames.iter().rev() {
            let previews = frame_sent.previews();
            for (index, preview) in previews.into_iter().enumerate().rev() {
                if rows.len() == LISTED_ROWS {
                    return rows;
                }
                rows.push(row(frame_sent, index, preview));
            }
        }
        rows
    }

    /// The newest row, without its preview.
    pub fn last(&self) -> Option<SentRow> {
        self.frames.back().map(|frame_sent| row(frame_sent, frame_sent.len() - 1, None))
    }

    pub fn totals(&self) -> Totals {
        self.totals
    }

    pub fn clear_settled(&mut self) {
        self.frames.retain(|frame_sent| frame_sent.waiting() > 0);
        self.listed = self.frames.iter().map(SentFrame::len).sum();
        self.totals = Totals { sent: self.waiting as u64, ..Totals::default() };
    }

    /// Number of records without an outcome.
    pub fn waiting(&self) -> usize {
        self.waiting
    }

    /// Bytes of the frames that have records without an outcome.
    pub fn waiting_bytes(&self) -> usize {
        self.waiting_bytes
    }

    pub fn take_updates(&mut self) -> SendUpdates {
        std::mem::take(&mut self.updates)
    }

    /// The index of the frame with this row number, or of the first frame after it.
    fn frame_index(&self, number: u64) -> usize {
        self.frames.partition_point(|frame_sent| frame_sent.number + frame_sent.len() as u64 <= number)
    }

    fn settled(&mut self, at: usize, count: usize) {
        self.waiting -= count;
        let frame_sent = &mut self.frames[at];
        if frame_sent.waiting() == 0 {
            self.waiting_bytes -= frame_sent.bytes();
            frame_sent.shrink();
        }
    }

    /// Applies an acknowledgement. `arrived_ms`: when its frame was received, by the page's clock.
    pub fn acked(&mut self, ack: &ProduceAck, arrived_ms: f64) {
        if ack.first >= self.next_seq || ack.last < ack.first {
            return;
        }
        let first = self.session_number + ack.first;
        let end = self.session_number + ack.last.min(self.next_seq - 1) + 1;
        let mut at = self.frame_index(first);
        while let Some(frame_sent) = self.frames.get(at)
            && frame_sent.number < end
        {
            let number = frame_sent.number;
            let mut from = first.saturating_sub(number) as usize;
            let to = ((end - number) as usize).min(frame_sent.len());
            // A resumed session may repeat acknowledgements.
            while let Some(range) = self.frames[at].next_queued(from..to) {
                from = range.end;
                let offset = ack.offset.0.saturating_add_unsigned(number + range.start as u64 - first);
                self.acked_range(at, range, ack, offset, arrived_ms);
            }
            at += 1;
        }
        if self.waiting == 0 {
            self.own_records.forget_early();
        }
        self.forget_oldest();
    }

    fn acked_range(&mut self, at: usize, range: std::ops::Range<usize>, ack: &ProduceAck, offset: i64, now_ms: f64) {
        let Self { frames, own_records, updates, totals, .. } = self;
        let frame_sent = &mut frames[at];
        let (count, after_ms) = (range.len() as u64, now_ms - frame_sent.sent_ms);
        frame_sent.acked(range.clone(), ack.partition, offset, ack.took_us, after_ms);
        totals.acked += count;
        updates.run(frame_sent.run, RunUpdate::Acked { count, after_ms });
        let own = OwnRange {
            offset,
            count,
            number: frame_sent.number + range.start as u64,
            sent_ms: frame_sent.sent_ms,
            run: frame_sent.run,
            seen_through: offset,
        };
        own_records.acked(&ack.topic, ack.partition, own, |seen, arrived_ms| {
            let after_ms = arrived_ms - frame_sent.sent_ms;
            frame_sent.seen(range.start + (seen - offset) as usize, after_ms);
            totals.seen += 1;
            updates.run(frame_sent.run, RunUpdate::Seen { count: 1, after_ms });
            let topic = Arc::clone(&frame_sent.topic);
            updates.seen_early.push(SeenEarly { topic, partition: ack.partition, offset: seen, after_ms });
        });
        self.settled(at, range.len());
    }

    pub fn failed(&mut self, seq: u64, error: ErrorBody) {
        let number = self.session_number + seq;
        let at = self.frame_index(number);
        let Some(frame_sent) = self.frames.get_mut(at).filter(|frame_sent| frame_sent.contains(number)) else { return };
        let index = (number - frame_sent.number) as usize;
        if frame_sent.next_queued(index..index + 1).is_none() {
            return;
        }
        if error.unknown {
            self.totals.unknown += 1;
            self.updates.run(frame_sent.run, RunUpdate::Unknown { count: 1 });
        } else {
            self.totals.failed += 1;
            self.updates
                .run(frame_sent.run, RunUpdate::Failed { label: frame_sent.label(index), error: error.clone() });
        }
        frame_sent.failed(index, error);
        self.settled(at, 1);
        self.forget_oldest();
    }

    /// A record was received in the live feed. Returns the milliseconds since it was sent, if this page sent it.
    pub fn record_arrived(&mut self, topic: &str, partition: i32, offset: i64, arrived_ms: f64) -> Option<f64> {
        let Some(range) = self.own_records.own_at(topic, partition, offset) else {
            if self.waiting > 0 {
                self.own_records.received_early(topic, partition, offset, arrived_ms);
            }
            return None;
        };
        let is_new = offset >= range.seen_through;
        range.seen_through = range.seen_through.max(offset + 1);
        let (number, run, after_ms) =
            (range.number + (offset - range.offset) as u64, range.run, arrived_ms - range.sent_ms);
        let at = self.frame_index(number);
        let frame_sent = self.frames.get_mut(at).filter(|frame_sent| frame_sent.contains(number));
        let index = |frame_sent: &SentFrame| (number - frame_sent.number) as usize;
        if !is_new {
            // Received again by a later subscription: the first time counts, as long as it is stored.
            return Some(
                frame_sent.and_then(|frame_sent| frame_sent.seen_after_ms(index(frame_sent))).unwrap_or(after_ms),
            );
        }
        if let Some(frame_sent) = frame_sent {
            frame_sent.seen(index(frame_sent), after_ms);
        }
        self.totals.seen += 1;
        self.updates.run(run, RunUpdate::Seen { count: 1, after_ms });
        Some(after_ms)
    }

    /// Whether this page may have sent one of these records. Called once per batch, which is cheaper than once per record.
    pub fn expects_any_in(&mut self, topic: &str, partition: i32, first: i64, last: i64) -> bool {
        self.waiting > 0 || self.own_records.any_in(topic, partition, first, last)
    }

    /// The session was resumed: returns the frames to send again, with all records without an outcome and their previous
    /// sequence numbers.
    pub fn resumed(&self) -> Vec<Rc<Vec<u8>>> {
        let waiting = self.frames.iter().filter(|frame_sent| frame_sent.waiting() > 0);
        waiting.flat_map(|frame_sent| frame_sent.again(frame_sent.number - self.session_number)).collect()
    }

    /// A new session began. The outcome of the old session's pending records is unknown: they may be in the log.
    pub fn session_lost(&mut self) {
        for frame_sent in self.frames.iter_mut().filter(|frame_sent| frame_sent.waiting() > 0) {
            let count = frame_sent.lost() as u64;
            self.totals.unknown += count;
            self.updates.run(frame_sent.run, RunUpdate::Unknown { count });
            frame_sent.shrink();
        }
        self.waiting = 0;
        self.waiting_bytes = 0;
        self.own_records.forget_early();
        self.next_seq = 0;
        self.session_number = self.next_number;
        self.forget_oldest();
    }
}

fn row(frame_sent: &SentFrame, index: usize, preview: Option<Vec<u8>>) -> SentRow {
    SentRow {
        number: frame_sent.number + index as u64,
        topic: Arc::clone(&frame_sent.topic),
        preview,
        outcome: frame_sent.outcome(index),
        seen_after_ms: frame_sent.seen_after_ms(index),
    }
}

#[cfg(test)]
mod tests;
