//! How listening starts, continues after a lost socket, and stops.

use super::*;

fn intent(mode: ReadMode) -> Intent {
    Intent { topics: vec!["t".into()], mode, group: "g".into(), ..Intent::default() }
}

/// Receives a record as the page does. Returns whether the record is new.
fn accept(listening: &mut Listening, partition: i32, offset: i64) -> bool {
    let is_new = offset >= listening.next_of("t", partition, offset);
    if is_new {
        listening.advance("t", partition, offset + 1);
    }
    is_new
}

fn listening(mode: ReadMode) -> Listening {
    let mut listening = Listening::default();
    listening.start(intent(mode));
    assert!(listening.subscribe(1).is_some());
    assert!(!listening.subscribed(5, MaskedFields::default()));
    listening
}

#[test]
fn reconnect_rejoins_the_group_and_drops_records_already_received() {
    let mut listening = listening(ReadMode::Group);
    assert!(accept(&mut listening, 0, 7) && accept(&mut listening, 0, 8) && accept(&mut listening, 1, 3));
    listening.socket_lost();
    assert_eq!(listening.phase(), Phase::Starting);
    let again = listening.subscribe(2).expect("it subscribes again automatically");
    assert!(matches!(again.mode, Mode::Group { ref id, .. } if id == "g"));
    listening.subscribed(1, MaskedFields::default());
    assert!(!accept(&mut listening, 0, 7) && !accept(&mut listening, 0, 8));
    assert!(accept(&mut listening, 0, 9) && accept(&mut listening, 1, 4));
}

#[test]
fn records_left_by_another_member_are_accepted_below_the_position() {
    let mut listening = listening(ReadMode::Group);
    let at = |offset| Position { topic: "t".into(), partition: 0, offset: Offset(offset) };
    listening.assigned_to(&[at(10)], 0.0);
    assert!(accept(&mut listening, 0, 10));
    listening.assigned_to(&[at(10)], 0.0);
    assert!(!accept(&mut listening, 0, 10), "received before");
    listening.assigned_to(&[at(4)], 0.0);
    assert!(accept(&mut listening, 0, 4));
}

#[test]
fn reassigned_partition_starts_at_the_offset_that_others_reached() {
    let mut listening = listening(ReadMode::Group);
    let at = |offset| Position { topic: "t".into(), partition: 0, offset: Offset(offset) };
    listening.assigned_to(&[at(0)], 0.0);
    accept(&mut listening, 0, 99);
    listening.committed(&[at(100)]);
    listening.revoked(&[TopicPartition { topic: "t".into(), partition: 0 }]);
    listening.assigned_to(&[at(500)], 0.0);
    listening.set_ends("t", &[info(0, 500)]);
    assert_eq!((listening.behind(), listening.lag()), (Some(0), Some(0)));
}

#[test]
fn reconnect_resumes_watching_after_the_last_received_record() {
    let mut listening = listening(ReadMode::Watch);
    let at = |partition, offset| Position { topic: "t".into(), partition, offset: Offset(offset) };
    listening.assigned_to(&[at(0, 0), at(1, 5)], 0.0);
    accept(&mut listening, 0, 7);
    listening.socket_lost();
    let again = listening.subscribe(2).expect("it subscribes again automatically");
    let start = TailStart::Resume(vec![at(0, 8), at(1, 5)]);
    assert_eq!(again.mode, Mode::Tail { start });
}

#[test]
fn restart_of_the_same_group_keeps_the_rows_and_accepts_any_offset() {
    let mut listening = listening(ReadMode::Group);
    accept(&mut listening, 0, 7);
    listening.ended();
    assert!(!listening.start(intent(ReadMode::Group)), "the rows stay");
    assert!(accept(&mut listening, 0, 3), "the group may have been reset");
    assert!(listening.start(intent(ReadMode::Watch)), "the rows belong to another read mode");
}

#[test]
fn stop_before_the_subscribed_reply_ends_the_subscription() {
    let mut listening = Listening::default();
    listening.start(intent(ReadMode::Group));
    listening.subscribe(1);
    assert_eq!(listening.stop(true), None);
    assert_eq!(listening.phase(), Phase::Stopping);
    assert!(listening.subscribed(9, MaskedFields::default()), "the subscription must be ended");
    assert_eq!(listening.subscription(), Some(9));
}

#[test]
fn stop_without_a_connection_is_immediate() {
    let mut listening = listening(ReadMode::Group);
    listening.socket_lost();
    assert_eq!(listening.stop(false), None);
    assert_eq!(listening.phase(), Phase::Idle);
    assert!(listening.subscribe(3).is_none(), "a stopped subscription does not restart");
}

#[test]
fn received_records_clear_the_error() {
    let mut listening = listening(ReadMode::Group);
    listening.failed(ErrorBody::new(protocol::ErrorCode::TopicMissing, "…"));
    assert!(listening.error().is_some() && listening.phase() == Phase::Listening);
    listening.handled(1, 1, 0.0);
    assert!(listening.error().is_none());
}

