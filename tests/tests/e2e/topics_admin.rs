//! Changing topics: settings, partitions, emptying, deleting; each confirmed, and compared with Kafka's own tool.

use std::collections::BTreeMap;

use protocol::{
    AddPartitions, AddPartitionsResult, AlterTopicConfig, AlterTopicConfigResult, ClientMessage, ClusterDetailsRequest,
    ClusterDetailsResult, CreateTopic, CreateTopicResult, DeleteTopic, DeleteTopicResult, EmptyTopic, EmptyTopicResult,
    ErrorCode, SettingSource, TopicChanged, TopicRequest, TopicResult, TopicSetting, TopicsChanged, TopicsRequest,
    TopicsResult, Unwatch, Unwatched, WatchCluster, WatchTopic, WatchTopics, WatchTrouble, Watching,
};
use tests::client::{RecordExt, messaggi, text_record};
use tests::{Bridge, Client, eventually, on_every_kafka, unique};

const TOPIC_TOOL: &str = "org.apache.kafka.tools.TopicCommand";

fn new_topic(name: &str, partitions: i32, config: &[(&str, &str)]) -> CreateTopic {
    let config = config.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    CreateTopic { name: name.to_owned(), partitions: Some(partitions), replication: None, config }
}

fn delete(name: &str, confirm: &str) -> DeleteTopic {
    DeleteTopic { name: name.to_owned(), confirm: confirm.to_owned() }
}

fn empty(name: &str) -> EmptyTopic {
    EmptyTopic { name: name.to_owned(), confirm: name.to_owned() }
}

fn add_partitions(name: &str, partitions: i32) -> AddPartitions {
    AddPartitions { name: name.to_owned(), partitions, confirm: name.to_owned() }
}

fn setting<'t>(topic: &'t TopicResult, name: &str) -> &'t TopicSetting {
    let found = topic.settings.iter().find(|setting| setting.name == name);
    found.unwrap_or_else(|| panic!("no setting {name} in {topic:?}"))
}

async fn describe(client: &mut Client, topic: &str) -> TopicResult {
    client.ask(TopicRequest { name: topic.to_owned() }).await
}

on_every_kafka! {
    real
    async fn topic_settings_have_value_default_and_source_and_change_one_by_one(kafka: Kafka) {
        let topic = unique("settings");
        let bridge = Bridge::start().on(&kafka).await;
        let mut client = bridge.client().await;
        let config = [("cleanup.policy", "compact"), ("segment.bytes", "1048576")];
        let _: CreateTopicResult = client.ask(new_topic(&topic, 1, &config)).await;

        let described = describe(&mut client, &topic).await;
        assert_eq!(described.settings_error, None);
        let policy = setting(&described, "cleanup.policy");
        assert_eq!((policy.value.as_deref(), policy.default.as_deref()), (Some("compact"), Some("delete")));
        assert_eq!(policy.source, SettingSource::Topic);
        assert!(policy.documentation.as_ref().is_some_and(|text| text.contains("compact")), "{policy:?}");
        let retention = setting(&described, "retention.ms");
        assert_eq!((retention.value.as_deref(), retention.source), (Some("604800000"), SettingSource::Default));
        assert_eq!(retention.default, retention.value);

        let set = BTreeMap::from([("retention.ms".to_owned(), "3600000".to_owned())]);
        let alter = AlterTopicConfig { name: topic.clone(), set, delete: vec!["cleanup.policy".to_owned()] };
        let altered: AlterTopicConfigResult = client.ask(alter).await;
        let changes: Vec<_> = altered
            .changes
            .iter()
            .map(|change| (change.name.as_str(), change.from.as_deref(), change.to.as_deref()))
            .collect();
        assert_eq!(
            changes,
            [("cleanup.policy", Some("compact"), Some("delete")), ("retention.ms", Some("604800000"), Some("3600000"))]
        );
        let described = describe(&mut client, &topic).await;
        assert_eq!(setting(&described, "segment.bytes").value.as_deref(), Some("1048576"), "what was not named stays");

        let told = kafka.tool(TOPIC_TOOL, &["--describe", "--topic", &topic]).await;
        assert!(told.contains("retention.ms=3600000") && told.contains("segment.bytes=1048576"), "{told}");
        assert!(!told.contains("cleanup.policy=compact"), "{told}");

        let set = BTreeMap::from([("retention.ms".to_owned(), "soon".to_owned())]);
        let refused = client.refused(AlterTopicConfig { name: topic.clone(), set, delete: Vec::new() }).await;
        assert_eq!(refused.error.code, ErrorCode::AdminRefused.number());
        assert!(refused.error.message.contains("soon"), "Kafka's own reason: {}", refused.error.message);
    }
}

