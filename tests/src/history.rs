//! The history of each client, and a check of all histories against the topic's log. The anomalies are those that Jepsen looks
//! for in Kafka.

use std::collections::{BTreeMap, BTreeSet};

use crate::client::Outcome;
use crate::log::Log;

/// What one client did and received, in order. Each value is sent only once.
#[derive(Clone, Debug)]
pub enum Event {
    Sent {
        seq: u64,
        value: String,
    },
    Ended {
        seq: u64,
        outcome: Outcome,
    },
    /// The partition is read from this offset on.
    Assigned {
        partition: i32,
        offset: i64,
    },
    Polled {
        partition: i32,
        offset: i64,
        value: String,
    },
    /// A gap that the bridge reported: `from` to `to` (exclusive).
    Gap {
        partition: i32,
        from: i64,
        to: i64,
    },
}

#[derive(Clone, Debug, Default)]
pub struct History {
    pub client: String,
    pub events: Vec<Event>,
}

/// An error that the check found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Anomaly {
    /// The record was acknowledged, but is not in the log at that partition and offset.
    LostWrite { client: String, seq: u64 },
    /// The record is in the log more than once, and not because of a mock.
    Duplicate { value: String },
    /// The record was sent with the sequence numbers of another one. A mock keeps it; a broker would have dropped it.
    NumberUsedTwice { value: String },
    /// The record was reported as not written, but is in the log.
    AbortedRead { client: String, seq: u64 },
    /// The record is in the log, but no client sent it.
    Invented { value: String },
    /// Two records of one sender in one partition are not in the order in which they were sent.
    OutOfOrder { client: String, earlier: u64, later: u64 },
    /// A record has two different outcomes, or an outcome without having been sent.
    TwoOutcomes { client: String, seq: u64 },
    /// The record has no outcome.
    NoOutcome { client: String, seq: u64 },
    /// The offset is not above the previous one, and the partition was not assigned in between.
    NonMonotonicPoll { client: String, partition: i32, offset: i64 },
    /// A record of the log was not delivered, and no gap was reported.
    SkippedPoll { client: String, partition: i32, offset: i64 },
    /// The delivered record differs from that of the log.
    WrongRecord { client: String, partition: i32, offset: i64 },
    /// The record is in the log, but a client that read to the end did not receive it.
    Unseen { client: String, partition: i32, offset: i64 },
}

/// Returns every anomaly. A client with assigned partitions must have read to the end of the log, including the copies of a mock.
/// An acknowledgement may have the offset of a copy.
pub fn check(histories: &[History], log: &Log) -> Vec<Anomaly> {
    let mut anomalies = Vec::new();
    let records = log.records().iter();
    let places: BTreeMap<(i32, i64), &str> =
        records.map(|(partition, offset, value)| ((*partition, *offset), value.as_str())).collect();
    let mut seen_values = BTreeSet::new();
    let all_sent: BTreeSet<&str> = histories.iter().flat_map(History::sent_values).collect();
    for (partition, offset, value) in log.records() {
        if let Some(original) = log.copied_from(*partition, *offset) {
            if places.get(&(*partition, original)) != Some(&value.as_str()) {
                anomalies.push(Anomaly::NumberUsedTwice { value: value.clone() });
            }
        } else if !seen_values.insert(value.as_str()) {
            anomalies.push(Anomaly::Duplicate { value: value.clone() });
        }
        if !all_sent.contains(value.as_str()) {
            anomalies.push(Anomaly::Invented { value: value.clone() });
        }
    }
    for history in histories {
        history.check_writes(&places, log, &mut anomalies);
        history.check_polls(&places, &mut anomalies);
    }
    anomalies
}

impl History {
    pub fn of(client: &str) -> Self {
        Self { client: client.to_owned(), events: Vec::new() }
    }

    pub fn sent_values(&self) -> impl Iterator<Item = &str> {
        self.events.iter().filter_map(|event| match event {
            Event::Sent { value, .. } => Some(value.as_str()),
            _ => None,
        })
    }

