//! The live list: the received records within the limits, and whether the display follows the newest record or is held.
//! Records are received while the display is held, too.

use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;

use serde::{Deserialize, Serialize};

use super::entry::{Entry, Gap, ReceivedBatch, RecordRef};
use super::filter::Filter;
use super::segment::Segment;

/// The oldest records are removed when either limit is exceeded.
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
    /// Kept records that the filter has checked.
    pub scanned: u64,
    /// Checked records that match the filter.
    pub matching: u64,
    /// Records inside of gaps.
    pub missing: u64,
}

/// Number of own records that are remembered to mark their rows: more than three times the rows in the list of sent
/// records.
const OWN_KEPT: usize = 1000;

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
    missing: u64,
    own: BTreeMap<RecordPosition, f64>,
    own_order: VecDeque<RecordPosition>,
}

impl Feed {
    pub fn receive(&mut self, entry: Entry) {
        self.received += 1;
        self.live.push(entry);
    }

    /// Removes the oldest entries beyond the limits. Called after each batch.
    pub fn shrink(&mut self) {
        self.live.shrink(self.limits.records, self.limits.mib << 20);
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
        let mut live = std::mem::take(&mut self.live);
        // If `live` has lost entries, records are missing between both lists, and the held rows are older than the limits
        // allow.
        if !live.shrink(self.limits.records, self.limits.mib << 20) && !live.has_shrunk() {
            held.append(live);
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
        held_is_done && self.live.scan(&self.filter, &mut budget)
    }

    pub fn clear(&mut self) {
        self.live = Segment::new(&self.filter);
        if let Some((_, held)) = &mut self.held {
            *held = Segment::new(&self.filter);
        }
        self.received = 0;
        self.missing = 0;
    }

    pub fn counts(&self) -> Counts {
        let both = |of: fn(&Segment) -> u64| of(&self.live) + self.held.as_ref().map_or(0, |(_, held)| of(held));
        Counts {
            received: self.received,
            kept: both(Segment::records),
            scanned: both(Segment::scanned),
            matching: both(Segment::matching),
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

    /// All kept entries, oldest first, including those that do not match the filter.
    pub fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.held.iter().flat_map(|(_, held)| held.entries()).chain(self.live.entries())
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
mod tests {
    use protocol::GapReason;

    use super::*;
    use crate::entry::tests::{entry, frame};
    use crate::masked::MaskedFields;

    fn feed(records: usize) -> Feed {
        Feed { limits: Limits { records, mib: 64 }, ..Feed::default() }
    }

    fn push(feed: &mut Feed, offset: i64, value: &str) {
        feed.receive(entry(offset, value));
        feed.shrink();
    }

    fn gap(from: i64, to: i64) -> Gap {
        Gap { topic: "t".into(), partition: 0, from, to, reason: GapReason::Slow }
    }

    fn offset(entry: &Entry) -> i64 {
        entry.record().map_or(-1, |record| record.offset)
    }

    /// -1 for gaps.
    fn offsets(feed: &mut Feed) -> Vec<i64> {
        while !feed.scan(10) {}
        (0..feed.len()).filter_map(|at| feed.get(at)).map(offset).collect()
    }

    #[test]
    fn full_list_drops_the_oldest_records_and_keeps_correct_counts() {
        let mut feed = feed(3);
        (0..5).for_each(|n| push(&mut feed, n, "v"));
        assert_eq!(offsets(&mut feed), [2, 3, 4]);
        assert_eq!(feed.counts(), Counts { received: 5, kept: 3, scanned: 3, matching: 3, missing: 0 });
    }

    #[test]
    fn memory_limit_drops_old_records_but_keeps_the_newest() {
        let mut feed = Feed { limits: Limits { records: 100, mib: 1 }, ..Feed::default() };
        (0..5).for_each(|n| push(&mut feed, n, &"x".repeat(400_000)));
        assert_eq!(offsets(&mut feed), [3, 4]);
        push(&mut feed, 9, &"x".repeat(2_000_000));
        assert_eq!(offsets(&mut feed), [9]);
    }

    #[test]
    fn filter_applies_to_existing_and_new_records() {
        let mut feed = feed(4);
        push(&mut feed, 0, "a");
        push(&mut feed, 1, "b");
        feed.set_filter(Filter::text("a"));
        assert_eq!(feed.counts().scanned, 0, "the filter checks records in `scan` only");
        push(&mut feed, 2, "ab");
        push(&mut feed, 3, "c");
        assert_eq!(offsets(&mut feed), [0, 2]);
        assert_eq!(feed.counts(), Counts { received: 4, kept: 4, scanned: 4, matching: 2, missing: 0 });
        push(&mut feed, 4, "d");
        assert_eq!((offsets(&mut feed), feed.counts().matching), (vec![2], 1));
        feed.set_filter(Filter::default());
        assert_eq!(offsets(&mut feed), [1, 2, 3, 4]);
    }

    #[test]
    fn held_list_does_not_change_while_records_are_received() {
        let mut feed = feed(3);
        (0..3).for_each(|n| push(&mut feed, n, "a"));
        feed.hold_display(HoldReason::Paused);
        (3..10).for_each(|n| push(&mut feed, n, "a"));
        assert_eq!(offsets(&mut feed), [0, 1, 2]);
        assert_eq!((feed.unseen(), feed.counts().received), (7, 10));
        feed.follow();
        assert_eq!((offsets(&mut feed), feed.unseen()), (vec![7, 8, 9], 0));
    }

    #[test]
    fn held_records_precede_newer_records_after_follow() {
        let mut feed = feed(6);
        feed.set_filter(Filter::text("a"));
        (0..3).for_each(|n| push(&mut feed, n, "a"));
        offsets(&mut feed);
        feed.hold_display(HoldReason::Scrolled);
        (3..5).for_each(|n| push(&mut feed, n, "a"));
        feed.follow();
        assert_eq!(offsets(&mut feed), [0, 1, 2, 3, 4]);
        assert_eq!(feed.counts().matching, 5);
    }

    #[test]
    fn pause_replaces_a_hold_by_scrolling() {
        let mut feed = feed(9);
        feed.hold_display(HoldReason::Scrolled);
        feed.hold_display(HoldReason::Paused);
        feed.hold_display(HoldReason::Scrolled);
        assert_eq!(feed.hold(), Some(HoldReason::Paused));
    }

    #[test]
    fn a_filter_set_while_held_counts_only_matching_new_records() {
        let mut feed = feed(100);
        push(&mut feed, 0, "a");
        push(&mut feed, 1, "b");
        feed.hold_display(HoldReason::Scrolled);
        push(&mut feed, 2, "a");
        push(&mut feed, 3, "b");
        feed.set_filter(Filter::text("a"));
        assert_eq!((offsets(&mut feed), feed.unseen()), (vec![0], 1));
        push(&mut feed, 4, "a");
        offsets(&mut feed);
        assert_eq!(feed.unseen(), 2);
    }

    #[test]
    fn gaps_count_missing_records_and_pass_every_filter() {
        let mut feed = feed(9);
        push(&mut feed, 9, "a");
        feed.push_gap(gap(10, 130));
        push(&mut feed, 130, "b");
        feed.set_filter(Filter::text("nothing has this"));
        assert_eq!(offsets(&mut feed), [-1]);
        assert_eq!(feed.counts(), Counts { received: 2, kept: 2, scanned: 2, matching: 0, missing: 120 });
    }

    #[test]
    fn adjacent_gaps_with_the_same_reason_are_merged() {
        let mut feed = feed(9);
        feed.push_gap(gap(10, 13));
        feed.push_gap(gap(13, 20));
        feed.push_gap(gap(21, 22));
        feed.push_gap(Gap { reason: GapReason::Retention, ..gap(22, 30) });
        let gaps: Vec<_> = feed.entries().filter_map(Entry::as_gap).map(|gap| (gap.from, gap.to)).collect();
        assert_eq!(gaps, [(10, 20), (21, 22), (22, 30)]);
        assert_eq!(feed.counts().missing, 19);
    }

    #[test]
    fn fetched_records_replace_the_gap_in_steps() {
        for is_held in [false, true] {
            let mut feed = feed(100);
            push(&mut feed, 9, "even");
            feed.push_gap(gap(10, 14));
            push(&mut feed, 14, "even");
            feed.set_filter(Filter::text("even"));
            offsets(&mut feed);
            if is_held {
                feed.hold_display(HoldReason::Paused);
                push(&mut feed, 15, "even");
            }
            let gap = feed.get(1).expect("the gap").clone();
            let page =
                ReceivedBatch::parse(frame(0, 0, "t", 10..12, "even"), None, MaskedFields::default()).expect("a frame");
            let rest = feed.fill(&gap, Some(&page), 12).expect("a rest");
            assert_eq!(rest.as_gap().map(|gap| (gap.from, gap.to)), Some((12, 14)));
            assert_eq!(offsets(&mut feed), [9, 10, 11, -1, 14]);
            assert_eq!((feed.counts().missing, feed.counts().received), (2, 4 + u64::from(is_held)));
            // The remaining records were removed by compaction.
            assert!(feed.fill(&rest, None, 14).is_none());
            assert_eq!(offsets(&mut feed), [9, 10, 11, 14]);
            assert_eq!(feed.counts().missing, 0);
            assert!(feed.fill(&gap, Some(&page), 12).is_none(), "a gap is filled once");
        }
    }

    #[test]
    fn stepping_skips_gaps_and_stops_at_the_ends() {
        let mut feed = feed(9);
        push(&mut feed, 0, "a");
        feed.push_gap(gap(1, 5));
        push(&mut feed, 5, "a");
        let (first, last) = (feed.get(0).cloned(), feed.get(2).cloned());
        let step = |from: Option<&Entry>, by| feed.step_from(from, by).map(|(_, entry)| offset(&entry));
        assert_eq!(step(None, -1), Some(5));
        assert_eq!(step(last.as_ref(), -1), Some(0));
        assert_eq!(step(first.as_ref(), -1), Some(0));
        assert_eq!(step(first.as_ref(), 1), Some(5));
    }

    #[test]
    fn clear_forgets_records_and_counts() {
        let mut feed = feed(9);
        push(&mut feed, 0, "a");
        feed.hold_display(HoldReason::Paused);
        push(&mut feed, 1, "a");
        feed.clear();
        assert_eq!(feed.counts(), Counts::default());
        push(&mut feed, 2, "a");
        assert_eq!((feed.len(), feed.unseen()), (0, 1));
        feed.follow();
        assert_eq!(offsets(&mut feed), [2]);
    }

    #[test]
    fn number_of_remembered_own_records_is_bounded() {
        let mut feed = feed(9);
        push(&mut feed, 0, "a");
        feed.mark_own("t".into(), 0, 0, 2.5);
        let mine = |feed: &Feed| feed.get(0).and_then(Entry::record).and_then(|record| feed.own_after_ms(&record));
        assert_eq!(mine(&feed), Some(2.5));
        (1..=OWN_KEPT as i64).for_each(|n| feed.mark_own("t".into(), 0, n, 1.0));
        assert_eq!(mine(&feed), None);
    }
}