on_every_kafka! {
    real
    async fn every_topic_change_is_audited_with_client_old_and_new_value(kafka: Kafka) {
        let topic = kafka.topic("logged").await;
        let bridge = Bridge::start().on(&kafka).await;
        let mut client = bridge.client().await;
        client.write(vec![text_record(&topic, "not for the log")]).await;
        let set = BTreeMap::from([("retention.ms".to_owned(), "3600000".to_owned())]);
        let alter = AlterTopicConfig { name: topic.clone(), set, delete: Vec::new() };
        let _: AlterTopicConfigResult = client.ask(alter).await;
        let _: AddPartitionsResult = client.ask(add_partitions(&topic, 3)).await;
        let _: EmptyTopicResult = client.ask(empty(&topic)).await;
        let _: DeleteTopicResult = client.ask(delete(&topic, &topic)).await;
        for (line, old_and_new) in [
            ("audit: setting changed", &["setting=\"retention.ms\"", "old=Some(\"604800000\")", "new=Some(\"3600000\")"][..]),
            ("audit: partitions added", &["old=1", "new=3"]),
            ("audit: records deleted", &["partition=0", "old=0", "new=1"]),
            ("audit: topic deleted", &[]),
        ] {
            let logged = bridge.logged(line).await;
            let words = [&topic, "asker=127.0.0.1:", "(\"tests/1\")"];
            for word in words.iter().chain(old_and_new) {
                assert!(logged.contains(word), "{word}: {logged}");
            }
        }
        assert!(!bridge.output().contains("not for the log"));
    }
}

on_every_kafka! {
    real
    async fn partitions_are_added_and_never_removed(kafka: Kafka) {
        let topic = kafka.topic_with("grown", 2).await;
        let bridge = Bridge::start().on(&kafka).await;
        let mut client = bridge.client().await;
        let added: AddPartitionsResult = client.ask(add_partitions(&topic, 5)).await;
        assert_eq!((added.from, added.partitions), (2, 5));
        let told = kafka.tool(TOPIC_TOOL, &["--describe", "--topic", &topic]).await;
        assert!(told.contains("PartitionCount: 5"), "{told}");
        let refused = client.refused(add_partitions(&topic, 3)).await;
        assert_eq!(refused.error.code, ErrorCode::BadRequest.number());
        let missing = client.refused(add_partitions(&unique("nowhere"), 3)).await;
        assert_eq!(missing.error.code, ErrorCode::TopicMissing.number());
    }
}

on_every_kafka! {
    real
    async fn emptied_topic_has_no_records_and_keeps_its_offsets(kafka: Kafka) {
        let topic = kafka.topic_with("emptied", 2).await;
        let bridge = Bridge::start().on(&kafka).await;
        let mut client = bridge.client().await;
        client.write((0..6).map(|id| text_record(&topic, "x").on_partition(id % 2)).collect()).await;
        let emptied: EmptyTopicResult = client.ask(empty(&topic)).await;
        let ends: Vec<_> = emptied.partitions.iter().map(|p| (p.partition, p.from.0, p.to.0)).collect();
        assert_eq!(ends, [(0, 0, 3), (1, 0, 3)]);
        let described = describe(&mut client, &topic).await;
        assert!(described.partitions.iter().all(|partition| partition.low == partition.high), "{described:?}");
        let told = kafka.tool("org.apache.kafka.tools.GetOffsetShell", &["--topic", &topic, "--time", "earliest"]).await;
        assert!(told.contains(&format!("{topic}:0:3")), "{told}");
        assert_eq!(client.write(vec![text_record(&topic, "y").on_partition(0)]).await, [(0, 3)]);
    }
}

