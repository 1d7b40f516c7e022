//! Kafka or the network fails: clients get an error, no acknowledged record is lost, and work continues without a restart.

use std::time::Duration;

use protocol::{ClusterChanged, ClusterResult, ClusterState, ErrorCode};
use tests::client::{messaggi, text_record};
use tests::fence::nothing_before_reply;
use tests::kafka::{Mock, RDKafkaApiKey, RDKafkaRespErr, unused_address};
use tests::{Bridge, Client, Kafka, Watch, unique};

async fn state_becomes(client: &mut Client, state: ClusterState) {
    while client.expect::<ClusterChanged>().await.cluster.state != state {}
}

async fn is_up(client: &mut Client) {
    let now = client.ask::<ClusterResult>(protocol::ClusterRequest {}).await.cluster.state;
    if now != ClusterState::Up {
        state_becomes(client, ClusterState::Up).await;
    }
}

async fn bridge_on(kafka: &Mock) -> Bridge {
    Bridge::start().option("--bootstrap-servers", &kafka.bootstrap_servers()).await
}

#[tokio::test]
async fn unreachable_named_broker_is_reported_and_not_replaced_by_the_demo_broker() {
    let address = unused_address();
    let bridge = Bridge::start().option("--bootstrap-servers", &address).await;
    assert!(bridge.greeting.contains(&address) || bridge.stdout.text().contains(&address), "{}", bridge.greeting);
    bridge.logged(&address).await;

    let mut client = bridge.client().await;
    let mut cluster = client.welcome.cluster.clone();
    // Until the first connection has failed, the only reason is that no broker has responded.
    let is_refused = |error: &protocol::ErrorBody| error.code == ErrorCode::ConnectionRefused.number();
    while !cluster.error.as_ref().is_some_and(is_refused) {
        cluster = client.expect::<ClusterChanged>().await.cluster;
    }
    assert!(!cluster.demo, "no silent fall-back: {cluster:?}");
    assert_eq!((cluster.state, cluster.bootstrap_servers), (ClusterState::Down, address.clone()));
    let error = cluster.error.expect("the loop ends with one");
    assert_eq!(error.code, ErrorCode::ConnectionRefused.number());
    assert!(error.message.contains(&address) && error.retriable, "{error:?}");
}

/// Without an answer to the assignment, librdkafka would neither read nor leave the group.
#[tokio::test]
async fn group_is_joined_again_after_its_committed_offsets_could_not_be_fetched() {
    let topic = unique("positions");
    let kafka = Mock::start().with_topic(&topic, 2);
    let bridge = bridge_on(&kafka).await;
    let mut client = bridge.client().await;
    is_up(&mut client).await;
    client.write(messaggi(&topic, 3)).await;
    kafka.fail(RDKafkaApiKey::OffsetFetch, &[RDKafkaRespErr::RD_KAFKA_RESP_ERR_UNKNOWN]);
    let subscription = client.subscribe(&Watch::group(&topic, &unique("group"))).await;
    bridge.logged("a rebalance could not be followed").await;
    assert_eq!(client.records(subscription, 3).await.len(), 3);
    client.unsubscribe(subscription).await;
    assert!(!bridge.output().contains("could not be joined again"), "{}", bridge.output());
}

#[tokio::test]
async fn broker_that_starts_after_the_bridge_is_found() {
    let kafka = Mock::start();
    kafka.down();
    let bridge = bridge_on(&kafka).await;
    let mut client = bridge.client().await;
    assert_eq!(client.welcome.cluster.state, ClusterState::Down);
    let topic = unique("later");
    // Records that are produced meanwhile wait.
    client.produce(messaggi(&topic, 3)).await;
    nothing_before_reply::<protocol::Produced>(&mut client).await;

    kafka.up();
    state_becomes(&mut client, ClusterState::Up).await;
    for seq in 0..3 {
        let outcome = client.outcome(seq).await;
        assert!(matches!(outcome, tests::client::Outcome::Acked { .. }), "{outcome:?}");
    }
}

#[tokio::test]
async fn broker_outage_and_return_are_reported_to_clients() {
    let kafka = Mock::start();
    let bridge = bridge_on(&kafka).await;
    let mut client = bridge.client().await;
    is_up(&mut client).await;

    kafka.down();
    state_becomes(&mut client, ClusterState::Down).await;
    kafka.up();
    state_becomes(&mut client, ClusterState::Up).await;
}

