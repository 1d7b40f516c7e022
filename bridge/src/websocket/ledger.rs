//! One session's sent records: which are on their way, and what became of the others. It outlives a lost socket, so
//! that a client that comes back gets the outcomes it missed and nothing is written twice.

use std::collections::{BTreeMap, VecDeque};
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use protocol::{ErrorBody, Offset, ProduceAck, ProduceError, Produced, TopicPartition};
use tokio::sync::Notify;

use super::LIMITS;
use crate::feed::Listener;
use crate::kafka::producer::{Acked, DeliverySink, Outcome, Run};
use crate::metrics::{Fate, METRICS};

#[cfg(test)]
mod model;

/// How many outcomes are kept for a client that sends again: twice what can be on its way at once.
const KEPT_OUTCOMES: usize = 2 * LIMITS.produce_window as usize;

/// How many partitions with new acknowledgements are noted. Whoever writes to more at once is not told of all of them that
/// their records are not visible yet.
const NOTED_PARTITIONS: usize = 64;

/// So few outcomes are told at once; many are told together by whoever waits for news.
const FEW: u64 = 16;

#[derive(Default)]
pub struct Ledger {
    inner: Mutex<Inner>,
    /// Tells a few outcomes on the thread that brings them, while a socket is there.
    listener: Mutex<Option<Weak<dyn Listener>>>,
    /// Outcomes are waiting to be told.
    news: Notify,
    /// A record got its outcome, so that another may follow.
    room: Notify,
    /// The first of new acknowledgements is there for whoever looks after them.
    acknowledged: Notify,
}

#[derive(Default)]
struct Inner {
    /// Oldest first. Numbers only rise, and may leave holes: a span begins behind each.
    spans: VecDeque<Span>,
    /// How many slots all spans have together.
    kept: usize,
    /// One more than the highest number seen.
    next_seq: u64,
    in_flight: u64,
    /// Outcomes to tell, as ranges of numbers.
    untold: Vec<Range<u64>>,
    /// The partitions with new acknowledgements, and the last offset in each.
    acknowledged: Vec<Acknowledged>,
}

struct Acknowledged {
    topic: Arc<str>,
    partition: i32,
    last: i64,
}

/// Records with consecutive numbers.
struct Span {
    first: u64,
    slots: VecDeque<Slot>,
}

enum Slot {
    InFlight,
    Acked(Acked),
    Failed(Box<ErrorBody>),
}

/// What to do with records that a client sends.
#[derive(Debug, PartialEq, Eq)]
pub enum Admission {
    /// So many of them are new; send them.
    New(u64),
    /// So many were sent before: their outcomes come, or come again.
    Repeated(u64),
    /// The first one's number was passed over, or its outcome is long forgotten.
    OutOfOrder,
    /// The window is full; wait for room.
    Full,
}

impl Ledger {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks at the records numbered from `seq` on and says what becomes of the first ones. `count` is not 0.
    pub fn admit(&self, seq: u64, count: u64) -> Admission {
        let mut inner = self.lock();
        if seq >= inner.next_seq {
            let room = LIMITS.produce_window.saturating_sub(inner.in_flight);
            let new = count.min(room);
            if new == 0 {
                return Admission::Full;
            }
            inner.begin(seq, new);
            return Admission::New(new);
        }
        let count = count.min(inner.next_seq - seq);
        let known = inner.known_from(seq, count);
        if known == 0 {
            return Admission::OutOfOrder;
        }
        inner.untold.push(seq..seq + known);
        drop(inner);
        self.news.notify_one();
        Admission::Repeated(known)
    }

    /// Waits until another record may be sent.
    pub async fn wait_for_room(&self) {
        loop {
            let room = self.room.notified();
            tokio::pin!(room);
            room.as_mut().enable();
            if self.lock().in_flight < LIMITS.produce_window {
                return;
            }
            room.await;
        }
    }

    /// Waits until no record is without an outcome.
    pub async fn wait_until_settled(&self) {
        loop {
            let room = self.room.notified();
            tokio::pin!(room);
            room.as_mut().enable();
            if self.lock().in_flight == 0 {
                return;
            }
            room.await;
        }
    }

    /// From now on it is told of a few outcomes at once, and nobody else is.
    pub fn listen(&self, listener: Weak<dyn Listener>) {
        *self.listener.lock().unwrap_or_else(PoisonError::into_inner) = Some(listener);
    }

