//! Merges what is found in the partitions into one order of time.
//!
//! Each partition is scanned in the order of its offsets (or backwards), and what it has found waits in its queue. The first record of all
//! queues is next, unless a partition with an empty queue may still have a record before it: its frontier, the time up to which it was
//! scanned, is not that far. Such partitions are scanned next. So the order is exact if timestamps in a partition do not decrease; and if they do,
//! every record is still found once.

use std::collections::VecDeque;

use kafka::scan::ScanRange;
use protocol::{FoundRecord, Order, SearchCursor, TopicPartition};

use super::plan::shown;

/// A record that was found.
#[derive(Debug)]
pub struct Found {
    /// Milliseconds since 1970-01-01 UTC. Records without a timestamp are the oldest.
    pub timestamp: i64,
    /// The approximate memory of the record.
    pub bytes: usize,
    pub record: FoundRecord,
}

/// How far the search is in a partition.
#[derive(Debug)]
pub struct Partition {
    /// What is not scanned yet.
    pub rest: ScanRange,
    /// The timestamp of the record that was scanned last, in the order of the search.
    frontier: Option<i64>,
    /// What was found and not sent, in the order of the search.
    queue: VecDeque<Found>,
    pub scanned: u64,
    pub matched: u64,
}

pub struct Merge {
    order: Order,
    pub partitions: Vec<Partition>,
    /// Of all queues.
    queued_bytes: usize,
}

impl Partition {
    fn new(rest: ScanRange) -> Self {
        Self { rest, frontier: None, queue: VecDeque::new(), scanned: 0, matched: 0 }
    }

    pub fn is_exhausted(&self) -> bool {
        self.rest.from >= self.rest.to
    }

    pub fn queued(&self) -> usize {
        self.queue.len()
    }

    pub fn name(&self) -> &TopicPartition {
        &self.rest.partition
    }

    /// The offsets that are not scanned yet.
    pub fn left(&self) -> u64 {
        u64::try_from(self.rest.to - self.rest.from).unwrap_or(0)
    }

    /// What is not sent yet.
    fn unsent(&self, order: Order) -> ScanRange {
        let mut rest = self.rest.clone();
        if let Some(first) = self.queue.front() {
            let offset = first.record.record.offset.0;
            match order {
                Order::Newest => rest.to = rest.to.max(offset + 1),
                Order::Oldest => rest.from = rest.from.min(offset),
            }
        }
        rest
    }
}

impl Merge {
    pub fn new(order: Order, ranges: Vec<ScanRange>) -> Self {
        Self { order, partitions: ranges.into_iter().map(Partition::new).collect(), queued_bytes: 0 }
    }

    pub fn queued_bytes(&self) -> usize {
        self.queued_bytes
    }

    pub fn queue(&mut self, partition: usize, found: Found) {
        self.queued_bytes += found.bytes;
        self.partitions[partition].queue.push_back(found);
    }

    /// The partition was scanned up to a record with this timestamp.
    pub fn set_frontier(&mut self, partition: usize, timestamp: i64) {
        self.partitions[partition].frontier = Some(timestamp);
    }

    /// The next record, if no partition may have one before it.
    pub fn next(&mut self) -> Option<Found> {
        let (first, timestamp) = self.first()?;
        let blocks = |partition: &Partition| self.may_precede(partition, timestamp);
        if self.partitions.iter().any(blocks) {
            return None;
        }
        self.take(first)
    }

    /// The next record of those that were found, when no more are scanned.
    pub fn next_found(&mut self) -> Option<Found> {
        let (first, _) = self.first()?;
        self.take(first)
    }

    /// The partitions that must be scanned before the next record is known; empty if nothing is left.
    pub fn blocking(&self) -> Vec<usize> {
        let first = self.first().map(|(_, timestamp)| timestamp);
        let blocks = |partition: &Partition| match first {
            Some(timestamp) => self.may_precede(partition, timestamp),
            None => !partition.is_exhausted(),
        };
        (0..self.partitions.len()).filter(|index| blocks(&self.partitions[*index])).collect()
    }

    /// The offsets that are not scanned yet.
    pub fn left(&self) -> u64 {
        self.partitions.iter().map(Partition::left).sum()
    }

    /// What was not sent; `None`: everything was.
    pub fn cursor(&self) -> Option<SearchCursor> {
        let rest = self.partitions.iter().map(|partition| partition.unsent(self.order));
        let ranges: Vec<_> = rest.filter(|range| range.from < range.to).map(|range| shown(&range)).collect();
        (!ranges.is_empty()).then_some(SearchCursor { ranges })
    }

    /// The partition whose queue has the first record, and its timestamp.
    fn first(&self) -> Option<(usize, i64)> {
        let heads = self.partitions.iter().enumerate();
        let heads = heads.filter_map(|(index, partition)| Some((index, partition.queue.front()?.timestamp)));
        // Of equal timestamps, the first partition.
        heads.reduce(|first, next| if self.is_before(next.1, first.1) { next } else { first })
    }

