//! Runs a ledger through any interleaving of sends, resends, outcomes and reports, and checks it against a model: each
//! number has exactly one outcome that never changes, and no more records are in flight than the window allows.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;
use protocol::{ErrorCode, ProduceAck};

use super::*;

#[derive(Clone, Debug)]
enum Step {
    /// New records; the given number of sequence numbers is skipped before them.
    Send {
        over: u64,
        count: u64,
    },
    /// A reconnected client sends again, starting `back` numbers before the next one; from the `same`-th record on with
    /// other content.
    Again {
        back: u64,
        count: u64,
        same: u64,
    },
    /// Kafka reports an outcome for `count` of the records in flight, starting with the `from`-th.
    Settle {
        from: usize,
        count: usize,
        acked: bool,
    },
    Report,
}

fn step() -> impl Strategy<Value = Step> {
    let count = || prop_oneof![12 => 1..20_u64, 1 => 1..PRODUCE_WINDOW * 2];
    prop_oneof![
        4 => (prop_oneof![6 => Just(0), 2 => 1..5_u64, 1 => Just(1 << 40)], count())
            .prop_map(|(over, count)| Step::Send { over, count }),
        2 => (0..50_u64, 1..60_u64, prop_oneof![3 => Just(u64::MAX), 1 => 0..60_u64])
            .prop_map(|(back, count, same)| Step::Again { back, count, same }),
        4 => (any::<prop::sample::Index>(), 1..PRODUCE_WINDOW as usize, prop::bool::weighted(0.8))
            .prop_map(|(from, count, acked)| Step::Settle { from: from.index(20_000), count, acked }),
        3 => Just(Step::Report),
    ]
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Fate {
    InFlight,
    /// `offset` is `None` for a failure. `reported`: the outcome was sent to the client.
    Settled {
        offset: Option<i64>,
        reported: bool,
    },
}

#[derive(Default)]
struct World {
    ledger: Ledger,
    fates: BTreeMap<u64, Fate>,
    next_seq: u64,
    next_offset: i64,
}

impl World {
    fn in_flight(&self) -> Vec<u64> {
        self.fates.iter().filter(|(_, fate)| **fate == Fate::InFlight).map(|(seq, _)| *seq).collect()
    }

    fn apply(&mut self, step: Step) {
        match step {
            Step::Send { over, count } => self.send(over, count),
            Step::Again { back, count, same } => self.send_again(back, count, same),
            Step::Settle { from, count, acked } => self.settle(from, count, acked),
            Step::Report => self.report(),
        }
    }

    fn send(&mut self, over: u64, count: u64) {
        let seq = self.next_seq + over;
        let window = PRODUCE_WINDOW - self.in_flight().len() as u64;
        let room = window.min((MOST_KEPT - self.ledger.lock().spans.kept()) as u64);
        let new = count.min(room);
        match self.ledger.admit(seq, &contents(seq, count)) {
            Admission::New(taken) => {
                assert_eq!(taken as u64, new, "of {count} with room for {room}");
                self.fates.extend((seq..seq + new).map(|seq| (seq, Fate::InFlight)));
                self.next_seq = seq + new;
            }
            admission => assert_eq!((admission, room), (Admission::Full, 0)),
        }
    }

    fn send_again(&mut self, back: u64, count: u64, same: u64) {
        let seq = self.next_seq.saturating_sub(back);
        if seq == self.next_seq {
            return;
        }
        let mut again = contents(seq, count);
        again.iter_mut().skip(usize::try_from(same).unwrap_or(usize::MAX)).for_each(|content| *content = !*content);
        match self.ledger.admit(seq, &again) {
            Admission::Repeated(known) => {
                let known = known as u64;
                assert!((1..=same).contains(&known), "{known} of {same} have the same content");
                for seq in seq..seq + known {
                    // A settled record is reported again; one in flight once it has an outcome.
                    if let Fate::Settled { reported, .. } = self.fates.get_mut(&seq).expect("sent before") {
                        *reported = false;
                    }
                }
                let next_is_known = known < count && self.fates.contains_key(&(seq + known));
                assert!(known == same || !next_is_known, "{} has the same content and was not recognized", seq + known);
            }
            Admission::Reused => assert!(same == 0 && self.fates.contains_key(&seq), "{seq} has the same content"),
            Admission::PassedOver => assert!(!self.fates.contains_key(&seq), "{seq} was sent"),
            other => panic!("{seq} is neither new nor expired: {other:?}"),
        }
    }

    fn settle(&mut self, from: usize, count: usize, acked: bool) {
        let waiting = self.in_flight();
        if waiting.is_empty() {
            return;
        }
        let settled: Vec<u64> = waiting.iter().skip(from % waiting.len()).take(count).copied().collect();
        let mut runs = Vec::new();
        for run in settled.chunk_by(|one, next| one + 1 == *next) {
            let (first, count) = (run[0], run.len() as u64);
            let offset = self.next_offset;
            self.next_offset += i64::try_from(count).expect("few");
            let outcome = if acked {
                Outcome::Acked(Acked { topic: "t".into(), partition: 0, offset, timestamp: None, took: Duration::ZERO })
            } else {
                Outcome::Failed(Arc::new(ErrorBody::new(ErrorCode::NotDelivered, "failed by the test")))
            };
            for (seq, offset) in run.iter().zip(offset..) {
                self.fates.insert(*seq, Fate::Settled { offset: acked.then_some(offset), reported: false });
            }
            runs.push(Run { first, count, outcome: outcome.clone() });
            // A second outcome for the same records must be ignored.
            runs.push(Run::failed(first, count, Arc::new(ErrorBody::new(ErrorCode::Internal, "late"))));
        }
        self.ledger.delivered(runs);
    }

    fn report(&mut self) {
        let Produced { mut acks, mut errors } = self.ledger.take_outcomes().unwrap_or_default();
        // More messages, if one does not hold all outcomes.
        while let Some(rest) = self.ledger.take_outcomes() {
            acks.extend(rest.acks);
            errors.extend(rest.errors);
        }
        let mut sent = BTreeMap::new();
        for ProduceAck { first, last, offset, .. } in acks {
            assert!(first <= last);
            for (seq, offset) in (first..=last).zip(offset.0..) {
                assert_eq!(sent.insert(seq, Some(offset)), None, "{seq} is reported twice");
            }
        }
        for ProduceError { seq, error } in errors {
            assert_eq!(error.code, ErrorCode::NotDelivered.number());
            assert_eq!(sent.insert(seq, None), None, "{seq} is reported twice");
        }
        for (seq, fate) in &mut self.fates {
            match (fate, sent.remove(seq)) {
                (Fate::Settled { offset, reported }, Some(now)) => {
                    assert_eq!(*offset, now, "{seq} has another outcome now");
                    *reported = true;
                }
                (Fate::Settled { reported: false, .. }, None) => panic!("{seq} was not reported"),
                (Fate::Settled { reported: true, .. } | Fate::InFlight, None) => {}
                (Fate::InFlight, Some(_)) => panic!("{seq} is still in flight"),
            }
        }
        assert!(sent.is_empty(), "outcomes of records that were never sent: {sent:?}");
    }
}

/// The content hashes of the model's records; each number has a different one.
fn contents(seq: u64, count: u64) -> Vec<u64> {
    (seq..seq + count).map(|seq| seq.wrapping_mul(0x9e37_79b9_7f4a_7c15)).collect()
}

proptest! {
    #[test]
    fn each_number_has_one_outcome_under_any_interleaving(steps in vec(step(), 1..40)) {
        let mut world = World::default();
        for step in steps {
            world.apply(step);
            prop_assert!(world.ledger.lock().in_flight <= PRODUCE_WINDOW);
            prop_assert!(world.ledger.lock().spans.kept() <= MOST_KEPT);
        }
        world.apply(Step::Settle { from: 0, count: usize::MAX, acked: true });
        world.apply(Step::Report);
    }
}
