//! The snapshot of one topic's partitions, updated by pushes of a live view, and the meaning of its settings.

use protocol::{PartitionInfo, SettingSource, TopicChanged, TopicSetting};

use super::sort::{Sort, stable_sort};

/// The replication state of a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PartitionState {
    /// Every replica is in sync.
    InSync,
    /// The number of replicas that are not in sync.
    UnderReplicated(usize),
    /// No leader: the partition can be neither consumed nor produced to.
    Offline,
}

pub fn partition_state(leader: Option<i32>, replicas: usize, in_sync: usize) -> PartitionState {
    match (leader, replicas.saturating_sub(in_sync)) {
        (None, _) => PartitionState::Offline,
        (_, 0) => PartitionState::InSync,
        (_, behind) => PartitionState::UnderReplicated(behind),
    }
}

#[derive(Debug, Default)]
pub struct TopicSnapshot {
    /// By number.
    partitions: Vec<PartitionInfo>,
    next_push_is_complete: bool,
    /// Of the partitions whose offsets are known.
    records: u64,
    pub rate: Option<f64>,
    shown: Vec<u32>,
}

impl TopicSnapshot {
    pub const COLUMNS: [&'static str; 7] = ["partition", "leader", "replicas", "state", "low", "high", "records"];

    /// The live view begins again: the current data stays until the next push, which is complete.
    pub fn begin(&mut self) {
        self.next_push_is_complete = true;
    }

    pub fn apply(&mut self, changed: TopicChanged) {
        (self.records, self.rate) = (changed.records, changed.rate);
        if std::mem::take(&mut self.next_push_is_complete) {
            self.partitions.clear();
        }
        for partition in changed.partitions {
            match self.partitions.binary_search_by_key(&partition.partition, |known| known.partition) {
                Ok(index) => self.partitions[index] = partition,
                Err(index) => self.partitions.insert(index, partition),
            }
        }
    }

    pub fn partitions(&self) -> &[PartitionInfo] {
        &self.partitions
    }

    /// Number of records in the topic; `None` while the offsets of a partition are unknown.
    pub fn records(&self) -> Option<u64> {
        self.partitions.iter().all(|partition| partition.records().is_some()).then_some(self.records)
    }

    /// The smallest number of replicas.
    pub fn replication(&self) -> usize {
        self.partitions.iter().map(|partition| partition.replicas.len()).min().unwrap_or(0)
    }

    pub fn sort_rows(&mut self, sort: Sort) {
        self.shown = (0..self.partitions.len() as u32).collect();
        let partitions = &self.partitions;
        let state = |p: &PartitionInfo| partition_state(p.leader, p.replicas.len(), p.in_sync.len());
        stable_sort(&mut self.shown, |&at, &bt| {
            let (a, b) = (&partitions[at as usize], &partitions[bt as usize]);
            let by_column = match sort.column {
                "leader" => a.leader.cmp(&b.leader),
                "replicas" => a.replicas.cmp(&b.replicas),
                "state" => state(a).cmp(&state(b)),
                "low" => a.low.cmp(&b.low),
                "high" => a.high.cmp(&b.high),
                "records" => a.records().cmp(&b.records()),
                _ => at.cmp(&bt),
            };
            sort.order(by_column, at.cmp(&bt))
        });
    }

    /// The partition in a row of the sorted table.
    pub fn get(&self, row: usize) -> Option<&PartitionInfo> {
        self.partitions.get(*self.shown.get(row)? as usize)
    }

    pub fn row_of(&self, partition: i32) -> Option<usize> {
        self.shown
            .iter()
            .position(|&index| self.partitions.get(index as usize).is_some_and(|p| p.partition == partition))
    }
}

/// Whether the setting is overridden, for the topic or for the brokers.
pub fn is_overridden(setting: &TopicSetting) -> bool {
    !matches!(setting.source, SettingSource::Default | SettingSource::Unknown)
}

/// The meaning of a numeric setting.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ReadableValue {
    /// In milliseconds.
    Time(u64),
    Bytes(u64),
    /// `-1`, or the largest 64-bit number.
    Unlimited,
}

