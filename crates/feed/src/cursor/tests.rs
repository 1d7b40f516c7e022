//! What one subscription is sent, and what it acknowledges. Interleavings are in `model`.

use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use protocol::ErrorCode;

use super::super::ends::{HighWatermark, LastStable};
use super::super::fixtures::{PLENTY, batch, describe, feed, join, key, receive, start};
use super::*;

const NOTHING: Window = Window { records: 0, bytes: 0 };

fn records(count: u64) -> Window {
    Window { records: count, bytes: 1 << 40 }
}

fn waiting(partition: i32) -> Waiting {
    Waiting { partition: key(partition), stable: LastStable(3), high: HighWatermark(5) }
}

/// Drops the first `count` entries of the ring, as a reader does that needs their memory.
fn drop_entries(feed: &Feed, count: usize) {
    (0..count).for_each(|_| feed.lock().drop_front());
}

/// Pushes batches of one record each that are not merged.
fn push_each(feed: &Feed, partition: i32, offsets: Range<i64>) {
    offsets.for_each(|offset| feed.push(batch(partition, [offset], 9000)));
}

/// A subscription that has received the assignment of partitions 0 and 1, and has no credit.
fn paused(when_slow: WhenSlow) -> (Arc<Feed>, Cursor) {
    let feed = feed(&[start(0, 0), start(1, 0)]);
    let cursor = join(&feed, when_slow);
    assert_eq!(receive(&cursor), ["assigned 0 at 0, 1 at 0"]);
    feed.lock().drop_passed();
    cursor.flow(0, NOTHING).expect("nothing is handled by that");
    (feed, cursor)
}

#[test]
fn credit_bounds_the_records_and_bytes_in_flight() {
    // A batch of three records of ten bytes each; `sent` of them are in flight already.
    for (records, bytes, sent, allowed) in [
        (0, 1000, 0, 0),
        (1, 1000, 0, 1),
        (3, 1000, 0, 3),
        (4, 1000, 0, 3),
        (3, 1000, 2, 1),
        (2, 1000, 2, 0),
        (1, 1000, 2, 0),
        (9, 0, 0, 0),
        (9, 9, 0, 1),
        (9, 10, 0, 1),
        (9, 29, 0, 2),
        (9, 30, 0, 3),
        (9, 30, 2, 1),
        (9, 29, 2, 0),
        (9, 9, 1, 0),
        (0, 9, 0, 0),
    ] {
        let feed = feed(&[start(0, 0)]);
        let cursor = join(&feed, WhenSlow::Skip);
        let mut inner = cursor.lock();
        let batch = Arc::new(batch(0, 0..3, 10));
        if sent > 0 {
            inner.progress.send(Arc::clone(&batch), 0..sent);
        }
        inner.progress.credit = Window { records, bytes };
        let case = format!("{records} records, {bytes} bytes, {sent} sent");
        assert_eq!(inner.progress.allowed(&batch, sent), allowed, "{case}");
    }
}

#[test]
fn part_of_a_batch_is_sent_and_its_credit_returns_when_it_is_handled() {
    let feed = feed(&[start(0, 0)]);
    let cursor = join(&feed, WhenSlow::Skip);
    cursor.flow(0, records(2)).expect("nothing is handled by that");
    feed.push(batch(0, 0..5, 10));
    assert_eq!(receive(&cursor), ["assigned 0 at 0", "records 0 [0, 1] to number 2"]);
    let in_flight = |cursor: &Cursor| {
        let progress = &cursor.lock().progress;
        (progress.sent_records, progress.sent_bytes)
    };
    assert_eq!(in_flight(&cursor), (2, 20));
    cursor.flow(1, records(2)).expect("two were sent");
    assert_eq!(in_flight(&cursor), (1, 10));
    assert_eq!(feed.acknowledged(&key(0)), Some(1));
    assert_eq!(receive(&cursor), ["records 0 [2] to number 3"]);
    cursor.flow(3, records(9)).expect("three were sent");
    assert_eq!(in_flight(&cursor), (0, 0));
    assert_eq!(receive(&cursor), ["records 0 [3, 4] to number 5"]);
    cursor.flow(4, records(9)).expect("five were sent");
    cursor.flow(4, records(9)).expect("the same number again changes nothing");
    assert_eq!((in_flight(&cursor), feed.acknowledged(&key(0))), ((1, 10), Some(4)));
    assert_eq!(cursor.flow(6, records(9)), Err(NeverSent { last_sent: 5 }));
    assert_eq!((in_flight(&cursor), feed.acknowledged(&key(0))), ((1, 10), Some(4)));
    cursor.flow(5, records(9)).expect("five were sent");
    assert_eq!((in_flight(&cursor), feed.acknowledged(&key(0))), ((0, 0), Some(5)));
}

