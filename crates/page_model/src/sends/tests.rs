use protocol::{ErrorCode, Offset, ProduceFrame, WireBytes};

use super::*;

fn record(n: u64) -> ProduceRecord {
    ProduceRecord { topic: "t".into(), value: WireBytes::text(n.to_string()), ..ProduceRecord::default() }
}

fn send(sends: &mut Sends, n: u64) {
    sends.send(&record(n), None, 100.0);
}

/// One frame of a run.
fn send_frame(sends: &mut Sends, count: u64) {
    let mut batch = ProduceBatch::new("t", sends.next_seq());
    (0..count).for_each(|n| batch.push(record(n).view()));
    let labels = (0..count).map(|n| n + 1).collect();
    sends.send_frame(FrameToSend { topic: "t".into(), batch, run: Some(7), labels, json: Vec::new() }, 100.0);
}

fn ack(first: u64, last: u64, offset: i64) -> ProduceAck {
    let (topic, partition, timestamp) = ("t".to_owned(), 0, Some(1));
    ProduceAck { first, last, topic, partition, offset: Offset(offset), timestamp, took_us: 1400 }
}

/// Oldest first.
fn states(sends: &Sends) -> Vec<&'static str> {
    sends.rows().iter().rev().map(|row| row.outcome.name()).collect()
}

fn frames(sends: &Sends) -> Vec<(u64, Vec<String>)> {
    let read = |frame: &Rc<Vec<u8>>| {
        let frame = ProduceFrame::parse(frame).expect("a frame");
        let values = frame.iter().map(|record| String::from_utf8_lossy(record.value.expect("a value")).into_owned());
        (frame.seq, values.collect())
    };
    sends.resumed().iter().map(read).collect()
}

#[test]
fn acknowledged_range_gives_each_record_its_offset() {
    let mut sends = Sends::default();
    (0..3).for_each(|n| send(&mut sends, n));
    sends.acked(&ack(0, 1, 41), 102.5);
    assert_eq!(states(&sends), ["acked", "acked", "queued"]);
    let outcomes: Vec<_> = sends.rows().into_iter().rev().map(|row| row.outcome).collect();
    for (outcome, at) in outcomes.iter().zip([41, 42]) {
        assert!(matches!(outcome, Outcome::Acked { partition: 0, offset, .. } if *offset == at), "{outcome:?}");
    }
    assert_eq!(sends.waiting(), 1);
}

#[test]
fn later_outcomes_of_a_record_are_ignored() {
    let mut sends = Sends::default();
    send(&mut sends, 0);
    sends.acked(&ack(0, 0, 7), 102.0);
    sends.acked(&ack(0, 0, 8), 102.0);
    sends.failed(0, ErrorBody::new(ErrorCode::NotDelivered, "late"));
    sends.session_lost();
    assert_eq!(states(&sends), ["acked"]);
    assert_eq!(sends.totals(), Totals { sent: 1, acked: 1, ..Totals::default() });
}

#[test]
fn error_marks_the_record_as_failed_or_unknown() {
    let mut sends = Sends::default();
    (0..2).for_each(|n| send(&mut sends, n));
    sends.failed(0, ErrorBody::new(ErrorCode::RecordTooLarge, "…"));
    sends.failed(1, ErrorBody::new(ErrorCode::DeliveryUnknown, "…"));
    assert_eq!(states(&sends), ["failed", "unknown"]);
}

#[test]
fn round_trip_is_measured_from_the_click_in_either_order_of_ack_and_record() {
    let mut sends = Sends::default();
    (0..2).for_each(|n| send(&mut sends, n));
    sends.acked(&ack(0, 0, 7), 102.0);
    assert_eq!(sends.record_arrived("t", 0, 7, 103.0), Some(3.0));
    assert_eq!(sends.record_arrived("t", 0, 8, 104.0), None);
    sends.acked(&ack(1, 1, 8), 105.0);
    let early = SeenEarly { topic: "t".into(), partition: 0, offset: 8, after_ms: 4.0 };
    assert_eq!(sends.take_updates().seen_early, [early]);
    assert!(sends.rows().iter().map(|row| row.seen_after_ms).eq([Some(4.0), Some(3.0)]));
    assert_eq!(sends.totals().seen, 2);
}

#[test]
fn own_record_received_again_is_counted_once() {
    let mut sends = Sends::default();
    send(&mut sends, 0);
    sends.acked(&ack(0, 0, 7), 102.0);
    assert_eq!(sends.record_arrived("t", 0, 7, 103.0), Some(3.0));
    assert_eq!(sends.record_arrived("t", 0, 7, 900.0), Some(3.0));
    assert_eq!(sends.totals().seen, 1);
}

#[test]
fn record_of_another_producer_is_not_marked_as_own() {
    let mut sends = Sends::default();
    (0..2).for_each(|n| send(&mut sends, n));
    sends.record_arrived("t", 0, 6, 101.0);
    sends.acked(&ack(0, 0, 7), 102.0);
    assert_eq!(sends.record_arrived("t", 1, 7, 103.0), None);
    assert_eq!(sends.record_arrived("u", 0, 7, 103.0), None);
    assert_eq!(sends.record_arrived("t", 0, 8, 103.0), None);
    assert_eq!(sends.totals().seen, 0);
}

