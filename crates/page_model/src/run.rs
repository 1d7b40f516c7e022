//! A run: many records sent automatically, from a pattern or from a file. Owns its clock, counts and failures; sequence
//! numbers and frames belong to `sends.rs`.

use std::collections::VecDeque;
use std::sync::Arc;

use protocol::{ErrorBody, ProduceBatch, ProduceRecord};

use super::batch::{Batch, SLICE_BYTES};
use super::encode_chunk::{EncodingFailure, RecordToSend};
use super::latency_histogram::LatencyHistogram;
use super::plan::{Pattern, RunPlan};
use super::sends::RunUpdate;
use super::sent_frame::FrameToSend;
use formats::{BatchReader, Moment};

/// Maximum records in a frame of a run; the protocol's limit is higher.
const FRAME_RECORDS: u64 = 256;
const FRAME_BYTES: usize = 64 * 1024;
/// Records whose interval is shorter than this are sent together: a timer for each record would cost more than sending it.
const SHORTEST_WAIT_MS: f64 = 8.0;
/// Maximum number of listed reasons. Failures for further reasons are counted with the last.
const LISTED_REASONS: usize = 20;
/// Records named for each reason.
const LISTED_LABELS: usize = 50;

/// `Running` ⇄ `Paused` → `Done` when every record has its outcome, or `Cancelled` by the user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunState {
    Running,
    Paused,
    Done,
    Cancelled,
}

impl RunState {
    /// The value of `data-state`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Done => "done",
            Self::Cancelled => "cancelled",
        }
    }
}

/// The title of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RunTitle {
    /// The seed's run of ten.
    Seed,
    /// A pattern from the form, with the name of its template, if it was saved.
    Pattern(Option<String>),
    /// The records of a batch, with the name of its file, if it has one.
    Batch(Option<String>),
}

/// Records that were refused for the same reason.
#[derive(Clone, Debug, PartialEq)]
pub struct Failures {
    pub reason: ErrorBody,
    pub count: u64,
    /// The labels of the first of these records.
    pub labels: Vec<u64>,
}

#[derive(Debug)]
pub struct Run {
    pub id: u64,
    pub title: RunTitle,
    pub topic: Arc<str>,
    pub state: RunState,
    /// `None`: until the user cancels the run.
    pub total: Option<u64>,
    /// `None`: as fast as possible.
    pub per_second: Option<f64>,
    pub sent: u64,
    pub acked: u64,
    pub failed: u64,
    pub unknown: u64,
    pub seen: u64,
    pub failures: Vec<Failures>,
    /// Why the run was cancelled, unless the user did so.
    pub stopped_by: Option<EncodingFailure>,
    pub acked_after: LatencyHistogram,
    pub seen_after: LatencyHistogram,
    source: Source,
    rng: fastrand::Rng,
    clock: Clock,
    /// The wall clock when the page's clock was 0.
    wall_ms: f64,
}

/// Where the records come from.
#[derive(Debug)]
enum Source {
    Pattern(Pattern),
    Batch {
        reader: Box<BatchReader>,
        max_record_bytes: usize,
        /// The next record: already read, but it did not fit into the previous frame.
        next: Option<(u64, ProduceRecord)>,
        /// Bytes of invalid records that may be skipped until [`Run::begin_step`].
        skippable: usize,
    },
    /// Records that the bridge has encoded; more are added while the run is active.
    Encoded {
        queue: VecDeque<(u64, RecordToSend)>,
        /// The record behind the queue could not be encoded.
        failure: Option<EncodingFailure>,
    },
}

