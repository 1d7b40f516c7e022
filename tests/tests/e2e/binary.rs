//! Binary frames mean the same as JSON frames in both directions, and a damaged frame closes only its own socket.

use protocol::{CloseCode, ErrorCode, ErrorMessage, ProduceRecord, Records, TimestampType, WireBytes};
use tests::client::{Outcome, RecordExt, decoded, messaggi, produce_frame, text_record};
use tests::kafka::create_topic_with;
use tests::socket::Heard;
use tests::{Bridge, Client, Kafka, Watch, on_every_kafka, unique};

use super::bytes::awkward_records;

on_every_kafka! {
    async fn json_and_binary_subscriptions_deliver_the_same_records(kafka: Kafka) {
        const THEN: i64 = 1_600_000_000_123;
        let topic = kafka.topic("formats").await;
        let bridge = Bridge::start().on(&kafka).topic(&topic).await;
        let mut client = bridge.client().await;
        let mut records: Vec<ProduceRecord> = awkward_records(&topic).into_iter().map(|(_, record)| record).collect();
        records.push(ProduceRecord { timestamp: Some(THEN), ..text_record(&topic, "then") });
        client.write(records.clone()).await;

        let json = client.subscribe(&Watch::tail(&topic)).await;
        let as_json = client.records(json, records.len()).await;
        assert_eq!(client.binary_batches, 0, "JSON was asked for");
        client.unsubscribe(json).await;
        let binary = client.subscribe(&Watch::tail(&topic).binary()).await;
        let as_binary = client.records(binary, records.len()).await;
        assert!(client.binary_batches > 0, "binary was asked for");

        for ((sent, one), other) in records.iter().zip(&as_json).zip(&as_binary) {
            assert_eq!((one.number, &one.topic, one.place()), (other.number, &other.topic, other.place()));
            // The same representation, not only the same bytes.
            assert_eq!(format!("{:?}", one.record), format!("{:?}", other.record));
            assert_eq!((&other.record.key, &other.record.value), (&sent.key, &sent.value));
            assert_eq!(other.record.headers, sent.headers);
        }
        assert_eq!(as_binary.last().expect("records").record.timestamp, Some(THEN));
    }

    async fn records_of_a_binary_frame_are_in_the_log_byte_for_byte(kafka: Kafka) {
        let topic = kafka.topic("sent-binary").await;
        let bridge = Bridge::start().on(&kafka).topic(&topic).await;
        let mut client = bridge.client().await;
        let records = awkward_records(&topic);
        let sent: Vec<ProduceRecord> = records.iter().map(|(_, record)| record.clone()).collect();
        let first = client.produce_binary(&sent).await;
        let places = client.acknowledged(first, sent.len() as u64).await;
        assert_eq!(places, (0..).take(sent.len()).map(|offset| (0, offset)).collect::<Vec<_>>());

        let Some(judge) = bridge.judge().await else { return };
        let log = judge.read(&topic).await;
        assert_eq!(log.len(), sent.len(), "{log:#?}");
        for ((what, sent), seen) in records.iter().zip(&log) {
            assert_eq!(seen.key.as_deref(), sent.key.as_kafka(), "{what}: the key");
            assert_eq!(seen.value.as_deref(), sent.value.as_kafka(), "{what}: the value");
        }
        let duplicate = records.iter().position(|(what, _)| *what == "duplicate headers").expect("it is there");
        assert_eq!(log[duplicate].headers, "trace=one,other=città,trace=two");
    }

    async fn binary_batch_sent_again_after_a_lost_socket_is_written_once(kafka: Kafka) {
        let topic = kafka.topic("resume-binary").await;
        let bridge = Bridge::start().on(&kafka).topic(&topic).await;
        let mut client = bridge.client().await;
        let session = client.welcome.session.clone();
        let first = client.produce_binary(&messaggi(&topic, 5)).await;
        let before = client.acknowledged(first, 5).await;
        client.produce_binary(&messaggi(&topic, 10)[5..]).await;
        client.socket.cut();

        let mut client = Client::resume(bridge.socket().await, &session).await;
        assert!(client.welcome.resumed);
        // All ten in one frame, although they were sent in two: only the sequence numbers matter.
        let first = client.produce_binary(&messaggi(&topic, 10)).await;
        let again = client.acknowledged(first, 10).await;
        assert_eq!(again[..5], before, "the same outcome as the first time");
        // The same records again as JSON.
        client.send(protocol::Produce { seq: first, records: messaggi(&topic, 10) }).await;
        client.ask::<protocol::ClusterResult>(protocol::ClusterRequest {}).await;

        let Some(judge) = bridge.judge().await else { return };
        assert_eq!(judge.read(&topic).await.len(), 10, "each record once");
    }
}

