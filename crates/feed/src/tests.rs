//! The ring at its limits, and the methods of the reader. Interleavings of several subscriptions are in `model`.

use std::ops::Range;
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Waker};
use std::thread;

use protocol::{BinaryBatch, CommitMode, ErrorCode, Window};

use super::ends::{HighWatermark, LastStable};
use super::fixtures::{PLENTY, batch, batch_of_ring_bytes, feed, join, key, receive, start};
use super::*;

/// Longer than any test takes: a reader that waits this long was not woken.
const LONG: Duration = Duration::from_secs(5);

const HALF: usize = CAPACITY_BYTES / 2;

fn error(message: &str) -> ErrorBody {
    ErrorBody::new(ErrorCode::Internal, message)
}

/// Runs `act`, and returns whether it woke the tasks of the feed's cursors.
fn wakes_cursors(feed: &Feed, act: impl FnOnce()) -> bool {
    let mut changed = pin!(feed.changed.notified());
    changed.as_mut().enable();
    act();
    changed.poll(&mut Context::from_waker(Waker::noop())).is_ready()
}

/// Waits for another thread, which gets there soon.
fn wait_until(holds: impl Fn() -> bool) {
    let since = Instant::now();
    while !holds() {
        assert!(since.elapsed() < LONG, "the other thread never gets there");
        thread::yield_now();
    }
}

/// How many records each entry of the ring has.
fn records_of_entries(feed: &Feed) -> Vec<u64> {
    feed.lock().ring.iter().map(Entry::records).collect()
}

fn set_moved_at(feed: &Feed, cursor: &Cursor, moved_at: Instant) {
    let id = cursor.lock().id;
    feed.lock().cursors.get_mut(&id).expect("joined").moved_at = moved_at;
}

#[test]
fn entry_counts_its_records_and_their_memory() {
    let batch = batch(0, [1, 2, 3], 10);
    let memory = size_of::<Batch>() + batch.records.memory_bytes();
    let records = Entry::Records(Arc::new(batch));
    assert_eq!((records.bytes(), records.records()), (memory, 3));
    let event = Entry::Event(Event::Revoked(vec![key(0)]));
    assert_eq!((event.bytes(), event.records()), (0, 0));
    assert_eq!((Entry::Withdrawn.bytes(), Entry::Withdrawn.records()), (0, 0));
}

#[test]
fn ring_drops_entries_beyond_its_capacity_unless_a_blocking_subscription_needs_them() {
    // Two batches: the second one has half of the capacity and `more` bytes.
    for (when_slow, more, after_push, room, after_wait) in [
        (WhenSlow::Block, -1, 2, Room::Free, 2),
        (WhenSlow::Block, 0, 2, Room::Full, 2),
        (WhenSlow::Block, 1, 2, Room::Full, 2),
        (WhenSlow::Skip, -1, 2, Room::Free, 2),
        (WhenSlow::Skip, 0, 2, Room::Free, 1),
        (WhenSlow::Skip, 1, 1, Room::Free, 1),
    ] {
        let feed = feed(&[start(0, 0)]);
        let cursor = join(&feed, when_slow);
        let second = HALF.checked_add_signed(more).expect("far from zero");
        feed.push(batch_of_ring_bytes(0, 0, HALF));
        feed.push(batch_of_ring_bytes(0, 1, second));
        let case = format!("{when_slow:?}, {more}");
        // The event of the assignment left the ring with the first push.
        assert_eq!(feed.lock().ring.len(), after_push, "{case}");
        assert_eq!(feed.wait_for_room(Duration::ZERO), room, "{case}");
        assert_eq!(feed.lock().ring.len(), after_wait, "{case}");
        assert_eq!(feed.lock().ring_bytes, if after_wait == 2 { HALF + second } else { second }, "{case}");
        drop(cursor);
    }
}

#[test]
fn batch_larger_than_the_ring_is_kept_until_it_is_delivered() {
    let feed = feed(&[start(0, 0)]);
    let cursor = join(&feed, WhenSlow::Skip);
    feed.push(batch_of_ring_bytes(0, 0, CAPACITY_BYTES + 1));
    assert_eq!(feed.wait_for_room(Duration::ZERO), Room::Full);
    assert_eq!(receive(&cursor), ["assigned 0 at 0", "records 0 [0] to number 1"]);
    assert_eq!(feed.wait_for_room(Duration::ZERO), Room::Free);
    let state = feed.lock();
    assert_eq!((state.ring.len(), state.ring_bytes, state.front, state.dropped_records), (0, 0, 2, 1));
}

