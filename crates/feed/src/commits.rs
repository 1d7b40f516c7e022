//! Decides which acknowledged positions a group may commit. A commit never moves a position backwards, except in a
//! topic that was deleted and created again, or after the user confirmed it.

use std::collections::{BTreeMap, BTreeSet};

use protocol::TopicPartition;

#[derive(Debug, Default)]
pub struct Commits {
    /// For each assigned partition, the committed position as far as it is known, or where reading started if that is
    /// further. A commit below it needs permission.
    floors: BTreeMap<TopicPartition, i64>,
    /// Partitions whose next commit may be below the floor.
    may_go_back: BTreeSet<TopicPartition>,
    /// Partitions in which nothing is committed until the user confirms, and the position that stays committed until
    /// then.
    held: BTreeMap<TopicPartition, i64>,
}

impl Commits {
    /// Reading starts at `start`; `committed` is the group's position in Kafka, if it has one.
    pub fn assigned(&mut self, partition: &TopicPartition, start: i64, committed: Option<i64>) {
        self.revoked(partition);
        self.floors.insert(partition.clone(), committed.map_or(start, |committed| committed.max(start)));
    }

    pub fn revoked(&mut self, partition: &TopicPartition) {
        self.floors.remove(partition);
        self.may_go_back.remove(partition);
        self.held.remove(partition);
    }

    /// The topic was deleted and created again: its offsets start over, and so does the group's position.
    pub fn recreated(&mut self, partition: &TopicPartition) {
        self.held.remove(partition);
        self.may_go_back.insert(partition.clone());
    }

    /// Kafka does not have the group's position any more, and reading continues at `to`. If that is below the committed
    /// position, nothing is committed until the user confirms.
    pub fn out_of_range(&mut self, partition: &TopicPartition, to: i64) {
        if let Some(floor) = self.floors.get(partition)
            && to < *floor
        {
            self.held.insert(partition.clone(), *floor);
        }
    }

    /// The user confirms that positions may move back in these partitions (none means all). Returns those of them that
    /// were waiting for it.
    pub fn confirmed(&mut self, partitions: &[TopicPartition]) -> Vec<TopicPartition> {
        let is_meant = |partition: &TopicPartition| partitions.is_empty() || partitions.contains(partition);
        let confirmed: Vec<TopicPartition> =
            self.held.keys().filter(|partition| is_meant(partition)).cloned().collect();
        for partition in &confirmed {
            self.held.remove(partition);
            self.may_go_back.insert(partition.clone());
        }
        confirmed
    }

    /// The partitions that wait for the user's confirmation, and the position that stays committed until then.
    pub fn held(&self) -> impl Iterator<Item = (&TopicPartition, i64)> {
        self.held.iter().map(|(partition, committed)| (partition, *committed))
    }

    /// Whether the acknowledged position should be committed now.
    pub fn is_due(&self, partition: &TopicPartition, acknowledged: i64) -> bool {
        if self.held.contains_key(partition) {
            return false;
        }
        self.floors.get(partition).is_some_and(|floor| {
            acknowledged > *floor || (acknowledged < *floor && self.may_go_back.contains(partition))
        })
    }

