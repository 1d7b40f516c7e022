//! The cost of small requests: threads, descriptors and memory are bounded, and the requests of one socket do not delay others.

use std::fs;
use std::time::Duration;

use protocol::{
    AddPartitions, Assigned, ClusterRequest, ClusterResult, CreateTopic, CreateTopicResult, ErrorCode, ErrorMessage,
    Fetch, Gap, GapReason, Offset, ServerMessage, TopicChanged, TopicRequest, Unwatch, Unwatched, WatchTopic, Watching,
    WhenSlow,
};
use tests::client::{RecordExt, messaggi, text_record};
use tests::fence::nothing_before_reply;
use tests::kafka::Mock;
use tests::wait::eventually;
use tests::{Bridge, PATIENCE, Watch, on_every_kafka, unique};
use tokio::time::timeout;

fn threads(bridge: &Bridge) -> usize {
    fs::read_dir(format!("/proc/{}/task", bridge.id())).map_or(0, Iterator::count)
}

fn descriptors(bridge: &Bridge) -> usize {
    fs::read_dir(format!("/proc/{}/fd", bridge.id())).map_or(0, Iterator::count)
}

async fn records_read(bridge: &Bridge) -> u64 {
    let metrics = bridge.get("/metrics").await.text().to_owned();
    let line = metrics.lines().find_map(|line| line.strip_prefix("ponte_records_read_total "));
    line.and_then(|count| count.parse().ok()).unwrap_or_else(|| panic!("no count of records read: {metrics}"))
}

fn new_topic(name: &str, partitions: Option<i32>, replication: Option<i32>) -> CreateTopic {
    CreateTopic { name: name.to_owned(), partitions, replication, config: Default::default() }
}

#[tokio::test]
async fn idle_bridge_holds_less_than_60_mib() {
    let bridge = Bridge::start().demo().await;
    bridge.client().await.write(messaggi(&unique("one"), 1)).await;
    let resident = bridge.resident_bytes();
    // 30 MiB in a release build (row B7 of the benchmarks); this one is not.
    assert!(resident < 2 * (30 << 20), "{} MiB", resident >> 20);
}

#[tokio::test]
async fn four_hundred_fetches_on_one_socket_are_answered_by_few_consumers() {
    const FETCHES: usize = 400;
    let topic = unique("fetched");
    let bridge = Bridge::start().demo().topic(&topic).await;
    let mut client = bridge.client().await;
    client.write(messaggi(&topic, 10)).await;
    let (threads_before, descriptors_before) = (threads(&bridge), descriptors(&bridge));
    for _ in 0..FETCHES {
        client
            .request(Fetch {
                topic: topic.clone(),
                partition: 0,
                from: Offset(0),
                to: Offset(10),
                decode: protocol::Decode::default(),
            })
            .await;
    }
    let (mut answered, mut refused, mut most_threads, mut most_descriptors) = (0, 0, 0, 0);
    while answered + refused < FETCHES {
        most_threads = most_threads.max(threads(&bridge));
        most_descriptors = most_descriptors.max(descriptors(&bridge));
        let answer = client.find("an answer", |frame| match &frame.message {
            ServerMessage::Fetched(fetched) => Some(Ok(fetched.records.len())),
            ServerMessage::ErrorMessage(error) => Some(Err(error.error.clone())),
            _ => None,
        });
        match answer.await {
            Ok(records) => {
                assert_eq!(records, 10);
                answered += 1;
            }
            Err(error) => {
                assert_eq!(error.name, ErrorCode::TooManyRequests.name(), "{error:?}");
                assert!(error.retriable && error.retry_after_ms.is_some(), "{error:?}");
                refused += 1;
            }
        }
    }
    assert!(answered >= 72, "8 at once and 64 that wait, at least: {answered}");
    // Eight consumers with five threads, and the threads that wait for them.
    assert!(most_threads < threads_before + 80, "{most_threads} threads, {threads_before} before");
    assert!(most_descriptors < descriptors_before + 120, "{most_descriptors} descriptors, {descriptors_before} before");
}