#[test]
fn entries_that_every_cursor_has_passed_leave_the_ring() {
    let feed = feed(&[start(0, 0)]);
    let (fast, slow) = (join(&feed, WhenSlow::Skip), join(&feed, WhenSlow::Skip));
    for offset in 0..3 {
        feed.push(batch(0, [offset], 9000));
    }
    receive(&fast);
    assert_eq!((slow.try_next().is_some(), slow.try_next().is_some()), (true, true), "the assignment and a record");
    assert_eq!(feed.wait_for_room(Duration::ZERO), Room::Free);
    assert_eq!(records_of_entries(&feed), [1, 1], "the slower one needs two records");
    assert_eq!(receive(&slow), ["records 0 [1] to number 2", "records 0 [2] to number 3"]);
}

#[test]
fn reader_without_subscriptions_has_no_room_until_it_must_end() {
    let feed = feed(&[start(0, 0)]);
    assert_eq!(feed.wait_for_room(Duration::ZERO), Room::Full);
    feed.end();
    let since = Instant::now();
    assert_eq!(feed.wait_for_room(LONG), Room::Free);
    assert!(since.elapsed() < LONG, "the reader ends at once");
}

#[test]
fn waiting_reader_is_woken_when_a_subscription_takes_records() {
    let feed = feed(&[start(0, 0)]);
    let cursor = join(&feed, WhenSlow::Block);
    feed.push(batch_of_ring_bytes(0, 0, CAPACITY_BYTES));
    let reader = thread::spawn({
        let feed = Arc::clone(&feed);
        move || {
            let since = Instant::now();
            (feed.wait_for_room(LONG), since.elapsed() < LONG)
        }
    });
    wait_until(|| feed.lock().reader_waits);
    receive(&cursor);
    assert_eq!(reader.join().expect("the reader does not panic"), (Room::Free, true));
    assert!(!feed.lock().reader_waits);
}

#[test]
fn front_of_the_ring_is_held_by_a_blocking_subscription_that_is_alone_or_moves() {
    /// The cursor of one subscription: has it taken the first entry, and has it moved lately?
    struct At(WhenSlow, bool, bool);
    let (front, ahead, moving, stalled) = (false, true, true, false);
    for (cursors, is_held) in [
        (vec![], false),
        (vec![At(WhenSlow::Skip, front, moving)], false),
        (vec![At(WhenSlow::Close, front, moving)], false),
        (vec![At(WhenSlow::Block, front, moving)], true),
        (vec![At(WhenSlow::Block, front, stalled)], true),
        (vec![At(WhenSlow::Block, ahead, moving)], false),
        (vec![At(WhenSlow::Block, ahead, moving), At(WhenSlow::Skip, front, moving)], false),
        (vec![At(WhenSlow::Block, front, moving), At(WhenSlow::Skip, ahead, moving)], true),
        (vec![At(WhenSlow::Block, front, stalled), At(WhenSlow::Skip, ahead, moving)], false),
        (vec![At(WhenSlow::Block, front, stalled), At(WhenSlow::Skip, front, moving)], true),
        (
            vec![
                At(WhenSlow::Block, front, stalled),
                At(WhenSlow::Block, front, moving),
                At(WhenSlow::Skip, ahead, moving),
            ],
            true,
        ),
    ] {
        let (feed, now) = (feed(&[]), Instant::now());
        let joined: Vec<Cursor> = cursors.iter().map(|At(when_slow, ..)| join(&feed, *when_slow)).collect();
        feed.assigned(vec![start(0, 0)]);
        for (At(_, is_ahead, is_moving), cursor) in cursors.iter().zip(&joined) {
            if *is_ahead {
                receive(cursor);
            }
            let ago = if *is_moving { STALLED_AFTER - Duration::from_nanos(1) } else { STALLED_AFTER };
            set_moved_at(&feed, cursor, now - ago);
        }
        // The entry of the empty assignment, which all cursors have passed.
        feed.lock().drop_front();
        let shown: Vec<String> =
            cursors.iter().map(|At(slow, ahead, moves)| format!("{slow:?} {ahead} {moves}")).collect();
        assert_eq!(feed.lock().front_is_held(now), is_held, "{shown:?}");
    }
}

