//! Partitions without commits: the group's committed offset was out of range, consuming began elsewhere, and the user has
//! not yet confirmed that the committed offset moves there.

use protocol::TopicPartition;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldPartition {
    pub topic_partition: TopicPartition,
    /// The offset that the group has committed.
    pub committed: i64,
    /// The offset where consuming began.
    pub begun: i64,
}

/// At most as many as the subscription has partitions.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HeldCommits(Vec<HeldPartition>);

impl HeldCommits {
    pub fn hold(&mut self, topic_partition: TopicPartition, committed: i64, begun: i64) {
        self.release(std::slice::from_ref(&topic_partition));
        self.0.push(HeldPartition { topic_partition, committed, begun });
    }

    /// Offsets of these partitions are committed again.
    pub fn release(&mut self, partitions: &[TopicPartition]) {
        self.0.retain(|held| !partitions.contains(&held.topic_partition));
    }

    pub fn clear(&mut self) {
        self.0.clear();
    }

    pub fn of(&self, topic: &str, partition: i32) -> Option<&HeldPartition> {
        self.0.iter().find(|held| held.topic_partition.partition == partition && held.topic_partition.topic == topic)
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }
}
