//! Listing, describing and creating topics.

use std::collections::BTreeMap;

use protocol::{CreateTopic, CreateTopicResult, ErrorCode, TopicRequest, TopicResult, TopicsRequest, TopicsResult};
use tests::client::{Outcome, messaggi, text_record};
use tests::{Bridge, on_every_kafka, unique};

fn with_partitions(name: &str, partitions: i32) -> CreateTopic {
    CreateTopic { name: name.to_owned(), partitions: Some(partitions), replication: None, config: BTreeMap::new() }
}

on_every_kafka! {
    async fn created_topic_is_listed_with_its_partitions(kafka: Kafka) {
        let topic = unique("created");
        let bridge = Bridge::start().on(&kafka).await;
        let mut client = bridge.client().await;
        let created: CreateTopicResult = client.ask(with_partitions(&topic, 3)).await;
        assert_eq!(created.name, topic);

        client.write(messaggi(&topic, 12)).await;
        let described: TopicResult = client.ask(TopicRequest { name: topic.clone() }).await;
        let numbers: Vec<i32> = described.partitions.iter().map(|partition| partition.partition).collect();
        assert_eq!(numbers, [0, 1, 2]);
        let records: i64 = described.partitions.iter().map(|partition| partition.high.0 - partition.low.0).sum();
        assert_eq!(records, 12, "{described:?}");

        let listed: TopicsResult = client.ask(TopicsRequest {}).await;
        let listed = listed.topics.into_iter().find(|listed| listed.name == topic).expect("the new topic is listed");
        assert_eq!((listed.partitions, listed.replication, listed.internal), (3, 1, false));

        if !kafka.is_demo() {
            let told = kafka.tool("org.apache.kafka.tools.TopicCommand", &["--describe", "--topic", &topic]).await;
            assert!(told.contains("PartitionCount: 3"), "{told}");
        }
    }

    async fn second_create_topic_is_refused(kafka: Kafka) {
        let topic = unique("twice");
        let bridge = Bridge::start().on(&kafka).await;
        let mut client = bridge.client().await;
        let _: CreateTopicResult = client.ask(with_partitions(&topic, 1)).await;
        let refused = client.refused(with_partitions(&topic, 1)).await;
        assert_eq!(refused.error.code, ErrorCode::TopicExists.number());
        assert!(refused.error.message.contains(&topic), "{}", refused.error.message);
    }
}

on_every_kafka! {
    // Not on the demo broker, which may create a topic whose metadata is requested right after its start.
    real
    async fn describing_a_topic_does_not_create_it(kafka: Kafka) {
        let topic = unique("nowhere");
        let bridge = Bridge::start().on(&kafka).await;
        let mut client = bridge.client().await;
        for _ in 0..2 {
            let refused = client.refused(TopicRequest { name: topic.clone() }).await;
            assert_eq!(refused.error.code, ErrorCode::TopicMissing.number(), "{refused:?}");
        }
        let listed: TopicsResult = client.ask(TopicsRequest {}).await;
        assert!(listed.topics.iter().all(|listed| listed.name != topic));
    }
}

#[tokio::test]
async fn impossible_create_topic_requests_get_typed_errors() {
    let bridge = Bridge::start().demo().await;
    let mut client = bridge.client().await;
    let replicated = CreateTopic { replication: Some(3), ..with_partitions("replicated", 1) };
    for (refused, code) in [
        (client.refused(with_partitions("../etc", 1)).await, ErrorCode::InvalidTopic),
        (client.refused(with_partitions("none", 0)).await, ErrorCode::BadRequest),
        (client.refused(replicated).await, ErrorCode::NotOnThisCluster),
        (client.refused(with_partitions("__mine", 1)).await, ErrorCode::InternalTopic),
    ] {
        assert_eq!(refused.error.code, code.number(), "{refused:?}");
    }
}

/// The demo broker keeps its topics in the bridge's memory, so their number is limited.
#[tokio::test]
async fn produce_creates_no_topic_beyond_the_demo_brokers_limits() {
    let bridge = Bridge::start().demo().topic(&unique("first")).await;
    let mut client = bridge.client().await;
    // Producing creates the first 32 topics without checking the limits, with four partitions each.
    for _ in 0..32 {
        client.write(vec![text_record(&unique("small"), "room")]).await;
    }
    // Together with the first topic these are 49,999 of at most 50,000 partitions.
    let largest: Vec<String> = (0..50).map(|number| unique(&format!("large-{number}"))).collect();
    for (number, topic) in largest.iter().enumerate() {
        let partitions = if number == 0 { 870 } else { 1000 };
        let _: CreateTopicResult = client.ask(with_partitions(topic, partitions)).await;
    }
    let refused = client.refused(with_partitions(&unique("wide"), 2)).await;
    assert_eq!(refused.error.code, ErrorCode::NotOnThisCluster.number(), "{refused:?}");

    let topic = unique("one-more");
    for _ in 0..2 {
        let seq = client.produce(vec![text_record(&topic, "no room")]).await;
        match client.outcome(seq).await {
            Outcome::Failed(error) => {
                assert_eq!(error.code, ErrorCode::NotOnThisCluster.number(), "{error:?}");
                let words = [topic.as_str(), "49999 partitions", "its limits are 10000 topics and 50000 partitions"];
                assert!(words.iter().all(|part| error.message.contains(part)), "{error:?}");
            }
            acked @ Outcome::Acked { .. } => panic!("{acked:?}"),
        }
    }
    let refused = client.refused(TopicRequest { name: topic }).await;
    assert_eq!(refused.error.code, ErrorCode::TopicMissing.number(), "{refused:?}");
    // Existing topics still accept records.
    client.write(messaggi(&largest[0], 3)).await;
}