#[test]
fn only_records_count_as_progress_of_a_blocking_subscription() {
    let feed = feed(&[]);
    let cursor = join(&feed, WhenSlow::Block);
    let moved_at = |feed: &Feed| feed.lock().cursors.values().next().expect("joined").moved_at;
    let before = Instant::now() - STALLED_AFTER;
    set_moved_at(&feed, &cursor, before);
    feed.assigned(vec![start(0, 0)]);
    assert_eq!(receive(&cursor), ["assigned 0 at 0"]);
    assert_eq!(moved_at(&feed), before);
    feed.push(batch(0, [0], 1));
    receive(&cursor);
    assert!(moved_at(&feed) > before);
}

#[test]
fn each_record_read_is_counted_once() {
    let read = Counter::default();
    let feed = Arc::new(Feed::new(true, read.clone()));
    feed.assigned(vec![start(0, 0)]);
    let _two = (join(&feed, WhenSlow::Skip), join(&feed, WhenSlow::Skip));
    feed.push(batch(0, 0..3, 1));
    feed.push(batch(0, 3..5, 1));
    assert_eq!(read.get(), 5);
}

#[test]
fn small_batches_of_a_partition_are_merged_while_no_subscription_has_taken_them() {
    const SMALL: usize = 8 * 1024;
    assert_eq!(16 * SMALL, MAX_BATCH_BYTES);
    let records = |partition, offsets: Range<i64>| batch(partition, offsets, 1);
    let small = |partition, offset| records(partition, offset..offset + 1);
    // One record whose encoding has this size: its value, and fixed fields.
    let encoded = |offset, bytes: usize| batch(0, [offset], bytes - BinaryBatch::RECORD_HEAD);
    let sixteen =
        |first_bytes| (0..16).map(|index| encoded(index, if index == 0 { first_bytes } else { SMALL })).collect();
    let most = i64::try_from(MAX_BATCH_RECORDS).expect("few");
    for (name, batches, entries) in [
        ("same partition", vec![small(0, 0), small(0, 1)], vec![2]),
        ("another partition", vec![small(0, 0), small(1, 0)], vec![1, 1]),
        ("another partition between", vec![small(0, 0), small(1, 0), small(0, 1)], vec![2, 1]),
        ("as many records as fit a frame", vec![records(0, 0..most - 1), small(0, most)], vec![256]),
        ("one record more", vec![records(0, 0..most), small(0, most)], vec![256, 1]),
        ("a small batch follows a large one", vec![encoded(0, SMALL + 1), small(0, 1)], vec![2]),
        ("a large batch follows a small one", vec![small(0, 0), encoded(1, SMALL + 1)], vec![1, 1]),
        ("the largest small batch", vec![small(0, 0), encoded(1, SMALL)], vec![2]),
        ("as many bytes as fit a frame", sixteen(SMALL), vec![16]),
        ("one byte more", sixteen(SMALL + 1), vec![15, 1]),
    ] {
        let feed = feed(&[]);
        let cursor = join(&feed, WhenSlow::Skip);
        feed.assigned(vec![start(0, 0), start(1, 0)]);
        assert_eq!(receive(&cursor).len(), 1, "{name}: one assignment");
        batches.into_iter().for_each(|batch| feed.push(batch));
        assert_eq!(records_of_entries(&feed), entries, "{name}");
        let state = feed.lock();
        assert_eq!(state.ring_bytes, state.ring.iter().map(Entry::bytes).sum::<usize>(), "{name}");
    }
}

#[test]
fn batch_is_not_merged_with_records_that_a_subscription_has_taken() {
    let feed = feed(&[]);
    let (fast, slow) = (join(&feed, WhenSlow::Skip), join(&feed, WhenSlow::Skip));
    feed.assigned(vec![start(0, 0)]);
    fast.flow(0, Window { records: 1, bytes: 1000 }).expect("nothing is handled by that");
    feed.push(batch(0, 0..2, 1));
    assert_eq!(receive(&fast), ["assigned 0 at 0", "records 0 [0] to number 1"]);
    feed.push(batch(0, [2], 1));
    feed.push(batch(0, [3], 1));
    assert_eq!(records_of_entries(&feed), [0, 2, 2], "the first entry is the assignment");
    fast.flow(1, PLENTY).expect("one was sent");
    assert_eq!(receive(&fast), ["records 0 [1] to number 2", "records 0 [2, 3] to number 4"]);
    assert_eq!(receive(&slow).len(), 3);
}

