//! Records that wait in Kafka: sent ones that have no outcome or are not visible yet, and those of the live list behind
//! an open transaction.

use protocol::{ProduceWaiting, WaitReason, WaitingPartition};

/// Maximum number of listed partitions with waiting sent records.
const MAX_SENT: usize = 64;

#[derive(Debug, Default)]
pub struct Waits {
    sent: Vec<ProduceWaiting>,
    unread: Vec<WaitingPartition>,
    /// The first part of a list whose last part has not arrived.
    incomplete: Vec<WaitingPartition>,
}

impl Waits {
    /// Partitions in which records that this page sent wait, the latest first.
    pub fn sent(&self) -> &[ProduceWaiting] {
        &self.sent
    }

    /// Partitions of the live list in which records wait behind an open transaction.
    pub fn unread(&self) -> &[WaitingPartition] {
        &self.unread
    }

    pub fn produce_waits(&mut self, wait: ProduceWaiting) {
        self.sent.retain(|known| (&known.topic, known.partition) != (&wait.topic, wait.partition));
        self.sent.insert(0, wait);
        self.sent.truncate(MAX_SENT);
    }

    /// Kafka has acknowledged a record of this partition.
    pub fn acked(&mut self, topic: &str, partition: i32) {
        self.end(|wait| !is_acked(wait) && wait.partition == partition && wait.topic == topic);
    }

    /// Every sent record has an outcome.
    pub fn all_have_outcomes(&mut self) {
        self.end(|wait| !is_acked(wait));
    }

    /// A record was received in the live list. Returns whether a wait ended.
    pub fn seen(&mut self, topic: &str, partition: i32, offset: i64) -> bool {
        let is_over = |wait: &ProduceWaiting| {
            let began = wait.offset.map_or(i64::MIN, |began| began.0);
            is_acked(wait) && wait.partition == partition && wait.topic == topic && offset >= began
        };
        self.end(is_over)
    }

    /// Keeps the first part of the list that `records_wait` completes.
    pub fn first_partitions(&mut self, partitions: Vec<WaitingPartition>) {
        self.incomplete.extend(partitions);
    }

    /// Sets the partitions of the live list in which records wait now. `reads`: whether the list reads a topic.
    pub fn records_wait(&mut self, mut partitions: Vec<WaitingPartition>, reads: impl Fn(&str) -> bool) {
        if !self.incomplete.is_empty() {
            self.incomplete.append(&mut partitions);
            partitions = std::mem::take(&mut self.incomplete);
        }
        let waits = |wait: &ProduceWaiting| {
            partitions.iter().any(|unread| unread.partition == wait.partition && unread.topic == wait.topic)
        };
        self.end(|wait| is_acked(wait) && reads(&wait.topic) && !waits(wait));
        self.unread = partitions;
    }

    /// The subscription has ended or restarts: the partitions that wait are unknown.
    pub fn list_ended(&mut self) {
        self.unread.clear();
        self.incomplete.clear();
    }

    pub fn clear(&mut self) {
        *self = Self::default();
    }

    fn end(&mut self, is_over: impl Fn(&ProduceWaiting) -> bool) -> bool {
        let before = self.sent.len();
        self.sent.retain(|wait| !is_over(wait));
        self.sent.len() != before
    }
}

/// Whether the records are acknowledged, and only not visible yet.
fn is_acked(wait: &ProduceWaiting) -> bool {
    wait.reason == WaitReason::OpenTransaction
}

#[cfg(test)]
mod tests {
    use protocol::Offset;

    use super::*;

    fn wait(partition: i32, reason: WaitReason) -> ProduceWaiting {
        let offset = (reason == WaitReason::OpenTransaction).then_some(Offset(1000));
        ProduceWaiting { topic: "t".into(), partition, reason, message: "because".into(), offset }
    }

    fn partitions(waits: &Waits) -> Vec<i32> {
        waits.sent().iter().map(|wait| wait.partition).collect()
    }

    #[test]
    fn wait_ends_with_the_outcome_or_when_the_record_is_received() {
        let mut waits = Waits::default();
        waits.produce_waits(wait(0, WaitReason::TooFewInSyncReplicas));
        waits.produce_waits(wait(1, WaitReason::OpenTransaction));
        waits.acked("t", 1);
        waits.acked("other", 0);
        assert!(!waits.seen("t", 1, 999) && !waits.seen("t", 0, 2000));
        assert_eq!(partitions(&waits), [1, 0]);
        waits.acked("t", 0);
        assert!(waits.seen("t", 1, 1000));
        assert_eq!(partitions(&waits), [] as [i32; 0]);
        waits.produce_waits(wait(0, WaitReason::NoLeader));
        waits.all_have_outcomes();
        assert_eq!(partitions(&waits), [] as [i32; 0]);
    }

    #[test]
    fn wait_ends_with_its_transaction() {
        let mut waits = Waits::default();
        waits.produce_waits(wait(0, WaitReason::OpenTransaction));
        waits.produce_waits(wait(1, WaitReason::OpenTransaction));
        let unread = WaitingPartition { topic: "t".into(), partition: 1, offset: Offset(1000), end: Offset(1006) };
        waits.records_wait(vec![unread.clone()], |_| true);
        assert_eq!((partitions(&waits), waits.unread()), (vec![1], &[unread][..]));
        waits.records_wait(Vec::new(), |topic| topic != "t");
        assert_eq!(partitions(&waits), [1], "the list reads another topic");
    }

    #[test]
    fn each_partition_is_listed_once_and_the_list_is_bounded() {
        let mut waits = Waits::default();
        for n in 0..500 {
            waits.produce_waits(wait(n % 100, WaitReason::NoLeader));
        }
        assert_eq!(waits.sent().len(), MAX_SENT);
        assert_eq!(waits.sent()[0].partition, 99);
    }
}
