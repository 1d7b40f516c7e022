//! The live list: the received records within the limits, and whether the display follows the newest record or is held.
//! Records are received while the display is held, too.

use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;

use protocol::TopicPartition;
use serde::{Deserialize, Serialize};

use super::entry::{Entry, Gap, ReceivedBatch, RecordRef};
use super::filter::Filter;
use super::segment::Segment;

/// When either limit is exceeded, records are removed: first those that do not match the filter, then the oldest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    pub records: usize,
    pub mib: usize,
}

impl Limits {
    /// The offered memory limits, in MiB.
    pub const MIB_CHOICES: [usize; 3] = [16, 64, 256];
    /// More records than a user scrolls through; the handles of this many entries take 6 MB.
    pub const MAX_RECORDS: usize = 500_000;
}

impl Default for Limits {
    fn default() -> Self {
        Self { records: Self::MAX_RECORDS, mib: 64 }
    }
}

/// Why the display does not follow the newest record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HoldReason {
    /// The user scrolled up. Scrolling to the end follows again.
    Scrolled,
    /// The user paused. Only resuming follows again.
    Paused,
}

/// The record counts that the toolbar shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Records received since listening began, or since the list was cleared.
    pub received: u64,
    pub kept: u64,
    /// Records that the filter has checked since it was set, including those that have left the list.
    pub scanned: u64,
    /// Kept records that match the filter.
    pub matching: u64,
    /// Records that matched the filter and were removed, since the list was full of records that match.
    pub lost_matches: u64,
    /// Records inside of gaps.
    pub missing: u64,
}

/// Number of own records that are remembered to mark their rows: more than three times the rows in the list of sent
/// records.
const OWN_KEPT: usize = 1000;

/// Number of bytes that `shrink` checks at once, besides twice as many as were received. So it keeps pace with the records, and
/// a new filter does not check a full list at once.
const SHRINK_BYTES: usize = 1 << 20;

type RecordPosition = (Rc<str>, i32, i64);

#[derive(Debug, Default)]
pub struct Feed {
    limits: Limits,
    filter: Filter,
    /// Incremented with each change of the filter.
    filter_revision: u32,
    live: Segment,
    /// The list as it was when the display was held; newer records are in `live`. Each obeys the limits, so that together
    /// they may take twice the limits.
    held: Option<(HoldReason, Segment)>,
    received: u64,
    /// Bytes received since the list was shrunk.
    new_bytes: usize,
    missing: u64,
    /// Records that the filter had checked, and matches among them, of held lists that were removed as a whole.
    removed_scanned: u64,
    removed_matches: u64,
    own: BTreeMap<RecordPosition, f64>,
    own_order: VecDeque<RecordPosition>,
}

impl Feed {
    pub fn receive(&mut self, entry: Entry) {
        self.received += 1;
        self.new_bytes = self.new_bytes.saturating_add(entry.bytes());
        self.live.push(entry);
    }

    /// Removes entries beyond the limits. Called after each batch.
    pub fn shrink(&mut self) {
        let new_bytes = std::mem::take(&mut self.new_bytes);
        let mut budget = new_bytes.saturating_mul(2 * self.filter.cost()).saturating_add(SHRINK_BYTES);
        self.live.shrink(&self.filter, self.limits.records, self.limits.mib << 20, &mut budget);
    }

    pub fn push_gap(&mut self, gap: Gap) {
        self.missing += gap.records();
        // Adjacent gaps are shown as one.
        let before = self.live.last().and_then(Entry::as_gap).filter(|before| before.touches(&gap));
        match before.map(|before| Gap { from: before.from, ..gap.clone() }) {
            Some(both) => self.live.replace_last(Entry::gap(both)),
            None => self.live.push(Entry::gap(gap)),
        }
    }

    pub fn limits(&self) -> Limits {
        self.limits
    }

    pub fn set_limits(&mut self, limits: Limits) {
        self.limits = limits;
        self.shrink();
    }

    /// Why the display is held; `None` while it follows the newest record.
    pub fn hold(&self) -> Option<HoldReason> {
        self.held.as_ref().map(|(reason, _)| *reason)
    }

    pub fn is_paused(&self) -> bool {
        self.hold() == Some(HoldReason::Paused)
    }

