use proptest::prelude::*;

use super::{decode_key, decode_value, messages};
use crate::json_writer::JsonWriter;

const OFFSETS: &str = "__consumer_offsets";
const TRANSACTIONS: &str = "__transaction_state";

/// 2024-05-01T12:00:00.5Z in milliseconds.
const TIME: i64 = 1_714_564_800_500;

/// Writes bytes as Kafka does.
#[derive(Default)]
struct Bytes(Vec<u8>);

impl Bytes {
    fn int8(mut self, number: i8) -> Self {
        self.0.extend(number.to_be_bytes());
        self
    }

    fn int16(mut self, number: i16) -> Self {
        self.0.extend(number.to_be_bytes());
        self
    }

    fn int32(mut self, number: i32) -> Self {
        self.0.extend(number.to_be_bytes());
        self
    }

    fn int64(mut self, number: i64) -> Self {
        self.0.extend(number.to_be_bytes());
        self
    }

    fn text(self, text: &str) -> Self {
        self.int16(text.len() as i16).raw(text.as_bytes())
    }

    fn bytes(self, bytes: &[u8]) -> Self {
        self.int32(bytes.len() as i32).raw(bytes)
    }

    /// A text, or the bytes of a flexible version. Lengths below 127 have one byte.
    fn compact(self, text: &str) -> Self {
        self.int8(text.len() as i8 + 1).raw(text.as_bytes())
    }

    fn raw(mut self, bytes: &[u8]) -> Self {
        self.0.extend_from_slice(bytes);
        self
    }
}

fn bytes() -> Bytes {
    Bytes::default()
}

fn key(topic: &str, key: &Bytes) -> Result<String, String> {
    let mut text = Vec::new();
    decode_key(topic, &key.0, &mut JsonWriter::new(&mut text, 1_000_000)).map_err(|error| error.message)?;
    Ok(String::from_utf8(text).expect("UTF-8"))
}

fn value(topic: &str, key_type: i16, value: &[u8]) -> Result<String, String> {
    let mut text = Vec::new();
    decode_value(topic, &key_type.to_be_bytes(), value, &mut JsonWriter::new(&mut text, 1_000_000))
        .map_err(|error| error.message)?;
    Ok(String::from_utf8(text).expect("UTF-8"))
}

#[track_caller]
fn check(topic: &str, key_type: i16, written: &Bytes, expected: &str) {
    assert_eq!(value(topic, key_type, &written.0).as_deref(), Ok(expected));
}