#[test]
fn record_acknowledges_nothing_in_a_later_assignment_of_its_partition() {
    let feed = feed(&[start(0, 0)]);
    let cursor = join(&feed, WhenSlow::Skip);
    push_each(&feed, 0, 0..2);
    assert_eq!(receive(&cursor).len(), 3);
    feed.revoked(vec![key(0)]);
    feed.assigned(vec![start(0, 0)]);
    assert_eq!(receive(&cursor), ["revoked [0]", "assigned 0 at 0"]);
    cursor.flow(2, PLENTY).expect("two were sent");
    assert_eq!(feed.acknowledged(&key(0)), Some(0));
    push_each(&feed, 0, 0..1);
    assert_eq!(receive(&cursor), ["records 0 [0] to number 3"]);
    cursor.flow(3, PLENTY).expect("three were sent");
    assert_eq!(feed.acknowledged(&key(0)), Some(1));
}

#[test]
fn only_the_mode_of_a_subscription_decides_what_acknowledges_its_records() {
    // How far are two of three records acknowledged after `flow`, and after an explicit acknowledgement?
    for (commit, after_flow, after_ack) in [(Some(CommitMode::Auto), 2, 3), (Some(CommitMode::Ack), 0, 3), (None, 0, 0)]
    {
        let feed = feed(&[start(0, 0)]);
        let cursor = feed.join(WhenSlow::Skip, commit, PLENTY).expect("the feed is new");
        feed.push(batch(0, 0..3, 1));
        receive(&cursor);
        cursor.flow(2, PLENTY).expect("three were sent");
        assert_eq!(feed.acknowledged(&key(0)), Some(after_flow), "{commit:?}");
        // More than was sent, and a partition that it does not have.
        cursor.acknowledge([(key(0), 100), (key(1), 100)].into_iter());
        assert_eq!(feed.acknowledged(&key(0)), Some(after_ack), "{commit:?}");
        // Only a group has positions that a revocation waits for.
        feed.push(batch(0, [3], 1));
        receive(&cursor);
        assert_eq!(feed.lock().acks.complete(&[key(0)]), commit.is_none(), "{commit:?}");
    }
}

#[test]
fn status_is_sent_once_for_each_change() {
    let feed = feed(&[start(0, 0), start(1, 0)]);
    let cursor = join(&feed, WhenSlow::Skip);
    assert_eq!(receive(&cursor), ["assigned 0 at 0, 1 at 0"]);
    let error = |text: &str| feed.set_error(Some(ErrorBody::new(ErrorCode::Internal, text)));
    error("first");
    feed.set_waiting(vec![waiting(0), waiting(1)]);
    feed.committed(&[start(0, 3), start(1, 4)]);
    assert_eq!(receive(&cursor), ["error first", "waiting [0, 1]", "committed 0 at 3, 1 at 4"]);
    assert!(receive(&cursor).is_empty());
    error("second");
    feed.set_error(None);
    feed.set_waiting(vec![]);
    feed.committed(&[start(0, 3), start(1, 5)]);
    assert_eq!(receive(&cursor), ["waiting []", "committed 1 at 5"], "an error that is over is not sent");
    feed.committed(&[start(1, 5)]);
    assert!(receive(&cursor).is_empty(), "no position has moved");
}