    /// Holds the display. A pause replaces a hold by scrolling, and keeps the same rows.
    pub fn hold_display(&mut self, reason: HoldReason) {
        match &mut self.held {
            Some((held, _)) if reason == HoldReason::Paused => *held = reason,
            Some(_) => {}
            None => {
                let empty = Segment::new(&self.filter);
                self.held = Some((reason, std::mem::replace(&mut self.live, empty)));
            }
        }
    }

    /// Follows the newest record again.
    pub fn follow(&mut self) {
        let Some((_, mut held)) = self.held.take() else { return };
        self.shrink();
        let mut live = std::mem::take(&mut self.live);
        // If `live` has lost rows, rows are missing between both lists, and the held ones are older than the limits allow.
        if live.has_lost() {
            if !self.filter.is_empty() {
                self.removed_scanned += held.scanned();
                self.removed_matches += held.lost_matches() + held.matching();
            }
        } else {
            held.append(&self.filter, live);
            live = held;
        }
        self.live = live;
        self.shrink();
    }

    /// Number of records that match the filter and were received since the display was held.
    pub fn unseen(&self) -> u64 {
        if self.held.is_some() { self.live.matched_ever() } else { 0 }
    }

    pub fn filter(&self) -> &Filter {
        &self.filter
    }

    /// Changes with the filter, so that rows drawn for an earlier filter are drawn again.
    pub fn filter_revision(&self) -> u32 {
        self.filter_revision
    }

    pub fn set_filter(&mut self, filter: Filter) {
        self.filter = filter;
        self.filter_revision += 1;
        (self.removed_scanned, self.removed_matches) = (0, 0);
        self.live.refilter(&self.filter);
        if let Some((_, held)) = &mut self.held {
            held.refilter(&self.filter);
        }
    }

    pub fn is_scanned(&self) -> bool {
        self.live.is_scanned() && self.held.as_ref().is_none_or(|(_, held)| held.is_scanned())
    }

    /// Applies the filter to the next entries, up to about `budget` bytes. Returns whether all entries are checked.
    pub fn scan(&mut self, mut budget: usize) -> bool {
        // The rows on screen are checked first.
        let held_is_done = self.held.as_mut().is_none_or(|(_, held)| held.scan(&self.filter, &mut budget));
        let is_done = held_is_done && self.live.scan(&self.filter, &mut budget);
        if is_done {
            // The list may have exceeded its limits until its entries were checked.
            self.shrink();
        }
        is_done
    }

    pub fn clear(&mut self) {
        self.live = Segment::new(&self.filter);
        if let Some((_, held)) = &mut self.held {
            *held = Segment::new(&self.filter);
        }
        (self.received, self.missing) = (0, 0);
        (self.removed_scanned, self.removed_matches) = (0, 0);
    }

    pub fn counts(&self) -> Counts {
        let both = |of: fn(&Segment) -> u64| of(&self.live) + self.held.as_ref().map_or(0, |(_, held)| of(held));
        Counts {
            received: self.received,
            kept: both(Segment::records),
            scanned: both(Segment::scanned) + self.removed_scanned,
            matching: both(Segment::matching),
            lost_matches: both(Segment::lost_matches) + self.removed_matches,
            missing: self.missing,
        }
    }

    fn shown(&self) -> &Segment {
        self.held.as_ref().map_or(&self.live, |(_, held)| held)
    }

    /// Rows of the list on screen.
    pub fn len(&self) -> usize {
        self.shown().len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub fn get(&self, index: usize) -> Option<&Entry> {
        self.shown().get(index)
    }

    /// The row of an entry in the list on screen.
    pub fn index_of(&self, entry: &Entry) -> Option<usize> {
        self.shown().index_of(entry)
    }

    /// The offset of the first kept record of each partition, from which all records up to the newest are kept: older records that
    /// only stay because they match the filter do not count.
    pub fn first_kept_offsets(&self) -> BTreeMap<TopicPartition, i64> {
        // Between the held rows and newer ones, rows may be missing.
        let held = self.held.iter().filter(|_| !self.live.has_shrunk()).map(|(_, held)| held);
        let mut first: BTreeMap<(&str, i32), i64> = BTreeMap::new();
        for record in held.chain([&self.live]).flat_map(Segment::unsaved).filter_map(Entry::record) {
            let offset = first.entry((&**record.topic, record.partition)).or_insert(record.offset);
            *offset = (*offset).min(record.offset);
        }
        let owned = |((topic, partition), offset): ((&str, i32), i64)| {
            (TopicPartition { topic: topic.to_owned(), partition }, offset)
        };
        first.into_iter().map(owned).collect()
    }

    /// All kept entries, oldest first, including those that do not match the filter.
    pub fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.held.iter().flat_map(|(_, held)| held.entries()).chain(self.live.entries())
    }

