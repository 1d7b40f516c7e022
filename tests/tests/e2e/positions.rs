//! Committed offsets that Kafka does not have: reported with their reason, and never moved back without the user's confirmation.

use nix::sys::signal::Signal;
use protocol::{Committed, Gap, GapReason, ResumeCommits, ResumeCommitsResult, TopicPartition};
use tests::client::{RecordExt, messaggi, text_record};
use tests::fence::{nothing_before_next_commit, nothing_before_reply};
use tests::kafka::{
    commit, commit_with_note, committed, committed_note, delete_records_before, delete_topic, try_create_topic,
};
use tests::{Bridge, Client, Kafka, Program, Watch, eventually, on_every_kafka, unique};

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
    nothing_before_next_commit(&mut client, &topic).await;
    assert_eq!(committed(&servers, &group, &topic).await, [(0, 1000)].into());

    // A client that joins later gets the same message. Leaving and rejoining commits nothing.
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

    // From here on the committed offset is valid.
    let read = client.subscribe(&Watch::group(&topic, &group)).await;
    assert_eq!(client.records(read, 3).await[0].offset(), 7);
    nothing_before_reply::<Gap>(&mut client).await;
}

#[tokio::test]
async fn recreated_topic_is_recognised_by_its_id_whatever_its_length() {
    let Some(kafka) = Kafka::current().await else { return };
    let servers = kafka.bootstrap_servers().expect("real Kafka has an address");
    let bridge = Bridge::start().on(&kafka).await;
    let mut client = bridge.client().await;
    let Some(judge) = bridge.judge().await else { return };
    for new_length in [3, 25] {
        let (topic, group) = (kafka.topic("recreated").await, unique("group"));
        // kcat writes these: the bridge's producer knows the topic and might create it again by requesting its metadata.
        judge.write_lines(&topic, &[], &"old\n".repeat(10)).await;
        let read = client.subscribe(&Watch::group(&topic, &group)).await;
        client.records(read, 10).await;
        client.flow(read, 10, 100).await;
        while client.expect::<Committed>().await.positions[0].offset.0 < 10 {}
        client.unsubscribe(read).await;

        let id = topic_id(&kafka, &topic).await;
        delete_topic(&servers, &topic).await;
        // The topic may be marked for deletion and still exist.
        let make_again = || async { try_create_topic(&servers, &topic, 1, &[]).await.ok() };
        eventually("room for a topic of the same name", make_again).await;
        judge.write_lines(&topic, &[], &"new\n".repeat(new_length)).await;
        // Kafka deletes a topic's committed offsets with it. A tool of another client could have kept them with our metadata.
        let old_position = async |group: &str| {
            commit_with_note(&servers, group, &topic, &[(0, 10)], &format!("ponte topic_id={id}")).await;
        };
        old_position(&group).await;

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

        let terminals = unique("terminal");
        old_position(&terminals).await;
        let mut terminal = consume(&servers, &topic, &terminals, &["--count", "2"]);
        assert_eq!(terminal.exit_code().await, 0);
        let (out, err) = terminal.all_output().await;
        assert!(out.ends_with("← Consumato: new\n← Consumato: new\n"), "{out}");
        assert!(err.contains(&topic) && err.contains("deleted and created again after offset 10"), "{err}");
        assert_eq!(committed(&servers, &terminals, &topic).await, [(0, 2)].into(), "a position in the new topic");
    }
}

#[tokio::test]
async fn committed_position_carries_the_id_of_its_topic() {
    let Some(kafka) = Kafka::current().await else { return };
    let servers = kafka.bootstrap_servers().expect("real Kafka has an address");
    let (topic, group) = (kafka.topic("noted").await, unique("group"));
    let bridge = Bridge::start().on(&kafka).await;
    let mut client = bridge.client().await;
    client.write(messaggi(&topic, 10)).await;
    let note = format!("ponte topic_id={}", topic_id(&kafka, &topic).await);
    let read = client.subscribe(&Watch::group(&topic, &group)).await;
    client.records(read, 10).await;
    client.flow(read, 3, 100).await;
    while client.expect::<Committed>().await.positions[0].offset.0 < 3 {}
    assert_eq!(committed_note(&servers, &group, &topic, 0).await, note, "where a page reads");

    // Other clients commit without metadata.
    let (read, moved) = (unique("read"), unique("moved"));
    for group in [&read, &moved] {
        commit(&servers, group, &topic, &[(0, 4)]).await;
        assert_eq!(committed_note(&servers, group, &topic, 0).await, "");
    }
    assert_eq!(consume(&servers, &topic, &read, &["--count", "2"]).exit_code().await, 0);
    assert_eq!(committed(&servers, &read, &topic).await, [(0, 6)].into());
    assert_eq!(committed_note(&servers, &read, &topic, 0).await, note, "where the terminal reads");
    let (code, said) = reset(&servers, &moved, &topic, &["--to-offset", "5", "--execute"]).await;
    assert_eq!(code, 0, "{said}");
    assert_eq!(committed(&servers, &moved, &topic).await, [(0, 5)].into());
    assert_eq!(committed_note(&servers, &moved, &topic, 0).await, note, "after a reset");
}

/// As Kafka's own tool prints it.
async fn topic_id(kafka: &Kafka, topic: &str) -> String {
    let described = kafka.tool(TOPIC_TOOL, &["--describe", "--topic", topic]).await;
    let id = described.split("TopicId: ").nth(1).and_then(|rest| rest.split_whitespace().next());
    id.unwrap_or_else(|| panic!("no id: {described}")).to_owned()
}

fn consume(servers: &str, topic: &str, group: &str, more: &[&str]) -> Program {
    let args = ["consume", "--bootstrap-servers", servers, "--topic", topic, "--group", group];
    Program::bridge(&[&args, more].concat())
}