#[test]
fn new_subscription_is_sent_the_status_that_holds() {
    let feed = feed(&[start(0, 0)]);
    feed.set_error(Some(ErrorBody::new(ErrorCode::Internal, "broken")));
    feed.set_waiting(vec![waiting(0)]);
    feed.committed(&[start(0, 3)]);
    assert_eq!(receive(&join(&feed, WhenSlow::Skip)), ["assigned 0 at 0", "error broken", "waiting [0]"]);
    feed.set_error(None);
    feed.set_waiting(vec![]);
    assert_eq!(receive(&join(&feed, WhenSlow::Skip)), ["assigned 0 at 0"]);
}

#[test]
fn subscription_to_named_partitions_ignores_the_others() {
    let feed = feed(&[]);
    let cursor = join(&feed, WhenSlow::Skip);
    cursor.restrict_to(BTreeSet::from([key(1)]));
    feed.assigned(vec![start(0, 0), start(1, 0)]);
    feed.push(batch(0, 0..3, 1));
    feed.push(batch(1, 0..2, 1));
    feed.lost(key(0), 3, 5, GapReason::Retention);
    feed.lost(key(1), 2, 5, GapReason::Retention);
    feed.set_waiting(vec![waiting(0), waiting(1)]);
    let expected = ["waiting [1]", "assigned 1 at 0", "records 1 [0, 1] to number 2", "gap 1 2..5 Retention"];
    assert_eq!(receive(&cursor), expected);
    assert_eq!(cursor.lock().progress.passed_records, feed.lock().records_in_all());
}

#[test]
fn subscription_to_named_partitions_counts_only_their_missed_records() {
    let feed = feed(&[]);
    let cursor = join(&feed, WhenSlow::Skip);
    cursor.restrict_to(BTreeSet::from([key(1)]));
    feed.assigned(vec![start(0, 0), start(1, 0)]);
    assert_eq!(receive(&cursor), ["assigned 1 at 0"]);
    feed.lock().drop_passed();
    push_each(&feed, 0, 0..3);
    push_each(&feed, 1, 0..2);
    push_each(&feed, 0, 3..7);
    push_each(&feed, 1, 2..3);
    drop_entries(&feed, 9);
    assert_eq!(receive(&cursor), ["gap 1 0..2 Slow", "records 1 [2] to number 3"]);
}

#[test]
fn missed_records_become_one_gap_for_each_partition_and_advance_the_number() {
    let (feed, cursor) = paused(WhenSlow::Skip);
    push_each(&feed, 0, 0..2);
    push_each(&feed, 1, 0..3);
    push_each(&feed, 0, 2..4);
    drop_entries(&feed, 6);
    assert!(receive(&cursor).is_empty(), "gaps are sent together with the next record");
    cursor.flow(0, PLENTY).expect("nothing is handled by that");
    assert_eq!(receive(&cursor), ["gap 0 0..3 Slow", "gap 1 0..3 Slow", "records 0 [3] to number 7"]);
}

#[test]
fn gaps_of_two_partitions_stay_apart_when_one_begins_where_the_other_ends() {
    let feed = feed(&[start(0, 0), start(1, 3)]);
    let cursor = join(&feed, WhenSlow::Skip);
    assert_eq!(receive(&cursor), ["assigned 0 at 0, 1 at 3"]);
    feed.lock().drop_passed();
    push_each(&feed, 0, 0..3);
    push_each(&feed, 1, 3..6);
    drop_entries(&feed, 5);
    assert_eq!(receive(&cursor), ["gap 0 0..3 Slow", "gap 1 3..5 Slow", "records 1 [5] to number 6"]);
}

#[test]
fn gap_of_a_paused_subscription_grows_until_it_is_sent() {
    let (feed, cursor) = paused(WhenSlow::Skip);
    push_each(&feed, 0, 0..6);
    for _ in 0..3 {
        drop_entries(&feed, 1);
        assert!(receive(&cursor).is_empty());
    }
    cursor.flow(0, records(1)).expect("nothing is handled by that");
    assert_eq!(receive(&cursor), ["gap 0 0..3 Slow", "records 0 [3] to number 4"]);
    drop_entries(&feed, 2);
    // Number 4 is handled by the client only now.
    cursor.flow(4, PLENTY).expect("four were sent or skipped");
    assert_eq!(receive(&cursor), ["gap 0 4..5 Slow", "records 0 [5] to number 6"]);
}

