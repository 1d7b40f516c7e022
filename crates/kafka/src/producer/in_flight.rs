//! Records that librdkafka has accepted and that have no outcome yet. Each record has a tag, a number with which its
//! batch is found again, so that nothing is allocated per record.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use protocol::{ErrorBody, ErrorCode};
use rdkafka::error::RDKafkaErrorCode;

use super::outcome::{Acked, DeliverySink, Outcome, Run};
use crate::native::DeliveryReport;

/// The largest number of topics in [`InFlight::overdue`].
const MAX_OVERDUE_TOPICS: usize = 16;

/// The largest number of senders per topic in [`InFlight::overdue`]; more than the default limit of sockets.
const MAX_OVERDUE_SENDERS: usize = 512;

/// The sender, topic and sequence numbers of consecutive records that are sent together.
pub struct ProduceBatch {
    pub sink: Arc<dyn DeliverySink>,
    pub topic: Arc<str>,
    /// Whether a missing topic may be created for the records.
    pub may_create: bool,
    /// The sender's sequence number of the first record; the others follow.
    pub first_seq: u64,
    pub received: Instant,
}

/// The upper half of a tag is the batch's slot, the lower half the record's index in the batch.
const INDEX_BITS: u32 = 32;
const _: () = assert!(usize::BITS == 2 * INDEX_BITS, "librdkafka stores a tag as a pointer");

pub struct InFlight {
    slots: Mutex<Slots>,
    /// Notified when outcomes have been reported.
    reported: Condvar,
    /// Whether the timestamps in acknowledgements are those of the records.
    has_timestamps: bool,
}

#[derive(Default)]
struct Slots {
    open: Vec<Option<Open>>,
    free: Vec<usize>,
    /// How many threads are reporting outcomes to sinks.
    reporting: usize,
}

struct Open {
    batch: ProduceBatch,
    /// Records without an outcome.
    left: usize,
    /// The partition, if all records name the same one.
    partition: Option<i32>,
}

/// A topic with records that have waited too long, their senders, and the named partition, if any.
pub struct Overdue {
    pub topic: Arc<str>,
    pub senders: Vec<(Arc<dyn DeliverySink>, Option<i32>)>,
}

/// Makes the error of a record that was not delivered.
pub trait DeliveryErrors {
    fn error(&self, topic: &str, report: &DeliveryReport, code: RDKafkaErrorCode) -> ErrorBody;
}

/// The tags of one batch's records.
#[derive(Clone, Copy)]
pub struct Tags(usize);

impl Tags {
    pub fn of(self, index: usize) -> usize {
        self.0 << INDEX_BITS | index
    }
}

impl InFlight {
    /// `has_timestamps`: whether the timestamps in acknowledgements are those of the records; other timestamps are
    /// dropped.
    pub fn new(has_timestamps: bool) -> Self {
        Self { slots: Mutex::default(), reported: Condvar::new(), has_timestamps }
    }

    fn lock(&self) -> MutexGuard<'_, Slots> {
        // Each change is complete before a panic is possible.
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Registers a batch before its first record is enqueued.
    pub fn open(&self, batch: ProduceBatch, records: usize, partition: Option<i32>) -> Tags {
        let mut slots = self.lock();
        let open = Some(Open { batch, left: records, partition });
        match slots.free.pop() {
            Some(slot) => {
                slots.open[slot] = open;
                Tags(slot)
            }
            None => {
                slots.open.push(open);
                Tags(slots.open.len() - 1)
            }
        }
    }

    /// Removes records that were not enqueued; their outcome is not reported here.
    pub fn withdraw(&self, tags: Tags, records: usize) {
        self.lock().settle(tags.0, records);
    }

