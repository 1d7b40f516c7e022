//! Share groups (KIP-932) of Kafka's own share consumer: listed and described, and refused where a consumer group is needed.

use std::io::Write;

use local_kafka::{Cluster, Options};
use protocol::{
    DeleteGroup, ErrorCode, ErrorMessage, GroupKind, GroupRequest, GroupResult, GroupSummary, GroupsRequest,
    GroupsResult, PlanOffsetReset, PlanOffsetResetResult, ResetTarget, TopicPartition,
};
use tempfile::NamedTempFile;
use tests::client::messaggi;
use tests::kafka::create_topic;
use tests::{Bridge, Browser, Client, Kafka, Program, Watch, eventually, unique};

const SHARE_CONSUMER: &str = "org.apache.kafka.tools.consumer.ConsoleShareConsumer";

/// Kafka's share consumer in a group with one topic of one partition.
struct Scene {
    cluster: Cluster,
    topic: String,
    group: String,
    /// Leaves the group when it is dropped.
    _consumer: Program,
}

impl Scene {
    async fn start() -> Option<Self> {
        let cluster = Kafka::own_cluster_from(Options { secured: true, ..Options::for_tests() }).await?;
        let (topic, group) = (unique("shared"), unique("share"));
        create_topic(&cluster.bootstrap_servers(), &topic, 1).await;
        let command = cluster.tool_command(SHARE_CONSUMER, &["--topic", &topic, "--group", &group]);
        let consumer = Program::run(command, &[], &[]);
        Some(Self { cluster, topic, group, _consumer: consumer })
    }

    async fn bridge(&self) -> Bridge {
        Bridge::start().option("--bootstrap-servers", &self.cluster.bootstrap_servers()).await
    }

    /// The group in the list, once it has its member.
    async fn listed(&self, bridge: &Bridge) -> GroupSummary {
        eventually("the share group with its member", || async {
            let mut client = bridge.client().await;
            summary(&mut client, &self.group).await.filter(|listed| listed.members == Some(1))
        })
        .await
    }
}

async fn summary(client: &mut Client, group: &str) -> Option<GroupSummary> {
    let listed: GroupsResult = client.ask(GroupsRequest {}).await;
    listed.groups.into_iter().find(|listed| listed.group == group)
}

#[tokio::test]
async fn share_group_is_listed_and_described_and_joining_resetting_and_deleting_it_are_refused() {
    let Some(scene) = Scene::start().await else { return };
    let Scene { topic, group, .. } = &scene;
    let bridge = scene.bridge().await;
    let mut client = bridge.client().await;
    let listed = scene.listed(&bridge).await;
    assert_eq!((listed.kind, listed.state.as_str(), listed.protocol), (GroupKind::Share, "Stable", None), "{listed:?}");

    let assigned = [TopicPartition { topic: topic.clone(), partition: 0 }];
    let described = eventually("the assignment", || async {
        let described: GroupResult = bridge.client().await.ask(GroupRequest { group: group.clone() }).await;
        described.members.first().is_some_and(|member| member.partitions == assigned).then_some(described)
    })
    .await;
    assert_eq!((described.kind, described.members.len()), (GroupKind::Share, 1), "{described:?}");
    assert_eq!(described.not_described, None, "{described:?}");
    client.write(messaggi(topic, 3)).await;
    eventually("the start of the partition", || async {
        let described: GroupResult = bridge.client().await.ask(GroupRequest { group: group.clone() }).await;
        described.positions.iter().any(|position| position.topic == *topic && position.end.0 == 3).then_some(())
    })
    .await;

    let is_refused = |error: &protocol::ErrorBody| {
        assert_eq!(error.code, ErrorCode::NotAConsumerGroup.number(), "{error:?}");
        assert!(error.message.contains(group) && error.message.contains("share group"), "{error:?}");
    };
    is_refused(&client.refused(DeleteGroup { group: group.clone(), confirm: group.clone() }).await.error);
    let to = ResetTarget::Earliest;
    let plan = PlanOffsetReset { group: group.clone(), topics: vec![topic.clone()], partitions: Vec::new(), to };
    let planned: PlanOffsetResetResult = client.ask(plan).await;
    is_refused(&planned.refused.expect("a share group has no committed offsets"));
    let subscription = client.subscribe(&Watch::group(topic, group)).await;
    let error: ErrorMessage = client.expect().await;
    assert_eq!(error.subscription, Some(subscription));
    is_refused(&error.error);

    let servers = scene.cluster.bootstrap_servers();
    let args = ["consume", "--bootstrap-servers", &servers, "--topic", topic, "--group", group];
    let mut consume = Program::bridge(&args);
    assert_eq!(consume.exit_code().await, 1);
    let (_, err) = consume.all_output().await;
    assert!(err.contains(group.as_str()) && err.contains("share group"), "{err}");
    let mut list = Program::bridge(&["groups", "list", "--verbose", "--bootstrap-servers", &servers]);
    assert_eq!(list.exit_code().await, 0);
    let (out, _) = list.all_output().await;
    let row = out.lines().find(|line| line.starts_with(group.as_str())).unwrap_or_else(|| panic!("{out}"));
    assert_eq!(row.split_whitespace().take(4).collect::<Vec<_>>(), [group, "Share", "Stable", "1"], "{out}");

    let Some(browser) = Browser::start().await else { return };
    let page = browser.load(&format!("{}?view=groups&name={group}", bridge.url()), Default::default()).await;
    page.wait("group-view", "data-members", "1").await;
    page.until("the type", "document.querySelector('[data-testid=group-kind]').textContent.trim() === 'share'").await;
    page.until("joining is refused", "document.querySelector('[data-testid=group-live]').ariaDisabled === 'true'")
        .await;
    for button in ["delete-group", "reset-offsets"] {
        page.until(button, &format!("document.querySelector('[data-testid={button}]').disabled")).await;
    }
    assert!(page.text("cannot-listen").await.contains("share"), "{}", page.text("cannot-listen").await);
    page.screenshot("share-group").await;
    page.is_clean().await;
}

#[tokio::test]
async fn share_group_on_a_cluster_with_sasl_is_listed_with_unknown_type_and_not_joined() {
    let Some(scene) = Scene::start().await else { return };
    scene.listed(&scene.bridge().await).await;
    let secured = scene.cluster.secured().expect("started so");
    let mut config = NamedTempFile::new().expect("a temporary file");
    config.write_all(secured.client_properties("SASL_PLAINTEXT").as_bytes()).expect("a temporary file takes bytes");
    let bridge = Bridge::start().option("--bootstrap-servers", &secured.address("SASL_PLAINTEXT"));
    let bridge = bridge.option("--kafka-config", config.path().to_str().expect("a plain path")).await;
    let mut client = bridge.client().await;
    let listed = eventually("the group", || async { summary(&mut bridge.client().await, &scene.group).await }).await;
    assert_eq!((listed.kind, listed.members), (GroupKind::Other, None), "{listed:?}");
    let described: GroupResult = client.ask(GroupRequest { group: scene.group.clone() }).await;
    assert_eq!(described.kind, GroupKind::Other, "{described:?}");
    assert!(described.not_described.is_some(), "{described:?}");
    client.subscribe(&Watch::group(&scene.topic, &scene.group)).await;
    let error: ErrorMessage = client.expect().await;
    assert_eq!(error.error.code, ErrorCode::NotAConsumerGroup.number(), "{error:?}");
}
