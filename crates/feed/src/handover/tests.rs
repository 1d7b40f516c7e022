//! When a subscription may be moved, and what it is sent afterwards. Interleavings are in `handover_model`.

use std::sync::Weak;

use prometheus_client::metrics::counter::Counter;
use protocol::{ErrorBody, ErrorCode, GapReason, Window};

use super::super::cursor::Listener;
use super::super::ends::HighWatermark;
use super::super::fixtures::{PLENTY, batch, key, receive, start};
use super::super::{Delivered, Waiting};
use super::*;

/// A listener that leaves every change to the cursor's task.
struct NoListener;

impl Listener for NoListener {
    fn notify(&self) -> bool {
        false
    }
}

/// A private feed whose subscription has read partition 0 up to offset 10, where the reservation in the shared feed
/// begins. It can be moved.
struct Pair {
    private: Arc<Feed>,
    shared: Arc<Feed>,
    cursor: Arc<Cursor>,
    /// A subscription of the shared feed, which keeps it alive.
    other: Cursor,
    reservation: Reservation,
}

fn feed_at(offset: i64) -> Arc<Feed> {
    let feed = Arc::new(Feed::new(false, Counter::default()));
    feed.set_settled(Some(ids(1)));
    feed.assigned(vec![start(0, offset)]);
    feed
}

fn ids(id: u128) -> BTreeMap<String, TopicId> {
    BTreeMap::from([("t".to_owned(), TopicId(id))])
}

fn join(feed: &Arc<Feed>) -> Arc<Cursor> {
    let cursor = Arc::new(feed.join(WhenSlow::Skip, None, PLENTY).expect("the feed is new"));
    cursor.set_listener(Weak::<NoListener>::new());
    cursor
}

fn waiting(stable: i64, high: i64) -> Vec<Waiting> {
    vec![Waiting { partition: key(0), stable: LastStable(stable), high: HighWatermark(high) }]
}

impl Pair {
    fn new() -> Self {
        let (private, shared) = (feed_at(8), feed_at(10));
        let other = shared.join(WhenSlow::Skip, None, PLENTY).expect("the feed is new");
        let cursor = join(&private);
        private.push(batch(0, 8..10, 1));
        assert_eq!(receive(&cursor), ["assigned 0 at 8", "records 0 [8, 9] to number 2"]);
        let reservation = shared.reserve().expect("the feed runs");
        Self { private, shared, cursor, other, reservation }
    }

    fn hand_over(&mut self) -> HandOver {
        self.reservation.hand_over(&self.private)
    }
}

