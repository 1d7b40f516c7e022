//! Positions that Kafka does not have: named for what they are, and never moved back without the user's word.

use protocol::{Committed, Gap, GapReason, ResumeCommits, ResumeCommitsResult, TopicPartition};
use tests::client::messaggi;
use tests::kafka::{commit, committed, delete_topic, try_create_topic};
use tests::{Bridge, Client, Kafka, Watch, eventually, unique};

const TOPIC_TOOL: &str = "org.apache.kafka.tools.TopicCommand";

async fn gap(client: &mut Client) -> (i64, i64, GapReason) {
    let gap = client.expect::<Gap>().await;
    (gap.from.0, gap.to.0, gap.reason)
}

#[tokio::test]
async fn position_beyond_the_end_is_kept_until_the_user_confirms() {
    let Some(kafka) = Kafka::current().await else { return };
    let servers = kafka.bootstrap_servers().expect("real Kafka has an address");
    let (topic, group) = (kafka.topic("beyond").await, unique("group"));
    let bridge = Bridge::start().on(&kafka).await;
    let mut client = bridge.client().await;
    client.write(messaggi(&topic, 10)).await;
    commit(&servers, &group, &topic, &[(0, 1000)]).await;

    // `latest` begins at the end, `earliest` at the first record; neither commits.
    let read = client.subscribe(&Watch::group(&topic, &group).latest()).await;
    assert_eq!(gap(&mut client).await, (1000, 10, GapReason::OutOfRange));
    client.unsubscribe(read).await;
    let read = client.subscribe(&Watch::group(&topic, &group)).await;
    assert_eq!(gap(&mut client).await, (1000, 0, GapReason::OutOfRange));
    client.records(read, 10).await;
    client.flow(read, 7, 100).await;
    client.nothing::<Committed>(std::time::Duration::from_secs(1)).await;
    assert_eq!(committed(&servers, &group, &topic).await, [(0, 1000)].into());

    // A page that joins later is told as well. Leaving and rejoining commits nothing either.
    let mut second = bridge.client().await;
    let beside = second.subscribe(&Watch::group(&topic, &group)).await;
    let (from, _, reason) = gap(&mut second).await;
    assert_eq!((from, reason), (1000, GapReason::OutOfRange));
    second.unsubscribe(beside).await;
    client.unsubscribe(read).await;
    assert_eq!(committed(&servers, &group, &topic).await, [(0, 1000)].into(), "leaving commits nothing");

    let read = client.subscribe(&Watch::group(&topic, &group)).await;
    assert_eq!(gap(&mut client).await, (1000, 0, GapReason::OutOfRange));
    client.records(read, 10).await;
    let other = TopicPartition { topic: topic.clone(), partition: 7 };
    let resumed: ResumeCommitsResult = client.ask(ResumeCommits { subscription: read, partitions: vec![other] }).await;
    assert_eq!(resumed.partitions, [], "that one does not wait for anything");
    let resumed: ResumeCommitsResult = client.ask(ResumeCommits { subscription: read, partitions: Vec::new() }).await;
    assert_eq!(resumed.partitions, [TopicPartition { topic: topic.clone(), partition: 0 }]);
    client.flow(read, 7, 100).await;
    eventually("the confirmed position", async || {
        (committed(&servers, &group, &topic).await == [(0, 7)].into()).then_some(())
    })
    .await;
    client.unsubscribe(read).await;
    let unknown = client.refused(ResumeCommits { subscription: 77, partitions: Vec::new() }).await;
    assert_eq!(unknown.error.name, "unknown_subscription");

    // From here on nothing is wrong any more.
    let read = client.subscribe(&Watch::group(&topic, &group)).await;
    assert_eq!(client.records(read, 3).await[0].offset(), 7);
    client.nothing::<Gap>(std::time::Duration::from_millis(100)).await;
}

#[tokio::test]
async fn topic_recreated_while_nobody_read_is_known_by_its_id_whatever_its_length() {
    let Some(kafka) = Kafka::current().await else { return };
    let servers = kafka.bootstrap_servers().expect("real Kafka has an address");
    let bridge = Bridge::start().on(&kafka).await;
    let mut client = bridge.client().await;
    let Some(judge) = bridge.judge().await else { return };
    for new_length in [3, 25] {
        let (topic, group) = (kafka.topic("recreated").await, unique("group"));
        // Not by the bridge: a producer that knows the topic might make it again by asking for it.
        judge.write_lines(&topic, &[], &"old\n".repeat(10)).await;
        let read = client.subscribe(&Watch::group(&topic, &group)).await;
        client.records(read, 10).await;
        client.flow(read, 10, 100).await;
        while client.expect::<Committed>().await.positions[0].offset.0 < 10 {}
        client.unsubscribe(read).await;

        let described = kafka.tool(TOPIC_TOOL, &["--describe", "--topic", &topic]).await;
        delete_topic(&servers, &topic).await;
        // It may be marked, and not gone yet.
        let make_again = || async { try_create_topic(&servers, &topic, 1, &[]).await.ok() };
        eventually("room for a topic of the same name", make_again).await;
        judge.write_lines(&topic, &[], &"new\n".repeat(new_length)).await;
        // Kafka deletes a topic's positions with it. Another client's tool would have kept them, with our note beside.
        let id = described.split("TopicId: ").nth(1).and_then(|rest| rest.split_whitespace().next()).expect("an id");
        tests::kafka::commit_with_note(&servers, &group, &topic, &[(0, 10)], &format!("ponte topic_id={id}")).await;

        let read = client.subscribe(&Watch::group(&topic, &group)).await;
        assert_eq!(gap(&mut client).await, (10, 0, GapReason::Recreated), "{new_length} records in the new one");
        let got = client.records(read, new_length).await;
        assert_eq!((got[0].offset(), got[0].value().as_str()), (0, "new"));
        client.flow(read, 2, 100).await;
        eventually("a position in the new topic", async || {
            let now = committed(&servers, &group, &topic).await;
            (now.get(&0).is_some_and(|offset| *offset < 10)).then_some(())
        })
        .await;
        client.unsubscribe(read).await;
    }
}

#[tokio::test]
async fn committed_position_carries_the_id_of_its_topic() {
    let Some(kafka) = Kafka::current().await else { return };
    let servers = kafka.bootstrap_servers().expect("real Kafka has an address");
    let (topic, group) = (kafka.topic("noted").await, unique("group"));
    let bridge = Bridge::start().on(&kafka).await;
    let mut client = bridge.client().await;
    client.write(messaggi(&topic, 3)).await;
    let read = client.subscribe(&Watch::group(&topic, &group)).await;
    client.records(read, 3).await;
    client.flow(read, 3, 100).await;
    while client.expect::<Committed>().await.positions[0].offset.0 < 3 {}
    let described = kafka.tool(TOPIC_TOOL, &["--describe", "--topic", &topic]).await;
    let id = described.split("TopicId: ").nth(1).and_then(|rest| rest.split_whitespace().next()).expect("an id");
    let note = tests::kafka::committed_note(&servers, &group, &topic, 0).await;
    assert_eq!(note, format!("ponte topic_id={id}"));
}
