//! The produced records of one session: which are in flight, and the outcomes of the others. The ledger outlives a lost
//! socket, so that a client that reconnects gets the outcomes it missed, and no record is written twice.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use protocol::{ErrorBody, Offset, ProduceAck, ProduceError, ProduceWaiting, Produced, TopicPartition, WaitReason};
use tokio::sync::Notify;

use self::errors::KeptErrors;
use self::spans::{EntryOutcome, Outcomes, Spans};
use self::unreported::Unreported;
use super::LIMITS;
use crate::metrics::{DeliveryOutcome, METRICS};
use feed::Listener;
use kafka::producer::{Acked, DeliverySink, Outcome, Run};

mod errors;
#[cfg(test)]
mod model;
mod spans;
mod unreported;

/// How many outcomes are kept for a client that sends records again: twice the produce window.
const KEPT_OUTCOMES: usize = 2 * LIMITS.produce_window as usize;

/// How many records may be remembered at all. When it is reached, no further record is admitted until the client has
/// received its outcomes and the oldest record has one.
const MOST_KEPT: usize = 2 * KEPT_OUTCOMES;

/// How many partitions with new acknowledgements are noted. A session that writes to more at once is not notified for
/// all of them that its records are not visible yet.
const NOTED_PARTITIONS: usize = 64;

/// Up to this many outcomes are written by the thread that reports them; the session's task sends larger numbers
/// together.
const FEW_OUTCOMES: u64 = 16;

/// The approximate size limit of one `produced` message; what is left goes into the next.
const PRODUCED_BYTES: usize = 128 * 1024;

/// How many partitions with waiting records a client is notified of.
const WAITING_PARTITIONS: usize = 64;

#[derive(Default)]
pub struct Ledger {
    inner: Mutex<Inner>,
    /// Writes a few outcomes to the socket on the thread that reports them, while there is a socket.
    listener: Mutex<Option<Weak<dyn Listener>>>,
    /// Wakes the session's task: there are outcomes, or reasons why records wait, to send.
    unreported: Notify,
    /// A record got its outcome, so another one may be admitted.
    room: Notify,
    /// The first of new acknowledgements was noted, for the task that checks their visibility.
    acknowledged: Notify,
}

#[derive(Default)]
struct Inner {
    spans: Spans,
    errors: KeptErrors,
    /// One more than the highest number seen.
    next_seq: u64,
    in_flight: u64,
    /// The records whose outcomes must be sent to the client.
    unreported: Unreported,
    /// Why records wait, by topic and partition, as it was sent to the client or is in `unreported_waiting`.
    waiting: HashMap<(String, i32), WaitReason>,
    unreported_waiting: Vec<Arc<ProduceWaiting>>,
    /// The partitions with new acknowledgements, and the last acknowledged offset in each.
    acknowledged: Vec<Acknowledged>,
}

struct Acknowledged {
    topic: Arc<str>,
    partition: i32,
    last: i64,
}

/// What to do with records that a client sent.
#[derive(Debug, PartialEq, Eq)]
pub enum Admission {
    /// This many of them are new and must be sent to Kafka.
    New(usize),
    /// This many were sent before with the same content: their outcomes are sent to the client, again if necessary.
    Repeated(usize),
    /// The number of the first record was used for a record with other content.
    Reused,
    /// The number of the first record was skipped before; numbers must increase.
    PassedOver,
    /// The number of the first record is older than what the ledger remembers.
    Expired,
    /// The produce window is full; wait for room.
    Full,
}

impl Ledger {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Decides about the first records of a message, numbered from `seq` on. `contents` has a hash of each record and
    /// is not empty.
    pub fn admit(&self, seq: u64, contents: &[u64]) -> Admission {
        let mut inner = self.lock();
        if seq >= inner.next_seq {
            let new = contents.len().min(inner.room());
            if new == 0 {
                return Admission::Full;
            }
            inner.begin(seq, &contents[..new]);
            return Admission::New(new);
        }
        if seq < inner.spans.forgotten_before() {
            return Admission::Expired;
        }
        let mut known = inner.spans.from(seq).peekable();
        if known.peek().is_none() {
            return Admission::PassedOver;
        }
        let same = known.zip(contents).take_while(|(entry, content)| entry.content == **content).count();
        if same == 0 {
            return Admission::Reused;
        }
        inner.unreported.add(seq..seq + same as u64);
        drop(inner);
        self.unreported.notify_one();
        Admission::Repeated(same)
    }