#[test]
fn subscription_is_moved_only_between_readers_in_the_same_state() {
    type Change = fn(&mut Pair);
    let changes: [(&str, Change, HandOver); 25] = [
        ("nothing", |_| (), HandOver::Done),
        ("the private reader has an error", |pair| pair.private.set_error(Some(error())), HandOver::Failed),
        ("the shared reader has an error", |pair| pair.shared.set_error(Some(error())), HandOver::Failed),
        ("the private reader is not settled", |pair| pair.private.set_settled(None), HandOver::Failed),
        ("the shared reader is not settled", |pair| pair.shared.set_settled(None), HandOver::Failed),
        (
            "neither reader is settled",
            |pair| [&pair.private, &pair.shared].iter().for_each(|feed| feed.set_settled(None)),
            HandOver::Failed,
        ),
        ("the topic was recreated", |pair| pair.shared.set_settled(Some(ids(2))), HandOver::Failed),
        ("the private feed ends", |pair| pair.private.end(), HandOver::Failed),
        ("the shared feed ends", |pair| pair.shared.end(), HandOver::Failed),
        ("the shared reader has another partition", |pair| pair.shared.assigned(vec![start(1, 0)]), HandOver::Failed),
        (
            "the subscription has another partition",
            |pair| {
                pair.private.assigned(vec![start(1, 0)]);
                receive(&pair.cursor);
            },
            HandOver::Failed,
        ),
        (
            "both have a partition that the reservation does not know",
            |pair| {
                pair.private.assigned(vec![start(1, 0)]);
                pair.shared.assigned(vec![start(1, 0)]);
                receive(&pair.cursor);
            },
            HandOver::Failed,
        ),
        (
            "the shared feed has dropped what was reserved",
            |pair| {
                pair.shared.push(batch(0, [10], 9000));
                pair.shared.lock().drop_front();
            },
            HandOver::Failed,
        ),
        (
            "only the shared reader knows of an open transaction",
            |pair| pair.shared.set_waiting(waiting(10, 12)),
            HandOver::Failed,
        ),
        (
            "the readers know different open transactions",
            |pair| {
                pair.private.set_waiting(waiting(11, 12));
                pair.shared.set_waiting(waiting(10, 12));
                receive(&pair.cursor);
            },
            HandOver::Failed,
        ),
        (
            "the open transactions have different numbers of records",
            |pair| {
                pair.private.set_waiting(waiting(10, 12));
                pair.shared.set_waiting(waiting(10, 13));
                receive(&pair.cursor);
            },
            HandOver::Done,
        ),
        ("the subscription is ending", |pair| drop(pair.cursor.start_closing()), HandOver::Failed),
        ("the private feed has a second subscription", |pair| std::mem::forget(join(&pair.private)), HandOver::Failed),
        (
            "an event follows in the shared feed",
            |pair| pair.shared.lost(key(0), 10, 12, GapReason::Retention),
            HandOver::Failed,
        ),
        ("the shared reader is ahead", |pair| pair.shared.push(batch(0, 10..13, 1)), HandOver::Done),
        (
            "the private reader is ahead",
            |pair| {
                pair.private.push(batch(0, [10], 1));
                receive(&pair.cursor);
            },
            HandOver::Wait,
        ),
        (
            "the shared reader knows that only a marker follows",
            |pair| {
                pair.private.push(batch(0, [10], 1));
                receive(&pair.cursor);
                pair.shared.reached_end(key(0), 11);
            },
            HandOver::Done,
        ),
        ("the subscription has not taken a record", |pair| pair.private.push(batch(0, [10], 1)), HandOver::Wait),
        (
            "the subscription was not notified of an open transaction",
            |pair| {
                pair.private.set_waiting(waiting(10, 12));
                pair.shared.set_waiting(waiting(10, 12));
            },
            HandOver::Wait,
        ),
        (
            "something is still to be sent first",
            |pair| pair.cursor.lock().progress.pending.push_back(Delivered::Error(error())),
            HandOver::Wait,
        ),
    ];
    for (name, change, result) in changes {
        let mut pair = Pair::new();
        change(&mut pair);
        assert_eq!(pair.hand_over(), result, "{name}");
        let is_moved = Arc::ptr_eq(&pair.cursor.lock().feed, &pair.shared);
        assert_eq!(is_moved, result == HandOver::Done, "{name}");
        assert_eq!(pair.reservation.is_used, is_moved, "{name}");
    }
}

fn error() -> ErrorBody {
    ErrorBody::new(ErrorCode::Internal, "broken")
}

#[test]
fn subscription_that_was_moved_already_is_not_moved_again() {
    let mut pair = Pair::new();
    pair.shared.push(batch(0, 10..12, 1));
    assert_eq!(pair.hand_over(), HandOver::Done);
    // Its records of the first handover are still to be sent.
    let third = feed_at(10);
    let _keeps_third = join(&third);
    let mut again = third.reserve().expect("the feed runs");
    drop(pair.other);
    assert_eq!(again.hand_over(&pair.private), HandOver::Failed, "it is in another feed");
    assert_eq!(again.hand_over(&pair.shared), HandOver::Wait);
}

