//! A part of the live list: its entries, oldest first, and which of them match the filter. The filter is applied in steps
//! (`scan`), so that a long list does not block the page.
//!
//! Each entry has a serial number, which stays the same when older entries are removed.

use std::collections::VecDeque;

use super::entry::Entry;
use super::filter::Filter;

#[derive(Debug, Default)]
pub struct Segment {
    entries: VecDeque<Entry>,
    /// The serial number of the first entry.
    base: u64,
    bytes: usize,
    records: u64,
    /// Serial numbers of the entries that match; unused while there is no filter.
    passing: VecDeque<u64>,
    /// Entries with a smaller serial number are checked.
    scanned: u64,
    /// Records among `passing`.
    matching: u64,
    /// Records that matched since the filter was set, including removed ones.
    matched_ever: u64,
    has_filter: bool,
}

impl Segment {
    pub fn new(filter: &Filter) -> Self {
        Self { has_filter: !filter.is_empty(), ..Self::default() }
    }

    pub fn push(&mut self, entry: Entry) {
        self.bytes += entry.bytes();
        let is_record = u64::from(entry.is_record());
        self.records += is_record;
        if !self.has_filter {
            self.matched_ever += is_record;
        }
        self.entries.push_back(entry);
    }

    /// Removes the oldest entries until the rest is within the limits. The newest entry is kept even if it alone exceeds
    /// them, since the user is waiting for it. Returns whether an entry was removed.
    pub fn shrink(&mut self, max_records: usize, max_bytes: usize) -> bool {
        let before = self.base;
        while self.entries.len() > 1 && (self.entries.len() > max_records || self.bytes > max_bytes) {
            let Some(oldest) = self.entries.pop_front() else { break };
            self.bytes -= oldest.bytes();
            let is_record = u64::from(oldest.is_record());
            self.records -= is_record;
            if self.passing.front() == Some(&self.base) {
                self.passing.pop_front();
                self.matching -= is_record;
            }
            self.base += 1;
        }
        self.scanned = self.scanned.max(self.base);
        self.base != before
    }

    /// Whether entries were removed at the front.
    pub fn has_shrunk(&self) -> bool {
        self.base > 0
    }

    /// Sets another filter: every entry has to be checked again.
    pub fn refilter(&mut self, filter: &Filter) {
        self.has_filter = !filter.is_empty();
        self.passing.clear();
        self.scanned = self.base;
        self.matching = 0;
        self.matched_ever = if self.has_filter { 0 } else { self.records };
    }

    pub fn is_scanned(&self) -> bool {
        !self.has_filter || self.scanned == self.base + self.entries.len() as u64
    }

    /// Checks the next entries, up to about `budget` bytes. Returns whether all are checked.
    pub fn scan(&mut self, filter: &Filter, budget: &mut usize) -> bool {
        if !self.has_filter {
            return true;
        }
        let end = self.base + self.entries.len() as u64;
        while self.scanned < end {
            if *budget == 0 {
                return false;
            }
            let entry = &self.entries[(self.scanned - self.base) as usize];
            *budget = budget.saturating_sub(entry.bytes() * filter.cost());
            // Gaps match every filter: missing records must stay visible.
            let passes = entry.record().is_none_or(|record| filter.matches(&record));
            if passes {
                self.passing.push_back(self.scanned);
                let is_record = u64::from(entry.is_record());
                self.matching += is_record;
                self.matched_ever += is_record;
            }
            self.scanned += 1;
        }
        true
    }

    /// Replaces an entry: a gap by its records and the rest of the gap.
    pub fn replace(&mut self, index: usize, with: impl IntoIterator<Item = Entry>) {
        let mut rest = self.entries.split_off(index);
        if let Some(old) = rest.pop_front() {
            self.bytes -= old.bytes();
            self.records -= u64::from(old.is_record());
        }
        for entry in with {
            self.bytes += entry.bytes();
            self.records += u64::from(entry.is_record());
            self.entries.push_back(entry);
        }
        self.entries.append(&mut rest);
        // The following entries have other serial numbers now and are checked again.
        let serial = self.base + index as u64;
        while self.passing.back().is_some_and(|&last| last >= serial) {
            self.passing.pop_back();
        }
        self.scanned = self.scanned.min(serial);
        let is_record = |&&serial: &&u64| self.entries[(serial - self.base) as usize].is_record();
        self.matching = self.passing.iter().filter(is_record).count() as u64;
    }

    pub fn last(&self) -> Option<&Entry> {
        self.entries.back()
    }

    pub fn replace_last(&mut self, entry: Entry) {
        if let Some(last) = self.entries.len().checked_sub(1) {
            self.replace(last, [entry]);
        }
    }

    /// Appends the entries of a segment that follows this one.
    pub fn append(&mut self, next: Segment) {
        let end = self.base + self.entries.len() as u64;
        if self.scanned == end {
            self.passing.extend(next.passing.iter().map(|serial| serial - next.base + end));
            self.matching += next.matching;
            self.scanned = end + (next.scanned - next.base);
        }
        self.matched_ever += next.matched_ever;
        self.bytes += next.bytes;
        self.records += next.records;
        self.entries.extend(next.entries);
    }

    pub fn records(&self) -> u64 {
        self.records
    }

    pub fn matching(&self) -> u64 {
        if self.has_filter { self.matching } else { self.records }
    }

    pub fn matched_ever(&self) -> u64 {
        self.matched_ever
    }

    /// Number of records that the filter has checked. Checked gaps are counted as records until all entries are checked.
    pub fn scanned(&self) -> u64 {
        if self.has_filter { (self.scanned - self.base).min(self.records) } else { self.records }
    }

    /// Number of entries that match the filter, including gaps: the rows of the list.
    pub fn len(&self) -> usize {
        if self.has_filter { self.passing.len() } else { self.entries.len() }
    }

    /// The entry in a row of the filtered list.
    pub fn get(&self, index: usize) -> Option<&Entry> {
        if !self.has_filter {
            return self.entries.get(index);
        }
        let serial = *self.passing.get(index)?;
        self.entries.get((serial - self.base) as usize)
    }

    /// The row of an entry in the filtered list.
    pub fn index_of(&self, entry: &Entry) -> Option<usize> {
        // The entry was on screen recently, hence it is usually near the end.
        (0..self.len()).rev().find(|&index| self.get(index).is_some_and(|found| found.is(entry)))
    }

    /// All entries, also those that do not match the filter.
    pub fn entries(&self) -> impl DoubleEndedIterator<Item = &Entry> {
        self.entries.iter()
    }

    pub fn index_among_all(&self, entry: &Entry) -> Option<usize> {
        self.entries.iter().rposition(|found| found.is(entry))
    }
}
