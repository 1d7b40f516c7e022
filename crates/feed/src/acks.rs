//! Which records of each partition are acknowledged without a hole, and which subscription must still acknowledge
//! which.

use std::collections::BTreeMap;

use protocol::TopicPartition;

/// Acknowledged ranges of each partition. Only the contiguous part may be committed.
#[derive(Debug, Default)]
pub struct Acks {
    partitions: BTreeMap<TopicPartition, Progress>,
}

#[derive(Debug)]
struct Progress {
    /// Everything below this offset is acknowledged.
    through: i64,
    /// Acknowledged ranges (start → end) beyond a hole.
    islands: BTreeMap<i64, i64>,
    /// The offset after the last record that was sent to any subscription.
    delivered: i64,
    /// Per subscription, the offset from which on it acknowledges. A subscription that is not in the map has not yet
    /// reached the start of the partition.
    expected: BTreeMap<u64, i64>,
}

impl Acks {
    /// Reading of the partition starts at `offset`; everything below counts as acknowledged.
    pub fn start(&mut self, partition: TopicPartition, offset: i64) {
        let progress =
            Progress { through: offset, islands: BTreeMap::new(), delivered: offset, expected: BTreeMap::new() };
        self.partitions.insert(partition, progress);
    }

    pub fn stop(&mut self, partition: &TopicPartition) {
        self.partitions.remove(partition);
    }

    /// The subscription gets the records from `offset` on, and will acknowledge them.
    pub fn expect_from(&mut self, subscription: u64, partition: &TopicPartition, offset: i64) {
        if let Some(progress) = self.partitions.get_mut(partition) {
            progress.expected.insert(subscription, offset);
        }
    }

    /// The subscription will not acknowledge anything any more.
    pub fn remove_subscription(&mut self, subscription: u64) {
        for progress in self.partitions.values_mut() {
            progress.expected.remove(&subscription);
        }
    }

    /// The records below `next` were sent to a subscription.
    pub fn delivered(&mut self, partition: &TopicPartition, next: i64) {
        if let Some(progress) = self.partitions.get_mut(partition) {
            progress.delivered = progress.delivered.max(next);
        }
    }

    /// The subscription has handled every record below `next` that it got. Ignored for partitions that are no longer
    /// assigned, since their next owner commits.
    pub fn acknowledged_by(&mut self, subscription: u64, partition: &TopicPartition, next: i64) {
        let Some(progress) = self.partitions.get_mut(partition) else { return };
        let Some(expected) = progress.expected.get_mut(&subscription) else { return };
        let from = *expected;
        *expected = from.max(next);
        progress.acknowledge(from, next);
    }

    /// Marks the offsets from `from` (inclusive) to `to` (exclusive) as done, because Kafka does not have the records
    /// any more.
    pub fn skip(&mut self, partition: &TopicPartition, from: i64, to: i64) {
        if let Some(progress) = self.partitions.get_mut(partition) {
            progress.acknowledge(from, to);
        }
    }

    /// The acknowledged position: the next offset to read of the partition.
    pub fn position(&self, partition: &TopicPartition) -> Option<i64> {
        self.partitions.get(partition).map(|progress| progress.through)
    }

    /// The acknowledged position of each partition, as Kafka commits it.
    pub fn positions(&self) -> impl Iterator<Item = (&TopicPartition, i64)> {
        self.partitions.iter().map(|(partition, progress)| (partition, progress.through))
    }

    /// Partitions with records that none of these subscriptions will ever acknowledge, and the first such offset.
    pub fn orphaned(&self, subscriptions: &[u64]) -> Vec<(TopicPartition, i64)> {
        let is_orphaned = |progress: &Progress| {
            let begins_behind =
                |subscription| progress.expected.get(subscription).is_some_and(|&expected| expected > progress.through);
            subscriptions.iter().all(begins_behind)
        };
        let orphaned = self.partitions.iter().filter(|(_, progress)| is_orphaned(progress));
        orphaned.map(|(partition, progress)| (partition.clone(), progress.through)).collect()
    }

    /// Whether every record of these partitions that was sent is acknowledged.
    pub fn complete(&self, partitions: &[TopicPartition]) -> bool {
        partitions
            .iter()
            .filter_map(|partition| self.partitions.get(partition))
            .all(|progress| progress.through >= progress.delivered)
    }
}

impl Progress {
    fn acknowledge(&mut self, from: i64, to: i64) {
        if to <= from || to <= self.through {
            return;
        }
        let end = self.islands.entry(from).or_insert(to);
        *end = (*end).max(to);
        while let Some(island) = self.islands.first_entry() {
            if *island.key() > self.through {
                break;
            }
            self.through = self.through.max(island.remove());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn partition() -> TopicPartition {
        TopicPartition { topic: "t".to_owned(), partition: 0 }
    }

    fn starting_at(offset: i64) -> Acks {
        let mut acks = Acks::default();
        acks.start(partition(), offset);
        acks
    }

    fn through(acks: &Acks) -> i64 {
        acks.positions().next().map(|(_, offset)| offset).expect("one partition")
    }

    #[test]
    fn only_contiguous_acknowledgements_move_the_position() {
        let mut acks = starting_at(10);
        acks.expect_from(2, &partition(), 20);
        acks.acknowledged_by(2, &partition(), 30);
        assert_eq!(through(&acks), 10);
        acks.expect_from(1, &partition(), 10);
        acks.acknowledged_by(1, &partition(), 15);
        assert_eq!(through(&acks), 15);
        acks.acknowledged_by(1, &partition(), 20);
        assert_eq!(through(&acks), 30);
    }

    #[test]
    fn overlapping_and_repeated_acknowledgements_change_nothing() {
        let mut acks = starting_at(0);
        acks.expect_from(1, &partition(), 0);
        acks.expect_from(2, &partition(), 5);
        acks.acknowledged_by(1, &partition(), 10);
        acks.acknowledged_by(1, &partition(), 10);
        acks.acknowledged_by(2, &partition(), 12);
        acks.acknowledged_by(1, &partition(), 3);
        assert_eq!(through(&acks), 12);
    }

    #[test]
    fn offsets_lost_in_kafka_leave_no_hole() {
        let mut acks = starting_at(0);
        acks.expect_from(1, &partition(), 0);
        acks.skip(&partition(), 4, 9);
        assert_eq!(through(&acks), 0);
        acks.acknowledged_by(1, &partition(), 4);
        assert_eq!(through(&acks), 9);
    }

    #[test]
    fn acknowledgement_of_a_revoked_partition_is_ignored() {
        let mut acks = starting_at(0);
        acks.expect_from(1, &partition(), 0);
        acks.stop(&partition());
        acks.acknowledged_by(1, &partition(), 10);
        assert_eq!(acks.positions().count(), 0);
    }

    #[test]
    fn records_of_a_removed_subscription_are_orphaned_unless_another_one_has_them() {
        let mut acks = starting_at(0);
        acks.expect_from(1, &partition(), 0);
        acks.expect_from(2, &partition(), 10);
        acks.acknowledged_by(1, &partition(), 4);
        assert_eq!(acks.orphaned(&[1, 2]), []);
        acks.remove_subscription(1);
        assert_eq!(acks.orphaned(&[2]), [(partition(), 4)]);
        assert_eq!(acks.orphaned(&[2, 3]), [], "the third one has not begun yet");
    }
}