/// `bridge groups reset`: its exit code, and what it said.
async fn reset(servers: &str, group: &str, topic: &str, more: &[&str]) -> (i32, String) {
    let args = ["groups", "reset", "--bootstrap-servers", servers, "--group", group, "--topic", topic];
    let mut program = Program::bridge(&[&args, more].concat());
    let code = program.exit_code().await;
    let (out, err) = program.all_output().await;
    (code, out + &err)
}

on_every_kafka! {
    async fn terminal_stops_at_a_committed_offset_beyond_the_end(kafka: Kafka) {
        let (topic, group) = (kafka.topic("beyond").await, unique("group"));
        let bridge = Bridge::start().on(&kafka).topic(&topic).await;
        let servers = bridge.bootstrap_servers().await;
        bridge.client().await.write(messaggi(&topic, 10)).await;
        commit(&servers, &group, &topic, &[(0, 1000)]).await;

        for more in [&[][..], &["--start", "latest"], &["--no-commit"]] {
            let mut consumer = consume(&servers, &topic, &group, more);
            assert_eq!(consumer.exit_code().await, 1, "{more:?}");
            let (out, err) = consumer.all_output().await;
            assert_eq!(out, format!("In ascolto su '{topic}'...\n"), "{more:?}: no record is read");
            let told = err.lines().find(|line| line.starts_with("error: ")).unwrap_or_else(|| panic!("{err}"));
            for part in [
                format!("the group \"{group}\""),
                format!("the topic \"{topic}\""),
                "committed offset in partition 0 is 1000, but the partition begins at 0 and ends at 10".to_owned(),
                format!("bridge groups reset --group {group} --topic {topic}:0 --to-earliest --execute"),
            ] {
                assert!(told.contains(&part), "{more:?}: {part} in {told}");
            }
            assert_eq!(committed(&servers, &group, &topic).await, [(0, 1000)].into(), "{more:?}");
        }

        if kafka.is_demo() {
            // The demo broker does not support resets.
            return;
        }
        let (code, said) = reset(&servers, &group, &format!("{topic}:0"), &["--to-earliest", "--execute"]).await;
        assert_eq!(code, 0, "what the error says to do: {said}");
        let mut consumer = consume(&servers, &topic, &group, &["--count", "10"]);
        assert_eq!(consumer.exit_code().await, 0);
        assert!(consumer.stdout.text().contains("messaggio 0"), "{}", consumer.stdout.text());
        assert_eq!(committed(&servers, &group, &topic).await, [(0, 10)].into());
    }

    async fn terminal_begins_at_start_in_each_partition_without_a_committed_offset(kafka: Kafka) {
        let (topic, group) = (kafka.topic_with("mixed-starts", 4).await, unique("group"));
        // The demo broker gives four partitions to every topic but its first.
        let bridge = Bridge::start().on(&kafka).await;
        let servers = bridge.bootstrap_servers().await;
        let both = |partition| ["first", "second"].map(|value| text_record(&topic, value).on_partition(partition));
        bridge.client().await.write((0..4).flat_map(both).collect()).await;
        commit(&servers, &group, &topic, &[(1, 1), (2, 2)]).await;

        // Both records of partitions 0 and 3, one of partition 1, none of partition 2.
        let mut consumer = consume(&servers, &topic, &group, &["--count", "5"]);
        assert_eq!(consumer.exit_code().await, 0);
        let printed = consumer.all_output().await.0;
        let count = |value: &str| printed.lines().filter(|line| line.ends_with(value)).count();
        assert_eq!((count("first"), count("second")), (2, 3), "{printed}");
        assert_eq!(committed(&servers, &group, &topic).await, [(0, 2), (1, 2), (2, 2), (3, 2)].into());
    }
}

on_every_kafka! {
    real
    async fn terminal_reports_records_deleted_by_retention_and_continues(kafka: Kafka) {
        let (topic, group) = (kafka.topic("deleted").await, unique("group"));
        let bridge = Bridge::start().on(&kafka).await;
        let servers = bridge.bootstrap_servers().await;
        let mut client = bridge.client().await;
        client.write(messaggi(&topic, 10)).await;
        assert_eq!(consume(&servers, &topic, &group, &["--count", "3"]).exit_code().await, 0);
        delete_records_before(&servers, &topic, 0, 7).await;

        let mut consumer = consume(&servers, &topic, &group, &[]);
        consumer.logged("records 3 to 6 of partition 0 were deleted before they were read").await;
        consumer.line().await;
        for id in 7..10 {
            consumer.expect_line(&format!("← Consumato: {{\"id\": {id}, \"text\": \"messaggio {id}\"}}")).await;
        }
        eventually("a position that moved on", async || {
            (committed(&servers, &group, &topic).await == [(0, 10)].into()).then_some(())
        })
        .await;

        // The same while the consumer runs: it is stopped and misses records.
        consumer.signal(Signal::SIGSTOP);
        // A fetch that waits at the broker returns this record; the stopped consumer sends no other fetch.
        client.write(vec![text_record(&topic, "at 10")]).await;
        client.write((11..20).map(|offset| text_record(&topic, &format!("at {offset}"))).collect()).await;
        delete_records_before(&servers, &topic, 0, 15).await;
        consumer.signal(Signal::SIGCONT);
        consumer.logged(" to 14 of partition 0 were deleted before they were read").await;
        for offset in 15..20 {
            let mut line = consumer.line().await;
            if line.ends_with("at 10") {
                line = consumer.line().await;
            }
            assert_eq!(line, format!("← Consumato: at {offset}"));
        }
        consumer.ctrl_c();
        assert_eq!(consumer.exit_code().await, 0);
        assert_eq!(committed(&servers, &group, &topic).await, [(0, 20)].into());
    }
}
