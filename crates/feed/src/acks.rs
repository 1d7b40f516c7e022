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
            let begins_later =
                |subscription| progress.expected.get(subscription).is_some_and(|&expected| expected > progress.through);
            subscriptions.iter().all(begins_later)
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
    use crate::fixtures::key;

    fn starting_at(offset: i64) -> Acks {
        let mut acks = Acks::default();
        acks.start(key(0), offset);
        acks
    }

    fn through(acks: &Acks) -> i64 {
        acks.positions().next().map(|(_, offset)| offset).expect("one partition")
    }

    #[test]
    fn only_contiguous_acknowledgements_move_the_position() {
        let mut acks = starting_at(10);
        acks.expect_from(2, &key(0), 20);
        acks.acknowledged_by(2, &key(0), 30);
        assert_eq!(through(&acks), 10);
        acks.expect_from(1, &key(0), 10);
        acks.acknowledged_by(1, &key(0), 15);
        assert_eq!(through(&acks), 15);
        acks.acknowledged_by(1, &key(0), 20);
        assert_eq!(through(&acks), 30);
    }

    #[test]
    fn overlapping_and_repeated_acknowledgements_change_nothing() {
        let mut acks = starting_at(0);
        acks.expect_from(1, &key(0), 0);
        acks.expect_from(2, &key(0), 5);
        acks.acknowledged_by(1, &key(0), 10);
        acks.acknowledged_by(1, &key(0), 10);
        acks.acknowledged_by(2, &key(0), 12);
        acks.acknowledged_by(1, &key(0), 3);
        assert_eq!(through(&acks), 12);
    }

    #[test]
    fn offsets_that_kafka_has_lost_count_as_acknowledged() {
        let mut acks = starting_at(0);
        acks.expect_from(1, &key(0), 0);
        acks.skip(&key(0), 4, 9);
        assert_eq!(through(&acks), 0);
        acks.acknowledged_by(1, &key(0), 4);
        assert_eq!(through(&acks), 9);
    }

    #[test]
    fn acknowledgement_of_a_revoked_partition_is_ignored() {
        let mut acks = starting_at(0);
        acks.expect_from(1, &key(0), 0);
        acks.stop(&key(0));
        acks.acknowledged_by(1, &key(0), 10);
        assert_eq!(acks.positions().count(), 0);
    }

    #[test]
    fn records_of_a_removed_subscription_are_orphaned_unless_another_one_has_them() {
        let mut acks = starting_at(0);
        acks.expect_from(1, &key(0), 0);
        acks.expect_from(2, &key(0), 10);
        acks.acknowledged_by(1, &key(0), 4);
        assert_eq!(acks.orphaned(&[1, 2]), []);
        acks.remove_subscription(1);
        assert_eq!(acks.orphaned(&[2]), [(key(0), 4)]);
        assert_eq!(acks.orphaned(&[2, 3]), [], "the third one has not begun yet");
    }

    #[test]
    fn partitions_are_complete_once_every_sent_record_is_acknowledged() {
        let mut acks = starting_at(10);
        acks.start(key(1), 5);
        acks.expect_from(1, &key(0), 10);
        assert!(acks.complete(&[key(0), key(1)]), "nothing was sent");
        acks.delivered(&key(0), 12);
        for (acknowledged, is_complete) in [(10, false), (11, false), (12, true), (13, true)] {
            acks.acknowledged_by(1, &key(0), acknowledged);
            // A later subscription is sent earlier records.
            acks.delivered(&key(0), 11);
            assert_eq!(acks.complete(&[key(1), key(0)]), is_complete, "{acknowledged}");
            assert!(acks.complete(&[key(1)]), "the other partition has no records");
        }
        acks.delivered(&key(1), 6);
        assert!(!acks.complete(&[key(0), key(1)]));
        acks.stop(&key(1));
        assert!(acks.complete(&[key(0), key(1)]), "a partition that is not assigned is not waited for");
    }

    #[test]
    fn position_is_known_for_each_assigned_partition() {
        let mut acks = starting_at(10);
        acks.start(key(1), 5);
        assert_eq!(acks.positions().collect::<Vec<_>>(), [(&key(0), 10), (&key(1), 5)]);
        assert_eq!([0, 1, 2].map(|partition| acks.position(&key(partition))), [Some(10), Some(5), None]);
        acks.start(key(0), 0);
        assert_eq!(acks.position(&key(0)), Some(0), "reading starts again, further back");
    }

    #[test]
    fn acknowledgement_that_adds_nothing_uses_no_memory() {
        let mut acks = starting_at(0);
        acks.expect_from(1, &key(0), 20);
        acks.acknowledged_by(1, &key(0), 15);
        acks.acknowledged_by(1, &key(0), 20);
        assert!(acks.partitions[&key(0)].islands.is_empty());
    }

    #[test]
    fn removed_subscription_acknowledges_nothing_and_uses_no_memory() {
        let mut acks = starting_at(0);
        acks.expect_from(1, &key(0), 0);
        acks.remove_subscription(1);
        acks.acknowledged_by(1, &key(0), 10);
        assert_eq!(through(&acks), 0);
        assert!(acks.partitions[&key(0)].expected.is_empty());
    }

    #[test]
    fn subscription_that_has_not_reached_the_partition_acknowledges_nothing() {
        let mut acks = starting_at(0);
        acks.acknowledged_by(1, &key(0), 10);
        assert_eq!(through(&acks), 0);
    }
}
