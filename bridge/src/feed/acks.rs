//! What has been acknowledged of each partition, as far as there is no hole.

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
}

impl Acks {
    /// Reading of this partition starts at `offset`: all below counts as done.
    pub fn start(&mut self, partition: TopicPartition, offset: i64) {
        self.partitions.insert(partition, Progress { through: offset, islands: BTreeMap::new(), delivered: offset });
    }

    pub fn stop(&mut self, partition: &TopicPartition) {
        self.partitions.remove(partition);
    }

    /// The records up to `next` (exclusive) were handed to a subscription.
    pub fn delivered(&mut self, partition: &TopicPartition, next: i64) {
        if let Some(progress) = self.partitions.get_mut(partition) {
            progress.delivered = progress.delivered.max(next);
        }
    }

    /// The records from `from` (inclusive) to `to` (exclusive) are handled. Partitions that are no longer ours are
    /// ignored: their next owner decides.
    pub fn acknowledge(&mut self, partition: &TopicPartition, from: i64, to: i64) {
        let Some(progress) = self.partitions.get_mut(partition) else { return };
        if to <= from || to <= progress.through {
            return;
        }
        let end = progress.islands.entry(from).or_insert(to);
        *end = (*end).max(to);
        while let Some(island) = progress.islands.first_entry() {
            if *island.key() > progress.through {
                break;
            }
            progress.through = progress.through.max(island.remove());
        }
    }

    /// The next offset to read of each partition, as Kafka commits it.
    pub fn positions(&self) -> impl Iterator<Item = (&TopicPartition, i64)> {
        self.partitions.iter().map(|(partition, progress)| (partition, progress.through))
    }

    /// Whether everything delivered of these partitions is acknowledged.
    pub fn complete(&self, partitions: &[TopicPartition]) -> bool {
        partitions
            .iter()
            .filter_map(|partition| self.partitions.get(partition))
            .all(|progress| progress.through >= progress.delivered)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn partition() -> TopicPartition {
        TopicPartition { topic: "t".to_owned(), partition: 0 }
    }

    fn through(acks: &Acks) -> i64 {
        acks.positions().next().map(|(_, offset)| offset).expect("one partition")
    }

    #[test]
    fn only_what_is_contiguous_counts() {
        let mut acks = Acks::default();
        acks.start(partition(), 10);
        acks.acknowledge(&partition(), 20, 30);
        assert_eq!(through(&acks), 10);
        acks.acknowledge(&partition(), 10, 15);
        assert_eq!(through(&acks), 15);
        acks.acknowledge(&partition(), 15, 20);
        assert_eq!(through(&acks), 30);
    }

    #[test]
    fn overlapping_and_repeated_acknowledgements_change_nothing() {
        let mut acks = Acks::default();
        acks.start(partition(), 0);
        acks.acknowledge(&partition(), 0, 10);
        acks.acknowledge(&partition(), 0, 10);
        acks.acknowledge(&partition(), 5, 12);
        assert_eq!(through(&acks), 12);
    }

    #[test]
    fn a_partition_that_was_taken_away_is_ignored() {
        let mut acks = Acks::default();
        acks.start(partition(), 0);
        acks.stop(&partition());
        acks.acknowledge(&partition(), 0, 10);
        assert_eq!(acks.positions().count(), 0);
    }
}