    /// Waits until another record may be admitted.
    pub async fn wait_for_room(&self) {
        self.wait_until(|inner| inner.room() > 0).await;
    }

    /// Waits until every record has an outcome.
    pub async fn wait_until_settled(&self) {
        self.wait_until(|inner| inner.in_flight == 0).await;
    }

    async fn wait_until(&self, holds: impl Fn(&Inner) -> bool) {
        loop {
            let room = self.room.notified();
            tokio::pin!(room);
            room.as_mut().enable();
            if holds(&self.lock()) {
                return;
            }
            room.await;
        }
    }

    /// Sets the listener of the session's current socket, which writes a few outcomes at once. It replaces an earlier
    /// one.
    pub fn set_listener(&self, listener: Weak<dyn Listener>) {
        *self.listener.lock().unwrap_or_else(PoisonError::into_inner) = Some(listener);
        // The new socket's client is sent again why its records wait.
        self.lock().forget_waiting();
    }

    fn listener(&self) -> Option<Arc<dyn Listener>> {
        self.listener.lock().unwrap_or_else(PoisonError::into_inner).as_ref()?.upgrade()
    }

    /// Waits until there are outcomes, or reasons why records wait, to send.
    pub async fn wait_for_unreported(&self) {
        self.unreported.notified().await;
    }

    /// Waits until records were acknowledged since [`Ledger::take_acknowledged`].
    pub async fn acknowledged(&self) {
        self.acknowledged.notified().await;
    }

    /// The partitions with new acknowledgements, and the last acknowledged offset in each.
    pub fn take_acknowledged(&self) -> BTreeMap<TopicPartition, i64> {
        let taken = std::mem::take(&mut self.lock().acknowledged);
        let by_name = |Acknowledged { topic, partition, last }: Acknowledged| {
            (TopicPartition { topic: topic.to_string(), partition }, last)
        };
        taken.into_iter().map(by_name).collect()
    }

    /// The outcomes not sent yet, as many as fit one message, with acknowledgements joined to ranges. If some are left,
    /// `wait_for_unreported` returns.
    pub fn take_outcomes(&self) -> Option<Produced> {
        let mut inner = self.lock();
        let produced = inner.take_outcomes();
        let is_more_left = !inner.unreported.is_empty();
        drop(inner);
        if is_more_left {
            self.unreported.notify_one();
        }
        self.room.notify_waiters();
        (produced != Produced::default()).then_some(produced)
    }

    /// The reasons why records wait that were not sent yet.
    pub fn take_waiting(&self) -> Vec<Arc<ProduceWaiting>> {
        std::mem::take(&mut self.lock().unreported_waiting)
    }

    /// The approximate memory that the ledger uses.
    pub fn bytes(&self) -> usize {
        let inner = self.lock();
        inner.spans.bytes() + inner.errors.bytes() + inner.unreported.bytes()
    }
}

impl DeliverySink for Ledger {
    fn delivered(&self, runs: Vec<Run>) {
        let are_few = runs.iter().map(|run| run.count).sum::<u64>() <= FEW_OUTCOMES;
        let mut inner = self.lock();
        let was_noted = !inner.acknowledged.is_empty();
        for run in runs {
            inner.settle(run);
        }
        let is_first_noted = !was_noted && !inner.acknowledged.is_empty();
        drop(inner);
        if is_first_noted {
            self.acknowledged.notify_one();
        }
        let listener = if are_few { self.listener() } else { None };
        if !listener.is_some_and(|listener| listener.notify()) {
            self.unreported.notify_one();
        }
        self.room.notify_waiters();
    }

    fn waiting(&self, waiting: &Arc<ProduceWaiting>) {
        let mut inner = self.lock();
        if inner.in_flight == 0 {
            return;
        }
        let key = (waiting.topic.clone(), waiting.partition);
        let reported = inner.waiting.get(&key);
        if reported == Some(&waiting.reason) || (reported.is_none() && inner.waiting.len() >= WAITING_PARTITIONS) {
            return;
        }
        inner.waiting.insert(key, waiting.reason);
        inner.unreported_waiting.retain(|older| (&older.topic, older.partition) != (&waiting.topic, waiting.partition));
        inner.unreported_waiting.push(Arc::clone(waiting));
        drop(inner);
        self.unreported.notify_one();
    }
}

