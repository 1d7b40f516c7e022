//! Credit: the bridge sends no more than allowed, and a slow client gets a gap.

use protocol::{ErrorCode, Fetch, Fetched, Gap, GapReason, Offset, Records, ServerMessage, WhenSlow};
use tests::client::{RecordExt, messaggi, text_record};
use tests::fence::nothing_before_next_record;
use tests::{Bridge, Client, Watch, on_every_kafka, unique};

on_every_kafka! {
    async fn credit_of_five_records_delivers_five_records(kafka: Kafka) {
        let topic = kafka.topic("credit").await;
        let bridge = Bridge::start().on(&kafka).topic(&topic).await;
        let mut client = bridge.client().await;
        client.write(messaggi(&topic, 20)).await;

        let watch = client.subscribe(&Watch::tail(&topic).window(5)).await;
        assert_eq!(client.records(watch, 5).await.len(), 5);
        nothing_before_next_record::<Records>(&mut client, &topic).await;

        client.flow(watch, 5, 3).await;
        assert_eq!(client.records(watch, 3).await.last().map(|got| got.number), Some(8));
        nothing_before_next_record::<Records>(&mut client, &topic).await;

        // Credit is absolute: three records beyond number 6 are one beyond number 8.
        client.flow(watch, 6, 3).await;
        assert_eq!(client.records(watch, 1).await.last().map(|got| got.number), Some(9));
        nothing_before_next_record::<Records>(&mut client, &topic).await;
    }
}

#[tokio::test]
async fn credit_of_zero_pauses_and_more_credit_resumes() {
    let topic = unique("pause");
    let bridge = Bridge::start().demo().topic(&topic).await;
    let mut client = bridge.client().await;
    let watch = client.subscribe(&Watch::tail(&topic)).await;
    client.write(messaggi(&topic, 3)).await;
    client.records(watch, 3).await;

    client.flow(watch, 3, 0).await;
    client.write(messaggi(&topic, 3)).await;
    nothing_before_next_record::<Records>(&mut client, &topic).await;
    client.flow(watch, 3, 100).await;
    let values: Vec<String> = client.records(watch, 4).await.iter().map(|got| got.value()).collect();
    assert_eq!((values.len(), values[3].as_str()), (4, "fence"), "three records and the fence's");
}

#[tokio::test]
async fn credit_in_bytes_limits_the_records() {
    let topic = unique("bytes");
    let bridge = Bridge::start().demo().topic(&topic).await;
    let mut client = bridge.client().await;
    client.write((0..10).map(|_| text_record(&topic, &"x".repeat(1000))).collect()).await;
    let watch = client.subscribe(&Watch::tail(&topic).window_bytes(100, 3500)).await;
    assert_eq!(client.records(watch, 3).await.len(), 3);
    nothing_before_next_record::<Records>(&mut client, &topic).await;
}

#[tokio::test]
async fn record_larger_than_the_credit_is_delivered_alone() {
    let topic = unique("alone");
    let bridge = Bridge::start().demo().topic(&topic).await;
    let mut client = bridge.client().await;
    client.write(vec![text_record(&topic, &"x".repeat(50_000)), text_record(&topic, "small")]).await;
    let watch = client.subscribe(&Watch::tail(&topic).window_bytes(10, 100)).await;
    assert_eq!(client.records(watch, 1).await.len(), 1);
    nothing_before_next_record::<Records>(&mut client, &topic).await;
    client.flow(watch, 1, 10).await;
    assert_eq!(client.records(watch, 1).await[0].value(), "small");
}

#[tokio::test]
async fn unsubscribed_comes_after_the_last_record() {
    let topic = unique("goodbye");
    let bridge = Bridge::start().demo().topic(&topic).await;
    let mut client = bridge.client().await;
    client.write((0..5000).map(|id| text_record(&topic, &id.to_string())).collect()).await;
    let watch = client.subscribe(&Watch::tail(&topic)).await;
    client.records(watch, 1).await;
    client.unsubscribe(watch).await;
    nothing_before_next_record::<Records>(&mut client, &topic).await;
    let unknown = client.refused(protocol::Unsubscribe { subscription: watch }).await;
    assert_eq!(unknown.error.code, ErrorCode::UnknownSubscription.number());
}