#[tokio::test]
async fn log_append_timestamp_is_marked_in_json_and_binary() {
    let Some(kafka) = Kafka::current().await else { return };
    let topic = unique("broker-time");
    let servers = kafka.bootstrap_servers().expect("real Kafka has an address");
    create_topic_with(&servers, &topic, 1, &[("message.timestamp.type", "LogAppendTime")]).await;
    let bridge = Bridge::start().on(&kafka).await;
    let mut client = bridge.client().await;
    client.write(messaggi(&topic, 1)).await;
    for watch in [Watch::tail(&topic), Watch::tail(&topic).binary()] {
        let watch = client.subscribe(&watch).await;
        let got = client.records(watch, 1).await.remove(0);
        assert_eq!(got.record.timestamp_type, TimestampType::LogAppend, "{got:?}");
        assert!(got.record.timestamp.is_some_and(|ms| ms > 1_700_000_000_000), "{got:?}");
    }
}

#[tokio::test]
async fn two_clients_share_a_feed_in_different_formats() {
    let topic = unique("two-formats");
    let bridge = Bridge::start().demo().topic(&topic).await;
    let (mut one, mut two) = (bridge.client().await, bridge.client().await);
    let json = one.subscribe(&Watch::tail(&topic).latest()).await;
    let binary = two.subscribe(&Watch::tail(&topic).latest().binary()).await;
    one.expect::<protocol::Assigned>().await;
    two.expect::<protocol::Assigned>().await;
    one.write((0..600).map(|id| text_record(&topic, &id.to_string())).collect()).await;
    let (as_json, as_binary) = (one.records(json, 600).await, two.records(binary, 600).await);
    assert_eq!((one.binary_batches > 0, two.binary_batches > 0), (false, true));
    for (one, two) in as_json.iter().zip(&as_binary) {
        assert_eq!((one.number, one.place(), one.value()), (two.number, two.place(), two.value()));
    }
}

#[tokio::test]
async fn each_record_of_a_binary_frame_has_its_own_outcome() {
    let (topic, bridge) = (unique("outcomes"), Bridge::start().demo().option("--max-message-bytes", "1048576").await);
    let mut client = bridge.client().await;
    client.write(messaggi(&topic, 1)).await;
    let limit = usize::try_from(client.welcome.limits.message_bytes).expect("64 bits");
    let refused = [
        (ErrorCode::UnknownPartition, text_record(&topic, "nowhere").on_partition(77)),
        (ErrorCode::RecordTooLarge, text_record(&topic, &"x".repeat(limit + 1))),
        (ErrorCode::BadRequest, ProduceRecord { timestamp: Some(-5), ..text_record(&topic, "before 1970") }),
        (ErrorCode::BadRequest, text_record(&topic, "v").with_header("a\0b", WireBytes::Null)),
    ];
    // A valid record before each invalid one, and one at the end.
    let mut records: Vec<ProduceRecord> =
        refused.iter().flat_map(|(_, bad)| [text_record(&topic, "good"), bad.clone()]).collect();
    records.push(text_record(&topic, "good"));
    let first = client.produce_binary(&records).await;
    for (place, seq) in (first..first + records.len() as u64).enumerate() {
        match (client.outcome(seq).await, place % 2) {
            (Outcome::Acked { .. }, 0) => {}
            (Outcome::Failed(error), 1) => assert_eq!(error.code, refused[place / 2].0.number(), "{error:?}"),
            (outcome, _) => panic!("record {place}: {outcome:?}"),
        }
    }
    let nowhere = client.produce_binary(&[text_record("../etc", "x"), text_record("../etc", "y")]).await;
    for seq in [nowhere, nowhere + 1] {
        let outcome = client.outcome(seq).await;
        let Outcome::Failed(error) = outcome else { panic!("{outcome:?}") };
        assert_eq!(error.code, ErrorCode::InvalidTopic.number(), "{error:?}");
    }
    let Some(judge) = bridge.judge().await else { return };
    assert_eq!(judge.read(&topic).await.len(), 1 + 5);
}

#[tokio::test]
async fn json_and_binary_in_one_session_keep_order_and_numbering() {
    const ROUNDS: usize = 40;
    const EACH: usize = 7;
    let topic = unique("mixed");
    let bridge = Bridge::start().demo().topic(&topic).await;
    let mut client = bridge.client().await;
    let watch = client.subscribe(&Watch::tail(&topic).binary()).await;
    let record = |id: usize| text_record(&topic, &id.to_string());
    for round in 0..ROUNDS {
        let records: Vec<ProduceRecord> = (round * EACH..(round + 1) * EACH).map(record).collect();
        let first = match round % 2 {
            0 => client.produce(records).await,
            _ => client.produce_binary(&records).await,
        };
        assert_eq!(first, (round * EACH) as u64, "numbers count on over both forms");
    }
    let places = client.acknowledged(0, (ROUNDS * EACH) as u64).await;
    assert_eq!(places, (0..).take(ROUNDS * EACH).map(|offset| (0, offset)).collect::<Vec<_>>());
    let values: Vec<String> = client.records(watch, ROUNDS * EACH).await.iter().map(|got| got.value()).collect();
    assert_eq!(values, (0..ROUNDS * EACH).map(|id| id.to_string()).collect::<Vec<_>>());
}

