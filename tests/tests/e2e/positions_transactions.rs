//! Positions while a transaction is open, aborted or committed: nobody is moved by looking, and every view and every reset
//! counts as Kafka's own tools do.

use protocol::{
    Assigned, Fetch, Fetched, Gap, GroupRequest, GroupResult, Offset, PlanOffsetReset, PlanOffsetResetResult,
    ProduceRecord, ProduceWaiting, RecordsWaiting, ResetTarget, TopicRequest, TopicResult, TopicsRequest, TopicsResult,
    WaitReason,
};
use tests::client::{RecordExt, text_record};
use tests::kafka::{commit, committed};
use tests::transaction::Transaction;
use tests::{Bridge, Client, Kafka, Watch, eventually, unique};

const GROUP_TOOL: &str = "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand";
const OFFSET_TOOL: &str = "org.apache.kafka.tools.GetOffsetShell";
/// Its own five seconds are short beside a compiler.
const TOOL_TIMEOUT_MS: &str = "30000";

/// Records of each partition before the transaction, and in it.
const BEFORE: i64 = 20;
const INSIDE: i64 = 5;
const END: i64 = BEFORE + INSIDE;

/// A topic whose partitions have [`BEFORE`] records each, and [`INSIDE`] more in a transaction.
struct World {
    kafka: Kafka,
    servers: String,
    topic: String,
    partitions: i32,
    bridge: Bridge,
    client: Client,
    transaction: Transaction,
}

impl World {
    async fn new(partitions: i32) -> Option<Self> {
        let kafka = Kafka::current().await?;
        let servers = kafka.bootstrap_servers()?;
        let topic = kafka.topic_with("stable", partitions).await;
        let bridge = Bridge::start().on(&kafka).await;
        let mut client = bridge.client().await;
        let before = usize::try_from(BEFORE).expect("small");
        client.write((0..partitions).flat_map(|partition| records(&topic, partition, before)).collect()).await;
        let inside = usize::try_from(INSIDE).expect("small");
        let transaction = Transaction::begin(&servers, &topic, partitions, inside).await;
        Some(Self { kafka, servers, topic, partitions, bridge, client, transaction })
    }

    /// A group that has read everything, as a consumer with `isolation.level=read_uncommitted` does.
    async fn group_at(&self, offset: i64) -> String {
        let group = unique("group");
        let positions: Vec<(i32, i64)> = (0..self.partitions).map(|partition| (partition, offset)).collect();
        commit(&self.servers, &group, &self.topic, &positions).await;
        group
    }

    /// Every partition at the same offset.
    fn each_at(&self, offset: i64) -> std::collections::BTreeMap<i32, i64> {
        (0..self.partitions).map(|partition| (partition, offset)).collect()
    }

    async fn committed(&self, group: &str) -> std::collections::BTreeMap<i32, i64> {
        committed(&self.servers, group, &self.topic).await
    }
}

fn records(topic: &str, partition: i32, count: usize) -> impl Iterator<Item = ProduceRecord> {
    (0..count).map(move |id| text_record(topic, &id.to_string()).on_partition(partition))
}

/// Where the partitions of the next assignment start.
async fn starts(client: &mut Client) -> std::collections::BTreeMap<i32, i64> {
    let assigned = client.expect::<Assigned>().await;
    assigned.partitions.into_iter().map(|at| (at.partition, at.offset.0)).collect()
}