#[tokio::test]
async fn json_batch_holds_at_most_256_records_or_128_kib() {
    let topic = unique("batches");
    let bridge = Bridge::start().demo().topic(&topic).await;
    let mut client = bridge.client().await;
    client.write((0..2000).map(|_| text_record(&topic, &"y".repeat(1000))).collect()).await;
    let watch = client.subscribe(&Watch::tail(&topic)).await;
    let mut seen = 0;
    while seen < 2000 {
        let batch = client.expect::<Records>().await;
        let bytes: usize = batch.records.iter().map(|record| record.value.len()).sum();
        assert!(bytes <= protocol::MAX_BATCH_BYTES, "{} records, {bytes} bytes", batch.records.len());
        seen += client.numbered(batch).len();
    }
    client.unsubscribe(watch).await;
}

/// More than the buffers of the bridge, and less than the demo broker keeps: records of 4 KiB.
const FLOOD: usize = 4000;
const FLOOD_PARTITIONS: usize = 4;

/// 16 MiB over four partitions.
async fn flood(client: &mut Client, topic: &str) {
    let value = "z".repeat(4096);
    for chunk in 0..FLOOD / 400 {
        let records = (0..400).map(|id| {
            let partition = i32::try_from((chunk * 400 + id) % FLOOD_PARTITIONS).expect("0 to 3");
            text_record(topic, &value).on_partition(partition)
        });
        client.write(records.collect()).await;
    }
}

#[tokio::test]
async fn slow_client_gets_a_gap_and_can_fetch_the_missed_records() {
    let topic = unique("slow");
    let bridge = Bridge::start().demo().await;
    let (mut slow, mut writer) = (bridge.client().await, bridge.client().await);
    writer.write((0..4).map(|partition| text_record(&topic, "first").on_partition(partition)).collect()).await;

    let watch = slow.subscribe(&Watch::tail(&topic).window(4).when_slow(WhenSlow::Skip)).await;
    assert_eq!(slow.records(watch, 4).await.len(), 4);
    // Another client reads all of it; the slow one has no credit meanwhile.
    let keen = writer.subscribe(&Watch::tail(&topic).when_slow(WhenSlow::Block)).await;
    flood(&mut writer, &topic).await;
    writer.records(keen, FLOOD + 4).await;

    // The gaps use no credit: the one record that is allowed follows them. Its number counts the missed records, too.
    slow.flow(watch, 4, 1).await;
    let mut next = [1_i64; FLOOD_PARTITIONS];
    let mut gaps: Vec<Gap> = Vec::new();
    let allowed = loop {
        let message = slow.find("Records or Gap", |frame| match &frame.message {
            message @ (ServerMessage::Records(_) | ServerMessage::Gap(_)) => Some(message.clone()),
            _ => None,
        });
        match message.await {
            ServerMessage::Gap(gap) => {
                next[usize::try_from(gap.partition).expect("0 to 3")] = gap.to.0;
                gaps.push(gap);
            }
            ServerMessage::Records(records) => break records,
            other => panic!("{other:?}"),
        }
    };
    let missed: i64 = gaps.iter().map(|gap| gap.to.0 - gap.from.0).sum();
    assert!(missed > 0, "16 MiB fit into no buffer of ours");
    assert_eq!((allowed.records.len() as u64, allowed.seq), (1, 4 + missed as u64 + 1), "after {gaps:?}");
    next[usize::try_from(allowed.partition).expect("0 to 3")] += 1;

    let through = allowed.seq;
    slow.send(protocol::Flow { subscription: watch, through, records: 1_000_000, bytes: 1 << 30 }).await;
    // In each partition records and gaps together are complete.
    while next.iter().any(|&offset| offset < 1 + (FLOOD / FLOOD_PARTITIONS) as i64) {
        let message = slow.find("Records or Gap", |frame| match &frame.message {
            message @ (ServerMessage::Records(_) | ServerMessage::Gap(_)) => Some(message.clone()),
            _ => None,
        });
        match message.await {
            ServerMessage::Gap(gap) => {
                let next = &mut next[usize::try_from(gap.partition).expect("0 to 3")];
                assert_eq!((gap.from.0, gap.reason), (*next, GapReason::Slow), "{gap:?}");
                *next = gap.to.0;
                gaps.push(gap);
            }
            ServerMessage::Records(records) => {
                let next = &mut next[usize::try_from(records.partition).expect("0 to 3")];
                for record in &records.records {
                    assert_eq!(record.offset.0, *next, "partition {}", records.partition);
                    *next += 1;
                }
            }
            other => panic!("{other:?}"),
        }
    }
    let gap = gaps.first().expect("16 MiB fit into no buffer of ours");

    let (mut from, mut fetched) = (gap.from, Vec::new());
    while from < gap.to {
        let fetch = Fetch {
            topic: topic.clone(),
            partition: gap.partition,
            from,
            to: gap.to,
            decode: protocol::Decode::default(),
        };
        let Fetched { records, next, .. } = slow.ask(fetch).await;
        assert!(next > from, "fetch makes no progress at {from:?}");
        fetched.extend(records.iter().map(|record| record.offset));
        from = next;
    }
    let missed: Vec<Offset> = (gap.from.0..gap.to.0).map(Offset).collect();
    assert_eq!(fetched, missed);
}

