//! A search of records, or records that are browsed page by page: what was found, how far the search is, and how to go on.

use std::rc::Rc;

use protocol::{
    ErrorBody, FoundRecord, MessageBody, OffsetRange, Order, Record, Search, SearchCursor, SearchDone, SearchEnd,
    SearchProgress, SearchRecords, SearchStarted,
};

use super::component_requests::{UnparsedMessage, ViewUpdate};
use super::entry::{Entry, ReceivedBatch};
use super::masked::MaskedFields;
use super::notes::SharedNotes;
use super::sort::stable_sort;

mod marks;
mod order;
mod spot;
mod timeline;

pub use marks::search_marks;
pub use order::{FoundColumn, found_order};
pub use spot::error_spot;
pub use timeline::{ChosenBuckets, TimeBuckets, TopicTimes, needs_oldest, timeline_range};

/// More rows than these are not kept: going on then replaces them.
pub const MAX_FOUND: usize = 10_000;
const MAX_FOUND_BYTES: usize = 64 << 20;

#[derive(Clone, Debug, Default, PartialEq)]
pub enum SearchState {
    #[default]
    Idle,
    Running,
    Done(SearchEnd),
    /// The connection was lost, and the search with it.
    Lost,
    /// The bridge refused to start it, or its messages could not be read.
    Refused(ErrorBody),
}

impl SearchState {
    /// The value of `data-state`.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Running => "running",
            Self::Done(SearchEnd::Complete | SearchEnd::Count) => "done",
            Self::Done(SearchEnd::Stopped | SearchEnd::Failed) | Self::Lost | Self::Refused(_) => "stopped",
        }
    }
}

/// The counts of a search, with those of the searches that it continues.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SearchCounts {
    pub scanned: u64,
    /// An upper limit: offsets without a record count while they are not searched.
    pub total: u64,
    pub matched: u64,
    /// Records that were received, also those that are not kept any more.
    pub found: u64,
    /// Records for which the expression could not be evaluated.
    pub failed: u64,
}

/// How far the latest search is in one partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartitionShare {
    pub partition: i32,
    /// The offsets of its range, and those that are not searched yet.
    pub offsets: u64,
    pub left: u64,
}

impl PartitionShare {
    /// The part of the offsets that is searched, from 0 to 1.
    pub fn done(&self) -> f64 {
        if self.offsets == 0 { 1.0 } else { self.offsets.saturating_sub(self.left) as f64 / self.offsets as f64 }
    }
}

#[derive(Debug, Default)]
pub struct FoundRecords {
    rows: Vec<Entry>,
    bytes: usize,
    /// The latest request, without its cursor.
    request: Option<Search>,
    state: SearchState,
    /// The error of a search that failed after it had started.
    error: Option<ErrorBody>,
    /// The bridge has reported the ranges of the latest search.
    has_started: bool,
    /// The ranges of the latest search that has started, and the number of their offsets.
    ranges: Vec<OffsetRange>,
    offsets: u64,
    progress: SearchProgress,
    has_progress: bool,
    /// The sums of the searches that the latest one continues.
    before: SearchCounts,
    cursor: Option<SearchCursor>,
    masked: MaskedFields,
    /// Rows were removed to make room.
    is_cut: bool,
    received: u64,
    notes: SharedNotes,
}

impl FoundRecords {
    /// A new search begins, without rows.
    pub fn begin(&mut self, search: Search) {
        let notes = std::mem::take(&mut self.notes);
        *self = Self { request: Some(search), state: SearchState::Running, notes, ..Self::default() };
    }

    /// The search that continues the latest one with `count` records. `None` if nothing is left, or while one is running.
    pub fn go_on(&mut self, count: u32) -> Option<Search> {
        if !self.can_go_on() {
            return None;
        }
        let mut request = self.request.clone()?;
        request.count = count;
        request.cursor = self.cursor.clone();
        if self.is_full() {
            self.rows.clear();
            self.bytes = 0;
            self.is_cut = true;
        }
        self.before = SearchCounts { total: 0, ..self.counts() };
        self.state = SearchState::Running;
        (self.error, self.has_started, self.has_progress) = (None, false, false);
        self.progress = SearchProgress::default();
        // Until the bridge reports the ranges again.
        self.offsets = self.cursor.as_ref().map_or(0, |cursor| offsets_of(&cursor.ranges));
        Some(request)
    }