#[test]
fn batch_is_not_merged_across_an_event() {
    let feed = feed(&[start(0, 0)]);
    let cursor = join(&feed, WhenSlow::Skip);
    feed.push(batch(0, [0], 1));
    feed.lost(key(0), 1, 5, GapReason::Retention);
    feed.push(batch(0, [5], 1));
    let expected =
        ["assigned 0 at 0", "records 0 [0] to number 1", "gap 0 1..5 Retention", "records 0 [5] to number 2"];
    assert_eq!(receive(&cursor), expected);
}

#[test]
fn batch_of_a_feed_without_subscriptions_is_not_merged() {
    let feed = feed(&[]);
    feed.push(batch(0, [0], 1));
    feed.push(batch(0, [1], 1));
    assert_eq!(records_of_entries(&feed), [0, 1, 1]);
}

#[test]
fn withdrawn_partition_is_removed_from_the_ring_as_far_as_it_was_not_sent() {
    let feed = feed(&[]);
    let cursor = join(&feed, WhenSlow::Skip);
    feed.assigned(vec![start(0, 0), start(1, 0)]);
    // Large enough that they are not merged.
    for (partition, offset) in [(0, 0), (0, 1), (1, 0), (0, 2)] {
        feed.push(batch(partition, [offset], 9000));
    }
    feed.lost(key(0), 3, 5, GapReason::Retention);
    feed.lost(key(1), 1, 4, GapReason::Retention);
    // The assignment, and the first record.
    (0..2).for_each(|_| assert!(cursor.try_next().is_some()));
    feed.withdraw(&[key(0)], Duration::ZERO);
    assert_eq!(receive(&cursor), ["records 1 [0] to number 2", "gap 1 1..4 Retention"]);
    let state = feed.lock();
    assert_eq!(state.ring_bytes, state.ring.iter().map(Entry::bytes).sum::<usize>());
    assert_eq!(state.records_in_all(), 2, "withdrawn records do not count");
}

#[test]
fn withdrawal_keeps_an_entry_of_which_a_subscription_took_a_part() {
    let feed = feed(&[start(0, 0)]);
    let cursor = join(&feed, WhenSlow::Skip);
    cursor.flow(0, Window { records: 1, bytes: 1000 }).expect("nothing is handled by that");
    feed.push(batch(0, 0..2, 1));
    assert_eq!(receive(&cursor), ["assigned 0 at 0", "records 0 [0] to number 1"]);
    feed.withdraw(&[key(0)], Duration::ZERO);
    cursor.flow(0, PLENTY).expect("nothing is handled by that");
    assert_eq!(receive(&cursor), ["records 0 [1] to number 2"]);
}

#[test]
fn withdrawal_waits_for_acknowledgements_of_sent_records() {
    let feed = feed(&[start(0, 0)]);
    let cursor = join(&feed, WhenSlow::Skip);
    let withdraw = |timeout| {
        let since = Instant::now();
        feed.withdraw(&[key(0)], timeout);
        since.elapsed()
    };
    assert!(withdraw(LONG) < LONG, "nothing was sent");
    feed.push(batch(0, 0..2, 1));
    receive(&cursor);
    let short = Duration::from_millis(20);
    assert!(withdraw(short) >= short, "two records are not acknowledged");
    feed.push(batch(0, [2], 1));
    thread::scope(|scope| {
        let withdrawing = scope.spawn(|| withdraw(LONG));
        // The entry is withdrawn before the wait begins.
        wait_until(|| records_of_entries(&feed).iter().all(|records| *records == 0));
        cursor.flow(2, PLENTY).expect("two were sent");
        assert!(withdrawing.join().expect("no panic") < LONG, "all that was sent is acknowledged");
    });
    receive(&cursor);
    feed.push(batch(0, 2..4, 1));
    receive(&cursor);
    drop(cursor);
    assert!(withdraw(LONG) < LONG, "no cursor is left to acknowledge");
}