    fn listener(&self) -> Option<Arc<dyn Listener>> {
        self.listener.lock().unwrap_or_else(PoisonError::into_inner).as_ref()?.upgrade()
    }

    /// Waits until there are outcomes to tell.
    pub async fn news(&self) {
        self.news.notified().await;
    }

    /// Waits until records were acknowledged since [`Ledger::take_acknowledged`].
    pub async fn acknowledged(&self) {
        self.acknowledged.notified().await;
    }

    /// The partitions with new acknowledgements, and the last offset in each.
    pub fn take_acknowledged(&self) -> BTreeMap<TopicPartition, i64> {
        let taken = std::mem::take(&mut self.lock().acknowledged);
        let by_name = |Acknowledged { topic, partition, last }: Acknowledged| {
            (TopicPartition { topic: topic.to_string(), partition }, last)
        };
        taken.into_iter().map(by_name).collect()
    }

    /// The outcomes not told yet, acknowledgements joined to ranges.
    pub fn take_outcomes(&self) -> Option<Produced> {
        let mut inner = self.lock();
        let mut untold = std::mem::take(&mut inner.untold);
        untold.sort_unstable_by_key(|range| range.start);
        let mut produced = Produced::default();
        let mut told_through = 0;
        for range in untold {
            let first = range.start.max(told_through);
            told_through = told_through.max(range.end);
            for seq in first..range.end {
                match inner.slot(seq) {
                    Some(Slot::Acked(acked)) => add_ack(&mut produced.acks, seq, acked),
                    Some(Slot::Failed(error)) => {
                        produced.errors.push(ProduceError { seq, error: ErrorBody::clone(error) });
                    }
                    // On its way: told when it has arrived.
                    Some(Slot::InFlight) | None => {}
                }
            }
        }
        inner.forget_old();
        (produced != Produced::default()).then_some(produced)
    }
}

impl DeliverySink for Ledger {
    fn delivered(&self, runs: Vec<Run>) {
        let are_few = runs.iter().map(|run| run.count).sum::<u64>() <= FEW;
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
        if !listener.is_some_and(|listener| listener.news()) {
            self.news.notify_one();
        }
        self.room.notify_waiters();
    }
}

impl Span {
    /// The number after its last record's.
    fn end(&self) -> u64 {
        self.first + self.slots.len() as u64
    }

    fn place(&self, seq: u64) -> Option<usize> {
        usize::try_from(seq.checked_sub(self.first)?).ok()
    }
}

impl Inner {
    /// The span that would hold this number.
    fn span_index(&self, seq: u64) -> Option<usize> {
        self.spans.partition_point(|span| span.first <= seq).checked_sub(1)
    }

    fn slot(&self, seq: u64) -> Option<&Slot> {
        let span = &self.spans[self.span_index(seq)?];
        span.slots.get(span.place(seq)?)
    }

    fn slot_mut(&mut self, seq: u64) -> Option<&mut Slot> {
        let index = self.span_index(seq)?;
        let span = &mut self.spans[index];
        let place = span.place(seq)?;
        span.slots.get_mut(place)
    }

    fn begin(&mut self, seq: u64, count: u64) {
        let slots = (0..count).map(|_| Slot::InFlight);
        match self.spans.back_mut() {
            Some(last) if last.end() == seq => last.slots.extend(slots),
            _ => self.spans.push_back(Span { first: seq, slots: slots.collect() }),
        }
        self.kept += usize::try_from(count).unwrap_or(usize::MAX);
        self.next_seq = seq + count;
        self.in_flight += count;
    }

    /// How many records from `seq` on were sent before and are remembered.
    fn known_from(&self, seq: u64, count: u64) -> u64 {
        let end = self.span_index(seq).map_or(0, |index| self.spans[index].end());
        end.saturating_sub(seq).min(count)
    }

