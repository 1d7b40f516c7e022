//! The outcomes that a ledger remembers and reports, case by case. Interleavings are in `model`.

use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Waker};
use std::time::Duration;

use protocol::ErrorCode;

use super::*;

const WINDOW: u64 = PRODUCE_WINDOW;

fn acked(first: u64, count: u64, partition: i32, offset: i64) -> Run {
    let took = Duration::from_micros(10);
    let acked = Acked { topic: "t".into(), partition, offset, timestamp: Some(offset), took };
    Run { first, count, outcome: Outcome::Acked(acked) }
}

fn ledger_with(runs: &[Run]) -> Ledger {
    let ledger = Ledger::default();
    for run in runs {
        let contents: Vec<u64> = (run.first..run.first + run.count).collect();
        assert_eq!(ledger.admit(run.first, &contents), Admission::New(contents.len()));
    }
    ledger.delivered(runs.to_vec());
    ledger
}

fn failed(first: u64, count: u64, code: ErrorCode, text: &str) -> Run {
    Run::failed(first, count, Arc::new(ErrorBody::new(code, text)))
}

fn waiting(topic: &str, partition: i32, reason: WaitReason) -> Arc<ProduceWaiting> {
    Arc::new(ProduceWaiting { topic: topic.to_owned(), partition, reason, message: String::new(), offset: None })
}

/// Whether the future is ready when it is polled for the first time.
fn is_ready(future: impl Future<Output = ()>) -> bool {
    pin!(future).poll(&mut Context::from_waker(Waker::noop())).is_ready()
}

fn ranges(produced: &Produced) -> Vec<(u64, u64, i32, i64)> {
    produced.acks.iter().map(|ack| (ack.first, ack.last, ack.partition, ack.offset.0)).collect()
}

#[test]
fn consecutive_acknowledgements_become_one_range() {
    let ledger = ledger_with(&[acked(0, 2, 0, 5), acked(2, 1, 1, 0), acked(3, 1, 0, 7), acked(4, 3, 0, 8)]);
    let produced = ledger.take_outcomes().expect("outcomes");
    assert_eq!(ranges(&produced), [(0, 1, 0, 5), (2, 2, 1, 0), (3, 6, 0, 7)]);
}

#[test]
fn outcome_is_reported_once_unless_the_record_is_sent_again() {
    let ledger = ledger_with(&[acked(0, 3, 0, 5)]);
    assert!(ledger.take_outcomes().is_some());
    assert!(ledger.take_outcomes().is_none());
    assert_eq!(ledger.admit(1, &[1, 2, 3, 4, 5]), Admission::Repeated(2));
    assert_eq!(ranges(&ledger.take_outcomes().expect("again")), [(1, 2, 0, 6)]);
}

#[test]
fn skipped_number_is_refused() {
    let ledger = Ledger::default();
    assert_eq!(ledger.admit(2, &[2]), Admission::New(1));
    assert_eq!(ledger.admit(5, &[5]), Admission::New(1));
    assert_eq!(ledger.admit(5, &[5]), Admission::Repeated(1));
    assert_eq!(ledger.admit(4, &[4]), Admission::PassedOver);
    assert_eq!(ledger.admit(1, &[1]), Admission::PassedOver);
    assert_eq!(ledger.admit(2, &[2, 3, 4, 5]), Admission::Repeated(1));
}

#[test]
fn number_with_other_content_is_reused_and_earlier_records_are_repeated() {
    let ledger = ledger_with(&[acked(0, 3, 0, 5)]);
    assert_eq!(ledger.admit(0, &[0, 1, 77]), Admission::Repeated(2));
    assert_eq!(ledger.admit(2, &[77]), Admission::Reused);
    assert_eq!(ledger.admit(2, &[2]), Admission::Repeated(1));
}