#[test]
fn changes_of_the_reader_wake_cursors_only_if_there_is_something_to_deliver() {
    let feed = feed(&[start(0, 0)]);
    let _cursor = join(&feed, WhenSlow::Skip);
    let waiting = || vec![Waiting { partition: key(0), stable: LastStable(3), high: HighWatermark(5) }];
    for (name, act, wakes) in [
        ("records", &(|| feed.push(batch(0, [0], 1))) as &dyn Fn(), true),
        ("no error as before", &|| feed.set_error(None), false),
        ("an error", &|| feed.set_error(Some(error("first"))), true),
        ("the same error", &|| feed.set_error(Some(error("first"))), false),
        ("nothing waits, as before", &|| feed.set_waiting(vec![]), false),
        ("waiting partitions", &|| feed.set_waiting(waiting()), true),
        ("the same waiting partitions", &|| feed.set_waiting(waiting()), false),
        ("no commit", &|| feed.committed(&[]), false),
        ("a commit", &|| feed.committed(&[start(0, 1)]), true),
        ("no rewind", &|| assert_eq!(feed.take_rewind(), None), false),
        ("a gap", &|| feed.lost(key(0), 1, 2, GapReason::Retention), true),
        ("a revoked partition", &|| feed.revoked(vec![key(0)]), true),
        ("an assigned partition", &|| feed.assigned(vec![start(0, 2)]), true),
        ("a request to end", &|| feed.end(), false),
        ("the end", &|| feed.ended(), true),
    ] {
        assert_eq!(wakes_cursors(&feed, act), wakes, "{name}");
    }
}

/// Counts its calls, and takes the change if it `takes`.
struct Listening {
    calls: AtomicUsize,
    takes: bool,
}

impl Listener for Listening {
    fn notify(&self) -> bool {
        self.calls.fetch_add(1, Ordering::Relaxed);
        self.takes
    }
}

#[test]
fn listener_takes_small_batches_of_a_feed_with_one_subscription() {
    for (name, takes, value_bytes, others, calls, wakes) in [
        ("the listener takes it", true, 1, 0, 1, false),
        ("the listener leaves it to the task", false, 1, 0, 1, true),
        ("the batch is large", true, 9000, 0, 0, true),
        ("there is another subscription", true, 1, 1, 0, true),
    ] {
        let feed = feed(&[start(0, 0)]);
        let cursor = Arc::new(join(&feed, WhenSlow::Skip));
        let listener = Arc::new(Listening { calls: AtomicUsize::new(0), takes });
        let of_trait: Arc<dyn Listener> = listener.clone();
        cursor.set_listener(Arc::downgrade(&of_trait));
        let _others: Vec<Cursor> = (0..others).map(|_| join(&feed, WhenSlow::Skip)).collect();
        assert_eq!(wakes_cursors(&feed, || feed.push(batch(0, [0], value_bytes))), wakes, "{name}");
        assert_eq!(listener.calls.load(Ordering::Relaxed), calls, "{name}");
    }
}

#[test]
fn reader_ends_after_the_last_subscription_and_a_group_lingers() {
    let long_ago = || Instant::now() - Duration::from_secs(SESSION_LINGER_SECS);
    let just_now = || Instant::now() - Duration::from_secs(SESSION_LINGER_SECS / 2);
    for (life, ends, is_abandoned, frees_soon) in [
        (Life::Running, false, false, false),
        (Life::Abandoned(just_now()), false, true, false),
        (Life::Abandoned(long_ago()), true, true, false),
        (Life::Ending, true, false, true),
        (Life::Ended, true, false, true),
    ] {
        let feed = feed(&[]);
        feed.lock().life = life;
        assert_eq!(feed.abandoned_since().is_some(), is_abandoned, "{life:?}");
        assert_eq!(feed.frees_its_reader_soon(), frees_soon, "{life:?}");
        assert_eq!(feed.should_end(), ends, "{life:?}");
        assert_eq!(
            feed.join(WhenSlow::Skip, None, PLENTY).is_none(),
            ends,
            "{life:?}: a feed that ends has no new ones"
        );
        assert_eq!(feed.should_end(), ends, "{life:?}: a new subscription");
    }
}

#[test]
fn feed_that_has_ended_does_not_begin_to_end_again() {
    let feed = feed(&[]);
    feed.end();
    assert_eq!(feed.lock().life, Life::Ending);
    feed.ended();
    feed.end();
    assert_eq!(feed.lock().life, Life::Ended);
}