#[test]
fn part_of_a_batch_that_was_sent_is_not_in_the_gap() {
    let (feed, cursor) = paused(WhenSlow::Skip);
    feed.push(batch(0, 0..3, 9000));
    push_each(&feed, 0, 3..5);
    cursor.flow(0, records(1)).expect("nothing is handled by that");
    assert_eq!(receive(&cursor), ["records 0 [0] to number 1"]);
    drop_entries(&feed, 2);
    cursor.flow(1, PLENTY).expect("one was sent");
    assert_eq!(receive(&cursor), ["gap 0 1..4 Slow", "records 0 [4] to number 5"]);
}

#[test]
fn events_that_left_the_ring_are_sent_in_order_with_the_gaps() {
    let (feed, cursor) = paused(WhenSlow::Skip);
    push_each(&feed, 0, 0..1);
    feed.lost(key(0), 1, 3, GapReason::Retention);
    push_each(&feed, 0, 3..5);
    feed.revoked(vec![key(1)]);
    push_each(&feed, 0, 5..6);
    drop_entries(&feed, 5);
    cursor.flow(0, PLENTY).expect("nothing is handled by that");
    let expected =
        ["gap 0 0..1 Slow", "gap 0 1..3 Retention", "gap 0 3..5 Slow", "revoked [1]", "records 0 [5] to number 4"];
    assert_eq!(receive(&cursor), expected);
}

#[test]
fn missed_records_that_were_delivered_before_make_no_gap() {
    let (feed, cursor) = paused(WhenSlow::Skip);
    push_each(&feed, 0, 0..1);
    drop_entries(&feed, 1);
    // As after a handover: the subscription has the record from another feed.
    cursor.lock().progress.partitions.get_mut(&key(0)).expect("assigned").next = 1;
    push_each(&feed, 0, 1..2);
    cursor.flow(0, PLENTY).expect("nothing is handled by that");
    assert_eq!(receive(&cursor), ["records 0 [1] to number 2"]);
}

#[test]
fn records_missed_by_a_subscription_are_acknowledged_only_if_it_asked_to_skip() {
    for (when_slow, acknowledged) in [(WhenSlow::Skip, 4), (WhenSlow::Block, 0)] {
        let (feed, cursor) = paused(when_slow);
        push_each(&feed, 0, 0..4);
        drop_entries(&feed, 3);
        cursor.flow(0, PLENTY).expect("nothing is handled by that");
        assert_eq!(receive(&cursor), ["gap 0 0..3 Slow", "records 0 [3] to number 4"], "{when_slow:?}");
        cursor.flow(4, PLENTY).expect("four were sent or skipped");
        assert_eq!(feed.acknowledged(&key(0)), Some(acknowledged), "{when_slow:?}");
        let rewind = (when_slow == WhenSlow::Block).then(|| vec![start(0, 0)]);
        assert_eq!(feed.take_rewind(), rewind, "{when_slow:?}");
    }
}

#[test]
fn subscription_that_asked_to_be_closed_is_too_slow_once_it_falls_out_of_the_ring() {
    let (feed, cursor) = paused(WhenSlow::Close);
    push_each(&feed, 0, 0..2);
    assert!(receive(&cursor).is_empty());
    drop_entries(&feed, 1);
    assert_eq!(receive(&cursor), ["too slow"]);
}