#[tokio::test]
async fn requests_waiting_for_a_silent_kafka_delay_no_other_socket() {
    let topic = unique("silent");
    let kafka = Mock::start().with_topic(&topic, 1);
    let bridge = Bridge::start().option("--bootstrap-servers", &kafka.bootstrap_servers()).await;
    let mut calm = bridge.client().await;
    calm.write(vec![text_record(&topic, "before")]).await;
    kafka.slow(Duration::from_secs(20));
    let mut greedy = Vec::new();
    for _ in 0..9 {
        let mut client = bridge.client().await;
        for _ in 0..100 {
            client.request(TopicRequest { name: topic.clone() }).await;
        }
        // All requests were read when the last ones are refused.
        let refused = client.expect::<protocol::ErrorMessage>().await;
        assert_eq!(refused.error.name, ErrorCode::TooManyRequests.name(), "{refused:?}");
        greedy.push(client);
    }
    let work = async {
        let _: ClusterResult = calm.ask(ClusterRequest {}).await;
        calm.subscribe(&Watch::tail(&topic).latest()).await;
        calm.subscribe(&Watch::tail(&topic)).await;
        bridge.client().await;
        assert_eq!(bridge.get("/healthz").await.status, 200);
    };
    // The first request that is held up ends when Kafka answers it or the bridge gives it up, whichever is sooner.
    let held_up = greedy[0].find("the end of a request that is held up", |frame| match &frame.message {
        ServerMessage::TopicResult(_) => Some(()),
        ServerMessage::ErrorMessage(error) if error.error.name != ErrorCode::TooManyRequests.name() => Some(()),
        _ => None,
    });
    tokio::select! {
        biased;
        () = work => {}
        () = held_up => panic!("hello, cluster, subscribe and /healthz waited for Kafka"),
    }
}

#[tokio::test]
async fn views_ended_while_kafka_was_silent_delay_no_other_view() {
    let topic = unique("viewed");
    let kafka = Mock::start().with_topic(&topic, 1);
    let bridge = Bridge::start().option("--bootstrap-servers", &kafka.bootstrap_servers()).await;
    let (mut busy, mut calm) = (bridge.client().await, bridge.client().await);
    calm.write(vec![text_record(&topic, "before")]).await;
    kafka.slow(Duration::from_secs(20));
    for number in 0..100 {
        let Watching { watch } = busy.ask(WatchTopic { name: format!("{topic}-{number}") }).await;
        busy.ask::<Unwatched>(Unwatch { watch }).await;
    }
    // Each of them would have asked for five seconds, four at a time: two minutes, which is longer than a test waits.
    kafka.slow(Duration::ZERO);
    let Watching { watch } = calm.ask(WatchTopic { name: topic }).await;
    let seen = async { while calm.expect::<TopicChanged>().await.watch != watch {} };
    assert!(timeout(PATIENCE, seen).await.is_ok(), "the view waits behind views that were ended");
}

#[tokio::test]
async fn blocking_tail_beyond_the_limit_of_32_is_refused_until_one_has_ended() {
    const MOST: usize = 32;
    let topic = unique("readers");
    let bridge = Bridge::start().demo().topic(&topic).await;
    let mut clients = Vec::new();
    for _ in 0..3 {
        clients.push(bridge.client().await);
    }
    // Tails that do not block share a consumer as soon as they have caught up.
    let last = Watch::tail(&topic).last(1).when_slow(WhenSlow::Block);
    let mut open = Vec::new();
    for number in 0..MOST {
        open.push((number / 16, clients[number / 16].subscribe(&last).await));
    }
    let refused = clients[2].refused(last.message()).await;
    assert_eq!(refused.error.name, ErrorCode::TooManyReaders.name(), "{refused:?}");
    assert!(refused.error.retriable && refused.error.message.contains("32"), "{refused:?}");
    let all = descriptors(&bridge);
    assert!(all < 512, "{all} descriptors with {MOST} tails");
    // Tails that share a consumer are still accepted.
    let shared = clients[2].subscribe(&Watch::tail(&topic).latest()).await;
    clients[2].expect::<protocol::Assigned>().await;

    // The new subscription waits until the ended reader is gone.
    let (whose, subscription) = open.pop().expect("one of them");
    clients[whose].unsubscribe(subscription).await;
    let late = clients[2].subscribe(&last).await;
    clients[0].write(vec![text_record(&topic, "seen by both")]).await;
    assert_eq!(clients[2].records(late, 1).await.len(), 1);
    assert_eq!(clients[2].records(shared, 1).await.len(), 1);
}

#[tokio::test]
async fn ended_subscription_counts_until_its_consumer_has_left_the_group() {
    const MOST: usize = 16;
    let topic = unique("leaving");
    let kafka = Mock::start().with_topic(&topic, 1);
    let bridge = Bridge::start().option("--bootstrap-servers", &kafka.bootstrap_servers()).await;
    let mut client = bridge.client().await;
    let mut members = Vec::new();
    for _ in 0..MOST {
        members.push(client.subscribe(&Watch::group(&topic, &unique("group"))).await);
    }
    for _ in 0..MOST {
        client.expect::<Assigned>().await;
    }
    // librdkafka waits five seconds for the answer to LeaveGroup; a new subscription waits two for room.
    kafka.slow(Duration::from_secs(20));
    for member in members {
        client.unsubscribe(member).await;
    }
    let another = Watch::group(&topic, &unique("group"));
    let ErrorMessage { error, .. } = client.refused(another.message()).await;
    assert_eq!(error.name, ErrorCode::TooManySubscriptions.name(), "{error:?}");
    assert!(error.retriable && error.retry_after_ms.is_some(), "{error:?}");
    let why = "0 are open, and the consumers of 16 that were ended are still closing";
    assert!(error.message.contains(why), "{error:?}");

    kafka.slow(Duration::ZERO);
    let is_there = async {
        loop {
            let request = client.request(another.message()).await;
            let answer = client.find("an answer", |frame| match &frame.message {
                ServerMessage::Subscribed(_) if frame.id == Some(request) => Some(true),
                ServerMessage::ErrorMessage(_) if frame.id == Some(request) => Some(false),
                _ => None,
            });
            if answer.await {
                return;
            }
        }
    };
    assert!(timeout(PATIENCE, is_there).await.is_ok(), "consumers that are gone make room");
}