impl Inner {
    /// How many more records may be admitted.
    fn room(&self) -> usize {
        let window = LIMITS.produce_window.saturating_sub(self.in_flight);
        usize::try_from(window).unwrap_or(usize::MAX).min(MOST_KEPT.saturating_sub(self.spans.kept()))
    }

    fn begin(&mut self, seq: u64, contents: &[u64]) {
        self.spans.begin(seq, contents);
        let count = contents.len() as u64;
        self.next_seq = seq + count;
        self.in_flight += count;
    }

    fn settle(&mut self, Run { first, count, outcome }: Run) {
        let metric = match &outcome {
            Outcome::Acked(_) => DeliveryOutcome::Acked,
            Outcome::Failed(error) if error.unknown => DeliveryOutcome::Unknown,
            Outcome::Failed(_) => DeliveryOutcome::Failed,
        };
        METRICS.produced(count, metric);
        if let Outcome::Acked(acked) = &outcome {
            self.note_acknowledged(acked, count);
        }
        if let Outcome::Acked(acked) = &outcome
            && !self.waiting.is_empty()
        {
            self.waiting.retain(|(topic, partition), _| **topic != *acked.topic || *partition != acked.partition);
        }
        let mut outcomes = match outcome {
            Outcome::Acked(acked) => Outcomes::acked(first, acked),
            Outcome::Failed(error) => Outcomes::failed(self.errors.keep(error)),
        };
        for entry in self.spans.starting_at_mut(first).take(usize::try_from(count).unwrap_or(usize::MAX)) {
            if entry.is_in_flight() {
                entry.outcome = outcomes.next();
                self.in_flight -= 1;
            }
        }
        // The budget that no entry took, because none of the run was in flight.
        self.errors.release(outcomes.left_charge());
        if self.in_flight == 0 {
            self.forget_waiting();
        }
        self.unreported.add(first..first + count);
    }

    fn note_acknowledged(&mut self, acked: &Acked, count: u64) {
        let last = acked.offset + i64::try_from(count.saturating_sub(1)).unwrap_or(0);
        let is_same = |noted: &Acknowledged| noted.partition == acked.partition && noted.topic == acked.topic;
        if let Some(index) = self.acknowledged.iter().position(is_same) {
            let noted = &mut self.acknowledged[index];
            noted.last = noted.last.max(last);
        } else if self.acknowledged.len() < NOTED_PARTITIONS {
            let (topic, partition) = (Arc::clone(&acked.topic), acked.partition);
            self.acknowledged.push(Acknowledged { topic, partition, last });
        }
    }

    fn forget_waiting(&mut self) {
        self.waiting.clear();
        self.unreported_waiting.clear();
    }

    fn take_outcomes(&mut self) -> Produced {
        let mut produced = Produced::default();
        let mut room = PRODUCED_BYTES;
        while room > 0
            && let Some(range) = self.unreported.first()
        {
            let mut through = range.start;
            for (seq, entry) in (range.start..range.end).zip(self.spans.from(range.start)) {
                if room == 0 {
                    break;
                }
                through = seq + 1;
                let bytes = match &entry.outcome {
                    EntryOutcome::Acked(run) => add_ack(&mut produced.acks, seq, run.first, &run.acked),
                    EntryOutcome::Failed { error, .. } => {
                        produced.errors.push(ProduceError { seq, error: ErrorBody::clone(error) });
                        KeptErrors::bytes_of(error)
                    }
                    // In flight: reported when it has its outcome.
                    EntryOutcome::InFlight => 0,
                };
                room = room.saturating_sub(bytes);
            }
            // The range may include numbers that were forgotten since, or never sent; they are skipped.
            self.unreported.remove_before(if room > 0 { range.end } else { through });
        }
        let first_unreported = self.unreported.first().map_or(u64::MAX, |range| range.start);
        let released = self.spans.forget_old(KEPT_OUTCOMES, first_unreported);
        self.errors.release(released);
        produced
    }
}

