//! A part of the live list: its entries, oldest first, and which of them match the filter. The filter is applied in steps
//! (`scan`), so that a long list does not block the page.
//!
//! When the list is full, the oldest entries leave it. With a filter, only those that do not match leave; the others are moved to
//! `saved`, which precedes `entries`, and leave it when the list has no other entries.
//!
//! Each of `entries` has a serial number, which stays the same when older entries leave.

use std::collections::VecDeque;

use super::entry::Entry;
use super::filter::Filter;

#[derive(Debug, Default)]
pub struct Segment {
    /// Entries that match the filter and are older than all `entries`.
    saved: VecDeque<Entry>,
    saved_records: u64,
    entries: VecDeque<Entry>,
    /// The serial number of the first entry.
    base: u64,
    /// Of `saved` and `entries`.
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
    /// Records that were checked, did not match and have left the list.
    passed_over: u64,
    /// Records that matched and have left the list, since there was no space.
    lost_matches: u64,
    /// Records have left the list, with or without a filter.
    has_shrunk: bool,
    /// Records that the filter has not checked have left the list, most of them before it was set.
    has_lost_unchecked: bool,
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

    /// Removes entries until the rest is within the limits: first those that do not match the filter, then the oldest. The newest
    /// entry is kept even if it alone exceeds the limits, since the user is waiting for it. Returns whether an entry was removed.
    ///
    /// `budget`: about how many bytes may be checked, as in `scan`. After that the list may exceed the limits by a quarter until
    /// `scan` has checked more entries; beyond that the oldest are removed, whether they match or not.
    pub fn shrink(&mut self, filter: &Filter, max_records: usize, max_bytes: usize, budget: &mut usize) -> bool {
        let mut is_removed = false;
        let exceeds = |this: &Self, records: usize, bytes: usize| this.entry_count() > records || this.bytes > bytes;
        while self.entry_count() > 1 && exceeds(self, max_records, max_bytes) {
            let is_unchecked = self.has_filter && self.scanned <= self.base;
            if self.entries.len() <= 1 {
                if !self.remove_saved() {
                    break;
                }
            } else if is_unchecked && *budget == 0 {
                if !exceeds(self, max_records + max_records / 4, max_bytes + max_bytes / 4) {
                    break;
                }
                // Saved entries are older. To remove others first would leave a hole behind them.
                if !self.remove_saved() {
                    self.remove_unchecked();
                }
            } else {
                if is_unchecked {
                    let cost = self.entries.front().map_or(0, |entry| entry.bytes().saturating_mul(filter.cost()));
                    *budget = budget.saturating_sub(cost);
                }
                let Some((oldest, matches)) = self.pop_first(filter) else { break };
                if matches {
                    self.save(oldest);
                    continue;
                }
                self.forget(&oldest);
                if self.has_filter {
                    self.passed_over += u64::from(oldest.is_record());
                }
            }
            is_removed = true;
        }
        self.has_shrunk |= is_removed;
        is_removed
    }

    /// Removes the oldest of the saved entries. Returns whether there was one.
    fn remove_saved(&mut self) -> bool {
        let Some(oldest) = self.saved.pop_front() else { return false };
        let is_record = u64::from(oldest.is_record());
        self.saved_records -= is_record;
        self.lost_matches += is_record;
        self.forget(&oldest);
        true
    }

    /// Removes the first of `entries`, which `scan` has not reached.
    fn remove_unchecked(&mut self) {
        if let Some(oldest) = self.entries.pop_front() {
            self.base += 1;
            self.scanned = self.scanned.max(self.base);
            self.has_lost_unchecked = true;
            self.forget(&oldest);
        }
    }

    fn entry_count(&self) -> usize {
        self.saved.len() + self.entries.len()
    }

    fn forget(&mut self, entry: &Entry) {
        self.bytes -= entry.bytes();
        self.records -= u64::from(entry.is_record());
    }

    fn save(&mut self, entry: Entry) {
        self.saved_records += u64::from(entry.is_record());
        self.saved.push_back(entry);
    }

    /// Takes the first of `entries`, and whether it matches. An entry that `scan` has not reached is checked now.
    fn pop_first(&mut self, filter: &Filter) -> Option<(Entry, bool)> {
        let entry = self.entries.pop_front()?;
        let is_record = u64::from(entry.is_record());
        let matches = if self.scanned > self.base {
            let matches = self.passing.front() == Some(&self.base);
            if matches {
                self.passing.pop_front();
                self.matching -= is_record;
            }
            matches
        } else {
            let matches = self.has_filter && passes(filter, &entry);
            if matches {
                self.matched_ever += is_record;
            }
            matches
        };
        self.base += 1;
        self.scanned = self.scanned.max(self.base);
        Some((entry, matches))
    }

    /// Whether records that the list should show were removed: with a filter, those that match it, or may match it.
    pub fn has_lost(&self) -> bool {
        if self.has_filter { self.lost_matches > 0 || self.has_lost_unchecked } else { self.has_shrunk }
    }

    pub fn has_shrunk(&self) -> bool {
        self.has_shrunk
    }

    /// The entries without the saved ones, which may be far older.
    pub fn unsaved(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter()
    }

    pub fn lost_matches(&self) -> u64 {
        self.lost_matches
    }

