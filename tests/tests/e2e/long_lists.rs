//! Lists that do not fit into one frame come in parts, each within the limit.

use std::collections::BTreeSet;

use protocol::limits::TEXT_FRAME_BYTES;
use protocol::{Assigned, ClientMessage, CreateTopic, CreateTopicResult, TopicName, TopicsRequest, WatchTopics};
use serde_json::Value;
use tests::kafka::Mock;
use tests::socket::Heard;
use tests::{Bridge, Client, Watch, unique};

/// The parts of the next message of this type, up to the last one.
async fn parts(client: &mut Client, name: &str) -> Vec<Value> {
    let mut parts = Vec::new();
    loop {
        let Heard::Text(text) = client.socket.next().await else { panic!("text frames only") };
        let frame: Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
        assert_ne!(frame["type"], "error", "{text}");
        if frame["type"] != name {
            continue;
        }
        assert!(text.len() <= TEXT_FRAME_BYTES, "a frame of {} bytes", text.len());
        let is_last = frame["more"].is_null();
        parts.push(frame);
        if is_last {
            return parts;
        }
    }
}

/// The values of a field in the lists of all parts, which must be distinct and in order.
fn listed<T: Ord>(parts: &[Value], list: &str, value: impl Fn(&Value) -> T) -> BTreeSet<T> {
    let elements = parts.iter().flat_map(|part| part[list].as_array().unwrap_or_else(|| panic!("no {list}: {part}")));
    let values: Vec<T> = elements.map(value).collect();
    assert!(values.is_sorted(), "the parts are in the order of the list");
    let count = values.len();
    let distinct: BTreeSet<T> = values.into_iter().collect();
    assert_eq!(distinct.len(), count, "no element comes twice");
    distinct
}

#[tokio::test]
async fn list_of_topics_comes_in_parts() {
    const TOPICS: usize = 5000;
    let suffix = "a".repeat(TopicName::MAX_LEN - "orders-0000.".len());
    let names: BTreeSet<String> = (0..TOPICS).map(|number| format!("orders-{number:04}.{suffix}")).collect();
    let kafka = Mock::start();
    kafka.make_topics(names.iter().cloned()).await;
    let bridge = Bridge::start().option("--bootstrap-servers", &kafka.bootstrap_servers()).await;
    let mut client = bridge.client().await;

    let name = |topic: &Value| topic["name"].as_str().expect("a name").to_owned();
    client.socket.text(&ClientMessage::from(TopicsRequest {}).to_json_with_id(Some(7))).await;
    let reply = parts(&mut client, "topics_result").await;
    assert!(reply.len() > 1 && reply.iter().all(|part| part["id"] == 7), "{} parts", reply.len());
    assert_eq!(listed(&reply, "topics", name), names);

    client.socket.text(&ClientMessage::from(WatchTopics {}).to_json_with_id(Some(8))).await;
    let pushed = parts(&mut client, "topics_changed").await;
    assert!(pushed.len() > 1 && pushed.iter().all(|part| part["watch"] == pushed[0]["watch"]));
    assert_eq!(listed(&pushed, "topics", name), names, "the first push is complete");
}

#[tokio::test]
async fn assignment_of_many_partitions_comes_in_parts() {
    const TOPICS: usize = 5;
    const PARTITIONS: i32 = 1000;
    let bridge = Bridge::start().demo().topic(&unique("first")).await;
    let mut client = bridge.client().await;
    let mut topics = Vec::new();
    for number in 0..TOPICS {
        let start = format!("{}-{number}.", unique("wide"));
        let name = format!("{start}{}", "a".repeat(TopicName::MAX_LEN - start.len()));
        let new = CreateTopic {
            name: name.clone(),
            partitions: Some(PARTITIONS),
            replication: None,
            config: Default::default(),
        };
        let _: CreateTopicResult = client.ask(new).await;
        topics.push(name);
    }
    let all = topics[1..].iter().fold(Watch::tail(&topics[0]), |watch, topic| watch.and(topic)).latest();
    let count = TOPICS * usize::try_from(PARTITIONS).expect("positive");
    // The reader of the first subscription gets its partitions topic by topic. The second one shares it when it has all of them.
    client.subscribe(&all).await;
    let mut first = 0;
    while first < count {
        first += client.expect::<Assigned>().await.partitions.len();
    }
    let mut client = bridge.client().await;
    client.socket.text(&ClientMessage::from(all.message()).to_json_with_id(Some(1))).await;
    let assigned = parts(&mut client, "assigned").await;
    assert!(assigned.len() > 1, "one frame for all of them");
    let partition = |position: &Value| (position["topic"].to_string(), position["partition"].as_i64());
    assert_eq!(listed(&assigned, "partitions", partition).len(), count);
}