#[test]
fn gaps_wait_until_something_can_follow_them() {
    /// What is in the ring after the missed records.
    #[derive(Clone, Copy, Debug)]
    enum Next {
        Nothing,
        Record,
        Event,
        WithdrawnThenRecord,
        End,
    }
    let sent = "gap 0 0..1 Slow";
    for (next, credit, expected) in [
        (Next::Nothing, NOTHING, vec![]),
        (Next::Nothing, records(1), vec![sent]),
        (Next::Record, NOTHING, vec![]),
        (Next::Record, records(1), vec![sent, "records 0 [1] to number 2"]),
        (Next::Record, Window { records: 1, bytes: 0 }, vec![]),
        (Next::Event, NOTHING, vec![sent, "revoked [1]"]),
        (Next::WithdrawnThenRecord, NOTHING, vec![]),
        (Next::WithdrawnThenRecord, records(1), vec![sent, "records 0 [1] to number 2"]),
        (Next::End, NOTHING, vec![sent, "ended"]),
    ] {
        let (feed, cursor) = paused(WhenSlow::Skip);
        push_each(&feed, 0, 0..1);
        match next {
            Next::Nothing => {}
            Next::Record => push_each(&feed, 0, 1..2),
            Next::Event => feed.revoked(vec![key(1)]),
            Next::WithdrawnThenRecord => {
                push_each(&feed, 1, 0..1);
                push_each(&feed, 0, 1..2);
            }
            Next::End => feed.ended(),
        }
        drop_entries(&feed, 1);
        if matches!(next, Next::WithdrawnThenRecord) {
            feed.withdraw(&[key(1)], Duration::ZERO);
        }
        cursor.flow(0, credit).expect("nothing is handled by that");
        assert_eq!(receive(&cursor), expected, "{next:?} with {credit:?}");
    }
}

#[test]
fn gap_waits_while_records_in_flight_use_the_credit() {
    let (feed, cursor) = paused(WhenSlow::Skip);
    push_each(&feed, 0, 0..2);
    cursor.flow(0, records(1)).expect("nothing is handled by that");
    assert_eq!(receive(&cursor), ["records 0 [0] to number 1"]);
    drop_entries(&feed, 2);
    assert!(receive(&cursor).is_empty());
    cursor.flow(1, records(1)).expect("one was sent");
    assert_eq!(receive(&cursor), ["gap 0 1..2 Slow"]);
}

#[test]
fn events_before_the_first_record_are_sent_without_credit() {
    let feed = feed(&[start(0, 0)]);
    let cursor = feed.join(WhenSlow::Skip, None, NOTHING).expect("the feed is new");
    push_each(&feed, 0, 0..1);
    assert_eq!(receive(&cursor), ["assigned 0 at 0"]);
    feed.ended();
    assert!(receive(&cursor).is_empty(), "the end is after the last record");
    cursor.flow(0, PLENTY).expect("nothing is handled by that");
    assert_eq!(receive(&cursor), ["records 0 [0] to number 1", "ended"]);
}

#[test]
fn gap_of_a_recreated_topic_starts_a_new_assignment() {
    let feed = feed(&[start(0, 0)]);
    let cursor = join(&feed, WhenSlow::Skip);
    push_each(&feed, 0, 0..3);
    assert_eq!(receive(&cursor).len(), 4);
    feed.lost(key(0), 3, 0, GapReason::Recreated);
    push_each(&feed, 0, 0..1);
    assert_eq!(receive(&cursor), ["gap 0 3..0 Recreated", "records 0 [0] to number 4"]);
    cursor.flow(3, PLENTY).expect("four were sent");
    assert_eq!(feed.acknowledged(&key(0)), Some(0), "records of the deleted topic");
    cursor.flow(4, PLENTY).expect("four were sent");
    assert_eq!(feed.acknowledged(&key(0)), Some(1));
}

#[test]
fn gap_continues_the_assignment_of_its_partition() {
    // The second gap is empty.
    for (from, to) in [(1, 5), (1, 1)] {
        let feed = feed(&[start(0, 0)]);
        let cursor = join(&feed, WhenSlow::Skip);
        push_each(&feed, 0, 0..1);
        feed.lost(key(0), from, to, GapReason::Retention);
        assert_eq!(receive(&cursor).len(), 3);
        assert_eq!(feed.acknowledged(&key(0)), Some(0), "{from}..{to}: the record is not acknowledged yet");
        cursor.flow(1, PLENTY).expect("one was sent");
        assert_eq!(feed.acknowledged(&key(0)), Some(to), "{from}..{to}");
        assert_eq!(cursor.lock().progress.partitions[&key(0)].next, to, "{from}..{to}");
    }
}

