//! The offsets of the records that this page has sent, so that the live list can mark them. Stored as ranges: an
//! acknowledgement of 256 records is one entry.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;

/// Maximum ranges of a partition; the oldest are removed first. Many more than are acknowledged and not yet received at once.
const MAX_RANGES: usize = 8192;
/// Maximum ranges of records that were received before their acknowledgement.
const MAX_EARLY: usize = 4096;

/// Own records at consecutive offsets that were sent at the same time.
#[derive(Clone, Debug)]
pub struct OwnRange {
    pub offset: i64,
    pub count: u64,
    /// The row number of the first record.
    pub number: u64,
    pub sent_ms: f64,
    pub run: Option<u64>,
    /// Offsets below were received in the live list. A partition is read in order, so that one number is enough.
    pub seen_through: i64,
}

impl OwnRange {
    fn end(&self) -> i64 {
        self.offset.saturating_add_unsigned(self.count)
    }
}

/// Received records that may be own ones; the next acknowledgement decides.
#[derive(Debug)]
struct Early {
    offsets: Range<i64>,
    arrived_ms: f64,
}

#[derive(Debug)]
struct Partition {
    topic: Arc<str>,
    number: i32,
    /// By offset.
    own: VecDeque<OwnRange>,
    early: VecDeque<Early>,
}

#[derive(Debug, Default)]
pub struct OwnRecords {
    partitions: Vec<Partition>,
    /// The index found last, since records come in batches of one partition.
    last: usize,
}

impl OwnRecords {
    fn find(&mut self, topic: &str, partition: i32) -> Option<&mut Partition> {
        let is_same = |p: &Partition| p.number == partition && *p.topic == *topic;
        if !self.partitions.get(self.last).is_some_and(is_same) {
            self.last = self.partitions.iter().position(is_same)?;
        }
        self.partitions.get_mut(self.last)
    }

    fn find_or_add(&mut self, topic: &str, partition: i32) -> &mut Partition {
        if self.find(topic, partition).is_none() {
            let (own, early) = (VecDeque::new(), VecDeque::new());
            self.last = self.partitions.len();
            self.partitions.push(Partition { topic: topic.into(), number: partition, own, early });
        }
        &mut self.partitions[self.last]
    }

    /// Stores an acknowledged range. Calls `seen` with offset and arrival time of each record that was received before.
    pub fn acked(&mut self, topic: &str, partition: i32, mut range: OwnRange, mut seen: impl FnMut(i64, f64)) {
        let Partition { own, early, .. } = self.find_or_add(topic, partition);
        while let Some(first) = early.front_mut() {
            let both = first.offsets.start.max(range.offset)..first.offsets.end.min(range.end());
            both.clone().for_each(|offset| seen(offset, first.arrived_ms));
            if !both.is_empty() {
                range.seen_through = both.end;
            }
            // Acknowledgements of a partition come in order: records below this one are from other producers.
            if first.offsets.end > range.end() {
                first.offsets.start = first.offsets.start.max(range.end());
                break;
            }
            early.pop_front();
        }
        // A lower offset means that the topic was deleted and created again; older ranges are invalid.
        while own.back().is_some_and(|last| last.end() > range.offset) {
            own.pop_back();
        }
        own.push_back(range);
        if own.len() > MAX_RANGES {
            own.pop_front();
        }
    }

    /// The own range that contains this record.
    pub fn own_at(&mut self, topic: &str, partition: i32, offset: i64) -> Option<&mut OwnRange> {
        let own = &mut self.find(topic, partition)?.own;
        let at = own.partition_point(|range| range.end() <= offset);
        own.get_mut(at).filter(|range| range.offset <= offset)
    }

    /// Remembers a received record that may turn out to be an own one.
    pub fn received_early(&mut self, topic: &str, partition: i32, offset: i64, arrived_ms: f64) {
        let early = &mut self.find_or_add(topic, partition).early;
        match early.back_mut() {
            Some(last) if last.offsets.end == offset && last.arrived_ms == arrived_ms => last.offsets.end += 1,
            _ => {
                early.push_back(Early { offsets: offset..offset + 1, arrived_ms });
                if early.len() > MAX_EARLY {
                    early.pop_front();
                }
            }
        }
    }

    /// Call when every own record has an outcome.
    pub fn forget_early(&mut self) {
        self.partitions.iter_mut().for_each(|partition| partition.early.clear());
    }

    /// Whether an own record has an offset from `first` to `last`.
    pub fn any_in(&mut self, topic: &str, partition: i32, first: i64, last: i64) -> bool {
        let Some(partition) = self.find(topic, partition) else { return false };
        let at = partition.own.partition_point(|range| range.end() <= first);
        partition.own.get(at).is_some_and(|range| range.offset <= last)
    }
}