#[tokio::test]
async fn repeated_subscribe_and_unsubscribe_leaves_no_reader_threads() {
    let topic = unique("churn");
    let bridge = Bridge::start().demo().topic(&topic).await;
    let mut client = bridge.client().await;
    client.write(messaggi(&topic, 3)).await;
    for _ in 0..60 {
        let watch = client.subscribe(&Watch::tail(&topic).last(1)).await;
        client.unsubscribe(watch).await;
        assert!(threads(&bridge) < 200, "{} threads", threads(&bridge));
    }
    let most = 60;
    eventually("the threads of the readers have ended", || async { (threads(&bridge) < most).then_some(()) }).await;
}

#[tokio::test]
async fn paused_tail_gets_one_gap_for_each_partition() {
    const PARTITIONS: i32 = 4;
    let topic = unique("paused");
    let bridge = Bridge::start().demo().await;
    let (mut paused, mut writer) = (bridge.client().await, bridge.client().await);
    writer.write((0..PARTITIONS).map(|partition| text_record(&topic, "first").on_partition(partition)).collect()).await;
    let watch = paused.subscribe(&Watch::tail(&topic).when_slow(WhenSlow::Skip)).await;
    paused.records(watch, 4).await;
    paused.flow(watch, 4, 0).await;
    // The ring of 8 MiB is overwritten several times, while the reader keeps up.
    let value = "z".repeat(64 * 1024);
    for round in 1..=10 {
        let records = (0..32).map(|id| text_record(&topic, &value).on_partition(id % PARTITIONS)).collect();
        writer.write(records).await;
        let read = 4 + 32 * round;
        eventually("the reader has followed", || async { (records_read(&bridge).await >= read).then_some(()) }).await;
        nothing_before_reply::<Gap>(&mut paused).await;
    }
    paused.send(protocol::Flow { subscription: watch, through: 4, records: 1, bytes: 1 << 30 }).await;
    let (mut gaps, mut lost) = (Vec::new(), 0);
    let batch = loop {
        let message = paused.find("Gap or Records", |frame| match &frame.message {
            message @ (ServerMessage::Gap(_) | ServerMessage::Records(_)) => Some(message.clone()),
            _ => None,
        });
        match message.await {
            ServerMessage::Gap(gap) => {
                assert_eq!((gap.from, gap.reason), (Offset(1), GapReason::Slow), "{gap:?}");
                lost += gap.to.0.abs_diff(gap.from.0);
                gaps.push(gap.partition);
            }
            ServerMessage::Records(batch) => break batch,
            other => panic!("{other:?}"),
        }
    };
    let count = gaps.len();
    gaps.sort_unstable();
    gaps.dedup();
    assert_eq!(gaps.len(), count, "one gap a partition");
    assert!(!gaps.is_empty(), "20 MiB fit into no ring");
    assert_eq!(batch.seq, 4 + lost + 1, "numbers jump by what the gaps lost");
}

on_every_kafka! {
    async fn topic_with_too_many_partitions_or_replicas_is_refused(kafka: Kafka) {
        let bridge = Bridge::start().on(&kafka).await;
        let mut client = bridge.client().await;
        let (topic, most) = (unique("huge"), if kafka.is_demo() { 1000 } else { 100_000 });
        for partitions in [i32::MAX, most + 1] {
            let refused = client.refused(new_topic(&topic, Some(partitions), None)).await;
            assert_eq!(refused.error.name, ErrorCode::BadRequest.name(), "{refused:?}");
            assert!(refused.error.message.contains(&most.to_string()), "{refused:?}");
        }
        let refused = client.refused(new_topic(&topic, Some(1), Some(i32::MAX))).await;
        assert_eq!(refused.error.name, ErrorCode::BadRequest.name(), "{refused:?}");
        assert!(bridge.resident_bytes() < 200 << 20, "{} MiB", bridge.resident_bytes() >> 20);
        let _: CreateTopicResult = client.ask(new_topic(&topic, Some(2), None)).await;
        if !kafka.is_demo() {
            let (name, confirm) = (topic.clone(), topic);
            let refused = client.refused(AddPartitions { name, partitions: i32::MAX, confirm }).await;
            assert_eq!(refused.error.name, ErrorCode::BadRequest.name(), "{refused:?}");
            assert!(refused.error.message.contains("100000"), "{refused:?}");
        }
    }
}
