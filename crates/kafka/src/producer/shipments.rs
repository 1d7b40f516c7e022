//! Records that were handed to librdkafka and have no outcome yet. Each carries a tag, a number that leads back to the
//! shipment it belongs to: nothing is allocated per record.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use protocol::{ErrorBody, ErrorCode};
use rdkafka::error::RDKafkaErrorCode;

use super::outcome::{Acked, DeliverySink, Outcome, Run};
use crate::native::DeliveryReport;

/// Topics that are asked about at a time.
const OVERDUE_TOPICS: usize = 16;

/// How many senders to one topic are notified at a time; more than sockets may be open by default.
const OVERDUE_SENDERS: usize = 512;

/// Consecutive records of one sender for one topic.
pub struct Shipment {
    pub sink: Arc<dyn DeliverySink>,
    pub topic: Arc<str>,
    /// The sender's number for the first record.
    pub first_seq: u64,
    pub received: Instant,
}

/// Which shipment, and which of its records: the upper and the lower half of a tag.
const INDEX_BITS: u32 = 32;
const _: () = assert!(usize::BITS == 2 * INDEX_BITS, "a tag travels as a pointer");

pub struct Shipments {
    slots: Mutex<Slots>,
    /// A shipment has its last outcome.
    closed: Condvar,
    /// Whether acknowledgements carry the records' timestamps.
    dated: bool,
}

#[derive(Default)]
struct Slots {
    open: Vec<Option<Open>>,
    free: Vec<usize>,
    /// How many threads are telling sinks what they took from here.
    telling: usize,
}

struct Open {
    shipment: Shipment,
    /// Records without an outcome.
    left: usize,
    /// The partition that all of them name.
    partition: Option<i32>,
}

/// Records for one topic that have waited too long, and who sent them (to which partition, where it was named).
pub struct Overdue {
    pub topic: Arc<str>,
    pub senders: Vec<(Arc<dyn DeliverySink>, Option<i32>)>,
}

/// Says why a record was not delivered.
pub trait Reasons {
    fn error(&self, topic: &str, report: &DeliveryReport, code: RDKafkaErrorCode) -> ErrorBody;
}

/// The tags of one shipment's records.
#[derive(Clone, Copy)]
pub struct Tags(usize);

impl Tags {
    pub fn of(self, index: usize) -> usize {
        self.0 << INDEX_BITS | index
    }
}

impl Shipments {
    pub fn new(dated: bool) -> Self {
        Self { slots: Mutex::default(), closed: Condvar::new(), dated }
    }

