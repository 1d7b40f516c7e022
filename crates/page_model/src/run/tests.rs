use protocol::{ErrorCode, ProduceFrame, RecordPart};

use super::*;
use crate::draft::Draft;
use crate::field::Field;

fn run(plan: &RunPlan) -> Run {
    Run::new(0, RunTitle::Seed, "foobar", plan, Start::default()).expect("a valid plan")
}

fn paced(count: Option<u64>, per_second: Option<f64>) -> Run {
    run(&RunPlan { count, per_second, ..RunPlan::seed() })
}

fn values(to_send: FrameToSend) -> Vec<String> {
    let frame = to_send.batch.into_frame();
    let frame = ProduceFrame::parse(&frame).expect("a frame");
    frame.iter().map(|record| String::from_utf8_lossy(record.value.expect("a value")).into_owned()).collect()
}

/// When each record is sent if the page's timer is always on time.
fn send_times(run: &mut Run) -> Vec<f64> {
    let mut times = Vec::new();
    let mut now = 0.0;
    while let Some(at) = run.next_at_ms(now) {
        now = at;
        let due = run.due(now);
        times.extend(std::iter::repeat_n(now, due as usize));
        run.next_frame(0, due, now);
    }
    times
}

#[test]
fn seed_run_sends_the_seeds_ten_messages_half_a_second_apart() {
    let mut seed = run(&RunPlan::seed());
    assert_eq!(values(seed.next_frame(0, 10, 0.0))[7], r#"{"id": 7, "text": "messaggio 7"}"#);
    let times = send_times(&mut run(&RunPlan::seed()));
    assert!(times.iter().copied().eq((0..10).map(|i| f64::from(i) * 500.0)), "{times:?}");
}

#[test]
fn fast_run_keeps_its_exact_rate_with_few_timers() {
    let mut fast = paced(Some(10_000), Some(3000.0));
    let times = send_times(&mut fast);
    assert_eq!(times.len(), 10_000);
    let last = times.last().copied().unwrap_or_default();
    assert!((last - 10_000.0 / 3.0).abs() < 2.0 * SHORTEST_WAIT_MS, "{last}");
}

#[test]
fn late_timers_catch_up_without_drift() {
    let mut late = paced(Some(100), Some(10.0));
    // Timers of a hidden tab run about once a second.
    for now in [0.0, 1013.0, 2000.5, 3700.0] {
        let due = late.due(now);
        late.next_frame(0, due, now);
        assert_eq!(late.sent, (now / 100.0) as u64 + 1);
    }
}

#[test]
fn clock_is_stopped_while_no_record_can_be_sent() {
    let mut held = paced(Some(100), Some(10.0));
    held.next_frame(0, held.due(0.0), 0.0);
    held.stop_clock(50.0);
    held.stop_clock(9000.0);
    assert_eq!(held.next_at_ms(9000.0), None);
    held.resume_clock(10_050.0);
    assert_eq!((held.due(10_099.0), held.due(10_100.0)), (0, 1));
}

fn encoded_record(n: u64) -> (u64, Result<RecordToSend, EncodingFailure>) {
    let value = protocol::WireBytes::text(n.to_string());
    let json = (n > 0).then(|| format!("json {n}").into());
    (n, Ok(RecordToSend { record: ProduceRecord { topic: "t".into(), value, ..ProduceRecord::default() }, json }))
}

fn encoded(total: Option<u64>, per_second: Option<f64>) -> Run {
    Run::encoded(0, RunTitle::Seed, "t", total, per_second, Start::default())
}

#[test]
fn batch_with_few_valid_lines_is_sent_in_steps() {
    let text = format!("{}{{\"a\":1}}\n", format!("{{{}\n", "x".repeat(998)).repeat(2 * SLICE_BYTES / 1000));
    let choice = formats::BatchChoice { format: Some(formats::Format::JsonLines), ..Default::default() };
    let mut batch = Batch::new(None, text.as_str().into(), choice, 1000);
    while !batch.is_checked() {
        batch.check_slice();
    }
    let mut run = Run::of_batch(0, "t", &batch, Start::default()).expect("a valid record");
    let mut steps = 1;
    while run.next_frame(0, 10, 0.0).batch.is_empty() {
        assert_eq!(run.next_at_ms(7.0), Some(7.0), "the next step follows at once");
        run.begin_step();
        steps += 1;
        assert!(steps < 10);
    }
    assert!(steps > 1 && run.sent == 1);
}

#[test]
fn encoded_run_waits_for_its_records_and_catches_up() {
    let mut run = encoded(Some(10), Some(10.0));
    assert_eq!((run.next_at_ms(0.0), run.due(0.0)), (None, 1));
    assert!(run.next_frame(0, 1, 0.0).batch.is_empty());
    assert_eq!(run.to_encode(0, 0.0, 250.0, 1000), 3);
    assert_eq!(run.to_encode(2, 0.0, 250.0, 1000), 1);
    run.add_encoded((0..3).map(encoded_record).collect());
    assert_eq!(values(run.next_frame(0, run.due(450.0), 450.0)), ["0", "1", "2"]);
    assert_eq!((run.sent, run.due(450.0), run.next_at_ms(450.0)), (3, 2, None));
    assert_eq!(run.to_encode(0, 450.0, 250.0, 1000), 5);
    assert_eq!(encoded(Some(7), None).to_encode(0, 0.0, 250.0, 1000), 7);
    assert_eq!(encoded(None, None).to_encode(100, 0.0, 250.0, 1000), 900);
}

#[test]
fn record_that_cannot_be_encoded_ends_the_run_after_the_records_before_it() {
    let mut run = encoded(Some(10), None);
    let failure =
        EncodingFailure { label: Some(2), part: Some(RecordPart::Value), path: "a".into(), message: "m".into() };
    let records = vec![encoded_record(0), encoded_record(1), (2, Err(failure.clone())), encoded_record(3)];
    run.add_encoded(records);
    assert_eq!(run.to_encode(0, 0.0, 250.0, 1000), 0);
    run.stop_if_failed(0.0);
    assert!(run.is_active());
    let frame = run.next_frame(0, 10, 0.0);
    assert_eq!((frame.labels, frame.json), (vec![0, 1], vec![None, Some("json 1".into())]));
    run.stop_if_failed(1.0);
    assert_eq!((run.state, run.stopped_by), (RunState::Cancelled, Some(failure)));
}

#[test]
fn paused_run_sends_no_records_until_the_user_resumes_it() {
    let mut paused = paced(Some(100), Some(10.0));
    paused.next_frame(0, 1, 0.0);
    paused.pause(20.0);
    paused.resume_clock(500.0);
    assert_eq!((paused.due(5000.0), paused.next_at_ms(5000.0)), (0, None));
    paused.resume(5020.0);
    assert_eq!(paused.due(5100.0), 1);
}

#[test]
fn run_without_a_rate_has_all_remaining_records_due() {
    let endless = paced(None, None);
    assert!(endless.due(0.0) > 1 << 40 && endless.next_at_ms(5.0) == Some(5.0));
    assert_eq!(paced(Some(30), None).due(0.0), 30);
}

#[test]
fn frame_is_bounded_in_records_and_bytes() {
    let mut small = paced(Some(1000), None);
    assert_eq!(small.next_frame(0, 1000, 0.0).batch.len(), 256);
    let value = Field::text("x".repeat(20_000));
    let mut large = run(&RunPlan { draft: Draft { value, ..Draft::default() }, count: None, per_second: None });
    let to_send = large.next_frame(0, 1000, 0.0);
    assert!((to_send.batch.len(), large.sent) == (3, 3) && to_send.batch.encoded_bytes() < FRAME_BYTES);
    let value = Field::text("x".repeat(200_000));
    let mut huge = run(&RunPlan { draft: Draft { value, ..Draft::default() }, count: None, per_second: None });
    assert_eq!(huge.next_frame(0, 1000, 0.0).batch.len(), 1);
}

#[test]
fn run_is_done_when_every_record_has_an_outcome() {
    let mut seed = run(&RunPlan::seed());
    seed.next_frame(0, 10, 0.0);
    seed.record_update(RunUpdate::Acked { count: 8, after_ms: 2.0 }, 4600.0);
    let error = ErrorBody::new(ErrorCode::RecordTooLarge, "…");
    seed.record_update(RunUpdate::Failed { label: Some(3), error: error.clone() }, 4600.0);
    assert_eq!(seed.state, RunState::Running);
    seed.record_update(RunUpdate::Unknown { count: 1 }, 4700.0);
    assert_eq!(seed.state, RunState::Done);
    assert_eq!(seed.failures, [Failures { reason: error, count: 1, labels: vec![3] }]);
}

#[test]
fn cancelled_run_sends_no_more_records_and_stays_cancelled() {
    let mut seed = run(&RunPlan::seed());
    seed.next_frame(0, 1, 0.0);
    seed.cancel(10.0);
    assert_eq!((seed.due(9000.0), seed.next_at_ms(9000.0)), (0, None));
    seed.record_update(RunUpdate::Acked { count: 1, after_ms: 2.0 }, 20.0);
    assert_eq!(seed.state, RunState::Cancelled);
}

#[test]
fn number_of_listed_failure_reasons_is_bounded() {
    let mut seed = run(&RunPlan::seed());
    for n in 0..1000 {
        let error = ErrorBody::new(ErrorCode::RecordTooLarge, n.to_string());
        seed.record_update(RunUpdate::Failed { label: Some(n), error }, 0.0);
    }
    assert_eq!((seed.failed, seed.failures.len()), (1000, LISTED_REASONS));
    assert_eq!(seed.failures.iter().map(|failures| failures.count).sum::<u64>(), 1000);
}
