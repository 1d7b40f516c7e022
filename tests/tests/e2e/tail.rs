//! Tails: reading without a group, from every start position.

use protocol::{Assigned, ErrorCode, ErrorMessage, Records};
use tests::client::{RecordExt, messaggi, messaggio, text_record};
use tests::fence::{nothing_before_next_commit, nothing_before_next_record};
use tests::{Bridge, Client, Watch, on_every_kafka, unique};

/// Values of a one-partition topic as they come.
async fn values(client: &mut Client, watch: &Watch, count: usize) -> Vec<String> {
    let watch = client.subscribe(watch).await;
    client.records(watch, count).await.iter().map(|got| got.value()).collect()
}

fn texts(range: std::ops::Range<usize>) -> Vec<String> {
    range.map(|id| format!(r#"{{"id": {id}, "text": "messaggio {id}"}}"#)).collect()
}

on_every_kafka! {
    async fn start_earliest_begins_with_the_first_record(kafka: Kafka) {
        let topic = kafka.topic("earliest").await;
        let bridge = Bridge::start().on(&kafka).topic(&topic).await;
        let mut client = bridge.client().await;
        client.write(messaggi(&topic, 10)).await;
        assert_eq!(values(&mut client, &Watch::tail(&topic), 10).await, texts(0..10));
    }

    async fn start_latest_delivers_only_later_records(kafka: Kafka) {
        let topic = kafka.topic("latest").await;
        let bridge = Bridge::start().on(&kafka).topic(&topic).await;
        let mut client = bridge.client().await;
        client.write(messaggi(&topic, 5)).await;

        let watch = client.subscribe(&Watch::tail(&topic).latest()).await;
        // `assigned` has the start offset; every record from there on is delivered.
        assert_eq!(client.expect::<Assigned>().await.partitions[0].offset.0, 5);
        client.write(vec![messaggio(&topic, 5), messaggio(&topic, 6)]).await;
        let seen: Vec<String> = client.records(watch, 2).await.iter().map(|got| got.value()).collect();
        assert_eq!(seen, texts(5..7));
    }

    async fn start_last_begins_that_many_records_before_the_end(kafka: Kafka) {
        let topic = kafka.topic("last").await;
        let bridge = Bridge::start().on(&kafka).topic(&topic).await;
        let mut client = bridge.client().await;
        client.write(messaggi(&topic, 10)).await;
        assert_eq!(values(&mut client, &Watch::tail(&topic).last(3), 3).await, texts(7..10));
        assert_eq!(values(&mut client, &Watch::tail(&topic).last(1000), 10).await, texts(0..10));
    }

    async fn start_timestamp_begins_with_the_first_record_at_or_after(kafka: Kafka) {
        const THEN: i64 = 1_700_000_000_000;
        let topic = kafka.topic("time").await;
        let bridge = Bridge::start().on(&kafka).topic(&topic).await;
        let mut client = bridge.client().await;
        let records = (0..5).map(|id| {
            let timestamp = Some(THEN + 1000 * i64::try_from(id).expect("small"));
            protocol::ProduceRecord { timestamp, ..messaggio(&topic, id) }
        });
        // In separate batches, because Kafka looks up batches by time first.
        for record in records {
            client.write(vec![record]).await;
        }
        assert_eq!(values(&mut client, &Watch::tail(&topic).since(THEN + 2500), 2).await, texts(3..5));
    }

    async fn start_offsets_begin_at_those_offsets(kafka: Kafka) {
        let topic = kafka.topic("offsets").await;
        let bridge = Bridge::start().on(&kafka).topic(&topic).await;
        let mut client = bridge.client().await;
        client.write(messaggi(&topic, 10)).await;
        assert_eq!(values(&mut client, &Watch::tail(&topic).at(0, 4), 6).await, texts(4..10));
    }

    async fn start_resume_continues_and_reads_new_partitions_from_their_first_record(kafka: Kafka) {
        let (topic, later) = (kafka.topic_with("resumed", 2).await, unique("later"));
        let bridge = Bridge::start().on(&kafka).await;
        let mut client = bridge.client().await;
        let record = |topic: &str, partition: i32, id: i32| text_record(topic, &format!("{partition}/{id}")).on_partition(partition);
        client.write((0..3).flat_map(|id| [record(&topic, 0, id), record(&topic, 1, id)]).collect()).await;

        // As after a reconnect: partition 1 and the other topic are new.
        let watch = client.subscribe(&Watch::tail(&topic).and(&later).resuming([(0, 2)])).await;
        client.write(vec![record(&later, 0, 0)]).await;
        let mut seen: Vec<_> = client.records(watch, 5).await.iter().map(|got| (got.topic.clone(), got.place())).collect();
        seen.sort();
        let place = |topic: &str, place| (topic.to_owned(), place);
        let mut expected =
            vec![place(&topic, (0, 2)), place(&topic, (1, 0)), place(&topic, (1, 1)), place(&topic, (1, 2)), place(&later, (0, 0))];
        expected.sort();
        assert_eq!(seen, expected);
    }

    async fn four_partitions_are_read_completely_and_each_in_order(kafka: Kafka) {
        let topic = kafka.topic_with("four", 4).await;
        let bridge = Bridge::start().on(&kafka).await;
        let mut client = bridge.client().await;
        let records = (0..400).map(|id| text_record(&topic, &id.to_string()).on_partition(id % 4)).collect();
        let written = client.write(records).await;

        let watch = client.subscribe(&Watch::tail(&topic)).await;
        let received = client.records(watch, 400).await;
        let mut next = [0; 4];
        for got in &received {
            let expected = &mut next[usize::try_from(got.partition).expect("0 to 3")];
            assert_eq!(got.offset(), *expected, "{got:?}");
            *expected += 1;
            let id: usize = got.value().parse().expect("a number");
            assert_eq!(written[id], got.place(), "{got:?}");
        }
        assert_eq!(next, [100; 4]);
    }

    async fn topic_created_after_subscribe_is_read_from_its_first_record(kafka: Kafka) {
        let topic = unique("future");
        let bridge = Bridge::start().on(&kafka).await;
        let mut client = bridge.client().await;
        let watch = client.subscribe(&Watch::tail(&topic).latest()).await;
        // Right after its start the demo broker may create a topic when its metadata is requested.
        if !kafka.is_demo() {
            let error = client.expect::<ErrorMessage>().await;
            let told = (error.subscription, error.error.code);
            assert_eq!(told, (Some(watch), ErrorCode::TopicMissing.number()), "{error:?}");
            assert!(error.error.retriable && error.error.message.contains(&topic), "{error:?}");
        }

        client.write(messaggi(&topic, 3)).await;
        assert_eq!(client.records(watch, 3).await.len(), 3);
    }
}

#[tokio::test]
async fn two_tails_of_one_topic_get_the_same_records() {
    let topic = unique("both");
    let bridge = Bridge::start().demo().topic(&topic).await;
    let (mut one, mut two) = (bridge.client().await, bridge.client().await);
    one.write(messaggi(&topic, 20)).await;
    assert_eq!(values(&mut one, &Watch::tail(&topic), 20).await, texts(0..20));
    // The second tail starts later and still gets every record.
    assert_eq!(values(&mut two, &Watch::tail(&topic), 20).await, texts(0..20));
    assert_eq!(values(&mut two, &Watch::tail(&topic).last(2), 2).await, texts(18..20));
}

#[tokio::test]
async fn one_client_reads_several_topics_at_once() {
    let topics = [unique("one"), unique("two"), unique("three")];
    let bridge = Bridge::start().demo().await;
    let mut client = bridge.client().await;
    let mut watches = Vec::new();
    for topic in &topics {
        client.write(vec![text_record(topic, topic)]).await;
        watches.push(client.subscribe(&Watch::tail(topic)).await);
    }
    for (topic, watch) in topics.iter().zip(watches).rev() {
        let got = client.records(watch, 1).await;
        assert_eq!((&got[0].topic, got[0].value().as_str()), (topic, topic.as_str()));
    }
}

#[tokio::test]
async fn tail_commits_nothing() {
    let topic = unique("quiet");
    let bridge = Bridge::start().demo().topic(&topic).await;
    let mut client = bridge.client().await;
    client.write(messaggi(&topic, 3)).await;
    let watch = client.subscribe(&Watch::tail(&topic)).await;
    client.records(watch, 3).await;
    client.flow(watch, 3, 1000).await;
    nothing_before_next_commit(&mut client, &topic).await;
}

#[tokio::test]
async fn subscription_beyond_the_limit_is_refused_until_another_has_ended() {
    let bridge = Bridge::start().demo().await;
    let mut client = bridge.client().await;
    let limit = client.welcome.limits.subscriptions;
    let topic = unique("watched");
    let mut last = 0;
    for _ in 0..limit {
        last = client.subscribe(&Watch::tail(&topic)).await;
    }
    let refused = client.refused(Watch::tail(&topic).message()).await;
    assert_eq!(refused.error.code, ErrorCode::TooManySubscriptions.number(), "{refused:?}");
    client.unsubscribe(last).await;
    client.subscribe(&Watch::tail(&topic)).await;
}

#[tokio::test]
async fn ended_subscription_delivers_no_further_record() {
    let topic = unique("ended");
    let bridge = Bridge::start().demo().topic(&topic).await;
    let mut client = bridge.client().await;
    let watch = client.subscribe(&Watch::tail(&topic)).await;
    client.write(messaggi(&topic, 3)).await;
    client.records(watch, 3).await;
    client.unsubscribe(watch).await;
    client.write(messaggi(&topic, 3)).await;
    nothing_before_next_record::<Records>(&mut client, &topic).await;
}
