//! Records that were handed to librdkafka and have no outcome yet. Each carries a tag, a number that leads back to the
//! shipment it belongs to: nothing is allocated per record.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use protocol::{ErrorBody, ErrorCode};

use super::outcome::{Acked, DeliverySink, Outcome, Run, creation_is_off, produce_error};
use crate::kafka::native::Report;

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
    /// Whether a record may make Kafka create its topic.
    may_auto_create: bool,
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
        Self { slots: Mutex::default(), closed: Condvar::new(), dated, may_auto_create: true }
    }

    /// A missing topic stays missing, and its records' outcome says so.
    #[must_use]
    pub fn may_auto_create(self, may_auto_create: bool) -> Self {
        Self { may_auto_create, ..self }
    }

    /// What the sender of a record is told.
    pub fn explain(&self, error: ErrorBody, topic: &str) -> ErrorBody {
        if !self.may_auto_create && error.code == ErrorCode::UnknownTopic.number() {
            creation_is_off(error, topic)
        } else {
            error
        }
    }

    fn lock(&self) -> MutexGuard<'_, Slots> {
        // Every change is complete before anything can fail.
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Registers a shipment before its first record leaves.
    pub fn open(&self, shipment: Shipment, records: usize) -> Tags {
        let mut slots = self.lock();
        let open = Some(Open { shipment, left: records });
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

    /// Leads outcomes back to those who wait for them.
    pub fn settle(&self, reports: impl Iterator<Item = Report>) {
        let mut told: Vec<(Arc<dyn DeliverySink>, Vec<Run>)> = Vec::new();
        let mut last_slot = None;
        let mut slots = self.lock();
        for mut report in reports {
            report.timestamp = report.timestamp.filter(|_| self.dated);
            let (slot, index) = (report.tag >> INDEX_BITS, report.tag & ((1 << INDEX_BITS) - 1));
            let Some(Some(Open { shipment, .. })) = slots.open.get(slot) else { continue };
            let seq = shipment.first_seq + index as u64;
            let joined = last_slot == Some(slot)
                && told.last_mut().and_then(|(_, runs)| runs.last_mut()).is_some_and(|run| joins(run, seq, &report));
            if !joined {
                let sink_continues = told.last().is_some_and(|(sink, _)| Arc::ptr_eq(sink, &shipment.sink));
                if !sink_continues {
                    told.push((Arc::clone(&shipment.sink), Vec::new()));
                }
                if let Some((_, runs)) = told.last_mut() {
                    runs.push(Run { first: seq, count: 1, outcome: self.outcome(shipment, &report) });
                }
            }
            last_slot = Some(slot);
            slots.settle(slot, 1);
        }
        slots.telling += 1;
        drop(slots);
        for (sink, runs) in told {
            sink.delivered(runs);
        }
        self.lock().telling -= 1;
        self.closed.notify_all();
    }

    fn outcome(&self, shipment: &Shipment, report: &Report) -> Outcome {
        match report.error {
            // A record that Kafka knew already, sent again after an answer that never came: in the log, and only Kafka knows where.
            None if report.offset < 0 => Outcome::Failed(ErrorBody::new(
                ErrorCode::DeliveryUnknown,
                format!(
                    "Kafka has the record for {:?} from an earlier attempt and does not say at which offset",
                    shipment.topic
                ),
            )),
            None => Outcome::Acked(Acked {
                topic: Arc::clone(&shipment.topic),
                partition: report.partition,
                offset: report.offset,
                timestamp: report.timestamp,
                took: shipment.received.elapsed(),
            }),
            Some(code) => {
                let error = produce_error(code, &shipment.topic, report.possibly_persisted);
                Outcome::Failed(self.explain(error, &shipment.topic))
            }
        }
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

/// Lengthens the run if the record continues it.
fn joins(run: &mut Run, seq: u64, report: &Report) -> bool {
    let Outcome::Acked(acked) = &mut run.outcome else { return false };
    let next_offset = i64::try_from(run.count).ok().and_then(|count| acked.offset.checked_add(count));
    let continues = report.error.is_none()
        && seq == run.first + run.count
        && report.partition == acked.partition
        && Some(report.offset) == next_offset;
    if continues {
        run.count += 1;
        acked.timestamp = report.timestamp;
    }
    continues
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
    }

    fn shipment(sink: &Arc<Heard>, first_seq: u64) -> Shipment {
        Shipment { sink: Arc::clone(sink) as _, topic: "t".into(), first_seq, received: Instant::now() }
    }

    fn acked(tag: usize, partition: i32, offset: i64) -> Report {
        Report { tag, error: None, partition, offset, timestamp: Some(offset), possibly_persisted: true }
    }

    #[test]
    fn consecutive_outcomes_become_one_run_and_slots_are_used_again() {
        let (shipments, sink) = (Shipments::new(true), Arc::new(Heard::default()));
        let tags = shipments.open(shipment(&sink, 100), 4);
        shipments
            .settle([(0, 0, 5), (1, 0, 6), (2, 1, 7), (3, 1, 8)].map(|(i, p, o)| acked(tags.of(i), p, o)).into_iter());
        let runs: Vec<_> = sink.0.lock().expect("runs").iter().map(|run| (run.first, run.count)).collect();
        assert_eq!(runs, [(100, 2), (102, 2)]);
        assert_eq!(shipments.open(shipment(&sink, 0), 1).of(0), tags.of(0));
    }

    #[test]
    fn an_acknowledgement_without_an_offset_is_none() {
        let (shipments, sink) = (Shipments::new(true), Arc::new(Heard::default()));
        let tags = shipments.open(shipment(&sink, 0), 2);
        // What librdkafka reports where Kafka answered "duplicate".
        shipments.settle([acked(tags.of(0), 0, -1001), acked(tags.of(1), 0, 7)].into_iter());
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
        let (one, two) = (shipments.open(shipment(&sink, 0), 1), shipments.open(shipment(&sink, 7), 1));
        shipments.settle([acked(one.of(0), 0, 0), acked(two.of(0), 0, 1)].into_iter());
        let runs: Vec<_> = sink.0.lock().expect("runs").iter().map(|run| (run.first, run.count)).collect();
        assert_eq!(runs, [(0, 1), (7, 1)]);
    }
}
