//! The records kept for looking at: a bounded ring, newest last, with gaps in their places. Owns the records and their
//! counts; what part of it is on screen is the feed's business.

use std::collections::VecDeque;
use std::sync::Arc;

use protocol::{GapReason, Record};

use super::filter::Filter;

/// What a record costs beside its bytes: the struct, the `Arc`, the places in the queues. Measured roughly, rounded up.
const RECORD_OVERHEAD_BYTES: usize = 256;

/// The oldest records go when either limit is passed.
#[derive(Clone, Copy, Debug)]
pub struct RingLimits {
    pub records: usize,
    pub bytes: usize,
}

impl Default for RingLimits {
    /// 10,000 records are more than anyone scrolls through; 64 MiB keeps the tab small when they are large.
    fn default() -> Self {
        Self { records: 10_000, bytes: 64 << 20 }
    }
}

/// Numbers of records, as the feed shows them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Since listening began, or since the list was cleared.
    pub received: u64,
    pub kept: u64,
    /// Of those kept, how many pass the filter.
    pub matching: u64,
    /// Named by gaps.
    pub missing: u64,
}

#[derive(Clone, Debug)]
pub enum Entry {
    Record(Row),
    Gap(GapRow),
}

/// One received record.
#[derive(Clone, Debug)]
pub struct Row {
    /// Rises by one with each entry and is never used twice: the identity of a row on screen.
    pub index: u64,
    pub topic: Arc<str>,
    pub partition: i32,
    pub record: Record,
    /// Bytes of key, value and headers.
    pub size: usize,
    /// This page sent it, and saw it again after so many milliseconds.
    pub round_trip_ms: Option<f64>,
}

/// Records `from` (inclusive) to `to` (exclusive) that will not come by themselves.
#[derive(Clone, Debug, PartialEq)]
pub struct GapRow {
    pub index: u64,
    pub topic: Arc<str>,
    pub partition: i32,
    pub from: i64,
    pub to: i64,
    pub reason: GapReason,
}

impl GapRow {
    pub fn records(&self) -> u64 {
        u64::try_from(self.to.saturating_sub(self.from)).unwrap_or(0)
    }
}

impl Entry {
    pub fn index(&self) -> u64 {
        match self {
            Self::Record(row) => row.index,
            Self::Gap(gap) => gap.index,
        }
    }

    pub fn record(&self) -> Option<&Row> {
        match self {
            Self::Record(row) => Some(row),
            Self::Gap(_) => None,
        }
    }

    fn bytes(&self) -> usize {
        match self {
            Self::Record(row) => row.size + RECORD_OVERHEAD_BYTES,
            Self::Gap(_) => RECORD_OVERHEAD_BYTES,
        }
    }

    /// Gaps pass every filter: a loss must not be filtered away.
    fn passes(&self, filter: &Filter) -> bool {
        match self {
            Self::Record(row) => filter.matches(&row.record),
            Self::Gap(_) => true,
        }
    }
}

/// A received record before it has its place.
#[derive(Debug)]
pub struct Arrival {
    pub topic: Arc<str>,
    pub partition: i32,
    pub record: Record,
    pub size: usize,
    pub round_trip_ms: Option<f64>,
}

#[derive(Debug, Default)]
pub struct Ring {
    limits: RingLimits,
    entries: VecDeque<Arc<Entry>>,
    /// Index of `entries[0]`.
    first_index: u64,
    bytes: usize,
    filter: Filter,
    /// Rises with each change of the filter.
    filter_revision: u32,
    /// Indexes of the entries that pass; unused while the filter is empty.
    passing: VecDeque<u64>,
    received: u64,
    missing: u64,
    kept_records: u64,
    matching_records: u64,
    /// Records that passed the filter ever, dropped ones included.
    matched_ever: u64,
}

impl Ring {
    pub fn new(limits: RingLimits) -> Self {
        Self { limits, ..Self::default() }
    }

    pub fn push_record(&mut self, arrival: Arrival) {
        self.received += 1;
        let Arrival { topic, partition, record, size, round_trip_ms } = arrival;
        let index = self.next_index();
        self.push(Entry::Record(Row { index, topic, partition, record, size, round_trip_ms }));
    }