    /// All kept entries, the newest first: of a held list before those that were received since.
    pub fn entries_newest_first(&self) -> impl Iterator<Item = &Entry> {
        self.held.iter().flat_map(|(_, held)| held.entries().rev()).chain(self.live.entries().rev())
    }

    /// Replaces records by other forms of the same records. Returns whether one has changed.
    pub fn update_records(&mut self, mut updated: impl FnMut(&Entry) -> Option<Entry>) -> bool {
        let is_held_changed = self.held.as_mut().is_some_and(|(_, held)| held.update(&self.filter, &mut updated));
        self.live.update(&self.filter, &mut updated) | is_held_changed
    }

    /// The entry of the list that has this record, if the record was replaced.
    pub fn replacement_of(&self, replaced: &Entry) -> Option<Entry> {
        let record = replaced.record()?;
        let is_same = |entry: &&Entry| {
            entry.record().is_some_and(|other| {
                (other.partition, other.topic) == (record.partition, record.topic) && other.is_same_as(&record)
            })
        };
        self.entries_newest_first().find(is_same).filter(|entry| !entry.is(replaced)).cloned()
    }

    /// The record `steps` rows below (negative: above) the selected one, skipping gaps and stopping at either end.
    /// Without a selection: the last record.
    pub fn step_from(&self, selected: Option<&Entry>, steps: i64) -> Option<(usize, Entry)> {
        let last = self.len().checked_sub(1)? as i64;
        let mut index = match selected.and_then(|entry| self.index_of(entry)) {
            Some(index) => (index as i64 + steps).clamp(0, last),
            None => last,
        };
        let onward = if steps < 0 { -1 } else { 1 };
        for direction in [onward, -onward] {
            while let Some(entry) = usize::try_from(index).ok().and_then(|at| self.get(at)) {
                if entry.is_record() {
                    return Some((index as usize, entry.clone()));
                }
                index += direction;
            }
            index = index.clamp(0, last);
        }
        None
    }

    /// Replaces a gap by its fetched records. Returns the rest of the gap from `next` on; `None` if nothing is left, or
    /// the gap is no longer in the list.
    pub fn fill(&mut self, gap: &Entry, records: Option<&ReceivedBatch>, next: i64) -> Option<Entry> {
        let old = gap.as_gap()?;
        let rest = (next < old.to).then(|| Entry::gap(Gap { from: next, ..old.clone() }));
        let held = self.held.as_mut().map(|(_, held)| held);
        let segment = held.into_iter().chain([&mut self.live]).find_map(|segment| {
            let index = segment.index_among_all(gap)?;
            Some((segment, index))
        });
        let (segment, index) = segment?;
        let mut found = 0;
        let entries = records.into_iter().flat_map(|records| records.entries().map(|(_, entry)| entry));
        segment.replace(index, entries.inspect(|_| found += 1).chain(rest.clone()));
        self.received += found;
        let resolved = u64::try_from(next.min(old.to) - old.from).unwrap_or(0);
        self.missing = self.missing.saturating_sub(resolved);
        rest
    }

    /// Remembers that this page sent the record and received it again after `round_trip_ms`.
    pub fn mark_own(&mut self, topic: Rc<str>, partition: i32, offset: i64, round_trip_ms: f64) {
        let position = (topic, partition, offset);
        if self.own.insert(position.clone(), round_trip_ms).is_none() {
            self.own_order.push_back(position);
        }
        if self.own_order.len() > OWN_KEPT
            && let Some(oldest) = self.own_order.pop_front()
        {
            self.own.remove(&oldest);
        }
    }

    /// The round trip of the record in milliseconds, if this page sent it.
    pub fn own_after_ms(&self, record: &RecordRef<'_>) -> Option<f64> {
        if self.own.is_empty() {
            return None;
        }
        self.own.get(&(Rc::clone(record.topic), record.partition, record.offset)).copied()
    }
}

#[cfg(test)]
mod tests;