#[test]
fn number_older_than_the_kept_outcomes_has_expired() {
    let ledger = Ledger::default();
    let contents: Vec<u64> = (0..WINDOW).collect();
    for window in 0..3 {
        let first = window * WINDOW;
        assert_eq!(ledger.admit(first, &contents), Admission::New(contents.len()));
        ledger.delivered(vec![acked(first, WINDOW, 0, 0)]);
        assert!(ledger.take_outcomes().is_some());
    }
    let forgotten = WINDOW;
    assert_eq!(ledger.admit(forgotten - 1, &[forgotten - 1]), Admission::Expired);
    assert_eq!(ledger.admit(forgotten, &[0]), Admission::Repeated(1));
}

#[test]
fn large_jump_in_numbers_takes_no_memory_with_records_in_flight() {
    let ledger = Ledger::default();
    assert_eq!(ledger.admit(0, &[0]), Admission::New(1));
    assert_eq!(ledger.admit(u64::MAX - 5, &[0, 1]), Admission::New(2));
    assert_eq!(ledger.admit(1, &[0]), Admission::PassedOver);
    ledger.delivered(vec![acked(u64::MAX - 5, 2, 0, 1), acked(0, 1, 0, 0)]);
    assert_eq!(ledger.lock().spans.kept(), 3);
    let produced = ledger.take_outcomes().expect("outcomes");
    assert_eq!(ranges(&produced), [(0, 0, 0, 0), (u64::MAX - 5, u64::MAX - 4, 0, 1)]);
}

#[test]
fn produce_window_bounds_records_in_flight() {
    let (ledger, window) = (Ledger::default(), WINDOW as usize);
    assert_eq!(ledger.admit(0, &vec![0; 2 * window]), Admission::New(window));
    assert_eq!(ledger.admit(WINDOW, &[0]), Admission::Full);
    ledger.delivered(vec![acked(0, 1, 0, 0)]);
    assert_eq!(ledger.admit(WINDOW, &[0, 0]), Admission::New(1));
}

#[test]
fn client_that_receives_no_outcomes_uses_bounded_memory() {
    let (ledger, window) = (Ledger::default(), WINDOW as usize);
    let mut seq = 0;
    while ledger.admit(seq, &vec![0; window]) == Admission::New(window) {
        ledger.delivered(vec![acked(seq, WINDOW, 0, 0)]);
        seq += WINDOW;
        assert!(ledger.bytes() < 16 * 1024 * 1024, "{} bytes", ledger.bytes());
    }
    assert_eq!(seq, 4 * WINDOW);
    assert_eq!(ledger.admit(seq, &[0]), Admission::Full);
    assert!(ledger.take_outcomes().is_some());
    assert_eq!(ledger.admit(seq, &[0]), Admission::New(1));
}

#[test]
fn errors_of_many_records_are_split_into_messages_of_bounded_size() {
    let (ledger, window) = (Ledger::default(), WINDOW as usize);
    assert_eq!(ledger.admit(0, &vec![0; window]), Admission::New(window));
    let error = Arc::new(ErrorBody::new(ErrorCode::ReadOnly, "x".repeat(300)));
    ledger.delivered(vec![Run::failed(0, WINDOW, error)]);
    assert!(ledger.bytes() < 2 * 1024 * 1024, "one error is kept for all: {} bytes", ledger.bytes());
    let mut next = 0;
    while let Some(produced) = ledger.take_outcomes() {
        let (errors, is_last) =
            (produced.errors.len(), produced.errors.last().is_some_and(|last| last.seq == WINDOW - 1));
        assert!(errors * 300 <= 128 * 1024 + 1000, "{errors} errors");
        assert!(errors * 600 > 128 * 1024 || is_last, "only {errors} errors in a message");
        assert_eq!(is_ready(ledger.wait_for_unreported()), !is_last, "the task goes on while outcomes are left");
        for error in produced.errors {
            assert_eq!(error.seq, next);
            next += 1;
        }
    }
    assert_eq!(next, WINDOW);
}