async fn group_behind_an_open_transaction_is_left_alone(partitions: i32) {
    let Some(mut world) = World::new(partitions).await else { return };
    let (topic, each) = (world.topic.clone(), usize::try_from(partitions).expect("small"));
    let group = world.group_at(END).await;
    for watch in [Watch::group(&topic, &group).latest(), Watch::group(&topic, &group)] {
        let mut page = world.bridge.client().await;
        let watch = page.subscribe(&watch).await;
        assert_eq!(starts(&mut page).await, world.each_at(END), "it starts where it has committed");
        page.nothing::<Gap>(std::time::Duration::from_millis(700)).await;
        assert!(page.unsubscribe(watch).await.is_empty(), "nothing is read again");
    }
    assert_eq!(world.committed(&group).await, world.each_at(END), "joining commits nothing");

    // It goes on when the transaction ends, behind its marker.
    let mut page = world.bridge.client().await;
    let watch = page.subscribe(&Watch::group(&topic, &group)).await;
    starts(&mut page).await;
    world.transaction.commit().await;
    let written =
        world.client.write((0..partitions).flat_map(|partition| records(&topic, partition, 1)).collect()).await;
    let mut got: Vec<(i32, i64)> = page.records(watch, each).await.iter().map(|record| record.place()).collect();
    got.sort_unstable();
    assert_eq!(got, written);
    // Kafka writes the transaction's marker in its own time: before the record or after it.
    assert!(got.iter().all(|(_, offset)| (END..=END + 1).contains(offset)), "{got:?}");
    page.flow(watch, u64::try_from(each).expect("small"), 100).await;
    let read = got.iter().map(|(partition, offset)| (*partition, offset + 1)).collect();
    eventually("the commit", async || (world.committed(&group).await == read).then_some(())).await;
}

#[tokio::test]
async fn group_behind_an_open_transaction_is_left_alone_with_1_partition() {
    group_behind_an_open_transaction_is_left_alone(1).await;
}

#[tokio::test]
async fn group_behind_an_open_transaction_is_left_alone_with_9_partitions() {
    group_behind_an_open_transaction_is_left_alone(9).await;
}

async fn every_view_counts_to_the_high_watermark_as_kafkas_tools_do(partitions: i32) {
    let Some(mut world) = World::new(partitions).await else { return };
    let (topic, group, count) =
        (world.topic.clone(), world.group_at(BEFORE - 3).await, u64::try_from(partitions).expect("small"));

    let seen: GroupResult = world.client.ask(GroupRequest { group: group.clone() }).await;
    let lags: Vec<_> = seen.positions.iter().map(|at| (at.end.0, at.lag)).collect();
    assert_eq!(lags, vec![(END, 8); lags.len()]);
    assert_eq!((lags.len() as u64, seen.lag), (count, 8 * count));
    let theirs = world.kafka.tool(GROUP_TOOL, &["--timeout", TOOL_TIMEOUT_MS, "--describe", "--group", &group]).await;
    let rows = theirs.lines().filter(|line| line.contains(&topic));
    let rows: Vec<Vec<&str>> = rows.map(|line| line.split_whitespace().skip(3).take(3).collect()).collect();
    assert_eq!(rows, vec![["17", "25", "8"]; lags.len()], "{theirs}");

    let described: TopicResult = world.client.ask(TopicRequest { name: topic.clone() }).await;
    let ends: Vec<_> = described.partitions.iter().map(|one| (one.low.0, one.high.0)).collect();
    assert_eq!(ends, vec![(0, END); ends.len()]);
    let listed: TopicsResult = world.client.ask(TopicsRequest {}).await;
    let listed = listed.topics.into_iter().find(|listed| listed.name == topic).expect("it is listed");
    assert_eq!(listed.records, Some(count * u64::try_from(END).expect("small")));
    let theirs = world.kafka.tool(OFFSET_TOOL, &["--topic", &topic]).await;
    assert!((0..partitions).all(|partition| theirs.contains(&format!("{topic}:{partition}:{END}"))), "{theirs}");

    let future = 4_000_000_000_000;
    for (to, words, target, reread, skipped) in [
        (ResetTarget::Earliest, None, 0, 17, 0),
        (ResetTarget::Latest, Some(&["--to-latest"][..]), END, 0, 8),
        (ResetTarget::Offset(Offset(23)), Some(&["--to-offset", "23"][..]), 23, 0, 6),
        (ResetTarget::Shift(7), Some(&["--shift-by", "7"][..]), 24, 0, 7),
        (ResetTarget::Shift(700), None, END, 0, 8),
        (ResetTarget::Timestamp(future), Some(&["--to-datetime", "2096-10-02T07:06:40.000"][..]), END, 0, 8),
    ] {
        let request = PlanOffsetReset {
            group: group.clone(),
            topics: vec![topic.clone()],
            partitions: Vec::new(),
            to: to.clone(),
        };
        let planned: PlanOffsetResetResult = world.client.ask(request).await;
        let moves: Vec<_> = planned.plan.changes.iter().map(|one| (one.to.0, one.reread, one.skipped)).collect();
        assert_eq!(moves, vec![(target, reread, skipped); moves.len()], "{to:?}");
        // A run of the tool takes seconds.
        let (Some(words), 1) = (words, partitions) else { continue };
        let dry = ["--timeout", TOOL_TIMEOUT_MS, "--reset-offsets", "--dry-run", "--topic", &topic, "--group", &group];
        let theirs = world.kafka.tool(GROUP_TOOL, &[&dry[..], words].concat()).await;
        // Not the tool's warning that no record is that new.
        let row = theirs.lines().find(|line| line.starts_with(&group)).unwrap_or_else(|| panic!("{theirs}"));
        assert_eq!(row.split_whitespace().nth(3), Some(target.to_string().as_str()), "{to:?}: {theirs}");
    }

    // A group at the end reads again what it is sent back over.
    let ahead = world.group_at(END).await;
    let request = PlanOffsetReset {
        group: ahead,
        topics: vec![topic],
        partitions: Vec::new(),
        to: ResetTarget::Offset(Offset(23)),
    };
    let planned: PlanOffsetResetResult = world.client.ask(request).await;
    assert!(planned.plan.changes.iter().all(|one| (one.reread, one.clamped) == (2, false)), "{planned:?}");
}