    fn check_writes(&self, places: &BTreeMap<(i32, i64), &str>, log: &Log, anomalies: &mut Vec<Anomaly>) {
        let client = || self.client.clone();
        let (mut sent, mut outcomes) = (BTreeMap::new(), BTreeMap::new());
        for event in &self.events {
            match event {
                Event::Sent { seq, value } => {
                    sent.insert(*seq, value.as_str());
                }
                Event::Ended { seq, outcome } => {
                    let before = outcomes.insert(*seq, outcome);
                    if before.is_some_and(|before| before != outcome) || !sent.contains_key(seq) {
                        anomalies.push(Anomaly::TwoOutcomes { client: client(), seq: *seq });
                    }
                }
                Event::Assigned { .. } | Event::Polled { .. } | Event::Gap { .. } => {}
            }
        }
        let logged: BTreeSet<&str> = places.values().copied().collect();
        let mut last_in: BTreeMap<i32, (i64, u64)> = BTreeMap::new();
        for (seq, value) in sent {
            match outcomes.get(&seq) {
                None => anomalies.push(Anomaly::NoOutcome { client: client(), seq }),
                Some(Outcome::Acked { partition, offset, .. }) => {
                    if places.get(&(*partition, *offset)) != Some(&value) {
                        anomalies.push(Anomaly::LostWrite { client: client(), seq });
                    }
                    // Records of one batch are repeated as one batch, so the order of copies is that of the originals.
                    let offset = log.copied_from(*partition, *offset).unwrap_or(*offset);
                    if let Some((before, earlier)) = last_in.insert(*partition, (offset, seq))
                        && before >= offset
                    {
                        anomalies.push(Anomaly::OutOfOrder { client: client(), earlier, later: seq });
                    }
                }
                Some(Outcome::Failed(error)) => {
                    if !error.unknown && logged.contains(value) {
                        anomalies.push(Anomaly::AbortedRead { client: client(), seq });
                    }
                }
            }
        }
    }

