//! Where a partition begins and ends. Kafka keeps three such offsets. Each has its own type, because confusing them
//! moves consumer groups: while a transaction is open, the last stable offset is below the high watermark.

use std::collections::HashMap;

use protocol::TopicPartition;

/// The log start offset: the first offset that the partition still has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LogStart(pub i64);

/// The last stable offset: the first offset of the oldest open transaction, or the high watermark if none is open. A
/// consumer with `isolation.level=read_committed` gets no record from this offset on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LastStable(pub i64);

/// The high watermark: the offset after the last record that all in-sync replicas have. A group's position is valid up
/// to here, and Kafka's tools compute record counts and lag up to here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct HighWatermark(pub i64);

/// The offsets between which a partition has records, whether consumers can read them yet or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extent {
    pub start: LogStart,
    pub high: HighWatermark,
}

/// All three offsets of a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PartitionEnds {
    pub start: LogStart,
    pub stable: LastStable,
    pub high: HighWatermark,
}

pub type Ends = HashMap<TopicPartition, PartitionEnds>;
pub type Extents = HashMap<TopicPartition, Extent>;

/// Why a position cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outside {
    /// Kafka has deleted the records there.
    BeforeStart,
    /// The position is beyond the end of the partition.
    BeyondEnd,
}

impl Extent {
    /// Clamps `high`: the two offsets were queried at different moments, so a partition that shrinks in between would
    /// get a negative size.
    pub fn new(start: i64, high: i64) -> Self {
        Self { start: LogStart(start), high: HighWatermark(high.max(start)) }
    }

    /// The number of offsets between the ends, including those of transaction markers.
    pub fn records(&self) -> u64 {
        self.high.0.abs_diff(self.start.0)
    }
}

impl PartitionEnds {
    /// The high watermark must be queried before the last stable offset. Both only grow, so the last stable offset is
    /// then below it only if a transaction is open.
    pub fn new(start: i64, high: i64, stable: i64) -> Self {
        let Extent { start, high } = Extent::new(start, high);
        Self { start, stable: LastStable(stable.clamp(start.0, high.0)), high }
    }

    /// The first offset of the oldest open transaction, if there is one. Records from there on are not visible yet.
    pub fn open_transaction(&self) -> Option<LastStable> {
        (self.stable.0 < self.high.0).then_some(self.stable)
    }

    /// The start of the last `count` offsets that a consumer can read now.
    pub fn last(&self, count: u64) -> i64 {
        self.stable.0.saturating_sub(i64::try_from(count).unwrap_or(i64::MAX)).max(self.start.0)
    }

    /// Why Kafka does not have this position, if so. The high watermark itself is valid: it is the position of a
    /// consumer that has read everything.
    pub fn outside(&self, position: i64) -> Option<Outside> {
        if position < self.start.0 {
            Some(Outside::BeforeStart)
        } else if position > self.high.0 {
            Some(Outside::BeyondEnd)
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn position_inside_an_open_transaction_is_valid() {
        let ends = PartitionEnds::new(10, 1005, 1000);
        assert_eq!(ends.open_transaction(), Some(LastStable(1000)));
        for (position, outside) in
            [(9, Some(Outside::BeforeStart)), (10, None), (1000, None), (1005, None), (1006, Some(Outside::BeyondEnd))]
        {
            assert_eq!(ends.outside(position), outside, "{position}");
        }
        assert_eq!((ends.last(5), ends.last(5000), ends.last(u64::MAX)), (995, 10, 10));
    }

    #[test]
    fn records_written_between_the_two_queries_are_no_open_transaction() {
        assert_eq!(PartitionEnds::new(0, 5, 6).open_transaction(), None);
    }

    #[test]
    fn extent_counts_its_offsets_and_is_never_negative() {
        for (start, high, records) in [(0, 0, 0), (3, 10, 7), (10, 3, 0), (i64::MIN, i64::MAX, u64::MAX)] {
            let extent = Extent::new(start, high);
            assert_eq!((extent.records(), extent.start), (records, LogStart(start)), "{start}..{high}");
        }
    }

    #[test]
    fn last_stable_offset_is_within_the_partition() {
        for (stable, expected) in [(5, 10), (12, 12), (25, 20)] {
            let ends = PartitionEnds::new(10, 20, stable);
            assert_eq!(ends.stable, LastStable(expected), "{stable}");
            assert_eq!(ends.open_transaction().is_some(), expected < 20, "{stable}");
        }
    }
}