    pub fn push_gap(&mut self, topic: Arc<str>, partition: i32, from: i64, to: i64, reason: GapReason) {
        let gap = GapRow { index: self.next_index(), topic, partition, from, to, reason };
        self.missing += gap.records();
        self.push(Entry::Gap(gap));
    }

    /// The index that the next entry will get.
    pub fn next_index(&self) -> u64 {
        self.first_index + self.entries.len() as u64
    }

    fn push(&mut self, entry: Entry) {
        let passes = entry.passes(&self.filter);
        if entry.record().is_some() {
            self.kept_records += 1;
            if passes {
                self.matching_records += 1;
                self.matched_ever += 1;
            }
        }
        if passes && !self.filter.is_empty() {
            self.passing.push_back(entry.index());
        }
        self.bytes += entry.bytes();
        self.entries.push_back(Arc::new(entry));
        // The newest stays even if it alone is over the limit: it is what the user waits for.
        while self.entries.len() > 1 && (self.entries.len() > self.limits.records || self.bytes > self.limits.bytes) {
            self.drop_oldest();
        }
    }

    fn drop_oldest(&mut self) {
        let Some(oldest) = self.entries.pop_front() else { return };
        self.first_index += 1;
        self.bytes -= oldest.bytes();
        let passed = if self.filter.is_empty() {
            true
        } else if self.passing.front() == Some(&oldest.index()) {
            self.passing.pop_front();
            true
        } else {
            false
        };
        if oldest.record().is_some() {
            self.kept_records -= 1;
            self.matching_records -= u64::from(passed);
        }
    }

    pub fn set_filter(&mut self, filter: Filter) {
        self.filter = filter;
        self.filter_revision += 1;
        self.passing.clear();
        self.matching_records = 0;
        for entry in &self.entries {
            let passes = entry.passes(&self.filter);
            if passes && !self.filter.is_empty() {
                self.passing.push_back(entry.index());
            }
            self.matching_records += u64::from(passes && entry.record().is_some());
        }
        self.matched_ever = self.matching_records;
    }

    pub fn filter(&self) -> &Filter {
        &self.filter
    }

    /// Tells rows drawn for one filter from the same rows drawn for another.
    pub fn filter_revision(&self) -> u32 {
        self.filter_revision
    }

    /// Forgets the records and the counts; indexes go on rising.
    pub fn clear(&mut self) {
        let next = self.next_index();
        *self = Self {
            limits: self.limits,
            filter: std::mem::take(&mut self.filter),
            filter_revision: self.filter_revision,
            first_index: next,
            ..Self::default()
        };
    }

    pub fn counts(&self) -> Counts {
        Counts {
            received: self.received,
            kept: self.kept_records,
            matching: self.matching_records,
            missing: self.missing,
        }
    }

    pub fn matched_ever(&self) -> u64 {
        self.matched_ever
    }