#[test]
fn new_subscription_is_notified_of_commits_that_wait_for_confirmation() {
    let feed = Arc::new(Feed::new(true, Counter::default()));
    feed.assigned_to_group(vec![start(0, 100), start(1, 0)], &BTreeMap::from([(key(0), 100)]));
    feed.lost(key(0), 100, 20, GapReason::OutOfRange);
    let cursor = join(&feed, WhenSlow::Skip);
    assert_eq!(receive(&cursor), ["assigned 0 at 20, 1 at 0", "gap 0 100..20 OutOfRange"]);
    push_each(&feed, 0, 20..21);
    receive(&cursor);
    cursor.flow(1, PLENTY).expect("one was sent");
    assert_eq!(feed.uncommitted(), []);
    assert_eq!(cursor.resume_commits(&[key(1)]), []);
    assert_eq!(cursor.resume_commits(&[]), [key(0)]);
    assert_eq!(feed.uncommitted(), [start(0, 21)]);
}

#[test]
fn first_subscription_of_a_new_feed_is_sent_no_empty_assignment() {
    let feed = Arc::new(Feed::new(true, Counter::default()));
    let cursor = join(&feed, WhenSlow::Skip);
    assert!(receive(&cursor).is_empty());
    let ids: Vec<u64> =
        [join(&feed, WhenSlow::Skip), join(&feed, WhenSlow::Skip)].map(|cursor| cursor.lock().id).into();
    assert_eq!(ids, [1, 2]);
}

#[test]
fn feed_of_a_group_waits_for_the_client_of_a_lost_socket_but_not_after_it_unsubscribed() {
    for (lingers, closes, others, life) in [
        (true, false, 0, "Abandoned"),
        (true, true, 0, "Ending"),
        (false, false, 0, "Ending"),
        (false, true, 0, "Ending"),
        (true, true, 1, "Running"),
        (false, false, 1, "Running"),
    ] {
        let feed = Arc::new(Feed::new(lingers, Counter::default()));
        let _others: Vec<Cursor> = (0..others).map(|_| join(&feed, WhenSlow::Skip)).collect();
        let cursor = join(&feed, WhenSlow::Skip);
        if closes {
            cursor.close();
        }
        // After `close`, the drop changes nothing any more.
        drop(cursor);
        let now = format!("{:?}", feed.lock().life);
        assert!(now.starts_with(life), "{lingers}, {closes}, {others}: {now}");
    }
}

#[test]
fn subscription_that_leaves_a_feed_that_has_ended_does_not_revive_it() {
    let feed = feed(&[]);
    let cursor = join(&feed, WhenSlow::Skip);
    feed.ended();
    drop(cursor);
    assert_eq!(feed.lock().life, Life::Ended);
}

#[test]
fn closing_subscription_counts_until_its_reader_has_ended() {
    let feed = feed(&[]);
    let (first, last) = (join(&feed, WhenSlow::Skip), join(&feed, WhenSlow::Skip));
    let (first_closing, last_closing) = (first.start_closing(), last.start_closing());
    assert!(first.lock().is_leaving);
    assert!(first_closing.still_counts());
    first.close();
    assert!(!first_closing.still_counts() && last_closing.still_counts(), "the reader runs for the last one");
    last.close();
    assert!(last_closing.still_counts(), "the reader is closing its client");
    feed.ended();
    assert!(!last_closing.still_counts());
}

#[test]
fn closed_cursor_delivers_nothing() {
    let feed = feed(&[start(0, 0)]);
    let cursor = join(&feed, WhenSlow::Skip);
    assert_eq!(cursor.try_next().as_ref().map(describe).as_deref(), Some("assigned 0 at 0"));
    push_each(&feed, 0, 0..1);
    cursor.close();
    assert!(cursor.try_next().is_none());
}