    fn lock(&self) -> MutexGuard<'_, Slots> {
        // Every change is complete before anything can fail.
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Registers a shipment before its first record leaves.
    pub fn open(&self, shipment: Shipment, records: usize, partition: Option<i32>) -> Tags {
        let mut slots = self.lock();
        let open = Some(Open { shipment, left: records, partition });
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

    /// These records never left; their sender knows.
    pub fn withdraw(&self, tags: Tags, records: usize) {
        self.lock().settle(tags.0, records);
    }

    /// Leads outcomes back to those who wait for them. Returns whether Kafka took any of the records.
    pub fn settle(&self, reports: impl Iterator<Item = DeliveryReport>, reasons: &impl Reasons) -> bool {
        let mut deliveries: Vec<(Arc<dyn DeliverySink>, Vec<Run>)> = Vec::new();
        let (mut last_slot, mut last_failure, mut any_acked) = (None, None, false);
        let mut slots = self.lock();
        for mut report in reports {
            report.timestamp = report.timestamp.filter(|_| self.dated);
            let (slot, index) = (report.tag >> INDEX_BITS, report.tag & ((1 << INDEX_BITS) - 1));
            let Some(Some(Open { shipment, .. })) = slots.open.get(slot) else { continue };
            let seq = shipment.first_seq + index as u64;
            any_acked |= report.error.is_none();
            let joined = last_slot == Some(slot)
                && deliveries
                    .last_mut()
                    .and_then(|(_, runs)| runs.last_mut())
                    .is_some_and(|run| joins(run, seq, &report, last_failure.as_ref()));
            if !joined {
                let sink_continues = deliveries.last().is_some_and(|(sink, _)| Arc::ptr_eq(sink, &shipment.sink));
                if !sink_continues {
                    deliveries.push((Arc::clone(&shipment.sink), Vec::new()));
                }
                if let Some((_, runs)) = deliveries.last_mut() {
                    let outcome = outcome(shipment, &report, &mut last_failure, reasons);
                    runs.push(Run { first: seq, count: 1, outcome });
                }
            }
            last_slot = Some(slot);
            slots.settle(slot, 1);
        }
        slots.telling += 1;
        drop(slots);
        for (sink, runs) in deliveries {
            sink.delivered(runs);
        }
        self.lock().telling -= 1;
        self.closed.notify_all();
        any_acked
    }

    /// The topics whose records have no outcome after so long.
    pub fn overdue(&self, longer_than: Duration) -> Vec<Overdue> {
        let slots = self.lock();
        let mut found: Vec<Overdue> = Vec::new();
        if slots.free.len() == slots.open.len() {
            return found;
        }
        let now = Instant::now();
        let is_overdue = |open: &&Open| now.saturating_duration_since(open.shipment.received) >= longer_than;
        for Open { shipment, partition, .. } in slots.open.iter().flatten().filter(is_overdue) {
            let place = match found.iter().position(|overdue| overdue.topic == shipment.topic) {
                Some(place) => place,
                None if found.len() < OVERDUE_TOPICS => {
                    found.push(Overdue { topic: Arc::clone(&shipment.topic), senders: Vec::new() });
                    found.len() - 1
                }
                None => continue,
            };
            let senders = &mut found[place].senders;
            let is_known = |(sink, known): &(Arc<dyn DeliverySink>, Option<i32>)| {
                Arc::ptr_eq(sink, &shipment.sink) && known == partition
            };
            if senders.len() < OVERDUE_SENDERS && !senders.iter().any(is_known) {
                senders.push((Arc::clone(&shipment.sink), *partition));
            }
        }
        found
    }

    /// Waits until every sink has heard of every record.
    pub fn wait_until_settled(&self, timeout: Duration) -> bool {
        let unsettled = |slots: &mut Slots| slots.telling > 0 || slots.free.len() < slots.open.len();
        let waited = self.closed.wait_timeout_while(self.lock(), timeout, unsettled);
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

/// A failure that the next record may share.
struct LastFailure {
    topic: Arc<str>,
    code: RDKafkaErrorCode,
    partition: i32,
    possibly_persisted: bool,
    error: Arc<ErrorBody>,
}

impl LastFailure {
    fn is_of(&self, topic: &str, code: RDKafkaErrorCode, report: &DeliveryReport) -> bool {
        self.code == code
            && self.partition == report.partition
            && self.possibly_persisted == report.possibly_persisted
            && *self.topic == *topic
    }
}

/// Lengthens the run if the record continues it.
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
    shipment: &Shipment,
    report: &DeliveryReport,
    last_failure: &mut Option<LastFailure>,
    reasons: &impl Reasons,
) -> Outcome {
    let Some(code) = report.error else {
        if report.offset >= 0 {
            return Outcome::Acked(Acked {
                topic: Arc::clone(&shipment.topic),
                partition: report.partition,
                offset: report.offset,
                timestamp: report.timestamp,
                took: shipment.received.elapsed(),
            });
        }
        // A record that Kafka knew already, sent again after an answer that never came: in the log, and only Kafka knows where.
        return Outcome::Failed(Arc::new(ErrorBody::new(
            ErrorCode::DeliveryUnknown,
            format!(
                "Kafka has the record for {:?} from an earlier attempt and does not say at which offset",
                shipment.topic
            ),
        )));
    };
    if let Some(last) = last_failure.as_ref().filter(|last| last.is_of(&shipment.topic, code, report)) {
        return Outcome::Failed(Arc::clone(&last.error));
    }
    let error = Arc::new(reasons.error(&shipment.topic, report, code));
    *last_failure = Some(LastFailure {
        topic: Arc::clone(&shipment.topic),
        code,
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
    struct Heard(Mutex<Vec<Run>>);

    impl DeliverySink for Heard {
        fn delivered(&self, runs: Vec<Run>) {
            self.0.lock().expect("no panic elsewhere").extend(runs);
        }

        fn waiting(&self, _: &Arc<protocol::ProduceWaiting>) {}
    }

    struct Code;

    impl Reasons for Code {
        fn error(&self, topic: &str, _: &DeliveryReport, code: RDKafkaErrorCode) -> ErrorBody {
            ErrorBody::new(ErrorCode::ProduceRefused, format!("{topic}: {code:?}"))
        }
    }

    fn shipment(sink: &Arc<Heard>, first_seq: u64) -> Shipment {
        Shipment { sink: Arc::clone(sink) as _, topic: "t".into(), first_seq, received: Instant::now() }
    }

    fn acked(tag: usize, partition: i32, offset: i64) -> DeliveryReport {
        DeliveryReport { tag, error: None, partition, offset, timestamp: Some(offset), possibly_persisted: true }
    }

    #[test]
    fn consecutive_outcomes_become_one_run_and_slots_are_used_again() {
        let (shipments, sink) = (Shipments::new(true), Arc::new(Heard::default()));
        let tags = shipments.open(shipment(&sink, 100), 4, None);
        let reports = [(0, 0, 5), (1, 0, 6), (2, 1, 7), (3, 1, 8)].map(|(i, p, o)| acked(tags.of(i), p, o));
        assert!(shipments.settle(reports.into_iter(), &Code));
        let runs: Vec<_> = sink.0.lock().expect("runs").iter().map(|run| (run.first, run.count)).collect();
        assert_eq!(runs, [(100, 2), (102, 2)]);
        assert_eq!(shipments.open(shipment(&sink, 0), 1, None).of(0), tags.of(0));
    }

    #[test]
    fn an_acknowledgement_without_an_offset_is_none() {
        let (shipments, sink) = (Shipments::new(true), Arc::new(Heard::default()));
        let tags = shipments.open(shipment(&sink, 0), 2, None);
        // What librdkafka reports where Kafka answered "duplicate".
        shipments.settle([acked(tags.of(0), 0, -1001), acked(tags.of(1), 0, 7)].into_iter(), &Code);
        let runs = sink.0.lock().expect("runs").clone();
        let [Run { outcome: Outcome::Failed(error), .. }, Run { first: 1, count: 1, outcome: Outcome::Acked(_) }] =
            &runs[..]
        else {
            panic!("{runs:?}")
        };
        assert!(error.unknown, "{error:?}");
    }

    #[test]
    fn two_shipments_of_one_sender_are_told_together_but_never_joined() {
        let (shipments, sink) = (Shipments::new(true), Arc::new(Heard::default()));
        let (one, two) = (shipments.open(shipment(&sink, 0), 1, None), shipments.open(shipment(&sink, 7), 1, None));
        shipments.settle([acked(one.of(0), 0, 0), acked(two.of(0), 0, 1)].into_iter(), &Code);
        let runs: Vec<_> = sink.0.lock().expect("runs").iter().map(|run| (run.first, run.count)).collect();
        assert_eq!(runs, [(0, 1), (7, 1)]);
    }

    #[test]
    fn records_that_fail_for_one_reason_share_one_error() {
        let (shipments, sink) = (Shipments::new(true), Arc::new(Heard::default()));
        let (one, two) = (shipments.open(shipment(&sink, 0), 3, None), shipments.open(shipment(&sink, 9), 1, Some(0)));
        let failed = |tag, code| DeliveryReport { error: Some(code), possibly_persisted: false, ..acked(tag, 0, -1) };
        let (timed_out, denied) = (RDKafkaErrorCode::MessageTimedOut, RDKafkaErrorCode::TopicAuthorizationFailed);
        let reports = [
            failed(one.of(0), timed_out),
            failed(one.of(1), timed_out),
            failed(one.of(2), denied),
            failed(two.of(0), denied),
        ];
        assert!(!shipments.settle(reports.into_iter(), &Code));
        let runs = sink.0.lock().expect("runs").clone();
        let [Run { first: 0, count: 2, .. }, Run { first: 2, count: 1, outcome: Outcome::Failed(denied) }, last] =
            &runs[..]
        else {
            panic!("{runs:?}")
        };
        assert!(matches!(&last.outcome, Outcome::Failed(error) if Arc::ptr_eq(error, denied)), "{last:?}");
    }

    #[test]
    fn overdue_names_each_topic_and_sender_once() {
        let (shipments, sink) = (Shipments::new(true), Arc::new(Heard::default()));
        let tags = shipments.open(shipment(&sink, 0), 2, Some(1));
        shipments.open(shipment(&sink, 2), 1, Some(1));
        assert!(shipments.overdue(Duration::from_secs(60)).is_empty());
        let overdue = shipments.overdue(Duration::ZERO);
        assert_eq!((overdue.len(), overdue[0].senders.len(), overdue[0].senders[0].1), (1, 1, Some(1)));
        shipments.settle([acked(tags.of(0), 1, 0), acked(tags.of(1), 1, 1)].into_iter(), &Code);
        assert_eq!(shipments.overdue(Duration::ZERO).len(), 1, "the second shipment still waits");
    }
}