/// The meaning of a setting's value, if the setting's name shows that it is a time or a size.
pub fn readable_value(name: &str, value: &str) -> Option<ReadableValue> {
    let (is_time, is_size) = (name.ends_with(".ms"), name.ends_with(".bytes"));
    if !is_time && !is_size {
        return None;
    }
    let number: i64 = value.trim().parse().ok()?;
    match u64::try_from(number) {
        // Other negative numbers refer to another setting.
        Err(_) => Some(ReadableValue::Unlimited).filter(|_| number == -1),
        Ok(n) if n == i64::MAX as u64 => Some(ReadableValue::Unlimited),
        Ok(n) if is_time => Some(ReadableValue::Time(n)).filter(|_| n >= 1000),
        Ok(n) => Some(ReadableValue::Bytes(n)).filter(|_| n >= 1024),
    }
}

#[cfg(test)]
mod tests {
    use protocol::Offset;

    use super::*;

    fn partition(number: i32, low: i64, high: i64) -> PartitionInfo {
        PartitionInfo {
            partition: number,
            leader: Some(1),
            replicas: vec![1, 2],
            in_sync: vec![1, 2],
            offline: Vec::new(),
            low: Offset(low),
            high: Offset(high),
            offsets_unknown: false,
        }
    }

    fn push(partitions: Vec<PartitionInfo>, records: u64) -> TopicChanged {
        TopicChanged { watch: 1, at: 1, partitions, records, rate: None }
    }

    #[test]
    fn push_updates_the_partitions_that_it_contains() {
        let mut snapshot = TopicSnapshot::default();
        snapshot.begin();
        snapshot.apply(push(vec![partition(1, 0, 5), partition(0, 0, 1)], 6));
        snapshot.apply(push(vec![partition(1, 2, 9), partition(2, 0, 0)], 8));
        let ends: Vec<_> = snapshot.partitions().iter().map(|p| (p.partition, p.high.0)).collect();
        assert_eq!(ends, [(0, 1), (1, 9), (2, 0)]);
        assert_eq!((snapshot.records(), snapshot.replication()), (Some(8), 2));
        snapshot.begin();
        snapshot.apply(push(vec![partition(0, 0, 0)], 0));
        assert_eq!(snapshot.partitions().len(), 1, "the topic was deleted and created again");
    }

    #[test]
    fn number_of_records_is_unknown_while_a_partition_reports_no_offsets() {
        let mut snapshot = TopicSnapshot::default();
        snapshot.begin();
        let without_leader = PartitionInfo { leader: None, ..partition(1, 0, 0) };
        snapshot.apply(push(vec![partition(0, 2, 9), without_leader], 7));
        assert_eq!(snapshot.records(), None);
        snapshot.apply(push(vec![PartitionInfo { offsets_unknown: true, ..partition(1, 0, 0) }], 7));
        assert_eq!(snapshot.records(), None, "its leader did not report them");
        snapshot.apply(push(vec![partition(1, 0, 5)], 12));
        assert_eq!(snapshot.records(), Some(12));
    }

    #[test]
    fn descending_state_lists_offline_partitions_first() {
        let mut snapshot = TopicSnapshot::default();
        snapshot.begin();
        let lagging = PartitionInfo { in_sync: vec![1], ..partition(1, 0, 5) };
        let offline = PartitionInfo { leader: None, in_sync: Vec::new(), ..partition(2, 0, 0) };
        snapshot.apply(push(vec![partition(0, 0, 1), lagging, offline], 6));
        snapshot.sort_rows(Sort { column: "state", is_descending: true });
        let order: Vec<_> = (0..3).filter_map(|row| Some(snapshot.get(row)?.partition)).collect();
        assert_eq!(order, [2, 1, 0]);
        assert_eq!(snapshot.row_of(0), Some(2));
    }

    #[test]
    fn time_and_size_settings_have_readable_values() {
        assert_eq!(readable_value("retention.ms", "604800000"), Some(ReadableValue::Time(604_800_000)));
        assert_eq!(readable_value("retention.ms", "-1"), Some(ReadableValue::Unlimited));
        assert_eq!(readable_value("local.retention.ms", "-2"), None);
        assert_eq!(readable_value("flush.ms", "9223372036854775807"), Some(ReadableValue::Unlimited));
        assert_eq!(readable_value("segment.bytes", "1073741824"), Some(ReadableValue::Bytes(1 << 30)));
        assert_eq!(readable_value("file.delete.delay.ms", "500"), None, "short enough as it is");
        assert_eq!(readable_value("cleanup.policy", "compact"), None);
        assert_eq!(readable_value("flush.messages", "9223372036854775807"), None);
    }
}
