//! The records of a topic for the check of histories, and which of them only a mock keeps.

use std::collections::{BTreeMap, VecDeque};

use crate::batches::Batch;

/// A record of the log: partition, offset, value.
pub type Logged = (i32, i64, String);

/// How many batches of a producer a broker remembers in each partition; a producer has at most as many in flight (Kafka's
/// `ProducerStateEntry.NUM_BATCHES_TO_RETAIN`, KIP-98).
const REMEMBERED_BATCHES: usize = 5;

#[derive(Clone, Debug)]
pub struct Log {
    records: Vec<Logged>,
    /// For each copy, its partition and offset, and the offset of the record that it repeats.
    copies: BTreeMap<(i32, i64), i64>,
}

impl Log {
    /// A broker drops repeated batches, so every record of its log counts.
    pub fn of_a_broker(records: Vec<Logged>) -> Self {
        Self { records, copies: BTreeMap::new() }
    }

    /// librdkafka's mock compares sequence numbers only within transactions. When a connection ends before the answer, an
    /// idempotent producer rightly sends its batch again, and the mock appends it again. Such a batch is a copy: a broker
    /// would have known it by its producer and all of its sequence numbers, and answered with the first one's offset.
    pub fn of_a_mock(records: Vec<Logged>, batches: &[Batch]) -> Self {
        let mut copies = BTreeMap::new();
        let mut remembered: BTreeMap<_, VecDeque<&Batch>> = BTreeMap::new();
        for batch in batches.iter().filter(|batch| batch.producer_id >= 0) {
            let writer = (batch.partition, batch.producer_id, batch.producer_epoch);
            let before = remembered.entry(writer).or_default();
            let numbers = |batch: &Batch| (batch.base_sequence, batch.records);
            if let Some(first) = before.iter().find(|before| numbers(before) == numbers(batch)) {
                let places = (batch.base_offset..batch.base_offset + batch.records).zip(first.base_offset..);
                copies.extend(places.map(|(copy, original)| ((batch.partition, copy), original)));
            } else {
                before.push_back(batch);
                if before.len() > REMEMBERED_BATCHES {
                    before.pop_front();
                }
            }
        }
        Self { records, copies }
    }

    pub fn records(&self) -> &[Logged] {
        &self.records
    }

    /// The offset of the original, if the record is a copy that only a mock keeps.
    pub fn copied_from(&self, partition: i32, offset: i64) -> Option<i64> {
        self.copies.get(&(partition, offset)).copied()
    }

    /// How many records only a mock keeps.
    pub fn copies(&self) -> usize {
        self.copies.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Consecutive batches of two records, all of one producer.
    fn batches(base_sequences: &[i32]) -> Vec<Batch> {
        let batch = |(base_offset, &base_sequence): (i64, &i32)| Batch {
            partition: 0,
            base_offset,
            records: 2,
            producer_id: 7,
            producer_epoch: 0,
            base_sequence,
        };
        (0..).step_by(2).zip(base_sequences).map(batch).collect()
    }

    fn copies(batches: &[Batch]) -> Vec<(i64, i64)> {
        let log = Log::of_a_mock(Vec::new(), batches);
        log.copies.iter().map(|((_, copy), original)| (*copy, *original)).collect()
    }

    #[test]
    fn batch_with_the_sequence_numbers_of_an_earlier_one_is_its_copy() {
        assert_eq!(copies(&batches(&[0, 2, 4])), []);
        // Both batches were in flight when the connection ended.
        assert_eq!(copies(&batches(&[0, 2, 0, 2, 4])), [(4, 0), (5, 1), (6, 2), (7, 3)]);
        // The same batch a third time.
        assert_eq!(copies(&batches(&[0, 0, 0])), [(2, 0), (3, 1), (4, 0), (5, 1)]);
    }

    #[test]
    fn batch_that_a_broker_would_not_recognise_is_no_copy() {
        let twice = || batches(&[0, 0]);
        let changed = |change: fn(&mut Batch)| {
            let mut batches = twice();
            change(&mut batches[1]);
            copies(&batches)
        };
        assert_eq!(copies(&twice()).len(), 2);
        assert_eq!(changed(|batch| batch.partition = 1), []);
        assert_eq!(changed(|batch| batch.producer_id = 8), []);
        assert_eq!(changed(|batch| batch.producer_epoch = 1), []);
        assert_eq!(changed(|batch| batch.base_sequence = 1), []);
        assert_eq!(changed(|batch| batch.records = 1), []);
        let mut careless = twice();
        careless.iter_mut().for_each(|batch| (batch.producer_id, batch.base_sequence) = (-1, -1));
        assert_eq!(copies(&careless), []);
        // A broker remembers five batches.
        assert_eq!(copies(&batches(&[0, 2, 4, 6, 8, 0])).len(), 2);
        assert_eq!(copies(&batches(&[0, 2, 4, 6, 8, 10, 0])), []);
    }
}
