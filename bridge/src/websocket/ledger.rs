//! One session's sent records: which are on their way, and what became of the others. It outlives a lost socket, so
//! that a client that comes back gets the outcomes it missed and nothing is written twice.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use protocol::{ErrorBody, Offset, ProduceAck, ProduceError, Produced};
use tokio::sync::Notify;

use super::LIMITS;
use crate::kafka::producer::{Acked, DeliverySink, Outcome};

/// How many outcomes are kept for a client that sends again: twice what can be on its way at once.
const KEPT_OUTCOMES: usize = 2 * LIMITS.produce_window as usize;

#[derive(Default)]
pub struct Ledger {
    inner: Mutex<Inner>,
    /// Outcomes are waiting to be told.
    news: Notify,
    /// A record got its outcome, so that another may follow.
    room: Notify,
}

#[derive(Default)]
struct Inner {
    /// One more than the highest number seen.
    next_seq: u64,
    in_flight: BTreeSet<u64>,
    outcomes: BTreeMap<u64, Outcome>,
    untold: Vec<u64>,
}

/// What to do with a record that a client sends.
#[derive(Debug, PartialEq, Eq)]
pub enum Admission {
    New,
    /// Sent before: its outcome comes, or comes again.
    Repeated,
    /// Its number was passed over, or its outcome is long forgotten.
    OutOfOrder,
}

impl Ledger {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn admit(&self, seq: u64) -> Admission {
        let mut inner = self.lock();
        if seq >= inner.next_seq {
            inner.next_seq = seq + 1;
            inner.in_flight.insert(seq);
            return Admission::New;
        }
        if inner.in_flight.contains(&seq) {
            return Admission::Repeated;
        }
        if inner.outcomes.contains_key(&seq) {
            inner.untold.push(seq);
            drop(inner);
            self.news.notify_one();
            return Admission::Repeated;
        }
        Admission::OutOfOrder
    }

    /// The record never reached Kafka's client.
    pub fn refuse(&self, seq: u64, error: ErrorBody) {
        self.delivered(seq, Outcome::Failed(error));
    }

    /// Waits until another record may be sent.
    pub async fn wait_for_room(&self) {
        loop {
            let room = self.room.notified();
            tokio::pin!(room);
            room.as_mut().enable();
            if (self.lock().in_flight.len() as u64) < LIMITS.produce_window {
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
            if self.lock().in_flight.is_empty() {
                return;
            }
            room.await;
        }
    }

    /// Waits until there are outcomes to tell.
    pub async fn news(&self) {
        self.news.notified().await;
    }

    /// The outcomes not told yet, acknowledgements joined to ranges.
    pub fn take_outcomes(&self) -> Option<Produced> {
        let mut inner = self.lock();
        let mut seqs = std::mem::take(&mut inner.untold);
        if seqs.is_empty() {
            return None;
        }
        seqs.sort_unstable();
        seqs.dedup();
        let mut produced = Produced::default();
        for seq in seqs {
            match inner.outcomes.get(&seq) {
                Some(Outcome::Acked(acked)) => add_ack(&mut produced.acks, seq, acked),
                Some(Outcome::Failed(error)) => produced.errors.push(ProduceError { seq, error: error.clone() }),
                None => {}
            }
        }
        while inner.outcomes.len() > KEPT_OUTCOMES {
            inner.outcomes.pop_first();
        }
        Some(produced)
    }
}

impl DeliverySink for Ledger {
    fn delivered(&self, seq: u64, outcome: Outcome) {
        let mut inner = self.lock();
        inner.in_flight.remove(&seq);
        inner.outcomes.insert(seq, outcome);
        inner.untold.push(seq);
        drop(inner);
        self.news.notify_one();
        self.room.notify_waiters();
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

    fn acked(partition: i32, offset: i64) -> Outcome {
        Outcome::Acked(Acked {
            topic: "t".into(),
            partition,
            offset,
            timestamp: Some(offset),
            took: Duration::from_micros(10),
        })
    }

    fn ledger_with(outcomes: &[(u64, Outcome)]) -> Ledger {
        let ledger = Ledger::default();
        for (seq, _) in outcomes {
            ledger.admit(*seq);
        }
        for (seq, outcome) in outcomes {
            ledger.delivered(*seq, outcome.clone());
        }
        ledger
    }

    #[test]
    fn consecutive_acknowledgements_become_one_range() {
        let ledger = ledger_with(&[(0, acked(0, 5)), (1, acked(0, 6)), (2, acked(1, 0)), (3, acked(0, 7))]);
        let produced = ledger.take_outcomes().expect("outcomes");
        let ranges: Vec<_> = produced.acks.iter().map(|a| (a.first, a.last, a.partition, a.offset.0)).collect();
        assert_eq!(ranges, [(0, 1, 0, 5), (2, 2, 1, 0), (3, 3, 0, 7)]);
    }

    #[test]
    fn an_outcome_is_told_once_unless_asked_again() {
        let ledger = ledger_with(&[(0, acked(0, 5))]);
        assert!(ledger.take_outcomes().is_some());
        assert!(ledger.take_outcomes().is_none());
        assert_eq!(ledger.admit(0), Admission::Repeated);
        assert_eq!(ledger.take_outcomes().expect("again").acks[0].offset.0, 5);
    }

    #[test]
    fn a_number_that_was_passed_over_is_out_of_order() {
        let ledger = Ledger::default();
        assert_eq!(ledger.admit(5), Admission::New);
        assert_eq!(ledger.admit(5), Admission::Repeated);
        assert_eq!(ledger.admit(4), Admission::OutOfOrder);
    }
}
