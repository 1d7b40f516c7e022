//! One topic: its partitions as a live view tells them, and its settings.

use protocol::{PartitionInfo, SettingSource, TopicChanged, TopicSetting};

use super::sort::{Sort, arrange};

/// How a partition is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PartitionState {
    /// Every replica is in sync.
    Whole,
    /// So many replicas are not.
    Lagging(usize),
    /// Nobody leads it: it can be neither read nor written.
    Offline,
}

pub fn partition_state(leader: Option<i32>, replicas: usize, in_sync: usize) -> PartitionState {
    match (leader, replicas.saturating_sub(in_sync)) {
        (None, _) => PartitionState::Offline,
        (_, 0) => PartitionState::Whole,
        (_, behind) => PartitionState::Lagging(behind),
    }
}

#[derive(Debug, Default)]
pub struct TopicSheet {
    /// By number.
    partitions: Vec<PartitionInfo>,
    is_beginning: bool,
    /// Of the partitions whose offsets are known.
    records: u64,
    pub rate: Option<f64>,
    shown: Vec<u32>,
}

impl TopicSheet {
    pub const COLUMNS: [&'static str; 7] = ["partition", "leader", "replicas", "state", "low", "high", "records"];

    /// What is known stays until the next push, which is complete.
    pub fn begin(&mut self) {
        self.is_beginning = true;
    }

    pub fn learn(&mut self, news: TopicChanged) {
        (self.records, self.rate) = (news.records, news.rate);
        if std::mem::take(&mut self.is_beginning) {
            self.partitions.clear();
        }
        for partition in news.partitions {
            match self.partitions.binary_search_by_key(&partition.partition, |known| known.partition) {
                Ok(place) => self.partitions[place] = partition,
                Err(place) => self.partitions.insert(place, partition),
            }
        }
    }

    pub fn partitions(&self) -> &[PartitionInfo] {
        &self.partitions
    }

    /// How many records the topic has; `None` while the offsets of a partition are not known.
    pub fn records(&self) -> Option<u64> {
        self.partitions.iter().all(|partition| partition.records().is_some()).then_some(self.records)
    }

    /// The smallest number of replicas.
    pub fn replication(&self) -> usize {
        self.partitions.iter().map(|partition| partition.replicas.len()).min().unwrap_or(0)
    }

    pub fn arrange(&mut self, sort: Sort) {
        self.shown = (0..self.partitions.len() as u32).collect();
        let partitions = &self.partitions;
        let state = |p: &PartitionInfo| partition_state(p.leader, p.replicas.len(), p.in_sync.len());
        arrange(&mut self.shown, |&at, &bt| {
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

    /// In the order that was arranged.
    pub fn get(&self, row: usize) -> Option<&PartitionInfo> {
        self.partitions.get(*self.shown.get(row)? as usize)
    }

    pub fn row_of(&self, partition: i32) -> Option<usize> {
        self.shown
            .iter()
            .position(|&place| self.partitions.get(place as usize).is_some_and(|p| p.partition == partition))
    }
}

/// Whether somebody has chosen this value, for the topic or for the brokers: Kafka alone would have another.
pub fn differs(setting: &TopicSetting) -> bool {
    !matches!(setting.source, SettingSource::Default | SettingSource::Unknown)
}

/// A number of a setting as people say it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Spoken {
    /// In milliseconds.
    Time(u64),
    Bytes(u64),
    /// `-1`, or the largest number there is.
    Unlimited,
}

/// What a setting's value means, where its name says that it is a time or a size.
pub fn spoken(name: &str, value: &str) -> Option<Spoken> {
    let (is_time, is_size) = (name.ends_with(".ms"), name.ends_with(".bytes"));
    if !is_time && !is_size {
        return None;
    }
    let number: i64 = value.trim().parse().ok()?;
    match u64::try_from(number) {
        // Other negative numbers mean "as another setting says".
        Err(_) => Some(Spoken::Unlimited).filter(|_| number == -1),
        Ok(n) if n == i64::MAX as u64 => Some(Spoken::Unlimited),
        Ok(n) if is_time => Some(Spoken::Time(n)).filter(|_| n >= 1000),
        Ok(n) => Some(Spoken::Bytes(n)).filter(|_| n >= 1024),
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
    fn a_push_changes_the_partitions_that_it_names() {
        let mut sheet = TopicSheet::default();
        sheet.begin();
        sheet.learn(push(vec![partition(1, 0, 5), partition(0, 0, 1)], 6));
        sheet.learn(push(vec![partition(1, 2, 9), partition(2, 0, 0)], 8));
        let ends: Vec<_> = sheet.partitions().iter().map(|p| (p.partition, p.high.0)).collect();
        assert_eq!(ends, [(0, 1), (1, 9), (2, 0)]);
        assert_eq!((sheet.records(), sheet.replication()), (Some(8), 2));
        sheet.begin();
        sheet.learn(push(vec![partition(0, 0, 0)], 0));
        assert_eq!(sheet.partitions().len(), 1, "it was deleted and created again");
    }

    #[test]
    fn the_number_of_records_is_not_known_while_a_partition_reports_no_offsets() {
        let mut sheet = TopicSheet::default();
        sheet.begin();
        let without_leader = PartitionInfo { leader: None, ..partition(1, 0, 0) };
        sheet.learn(push(vec![partition(0, 2, 9), without_leader], 7));
        assert_eq!(sheet.records(), None);
        sheet.learn(push(vec![PartitionInfo { offsets_unknown: true, ..partition(1, 0, 0) }], 7));
        assert_eq!(sheet.records(), None, "its leader did not report them");
        sheet.learn(push(vec![partition(1, 0, 5)], 12));
        assert_eq!(sheet.records(), Some(12));
    }

    #[test]
    fn the_worst_partitions_come_first_when_that_is_wanted() {
        let mut sheet = TopicSheet::default();
        sheet.begin();
        let lagging = PartitionInfo { in_sync: vec![1], ..partition(1, 0, 5) };
        let offline = PartitionInfo { leader: None, in_sync: Vec::new(), ..partition(2, 0, 0) };
        sheet.learn(push(vec![partition(0, 0, 1), lagging, offline], 6));
        sheet.arrange(Sort { column: "state", is_descending: true });
        let order: Vec<_> = (0..3).filter_map(|row| Some(sheet.get(row)?.partition)).collect();
        assert_eq!(order, [2, 1, 0]);
        assert_eq!(sheet.row_of(0), Some(2));
    }

    #[test]
    fn numbers_of_settings_are_said_as_people_say_them() {
        assert_eq!(spoken("retention.ms", "604800000"), Some(Spoken::Time(604_800_000)));
        assert_eq!(spoken("retention.ms", "-1"), Some(Spoken::Unlimited));
        assert_eq!(spoken("local.retention.ms", "-2"), None);
        assert_eq!(spoken("flush.ms", "9223372036854775807"), Some(Spoken::Unlimited));
        assert_eq!(spoken("segment.bytes", "1073741824"), Some(Spoken::Bytes(1 << 30)));
        assert_eq!(spoken("file.delete.delay.ms", "500"), None, "short enough as it is");
        assert_eq!(spoken("cleanup.policy", "compact"), None);
        assert_eq!(spoken("flush.messages", "9223372036854775807"), None);
    }
}