on_every_kafka! {
    real
    async fn deleted_topic_is_missing(kafka: Kafka) {
        let topic = kafka.topic("deleted").await;
        let bridge = Bridge::start().on(&kafka).await;
        let mut client = bridge.client().await;
        let deleted: DeleteTopicResult = client.ask(delete(&topic, &topic)).await;
        assert_eq!(deleted.name, topic);
        eventually("the topic to be gone", || async {
            let told = kafka.tool(TOPIC_TOOL, &["--list"]).await;
            (!told.lines().any(|line| line == topic)).then_some(())
        })
        .await;
        let refused = client.refused(delete(&topic, &topic)).await;
        assert_eq!(refused.error.code, ErrorCode::TopicMissing.number(), "{refused:?}");
    }
}

on_every_kafka! {
    real
    async fn destructive_requests_need_the_confirmed_name_and_refuse_internal_topics(kafka: Kafka) {
        let topic = kafka.topic("confirmed").await;
        let bridge = Bridge::start().on(&kafka).await;
        let mut client = bridge.client().await;
        client.write(messaggi(&topic, 3)).await;
        let unconfirmed: [ClientMessage; 4] = [
            delete(&topic, "").into(),
            delete(&topic, "another").into(),
            EmptyTopic { confirm: String::new(), ..empty(&topic) }.into(),
            AddPartitions { confirm: topic.to_uppercase(), ..add_partitions(&topic, 3) }.into(),
        ];
        for request in unconfirmed {
            let refused = client.refused(request).await;
            assert_eq!(refused.error.code, ErrorCode::NotConfirmed.number(), "{refused:?}");
        }
        const OFFSETS: &str = "__consumer_offsets";
        let set = BTreeMap::from([("retention.ms".to_owned(), "1".to_owned())]);
        let internal: [ClientMessage; 4] = [
            delete(OFFSETS, OFFSETS).into(),
            empty(OFFSETS).into(),
            add_partitions(OFFSETS, 100).into(),
            AlterTopicConfig { name: OFFSETS.to_owned(), set, delete: Vec::new() }.into(),
        ];
        for request in internal {
            let refused = client.refused(request).await;
            assert_eq!(refused.error.code, ErrorCode::InternalTopic.number(), "{refused:?}");
        }
        let described = describe(&mut client, &topic).await;
        assert_eq!((described.partitions.len(), described.partitions[0].high.0, described.partitions[0].low.0), (1, 3, 0));
    }
}