#[test]
fn reason_for_waiting_is_reported_once_until_it_changes() {
    let ledger = Ledger::default();
    let waiting = |reason| waiting("t", 0, reason);
    ledger.waiting(&waiting(WaitReason::NoLeader));
    assert!(ledger.take_waiting().is_empty(), "nothing waits");
    ledger.admit(0, &[0, 1]);
    ledger.waiting(&waiting(WaitReason::NoLeader));
    assert_eq!(ledger.take_waiting().len(), 1);
    ledger.waiting(&waiting(WaitReason::NoLeader));
    assert!(ledger.take_waiting().is_empty());
    ledger.waiting(&waiting(WaitReason::TooFewInSyncReplicas));
    assert_eq!(ledger.take_waiting()[0].reason, WaitReason::TooFewInSyncReplicas);
    // Records are acknowledged again, and wait again later.
    ledger.delivered(vec![acked(0, 1, 0, 0)]);
    ledger.waiting(&waiting(WaitReason::TooFewInSyncReplicas));
    assert_eq!(ledger.take_waiting().len(), 1);
}

#[test]
fn settled_records_make_room_for_others_and_wake_those_that_wait() {
    let ledger = Ledger::default();
    assert!(is_ready(ledger.wait_for_room()) && is_ready(ledger.wait_until_settled()));
    assert_eq!(ledger.admit(0, &vec![0; WINDOW as usize]), Admission::New(WINDOW as usize));
    let (mut room, mut settled) = (pin!(ledger.wait_for_room()), pin!(ledger.wait_until_settled()));
    let context = &mut Context::from_waker(Waker::noop());
    assert!(room.as_mut().poll(context).is_pending() && settled.as_mut().poll(context).is_pending());
    ledger.delivered(vec![acked(0, 1, 0, 0)]);
    assert!(room.as_mut().poll(context).is_ready() && settled.as_mut().poll(context).is_pending());
    ledger.delivered(vec![failed(1, WINDOW - 1, ErrorCode::ReadOnly, "x")]);
    assert!(settled.as_mut().poll(context).is_ready());
}

#[test]
fn outcomes_received_by_the_client_make_room_for_records() {
    let ledger = Ledger::default();
    for seq in (0..4).map(|window| window * WINDOW) {
        ledger.admit(seq, &vec![0; WINDOW as usize]);
        ledger.delivered(vec![acked(seq, WINDOW, 0, 0)]);
    }
    let mut room = pin!(ledger.wait_for_room());
    let context = &mut Context::from_waker(Waker::noop());
    assert!(room.as_mut().poll(context).is_pending(), "no more records are remembered");
    assert!(ledger.take_outcomes().is_some());
    assert!(room.as_mut().poll(context).is_ready());
}

#[test]
fn number_that_was_forgotten_has_expired_but_the_next_one_is_known() {
    let ledger = Ledger::default();
    for seq in (0..4).map(|window| window * WINDOW) {
        ledger.admit(seq, &vec![0; WINDOW as usize]);
        ledger.delivered(vec![acked(seq, WINDOW, 0, 0)]);
    }
    assert!(ledger.take_outcomes().is_some());
    let first_kept = 2 * WINDOW;
    assert_eq!(ledger.admit(first_kept - 1, &[0]), Admission::Expired);
    assert_eq!(ledger.admit(first_kept, &[0]), Admission::Repeated(1));
    assert_eq!(ranges(&ledger.take_outcomes().expect("again")), [(first_kept, first_kept, 0, 0)]);
}

#[test]
fn repeated_record_is_reported_again_when_the_task_is_woken() {
    let ledger = ledger_with(&[acked(0, 5, 0, 10)]);
    assert!(is_ready(ledger.wait_for_unreported()));
    assert!(ledger.take_outcomes().is_some());
    assert!(!is_ready(ledger.wait_for_unreported()));
    assert_eq!(ledger.admit(2, &[2, 3]), Admission::Repeated(2));
    assert!(is_ready(ledger.wait_for_unreported()));
    assert_eq!(ranges(&ledger.take_outcomes().expect("again")), [(2, 3, 0, 12)]);
}