#[tokio::test]
async fn outages_lose_and_duplicate_no_record() {
    let topic = unique("outage");
    let kafka = Mock::start().with_topic(&topic, 1);
    let bridge = bridge_on(&kafka).await;
    let mut client = bridge.client().await;
    is_up(&mut client).await;
    let watch = client.subscribe(&Watch::tail(&topic)).await;
    client.write(messaggi(&topic, 10)).await;
    assert_eq!(client.records(watch, 10).await.len(), 10);

    for round in 1..=3 {
        kafka.down();
        state_becomes(&mut client, ClusterState::Down).await;
        let first = client.produce((0..20).map(|id| text_record(&topic, &format!("{round}/{id}"))).collect()).await;
        kafka.up();
        state_becomes(&mut client, ClusterState::Up).await;
        for seq in first..first + 20 {
            let outcome = client.outcome(seq).await;
            assert!(matches!(outcome, tests::client::Outcome::Acked { .. }), "{outcome:?}");
        }
        let received = client.records(watch, 20).await;
        let values: Vec<String> = received.iter().map(|got| got.value()).collect();
        let sent: Vec<String> = (0..20).map(|id| format!("{round}/{id}")).collect();
        assert_eq!(values, sent, "round {round}: each once and in order");
    }
    let Some(judge) = bridge.judge().await else { return };
    assert_eq!(judge.read(&topic).await.len(), 70, "each record once");
}

/// A real broker, whose process is killed and which restarts with its log.
#[tokio::test]
async fn real_broker_killed_and_restarted_loses_no_record() {
    let Some(mut kafka) = Kafka::own_cluster().await else { return };
    let topic = unique("power-failure");
    let servers = kafka.bootstrap_servers();
    tests::kafka::create_topic(&servers, &topic, 1).await;
    let bridge = Bridge::start().option("--bootstrap-servers", &servers).await;
    let mut client = bridge.client().await;
    is_up(&mut client).await;
    let watch = client.subscribe(&Watch::tail(&topic)).await;
    client.write(messaggi(&topic, 10)).await;
    assert_eq!(client.records(watch, 10).await.len(), 10);

    kafka.kill();
    state_becomes(&mut client, ClusterState::Down).await;
    let first = client.produce((0..20).map(|id| text_record(&topic, &id.to_string())).collect()).await;
    let kafka = tokio::task::spawn_blocking(move || {
        kafka.restart().expect("Kafka starts again");
        kafka
    });
    state_becomes(&mut client, ClusterState::Up).await;
    for seq in first..first + 20 {
        let outcome = client.outcome(seq).await;
        assert!(matches!(outcome, tests::client::Outcome::Acked { .. }), "{outcome:?}");
    }
    let values: Vec<String> = client.records(watch, 20).await.iter().map(|got| got.value()).collect();
    assert_eq!(values, (0..20).map(|id| id.to_string()).collect::<Vec<_>>(), "each once and in order");
    kafka.await.expect("Kafka was started");
}

#[tokio::test]
async fn slow_broker_loses_no_record() {
    let topic = unique("distant");
    let kafka = Mock::start().with_topic(&topic, 1);
    let bridge = bridge_on(&kafka).await;
    let mut client = bridge.client().await;
    is_up(&mut client).await;
    kafka.slow(Duration::from_millis(500));
    let watch = client.subscribe(&Watch::tail(&topic)).await;
    client.write(messaggi(&topic, 10)).await;
    assert_eq!(client.records(watch, 10).await.len(), 10);
}

#[tokio::test]
async fn records_acknowledged_before_the_bridge_is_killed_are_in_the_log_once() {
    let topic = unique("killed");
    let kafka = Mock::start().with_topic(&topic, 1);
    let mut bridge = bridge_on(&kafka).await;
    let mut client = bridge.client().await;
    let mut acknowledged = Vec::new();
    for round in 0..5 {
        let value = format!("round {round}");
        client.write(vec![text_record(&topic, &value)]).await;
        acknowledged.push(value);
    }
    bridge.kill().await;
    bridge.start_again().await;
    let mut client = bridge.client().await;
    let watch = client.subscribe(&Watch::tail(&topic)).await;
    let values: Vec<String> = client.records(watch, 5).await.iter().map(|got| got.value()).collect();
    assert_eq!(values, acknowledged);
}

#[tokio::test]
async fn thousand_closed_connections_leave_no_threads_and_descriptors() {
    let bridge = Bridge::start().demo().await;
    let topic = unique("busy");
    let threads = || std::fs::read_dir(format!("/proc/{}/task", bridge.id())).expect("it runs").count();
    let files = || std::fs::read_dir(format!("/proc/{}/fd", bridge.id())).expect("it runs").count();
    // First one of each kind, so that whatever is created once exists.
    let mut client = bridge.client().await;
    client.subscribe(&Watch::tail(&topic)).await;
    client.write(messaggi(&topic, 1)).await;
    let (threads_before, files_before) = (threads(), files());
    for round in 0..200 {
        let mut visitors = Vec::new();
        for _ in 0..5 {
            visitors.push(bridge.client().await);
        }
        if round % 20 == 0 {
            visitors[0].subscribe(&Watch::tail(&topic)).await;
        }
        for (index, visitor) in visitors.into_iter().enumerate() {
            if index % 2 == 0 { visitor.socket.cut() } else { visitor.socket.close().await }
        }
    }
    tests::eventually("threads and files as before", || async {
        (threads() <= threads_before + 8 && files() <= files_before + 16).then_some(())
    })
    .await;
    client.write(messaggi(&topic, 1)).await;
}