impl Source {
    /// Prepares the next record, unless the previous call's record was not used yet. Returns its label.
    fn prepare(&mut self, moment: Moment, rng: &mut fastrand::Rng) -> Option<u64> {
        match self {
            Self::Pattern(pattern) => {
                pattern.fill(moment, rng);
                Some(moment.i)
            }
            Self::Batch { reader, max_record_bytes, next, skippable } => {
                // Invalid records are skipped; the check has listed them. Many of them in a row are skipped in slices, so that the page stays
                // responsive.
                while next.is_none() {
                    if *skippable == 0 {
                        return None;
                    }
                    let start = reader.position();
                    let entry = reader.next_entry()?;
                    let record = entry.record.ok().filter(|record| record.view().size() <= *max_record_bytes);
                    *next = record.map(|record| (entry.line, record));
                    if next.is_none() {
                        *skippable = skippable.saturating_sub(reader.position() - start);
                    }
                }
                next.as_ref().map(|(line, _)| *line)
            }
            Self::Encoded { queue, .. } => queue.front().map(|(label, _)| *label),
        }
    }

    fn size(&self) -> usize {
        match self {
            Self::Pattern(pattern) => pattern.view().size(),
            Self::Batch { next, .. } => next.as_ref().map_or(0, |(_, record)| record.view().size()),
            Self::Encoded { queue, .. } => queue.front().map_or(0, |(_, record)| record.record.view().size()),
        }
    }

    /// Adds the next record to the batch. Returns the JSON of a value that the bridge has encoded.
    fn push_to(&mut self, batch: &mut ProduceBatch) -> Option<Box<str>> {
        match self {
            Self::Pattern(pattern) => batch.push(pattern.view()),
            Self::Batch { next, .. } => {
                if let Some((_, record)) = next.take() {
                    batch.push(record.view());
                }
            }
            Self::Encoded { queue, .. } => {
                if let Some((_, RecordToSend { record, json })) = queue.pop_front() {
                    batch.push(record.view());
                    return json;
                }
            }
        }
        None
    }

    /// Whether the next record is not encoded yet.
    fn waits(&self) -> bool {
        matches!(self, Self::Encoded { queue, .. } if queue.is_empty())
    }
}

/// The clock for the rate of a run. It is stopped while nothing can be sent.
#[derive(Debug)]
struct Clock {
    /// The start, shifted by the time that the clock was stopped.
    started_ms: f64,
    stopped_at_ms: Option<f64>,
}

impl Clock {
    fn stop(&mut self, now_ms: f64) {
        self.stopped_at_ms.get_or_insert(now_ms);
    }

    fn resume(&mut self, now_ms: f64) {
        if let Some(stopped_at_ms) = self.stopped_at_ms.take() {
            self.started_ms += now_ms - stopped_at_ms;
        }
    }

    fn elapsed_ms(&self, now_ms: f64) -> f64 {
        self.stopped_at_ms.unwrap_or(now_ms) - self.started_ms
    }
}

/// When a run starts, by both clocks, and the seed of its random values.
#[derive(Clone, Copy, Debug, Default)]
pub struct Start {
    pub now_ms: f64,
    /// The wall clock when the page's clock was 0.
    pub wall_ms: f64,
    pub seed: u64,
}

impl Run {
    /// `None` if the plan is invalid.
    pub fn new(id: u64, title: RunTitle, topic: &str, plan: &RunPlan, start: Start) -> Option<Self> {
        let pattern = plan.is_valid().then(|| plan.pattern()).flatten()?;
        let run = Self::from_source(id, title, topic, Source::Pattern(pattern), start);
        Some(Self { total: plan.count, per_second: plan.per_second, ..run })
    }

    /// A run of all valid records of a batch, as fast as possible; `None` until the batch is ready.
    pub fn of_batch(id: u64, topic: &str, batch: &Batch, start: Start) -> Option<Self> {
        if !batch.is_ready() {
            return None;
        }
        let (reader, max_record_bytes) = (Box::new(batch.reader(topic)), batch.max_record_bytes());
        let source = Source::Batch { reader, max_record_bytes, next: None, skippable: SLICE_BYTES };
        let run = Self::from_source(id, RunTitle::Batch(batch.name.clone()), topic, source, start);
        Some(Self { total: Some(batch.check.valid), ..run })
    }

    /// A run whose records are encoded by the bridge, and added with [`Run::add_encoded`].
    pub fn encoded(
        id: u64,
        title: RunTitle,
        topic: &str,
        total: Option<u64>,
        per_second: Option<f64>,
        start: Start,
    ) -> Self {
        let source = Source::Encoded { queue: VecDeque::new(), failure: None };
        Self { total, per_second, ..Self::from_source(id, title, topic, source, start) }
    }