    /// How many entries pass the filter, gaps included: the height of the list.
    pub fn len(&self) -> usize {
        if self.filter.is_empty() { self.entries.len() } else { self.passing.len() }
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The entry at a place of the filtered list.
    pub fn get(&self, place: usize) -> Option<&Arc<Entry>> {
        if self.filter.is_empty() {
            return self.entries.get(place);
        }
        let index = *self.passing.get(place)?;
        self.entries.get(usize::try_from(index - self.first_index).ok()?)
    }

    /// The filtered list as it is now; later changes do not touch it.
    pub fn snapshot(&self) -> Vec<Arc<Entry>> {
        (0..self.len()).filter_map(|place| self.get(place).cloned()).collect()
    }

    /// Everything kept, whatever the filter.
    pub fn entries(&self) -> impl DoubleEndedIterator<Item = &Arc<Entry>> {
        self.entries.iter()
    }

    /// Marks a record as sent by this page, where its acknowledgement came after the record itself. Such a record is
    /// among the newest.
    pub fn mark_own(&mut self, topic: &str, partition: i32, offset: i64, round_trip_ms: f64) {
        const SEARCHED: usize = 20_000;
        let is_it = |entry: &Entry| {
            entry
                .record()
                .is_some_and(|row| row.record.offset.0 == offset && row.partition == partition && &*row.topic == topic)
        };
        if let Some(entry) = self.entries.iter_mut().rev().take(SEARCHED).find(|entry| is_it(entry))
            && let Entry::Record(row) = Arc::make_mut(entry)
        {
            row.round_trip_ms = Some(round_trip_ms);
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use protocol::{Offset, TimestampType, WireBytes};

    use super::*;

    pub fn record(offset: i64, value: &str) -> Record {
        Record {
            offset: Offset(offset),
            timestamp: Some(1_763_800_000_000),
            timestamp_type: TimestampType::Create,
            key: WireBytes::Null,
            value: WireBytes::text(value),
            headers: Vec::new(),
        }
    }

    fn push(ring: &mut Ring, offset: i64, value: &str) {
        let record = record(offset, value);
        let size = record.value.len();
        ring.push_record(Arrival { topic: "t".into(), partition: 0, record, size, round_trip_ms: None });
    }

    fn offsets(ring: &Ring) -> Vec<i64> {
        let place_offset = |place| ring.get(place).and_then(|e| e.record().map(|row| row.record.offset.0));
        (0..ring.len()).filter_map(place_offset).collect()
    }

    #[test]
    fn the_oldest_go_when_the_ring_is_full_and_the_counts_stay_honest() {
        let mut ring = Ring::new(RingLimits { records: 3, bytes: usize::MAX });
        (0..5).for_each(|n| push(&mut ring, n, "v"));
        assert_eq!(offsets(&ring), [2, 3, 4]);
        assert_eq!(ring.counts(), Counts { received: 5, kept: 3, matching: 3, missing: 0 });
    }

    #[test]
    fn large_records_are_bounded_by_bytes_and_one_oversized_stays() {
        let mut ring = Ring::new(RingLimits { records: 100, bytes: 3 * (1000 + RECORD_OVERHEAD_BYTES) });
        (0..5).for_each(|n| push(&mut ring, n, &"x".repeat(1000)));
        assert_eq!(offsets(&ring), [2, 3, 4]);
        push(&mut ring, 9, &"x".repeat(100_000));
        assert_eq!(offsets(&ring), [9]);
    }

    #[test]
    fn a_filter_applies_to_what_is_there_and_to_what_comes() {
        let mut ring = Ring::new(RingLimits { records: 4, bytes: usize::MAX });
        push(&mut ring, 0, "a");
        push(&mut ring, 1, "b");
        ring.set_filter(Filter::new("a"));
        push(&mut ring, 2, "ab");
        push(&mut ring, 3, "c");
        assert_eq!(offsets(&ring), [0, 2]);
        assert_eq!(ring.counts(), Counts { received: 4, kept: 4, matching: 2, missing: 0 });
        push(&mut ring, 4, "d");
        assert_eq!((offsets(&ring), ring.counts().matching, ring.matched_ever()), (vec![2], 1, 2));
        ring.set_filter(Filter::default());
        assert_eq!(offsets(&ring), [1, 2, 3, 4]);
    }

    #[test]
    fn gaps_count_their_records_and_pass_every_filter() {
        let mut ring = Ring::default();
        push(&mut ring, 9, "a");
        ring.push_gap("t".into(), 0, 10, 130, GapReason::Slow);
        push(&mut ring, 130, "b");
        ring.set_filter(Filter::new("nothing has this"));
        assert_eq!(ring.len(), 1);
        assert_eq!(ring.counts(), Counts { received: 2, kept: 2, matching: 0, missing: 120 });
    }

    #[test]
    fn clear_forgets_records_and_counts_but_never_reuses_an_index() {
        let mut ring = Ring::default();
        push(&mut ring, 0, "a");
        push(&mut ring, 1, "a");
        ring.clear();
        assert_eq!(ring.counts(), Counts::default());
        push(&mut ring, 2, "a");
        assert_eq!(ring.get(0).map(|entry| entry.index()), Some(2));
    }

    #[test]
    fn a_record_that_came_before_its_acknowledgement_is_marked_afterwards() {
        let mut ring = Ring::default();
        push(&mut ring, 0, "a");
        let before = ring.snapshot();
        ring.mark_own("t", 0, 0, 2.5);
        assert_eq!(ring.get(0).and_then(|e| e.record()).and_then(|row| row.round_trip_ms), Some(2.5));
        assert_eq!(before[0].record().and_then(|row| row.round_trip_ms), None, "a snapshot does not change");
    }
}