#[test]
fn offsets_of_a_recreated_topic_replace_the_old_ones() {
    let mut sends = Sends::default();
    (0..2).for_each(|n| send(&mut sends, n));
    sends.acked(&ack(0, 0, 500), 102.0);
    sends.acked(&ack(1, 1, 0), 103.0);
    assert_eq!(sends.record_arrived("t", 0, 500, 104.0), None);
    assert_eq!(sends.record_arrived("t", 0, 0, 104.0), Some(4.0));
}

#[test]
fn run_is_updated_by_ranges() {
    let mut sends = Sends::default();
    send_frame(&mut sends, 5);
    sends.record_arrived("t", 0, 10, 103.0);
    sends.acked(&ack(0, 2, 10), 104.0);
    sends.failed(3, ErrorBody::new(ErrorCode::RecordTooLarge, "…"));
    for offset in 11..13 {
        assert_eq!(sends.record_arrived("t", 0, offset, 106.0), Some(6.0));
    }
    sends.session_lost();
    let updates = sends.take_updates().runs;
    let error = ErrorBody::new(ErrorCode::RecordTooLarge, "…");
    let expected = [
        RunUpdate::Acked { count: 3, after_ms: 4.0 },
        RunUpdate::Seen { count: 1, after_ms: 3.0 },
        RunUpdate::Failed { label: Some(4), error },
        RunUpdate::Seen { count: 2, after_ms: 6.0 },
        RunUpdate::Unknown { count: 1 },
    ];
    assert!(
        updates.iter().map(|(run, updates)| (*run, updates)).eq(expected.iter().map(|updates| (7, updates))),
        "{updates:?}"
    );
}

#[test]
fn resumed_session_resends_pending_records_with_the_same_sequence_numbers() {
    let mut sends = Sends::default();
    send_frame(&mut sends, 5);
    send(&mut sends, 5);
    sends.acked(&ack(2, 2, 0), 101.0);
    let values = |range: std::ops::Range<u64>| range.map(|n| n.to_string()).collect::<Vec<_>>();
    assert_eq!(frames(&sends), [(0, values(0..2)), (3, values(3..5)), (5, values(5..6))]);
    assert_eq!(sends.next_seq(), 6, "sequence numbers only increase within a session");
}

#[test]
fn lost_session_marks_pending_records_as_unknown_and_restarts_sequence_numbers() {
    let mut sends = Sends::default();
    (0..3).for_each(|n| send(&mut sends, n));
    sends.acked(&ack(0, 0, 0), 101.0);
    sends.session_lost();
    assert_eq!(states(&sends), ["acked", "unknown", "unknown"]);
    assert_eq!((sends.next_seq(), sends.waiting(), sends.waiting_bytes()), (0, 0, 0));
    send(&mut sends, 3);
    sends.acked(&ack(0, 0, 9), 103.0);
    assert_eq!(states(&sends), ["acked", "unknown", "unknown", "acked"]);
    assert!(sends.rows().iter().rev().map(|row| row.number).eq(0..4));
}

#[test]
fn list_is_bounded_but_keeps_rows_without_outcome() {
    let mut sends = Sends::default();
    send(&mut sends, 0);
    for n in 1..=5000 {
        send(&mut sends, n);
        sends.acked(&ack(n, n, n as i64), 101.0);
    }
    assert_eq!(sends.rows().len(), LISTED_ROWS);
    assert!(sends.frames.len() < 10 * LISTED_ROWS);
    assert_eq!(sends.totals(), Totals { sent: 5001, acked: 5000, ..Totals::default() });
    sends.acked(&ack(0, 0, 0), 101.0);
    assert_eq!((sends.waiting(), sends.totals().acked), (0, 5001));
}

#[test]
fn row_of_a_typed_record_shows_its_json_and_the_bytes_are_sent_again() {
    let mut sends = Sends::default();
    let typed = ProduceRecord { value: WireBytes::Base64(vec![0, 0, 0, 0, 1, 14]), ..record(0) };
    sends.send(&typed, Some("{\"id\": 7}".into()), 100.0);
    sends.send(&ProduceRecord { value: WireBytes::Null, ..record(1) }, None, 100.0);
    let previews: Vec<_> = sends.rows().into_iter().rev().map(|row| row.preview).collect();
    assert_eq!(previews, [Some(b"{\"id\": 7}".to_vec()), None]);
    let resent = sends.resumed();
    let mut records = ProduceFrame::parse(&resent[0]).expect("a frame").iter();
    assert_eq!(records.next().and_then(|record| record.value), typed.value.as_kafka());
    sends.acked(&ack(0, 0, 0), 101.0);
    assert_eq!(sends.rows()[1].preview.as_deref(), Some(&b"{\"id\": 7}"[..]));
}

#[test]
fn large_record_with_an_outcome_is_reduced_to_its_preview() {
    let mut sends = Sends::default();
    let large = ProduceRecord { value: WireBytes::text("x".repeat(1 << 20)), ..record(0) };
    sends.send(&large, None, 0.0);
    assert!(sends.waiting_bytes() > 1 << 20);
    sends.acked(&ack(0, 0, 0), 1.0);
    assert!(sends.frames[0].bytes() < 1000 && sends.waiting_bytes() == 0);
    assert!(sends.rows()[0].preview.as_ref().is_some_and(|preview| preview.starts_with(b"xxx")));
}
