//! `--read-only`: the bridge itself refuses every change, and still answers every query.

use std::collections::BTreeMap;

use protocol::{
    AddPartitions, AlterTopicConfig, ClientMessage, CreateTopic, DeleteGroup, DeleteTopic, EmptyTopic, ErrorCode,
    GroupResult, OffsetResetPlan, PlanOffsetReset, PlanOffsetResetResult, ResetOffsets, ResetTarget, TopicRequest,
    TopicResult, TopicsRequest, TopicsResult,
};
use tests::client::{Outcome, messaggi, offset_change};
use tests::{Bridge, Client, Program, Watch, on_every_kafka, unique};

/// Every kind of request that changes something.
fn changes(topic: &str, group: &str) -> Vec<ClientMessage> {
    let name = topic.to_owned();
    let change = offset_change(topic, 0);
    let plan = OffsetResetPlan { group: group.to_owned(), changes: vec![change], forget: Vec::new() };
    let set = BTreeMap::from([("retention.ms".to_owned(), "1".to_owned())]);
    vec![
        CreateTopic { name: unique("made"), partitions: Some(1), replication: None, config: BTreeMap::new() }.into(),
        AlterTopicConfig { name: name.clone(), set, delete: Vec::new() }.into(),
        AddPartitions { name: name.clone(), partitions: 9, confirm: name.clone() }.into(),
        EmptyTopic { name: name.clone(), confirm: name.clone() }.into(),
        DeleteTopic { name: name.clone(), confirm: name }.into(),
        DeleteGroup { group: group.to_owned(), confirm: group.to_owned() }.into(),
        ResetOffsets { plan }.into(),
    ]
}

async fn all_is_refused(bridge: &Bridge, client: &mut Client, topic: &str, group: &str) {
    assert!(client.welcome.read_only);
    for request in changes(topic, group) {
        let refused = client.refused(request).await;
        assert_eq!(refused.error.code, ErrorCode::ReadOnly.number(), "{refused:?}");
        assert!(refused.error.message.contains("--read-only"), "{refused:?}");
    }
    let refused = client.refused(Watch::group(topic, group).message()).await;
    assert_eq!(refused.error.code, ErrorCode::ReadOnly.number(), "{refused:?}");
    assert!(refused.error.message.contains("tail"), "it says what works instead: {refused:?}");

    let first = client.produce(messaggi(topic, 3)).await;
    for seq in first..first + 3 {
        match client.outcome(seq).await {
            Outcome::Failed(error) => assert_eq!(error.code, ErrorCode::ReadOnly.number(), "{error:?}"),
            Outcome::Acked { .. } => panic!("record {seq} was written"),
        }
    }
    bridge.logged("audit: refused: the cluster is read-only").await;
}

on_every_kafka! {
    real
    async fn read_only_bridge_refuses_every_change_and_answers_every_query(kafka: Kafka) {
        let (topic, group) = (kafka.topic("kept").await, unique("group"));
        let writing = Bridge::start().on(&kafka).await;
        writing.client().await.write(messaggi(&topic, 5)).await;
        let servers = kafka.bootstrap_servers().expect("real Kafka has an address");
        let args = ["consume", "--bootstrap-servers", &servers, "--topic", &topic, "--group", &group, "--count", "2"];
        assert_eq!(Program::bridge(&args).exit_code().await, 0);

        let bridge = Bridge::start().on(&kafka).flag("--read-only").await;
        let mut client = bridge.client().await;
        all_is_refused(&bridge, &mut client, &topic, &group).await;

        let seen: GroupResult = client.ask(protocol::GroupRequest { group: group.clone() }).await;
        assert_eq!((seen.positions.len(), seen.lag), (1, 3), "the group is as it was: {seen:?}");
        let described: TopicResult = client.ask(TopicRequest { name: topic.clone() }).await;
        assert_eq!((described.partitions.len(), described.partitions[0].low.0, described.partitions[0].high.0), (1, 0, 5));
        let (topics, to) = (vec![topic.clone()], ResetTarget::Earliest);
        let planned: PlanOffsetResetResult =
            client.ask(PlanOffsetReset { group, topics, partitions: Vec::new(), to }).await;
        assert_eq!(planned.plan.changes.len(), 1, "a plan changes nothing");
        let watch = client.subscribe(&Watch::tail(&topic)).await;
        assert_eq!(client.records(watch, 5).await.len(), 5, "looking on goes on");
    }
}

#[tokio::test]
async fn read_only_demo_broker_refuses_every_change() {
    let topic = unique("shown");
    let bridge = Bridge::start().demo().topic(&topic).env("PONTE_READ_ONLY", "true").await;
    let mut client = bridge.client().await;
    all_is_refused(&bridge, &mut client, &topic, "any").await;
    let listed: TopicsResult = client.ask(TopicsRequest {}).await;
    assert_eq!(listed.topics.iter().map(|seen| seen.records).collect::<Vec<_>>(), [Some(0)], "{listed:?}");
}
