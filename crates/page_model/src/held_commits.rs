//! Partitions of a group whose positions are not committed: the committed position lay beyond the partition's end, reading
//! began elsewhere, and the user has not agreed yet that the position moves there.

use protocol::TopicPartition;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldPartition {
    pub place: TopicPartition,
    /// The position that the group has.
    pub committed: i64,
    /// Where reading began.
    pub begun: i64,
}

/// At most as many as the subscription has partitions.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HeldCommits(Vec<HeldPartition>);

impl HeldCommits {
    pub fn hold(&mut self, place: TopicPartition, committed: i64, begun: i64) {
        self.release(std::slice::from_ref(&place));
        self.0.push(HeldPartition { place, committed, begun });
    }

    /// What is acknowledged of these partitions is committed again.
    pub fn release(&mut self, places: &[TopicPartition]) {
        self.0.retain(|held| !places.contains(&held.place));
    }

    pub fn clear(&mut self) {
        self.0.clear();
    }

    pub fn of(&self, topic: &str, partition: i32) -> Option<&HeldPartition> {
        self.0.iter().find(|held| held.place.partition == partition && held.place.topic == topic)
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }
}