/// Counts its calls, and takes the outcomes if it `takes`.
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
fn listener_takes_few_outcomes_and_the_task_takes_many() {
    for (name, takes, runs, calls, wakes_task) in [
        ("few", true, vec![acked(0, 16, 0, 0)], 1, false),
        ("few in several runs", true, vec![acked(0, 8, 0, 0), acked(8, 8, 1, 0)], 1, false),
        ("the listener leaves them", false, vec![acked(0, 1, 0, 0)], 1, true),
        ("many", true, vec![acked(0, 17, 0, 0)], 0, true),
        ("many in several runs", true, vec![acked(0, 8, 0, 0), acked(8, 9, 1, 0)], 0, true),
    ] {
        let ledger = Ledger::default();
        ledger.admit(0, &[0; 100]);
        let listener = Arc::new(Listening { calls: AtomicUsize::new(0), takes });
        let of_trait: Arc<dyn Listener> = Arc::clone(&listener) as _;
        ledger.set_listener(Arc::downgrade(&of_trait));
        ledger.delivered(runs);
        assert_eq!(listener.calls.load(Ordering::Relaxed), calls, "{name}");
        assert_eq!(is_ready(ledger.wait_for_unreported()), wakes_task, "{name}");
        drop((listener, of_trait));
        ledger.delivered(vec![acked(20, 1, 0, 50)]);
        assert!(is_ready(ledger.wait_for_unreported()), "{name}: the socket is lost");
    }
}

#[test]
fn last_acknowledged_offset_of_each_partition_is_noted_once() {
    let ledger = Ledger::default();
    ledger.admit(0, &[0; 100]);
    ledger.delivered(vec![failed(99, 1, ErrorCode::ReadOnly, "x")]);
    assert!(!is_ready(ledger.acknowledged()), "no record was acknowledged");
    ledger.delivered(vec![acked(0, 3, 0, 10), acked(3, 1, 1, 5), acked(4, 2, 0, 20), acked(6, 1, 0, 15)]);
    assert!(is_ready(ledger.acknowledged()));
    ledger.delivered(vec![acked(7, 1, 1, 6)]);
    assert!(!is_ready(ledger.acknowledged()), "only the first acknowledgement wakes the task");
    let key = |partition| TopicPartition { topic: "t".to_owned(), partition };
    assert_eq!(ledger.take_acknowledged(), BTreeMap::from([(key(0), 21), (key(1), 6)]));
    assert!(ledger.take_acknowledged().is_empty());
    ledger.delivered(vec![acked(8, 1, 1, 7)]);
    assert!(is_ready(ledger.acknowledged()));
    let other = Acked { topic: "u".into(), partition: 1, offset: 3, timestamp: None, took: Duration::ZERO };
    ledger.delivered(vec![Run { first: 9, count: 1, outcome: Outcome::Acked(other) }]);
    let noted: Vec<i64> = ledger.take_acknowledged().into_values().collect();
    assert_eq!(noted, [7, 3], "topics are distinguished");
}

#[test]
fn acknowledgements_are_noted_for_a_bounded_number_of_partitions() {
    let ledger = Ledger::default();
    ledger.admit(0, &[0; 200]);
    let run = |partition: u8| acked(partition.into(), 1, partition.into(), 0);
    ledger.delivered((0..100).map(run).collect());
    ledger.delivered(vec![acked(100, 1, 0, 9)]);
    let noted = ledger.take_acknowledged();
    assert_eq!(noted.len(), NOTED_PARTITIONS);
    assert_eq!(noted.values().max(), Some(&9), "a noted partition is still updated");
}

