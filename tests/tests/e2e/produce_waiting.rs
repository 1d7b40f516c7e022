//! Records that wait because Kafka does not accept them: the sender gets a message with what the partition lacks, while they wait and when
//! they fail.

use std::io::Write;

use protocol::{
    ErrorCode, PartitionInfo, ProduceWaiting, TopicChanged, TopicRequest, TopicResult, TopicsRequest, TopicsResult,
    WaitReason, WatchTopic, Watching,
};
use tests::client::{Outcome, text_record};
use tests::fence::nothing_before_reply;
use tests::kafka::create_topic_with;
use tests::{Bridge, Client, Kafka, Program, eventually, unique};

#[tokio::test]
async fn produce_waiting_names_missing_replicas_or_leader() {
    let Some(mut cluster) = Kafka::own_cluster_with(3).await else { return };
    let servers = cluster.bootstrap_servers();
    let strict = unique("strict");
    create_topic_with(&servers, &strict, 1, &[("min.insync.replicas", "3")]).await;
    let mut config = tempfile::NamedTempFile::new().expect("a temporary file");
    config.write_all(b"message.timeout.ms=8000\n").expect("a temporary file takes bytes");
    let path = config.path().to_str().expect("a path in UTF-8");
    let bridge = Bridge::start().option("--bootstrap-servers", &servers).option("--kafka-config", path).await;
    let mut client = bridge.client().await;
    // Its only replica is on the broker that is killed.
    let lonely = unique("lonely");
    let make = ["--create", "--topic", &lonely, "--replica-assignment", "3"];
    let made = cluster.tool("org.apache.kafka.tools.TopicCommand", &make).expect("the tool runs");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stdout));

    cluster.kill_broker(2);
    // Kafka removes the broker from the in-sync replicas after some seconds. Until then a record fails with a time-out for
    // another reason.
    loop {
        let seq = client.produce(vec![text_record(&strict, "two replicas")]).await;
        if let Outcome::Failed(error) = client.outcome(seq).await
            && error.code == ErrorCode::TooFewReplicas.number()
        {
            assert!(error.message.contains("min.insync.replicas is 3"), "{error:?}");
            break;
        }
    }
    let mut other = bridge.client().await;
    other.produce(vec![text_record(&strict, "waits")]).await;
    let waiting = other.expect::<ProduceWaiting>().await;
    assert_eq!((waiting.topic.as_str(), waiting.partition), (strict.as_str(), 0));
    assert_eq!(waiting.reason, WaitReason::TooFewInSyncReplicas);
    let words = format!("partition 0 of {strict:?} has 2 in-sync replicas, and min.insync.replicas is 3");
    assert!(waiting.message.contains(&words), "{waiting:?}");

    // The bridge checks waiting records at fixed intervals. If it reported the first record again, that would come before this
    // record has its outcome.
    let seq = other.produce(vec![text_record(&lonely, "no leader")]).await;
    let waiting = other.expect::<ProduceWaiting>().await;
    assert_eq!((waiting.topic.as_str(), waiting.reason), (lonely.as_str(), WaitReason::NoLeader));
    match other.outcome(seq).await {
        Outcome::Failed(error) => assert!(error.message.contains("has no leader"), "{error:?}"),
        acked @ Outcome::Acked { .. } => panic!("{acked:?}"),
    }
    nothing_before_reply::<ProduceWaiting>(&mut other).await;
    offsets_are_unknown(&mut other, &lonely).await;
    let mut terminal = Program::bridge(&["topics", "describe", "--topic", &lonely, "--bootstrap-servers", &servers]);
    assert_eq!(terminal.exit_code().await, 0);
    let (printed, _) = terminal.all_output().await;
    assert!(printed.contains("Leader: none") && printed.contains("Offsets: unknown"), "{printed}");

    let _cluster = tokio::task::spawn_blocking(move || cluster.restart().map(|()| cluster))
        .await
        .expect("restarting does not panic")
        .expect("the broker is back");
    for topic in [&strict, &lonely] {
        eventually("a record that goes through", || async {
            let mut client = bridge.client().await;
            let seq = client.produce(vec![text_record(topic, "again")]).await;
            matches!(client.outcome(seq).await, Outcome::Acked { .. }).then_some(())
        })
        .await;
    }
}

/// No view shows a topic without a leader as empty.
async fn offsets_are_unknown(client: &mut Client, topic: &str) {
    let is_unknown = |partitions: &[PartitionInfo]| {
        partitions.len() == 1
            && partitions.iter().all(|one| one.leader.is_none() && one.offsets_unknown && one.records().is_none())
    };
    let listed: TopicsResult = client.ask(TopicsRequest {}).await;
    let listed = listed.topics.into_iter().find(|listed| listed.name == topic).expect("it is listed");
    assert_eq!((listed.records, listed.offline), (None, 1), "{listed:?}");
    let described: TopicResult = client.ask(TopicRequest { name: topic.to_owned() }).await;
    assert!(is_unknown(&described.partitions), "{described:?}");
    let Watching { watch } = client.ask(WatchTopic { name: topic.to_owned() }).await;
    let first: TopicChanged = client.expect().await;
    assert!(first.watch == watch && is_unknown(&first.partitions), "{first:?}");
    let second: TopicChanged = client.expect().await;
    assert_eq!((second.records, second.rate), (0, None), "{second:?}");
}