    pub fn can_go_on(&self) -> bool {
        self.state != SearchState::Running && self.request.is_some() && self.cursor.is_some()
    }

    /// Whether going on replaces the rows.
    pub fn is_full(&self) -> bool {
        self.rows.len() >= MAX_FOUND || self.bytes >= MAX_FOUND_BYTES
    }

    pub fn is_cut(&self) -> bool {
        self.is_cut
    }

    pub fn is_running(&self) -> bool {
        self.state == SearchState::Running
    }

    pub fn state(&self) -> &SearchState {
        &self.state
    }

    /// Why the latest search was refused or has failed.
    pub fn error(&self) -> Option<&ErrorBody> {
        match &self.state {
            SearchState::Refused(error) => Some(error),
            _ => self.error.as_ref(),
        }
    }

    pub fn request(&self) -> Option<&Search> {
        self.request.as_ref()
    }

    pub fn rows(&self) -> &[Entry] {
        &self.rows
    }

    pub fn masked(&self) -> &MaskedFields {
        &self.masked
    }

    pub fn progress(&self) -> &SearchProgress {
        &self.progress
    }

    /// Offsets that Kafka deleted during the latest search.
    pub fn deleted(&self) -> u64 {
        offsets_of(&self.progress.deleted)
    }

    fn left(&self) -> u64 {
        match self.state {
            SearchState::Done(SearchEnd::Complete) => 0,
            _ if self.has_progress => self.progress.left,
            _ => self.offsets,
        }
    }

    pub fn counts(&self) -> SearchCounts {
        let scanned = self.before.scanned + self.progress.scanned;
        SearchCounts {
            scanned,
            total: scanned + self.left(),
            matched: self.before.matched + self.progress.matched,
            found: self.received,
            failed: self.before.failed + self.progress.failed,
        }
    }

    /// The part of the offsets that is searched, from 0 to 1.
    pub fn share_done(&self) -> f64 {
        let done = self.offsets.saturating_sub(self.left());
        if self.offsets == 0 { 0.0 } else { done as f64 / self.offsets as f64 }
    }

    /// Whether the latest search reads more than one partition.
    pub fn has_partitions(&self) -> bool {
        self.ranges.len() > 1
    }

    /// The partitions of the latest search, in the order of their numbers.
    pub fn partition_shares(&self) -> Vec<PartitionShare> {
        let is_complete = self.state == SearchState::Done(SearchEnd::Complete);
        let of = |range: &OffsetRange| {
            let offsets = offsets_of(std::slice::from_ref(range));
            let is_own = |progress: &&protocol::PartitionProgress| {
                progress.partition == range.partition && progress.topic == range.topic
            };
            // Only partitions in which offsets are left are reported.
            let left = match self.progress.partitions.iter().find(is_own) {
                _ if is_complete => 0,
                Some(progress) => progress.left.min(offsets),
                None if self.has_progress => 0,
                None => offsets,
            };
            PartitionShare { partition: range.partition, offsets, left }
        };
        let mut shares: Vec<_> = self.ranges.iter().map(of).collect();
        stable_sort(&mut shares, |a, b| a.partition.cmp(&b.partition));
        shares
    }

    /// Records that were read per second.
    pub fn rate(&self) -> Option<f64> {
        let ms = self.progress.elapsed_ms;
        (ms > 0).then(|| self.progress.scanned as f64 * 1000.0 / ms as f64)
    }

    /// How long the rest takes at this speed, if the whole rest is searched.
    pub fn ms_left(&self) -> Option<f64> {
        let share = self.share_done();
        let is_known = self.is_running() && self.has_progress && share > 0.0;
        is_known.then(|| self.progress.elapsed_ms as f64 * (1.0 - share) / share)
    }

    /// Applies an update of the search.
    pub fn apply(&mut self, update: ViewUpdate) {
        match update {
            ViewUpdate::Begins => {}
            ViewUpdate::Pushed(message) => {
                if let Err(error) = self.pushed(&message) {
                    self.state = SearchState::Refused(error);
                }
            }
            ViewUpdate::Refused(error) | ViewUpdate::Failed(error) => self.state = SearchState::Refused(error),
            ViewUpdate::Lost => {
                self.cursor = self.cursor_after_rows();
                self.state = SearchState::Lost;
            }
        }
    }