    /// Reports outcomes to the sinks. Returns whether Kafka acknowledged any of the records.
    pub fn settle(&self, reports: impl Iterator<Item = DeliveryReport>, errors: &impl DeliveryErrors) -> bool {
        let mut deliveries: Vec<(Arc<dyn DeliverySink>, Vec<Run>)> = Vec::new();
        let (mut last_slot, mut last_failure, mut any_acked) = (None, None, false);
        let mut slots = self.lock();
        for mut report in reports {
            report.timestamp = report.timestamp.filter(|_| self.has_timestamps);
            let (slot, index) = (report.tag >> INDEX_BITS, report.tag & ((1 << INDEX_BITS) - 1));
            let Some(Some(Open { batch, .. })) = slots.open.get(slot) else { continue };
            let seq = batch.first_seq + index as u64;
            any_acked |= report.error.is_none();
            let joined = last_slot == Some(slot)
                && deliveries
                    .last_mut()
                    .and_then(|(_, runs)| runs.last_mut())
                    .is_some_and(|run| joins(run, seq, &report, last_failure.as_ref()));
            if !joined {
                let sink_continues = deliveries.last().is_some_and(|(sink, _)| Arc::ptr_eq(sink, &batch.sink));
                if !sink_continues {
                    deliveries.push((Arc::clone(&batch.sink), Vec::new()));
                }
                if let Some((_, runs)) = deliveries.last_mut() {
                    let outcome = outcome(batch, &report, &mut last_failure, errors);
                    runs.push(Run { first: seq, count: 1, outcome });
                }
            }
            last_slot = Some(slot);
            slots.settle(slot, 1);
        }
        slots.reporting += 1;
        drop(slots);
        for (sink, runs) in deliveries {
            sink.delivered(runs);
        }
        self.lock().reporting -= 1;
        self.reported.notify_all();
        any_acked
    }

    /// The topics with records that have waited longer than this for their outcome.
    pub fn overdue(&self, longer_than: Duration) -> Vec<Overdue> {
        let slots = self.lock();
        let mut found: Vec<Overdue> = Vec::new();
        if slots.free.len() == slots.open.len() {
            return found;
        }
        let now = Instant::now();
        let is_overdue = |open: &&Open| now.saturating_duration_since(open.batch.received) >= longer_than;
        for Open { batch, partition, .. } in slots.open.iter().flatten().filter(is_overdue) {
            let index = match found.iter().position(|overdue| overdue.topic == batch.topic) {
                Some(index) => index,
                None if found.len() < MAX_OVERDUE_TOPICS => {
                    found.push(Overdue { topic: Arc::clone(&batch.topic), senders: Vec::new() });
                    found.len() - 1
                }
                None => continue,
            };
            let senders = &mut found[index].senders;
            let is_known = |(sink, known): &(Arc<dyn DeliverySink>, Option<i32>)| {
                Arc::ptr_eq(sink, &batch.sink) && known == partition
            };
            if senders.len() < MAX_OVERDUE_SENDERS && !senders.iter().any(is_known) {
                senders.push((Arc::clone(&batch.sink), *partition));
            }
        }
        found
    }

    /// Blocks until the outcome of every record was reported to its sink; `false` if this takes longer than `timeout`.
    pub fn wait_until_settled(&self, timeout: Duration) -> bool {
        let unsettled = |slots: &mut Slots| slots.reporting > 0 || slots.free.len() < slots.open.len();
        let waited = self.reported.wait_timeout_while(self.lock(), timeout, unsettled);
        !waited.unwrap_or_else(PoisonError::into_inner).1.timed_out()
    }
}

impl Slots {
    fn settle(&mut self, slot: usize, records: usize) {
        let Some(entry) = self.open.get_mut(slot) else { return };
        let Some(open) = entry else { return };
        open.left -= records;
        if open.left == 0 {
            *entry = None;
            self.free.push(slot);
        }
    }
}

/// The last failure, whose error the next records share if they failed for the same reason.
struct LastFailure {
    topic: Arc<str>,
    code: RDKafkaErrorCode,
    is_invalid_without_key: bool,
    partition: i32,
    possibly_persisted: bool,
    error: Arc<ErrorBody>,
}

impl LastFailure {
    fn is_of(&self, topic: &str, code: RDKafkaErrorCode, report: &DeliveryReport) -> bool {
        self.code == code
            && self.is_invalid_without_key == report.is_invalid_without_key
            && self.partition == report.partition
            && self.possibly_persisted == report.possibly_persisted
            && *self.topic == *topic
    }
}