    fn check_polls(&self, places: &BTreeMap<(i32, i64), &str>, anomalies: &mut Vec<Anomaly>) {
        let client = || self.client.clone();
        let mut due: BTreeMap<i32, i64> = BTreeMap::new();
        let skipped = |partition: i32, from: i64, to: i64| {
            let there = places.range((partition, from)..(partition, to.max(from)));
            there.map(|((_, offset), _)| *offset).collect::<Vec<_>>()
        };
        for event in &self.events {
            match event {
                Event::Assigned { partition, offset } => {
                    // An assignment at an earlier offset repeats records; one at a later offset must not skip any.
                    if let Some(before) = due.insert(*partition, *offset) {
                        for offset in skipped(*partition, before, *offset) {
                            anomalies.push(Anomaly::SkippedPoll { client: client(), partition: *partition, offset });
                        }
                    }
                }
                Event::Polled { partition, offset, value } => {
                    let (partition, offset) = (*partition, *offset);
                    let before = due.insert(partition, offset + 1).unwrap_or(0);
                    if offset < before {
                        anomalies.push(Anomaly::NonMonotonicPoll { client: client(), partition, offset });
                    }
                    for offset in skipped(partition, before, offset) {
                        anomalies.push(Anomaly::SkippedPoll { client: client(), partition, offset });
                    }
                    if places.get(&(partition, offset)) != Some(&value.as_str()) {
                        anomalies.push(Anomaly::WrongRecord { client: client(), partition, offset });
                    }
                }
                Event::Gap { partition, from, to } => {
                    let before = due.insert(*partition, *to).unwrap_or(0);
                    for offset in skipped(*partition, before, *from) {
                        anomalies.push(Anomaly::SkippedPoll { client: client(), partition: *partition, offset });
                    }
                }
                Event::Sent { .. } | Event::Ended { .. } => {}
            }
        }
        for (partition, due) in due {
            for offset in skipped(partition, due, i64::MAX) {
                anomalies.push(Anomaly::Unseen { client: client(), partition, offset });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use protocol::{ErrorBody, ErrorCode};

    use super::*;
    use crate::batches::Batch;
    use crate::log::Logged;

    fn sent(seq: u64) -> Event {
        Event::Sent { seq, value: format!("v{seq}") }
    }

    fn acked(seq: u64, offset: i64) -> Event {
        Event::Ended { seq, outcome: Outcome::Acked { topic: "t".to_owned(), partition: 0, offset } }
    }

    fn failed(seq: u64, code: ErrorCode) -> Event {
        Event::Ended { seq, outcome: Outcome::Failed(ErrorBody::new(code, "as the test wants it")) }
    }

    fn assigned(offset: i64) -> Event {
        Event::Assigned { partition: 0, offset }
    }

    fn polled(offset: i64) -> Event {
        Event::Polled { partition: 0, offset, value: format!("v{offset}") }
    }

    fn polled_value(offset: i64, value: &str) -> Event {
        Event::Polled { partition: 0, offset, value: value.to_owned() }
    }

    /// `v0` to `v<n>` at the offsets 0 to n.
    fn log(records: i64) -> Vec<Logged> {
        (0..records).map(|offset| (0, offset, format!("v{offset}"))).collect()
    }

    fn found(events: Vec<Event>, log: &[Logged]) -> Vec<Anomaly> {
        check(&[History { client: "c".to_owned(), events }], &Log::of_a_broker(log.to_vec()))
    }

    fn c() -> String {
        "c".to_owned()
    }

    #[test]
    fn correct_history_has_no_anomaly() {
        let events = vec![sent(0), sent(1), acked(1, 1), acked(0, 0), assigned(0), polled(0), polled(1)];
        assert_eq!(found(events, &log(2)), []);
        // A failed record that is not in the log, an unknown one that is, an unknown one that is not; and a record that is read
        // again after an assignment.
        let events = vec![
            sent(0),
            sent(7),
            sent(8),
            failed(0, ErrorCode::DeliveryUnknown),
            failed(7, ErrorCode::NotDelivered),
            failed(8, ErrorCode::DeliveryUnknown),
            assigned(0),
            polled(0),
            assigned(0),
            polled(0),
        ];
        assert_eq!(found(events, &log(1)), []);
    }

    #[test]
    fn each_wrong_write_is_found() {
        let lost = vec![sent(0), sent(1), acked(0, 0), acked(1, 1)];
        assert_eq!(found(lost, &log(1)), [Anomaly::LostWrite { client: c(), seq: 1 }]);
        let twice = [log(1), vec![(1, 0, "v0".to_owned())]].concat();
        assert_eq!(found(vec![sent(0), acked(0, 0)], &twice), [Anomaly::Duplicate { value: "v0".to_owned() }]);
        let aborted = vec![sent(0), failed(0, ErrorCode::NotDelivered)];
        assert_eq!(found(aborted, &log(1)), [Anomaly::AbortedRead { client: c(), seq: 0 }]);
        assert_eq!(found(vec![], &log(1)), [Anomaly::Invented { value: "v0".to_owned() }]);
        assert_eq!(found(vec![sent(0)], &log(1)), [Anomaly::NoOutcome { client: c(), seq: 0 }]);
        let changed = vec![sent(0), acked(0, 1), acked(0, 0)];
        assert_eq!(found(changed, &log(1)), [Anomaly::TwoOutcomes { client: c(), seq: 0 }]);
        let swapped = vec![(0, 0, "v1".to_owned()), (0, 1, "v0".to_owned())];
        let events = vec![sent(0), sent(1), acked(0, 1), acked(1, 0)];
        assert_eq!(found(events, &swapped), [Anomaly::OutOfOrder { client: c(), earlier: 0, later: 1 }]);
    }

    #[test]
    fn each_wrong_poll_is_found() {
        let sender =
            History { client: "s".to_owned(), events: (0..3).flat_map(|n| [sent(n), acked(n, n as i64)]).collect() };
        let found = |events| check(&[sender.clone(), History { client: c(), events }], &Log::of_a_broker(log(3)));
        let place = |offset| (c(), 0, offset);
        let backwards = found(vec![assigned(0), polled(0), polled(1), polled(0), polled(1), polled(2)]);
        let (client, partition, offset) = place(0);
        assert_eq!(backwards, [Anomaly::NonMonotonicPoll { client, partition, offset }]);
        let (client, partition, offset) = place(1);
        let skipped = Anomaly::SkippedPoll { client, partition, offset };
        assert_eq!(found(vec![assigned(0), polled(0), polled(2)]), std::slice::from_ref(&skipped));
        assert_eq!(found(vec![assigned(0), polled(0), assigned(2), polled(2)]), [skipped]);
        let told = vec![assigned(0), polled(0), Event::Gap { partition: 0, from: 1, to: 2 }, polled(2)];
        assert_eq!(found(told), []);
        let (client, partition, offset) = place(2);
        assert_eq!(found(vec![assigned(0), polled(0), polled(1)]), [Anomaly::Unseen { client, partition, offset }]);
        let wrong = Event::Polled { partition: 0, offset: 2, value: "v1".to_owned() };
        let (client, partition, offset) = place(2);
        let expected = [Anomaly::WrongRecord { client, partition, offset }];
        assert_eq!(found(vec![assigned(0), polled(0), polled(1), wrong]), expected);
    }

    /// The log `v0 v1 v0 v1`, each record a batch with one of these sequence numbers.
    fn repeated(sequences: [i32; 4]) -> (Vec<Logged>, Vec<Batch>) {
        let logged = [log(2), vec![(0, 2, "v0".to_owned()), (0, 3, "v1".to_owned())]].concat();
        let batch = |(base_offset, base_sequence)| Batch {
            partition: 0,
            base_offset,
            records: 1,
            producer_id: 7,
            producer_epoch: 0,
            base_sequence,
        };
        (logged, (0..).zip(sequences).map(batch).collect())
    }

    fn duplicate(value: &str) -> Anomaly {
        Anomaly::Duplicate { value: value.to_owned() }
    }

    #[test]
    fn repeated_batch_is_a_copy_on_a_mock_and_a_duplicate_on_a_broker() {
        let everything = [assigned(0), polled(0), polled(1), polled_value(2, "v0"), polled_value(3, "v1")].into_iter();
        // The acknowledgement may be that of the original or of the copy.
        for offsets in [[0, 1], [2, 3], [0, 3]] {
            let events: Vec<_> = [sent(0), sent(1), acked(0, offsets[0]), acked(1, offsets[1])].into();
            let events = [events, everything.clone().collect()].concat();
            let histories = [History { client: c(), events }];
            let (logged, batches) = repeated([0, 1, 0, 1]);
            assert_eq!(check(&histories, &Log::of_a_mock(logged.clone(), &batches)), [], "{offsets:?}");
            assert_eq!(check(&histories, &Log::of_a_broker(logged)), [duplicate("v0"), duplicate("v1")]);
        }
    }

    #[test]
    fn repeated_record_with_another_sequence_is_an_anomaly_on_a_mock() {
        let events = vec![sent(0), sent(1), acked(0, 0), acked(1, 1)];
        let found = |sequences| {
            let (logged, batches) = repeated(sequences);
            check(&[History { client: c(), events: events.clone() }], &Log::of_a_mock(logged, &batches))
        };
        assert_eq!(found([0, 1, 2, 3]), [duplicate("v0"), duplicate("v1")]);
        assert_eq!(found([0, 1, 0, 2]), [duplicate("v1")]);
        // The sequence numbers of the originals, but swapped: other records with reused numbers.
        let reused = |value: &str| Anomaly::NumberUsedTwice { value: value.to_owned() };
        assert_eq!(found([0, 1, 1, 0]), [reused("v0"), reused("v1")]);
    }

    #[test]
    fn copy_on_a_mock_hides_no_other_anomaly() {
        let (logged, batches) = repeated([0, 1, 0, 1]);
        let log = Log::of_a_mock(logged, &batches);
        let found = |events| check(&[History { client: c(), events }], &log);
        let written = || vec![sent(0), sent(1), acked(0, 0), acked(1, 1)];
        let nothing_of_the_copies = [written(), vec![assigned(0), polled(0), polled(1)]].concat();
        let unseen = |offset| Anomaly::Unseen { client: c(), partition: 0, offset };
        assert_eq!(found(nothing_of_the_copies), [unseen(2), unseen(3)]);
        assert_eq!(
            found(vec![sent(0), sent(1), acked(0, 3), acked(1, 1)]),
            [Anomaly::LostWrite { client: c(), seq: 0 }, Anomaly::OutOfOrder { client: c(), earlier: 0, later: 1 }]
        );
        let failed = vec![sent(0), sent(1), failed(0, ErrorCode::NotDelivered), acked(1, 1)];
        assert_eq!(found(failed), [Anomaly::AbortedRead { client: c(), seq: 0 }]);
    }
}