    fn pushed(&mut self, message: &UnparsedMessage) -> Result<(), ErrorBody> {
        const REQUEST: &str = "search";
        match message.name() {
            SearchStarted::NAME => {
                let started: SearchStarted = message.parse(REQUEST)?;
                self.has_started = true;
                self.offsets = offsets_of(&started.ranges);
                self.ranges = started.ranges;
                let topics = self.request.as_ref().map_or(1, |request| request.topics.len());
                self.masked = MaskedFields::of_topics(started.masked, topics);
            }
            SearchRecords::NAME => {
                let found: SearchRecords = message.parse(REQUEST)?;
                self.add(found.records);
            }
            SearchProgress::NAME => {
                self.progress = message.parse(REQUEST)?;
                self.has_progress = true;
            }
            SearchDone::NAME => {
                let done: SearchDone = message.parse(REQUEST)?;
                self.cursor = done.cursor;
                self.error = done.error;
                self.state = SearchState::Done(done.reason);
            }
            // Of a newer bridge.
            _ => {}
        }
        Ok(())
    }

    /// Adds records in their order. Records of one partition share a frame.
    fn add(&mut self, found: Vec<FoundRecord>) {
        let first = self.rows.len();
        let mut groups: Vec<PartitionRecords> = Vec::new();
        for (index, FoundRecord { topic, partition, record }) in found.into_iter().enumerate() {
            let same = groups.iter().position(|group| *group.topic == *topic && group.partition == partition);
            let at = same.unwrap_or_else(|| {
                groups.push(PartitionRecords {
                    topic: topic.into(),
                    partition,
                    indices: Vec::new(),
                    records: Vec::new(),
                });
                groups.len() - 1
            });
            groups[at].indices.push(index);
            groups[at].records.push(record);
        }
        let mut entries: Vec<(usize, Entry)> = Vec::new();
        for PartitionRecords { topic, partition, indices, records } in groups {
            let of = |records: &[Record], notes: &mut SharedNotes| {
                ReceivedBatch::fetched(&topic, partition, records, self.masked.clone(), notes)
            };
            match of(&records, &mut self.notes) {
                Some(batch) => entries.extend(indices.into_iter().zip(batch.entries().map(|(_, entry)| entry))),
                // More different notes than a frame can number.
                None => {
                    for (index, record) in indices.into_iter().zip(&records) {
                        let batch = of(std::slice::from_ref(record), &mut self.notes);
                        let entry = batch.and_then(|batch| batch.entries().next());
                        entries.extend(entry.map(|(_, entry)| (index, entry)));
                    }
                }
            }
        }
        entries.sort_by_key(|(index, _)| *index);
        self.received += entries.len() as u64;
        self.rows.extend(entries.into_iter().map(|(_, entry)| entry));
        self.bytes += self.rows[first..].iter().map(Entry::bytes).sum::<usize>();
    }

    /// What the shown rows leave of the ranges. After a lost connection the bridge has not reported it.
    fn cursor_after_rows(&self) -> Option<SearchCursor> {
        let newest_first = self.request.as_ref().is_none_or(|request| request.order == Order::Newest);
        if !self.has_started {
            return self.cursor.clone();
        }
        let mut ranges = self.ranges.clone();
        for row in &self.rows {
            let Some(record) = row.record() else { continue };
            let own =
                ranges.iter_mut().find(|range| range.partition == record.partition && *range.topic == **record.topic);
            let Some(range) = own else { continue };
            if newest_first {
                range.to.0 = range.to.0.min(record.offset);
            } else {
                range.from.0 = range.from.0.max(record.offset + 1);
            }
        }
        ranges.retain(|range| range.from.0 < range.to.0);
        (!ranges.is_empty()).then_some(SearchCursor { ranges })
    }
}

/// Found records of one partition, and their indices among those that arrived together.
struct PartitionRecords {
    topic: Rc<str>,
    partition: i32,
    indices: Vec<usize>,
    records: Vec<Record>,
}

fn offsets_of(ranges: &[OffsetRange]) -> u64 {
    ranges.iter().map(|range| u64::try_from(range.to.0.saturating_sub(range.from.0)).unwrap_or(0)).sum()
}

#[cfg(test)]
mod tests;
