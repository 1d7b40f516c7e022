use std::cell::Cell;

use protocol::GapReason;

use super::*;
use crate::entry::tests::{entry, frame};
use crate::filter::{Condition, ValueCondition};
use crate::masked::MaskedFields;
use crate::notes::SharedNotes;

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

fn received(frame: Box<[u8]>) -> ReceivedBatch {
    ReceivedBatch::parse(frame, None, MaskedFields::default(), &mut SharedNotes::default()).expect("a frame")
}

#[test]
fn full_list_drops_the_oldest_records_and_keeps_correct_counts() {
    let mut feed = feed(3);
    (0..5).for_each(|n| push(&mut feed, n, "v"));
    assert_eq!(offsets(&mut feed), [2, 3, 4]);
    assert_eq!(feed.counts(), Counts { received: 5, kept: 3, scanned: 3, matching: 3, ..Counts::default() });
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
    assert_eq!(feed.counts(), Counts { received: 4, kept: 4, scanned: 4, matching: 2, ..Counts::default() });
    push(&mut feed, 4, "d");
    assert_eq!((offsets(&mut feed), feed.counts().matching), (vec![0, 2], 2));
    feed.set_filter(Filter::default());
    assert_eq!(offsets(&mut feed), [0, 2, 3, 4]);
}

#[test]
fn full_list_removes_records_that_do_not_match_before_those_that_do() {
    for is_scanned_often in [true, false] {
        let mut feed = feed(10);
        feed.set_filter(Filter::text("a"));
        for n in 0..1000 {
            push(&mut feed, n, if n % 200 == 7 { "a" } else { "b" });
            if is_scanned_often {
                offsets(&mut feed);
            }
        }
        assert_eq!(offsets(&mut feed), [7, 207, 407, 607, 807]);
        let counts = Counts { received: 1000, kept: 10, scanned: 1000, matching: 5, ..Counts::default() };
        assert_eq!(feed.counts(), counts);
        // Another filter checks what is kept: five old matches, and the newest records.
        feed.set_filter(Filter::text("b"));
        assert_eq!(offsets(&mut feed), [995, 996, 997, 998, 999]);
        assert_eq!(feed.counts(), Counts { scanned: 10, ..counts });
        feed.set_filter(Filter::default());
        assert_eq!(offsets(&mut feed), [7, 207, 407, 607, 807, 995, 996, 997, 998, 999]);
        (1000..1004).for_each(|n| push(&mut feed, n, "c"));
        assert_eq!(offsets(&mut feed), [807, 995, 996, 997, 998, 999, 1000, 1001, 1002, 1003]);
    }
}

#[test]
fn list_full_of_matches_removes_the_oldest_and_counts_them() {
    let mut feed = feed(10);
    feed.set_filter(Filter::text("a"));
    (0..50).for_each(|n| push(&mut feed, n, if n % 2 == 0 { "a" } else { "b" }));
    let shown = offsets(&mut feed);
    assert_eq!((shown.first(), shown.last()), (Some(&32), Some(&48)));
    let counts = feed.counts();
    assert_eq!((counts.kept, counts.matching, counts.lost_matches, counts.scanned), (10, 9, 16, 50));
    feed.set_filter(Filter::text("A"));
    assert_eq!((offsets(&mut feed), feed.counts().lost_matches), (shown, 0));
}

#[test]
fn matches_stay_when_a_held_list_follows_again() {
    let mut feed = feed(4);
    feed.set_filter(Filter::text("a"));
    ["a", "b", "a"].iter().zip(0..).for_each(|(value, n)| push(&mut feed, n, value));
    offsets(&mut feed);
    feed.hold_display(HoldReason::Scrolled);
    (3..100).for_each(|n| push(&mut feed, n, if n == 50 { "a" } else { "b" }));
    assert_eq!((offsets(&mut feed), feed.unseen()), (vec![0, 2], 1));
    feed.follow();
    assert_eq!(offsets(&mut feed), [0, 2, 50]);
    let counts = Counts { received: 100, kept: 4, scanned: 100, matching: 3, ..Counts::default() };
    assert_eq!(feed.counts(), counts);
    // More matches arrive than the list has space for.
    feed.hold_display(HoldReason::Scrolled);
    (100..110).for_each(|n| push(&mut feed, n, "a"));
    feed.follow();
    assert_eq!(offsets(&mut feed), [106, 107, 108, 109]);
    let counts = feed.counts();
    assert_eq!((counts.matching, counts.lost_matches, counts.scanned), (4, 9, 110));
}

#[test]
fn filter_set_after_records_left_the_list_does_not_join_the_lists_around_them() {
    let mut feed = feed(4);
    (0..3).for_each(|n| push(&mut feed, n, "a"));
    feed.hold_display(HoldReason::Scrolled);
    (3..20).for_each(|n| push(&mut feed, n, "a"));
    feed.set_filter(Filter::text("a"));
    assert_eq!(offsets(&mut feed), [0, 1, 2]);
    feed.follow();
    assert_eq!(offsets(&mut feed), [16, 17, 18, 19], "the records from 3 to 15 are gone");
    assert_eq!(feed.counts().lost_matches, 3);
}

