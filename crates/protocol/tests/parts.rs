//! Messages in parts: every frame is within the limit, and the parts together are the message.

use proptest::collection::vec;
use proptest::prelude::*;
use protocol::limits::TEXT_FRAME_BYTES;
use protocol::{
    BinaryBatch, GroupChanged, GroupKind, GroupMember, GroupPosition, GroupResult, GroupSummary, GroupsResult,
    HeaderView, JsonBatch, MAX_BATCH_BYTES, MAX_BATCH_RECORDS, Offset, RecordView, RecordsHead, ServerMessage,
    TimestampType, TopicPartition, TopicSummary, TopicsChanged, TopicsResult,
};

/// The parts of the message, joined again.
fn joined(frames: &[String], id: Option<u64>) -> ServerMessage {
    let mut parts = frames.iter().enumerate().map(|(index, text)| {
        let frame = ServerMessage::parse(text).expect("a message");
        assert_eq!((frame.id, frame.more), (id, index + 1 < frames.len()), "part {index} of {}", frames.len());
        frame.message
    });
    let mut whole = parts.next().expect("at least one part");
    parts.for_each(|part| whole.append(part));
    whole
}

fn check(message: impl Into<ServerMessage>) -> usize {
    let message = message.into();
    let frames = message.clone().into_frames(Some(7));
    for frame in &frames {
        assert!(frame.len() <= TEXT_FRAME_BYTES, "a frame of {} bytes", frame.len());
    }
    assert_eq!(joined(&frames, Some(7)), message);
    frames.len()
}

fn topic(number: usize) -> TopicSummary {
    TopicSummary {
        name: format!("{number:05}{}", "a".repeat(200)),
        partitions: 1,
        replication: 1,
        internal: false,
        records: Some(1),
        rate: None,
        under_replicated: 0,
        offline: 0,
    }
}

fn partitions(of: &str, count: usize) -> Vec<TopicPartition> {
    let partition = |number| TopicPartition { topic: format!("{of}{}", "t".repeat(200)), partition: number };
    (0..i32::try_from(count).expect("few")).map(partition).collect()
}

fn member(number: usize, count: usize) -> GroupMember {
    GroupMember {
        member: format!("member-{number}"),
        client: "client".to_owned(),
        host: "/127.0.0.1".to_owned(),
        partitions: partitions(&number.to_string(), count),
        instance: None,
    }
}

fn position(TopicPartition { topic, partition }: TopicPartition) -> GroupPosition {
    GroupPosition { topic, partition, offset: Some(Offset(1)), end: Offset(2), lag: 1 }
}

fn group(members: Vec<GroupMember>) -> GroupResult {
    let positions = members.iter().flat_map(|member| member.partitions.clone()).map(position).collect();
    GroupResult {
        group: "my-group".to_owned(),
        state: "Stable".to_owned(),
        members,
        positions,
        kind: GroupKind::Classic,
        not_described: None,
        protocol: None,
        coordinator: None,
        assignor: None,
        lag: 0,
    }
}

#[test]
fn message_within_the_limit_is_one_frame_without_more() {
    let frames = ServerMessage::from(TopicsResult { topics: vec![topic(1)] }).into_frames(None);
    assert!(frames.len() == 1 && !frames[0].contains("\"more\""), "{frames:?}");
}

#[test]
fn long_lists_are_divided_between_elements() {
    let topics: Vec<TopicSummary> = (0..10_000).map(topic).collect();
    assert!(check(TopicsResult { topics: topics.clone() }) > 2);
    let removed = (0..10_000).map(|number| format!("{number:05}{}", "r".repeat(200))).collect();
    assert!(check(TopicsChanged { watch: 1, at: 0, topics, removed }) > 4);
}

#[test]
fn element_with_a_long_list_is_divided() {
    assert!(check(group(vec![member(1, 30_000)])) > 6);
    assert!(check(group(vec![member(1, 0), member(2, 30_000), member(3, 1)])) > 6);
    let (summary, state) = ("a-group-of-many-topics".to_owned(), "Stable".to_owned());
    let topics =
        partitions("", 10_000).into_iter().map(|partition| format!("{}{}", partition.topic, partition.partition));
    let summary = GroupSummary {
        group: summary,
        state,
        members: Some(1),
        kind: GroupKind::Classic,
        protocol: None,
        topics: topics.collect(),
        lag: None,
    };
    let other = GroupSummary { group: "other".to_owned(), ..summary.clone() };
    assert!(check(GroupsResult { groups: vec![summary, other] }) > 2);
}

#[test]
fn list_that_is_left_out_stays_absent_in_every_part() {
    let GroupResult { positions, .. } = group(vec![member(1, 10_000)]);
    let changed = GroupChanged {
        watch: 1,
        at: 0,
        state: "Stable".to_owned(),
        kind: GroupKind::Classic,
        not_described: None,
        protocol: None,
        coordinator: None,
        assignor: None,
        lag: 0,
        members: None,
        positions,
        removed: Vec::new(),
    };
    assert!(check(changed.clone()) > 1);
    assert!(check(GroupChanged { members: Some(vec![member(1, 10_000)]), ..changed }) > 2);
}

/// The records whose JSON is the largest compared with their binary form: control characters, and headers without content.
#[test]
fn batch_of_any_records_fits_into_a_text_frame() {
    let topic = "t".repeat(249);
    let frame = |value: &[u8], headers: &[HeaderView<'_>]| {
        let mut batch = BinaryBatch::default();
        while batch.len() < MAX_BATCH_RECORDS {
            let (key, value, headers) = (Some(&b""[..]), Some(value), headers.iter().copied());
            let (offset, timestamp, timestamp_type) = (i64::MAX, Some(i64::MAX), TimestampType::LogAppend);
            batch.push(RecordView { offset, timestamp, timestamp_type, key, value, headers });
            // Batches are built of whole records.
            if batch.encoded_bytes() * (batch.len() + 1) / batch.len() > MAX_BATCH_BYTES {
                break;
            }
        }
        let head = RecordsHead { subscription: u32::MAX, seq: u64::MAX, topic: &topic, partition: i32::MAX };
        (batch.len(), JsonBatch::encode(&batch).frame(&head, 0..batch.len()).len())
    };
    let (all, few) = (MAX_BATCH_BYTES / MAX_BATCH_RECORDS - BinaryBatch::RECORD_HEAD, MAX_BATCH_BYTES / 4);
    let empty: Vec<HeaderView<'_>> = vec![("", Some(b"")); all / 8];
    let escaped = "\u{1}".repeat(few);
    for (records, bytes) in [
        frame(&[1].repeat(all), &[]),
        frame(escaped.as_bytes(), &[]),
        frame(&[0xff].repeat(all), &[]),
        frame(b"", &empty),
        frame(b"", &[]),
    ] {
        assert!(records > 1 && bytes <= TEXT_FRAME_BYTES, "{records} records take {bytes} bytes");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]

    #[test]
    fn group_of_any_shape_is_the_same_after_joining(counts in vec(prop_oneof![0_usize..3, 0_usize..8000], 0..8)) {
        check(group(counts.into_iter().enumerate().map(|(number, count)| member(number, count)).collect()));
    }
}