#[test]
fn acknowledgements_become_one_range_only_if_they_continue_it() {
    let run = |first, topic: &str, partition, offset, timestamp, took_us| {
        let took = Duration::from_micros(took_us);
        let acked = Acked { topic: topic.into(), partition, offset, timestamp: Some(timestamp), took };
        Run { first, count: 2, outcome: Outcome::Acked(acked) }
    };
    let first = run(0, "t", 0, 10, 100, 7);
    for (name, second, joined) in [
        ("it continues", run(2, "t", 0, 12, 200, 5), true),
        ("another topic", run(2, "u", 0, 12, 200, 5), false),
        ("another partition", run(2, "t", 1, 12, 200, 5), false),
        ("a hole in the offsets", run(2, "t", 0, 13, 200, 5), false),
        ("a hole in the numbers", run(3, "t", 0, 12, 200, 5), false),
    ] {
        let ledger = Ledger::default();
        ledger.admit(0, &[0; 100]);
        ledger.delivered(vec![first.clone(), second]);
        let produced = ledger.take_outcomes().expect("outcomes");
        if joined {
            assert_eq!(ranges(&produced), [(0, 3, 0, 10)], "{name}");
            let ack = &produced.acks[0];
            assert_eq!((ack.timestamp, ack.took_us), (Some(200), 7), "the last timestamp and the longest time");
        } else {
            assert_eq!(produced.acks.len(), 2, "{name}");
        }
    }
}

#[test]
fn acknowledgements_of_many_partitions_are_split_into_messages_of_bounded_size() {
    let ledger = Ledger::default();
    let topic: Arc<str> = "t".repeat(249).into();
    let records: u64 = 1000;
    ledger.admit(0, &vec![0; 1000]);
    let run = |first: u64| {
        let partition = i32::try_from(first % 2).expect("0 or 1");
        let acked = Acked { topic: Arc::clone(&topic), partition, offset: 0, timestamp: None, took: Duration::ZERO };
        Run { first, count: 1, outcome: Outcome::Acked(acked) }
    };
    ledger.delivered((0..records).map(run).collect());
    let mut messages = Vec::new();
    while let Some(produced) = ledger.take_outcomes() {
        messages.push(produced.acks.len());
    }
    // The topic's 249 bytes, and 150 for the rest.
    let most = (128 * 1024_usize).div_ceil(399);
    assert_eq!(messages, [most, most, most, 1000 - 3 * most]);
}

#[test]
fn repeated_outcome_of_a_record_is_ignored() {
    let ledger = ledger_with(&[acked(0, 2, 0, 5)]);
    let bytes = ledger.bytes();
    ledger.delivered(vec![failed(0, 2, ErrorCode::NotDelivered, "late"), acked(0, 1, 3, 9)]);
    assert_eq!(ledger.lock().in_flight, 0);
    assert_eq!(ledger.bytes(), bytes, "the late error is not kept");
    assert_eq!(ranges(&ledger.take_outcomes().expect("outcomes")), [(0, 1, 0, 5)]);
}

#[test]
fn memory_counts_records_errors_and_unreported_outcomes() {
    let ledger = Ledger::default();
    assert_eq!(ledger.bytes(), 0);
    ledger.admit(0, &[0; 10]);
    let of_records = ledger.bytes();
    assert_eq!(of_records, ledger.lock().spans.bytes());
    assert!(of_records >= 10 * size_of::<u64>());
    ledger.delivered(vec![failed(0, 1, ErrorCode::ReadOnly, &"x".repeat(1000))]);
    let of_range = size_of::<(u64, u64)>();
    assert!(ledger.bytes() >= of_records + 1000 + of_range);
    let with_one_range = ledger.bytes();
    ledger.delivered(vec![acked(5, 1, 0, 0)]);
    assert_eq!(ledger.bytes(), with_one_range + of_range);
    ledger.take_outcomes();
    assert_eq!(ledger.bytes(), with_one_range - of_range);
}