/// A complete frame, damaged in every way.
fn damaged_frames(topic: &str) -> Vec<(String, Vec<u8>)> {
    let record = text_record(topic, "value").with_key("key").with_header("name", WireBytes::text("header"));
    let whole = produce_frame(0, &[record.clone(), record]);
    let (head, first) = (24 + topic.len(), 24 + topic.len() + 4);
    let with = |at: usize, bytes: &[u8]| {
        let mut frame = whole.clone();
        frame[at..at + bytes.len()].copy_from_slice(bytes);
        frame
    };
    let mut damaged: Vec<(String, Vec<u8>)> =
        (1..whole.len()).map(|length| (format!("cut after {length} bytes"), whole[..length].to_vec())).collect();
    damaged.push(("one byte too many".to_owned(), [&whole[..], &[0]].concat()));
    for (what, at, bytes) in [
        ("another version", 0, &[2][..]),
        ("the other direction's kind", 1, &[1]),
        ("a topic longer than the frame", 2, &u16::MAX.to_le_bytes()),
        ("a topic that is not UTF-8", 24, &[0xff]),
        ("more records than announced", 4, &1u32.to_le_bytes()),
        ("fewer records than announced", 4, &u32::MAX.to_le_bytes()),
        ("no records announced", 4, &0u32.to_le_bytes()),
        ("a record longer than the frame", head, &u32::MAX.to_le_bytes()),
        ("a record of no bytes", head, &0u32.to_le_bytes()),
        ("an impossible partition", first, &(-2i64).to_le_bytes()),
        ("a partition beyond 32 bits", first, &i64::MAX.to_le_bytes()),
        ("a timestamp type that does not exist", first + 16, &[9]),
        ("a key of negative length", first + 17, &(-2i32).to_le_bytes()),
        ("a key longer than the record", first + 17, &i32::MAX.to_le_bytes()),
        ("a value of negative length", first + 21, &i32::MIN.to_le_bytes()),
        ("a value longer than the record", first + 21, &i32::MAX.to_le_bytes()),
        ("a header's name of negative length", first + 25 + 8, &(-1i32).to_le_bytes()),
        ("a header's value longer than the record", first + 25 + 8 + 8, &i32::MAX.to_le_bytes()),
    ] {
        damaged.push((what.to_owned(), with(at, bytes)));
    }
    damaged
}

#[tokio::test]
async fn damaged_binary_frame_closes_with_4501_and_writes_no_record() {
    let (topic, bridge) = (unique("damaged"), Bridge::start().demo().await);
    let mut bystander = bridge.client().await;
    let watch = bystander.subscribe(&Watch::tail(&topic).binary()).await;
    for (what, frame) in damaged_frames(&topic) {
        let mut client = bridge.client().await;
        client.socket.binary(&frame).await;
        let (code, reason) = client.socket.closed().await;
        assert_eq!(code, CloseCode::BadFrame.number(), "{what}: {reason}");
        assert!(!reason.is_empty(), "{what}: no reason");
    }
    // No record of them was written: the record of the second session is the first.
    bystander.produce_binary(&[text_record(&topic, "undisturbed")]).await;
    let got = bystander.records(watch, 1).await.remove(0);
    assert_eq!((got.value().as_str(), got.offset()), ("undisturbed", 0));
}

#[tokio::test]
async fn binary_frame_before_hello_closes_with_4502() {
    let bridge = Bridge::start().demo().await;
    let mut socket = bridge.socket().await;
    socket.binary(&produce_frame(0, &messaggi("early", 1))).await;
    socket.expect_close(CloseCode::NoHello).await;
}

#[tokio::test]
async fn binary_frame_with_more_records_than_the_produce_window_is_refused_whole() {
    let (topic, bridge) = (unique("too-many"), Bridge::start().demo().await);
    let mut client = bridge.client().await;
    let window = usize::try_from(client.welcome.limits.produce_window).expect("64 bits");
    let records: Vec<ProduceRecord> = (0..=window).map(|_| text_record(&topic, "x")).collect();
    client.socket.binary(&produce_frame(0, &records)).await;
    let refused = client.expect::<ErrorMessage>().await;
    assert_eq!(refused.error.code, ErrorCode::BatchTooLarge.number(), "{refused:?}");
    assert!(refused.error.message.contains(&window.to_string()), "names the limit: {refused:?}");
    // The refused frame used no sequence number, and a frame with the maximum is accepted.
    let first = client.produce_binary(&records[1..]).await;
    assert_eq!(client.acknowledged(first, window as u64).await.len(), window);
}

#[tokio::test]
async fn binary_batch_holds_at_most_256_records_or_128_kib() {
    let topic = unique("batches");
    let bridge = Bridge::start().demo().topic(&topic).await;
    let mut client = bridge.client().await;
    client.write((0..2000).map(|_| text_record(&topic, &"y".repeat(1000))).collect()).await;
    client.send(Watch::tail(&topic).binary().message()).await;
    let mut seen = 0;
    while seen < 2000 {
        let Heard::Binary(frame) = client.socket.next().await else { continue };
        let Records { records, seq, .. } = decoded(&frame);
        assert!(records.len() <= protocol::MAX_BATCH_RECORDS && frame.len() <= protocol::MAX_BATCH_BYTES + 1024);
        seen += records.len() as u64;
        assert_eq!(seq, seen);
    }
}