/// Extends the run by the record if it continues the run.
fn joins(run: &mut Run, seq: u64, report: &DeliveryReport, last_failure: Option<&LastFailure>) -> bool {
    if seq != run.first + run.count {
        return false;
    }
    let continues = match (&mut run.outcome, report.error) {
        (Outcome::Acked(acked), None) => {
            let next_offset = i64::try_from(run.count).ok().and_then(|count| acked.offset.checked_add(count));
            let continues = report.partition == acked.partition && Some(report.offset) == next_offset;
            if continues {
                acked.timestamp = report.timestamp;
            }
            continues
        }
        (Outcome::Failed(error), Some(code)) => {
            last_failure.is_some_and(|last| Arc::ptr_eq(&last.error, error) && last.is_of(&last.topic, code, report))
        }
        _ => false,
    };
    run.count += u64::from(continues);
    continues
}

fn outcome(
    batch: &ProduceBatch,
    report: &DeliveryReport,
    last_failure: &mut Option<LastFailure>,
    errors: &impl DeliveryErrors,
) -> Outcome {
    let Some(code) = report.error else {
        if report.offset >= 0 {
            return Outcome::Acked(Acked {
                topic: Arc::clone(&batch.topic),
                partition: report.partition,
                offset: report.offset,
                timestamp: report.timestamp,
                took: batch.received.elapsed(),
            });
        }
        // A retried record that is in the log already, because the first acknowledgement was lost. Kafka does not
        // report its offset.
        return Outcome::Failed(Arc::new(ErrorBody::new(
            ErrorCode::DeliveryUnknown,
            format!(
                "Kafka has the record for {:?} from an earlier attempt, but does not report its offset",
                batch.topic
            ),
        )));
    };
    if let Some(last) = last_failure.as_ref().filter(|last| last.is_of(&batch.topic, code, report)) {
        return Outcome::Failed(Arc::clone(&last.error));
    }
    let error = Arc::new(errors.error(&batch.topic, report, code));
    *last_failure = Some(LastFailure {
        topic: Arc::clone(&batch.topic),
        code,
        is_invalid_without_key: report.is_invalid_without_key,
        partition: report.partition,
        possibly_persisted: report.possibly_persisted,
        error: Arc::clone(&error),
    });
    Outcome::Failed(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct RecordedRuns(Mutex<Vec<Run>>);

    impl DeliverySink for RecordedRuns {
        fn delivered(&self, runs: Vec<Run>) {
            self.0.lock().expect("no panic elsewhere").extend(runs);
        }

        fn waiting(&self, _: &Arc<protocol::ProduceWaiting>) {}
    }

    struct Code;

    impl DeliveryErrors for Code {
        fn error(&self, topic: &str, _: &DeliveryReport, code: RDKafkaErrorCode) -> ErrorBody {
            ErrorBody::new(ErrorCode::ProduceRefused, format!("{topic}: {code:?}"))
        }
    }

    fn batch(sink: &Arc<RecordedRuns>, first_seq: u64) -> ProduceBatch {
        let (sink, topic) = (Arc::clone(sink) as _, "t".into());
        ProduceBatch { sink, topic, may_create: true, first_seq, received: Instant::now() }
    }

    fn acked(tag: usize, partition: i32, offset: i64) -> DeliveryReport {
        DeliveryReport {
            tag,
            error: None,
            is_invalid_without_key: false,
            partition,
            offset,
            timestamp: Some(offset),
            possibly_persisted: true,
        }
    }

    #[test]
    fn consecutive_outcomes_are_one_run_and_slots_are_reused() {
        let (in_flight, sink) = (InFlight::new(true), Arc::new(RecordedRuns::default()));
        let tags = in_flight.open(batch(&sink, 100), 4, None);
        let reports = [(0, 0, 5), (1, 0, 6), (2, 1, 7), (3, 1, 8)].map(|(i, p, o)| acked(tags.of(i), p, o));
        assert!(in_flight.settle(reports.into_iter(), &Code));
        let runs: Vec<_> = sink.0.lock().expect("runs").iter().map(|run| (run.first, run.count)).collect();
        assert_eq!(runs, [(100, 2), (102, 2)]);
        assert_eq!(in_flight.open(batch(&sink, 0), 1, None).of(0), tags.of(0));
    }

    #[test]
    fn acknowledgement_without_an_offset_is_an_unknown_outcome() {
        let (in_flight, sink) = (InFlight::new(true), Arc::new(RecordedRuns::default()));
        let tags = in_flight.open(batch(&sink, 0), 2, None);
        // librdkafka reports this offset if Kafka answered DUPLICATE_SEQUENCE_NUMBER.
        in_flight.settle([acked(tags.of(0), 0, -1001), acked(tags.of(1), 0, 7)].into_iter(), &Code);
        let runs = sink.0.lock().expect("runs").clone();
        let [Run { outcome: Outcome::Failed(error), .. }, Run { first: 1, count: 1, outcome: Outcome::Acked(_) }] =
            &runs[..]
        else {
            panic!("{runs:?}")
        };
        assert!(error.unknown, "{error:?}");
    }

    #[test]
    fn outcomes_of_two_batches_of_one_sender_are_separate_runs() {
        let (in_flight, sink) = (InFlight::new(true), Arc::new(RecordedRuns::default()));
        let (one, two) = (in_flight.open(batch(&sink, 0), 1, None), in_flight.open(batch(&sink, 7), 1, None));
        in_flight.settle([acked(one.of(0), 0, 0), acked(two.of(0), 0, 1)].into_iter(), &Code);
        let runs: Vec<_> = sink.0.lock().expect("runs").iter().map(|run| (run.first, run.count)).collect();
        assert_eq!(runs, [(0, 1), (7, 1)]);
    }

    #[test]
    fn records_that_fail_for_one_reason_share_one_error() {
        let (in_flight, sink) = (InFlight::new(true), Arc::new(RecordedRuns::default()));
        let (one, two) = (in_flight.open(batch(&sink, 0), 3, None), in_flight.open(batch(&sink, 9), 1, Some(0)));
        let failed = |tag, code| DeliveryReport { error: Some(code), possibly_persisted: false, ..acked(tag, 0, -1) };
        let (timed_out, denied) = (RDKafkaErrorCode::MessageTimedOut, RDKafkaErrorCode::TopicAuthorizationFailed);
        let reports = [
            failed(one.of(0), timed_out),
            failed(one.of(1), timed_out),
            failed(one.of(2), denied),
            failed(two.of(0), denied),
        ];
        assert!(!in_flight.settle(reports.into_iter(), &Code));
        let runs = sink.0.lock().expect("runs").clone();
        let [Run { first: 0, count: 2, .. }, Run { first: 2, count: 1, outcome: Outcome::Failed(denied) }, last] =
            &runs[..]
        else {
            panic!("{runs:?}")
        };
        assert!(matches!(&last.outcome, Outcome::Failed(error) if Arc::ptr_eq(error, denied)), "{last:?}");
    }

    #[test]
    fn overdue_contains_each_topic_and_sender_once() {
        let (in_flight, sink) = (InFlight::new(true), Arc::new(RecordedRuns::default()));
        let tags = in_flight.open(batch(&sink, 0), 2, Some(1));
        in_flight.open(batch(&sink, 2), 1, Some(1));
        assert!(in_flight.overdue(Duration::from_secs(60)).is_empty());
        let overdue = in_flight.overdue(Duration::ZERO);
        assert_eq!((overdue.len(), overdue[0].senders.len(), overdue[0].senders[0].1), (1, 1, Some(1)));
        in_flight.settle([acked(tags.of(0), 1, 0), acked(tags.of(1), 1, 1)].into_iter(), &Code);
        assert_eq!(in_flight.overdue(Duration::ZERO).len(), 1, "the second batch still waits");
    }
}