#[test]
fn reader_learns_the_positions_of_each_partition() {
    let feed = feed(&[start(0, 5), start(1, 7)]);
    let cursor = join(&feed, WhenSlow::Skip);
    feed.push(batch(0, 5..8, 1));
    receive(&cursor);
    cursor.flow(2, PLENTY).expect("three were sent");
    assert_eq!(feed.next_offsets(), BTreeMap::from([(key(0), 8), (key(1), 7)]));
    assert_eq!([0, 1, 2].map(|partition| feed.next_offset(&key(partition))), [Some(8), Some(7), None]);
    assert_eq!([0, 1, 2].map(|partition| feed.acknowledged(&key(partition))), [Some(7), Some(7), None]);
    assert_eq!(feed.uncommitted(), [start(0, 7)]);
    feed.committed(&feed.uncommitted());
    assert_eq!(feed.uncommitted(), []);
    assert_eq!(receive(&cursor), ["committed 0 at 7"]);
}

#[test]
fn subscription_that_joins_an_abandoned_group_makes_the_reader_rewind() {
    let feed = feed(&[start(0, 0)]);
    let first = join(&feed, WhenSlow::Skip);
    feed.push(batch(0, 0..5, 1));
    receive(&first);
    first.flow(2, PLENTY).expect("five were sent");
    drop(first);
    let second = join(&feed, WhenSlow::Skip);
    feed.push(batch(0, [5], 1));
    assert_eq!(feed.next_offset(&key(0)), Some(2), "records read before the rewind are ignored");
    assert_eq!(feed.take_rewind(), Some(vec![start(0, 2)]));
    assert_eq!(feed.take_rewind(), None);
    feed.push(batch(0, 2..6, 1));
    assert_eq!(receive(&second), ["assigned 0 at 2", "records 0 [2, 3, 4, 5] to number 4"]);
}

#[test]
fn records_that_no_subscription_is_left_to_acknowledge_are_read_again() {
    for (name, lingers, both_get_them, rewind) in [
        ("only the subscription that left had them", true, false, Some(vec![start(0, 1)])),
        ("the other one had them too", true, true, None),
        ("the feed has no group", false, false, None),
    ] {
        let feed = Arc::new(Feed::new(lingers, Counter::default()));
        feed.assigned(vec![start(0, 0)]);
        let early = join(&feed, WhenSlow::Skip);
        let with_early = both_get_them.then(|| join(&feed, WhenSlow::Skip));
        feed.push(batch(0, 0..3, 1));
        receive(&early);
        early.flow(1, PLENTY).expect("three were sent");
        let late = with_early.unwrap_or_else(|| join(&feed, WhenSlow::Skip));
        receive(&late);
        assert_eq!(feed.take_rewind(), None, "{name}: no cursor has left");
        drop(early);
        // Not sent yet, so it is read again too.
        feed.push(batch(0, [3], 9000));
        let mut result = None;
        let wakes = wakes_cursors(&feed, || result = feed.take_rewind());
        assert_eq!((&result, wakes), (&rewind, rewind.is_some()), "{name}");
        assert_eq!(feed.take_rewind(), None, "{name}: only once");
        if rewind.is_some() {
            assert_eq!(feed.next_offset(&key(0)), Some(1), "{name}");
            assert_eq!(receive(&late), ["revoked [0]", "assigned 0 at 1"], "{name}");
        }
        drop(late);
        assert_eq!(feed.take_rewind(), None, "{name}: no subscription is left");
    }
}

#[test]
fn lag_counts_records_from_the_acknowledged_position_to_the_high_watermark() {
    let feed = feed(&[start(0, 10), start(1, 5)]);
    assert_eq!(feed.lag(), None, "no high watermark is known");
    feed.set_high_watermarks([(key(0), 14), (key(1), 5)].into());
    assert_eq!(feed.lag(), Some(4), "nothing is acknowledged");
    let cursor = feed.join(WhenSlow::Block, Some(CommitMode::Ack), PLENTY).expect("a running feed");
    feed.push(batch(0, 10..14, 1));
    while cursor.try_next().is_some() {}
    cursor.acknowledge([(key(0), 13)].into_iter());
    assert_eq!((feed.lag(), feed.subscriptions()), (Some(1), 1));
    feed.set_high_watermarks([(key(0), 12)].into());
    assert_eq!(feed.lag(), Some(0), "the watermark is older than the acknowledgement");
}
