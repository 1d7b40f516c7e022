//! Producing: every record gets exactly one outcome, and acknowledged records are in the log.

use protocol::{ErrorCode, ProduceRecord, Produced, WireBytes};
use tests::client::{Outcome, RecordExt, json_record, messaggi, text_record};
use tests::kafka::Mock;
use tests::{Bridge, on_every_kafka, unique};

on_every_kafka! {
    async fn ten_records_are_acknowledged_and_are_in_the_log(kafka: Kafka) {
        let topic = kafka.topic("produce").await;
        let bridge = Bridge::start().on(&kafka).topic(&topic).await;
        let mut client = bridge.client().await;

        let places = client.write(messaggi(&topic, 10)).await;
        let expected: Vec<(i32, i64)> = (0..10).map(|offset| (0, offset)).collect();
        assert_eq!(places, expected);

        let Some(judge) = bridge.judge().await else { return };
        let log: Vec<String> = judge.read(&topic).await.iter().map(|seen| seen.text().to_owned()).collect();
        let sent: Vec<String> = (0..10).map(|id| format!(r#"{{"id": {id}, "text": "messaggio {id}"}}"#)).collect();
        assert_eq!(log, sent);
    }

    /// The test vectors of Kafka's own `UtilsTest.testMurmur2`.
    async fn key_is_partitioned_like_in_java_clients(kafka: Kafka) {
        const VECTORS: [(&str, i32); 6] = [
            ("21", -973_932_308),
            ("foobar", -790_332_482),
            ("a-little-bit-long-string", -985_981_536),
            ("a-little-bit-longer-string", -1_486_304_829),
            ("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58_897_971),
            ("abc", 479_470_107),
        ];
        const PARTITIONS: i32 = 4;
        let topic = kafka.topic_with("keys", PARTITIONS).await;
        let bridge = Bridge::start().on(&kafka).await;
        let mut client = bridge.client().await;

        let records = VECTORS.iter().map(|(key, _)| text_record(&topic, key).with_key(key)).collect();
        let partitions: Vec<i32> = client.write(records).await.into_iter().map(|(partition, _)| partition).collect();
        let expected: Vec<i32> = VECTORS.iter().map(|(_, hash)| (hash & i32::MAX) % PARTITIONS).collect();
        assert_eq!(partitions, expected);
    }

    async fn partition_and_timestamp_of_the_client_are_kept(kafka: Kafka) {
        let topic = kafka.topic_with("choice", 4).await;
        let bridge = Bridge::start().on(&kafka).await;
        let mut client = bridge.client().await;
        let record = ProduceRecord { timestamp: Some(1_600_000_000_123), ..text_record(&topic, "x") };
        assert_eq!(client.write(vec![record.on_partition(3)]).await, [(3, 0)]);

        let Some(judge) = bridge.judge().await else { return };
        let log = judge.read(&topic).await;
        assert_eq!((log[0].partition, log[0].timestamp_ms), (3, 1_600_000_000_123));
    }
}

#[tokio::test]
async fn thousand_records_are_acknowledged_in_at_most_100_ranges() {
    let topic = unique("ranges");
    let bridge = Bridge::start().demo().topic(&topic).await;
    let mut client = bridge.client().await;
    let records = (0..1000).map(|id| json_record(&topic, &id.to_string())).collect();
    client.produce(records).await;

    let mut ranges: Vec<(u64, u64)> = Vec::new();
    while ranges.iter().map(|(first, last)| last - first + 1).sum::<u64>() < 1000 {
        let Produced { acks, errors } = client.expect().await;
        assert!(errors.is_empty(), "{errors:?}");
        for ack in acks {
            // With one partition and one sender, sequence number and offset are equal.
            assert_eq!(ack.offset.0, i64::try_from(ack.first).expect("small"), "{ack:?}");
            ranges.push((ack.first, ack.last));
        }
    }
    ranges.sort_unstable();
    let mut next = 0;
    for &(first, last) in &ranges {
        assert_eq!(first, next, "a hole or an overlap in {ranges:?}");
        next = last + 1;
    }
    assert_eq!(next, 1000);
    assert!(ranges.len() <= 100, "{} ranges for 1000 records of one partition", ranges.len());
}

#[tokio::test]
async fn record_with_unknown_partition_fails_and_its_neighbours_are_acknowledged() {
    let (topic, bridge) = (unique("mixed"), Bridge::start().demo().await);
    let mut client = bridge.client().await;
    let bad = text_record(&topic, "nowhere").on_partition(77);
    let first = client.produce(vec![text_record(&topic, "a"), bad, text_record(&topic, "b")]).await;

    assert!(matches!(client.outcome(first).await, Outcome::Acked { .. }));
    assert!(matches!(client.outcome(first + 2).await, Outcome::Acked { .. }));
    match client.outcome(first + 1).await {
        Outcome::Failed(error) => {
            assert_eq!(error.code, ErrorCode::UnknownPartition.number(), "{error:?}");
            assert!(!error.unknown && error.message.contains(&topic), "{error:?}");
        }
        acked => panic!("{acked:?}"),
    }
}

#[tokio::test]
async fn record_above_the_size_limit_fails_alone() {
    let (topic, bridge) = (unique("large"), Bridge::start().demo().option("--max-message-bytes", "1048576").await);
    let mut client = bridge.client().await;
    let limit = usize::try_from(client.welcome.limits.message_bytes).expect("64 bits");
    assert_eq!(limit, 1_048_576);

    let fits = text_record(&topic, &"x".repeat(limit * 9 / 10));
    client.write(vec![fits]).await;
    // A little above the limit for a record, but below that for a frame.
    let first = client.produce(vec![text_record(&topic, &"x".repeat(limit + 1)), text_record(&topic, "small")]).await;
    match client.outcome(first).await {
        Outcome::Failed(error) => {
            assert_eq!(error.code, ErrorCode::RecordTooLarge.number(), "{error:?}");
            assert!(error.message.contains(&limit.to_string()), "names the limit: {error:?}");
            assert!(error.message.contains("--max-message-bytes"), "names the option: {error:?}");
        }
        acked => panic!("{acked:?}"),
    }
    assert!(matches!(client.outcome(first + 1).await, Outcome::Acked { .. }));
}

#[tokio::test]
async fn reused_sequence_number_gets_its_first_outcome_and_writes_no_record() {
    let (topic, bridge) = (unique("seq"), Bridge::start().demo().await);
    let mut client = bridge.client().await;
    let places = client.write(messaggi(&topic, 5)).await;

    client.send(protocol::Produce { seq: 2, records: messaggi(&topic, 5).split_off(2) }).await;
    let ack = client.expect::<Produced>().await.acks.remove(0);
    assert_eq!((ack.first, (ack.partition, ack.offset.0)), (2, places[2]));
    // Sequence numbers may jump; skipped numbers cannot be used afterwards.
    client.send(protocol::Produce { seq: 100, records: messaggi(&topic, 1) }).await;
    assert!(matches!(client.outcome(100).await, Outcome::Acked { .. }));
    client.send(protocol::Produce { seq: 50, records: messaggi(&topic, 1) }).await;
    let refused = client.expect::<protocol::ErrorMessage>().await;
    assert_eq!(refused.error.code, ErrorCode::SequenceReused.number(), "{refused:?}");
    assert!(refused.error.message.contains("50"), "names the record: {refused:?}");

    let Some(judge) = bridge.judge().await else { return };
    assert_eq!(judge.read(&topic).await.len(), 6);
}

#[tokio::test]
async fn concurrent_sessions_get_their_own_outcomes() {
    let (topic, bridge) = (unique("many"), Bridge::start().demo().await);
    let mut writers = Vec::new();
    for writer in 0..8 {
        let mut client = bridge.client().await;
        let topic = topic.clone();
        writers.push(tokio::spawn(async move {
            let records = (0..50).map(|id| text_record(&topic, &format!("{writer}/{id}"))).collect();
            let places = client.write(records).await;
            (0..50).map(|id| format!("{writer}/{id}")).zip(places).collect::<Vec<_>>()
        }));
    }
    let mut acknowledged = Vec::new();
    for writer in writers {
        acknowledged.extend(writer.await.expect("the writer succeeds"));
    }
    acknowledged.sort();

    let Some(judge) = bridge.judge().await else { return };
    let log = judge.read(&topic).await;
    let mut written: Vec<(String, (i32, i64))> =
        log.iter().map(|seen| (seen.text().to_owned(), (seen.partition, seen.offset))).collect();
    written.sort();
    assert_eq!(acknowledged, written);
}

#[tokio::test]
async fn an_omitted_value_is_a_tombstone() {
    let (topic, bridge) = (unique("omitted"), Bridge::start().demo().await);
    let mut client = bridge.client().await;
    let record = ProduceRecord { value: WireBytes::Null, ..text_record(&topic, "") };
    client.write(vec![record.with_key("k")]).await;

    let Some(judge) = bridge.judge().await else { return };
    assert_eq!(judge.read(&topic).await[0].value, None);
}

#[tokio::test]
async fn sequence_number_far_ahead_of_records_in_flight_is_acknowledged() {
    let (topic, kafka) = (unique("leap"), Mock::start());
    let bridge = Bridge::start().option("--bootstrap-servers", &kafka.bootstrap_servers()).await;
    let mut client = bridge.client().await;
    kafka.down();
    const FAR: u64 = 1 << 60;
    client.send(protocol::Produce { seq: 0, records: messaggi(&topic, 1) }).await;
    client.send(protocol::Produce { seq: FAR, records: messaggi(&topic, 1) }).await;
    client.ask::<protocol::ClusterResult>(protocol::ClusterRequest {}).await;
    kafka.up();
    for seq in [0, FAR] {
        assert!(matches!(client.outcome(seq).await, Outcome::Acked { .. }));
    }
}
