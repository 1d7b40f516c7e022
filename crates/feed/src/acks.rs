//! What has been acknowledged of each partition, as far as there is no hole, and who is still to acknowledge what.

use std::collections::BTreeMap;

use protocol::TopicPartition;

/// Acknowledged ranges per partition; only the contiguous part may be committed.
#[derive(Debug, Default)]
pub struct Acks {
    partitions: BTreeMap<TopicPartition, Progress>,
}

#[derive(Debug)]
struct Progress {
    /// Everything below is acknowledged.
    through: i64,
    /// Acknowledged ranges (start → end) that begin beyond a hole.
    islands: BTreeMap<i64, i64>,
    /// The highest offset handed to any subscription.
    delivered: i64,
    /// From where on each subscription acknowledges. Who is not in here has not come to the partition's start yet.
    owed: BTreeMap<u64, i64>,
}

impl Acks {
    /// Reading of this partition starts at `offset`: all below counts as done.
    pub fn start(&mut self, partition: TopicPartition, offset: i64) {
        let progress = Progress { through: offset, islands: BTreeMap::new(), delivered: offset, owed: BTreeMap::new() };
        self.partitions.insert(partition, progress);
    }

    pub fn stop(&mut self, partition: &TopicPartition) {
        self.partitions.remove(partition);
    }

    /// This subscription gets the records from `offset` on, and acknowledges them in time.
    pub fn owes_from(&mut self, who: u64, partition: &TopicPartition, offset: i64) {
        if let Some(progress) = self.partitions.get_mut(partition) {
            progress.owed.insert(who, offset);
        }
    }

    /// This subscription acknowledges nothing any more.
    pub fn left(&mut self, who: u64) {
        for progress in self.partitions.values_mut() {
            progress.owed.remove(&who);
        }
    }

    /// The records up to `next` (exclusive) were handed to a subscription.
    pub fn delivered(&mut self, partition: &TopicPartition, next: i64) {
        if let Some(progress) = self.partitions.get_mut(partition) {
            progress.delivered = progress.delivered.max(next);
        }
    }

    /// This subscription has handled everything below `next` that it got. Partitions that are no longer ours are
    /// ignored: their next owner decides.
    pub fn acknowledged_by(&mut self, who: u64, partition: &TopicPartition, next: i64) {
        let Some(progress) = self.partitions.get_mut(partition) else { return };
        let Some(owed) = progress.owed.get_mut(&who) else { return };
        let from = *owed;
        *owed = from.max(next);
        progress.acknowledge(from, next);
    }

    /// Nobody can handle the records from `from` (inclusive) to `to` (exclusive): Kafka does not have them any more.
    pub fn lost(&mut self, partition: &TopicPartition, from: i64, to: i64) {
        if let Some(progress) = self.partitions.get_mut(partition) {
            progress.acknowledge(from, to);
        }
    }

    /// The next offset to read of the partition.
    pub fn position(&self, partition: &TopicPartition) -> Option<i64> {
        self.partitions.get(partition).map(|progress| progress.through)
    }

    /// The next offset to read of each partition, as Kafka commits it.
    pub fn positions(&self) -> impl Iterator<Item = (&TopicPartition, i64)> {
        self.partitions.iter().map(|(partition, progress)| (partition, progress.through))
    }

    /// Partitions with records that none of these subscriptions will ever acknowledge, and the first such offset.
    pub fn orphaned(&self, subscriptions: &[u64]) -> Vec<(TopicPartition, i64)> {
        let is_orphaned = |progress: &Progress| {
            let begins_behind = |who| progress.owed.get(who).is_some_and(|&owed| owed > progress.through);
            subscriptions.iter().all(begins_behind)
        };
        let orphaned = self.partitions.iter().filter(|(_, progress)| is_orphaned(progress));
        orphaned.map(|(partition, progress)| (partition.clone(), progress.through)).collect()
    }

    /// Whether everything delivered of these partitions is acknowledged.
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
    fn only_what_is_contiguous_counts() {
        let mut acks = starting_at(10);
        acks.owes_from(2, &partition(), 20);
        acks.acknowledged_by(2, &partition(), 30);
        assert_eq!(through(&acks), 10);
        acks.owes_from(1, &partition(), 10);
        acks.acknowledged_by(1, &partition(), 15);
        assert_eq!(through(&acks), 15);
        acks.acknowledged_by(1, &partition(), 20);
        assert_eq!(through(&acks), 30);
    }

    #[test]
    fn overlapping_and_repeated_acknowledgements_change_nothing() {
        let mut acks = starting_at(0);
        acks.owes_from(1, &partition(), 0);
        acks.owes_from(2, &partition(), 5);
        acks.acknowledged_by(1, &partition(), 10);
        acks.acknowledged_by(1, &partition(), 10);
        acks.acknowledged_by(2, &partition(), 12);
        acks.acknowledged_by(1, &partition(), 3);
        assert_eq!(through(&acks), 12);
    }

    #[test]
    fn what_kafka_lost_leaves_no_hole() {
        let mut acks = starting_at(0);
        acks.owes_from(1, &partition(), 0);
        acks.lost(&partition(), 4, 9);
        assert_eq!(through(&acks), 0);
        acks.acknowledged_by(1, &partition(), 4);
        assert_eq!(through(&acks), 9);
    }

    #[test]
    fn a_partition_that_was_taken_away_is_ignored() {
        let mut acks = starting_at(0);
        acks.owes_from(1, &partition(), 0);
        acks.stop(&partition());
        acks.acknowledged_by(1, &partition(), 10);
        assert_eq!(acks.positions().count(), 0);
    }

    #[test]
    fn records_of_one_that_left_are_orphaned_unless_somebody_else_has_them_too() {
        let mut acks = starting_at(0);
        acks.owes_from(1, &partition(), 0);
        acks.owes_from(2, &partition(), 10);
        acks.acknowledged_by(1, &partition(), 4);
        assert_eq!(acks.orphaned(&[1, 2]), []);
        acks.left(1);
        assert_eq!(acks.orphaned(&[2]), [(partition(), 4)]);
        assert_eq!(acks.orphaned(&[2, 3]), [], "the third one has not begun yet");
    }
}