    /// Adds encoded records. After the first one that could not be encoded, the run sends no others.
    pub fn add_encoded(&mut self, records: Vec<(u64, Result<RecordToSend, EncodingFailure>)>) {
        let Source::Encoded { queue, failure } = &mut self.source else { return };
        for (label, record) in records {
            match record {
                _ if failure.is_some() => return,
                Ok(record) => queue.push_back((label, record)),
                Err(error) => *failure = Some(error),
            }
        }
    }

    /// How many records should be encoded until `ahead_ms` from now, besides `pending` ones whose bytes are not there yet.
    pub fn to_encode(&self, pending: u64, now_ms: f64, ahead_ms: f64, most: u64) -> u64 {
        let Source::Encoded { queue, failure: None } = &self.source else { return 0 };
        let known = queue.len() as u64 + pending;
        let due = match self.per_second {
            None => u64::MAX,
            Some(per_second) => {
                let elapsed_ms = self.clock.elapsed_ms(now_ms) + ahead_ms;
                ((elapsed_ms * per_second / 1000.0).floor() as u64 + 1).saturating_sub(self.sent)
            }
        };
        due.min(self.left()).min(most).saturating_sub(known)
    }

    /// Ends the run once the records before the one that could not be encoded are sent.
    pub fn stop_if_failed(&mut self, now_ms: f64) {
        let Source::Encoded { queue, failure } = &mut self.source else { return };
        if queue.is_empty() && matches!(self.state, RunState::Running | RunState::Paused) && failure.is_some() {
            self.stopped_by = failure.take();
            self.cancel(now_ms);
        }
    }

    fn from_source(id: u64, title: RunTitle, topic: &str, source: Source, start: Start) -> Self {
        Self {
            id,
            title,
            topic: topic.into(),
            state: RunState::Running,
            total: None,
            per_second: None,
            sent: 0,
            acked: 0,
            failed: 0,
            unknown: 0,
            seen: 0,
            failures: Vec::new(),
            stopped_by: None,
            acked_after: LatencyHistogram::default(),
            seen_after: LatencyHistogram::default(),
            source,
            rng: fastrand::Rng::with_seed(start.seed),
            clock: Clock { started_ms: start.now_ms, stopped_at_ms: None },
            wall_ms: start.wall_ms,
        }
    }

    /// Whether the run is neither done nor cancelled.
    pub fn is_active(&self) -> bool {
        matches!(self.state, RunState::Running | RunState::Paused)
    }

    fn left(&self) -> u64 {
        self.total.map_or(u64::MAX, |total| total - self.sent)
    }

    /// When the next record is due; `None` if no record is left or the clock is stopped.
    pub fn next_at_ms(&self, now_ms: f64) -> Option<f64> {
        if self.state != RunState::Running || self.clock.stopped_at_ms.is_some() || self.left() == 0 {
            return None;
        }
        // Encoded records are sent when they are added.
        if self.source.waits() {
            return None;
        }
        let Some(per_second) = self.per_second else { return Some(now_ms) };
        let interval_ms = 1000.0 / per_second;
        let due_ms = self.clock.started_ms + self.sent as f64 * interval_ms;
        Some(if interval_ms < SHORTEST_WAIT_MS { due_ms.max(now_ms + SHORTEST_WAIT_MS) } else { due_ms })
    }

    /// Number of records that are due now. Counted from the start of the run, so that late timers (once a second in a hidden
    /// tab) do not change the rate: overdue records are sent at once.
    pub fn due(&self, now_ms: f64) -> u64 {
        if self.state != RunState::Running {
            return 0;
        }
        let due = self.per_second.map_or(u64::MAX, |per_second| {
            // Half a microsecond compensates for rounding when a record is due exactly now.
            let elapsed_ms = self.clock.elapsed_ms(now_ms) + 0.0005;
            ((elapsed_ms * per_second / 1000.0).floor() as u64 + 1).saturating_sub(self.sent)
        });
        due.min(self.left())
    }