    fn settle(&mut self, Run { first, count, outcome }: Run) {
        let fate = match &outcome {
            Outcome::Acked(_) => Fate::Acked,
            Outcome::Failed(error) if error.unknown => Fate::Unknown,
            Outcome::Failed(_) => Fate::Failed,
        };
        METRICS.produced(count, fate);
        if let Outcome::Acked(acked) = &outcome {
            self.note_acknowledged(acked, count);
        }
        for place in 0..count {
            let seq = first + place;
            let Some(slot) = self.slot_mut(seq).filter(|slot| matches!(slot, Slot::InFlight)) else { continue };
            *slot = match &outcome {
                Outcome::Acked(acked) => Slot::Acked(Acked {
                    offset: acked.offset + i64::try_from(place).unwrap_or(i64::MAX),
                    ..acked.clone()
                }),
                Outcome::Failed(error) => Slot::Failed(Box::new(error.clone())),
            };
            self.in_flight -= 1;
        }
        self.untold.push(first..first + count);
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

    fn forget_old(&mut self) {
        while self.kept > KEPT_OUTCOMES
            && let Some(oldest) = self.spans.front_mut()
            && !matches!(oldest.slots.front(), Some(Slot::InFlight))
        {
            oldest.slots.pop_front();
            oldest.first += 1;
            self.kept -= 1;
            if oldest.slots.is_empty() {
                self.spans.pop_front();
            }
        }
    }
}

fn add_ack(acks: &mut Vec<ProduceAck>, seq: u64, acked: &Acked) {
    let took_us = u64::try_from(acked.took.as_micros()).unwrap_or(u64::MAX);
    if let Some(last) = acks.last_mut() {
        let follows = last.last + 1 == seq
            && last.partition == acked.partition
            && *last.topic == *acked.topic
            && i64::try_from(seq - last.first).is_ok_and(|count| last.offset.0 + count == acked.offset);
        if follows {
            last.last = seq;
            last.timestamp = acked.timestamp;
            last.took_us = last.took_us.max(took_us);
            return;
        }
    }
    acks.push(ProduceAck {
        first: seq,
        last: seq,
        topic: acked.topic.to_string(),
        partition: acked.partition,
        offset: Offset(acked.offset),
        timestamp: acked.timestamp,
        took_us,
    });
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
            assert_eq!(ledger.admit(run.first, run.count), Admission::New(run.count));
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
    fn an_outcome_is_told_once_unless_asked_again() {
        let ledger = ledger_with(&[acked(0, 3, 0, 5)]);
        assert!(ledger.take_outcomes().is_some());
        assert!(ledger.take_outcomes().is_none());
        assert_eq!(ledger.admit(1, 5), Admission::Repeated(2));
        assert_eq!(ranges(&ledger.take_outcomes().expect("again")), [(1, 2, 0, 6)]);
    }

    #[test]
    fn a_number_that_was_passed_over_is_out_of_order() {
        let ledger = Ledger::default();
        assert_eq!(ledger.admit(2, 1), Admission::New(1));
        assert_eq!(ledger.admit(5, 1), Admission::New(1));
        assert_eq!(ledger.admit(5, 1), Admission::Repeated(1));
        assert_eq!(ledger.admit(4, 1), Admission::OutOfOrder);
        assert_eq!(ledger.admit(1, 1), Admission::OutOfOrder);
        assert_eq!(ledger.admit(2, 9), Admission::Repeated(1));
    }

    #[test]
    fn a_wide_leap_costs_nothing_even_with_records_on_their_way() {
        let ledger = Ledger::default();
        assert_eq!(ledger.admit(0, 1), Admission::New(1));
        assert_eq!(ledger.admit(u64::MAX - 5, 2), Admission::New(2));
        assert_eq!(ledger.admit(1, 1), Admission::OutOfOrder);
        ledger.delivered(vec![acked(u64::MAX - 5, 2, 0, 1), acked(0, 1, 0, 0)]);
        assert_eq!(ledger.lock().kept, 3);
        let produced = ledger.take_outcomes().expect("outcomes");
        assert_eq!(ranges(&produced), [(0, 0, 0, 0), (u64::MAX - 5, u64::MAX - 4, 0, 1)]);
    }

    #[test]
    fn the_window_bounds_what_is_on_its_way() {
        let ledger = Ledger::default();
        assert_eq!(ledger.admit(0, 2 * LIMITS.produce_window), Admission::New(LIMITS.produce_window));
        assert_eq!(ledger.admit(LIMITS.produce_window, 1), Admission::Full);
        ledger.delivered(vec![acked(0, 1, 0, 0)]);
        assert_eq!(ledger.admit(LIMITS.produce_window, 2), Admission::New(1));
    }
}