    /// Kafka has committed `offset`; everything below `acknowledged` is acknowledged now.
    pub fn committed(&mut self, partition: &TopicPartition, offset: i64, acknowledged: Option<i64>) {
        let Some(floor) = self.floors.get_mut(partition) else { return };
        *floor = offset;
        // This may be the result of an earlier commit that arrives after the topic was found to be recreated. Then the
        // step back is still due.
        if acknowledged.is_some_and(|acknowledged| offset <= acknowledged) {
            self.may_go_back.remove(partition);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::key;

    fn assigned(start: i64, committed: Option<i64>) -> Commits {
        let mut commits = Commits::default();
        commits.assigned(&key(0), start, committed);
        commits
    }

    #[test]
    fn commit_never_moves_backwards() {
        let mut commits = assigned(10, Some(10));
        assert!(!commits.is_due(&key(0), 10), "nothing is acknowledged yet");
        assert!(commits.is_due(&key(0), 11));
        commits.committed(&key(0), 20, Some(20));
        for acknowledged in [0, 11, 20] {
            assert!(!commits.is_due(&key(0), acknowledged), "{acknowledged}");
        }
    }

    #[test]
    fn position_beyond_the_end_is_kept_until_confirmed() {
        let mut commits = assigned(0, Some(1005));
        commits.out_of_range(&key(0), 0);
        assert!(!commits.is_due(&key(0), 256) && !commits.is_due(&key(0), 2000));
        assert_eq!(commits.held().collect::<Vec<_>>(), [(&key(0), 1005)]);
        let other = key(1);
        assert_eq!(commits.confirmed(&[other]), []);
        assert_eq!(commits.confirmed(&[]), [key(0)]);
        assert!(commits.is_due(&key(0), 0) && commits.is_due(&key(0), 256));
        commits.committed(&key(0), 256, Some(256));
        assert!(!commits.is_due(&key(0), 100), "one confirmation allows one step back");
    }

    #[test]
    fn late_result_of_an_earlier_commit_does_not_cancel_the_step_back_in_a_recreated_topic() {
        let mut commits = assigned(0, Some(10));
        commits.recreated(&key(0));
        commits.committed(&key(0), 20, Some(0));
        assert!(commits.is_due(&key(0), 0));
        commits.committed(&key(0), 0, Some(3));
        assert!(commits.is_due(&key(0), 3) && !commits.is_due(&key(0), 0));
    }

    #[test]
    fn out_of_range_without_a_step_back_needs_no_confirmation() {
        let mut commits = assigned(100, Some(100));
        commits.out_of_range(&key(0), 150);
        assert!(commits.is_due(&key(0), 151));
    }

    #[test]
    fn position_moves_back_without_confirmation_only_in_a_recreated_topic() {
        let mut commits = assigned(100, Some(100));
        commits.recreated(&key(0));
        for (acknowledged, is_due) in [(0, true), (99, true), (100, false), (101, true)] {
            assert_eq!(commits.is_due(&key(0), acknowledged), is_due, "{acknowledged}");
        }
        commits.out_of_range(&key(0), 0);
        assert!(!commits.is_due(&key(0), 0), "the position in the new topic is out of range too");
    }

    #[test]
    fn commit_below_the_start_of_reading_is_not_due() {
        for (start, committed, floor) in [(10, None, 10), (10, Some(5), 10), (10, Some(20), 20)] {
            let commits = assigned(start, committed);
            assert!(!commits.is_due(&key(0), floor), "{start}, {committed:?}");
            assert!(commits.is_due(&key(0), floor + 1), "{start}, {committed:?}");
        }
    }

    #[test]
    fn out_of_range_is_held_only_below_the_committed_position() {
        for (to, is_held) in [(99, true), (100, false), (101, false)] {
            let mut commits = assigned(100, Some(100));
            commits.out_of_range(&key(0), to);
            assert_eq!(commits.held().count() == 1, is_held, "{to}");
        }
    }

    #[test]
    fn confirmation_concerns_only_the_named_partitions() {
        let mut commits = Commits::default();
        for partition in [0, 1, 2] {
            commits.assigned(&key(partition), 100, None);
            commits.out_of_range(&key(partition), 5);
        }
        assert_eq!(commits.confirmed(&[key(1), key(7)]), [key(1)]);
        assert_eq!(commits.confirmed(&[key(1)]), [], "confirmed already");
        assert_eq!(commits.held().map(|(partition, _)| partition.partition).collect::<Vec<_>>(), [0, 2]);
        assert_eq!([0, 1, 2].map(|partition| commits.is_due(&key(partition), 5)), [false, true, false]);
    }

    #[test]
    fn revoked_partition_is_forgotten() {
        let mut commits = assigned(100, Some(100));
        commits.out_of_range(&key(0), 0);
        commits.revoked(&key(0));
        assert_eq!((commits.held().count(), commits.is_due(&key(0), 200)), (0, false));
        commits.committed(&key(0), 150, Some(150));
        commits.assigned(&key(0), 0, Some(10));
        assert!(
            commits.is_due(&key(0), 11) && !commits.is_due(&key(0), 5),
            "nothing of the earlier assignment is left"
        );
    }
}