#[test]
fn recreated_topic_starts_at_its_new_offsets() {
    let mut listening = listening(ReadMode::Watch);
    accept(&mut listening, 0, 99);
    listening.gap("t", 0, 0, true);
    assert!(accept(&mut listening, 0, 0));
    listening.gap("t", 0, 50, false);
    assert!(!accept(&mut listening, 0, 49) && accept(&mut listening, 0, 50));
}

fn info(partition: i32, high: i64) -> PartitionInfo {
    PartitionInfo {
        partition,
        leader: Some(1),
        replicas: Vec::new(),
        in_sync: Vec::new(),
        offline: Vec::new(),
        low: Offset(0),
        high: Offset(high),
        offsets_unknown: false,
    }
}

fn without_leader(partition: i32) -> PartitionInfo {
    PartitionInfo { leader: None, offsets_unknown: true, ..info(partition, 0) }
}

fn at(partition: i32, offset: i64) -> Position {
    Position { topic: "t".into(), partition, offset: Offset(offset) }
}

#[test]
fn remaining_records_are_known_once_every_end_offset_is() {
    let mut listening = listening(ReadMode::Group);
    assert_eq!(listening.behind(), None);
    listening.assigned_to(&[at(0, 0), at(1, 5)], 10.0);
    assert_eq!(listening.ends_to_request(10.0), ["t"]);
    assert!(listening.ends_to_request(11.0).is_empty(), "not due again yet");
    listening.set_ends("t", &[info(0, 10), without_leader(1)]);
    assert_eq!(listening.behind(), None);
    listening.set_ends("t", &[info(0, 10), info(1, 6), info(2, 99)]);
    assert_eq!(listening.behind(), Some(11));
    listening.advance("t", 0, 12);
    assert_eq!(listening.behind(), Some(1), "partition 0 is read beyond the reported end offset");
    listening.committed(&[at(0, 8)]);
    assert_eq!(listening.lag(), Some(3));
}

#[test]
fn rebalance_changes_the_assigned_partitions() {
    let mut listening = listening(ReadMode::Group);
    listening.assigned_to(&[at(0, 0), at(1, 5)], 0.0);
    assert_eq!(listening.rebalances(), 0, "the first assignment is not counted");
    listening.revoked(&[TopicPartition { topic: "t".into(), partition: 0 }]);
    let partitions = listening.partition_progress().iter().map(|progress| progress.partition).collect::<Vec<_>>();
    assert_eq!((partitions, listening.rebalances()), (vec![1], 1));
}

#[test]
fn start_offset_beyond_the_end_is_reduced_to_the_end() {
    let mut listening = Listening::default();
    let start = Start::Offset { partition: None, offset: 7 };
    listening.start(Intent { start, ..intent(ReadMode::Watch) });
    assert!(listening.must_look_up_start());
    listening.set_start_offsets("t", &[info(0, 100), info(1, 3), without_leader(2)]);
    assert!(!listening.must_look_up_start());
    let mode = listening.subscribe(1).expect("the start is known").mode;
    assert_eq!(mode, Mode::Tail { start: TailStart::Resume(vec![at(0, 7), at(1, 3), at(2, 7)]) });
}

#[test]
fn start_at_committed_uses_earliest_for_partitions_without_committed_offset() {
    let position = |topic: &str, partition, offset: Option<i64>| GroupPosition {
        topic: topic.into(),
        partition,
        offset: offset.map(Offset),
        end: Offset(100),
        lag: 0,
    };
    let start = |positions: &[GroupPosition]| {
        let mut listening = Listening::default();
        listening.start(Intent { start: Start::Committed, ..intent(ReadMode::Watch) });
        assert!(listening.must_look_up_start());
        listening.set_committed_start(positions);
        assert!(!listening.must_look_up_start());
        listening.subscribe(1).expect("a request").mode
    };
    let committed = [position("t", 0, Some(7)), position("t", 1, None), position("other", 0, Some(3))];
    let expected = vec![Position { topic: "t".into(), partition: 0, offset: Offset(7) }];
    assert_eq!(start(&committed), Mode::Tail { start: TailStart::Resume(expected) }, "no group, no commit");
    assert_eq!(start(&[]), Mode::Tail { start: TailStart::Earliest });
}

#[test]
fn commits_are_held_until_the_bridge_resumes_them() {
    let mut listening = listening(ReadMode::Group);
    let topic_partition = TopicPartition { topic: "t".into(), partition: 0 };
    listening.out_of_range(topic_partition.clone(), 1005, 0);
    let held = listening.held_commits().of("t", 0).expect("held");
    assert_eq!((held.committed, held.begun), (1005, 0));
    listening.commits_resumed(std::slice::from_ref(&topic_partition));
    assert_eq!(listening.held_commits().len(), 0);
    listening.out_of_range(topic_partition, 1005, 0);
    listening.socket_lost();
    assert_eq!(listening.held_commits().len(), 0);
}