#[tokio::test]
async fn slow_client_with_when_slow_close_is_closed_with_4008() {
    let topic = unique("close");
    let bridge = Bridge::start().demo().await;
    let (mut slow, mut writer) = (bridge.client().await, bridge.client().await);
    writer.write(vec![text_record(&topic, "first")]).await;
    let watch = slow.subscribe(&Watch::tail(&topic).window(1).when_slow(WhenSlow::Close)).await;
    slow.records(watch, 1).await;
    let keen = writer.subscribe(&Watch::tail(&topic).when_slow(WhenSlow::Block)).await;
    flood(&mut writer, &topic).await;
    writer.records(keen, FLOOD + 1).await;
    slow.socket.expect_close(protocol::CloseCode::TooSlow).await;
}

// Not on the demo broker, which keeps 20 MiB of a topic and would delete records before the other client has read them.
on_every_kafka! {
    real
    async fn client_that_does_not_read_costs_bounded_memory_and_no_record_of_others(kafka: Kafka) {
        let topic = kafka.topic_with("stalled", 4).await;
        let bridge = Bridge::start().on(&kafka).await;
        let (mut stalled, mut writer) = (bridge.client().await, bridge.client().await);
        stalled.send(Watch::tail(&topic).message()).await;
        let keen = writer.subscribe(&Watch::tail(&topic).when_slow(WhenSlow::Block)).await;
        let before = bridge.resident_bytes();
        for _ in 0..3 {
            flood(&mut writer, &topic).await;
        }
        assert!(writer.records(keen, 3 * FLOOD).await.len() >= 3 * FLOOD);
        let grown = bridge.resident_bytes().saturating_sub(before);
        tests::measured("bridge_growth_with_a_stalled_client_mib", grown >> 20);
        // Two rings of 8 MiB and their JSON, librdkafka's queues of 4 MiB for each partition, the outboxes, and what the producer
        // held of 48 MiB that were sent at once.
        assert!(grown < 200 << 20, "{} MiB", grown >> 20);
    }
}

#[tokio::test]
async fn stalled_client_of_a_group_gets_a_gap_and_the_others_get_every_record() {
    const PIECE: usize = 400;
    let topic = unique("one-of-ten");
    let bridge = Bridge::start().demo().await;
    let mut writer = bridge.client().await;
    writer.write(vec![text_record(&topic, "first")]).await;
    // One member of a group and ten subscriptions to it: the bridge waits for those that read, not for the stalled one.
    let latest = Watch::group(&topic, &unique("ten")).latest().binary();
    let mut stalled = bridge.client().await;
    let stalled_watch = stalled.subscribe(&latest.clone().window(1)).await;
    stalled.expect::<protocol::Assigned>().await;
    let mut others = Vec::new();
    let (progress, received) = tokio::sync::watch::channel([0; 9]);
    for other in 0..9 {
        let mut client = bridge.client().await;
        let watch = client.subscribe(&latest).await;
        client.expect::<protocol::Assigned>().await;
        let progress = progress.clone();
        others.push(tokio::spawn(async move {
            while progress.borrow()[other] < 2 * FLOOD {
                let count = client.records(watch, 1).await.len();
                progress.send_modify(|received| received[other] += count);
            }
        }));
    }
    let before = bridge.resident_bytes();
    // In pieces, because nine clients in one process are slower than the writer and would stall otherwise.
    let value = "z".repeat(4096);
    for piece in 1..=2 * FLOOD / PIECE {
        writer.write((0..PIECE).map(|_| text_record(&topic, &value)).collect()).await;
        let mut received = received.clone();
        let caught_up = received.wait_for(|received| received.iter().all(|count| *count >= piece * PIECE));
        tokio::time::timeout(tests::PATIENCE, caught_up).await.expect("nobody else is disturbed").expect("they live");
    }
    for other in others {
        other.await.expect("nobody else is disturbed");
    }
    let grown = bridge.resident_bytes().saturating_sub(before);
    tests::measured("bridge_growth_with_one_of_ten_stalled_mib", grown >> 20);
    assert!(grown < 200 << 20, "{} MiB", grown >> 20);
    stalled.flow(stalled_watch, 1, 1_000_000).await;
    assert_eq!(stalled.expect::<Gap>().await.reason, GapReason::Slow);
}