#[tokio::test]
async fn every_view_counts_to_the_high_watermark_as_kafkas_tools_do_with_1_partition() {
    every_view_counts_to_the_high_watermark_as_kafkas_tools_do(1).await;
}

#[tokio::test]
async fn every_view_counts_to_the_high_watermark_as_kafkas_tools_do_with_9_partitions() {
    every_view_counts_to_the_high_watermark_as_kafkas_tools_do(9).await;
}

/// With one partition and with nine, which used to be asked about in two ways that meant different ends.
async fn tails_and_ranges_end_at_the_last_stable_offset(partitions: i32) {
    let Some(mut world) = World::new(partitions).await else { return };
    let (topic, each) = (world.topic.clone(), usize::try_from(partitions).expect("small"));
    let fresh = unique("fresh");
    for (watch, start) in [
        (Watch::tail(&topic).latest(), BEFORE),
        (Watch::tail(&topic).last(3), BEFORE - 3),
        (Watch::group(&topic, &fresh).latest(), BEFORE),
        (Watch::tail(&topic), 0),
    ] {
        let subscription = world.client.subscribe(&watch).await;
        assert_eq!(starts(&mut world.client).await, world.each_at(start), "{watch:?}");
        let visible = usize::try_from(BEFORE - start).expect("small") * each;
        let got = world.client.records(subscription, visible).await;
        assert!(got.iter().all(|record| record.offset() < BEFORE), "{watch:?}");
        world.client.unsubscribe(subscription).await;
    }

    let range = |from, to| Fetch { topic: topic.clone(), partition: 0, from: Offset(from), to: Offset(to) };
    let offsets = |fetched: &Fetched| fetched.records.iter().map(|record| record.offset.0).collect::<Vec<_>>();
    let across: Fetched = world.client.ask(range(BEFORE - 2, END)).await;
    assert_eq!((offsets(&across), across.next.0), (vec![BEFORE - 2, BEFORE - 1], BEFORE), "it stops where it waits");
    assert_eq!(across.waits_from, Some(Offset(BEFORE)));
    let link: Fetched = world.client.ask(range(BEFORE + 2, BEFORE + 3)).await;
    assert_eq!((offsets(&link), link.next.0, link.waits_from), (vec![], BEFORE + 2, Some(Offset(BEFORE))));
    let before: Fetched = world.client.ask(range(0, BEFORE)).await;
    assert_eq!((before.records.len() as i64, before.next.0, before.waits_from), (BEFORE, BEFORE, None));

    world.transaction.commit().await;
    let link: Fetched = eventually("the record behind the link", async || {
        let link: Fetched = world.bridge.client().await.ask(range(BEFORE + 2, BEFORE + 3)).await;
        (!link.records.is_empty()).then_some(link)
    })
    .await;
    assert_eq!((offsets(&link), link.next.0, link.waits_from), (vec![BEFORE + 2], BEFORE + 3, None));
}

