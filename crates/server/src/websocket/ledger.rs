//! The produced records of one session: which are in flight, and the outcomes of the others. The ledger outlives a lost
//! socket, so that a client that reconnects gets the outcomes it missed, and no record is written twice.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use protocol::limits::{self, PRODUCE_WINDOW};
use protocol::{ErrorBody, Offset, ProduceAck, ProduceError, ProduceWaiting, Produced, TopicPartition, WaitReason};
use tokio::sync::Notify;

use self::errors::KeptErrors;
use self::spans::{EntryOutcome, Outcomes, Spans};
use self::unreported::Unreported;
use crate::metrics::{ClusterMetrics, DeliveryOutcome, METRICS};
use crate::traces::SendSpan;
use feed::Listener;
use kafka::producer::{Acked, DeliverySink, Outcome, Run};

mod errors;
#[cfg(test)]
mod model;
mod spans;
#[cfg(test)]
mod tests;
mod unreported;

/// How many outcomes are kept for a client that sends records again: twice the produce window.
const KEPT_OUTCOMES: usize = limits::KEPT_OUTCOMES as usize;

/// How many records may be remembered at all. When it is reached, no further record is admitted until the client has
/// received its outcomes and the oldest record has one.
const MOST_KEPT: usize = 2 * KEPT_OUTCOMES;

/// How many partitions with new acknowledgements are noted. A session that writes to more at once is not notified for
/// all of them that its records are not visible yet.
const NOTED_PARTITIONS: usize = 64;

/// Up to this many outcomes are written by the thread that reports them; the session's task sends larger numbers
/// together.
const FEW_OUTCOMES: u64 = 16;

/// How many traces of one session may wait for an outcome; the oldest ones end without.
const MAX_TRACED: usize = 256;

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
    metrics: &'static ClusterMetrics,
    /// The traces of records without an outcome, by their numbers. Nearly always empty.
    traced: BTreeMap<u64, SendSpan>,
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
    /// The ledger of a session whose records go to the cluster with these metrics.
    pub fn of(metrics: &'static ClusterMetrics) -> Self {
        Self { inner: Mutex::new(Inner { metrics, ..Inner::default() }), ..Self::default() }
    }

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

    /// Ends these spans when their records get an outcome. Call it before the records are sent.
    pub fn trace(&self, spans: Vec<(u64, SendSpan)>) {
        let mut inner = self.lock();
        inner.traced.extend(spans);
        while inner.traced.len() > MAX_TRACED {
            inner.traced.pop_first();
        }
    }

    /// How many records have no outcome yet.
    pub fn in_flight(&self) -> usize {
        usize::try_from(self.lock().in_flight).unwrap_or(usize::MAX)
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
        let window = PRODUCE_WINDOW.saturating_sub(self.in_flight);
        usize::try_from(window).unwrap_or(usize::MAX).min(MOST_KEPT.saturating_sub(self.spans.kept()))
    }

    fn begin(&mut self, seq: u64, contents: &[u64]) {
        self.spans.begin(seq, contents);
        let count = contents.len() as u64;
        self.next_seq = seq + count;
        self.in_flight += count;
    }

    fn settle(&mut self, Run { first, count, outcome }: Run) {
        METRICS.produced(count, metric_of(&outcome));
        if !self.traced.is_empty() {
            self.end_traces(first, count, &outcome);
        }
        if let Outcome::Acked(acked) = &outcome {
            self.metrics.acked(acked.took, count);
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

    fn end_traces(&mut self, first: u64, count: u64, outcome: &Outcome) {
        let mut settled = self.traced.split_off(&first);
        self.traced.append(&mut settled.split_off(&first.saturating_add(count)));
        for (seq, span) in settled {
            span.end(seq - first, outcome);
        }
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

fn metric_of(outcome: &Outcome) -> DeliveryOutcome {
    match outcome {
        Outcome::Acked(_) => DeliveryOutcome::Acked,
        Outcome::Failed(error) if error.unknown => DeliveryOutcome::Unknown,
        Outcome::Failed(_) => DeliveryOutcome::Failed,
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