on_every_kafka! {
    async fn topic_list_counts_records_and_topic_view_their_rate(kafka: Kafka) {
        let topic = kafka.topic("live").await;
        let bridge = Bridge::start().on(&kafka).topic(&topic).await;
        let mut client = bridge.client().await;
        client.write(messaggi(&topic, 10)).await;
        let listed: TopicsResult = client.ask(TopicsRequest {}).await;
        let listed = listed.topics.into_iter().find(|listed| listed.name == topic).expect("it is listed");
        assert_eq!((listed.records, listed.rate), (Some(10), None));

        let Watching { watch } = client.ask(WatchTopics {}).await;
        let first: TopicsChanged = client.expect().await;
        assert!(first.watch == watch && first.topics.iter().any(|seen| seen.name == topic), "the first push is complete");
        let Watching { watch: one } = client.ask(WatchTopic { name: topic.clone() }).await;
        let first: TopicChanged = client.expect().await;
        assert_eq!((first.watch, first.partitions[0].high.0, first.records, first.rate), (one, 10, 10, None));

        client.write(messaggi(&topic, 5)).await;
        let grown = client.find("15 records in the list", |frame| match &frame.message {
            protocol::ServerMessage::TopicsChanged(changed) => {
                changed.topics.iter().find(|seen| seen.name == topic && seen.records == Some(15)).cloned()
            }
            _ => None,
        });
        assert!(grown.await.rate.is_some_and(|rate| rate > 0.0));
        let grown = client.find("15 records of the topic", |frame| match &frame.message {
            protocol::ServerMessage::TopicChanged(changed) if changed.records == 15 => Some(changed.clone()),
            _ => None,
        });
        assert_eq!(grown.await.partitions.len(), 1, "only what changed");

        let ended: Unwatched = client.ask(Unwatch { watch }).await;
        assert_eq!(ended.watch, watch);
        let refused = client.refused(Unwatch { watch }).await;
        assert_eq!(refused.error.code, ErrorCode::UnknownWatch.number());
    }
}

on_every_kafka! {
    real
    async fn view_of_a_deleted_topic_reports_that_it_is_missing(kafka: Kafka) {
        let topic = kafka.topic("leaving").await;
        let bridge = Bridge::start().on(&kafka).await;
        let mut client = bridge.client().await;
        let Watching { watch } = client.ask(WatchTopic { name: topic.clone() }).await;
        client.expect::<TopicChanged>().await;
        let _: DeleteTopicResult = client.ask(delete(&topic, &topic)).await;
        let trouble: WatchTrouble = client.expect().await;
        assert_eq!((trouble.watch, trouble.error.code), (watch, ErrorCode::TopicMissing.number()));
    }
}

on_every_kafka! {
    real
    async fn cluster_details_report_controller_and_health(kafka: Kafka) {
        let topic = kafka.topic_with("healthy", 3).await;
        let bridge = Bridge::start().on(&kafka).await;
        let mut client = bridge.client().await;
        let ClusterDetailsResult { details } = client.ask(ClusterDetailsRequest {}).await;
        assert_eq!((details.controller, details.brokers.len()), (Some(1), 1), "{details:?}");
        assert!(details.brokers[0].up && details.brokers[0].leads >= 3, "{details:?}");
        assert_eq!((details.under_replicated, details.offline), (0, 0));
        assert!(details.topics >= 1 && details.partitions >= 3, "{topic}: {details:?}");
        let _: Watching = client.ask(WatchCluster {}).await;
        client.expect::<protocol::ClusterDetailsChanged>().await;
    }
}

#[tokio::test]
async fn demo_broker_refuses_topic_changes_with_typed_errors() {
    let topic = unique("demo");
    let bridge = Bridge::start().demo().topic(&topic).await;
    let mut client = bridge.client().await;
    let set = BTreeMap::from([("retention.ms".to_owned(), "1".to_owned())]);
    let requests: [ClientMessage; 4] = [
        delete(&topic, &topic).into(),
        empty(&topic).into(),
        add_partitions(&topic, 3).into(),
        AlterTopicConfig { name: topic.clone(), set, delete: Vec::new() }.into(),
    ];
    for request in requests {
        let refused = client.refused(request).await;
        assert_eq!(refused.error.code, ErrorCode::NotOnThisCluster.number(), "{refused:?}");
        assert!(refused.error.message.contains("demo broker"), "{refused:?}");
    }
    let described = describe(&mut client, &topic).await;
    assert_eq!(described.settings_error.map(|error| error.code), Some(ErrorCode::NotOnThisCluster.number()));
    let ClusterDetailsResult { details } = client.ask(ClusterDetailsRequest {}).await;
    assert_eq!((details.brokers.len(), details.offline), (1, 0), "{details:?}");
}