    fn may_precede(&self, partition: &Partition, timestamp: i64) -> bool {
        partition.queue.is_empty()
            && !partition.is_exhausted()
            && partition.frontier.is_none_or(|frontier| self.is_before(frontier, timestamp))
    }

    fn is_before(&self, one: i64, other: i64) -> bool {
        match self.order {
            Order::Newest => one > other,
            Order::Oldest => one < other,
        }
    }

    fn take(&mut self, partition: usize) -> Option<Found> {
        let found = self.partitions[partition].queue.pop_front()?;
        self.queued_bytes -= found.bytes;
        Some(found)
    }
}

#[cfg(test)]
mod tests {
    use protocol::{Offset, OffsetRange, Record, TimestampType, WireBytes};

    use super::*;

    fn range(partition: i32, from: i64, to: i64) -> ScanRange {
        ScanRange { partition: TopicPartition { topic: "t".to_owned(), partition }, from, to }
    }

    fn found(partition: i32, offset: i64, timestamp: i64) -> Found {
        let record = Record {
            offset: Offset(offset),
            timestamp: Some(timestamp),
            timestamp_type: TimestampType::Create,
            key: WireBytes::Null,
            value: WireBytes::Null,
            headers: Vec::new(),
            key_note: None,
            value_note: None,
        };
        Found { timestamp, bytes: 1, record: FoundRecord { topic: "t".to_owned(), partition, record } }
    }

    fn place(found: &Found) -> (i32, i64) {
        (found.record.partition, found.record.record.offset.0)
    }

    #[test]
    fn newest_record_waits_for_partitions_that_may_have_a_newer_one() {
        let mut merge = Merge::new(Order::Newest, vec![range(0, 0, 10), range(1, 0, 10)]);
        assert_eq!(merge.blocking(), [0, 1]);
        merge.queue(0, found(0, 9, 100));
        merge.partitions[0].rest.to = 9;
        merge.set_frontier(0, 100);
        assert!(merge.next().is_none(), "partition 1 is not scanned");
        assert_eq!(merge.blocking(), [1]);

        // Scanned to a time after the record's: a newer one may follow.
        merge.partitions[1].rest.to = 5;
        merge.set_frontier(1, 150);
        assert!(merge.next().is_none());
        merge.set_frontier(1, 90);
        assert_eq!(merge.next().as_ref().map(place), Some((0, 9)));
        assert_eq!(merge.blocking(), [0, 1], "nothing is queued");

        merge.partitions[1].rest.to = 0;
        merge.queue(0, found(0, 8, 80));
        merge.partitions[0].rest.to = 0;
        assert_eq!(merge.next().as_ref().map(place), Some((0, 8)));
        assert_eq!((merge.blocking(), merge.cursor()), (Vec::new(), None));
    }

    #[test]
    fn oldest_record_is_first_and_equal_times_are_in_the_order_of_partitions() {
        let mut merge = Merge::new(Order::Oldest, vec![range(0, 0, 1), range(1, 0, 1), range(2, 0, 1)]);
        for (partition, timestamp) in [(0, 7), (1, 5), (2, 5)] {
            let index = usize::try_from(partition).expect("small");
            merge.queue(index, found(partition, 0, timestamp));
            merge.partitions[index].rest.from = 1;
        }
        let order: Vec<_> = std::iter::from_fn(|| merge.next()).map(|found| found.record.partition).collect();
        assert_eq!(order, [1, 2, 0]);
        assert_eq!(merge.queued_bytes(), 0);
    }

    #[test]
    fn cursor_continues_with_the_first_record_that_was_not_sent() {
        let mut newest = Merge::new(Order::Newest, vec![range(0, 0, 10), range(1, 0, 4)]);
        newest.queue(0, found(0, 7, 70));
        newest.queue(0, found(0, 6, 60));
        newest.partitions[0].rest.to = 5;
        let ranges =
            |from, to, partition| OffsetRange { topic: "t".to_owned(), partition, from: Offset(from), to: Offset(to) };
        assert_eq!(newest.cursor().expect("a rest").ranges, [ranges(0, 8, 0), ranges(0, 4, 1)]);
        assert_eq!(newest.next_found().as_ref().map(place), Some((0, 7)));
        assert_eq!(newest.cursor().expect("a rest").ranges[0], ranges(0, 7, 0));

        let mut oldest = Merge::new(Order::Oldest, vec![range(0, 0, 10)]);
        oldest.queue(0, found(0, 3, 30));
        oldest.partitions[0].rest.from = 10;
        assert_eq!(oldest.cursor().expect("a rest").ranges, [ranges(3, 10, 0)]);
        assert!(oldest.next().is_some() && oldest.cursor().is_none());
    }
}