#[tokio::test]
async fn tails_and_ranges_end_at_the_last_stable_offset_with_1_partition() {
    tails_and_ranges_end_at_the_last_stable_offset(1).await;
}

#[tokio::test]
async fn tails_and_ranges_end_at_the_last_stable_offset_with_9_partitions() {
    tails_and_ranges_end_at_the_last_stable_offset(9).await;
}

#[tokio::test]
async fn records_behind_an_open_transaction_are_said_to_wait_until_it_ends() {
    let Some(mut world) = World::new(2).await else { return };
    let (topic, group) = (world.topic.clone(), unique("group"));
    let mut tail = world.bridge.client().await;
    tail.subscribe(&Watch::tail(&topic).latest()).await;
    let mut member = world.bridge.client().await;
    let read = member.subscribe(&Watch::group(&topic, &group)).await;
    member.records(read, usize::try_from(2 * BEFORE).expect("small")).await;
    for client in [&mut tail, &mut member] {
        let waiting = client.expect::<RecordsWaiting>().await;
        let places: Vec<_> =
            waiting.partitions.iter().map(|one| (one.topic.as_str(), one.partition, one.offset.0, one.end.0)).collect();
        assert_eq!(places, [(topic.as_str(), 0, BEFORE, END), (topic.as_str(), 1, BEFORE, END)]);
    }

    // Sent, acknowledged, and not visible.
    assert_eq!(world.client.write(records(&topic, 1, 1).collect()).await, [(1, END)]);
    let told = world.client.expect::<ProduceWaiting>().await;
    assert_eq!((told.topic.as_str(), told.partition, told.reason), (topic.as_str(), 1, WaitReason::OpenTransaction));
    assert_eq!(told.offset, Some(Offset(BEFORE)));
    assert!(told.message.starts_with("not visible yet: an open transaction began at offset 20"), "{}", told.message);
    world.client.write(records(&topic, 1, 1).collect()).await;
    world.client.nothing::<ProduceWaiting>(std::time::Duration::from_millis(2500)).await;

    world.transaction.abort().await;
    for client in [&mut tail, &mut member] {
        while !client.expect::<RecordsWaiting>().await.partitions.is_empty() {}
    }
    let got: Vec<_> = member.records(read, 2).await.iter().map(|record| record.place()).collect();
    assert_eq!(got, [(1, END), (1, END + 1)], "what was aborted is not read");
    // Aborted records and the marker lie between the last record and the end; nothing waits there.
    let mut late = world.bridge.client().await;
    late.subscribe(&Watch::tail(&topic).at(0, BEFORE)).await;
    late.nothing::<RecordsWaiting>(std::time::Duration::from_millis(1800)).await;
}

#[tokio::test]
async fn group_among_the_records_of_a_transaction_that_is_over_is_left_alone() {
    for aborted in [false, true] {
        let Some(world) = World::new(1).await else { return };
        let (topic, inside, end) =
            (world.topic.clone(), world.group_at(BEFORE + 2).await, world.group_at(END + 1).await);
        if aborted {
            world.transaction.abort().await;
        } else {
            world.transaction.commit().await;
        }
        let mut page = world.bridge.client().await;
        let read = page.subscribe(&Watch::group(&topic, &end).latest()).await;
        assert_eq!(starts(&mut page).await, [(0, END + 1)].into(), "behind the marker");
        page.nothing::<Gap>(std::time::Duration::from_millis(500)).await;
        page.unsubscribe(read).await;
        let read = page.subscribe(&Watch::group(&topic, &inside).latest()).await;
        assert_eq!(starts(&mut page).await, [(0, BEFORE + 2)].into());
        let visible = if aborted { 0 } else { 3 };
        assert_eq!(page.records(read, visible).await.len(), visible);
        page.nothing::<Gap>(std::time::Duration::from_millis(500)).await;
        assert_eq!(committed(&world.servers, &inside, &topic).await, [(0, BEFORE + 2)].into());
    }
}