    /// Sets another filter: every entry has to be checked again.
    pub fn refilter(&mut self, filter: &Filter) {
        self.has_filter = !filter.is_empty();
        self.saved.append(&mut self.entries);
        self.entries = std::mem::take(&mut self.saved);
        self.saved_records = 0;
        self.passing.clear();
        self.scanned = self.base;
        self.matching = 0;
        (self.passed_over, self.lost_matches) = (0, 0);
        self.has_lost_unchecked = self.has_shrunk;
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
            if passes(filter, entry) {
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
        let index = self.unsave(index);
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

    /// Replaces records by other forms of the same records, such as decoded ones: `updated` returns the new form of each that changes.
    /// Returns whether one did. The filter checks the new forms of the records that it has checked. A saved record that does not
    /// match any more leaves the list, as it would have before.
    pub fn update(&mut self, filter: &Filter, mut updated: impl FnMut(&Entry) -> Option<Entry>) -> bool {
        let (mut is_changed, mut bytes, mut left) = (false, self.bytes, 0);
        let mut replace = |entry: &mut Entry| {
            let Some(new) = updated(entry) else { return false };
            bytes = bytes - entry.bytes() + new.bytes();
            *entry = new;
            is_changed = true;
            true
        };
        let mut left_bytes = 0;
        self.saved.retain_mut(|entry| {
            let stays = !replace(entry) || passes(filter, entry);
            if !stays {
                left += 1;
                left_bytes += entry.bytes();
            }
            stays
        });
        let mut checked = Vec::new();
        for (serial, entry) in (self.base..).zip(&mut self.entries) {
            if replace(entry) && self.has_filter && serial < self.scanned {
                checked.push((serial, passes(filter, entry)));
            }
        }
        self.bytes = bytes - left_bytes;
        self.records -= left;
        self.saved_records -= left;
        self.passed_over += left;
        self.set_passing(&checked);
        is_changed
    }

    /// Sets whether these records match, in the order of their serial numbers.
    fn set_passing(&mut self, checked: &[(u64, bool)]) {
        if checked.is_empty() {
            return;
        }
        let is_checked = |serial: &u64| checked.binary_search_by_key(serial, |&(serial, _)| serial).is_ok();
        let before = self.passing.len();
        self.passing.retain(|serial| !is_checked(serial));
        let matched_before = (before - self.passing.len()) as u64;
        let matching: Vec<u64> = checked.iter().filter(|(_, matches)| *matches).map(|&(serial, _)| serial).collect();
        let matched_now = matching.len() as u64;
        self.passing.extend(matching);
        self.passing.make_contiguous().sort_unstable();
        self.matching = self.matching + matched_now - matched_before;
        self.matched_ever = (self.matched_ever + matched_now).saturating_sub(matched_before);
    }

    /// Moves the saved entries from this index on back to `entries`. Returns the index among `entries`.
    fn unsave(&mut self, index: usize) -> usize {
        let count = self.saved.len().saturating_sub(index);
        if count == 0 {
            return index - self.saved.len();
        }
        let back = self.saved.split_off(index);
        self.saved_records -= back.iter().filter(|entry| entry.is_record()).count() as u64;
        // They are checked again, with everything after them.
        self.passing.clear();
        self.matching = 0;
        self.base = self.base.saturating_sub(count as u64);
        self.scanned = self.base;
        let newer = std::mem::replace(&mut self.entries, back);
        self.entries.extend(newer);
        0
    }

    pub fn last(&self) -> Option<&Entry> {
        self.entries.back()
    }

    pub fn replace_last(&mut self, entry: Entry) {
        if let Some(last) = self.entry_count().checked_sub(1).filter(|_| !self.entries.is_empty()) {
            self.replace(last, [entry]);
        }
    }

    /// Appends the entries of a segment that follows this one and has the same filter.
    pub fn append(&mut self, filter: &Filter, mut next: Segment) {
        // Only what matches may precede saved entries.
        if !next.saved.is_empty() && !self.is_scanned() {
            // `scan` checks the entries of both, in steps.
            next.unsave(0);
        } else if !next.saved.is_empty() {
            while let Some((entry, matches)) = self.pop_first(filter) {
                if matches {
                    self.save(entry);
                } else {
                    self.forget(&entry);
                    self.passed_over += u64::from(entry.is_record());
                }
            }
            self.saved.append(&mut next.saved);
            self.saved_records += next.saved_records;
        }
        self.passed_over += next.passed_over;
        self.has_shrunk |= next.has_shrunk;
        self.has_lost_unchecked |= next.has_lost_unchecked;
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
        if self.has_filter { self.saved_records + self.matching } else { self.records }
    }

    pub fn matched_ever(&self) -> u64 {
        self.matched_ever
    }

    /// Number of records that the filter has checked since it was set, including those that have left the list. Checked gaps are
    /// counted as records until all entries are checked.
    pub fn scanned(&self) -> u64 {
        if !self.has_filter {
            return self.records;
        }
        let checked = (self.scanned - self.base).min(self.records - self.saved_records);
        checked + self.saved_records + self.passed_over + self.lost_matches
    }

    /// Number of entries that match the filter, including gaps: the rows of the list.
    pub fn len(&self) -> usize {
        self.saved.len() + if self.has_filter { self.passing.len() } else { self.entries.len() }
    }

    /// The entry in a row of the filtered list.
    pub fn get(&self, index: usize) -> Option<&Entry> {
        let Some(index) = index.checked_sub(self.saved.len()) else { return self.saved.get(index) };
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
        self.saved.iter().chain(&self.entries)
    }

    pub fn index_among_all(&self, entry: &Entry) -> Option<usize> {
        let from_end = self.entries().rev().position(|found| found.is(entry))?;
        Some(self.entry_count() - 1 - from_end)
    }
}

/// Gaps match every filter: missing records must stay visible.
fn passes(filter: &Filter, entry: &Entry) -> bool {
    entry.record().is_none_or(|record| filter.matches(&record))
}