/// Returns by how many bytes the message grows, approximately.
fn add_ack(acks: &mut Vec<ProduceAck>, seq: u64, first: u64, acked: &Acked) -> usize {
    let took_us = u64::try_from(acked.took.as_micros()).unwrap_or(u64::MAX);
    let offset = acked.offset + i64::try_from(seq - first).unwrap_or(i64::MAX);
    if let Some(last) = acks.last_mut() {
        let follows = last.last + 1 == seq
            && last.partition == acked.partition
            && *last.topic == *acked.topic
            && i64::try_from(seq - last.first).is_ok_and(|count| last.offset.0 + count == offset);
        if follows {
            last.last = seq;
            last.timestamp = acked.timestamp;
            last.took_us = last.took_us.max(took_us);
            return 0;
        }
    }
    acks.push(ProduceAck {
        first: seq,
        last: seq,
        topic: acked.topic.to_string(),
        partition: acked.partition,
        offset: Offset(offset),
        timestamp: acked.timestamp,
        took_us,
    });
    /// For numbers and field names.
    const AROUND: usize = 150;
    acked.topic.len() + AROUND
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn acked(first: u64, count: u64, partition: i32, offset: i64) -> Run {
        let took = Duration::from_micros(10);
        let acked = Acked { topic: "t".into(), partition, offset, timestamp: Some(offset), took };
        Run { first, count, outcome: Outcome::Acked(acked) }
    }

    fn ledger_with(runs: &[Run]) -> Ledger {
        let ledger = Ledger::default();
        for run in runs {
            let contents: Vec<u64> = (run.first..run.first + run.count).collect();
            assert_eq!(ledger.admit(run.first, &contents), Admission::New(contents.len()));
        }
        ledger.delivered(runs.to_vec());
        ledger
    }

    fn ranges(produced: &Produced) -> Vec<(u64, u64, i32, i64)> {
        produced.acks.iter().map(|ack| (ack.first, ack.last, ack.partition, ack.offset.0)).collect()
    }

    #[test]
    fn consecutive_acknowledgements_become_one_range() {
        let ledger = ledger_with(&[acked(0, 2, 0, 5), acked(2, 1, 1, 0), acked(3, 1, 0, 7), acked(4, 3, 0, 8)]);
        let produced = ledger.take_outcomes().expect("outcomes");
        assert_eq!(ranges(&produced), [(0, 1, 0, 5), (2, 2, 1, 0), (3, 6, 0, 7)]);
    }

    #[test]
    fn outcome_is_reported_once_unless_the_record_is_sent_again() {
        let ledger = ledger_with(&[acked(0, 3, 0, 5)]);
        assert!(ledger.take_outcomes().is_some());
        assert!(ledger.take_outcomes().is_none());
        assert_eq!(ledger.admit(1, &[1, 2, 3, 4, 5]), Admission::Repeated(2));
        assert_eq!(ranges(&ledger.take_outcomes().expect("again")), [(1, 2, 0, 6)]);
    }

    #[test]
    fn skipped_number_is_refused() {
        let ledger = Ledger::default();
        assert_eq!(ledger.admit(2, &[2]), Admission::New(1));
        assert_eq!(ledger.admit(5, &[5]), Admission::New(1));
        assert_eq!(ledger.admit(5, &[5]), Admission::Repeated(1));
        assert_eq!(ledger.admit(4, &[4]), Admission::PassedOver);
        assert_eq!(ledger.admit(1, &[1]), Admission::PassedOver);
        assert_eq!(ledger.admit(2, &[2, 3, 4, 5]), Admission::Repeated(1));
    }

    #[test]
    fn number_with_other_content_is_reused_and_earlier_records_are_repeated() {
        let ledger = ledger_with(&[acked(0, 3, 0, 5)]);
        assert_eq!(ledger.admit(0, &[0, 1, 77]), Admission::Repeated(2));
        assert_eq!(ledger.admit(2, &[77]), Admission::Reused);
        assert_eq!(ledger.admit(2, &[2]), Admission::Repeated(1));
    }

    #[test]
    fn number_older_than_the_kept_outcomes_has_expired() {
        let ledger = Ledger::default();
        let contents: Vec<u64> = (0..LIMITS.produce_window).collect();
        for window in 0..3 {
            let first = window * LIMITS.produce_window;
            assert_eq!(ledger.admit(first, &contents), Admission::New(contents.len()));
            ledger.delivered(vec![acked(first, LIMITS.produce_window, 0, 0)]);
            assert!(ledger.take_outcomes().is_some());
        }
        let forgotten = LIMITS.produce_window;
        assert_eq!(ledger.admit(forgotten - 1, &[forgotten - 1]), Admission::Expired);
        assert_eq!(ledger.admit(forgotten, &[0]), Admission::Repeated(1));
    }

    #[test]
    fn large_jump_in_numbers_takes_no_memory_with_records_in_flight() {
        let ledger = Ledger::default();
        assert_eq!(ledger.admit(0, &[0]), Admission::New(1));
        assert_eq!(ledger.admit(u64::MAX - 5, &[0, 1]), Admission::New(2));
        assert_eq!(ledger.admit(1, &[0]), Admission::PassedOver);
        ledger.delivered(vec![acked(u64::MAX - 5, 2, 0, 1), acked(0, 1, 0, 0)]);
        assert_eq!(ledger.lock().spans.kept(), 3);
        let produced = ledger.take_outcomes().expect("outcomes");
        assert_eq!(ranges(&produced), [(0, 0, 0, 0), (u64::MAX - 5, u64::MAX - 4, 0, 1)]);
    }

    #[test]
    fn produce_window_bounds_records_in_flight() {
        let (ledger, window) = (Ledger::default(), LIMITS.produce_window as usize);
        assert_eq!(ledger.admit(0, &vec![0; 2 * window]), Admission::New(window));
        assert_eq!(ledger.admit(LIMITS.produce_window, &[0]), Admission::Full);
        ledger.delivered(vec![acked(0, 1, 0, 0)]);
        assert_eq!(ledger.admit(LIMITS.produce_window, &[0, 0]), Admission::New(1));
    }

    #[test]
    fn client_that_receives_no_outcomes_uses_bounded_memory() {
        let (ledger, window) = (Ledger::default(), LIMITS.produce_window as usize);
        let mut seq = 0;
        while ledger.admit(seq, &vec![0; window]) == Admission::New(window) {
            ledger.delivered(vec![acked(seq, LIMITS.produce_window, 0, 0)]);
            seq += LIMITS.produce_window;
            assert!(ledger.bytes() < 16 * 1024 * 1024, "{} bytes", ledger.bytes());
        }
        assert_eq!(ledger.admit(seq, &[0]), Admission::Full);
        assert!(ledger.take_outcomes().is_some());
        assert_eq!(ledger.admit(seq, &[0]), Admission::New(1));
    }

    #[test]
    fn errors_of_many_records_are_split_into_messages_of_bounded_size() {
        let (ledger, window) = (Ledger::default(), LIMITS.produce_window as usize);
        assert_eq!(ledger.admit(0, &vec![0; window]), Admission::New(window));
        let error = Arc::new(ErrorBody::new(protocol::ErrorCode::ReadOnly, "x".repeat(300)));
        ledger.delivered(vec![Run::failed(0, LIMITS.produce_window, error)]);
        assert!(ledger.bytes() < 2 * 1024 * 1024, "one error is kept for all: {} bytes", ledger.bytes());
        let mut next = 0;
        while let Some(produced) = ledger.take_outcomes() {
            assert!(produced.errors.len() * 300 <= PRODUCED_BYTES + 1000, "{} errors", produced.errors.len());
            for error in produced.errors {
                assert_eq!(error.seq, next);
                next += 1;
            }
        }
        assert_eq!(next, LIMITS.produce_window);
    }

    #[test]
    fn reason_for_waiting_is_reported_once_until_it_changes() {
        let ledger = Ledger::default();
        let waiting = |reason| {
            let message = String::new();
            Arc::new(ProduceWaiting { topic: "t".to_owned(), partition: 0, reason, message, offset: None })
        };
        ledger.waiting(&waiting(WaitReason::NoLeader));
        assert!(ledger.take_waiting().is_empty(), "nothing waits");
        ledger.admit(0, &[0, 1]);
        ledger.waiting(&waiting(WaitReason::NoLeader));
        assert_eq!(ledger.take_waiting().len(), 1);
        ledger.waiting(&waiting(WaitReason::NoLeader));
        assert!(ledger.take_waiting().is_empty());
        ledger.waiting(&waiting(WaitReason::TooFewInSyncReplicas));
        assert_eq!(ledger.take_waiting()[0].reason, WaitReason::TooFewInSyncReplicas);
        // Records are acknowledged again, and wait again later.
        ledger.delivered(vec![acked(0, 1, 0, 0)]);
        ledger.waiting(&waiting(WaitReason::TooFewInSyncReplicas));
        assert_eq!(ledger.take_waiting().len(), 1);
    }
}