#[test]
fn private_reader_reads_on_until_it_has_passed_the_start_of_the_reservation() {
    for (read, result) in [(9, HandOver::ReadOn), (10, HandOver::Done), (11, HandOver::Wait)] {
        let mut pair = Pair::new();
        let private = feed_at(0);
        let cursor = join(&private);
        private.push(batch(0, 0..read, 1));
        receive(&cursor);
        (pair.private, pair.cursor) = (private, cursor);
        assert_eq!(pair.hand_over(), result, "{read}");
    }
    // Only a transaction marker is before the start.
    let mut pair = Pair::new();
    let private = feed_at(0);
    let cursor = join(&private);
    private.push(batch(0, 0..9, 1));
    receive(&cursor);
    private.reached_end(key(0), 10);
    (pair.private, pair.cursor) = (private, cursor);
    assert_eq!(pair.hand_over(), HandOver::Done);
}

#[test]
fn moved_subscription_gets_the_records_after_the_reservation_that_it_does_not_have() {
    let mut pair = Pair::new();
    // The shared reader is at 14. The subscription has the records up to 11 from the private reader.
    pair.shared.push(batch(0, 10..11, 9000));
    pair.shared.push(batch(0, 11..14, 1));
    pair.private.push(batch(0, 10..12, 1));
    assert_eq!(receive(&pair.cursor), ["records 0 [10, 11] to number 4"]);
    assert_eq!(pair.hand_over(), HandOver::Done);
    pair.cursor.flow(4, Window { records: 1, bytes: 1000 }).expect("four were sent");
    assert_eq!(receive(&pair.cursor), ["records 0 [12] to number 5"]);
    assert!(receive(&pair.cursor).is_empty(), "the credit is used up");
    pair.cursor.flow(5, PLENTY).expect("five were sent");
    pair.shared.push(batch(0, 14..15, 1));
    assert_eq!(receive(&pair.cursor), ["records 0 [13] to number 6", "records 0 [14] to number 7"]);
    let (passed, all) = (pair.cursor.lock().progress.passed_records, pair.shared.lock().records_in_all());
    assert_eq!(passed, all, "records that were taken along are counted once");
}

#[test]
fn moved_subscription_is_sent_waiting_partitions_only_if_they_differ() {
    for (shared, expected) in [(waiting(10, 12), vec![]), (waiting(10, 13), vec!["waiting [0]"])] {
        let mut pair = Pair::new();
        // Both versions are the same number, but one of them belongs to another list.
        pair.private.set_waiting(waiting(10, 12));
        pair.shared.set_waiting(shared);
        receive(&pair.cursor);
        assert_eq!(pair.hand_over(), HandOver::Done);
        assert_eq!(receive(&pair.cursor), expected);
    }
}

#[test]
fn gap_after_a_handover_begins_after_the_records_that_were_taken_along() {
    let mut pair = Pair::new();
    pair.shared.push(batch(0, 10..12, 9000));
    pair.cursor.flow(2, Window { records: 0, bytes: 0 }).expect("two were sent");
    assert_eq!(pair.hand_over(), HandOver::Done);
    pair.shared.push(batch(0, 12..14, 9000));
    pair.shared.push(batch(0, 14..15, 9000));
    (0..2).for_each(|_| pair.shared.lock().drop_front());
    pair.cursor.flow(2, PLENTY).expect("two were sent");
    let expected = ["records 0 [10, 11] to number 4", "gap 0 12..14 Slow", "records 0 [14] to number 7"];
    assert_eq!(receive(&pair.cursor), expected);
}

#[test]
fn records_taken_along_are_bounded() {
    let record = |offset, value_bytes: usize| batch(0, [offset], value_bytes);
    let memory = |value_bytes| record(10, value_bytes).records.memory_bytes();
    let half = OVERLAP_BYTES / 2;
    let of_half = half - (memory(half) - half);
    assert_eq!(memory(of_half), half);
    for (second, result) in [(of_half, HandOver::Done), (of_half + 1, HandOver::Failed)] {
        let mut pair = Pair::new();
        // The subscription has this one already, so it does not count.
        pair.private.push(record(10, 1));
        receive(&pair.cursor);
        pair.shared.push(record(10, 2 * OVERLAP_BYTES));
        pair.shared.push(record(11, of_half));
        pair.shared.push(record(12, second));
        assert_eq!(pair.hand_over(), result, "{second}");
    }
}