    /// Begins a step, in which the records that are due are sent.
    pub fn begin_step(&mut self) {
        if let Source::Batch { skippable, .. } = &mut self.source {
            *skippable = SLICE_BYTES;
        }
    }

    /// The next records in one frame, at most `max_records`; their sequence numbers begin with `seq`.
    pub fn next_frame(&mut self, seq: u64, max_records: u64, now_ms: f64) -> FrameToSend {
        let mut batch = ProduceBatch::new(&self.topic, seq);
        let (mut labels, mut json) = (Vec::new(), Vec::new());
        let now = (self.wall_ms + now_ms) as i64;
        while (labels.len() as u64) < max_records.min(FRAME_RECORDS) && batch.encoded_bytes() < FRAME_BYTES {
            let Some(label) = self.source.prepare(Moment { i: self.sent, now_ms: now }, &mut self.rng) else { break };
            // A record that would make the frame too large is sent in the next frame.
            if !batch.is_empty() && batch.encoded_bytes() + self.source.size() > FRAME_BYTES {
                break;
            }
            if let Some(shown) = self.source.push_to(&mut batch) {
                // The records before the first one that has JSON have none.
                json.resize(labels.len(), None);
                json.push(Some(shown));
            }
            labels.push(label);
            self.sent += 1;
        }
        FrameToSend { topic: Arc::clone(&self.topic), batch, run: Some(self.id), labels, json }
    }

    /// Stops the clock while no record can be sent.
    pub fn stop_clock(&mut self, now_ms: f64) {
        self.clock.stop(now_ms);
    }

    pub fn resume_clock(&mut self, now_ms: f64) {
        if self.state == RunState::Running {
            self.clock.resume(now_ms);
        }
    }

    pub fn pause(&mut self, now_ms: f64) {
        if self.state == RunState::Running {
            self.state = RunState::Paused;
            self.clock.stop(now_ms);
        }
    }

    pub fn resume(&mut self, now_ms: f64) {
        if self.state == RunState::Paused {
            self.state = RunState::Running;
            self.clock.resume(now_ms);
        }
    }

    pub fn cancel(&mut self, now_ms: f64) {
        if self.is_active() {
            self.state = RunState::Cancelled;
            self.clock.stop(now_ms);
        }
    }

    pub fn record_update(&mut self, update: RunUpdate, now_ms: f64) {
        match update {
            RunUpdate::Acked { count, after_ms } => {
                self.acked += count;
                self.acked_after.record(after_ms, count);
            }
            RunUpdate::Seen { count, after_ms } => {
                self.seen += count;
                self.seen_after.record(after_ms, count);
            }
            RunUpdate::Failed { label, error } => self.failed(label, error),
            RunUpdate::Unknown { count } => self.unknown += count,
        }
        if self.state == RunState::Running && self.left() == 0 && self.acked + self.failed + self.unknown == self.sent {
            self.state = RunState::Done;
            self.clock.stop(now_ms);
        }
    }

    fn failed(&mut self, label: Option<u64>, error: ErrorBody) {
        self.failed += 1;
        let known = self.failures.iter_mut().position(|failures| failures.reason == error);
        let at = known.unwrap_or_else(|| {
            if self.failures.len() < LISTED_REASONS {
                self.failures.push(Failures { reason: error, count: 0, labels: Vec::new() });
            }
            self.failures.len() - 1
        });
        let failures = &mut self.failures[at];
        failures.count += 1;
        if failures.labels.len() < LISTED_LABELS {
            failures.labels.extend(label);
        }
    }

    /// The average rate so far, in records per second.
    pub fn rate(&self, now_ms: f64) -> Option<f64> {
        let elapsed_ms = self.clock.elapsed_ms(now_ms);
        // The average of a shorter time is not meaningful.
        (elapsed_ms >= 500.0).then(|| self.sent as f64 * 1000.0 / elapsed_ms)
    }
}

#[cfg(test)]
mod tests;