#[test]
fn keys_name_their_message() {
    let offset = bytes().int16(1).text("g").text("orders").int32(3);
    assert_eq!(
        key(OFFSETS, &offset).as_deref(),
        Ok(r#"{"type":"OffsetCommitKey","version":1,"group":"g","topic":"orders","partition":3}"#)
    );
    let group = bytes().int16(2).text("g");
    assert_eq!(key(OFFSETS, &group).as_deref(), Ok(r#"{"type":"GroupMetadataKey","version":2,"group":"g"}"#));
    let member = bytes().int16(8).text("g").text("m");
    assert_eq!(
        key(OFFSETS, &member).as_deref(),
        Ok(r#"{"type":"ConsumerGroupCurrentMemberAssignmentKey","version":8,"groupId":"g","memberId":"m"}"#)
    );
    let transaction = bytes().int16(0).text("t");
    assert_eq!(
        key(TRANSACTIONS, &transaction).as_deref(),
        Ok(r#"{"type":"TransactionLogKey","version":0,"transactionalId":"t"}"#)
    );
}

#[test]
fn offset_commits_of_each_version() {
    let start = |version| bytes().int16(version).int64(i64::MAX);
    check(
        OFFSETS,
        1,
        &start(0).text("").int64(TIME),
        r#"{"type":"OffsetCommitValue","version":0,"offset":9223372036854775807,"metadata":"","commitTimestamp":"2024-05-01T12:00:00.5Z"}"#,
    );
    check(
        OFFSETS,
        1,
        &start(1).text("m").int64(TIME).int64(-1),
        r#"{"type":"OffsetCommitValue","version":1,"offset":9223372036854775807,"metadata":"m","commitTimestamp":"2024-05-01T12:00:00.5Z","expireTimestamp":null}"#,
    );
    check(
        OFFSETS,
        0,
        &start(3).int32(7).text("m").int64(TIME),
        r#"{"type":"OffsetCommitValue","version":3,"offset":9223372036854775807,"leaderEpoch":7,"metadata":"m","commitTimestamp":"2024-05-01T12:00:00.5Z"}"#,
    );
    // With a tagged field that is not known yet.
    check(
        OFFSETS,
        1,
        &start(4).int32(7).compact("m").int64(TIME).int8(1).int8(9).int8(2).raw(b"xx"),
        r#"{"type":"OffsetCommitValue","version":4,"offset":9223372036854775807,"leaderEpoch":7,"metadata":"m","commitTimestamp":"2024-05-01T12:00:00.5Z"}"#,
    );
}

fn group(protocol_type: &str, subscription: &[u8], assignment: &[u8]) -> Bytes {
    bytes()
        .int16(3)
        .text(protocol_type)
        .int32(5)
        .text("range")
        .int16(-1)
        .int64(TIME)
        .int32(1)
        .text("m-1")
        .int16(-1)
        .text("c")
        .text("/10.0.0.1")
        .int32(60_000)
        .int32(45_000)
        .bytes(subscription)
        .bytes(assignment)
}

#[test]
fn group_metadata_has_members_with_subscriptions() {
    let subscription = bytes().int16(1).int32(1).text("orders").int32(-1).int32(1).text("orders").int32(1).int32(0);
    let assignment = bytes().int16(1).int32(1).text("orders").int32(2).int32(0).int32(1).int32(0);
    check(
        OFFSETS,
        2,
        &group("consumer", &subscription.0, &assignment.0),
        concat!(
            r#"{"type":"GroupMetadataValue","version":3,"protocolType":"consumer","generation":5,"protocol":"range","#,
            r#""leader":null,"currentStateTimestamp":"2024-05-01T12:00:00.5Z","members":[{"memberId":"m-1","#,
            r#""groupInstanceId":null,"clientId":"c","clientHost":"/10.0.0.1","rebalanceTimeout":60000,"#,
            r#""sessionTimeout":45000,"subscription":{"version":1,"topics":["orders"],"userData":null,"#,
            r#""ownedPartitions":[{"topic":"orders","partitions":[0]}]},"assignment":{"version":1,"#,
            r#""assignedPartitions":[{"topic":"orders","partitions":[0,1]}],"userData":""}}]}"#,
        ),
    );
    // Kafka Connect has a protocol of its own, and a client may write anything.
    for (protocol, subscription) in [("connect", subscription.0.as_slice()), ("consumer", b"\0\x01other")] {
        let json = value(OFFSETS, 2, &group(protocol, subscription, b"").0).expect("valid");
        let encoded = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, subscription);
        assert!(json.contains(&format!(r#""subscription":"{encoded}","assignment":"""#)), "{json}");
    }
}

#[test]
fn tagged_structure_may_be_null() {
    let start = || {
        bytes().int16(0).int8(0).int8(0).compact("c").compact("h").int8(2).compact("orders").int8(0).int32(-1).int8(0)
    };
    let expected = concat!(
        r#"{"type":"ConsumerGroupMemberMetadataValue","version":0,"instanceId":null,"rackId":null,"clientId":"c","#,
        r#""clientHost":"h","subscribedTopicNames":["orders"],"subscribedTopicRegex":null,"rebalanceTimeoutMs":-1,"#,
        r#""serverAssignor":null"#
    );
    check(OFFSETS, 5, &start().int8(0), &format!("{expected}}}"));
    check(
        OFFSETS,
        5,
        &start().int8(1).int8(0).int8(1).int8(0),
        &format!(r#"{expected},"classicMemberMetadata":null}}"#),
    );
    let subscription = bytes().int16(0).int32(0).int32(-1);
    let classic = bytes().int8(1).int32(45_000).int8(2).compact("range").int8(11).raw(&subscription.0).int8(0).int8(0);
    let written = start().int8(1).int8(0).int8(classic.0.len() as i8).raw(&classic.0);
    let classic = concat!(
        r#","classicMemberMetadata":{"sessionTimeoutMs":45000,"supportedProtocols":[{"name":"range","#,
        r#""metadata":{"version":0,"topics":[],"userData":null}}]}}"#
    );
    check(OFFSETS, 5, &written, &format!("{expected}{classic}"));
}

#[test]
fn current_assignment_has_topic_ids_and_the_name_of_its_state() {
    let written =
        bytes().int16(0).int32(4).int32(3).int8(1).int8(2).raw(&[0xff; 16]).int8(2).int32(6).int8(0).int8(1).int8(0);
    check(
        OFFSETS,
        8,
        &written,
        concat!(
            r#"{"type":"ConsumerGroupCurrentMemberAssignmentValue","version":0,"memberEpoch":4,"previousMemberEpoch":3,"#,
            r#""state":"UNREVOKED_PARTITIONS","assignedPartitions":[{"topicId":"_____________________w","partitions":[6]}],"#,
            r#""partitionsPendingRevocation":[]}"#
        ),
    );
}

#[test]
fn layouts_of_several_releases_are_told_apart() {
    let old = bytes().int16(0).int32(4).int8(0);
    check(OFFSETS, 11, &old, r#"{"type":"ShareGroupMetadataValue","version":0,"epoch":4}"#);
    let new = bytes().int16(0).int32(4).int64(9).int8(0);
    check(OFFSETS, 11, &new, r#"{"type":"ShareGroupMetadataValue","version":0,"epoch":4,"metadataHash":9}"#);
    check(OFFSETS, 17, &old, r#"{"type":"StreamsGroupMetadataValue","version":0,"epoch":4}"#);
    let configs =
        bytes().int16(0).int32(4).int64(9).int8(2).compact("k").compact("v").int8(0).int8(1).int8(0).int8(4).int32(2);
    check(
        OFFSETS,
        17,
        &configs,
        r#"{"type":"StreamsGroupMetadataValue","version":0,"epoch":4,"metadataHash":9,"assignmentConfigs":[{"key":"k","value":"v"}],"validatedTopologyEpoch":2}"#,
    );
}

#[test]
fn transactions_of_both_versions() {
    let expected = |version: i16| {
        format!(
            r#"{{"type":"TransactionLogValue","version":{version},"producerId":9,"producerEpoch":2,"transactionTimeoutMs":60000,"transactionStatus":"Ongoing","transactionPartitions":[{{"topic":"orders","partitionIds":[5]}}],"transactionLastUpdateTimestampMs":"2024-05-01T12:00:00.5Z","transactionStartTimestampMs":null"#
        )
    };
    let start = |version| bytes().int16(version).int64(9).int16(2).int32(60_000).int8(1);
    let old = start(0).int32(1).text("orders").int32(1).int32(5).int64(TIME).int64(-1);
    check(TRANSACTIONS, 0, &old, &(expected(0) + "}"));
    let new = start(1).int8(2).compact("orders").int8(2).int32(5).int8(0).int64(TIME).int64(-1);
    let new = new.int8(2).int8(0).int8(8).int64(8).int8(2).int8(2).int16(2);
    check(TRANSACTIONS, 0, &new, &(expected(1) + r#","previousProducerId":8,"clientTransactionVersion":2}"#));
    let empty = bytes().int16(0).int64(9).int16(2).int32(1).int8(99).int32(-1).int64(0).int64(-1);
    let json = value(TRANSACTIONS, 0, &empty.0).expect("valid");
    assert!(json.contains(r#""transactionStatus":99,"transactionPartitions":null"#), "{json}");
}

#[test]
fn errors_name_the_field() {
    let refused = |key_type, written: Bytes| value(OFFSETS, key_type, &written.0).expect_err("invalid");
    assert_eq!(
        refused(1, bytes().int16(3).int64(0).int32(1).int16(9).raw(b"abc")),
        "OffsetCommitValue.metadata: the value ends too early: the length at byte 16 is 9, but 3 remain"
    );
    assert_eq!(refused(1, bytes().int16(9)), "OffsetCommitValue has version 9, but only the versions 0 to 4 are known");
    assert_eq!(refused(99, bytes()), "a key of __consumer_offsets has the unknown type 99");
    assert_eq!(
        refused(7, bytes().int16(0).int8(2).raw(&[0; 16]).int8(3).int32(1).int16(1)),
        "ConsumerGroupTargetAssignmentMemberValue.topicPartitions[0].partitions[1]: the value ends too early: the length at \
         byte 24 is 4, but 2 remain"
    );
    assert_eq!(
        refused(3, bytes().int16(0).int32(1).int8(1).int8(0).int8(9).raw(&[0; 9])),
        "ConsumerGroupMetadataValue.metadataHash: the tagged field has 9 bytes, but its content 8"
    );
    assert_eq!(refused(1, bytes().int16(0).int64(0).int16(-1)), "OffsetCommitValue.metadata: the length is -1");
    assert_eq!(
        key(OFFSETS, &bytes().int8(0)),
        Err("a key of __consumer_offsets starts with 2 bytes, but the key has 1".into())
    );
    assert_eq!(key("orders", &bytes()), Err("the records of the topic orders have no known layout".into()));
}

#[test]
fn counts_are_not_trusted() {
    let written = bytes().int16(0).raw(&[0xff, 0xff, 0xff, 0xff, 0x0f]);
    assert!(value(OFFSETS, 7, &written.0).expect_err("no elements").contains("topicPartitions[0].topicId: "));
}

#[test]
fn types_of_keys_are_in_order() {
    for (index, record_type) in messages::CONSUMER_OFFSETS.iter().enumerate() {
        assert_eq!(usize::try_from(record_type.key_type), Ok(index), "{}", record_type.key.name);
    }
}

proptest! {
    #[test]
    fn any_bytes_are_valid_json_or_refused(
        key_type in 0_i16..26,
        version in 0_i16..5,
        bytes in proptest::collection::vec(prop_oneof![3 => 0_u8..4, 1 => any::<u8>()], 0..120),
    ) {
        for topic in [OFFSETS, TRANSACTIONS] {
            let written = [version.to_be_bytes().as_slice(), &bytes].concat();
            if let Ok(text) = value(topic, key_type, &written) {
                prop_assert!(protocol::is_plain_json(&text), "{text}");
            }
            let written = [key_type.to_be_bytes().as_slice(), &bytes].concat();
            if let Ok(text) = key(topic, &Bytes(written)) {
                prop_assert!(protocol::is_plain_json(&text), "{text}");
            }
        }
    }
}