#[test]
fn lists_are_joined_in_order_before_the_held_one_is_checked() {
    let mut feed = feed(5);
    (0..3).for_each(|n| push(&mut feed, n, "a"));
    feed.hold_display(HoldReason::Scrolled);
    feed.set_filter(Filter::text("a"));
    (3..20).for_each(|n| push(&mut feed, n, if n == 5 { "a" } else { "b" }));
    feed.follow();
    assert_eq!(offsets(&mut feed), [0, 1, 2, 5]);
    assert_eq!((feed.counts().kept, feed.counts().scanned, feed.counts().lost_matches), (5, 20, 0));
}

/// Holds for every value, and counts how many it has checked.
struct CountingCondition(Rc<Cell<usize>>);

impl ValueCondition for CountingCondition {
    fn holds_for(&self, _: &[u8]) -> bool {
        self.0.set(self.0.get() + 1);
        true
    }
}

#[test]
fn new_filter_checks_a_full_list_in_steps_and_memory_stays_bounded() {
    let value = "x".repeat(100_000);
    let mut feed = feed(100);
    (0..100).for_each(|n| push(&mut feed, n, &value));
    let checked = Rc::new(Cell::new(0));
    feed.set_filter(Filter::new(vec![Condition::Path(Rc::new(CountingCondition(Rc::clone(&checked))))]));
    for n in 100..140 {
        let before = checked.get();
        push(&mut feed, n, &value);
        assert!(checked.get() - before <= 3, "{} records were checked at once", checked.get() - before);
        assert!(feed.counts().kept <= 125, "{:?}", feed.counts());
    }
    let rows = offsets(&mut feed);
    assert_eq!((rows.len(), rows.first(), rows.last()), (100, Some(&40), Some(&139)), "the newest, without a hole");
    assert_eq!(feed.counts().kept, 100);

    // Held lists that are not checked are joined without checking them at once.
    feed.hold_display(HoldReason::Scrolled);
    (140..150).for_each(|n| push(&mut feed, n, &value));
    feed.set_filter(Filter::new(vec![Condition::Path(Rc::new(CountingCondition(Rc::clone(&checked))))]));
    let before = checked.get();
    feed.follow();
    assert!(checked.get() - before <= 3, "{} records were checked at once", checked.get() - before);
    let rows = offsets(&mut feed);
    assert_eq!((rows.len(), rows.first(), rows.last()), (100, Some(&50), Some(&149)));
}

#[test]
fn gap_among_old_matches_is_filled() {
    let mut feed = feed(6);
    feed.set_filter(Filter::text("a"));
    push(&mut feed, 0, "a");
    feed.push_gap(gap(1, 3));
    push(&mut feed, 3, "a");
    (4..60).for_each(|n| push(&mut feed, n, "b"));
    assert_eq!(offsets(&mut feed), [0, -1, 3]);
    let gap = feed.get(1).expect("the gap").clone();
    let page = received(frame(0, 0, "t", 1..3, "a"));
    assert!(feed.fill(&gap, Some(&page), 3).is_none());
    assert_eq!(offsets(&mut feed), [0, 1, 2, 3]);
    push(&mut feed, 60, "b");
    assert_eq!(offsets(&mut feed), [0, 1, 2, 3]);
    assert_eq!((feed.counts().matching, feed.counts().lost_matches, feed.counts().kept), (4, 0, 6));
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
    assert_eq!(feed.counts(), Counts { received: 2, kept: 2, scanned: 2, missing: 120, ..Counts::default() });
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
        let page = received(frame(0, 0, "t", 10..12, "even"));
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

#[test]
fn kept_offsets_begin_after_records_that_only_the_filter_keeps() {
    let mut feed = feed(6);
    let first = |feed: &Feed| feed.first_kept_offsets().into_values().collect::<Vec<_>>();
    assert!(first(&feed).is_empty());
    push(&mut feed, 3, "a");
    push(&mut feed, 4, "b");
    assert_eq!(first(&feed), [3]);
    feed.set_filter(Filter::text("a"));
    (5..60).for_each(|n| push(&mut feed, n, "b"));
    assert_eq!(offsets(&mut feed), [3]);
    assert!(first(&feed)[0] > 50, "the record at offset 3 stays for the filter");
}

#[test]
fn kept_offsets_include_held_rows_unless_rows_are_missing_behind_them() {
    let mut feed = feed(4);
    (0..4).for_each(|n| push(&mut feed, n, "a"));
    feed.hold_display(HoldReason::Paused);
    push(&mut feed, 4, "a");
    let first = |feed: &Feed| feed.first_kept_offsets().into_values().collect::<Vec<_>>();
    assert_eq!(first(&feed), [0]);
    (5..10).for_each(|n| push(&mut feed, n, "a"));
    assert_eq!(first(&feed), [6]);
}