#[test]
fn reason_for_waiting_is_reported_for_each_partition() {
    let ledger = Ledger::default();
    ledger.admit(0, &[0; 10]);
    let reported = |ledger: &Ledger| -> Vec<(String, i32, WaitReason)> {
        let taken = ledger.take_waiting();
        taken.iter().map(|waiting| (waiting.topic.clone(), waiting.partition, waiting.reason)).collect()
    };
    let (no_leader, too_few) = (WaitReason::NoLeader, WaitReason::TooFewInSyncReplicas);
    assert!(!is_ready(ledger.wait_for_unreported()));
    for (topic, partition) in [("t", 0), ("t", 1), ("u", 0)] {
        ledger.waiting(&waiting(topic, partition, no_leader));
    }
    assert!(is_ready(ledger.wait_for_unreported()));
    // This reason replaces the earlier one, which was not sent yet.
    ledger.waiting(&waiting("t", 0, too_few));
    let expected = [("t".to_owned(), 1, no_leader), ("u".to_owned(), 0, no_leader), ("t".to_owned(), 0, too_few)];
    assert_eq!(reported(&ledger), expected);
    // The acknowledgement ends the waiting of its own partition only.
    ledger.delivered(vec![acked(0, 1, 0, 0)]);
    for (topic, partition, reason) in [("t", 1, no_leader), ("u", 0, no_leader), ("t", 0, too_few)] {
        ledger.waiting(&waiting(topic, partition, reason));
    }
    assert_eq!(reported(&ledger), [("t".to_owned(), 0, too_few)]);
}

#[test]
fn reason_for_waiting_is_sent_again_to_a_new_socket_and_to_later_records() {
    let ledger = Ledger::default();
    let again = || {
        ledger.waiting(&waiting("t", 0, WaitReason::NoLeader));
        ledger.take_waiting().len()
    };
    ledger.admit(0, &[0, 1]);
    assert_eq!((again(), again()), (1, 0));
    ledger.set_listener(Weak::<Listening>::new());
    assert_eq!((again(), again()), (1, 0));
    ledger.delivered(vec![failed(0, 2, ErrorCode::NotDelivered, "x")]);
    assert_eq!(again(), 0, "nothing waits");
    ledger.admit(2, &[2]);
    assert_eq!((again(), again()), (1, 0));
}

#[test]
fn reason_that_was_not_sent_is_forgotten_when_no_record_waits() {
    let ledger = Ledger::default();
    ledger.admit(0, &[0, 1]);
    ledger.waiting(&waiting("t", 0, WaitReason::NoLeader));
    ledger.delivered(vec![failed(0, 1, ErrorCode::NotDelivered, "x")]);
    assert_eq!(ledger.lock().unreported_waiting.len(), 1, "the second record waits");
    ledger.delivered(vec![failed(1, 1, ErrorCode::NotDelivered, "x")]);
    assert!(ledger.take_waiting().is_empty());
}

#[test]
fn reasons_for_waiting_are_reported_for_a_bounded_number_of_partitions() {
    let ledger = Ledger::default();
    ledger.admit(0, &[0]);
    for partition in 0..100 {
        ledger.waiting(&waiting("t", partition, WaitReason::NoLeader));
    }
    assert_eq!(ledger.take_waiting().len(), WAITING_PARTITIONS);
    ledger.waiting(&waiting("t", 5, WaitReason::TooFewInSyncReplicas));
    ledger.waiting(&waiting("t", 99, WaitReason::TooFewInSyncReplicas));
    assert_eq!(ledger.take_waiting().len(), 1, "the reason of a reported partition may change");
}

#[test]
fn record_that_may_be_in_the_log_despite_its_error_is_counted_as_unknown() {
    let metric = |run: Run| metric_of(&run.outcome);
    assert!(matches!(metric(acked(0, 1, 0, 0)), DeliveryOutcome::Acked));
    assert!(matches!(metric(failed(0, 1, ErrorCode::NotDelivered, "x")), DeliveryOutcome::Failed));
    assert!(matches!(metric(failed(0, 1, ErrorCode::DeliveryUnknown, "x")), DeliveryOutcome::Unknown));
}

#[test]
fn outcome_of_an_unknown_record_is_not_reported() {
    let ledger = Ledger::default();
    ledger.admit(0, &[0, 1]);
    ledger.delivered(vec![acked(0, 2, 0, 10), acked(2, 5, 0, 12), acked(20, 5, 0, 30)]);
    assert_eq!(ranges(&ledger.take_outcomes().expect("outcomes")), [(0, 1, 0, 10)]);
    assert!(ledger.lock().unreported.is_empty());
    assert!(ledger.take_outcomes().is_none());
}