#[test]
fn withdrawn_entries_are_not_taken_along() {
    let mut pair = Pair::new();
    pair.shared.push(batch(0, [10], 1));
    pair.shared.withdraw(&[key(0)], std::time::Duration::ZERO);
    assert_eq!(pair.hand_over(), HandOver::Done);
    assert!(receive(&pair.cursor).is_empty());
}

#[test]
fn moved_subscription_keeps_its_position_in_the_order_of_the_shared_feed() {
    let mut pair = Pair::new();
    assert_eq!(pair.hand_over(), HandOver::Done);
    assert!(pair.private.should_end() && pair.private.lock().cursors.is_empty());
    assert_eq!(pair.shared.lock().cursors.len(), 2);
    drop(pair.reservation);
    assert_eq!(pair.shared.lock().cursors.len(), 2, "the used reservation is the subscription now");
    pair.shared.push(batch(0, [10], 1));
    assert_eq!(receive(&pair.cursor), ["records 0 [10] to number 3"]);
    drop(pair.cursor);
    assert_eq!(pair.shared.lock().cursors.len(), 1);
}

#[test]
fn unused_reservation_leaves_the_shared_feed() {
    let Pair { shared, other, reservation, .. } = Pair::new();
    let second = shared.reserve().expect("the feed runs");
    assert_ne!(reservation.id, second.id);
    assert_eq!(shared.lock().cursors.len(), 3);
    drop((reservation, second));
    assert_eq!(shared.lock().cursors.len(), 1);
    drop(other);
    assert!(shared.should_end());
    assert!(shared.reserve().is_none(), "the feed ends");
}

#[test]
fn reader_is_at_its_end_within_a_few_offsets_of_the_high_watermark() {
    // The next offset is 100. `end`: where the reader found no further record.
    for (end, fetched, is_at_end) in [
        (None, None, false),
        (Some(99), None, false),
        (Some(100), None, true),
        (Some(103), None, true),
        (None, Some(100), true),
        (None, Some(100 + AT_END_WITHIN), true),
        (None, Some(100 + AT_END_WITHIN + 1), false),
        (Some(100), Some(100 + AT_END_WITHIN + 1), true),
    ] {
        let feed = feed_at(100);
        if let Some(end) = end {
            feed.reached_end(key(0), end);
        }
        assert_eq!(feed.is_at_end(|_| fetched), is_at_end, "{end:?}, {fetched:?}");
        feed.set_settled(None);
        assert!(!feed.is_at_end(|_| fetched), "{end:?}, {fetched:?}: not settled");
    }
}

#[test]
fn reader_is_at_its_end_only_if_every_partition_is() {
    let feed = feed_at(100);
    feed.reached_end(key(0), 100);
    feed.assigned(vec![start(1, 0)]);
    feed.reached_end(key(2), 5);
    assert!(!feed.is_at_end(|_| None));
    feed.reached_end(key(1), 0);
    assert!(feed.is_at_end(|_| None));
    feed.revoked(vec![key(0), key(1)]);
    assert!(!feed.is_at_end(|_| None), "there are no partitions");
    assert!(feed.lock().ends.is_empty(), "ends of partitions that are not read are not kept");
}

/// Finds no shared feed, and becomes it if the private feed reads all partitions.
struct Lookup;

impl SharedFeedLookup for Lookup {
    fn share(&self, reads_all: bool) -> Share {
        if reads_all { Share::BecameShared } else { Share::Unavailable }
    }
}

#[test]
fn only_a_private_feed_looks_for_the_shared_one() {
    let private = Feed::private(Lookup, Counter::default());
    assert!(private.may_be_shared() && private.frees_its_reader_soon());
    assert!(matches!(private.share(true), Share::BecameShared));
    assert!(matches!(private.share(false), Share::Unavailable));
    private.set_about_to_share(false);
    assert!(!private.frees_its_reader_soon());
    private.set_about_to_share(true);
    assert!(private.frees_its_reader_soon());
    let group = Feed::new(true, Counter::default());
    assert!(!group.may_be_shared() && !group.frees_its_reader_soon());
    assert!(matches!(group.share(true), Share::Unavailable));
}
